"""A cause in one plain English sentence: how many profiles, which field, what is wrong with it on which side.

A sentence is made of a count, the name of a column, the reason, the pattern and the configured names of the two sides;
it never sees a value of a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.explain.causes import Group
from auditor.model import Reason, Side

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
    Reason.SWAPPED: "{column} was exchanged with that of another profile",
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
    "punctuation missing": "{column} has no hyphens, dots or apostrophes in {side}, {other} writes them",
    "garbled": "{column} is garbled in {side}, accented letters were read in a wrong encoding",
    "letters lost": "{column} has question marks in {side} where {other} has accented letters",
    "zeros missing": "{column} has lost leading zeros in {side}",
    "cut off": "{column} is cut off in {side}",
}
"""The pattern without its side."""

_SIDES: Final = {" on platform": Side.PLATFORM, " in truth": Side.TRUTH}
_PERMISSION: Final = ("on → off", "off → on")


def sentence(group: Group, *, platform_name: str, truth_name: str) -> str:
    """`1,200 profiles: lastName is in upper case in Actito, the CRM writes it in mixed case`."""
    platform, truth = with_article(platform_name), with_article(truth_name)
    count = "1 profile" if group.profiles == 1 else f"{group.profiles:,} profiles"
    text = f"{count}: {_clause(group, platform, truth)}"
    if group.truth_day is not None:
        text += f", most changed in {truth} on {group.truth_day.isoformat()}"
    elif group.platform_day is not None:
        text += f", most changed in {platform} on {group.platform_day.isoformat()}"
    return text


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
    return _PLAIN[group.reason].format(column=column, platform=platform, truth=truth)
