"""Everything known of one profile: both sides as their files spell them, agreed values, findings, history, writes.

It is told from the newest run's snapshot, so it says what that run saw. A profile that agrees is told as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import polars as pl

from auditor.commands.astray import here
from auditor.commands.erased import NUMBER, of_erased, with_erased
from auditor.commands.known import frame, holders, newcomers, standing_pins, up_to_date
from auditor.commands.session import passing_engine
from auditor.commands.show_decided import Now, made
from auditor.commands.show_find import Found, find, several, unknown, with_contact
from auditor.commands.show_story import Cell, Difference, Relation, Rows, Story
from auditor.diff.cells import respelt
from auditor.engine.duckdb import DuckDB
from auditor.engine.protocol import ROW_NUMBER, filled
from auditor.equality import rules
from auditor.findings.answers import Answer
from auditor.findings.audit import Audit, swapped_with
from auditor.findings.sentences import sentence, with_sentences, worded
from auditor.findings.unreachable import corrected
from auditor.findings.words import Words
from auditor.match.join import matched_by
from auditor.model import OF_ANOTHER_KEY, Side, Status
from auditor.permissions import HISTORY, state
from auditor.settings.config import Settings
from auditor.settings.contract import Column, Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.agreed import Store
from auditor.state.ledger import Ledger
from auditor.state.memory import Memory
from auditor.state.past_runs import find_run


def tell(settings: Settings, key: str, *, now: datetime, by_contact: bool = False) -> Story:
    """What is known `now` of the profile with this key, spelt as either side spells it; several columns as JSON.

    `by_contact`: the e-mail address or phone number that a profile has on either side may stand for its key. Raises
    SettingsError where there is no run yet, its snapshot has expired or nothing is known of the key, and where several
    profiles have the address: it names their keys.
    """
    folder = find_run(settings)
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    store = Store(settings.state_folder, settings.entity, settings.table, structure.number)
    with passing_engine(settings, [folder, store.folder]) as engine:
        found = find(engine, contract, folder, key)
        if by_contact and not any(filled(engine, rows) for rows in found.matched.keys.values()):
            keys = with_contact(engine, contract, folder, key)
            if len(keys) > 1:
                raise several(keys)
            if keys:
                key = keys[0]
                found = find(engine, contract, folder, key)
        memory = store.load(engine, contract, found.matched.keys, expected=True)
        return _Teller(settings, engine, contract, folder, key, found, memory, now, by_contact).story()


def shown_keys(settings: Settings, keys: Iterable[str], *, now: datetime) -> set[str]:
    """The keys as plans know them, however either side spells them. SettingsError for one that nobody has."""
    folder = find_run(settings)
    known = set(run_folder.read_rows(folder, "profiles")["key"])
    return {key if key in known else tell(settings, key, now=now).key for key in keys}


@dataclass
class _Teller:
    """Collects the story of one key."""

    settings: Settings
    engine: DuckDB
    contract: Contract
    folder: Path
    typed: str
    found: Found
    memory: Memory
    now: datetime
    by_contact: bool
    """Addresses and numbers were looked for as well."""

    def story(self) -> Story:
        texts = {side: [str(text) for _, text, _ in self._keys(side)] for side in Side}
        names = list(dict.fromkeys([*texts[Side.PLATFORM], *texts[Side.TRUTH]]))
        key = next(iter(names), self.typed)
        profile = self._result("profiles").filter(pl.col("key").is_in(names)).head(1).to_dicts()
        excluded = self.found.matched.excluded is not None
        status = self._status(profile, excluded=excluded)
        run = run_folder.read_run(self.folder)
        say = run.say
        rows = tuple(self._rows(key, status, say))
        with Ledger(self.settings.state_folder, reading=True) as ledger:
            pinned = standing_pins(ledger, self.settings.table, holders(self._result("profiles")), self.now)
            number = next((number for _, _, number in self._keys(Side.PLATFORM)), None)
            written = [ledger.writes_of(self.settings.table, name, number) for name in names or [key]]
            written += [here(self.settings, self.contract, ledger, name, number, self.folder) for name in names]
            decided = [
                one
                for one in ledger.every_decision(self.settings.table)
                if one.key in (names or [key]) or (number and one.profile_id == number)
            ]
            cells = [
                (key, one.column, text) for pair in rows for one in pair.cells for text in (one.platform, one.sent)
            ]
            by_name = of_erased(self.contract, ledger, names) or with_erased(ledger, cells)
            erased = bool(with_erased(ledger, [(key, NUMBER, number)]) if number else by_name)
            whose = number or (self._newcomer(key, ledger) if status is Status.MISSING and decided else None)
        writes = pl.concat(written).unique(maintain_order=True)
        writes = writes.sort(pl.coalesce("sent_at", "settled_at"), maintain_order=True)
        history = self._history()
        if not (names or writes.height or decided or history.height):
            raise unknown(
                self.engine, self.contract, self.folder, self.found, say, self.typed, by_contact=self.by_contact
            )
        return Story(
            run=run.run,
            table=run.table,
            platform_name=say.platform,
            truth_name=say.truth,
            timezone=self.contract.timezone,
            key=key,
            profile_id=number,
            status=status,
            excluded=excluded,
            matched_by=self._matched_by(),
            flags=tuple(flag for flag in ("waiting", "gone", "pending") if profile and profile[0][flag]),
            erased=erased,
            rows=rows,
            violations=self._violations(key, texts, status),
            findings=self._findings(key),
            same_person=self._same_person(names, say),
            history=pl.concat([history, self._of_another_key(key)], how="diagonal").sort("at", maintain_order=True),
            writes=writes,
            decisions=made(decided, writes, history, self._now(key, names, status, whose)) if decided else (),
            pins=tuple(one for one in pinned if one.key in (names or [key])),
            activities=self._activities(key, run),
            again=self._again(key),
            permissions={one.name: one.permission for one in self.contract.permissions if one.permission is not None},
            warnings=tuple(sentence(one, say) for one in self.memory.warnings),
        )

    def _same_person(self, names: Sequence[str], say: Words) -> pl.DataFrame:
        """The other ends of the pairs that one of the keys is in, the surest first."""
        pairs = self._result("same_person")
        pairs = pairs.with_columns(worded(pairs["evidence"], say))
        ends = [
            pairs.filter(pl.col(own).is_in(names)).select(
                key=pl.coalesce(others), side=pl.col("side").replace("both", far), score="score", evidence="evidence"
            )
            for own, others, far in (
                ("platform_key", ["other_key", "truth_key"], Side.TRUTH),
                ("truth_key", ["other_key", "platform_key"], Side.PLATFORM),
                ("other_key", ["platform_key", "truth_key"], None),
            )
        ]
        return pl.concat(ends).sort("score", "key", descending=[True, False])

    def _activities(self, key: str, run: run_folder.Told) -> pl.DataFrame | None:
        """Those of the person, the last first; None where the run knew of none at all."""
        if run.counts.unreachable is None:
            return None
        own = run_folder.read_activities(self.folder).filter(pl.col("key") == key)
        return own.sort("last", "activity", descending=[True, False])

    def _again(self, key: str) -> tuple[str, ...]:
        own = corrected(self._result("differences"), run_folder.read_activities(self.folder))
        return tuple(own.filter(pl.col("key") == key)["column"].sort())

    def _keys(self, side: Side) -> list[tuple[int, str, str | None]]:
        keys = self.found.matched.keys[side]
        return self.engine.rows(keys.select("row", "text", "profile_id").order_by("row"))

    def _status(self, profile: Sequence[Mapping[str, Any]], *, excluded: bool) -> Status | None:
        if excluded:
            return None
        if profile:
            return Status(profile[0]["status"])
        return Status.EQUAL if filled(self.engine, self.found.matched.rows) else None

    def _matched_by(self) -> str | None:
        matched = self.found.matched
        both = matched.with_label(matched.both)
        rows = self.engine.rows(both.select(by=matched_by(both)))
        if matched.duplicates is not None:
            apart = matched.with_label(matched.duplicates)
            rows += self.engine.rows(apart.filter(apart.ambiguous).select(by="matched_by"))
        return next((str(by) for (by,) in rows), None)

    def _result(self, name: str) -> pl.DataFrame:
        return run_folder.read_rows(self.folder, name)

    def _violations(self, key: str, texts: Mapping[Side, list[str]], status: Status | None) -> pl.DataFrame:
        """Rows of a duplicate are judged under their own side's spelling, all others under the shown one."""
        apart = status is Status.DUPLICATE
        conditions = [
            (pl.col("side") == side.value) & pl.col("key").is_in(texts[side] if apart else [key]) for side in Side
        ]
        return self._result("violations").filter(pl.any_horizontal(conditions))

    def _history(self) -> pl.DataFrame:
        history = self.memory.history
        own = history.filter(history.key == ibis.literal(self.found.key, type=str)).drop("key")
        return self.engine.frame(own.order_by("at", "side", "column"))

    def _of_another_key(self, key: str) -> pl.DataFrame:
        """The opt-outs that are known of them, or of who had the key before, and stand under no key of theirs."""
        there = (self.folder / "history.parquet").is_file()
        known = frame(self.folder, "history", HISTORY) if there else HISTORY.to_frame()
        return known.filter((pl.col("side") == OF_ANOTHER_KEY) & (pl.col("key") == key)).drop("key")

    def _rows(self, key: str, status: Status | None, say: Words) -> Iterator[Rows]:
        """The rows of both sides beside each other, the first with the first."""
        raw = {side: self._raw(side) for side in Side}
        everybody = self._result("differences")
        own = everybody.filter(pl.col("key") == key)
        becomes = self._needs(key) if own.height else {}
        others = swapped_with(everybody) if "swapped" in own["reason"] else {}
        causes = with_sentences(self._result("causes"), say)
        sentences = dict(causes.select("cause", "sentence").iter_rows())
        differences = {
            row["column"]: Difference(
                row["status"],
                row["moved"],
                row["reason"],
                row["waiting"],
                row["pending"],
                row["blocked"],
                row["cause"],
                sentences.get(row["cause"], ""),
                *becomes[row["column"]],
                others.get((key, row["column"])),
            )
            for row in own.iter_rows(named=True)
        }
        agreed = self._agreed()
        compared = status in (Status.EQUAL, Status.STALE, Status.CONFLICTING)
        otherwise = self._respelt() if compared else set()
        for place in range(max(len(rows) for rows in raw.values())):
            platform, truth = (rows[place] if place < len(rows) else {} for rows in raw.values())
            cells = (
                self._cell(
                    column, platform, truth, differences.get(column.name), agreed, column.name in otherwise, compared
                )
                for column in self.contract.columns
            )
            yield Rows(
                on_platform=bool(platform),
                in_truth=bool(truth),
                cells=tuple(cells),
                platform_updated=_at(platform, self.contract.updated_platform),
                truth_updated=_at(truth, self.contract.updated_truth),
            )

    @cached_property
    def _judged(self) -> tuple[Audit, pl.DataFrame]:
        return up_to_date(self.settings, self.folder, self.now)

    @property
    def _needed(self) -> pl.DataFrame:
        return self._judged[1]

    def _newcomer(self, key: str, ledger: Ledger) -> str | None:
        """Who is to be created, as decisions know them."""
        if not (self.folder / "creations.parquet").exists():
            return None
        return newcomers(self.folder, self.contract, ledger, [key]).get(key)

    def _now(self, key: str, names: Sequence[str], status: Status | None, whose: str | None) -> Now:
        pairs = self._result("same_person").select("platform_key", "other_key", "truth_key").iter_rows()
        ends = (frozenset(end for end in pair if end is not None) for pair in pairs)
        found = self._findings(key)
        own = self._needed.filter(pl.col("key") == key)
        return Now(
            whose=whose,
            here=bool(names),
            status=status,
            cells=dict(own.select("column", "holds").iter_rows()),
            findings={
                (column, finding): Answer(answer)
                for column, finding, answer in found.select("column", "finding", "answer").iter_rows()
            }
            if "answer" in found.columns
            else {},
            pairs=frozenset(ends),
            refusals_since=self.now - self.settings.fixes.refused_for,
        )

    def _findings(self, key: str) -> pl.DataFrame:
        """Permission findings, with what becomes of each by all that is known now."""
        own = self._result("permissions").filter(pl.col("key") == key)
        return own if own.is_empty() else self._judged[0].permissions.filter(pl.col("key") == key)

    def _needs(self, key: str) -> dict[str, tuple[str, str | None, str | None]]:
        """Column → what becomes of its difference by all that is known now, why it is not corrected, and damage."""
        rows = self._needed.filter(pl.col("key") == key).select("column", "need", "why", "damage").iter_rows()
        return {column: (need, why, damage) for column, need, why, damage in rows}

    def _cell(
        self,
        column: Column,
        platform: Mapping[str, str | None],
        truth: Mapping[str, str | None],
        difference: Difference | None,
        agreed: Mapping[str, str | None],
        otherwise: bool,
        compared: bool,
    ) -> Cell:
        here, there = platform.get(column.header), truth.get(column.truth)
        sent = truth.get(f"auditor:sent:{column.name}")
        polarity = column.permission
        filled = here is not None and here.strip() != ""
        if not compared:
            relation = Relation.APART
        elif difference is not None:
            relation = Relation.DIFFERS
        elif sent is None and filled:
            relation = Relation.KEPT
        else:
            relation = Relation.FORMAT if otherwise else Relation.SAME
        return Cell(
            column=column.name,
            truth_column=column.truth,
            platform=here,
            truth=there,
            sent=sent,
            relation=relation,
            agreed=agreed.get(column.name),
            difference=difference,
            evidence_date=_at(truth, column.evidence_date),
            evidence_source=_at(truth, column.evidence_source),
            says=None if polarity is None else (state(here, polarity), state(sent, polarity)),
        )

    def _respelt(self) -> set[str]:
        """The columns of the first rows whose cells are not letter by letter the same."""
        here, there = (self.found.matched.raw[side].order_by(ROW_NUMBER).limit(1) for side in Side)
        columns, zone = self.contract.columns, self.contract.timezone.key
        pair = here.select(**{f"p{place}": here[column.header] for place, column in enumerate(columns)}).cross_join(
            there.select(**{f"t{place}": there[column.truth] for place, column in enumerate(columns)})
        )
        flags = [
            respelt(pair[f"p{place}"], pair[f"t{place}"], column, zone).name(column.name)
            for place, column in enumerate(columns)
        ]
        found = self.engine.frame(pair.select(flags)).to_dicts()
        return {name for row in found for name, holds in row.items() if holds}

    def _raw(self, side: Side) -> list[dict[str, str | None]]:
        """The rows of one side under their own names; of the truth also what would be sent, as `auditor:sent:NAME`."""
        raw = self.found.matched.raw[side]
        if side is Side.TRUTH:
            zone = self.contract.timezone.key
            forms = {
                f"auditor:sent:{column.name}": rules.sent(raw[column.truth], column, zone)
                for column in self.contract.columns
            }
            raw = raw.mutate(**forms)
        return self.engine.frame(raw.order_by(ROW_NUMBER).drop(ROW_NUMBER)).to_dicts()

    def _agreed(self) -> dict[str, str | None]:
        """Column → last agreed value in its canonical form, empty where both sides agreed to be empty."""
        base = self.memory.base
        if base is None or self.found.key is None:
            return {}
        numbers = [number for _, _, number in self._keys(Side.PLATFORM) if number]
        anchors = [*numbers, self.found.key][:1]
        frame = self.engine.frame(base.filter(base.anchor.isin(anchors)).select("marks"))
        marks = frame["marks"].to_list()[0] if frame.height else {}
        known = {column.name: marks.get(f"b{place}") for place, column in enumerate(self.contract.compared)}
        return {name: "" if mark == "n" else mark[1:] for name, mark in known.items() if mark is not None}


def _at(row: Mapping[str, str | None], name: str | None) -> str | None:
    return row.get(name) if name else None
