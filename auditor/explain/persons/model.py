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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

THRESHOLD: Final = 0.6
"""The least score that is reported."""


class Says(StrEnum):
    """What a level says to people."""

    SAME = "same"
    EXCHANGED = "exchanged"
    """First and last name stand in each other's place."""
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


def _kind(
    name: str,
    weights: Sequence[float],
    *,
    likely: str | None = None,
    similar: str | None = None,
    others: Sequence[str] = (),
    shared: bool = False,
) -> Kind:
    """`similar` is a condition over `{l}` and `{r}`; so are `likely`, of what is rather the same than similar, and
    `others`, of what is different and speaks less against it. What is `shared` by households has three levels of being
    the same: the first names agree, one of them is unknown, they differ.
    """
    left, right = f"{name}_l", f"{name}_r"
    equal = f"{left} = {right}"
    wanted = [(Says.SAME, f"{equal} AND {both}") for both in (_FIRST_NAMES_AGREE, _FIRST_NAME_UNKNOWN) if shared]
    wanted.append((Says.SAME, equal))
    if likely is not None:
        wanted.append((Says.SIMILAR, likely.format(l=left, r=right)))
    if similar is not None:
        wanted.append((Says.SIMILAR, similar.format(l=left, r=right)))
    wanted += [(Says.DIFFERENT, other.format(l=left, r=right)) for other in others]
    wanted.append((Says.NOTHING if name == "bare_key" else Says.DIFFERENT, "TRUE"))
    return Kind(name, tuple(Level(says, weight, when) for (says, when), weight in zip(wanted, weights, strict=True)))


_HALF: Final = "greatest(least(length({l}), length({r})) // 2 - 1, 0)"
_MAY_BE_A_SLIP: Final = (
    f"abs(length({{l}}) - length({{r}})) <= 1 AND (left({{l}}, {_HALF}) = left({{r}}, {_HALF}) "
    f"OR right({{l}}, {_HALF}) = right({{r}}, {_HALF}))"
)
SLIP: Final = (
    "CASE WHEN {l} = {r} THEN TRUE WHEN strlen({l}) = strlen({r}) THEN CASE hamming({l}, {r}) WHEN 1 THEN TRUE "
    "WHEN 2 THEN damerau_levenshtein({l}, {r}) <= 1 ELSE FALSE END "
    f"WHEN {_MAY_BE_A_SLIP} THEN damerau_levenshtein({{l}}, {{r}}) <= 1 ELSE FALSE END"
)
"""Of one edit at most, counted in bytes, as DuckDB counts them: one for another, two that changed places, one more.

To count the edits of two addresses takes longer than all else of a pair, and is not needed where the bytes are as many,
nor where one edit would leave nearly a half as it is.
"""
_SLIP_OF_A_NAME: Final = (
    f"({SLIP} AND (least(length({{l}}), length({{r}})) >= 5 OR length({{l}}) <> length({{r}}) "
    "OR levenshtein({l}, {r}) = 2))"
)
"""Not one letter for another in a short name, as in Tim and Tom; to Levenshtein, two that changed places are two edits.
"""
_ALIKE: Final = "jaro_winkler_similarity({l}, {r}) >= 0.88"
"""Over bytes; the forms of names are mostly ASCII."""
_BEGINNING: Final = "least(length({l}), length({r})) >= 3 AND (starts_with({l}, {r}) OR starts_with({r}, {l}))"
_PART: Final = "least(length({l}), length({r})) >= 4 AND (contains({l}, {r}) OR contains({r}, {l}))"
_SPELT_ALIKE: Final = f"({_ALIKE} OR {_SLIP_OF_A_NAME})"
_SHORT_FORM: Final = "(meant_l IS NOT NULL AND meant_r IS NOT NULL AND list_has_any(meant_l, meant_r))"
_SAME_MAILBOX_ELSEWHERE: Final = "split_part({l}, '@', 1) = split_part({r}, '@', 1)"
_SLIP_OF_THEIRS: Final = "(least(bearers_l, bearers_r) = 1 AND damerau_levenshtein({l}, {r}) <= 2)"
"""A name that nobody else has is rather a slip than another name, as Kabe is of Kane."""
_ONE_NAME: Final = f"({_SLIP_OF_THEIRS} OR {_SLIP_OF_A_NAME} OR {_SHORT_FORM})"
_FIRST_NAMES_ALIKE: Final = f"({_ONE_NAME} OR {_ALIKE} OR {_BEGINNING})"
FIRST_NAMES_AGREE: Final = _FIRST_NAMES_ALIKE.format(l="first_name_l", r="first_name_r")
"""Asked once per pair, and known to the conditions as `first_names_agree`."""
_FIRST_NAMES_AGREE: Final = "first_names_agree"
_FIRST_NAME_UNKNOWN: Final = "(first_name_l IS NULL OR first_name_r IS NULL)"
_SLIP_OF_A_DATE: Final = SLIP.format(l="replace({l}, '-', '')", r="replace({r}, '-', '')")
"""Whoever types a date exchanges its digits across the hyphens too: 1950-11-03 and 1951-01-03."""
_DAY_AND_MONTH_SWAPPED: Final = "{l} = substr({r}, 1, 5) || substr({r}, 9, 2) || '-' || substr({r}, 6, 2)"
_TWO_OF_THREE: Final = (
    "((substr({l}, 1, 4) = substr({r}, 1, 4))::INT + (substr({l}, 6, 2) = substr({r}, 6, 2))::INT "
    "+ (substr({l}, 9) = substr({r}, 9))::INT) = 2"
)
"""Year and month, year and day, or month and day."""
_LESS_THAN_A_GENERATION: Final = (
    f"{_FIRST_NAMES_AGREE} AND abs(try_cast(substr({{l}}, 1, 4) AS INT) - try_cast(substr({{r}}, 1, 4) AS INT)) < 14"
)
"""Nobody's parent or child is so near in age, and no brother or sister has the name."""
_ONE_NAME_AT_ONE_ADDRESS: Final = (
    "exchanged_l = 0 AND first_name_l = first_name_r AND street_l = street_r AND postal_code_l = postal_code_r"
)
"""Less than a generation apart they are hardly two: a couple whose names are exchanged in one row does not count."""

