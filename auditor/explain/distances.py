"""How far the values of a pair are apart: moments by a time, a zone or only their notation, numbers by a factor."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from auditor.explain.moments import COUNTED, Moment, moments
from auditor.explain.spelling import readings
from auditor.explain.telephones import is_telephone
from auditor.findings.reason import Reason

Pair = tuple[str, str]
"""What the platform and the truth hold."""

_ZONES: Final = ("Europe/Brussels", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago",
                 "America/Denver", "America/Los_Angeles", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney")  # fmt: skip
_DAY_AS_TEXT: Final = {
    sep.join(way): re.escape(sep).join(rf"(?P<{part[1].lower()}>\d+)" for part in way)
    for way in (("%Y", "%m", "%d"), ("%d", "%m", "%Y"), ("%m", "%d", "%Y"))
    for sep in "-/."
}
"""How a day is written → the same as a pattern, of days that are in no calendar as well."""
_HOUR: Final = 3600
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Relation(ABC):
    """Something that holds between both values of a pair."""

    @property
    def reason(self) -> Reason:
        return Reason.RELATION

    @property
    @abstractmethod
    def pattern(self) -> str:
        """Names the cause, without a value of a profile."""

    @abstractmethod
    def fits(self, platform: str, truth: str) -> bool:
        """Whether it holds for a pair."""

    def named(self) -> str:
        """The pattern with the values that it holds between, where they may be named."""
        return self.pattern


@dataclass(frozen=True, slots=True)
class OneSided(Relation):
    """A relation in which one side has less than the other."""

    on_platform: bool
    """Whether the platform is that side; else the truth."""

    @property
    def where(self) -> str:
        return where(on_platform=self.on_platform)

    def of(self, platform: str, truth: str) -> Pair:
        """The text that has less, and the other one."""
        return (platform, truth) if self.on_platform else (truth, platform)


def where(*, on_platform: bool) -> str:
    """Names a side as the patterns do."""
    return "on platform" if on_platform else "in truth"


# --- days and moments ---


@dataclass(frozen=True, slots=True)
class Apart(Relation):
    """The moments are so far apart, each read in one way; no distance: they are one and the same."""

    ours: str
    theirs: str
    seconds: int = 0
    """The truth's is later by these."""
    months: int = 0
    """Or by these, on the same day of the month."""
    zone: str = ""
    """Or one side's clock is of this zone …"""
    zoned: str = ""
    """… the side `platform` or `truth`, and the other's is UTC."""
    lost: str = ""
    """Or one side says no `seconds`, or no `time` at all …"""
    lost_by: str = ""
    """… the side `platform` or `truth`."""

    @property
    def reason(self) -> Reason:
        if self.lost:
            return Reason.TRUNCATED
        return Reason.RELATION if self.seconds or self.months or self.zone else Reason.NOTATION

    @property
    def pattern(self) -> str:
        if self.zone:
            return f"the clock of {self.zone} {where(on_platform=self.zoned == 'platform')}"
        if self.lost:
            return f"no {self.lost} {where(on_platform=self.lost_by == 'platform')}"
        if not (self.seconds or self.months):
            return f"{self.ours} → {self.theirs}"
        by = self.seconds or self.months
        return f"{_spoken(abs(self.seconds), abs(self.months))} {'earlier' if by > 0 else 'later'} on platform"

    def fits(self, platform: str, truth: str) -> bool:
        fits = any(self._fit(one, other) for one, other in _beside(platform, truth, (self.ours, self.theirs)))
        return fits or (abs(self.months) == 1 and self._from_zero(platform, truth))

    def _fit(self, one: datetime, other: datetime) -> bool:
        if self.zone:
            local, there = (one, other) if self.zoned == "platform" else (other, one)
            return _in_utc(local, self.zone) == there or _begins(local, there, self.zone)
        if self.lost:
            short, whole = (one, other) if self.lost_by == "platform" else (other, one)
            return short == _without(whole, self.lost)
        if self.months:
            return _months(one, other) == self.months
        return (other - one).total_seconds() == self.seconds

    def _from_zero(self, platform: str, truth: str) -> bool:
        """Whether one side counts the months from zero: some of its days are in no calendar."""
        zero, its, whole, way = (
            (platform, self.ours, truth, self.theirs) if self.months > 0 else (truth, self.theirs, platform, self.ours)
        )
        found = re.fullmatch(_DAY_AS_TEXT.get(its, r"(?!)"), zero)
        if found is None:
            return False
        day = int(found["y"]), int(found["m"]) + 1, int(found["d"])
        there = (one.value for one in moments(whole) if one.spelt == way)
        return any((one.year, one.month, one.day) == day for one in there)


def _beside(platform: str, truth: str, spelt: tuple[str, str]) -> Iterator[tuple[datetime, datetime]]:
    for one in moments(platform):
        for other in moments(truth):
            if (one.spelt, other.spelt) == spelt:
                yield _in_one_century(one, other)


def _in_one_century(one: Moment, other: Moment) -> tuple[datetime, datetime]:
    """A year of two digits is of the century that the other side says; where neither does, of one."""
    if one.short == other.short:
        return one.value, other.value
    if one.short:
        return _nearest(one.value, other.value), other.value
    return one.value, _nearest(other.value, one.value)


def _nearest(short: datetime, whole: datetime) -> datetime:
    century = whole.year - whole.year % 100
    found = []
    for base in (century - 100, century, century + 100):
        try:
            found.append(short.replace(year=base + short.year % 100))
        except ValueError:
            continue
    return min(found, key=lambda one: abs(one - whole), default=short)


