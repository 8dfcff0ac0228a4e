"""Who may be contacted: the only module that decides what is written to a permission column.

Permission only goes down by itself. `TABLE` is that promise, line by line (design §8.2); `decide` applies it to one
cell, `decide_creation` to one cell of somebody who is not on the platform yet, and `guard` looks once more at finished
writes, whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import polars as pl

from auditor import writes
from auditor.errors import GuardRefused
from auditor.findings.audit import MOMENT, TEXT
from auditor.findings.for_truth import ForTruth
from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS, Kind, Moved, Permission, Route, Side, Why
from auditor.settings.contract import Column, Polarity

SPELLINGS: Final[Mapping[Polarity, Mapping[Permission, tuple[str, ...]]]] = {
    Polarity.OPT_IN: {Permission.ON: TRUE_SPELLINGS, Permission.OFF: FALSE_SPELLINGS},
    Polarity.OPT_OUT: {Permission.ON: FALSE_SPELLINGS, Permission.OFF: TRUE_SPELLINGS},
}
"""How a column says on and off: in any case, between any blanks. Whatever else is there says neither."""

BLANKS: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" + (
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Every character that Unicode calls white space. Python strips more, which expressions do not."""

EVIDENCE: Final = pl.Schema({"key": TEXT, "column": TEXT, "date": MOMENT, "source": TEXT})
"""What the truth says about the moment and place at which a permission was given or withdrawn."""

HISTORY: Final = pl.Schema({"run": TEXT, "at": MOMENT, "side": TEXT, "key": TEXT, "column": TEXT, "value": TEXT})
"""Every change of a permission that a run saw; `key` as in the frames of an audit, `value` one of model.Permission.
What the auditor itself wrote belongs into it too, as rows of the platform, of no run, at the moment of the write."""

SAID_NO: Final = pl.Schema({"key": TEXT, "moment": MOMENT})
"""When somebody last said no to messages, of whatever permission; at most one row per key."""

END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)

_MOMENT: Final = "%Y-%m-%d %H:%M:%S"

Cell: TypeAlias = tuple[str, str]
"""Key and column."""


class Ruling(StrEnum):
    """What happens to a permission cell."""

    OPT_OUT = "opt_out"
    """Written automatically, first of all."""
    OPT_OUT_IF_NEWER = "opt_out_if_newer"
    """Written automatically if the truth's no is `_newer`; else a decision."""
    OPT_OUT_IF_NEWER_OR_TRUTH = "opt_out_if_newer_or_truth"
    """The same, and of what is to be decided the truth's owners hear."""
    DECISION = "decision"
    """Nothing is written until a person decides."""
    FOR_THE_TRUTH = "for_the_truth"
    """The truth's owners hear of the opt-out. Written only by a person's decision with newer evidence."""
    NOTHING = "nothing"
    """No write, and nothing to decide."""


ON, OFF, EMPTY = frozenset({Permission.ON}), frozenset({Permission.OFF}), frozenset({Permission.EMPTY})
ANY, ANYBODY = frozenset(Permission), frozenset(Moved)
ONLY_TRUTH, ONLY_PLATFORM = frozenset({Moved.TRUTH}), frozenset({Moved.PLATFORM})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: it holds for a cell whose three facts are among these."""

    platform: frozenset[Permission]
    truth: frozenset[Permission]
    moved: frozenset[Moved]
    ruling: Ruling


# An empty cell on the platform is neither yes nor no: beside an opt-out it counts as on (the opt-out is written down),
# beside an opt-in as off (nobody becomes contactable), but it is no opt-out that the truth should hear of.
TABLE: Final = (
    # platform    truth  who moved      what happens
    Line(ON | EMPTY, OFF, ONLY_TRUTH, Ruling.OPT_OUT),
    Line(ON, OFF, ONLY_PLATFORM, Ruling.OPT_OUT_IF_NEWER_OR_TRUTH),
    Line(ON | EMPTY, OFF, ANYBODY, Ruling.OPT_OUT_IF_NEWER),
    Line(OFF, ON, ANYBODY, Ruling.FOR_THE_TRUTH),
    Line(EMPTY, ON, ANYBODY, Ruling.DECISION),
    Line(ANY, EMPTY, ANYBODY, Ruling.NOTHING),
    Line(ON, ON, ANYBODY, Ruling.NOTHING),
    Line(OFF, OFF, ANYBODY, Ruling.NOTHING),
)
"""The first line that fits decides; together they cover every combination."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """When and where, as the truth says, a permission was given or withdrawn; None: it does not say."""

    date: datetime | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that bears on one permission cell."""

    polarity: Polarity
    platform: str | None
    """The raw text; None too where the profile does not exist yet."""
    truth: str | None
    """As it would be sent."""
    moved: Moved
    evidence: Evidence
    platform_updated: datetime | None
    """The platform row's update moment."""
    last_opt_out: datetime | None
    """See `last_opt_outs`; None: it was never seen off."""
    last_opt_in: datetime | None
    """See `plan.news.last_opt_ins`; None: it was never seen to go on."""
    barred: Why | None
    """Why nobody can decide for an opt-in: an opt-out may be lost, or `withheld` is true of the general consent."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person decided last for one cell: that the truth's value is written."""

    by: str
    platform: str | None
    """The platform's text as it was seen."""
    truth: str | None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What is known of opt-ins when they are about to be sent, however long ago they were planned."""

    chosen: Mapping[Cell, Chosen]
    """Where the last decision is another one, or there is none, there is no entry."""
    opt_outs: Mapping[Cell, datetime]
    """See `last_opt_outs`."""
    opt_outs_known: bool
    now: datetime
    timezone: ZoneInfo
    """The contract's: moments of evidence are told in it."""


