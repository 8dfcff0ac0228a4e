"""What speaks for and against two rows being one person, and how much: the model of Fellegi and Sunter.

Each kind of evidence has levels, the first that holds counts; a kind that is empty in either row says nothing. A level
has a weight in bits: one bit more doubles the odds. The sum of the weights and of the prior is the log-odds, to base 2,
that a candidate pair is one person, and the score is that probability.

The weights are fitted to generated people whose truth is known (`tests/people.py`) by `make calibration`, which prints
them, and how well they hold on people that they were not fitted to. They are weights of a regression, not frequencies,
because kinds of evidence depend on each other: who shares a telephone mostly shares an address and a last name as well.
For the same reason what a household shares counts by whether the first names agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

THRESHOLD: Final = 0.6
"""The least score that is reported."""


class Says(StrEnum):
    """What a level says to people."""

    SAME = "same"
    SIMILAR = "similar"
    DIFFERENT = "different"
    NOTHING = "nothing"


class Link(StrEnum):
    """Which rows a pair is made of."""

    ACROSS = "across"
    """One that only the platform has, and one that only the truth has."""
    WITHIN = "within"
    """Two of one side."""


@dataclass(frozen=True, slots=True)
class Level:
    says: Says
    weight: float
    """In bits."""
    when: str = "TRUE"
    """The condition, in SQL, over the forms of both rows, `NAME_l` and `NAME_r`; neither is null."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of evidence: a column of the table `persons`."""

    name: str
    levels: tuple[Level, ...]
    """The first that holds counts; the last always does."""

    def says(self, level: int) -> Says:
        """What a level says by its number: 0 is the last one, -1 that either row is empty."""
        return self.levels[len(self.levels) - 1 - level].says if level >= 0 else Says.NOTHING


def _kind(name: str, weights: Sequence[float], *, similar: str | None = None, shared: bool = False) -> Kind:
    """`similar` is a condition over `{l}` and `{r}`; what is `shared` by households has three levels of being the same:
    the first names agree, one of them is unknown, they differ.
    """
    left, right = f"{name}_l", f"{name}_r"
    equal = f"{left} = {right}"
    wanted = [(Says.SAME, f"{equal} AND {both}") for both in (_FIRST_NAMES_AGREE, _FIRST_NAME_UNKNOWN) if shared]
    wanted.append((Says.SAME, equal))
    if similar is not None:
        wanted.append((Says.SIMILAR, similar.format(l=left, r=right)))
    wanted.append((Says.NOTHING if name == "bare_key" else Says.DIFFERENT, "TRUE"))
    return Kind(name, tuple(Level(says, weight, when) for (says, when), weight in zip(wanted, weights, strict=True)))


_SLIP: Final = "damerau_levenshtein({l}, {r}) <= 1"
_ALIKE: Final = "jaro_winkler_similarity({l}, {r}) >= 0.88"
"""Over bytes; the forms of names are mostly ASCII."""
_BEGINNING: Final = "least(length({l}), length({r})) >= 3 AND (starts_with({l}, {r}) OR starts_with({r}, {l}))"
_PART: Final = "least(length({l}), length({r})) >= 4 AND (contains({l}, {r}) OR contains({r}, {l}))"
_DAY_AND_MONTH_SWAPPED: Final = "{l} = substr({r}, 1, 5) || substr({r}, 9, 2) || '-' || substr({r}, 6, 2)"
_SAME_MAILBOX_ELSEWHERE: Final = "split_part({l}, '@', 1) = split_part({r}, '@', 1)"
_FIRST_NAMES_ALIKE: Final = f"({_ALIKE} OR {_BEGINNING})"
_FIRST_NAMES_AGREE: Final = _FIRST_NAMES_ALIKE.format(l="first_name_l", r="first_name_r")
_FIRST_NAME_UNKNOWN: Final = "(first_name_l IS NULL OR first_name_r IS NULL)"

PRIOR: Final[Mapping[Link, float]] = {Link.ACROSS: -4.1, Link.WITHIN: -7.3}
"""The log-odds of a candidate pair of which nothing is known, in bits."""

KINDS: Final[Sequence[Kind]] = (
    _kind("bare_key", (13.4, 2.9, 0), similar=f"length({{l}}) >= 5 AND {_SLIP}"),
    _kind("email", (4.8, 5.2, 4.2, -0.3, -1.2), similar=f"({_SAME_MAILBOX_ELSEWHERE} OR {_SLIP})", shared=True),
    _kind("phone", (3.1, 2.4, 1.3, 2.8, -2.2), similar=_SLIP, shared=True),
    _kind("birth_date", (5.7, 6.0, 4.8, 4.3, -10.8), similar=f"({_SLIP} OR {_DAY_AND_MONTH_SWAPPED})", shared=True),
    _kind("last_name", (0.4, 0.4, -2.7), similar=f"({_ALIKE} OR {_PART})"),
    _kind("first_name", (5.1, 2.8, -4.3), similar=_FIRST_NAMES_ALIKE),
    _kind("postal_code", (0.5, -1.3)),
    _kind("street", (0.0, 0.4, -0.8), similar=_ALIKE),
)

NAMESAKES: Final = "first_name"
"""The kind whose being the same counts by how many rows of a side have the same first and last name."""
USUAL_NAMESAKES: Final = 1.5
"""As many as leave the weight of a name as it is."""
MOST_NAMESAKES: Final = 5
"""More are counted as so many: a name that everybody has does not undo a telephone and an address that are the same."""
NAMESAKES_WEIGHT: Final = 1.6
"""Bits that it takes away when there are twice as many, and adds when there are half as many."""
