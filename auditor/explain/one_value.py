"""What two texts tell by themselves: one value in two notations, several in a cell, what a spreadsheet left of one."""

from __future__ import annotations

import math
import re
from decimal import ROUND_DOWN, Decimal
from typing import Final

from auditor.equality.yes_no import NO, YES
from auditor.explain.telephones import telephone
from auditor.settings.months import MONTHS

_BETWEEN: Final = re.compile(r"\s*[;,|/\n]\s*|\s+(?=\S+@)|\s+(?=[+0]\d)")
_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_NUMBER: Final = re.compile(r"[+(]?\d[\d .()-]{5,}")
_NAMED: Final = re.compile(r"(?:[^<>]*<\s*)?(?:mailto:)?([^\s<>]+@[^\s<>]+?)\s*>?(?:\s*\([^()]*\))?", re.IGNORECASE)
_SHORTENED: Final = re.compile(r"([+-]?\d(?:[.,]\d+)?)[eE]\+?(\d{1,3})")
_ERRORS: Final = re.compile(r"#{2,}|#[^\W\d_/0]{2,}[A-Z0/ÉÈÀÖÜ]*[!?]?|#[A-Z0/]{3,9}[!?]?")
_COMPUTED: Final = re.compile(r"[+-]?(?=(?:[.,]?\d){15,})\d+[.,]\d+|[+-]?\d[.,]\d{9,}[eE]-(?:1\d|[89])", re.ASCII)
"""More digits than anybody writes."""
_DECIMAL: Final = re.compile(r"[+-]?\d{1,12}[.,]\d{2,20}", re.ASCII)
_WRITTEN: Final = re.compile(r"[+-]?\d{1,12}([.,]\d{1,9})?", re.ASCII)
_NOISE: Final = 1e-11
"""What sums of fractions are beside their value, as a share of it."""
_FEW_BITS: Final = 24
"""Of the digits of a number that is kept in 32."""
_A_DAY: Final = re.compile(r"(\d{1,4})[-/. ]{1,2}([^\W\d_]{3,9})\.?|([^\W\d_]{3,9})\.?[-/. ]{1,2}(\d{1,4})")
_TWO_NUMBERS: Final = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{1,4})", re.ASCII)
_NAMED_SO: Final = re.compile(r"([^\W\d_]{3,9})[-\s]?(\d{1,2})")
_EXACT: Final = 15
"""Digits of a number that spreadsheets keep."""


def several(platform: str, truth: str) -> str | None:
    """`several values on platform`, where one side's cell holds several addresses or numbers and the other's is one."""
    parts = [_parts(text) for text in (platform, truth)]
    if len(parts[0]) > 1 and len(parts[1]) > 1:
        return "the same several values" if sorted(parts[0]) == sorted(parts[1]) else None
    if len(parts[0]) > 1 and _one(truth) in parts[0]:
        return "several values on platform"
    if len(parts[1]) > 1 and _one(platform) in parts[1]:
        return "several values in truth"
    return None


def _parts(text: str) -> list[str]:
    """The addresses or numbers of a cell; none where it holds anything else."""
    found = [part for part in _BETWEEN.split(text.strip()) if part]
    for pattern in (_ADDRESS, _NUMBER):
        if len(found) > 1 and all(pattern.fullmatch(part) for part in found):
            return [_one(part) for part in found]
    return []


def _one(part: str) -> str:
    return part.strip().lower() if "@" in part else re.sub(r"[^\d+]", "", part)


def spreadsheet(platform: str, truth: str) -> str | None:
    """`digits lost | a spreadsheet's error | a date of a spreadsheet on platform`: what one has left of the other's."""
    for mine, other, side in ((platform, truth, "on platform"), (truth, platform, "in truth")):
        if _ERRORS.fullmatch(mine.strip()) and not other.lstrip().startswith("#"):
            return f"a spreadsheet's error {side}"
        if _is_left_of(mine.strip(), re.sub(r"[\s./()'-]", "", other)):
            return f"digits lost {side}"
        if _is_day_of(mine.strip(), other.strip()):
            return f"a date of a spreadsheet {side}"
    return None


