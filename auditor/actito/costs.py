"""How many calls a write takes, for whoever forecasts it: what is read before and after, and what its generation sends.

Nothing is asked for it. Of V4 it is the most: whether a licence tells the sections of a profile apart, an answer shows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from auditor.actito.profiles import Profiles
from auditor.model import Kind, Structure

_OF_AN_IMPORT: Final = 4
"""The call itself, its state once while it goes on and once when it has ended, and its counters."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The calls that writes into a table take."""

    profiles: Profiles
    """Of the generation in use."""
    table: Structure
    general: Collection[str]
    """Columns of the general permissions: of an opt-in they are given and read back before the rest."""
    read_before: int
    """Profiles of a file that are read before it is sent."""
    sample: int
    """Profiles of a file that are read back at once."""

    def of_write(
        self, kind: Kind, values: Mapping[str, str | None], key: Mapping[str, str], *, known: bool, collected: bool
    ) -> int:
        """The calls of a write that goes one by one, where nobody has changed the profile meanwhile.

        `values` by column. `known`: the profileId is known, else the profile is looked up by its `key`. `collected`: a
        date and a source go along.
        """
        read = self.profiles.reading(self.table)
        nobody = 1 + read  # somebody who is there is asked for as well, before it is believed
        if kind is Kind.CREATE:
            filled = {column: value for column, value in values.items() if value}
            return nobody * self._unique(filled | dict(key)) + 1 + read
        found = read if known else read * self._unique(key)
        if kind is Kind.DELETE:
            return found + 1 + nobody
        rounds = [values]
        if kind is Kind.SUBSCRIBE:
            parts = [{c: v for c, v in values.items() if (c in self.general) is first} for first in (True, False)]
            rounds = [part for part in parts if part]
        return sum(found + self.profiles.changing(self.table, part, collected=collected) + read for part in rounds)

    def of_file(self, rows: int) -> int:
        """The calls of an import, without the writes that go one by one before it."""
        looked_at = min(rows, self.read_before) + min(rows, self.sample)
        return looked_at * self.profiles.reading(self.table) + _OF_AN_IMPORT

    def _unique(self, values: Mapping[str, object]) -> int:
        """By how many of these a profile is looked up."""
        unique = {one.name for one in self.table.attributes if one.unique and not one.technical}
        return len(unique.intersection(values))
