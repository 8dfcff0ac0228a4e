"""Letters that were written in one code page and read in another: `Hélène` that became `H‚lŠne` or `HÈl√®ne`.

Which of two texts is the garbled one shows in its letters: signs and control characters where letters were, letters of
two scripts in a word, letters that no one language has together. Where neither looks worse, no side is blamed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

_WEST: Final = ("cp1252", "iso8859-15", "cp850", "cp437", "mac_roman")
_CENTRE: Final = ("cp1250", "iso8859-2", "cp852")
_CYRILLIC: Final = ("cp1251", "koi8-r", "cp866", "iso8859-5")
_GREEK: Final = ("cp1253", "iso8859-7", "cp737")
_TURKISH: Final = ("cp1254", "cp857")
_BALTIC: Final = ("cp1257", "cp775", "iso8859-4", "iso8859-13")
_OF_A_MACINTOSH: Final = ("mac_latin2", "mac_greek", "mac_turkish", "mac_cyrillic")
_READ_AS: Final = {
    **dict.fromkeys(_WEST, (*_WEST, "latin-1", *_CENTRE, "cp1251", "cp866", "cp1253", "iso8859-7", "cp1254", "cp1257")),
    **{
        written: (*pages, "cp1252", "latin-1", "cp850", "cp437", "mac_roman")
        for pages in (_CENTRE, _CYRILLIC, _GREEK, _TURKISH)
        for written in pages
    },
    # What a Macintosh reads of them makes an ø of an æ, and names differ by these two letters as it is.
    **dict.fromkeys(_BALTIC, (*_BALTIC, "cp1252", "latin-1", "cp850", "cp437")),
    **dict.fromkeys(_OF_A_MACINTOSH, ("mac_roman", "cp1252", "latin-1", "cp1250", "cp1251", "cp1253", "cp1254")),
}
"""How systems in and around Europe write letters (Windows, its console, Unix, Macintosh), and how others read it."""
WAYS: Final = tuple((written, read) for written, several in _READ_AS.items() for read in several if written != read)
_UTF_8_READ_AS: Final = ("cp1252", "mac_roman", "cp850", "cp437", "iso8859-15", "cp1250", "iso8859-2", "cp852",
                         "cp1251", "koi8-r", "cp866", "cp1253", "iso8859-7", "cp737", "cp1254", "cp857",
                         "cp1257")  # fmt: skip
_ASCII: Final = 127
_ALL: Final = (1 << len(WAYS)) - 1

_ALPHABETS: Final = tuple(
    map(
        frozenset,
        ("éèêëàâäçîïôöùûüœæÿ", "áéíóúüñçàèòï", "áâãàçéêíóôõúü", "äöüßéèàá", "éëïöüèáóúíêâàäçñ", "àèéìíîòóùú",
         "åäöæøéüáàèô", "áðéíóúýþæöø", "ąćęłńóśźż", "áčďéěíňóřšťúůýžöü", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüűä",
         "ăâîșțşţé", "čćđšž", "çğıİöşüâîû", "āčēģīķļņšūžōŗ", "ąčęėįšųūž", "äöõüšž", "ċġħżà", "âêîôûŵŷáé"),
    )
)  # fmt: skip
"""The letters beyond ASCII of the languages of Europe in Latin script."""
_NOT_KEPT: Final = re.compile("[^!->@-~]")
"""What a wrong code page changes: all but the visible characters of ASCII; a question mark may be a lost letter."""
_SHIFTED: Final = re.compile(r"\+([A-Za-z0-9+/]+)-?")
"""A letter in UTF-7."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_PLAIN: Final = re.compile("[A-Za-z]")
_USUAL_SIGNS: Final = "‘’‚‛“”„–—…«»‹›€°·•§²³"
_WITHIN_WORDS: Final = re.compile("(?<=[^\\W\\d_])(?:[–—](?=[^\\W\\d_A-Z])|[‚‛“”„…«»‹›€°·•§²³](?=[^\\W\\d_]))")


def in_other_code_page(garbled: str, right: str, settled: Callable[[str], str]) -> int:
    """The ways (a bit each, in the order of WAYS) by which the second text became the first; 0: by none.

    `settled` is a text without what a clean-up on the way may have removed.
    """
    if garbled.isascii() or right.isascii() or _NOT_KEPT.sub("", garbled) != _NOT_KEPT.sub("", right):
        return 0
    one, other = (unicodedata.normalize("NFC", text).strip() for text in (garbled, right))
    if len(one) != len(other):
        return _without_what_was_removed(settled(garbled), other, settled)
    ways, changed = _ALL, False
    for here, there in zip(one, other, strict=True):
        if here != there or not there.isascii():
            ways &= _ways(here, there)
            changed |= here != there
        if not ways:
            break
    return ways if changed else 0


