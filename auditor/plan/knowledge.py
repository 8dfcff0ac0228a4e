"""What bears on differing cells beside their own rows, and the cells with what bears on them.

Nothing is decided here but what `auditor.permissions` says of a permission: see `auditor.plan.needs`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import polars as pl

from auditor import permissions
from auditor.findings.audit import MOMENT, TEXT
from auditor.findings.for_truth import ForTruth
from auditor.model import (
    FALSE_SPELLINGS,
    OF_ANOTHER_KEY,
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    TRUE_SPELLINGS,
    Moved,
    Permission,
    Side,
    Structure,
    Why,
)
from auditor.permissions import Case, Evidence, Opt
from auditor.plan.decisions import DECIDED, Choice, Decision, standing
from auditor.plan.news import last_opt_ins
from auditor.settings.contract import Column, Master, Polarity
from auditor.state.ledger.records import Pin

CELL: Final = ["key", "column"]
VALUES: Final = ["key", "column", "platform", "truth"]

UNDONE: Final = pl.Schema({"key": TEXT, "column": TEXT, "platform": TEXT, "truth": TEXT, "at": MOMENT})
"""Cells that were written and taken back, with both values as they were then, and when they were."""

DELETED_AGAIN: Final = pl.Schema({"key": TEXT, "at": MOMENT})
"""People whom we had created and an undo deleted, and when."""

CREATED: Final = pl.Schema({"key": TEXT, "at": MOMENT})
"""People whom we created, and the last that we wrote to each."""

LEFT: Final = pl.Schema({"key": TEXT, "since": MOMENT, "until": MOMENT})
"""Profiles that nobody but us has changed since then until we left them: whose row says that it was changed later was
touched, and what was said there in between, nobody knows."""

_APART: Final = timedelta(minutes=2)
"""How far the platform's clock may be from ours, and how long a call may take."""

TAKEN_BACK: Final = pl.Schema({"key": TEXT, "column": TEXT, "given_at": MOMENT, "taken_at": MOMENT})
"""Opt-ins of ours that an undo took back: the permission is what it was before. Not the first of somebody whom we
created: they had said nothing before."""

OF_OTHERS: Final = pl.Schema({"key": TEXT, "column": TEXT, "holder": TEXT})
"""Cells whose truth stands on the platform in another profile, of columns whose values are somebody's own, and that
profile's key; empty where it has none, null in runs that were made before anybody kept it.
"""


@dataclass(frozen=True)
class Knowledge:
    """What bears on the cells of an audit beside its own rows. Frames may be in any order."""

    structure: Structure
    timezone: ZoneInfo
    """The contract's: moments of evidence are told in it."""
    now: datetime
    """With zone: no evidence is of later."""
    without_base: Literal["ask", "moments"]
    """Whether the moment of a row suffices where no agreed value tells who moved."""
    decisions: Sequence[Decision]
    """In the order in which they were made."""
    pins: Sequence[Pin]
    """Those that hold, under the keys of today."""
    evidence: pl.DataFrame
    """As permissions.EVIDENCE, of the differences in permission columns."""
    history: pl.DataFrame
    """As permissions.HISTORY."""
    said_no: pl.DataFrame
    """As permissions.SAID_NO: when somebody last opted out in a campaign or complained, which bounds what any of their
    permissions is given on."""
    opt_outs_known: bool
    """False: a part of the permission history is lost."""
    seen_known: bool
    """False: who was there in earlier runs is lost."""
    undone: pl.DataFrame
    """As UNDONE."""
    deleted_again: pl.DataFrame
    """As DELETED_AGAIN."""
    created: pl.DataFrame
    """As CREATED."""
    left: pl.DataFrame
    """As LEFT, of those whom we sent an opt-out."""
    taken_back: pl.DataFrame
    """As TAKEN_BACK."""
    of_others: pl.DataFrame
    """As OF_OTHERS."""
    consent_off: Collection[str]
    """The keys of people whose general consent is off: see permissions.withheld."""
    filed: Collection[tuple[str, str]]
    """Key and column of permissions that went off because the truth had said no, and that stood in files for others."""
    of_erased: Collection[tuple[str, str | None]]
    """Keys and None: of people who were erased on request. Keys and columns: cells whose truth identified one."""

    def barred(self, *, consent_off: bool) -> Why | None:
        """Why no opt-in can be decided for somebody whose general consent is off, or is not."""
        return Why.CONSENT if consent_off else None if self.opt_outs_known else Why.FORGOTTEN


