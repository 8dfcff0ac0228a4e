"""What the values of two columns have in common: they are read row by row for people that both sides have.

Texts come as they stand in the files, `None` where a cell is empty. Nothing but shares, formats and short lists of
codes leaves this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Final

from auditor.equality.yes_no import NO, YES
from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS, AttributeType

Cells = Sequence[str | None]

ENOUGH: Final = 10
"""Fewer people with a value on both sides prove nothing."""
FEW: Final = 20
"""More different values than this are no codes."""
_CERTAIN: Final = 0.6
"""Share of its occurrences in which a code must stand for the same value of the platform."""
_CACHE: Final = 1_000_000
"""Spellings remembered per function: each column is held against all of the other side."""

FORMATS: Final = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%d.%m.%y")
"""How dates are written beside ISO 8601, the likeliest in Europe first."""

_YES: Final = {*YES, "o"}
_NO: Final = {*NO}
_READABLE: Final = {*TRUE_SPELLINGS, *FALSE_SPELLINGS}
"""What the platform reads by itself."""

_CODES: Final[Mapping[AttributeType, Mapping[str, str]]] = {
    AttributeType.SEX: {
        **dict.fromkeys(("h", "homme", "man", "male", "mann", "masculin", "mannelijk", "maennlich", "heer"), "M"),
        **dict.fromkeys(("v", "w", "vrouw", "femme", "female", "frau", "feminin", "vrouwelijk", "weiblich"), "F"),
    },
    AttributeType.TITLE: {
        **dict.fromkeys(("dhr", "m", "mr", "herr", "monsieur", "meneer", "de heer", "hr"), "Mr"),
        **dict.fromkeys(("mevr", "mevrouw", "mme", "madame", "frau", "mrs", "mw", "fr"), "Mrs"),
        **dict.fromkeys(("ms", "mej", "mlle", "mademoiselle", "juffrouw", "miss"), "Ms"),
    },
    AttributeType.LANGUAGE: {
        **dict.fromkeys(("french", "francais", "frans", "franzosisch", "franzoesisch", "fra", "fre"), "FR"),
        **dict.fromkeys(("dutch", "neerlandais", "nederlands", "niederlandisch", "niederlaendisch", "nld"), "NL"),
        **dict.fromkeys(("german", "allemand", "duits", "deutsch", "deu", "ger"), "DE"),
        **dict.fromkeys(("english", "anglais", "engels", "englisch", "eng"), "EN"),
    },
    AttributeType.BOOLEAN: {**dict.fromkeys(_YES - _READABLE, "true"), **dict.fromkeys(_NO - _READABLE, "false")},
}
"""Codes that mean one value of the platform, whoever writes them; folded, without dots."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the truth's cells of one column are to be read for an attribute."""

    format: str | None = None
    decimal: str = "."
    values: Mapping[str, str] = field(default_factory=dict)
    fits: float = 1.0
    """Share of the filled cells that can be read so."""
    unsure: str = ""
    """What a person should look at, empty where nothing."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two columns say the same of the same people."""

    people: int
    """Who have a value on both sides."""
    share: float
    beyond_chance: float
    """The share beyond what two unrelated columns with these values would have: Cohen's kappa, not below 0."""
    different: int
    """Different values on the platform's side: few of them prove less."""


def reading(kind: AttributeType, truth: Cells, platform: Cells = (), allowed: Sequence[str] = ()) -> Reading:
    """How to read the truth's cells as `kind`; `platform` are the same people's cells there, where they are known."""
    filled = [cell.strip() for cell in truth if cell and cell.strip()]
    if not filled:
        return Reading()
    if kind in (AttributeType.DATE, AttributeType.TIMESTAMP):
        return _dates(kind, filled, truth, platform)
    if kind in (AttributeType.NUMERIC, AttributeType.INTEGER, AttributeType.LONG):
        comma = sum(bool(re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell)) for cell in filled)
        dot = sum(bool(re.fullmatch(r"[+-]?[0-9]+\.[0-9]+", cell)) for cell in filled)
        whole = sum(bool(re.fullmatch(r"[+-]?[0-9]+", cell)) for cell in filled)
        decimal = "," if comma > dot else "."
        return Reading(decimal=decimal, fits=(whole + max(comma, dot)) / len(filled))
    values = _codes(kind, truth, platform, allowed)
    return Reading(values=values, fits=_fitting(kind, [values.get(cell, cell) for cell in filled]))