def was_utf_8(garbled: str, right: str, settled: Callable[[str], str]) -> bool:
    """Whether the first text is the second one in UTF-8, read in a code page; both are settled."""
    if right.isascii() or len(garbled) < len(right) or _NOT_KEPT.sub("", garbled) != _NOT_KEPT.sub("", right):
        return False
    raw = right.encode("utf-8", "replace")
    first = next(byte for byte in raw if byte > _ASCII)
    pages = (read for read, char in _what_begins(first) if char in garbled)
    return any(settled(raw.decode(read, "replace")) == garbled for read in pages)


def looks_worse(one: str, other: str) -> bool:
    """Whether the letters of the first look more garbled than those of the second."""
    return _oddness(one) > _oddness(other)


def of_one_language(texts: Iterable[str]) -> bool:
    """Whether there is a language that has all their letters."""
    return _beyond_an_alphabet("".join(texts)) == 0


def without_utf_7(text: str) -> str:
    """The text with the letters that UTF-7 wrote as `+AOk-`; the text itself where there are none."""
    if not _SHIFTED.search(text):
        return text
    try:
        return text.encode("ascii").decode("utf-7")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return text


@lru_cache(256)
def _what_begins(byte: int) -> tuple[tuple[str, str], ...]:
    """What the first byte of a letter becomes in each code page."""
    return tuple((read, bytes([byte]).decode(read, "replace")) for read in _UTF_8_READ_AS)


@lru_cache(10_000)
def _misread(char: str) -> tuple[str, ...]:
    """What each way makes of a character."""
    # What the one page does not know is a question mark by then, what the other does not know U+FFFD.
    raw = {written: char.encode(written, "replace") for written in _READ_AS}
    return tuple(raw[written].decode(read, "replace") for written, read in WAYS)


@lru_cache(100_000)
def _ways(garbled: str, right: str) -> int:
    """The ways by which a character became another one, or a blank for one that is none to the eye."""
    blank = garbled.isspace()
    return sum(
        1 << place
        for place, made in enumerate(_misread(right))
        if made == garbled or (blank and not right.isspace() and made.isspace())
    )


def _without_what_was_removed(garbled: str, right: str, settled: Callable[[str], str]) -> int:
    if len(garbled) > len(right):
        return 0
    letters = {char for char in right if not char.isascii()}
    removing = {place for char in letters for place, made in enumerate(_misread(char)) if settled(made) == ""}
    return sum(1 << place for place in removing if settled("".join(_misread(char)[place] for char in right)) == garbled)


def _oddness(text: str) -> tuple[int, int, int]:
    """Signs and control characters where letters were; capitals within a word, words of two scripts or without plain
    letters; then the letters beyond those of one language.
    """
    beyond = [char for char in text if not char.isascii()]
    signs = sum(not (char.isalpha() or char.isspace() or char in _USUAL_SIGNS) for char in beyond)
    signs += len(_WITHIN_WORDS.findall(text))
    odd = 0
    if text != text.upper():
        odd += sum(
            other.isupper() and not (one.isascii() and other.isascii()) and (one.islower() or not other.isascii())
            for one, other in pairwise(text)
            if one.isalpha()
        )
    for word in _WORD.findall(text):
        scripts = {unicodedata.name(char, "?").split(" ")[0] for char in word}
        odd += sum(_foreign(char) for char in word) if len(scripts) > 1 else 0
        # Hardly any word of a Latin script is without plain letters, but what Greek and Cyrillic become is.
        odd += len(word) if len(word) > 2 and scripts == {"LATIN"} and not _PLAIN.search(word) else 0
    return signs, odd, _beyond_an_alphabet(text)


def _beyond_an_alphabet(text: str) -> int:
    """The letters that are not of the language which has most of them."""
    letters = [char for char in text if not char.isascii() and char.isalpha() and not _foreign(char)]
    return min(sum(not {char, char.lower()} & alphabet for char in letters) for alphabet in _ALPHABETS)


def _foreign(char: str) -> bool:
    return char.isalpha() and not unicodedata.name(char, "?").startswith("LATIN")
