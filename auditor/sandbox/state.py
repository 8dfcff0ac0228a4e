"""The licence in memory: profiles with their indexes, the CRM's rows, and the clock.

Every value is the text that an export shows; a column without a value is absent. Storage learns what changed from
`dirty_profiles` and `dirty_crm`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from auditor.sandbox.clock import Clock
from auditor.sandbox.structure import CUSTOMERS, Table

Values = dict[str, str]
CrmRow = dict[str, str]

UNREADABLE = "#line"
"""The only key of a CRM row that is kept as raw text because it is no proper record."""


@dataclass(slots=True)
class Profile:
    id: int
    values: Values


Watcher = Callable[[Profile, Mapping[str, str | None] | None], None]
"""Of a profile and the values it is about to get (None: it is about to be deleted)."""


@dataclass
class Profiles:
    """One profile table: structure and profiles. Changes go through its methods, which keep the indexes right."""

    table: Table
    clock: Clock = field(default_factory=Clock)
    profiles: dict[int, Profile] = field(default_factory=dict)
    watchers: list[Watcher] = field(default_factory=list)
    """Told of every change before it is made."""
    dirty_profiles: set[int] = field(default_factory=set)
    _index: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    _next_id: int = 1

    def __post_init__(self) -> None:
        for name in self.table.unique:
            self._index.setdefault(name, {})

    def find(self, attribute: str, value: str) -> int | None:
        """The profile with this value of a unique attribute; the oldest where legacy data has several."""
        if attribute == "profileId":
            return int(value) if value.isdecimal() and int(value) in self.profiles else None
        ids = self._index[attribute].get(unique_form(attribute, value))
        return min(ids) if ids else None

    def owners(self, attribute: str, value: str) -> frozenset[int]:
        return frozenset(self._index[attribute].get(unique_form(attribute, value), ()))

    def create(self, values: Mapping[str, str | None], *, created: str, updated: str | None = None) -> Profile:
        """Add a profile. Subscriptions and simple segmentations not named are off."""
        profile = Profile(self._next_id, {})
        self._next_id += 1
        self.profiles[profile.id] = profile
        self.change(profile, {**self.table.defaults, **values, "creationMoment": created}, updated or created)
        return profile

    def change(self, profile: Profile, changes: Mapping[str, str | None], stamp: str) -> None:
        """Write values (None clears) and the update moment."""
        for watcher in self.watchers:
            watcher(profile, changes)
        for column, value in changes.items():
            if column in self._index:
                self._move(column, profile, value)
            if value is None:
                profile.values.pop(column, None)
            else:
                profile.values[column] = value
        profile.values["updateMoment"] = stamp
        self.dirty_profiles.add(profile.id)

    def delete(self, profile: Profile) -> None:
        for watcher in self.watchers:
            watcher(profile, None)
        self.hide(profile)
        self.dirty_profiles.add(profile.id)

    def hide(self, profile: Profile) -> None:
        """Take a profile out; storage still has it. `restore` brings it back."""
        for attribute in self._index:
            self._move(attribute, profile, None)
        del self.profiles[profile.id]

    def exchange(self, profile: Profile, values: Values) -> None:
        """Let a profile hold other values for a while; storage learns nothing of it."""
        for attribute in self._index:
            self._move(attribute, profile, values.get(attribute))
        profile.values = values

    def restore(self, profile: Profile) -> None:
        """Put back a stored profile as it was."""
        self.profiles[profile.id] = profile
        self._next_id = max(self._next_id, profile.id + 1)
        for attribute, index in self._index.items():
            value = profile.values.get(attribute)
            if value is not None:
                index.setdefault(unique_form(attribute, value), set()).add(profile.id)

    def restructure(self, table: Table) -> None:
        """Give the table another structure; what every profile holds by default, they hold from now on."""
        new = {column: value for column, value in table.defaults.items() if column not in self.table.columns}
        self.table = table
        self.__post_init__()
        for profile in self.profiles.values() if new else ():
            profile.values |= new
            self.dirty_profiles.add(profile.id)

    def _move(self, attribute: str, profile: Profile, value: str | None) -> None:
        index = self._index[attribute]
        old = profile.values.get(attribute)
        if old is not None:
            ids = index.get(unique_form(attribute, old), set())
            ids.discard(profile.id)
            if not ids:
                index.pop(unique_form(attribute, old), None)
        if value is not None:
            index.setdefault(unique_form(attribute, value), set()).add(profile.id)


@dataclass
class State(Profiles):
    """One licence: the table `Customers`, the tables that were created beside it, and the company's CRM."""

    table: Table = CUSTOMERS
    seed: int = 0
    people: int = 0
    """Customers on both sides in the agreed state."""
    others: dict[str, Profiles] = field(default_factory=dict)
    """By the id of their table."""
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Stored ETL definitions by id."""
    crm: dict[int, CrmRow] = field(default_factory=dict)
    """By position in the extract."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else must survive a restart: legacy forms of the agreed state, answers, bulk calls used."""
    dirty_crm: set[int] = field(default_factory=set)
    _next_position: int = 1

    def tables(self) -> list[Profiles]:
        return [self, *self.others.values()]

    def open(self, table: Table) -> Profiles:
        """An empty table beside the others."""
        self.others[table.id] = Profiles(table, self.clock, watchers=self.watchers)
        return self.others[table.id]

    def at(self, reference: object) -> Profiles | None:
        """The table with this id or name."""
        return next((held for held in self.tables() if reference in (held.table.id, held.table.name)), None)

    def clear(self) -> None:
        """Empty, but for the clock and the watchers."""
        fresh = State(clock=self.clock, watchers=self.watchers)
        for part in fields(self):
            setattr(self, part.name, getattr(fresh, part.name))

    def crm_add(self, row: CrmRow) -> int:
        position = self._next_position
        self._next_position += 1
        self.crm[position] = row
        self.dirty_crm.add(position)
        return position

    def crm_restore(self, position: int, row: CrmRow) -> None:
        """Put back a stored row as it was."""
        self.crm[position] = row
        self._next_position = max(self._next_position, position + 1)

    def crm_remove(self, position: int) -> None:
        del self.crm[position]
        self.dirty_crm.add(position)

    def customers(self) -> Iterator[tuple[str, Profile]]:
        """Every profile with a customer number, with that number."""
        for profile in self.profiles.values():
            key = profile.values.get("customerId")
            if key is not None:
                yield key, profile


def unique_form(attribute: str, value: str) -> str:
    """How the platform recognises the same unique value: addresses in any case, everything else to the letter."""
    return value.lower() if attribute == "emailAddress" else value