@dataclass(frozen=True, slots=True)
class Opt:
    """A permission write that is allowed: an opt-out, or an opt-in that carries its evidence."""

    kind: Literal[Kind.UNSUBSCRIBE, Kind.SUBSCRIBE]
    after: str
    collection: writes.Collection | None
    """Of an opt-in; None: an opt-out needs none."""


def state(text: str | None, polarity: Polarity) -> Permission:
    """What a cell says. Anything that is not an accepted boolean is unknown, and unknown is not yes and not no."""
    word = (text or "").strip(BLANKS).lower()
    return next((said for said, words in SPELLINGS[polarity].items() if word in words), Permission.EMPTY)


def spelling(permission: Literal[Permission.ON, Permission.OFF], polarity: Polarity) -> str:
    """The boolean that says `permission` in a column of that polarity."""
    return SPELLINGS[polarity][permission][0]


def ruling(platform: Permission, truth: Permission, moved: Moved) -> Ruling:
    """The line of the table for these three facts."""
    return next(
        line.ruling for line in TABLE if platform in line.platform and truth in line.truth and moved in line.moved
    )


def decide(case: Case, *, by: str | None, now: datetime, timezone: ZoneInfo) -> Opt | Why:
    """What is written to the cell of an existing profile, or why nothing is.

    `by` names the person who decided for the truth's value; None asks for the default policy. An opt-in needs such a
    person, and evidence with date and source that is later than the last opt-out known and not in the future. Its
    moment is told in `timezone`.
    """
    platform, truth = state(case.platform, case.polarity), state(case.truth, case.polarity)
    line = ruling(platform, truth, case.moved)
    if line is Ruling.NOTHING:
        return Why.UNKNOWN_PERMISSION
    if truth is Permission.OFF:
        if by or line is Ruling.OPT_OUT or _newer(case):
            return Opt(Kind.UNSUBSCRIBE, spelling(Permission.OFF, case.polarity), None)
        return Why.DECISION
    if by:
        return _opt_in(case, now, timezone)
    return Why.FOR_THE_TRUTH if line is Ruling.FOR_THE_TRUTH else Why.DECISION


def _newer(case: Case) -> bool:
    """Whether the truth's evidence is later than the platform row's update, or than the last yes known there."""
    given = case.evidence.date
    return given is not None and any(given > at for at in (case.platform_updated, case.last_opt_in) if at is not None)


def withdrawal(text: str | None, polarity: Polarity) -> Opt | None:
    """The opt-out that a person decides on, of a cell that says this on the platform; None: it lets nobody contact."""
    on = state(text, polarity) is Permission.ON
    return Opt(Kind.UNSUBSCRIBE, spelling(Permission.OFF, polarity), None) if on else None


def silent(case: Case) -> Why | None:
    """Why nothing is written to the cell whoever decides so; None: somebody may, an opt-in with evidence."""
    platform, truth = state(case.platform, case.polarity), state(case.truth, case.polarity)
    if ruling(platform, truth, case.moved) is Ruling.NOTHING:
        return Why.UNKNOWN_PERMISSION
    return case.barred if truth is Permission.ON else None


