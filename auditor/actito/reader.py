"""Asks Actito; can change nothing."""

from __future__ import annotations

from auditor.actito import forms
from auditor.actito.connection import Connection
from auditor.actito.errors import NotFound
from auditor.actito.refused_rows import read_refused_rows
from auditor.actito.results import (
    Definition,
    Execution,
    Profile,
    ProfileRef,
    RefusedRow,
    Scenario,
    Synchronisation,
    Table,
)
from auditor.model import Structure

_NAMED_AT_MOST = 10


class Reader:
    """Every question the auditor has. Each method raises ActitoError; each may take as long as the retries allow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._entity = connection.entity
        self._dialect = connection.dialect

    def entities(self) -> list[str]:
        """Names of the entities that the key may see."""
        return self._connection.read(self._dialect.entities()).read_as(forms.entities)

    def tables(self) -> list[Table]:
        """The profile tables of the entity that the key may see."""
        return self._connection.read(self._dialect.tables(self._entity)).read_as(forms.tables)

    def structure(self, table: str) -> Structure:
        """The structure of a table, by its name or id. NotFound says which tables there are.

        Two calls: addresses need the id in one generation of the API and the name in the other.
        """
        tables = self.tables()
        asked = next((known for known in tables if known.name == table), None)
        asked = asked or next((known for known in tables if known.id == table), None)
        if asked is None:
            there = ", ".join(f'"{known.name}"' for known in tables[:_NAMED_AT_MOST]) or "no table at all"
            more = len(tables) - _NAMED_AT_MOST
            instead = f"; the key sees {there}" + (f" and {more} more" if more > 0 else "")
            raise NotFound(f'the profile table "{table}" in the entity "{self._entity}"', instead=instead)
        address = asked.id if self._dialect.structures == "v5" else asked.name
        answer = self._connection.read(self._dialect.structure(self._entity, address))
        return answer.read_as(forms.structure, asked)

    def synchronisations(self, table: Structure) -> list[Synchronisation]:
        """The stored ETL definitions that write into this table, whatever else they write (§8.3)."""
        asked = identified(self._connection, table)
        found = []
        for definition in self.definitions():
            into = [loading for loading in definition.loadings if loading.table in (asked.id, asked.name)]
            if not into:
                continue
            mapped = [loading.mapping for loading in into]
            known = None if None in mapped else {column: None for part in mapped if part for column in part.values()}
            columns = None if known is None else tuple(known)
            found.append(Synchronisation(definition.id, definition.name, definition.active, columns))
        return found

    def definitions(self) -> list[Definition]:
        """Every stored ETL definition of the entity. One call, and one more for each that the list only names."""
        answer = self._connection.read(self._dialect.definitions("GET", self._entity))
        listed = answer.read_as(forms.definitions)
        return [self.definition(known) if isinstance(known, str) else known for known in listed]

    def definition(self, definition_id: str) -> Definition:
        """One stored ETL definition. NotFound when there is none."""
        answer = self._connection.read(self._dialect.definitions("GET", self._entity, definition_id))
        return answer.read_as(forms.definition, definition_id)

    def scenarios(self, table: Structure) -> list[Scenario]:
        """The scenarios of a table: what a write may start. NotFound where the licence has no scenarios."""
        return self._connection.read(self._dialect.scenarios(self._entity, table)).read_as(forms.scenarios)

    def count(self, table: Structure) -> int:
        """How many profiles the table has now."""
        return self._connection.read(self._dialect.count(self._entity, table)).read_as(forms.count)

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None:
        """One profile as it is now, or None when there is none (404, which may also mean that the key may not see it).

        One call, or up to three where the answer leaves out subscriptions or segmentations.
        """
        try:
            answer = self._connection.read(self._dialect.profile("GET", self._entity, table, by))
        except NotFound:
            return None
        apart: dict[str, object] = {}
        for section in answer.read_as(forms.sections_missing, table):
            address = self._dialect.subscriptions if section == "subscriptions" else self._dialect.segmentations
            part = self._connection.read(address(self._entity, table, by))
            apart[section] = part.read_as(forms.section_alone, section)
        return answer.read_as(forms.profile, table, by if isinstance(by, str) else None, apart)

    def find(self, table: Structure, attribute: str, value: str, limit: int) -> list[Profile]:
        """At most `limit` profiles whose attribute has this value, upper and lower case alike.

        Actito's search grammar is not documented: whatever else a search brings is left out. So an empty list means
        that no profile was found, not that there certainly is none.
        """
        answer = self._connection.read(self._dialect.search(self._entity, table, attribute, value, limit))
        profiles: list[Profile] = []
        for item in answer.read_as(forms.found, attribute, value)[:limit]:
            if answer.part(forms.sections_missing, item, table):
                profile = self.profile(table, answer.part(forms.profile_id, item))
                profiles += [profile] if profile is not None else []
            else:
                profiles.append(answer.part(forms.profile, item, table))
        return profiles

    def execution(self, execution_id: str) -> Execution:
        """How far an import has come."""
        state, *counters = self._dialect.execution(self._entity, execution_id)
        execution = self._connection.read(state).read_as(forms.execution, execution_id)
        if execution.finished:
            for call in counters:
                execution = self._connection.read(call).read_as(forms.with_counters, execution)
        return execution

    def refused_rows(self, execution_id: str) -> list[RefusedRow]:
        """The rows an import refused. NotFound where Actito keeps no such file, for example after a clean import."""
        return read_refused_rows(self._connection.read(self._dialect.refused_rows(self._entity, execution_id)))


def identified(connection: Connection, table: Structure) -> Table:
    """A table with its id, which V4 does not tell: V5 is asked for it then. Raises ActitoError."""
    if table.table_id != table.table:
        return Table(table.table_id, table.table)
    listed = connection.read(connection.dialect.tables(connection.entity, "v5")).read_as(forms.tables)
    found = next((known for known in listed if known.name == table.table), None)
    if found is None:
        raise NotFound(f'the profile table "{table.table}" in the entity "{connection.entity}"')
    return found
