"""Which generation of the API a licence answers, operation by operation; asks without changing anything.

Whether a change would be taken is asked by OPTIONS, which Actito may not answer: then only a change tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from auditor.actito import definitions, forms
from auditor.actito.answers import Call
from auditor.actito.connection import Connection
from auditor.actito.dialect import DIALECTS, Dialect
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
from auditor.actito.results import ProfileRef
from auditor.actito.routes import People, people
from auditor.actito.tables import identified
from auditor.model import Structure

Answers = Mapping[str, bool | None]
"""`v5` and `v4`, as far as they were asked: whether the operation is there; None where that is not told."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that the auditor needs."""

    name: str
    without: str
    """What fails without it."""
    answers: Answers

    def there(self, dialect: str) -> bool | None:
        """Whether it is there in the generation that this dialect uses for it; None where that is not told."""
        return self.answers.get(dialect, next(iter(self.answers.values())))


def readings(connection: Connection, table: Structure, dialect: str) -> list[Operation]:
    """What audits, plans and reading back ask, in the generation of `dialect`; in the other one where that is V5, or
    where this one does not answer. Raises ActitoError where the platform cannot be asked.
    """
    table = _with_id(connection, table)
    there = _people(connection, table)
    names = [one.name for one in table.attributes if one.unique and not one.technical]
    by_attribute = next((known for name in names if (known := there.somebody(name))), None)

    def read(by: ProfileRef | None) -> Callable[[Dialect], object]:
        return lambda of: _require(by) and of.profiles.read(connection, table, by or "")

    asked: list[tuple[str, str, Callable[[Dialect], object]]] = [
        (
            "one profile by its profileId",
            "apply, fix and undo cannot compare before a write nor read back after it",
            read(there.somebody()),
        ),
        (
            "one profile by a unique attribute",
            "whether somebody is there already is not known, so nobody is created",
            read(by_attribute),
        ),
        (
            "the number of profiles",
            "an incomplete export is not noticed",
            lambda of: _require(of.profiles.count(connection, table)),
        ),
    ]
    found = [Operation(name, without, _in_turn(dialect, ask)) for name, without, ask in asked]
    entity = connection.entity
    alone = [
        (
            "a page of profiles",
            "how the licence spells values is not learned",
            "v5",
            lambda: connection.read(page(entity, table, 0, 1)).read_as(forms.page),
        ),
        (
            "stored import definitions",
            "who else writes into the table is not known",
            "v5",
            lambda: whole_list(connection, connection.dialect.definitions("GET", entity), definitions.definitions),
        ),
        (
            "scenarios",
            "what a write may start is not known",
            "v4",
            lambda: whole_list(connection, connection.dialect.scenarios(entity, table), forms.scenarios),
        ),
    ]
    return [*found, *(Operation(name, without, {of: _there(ask)}) for name, without, of, ask in alone)]


def writings(connection: Connection, table: Structure, dialect: str) -> list[Operation]:
    """What apply, fix and undo send, as `readings`."""
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

    asked: list[tuple[str, str, Callable[[Dialect], object]]] = [
        (
            "the change of a profile",
            "nothing is corrected one by one",
            of_profiles(lambda of: of.change(entity, table, someone)),
        ),
        (
            "the creation of a profile",
            "nobody is created one by one",
            of_profiles(lambda of: of.creation(entity, table)),
        ),
        (
            "the deletion of a profile",
            "nobody is deleted, and no creation undone",
            of_profiles(lambda of: of.deletion(entity, table, someone)),
        ),
        (
            "an import",
            "nothing is corrected by file",
            lambda of: _taken(connection, of.start_import(connection.entity, table)),
        ),
    ]
    return [Operation(name, without, _in_turn(dialect, ask)) for name, without, ask in asked]


class _NotTold(Exception):
    """The platform does not say."""


_OTHER: Final = {"v5": "v4", "v4": "v5"}


def _in_turn(dialect: str, ask: Callable[[Dialect], object]) -> Answers:
    """V4 is asked only where somebody uses it, or where V5 does not answer."""
    answers = {dialect: _there(lambda: ask(DIALECTS[dialect]))}
    if dialect == "v4" or answers[dialect] is False:
        other = _OTHER[dialect]
        answers[other] = _there(lambda: ask(DIALECTS[other]))
    return answers


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


def _taken(connection: Connection, call: Call) -> None:
    """Raises Discontinued where the address says that it does not take the method."""
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
    """Profiles that are there, for asking about; nobody where the list is not there."""
    try:
        return people(connection, table)
    except (NotFound, NotAllowed, Discontinued, Refused, UnexpectedAnswer):
        return People(())