def agreement(kind: AttributeType, platform: Cells, truth: Cells, how: Reading, *, several: bool = False) -> Agreement:
    """Compare the cells of the same people, in the same order."""
    form = _form(kind, several)
    if kind is AttributeType.DATE and how.format:
        theirs = _formatted(how.format)
    else:
        number = how.decimal == ","
        theirs = (lambda cell: form(cell.replace(",", "."))) if number else form
    pairs = [
        (form(one), theirs(how.values.get(two.strip(), two)))
        for one, two in zip(platform, truth, strict=True)
        if one and two and one.strip() and two.strip()
    ]
    if not pairs:
        return Agreement(0, 0.0, 0.0, 0)
    people = len(pairs)
    share = sum(one == two for one, two in pairs) / people
    left, right = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    chance = sum(number * right[value] for value, number in left.items()) / people**2
    beyond = (share - chance) / (1 - chance) if chance < 1 else 0.0
    return Agreement(people, share, max(0.0, beyond), len(left))


def country(phones: Cells, countries: Cells) -> str | None:
    """The country of most phone numbers in international form, else of most addresses; None where nothing says."""
    prefixes = {"32": "BE", "33": "FR", "31": "NL", "49": "DE", "352": "LU", "44": "GB", "41": "CH", "43": "AT",
                "34": "ES", "39": "IT", "351": "PT"}  # fmt: skip
    found: Counter[str] = Counter()
    for phone in phones:
        digits = re.sub(r"[^+0-9]", "", phone or "").replace("+00", "+")
        if digits.startswith("+"):
            found.update(prefixes[digits[1:size]] for size in (4, 3) if digits[1:size] in prefixes)
    if not found:
        found.update(cell.strip().upper() for cell in countries if cell and re.fullmatch(r"\s*[A-Za-z]{2}\s*", cell))
    return found.most_common(1)[0][0] if found else None


def all_moments(cells: Cells) -> bool:
    """Whether every filled cell is a moment or a day in ISO 8601, and there is one."""
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    return bool(filled) and all(_iso(cell) for cell in filled)


@lru_cache(_CACHE)
def folded(text: str) -> str:
    """Case, accents, blanks and dots do not matter."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(plain.replace(".", " ").casefold().split())


def _dates(kind: AttributeType, filled: Sequence[str], truth: Cells, platform: Cells) -> Reading:
    iso = sum(_iso(cell) for cell in filled) / len(filled)
    if iso >= 0.5 or kind is AttributeType.TIMESTAMP:
        return Reading(fits=iso)
    ways: list[tuple[float, float, str]] = []
    for spelt in FORMATS:
        read = _formatted(spelt)
        fits = sum(not read(cell).startswith("?") for cell in filled) / len(filled)
        same = 0.0
        if fits and platform:
            same = agreement(kind, platform, truth, Reading(format=spelt)).share
        ways.append((round(fits, 3), same, spelt))
    fits, same, spelt = max(ways, key=lambda way: (way[0] > 0.5, way[1], way[0]))
    if not fits:
        return Reading(fits=0.0)
    rivals = [other for share, agreed, other in ways if other != spelt and share == fits and agreed == same]
    unsure = f"{rivals[0]} would be read as well: which is right cannot be seen" if rivals else ""
    return Reading(format=spelt, fits=fits, unsure=unsure)


def _codes(kind: AttributeType, truth: Cells, platform: Cells, allowed: Sequence[str]) -> dict[str, str]:
    """Truth value → the platform's, for a handful of codes whose meaning is known or shows in the same people."""
    known = _CODES.get(kind, {})
    seen = Counter(cell.strip() for cell in truth if cell and cell.strip())
    if (not known and not allowed) or len(seen) > FEW:
        return {}
    together: dict[str, Counter[str]] = {}
    for one, two in zip(platform, truth, strict=False):
        if one and two and one.strip() and two.strip():
            together.setdefault(two.strip(), Counter())[one.strip()] += 1
    targets = {folded(value): value for value in (*allowed, *_TARGETS.get(kind, ()))}
    found = {}
    for value in sorted(seen):
        if _right(kind, value, allowed):
            continue
        if folded(value) in targets:
            found[value] = targets[folded(value)]
        elif folded(value) in known:
            found[value] = known[folded(value)]
        elif value in together:
            likeliest, number = together[value].most_common(1)[0]
            people = together[value].total()
            if people >= ENOUGH and number / people >= _CERTAIN and (likeliest in allowed or not allowed):
                found[value] = likeliest
    return found


