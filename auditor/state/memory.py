"""What runs remember: the agreed values, the permission history, and who was seen; and what a run has to add to it.

Where the files lie and how they are kept whole is said in `auditor.state.agreed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import ibis
import polars as pl

from auditor.diff.cells import held
from auditor.diff.diffed import Diffed
from auditor.diff.permission_findings import Permissions
from auditor.engine.duckdb import DuckDB
from auditor.engine.functions import INSTANT
from auditor.engine.protocol import ROW_NUMBER
from auditor.equality import rules
from auditor.findings.activities import SAID_NO
from auditor.findings.codes import Notice
from auditor.match import fallback
from auditor.match.join import Matched, anchor
from auditor.match.sides import source_name
from auditor.model import Permission, Side
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir

HISTORY: Final = pl.Schema(
    dict.fromkeys(("run", "at", "side", "key", "profile_id", "column", "value", "moment", "source"), pl.String())
    | dict.fromkeys(("at", "moment"), pl.Datetime("us", "UTC"))
)
"""The columns of the permission history; `profile_id` is whose the key was on the platform, null where nobody knows."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs left; None where there is nothing."""

    history: ir.Table
    """Every change of a permission that any run saw, in the columns of `HISTORY`, by canonical keys."""
    base: ir.Table | None
    """The agreed values as `diff.known.Known` takes them."""
    stored: ir.Table | None
    """The same as they are stored: `auditor:anchor` and a mark per column."""
    seen: ir.Table | None
    """`key` (canonical), `run` and `profile_id` of everybody who was on the platform in any run."""
    names: ir.Table | None
    """`key` (canonical) and `name`, each identifier as `diff.identifiers` gives it, of profiles that were off."""
    activities: ir.Table | None
    """What earlier exports told of bounces, complaints and opt-outs in campaigns, as `diff.activities.KNOWN`."""
    run: str | None
    """The run that wrote it."""
    as_of: datetime | None
    """The moment that run's export showed."""
    warnings: tuple[Notice, ...]
    """What could not be read of it."""
    files: Mapping[str, Any]
    """The state file, which names those of all parts; empty before the first run."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a completed run has to teach those after it."""

    matched: Matched
    diffed: Diffed
    permissions: Permissions
    sent: ir.Table | None
    """What we wrote after the export's moment, as in `Known`: what the export shows in those cells is past, so their
    agreed values stay.
    """
    names: ir.Table | None
    """As `diff.identifiers` gives them; None: what is remembered stays."""
    activities: ir.Table | None
    """All that is known of activities; None: this run has read none, and what is remembered stays."""


def joined_history(engine: DuckDB, parts: Sequence[ir.Table]) -> ir.Table:
    """The permission history, of the files that hold what single runs saw of it."""
    if not parts:
        return engine.put(HISTORY.to_frame(), "permission_history")
    whose = {"profile_id": ibis.null(str)}  # the first files had none
    kept = [(part if "profile_id" in part.columns else part.mutate(**whose)).select(*HISTORY.names()) for part in parts]
    return engine.keep(ibis.union(*kept) if len(kept) > 1 else kept[0], "permission_history")


def marks_of(
    engine: DuckDB, contract: Contract, stored: ir.Table, signatures: Mapping[str, str], aliases: ir.Table | None
) -> ir.Table:
    """The stored base in the positions of this contract; a column whose rule changed has no base."""
    marks: dict[str, ir.Value] = {"none": ibis.null(str)}
    for position, column in enumerate(contract.compared):
        known = signatures.get(column.name) == contract.signature(column) and column.name in stored.columns
        marks[f"b{position}"] = stored[column.name] if known else ibis.null(str)
    base = stored.select(anchor=stored["auditor:anchor"], marks=ibis.struct(marks))
    if aliases is not None:
        followed = base.join(aliases, base.anchor == aliases.formerly)
        followed = followed.select(anchor="key", marks="marks").anti_join(base, "anchor")
        base = base.union(followed)
    return engine.keep(base, "base")


def aliases_of(
    keys: Mapping[Side, ir.Table], history: ir.Table, stored: ir.Table | None, *others: ir.Table | None
) -> ir.Table:
    """The keys that profiles have by now, of those that are remembered by a fallback key."""
    known = [history.select("key"), *(one.select("key") for one in others if one is not None)]
    known += [] if stored is None else [stored.select(key="auditor:anchor")]
    return fallback.aliases(keys, ibis.union(*known) if len(known) > 1 else known[0])


