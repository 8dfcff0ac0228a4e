"""Sudden jumps: a column with more empty cells than in the last runs, or with more of one value.

Two shares are compared by Cohen's h, the difference of their angles 2·asin(√share): from 0 to 1 % is as large a step
there as from 50 to 60 % (h = 0.2, "a small effect"; J. Cohen, Statistical Power Analysis, 1988), and chance has the
same spread at every share, 1/√rows. A jump is larger than what was asked for, than four times chance, and than three
times what the last runs swing by themselves.

What is kept of a run for the next ones is counts; of a value it is a keyed hash, which says nothing without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import asin, sqrt
from statistics import median
from typing import Any, Final

from auditor.findings.codes import Code, Notice
from auditor.findings.words import share
from auditor.validate.suite import JUMP, Suite

COMMONEST: Final = 10
"""Values of a column that are counted."""

EFFECT: Final = 0.2
RUNS: Final = 7
LEAST_ROWS: Final = 50

_CHANCE: Final = 4.0
"""Standard errors that are still chance: with thousands of columns and runs, none jumps by it."""
_SWING: Final = 3 * 1.4826
"""Times the median deviation of the last runs: three standard deviations, where these are normal."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run saw in a column of one side."""

    rows: int
    filled: int
    marks: Mapping[str, int]
    """Mark of each of the commonest values → rows that have it."""

    @property
    def empty(self) -> float:
        """The share of empty cells."""
        return 1 - self.filled / self.rows if self.rows else 0.0

    def of(self, mark: str) -> float:
        """The share of a value; of one that is not among the commonest, the share that it has at most."""
        rarest = min(self.marks.values(), default=0) if len(self.marks) >= COMMONEST else 0
        return self.marks.get(mark, rarest) / self.rows if self.rows else 0.0

    def content(self) -> dict[str, Any]:
        """The form in `validation.json`."""
        return {"rows": self.rows, "filled": self.filled, "marks": dict(self.marks)}


@dataclass(frozen=True, slots=True)
class Jump:
    """One share that jumped."""

    mark: str | None
    """Of the value; None: of empty cells."""
    now: float
    before: tuple[float, ...]
    """The shares in the last runs."""

    @property
    def sentence(self) -> str:
        """What jumped, without the value."""
        what = "is empty" if self.mark is None else "has one and the same value"
        low, high = share(min(self.before)), share(max(self.before))
        runs = "the last run" if len(self.before) == 1 else f"the last {len(self.before)} runs"
        return f"{share(self.now)} {what}, {low if low == high else f'{low} to {high}'} in {runs}"


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs saw of one side, for the next one to compare with."""

    key: str = ""
    """The secret of the marks."""
    figures: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Subject → figures of each run, as they are stored, the newest first."""


def subject(kwargs: Mapping[str, Any]) -> str:
    """What the figures of an expectation are of: a column, and the rows and values that it looks at."""
    parts = [kwargs.get(name) for name in ("column", "values", "row_condition")]
    return json.dumps([parts[0], parts[1] is not False, parts[2]], sort_keys=True, default=str)


def wanted_runs(suite: Suite) -> int:
    """How many earlier runs the expectations of a suite compare with; 0 where none does."""
    asked = [one.kwargs.get("runs", RUNS) for one in suite.expectations if one.type == JUMP]
    return max((runs for runs in asked if isinstance(runs, int)), default=0)


def figures(content: Mapping[str, Any]) -> Figures:
    """Raises KeyError, TypeError or ValueError for what is none."""
    marks = {str(mark): int(rows) for mark, rows in content["marks"].items()}
    return Figures(int(content["rows"]), int(content["filled"]), marks)


def mark(value: str, key: str) -> str:
    """What stands for a value from run to run: 16 hex digits."""
    return hmac.new(key.encode(), value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:16]


def jumps(now: Figures, before: Sequence[Figures], effect: float = EFFECT) -> Iterator[Jump]:
    """What jumped, empty cells first, then the commonest value first; nothing where there is nothing to compare with.

    `effect` is the least step (Cohen's h).
    """
    if not before or not now.rows:
        return
    rows = median(one.rows for one in before)
    chance = _CHANCE * sqrt(1 / now.rows + 1 / max(rows, 1))

    def jumped(shares: Sequence[float], present: float) -> bool:
        angles = [_angle(one) for one in shares]
        middle = median(angles)
        swing = _SWING * median(abs(angle - middle) for angle in angles)
        return _angle(present) - middle > max(effect, chance, swing)

    shares = tuple(one.empty for one in before)
    if jumped(shares, now.empty):
        yield Jump(None, now.empty, shares)
    for name in sorted(now.marks, key=lambda name: -now.marks[name]):
        shares = tuple(one.of(name) for one in before)
        if jumped(shares, now.of(name)):
            yield Jump(name, now.of(name), shares)


def nothing_to_compare(now: Figures, before: Sequence[Figures], least_rows: int) -> Notice | None:
    """Why a jump cannot be told from chance or from a beginning; None where it can."""
    if now.rows < least_rows:
        return Notice(Code.TOO_FEW_ROWS, {"least": least_rows})
    return None if before else Notice(Code.NO_EARLIER_RUN)


def _angle(part: float) -> float:
    return 2 * asin(sqrt(min(max(part, 0.0), 1.0)))
