"""Traits: what can be asked of every profile, and what many profiles of one cause may have in common.

    Window    when a side's row changed last: within ten minutes, two hours, a day
    Other     the value of another column on the platform: a segment, a country, yes or no
    Origin    what the contract names as the source of a permission
    Value     one and the same value of the cause's own column on a side
    Domain, Prefix, Length   of its right value

An aspect is the question, a trait one answer to it. All are expressions over one shape of rows, which the differing
profiles and all compared profiles can both be brought into: `p0`, `p1` … the platform's cells by position, `s0` … the
sources, `platform_updated` and `truth_updated`; beside them the canonical values of the cause's own column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import ibis

from auditor.engine.functions import declared
from auditor.equality.primitives import blank_to_null, code, truth_value
from auditor.findings.codes import InCommon, Shared
from auditor.findings.reason import Reason
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Contract, Sensitivity

if TYPE_CHECKING:
    import ibis.expr.types as ir

_WINDOWS: Final = (600, 7200)
"""Seconds. Each is laid twice, half of it apart, so that no short import is cut in two."""
_PREFIXES: Final = (1, 2, 3, 4)
LONGEST: Final = 100
"""Characters of a value that are kept: more than anybody wants in a sentence."""
_TEXTS: Final = (Compare.EXACT, Compare.TEXT, Compare.NAME, Compare.EMAIL, Compare.PHONE)
_TOLD_BY_THE_START: Final = (Reason.LEADING_ZERO, Reason.WHITESPACE)
_TOLD_BY_THE_LENGTH: Final = (Reason.TRUNCATED, Reason.TYPO, Reason.DIFFERENT)
"""The length is the damage, or it decided the reason: a short value that differs is never called mistyped."""

Own = Mapping[Side, "ir.StringValue"]
"""Side → the canonical value of a cause's own column."""

_local_time = declared("timezone", ("string", "timestamp('UTC')"), "timestamp")


@dataclass(frozen=True, slots=True)
class Aspect(ABC):
    """Something that can be asked of every profile."""

    @property
    def family(self) -> tuple[object, ...]:
        """Aspects of one family say the same in more or less detail."""
        return (type(self),)

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        """Whether it can say anything about a cause that its reason and pattern do not say already."""
        return True

    @abstractmethod
    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        """The answer for each row; null where there is none."""

    def holds(self, answer: Any, rows: ir.Table, own: Own, zone: str) -> ir.BooleanValue:
        """Whether a row gives this answer; may be null where it does not."""
        holds: ir.BooleanValue = self.value(rows, own, zone) == answer
        return holds

    def public(self, column: Column) -> bool:
        """Whether the answer may be named in a cause of that column: it is no personal value."""
        return True


@dataclass(frozen=True, slots=True)
class Window(Aspect):
    side: Side
    size: int = 0
    """Seconds; 0: a day."""
    offset: int = 0
    """Seconds by which the windows are laid later."""

    @property
    def family(self) -> tuple[object, ...]:
        return Window, self.side

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        moment = rows[f"{self.side.value}_updated"]
        if not self.size:
            return _local_time(ibis.literal(zone), moment).date()
        return ((moment.epoch_seconds() - self.offset) / self.size).floor().cast("int64")


@dataclass(frozen=True, slots=True)
class Other(Aspect):
    position: int
    """Among the compared columns."""
    column: Column = field(compare=False)

    @property
    def family(self) -> tuple[object, ...]:
        return Other, self.position

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        return column.name != self.column.name

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        text = rows[f"p{self.position}"]
        match self.column.compare:
            case Compare.BOOLEAN:
                return truth_value(text)
            case Compare.CODE:
                return blank_to_null(code(text))
            case Compare.DATE | Compare.TIMESTAMP:
                return blank_to_null(text.substr(0, len("YYYY-MM-DD")))
            case _:
                return blank_to_null(text)

    def holds(self, answer: Any, rows: ir.Table, own: Own, zone: str) -> ir.BooleanValue:
        if self.column.compare in (Compare.BOOLEAN, Compare.CODE, Compare.DATE, Compare.TIMESTAMP):
            return Aspect.holds(self, answer, rows, own, zone)
        as_it_is: ir.BooleanValue = rows[f"p{self.position}"] == answer
        return as_it_is

    def public(self, column: Column) -> bool:
        return self.column.compare is Compare.BOOLEAN or self.column.sensitivity is Sensitivity.PUBLIC


@dataclass(frozen=True, slots=True)
class Origin(Aspect):
    position: int
    """Among the sources."""
    name: str
    """The truth's column."""
    permission: str

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        return column.name == self.permission

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        return blank_to_null(rows[f"s{self.position}"].strip())