def followed(
    engine: DuckDB, aliases: ir.Table, history: ir.Table, seen: ir.Table | None
) -> tuple[ir.Table, ir.Table | None]:
    """History, and who was seen, under the keys that profiles have by now."""
    names = aliases.select("formerly", now="key")
    history = renamed_keys(engine, aliases, history, "permission_history")
    if seen is None:
        return history, None
    followed = seen.join(names, seen.key == names.formerly).select("run", "profile_id", key="now")
    followed = followed.anti_join(seen, "key").select(*seen.columns)
    return history, engine.keep(seen.union(followed), "seen")


def renamed_keys(engine: DuckDB, aliases: ir.Table, rows: ir.Table, name: str) -> ir.Table:
    """The rows under the keys that profiles have by now."""
    names = aliases.select("formerly", now="key")
    joined = rows.left_join(names, rows.key == names.formerly)
    return engine.keep(joined.mutate(key=ibis.coalesce(joined.now, joined.key)).select(*rows.columns), name)


def with_corrected(engine: DuckDB, contract: Contract, memory: Memory, rows: ir.Table, corrected: ir.Table) -> Memory:
    """The memory of a table, in which both sides agreed on what we have written and read back since: no run needs to
    have fallen between.

    `rows` are those of Matched; `corrected` has key (as the platform spells it), column and after, a row per cell.
    """
    written = {name for (name,) in engine.rows(corrected.select("column").distinct())}
    places = {n: column for n, column in enumerate(contract.compared) if column.name in written}
    if memory.base is None or not places:
        return memory
    named = rows.filter(rows.platform_text.notnull())
    cells = named.select(key="platform_text", own=anchor(named)).join(corrected, "key")
    marks = {
        f"w{n}": rules.marked(rules.canonical(cells.after, column, Side.PLATFORM, contract.timezone.key)).max(
            where=cells.column == column.name
        )
        for n, column in places.items()
    }
    since = engine.keep(cells.group_by("own").agg(**marks), "corrected_since")
    joined = since.left_join(memory.base, since.own == memory.base.anchor)
    both = {name: joined.marks[name] for name in memory.base.marks.names}
    both |= {f"b{n}": ibis.coalesce(joined[f"w{n}"], both[f"b{n}"]) for n in places}
    now = joined.select(anchor="own", marks=ibis.struct(both))
    base = memory.base.anti_join(since, memory.base.anchor == since.own).union(now)
    return replace(memory, base=engine.keep(base, "base_since"))


def agreed_now(engine: DuckDB, contract: Contract, memory: Memory, learnt: Learnt) -> ir.Table:
    """The new base: agreed cells get their value, all others keep what they had, absent profiles too."""
    zone, raw, fetched = contract.timezone.key, learnt.matched.raw[Side.PLATFORM], learnt.diffed.fetched
    alike = learnt.matched.rows.filter(learnt.matched.rows.same)
    alike = alike.select(anchor=anchor(alike), row=alike.platform_row)
    # The anchors alone are kept: the marks of everybody, which nothing but a file needs, would fill the memory.
    anchors = alike.select(anchor=alike.anchor).union(fetched.select(anchor=anchor(fetched)))
    anchors = engine.keep(
        anchors.group_by(**{"auditor:anchor": anchors.anchor}).agg(rows=anchors.count()), "anchors_now"
    )
    differs = _not_agreed(learnt.diffed.unlike, contract)
    joined = alike.join(raw, alike.row == raw[ROW_NUMBER])
    beside = fetched.left_join(differs, "key")
    same: dict[str, ir.Value] = {"auditor:anchor": joined.anchor}
    mixed: dict[str, ir.Value] = {"auditor:anchor": anchor(beside)}
    marks: dict[str, ir.Value] = {}
    for position, column in enumerate(contract.compared):
        text, differing, before = (f"auditor:{what}{position}" for what in ("text", "differs", "mark"))
        same[text] = joined[source_name(column, Side.PLATFORM)]
        same |= {differing: ibis.literal(False), before: ibis.null(str)}
        mixed[text] = held(beside[f"p{position}"], column)
        mixed[differing] = beside[f"d{position}"].fill_null(False)
        mixed[before] = ibis.null(str) if memory.base is None else beside[f"b{position}"]
    # One after the other, so that a form is spelt out once in the query, for both.
    whole = joined.select(**same).union(beside.select(**mixed))
    for position, column in enumerate(contract.compared):
        agreed = rules.marked(rules.canonical(whole[f"auditor:text{position}"], column, Side.PLATFORM, zone))
        marks[column.name] = ibis.ifelse(whole[f"auditor:differs{position}"], whole[f"auditor:mark{position}"], agreed)
    # A profileId on two rows ties no profile to its values: it has no base until that is mended.
    twice = anchors.filter(anchors.rows > 1)
    now = whole.select("auditor:anchor", **marks).anti_join(twice, "auditor:anchor")
    if learnt.sent is not None:
        now = _with_pending(engine, contract, memory, learnt.matched, now, learnt.sent)
    if memory.base is None or memory.stored is None:
        return now
    current = dict(memory.files.get("columns") or {})
    older = memory.stored.anti_join(anchors, "auditor:anchor")
    kept = {
        column.name: older[column.name]
        if current.get(column.name) == contract.signature(column) and column.name in older.columns
        else ibis.null(str)
        for column in contract.compared
    }
    return now.union(older.select(older["auditor:anchor"], **kept))


