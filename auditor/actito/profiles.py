"""What both generations of the calls about profiles offer; how each asks stands in `profiles_v5` and `profiles_v4`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from auditor.actito.answers import Answer, Call
from auditor.actito.results import Collection, ProfileRef
from auditor.actito.spelling import Spelling
from auditor.model import Structure

if TYPE_CHECKING:
    from auditor.actito.connection import Connection

_RIGHTS: Final = {"GET": "read_profiles"} | dict.fromkeys(("POST", "PATCH", "PUT", "DELETE"), "write_profiles")

Values = Mapping[str, str | None]
"""Audit columns to what they are to hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered about one profile."""

    answer: Answer
    apart: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The sections that came from an address of their own."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a write and the columns it carries."""

    columns: tuple[str, ...]
    send: Callable[[], object]


class Profiles(Protocol):
    """The calls about profiles of one generation. Stateless; whatever asks may raise ActitoError."""

    def reading(self, table: Structure) -> int:
        """The most calls that `read` makes of a profile that is there; of one that is not it makes one."""

    def changing(self, table: Structure, values: Values, *, collected: bool) -> int:
        """How many calls the requests of `changes` make; `collected`: a date and a source go along."""

    def count(self, connection: Connection, table: Structure) -> int | None:
        """How many profiles the table has; None where the licence does not tell."""

    def search(self, entity: str, table: Structure, attribute: str, value: str, limit: int) -> Call:
        """At most `limit` profiles whose attribute has this value, and perhaps others."""

    def some(self, connection: Connection, table: Structure, number: int) -> Answer:
        """Profiles that are there, as a page: about `number` of them. NotFound without such a list."""

    def read(self, connection: Connection, table: Structure, by: ProfileRef) -> Told:
        """One profile with its subscriptions and segmentations. NotFound without one."""

    def creation(self, entity: str, table: Structure) -> Call:
        """Takes a new profile; never changes one that exists."""

    def change(self, entity: str, table: Structure, profile_id: str) -> Call:
        """Takes attributes of a profile that exists, and whatever else goes with them."""

    def deletion(self, entity: str, table: Structure, profile_id: str) -> Call:
        """NotFound when it is gone already."""

    def body(
        self, table: Structure, values: Values, collection: Collection | None, how: Spelling
    ) -> Mapping[str, object]:
        """What is sent with a creation or a change."""

    def changes(
        self,
        connection: Connection,
        table: Structure,
        profile_id: str,
        values: Values,
        collection: Collection | None,
        how: Spelling,
    ) -> Iterator[Step]:
        """The requests that set these columns of a profile that exists, in their order."""


def call_of_profiles(
    method: str, address: str, table: Structure, what: str, query: Mapping[str, str] | None, operation: str
) -> Call:
    """A call at an address below the profiles of a table, in words that name the table and no profile."""
    what_in = f'{what} in "{table.table}"'
    return Call(method, address, what_in, _RIGHTS[method], query or {}, operation=operation or what)
