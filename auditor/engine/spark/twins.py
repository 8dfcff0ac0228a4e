"""What DuckDB's own functions give, as Python functions for engines that lack them or make something else of a text.

    nfc, without_accents    Unicode forms that Spark has no function for
    lower, upper            letter by letter: others know of final sigmas, and make two letters of one
    parsed                  dates by strptime's formats, for Spark knows Java's
    utc, local              local times: the later one where the clock is put back, for Spark takes the earlier; and
                            in any year, for Sail knows no summer time after 2099
    similarity, edits       Jaro-Winkler and Damerau-Levenshtein over bytes

They run on the workers of a cluster, each distinct text once, and import nothing but what they need there.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

_REMEMBERED: Final = 100_000
_MOST_EDITS: Final = 8

_OTHERWISE: Final = {"İ": "i"}
"""Lower case of one letter where Python has two."""
_UPPER: Final = {"ß": "ẞ"}


@lru_cache(_REMEMBERED)
def nfc(text: str | None) -> str | None:
    """Unicode NFC."""
    return None if text is None else unicodedata.normalize("NFC", text)


@lru_cache(_REMEMBERED)
def without_accents(text: str | None) -> str | None:
    """Leaves out what is combined with letters; in NFC."""
    if text is None:
        return None
    letters = (letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter)[0] != "M")
    return unicodedata.normalize("NFC", "".join(letters))


@lru_cache(_REMEMBERED)
def lower(text: str | None) -> str | None:
    """Lower case, letter by letter."""
    return None if text is None else "".join(_OTHERWISE.get(letter) or letter.lower() for letter in text)


@lru_cache(_REMEMBERED)
def upper(text: str | None) -> str | None:
    """Upper case, letter by letter."""
    return None if text is None else "".join(map(_upper, text))


def _upper(letter: str) -> str:
    if letter in _UPPER:
        return _UPPER[letter]
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)


@lru_cache(_REMEMBERED)
def parsed(text: str | None, form: str | None) -> str | None:
    """A local moment as `YYYY-MM-DD HH:MM:SS.ffffff`, read by a format of strptime; None for what it does not fit."""
    if text is None or form is None:
        return None
    try:
        return datetime.strptime(text, form.replace("%-", "%")).isoformat(" ", "microseconds")  # noqa: DTZ007 -- a local moment
    except ValueError:
        return None


@lru_cache(_REMEMBERED)
def utc(text: str | None, zone: str | None) -> str | None:
    """The moment in UTC of a local one, `YYYY-MM-DD HH:MM:SS.ffffff` as it is given and told.

    Where the clock is put back, a local time comes twice: the second is meant. One that the clock leaves out is read by
    the clock as it was before.
    """
    if text is None or zone is None:
        return None
    try:
        read = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
        moment = max(read.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
    except (ValueError, OverflowError):
        return None


@lru_cache(_REMEMBERED)
def local(text: str | None, zone: str | None) -> str | None:
    """The local moment of one in UTC, both as `YYYY-MM-DD HH:MM:SS.ffffff`."""
    if text is None or zone is None:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
    except (ValueError, OverflowError):
        return None


@lru_cache(_REMEMBERED)
def json_text(text: str | None) -> str | None:
    """A text as JSON writes it, with capital letters in `\\u001F`."""
    if text is None:
        return None
    whole = json.dumps(text, ensure_ascii=False)
    return whole if whole.isprintable() and "\\u" not in whole else _capitals(text)


def _capitals(text: str) -> str:
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    return '"' + "".join(short.get(c) or (f"\\u{ord(c):04X}" if c < " " else c) for c in text) + '"'


@lru_cache(_REMEMBERED)
def float_text(text: str | None) -> str | None:
    """A float as it is usually written, of one as Java writes it: `1.0E10` is `10000000000.0`."""
    return None if text is None else repr(float(text))


@lru_cache(_REMEMBERED)
def similarity(one: str | None, other: str | None) -> float | None:
    """Jaro-Winkler similarity over bytes, 0 to 1."""
    from rapidfuzz.distance import JaroWinkler

    if one is None or other is None:
        return None
    if not (one and other):
        return 0.0
    return float(JaroWinkler.similarity(one.encode(), other.encode()))


@lru_cache(_REMEMBERED)
def edits(one: str | None, other: str | None) -> float | None:
    """Bytes left out, added, replaced or exchanged; of more than nobody asks for, that many and one."""
    from rapidfuzz.distance import DamerauLevenshtein

    if one is None or other is None:
        return None
    return float(DamerauLevenshtein.distance(one.encode(), other.encode(), score_cutoff=_MOST_EDITS))


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (
    ("auditor_nfc", nfc, 1, "string"),
    ("auditor_without_accents", without_accents, 1, "string"),
    ("auditor_lower", lower, 1, "string"),
    ("auditor_upper", upper, 1, "string"),
    ("auditor_parsed", parsed, 2, "string"),
    ("auditor_float_text", float_text, 1, "string"),
    ("auditor_local", local, 2, "string"),
    ("auditor_utc", utc, 2, "string"),
    ("auditor_json_text", json_text, 1, "string"),
    ("auditor_similarity", similarity, 2, "float64"),
    ("auditor_edits", edits, 2, "float64"),
)
"""What the engine registers: name, function, number of texts that it takes, Ibis type that it gives."""