def _not_agreed(unlike: ir.Table, contract: Contract) -> ir.Table:
    """Which cells differ by rule: `key`, and `d{n}` per compared column; of keys that have any."""
    found = unlike.filter(~unlike.same)
    differs = {f"d{n}": (found.column == column.name).any() for n, column in enumerate(contract.compared)}
    return found.group_by("key").agg(cells=found.count(), **differs)


def _with_pending(
    engine: DuckDB, contract: Contract, memory: Memory, matched: Matched, now: ir.Table, sent: ir.Table
) -> ir.Table:
    """The new base, but for pending cells: they keep what they had."""
    named = matched.rows.filter(matched.rows.platform_text.notnull())
    named = named.select(key="platform_text", own=anchor(named))
    cells = engine.keep(named.join(sent.filter(sent.column.notnull()), "key").drop("key"), "pending_cells")
    written = {name for (name,) in engine.rows(cells.select("column").distinct())}
    places = {n: column.name for n, column in enumerate(contract.compared) if column.name in written}
    if not places:
        return now
    flags = cells.group_by("own").agg(**{f"pending{n}": (cells.column == name).any() for n, name in places.items()})
    joined = now.left_join(flags, now["auditor:anchor"] == flags.own)
    if memory.base is not None:
        joined = joined.left_join(memory.base, joined["auditor:anchor"] == memory.base.anchor)
    had = {n: ibis.null(str) if memory.base is None else joined.marks[f"b{n}"] for n in places}
    kept = {
        name: ibis.ifelse(joined[f"pending{n}"].fill_null(False), had[n], joined[name]) for n, name in places.items()
    }
    return joined.mutate(**kept).select(now.columns)


def bearing(activities: ir.Table, since: datetime) -> ir.Table:
    """What is worth remembering of activities: a person's own no, as long as the permission history, and everything
    else `since` then.
    """
    return activities.filter(_no(activities) | (activities.moment >= ibis.literal(since, type=INSTANT)))


def said_no(activities: ir.Table) -> ir.Table:
    """Who opted out in a campaign or complained, and when: key, at."""
    return activities.filter(_no(activities)).select("key", at="moment")


def _no(activities: ir.Table) -> ir.BooleanValue:
    return activities.activity.isin([one.value for one in SAID_NO])


def everybody(contract: Contract, memory: Memory, keys: ir.Table, run: str) -> ir.Table:
    """Who was on the platform in this run or any before."""
    there = keys.filter(keys.key.notnull())
    now = there.group_by("key").agg(run=ibis.literal(run), profile_id=there.profile_id.min())
    if contract.fallbacks:
        lacking = fallback.lacking(keys).distinct().anti_join(now, "key")
        now = now.union(lacking.mutate(run=ibis.literal(run), profile_id=ibis.null(str)))
    if memory.seen is None:
        return now
    return now.union(memory.seen.anti_join(now, "key").select(*now.columns))


def withdrawn_names(memory: Memory, learnt: Learnt) -> ir.Table | None:
    """The identifiers of every profile of the platform of which a permission was ever off, or may be withdrawn by a
    person, or who said no to messages: key, name.
    """
    if learnt.names is None:
        return memory.names
    changes = learnt.permissions.changes
    off = memory.history.select("key", "value").union(changes.select("key", "value"))
    off = off.filter(off.value == Permission.OFF.value).select("key")
    off = off.union(learnt.permissions.findings.select("key"))
    if learnt.activities is not None:
        off = off.union(said_no(learnt.activities).select("key"))
    here = learnt.names.filter(learnt.names.side == Side.PLATFORM.value).semi_join(off, "key").select("key", "name")
    return here if memory.names is None else here.union(memory.names.select("key", "name"), distinct=True)
