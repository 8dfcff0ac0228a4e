"""Which generation of the API a licence answers, operation by operation; asks without changing anything.

Whether a change would be taken is asked by OPTIONS, which Actito may not answer: then only a change tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from auditor.actito import definitions, forms
from auditor.actito.answers import Call
from auditor.actito.connection import Connection
from auditor.actito.dialect import DIALECTS, Dialect
from auditor.actito.ending import Announcement
from auditor.actito.errors import (
    ActitoError,
    Discontinued,
    NotAcceptable,
    NotAllowed,
    NotFound,
    Refused,
    UnexpectedAnswer,
)
from auditor.actito.pages import whole_list
from auditor.actito.profiles import Profiles
from auditor.actito.profiles_v5 import page
from auditor.actito.results import ProfileRef, Table
from auditor.actito.routes import People, people
from auditor.actito.tables import identified
from auditor.model import Structure

Answers = Mapping[str, bool | None]
"""`v5` and `v4`, as far as they were asked: whether the operation is there; None where that is not told."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that the auditor uses."""

    name: str
    without: str
    """What fails without it, or is not known."""
    needed: bool
    """Whether a command fails without it; else it only tells or does less."""
    answers: Answers
    announced: tuple[Announcement, ...]
    """What was announced to end when it was asked about in the generation that is used."""

    def there(self, dialect: str) -> bool | None:
        """Whether it is there in the generation that this dialect uses for it; None where that is not told."""
        return self.answers.get(dialect, next(iter(self.answers.values())))


def readings(connection: Connection, table: Structure, dialect: str) -> list[Operation]:
    """What audits, plans and reading back ask, in the generation of `dialect`; in the other one where that is V5, or
    where this one does not answer. Raises ActitoError where the platform cannot be asked.
    """
    entity, table = connection.entity, _with_id(connection, table)
    before = set(connection.announced)
    there = _people(connection, table)
    of_list = tuple(one for name, one in connection.announced.items() if name not in before)
    names = [one.name for one in table.attributes if one.unique and not one.technical]
    by_attribute = next((known for name in names if (known := there.somebody(name))), None)

    def read(by: ProfileRef | None) -> Callable[[Dialect], object]:
        return lambda of: _require(by) and of.profiles.read(connection, table, by or "")

    asking = _Asking(connection, dialect)
    listing = asking.alone(
        "a page of profiles",
        "how the licence spells values is not learned, and of nobody is it sure that they are gone",
        "v5",
        lambda: connection.read(page(entity, table, 0, 1)).read_as(forms.page),
    )
    return [
        asking.in_turn(
            "one profile by its profileId",
            "apply, fix and undo cannot compare before a write nor read back after it",
            read(there.somebody()),
        ),
        asking.in_turn(
            "one profile by a unique attribute",
            "whether somebody is there already is not known, so nobody is created",
            read(by_attribute),
        ),
        asking.in_turn(
            "the number of profiles",
            "an incomplete export is not noticed",
            lambda of: _require(of.profiles.count(connection, table)),
        ),
        replace(listing, announced=(*of_list, *listing.announced)),
        asking.alone(
            "stored import definitions",
            "who else writes into the table is not known",
            "v5",
            lambda: whole_list(connection, connection.dialect.definitions("GET", entity), definitions.definitions),
        ),
        asking.alone(
            "scenarios",
            "what a write may start is not known",
            "v4",
            lambda: whole_list(connection, connection.dialect.scenarios(entity, table), forms.scenarios),
        ),
    ]