def weighed(rows: pl.DataFrame, columns: Sequence[Column], known: Knowledge) -> pl.DataFrame:
    """The rows, in the columns of `Audit.differences`, with what bears on each of them.

    Of the contract `master`, `polarity`, `general`, `yields` and `write` (null: it does not have the column); `choice`,
    `by`, `changed` and DECIDED of decisions; `pinned`; `erased`; `undone`, and `anew` where the write was decided
    since; and of permissions `said`, `silent`, `opts`, `to`, `moment`, `source`, `word` and `withdraws`.
    """
    rows = rows.join(_contract(columns), on="column", how="left", maintain_order="left")
    rows = rows.join(_decided(rows, known.decisions), on=CELL, how="left", maintain_order="left")
    rows = rows.join(_pinned(known.pins), on=CELL, how="left", maintain_order="left")
    rows = rows.join(_erased(rows, known.of_erased), on=CELL, how="left", maintain_order="left")
    rows = rows.join(_undone(rows, known.undone), on=CELL, how="left", maintain_order="left")
    rows = rows.join(_said(rows, known), on=CELL, how="left", maintain_order="left")
    for_it = pl.col("choice").is_in([Choice.TRUTH.value, Choice.WITHDRAW.value])
    rows = rows.with_columns(anew=for_it & (pl.col("decided_at") > pl.col("undone_at")))
    return rows.with_columns(pl.col("changed", "pinned", "erased", "undone", "anew", "withdraws").fill_null(False))


def _contract(columns: Sequence[Column]) -> pl.DataFrame:
    """What the contract says of each column: master, polarity, whether conflicts yield and whether it is written."""
    return pl.DataFrame(
        [
            (
                one.name,
                one.master,
                one.permission,
                one.general,
                one.master is Master.TRUTH and one.conflicts == "master",
                one.write,
            )
            for one in columns
        ],
        schema=dict.fromkeys(("column", "master", "polarity"), TEXT)
        | {"general": pl.Boolean(), "yields": pl.Boolean(), "write": TEXT},
        orient="row",
    )


def _pinned(pins: Iterable[Pin]) -> pl.DataFrame:
    cells = sorted({(one.key, one.column) for one in pins})
    schema = {"key": TEXT, "column": TEXT, "pinned": pl.Boolean()}
    return pl.DataFrame([(*cell, True) for cell in cells], schema=schema, orient="row")


def _erased(rows: pl.DataFrame, erased: Collection[tuple[str, str | None]]) -> pl.DataFrame:
    whole = [key for key, column in erased if column is None]
    cells = [cell for cell in erased if cell[1] is not None]
    alone = pl.DataFrame(cells, schema={"key": TEXT, "column": TEXT}, orient="row")
    own = rows.select(CELL).filter(pl.col("key").is_in(whole))
    return pl.concat([own, alone]).unique().with_columns(erased=True)


def _undone(rows: pl.DataFrame, undone: pl.DataFrame) -> pl.DataFrame:
    """The cells that still hold what was restored, and would become again what was taken back."""
    then = undone.select(*CELL, "at", restored="platform", withdrawn="truth").sort("at")
    both = rows.select(*VALUES, "polarity").join(then, on=CELL, maintain_order="right")
    stands = {
        (key, column): at
        for key, column, platform, truth, polarity, at, restored, withdrawn in both.iter_rows()
        if meant(column, platform, polarity) == meant(column, restored, polarity)
        and meant(column, truth, polarity) == meant(column, withdrawn, polarity)
    }
    schema = pl.Schema({"key": TEXT, "column": TEXT, "undone": pl.Boolean(), "undone_at": MOMENT})
    return pl.DataFrame([(*cell, True, at) for cell, at in stands.items()], schema=schema, orient="row")


def meant(column: str, text: str | None, polarity: str | None) -> str:
    """What a cell says, whoever spells it: what is written to a permission or a segmentation is not the truth's text.

    Everything else is told letter by letter, with empty and null as one.
    """
    if column.startswith(SUBSCRIPTION_PREFIX):
        text = text or "false"
    if polarity is not None:
        return permissions.state(text, Polarity(polarity))
    word = (text or "").strip(permissions.BLANKS).lower()
    if column.startswith(SEGMENTATION_PREFIX) and word in ("", *FALSE_SPELLINGS, *TRUE_SPELLINGS):
        return "true" if word in TRUE_SPELLINGS else "false"
    return text or ""


