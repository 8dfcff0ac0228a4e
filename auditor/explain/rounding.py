"""Numbers that one side has rounded, or whose decimals it has left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from auditor.explain.distances import OneSided, Pair
from auditor.explain.spelling import readings
from auditor.explain.telephones import is_telephone
from auditor.findings.reason import Reason


@dataclass(frozen=True, slots=True)
class Rounded(OneSided):
    """One side has the number of the other with so many decimals."""

    places: int
    cut: bool
    """Whether the others were left out, and not rounded."""

    @property
    def reason(self) -> Reason:
        return Reason.TRUNCATED

    @property
    def pattern(self) -> str:
        return f"{'decimals left out' if self.cut else 'rounded'} {self.where}"

    def fits(self, platform: str, truth: str) -> bool:
        if is_telephone(platform) or is_telephone(truth):
            return False
        short, whole = self.of(platform, truth)
        return any(self._fit(one, other) for one in readings(short) for other in readings(whole))

    def _fit(self, short: Decimal, whole: Decimal) -> bool:
        if decimals(short) > self.places or decimals(whole) <= self.places:
            return False
        last = Decimal(1).scaleb(-self.places)
        ways = (ROUND_DOWN,) if self.cut else (ROUND_HALF_UP, ROUND_HALF_EVEN)
        return any(whole.quantize(last, way) == short for way in ways)


def rounded(pairs: Sequence[Pair]) -> Iterator[Rounded]:
    """What may have been rounded in a column, and how."""
    for on_platform in (True, False):
        ours, theirs = (0, 1) if on_platform else (1, 0)
        counted = Counter(
            decimals(min(short))
            for pair in pairs
            if (short := readings(pair[ours])) and (whole := readings(pair[theirs]))
            if decimals(min(short)) < decimals(min(whole))
        )
        if 2 * counted.total() >= len(pairs):
            for places in sorted(places for places, _ in counted.most_common(2)):
                yield from (Rounded(on_platform, places, cut) for cut in (False, True))


def decimals(number: Decimal) -> int:
    """How many decimals a number has, zeros at the end apart."""
    return max(0, -int(number.normalize().as_tuple().exponent))