def decide_creation(case: Case, *, by: str | None, now: datetime, timezone: ZoneInfo) -> Opt | Why:
    """The same for a profile that is yet to be created: an opt-out is created with it, an opt-in is left out.

    With `by`, the opt-in is a write of its own after the creation, under the same conditions as any other.
    """
    truth = state(case.truth, case.polarity)
    if truth is Permission.EMPTY:
        return Why.UNKNOWN_PERMISSION
    if truth is Permission.OFF:
        return Opt(Kind.UNSUBSCRIBE, spelling(Permission.OFF, case.polarity), None)
    return _opt_in(case, now, timezone) if by else Why.PERMISSION


def withheld(platform: Permission, truth: Permission) -> bool:
    """Whether a general permission bars those under it: by a no of the truth, or of the platform without its yes."""
    return truth is Permission.OFF or (platform is Permission.OFF and truth is not Permission.ON)


def general(columns: Iterable[Column]) -> dict[str, Callable[[str | None], bool]]:
    """The general permissions, and of each whether what the platform says there bars those under it by itself."""

    def bars(polarity: Polarity, text: str | None) -> bool:
        return withheld(state(text, polarity), Permission.EMPTY)

    every = [(column.name, column.permission) for column in columns if column.general]
    return {name: partial(bars, polarity) for name, polarity in every if polarity is not None}


def word_for_the_truth(case: Case) -> ForTruth | None:
    """Why the truth's owners should hear of this cell; None: they need not."""
    line = ruling(state(case.platform, case.polarity), state(case.truth, case.polarity), case.moved)
    if line is Ruling.OPT_OUT_IF_NEWER_OR_TRUTH and not _newer(case):
        return ForTruth.OPTED_IN_ON_PLATFORM
    return ForTruth.OPTED_OUT_ON_PLATFORM if line is Ruling.FOR_THE_TRUTH else None


def last_opt_outs(
    history: pl.DataFrame,
    cells: Mapping[Cell, tuple[Permission, datetime | None]],
    said_no: pl.DataFrame,
    timezone: ZoneInfo,
) -> dict[Cell, datetime]:
    """The last opt-out known of each cell, on either side, by the earliest moment that proves it.

    That is the run that first saw it off; where the history does not have it, the update moment of the platform's row;
    and without one the end of time, since nothing can be shown to be newer. Cells never seen off are left out.

    `history` as HISTORY, in any order: a side that was off, then on, and off again counts with the later opt-out, and a
    row that repeats the same state adds nothing. `cells` holds what the platform says now, and its row's update moment.
    A day alone is told as its midnight in `timezone`: the opt-out may be of any time until its end.
    `said_no` as SAID_NO counts for every permission of a person, and does not repeat anything: it is their own word.
    """
    found: dict[Cell, datetime] = {}
    before: dict[tuple[str, Cell], str] = {}
    rows = history.filter(pl.col("key").is_in({key for key, _ in cells})).sort("at", "value")
    for at, side, key, column, value in rows.select("at", "side", "key", "column", "value").iter_rows():
        cell = (key, column)
        if cell not in cells:
            continue
        if value == Permission.OFF and before.get((side, cell)) != Permission.OFF:
            found[cell] = max(at, found.get(cell, at))
        before[side, cell] = value
    for cell, (platform, updated) in cells.items():
        if platform is Permission.OFF and before.get((Side.PLATFORM, cell)) != Permission.OFF:
            moment = updated or END_OF_TIME
            found[cell] = max(moment, found.get(cell, moment))
    spoken = dict(said_no.select("key", "moment").iter_rows())
    for cell in cells:
        if cell[0] in spoken:
            found[cell] = max(spoken[cell[0]], found.get(cell, spoken[cell[0]]))
    return {cell: _latest(moment, timezone) for cell, moment in found.items()}


def _latest(shown: datetime, timezone: ZoneInfo) -> datetime:
    """The last moment that may be meant: of a day alone, which is told as its midnight, the end."""
    local = shown if shown == END_OF_TIME else shown.astimezone(timezone)
    if shown == END_OF_TIME or (local.hour, local.minute, local.second, local.microsecond) != (0, 0, 0, 0):
        return shown
    return (local + timedelta(days=1) - timedelta(microseconds=1)).astimezone(UTC)


def evidence_by_cell(evidence: pl.DataFrame) -> dict[Cell, Evidence]:
    """`evidence` as EVIDENCE, looked up by key and column."""
    return {(row[0], row[1]): Evidence(*row[2:]) for row in evidence.select(EVIDENCE.names()).iter_rows()}


