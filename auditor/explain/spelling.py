"""What no SQL function can say about how values are spelt: look-alikes, garbled text, codes in the place of characters,
the same number or another notation, typing errors.

Plain functions of Python on the connection. The expressions that call them look first whether a value or a pair is a
candidate at all, so that few rows come here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rapidfuzz.distance import DamerauLevenshtein

from auditor.engine.functions import declared
from auditor.equality.primitives import nfc_normalize
from auditor.explain.code_pages import in_other_code_page, looks_worse, was_utf_8, without_utf_7
from auditor.explain.markup import markup_of
from auditor.explain.one_value import notation, several, spreadsheet
from auditor.findings.reason import Reason

if TYPE_CHECKING:
    import ibis.expr.types as ir

_REMEMBERED: Final = 100_000
# Both cases of a letter map to both cases of one Latin letter, although only one of them may look like it: so that
# ignoring case afterwards still finds upper and lower case of a Cyrillic or Greek name to be the same.
_LETTERS: Final = {
    "АВЕКМНОРСТУХЅІЈЁЇ": "ABEKMHOPCTYXSIJËÏ",
    "авекмнорстухѕіјёї": "abekmhopctyxsijëï",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ": "ABEZHIKMNOPTYX",
    "αβεζηικμνορτυχ": "abezhikmnoptyx",
    "ЃЌѓќ": "ǴḰǵḱ",
    "µکیـ": "mكي-",
}
_SIGNS: Final = {
    "‘’‚‛ʼʹˈ′´`": "'" * 10,
    "“”„‟″«»": '"' * 7,
    "‐‑‒–—―−": "-" * 7,
    "⁄∕": "//",
    "․": ".",
    "؛": ";",
}
_LIGATURES: Final = {"ĳ": "ij", "Ĳ": "IJ", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "…": "..."}
LOOK_ALIKES: Final[Mapping[str, str]] = {
    **{
        alike: plain
        for table in (_LETTERS, _SIGNS)
        for row, plains in table.items()
        for alike, plain in zip(row, plains, strict=True)
    },
    **_LIGATURES,
    **{chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)},
}
"""Characters, and the plain ones they look like."""

_LAYERS: Final = 3
"""How often a text may have been garbled on its way."""

_WINDOWS_1252: Final = {byte: char for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))}
_FIRST_BYTES: Final = str.maketrans("âãäåæçèé", "ÂÃÄÅÆÇÈÉ")
"""Small letters, and the capitals that are read in the place of the first byte of a letter beyond ASCII."""
_REMOVABLE: Final = re.compile("[\\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

LEAST_LENGTH: Final = 4
"""Shorter values, in characters, are never called mistyped."""
MOST_EDITS: Final = 2


told = declared("auditor_told", ("string", "string"))
damage = declared("auditor_damage", ("string", "string"))
same_number = declared("auditor_same_number", ("string", "string"), "boolean")
ungarbled = declared("auditor_ungarbled", ("string",))
mistyped = declared("auditor_mistyped", ("string", "string"), "boolean")
edits = declared("damerau_levenshtein", ("string", "string"), "int64")
"""The engine's own: bytes left out, added, replaced or exchanged."""


# --- look-alikes ---


def without_look_alikes(text: ir.StringValue) -> ir.StringValue:
    """NFC, with the plain character in the place of every one that only looks like it."""
    single = {alike: plain for alike, plain in LOOK_ALIKES.items() if len(plain) == 1}
    plain = text.translate("".join(single), "".join(single.values()))
    for ligature, letters in _LIGATURES.items():
        plain = plain.replace(ligature, letters)
    return nfc_normalize(plain)


# --- encoding ---