def _decided(rows: pl.DataFrame, decisions: Sequence[Decision]) -> pl.DataFrame:
    """DECIDED, the `choice` that holds of a cell, `by` whom, and whether it no longer holds: `changed`."""
    about = rows.filter(pl.col("key").is_in({one.key for one in decisions}))
    stands = standing(decisions, about.select(VALUES).iter_rows())
    made = [
        (
            *cell,
            *((one.choice, one.by) if holds else (None, None)),
            not holds,
            one.told,
            one.by,
            one.made,
            one.overrules,
        )
        for holds, those in ((True, stands.holding), (False, stands.changed))
        for cell, one in those.items()
    ]
    schema = pl.Schema({"key": TEXT, "column": TEXT, "choice": TEXT, "by": TEXT, "changed": pl.Boolean()}) | DECIDED
    return pl.DataFrame(made, schema=schema, orient="row")


def _said(rows: pl.DataFrame, known: Knowledge) -> pl.DataFrame:
    """What is said about each permission cell.

    key, column, `said` (a Why; null: it is written), `silent` (a Why; null: a person may decide for the truth), `opts`
    (the kind of write) and `to`, moment and source of an opt-in, the `word` for the owners of the truth, and whether
    the truth `withdraws` it.
    """
    cells = rows.filter(pl.col("polarity").is_not_null())
    decided = cells.filter(pl.col("choice").is_not_null())
    wanted = {
        (key, column): (permissions.state(platform, Polarity(polarity)), updated)
        for key, column, platform, polarity, updated in decided.select(
            *CELL, "platform", "polarity", "platform_updated"
        ).iter_rows()
    }
    opt_outs = permissions.last_opt_outs(known.history, wanted, known.said_no, known.timezone)
    opt_ins = last_opt_ins(known.history, set(cells.select(CELL).iter_rows()))
    evidence = permissions.evidence_by_cell(known.evidence)
    apart = known.history.filter((pl.col("side") == OF_ANOTHER_KEY) & (pl.col("value") == Permission.OFF.value))
    elsewhere = {(key, column): at for key, column, at in apart.sort("at").select(*CELL, "at").iter_rows()}
    without, withdrawn = _created_without(cells, known), _withdrawn_by_us(known)
    left = {key: moments for key, *moments in known.left.select("key", "since", "until").iter_rows()}
    said = []
    for row in cells.iter_rows(named=True):
        cell = row["key"], row["column"]
        case = Case(
            polarity=Polarity(row["polarity"]),
            platform=row["platform"],
            truth=row["truth"],
            moved=Moved(row["moved"]),
            evidence=evidence.get(cell, Evidence(None, None)),
            platform_updated=row["platform_updated"],
            last_opt_out=opt_outs.get(cell),
            last_opt_in=opt_ins.get(cell),
            barred=known.barred(consent_off=row["key"] in known.consent_off and not row["general"]),
        )
        by = row["by"] if row["choice"] == Choice.TRUTH else None
        answer: Opt | Why = permissions.decide(case, by=by, now=known.now, timezone=known.timezone)
        off = permissions.state(case.truth, case.polarity) is Permission.OFF
        if row["choice"] == Choice.WITHDRAW:
            answer, off = permissions.withdrawal(case.platform, case.polarity) or answer, True
        word, silent = permissions.word_for_the_truth(case), permissions.silent(case)
        if word is ForTruth.OPTED_OUT_ON_PLATFORM and cell in withdrawn:
            since, until = left.get(row["key"], (permissions.END_OF_TIME, None))
            updated = case.platform_updated
            whole = withdrawn[cell] >= since and updated is not None and until is not None and updated <= until
            word = ForTruth.WITHDRAWN_BY_US if whole else ForTruth.WITHDRAWN_THEN_CHANGED
        elif word is ForTruth.OPTED_OUT_ON_PLATFORM and cell in known.filed:
            word = ForTruth.WITHDRAWN_AS_THE_TRUTH_SAID
        if cell in without:
            # Whether an opt-in and an opt-out lie between, nobody knows of a profile that somebody has touched since.
            word = ForTruth.CREATED_WITHOUT_PERMISSION if word and without[cell] else None
            answer = Why.CREATED_WITHOUT if answer in (Why.FOR_THE_TRUTH, Why.DECISION) else answer
        yes = permissions.state(case.truth, case.polarity) is Permission.ON
        if yes and (word is None or cell in without) and cell in elsewhere:
            date = case.evidence.date
            word = word if date and date > elsewhere[cell] else ForTruth.OPTED_OUT_UNDER_ANOTHER_KEY
        if isinstance(answer, Opt):
            given = answer.collection
            proof = (given.moment, given.source) if given else (None, None)
            said.append((*cell, None, silent, answer.kind, answer.after, *proof, word, off))
        else:
            said.append((*cell, answer, silent, None, None, None, None, word, off))
    names = (*CELL, "said", "silent", "opts", "to", "moment", "source", "word")
    schema = pl.Schema({**dict.fromkeys(names, TEXT), "withdraws": pl.Boolean()})
    return pl.DataFrame(said, schema=schema, orient="row")


