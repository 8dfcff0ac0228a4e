"""One profile in the generation before: up to three calls to read it, one for each kind of change.

Deprecated since January 2025, end of service planned for the end of March 2026 (see docs/platform-changes.md): for
licences that still need it, with `dialect = "v4"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from auditor.actito import forms, sections
from auditor.actito.address import Encoded, one_profile, path, reference, segment
from auditor.actito.answers import Answer, Call
from auditor.actito.bodies import profile_body
from auditor.actito.errors import Discontinued, NotFound
from auditor.actito.profiles import Step, Told, Values, call_of_profiles
from auditor.actito.profiles_v5 import page
from auditor.actito.results import Collection, ProfileRef
from auditor.actito.spelling import Spelling
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Structure

if TYPE_CHECKING:
    from auditor.actito.connection import Connection


class ProfilesV4:
    """See `auditor.actito.profiles.Profiles`."""

    def reading(self, table: Structure) -> int:
        """One more for each section that the answer leaves out, which is known once it is there."""
        return 1 + bool(table.subscriptions) + bool(table.segmentations)

    def changing(self, table: Structure, values: Values, *, collected: bool) -> int:
        """One for all attributes, and one for every other column; see `changes` for what travels with the attributes,
        and for the segment that is asked for before it is left.
        """
        apart = [name for name in values if "#" in name]
        begins = [name for name in apart if name.startswith(SUBSCRIPTION_PREFIX) and values[name] == "true"]
        left = [name for name in apart if name.startswith(SEGMENTATION_PREFIX) and values[name] is None]
        together = len(values) > len(apart) or (collected and bool(begins))
        return together + len(apart) - (len(begins) if collected else 0) + len(left)

    def count(self, connection: Connection, table: Structure) -> int | None:
        """[seen] with a search (G-php, §6.3); that it counts everything without one is [assumed]."""
        call = _call("GET", connection.entity, table, "the number of profiles", "count")
        return connection.read(call).read_as(forms.count)

    def search(self, entity: str, table: Structure, attribute: str, value: str, limit: int) -> Call:
        """[seen] G-sdk; the grammar of `search` beyond `name=value` is not known (§6.3)."""
        query = {"search": f"{attribute}={value}", "number": str(limit)}
        return _call("GET", entity, table, f"a search by {attribute}", query=query)

    def some(self, connection: Connection, table: Structure, number: int) -> Answer:
        """V5's list, or where a licence does not have it V4's own, [seen] G-sdk (§6.3): announced to end in 2022."""
        try:
            return connection.read(page(connection.entity, table, 0, number))
        except (NotFound, Discontinued):
            query = {"number": str(number)}
            return connection.read(_call("GET", connection.entity, table, "a list of profiles", query=query))

    def read(self, connection: Connection, table: Structure, by: ProfileRef) -> Told:
        """[seen] G-sdk, G-fn (§6.2). A section that the answer leaves out has its own address [seen] G-prod (§6.7)."""
        key = reference(table, by, "a profile")
        answer = connection.read(_call("GET", connection.entity, table, "a profile", key, operation=one_profile(by)))
        missing = answer.read_as(sections.sections_missing, table)
        return Told(answer, {section: _section(connection, table, by, section) for section in missing})

    def creation(self, entity: str, table: Structure) -> Call:
        """[seen] D-feed. The default of `allowUpdate` is not known (§6.1): it is never relied on."""
        return _call("POST", entity, table, "the creation of a profile", query={"allowUpdate": "false"})

    def change(self, entity: str, table: Structure, profile_id: str) -> Call:
        """[seen] G-sdk (§6.5)."""
        what = "the change of a profile"
        return _call("PUT", entity, table, what, reference(table, profile_id, what))

    def deletion(self, entity: str, table: Structure, profile_id: str) -> Call:
        """[seen] G-sdk, G-shokme (§6.6)."""
        what = "the deletion of a profile"
        return _call("DELETE", entity, table, what, reference(table, profile_id, what))

    def body(
        self, table: Structure, values: Values, collection: Collection | None, how: Spelling
    ) -> Mapping[str, object]:
        """[seen] U-single, G-sdk, G-cherry (§6.1)."""
        return profile_body(table, values, collection, how)

    def changes(
        self,
        connection: Connection,
        table: Structure,
        profile_id: str,
        values: Values,
        collection: Collection | None,
        how: Spelling,
    ) -> Iterator[Step]:
        """Ends of subscriptions first, beginnings last, so that whatever breaks off leaves nobody contactable who
        should not be. Attributes by `PUT` [seen] G-sdk (§6.5), the others at their own addresses (§6.7, §6.8).
        """
        subscriptions = {column: value for column, value in values.items() if column.startswith(SUBSCRIPTION_PREFIX)}
        ends = [column for column, value in subscriptions.items() if value == "false"]
        begins = [column for column, value in subscriptions.items() if value == "true"]
        for column in ends:
            yield Step((column,), _subscription(connection, table, profile_id, column, on=False))

        together = {column: value for column, value in values.items() if "#" not in column}
        if collection is not None:
            # A subscription's own address takes no body, so its date and source travel with the profile's (§6.1, §6.7).
            together |= dict.fromkeys(begins, "true")
            begins = []
        if together:
            call, body = self.change(connection.entity, table, profile_id), self.body(table, together, collection, how)
            yield Step(tuple(together), lambda: connection.write(call, body=body))

        for column, value in values.items():
            if column.startswith(SEGMENTATION_PREFIX):
                yield Step((column,), _segmentation(connection, table, profile_id, column, value))
        for column in begins:
            yield Step((column,), _subscription(connection, table, profile_id, column, on=True))


def _section(connection: Connection, table: Structure, by: ProfileRef, section: str) -> object:
    return _asked(connection, table, by, section).read_as(sections.section_alone, section)


def _asked(connection: Connection, table: Structure, by: ProfileRef, section: str) -> Answer:
    what = f"the {section} of a profile"
    words = (reference(table, by, what), section.removesuffix("s"))
    return connection.read(_call("GET", connection.entity, table, what, *words))


def _subscription(
    connection: Connection, table: Structure, profile_id: str, column: str, *, on: bool
) -> Callable[[], object]:
    """[seen] G-prod, G-shokme; without a body (§6.7)."""
    name = column.removeprefix(SUBSCRIPTION_PREFIX)
    what = f'{"a" if on else "the end of a"} subscription to "{name}"'
    words = (reference(table, profile_id, what), "subscription", name)
    call = _call("POST" if on else "DELETE", connection.entity, table, what, *words, operation="a subscription")
    return lambda: connection.write(call)


def _segmentation(
    connection: Connection, table: Structure, profile_id: str, column: str, value: str | None
) -> Callable[[], object]:
    """Joining an exclusive segment replaces the one before: a profile is in at most one (U-seg). Leaving names the
    segment, so it is asked for first.
    """
    name = column.removeprefix(SEGMENTATION_PREFIX)
    segmentation = table.segmentation(column)
    if segmentation is None or not segmentation.exclusive:
        call = _segment(connection.entity, table, profile_id, name, category=None, on=value == "true")
        return lambda: connection.write(call)
    if value is not None:
        call = _segment(connection.entity, table, profile_id, value, category=name, on=True)
        return lambda: connection.write(call)

    def leave() -> None:
        answer = _asked(connection, table, profile_id, "segmentations")
        alone = {"segmentations": answer.read_as(sections.section_alone, "segmentations")}
        held = answer.part(sections.segmentations, alone, table)[column]
        if held is not None:
            connection.write(_segment(connection.entity, table, profile_id, held, category=name, on=False))

    return leave


def _segment(entity: str, table: Structure, profile_id: str, name: str, *, category: str | None, on: bool) -> Call:
    """Enter or leave a segment; `category` is the exclusive segmentation it belongs to, None for a simple one.

    `{segment};category={segmentation}` is a matrix parameter [seen] G-prod (§6.8).
    """
    what = f'{"entering" if on else "leaving"} the segmentation "{category or name}"'
    matrix = segment(name) + (f";category={segment(category)}" if category is not None else "")
    words = (reference(table, profile_id, what), "segmentation", Encoded(matrix))
    return _call("PUT" if on else "DELETE", entity, table, what, *words, operation="a segmentation")


def _call(
    method: str,
    entity: str,
    table: Structure,
    what: str,
    *words: str,
    query: Mapping[str, str] | None = None,
    operation: str = "",
) -> Call:
    address = path("profiles", "v4", ["entity", entity, "table", table.table, "profile", *words])
    return call_of_profiles(method, address, table, what, query, operation)
