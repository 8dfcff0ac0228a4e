"""Tells somebody who is not there from an operation that is not there: both are answered with 404.

A 404 is believed of an operation that has answered once on this connection. Before that, somebody who is there is asked
about in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.actito import forms
from auditor.actito.answers import Answer
from auditor.actito.connection import Connection
from auditor.actito.errors import Discontinued, NotFound, Refused
from auditor.actito.profiles import page
from auditor.actito.results import ProfileRef
from auditor.actito.tables import structure
from auditor.model import Structure

_LOOKED_AT: Final = 20
"""Profiles among which somebody with a value of the attribute is looked for."""


def require_missing(connection: Connection, table: Structure, by: ProfileRef, missing: NotFound) -> None:
    """Returns where it is the profile that is not there; Discontinued where nobody can be asked for in this way."""
    if missing.operation in connection.answered:
        return
    attribute = by[0] if isinstance(by, tuple) else None
    asked = None
    while True:
        try:
            sample = people(connection, table).somebody(attribute)
        except NotFound:
            _require_counted(connection, table, missing)
            return
        if sample is None or _is_found(connection, table, sample):
            return
        if sample == asked:  # listed still: it was not deleted before it was asked for
            raise _names_or_operation(connection, table, sample, missing)
        asked = sample


def of_write(
    connection: Connection, table: Structure, profile_id: str, missing: NotFound, columns: Collection[str] = ()
) -> NotFound | Refused | Discontinued:
    """What a 404 means that answered a change: the profile is gone, or what the columns name, or the operation."""
    answered = missing.operation in connection.answered
    if answered and not columns:
        return missing
    try:
        connection.dialect.profiles.read(connection, _bare(table), profile_id)
    except NotFound as unread:
        require_missing(connection, table, profile_id, unread)
        return NotFound(f'the profile in "{table.table}" that was to be changed or deleted')
    left = structure(connection, table.table).columns
    gone = tuple((column, "not_in_table") for column in columns if column not in left)
    if gone:
        return Refused(missing.operation[-1], gone)
    return missing if answered else over(missing)


def of_table(connection: Connection, missing: NotFound) -> NotFound | Discontinued:
    """What a 404 means where nothing but a table is named whose structure was read: the operation is gone, unless it
    answered before.
    """
    return missing if missing.operation in connection.answered else over(missing)


def _is_found(connection: Connection, table: Structure, by: ProfileRef) -> bool:
    try:
        connection.dialect.profiles.read(connection, table, by)
    except NotFound:
        return False
    return True


def _require_counted(connection: Connection, table: Structure, missing: NotFound) -> None:
    """V4's calls end together, and a licence that needs them may have no list in V5: counting tells then."""
    try:
        connection.dialect.profiles.count(connection, table)
    except NotFound:
        raise over(missing) from None


@dataclass(frozen=True, slots=True)
class People:
    """Profiles that are there."""

    _listed: Sequence[tuple[Answer, Mapping[str, object]]] = field(repr=False)
    """Each with the answer that it is a part of."""

    def somebody(self, attribute: str | None = None) -> ProfileRef | None:
        """How to ask for one of them: by an attribute, or by profileId. None where there is nobody to ask for so."""
        if attribute is None:
            return next((answer.part(forms.profile_id, item) for answer, item in self._listed), None)
        values = (answer.part(forms.attribute, item, attribute) for answer, item in self._listed)
        value = next((value for value in values if value), None)
        return None if value is None else (attribute, value)


def people(connection: Connection, table: Structure) -> People:
    """Some of the table, the first that it lists; nobody where it is empty."""
    answer = connection.read(page(connection.entity, table, 0, _LOOKED_AT))
    return People([(answer, item) for item in answer.read_as(forms.page)])


def _names_or_operation(
    connection: Connection, table: Structure, there: ProfileRef, missing: NotFound
) -> NotFound | Discontinued:
    """Why somebody who is there is not found: what was asked for by name is not there any more, or the operation, which
    may be the one of a section's own address.
    """
    try:
        connection.dialect.profiles.read(connection, _bare(table), there)
    except NotFound:
        return over(missing)
    if missing.operation not in connection.answered:
        return over(missing)
    return NotFound(f'a subscription or a segmentation that the profile table "{table.table}" had')


def _bare(table: Structure) -> Structure:
    """Without what an answer has to be asked for by name: the table may not have it any more."""
    return replace(table, subscriptions=(), segmentations=())


def over(missing: NotFound) -> Discontinued:
    """The operation that was answered so, as one that is not there."""
    generation, _, what = missing.operation
    return Discontinued(what, generation)