def _created_without(cells: pl.DataFrame, known: Knowledge) -> dict[tuple[str, str], bool]:
    """The permissions that are not on because we created the profile without them, and whether it was touched since.

    Not those that any run saw on, nor of anybody who has said no to messages since.
    """
    created = dict(known.created.select("key", "at").iter_rows())
    said_no = dict(known.said_no.select("key", "moment").iter_rows())
    on = (pl.col("side") == Side.PLATFORM.value) & (pl.col("value") == Permission.ON.value)
    seen_on = set(known.history.filter(on).select(CELL).iter_rows())
    found = {}
    rows = cells.filter(pl.col("key").is_in(list(created))).select(*VALUES, "polarity", "platform_updated")
    for key, column, platform, truth, polarity, updated in rows.iter_rows():
        here, there = (permissions.state(text, Polarity(polarity)) for text in (platform, truth))
        refused = key in said_no and said_no[key] >= created[key]
        if here is not Permission.ON and there is Permission.ON and (key, column) not in seen_on and not refused:
            found[key, column] = updated is None or updated > created[key] + _APART
    return found


def _withdrawn_by_us(known: Knowledge) -> dict[tuple[str, str], datetime]:
    """The permissions that we were the last to withdraw, as far as anybody knows, and when.

    Not those that any run saw on since, nor of anybody who has said no to messages since.
    """
    here = known.history.filter(pl.col("side") == Side.PLATFORM.value)
    seen, written = here.filter(pl.col("run").is_not_null()), here.filter(pl.col("run").is_null())
    written = without_taken_back(written.rename({"at": "sent_at"}), known.taken_back).rename({"sent_at": "at"})
    between = pl.col("at").is_between("given_at", "taken_at") & (pl.col("value") == Permission.ON.value)
    ours = seen.with_row_index().join(known.taken_back, on=CELL).filter(between)["index"]
    here = pl.concat([seen.with_row_index().filter(~pl.col("index").is_in(ours.implode())).drop("index"), written])
    off = (pl.col("value") == Permission.OFF.value) & pl.col("run").is_null()
    on = pl.col("value") == Permission.ON.value
    last = here.group_by(CELL).agg(off=pl.col("at").filter(off).max(), on=pl.col("at").filter(on).max())
    last = last.join(known.said_no, on="key", how="left")
    since = pl.max_horizontal("on", "moment")
    last = last.filter((pl.col("off") >= since).fill_null(pl.col("off").is_not_null()))
    return {(key, column): off for key, column, off in last.select(*CELL, "off").iter_rows()}


def on_before(taken_back: pl.DataFrame, on: pl.DataFrame) -> pl.DataFrame:
    """Those of our opt-ins that an undo took back before which somebody had said anything, as TAKEN_BACK.

    Whom we created has said nothing as long as the permission was not `on` since: key, column, at. `taken_back` has the
    columns of TAKEN_BACK and `created_at`, null where we did not.
    """
    both = taken_back.join(on, on=CELL, how="left", maintain_order="left")
    since = (pl.col("created_at") < pl.col("at")) & (pl.col("at") < pl.col("given_at"))
    said = both.filter(pl.col("created_at").is_null() | since.fill_null(False))
    return said.select(*TAKEN_BACK).unique(maintain_order=True)


def without_taken_back(written: pl.DataFrame, taken_back: pl.DataFrame) -> pl.DataFrame:
    """What we wrote to permissions, without opt-ins that an undo took back, and those undos: what was before is again.

    `written` has key, column and sent_at, `taken_back` the columns of TAKEN_BACK.
    """
    both = [taken_back.select(*CELL, sent_at=moment) for moment in ("given_at", "taken_at")]
    return written.join(pl.concat(both), on=[*CELL, "sent_at"], how="anti", maintain_order="left")
