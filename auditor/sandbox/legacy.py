"""Old mistakes that both sides carry in the agreed state, for the CRM to correct during the week (`drift`).

A correction is a move of the truth away from an agreed value, so the wrong form has to stand on both sides before.
Each maker turns a right value into the wrong one, or says None where the value does not lend itself to it.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

Maker = Callable[[str, random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Mistake:
    """`wrong` of a value of `column` differs from it for `reason`, and for no reason before that one."""

    column: str
    reason: str
    wrong: Maker


def capitals(value: str) -> str | None:
    """Upper case, where lower case brings the name back: not for ß, the Turkish i or scripts without case."""
    upper = value.upper()
    plain = all("A" <= letter <= "Z" or not letter.isalpha() or "LATIN" in unicodedata.name(letter) for letter in upper)
    return upper if plain and upper != value and upper.lower() == value.lower() and len(upper) == len(value) else None


def without_accents(value: str) -> str:
    folded = value.replace("ß", "ss").replace("ł", "l").replace("Ł", "L").replace("ø", "o")
    return "".join(letter for letter in unicodedata.normalize("NFD", folded) if not unicodedata.combining(letter))


def _capitals(value: str, rng: random.Random) -> str | None:
    return capitals(value)


def _no_accents(value: str, rng: random.Random) -> str | None:
    plain = without_accents(value)
    return plain if plain.isascii() and plain != value else None


def _look_alike(value: str, rng: random.Random) -> str | None:
    """A Cyrillic letter within a Latin name, as it comes out of a copied text."""
    for latin, cyrillic in (("a", "а"), ("o", "о"), ("e", "е")):
        if value.isascii() and latin in value[1:]:
            return value[0] + value[1:].replace(latin, cyrillic, 1)
    return None


def _invisible(value: str, rng: random.Random) -> str | None:
    return f"{value[:3]}\u200b{value[3:]}" if value.isascii() and len(value) > 4 else None


def _curly(value: str, rng: random.Random) -> str | None:
    return value.replace("'", "’") if "'" in value else None


def _decomposed(value: str, rng: random.Random) -> str | None:
    decomposed = unicodedata.normalize("NFD", value)
    return decomposed if decomposed != value else None


def _run_together(value: str, rng: random.Random) -> str | None:
    return value.replace(" ", "") if value.startswith(("De ", "Le ")) else None


def _blanks(value: str, rng: random.Random) -> str | None:
    return value.replace(" ", rng.choice(("  ", "\u00a0", " \t")), 1) if " " in value else None


def _no_apostrophe(value: str, rng: random.Random) -> str | None:
    return value.replace("'", "") if "'" in value else None


def _no_hyphen(value: str, rng: random.Random) -> str | None:
    return value.replace("-", " ") if "-" in value else None


def _comma(value: str, rng: random.Random) -> str | None:
    street, blank, number = value.rpartition(" ")
    return f"{street}, {number}" if blank and number.isdecimal() else None


def _mojibake(value: str, rng: random.Random) -> str | None:
    """Read as Windows-1252. Not for ä: without its symbol, `Ã¤` is an a as well, which punctuation would explain."""
    accented = [letter for letter in value if not letter.isascii()]
    if not accented or any(letter not in "éèëêïîôûüçö" for letter in accented):
        return None
    return value.encode("utf-8").decode("cp1252")


def _question_mark(value: str, rng: random.Random) -> str | None:
    broken = "".join(letter if letter.isascii() else "?" for letter in value)
    latin = without_accents(value).isascii() and "ß" not in value
    return broken if latin and broken != value else None


def _replacement(value: str, rng: random.Random) -> str | None:
    broken = _question_mark(value, rng)
    return broken.replace("?", "\ufffd") if broken else None


def _no_leading_zero(value: str, rng: random.Random) -> str | None:
    return value.lstrip("0") if value.startswith("0") else None


def _cut(keep: int) -> Maker:
    def cut(value: str, rng: random.Random) -> str | None:
        short = value[:keep]
        return short if len(value) >= keep + 3 and short[-1].isalpha() and value[keep].isalpha() else None

    return cut


def _day_for_month(value: str, rng: random.Random) -> str | None:
    day = date.fromisoformat(value)
    return day.replace(month=day.day, day=day.month).isoformat() if day.day <= 12 and day.day != day.month else None


def _transposed(value: str, rng: random.Random) -> str | None:
    """Two neighbouring small letters exchanged, not at the beginning and never across an @."""
    local = value.partition("@")[0]
    places = [
        place
        for place in range(1, len(local) - 1)
        if local[place] != local[place + 1] and all("a" <= letter <= "z" for letter in local[place : place + 2])
    ]
    if len(local) < 6 or not places:
        return None
    place = rng.choice(places)
    return value[:place] + value[place + 1] + value[place] + value[place + 2 :]


MISTAKES: Final = (
    Mistake("lastName", "accents", _no_accents),
    Mistake("firstName", "case", _capitals),
    Mistake("lastName", "typo", _transposed),
    Mistake("addressPostalCode", "leading_zero", _no_leading_zero),
    Mistake("lastName", "encoding", _mojibake),
    Mistake("birthDate", "date_swapped", _day_for_month),
    Mistake("addressStreet", "truncated", _cut(13)),
    Mistake("lastName", "unicode_form", _look_alike),
    Mistake("addressStreet", "punctuation", _comma),
    Mistake("note", "whitespace", _blanks),
    Mistake("lastName", "truncated", _cut(8)),
    Mistake("lastName", "unicode_form", _invisible),
    Mistake("lastName", "unicode_form", _curly),
    Mistake("note", "unicode_form", _decomposed),
    Mistake("lastName", "whitespace", _run_together),
    Mistake("firstName", "accents", _no_accents),
    Mistake("lastName", "punctuation", _no_apostrophe),
    Mistake("firstName", "punctuation", _no_hyphen),
    Mistake("firstName", "encoding", _mojibake),
    Mistake("addressLocality", "encoding", _mojibake),
    Mistake("lastName", "encoding", _question_mark),
    Mistake("firstName", "encoding", _replacement),
    Mistake("note", "truncated", _cut(20)),
    Mistake("firstPurchaseDate", "date_swapped", _day_for_month),
    Mistake("emailAddress", "typo", _transposed),
    Mistake("addressLocality", "typo", _transposed),
)
