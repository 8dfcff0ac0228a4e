"""What becomes of every differing cell: written by itself, asked of a person, told to the owners of the truth, or left.

The default policy (design §8), the masters of the contract and what people decided meet here, and nowhere else: plans,
`for-the-truth.csv`, pages, workbooks, `show` and the counts of a run all ask `needs`. What is written to a permission
is said by `auditor.permissions`. When and how writes travel, and whether today's calls suffice, is no matter of need.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Final

import polars as pl

from auditor.findings.audit import TEXT, Audit
from auditor.findings.for_truth import ForTruth
from auditor.model import FALSE_SPELLINGS, SEGMENTATION_PREFIX, Moved, Need, Status, Structure, Why
from auditor.plan.actions import arranged, with_writes
from auditor.plan.damage import with_damage
from auditor.plan.decisions import DECIDED, Choice
from auditor.plan.knowledge import CELL, VALUES, Knowledge, weighed
from auditor.settings.contract import Master, Writing
from auditor.writes import by_fallback

NEEDS: Final = pl.Schema(
    {
        "key": TEXT,
        "column": TEXT,
        "platform": TEXT,
        "truth": TEXT,
        "need": TEXT,  # model.Need
        "why": TEXT,  # model.Why; null where it is written
        "answers": TEXT,  # the decisions that count, each a Choice, separated by blanks
        "damage": TEXT,  # findings.damage.Damage of the truth's value; null: nothing speaks against it
        "undone": pl.Boolean(),  # it was written and taken back, and both sides say what they said then
        "refused": TEXT,  # model.Why nothing would be written if a person decided for the truth; null: it would be
        "told": TEXT,  # findings.for_truth.ForTruth; null where the owners of the truth need not hear of it
        "kind": TEXT,  # model.Kind of the write; null, like the following, where nothing is written
        "after": TEXT,
        "by": TEXT,  # the person who decided; null: the policy did
        "moment": TEXT,  # when and where an opt-in was given, as Actito is told
        "source": TEXT,
        "holds": pl.Boolean(),  # what was decided does; null, like the following, where nobody has decided
        **DECIDED,
    }
)
FOR_THE_TRUTH: Final = pl.Schema({"key": TEXT, "column": TEXT, "platform": TEXT, "truth": TEXT, "why": TEXT})
"""The columns of `for-the-truth.csv`; `why` as findings.for_truth says, of damage with what it is behind it."""


_OPT_OUTS: Final = [
    one.value
    for one in (
        ForTruth.OPTED_OUT_ON_PLATFORM,
        ForTruth.WITHDRAWN_BY_US,
        ForTruth.WITHDRAWN_THEN_CHANGED,
        ForTruth.WITHDRAWN_AS_THE_TRUTH_SAID,
        ForTruth.OPTED_OUT_UNDER_ANOTHER_KEY,
    )
]


def needs(audit: Audit, known: Knowledge, *, only: Collection[str] | None = None) -> pl.DataFrame:
    """A row per differing cell in the columns of NEEDS, by key and column; `only` of the profiles with these keys.

    Every cell is in it once. The order of rows in any input does not matter.
    """
    rows = audit.differences if only is None else audit.differences.filter(pl.col("key").is_in(list(only)))
    rows = weighed(rows.sort(CELL), audit.columns, known)
    rows = with_damage(rows, audit, known).with_columns(why=_first(_rules(audit, known)))
    rows = rows.with_columns(
        why=pl.when(pl.col("why").is_in([Why.DECISION, Why.DAMAGED]) & pl.col("changed"))
        .then(pl.lit(Why.CHANGED))
        .otherwise("why")
    )
    rows = _with_answers(rows, audit, known)
    rows = rows.with_columns(holds=pl.when(pl.col("chosen").is_not_null()).then(~pl.col("changed")))
    rows = arranged(with_writes(rows, known.structure), audit, known)
    return rows.with_columns(told=_told()).with_columns(need=_need()).select(NEEDS.names()).cast(NEEDS)


def for_the_truth(needed: pl.DataFrame) -> pl.DataFrame:
    """The content of `for-the-truth.csv`: what the owners of the truth should correct on their side, as FOR_THE_TRUTH.

    `needed` is what `needs` gave; the answer has a row per cell, by key and column.
    """
    return needed.filter(pl.col("told").is_not_null()).select(*VALUES, why="told")


def questions(needed: pl.DataFrame, pairs: pl.DataFrame) -> Mapping[str, int]:
    """How many cells and pairs a person was `asked` about, and are `decided` by what holds, or `changed` since.

    `needed` is what `needs` gave, `pairs` what `pairs.with_decided` gave; without its columns no pair is decided.
    """
    decided = pl.col("holds").fill_null(False)
    of_pairs = pairs["chosen"].count() if "chosen" in pairs.columns else 0
    answered = needed.filter(decided).height + of_pairs
    still = needed.filter(~decided & (pl.col("need") == Need.PERSON.value))
    changed = still.filter(pl.col("holds").is_not_null()).height
    return {
        "asked": answered + still.height + pairs.height - of_pairs,
        "decided": answered,
        "changed": changed,
    }


def _with_answers(rows: pl.DataFrame, audit: Audit, known: Knowledge) -> pl.DataFrame:
    """The rows with the decisions that count, and why one for the truth would not, whatever evidence it has."""
    now = {"choice": pl.lit(Choice.TRUTH.value), "said": pl.col("silent"), "anew": pl.lit(True)}
    decided = rows.with_columns(**now)
    refused = decided.select(_first(_rules(audit, known))).to_series()
    rows = rows.with_columns(refused=refused)
    nothing = pl.col("refused").is_in([Why.PENDING, Why.WAITING, Why.UNMAPPED]).fill_null(False)
    both = pl.lit(f"{Choice.TRUTH} {Choice.PLATFORM}")
    return rows.with_columns(
        answers=pl.when(nothing)
        .then(pl.lit(""))
        .when(pl.col("refused").is_null())
        .then(both)
        .otherwise(pl.lit(Choice.PLATFORM.value))
    )


def _rules(audit: Audit, known: Knowledge) -> list[tuple[pl.Expr, Why | pl.Expr | None]]:
    """What holds of a cell, and why nothing is written to it then; None: it is written. The first that holds counts.

    What needs no write comes before what forbids one: the owners of the truth hear of a value that would be refused.
    """
    written = None
    permission, decided = pl.col("polarity").is_not_null(), pl.col("choice").eq_missing(pl.lit(Choice.TRUTH.value))
    moved, master = pl.col("moved"), pl.col("master")
    opts_out, withdrawn = permission & pl.col("withdraws"), pl.col("choice").eq_missing(pl.lit(Choice.WITHDRAW.value))
    never, closed = pl.col("write") == Writing.NEVER, _closed()
    nameless = _unaddressed(audit)
    loose = audit.key if audit.fallbacks else ()
    return [
        (pl.col("pending"), Why.PENDING),
        (pl.col("waiting"), Why.WAITING),
        (master.is_null(), Why.UNMAPPED),
        (pl.col("choice") == Choice.IGNORE, Why.IGNORED),
        ((master == Master.PLATFORM) | (pl.col("choice") == Choice.PLATFORM), Why.FOR_THE_TRUTH),
        # The opt-in that was proposed: that the owners of the truth hear of the opt-out is told beside it.
        (permission & ~opts_out & (pl.col("choice") == Choice.REFUSED), Why.REFUSED),
        (permission & (pl.col("said") == Why.FOR_THE_TRUTH), Why.FOR_THE_TRUTH),
        (~permission & ~decided & (master == Master.BOTH) & (moved == Moved.PLATFORM), Why.FOR_THE_TRUTH),
        # It bars nobody from saying no.
        (pl.col("erased") & ~opts_out, Why.ERASED),
        (pl.col("pinned") & ~opts_out, Why.PINNED),
        ((pl.col("choice") == Choice.REFUSED) & ~opts_out, Why.REFUSED),
        (closed & ~opts_out, pl.when(never).then(pl.lit(Why.NEVER.value)).otherwise(pl.lit(Why.FILLED.value))),
        # What was taken back is not proposed again; but a person may decide for it anew.
        (pl.col("undone") & ~pl.col("anew"), Why.UNDONE),
        (pl.col("blocked") | _refused(known.structure), Why.BLOCKED),
        (pl.col("key").is_in(nameless), Why.UNADDRESSED),
        # No rule about writing silences somebody who said no: a person decides, and may decide for it.
        (closed & opts_out & ~decided & ~withdrawn & pl.col("said").is_null(), Why.DECISION),
        (permission, pl.col("said")),
        (decided, written),
        (pl.col("damage").is_not_null(), Why.DAMAGED),
        # A fallback key is no proof that the profile should have this one.
        (pl.col("column").is_in(loose), Why.DECISION),
        (moved == Moved.TRUTH, written),
        ((moved == Moved.TRUTH_BY_MOMENT) & pl.lit(known.without_base == "moments"), written),
        ((pl.col("status") == Status.CONFLICTING) & pl.col("yields"), written),
    ]


def _first(rules: Sequence[tuple[pl.Expr, Why | pl.Expr | None]]) -> pl.Expr:
    """The answer of the first rule that holds; where none does, a person decides."""

    def before(otherwise: pl.Expr, rule: tuple[pl.Expr, Why | pl.Expr | None]) -> pl.Expr:
        holds, why = rule
        answer = why if isinstance(why, pl.Expr) else pl.lit(why and why.value, TEXT)
        return pl.when(holds.fill_null(False)).then(answer).otherwise(otherwise)

    return reduce(before, reversed(rules), pl.lit(Why.DECISION.value))


def _told() -> pl.Expr:
    """Why the owners of the truth should hear of a cell; null: they need not.

    An opt-out that the truth has not heard of is told even where somebody decided against it, as long as it stands.
    """
    why, choice = pl.col("why"), pl.col("choice")
    undecided = choice.is_null() | (choice == Choice.REFUSED)  # which says nothing of the truth
    stands = undecided | (why.is_not_null() & pl.col("word").is_in(_OPT_OUTS))
    moved = (pl.col("master") == Master.BOTH) & (pl.col("moved") == Moved.PLATFORM) & undecided
    return (
        pl.when(why.is_in([Why.PENDING, Why.WAITING, Why.UNMAPPED, Why.IGNORED]))
        .then(None)
        .when(pl.col("master") == Master.PLATFORM)
        .then(pl.lit(ForTruth.PLATFORM_IS_MASTER.value))
        .when(choice == Choice.PLATFORM)
        .then(pl.lit(ForTruth.DECIDED.value))
        .when(pl.col("polarity").is_not_null())
        .then(pl.when(stands).then("word"))
        .when(moved)
        .then(pl.lit(ForTruth.PLATFORM_MOVED.value))
        .when(why.is_in([Why.DAMAGED, Why.CHANGED, Why.PINNED, Why.NEVER, Why.FILLED]) & pl.col("damage").is_not_null())
        .then(pl.format(f"{ForTruth.DAMAGED}_{{}}", "damage"))
    )


def _need() -> pl.Expr:
    why = pl.col("why")
    return (
        pl.when(why.is_null())
        .then(pl.lit(Need.WRITTEN.value))
        .when(why.is_in([Why.DECISION, Why.DAMAGED, Why.CHANGED, Why.CIRCLE]))
        .then(pl.lit(Need.PERSON.value))
        .when(why == Why.CREATED_WITHOUT)
        .then(pl.lit(Need.CREATED.value))
        .when(pl.col("told").is_not_null())
        .then(pl.lit(Need.TRUTH.value))
        .otherwise(pl.lit(Need.LEFT.value))
    )


def _closed() -> pl.Expr:
    """Whether the contract keeps the platform's cell from being written."""
    filled = pl.col("platform").fill_null("").str.strip_chars() != ""
    write = pl.col("write")
    return (write == Writing.NEVER) | ((write == Writing.ONLY_IF_EMPTY) & filled)


def _refused(structure: Structure) -> pl.Expr:
    """What cannot be written whatever the value: Actito's own attributes, and clearing what is never empty."""
    empty = pl.col("truth").fill_null("") == ""
    technical = [one.name for one in structure.attributes if one.technical]
    mandatory = [one.name for one in structure.attributes if one.mandatory]
    mandatory += [SEGMENTATION_PREFIX + one.name for one in structure.segmentations if one.mandatory]
    simple = [SEGMENTATION_PREFIX + one.name for one in structure.segmentations if not one.exclusive]
    outside = pl.col("platform").str.strip_chars().str.to_lowercase().is_in(FALSE_SPELLINGS)
    column = pl.col("column")
    return column.is_in(technical) | (empty & (column.is_in(mandatory) | (column.is_in(simple) & outside)))


def _unaddressed(audit: Audit) -> list[str]:
    """The keys of profiles that the platform can neither find by the key nor by a profileId."""
    nameless = audit.profiles.filter(pl.col("profile_id").is_null())["key"]
    return [key for key in nameless if by_fallback(key, audit.fallbacks)]
