"""What a real platform does wrong, by name: which faults there are, which are on, and when each happens.

Whether a fault happens is drawn from the seed, the fault, what it would happen to (a call, a row, a file) and how often
that came by: the same calls meet the same fate in every run, in whatever order threads make them. Each fault is carried
out in the one module that the registry names.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble."""

    rate: float
    """How often it happens where no rate is given: 0 never, 1 at every opportunity."""
    sentence: str
    module: str
    """Where it is carried out."""


FAULTS: Final[Mapping[str, Fault]] = {
    "slow": Fault(0.2, "an answer takes up to a second longer", "wire"),
    "throttle": Fault(0.2, "others used the calls of the minute up: the call is slowed down", "wire"),
    "429": Fault(0.1, "a call is answered 429", "wire"),
    "429-retry-after": Fault(0.1, "a call is answered 429 with Retry-After: 1", "wire"),
    "500": Fault(0.1, "a call is answered 500, in half the cases after it was carried out", "wire"),
    "503": Fault(0.1, "a call is answered 503 and not carried out", "wire"),
    "503-retry-after": Fault(0.1, "a call is answered 503 with Retry-After: 1 and not carried out", "wire"),
    "drop-before": Fault(0.1, "the connection is dropped and the call not carried out", "wire"),
    "drop-after": Fault(0.1, "the call is carried out and the connection dropped before the answer", "wire"),
    "duplicate": Fault(0.1, "the call arrives and is carried out twice; the second answer comes back", "wire"),
    "truncated": Fault(0.1, "the answer ends in the middle, with or without a dropped connection", "wire"),
    "redirect": Fault(0.1, "a call is answered 307, to an address without https", "wire"),
    "expired-token": Fault(0.1, "every token ends just before a call", "wire"),
    "other-clients": Fault(0.2, "other clients hold all concurrent requests of the licence: 429", "wire"),
    "quota-used": Fault(1, "others used today's imports of the table up", "wire"),
    "structure-changed": Fault(0.5, "from some call on, the table has an attribute more", "wire"),
    "eventual": Fault(0.3, "what a call writes can be read two seconds later only", "meanwhile"),
    "marketers": Fault(0.1, "a marketer edits a profile or ends a subscription just before it is read", "meanwhile"),
    "profile-deleted": Fault(0.05, "a profile is deleted just before it is read or imported", "meanwhile"),
    "rows-refused": Fault(0.2, "rows of an import are refused, with every error code in turn", "imports"),
    "import-slow": Fault(1, "an import waits an hour in the queue", "imports"),
    "import-pending": Fault(1, "an import stays pending for as long as the fault is on", "imports"),
    "import-fails": Fault(1, "an import fails as a whole, in half the cases with some rows written", "imports"),
    "export-half": Fault(1, "an export is half uploaded", "files"),
    "export-bom": Fault(1, "an export begins with a byte order mark", "files"),
    "export-separator": Fault(1, "an export is separated by commas", "files"),
    "export-unknown-column": Fault(1, "an export has a column that the structure does not have", "files"),
    "export-reordered": Fault(1, "the columns of an export come in another order", "files"),
    "export-duplicates": Fault(0.1, "rows of an export stand in it twice", "files"),
    "export-crlf": Fault(1, "the lines of an export end with CRLF", "files"),
    "export-quotes": Fault(0.2, "notes hold quotes, separators and line breaks", "files"),
}


@dataclass(slots=True)
class Active:
    """A fault that is on."""

    rate: float
    left: int | None = None
    """How often it may still happen; None: without end."""
    on: str = ""
    """Only where this is part of what it would happen to, such as `POST /mass-imports`."""


@dataclass(slots=True)
class Faults:
    """Which faults are on, and how often each happened."""

    seed: int = 0
    initial: Mapping[str, float] = field(default_factory=dict)
    """Those that are on from the start, with their rates."""
    active: dict[str, Active] = field(default_factory=dict)
    happened: Counter[str] = field(default_factory=Counter)
    edits: list[dict[str, object]] = field(default_factory=list)
    """What marketers changed: profileId, column and value, in their order."""
    _met: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew: counts at zero, and the initial faults on."""
        self.active = {name: Active(rate) for name, rate in self.initial.items()}
        self.happened.clear()
        self.edits.clear()
        self._met.clear()

    def happens(self, name: str, subject: str) -> bool:
        """Whether `name` happens to `subject` now; counted if so. `subject` is compared and hashed, never shown."""
        active = self.active.get(name)
        if active is None or active.left == 0 or active.on not in subject:
            return False
        if self.draw(name, subject) >= active.rate:
            return False
        if active.left is not None:
            active.left -= 1
        self.happened[name] += 1
        return True

    def draw(self, name: str, subject: str) -> float:
        """A number from 0 to below 1: for this seed always the same the n-th time."""
        self._met[name, subject] += 1
        text = f"{self.seed}|{name}|{self._met[name, subject]}|{subject}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56

    def is_on(self, name: str) -> bool:
        return name in self.active

    def set(self, given: Mapping[str, Any]) -> None:
        """Switch faults on: name to rate, to `{"rate", "times", "on"}`, to None for its usual rate, or to 0 for off.

        Raises SettingsError for an unknown name or an impossible rate, with nothing switched.
        """
        wanted = {name: _active(name, value) for name, value in given.items()}
        for name, active in wanted.items():
            if active.rate > 0:
                self.active[name] = active
            else:
                self.active.pop(name, None)

    def clear(self) -> None:
        """Switch every fault off; the counts stay."""
        self.active.clear()

    def answer(self) -> dict[str, Any]:
        """Answers `/_sandbox/faults`: what is on, how often each fault happened, and what marketers edited."""
        return {
            "seed": self.seed,
            "on": {name: {"rate": one.rate, "times": one.left, "on": one.on} for name, one in self.active.items()},
            "happened": dict(sorted(self.happened.items())),
            "edits": self.edits,
            "known": {name: fault.sentence for name, fault in FAULTS.items()},
        }


def parse(options: Iterable[str]) -> dict[str, float]:
    """`NAME` or `NAME=RATE`, each as given to `--fault`. Raises SettingsError."""
    given: dict[str, float] = {}
    for option in options:
        name, equals, rate = option.partition("=")
        try:
            given[name] = _active(name, float(rate) if equals else None).rate
        except ValueError:
            raise SettingsError(f'the rate of the fault "{name}" is not a number', hint="from 0 to 1") from None
    return given


def listing() -> str:
    """Every fault in one line: name, usual rate, what happens."""
    return "\n".join(f"{name:<22} {fault.rate:<5g} {fault.sentence}" for name, fault in FAULTS.items())


def _active(name: str, value: Any) -> Active:
    if name not in FAULTS:
        near = difflib.get_close_matches(name, FAULTS, 1, 0.4)
        hint = f'the nearest is "{near[0]}"; ' if near else ""
        raise SettingsError(f'there is no fault "{name}"', hint=f"{hint}auditor sandbox --list-faults names all")
    details = dict(value) if isinstance(value, Mapping) else {"rate": value}
    rate, left, on = details.pop("rate", None), details.pop("times", None), details.pop("on", "")
    rate = FAULTS[name].rate if rate is None else rate
    plain = isinstance(rate, int | float) and not isinstance(rate, bool) and 0 <= rate <= 1
    if details or not plain or not (left is None or (isinstance(left, int) and left >= 0)) or not isinstance(on, str):
        raise SettingsError(f'the fault "{name}" takes a rate from 0 to 1, "times" and "on"')
    return Active(float(rate), left, on)
