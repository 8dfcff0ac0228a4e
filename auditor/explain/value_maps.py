"""A word for each value: what nearly all differing pairs of a column show where one side writes codes, and the other
what they stand for.

mapped      the map that the differing pairs are, if they are one
borne_out   what of it all compared rows bear out: where a value stands for itself too, people just changed theirs
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from auditor.equality.yes_no import NO, YES
from auditor.explain.distances import Pair, Relation
from auditor.explain.left_out import lost_letters
from auditor.explain.spelling import damage_of, told_of

_ONE_FOR_ONE: Final = "one for one"
SEVERAL_ON_PLATFORM: Final = "several words for one on platform"
_SEVERAL_IN_TRUTH: Final = "several words for one in truth"
MAPS: Final = (_ONE_FOR_ONE, SEVERAL_ON_PLATFORM, _SEVERAL_IN_TRUTH)
"""Patterns of columns in which one side has codes for the other's words."""

MAPPED: Final = 250
"""Pairs of values that may stand for each other."""
_FEWEST: Final = 10
"""Differing cells that show a map, and rows that show one of a single pair."""
_OFTEN: Final = 3
"""How often a pair of values has to stand, on average, to be one of a map."""
_OFTEN_OF_SEVERAL: Final = 5
"""How often each of several words for one has to stand."""
_MOST: Final = 0.6
"""The share of the differing cells that a map has to explain."""
_PURE: Final = 0.95
"""The share of a value's differing cells that stand for one and the same value."""
BORNE_OUT: Final = 0.9
"""The share of all rows with a value that hold what it stands for."""
_OF_THE_COLUMN: Final = 0.5
"""The share of the column's rows that a map says something about …"""
_ROWS_OF_A_CODE: Final = 25
"""… or how many rows a value of the column has, on average: streets are dealt out to fewer."""
_AROUND: Final = " \t\"'`´‘’‚“”„«»‹›[](){}<>"
"""Quotes, brackets and blanks."""
_SPOKEN: Final = "notation|yes or no"
_NO_LETTERS: Final = re.compile("[\x80-\x9f\u2500-\u259f\ufffd]")
"""What stands in no word, but in one that was read in a wrong encoding: control characters, parts of frames."""


@dataclass(frozen=True, slots=True)
class Mapped(Relation):
    """Each value of the one side stands for one of the other."""

    values: tuple[Pair, ...]
    """The most frequent first."""
    spelt: tuple[Pair, ...] = ()
    """The same as both files spell them, where that is known."""

    @property
    def pattern(self) -> str:
        if self.turned:
            return "the opposite"
        ours, theirs = (len(set(values)) for values in zip(*self.values, strict=True))
        if ours != theirs:
            return SEVERAL_ON_PLATFORM if ours > theirs else _SEVERAL_IN_TRUTH
        return _ONE_FOR_ONE

    @property
    def turned(self) -> bool:
        """Whether one side says yes where the other says no, or has one of two values where it has the other."""
        return all(map(_opposite, self.values)) or {(theirs, ours) for ours, theirs in self.values} == set(self.values)

    def named(self) -> str:
        if self.turned:
            return self.pattern
        known = self.spelt or self.values
        shown = ", ".join(f"{ours} → {theirs}" for ours, theirs in known[:3])
        return f"{self.pattern}: {shown}{', …' if len(known) > 3 else ''}"

    def fits(self, platform: str, truth: str) -> bool:
        return (platform, truth) in self.values


def mapped(pairs: Iterable[Pair]) -> Mapped | None:
    """The map between both sides' values, where there is one: one for one, or several words for one."""
    given = Counter(pairs)
    counted = Counter({pair: number for pair, number in given.items() if not _one_word(*pair)})
    if given.total() < _FEWEST or counted.total() < _MOST * given.total():
        return None
    found = _one_for_one(counted, given.total()) or _several(counted, given.total())
    return None if found is None or _half_turned(found) else found


def _one_for_one(counted: Counter[Pair], total: int) -> Mapped | None:
    sure = _sure(counted, 2)
    back = Counter(theirs for _, theirs in sure)
    sure = Counter({pair: number for pair, number in sure.items() if back[pair[1]] == 1})
    ours = {pair[0] for pair in sure}
    # Codes are other words than those they stand for; values that were dealt out anew are the same ones.
    if len(ours) > 2 and 2 * len(ours & back.keys()) > len(ours):
        return None
    return _ordered(sure) if sure.total() >= _MOST * total else None