@lru_cache(_REMEMBERED)
def damage_of(platform: str | None, truth: str | None) -> str | None:
    """On which side the text was damaged by a wrong encoding, so that it is no longer the other side's; None: on none.

    One of `garbled on platform`, `garbled in truth` (UTF-8 read as Windows-1252 or Latin-1, up to three times over, or
    one code page read as another), `garbled` (which side cannot be seen), `letters lost on platform`, `letters lost in
    truth` (a question mark or U+FFFD in place of letters beyond ASCII).
    """
    if platform is None or truth is None:
        return None
    first, second = settled(platform), settled(truth)
    if first == second:
        return None
    if first in _garbled(truth):
        return "garbled on platform"
    if second in _garbled(platform):
        return "garbled in truth"
    if _letters_lost(first, second):
        return "letters lost on platform"
    if _letters_lost(second, first):
        return "letters lost in truth"
    if without_utf_7(first) == second:
        return "garbled on platform"
    if without_utf_7(second) == first:
        return "garbled in truth"
    if was_utf_8(first, second, settled):
        return "garbled on platform"
    if was_utf_8(second, first, settled):
        return "garbled in truth"
    ours, theirs = (in_other_code_page(*pair, settled) for pair in ((platform, truth), (truth, platform)))
    if ours and looks_worse(platform, truth):
        return "garbled on platform"
    if theirs and looks_worse(truth, platform):
        return "garbled in truth"
    return "garbled" if (ours or theirs) and _without_accents(first) != _without_accents(second) else None


def _garbled(text: str) -> Iterator[str]:
    """Every garbled form of a text, settled; and every form of its decomposed spelling, as macOS writes it."""
    for form in {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}:
        for read in (_as_windows_1252, _as_latin_1):
            damaged = form
            for _ in range(_LAYERS):
                damaged = read(damaged.encode("utf-8", "surrogatepass"))
                yield settled(damaged)


def ungarbled_of(text: str | None) -> str | None:
    """The text that UTF-8 read as Windows-1252 or Latin-1 was, up to three times over; itself where it was not.

    Also of a text whose capitals were made small afterwards.
    """
    for _ in range(_LAYERS):
        if text is None or text.isascii():
            break
        for read in (text, text.translate(_FIRST_BYTES)):
            try:
                text = b"".join(_byte_of(letter) for letter in read).decode("utf-8")
                break
            except (UnicodeEncodeError, UnicodeDecodeError):
                continue
        else:
            break
    return text


def _byte_of(letter: str) -> bytes:
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


def _as_windows_1252(raw: bytes) -> str:
    """As browsers do it: the five bytes that Windows-1252 leaves open are control characters."""
    return raw.decode("latin-1").translate(_WINDOWS_1252)


def _as_latin_1(raw: bytes) -> str:
    return raw.decode("latin-1")


