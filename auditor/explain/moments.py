"""Days and moments as files write them: every way in which a text can be read as one.

A way is named in strptime's words, or in plain ones where strptime has none: `seconds since 1970`, `Excel's days`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from auditor.settings import date_formats
from auditor.settings.months import MONTHS, SHORT

_REMEMBERED: Final = 100_000
_TIME: Final = (
    r"(?P<between>[T ]|, ?)(?P<H>\d{1,2}):(?P<M>\d{2})(?P<seconds>:(?P<S>\d{2})(?P<fraction>[.,]\d{1,9})?)?"
    r"(?P<half> ?[AaPp]\.?[Mm]\.?)?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
)
_NUMBERS: Final = re.compile(rf"(?P<a>\d{{1,4}})(?P<s>[-/. ])(?P<b>\d{{1,2}})(?P=s)(?P<c>\d{{1,4}})(?:{_TIME})?")
_NAMED: Final = re.compile(
    r"(?:(?P<d>\d{1,2})(?P<s>\.? ?| de |-)(?P<m>[^\W\d_]{3,12}\.?)"
    r"|(?P<m2>[^\W\d_]{3,12}\.?) (?P<d2>\d{1,2})(?P<s2>,?))"
    rf"(?P<s3>[ -]| de )(?P<y>\d{{4}}|\d\d)(?:{_TIME})?"
)
_WEEKDAYS: Final = tuple(
    names.split()
    for names in (
        "mon monday ma maandag lun lundi mo montag", "tue tuesday di dinsdag mar mardi dienstag",
        "wed wednesday wo woensdag mer mercredi mi mittwoch", "thu thursday do donderdag jeu jeudi donnerstag",
        "fri friday vr vrijdag ven vendredi fr freitag", "sat saturday za zaterdag sam samedi sa samstag",
        "sun sunday zo zondag dim dimanche so sonntag",
    )
)  # fmt: skip
"""The days of the week, Monday first, in English, Dutch, French and German."""
_WEEKDAY: Final = re.compile(rf"(?P<name>{'|'.join(sorted({n for names in _WEEKDAYS for n in names}, key=len)[::-1])})"
                             r"(?:\.?,? )", re.IGNORECASE)  # fmt: skip
_WHOLE_NAME: Final = 5
_YEAR_LAST: Final = re.compile(
    r"(?P<day>[A-Z][a-z]{2} \d\d?) (?:(?P<time>\d\d:\d\d:\d\d)(?P<zone> UTC| GMT)? (?P<year>\d{4}))"
)
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)Z?)?")
_COUNTED: Final = re.compile(r"-?\d{1,13}(\.\d{1,10})?")
_BEGAN: Final = {one.said: (datetime.fromisoformat(one.began), one.seconds) for one in date_formats.COUNTED.values()}
COUNTED: Final = frozenset(_BEGAN)
"""Ways to write a day or a moment as a number."""


class Moment(NamedTuple):
    """One way to read a text."""

    spelt: str
    """How it is written."""
    value: datetime
    """Local, or UTC where the text says how far from it and `spelt` ends in `%z`."""
    short: bool
    """Whether its year has two digits."""


@lru_cache(_REMEMBERED)
def moments(text: str) -> tuple[Moment, ...]:
    """Every way to read a text as a day or a moment; none for what is no such text."""
    plain = unicodedata.normalize("NFC", text.strip())
    if found := _NUMBERS.fullmatch(plain):
        return tuple(_of_numbers(found))
    if found := _NAMED.fullmatch(plain):
        return tuple(_of_a_name(found))
    if found := _WEEKDAY.match(plain):
        return tuple(_of_a_weekday(plain[: found.end()], plain[found.end() :], found["name"].lower()))
    whole = tuple(_compact(plain))
    return (*whole, *_counted(plain)) if _COUNTED.fullmatch(plain) else whole


def _of_a_weekday(before: str, rest: str, name: str) -> Iterator[Moment]:
    """What stands behind the name of a weekday, where it is one; in C's and JavaScript's order the year comes last."""
    if found := _YEAR_LAST.fullmatch(rest):
        rest = f"{found['day']} {found['year']} {found['time']}{(found['zone'] or '').removeprefix(' GMT')}"
    spelt = before.replace(before[: len(name)], "%a" if len(name) < _WHOLE_NAME else "%A")
    for one in moments(rest):
        if name in _WEEKDAYS[one.value.weekday()] or one.spelt.endswith("%z"):
            yield one._replace(spelt=f"{spelt}{one.spelt}")


def _of_numbers(found: re.Match[str]) -> list[Moment]:
    a, b, c, s = found["a"], found["b"], found["c"], found["s"]
    if len(a) == 4:
        ways = [("%Y", "%m", "%d")]
    elif len(c) == 4:
        ways = [("%d", "%m", "%Y"), ("%m", "%d", "%Y")]
    elif max(len(a), len(c)) <= 2:
        ways = [("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d")]
    else:
        return []
    read = (_with_time(found, s.join(way), dict(zip(way, map(int, (a, b, c)), strict=True))) for way in ways)
    return [moment for several in read for moment in several]


def _of_a_name(found: re.Match[str]) -> list[Moment]:
    name = (found["m"] or found["m2"]).lower().rstrip(".")
    month = MONTHS.get(name)
    year = "%Y" if len(found["y"]) == 4 else "%y"
    if month is None:
        return []
    day = int(found["d"] or found["d2"])
    read = []
    for written in ("%b", "%B") if name in SHORT else ("%B",):
        first = f"%d{found['s']}{written}" if found["d"] else f"{written} %d{found['s2']}"
        read += _with_time(found, f"{first}{found['s3']}{year}", {"%d": day, "%m": month, year: int(found["y"])})
    return read


def _with_time(found: re.Match[str], spelt: str, parts: dict[str, int]) -> list[Moment]:
    """The moment of a day and the time behind it; two where it says how far from UTC it is: UTC, and the local one."""
    short = "%y" in parts
    try:
        value = datetime(parts.get("%Y", 1900 + parts.get("%y", 0)), parts["%m"], parts["%d"])  # noqa: DTZ001 -- local
        if not found["H"]:
            return [Moment(spelt, value, short)]
        hours = int(found["H"])
        if half := found["half"]:
            hours = hours % 12 + (12 if half.strip().lower().startswith("p") else 0)
        fraction = f"{(found['fraction'] or '.0')[1:]:0<6}"[:6]
        value = value.replace(
            hour=hours, minute=int(found["M"]), second=int(found["S"] or 0), microsecond=int(fraction)
        )
    except ValueError:
        return []
    clock = "%I:%M" if half else "%H:%M"
    clock += (":%S" if found["S"] else "") + (".%f" if found["fraction"] else "") + (" %p" if half else "")
    spelt = f"{spelt}{found['between']}{clock}"
    if not (zone := found["zone"]):
        return [Moment(spelt, value, short)]
    try:
        return [Moment(f"{spelt}%z", value - _offset(zone.strip()), short), Moment(f"{spelt} (local)", value, short)]
    except OverflowError:
        return []


def _offset(zone: str) -> timedelta:
    if zone[0] not in "+-":
        return timedelta(0)
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]) if len(zone) > 3 else 0)
    return -away if zone[0] == "-" else away


def _compact(text: str) -> list[Moment]:
    found = _COMPACT.fullmatch(text)
    if not found or not "1000" <= found[1] < "2200":
        return []
    try:
        value = datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return []
    return [Moment("%Y%m%d" + ("%H%M%S" if found[4] else ""), value, False)]


def _counted(text: str) -> list[Moment]:
    number = float(text)
    found = []
    for spelt, (began, size) in _BEGAN.items():
        try:
            value = began + timedelta(seconds=round(number * size, 3))
        except OverflowError:
            continue
        if 1800 < value.year < 2200:
            # A fraction of a day says a second only so well.
            exact = value + timedelta(microseconds=500_000) if size > 1 else value
            found.append(Moment(spelt, exact.replace(microsecond=0) if size > 1 else exact, False))
    return found