NAMES: Final = ("last_name", "first_name")
"""The kinds that may stand in each other's place."""

PRIOR: Final[Mapping[Link, float]] = {Link.ACROSS: -4.7, Link.WITHIN: -8.2}
"""The log-odds of a candidate pair of which nothing is known, in bits, where as many are one person as usual."""
USUAL_SHARE: Final[Mapping[Link, float]] = {Link.ACROSS: 0.294, Link.WITHIN: 0.026}
"""The share of candidate pairs that are one person, in the companies that the weights are fitted to."""

KINDS: Final[Sequence[Kind]] = (
    _kind("bare_key", (12.7, 2.8, 0), similar=f"length({{l}}) >= 5 AND {SLIP}"),
    _kind("email", (4.9, 5.4, 4.2, -0.3, -1.3), similar=f"({_SAME_MAILBOX_ELSEWHERE} OR {SLIP})", shared=True),
    _kind("phone", (3.2, 2.3, 1.3, 1.7, -2.1), similar=SLIP, shared=True),
    _kind(
        "birth_date",
        (5.4, 6.2, 3.6, 3.1, -3.0, -5.8, -7.4),
        similar=f"({_SLIP_OF_A_DATE} OR {_DAY_AND_MONTH_SWAPPED} OR {_TWO_OF_THREE})",
        others=(f"{_LESS_THAN_A_GENERATION} AND {_ONE_NAME_AT_ONE_ADDRESS}", _LESS_THAN_A_GENERATION),
        shared=True,
    ),
    _kind("last_name", (2.2, 1.8, -1.5), similar=f"({_SPELT_ALIKE} OR {_PART})"),
    _kind("first_name", (3.9, 2.9, -1.6, -5.3), likely=_ONE_NAME, similar=_FIRST_NAMES_ALIKE),
    _kind("postal_code", (0.5, -1.3)),
    _kind("street", (0.8, -0.9, -1.6, 0.3, -0.9), similar=_ALIKE, shared=True),
)

EXCHANGED: Final = Kind(
    "exchanged",
    (
        Level(Says.EXCHANGED, -0.2, "exchanged_l = 2"),
        Level(Says.EXCHANGED, -3.4, "exchanged_l = 1"),
        Level(Says.NOTHING, 0),
    ),
)
"""Both names stand in each other's place, or one of them does; then the others are compared as if they did not."""
EVIDENCE: Final[Sequence[Kind]] = (*KINDS, EXCHANGED)

_OF_TWINS: Final[Mapping[str, Collection[Says]]] = {
    "birth_date": {Says.SAME},
    "last_name": {Says.SAME, Says.SIMILAR},
    "first_name": {Says.DIFFERENT},
    "street": {Says.SAME, Says.SIMILAR},
    "exchanged": {Says.NOTHING},
}


def like_twins() -> str:
    """The condition, in SQL over the levels of a pair, that it is alike in what twins share, and not in first name."""
    wanted = {
        kind.name: [number for number in range(len(kind.levels)) if kind.says(number) in _OF_TWINS[kind.name]]
        for kind in EVIDENCE
        if kind.name in _OF_TWINS
    }
    return " AND ".join(f"gamma_{name} IN ({', '.join(map(str, levels))})" for name, levels in wanted.items())


def exchanged(left: str, right: str) -> str:
    """How many names stand in the other's place, in SQL over two rows of `persons`: 0, 1 or 2."""

    def alike(one: str, other: str) -> str:
        pair = {"l": f"{left}.{one}", "r": f"{right}.{other}"}
        return f"coalesce({_SPELT_ALIKE.format(**pair)}, FALSE)"

    crossed = f"({alike('first_name', 'last_name')}::INT + {alike('last_name', 'first_name')}::INT)"
    same = " OR ".join(f"{left}.{name} = {right}.{name}" for name in NAMES)
    straight = " OR ".join(alike(name, name) for name in NAMES)
    return f"CASE WHEN {same} THEN 0 WHEN {straight} THEN 0 ELSE {crossed} END"


NAMESAKES: Final = "first_name"
"""The kind whose being the same counts by how many rows of a side have the same first and last name."""
USUAL_NAMESAKES: Final = 1.5
"""As many as leave the weight of a name as it is."""
MOST_NAMESAKES: Final = 5
"""More are counted as so many: a name that everybody has does not undo a telephone and an address that are the same."""
NAMESAKES_WEIGHT: Final = 1.9
"""Bits that it takes away when there are twice as many, and adds when there are half as many."""
