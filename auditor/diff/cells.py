"""Which cells of the profiles that both sides have differ, who moved, and what the platform held.

Values are looked at only where matched rows have different hashes:

    fetched ─► cells that are not evidently equal, with canonical forms and agreed values ─► cells that differ

Everything is an Ibis expression. Columns are addressed by position (`p0`, `t0` …), so no name in an input can collide
with one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import ibis
import ibis.expr.types as ir

from auditor.diff.known import Known, Moments
from auditor.engine.functions import INSTANT
from auditor.engine.protocol import Engine
from auditor.equality import primitives, rules
from auditor.match.join import Matched, anchor
from auditor.match.sides import source_name
from auditor.model import Moved, Side, Status
from auditor.settings.contract import Blank, Column, Contract


def fetch(engine: Engine, contract: Contract, matched: Matched, known: Known) -> tuple[ir.Table, ir.Table]:
    """The rows of matched keys whose hashes differ; and those of a sample of all that match.

    Beside the columns of `Matched.rows`, per compared column n: `p{n}` and `t{n}`, the texts of both sides, and `b{n}`,
    the agreed mark if there is a base.
    """
    both = matched.both
    rows = _with_texts(engine, contract, matched, both.filter(~both.same | both.drawn), "fetched")
    if known.base is not None:
        base = known.base
        own = rows.key if known.base_by_key else anchor(rows)
        marks = {f"b{position}": base.marks[f"b{position}"] for position in range(len(contract.compared))}
        with_marks = rows.left_join(base, own == base.anchor).select(*rows.columns, **marks)
        rows = engine.keep(with_marks, "fetched_rows")
    return (
        engine.define(rows.filter(~rows.same).drop("same", "drawn"), "fetched"),
        engine.define(rows.filter(rows.drawn).drop("same", "drawn"), "drawn"),
    )


def texts(engine: Engine, contract: Contract, matched: Matched, who: ir.Table) -> ir.Table:
    """What both sides hold of those whom both have, whether it differs or not: key (as the platform spells it),
    profile_id, and per compared column n `p{n}` and `t{n}`, as a difference tells them. `who` has key and profile_id.
    """
    both = matched.both
    named = both.semi_join(who, both.platform_text == who.key)
    numbered = both.semi_join(who, both.profile_id == who.profile_id)
    rows = _with_texts(engine, contract, matched, named.union(numbered, distinct=True), "asked")
    told: dict[str, ir.Value] = {"key": rows.platform_text, "profile_id": rows.profile_id}
    for position, column in enumerate(contract.compared):
        forms = _forms(rows[f"p{position}"], rows[f"t{position}"], column, contract.timezone.key)
        told |= {f"p{position}": forms["p"], f"t{position}": forms["t"]}
    return rows.select(**told)


def _with_texts(engine: Engine, contract: Contract, matched: Matched, both: ir.Table, name: str) -> ir.Table:
    """The rows, of those that both sides have, with the landed text of each compared column n: `p{n}` and `t{n}`."""
    wanted = engine.keep(both, f"{name}_wanted")
    columns = {side: [source_name(column, side) for column in contract.compared] for side in Side}
    here, there = matched.raw[Side.PLATFORM], matched.raw[Side.TRUTH]
    half = engine.beside(wanted, "platform_row", here, columns[Side.PLATFORM], "p", f"{name}_half")
    rows = engine.beside(half, "truth_row", there, columns[Side.TRUTH], "t", f"{name}_rows")
    engine.drop(wanted, half)
    return rows


def unlike(engine: Engine, fetched: ir.Table, contract: Contract, base: ir.Table | None) -> ir.Table:
    """A row per cell that was fetched and is not evidently equal, with its forms.

    Beside them whether it is the `same` by rule, the same but `respelt`, and `kept` because it is empty in the truth.
    Columns that are compared alike are looked at together, in long form: what is asked of a hundred columns is then
    planned once.
    """
    texts = engine.keep(_long(fetched, contract, base), "unlike_texts")
    groups: list[list[Column]] = []
    for column in contract.compared:
        group = next((group for group in groups if _alike(group[0], column)), None)
        if group is None:
            groups.append([column])
        else:
            group.append(column)
    judged = [_judged(texts, group, contract.timezone.key) for group in groups] or [_judged(texts, [_NO_COLUMN], "UTC")]
    found = engine.keep(ibis.union(*judged), "unlike")
    engine.drop(texts)
    return found


def differing(engine: Engine, unlike: ir.Table, contract: Contract, known: Known, moments: Moments) -> ir.Table:
    """A row per differing cell of a profile that both sides have: with its status, who moved, and its flags."""
    cells = unlike.filter(~unlike.same & ~unlike.kept).drop("same", "respelt", "kept")
    cells = _with_ours(cells, known.ours)
    platform_moved, truth_moved = cells.platform_moved, cells.truth_moved
    by_moment = (cells.truth_updated > cells.platform_updated).fill_null(False)
    moved = ibis.cases(
        (cells.base.isnull() & by_moment, Moved.TRUTH_BY_MOMENT.value),
        (cells.base.isnull(), Moved.UNKNOWN.value),
        (platform_moved & cells.ours, Moved.OURS.value),
        (platform_moved & truth_moved, Moved.BOTH.value),
        (platform_moved, Moved.PLATFORM.value),
        (truth_moved, Moved.TRUTH.value),
        else_=Moved.UNKNOWN.value,
    )
    stale = moved.isin([Moved.TRUTH.value, Moved.TRUTH_BY_MOMENT.value])
    cells = cells.mutate(
        moved=moved,
        status=ibis.ifelse(stale, Status.STALE.value, Status.CONFLICTING.value),
        waiting=stale & younger(cells.truth_updated, moments.platform, contract),
        pending=ibis.literal(False),
        blocked=ibis.literal(False),
        base=rules.unmarked(cells.base),
    ).drop("platform_moved", "truth_moved", "ours")
    if known.sent is not None:
        sent = known.sent.filter(known.sent.column.notnull()).distinct()
        cells = flagged(cells, sent, "pending", [cells.key_text == sent.key, cells.column == sent.column])
    if known.blocked is not None:
        blocked = known.blocked.distinct()
        cells = flagged(cells, blocked, "blocked", [cells.key_text == blocked.key, cells.column == blocked.column])
    if known.sent is not None or known.blocked is not None:
        return engine.keep(cells, "cells")
    return engine.define(cells, "cells")


def _with_ours(cells: ir.Table, known: ir.Table | None) -> ir.Table:
    """The cells, and whether the platform's text is what we left there: `ours`."""
    if known is None:
        return cells.mutate(ours=ibis.literal(False))
    left = known.select(own_key="key", own_column="column", left=ibis._.platform.nullif(""), agreed="agreed")
    found = cells.join(left, [cells.key_text == left.own_key, cells.column == left.own_column])
    here = found.platform.identical_to(found.left) | found.platform_canonical.identical_to(found.left)
    put_back = found.agreed.isnull() | found.base.identical_to(found.agreed)
    ours = found.filter(here & put_back).select(own_key="own_key", own_column="own_column").distinct()
    return flagged(
        cells.mutate(ours=ibis.literal(False)),
        ours,
        "ours",
        [cells.key_text == ours.own_key, cells.column == ours.own_column],
    )


