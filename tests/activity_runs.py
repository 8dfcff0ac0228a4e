"""Runs of a tiny table with files of activities, from the files to what is remembered, each on an engine of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from auditor.commands.results import write_activities
from auditor.diff.activities import activities, reachable
from auditor.diff.diffed import diff
from auditor.diff.known import Moments, said_by_us
from auditor.diff.permission_findings import permissions
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.findings.codes import NotChecked
from auditor.findings.unreachable import of_another_table
from auditor.load.activities import File, land_activities
from auditor.match.join import match_sides
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Contract, Polarity
from auditor.settings.inputs import Exports
from auditor.state.agreed import Store
from auditor.state.commit import Kept, commit
from auditor.state.memory import Learnt, bearing
from tests.nothing_known import knowing
from tests.small_runs import CREATED, OPT_INS, WITHDRAWN, Row, land

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=(
        Column("id", "contact_id", "id"),
        Column("emailAddress", "email", "emailAddress", Compare.EMAIL),
        Column("gsmNumber", "mobile", "gsmNumber", Compare.PHONE, "BE"),
        Column("subscriptions#News", "news", "subscriptions#News", Compare.BOOLEAN, permission=Polarity.OPT_IN,
               evidence_date="news_at", evidence_source="news_from"),
        Column("doNotCall", "silent", "doNotCall", Compare.BOOLEAN, permission=Polarity.OPT_OUT),
    ),
    timezone=ZoneInfo("Europe/Brussels"),
    updated_platform="updateMoment",
)  # fmt: skip
HERE = ("id", "profileId", "emailAddress", "gsmNumber", "subscriptions#News", "doNotCall", "updateMoment")
THERE = ("contact_id", "email", "mobile", "news", "silent", "news_at", "news_from")


def person(key: str, **more: str | None) -> Row:
    """Somebody of the platform, subscribed since long ago."""
    usual = {"profileId": f"9{key}", "emailAddress": f"{key}@example.be", "subscriptions#News": "true"}
    return {"id": key, "updateMoment": "2026-01-02 10:00:00", **usual, **more}


def known(key: str, **more: str | None) -> Row:
    """The same person in the truth."""
    usual = {"email": f"{key}@example.be", "news": "yes", "news_at": "2026-01-01", "news_from": "web"}
    return {"contact_id": key, **usual, **more}


@dataclass(frozen=True)
class Seen:
    """What a run found of activities."""

    frame: pl.DataFrame
    """As in `activities.parquet`."""
    findings: set[tuple[str, str, str]]
    """Of activities alone: key, column, finding."""
    of_nobody: int
    of_others: int
    taken_back: int
    not_checked: tuple[NotChecked, ...]
    rejected: pl.DataFrame
    reachable: tuple[int, Mapping[str, int] | None]

    @property
    def found(self) -> dict[tuple[str, str], int]:
        """Key and activity → how often."""
        return {(row["key"], row["activity"]): row["times"] for row in self.frame.iter_rows(named=True)}

    @property
    def standing(self) -> set[tuple[str, str]]:
        return {(row["key"], row["activity"]) for row in self.frame.filter("stands").iter_rows(named=True)}

    def of(self, key: str) -> list[dict[str, Any]]:
        return self.frame.filter(pl.col("key") == key).to_dicts()


@dataclass
class Folder:
    """A state folder, and runs on it."""

    path: Path
    contract: Contract = CONTRACT
    runs: int = field(default=0)

    def run(
        self,
        there: Mapping[str, str],
        *,
        back: Mapping[str, str] | None = None,
        platform: Sequence[Row] | None = None,
        truth: Sequence[Row] | None = None,
        names: Sequence[str] = ("id", "contact_id"),
        now: datetime = NOW,
        retain: timedelta = timedelta(days=400),
        **exports: Any,
    ) -> Seen:
        """A run with the files that are `there` (name → content), and with those to take `back`; the people are 1 to 4
        unless said otherwise.
        """
        self.runs += 1
        work = self.path / f"work{self.runs}"
        work.mkdir(parents=True)
        pulled = []
        for files, taken_back in ((there, False), (back or {}, True)):
            for name, text in files.items():
                place = work / ("back" if taken_back else "in") / name
                place.parent.mkdir(exist_ok=True)
                place.write_text(text, "utf-8")
                pulled.append(File(place, name, "in/*.csv", taken_back))
        people = [person(key) for key in "1234"] if platform is None else platform
        truth = [known(key) for key in "1234"] if truth is None else truth
        with closing(DuckDB(temp=work / "spill", folders=[self.path])) as engine:
            engine.register(FUNCTIONS)
            raw = {
                Side.PLATFORM: land(engine, Side.PLATFORM, people, HERE, work / "platform.parquet"),
                Side.TRUTH: land(engine, Side.TRUTH, truth, THERE, work / "truth.parquet"),
            }
            matched = match_sides(engine, self.contract, raw)
            store = Store(self.path / "state", "acme", "Customers")
            memory = store.load(engine, self.contract, matched.keys)
            found = diff(engine, self.contract, matched, knowing(base=memory.base), Moments(now, now), {})
            moments = {Side.PLATFORM: now, Side.TRUTH: now}
            opt_ins = engine.put(OPT_INS.to_frame(), "opt_ins")
            name = f"r{self.runs}"
            ours = engine.put(CREATED.to_frame(), "created")
            withdrawn = engine.put(WITHDRAWN.to_frame(), "withdrawn_by_us")
            allowed = permissions(
                engine, self.contract, matched, found, memory.history, name, moments, opt_ins, ours, withdrawn,
                said_by_us(matched.rows, withdrawn, now), None,
            )  # fmt: skip
            settings = Exports(activities=["in/*.csv"], **exports)
            said = land_activities(engine, pulled, settings, [names], self.contract.timezone.key, now, work)
            held = activities(
                engine, self.contract, matched, found, allowed, said.rows, memory.activities, memory.base, "secret", now
            )
            if held.named is None:
                raise AssertionError("there were files, though perhaps none with a row")
            write_activities(engine, matched, held.found, work)
            keep = bearing(held.known, now - retain)
            new = store.write(
                engine, self.contract, memory, Learnt(matched, found, allowed, None, None, keep), name, now
            )
            commit(self.path / "state", Kept(name, (new.rewrite,), new.written, new.superseded, None, None, None))
            return Seen(
                pl.read_parquet(work / "activities.parquet"),
                set(engine.frame(held.findings).select("key", "column", "finding").iter_rows()),
                held.named.of_nobody,
                held.named.of_others,
                held.named.taken_back,
                (*said.not_checked, *of_another_table(held.named.files)),
                said.rejected,
                reachable(engine, self.contract, matched, allowed, held.found),
            )

    def remembered(self) -> pl.DataFrame:
        [path] = (self.path / "state" / "Customers").glob("activities-*.parquet")
        return pl.read_parquet(path)
