"""What happens in the licence while a client works with it: edits, deletions, slow replicas, a changed structure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.sandbox.faults import Faults
from auditor.sandbox.state import Profile, State, Values
from auditor.sandbox.structure import BY_NAME, CUSTOMERS, SUBSCRIPTION_COLUMNS

LAG: Final = 2.0
"""Seconds until a write can be read, under the fault `eventual`."""

_REFERENCE: Final = re.compile(
    rf"/(?:{CUSTOMERS.name}|{CUSTOMERS.id})/profiles?/(?!count$)(?:(\w+)=)?([^/]+)(?:/(?:subscription|segmentation).*)?$"
)
_NEW_ATTRIBUTE: Final = "addedMeanwhile"


@dataclass(slots=True)
class Meanwhile:
    """The faults that change the table `Customers`, or what can be seen of it."""

    state: State
    faults: Faults
    _behind: dict[int, tuple[float, Values | None]] = field(default_factory=dict)
    """What reading shows instead, until when; None for a profile that is not to be seen yet."""
    _before: dict[int, Values | None] | None = None
    _structure_changed: bool = False

    def __post_init__(self) -> None:
        self.state.watchers.append(self._changing)

    @contextlib.contextmanager
    def around(self, method: str, path: str, subject: str) -> Iterator[None]:
        """Within, a call is carried out. Reading does not give way to other calls, so all of it sees one moment."""
        if method != "GET":
            self._before = {}
            try:
                yield
            finally:
                before, self._before = self._before, None
                if before and self.faults.happens("eventual", subject):
                    until = self.state.clock.monotonic() + LAG
                    self._behind = {number: (until, values) for number, values in before.items()} | self._behind
            return
        self._interfere(path, subject)
        now = self.state.clock.monotonic()
        self._behind = {number: one for number, one in self._behind.items() if one[0] > now}
        shown = {number: self._show(number, values) for number, (_, values) in self._behind.items()}
        try:
            yield
        finally:
            for number, values in shown.items():
                self._show(number, values)

    def amend(self, subject: str, content: dict[str, Any]) -> None:
        """Let an answer about the structure show an attribute more."""
        for table in content.get("profileTables", [content]):
            if "attributes" not in table:
                continue
            changes = self.faults.happens("structure-changed", subject)
            self._structure_changed = self.faults.is_on("structure-changed") and (self._structure_changed or changes)
            if self._structure_changed and isinstance(table["attributes"], dict):
                table["attributes"][_NEW_ATTRIBUTE] = {"valueType": "String", "mandatory": False, "unique": False}
            elif self._structure_changed:
                new = {"type": "CUSTOM", "name": _NEW_ATTRIBUTE, "unique": False, "mandatory": False}
                table["attributes"].append(new | {"valueType": "STRING", "multiValued": False})

    def _interfere(self, path: str, subject: str) -> None:
        match = _REFERENCE.search(path)
        if match is None:
            return
        name = match[1] or "profileId"
        known = name in BY_NAME and BY_NAME[name].unique
        number = self.state.find(name, match[2]) if known else None
        if number is None:
            return
        profile = self.state.profiles[number]
        if self.faults.happens("profile-deleted", subject):
            self.state.delete(profile)
        elif self.faults.happens("marketers", subject):
            subscribed = [column for column in SUBSCRIPTION_COLUMNS if profile.values.get(column) == "true"]
            edit = {"note": "edited by marketing"}
            if subscribed and self.faults.draw("marketers", f"how {subject}") < 0.5:
                edit = {subscribed[0]: "false"}
            self.state.change(profile, edit, self.state.clock.stamp())
            self.faults.edits.extend(
                {"profileId": profile.id, "column": column, "value": value} for column, value in edit.items()
            )

    def _changing(self, profile: Profile, changes: Mapping[str, str | None] | None) -> None:
        if self._before is not None and self.state.profiles.get(profile.id) is profile:
            created = changes is not None and not profile.values
            self._before.setdefault(profile.id, None if created else dict(profile.values))

    def _show(self, number: int, values: Values | None) -> Values | None:
        """Let a profile have these values, or not exist (None), and return those it had."""
        held = self.state.profiles.get(number)
        before = held.values if held is not None else None
        if held is None and values is not None:
            self.state.restore(Profile(number, values))
        elif held is not None and values is None:
            self.state.hide(held)
        elif held is not None and values is not None:
            self.state.exchange(held, values)
        return before
