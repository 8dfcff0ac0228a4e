"""How far apart two values may be and still be equal: two numbers, two days, two moments; as people write it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeAlias

import pydantic

from auditor.settings.contract import Compare, Share
from auditor.settings.problems import parse_duration

Distance: TypeAlias = Decimal | Share | timedelta

_DAY = timedelta(days=1)
_LARGEST = Decimal(10) ** 25
"""As many digits before the point have the numbers between which there may be a distance."""
_NUMBER = r"\d+(\.\d+)?"


def parse_distance(text: object) -> Distance:
    """`0.01`, `1%` of the larger of two numbers, or a length of time such as `1d`, `2h`, `90s`.

    Raises ValueError for anything else, and for less than nothing.
    """
    if isinstance(text, timedelta):
        return text
    plain = str(text).strip()
    try:
        return Share(_positive(plain[:-1]) / 100) if plain.endswith("%") else _positive(plain)
    except ValueError:
        pass
    try:
        duration = parse_duration(plain)
    except ValueError:
        duration = None
    if not isinstance(duration, timedelta):
        raise ValueError("a distance such as 0.01, 1%, 1d, 2h or 90s is expected")
    return duration


def unfit(distance: Distance, rule: Compare) -> str | None:
    """Why a distance is none between two values that are compared by a rule; None where it is one."""
    if rule is Compare.NUMBER and isinstance(distance, timedelta):
        return "a distance between numbers is a number or a percentage: 0.01, 1%"
    if rule in (Compare.DATE, Compare.TIMESTAMP) and not isinstance(distance, timedelta):
        return f"a distance between {'days' if rule is Compare.DATE else 'moments'} is a length of time: 1d, 2h, 90s"
    if rule is Compare.DATE and isinstance(distance, timedelta) and distance % _DAY:
        return "a distance between days is one of whole days: 1d"
    if rule not in (Compare.NUMBER, Compare.DATE, Compare.TIMESTAMP):
        return f"only numbers, dates and moments have a distance, and the column is compared as {rule}"
    return None


def rule_for(distance: Distance) -> Compare:
    """How texts are compared between which there is such a distance; a day is read as its first moment."""
    return Compare.TIMESTAMP if isinstance(distance, timedelta) else Compare.NUMBER


def _positive(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0 or value >= _LARGEST or not text.isascii():
        raise ValueError("less than nothing, or no number")
    return value


def _of_a_file(value: Any) -> Distance:
    return parse_distance(value)


InFile = Annotated[
    Distance,
    pydantic.BeforeValidator(_of_a_file),
    pydantic.WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": rf"^{_NUMBER}\s*[%smhd]?$"}]}
    ),
]
"""A distance in a contract: a number, or a text."""