def settled(text: str) -> str:
    """Drops what a clean-up on the way may have removed: blanks, control and format characters."""
    # Not NFC before: the soft hyphen or no-break blank of a garbled letter may be all that is left of it.
    return unicodedata.normalize("NFC", _REMOVABLE.sub("", text))


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _letters_lost(damaged: str, whole: str) -> bool:
    """Whether question marks or U+FFFD stand in for letters beyond ASCII: one for a letter, or one for each byte.

    One U+FFFD may also be all that is left of three bytes of another code page that were read as UTF-8.
    """
    if not re.search("[?\ufffd]", damaged) or whole.isascii():
        return False
    pieces = re.split("([?\ufffd]+)", damaged)
    most = [len(piece) + 2 * piece.count("\ufffd") for piece in pieces]
    pattern = "".join(
        rf"[^\x00-\x7f?]{{1,{most[index]}}}" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.fullmatch(pattern, whole) is not None


# --- numbers ---

MONEY: Final[Mapping[str, str]] = {
    "US$": "USD", "R$": "BRL", "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "zł": "PLN", "Kč": "CZK",
    "euro": "EUR", "Fr.": "CHF", "kr.": "kr", "kr": "kr", "Ft": "HUF", "lei": "RON",
    **{code: code for code in ("EUR", "USD", "GBP", "CHF", "PLN", "CZK", "SEK", "NOK", "DKK", "HUF", "RON", "BGN",
                               "JPY", "INR", "BRL", "CAD", "AUD", "TRY")},
}  # fmt: skip
"""What stands before or behind an amount, and the currency that it says."""
NAMES_OF_MONEY: Final = re.compile("|".join(map(re.escape, MONEY)), re.IGNORECASE)
_CURRENCY: Final = {name.upper(): code for name, code in MONEY.items()}


@lru_cache(_REMEMBERED)
def is_same_number(platform: str | None, truth: str | None) -> bool:
    """Whether two texts can be read as one number: with `.` or `,` for decimals, groups of three, an exponent, an
    accountant's minus, a currency (not two) or per cent."""
    if platform is None or truth is None:
        return False
    money = money_of(platform), money_of(truth)
    return not (all(money) and money[0] != money[1]) and bool(readings(platform) & readings(truth))


@lru_cache(_REMEMBERED)
def readings(text: str) -> frozenset[Decimal]:
    """Every number that a text can be read as: `0.750` as one, for no group of thousands begins with a zero."""
    compact = re.sub(r"[\s'’]", "", text)
    owed = re.fullmatch(r"\((.*)\)|([^-].*)-", compact)
    plain = NAMES_OF_MONEY.sub("", f"-{owed[1] or owed[2]}" if owed else compact)
    parts = 100 if plain.endswith("%") else 1
    found = {
        Decimal(plain.rstrip("%").replace(group, "").replace(decimal, "."))
        for decimal, group in ((".", ","), (",", "."))
        if re.fullmatch(
            rf"[+-]?([1-9]\d{{0,2}}([{group}]\d{{3}})+|\d+)?([{decimal}]\d*)?([eE][+-]?\d{{1,3}})?%?", plain, re.ASCII
        )
        and re.match(r"[+-]?[.,]?\d", plain)
    }
    return frozenset(found | {value / parts for value in found})


def money_of(text: str) -> str | None:
    """The currency that a text names; None: none, or two."""
    found = {_CURRENCY[name.upper()] for name in NAMES_OF_MONEY.findall(text)}
    return found.pop() if len(found) == 1 else None


# --- one value in two notations ---

TOLD: Final[Mapping[Reason, Callable[[str, str], str | None]]] = {
    Reason.MARKUP: lambda platform, truth: markup_of(platform, truth, settled),
    Reason.SPREADSHEET: spreadsheet,
    Reason.SEVERAL: several,
    Reason.NOTATION: notation,
}
"""The reasons that two texts tell by themselves, and what sees each."""


@lru_cache(_REMEMBERED)
def told_of(platform: str | None, truth: str | None) -> str | None:
    """What the two texts tell by themselves: a reason and a pattern, `markup|HTML codes on platform`; None: nothing."""
    if platform is None or truth is None:
        return None
    found = ((reason, see(platform, truth)) for reason, see in TOLD.items())
    return next((f"{reason.value}|{pattern}" for reason, pattern in found if pattern), None)


# --- typing errors ---


@lru_cache(_REMEMBERED)
def is_mistyped(platform: str | None, truth: str | None) -> bool:
    """Whether one or two letters were left out, added, replaced or exchanged, at most one in four of the longer."""
    if platform is None or truth is None or min(len(platform), len(truth)) < LEAST_LENGTH:
        return False
    allowed = min(MOST_EDITS, -(-max(len(platform), len(truth)) // 4))
    return DamerauLevenshtein.distance(platform, truth, score_cutoff=allowed) <= allowed


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (
    ("auditor_told", told_of, 2, "string"),
    ("auditor_damage", damage_of, 2, "string"),
    ("auditor_same_number", is_same_number, 2, "boolean"),
    ("auditor_mistyped", is_mistyped, 2, "boolean"),
    ("auditor_ungarbled", ungarbled_of, 1, "string"),
)
"""What `Engine.register` puts before these expressions: name, function, parameters, result."""
