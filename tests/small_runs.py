"""Runs of a tiny table through matching, diff, permissions and store, each on an engine of its own, as in real life."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from auditor.diff.counts import DiffCounts
from auditor.diff.diffed import diff
from auditor.diff.known import Moments, left_by_us, said_by_us, withdrawn_by_us
from auditor.diff.permission_findings import permissions, without_consent
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.match.join import match_sides
from auditor.model import Side
from auditor.plan.knowledge import LEFT
from auditor.settings.contract import Column, Compare, Contract, Polarity
from auditor.state.agreed import Store
from auditor.state.commit import Kept, commit
from auditor.state.memory import Learnt, Memory, with_corrected
from tests.nothing_known import knowing

if TYPE_CHECKING:
    import ibis.expr.types as ir

Row = Mapping[str, str | None]

CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=(
        Column("id", "id", "id"),
        Column("city", "city", "city", Compare.TEXT),
        Column("note", "note", "note"),
        Column("subscriptions#News", "news", "subscriptions#News", Compare.BOOLEAN, permission=Polarity.OPT_IN,
               evidence_date="news_at", evidence_source="news_from"),
        Column("doNotCall", "silent", "doNotCall", Compare.BOOLEAN, permission=Polarity.OPT_OUT),
    ),
    timezone=ZoneInfo("Europe/Brussels"),
    updated_platform="updateMoment",
    updated_truth="modified_at",
)  # fmt: skip
OPT_INS = pl.Schema({"key": pl.String(), "column": pl.String(), "sent_at": pl.Datetime("us", "UTC")})
WITHDRAWN = pl.Schema({**OPT_INS, "effective_at": OPT_INS["sent_at"], "kind": pl.String(), "after": pl.String()})
UNDONE = pl.Schema(dict.fromkeys(("key", "column", "restored", "withdrawn", "kind"), pl.String()))
CORRECTED = pl.Schema(dict.fromkeys(("key", "column", "after"), pl.String()))
CREATED = pl.Schema({"key": pl.String(), "profile_id": pl.String()})
PLATFORM_COLUMNS = ("id", "city", "note", "subscriptions#News", "doNotCall", "updateMoment")
TRUTH_COLUMNS = ("id", "city", "note", "news", "silent", "news_at", "news_from", "modified_at")


def land(engine: DuckDB, side: Side, rows: Sequence[Row], names: Sequence[str], path: Path) -> ir.Table:
    """Rows as a landed snapshot; what a row does not name is empty."""
    filled = [{name: row.get(name) for name in names} for row in rows]
    pl.DataFrame(filled, schema=dict.fromkeys(names, pl.String)).write_parquet(path)
    return engine.view(path, f"{side.value}_raw")


@dataclass(frozen=True)
class Seen:
    """What one run saw and left."""

    memory: Memory
    """As it was before the run."""
    diff: DiffCounts
    moved: dict[tuple[str, str], str]
    """By key and column, of every differing cell."""
    gone: set[str]
    changes: list[tuple[str, str, str, str]]
    """side, key, column, value: what the permission history did not know."""
    findings: dict[tuple[str, str, str], datetime | None]
    """By key, column and finding: since when."""
    consent_off: set[str]
    """Who differs in a permission while a general one is off."""


@dataclass(frozen=True)
class Runs:
    """A table's state folder, and how to run on it."""

    folder: Path
    contract: Contract = CONTRACT
    entity: str = "acme"
    profile_ids: bool = False
    number: str | None = None
    """Actito's id of the table."""

    @property
    def state(self) -> Path:
        return self.folder / "state" / self.contract.table

    def with_contract(self, contract: Contract) -> Runs:
        return replace(self, contract=contract)

    def run(
        self,
        platform: Sequence[Row],
        truth: Sequence[Row],
        name: str,
        as_of: datetime,
        *,
        truth_as_of: datetime | None = None,
        sent: Collection[tuple[str, str | None]] = (),
        decided: Collection[tuple[str, str, datetime]] = (),
        created: Collection[str] = (),
        withdrawn: Collection[tuple[str, str, datetime]] = (),
        undone: Collection[tuple[str, str, str | None, str | None]] = (),
        corrected: Collection[tuple[str, str, str | None]] = (),
        save: bool = True,
    ) -> Seen:
        """One run on an export that shows `as_of`; `sent` (key, column) was written after that moment, and `decided`
        (key, column, moment) are opt-ins that a person decided. Profiles with the keys `created` are our creations.
        `withdrawn` (key, column, moment) are opt-outs of ours, the last that we wrote to each, and `undone` (key,
        column, restored, withdrawn) is what we took back; `corrected` (key, column, after) we have written since the
        run before, and read back.
        """
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        with closing(DuckDB(temp=work, folders=[self.folder])) as engine:
            engine.register(FUNCTIONS)
            named = (*PLATFORM_COLUMNS, "profileId") if self.profile_ids else PLATFORM_COLUMNS
            named = tuple(dict.fromkeys((*named, *(column.header for column in self.contract.columns))))
            raw = {Side.PLATFORM: land(engine, Side.PLATFORM, platform, named, work / "platform.parquet")}
            there = tuple(dict.fromkeys((*TRUTH_COLUMNS, *self.contract.truth_columns)))
            raw[Side.TRUTH] = land(engine, Side.TRUTH, truth, there, work / "truth.parquet")
            matched = match_sides(engine, self.contract, raw)
            store = Store(self.folder / "state", self.entity, self.contract.table, self.number)
            memory = store.load(engine, self.contract, matched.keys)
            own = pl.DataFrame(sorted(corrected, key=str), CORRECTED, orient="row")
            memory = with_corrected(engine, self.contract, memory, matched.rows, engine.put(own, "corrected"))
            written = pl.DataFrame(sorted(sent, key=str), schema={"key": pl.String, "column": pl.String}, orient="row")
            off = {
                column.name: "true" if column.permission is Polarity.OPT_OUT else "false"
                for column in self.contract.columns
            }
            rows = [(*cell, cell[2], "unsubscribe", off[cell[1]]) for cell in withdrawn]
            opt_outs = engine.put(pl.DataFrame(rows, WITHDRAWN, orient="row"), "written")
            as_left = pl.DataFrame([(key, at, at) for key, _, at in withdrawn], LEFT, orient="row")
            ours = withdrawn_by_us(
                matched.rows, memory.history, memory.seen, opt_outs, engine.put(as_left.unique("key"), "left")
            )
            ours = engine.keep(ours, "withdrawn_by_us")
            permitted = {column.name for column in self.contract.permissions}
            taken_back = [(*cell, "unsubscribe" if cell[1] in permitted else "update") for cell in undone]
            back = engine.put(pl.DataFrame(taken_back, UNDONE, orient="row"), "undone")
            known = knowing(
                base=memory.base,
                sent=engine.put(written, "sent"),
                seen=memory.seen,
                ours=left_by_us(ours, back, self.contract.compared, self.contract.timezone.key),
            )
            found = diff(engine, self.contract, matched, known, Moments(as_of, truth_as_of or as_of), {})
            moments = {Side.PLATFORM: as_of, Side.TRUTH: truth_as_of or as_of}
            opt_ins = pl.DataFrame(list(decided), schema=OPT_INS, orient="row")
            allowed = permissions(
                engine, self.contract, matched, found, memory.history, name, moments, engine.put(opt_ins, "opt_ins"),
                engine.put(pl.DataFrame([(key, None) for key in created], CREATED, orient="row"), "created"), ours,
                said_by_us(matched.rows, opt_outs, as_of), memory.seen,
            )  # fmt: skip
            cells, changes = found.cells, allowed.changes
            seen = Seen(
                memory,
                found.counts,
                {
                    (key, column): moved
                    for key, column, moved in engine.rows(cells.select("key_text", "column", "moved"))
                },
                {key for (key,) in engine.rows(found.profiles.filter(found.profiles.gone).select("key"))},
                sorted(engine.rows(changes.select("side", "key", "column", "value"))),
                {
                    (key, column, finding): since
                    for key, column, finding, since in engine.frame(allowed.findings)
                    .select("key", "column", "finding", "since")
                    .iter_rows()
                },
                {key for (key,) in engine.rows(without_consent(self.contract, found, allowed))},
            )
            if save:
                learnt = Learnt(matched, found, allowed, known.sent, None, None)
                new = store.write(engine, self.contract, memory, learnt, name, as_of)
                commit(self.folder / "state", Kept(name, (new.rewrite,), new.written, new.superseded, None, None, None))
        return seen