@dataclass(frozen=True, slots=True)
class OfItself(Aspect):
    """About the values of the cause's own column."""

    @property
    def family(self) -> tuple[object, ...]:
        return (OfItself,)

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        return column.compare in _TEXTS

    def public(self, column: Column) -> bool:
        return column.sensitivity is Sensitivity.PUBLIC


@dataclass(frozen=True, slots=True)
class Value(OfItself):
    side: Side

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        told = reason == Reason.DIFFERENT and " → " in pattern
        return column.compare is not Compare.BOOLEAN and not told

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        return own[self.side]


@dataclass(frozen=True, slots=True)
class Domain(OfItself):
    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        return blank_to_null(_right(own).re_extract("@([^@]+)$", 1))

    def holds(self, answer: str, rows: ir.Table, own: Own, zone: str) -> ir.BooleanValue:
        return _right(own).endswith(f"@{answer}")


@dataclass(frozen=True, slots=True)
class Prefix(OfItself):
    size: int
    """Characters."""

    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        return column.compare in _TEXTS and reason not in _TOLD_BY_THE_START

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        text = _right(own)
        return ibis.ifelse(text.length() > self.size, text.substr(0, self.size), ibis.null(str))

    def holds(self, answer: str, rows: ir.Table, own: Own, zone: str) -> ir.BooleanValue:
        text = _right(own)
        return text.startswith(answer) & (text.length() > self.size)


@dataclass(frozen=True, slots=True)
class Length(OfItself):
    def suits(self, column: Column, reason: str, pattern: str) -> bool:
        return column.compare in _TEXTS and reason not in _TOLD_BY_THE_LENGTH

    def value(self, rows: ir.Table, own: Own, zone: str) -> ir.Value:
        return _right(own).length().cast("int64")

    def public(self, column: Column) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Trait:
    """One answer to a question."""

    aspect: Aspect
    answer: Any
    ends: tuple[int, int] | None = None
    """Of a window, once they are known: the first and last moment in it, in seconds since 1970 (UTC)."""

    def holds(self, rows: ir.Table, own: Own, zone: str) -> ir.BooleanValue:
        """Whether a row has the trait; may be null where it has not."""
        if self.ends is not None and isinstance(self.aspect, Window):
            second: ir.IntegerValue = rows[f"{self.aspect.side.value}_updated"].epoch_seconds()
            return second.between(*self.ends)
        return self.aspect.holds(self.answer, rows, own, zone)

    def facts(self, column: Column, zone: str, *, freely: bool) -> Shared:
        """What a cause of that column says of it; `freely`: whatever value it is may be named."""
        aspect = self.aspect
        named = {"value": str(self.answer)[:LONGEST]} if freely or aspect.public(column) else {}
        match aspect:
            case Window(side):
                first, last = (datetime.fromtimestamp(end, ZoneInfo(zone)).isoformat() for end in self.ends or (0, 0))
                return Shared(InCommon.CHANGED, {"side": side.value, "first": first, "last": last})
            case Other():
                return Shared(InCommon.COLUMN, {"column": aspect.column.name, **named})
            case Origin():
                return Shared(InCommon.SOURCE, {"column": aspect.name, **named})
            case Value(side):
                return Shared(InCommon.VALUE, {"side": side.value, **named})
            case Prefix(size):
                return Shared(InCommon.PREFIX, {"size": size, **named})
            case Domain():
                return Shared(InCommon.DOMAIN, named)
            case _:
                return Shared(InCommon.LENGTH, named)


def aspects(contract: Contract) -> Iterator[Aspect]:
    """What can be asked of the profiles of this contract. Specially protected columns are left out."""
    for side, updated in ((Side.PLATFORM, contract.updated_platform), (Side.TRUTH, contract.updated_truth)):
        if updated is not None:
            yield Window(side)
            for size in _WINDOWS:
                yield Window(side, size)
                yield Window(side, size, size // 2)
    for position, column in enumerate(contract.compared):
        if column.sensitivity is not Sensitivity.SPECIAL and not column.multi_valued:
            yield Other(position, column)
    for position, (name, permission) in enumerate(sources(contract)):
        yield Origin(position, name, permission)
    yield from (Value(side) for side in Side)
    yield Domain()
    yield from (Prefix(size) for size in _PREFIXES)
    yield Length()


def sources(contract: Contract) -> list[tuple[str, str]]:
    """The truth's columns that say where a permission comes from, and the permission's name."""
    return [(column.evidence_source, column.name) for column in contract.permissions if column.evidence_source]


def _right(own: Own) -> ir.StringValue:
    """The truth's value; the platform's where that is empty."""
    return own[Side.TRUTH].fill_null(own[Side.PLATFORM])
