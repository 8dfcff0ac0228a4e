"""A cause in one plain English sentence: how many profiles, which field, what is wrong with it on which side.

A sentence is made of a count, the name of a column, the reason, the pattern and the configured names of the two sides,
beside them what the profiles have in common. Values are named as far as they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from auditor.files.given import printable
from auditor.findings.codes import Cause, InCommon, Shared
from auditor.findings.english.numbers import counted
from auditor.findings.planned import MAY_CONTACT
from auditor.findings.reason import Reason
from auditor.findings.words import Words
from auditor.model import SEGMENTATION_PREFIX, Permission, Side

_PLAIN: Final[Mapping[str, str]] = {
    Reason.EMPTY_ON_PLATFORM: "{column} is empty in {platform}, filled in {truth}",
    Reason.EMPTY_IN_TRUTH: "{column} is filled in {platform}, empty in {truth}",
    Reason.UNICODE_FORM: "{column} looks the same in {platform} and {truth}, but holds look-alike characters",
    Reason.WHITESPACE: "{column} has other blanks in {platform} than in {truth}",
    Reason.CASE: "{column} differs in upper and lower case only",
    Reason.ACCENTS: "{column} has other accents in {platform} than in {truth}",
    Reason.PUNCTUATION: "{column} has other punctuation in {platform} than in {truth}",
    Reason.ENCODING: "{column} was garbled on its way from one system to another",
    Reason.MARKUP: "{column} holds codes in the place of characters",
    Reason.NOTATION: "{column} is the same value, written differently in {platform} and {truth}",
    Reason.SEVERAL: "{column} holds the same several values in {platform} and {truth}, written differently",
    Reason.SPREADSHEET: "{column} is what a spreadsheet has left of the value",
    Reason.LEADING_ZERO: "{column} has other leading zeros in {platform} than in {truth}",
    Reason.TRUNCATED: "{column} is cut off on one side",
    Reason.DATE_SWAPPED: "{column} has day and month exchanged",
    Reason.NUMBER_FORMAT: "{column} is the same number, written differently in {platform} and {truth}",
    Reason.SWAPPED: "{column} was exchanged between {swaps}",
    Reason.EXCHANGED: "{column} stands in another field of the same row",
    Reason.SLIPPED: "{column} stands in another row: it slipped, or was sorted without the other fields",
    Reason.RELATION: "{column} has a constant relation between {platform} and {truth}",
    Reason.TYPO: "{column} differs in a letter or two, probably a typing error",
    Reason.DIFFERENT: "{column} is not the same in {platform} and {truth}",
}
"""Where the pattern says no more."""

_BOTH_SIDES: Final[Mapping[str, str]] = {
    "yes or no": "{column} is the same yes and no, written differently in {platform} and {truth}",
    "the same telephone number": "{column} is the same telephone number, written differently in {platform} and {truth}",
    "the same words in another order": "{column} is the same words in another order in {platform} and {truth}",
    "the same members in another order": "{column} is the same members in another order in {platform} and {truth}",
}
"""Of patterns that are of neither side."""

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
    "leading + missing": "{column} has no leading + in {side}, {other} writes it",
    "quotes or brackets": "{column} stands in quotes or brackets in {side}, {other} has the mere text",
    "signs around it": "{column} has signs around it in {side} (such as ; or *), {other} has the mere text",
    "punctuation missing": "{column} has no hyphens, dots or apostrophes in {side}, {other} writes them",
    "garbled": "{column} is garbled in {side}, accented letters were read in a wrong encoding",
    "letters lost": "{column} has question marks in {side} where {other} has accented letters",
    "letters left out": "{column} lacks accented letters in {side}, a conversion left them out; {other} has them",
    "zeros missing": "{column} has no leading zeros in {side}, {other} writes them",
    "HTML codes": "{column} holds codes of HTML in {side} (such as &amp;), {other} has the characters",
    "HTML tags": "{column} holds tags of HTML in {side}, {other} has the mere text",
    "codes of an address": "{column} holds codes of page addresses in {side} (such as %20), {other} has the characters",
    "codes of a program": "{column} holds codes of a program in {side} (such as \\u00e9), {other} has the characters",
    "codes of a document": "{column} holds codes of documents in {side} (such as \\'e9), {other} has the characters",
    "codes of a typesetter": "{column} holds codes of typesetters in {side} (such as \\'e), {other} has the characters",
    "codes of a directory": "{column} holds codes of directories in {side} (such as \\c3\\a9), {other} characters",
    "codes of a host": "{column} holds names of hosts in codes in {side} (such as xn--), {other} has the characters",
    "codes of a mail": "{column} holds codes of mails in {side} (such as =E9), {other} has the characters",
    "codes of a workbook": "{column} holds codes of a workbook in {side} (such as _x000D_), {other} has the characters",
    "a formula": '{column} stands in a formula of spreadsheets in {side} (="00123"), {other} has the mere text',
    "codes": "{column} holds codes of several kinds in {side}, {other} has the characters",
    "a number without its country": "{column} is the same number, written differently: {side} leaves out the country",
    "rounding noise": "{column} is the same number, but {side} has what computing leaves (such as 12.30000000000001)",
    "32 bits": "{column} is the same number, but {side} has it from 32 bits (such as 7779.2001953125 for 7779.2)",
    "more than the address": "{column} is the same address, written differently: {side} has more around it",
    "several values": "{column} holds several values in one cell in {side}, {other} has one of them",
    "digits lost": "{column} has lost its last digits in {side}: a spreadsheet shortened the number (such as 3.2E+10)",
    "a date of a spreadsheet": "{column} holds a date in {side} (such as 5-Mar) that a spreadsheet made of the text",
    "a spreadsheet's error": "{column} holds the error of a spreadsheet in {side} (such as #N/A), {other} a value",
    "no seconds": "{column} is the same moment, without its seconds in {side}",
    "no time": "{column} is the same day, without the time in {side}",
    "rounded": "{column} is rounded in {side}, {other} has more decimals",
    "decimals left out": "{column} lacks decimals in {side} that {other} has: they were left out, not rounded",
    "cut off": "{column} is cut off in {side}",
}
"""The pattern without its side."""

_SIDES: Final = {" on platform": Side.PLATFORM, " in truth": Side.TRUTH}
_A_WINDOW: Final = timedelta(hours=2)
"""A longer window is a day."""
_LONGEST: Final = 40
"""Characters of a value that is named."""
_PERMISSION: Final = {
    f"{here} → {there}": (MAY_CONTACT[here], MAY_CONTACT[there])
    for here, there in ((Permission.ON, Permission.OFF), (Permission.OFF, Permission.ON))
}
"""The pattern of a permission → what each side says: whether it is on tells nobody which way round it is spelt."""


def cause(one: Cause, say: Words, *, with_count: bool = True, differing: int | None = None) -> str:
    """`1,200 profiles: lastName is in upper case in Actito, CRM writes it in mixed case`, and what they share.

    `differing` is the number of profiles in which the column differs, for whatever reason.
    """
    text = _clause(one, say.platform, say.truth)
    if differing and one.reason == Reason.RELATION:
        share = "all of" if differing == one.profiles else f"{_percent(one.profiles / differing)} of"
        text = f"{text} ({share} its {counted(differing, 'difference')})"
    if with_count:
        text = f"{counted(one.profiles, 'profile')}: {text}"
    return f"{text}. {_together(one, say)}" if one.shared else text


def pattern_in_words(pattern: str) -> str:
    """A pattern as a table shows it: of a permission, what each side says."""
    return " → ".join(_PERMISSION[pattern]) if pattern in _PERMISSION else pattern


def in_short(shared: Sequence[Shared]) -> str:
    """Says in short what profiles have in common: `truth changed 2026-03-02 10:58:00 … 2026-03-02 11:04:30`,
    `addressCountry = BE`, `same favouriteShop`; two things are joined by ` & `.
    """
    return " & ".join(_short(one) for one in shared)


def _short(one: Shared) -> str:
    known = one.parameters
    match one.code:
        case InCommon.CHANGED:
            first, last = _window(one)
            return f"{known['side']} changed {first:%Y-%m-%d %H:%M:%S} … {last:%Y-%m-%d %H:%M:%S}"
        case InCommon.COLUMN | InCommon.SOURCE:
            what = known["column"]
        case InCommon.VALUE:
            what = f"value {'on platform' if known['side'] == Side.PLATFORM else 'in truth'}"
        case InCommon.PREFIX:
            what = f"first {counted(known['size'], 'character')}"
        case _:
            what = one.code.value
    return f"{what} = {_spoken(known['value'])}" if "value" in known else f"same {what}"


def _together(one: Cause, say: Words) -> str:
    """`97 % of them changed in Actito on 2026-03-02 at 10:58, 2 % of the others: it is 23 times as frequent there …`"""
    what = " and ".join(_predicate(shared, say) for shared in one.shared)
    share, elsewhere = one.share or 0.0, one.elsewhere or 0.0
    who = "All" if share == 1 else _percent(share)
    others = "none" if elsewhere == 0 else _percent(elsewhere)
    text = f"{who} of them {what}, {others} of the others"
    if share == 1 and elsewhere == 0:
        return text
    return f"{text}: " + (
        "it occurs nowhere else" if one.lift is None else f"it is {_times(one.lift)} as frequent there as elsewhere"
    )


def _predicate(one: Shared, say: Words) -> str:
    """What the profiles do or have, after "all of them"."""
    known = one.parameters
    answer, named = _spoken(known.get("value", "")), "value" in known
    match one.code:
        case InCommon.CHANGED:
            return f"changed in {say.side(known['side'])} {_when(*_window(one))}"
        case InCommon.COLUMN:
            return _belong(known["column"], answer) if named else f"have the same {known['column']}"
        case InCommon.SOURCE:
            return f"have the source {answer} ({known['column']})"
        case InCommon.VALUE:
            what = f"“{answer}”" if named else "one and the same value"
            return f"have {what} in {say.side(known['side'])}"
        case InCommon.DOMAIN:
            return f"have an address at {answer if named else 'the same domain'}"
        case InCommon.PREFIX:
            same = "the same character" if known["size"] == 1 else f"the same {known['size']} characters"
            return f"have a value that begins with {f'“{answer}”' if named else same}"
        case InCommon.LENGTH:
            return f"have a value of {answer} character{'s' if answer != '1' else ''}"


def _window(one: Shared) -> tuple[datetime, datetime]:
    first, last = (datetime.fromisoformat(one.parameters[end]) for end in ("first", "last"))
    return first, last


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


_RELATIONS: Final = {
    r"(?P<by>.+) (?P<way>earlier|later) on platform": "{column} is {by} {way} in {platform} than in {truth}",
    r"a piece more (?P<where>in front|at the end) (?P<side>on platform|in truth)(?P<named>: .*)?": (
        "{column} has one and the same piece more {where} in {side}{named}"
    ),
    r"another piece (?P<where>in front|at the end)(?P<named>: .*)?": (
        "{column} has one and the same other piece {where} in {truth} than in {platform}{named}"
    ),
    r"the other sign on platform": "{column} is the same number with the other sign in {platform} and {truth}",
    r"(?P<by>.+) (?P<way>more|less) on platform": "{column} is {by} {way} in {platform} than in {truth}",
    r"(?P<by>.+) times (?P<side>on platform|in truth)": "{column} is {by} times as much in {side} as in {other}",
    r"the clock of (?P<by>.+) (?P<side>on platform|in truth)": (
        "{column} is the same moment by two clocks: that of {by} in {side}, UTC in {other}"
    ),
    r"another domain(?P<named>: .*)?": (
        "{column} has other domains in {truth} than in {platform}, one for one, and the same names before the @{named}"
    ),
    r"one for one(?P<named>: .*)?": (
        "{column} has another word for each value, one for one: each of {platform} stands for one of {truth}{named}"
    ),
    r"several words for one (?P<side>on platform|in truth)(?P<named>: .*)?": (
        "{column} has several words in {side} for each that {other} has: each of {side} stands for one of {other}"
        "{named}"
    ),
    r"the opposite": "{column} is turned round: where {platform} has one of two values, {truth} has the other",
}
"""Patterns of constant relations, the first that fits."""
_ELSEWHERE: Final = {
    r"a copy of (?P<other>.+) (?P<side>on platform|in truth)": (
        "{column} holds in {side} what {other} holds in the same row: a copy"
    ),
    r"(?P<other>.+) as well (?P<side>on platform|in truth)": "{column} holds {other} too in {side}: two in one cell",
    r"within (?P<other>.+) (?P<side>on platform|in truth)": "{column} stands in the cell of {other} in {side}",
    r"exchanged with (?P<other>.+)": "{column} and {other} are exchanged in the row: each holds the other's value",
    r"holds (?P<other>.+)": "{column} holds in {platform} what {other} holds in {truth}: cells were moved aside",
    r"stands in (?P<other>.+)": "{column} of {truth} stands in the column {other} of {platform}",
    r"slipped by (?P<by>.+) (?P<side>on platform|in truth)": (
        "{column} stands in another row: the column slipped by {by}, as the rows of {side} stand"
    ),
    r"slipped by (?P<by>.+)": "{column} stands in another row: the column slipped by {by} in one of the two",
    r"sorted alone (?P<side>on platform|in truth)": (
        "{column} stands in another row: the column was sorted without the others in {side}"
    ),
    r"in another row": "{column} stands in another row: each value is another profile's",
}
"""Patterns of values that stand elsewhere."""


_BY_REASON: Final[Mapping[str, Mapping[str, str]]] = {
    Reason.RELATION: _RELATIONS,
    Reason.EXCHANGED: _ELSEWHERE,
    Reason.SLIPPED: _ELSEWHERE,
}


def _of_place(one: Cause, platform: str, truth: str, patterns: Mapping[str, str]) -> str | None:
    for pattern, said in patterns.items():
        if found := re.fullmatch(pattern, one.pattern):
            known = {name: text or "" for name, text in found.groupdict().items()}
            here, there = (platform, truth) if known.get("side") == "on platform" else (truth, platform)
            named = printable(known.get("named", ""))
            facts = {"other": there} | known | {"side": here, "named": named}
            return said.format(column=one.column, platform=platform, truth=truth, **facts)
    return None


def _clause(one: Cause, platform: str, truth: str) -> str:
    column, pattern = one.column, one.pattern
    ours, arrow, theirs = pattern.partition(" → ")
    if arrow and one.reason == Reason.CASE:
        if ours == theirs:
            return _PLAIN[Reason.CASE].replace("{column}", column)
        return f"{column} is in {ours} in {platform}, {truth} writes it in {theirs}"
    patterns = _BY_REASON.get(one.reason, {})
    if said := _of_place(one, platform, truth, patterns):
        return said
    if arrow and one.reason == Reason.NOTATION:
        what = "moment" if re.search("%[HI]|seconds", pattern) else "day"
        return f"{column} is the same {what}, written differently: as {ours} in {platform}, as {theirs} in {truth}"
    if pattern in _PERMISSION:
        here, there = _PERMISSION[pattern]
        return f"the permission {column} says “{here}” in {platform}, “{there}” in {truth}"
    if arrow:
        return f"{column} is {ours} in {platform}, {theirs} in {truth}"
    if pattern in _BOTH_SIDES:
        return _BOTH_SIDES[pattern].format(column=column, platform=platform, truth=truth)
    for ending, side in _SIDES.items():
        what, found, length = pattern.partition(ending)
        if found:
            here, other = (platform, truth) if side is Side.PLATFORM else (truth, platform)
            return _ON_ONE_SIDE[what].format(column=column, side=here, other=other) + length
    swaps = "the two: 1 swap" if one.profiles == 2 else f"two of them each: {one.profiles // 2:,} swaps"
    return _PLAIN[one.reason].format(column=column, platform=platform, truth=truth, swaps=swaps)