def _months(one: datetime, other: datetime) -> int:
    """How many months later the other is, on the same day and at the same time; 0 where it is not."""
    same = (one.day, one.time()) == (other.day, other.time())
    return 12 * (other.year - one.year) + other.month - one.month if same else 0


def _begins(local: datetime, there: datetime, zone: str) -> bool:
    """Whether a day begins then by one of the two clocks that the zone has in a year of now: programs ask of no year
    what its clocks were.
    """
    if local.time() != time():
        return False
    return any(local - there == datetime(2024, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))


def _without(whole: datetime, lost: str) -> datetime:
    short = whole.replace(second=0, microsecond=0)
    return short if lost == "seconds" else short.replace(hour=0, minute=0)


def _lost(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """What one way to write a moment says and the other does not, and the side that does not."""
    for lost, written in (("time", "%M"), ("seconds", "%S")):
        if (written in ours) != (written in theirs):
            yield lost, "truth" if written in ours else "platform"
            return


@lru_cache(100_000)
def _in_utc(local: datetime, zone: str) -> datetime:
    try:
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return local


def _spoken(seconds: int, months: int) -> str:
    """`1 day`, `2 hours`, `1 hour 30 minutes`, `100 years`."""
    units = ((12, "year"), (1, "month")) if months else ((_DAY, "day"), (_HOUR, "hour"), (60, "minute"), (1, "second"))
    left, parts = months or seconds, []
    for size, name in units:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {name}{'s' if number > 1 else ''}")
    return " ".join(parts)


def moments_apart(pairs: Sequence[Pair], zone: str) -> Iterator[Apart]:
    by_ways: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for platform, truth in pairs:
        for one in moments(platform):
            for other in moments(truth):
                if not (one.spelt in COUNTED and other.spelt in COUNTED):
                    by_ways[one.spelt, other.spelt].append(_in_one_century(one, other))
    for (ours, theirs), both in by_ways.items():
        if 2 * len(both) < len(pairs):
            continue
        apart = Counter(int((other - one).total_seconds()) for one, other in both)
        if apart[0] and ours != theirs:
            yield Apart(ours, theirs)
        months = Counter(number for one, other in both if (number := _months(one, other)))
        yield from (Apart(ours, theirs, months=number) for number, _ in months.most_common(1))
        yield from (Apart(ours, theirs, seconds) for seconds, _ in apart.most_common(1) if seconds)
        hours = {seconds for seconds, number in apart.most_common(2) if seconds and abs(seconds) <= 14 * _HOUR}
        if hours and max(hours) - min(hours) in (0, _HOUR) and len(apart) > 1:
            for name in dict.fromkeys((zone, *_ZONES)):
                yield from (Apart(ours, theirs, zone=name, zoned=side) for side in ("platform", "truth"))
        yield from (Apart(ours, theirs, lost=lost, lost_by=side) for lost, side in _lost(ours, theirs))


# --- numbers ---


@dataclass(frozen=True, slots=True)
class Times(Relation):
    """The truth's number is the platform's, multiplied or with something added."""

    factor: Decimal = Decimal(1)
    more: Decimal = Decimal(0)

    @property
    def pattern(self) -> str:
        if self.more:
            return f"{_plain(abs(self.more))} {'less' if self.more > 0 else 'more'} on platform"
        if self.factor == -1:
            return "the other sign on platform"
        larger = abs(self.factor) >= 1
        times = self.factor if larger else 1 / self.factor
        return f"{_plain(times)} times {where(on_platform=not larger)}"

    def fits(self, platform: str, truth: str) -> bool:
        if is_telephone(platform) or is_telephone(truth):
            return False
        for one in readings(platform):
            for other in readings(truth):
                exponent = other.normalize().as_tuple().exponent
                rounded = Decimal(5).scaleb(min(int(exponent), 0) - 1) if _rounds(self.factor) else Decimal(0)
                if (one or self.more) and abs(one * self.factor + self.more - other) <= rounded:
                    return True
        return False


def _plain(number: Decimal) -> str:
    return f"{round(number, 6).normalize():f}"


def _rounds(factor: Decimal) -> bool:
    """Whether a product may have been rounded: that of a power of ten never is."""
    return factor.normalize().as_tuple().digits != (1,)


def numbers_apart(pairs: Sequence[Pair]) -> Iterator[Times]:
    counted = (pair for pair in pairs if not any(map(is_telephone, pair)))
    read = [(min(one), min(other)) for p, t in counted if (one := readings(p)) and (other := readings(t))]
    if 2 * len(read) < len(pairs):
        return
    differences = Counter(other - one for one, other in read)
    ratios: Counter[Decimal] = Counter()
    for ours, theirs in read:
        try:
            ratios[(theirs / ours).normalize()] += 1
        except (DivisionByZero, InvalidOperation, Overflow):
            continue
    yield from (Times(factor) for factor, _ in ratios.most_common(1) if _tells(factor))
    yield from (Times(more=more) for more, _ in differences.most_common(1) if more)
    large = max((pair for pair in read if pair[0] and pair[1]), key=lambda pair: abs(pair[1]), default=None)
    if large is not None:
        factor = Decimal(f"{large[1] / large[0]:.4g}").normalize()
        if _tells(factor):
            yield Times(factor)


def _tells(factor: Decimal) -> bool:
    """Whether it is a factor at all: large numbers that are near each other have one of nearly 1."""
    return factor != 0 and abs(factor - 1) >= Decimal("0.001")
