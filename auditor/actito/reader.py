"""Asks Actito; can change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

from auditor.actito import definitions, forms, sections
from auditor.actito.answers import Answer, Call
from auditor.actito.connection import Connection
from auditor.actito.errors import Discontinued, NotFound, Refused
from auditor.actito.pages import whole_list
from auditor.actito.profiles import Told
from auditor.actito.profiles_v5 import by_name
from auditor.actito.profiles_v5 import page as page_of
from auditor.actito.results import (
    Definition,
    Execution,
    Location,
    Profile,
    ProfileRef,
    RefusedRow,
    ResultRow,
    Scenario,
    Synchronisation,
    Table,
)
from auditor.actito.routes import of_table, require_missing, seen
from auditor.actito.row_files import read_refused_rows, read_result_rows
from auditor.actito.spelling import USUAL, Spelling, learn
from auditor.actito.tables import entities, identified, of_entity, structure, tables
from auditor.model import Structure

T = TypeVar("T")

_PAGE = 100
"""Profiles asked for at a time: what the largest page is, no source says."""
_SAME_AGAIN = 2
"""So many pages without anybody new, one after the other, are the end."""


class Reader:
    """Every question the auditor has. Each method raises ActitoError; each may take as long as the retries allow.

    `spelling` is how this licence spells values; whatever it says, values come back in the usual form.
    """

    def __init__(self, connection: Connection, spelling: Spelling = USUAL) -> None:
        self._connection = connection
        self._spelling = spelling
        self._entity = connection.entity
        self._dialect = connection.dialect

    def entities(self) -> list[str]:
        """Names of the entities that the key may see (§3, D-quick)."""
        return entities(self._connection)

    def tables(self) -> list[Table]:
        """The profile tables of the entity that the key may see (§4.1, G-lep; §4.3, D-struct)."""
        return tables(self._connection)

    def structure(self, table: str) -> Structure:
        """The structure of a table, by its name or id (§4.2, G-php; §4.3, D-struct). NotFound says which there are.

        Two calls: addresses need the id in one generation of the API and the name in the other.
        """
        return structure(self._connection, table)

    def synchronisations(self, table: Structure) -> list[Synchronisation]:
        """The stored ETL definitions that write into this table, whatever else they write (§8.3)."""
        known = identified(self._connection, table)
        found = []
        for definition in self.definitions():
            into = [loading for loading in definition.loadings if loading.table in (known.id, known.name)]
            if not into:
                continue
            mapped = [loading.mapping for loading in into]
            into_it = {column: None for part in mapped if part for column in part.values()}
            columns = None if None in mapped else tuple(into_it)
            found.append(Synchronisation(definition.id, definition.name, definition.active, columns))
        return found

    def definitions(self) -> list[Definition]:
        """Every stored ETL definition of the entity (§8.3). One call, and one more for each that is only named."""
        listed = self._definitions()
        return [self.definition(known) if isinstance(known, str) else known for known in listed]

    def definition(self, definition_id: str) -> Definition:
        """One stored ETL definition (§8.3). NotFound when there is none, Discontinued where it is listed."""
        try:
            answer = self._connection.read(self._dialect.definitions("GET", self._entity, definition_id))
        except NotFound as missing:
            listed = [one if isinstance(one, str) else one.id for one in self._definitions()]
            raise (Discontinued.instead_of(missing) if definition_id in listed else missing) from None
        return answer.read_as(definitions.definition, definition_id)

    def locations(self) -> list[Location]:
        """The remote places of files (§9, D-ft). Discontinued where the licence has no such operation."""
        return self._of_entity(self._dialect.locations(self._entity), forms.locations)

    def reaches(self, location: Location) -> bool:
        """Whether Actito reaches a remote place of files, tried now (§9, change log 2025-02). Nothing is changed.

        Refused counts as not reached: a test that fails may be answered so.
        """
        try:
            return self._connection.read(self._dialect.location_test(self._entity, location.id)).read_as(forms.reached)
        except Refused:
            return False

    def scenarios(self, table: Structure) -> list[Scenario]:
        """The scenarios of a table: what a write may start (§14b). Discontinued where it has none."""
        try:
            return whole_list(self._connection, self._dialect.scenarios(self._entity, table), forms.scenarios)
        except NotFound as missing:
            raise of_table(self._connection, table, missing) from None

    def count(self, table: Structure) -> int | None:
        """How many profiles the table has now (§6.3, G-php); None where this licence does not tell.

        Discontinued where the operation is not there: the table is.
        """
        try:
            return self._dialect.profiles.count(self._connection, table)
        except NotFound as missing:
            raise of_table(self._connection, table, missing) from None

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None:
        """One profile as it is now (§6.2, G-sdk), or None when there is none (404, U-http: it may also be hidden).

        One call; in V4 up to three, where the answer leaves out subscriptions or segmentations. By an attribute that is
        not unique it is Refused before anything is asked: whether Actito would say 400 or 404 is not known (§6).
        Discontinued where it is the operation that is not there.
        """
        found = self._told(table, by)
        if found is None:
            return None
        profile_id = by if isinstance(by, str) else None
        return found.answer.read_as(forms.profile, table, profile_id, found.apart, self._spelling)

    def spelling(self, table: Structure, by: ProfileRef) -> Spelling | None:
        """How this licence spells (§5.2), as one of its profiles shows it; None when there is no such profile."""
        found = self._told(table, by)
        if found is None:
            return None
        return found.answer.read_as(lambda content: learn(forms.merged(content, found.apart), table))

    def profiles(self, table: Structure, limit: int) -> Iterator[Profile]:
        """At most `limit` profiles of the table, in Actito's order, page by page (V5, §6.3).

        Pages are [assumed]: a platform that does not know them answers the same profiles again, and so does once one
        that counts them from 1. None comes twice. For whole tables there are exports (§10).
        """
        known_ids: set[str] = set()
        size = min(limit, _PAGE)
        number = known = 0
        while known < _SAME_AGAIN:
            answer = self._page(table, number, size)
            items = answer.read_as(forms.page)
            page = {answer.part(forms.profile_id, item): item for item in items}
            new = [profile_id for profile_id in page if profile_id not in known_ids][: limit - len(known_ids)]
            for profile_id in new:
                profile = self._listed(answer, table, profile_id, page[profile_id])
                if profile is not None:
                    yield profile
            known_ids.update(new)
            if not page or len(known_ids) >= limit:
                return
            number += 1
            known = 0 if new else known + 1

    def find(self, table: Structure, attribute: str, value: str, limit: int) -> list[Profile]:
        """At most `limit` profiles whose attribute has this value, upper and lower case alike (§6.3, G-sdk).

        One call: V4 has no pages, and of V5's the first is read. Actito's search grammar is not documented: whatever
        else a search brings is left out. So an empty list means that no profile was found, not that there certainly is
        none.
        """
        answer = self._searched(table, attribute, value, limit)
        items = answer.read_as(forms.found, attribute, value)[:limit]
        listed = (self._listed(answer, table, answer.part(forms.profile_id, item), item) for item in items)
        return [profile for profile in listed if profile is not None]

    def execution(self, execution_id: str) -> Execution:
        """How far an import has come (§7.3, G-php, G-mhp; §8.4, D-wht), by the id that Actito gave it.

        Discontinued where it cannot be asked for, one that Actito has forgotten included. Without the address of the
        counters, these are not known.
        """
        state, *counters = self._dialect.execution(self._entity, execution_id)
        try:
            execution = self._connection.read(state).read_as(forms.execution, execution_id)
        except NotFound as missing:
            raise Discontinued.instead_of(missing) from None
        if execution.finished:
            with suppress(NotFound, Discontinued):
                for call in counters:
                    execution = self._connection.read(call).read_as(forms.with_counters, execution)
        return execution

    def refused_rows(self, execution_id: str) -> list[RefusedRow]:
        """The rows an import refused (G-php). NotFound where Actito keeps no such file, as after a clean import."""
        return read_refused_rows(self._file(self._dialect.refused_rows(self._entity, execution_id)))

    def result_rows(self, execution_id: str) -> list[ResultRow]:
        """The rows an import took over (G-mhp). NotFound where Actito keeps no such file."""
        return read_result_rows(self._file(self._dialect.result_rows(self._entity, execution_id)))

    def _file(self, call: Call) -> Answer:
        """404 or 204 where there is none: neither was seen (§7.3, §8.4)."""
        answer = self._connection.read(call)
        if answer.without_content:
            raise NotFound(call.what)
        return answer

    def _definitions(self) -> list[Definition | str]:
        return self._of_entity(self._dialect.definitions("GET", self._entity), definitions.definitions)

    def _searched(self, table: Structure, attribute: str, value: str, limit: int) -> Answer:
        try:
            return self._connection.read(self._dialect.profiles.search(self._entity, table, attribute, value, limit))
        except NotFound as missing:
            raise of_table(self._connection, table, missing) from None

    def _of_entity(self, call: Call, form: Callable[[object], list[T]]) -> list[T]:
        try:
            return whole_list(self._connection, call, form)
        except NotFound as missing:
            raise of_entity(self._connection, missing) from None

    def _page(self, table: Structure, number: int, size: int) -> Answer:
        try:
            return self._connection.read(page_of(self._entity, table, number, size, by_name(table)))
        except NotFound as missing:
            raise of_table(self._connection, table, missing) from None

    def _listed(self, answer: Answer, table: Structure, profile_id: str, item: Mapping[str, object]) -> Profile | None:
        """A profile of a list; asked for once more where the list leaves out a subscription or segmentation."""
        if answer.part(sections.parts_missing, item, table):
            return self.profile(table, profile_id)
        return answer.part(forms.profile, item, table, None, None, self._spelling)

    def _told(self, table: Structure, by: ProfileRef) -> Told | None:
        try:
            told = self._dialect.profiles.read(self._connection, table, by)
        except NotFound as missing:
            require_missing(self._connection, table, by, missing)
            return None
        seen(self._connection, table, by)
        return told
