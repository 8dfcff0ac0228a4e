"""Letters that a conversion left out on the way, because the code page that it wrote to has none of them: `Hélène` that
became `Hlne`.

Of one cell it may as well be a typing error. In a column it is told by what is missing: all letters that the code page
lacks, and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.explain.distances import OneSided, Pair
from auditor.findings.reason import Reason

_PAGES: Final = ("ascii", "cp1252", "iso8859-15", "cp1250", "cp1251", "cp1253", "cp1254")
"""What systems write that keep their letters and leave out all others; the first that explains it."""
_ALONE: Final = 5
"""Different pairs that tell it, whatever else differs in the column …"""
_FEWEST: Final = 3
"""… or so many, where they are most of those that differ; or two, where they come again and again."""
_AGAIN: Final = 10
_MOST: Final = 0.6
_OF_THOSE_LEFT_OUT: Final = 0.8
"""The share of the pairs with as few letters left out, whichever, that have lost those of the code page."""


@dataclass(frozen=True, slots=True)
class LeftOut(OneSided):
    """One side has all letters of the other but those that a code page lacks."""

    page: str

    @property
    def reason(self) -> Reason:
        return Reason.ENCODING

    @property
    def pattern(self) -> str:
        return f"letters left out {self.where}"

    def fits(self, platform: str, truth: str) -> bool:
        short, whole = self.of(platform, truth)
        if whole.isascii():
            return False
        kept = whole.encode(self.page, "ignore").decode(self.page)
        return _settled(kept) == _settled(short) and _letters(kept) < _letters(whole)

    def believed(self, pairs: Sequence[Pair], fits: Sequence[bool]) -> bool:
        """Whether so many pairs fit that no typing errors explain them: those leave out plain letters as well."""
        fitting = [pair for pair, holds in zip(pairs, fits, strict=True) if holds]
        different = len(set(fitting))
        most = len(fitting) >= _MOST * len(pairs)
        enough = different >= _ALONE or (most and (different >= _FEWEST or (different > 1 and len(fitting) >= _AGAIN)))
        return enough and len(fitting) >= _OF_THOSE_LEFT_OUT * sum(_some_left_out(*self.of(*pair)) for pair in pairs)


def left_out(pairs: Sequence[Pair]) -> Iterator[LeftOut]:
    """What may have been left out in a column."""
    for on_platform in (True, False):
        shorter = [pair for pair in pairs if _some_left_out(*(pair if on_platform else pair[::-1]))]
        if shorter:
            yield from (LeftOut(on_platform, page) for page in _PAGES)


def lost_letters(platform: str, truth: str) -> bool:
    """Whether one text is the other without any letter beyond ASCII."""
    return any(LeftOut(on_platform, "ascii").fits(platform, truth) for on_platform in (True, False))


def _settled(text: str) -> str:
    return " ".join(text.split()).lower()


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _some_left_out(short: str, whole: str) -> bool:
    """Whether the first is the second without some letters, no more than it has beyond ASCII."""
    if whole.isascii():
        return False
    kept, text = _settled(short), _settled(whole)
    lost = len(text) - len(kept)
    if not 0 < lost <= sum(char.isalpha() and not char.isascii() for char in text):
        return False
    rest = iter(text)
    return all(char in rest for char in kept)