def writings(connection: Connection, table: Structure, dialect: str) -> list[Operation]:
    """What apply, fix, undo and changes of the structure send, and what follows an import, as `readings`."""
    table = _with_id(connection, table)
    entity, known = connection.entity, _people(connection, table).somebody()
    someone = str(known or 1)

    @cache
    def unread(of: Dialect) -> ActitoError | None:
        try:
            if known is not None:
                of.profiles.read(connection, table, known)
        except UnexpectedAnswer:
            return None
        except ActitoError as trouble:
            return trouble
        return None

    def of_profiles(call: Callable[[Profiles], Call]) -> Callable[[Dialect], object]:
        def ask(of: Dialect) -> None:
            if trouble := unread(of):  # where this is gone, changes are too
                raise trouble
            _taken(connection, call(of.profiles))

        return ask

    dialect_of, asking = connection.dialect, _Asking(connection, dialect)
    return [
        asking.in_turn(
            "the change of a profile",
            "nothing is corrected one by one",
            of_profiles(lambda of: of.change(entity, table, someone)),
        ),
        asking.in_turn(
            "the creation of a profile",
            "nobody is created one by one",
            of_profiles(lambda of: of.creation(entity, table)),
        ),
        asking.in_turn(
            "the deletion of a profile",
            "nobody is deleted, and no creation undone",
            of_profiles(lambda of: of.deletion(entity, table, someone)),
        ),
        asking.in_turn(
            "an import",
            "nothing is corrected by file",
            lambda of: _taken(connection, of.start_import(entity, table)),
        ),
        asking.in_turn(
            "the state of an import",
            "what became of an import shows in the next export alone",
            lambda of: _taken(connection, *of.execution(entity, _SOME)),
            needed=False,
        ),
        asking.in_turn(
            "the refused rows of an import",
            "which rows were refused shows in the next export alone",
            lambda of: _taken(connection, of.refused_rows(entity, _SOME)),
            needed=False,
        ),
        asking.alone(
            "a change of the structure",
            "auditor structure apply adds nothing",
            "v5",
            lambda: _taken(connection, dialect_of.change_request(entity, Table(table.table_id, table.table))),
        ),
        asking.alone(
            "a new profile table",
            "auditor structure apply creates no table",
            "v5",
            lambda: _taken(connection, dialect_of.new_table(entity)),
        ),
    ]


_SOME: Final = "1"
"""Any import: an address takes the same of each."""


class _NotTold(Exception):
    """The platform does not say."""


_OTHER: Final = {"v5": "v4", "v4": "v5"}


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks about one operation after the other."""

    connection: Connection
    dialect: str

    def in_turn(self, name: str, without: str, ask: Callable[[Dialect], object], *, needed: bool = True) -> Operation:
        """An operation of both generations. V4 is asked only where somebody uses it, or where V5 does not answer."""
        there, announced = self._watched(lambda: ask(DIALECTS[self.dialect]))
        answers = {self.dialect: there}
        if self.dialect == "v4" or there is False:
            other = _OTHER[self.dialect]
            answers[other] = _there(lambda: ask(DIALECTS[other]))
        return Operation(name, without, needed, answers, announced)

    def alone(self, name: str, without: str, generation: str, ask: Callable[[], object]) -> Operation:
        """An operation of one generation, which no command needs."""
        there, announced = self._watched(ask)
        return Operation(name, without, False, {generation: there}, announced)

    def _watched(self, ask: Callable[[], object]) -> tuple[bool | None, tuple[Announcement, ...]]:
        before = set(self.connection.announced)
        there = _there(ask)
        return there, tuple(one for name, one in self.connection.announced.items() if name not in before)


def _there(ask: Callable[[], object]) -> bool | None:
    """Raises ActitoError where the platform cannot be asked at all."""
    try:
        ask()
    except (NotFound, Discontinued):
        return False
    except (_NotTold, NotAllowed, NotAcceptable, Refused, UnexpectedAnswer):
        return None
    return True


def _require(known: object) -> bool:
    if known is None:
        raise _NotTold
    return True


def _taken(connection: Connection, *calls: Call) -> None:
    """Raises Discontinued where one of the addresses says that it does not take the method."""
    for call in calls:
        methods = connection.methods(call)
        _require(methods)
        if call.method not in (methods or ()):
            raise Discontinued(call.what, call.generation)


def _with_id(connection: Connection, table: Structure) -> Structure:
    """V5's addresses name a table by its id, which V4 does not tell."""
    try:
        return replace(table, table_id=identified(connection, table).id)
    except (NotFound, Discontinued, UnexpectedAnswer):
        return table


def _people(connection: Connection, table: Structure) -> People:
    """Profiles that are there, for asking about; nobody where there is no list, in V4 neither."""
    for dialect in (connection.dialect, DIALECTS["v4"]):
        with suppress(NotFound, NotAllowed, Discontinued, Refused, UnexpectedAnswer):
            return people(connection, table, dialect.profiles)
    return People(())
