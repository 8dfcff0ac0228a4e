"""A cause in one plain English sentence: how many profiles, which field, what is wrong with it on which side.

A sentence is made of a count, the name of a column, the reason, the pattern and the configured names of the two sides,
beside them what the profiles have in common. Values are named as far as `Names.may_name` allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from auditor.explain.causes import Group
from auditor.explain.commonalities import Common
from auditor.explain.traits import Domain, Origin, Other, Prefix, Trait, Value, Window
from auditor.files.whole import printable
from auditor.model import SEGMENTATION_PREFIX, Reason, Side
from auditor.settings.contract import Column

_PLAIN: Final[Mapping[str, str]] = {
    Reason.EMPTY_ON_PLATFORM: "{column} is empty in {platform}, filled in {truth}",
    Reason.EMPTY_IN_TRUTH: "{column} is filled in {platform}, empty in {truth}",
    Reason.UNICODE_FORM: "{column} looks the same in {platform} and {truth}, but holds look-alike characters",
    Reason.WHITESPACE: "{column} has other blanks in {platform} than in {truth}",
    Reason.CASE: "{column} differs in upper and lower case only",
    Reason.ACCENTS: "{column} has other accents in {platform} than in {truth}",
    Reason.PUNCTUATION: "{column} has other punctuation in {platform} than in {truth}",
    Reason.ENCODING: "{column} was garbled on its way from one system to another",
    Reason.LEADING_ZERO: "{column} has other leading zeros in {platform} than in {truth}",
    Reason.TRUNCATED: "{column} is cut off on one side",
    Reason.DATE_SWAPPED: "{column} has day and month exchanged",
    Reason.NUMBER_FORMAT: "{column} is the same number, written differently in {platform} and {truth}",
    Reason.SWAPPED: "{column} was exchanged between {swaps}",
    Reason.TYPO: "{column} differs in a letter or two, probably a typing error",
    Reason.DIFFERENT: "{column} is not the same in {platform} and {truth}",
}
"""Where the pattern says no more."""

_ON_ONE_SIDE: Final[Mapping[str, str]] = {
    "invisible characters": "{column} holds invisible characters in {side}",
    "decomposed accents": "{column} has its accents as characters of their own in {side}",
    "leading blanks": "{column} begins with blanks in {side}",
    "trailing blanks": "{column} ends with blanks in {side}",
    "leading and trailing blanks": "{column} begins and ends with blanks in {side}",
    "doubled blanks": "{column} has doubled blanks in {side}",
    "unusual blanks": "{column} has tabs, line breaks or no-break blanks in {side}",
    "blanks missing": "{column} lacks blanks in {side}, {other} writes them",
    "accents missing": "{column} has no accents in {side}, {other} writes them",
    "leading + missing": "{column} has lost its leading + in {side}",
    "punctuation missing": "{column} has no hyphens, dots or apostrophes in {side}, {other} writes them",
    "garbled": "{column} is garbled in {side}, accented letters were read in a wrong encoding",
    "letters lost": "{column} has question marks in {side} where {other} has accented letters",
    "zeros missing": "{column} has lost leading zeros in {side}",
    "cut off": "{column} is cut off in {side}",
}
"""The pattern without its side."""

_SIDES: Final = {" on platform": Side.PLATFORM, " in truth": Side.TRUTH}
_A_WINDOW: Final = timedelta(hours=2)
"""A longer window is a day."""
_LONGEST: Final = 40
"""Characters of a value that is named."""
_PERMISSION: Final = ("on → off", "off → on")


@dataclass(frozen=True, slots=True)
class Names:
    """How the sides are called, whose clock is meant, and whether personal values may be named."""

    platform: str
    truth: str
    zone: str = "UTC"
    freely: bool = False

    def of(self, side: Side) -> str:
        return with_article(self.platform if side is Side.PLATFORM else self.truth)

    def may_name(self, trait: Trait, column: Column) -> bool:
        """Whether the answer of a trait may stand in a cause of that column."""
        return self.freely or trait.aspect.public(column)


def sentence(group: Group, names: Names, column: Column, common: Common | None = None) -> str:
    """`1,200 profiles: lastName is in upper case in Actito, the CRM writes it in mixed case`, and what they share."""
    count = "1 profile" if group.profiles == 1 else f"{group.profiles:,} profiles"
    text = f"{count}: {_clause(group, names.of(Side.PLATFORM), names.of(Side.TRUTH))}"
    return text if common is None else f"{text}. {_shared(common, column, names)}"


def common_code(common: Common, column: Column, names: Names) -> str:
    """In short what the profiles have in common: `truth changed 2026-03-02 10:58:00 … 2026-03-02 11:04:30`,
    `addressCountry = BE`, `same favouriteShop`; two traits are joined by ` & `.
    """
    return " & ".join(_code(trait, column, names) for trait in common.traits)


def _code(trait: Trait, column: Column, names: Names) -> str:
    match trait.aspect:
        case Window(side):
            first, last = trait.window(names.zone)
            return f"{side.value} changed {first:%Y-%m-%d %H:%M:%S} … {last:%Y-%m-%d %H:%M:%S}"
        case Other():
            what = trait.aspect.column.name
        case Origin():
            what = trait.aspect.name
        case Value(side):
            what = f"value {'on platform' if side is Side.PLATFORM else 'in truth'}"
        case Prefix(size):
            what = f"first {size} character{'s' if size > 1 else ''}"
        case _:
            what = type(trait.aspect).__name__.lower()
    return f"{what} = {_spoken(trait.answer)}" if names.may_name(trait, column) else f"same {what}"


def _shared(common: Common, column: Column, names: Names) -> str:
    """`97 % of them changed in Actito on 2026-03-02 at 10:58, 2 % of the others: it is 23 times as frequent there …`"""
    tally = common.tally
    what = " and ".join(_predicate(trait, column, names) for trait in common.traits)
    who = "All" if tally.inside == tally.cause else _percent(tally.share)
    others = "none" if tally.outside == 0 else _percent(tally.elsewhere)
    text = f"{who} of them {what}, {others} of the others"
    if tally.perfect:
        return text
    lift = tally.lift
    return f"{text}: " + (
        "it occurs nowhere else" if lift is None else f"it is {_times(lift)} as frequent there as elsewhere"
    )


def _predicate(trait: Trait, column: Column, names: Names) -> str:
    """What the profiles do or have, after "all of them"."""
    answer, named = _spoken(trait.answer), names.may_name(trait, column)
    match trait.aspect:
        case Window(side):
            return f"changed in {names.of(side)} {_when(*trait.window(names.zone))}"
        case Other():
            name = trait.aspect.column.name
            return _belong(name, answer) if named else f"have the same {name}"
        case Origin():
            return f"have the source {answer} ({trait.aspect.name})"
        case Value(side):
            return f"have {f'“{answer}”' if named else 'one and the same value'} in {names.of(side)}"
        case Domain():
            return f"have an address at {answer if named else 'the same domain'}"
        case Prefix(size):
            same = "the same character" if size == 1 else f"the same {size} characters"
            return f"have a value that begins with {f'“{answer}”' if named else same}"
        case _:
            return f"have a value of {answer} character{'s' if answer != '1' else ''}"


def _spoken(answer: object) -> str:
    """A value in a sentence: no longer than it can be read there, and nothing that acts on a terminal."""
    text = printable(str(answer))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _belong(name: str, value: str) -> str:
    segmentation = name.removeprefix(SEGMENTATION_PREFIX)
    if segmentation == name:
        return f"have {name} {value}"
    if value in ("true", "false"):
        return f"are {'' if value == 'true' else 'not '}in segment {segmentation}"
    return f"are in segment {value} of {segmentation}"


def _when(first: datetime, last: datetime) -> str:
    if first.date() != last.date():
        return f"between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M}"
    if last - first > _A_WINDOW:
        return f"on {first:%Y-%m-%d}"
    if f"{first:%H:%M}" == f"{last:%H:%M}":
        return f"on {first:%Y-%m-%d} at {first:%H:%M}"
    return f"on {first:%Y-%m-%d} between {first:%H:%M} and {last:%H:%M}"


def _percent(share: float) -> str:
    """Never "0 %" or "100 %" of what is not nothing or all."""
    if share < 0.01:
        return "under 1 %"
    return "Over 99 %" if share > 0.99 else f"{share * 100:.0f} %"


def _times(lift: float) -> str:
    return f"{lift:,.0f} times" if lift >= 9.5 else f"{lift:.1f} times".replace(".0", "")


def with_article(name: str) -> str:
    """`the CRM`, `the warehouse`, but `Actito`: an abbreviation or a common noun takes the article, a name does not."""
    first = name.split(" ")[0]
    if first.lower() in ("the", "our"):
        return name
    return f"the {name}" if first.isupper() or first.islower() else name


def _clause(group: Group, platform: str, truth: str) -> str:
    column, pattern = group.column, group.pattern
    ours, arrow, theirs = pattern.partition(" → ")
    if arrow and group.reason == Reason.CASE:
        if ours == theirs:
            return _PLAIN[Reason.CASE].replace("{column}", column)
        return f"{column} is in {ours} in {platform}, {truth} writes it in {theirs}"
    if arrow:
        subject = f"the permission {column}" if pattern in _PERMISSION else column
        return f"{subject} is {ours} in {platform}, {theirs} in {truth}"
    for ending, side in _SIDES.items():
        what, found, length = pattern.partition(ending)
        if found:
            here, other = (platform, truth) if side is Side.PLATFORM else (truth, platform)
            return _ON_ONE_SIDE[what].format(column=column, side=here, other=other) + length
    swaps = "the two: 1 swap" if group.profiles == 2 else f"two of them each: {group.profiles // 2:,} swaps"
    return _PLAIN[group.reason].format(column=column, platform=platform, truth=truth, swaps=swaps)