def _is_day_of(day: str, text: str) -> bool:
    """Whether a day with a month's name is what a spreadsheet made of two numbers, `5-3`, or of a name, `MARCH1`."""
    if not (found := _A_DAY.fullmatch(day)):
        return False
    number, month = int(found[1] or found[4]), MONTHS.get((found[2] or found[3]).lower())
    if two := _TWO_NUMBERS.fullmatch(text):
        first, second = int(two[1]), int(two[2])
        return (first == month and number in (second, second % 100)) or (second == month and number == first)
    named = _NAMED_SO.fullmatch(text)
    return named is not None and month is not None and MONTHS.get(named[1].lower()) == month and int(named[2]) == number


def _is_left_of(short: str, whole: str) -> bool:
    digits = re.sub(r"^\+?0*", "", whole)
    if not digits.isdecimal() or not digits.isascii():
        return False
    if found := _SHORTENED.fullmatch(short):
        power = int(found[2])
        step = Decimal(10) ** (power - len(re.sub(r"\D", "", found[1])) + 1)
        apart = abs(Decimal(found[1].replace(",", ".")) * Decimal(10) ** power - Decimal(digits))
        return step > 1 and 2 * apart <= step
    kept = re.sub(r"^\+?0*", "", short)
    return kept.isdecimal() and len(kept) == len(digits) > _EXACT and kept != digits and kept == (
        digits[:_EXACT] + "0" * (len(digits) - _EXACT))  # fmt: skip


def notation(platform: str, truth: str) -> str | None:
    """Names the notation in which one side writes the other's value: `a number without its country on platform`."""
    said = [_yes_or_no(text) for text in (platform, truth)]
    if said[0] is not None and said[0] == said[1]:
        return "yes or no"
    one, other = (_address(text) for text in (platform, truth))
    if one == other and one is not None:
        bare = platform.strip().lower() == one
        return f"more than the address {'in truth' if bare else 'on platform'}"
    if called := telephone(platform, truth):
        return called
    for mine, theirs, side in ((platform, truth, "on platform"), (truth, platform, "in truth")):
        if kind := _computed(mine.strip(), theirs.strip()):
            return f"{kind} {side}"
    words = [sorted(re.findall(r"[^\s,;|]+", text.lower())) for text in (platform, truth)]
    if words[0] == words[1] and len(words[0]) > 1:
        listed = all(re.search("[,;|]", text) for text in (platform, truth))
        return "the same members in another order" if listed else "the same words in another order"
    return None


def _computed(long: str, short: str) -> str | None:
    """Whether a number is the other one, and no more than binary arithmetic, or 32 bits, leave of it."""
    if not _WRITTEN.fullmatch(short):
        return None
    if _DECIMAL.fullmatch(long) and _of_few_bits(long.replace(",", "."), short.replace(",", ".")):
        return "32 bits"
    if not _COMPUTED.fullmatch(long):
        return None
    computed, written = float(long.replace(",", ".")), float(short.replace(",", "."))
    return "rounding noise" if 0 < abs(computed - written) <= _NOISE * max(abs(written), 1) else None


def _of_few_bits(long: str, short: str) -> bool:
    """Whether a number with more decimals is what 32 bits hold of the other, to its last digit."""
    shown, written = Decimal(long), Decimal(short)
    last = Decimal(1).scaleb(int(shown.as_tuple().exponent))
    if shown == written or shown == int(shown) or last >= Decimal(1).scaleb(int(written.as_tuple().exponent)):
        return False
    share, power = math.frexp(float(written))
    held = Decimal(math.ldexp(round(math.ldexp(share, _FEW_BITS)), power - _FEW_BITS))
    # One who cut off the digits behind shows no other number.
    return shown in (held.quantize(last), held.quantize(last, ROUND_DOWN))


def _yes_or_no(text: str) -> bool | None:
    word = text.strip().lower()
    return True if word in YES else False if word in NO else None


def _address(text: str) -> str | None:
    """The e-mail address of a text that holds one and what it is called."""
    found = _NAMED.fullmatch(text.strip())
    return found[1].lower() if found else None
