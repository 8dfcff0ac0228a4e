"""Tells somebody who is not there from an operation that is not there: both are answered with 404.

No 404 is believed for what it says alone, nor for what was answered before: an operation may end while it is used. So
each time somebody who is there is asked for in the same way, now; and of a change, what it names is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.actito import forms
from auditor.actito.address import one_profile
from auditor.actito.answers import Answer
from auditor.actito.connection import Connection
from auditor.actito.errors import Discontinued, NotFound, Refused
from auditor.actito.profiles import Profiles
from auditor.actito.results import ProfileRef
from auditor.actito.tables import structure
from auditor.model import Structure

_LOOKED_AT: Final = 20
"""Profiles among which somebody with a value of the attribute is looked for."""
_ASKED_FOR: Final = 3
"""So many of them, one after the other: those who are listed may just have been deleted."""


def require_missing(connection: Connection, table: Structure, by: ProfileRef, missing: NotFound) -> None:
    """Returns where it is the profile that is not there; Discontinued where nobody can be asked for in this way now."""
    witness = connection.witnesses.get(_way(table, by))
    if witness == by:
        connection.witnesses.pop(_way(table, by), None)
    elif witness is not None and _is_found(connection, table, witness):
        return
    asked = [by, witness]
    for _ in range(_ASKED_FOR):
        try:
            there = people(connection, table).all(by)
        except NotFound:
            _require_empty(connection, table, missing)
            return
        if not there:
            return
        sample = next((one for one in there if one not in asked), None)
        if sample is None:
            break
        if _is_found(connection, table, sample):
            return
        asked.append(sample)
    raise _names_or_operation(connection, table, asked[-1] or by, missing)


def seen(connection: Connection, table: Structure, by: ProfileRef) -> None:
    """Remembers somebody who was there, to be asked for where somebody else is not: the first, once for all."""
    connection.witnesses.setdefault(_way(table, by), by)


def _way(table: Structure, by: ProfileRef) -> tuple[str, str]:
    return table.table, by[0] if isinstance(by, tuple) else ""


def of_write(
    connection: Connection,
    table: Structure,
    profile_id: str,
    missing: NotFound,
    values: Mapping[str, str | None] | None = None,
) -> NotFound | Refused | Discontinued:
    """What a 404 means that answered a change: the profile is gone, or what the values name, or the operation."""
    try:
        connection.dialect.profiles.read(connection, without_names(table), profile_id)
    except NotFound as unread:
        require_missing(connection, table, profile_id, unread)
        return NotFound(f'the profile in "{table.table}" that was to be changed or deleted')
    left = structure(connection, table.table)
    gone = tuple((column, "not_in_table") for column, value in (values or {}).items() if not _has(left, column, value))
    return Refused(missing.name[-1], gone) if gone else Discontinued.instead_of(missing)


def of_table(connection: Connection, table: Structure, missing: NotFound) -> NotFound | Discontinued:
    """What a 404 means where nothing but a table is named that was there: that it is gone, or else the operation."""
    try:
        structure(connection, table.table)
    except NotFound as gone:
        return gone
    except Discontinued:
        pass
    return Discontinued.instead_of(missing)


def _has(table: Structure, column: str, value: str | None) -> bool:
    segmentation = table.segmentation(column)
    if segmentation is not None and segmentation.exclusive and value is not None:
        return value in segmentation.segments
    return column in table.columns


def _is_found(connection: Connection, table: Structure, by: ProfileRef) -> bool:
    try:
        connection.dialect.profiles.read(connection, table, by)
    except NotFound:
        connection.witnesses.pop(_way(table, by), None)
        return False
    seen(connection, table, by)
    return True


def _require_empty(connection: Connection, table: Structure, missing: NotFound) -> None:
    """Where nobody can be listed, and nobody is known, only a table without anybody says that somebody is not there."""
    try:
        number = connection.dialect.profiles.count(connection, table)
    except NotFound:
        number = None
    if number != 0:
        raise Discontinued.instead_of(missing)


@dataclass(frozen=True, slots=True)
class People:
    """Profiles that are there."""

    _listed: Sequence[tuple[Answer, Mapping[str, object]]] = field(repr=False)
    """Each with the answer that it is a part of."""

    def all(self, like: ProfileRef) -> list[ProfileRef]:
        """How to ask for each of them as `like` is asked for: by the attribute, where it has one, or by profileId."""
        if not isinstance(like, tuple):
            return [answer.part(forms.profile_id, item) for answer, item in self._listed]
        values = (answer.part(forms.attribute, item, like[0]) for answer, item in self._listed)
        return [(like[0], value) for value in values if value]

    def somebody(self, attribute: str | None = None) -> ProfileRef | None:
        """How to ask for one of them: by an attribute, or by profileId. None where there is nobody to ask for so."""
        return next(iter(self.all("" if attribute is None else (attribute, ""))), None)


def people(connection: Connection, table: Structure, profiles: Profiles | None = None) -> People:
    """Some of the table, the first that it lists; nobody where it is empty. In the generation of `profiles`, else in
    the connection's own.
    """
    answer = (profiles or connection.dialect.profiles).some(connection, table, _LOOKED_AT)
    return People([(answer, item) for item in answer.read_as(forms.page)])


def _names_or_operation(
    connection: Connection, table: Structure, there: ProfileRef, missing: NotFound
) -> NotFound | Discontinued:
    """Why somebody who is there is not found: what was asked for by name is not there any more, or the operation, which
    may be the one of a section's own address.
    """
    try:
        connection.dialect.profiles.read(connection, without_names(table), there)
    except NotFound:
        return Discontinued.instead_of(missing)
    if missing.name[-1] != one_profile(there):
        return Discontinued.instead_of(missing)
    return NotFound(f'a subscription or a segmentation that the profile table "{table.table}" had')


def without_names(table: Structure) -> Structure:
    """Leaves out what an answer has to be asked for by name: the table may not have it any more."""
    return replace(table, subscriptions=(), segmentations=())
