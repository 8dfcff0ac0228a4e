"""The profile tables of an entity: which there are, and what one is made of."""

from __future__ import annotations

from typing import Final

from auditor.actito import forms
from auditor.actito.address import Version
from auditor.actito.connection import Connection
from auditor.actito.errors import Discontinued, NotFound
from auditor.actito.pages import whole_list
from auditor.actito.results import Table
from auditor.model import Structure

_NAMED_AT_MOST: Final = 10


def entities(connection: Connection) -> list[str]:
    """Names of those that the key may see (§3, D-quick). Discontinued where there is no such list."""
    try:
        return whole_list(connection, connection.dialect.entities(), forms.entities)
    except NotFound as missing:
        raise Discontinued.instead_of(missing) from None


def of_entity(connection: Connection, missing: NotFound) -> NotFound | Discontinued:
    """What a 404 means where nothing but the entity is named: that the key does not see it, or else the operation."""
    try:
        there = connection.entity in entities(connection)
    except Discontinued as gone:
        return gone
    return Discontinued.instead_of(missing) if there else missing


def tables(connection: Connection, version: Version | None = None) -> list[Table]:
    """Those that the key may see (§4.1, G-lep; §4.3, D-struct), in this generation. Raises ActitoError; NotFound
    without the entity.
    """
    try:
        return whole_list(connection, connection.dialect.tables(connection.entity, version), forms.tables)
    except NotFound as missing:
        raise of_entity(connection, missing) from None


def structure(connection: Connection, table: str) -> Structure:
    """The structure of a table, by its name or id. NotFound says which there are."""
    dialect, there = connection.dialect, tables(connection)
    asked = next((known for known in there if known.name == table), None)
    asked = asked or next((known for known in there if known.id == table), None)
    if asked is None:
        names = ", ".join(f'"{known.name}"' for known in there[:_NAMED_AT_MOST]) or "no table at all"
        more = len(there) - _NAMED_AT_MOST
        instead = f"; the key sees {names}" + (f" and {more} more" if more > 0 else "")
        raise NotFound(f'the profile table "{table}" in the entity "{connection.entity}"', instead=instead)
    address = asked.id if dialect.structures == "v5" else asked.name
    try:
        answer = connection.read(dialect.structure(connection.entity, address))
    except NotFound as missing:  # it was listed just now
        raise Discontinued.instead_of(missing) from None
    return answer.read_as(forms.structure, asked)


def identified(connection: Connection, table: Structure) -> Table:
    """A table with its id, which V4 does not tell: V5 is asked for it then. Raises ActitoError."""
    if table.table_id != table.table:
        return Table(table.table_id, table.table)
    found = next((known for known in tables(connection, "v5") if known.name == table.table), None)
    if found is None:
        raise NotFound(f'the profile table "{table.table}" in the entity "{connection.entity}"')
    return found
