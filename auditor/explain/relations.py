"""What nearly all differing pairs of a column have in common: another notation, a constant distance, a word for a code.

`relations` finds it in a sample; each of its answers says of any pair whether it `fits`. A pair says nothing about
chance: what is not the same value has to hold in most of the column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.explain.distances import Apart, Pair, Relation, moments_apart, numbers_apart, where
from auditor.explain.domains import FEWEST as FEWEST_OF_A_DOMAIN
from auditor.explain.domains import Moved, moved
from auditor.explain.left_out import LeftOut, left_out
from auditor.explain.moments import moments
from auditor.explain.rounding import rounded
from auditor.explain.spelling import readings
from auditor.explain.value_maps import Mapped, mapped
from auditor.findings.reason import Reason

FEWEST: Final = 5
"""Different pairs that a distance or a factor has to fit."""
MOST: Final = 0.6
"""The share of the pairs that are left which it has to fit."""
_FIRST: Final = 40
"""Pairs that are looked at before all of them are."""
_TURNS: Final = 3
"""Relations of one column, one after the other on what those before left."""
_WORD: Final = 3
"""Characters of a piece that stands for another one."""


# --- the same piece more, or another one ---


@dataclass(frozen=True, slots=True)
class Piece(Relation):
    """One side has the same piece at an end of all its values, or another one in its place."""

    ours: str
    theirs: str
    in_front: bool

    @property
    def pattern(self) -> str:
        end = "in front" if self.in_front else "at the end"
        if self.ours and self.theirs:
            return f"another piece {end}"
        return f"a piece more {end} {where(on_platform=bool(self.ours))}"

    def named(self) -> str:
        both = f"“{self.ours}” → “{self.theirs}”" if self.ours and self.theirs else f"“{self.ours or self.theirs}”"
        return f"{self.pattern}: {both}"

    def fits(self, platform: str, truth: str) -> bool:
        if self.in_front:
            return platform.startswith(self.ours) and self.theirs + platform[len(self.ours) :] == truth
        kept = platform.removesuffix(self.ours)
        return platform.endswith(self.ours) and kept + self.theirs == truth and bool(kept)


def _pieces(pairs: Sequence[Pair]) -> Iterator[Piece]:
    found: Counter[Piece] = Counter()
    for platform, truth in pairs:
        size = min(len(platform), len(truth))
        front = next((n for n in range(size) if platform[n] != truth[n]), size)
        end = next((n for n in range(size) if platform[-1 - n] != truth[-1 - n]), size)
        if end:
            found[Piece(platform[: len(platform) - end], truth[: len(truth) - end], in_front=True)] += 1
        if front:
            found[Piece(platform[front:], truth[front:], in_front=False)] += 1
    yield from (piece for piece, _ in found.most_common(2) if _is_piece(piece))


def _is_piece(piece: Piece) -> bool:
    """Whether it is one by itself: the rest of a word that was cut off is none, nor is a letter that is another one.

    A plus or a hyphen is punctuation.
    """
    if not any(char.isalnum() for char in piece.ours + piece.theirs):
        return False
    if piece.ours and piece.theirs:
        return max(len(piece.ours), len(piece.theirs)) >= _WORD
    return piece.in_front or not (piece.ours or piece.theirs)[0].isalnum()


# --- all of them ---


def relations(pairs: Sequence[Pair], zone: str) -> list[Relation]:
    """What holds between most pairs of a column, the likeliest first; later ones of what the earlier ones leave."""
    found: list[Relation] = []
    left = [pair for pair in pairs if pair[0] != pair[1]]
    for _ in range(_TURNS):
        best, fitting = _best(left, zone)
        if best is None:
            break
        found.append(best)
        left = [pair for pair, fits in zip(left, fitting, strict=True) if not fits]
    return found


def _best(pairs: Sequence[Pair], zone: str) -> tuple[Relation | None, Sequence[bool]]:
    best: Relation | None = None
    fitting: Sequence[bool] = ()
    for one in dict.fromkeys(_candidates(pairs, zone)):
        fits = [one.fits(*pair) for pair in pairs]
        if _believed(one, pairs, fits) and sum(fits) > sum(fitting):
            best, fitting = one, fits
    return best, fitting


def _candidates(pairs: Sequence[Pair], zone: str) -> Iterator[Relation]:
    """The same value first: of two that fit alike, it is the simpler explanation."""
    first = pairs[:_FIRST]
    yield from left_out(pairs)
    if any(moments(p) and moments(t) for p, t in first):
        yield from sorted(moments_apart(pairs, zone), key=lambda one: one.reason is not Reason.NOTATION)
    if any(readings(p) and readings(t) for p, t in first):
        yield from numbers_apart(pairs)
        yield from rounded(pairs)
    if any("@" in p and "@" in t for p, t in pairs) and (domains := moved(pairs)) is not None:
        yield domains
    if (whole := mapped(pairs)) is not None:
        yield whole
    yield from _pieces(pairs)


_TURNED: Final = str.maketrans("dm", "md")
"""Day and month in each other's place."""


def _plain_day(pair: Pair) -> bool:
    """Whether day and month cannot be taken for each other on either side: one of them is above 12."""
    return all(len({one.value for one in moments(text)}) == 1 for text in pair)


def _believed(relation: Relation, pairs: Sequence[Pair], fits: Sequence[bool]) -> bool:
    different = len({pair for pair, holds in zip(pairs, fits, strict=True) if holds})
    match relation:
        case Mapped():
            return True
        case LeftOut():
            return relation.believed(pairs, fits)
        case Moved():
            return different >= FEWEST_OF_A_DOMAIN
        case Apart() if relation.reason is Reason.NOTATION:
            fitting = [pair for pair, holds in zip(pairs, fits, strict=True) if holds]
            turned = relation.ours.translate(_TURNED) == relation.theirs
            return any(map(_plain_day, fitting)) or (different > 1 and not turned)
        case Apart() if relation.zone:
            return different >= FEWEST and sum(fits) >= 0.8 * len(pairs)
        case _:
            return different >= FEWEST and sum(fits) >= MOST * len(pairs)
