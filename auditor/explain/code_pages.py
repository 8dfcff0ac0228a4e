"""Letters that were written in one code page and read in another: `Hélène` that became `H‚lŠne` or `HÈl√®ne`.

Which of two texts is the garbled one shows in its letters: signs where letters were, letters of two scripts in a word,
letters that hardly any name has. Where neither looks worse, no side is blamed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Final

_WRITTEN: Final = ("utf-8", "cp1252", "cp850", "cp437", "mac_roman", "iso8859-15", "cp1250", "iso8859-2", "cp1251",
                   "koi8-r", "cp866", "cp1253", "cp1254", "cp852", "mac_latin2")  # fmt: skip
"""How systems in and around Europe write letters: Windows, its console, the Macintosh, Unix."""
_READ: Final = ("cp1252", "latin-1", "mac_roman", "cp850", "cp437", "cp1250", "cp1251", "cp1253")
_USUAL: Final = frozenset("éèêëàâäáçîïíôöóûüùúñßœæøåãõìòýšžčćłřěůńśąężźğşıőű")
_LETTERS: Final = re.compile(r"[^\W\d_]", re.ASCII)
_NOT_KEPT: Final = re.compile("[^!->@-~]")
"""What a wrong code page changes: all but the visible characters of ASCII; a question mark may be a lost letter."""
_SHIFTED: Final = re.compile(r"\+([A-Za-z0-9+/]+)-?")
"""A letter in UTF-7."""


def in_other_code_page(one: str, other: str, settled: Callable[[str], str]) -> bool:
    """Whether one text is the other, written in one code page and read in another; `settled` are both already."""
    if one.isascii() or other.isascii() or _NOT_KEPT.sub("", one) != _NOT_KEPT.sub("", other):
        return False
    return any(settled(form) == one for form in _misread(other)) or any(
        settled(form) == other for form in _misread(one)
    )


def looks_worse(one: str, other: str) -> bool:
    """Whether the letters of the first look more garbled than those of the second."""
    return _oddness(one) > _oddness(other)


def without_utf_7(text: str) -> str:
    """The text with the letters that UTF-7 wrote as `+AOk-`; the text itself where there are none."""
    if not _SHIFTED.search(text):
        return text
    try:
        return text.encode("ascii").decode("utf-7")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return text


def _misread(text: str) -> Iterator[str]:
    for written, read in product(_WRITTEN, _READ):
        if written != read:
            # What the one does not know is a question mark by then, what the other does not know U+FFFD.
            yield text.encode(written, "replace").decode(read, "replace")


def _oddness(text: str) -> tuple[int, int]:
    """Signs, capitals within a word and letters of another script than their neighbours; then unusual letters."""
    beyond = [char for char in text if not char.isascii()]
    scripts = {unicodedata.name(char, "?").split(" ")[0] for char in beyond if char.isalpha()}
    bare = not _LETTERS.search(text)
    odd = sum(not char.isalpha() for char in beyond)
    if text != text.upper():
        odd += sum(one.isalpha() and other.isupper() and not other.isascii() for one, other in pairwise(text))
    odd += sum(_foreign(char) for char in beyond) if len(scripts) > 1 or not bare else 0
    # No word of a Latin script is without plain letters, but what Greek and Cyrillic become is.
    odd += len(beyond) if bare and len(beyond) > 2 and scripts == {"LATIN"} else 0
    return odd, sum(char.lower() not in _USUAL and not _foreign(char) for char in beyond if char.isalpha())


def _foreign(char: str) -> bool:
    return char.isalpha() and not unicodedata.name(char, "?").startswith("LATIN")