def guard(planned: Iterable[writes.Write], columns: Iterable[Column], *, restores: bool = False) -> None:
    """Refuse writes that would make somebody contactable without a decision: the last look before anything is sent.

    `restores` is for a plan that takes back what the auditor wrote: its opt-ins need a person, but carry no evidence,
    and taking back an opt-in may leave the column empty.

    Raises GuardRefused, naming key and column.
    """
    polarity = {column.name: column.permission for column in columns if column.permission is not None}
    for write in planned:
        for cell in write.cells:
            if cell.column in polarity and not _lawful(write, cell, polarity[cell.column], restores):
                raise GuardRefused(
                    f'the {write.kind.value} of profile "{write.key}" must not write the permission "{cell.column}"',
                    hint="permissions go up only by a named person's decision with evidence; make the plan again",
                )


def check_grounds(planned: Iterable[writes.Write], columns: Iterable[Column], grounds: Grounds) -> None:
    """Refuse opt-ins whose grounds do not hold any more, or never did: the person's decision, and the evidence.

    Raises GuardRefused, naming key and column.
    """
    polarity = {column.name: column.permission for column in columns if column.permission is not None}
    for write in planned:
        for cell in write.cells if write.kind is Kind.SUBSCRIBE else ():
            lacks = _lacking(write, cell, polarity[cell.column], grounds)
            if lacks is not None:
                raise GuardRefused(
                    f'the opt-in of profile "{write.key}" to "{cell.column}" must not be written: {lacks}',
                    hint="make the plan again from a new run: auditor run, then auditor plan",
                )


def _lacking(write: writes.Write, cell: writes.Cell, polarity: Polarity, grounds: Grounds) -> str | None:
    """What an opt-in lacks, in words; None: nothing."""
    place = (write.key, cell.column)
    chosen = grounds.chosen.get(place)
    if chosen is None or chosen.by != write.decided_by:
        return "its person's decision is not the last that the ledger has"
    if (chosen.platform or None) != (cell.before or None) or state(chosen.truth, polarity) is not Permission.ON:
        return "the decision was made on other values"
    moment = _told_moment(write.collection, grounds.timezone)
    if moment is None or moment > grounds.now:
        return "its evidence has no moment, or one in the future"
    if not grounds.opt_outs_known:
        return "a part of the permission history is lost"
    if place in grounds.opt_outs and moment <= grounds.opt_outs[place]:
        return "its evidence is not later than the last opt-out known"
    return None


def _lawful(write: writes.Write, cell: writes.Cell, polarity: Polarity, restores: bool) -> bool:
    after = state(cell.after, polarity)
    if write.kind is Kind.DELETE:
        return True  # who is deleted cannot be contacted
    if write.kind is Kind.SUBSCRIBE:
        named = bool(write.decided_by) and (restores or write.collection is not None)
        return named and write.route is Route.SINGLE and after is Permission.ON
    if write.kind is Kind.UNSUBSCRIBE and write.batch is not None and len(write.cells) > 1:
        return False  # a file of opt-outs is a file of one permission
    if write.kind is Kind.UNSUBSCRIBE and restores:
        return after is not Permission.ON
    return write.kind in (Kind.UNSUBSCRIBE, Kind.CREATE) and after is Permission.OFF


def _opt_in(case: Case, now: datetime, timezone: ZoneInfo) -> Opt | Why:
    if case.barred is not None:
        return case.barred
    date, source = case.evidence.date, case.evidence.source
    if date is None or not source or date > now:
        return Why.EVIDENCE if date is None or not source else Why.FUTURE
    given = collected(date, source, timezone)
    told = _told_moment(given, timezone)
    if case.last_opt_out is not None and (told is None or told <= case.last_opt_out):
        return Why.EVIDENCE
    return Opt(Kind.SUBSCRIBE, spelling(Permission.ON, case.polarity), given)


def collected(date: datetime, source: str, timezone: ZoneInfo) -> writes.Collection:
    """When and where somebody's data were given, as Actito is told: in the contract's time zone."""
    return writes.Collection(date.astimezone(timezone).strftime(_MOMENT), source)


def _told_moment(given: writes.Collection | None, timezone: ZoneInfo) -> datetime | None:
    """The moment that Actito is told, which has whole seconds; of an hour that the clocks repeat, the first."""
    try:
        return datetime.strptime(given.moment, _MOMENT).replace(tzinfo=timezone) if given and given.source else None
    except ValueError:
        return None
