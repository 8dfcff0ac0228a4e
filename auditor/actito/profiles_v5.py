"""One profile in the current generation: five calls, each of which tells or takes everything about it.

Since January 2025 these replace V4's (see docs/platform-changes.md). The migration page shows how a profile is read
[seen]; no public copy shows what the others take, and they are [assumed] to spell it as the upsert does (§6.4). The
upsert itself is not used: it would bring deleted people back. Nor is the call that replaces a whole profile: what a
correction does not name must stay as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.actito import forms, sections
from auditor.actito.address import one_profile, path, reference
from auditor.actito.answers import Answer, Call, Unfit
from auditor.actito.bodies import flat_body
from auditor.actito.errors import Discontinued, NotFound, Refused, UnexpectedAnswer
from auditor.actito.profiles import Step, Told, Values, call_of_profiles
from auditor.actito.results import Collection, ProfileRef
from auditor.actito.spelling import Spelling
from auditor.model import Structure

if TYPE_CHECKING:
    from auditor.actito.connection import Connection


class ProfilesV5:
    """See `auditor.actito.profiles.Profiles`."""

    def reading(self, table: Structure) -> int:
        """Everything at once."""
        return 1

    def changing(self, table: Structure, values: Values, *, collected: bool) -> int:
        """Everything at once."""
        return 1

    def count(self, connection: Connection, table: Structure) -> int | None:
        """[assumed]: V4's `count` (G-php) below V5's list, or else what a page of the list says of all (§6.3)."""
        apart = _call("GET", connection.entity, table, "the number of profiles", "count")
        try:
            return connection.read(apart).read_as(forms.count)
        except (NotFound, Refused, Discontinued, UnexpectedAnswer):
            answer = connection.read(page(connection.entity, table, 0, 1))
            return answer.read_as(forms.total, answer.headers)

    def search(self, entity: str, table: Structure, attribute: str, value: str, limit: int) -> Call:
        """That V5 searches is [seen] (change log, 2024-11), how is not: [assumed] that its list takes V4's `search`."""
        query = {"search": f"{attribute}={value}", **by_name(table)}
        return replace(page(entity, table, 0, limit, query), what=f'a search by {attribute} in "{table.table}"')

    def some(self, connection: Connection, table: Structure, number: int) -> Answer:
        """See `page`."""
        return connection.read(page(connection.entity, table, 0, number))

    def read(self, connection: Connection, table: Structure, by: ProfileRef) -> Told:
        """The address, `subscriptions`, `segmentations` and `includeNulls` are [seen] (migration page): only those that
        are named are told. UnexpectedAnswer where one of them is not: it must not pass for "no".
        """
        key, operation = reference(table, by, "a profile"), one_profile(by)
        call = _call("GET", connection.entity, table, "a profile", key, query=by_name(table), operation=operation)
        answer = connection.read(call)
        answer.read_as(_all_told, table)
        return Told(answer)

    def creation(self, entity: str, table: Structure) -> Call:
        """`POST` beside the list [assumed]; that there is such an operation is [seen] (change log, 2025-01)."""
        return _call("POST", entity, table, "the creation of a profile")

    def change(self, entity: str, table: Structure, profile_id: str) -> Call:
        """`PATCH` [assumed]; that there is one is [seen] (change log, 2025-01)."""
        what = "the change of a profile"
        return _call("PATCH", entity, table, what, reference(table, profile_id, what))

    def deletion(self, entity: str, table: Structure, profile_id: str) -> Call:
        """[assumed] from the REST style; that there is such an operation is [seen] (change log, 2025-01)."""
        what = "the deletion of a profile"
        return _call("DELETE", entity, table, what, reference(table, profile_id, what))

    def body(
        self, table: Structure, values: Values, collection: Collection | None, how: Spelling
    ) -> Mapping[str, object]:
        """[assumed] to be that of the upsert (§6.4)."""
        return flat_body(table, values, collection, how)

    def changes(
        self,
        connection: Connection,
        table: Structure,
        profile_id: str,
        values: Values,
        collection: Collection | None,
        how: Spelling,
    ) -> Iterator[Step]:
        """One request with these columns alone (§6.4)."""
        call, body = self.change(connection.entity, table, profile_id), self.body(table, values, collection, how)
        yield Step(tuple(values), lambda: connection.write(call, body=body))


def page(entity: str, table: Structure, number: int, size: int, query: Mapping[str, str] | None = None) -> Call:
    """One page of all profiles, in both generations V5's: V4's list was announced to end in 2022 (Maintenances page).

    [seen] as an address (G-shokme); `page` from 0 and `size` are [assumed] (§6.3).
    """
    numbered = {"page": str(number), "size": str(size)} | dict(query or {})
    return _call("GET", entity, table, "a page of the profiles", query=numbered)


def _call(
    method: str,
    entity: str,
    table: Structure,
    what: str,
    *words: str,
    query: Mapping[str, str] | None = None,
    operation: str = "",
) -> Call:
    """A call below the profiles of a table, which V5 addresses by its id [seen] (migration page)."""
    address = path("profiles", "v5", ["entities", entity, "profile-tables", table.table_id, "profiles", *words])
    return call_of_profiles(method, address, table, what, query, operation)


def by_name(table: Structure) -> dict[str, str]:
    """What a question names so that it is told, segmentations without a value too."""
    names = {
        "subscriptions": ",".join(table.subscriptions),
        "segmentations": ",".join(one.name for one in table.segmentations),
    }
    wanted = {section: text for section, text in names.items() if text}
    return wanted | ({"includeNulls": "true"} if "segmentations" in wanted else {})


def _all_told(content: object, table: Structure) -> None:
    for part in sections.parts_missing(content, table):
        raise Unfit(part)