def _several(counted: Counter[Pair], total: int) -> Mapped | None:
    """Several words of one side for each of the other's, which has two of them at least."""
    for turned in (False, True):
        sure = _sure(Counter({_turned(pair, turned): number for pair, number in counted.items()}), _OFTEN_OF_SEVERAL)
        words, meant = ({pair[place].casefold() for pair in sure} for place in (0, 1))
        if len(words) > len(meant) > 1 and not words & meant and sure.total() >= _MOST * total:
            return _ordered(Counter({_turned(pair, turned): number for pair, number in sure.items()}))
    return None


def _sure(counted: Counter[Pair], fewest: int) -> Counter[Pair]:
    """The pairs of which the first value hardly ever stands beside another one than the second."""
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    for (one, other), number in counted.items():
        beside[one][other] += number
    if len(beside) > MAPPED or counted.total() < _OFTEN * len(beside):
        return Counter()
    best = {one: found.most_common(1)[0] for one, found in beside.items()}
    return Counter(
        {
            (one, other): number
            for one, (other, number) in best.items()
            if number >= fewest and number >= _PURE * beside[one].total()
        }
    )


def _ordered(sure: Counter[Pair]) -> Mapped | None:
    return Mapped(tuple(sorted(sure, key=lambda pair: (-sure[pair], pair)))) if sure else None


def _turned(pair: Pair, turned: bool) -> Pair:
    return (pair[1], pair[0]) if turned else pair


def _one_word(platform: str, truth: str) -> bool:
    """Whether the two are one word that was damaged or is written otherwise on one side: none stands for the other."""
    # A piece of a frame is none of a word; alone it may be a sign for one.
    framed = any(len(text) > 1 and _NO_LETTERS.search(text) for text in (platform, truth))
    told = told_of(platform, truth)
    if platform.strip(_AROUND) == truth.strip(_AROUND):
        return True
    damaged = lost_letters(platform, truth) or damage_of(platform, truth) is not None
    return framed or damaged or told not in (None, _SPOKEN)


def _opposite(pair: Pair) -> bool:
    said = [word in YES if word in (*YES, *NO) else None for word in (text.strip().lower() for text in pair)]
    return None not in said and said[0] is not said[1]


def _half_turned(found: Mapped) -> bool:
    """Whether yes stands for no, and not no for yes as well: some people changed their minds, or a word says the one or
    the other and nobody knows which.
    """
    opposite = [pair for pair in found.values if _opposite(pair)]
    said = {theirs.strip().lower() in YES for _, theirs in opposite}
    return bool(opposite) and (len(opposite) < len(found.values) or len(said) < 2)


def borne_out(
    found: Mapped, forms: Mapping[Pair, Pair], counted: Mapping[Pair, int], filled: int, distinct: int
) -> Mapped | None:
    """What of a map the rows bear out on which both sides have something; None: it is no map of codes.

    `forms` are both canonical forms of its pairs, `counted` the rows per pair of such forms with one of its values on
    its side, `filled` all rows, and `distinct` how many values the column has in them.
    """
    of_map = set(forms.values())
    rows: list[Counter[str]] = [Counter(), Counter()]
    fitting: list[Counter[str]] = [Counter(), Counter()]
    for pair, number in counted.items():
        for place in (0, 1):
            rows[place][pair[place]] += number
            fitting[place][pair[place]] += number if pair in of_map else 0
    single = len(found.values) == 1
    share = 1 if single else BORNE_OUT
    kept = [
        pair
        for pair in found.values
        if pair in forms
        and all(fitting[place][one] >= share * rows[place][one] > 0 for place, one in enumerate(forms[pair]))
    ]
    borne = sum(counted.get(form, 0) for form in {forms[pair] for pair in kept})
    codes = distinct * _ROWS_OF_A_CODE <= filled and borne >= _FEWEST * len(kept)
    if not kept or (len(kept) == 1 and borne < _FEWEST) or not (borne >= _OF_THE_COLUMN * filled or codes):
        return None
    left = replace(found, values=tuple(kept))
    return None if _half_turned(left) else left
