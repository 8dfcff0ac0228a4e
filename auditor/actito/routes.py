"""Tells somebody who is not there from an operation that is not there: both are answered with 404.

A 404 is believed of an operation that has answered once on this connection. Before that, somebody who is there is asked
about in the same way.
"""

from __future__ import annotations

from collections.abc import Collection

from auditor.actito import forms
from auditor.actito.connection import Connection
from auditor.actito.errors import Discontinued, NotFound
from auditor.actito.pages import whole_list
from auditor.actito.profiles import page
from auditor.model import Structure


def require_missing(connection: Connection, table: Structure, missing: NotFound) -> None:
    """Returns where it is the profile that is not there; Discontinued where nobody can be asked for in this way."""
    if missing.operation in connection.answered:
        return
    try:
        somebody = _somebody(connection, table)
    except NotFound:
        # V4's calls end together, and a licence that needs them may have no list in V5.
        connection.dialect.profiles.count(connection, table)
        return
    if somebody is None:
        return
    try:
        connection.dialect.profiles.read(connection, table, somebody)
    except NotFound:
        raise over(missing) from None


def of_write(
    connection: Connection, table: Structure, profile_id: str, missing: NotFound, columns: Collection[str] = ()
) -> NotFound | Discontinued:
    """What a 404 means that answered a change: the profile is gone, or what the columns name, or the operation."""
    if missing.operation in connection.answered:
        return missing
    try:
        connection.dialect.profiles.read(connection, table, profile_id)
    except NotFound as unread:
        require_missing(connection, table, unread)
        return NotFound(f'the profile in "{table.table}" that was to be changed or deleted')
    return missing if set(columns) - set(_columns(connection, table)) else over(missing)


def of_creation(connection: Connection, table: Structure, missing: NotFound) -> NotFound | Discontinued:
    """What a 404 means that answered a creation: nobody is looked for there, so the table is gone, or the operation."""
    try:
        _somebody(connection, table)
    except NotFound:
        return missing
    return over(missing)


def _somebody(connection: Connection, table: Structure) -> str | None:
    answer = connection.read(page(connection.entity, table, 0, 1))
    return next((answer.part(forms.profile_id, item) for item in answer.read_as(forms.page)), None)


def _columns(connection: Connection, table: Structure) -> tuple[str, ...]:
    """The columns that the table has now."""
    dialect = connection.dialect
    listed = whole_list(connection, dialect.tables(connection.entity), forms.tables)
    asked = next((known for known in listed if table.table in (known.name, known.id)), None)
    if asked is None:
        return ()
    address = asked.id if dialect.structures == "v5" else asked.name
    return connection.read(dialect.structure(connection.entity, address)).read_as(forms.structure, asked).columns


def over(missing: NotFound) -> Discontinued:
    """The operation that was answered so, as one that is not there."""
    generation, _, what = missing.operation
    return Discontinued(what, generation)