def respelt(platform: ir.StringValue, truth: ir.StringValue, column: Column, zone: str) -> ir.BooleanValue:
    """Whether two texts that are the same by rule are not so letter by letter: the platform's is spelt neither as the
    truth spells it itself, nor as it would be sent.
    """
    return _otherwise(platform, truth, held(platform, column), rules.sent(truth, column, zone))


def _otherwise(
    platform: ir.StringValue, truth: ir.StringValue, held: ir.StringValue, sent: ir.StringValue
) -> ir.BooleanValue:
    return ~held.identical_to(sent) & ~platform.identical_to(truth)


def flagged(
    table: ir.Table,
    marks: ir.Table,
    name: str,
    predicates: list[ir.BooleanValue],
    among: ir.BooleanValue | None = None,
) -> ir.Table:
    """The table with its column `name` true where a row of `marks` fits, `among` those of its rows alone.

    The predicates compare columns of both: with one that looks at the table alone, DuckDB goes through all marks for
    each row.
    """
    candidates = table if among is None else table.filter(among)
    inside = candidates.semi_join(marks, predicates).mutate(**{name: ibis.literal(True)})
    outside = candidates.anti_join(marks, predicates)
    return inside.union(outside) if among is None else inside.union(outside).union(table.filter(~among))


def younger(moment: ir.TimestampValue, shown: datetime | None, contract: Contract) -> ir.BooleanValue:
    """Changed so shortly before the moment that the other side shows that the change may still be on its way."""
    if shown is None or not contract.grace:
        return ibis.literal(False)
    return (moment > ibis.literal(shown - contract.grace, type=INSTANT)).fill_null(False)