_TARGETS: Final[Mapping[AttributeType, tuple[str, ...]]] = {
    AttributeType.SEX: ("M", "F"),
    AttributeType.TITLE: ("Mr", "Mrs", "Ms"),
}


def _right(kind: AttributeType, value: str, allowed: Sequence[str]) -> bool:
    """Whether the platform takes a code as it stands."""
    if kind is AttributeType.BOOLEAN:
        return value.casefold() in _READABLE
    if kind is AttributeType.TITLE:
        return value in _TARGETS[kind]
    if kind is AttributeType.SEX:
        return value.upper() in _TARGETS[kind]
    if kind is AttributeType.LANGUAGE:
        return len(value) == 2
    return value in allowed


def _fitting(kind: AttributeType, filled: Sequence[str]) -> float:
    """The share of values that look like the type."""
    patterns = {
        AttributeType.EMAIL: r"\S+@\S+\.\S+",
        AttributeType.PHONE: r"[+0(][0-9 ()./-]{6,}",
        AttributeType.LANGUAGE: r"[A-Za-z]{2}",
        AttributeType.COUNTRY: r"[A-Za-z]{2}",
        AttributeType.SEX: r"[MFmf]",
        AttributeType.TITLE: r"Mr|Mrs|Ms",
        AttributeType.COORDINATES: r"-?[0-9.]+\|-?[0-9.]+",
    }
    if kind is AttributeType.BOOLEAN:
        return sum(value.casefold() in _READABLE for value in filled) / len(filled)
    if kind not in patterns:
        return 1.0
    return sum(bool(re.fullmatch(patterns[kind], value)) for value in filled) / len(filled)


def _form(kind: AttributeType, several: bool) -> Callable[[str], str]:
    if several:
        return lambda cell: ",".join(sorted(part.strip().casefold() for part in re.split(r"[,;|]", cell)))
    if kind is AttributeType.BOOLEAN:
        return lambda cell: "yes" if folded(cell) in _YES else "no" if folded(cell) in _NO else folded(cell)
    if kind is AttributeType.PHONE:
        return lambda cell: re.sub(r"[^0-9]", "", cell)[-8:]
    if kind is AttributeType.DATE:
        return lambda cell: cell.strip()[:10]
    if kind is AttributeType.TIMESTAMP:
        return lambda cell: cell.strip().replace("T", " ")[:19]
    if kind in (AttributeType.NUMERIC, AttributeType.INTEGER, AttributeType.LONG):
        return _number
    return folded


def _number(cell: str) -> str:
    try:
        return f"{Decimal(cell.strip()).normalize():f}"
    except (InvalidOperation, ValueError):
        return folded(cell)


def _formatted(spelt: str) -> Callable[[str], str]:
    return partial(_day, spelt)


@lru_cache(_CACHE)
def _day(spelt: str, cell: str) -> str:
    try:
        return f"{datetime.strptime(cell.strip(), spelt):%Y-%m-%d}"  # noqa: DTZ007 -- a day
    except ValueError:
        return "?" + cell


def _iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return bool(re.match(r"\d{4}-\d{2}-\d{2}", cell))