def _mark(fetched: ir.Table, base: ir.Table | None, position: int) -> ir.StringValue:
    return ibis.null(str) if base is None else fetched[f"b{position}"]


def _forms(platform: ir.StringValue, truth: ir.StringValue, column: Column, zone: str) -> dict[str, ir.StringValue]:
    """Of the texts of both sides: `p` as the platform holds its own, `t` as it would hold the truth's, and `pc` and
    `tc` in canonical form.
    """
    own = held(platform, column)
    return {
        "p": own,
        "t": rules.sent(truth, column, zone),
        "pc": rules.canonical(own, column, Side.PLATFORM, zone),
        "tc": rules.canonical(truth, column, Side.TRUTH, zone),
    }


def held(text: ir.StringValue, column: Column) -> ir.StringValue:
    """What the platform holds in a cell; null where it is empty."""
    return text if column.empty_is_value else primitives.blank_to_null(text)


_NO_COLUMN = Column("", "", "")


def _alike(one: Column, other: Column) -> bool:
    """Whether two columns are compared in the same way."""
    return replace(one, name="", truth="", header="") == replace(other, name="", truth="", header="")


def _long(fetched: ir.Table, contract: Contract, base: ir.Table | None) -> ir.Table:
    """The cells that are not evidently equal, as texts, each in a row of its own."""
    cells = [
        {
            "column": ibis.literal(column.name),
            "p_text": fetched[f"p{position}"],
            "t_text": fetched[f"t{position}"],
            "base": _mark(fetched, base, position),
        }
        for position, column in enumerate(contract.compared)
    ]
    none = dict.fromkeys(("column", "p_text", "t_text", "base"), ibis.null(str))
    # Not a union of a query per column, whose text alone takes half a minute to make of 300 columns.
    listed = ibis.array([ibis.struct(cell) for cell in cells or [none]])
    # Most cells are spelt alike, and no form of those has to be found.
    spelt_otherwise = [column.name for column in contract.compared if not rules.read_alike(column)]

    def unlike(cell: ir.StructValue) -> ir.BooleanValue:
        differs: ir.BooleanValue = ~cell["p_text"].identical_to(cell["t_text"])
        return differs | cell["column"].isin(spelt_otherwise) if spelt_otherwise else differs

    return fetched.select(*_OF_A_PAIR, cell=listed.filter(unlike).unnest()).unpack("cell")


_OF_A_PAIR = ("key", "platform_text", "profile_id", "platform_updated", "truth_updated")


def _judged(cells: ir.Table, columns: Sequence[Column], zone: str) -> ir.Table:
    """Selects the cells in long form of columns that are compared alike, with their forms and what comes of them."""
    column = columns[0]
    cells = cells.filter(cells.column.isin([one.name for one in columns]))
    cells = cells.mutate(**_forms(cells.p_text, cells.t_text, column, zone))
    agreed = rules.unmarked(cells.base)
    same = rules.equal(cells.pc, cells.tc, column)
    keeps = column.blank is Blank.KEEP or column.permission is not None
    return cells.select(
        key="key",
        key_text="platform_text",
        profile_id="profile_id",
        column="column",
        compare=ibis.literal(column.compare.value),
        platform="p",
        truth="t",
        platform_canonical="pc",
        truth_canonical="tc",
        base="base",
        platform_moved=~rules.equal(cells.pc, agreed, column),
        truth_moved=~rules.equal(cells.tc, agreed, column),
        platform_updated="platform_updated",
        truth_updated="truth_updated",
        same=same,
        respelt=same & _otherwise(cells.p_text, cells.t_text, cells.p, cells.t),
        kept=(cells.tc.isnull() & cells.pc.notnull()) if keeps else ibis.literal(False),
    )
