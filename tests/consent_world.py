"""A table of people, each with a history of their own, and everything that happens to their permissions.

The commands are the real ones: runs, plans, decisions, applying, undoing, changes of keys. Only the platform is one in
memory. What each person has said, what a run has seen of it and who has decided what is noted beside it, in the books
of `tests.consent_law`, and every change of a permission on the platform is held against these.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import ibis
import polars as pl
import pytest

from auditor import report
from auditor.actito import Collection, ImportMode
from auditor.actito import writer as actito_writer
from auditor.actito.spelling import USUAL
from auditor.commands import apply as applying
from auditor.commands import compared, run_inputs
from auditor.commands import run as pipeline
from auditor.commands.fix import fix
from auditor.commands.forget import forget
from auditor.commands.permit import permit
from auditor.commands.pin import pin
from auditor.commands.plan import corrective, plan
from auditor.commands.plan_by_cause import make, propose
from auditor.commands.rekey import rekey
from auditor.commands.stored_plans import Planned
from auditor.commands.undo import undo
from auditor.commands.wrong_opt_out import WrongOptOut
from auditor.engine.duckdb import DuckDB
from auditor.errors import AuditorError
from auditor.explain import Explained
from auditor.files.whole import write_whole
from auditor.findings import audit
from auditor.model import Attribute, AttributeType, Kind, Structure
from auditor.plan import road
from auditor.settings.config import Settings, read_settings
from auditor.state import run_folder
from auditor.validate import Validation
from tests.consent_law import (
    BRUSSELS,
    CONSENT,
    NEWS,
    SILENT,
    SOURCE,
    TRUTH_NAMES,
    BrokenLaw,
    Decided,
    Person,
    Write,
    off,
    on,
    unlawful,
)
from tests.test_apply import Crash, Platform

Line = tuple[str, str, str | None, str | None]
"""Key, column, and what both sides say."""

BEGIN: Final = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
STRUCTURE: Final = Structure(
    "16",
    "Customers",
    (
        Attribute("profileId", AttributeType.INTEGER, unique=True),
        Attribute("updateMoment", AttributeType.TIMESTAMP),
        Attribute("customerId", unique=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True),
        Attribute("city"),
        Attribute(CONSENT, AttributeType.BOOLEAN),
        Attribute(SILENT, AttributeType.BOOLEAN),
    ),
    ("News",),
)
SETTINGS: Final = """
entity = "acme"
table = "Customers"
[actito]
url = "http://127.0.0.1:1"
api_key = "file:key"
concurrency = 1
[platform]
export = "exports/*.csv"
[truth]
from = "crm/*.csv"
[fixes]
bulk_min_rows = 8
permission_max_age = "24h"
"""
CONTRACT: Final = f"""
key = ["customerId"]
updated = {{ platform = "updateMoment", truth = "modified_at" }}
timezone = "Europe/Brussels"
[columns.customerId]
truth = "id"
[columns.emailAddress]
truth = "mail"
compare = "email"
[columns.city]
truth = "city"
[columns.{CONSENT}]
truth = "consent"
master = "both"
permission = "opt-in"
general = true
evidence = {{ date = "consent_at", source = "consent_from" }}
[columns.{SILENT}]
truth = "silent"
master = "both"
permission = "opt-out"
evidence = {{ date = "silent_at", source = "silent_from" }}
[columns."{NEWS}"]
truth = "news"
master = "both"
permission = "opt-in"
evidence = {{ date = "news_at", source = "news_from" }}
"""
TRUTH_COLUMNS: Final = (
    *("id", "mail", "city", "modified_at"),
    *(name + part for name in TRUTH_NAMES.values() for part in ("", "_at", "_from")),
)


class Watched(Platform):
    """The platform in memory, which tells whoever watches of every permission that a client changes."""

    def __init__(self, watch: Callable[..., None], clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.watch, self.clock = watch, clock
        self.born = 0
        self.single = False
        self.given: Collection | None = None

    def new_id(self) -> str:
        self.born += 1
        return str(100_000 + self.born)

    def structure(self, table: str) -> Structure:
        return STRUCTURE

    def count(self, table: Structure) -> int:
        return len(self.profiles)

    def update(
        self,
        table: Structure,
        profile_id: str,
        values: Mapping[str, str | None],
        *,
        collection: Collection | None = None,
    ) -> None:
        self.single, self.given = True, collection
        super().update(table, profile_id, values, collection=collection)

    def create(self, table: Structure, values: Mapping[str, str | None], collection: Collection | None = None) -> str:
        self.single, self.given = False, None
        return super().create(table, values, collection)

    def start_import(
        self, table: Structure, archive: bytes, *, columns: Sequence[str], key: str, mode: ImportMode, output: str = ""
    ) -> str:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            text = packed.read(packed.namelist()[0]).decode()
        rows = [{c: v for c, v in row.items() if v} for row in csv.DictReader(io.StringIO(text), delimiter=";")]
        return super().start_import(table, json.dumps(rows).encode(), columns=columns, key=key, mode=mode)

    def _import(self, execution_id: str, archive: bytes, key: str, mode: ImportMode) -> None:
        self.single, self.given = False, None
        self.calls["import"] += 1
        super()._import(execution_id, archive, key, mode)

    def _set(self, profile_id: str, values: Mapping[str, str | None]) -> None:
        self.watch(profile_id, values)
        super()._set(profile_id, values)


class World:
    """One working folder, its platform and its truth; what chance decides in it follows from the seed."""

    def __init__(self, folder: Path, people: int, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
        self.folder, self.seed, self.now = folder, seed, BEGIN
        for name in ("exports", "crm", "decisions", "expectations/Customers"):
            (folder / name).mkdir(parents=True)
        (folder / "auditor.toml").write_text(SETTINGS)
        (folder / "key").write_text("none")
        (folder / "key").chmod(0o600)
        (folder / "expectations/Customers/contract.toml").write_text(CONTRACT)
        self.settings: Settings = read_settings(folder / "auditor.toml")
        self.platform = Watched(self._watch, lambda: self.now)
        self.by_id: dict[str, Person] = {}
        self.plans: list[Planned] = []
        self.begun: list[Planned] = []
        """Plans that were carried out, or to a part, oldest first."""
        self.files: list[Path] = []
        self.renamed: dict[str, str] = {}
        self.holders: dict[str, dict[str, Person]] = {}
        """Run → whose the keys were in it."""
        self.inbox: dict[Path, tuple[str, str, list[dict[str, Any]]]] = {}
        """Files of decisions that nobody has taken yet: by whom, on which run, and what."""
        self.restoring: tuple[Person, str] | None = None
        """Whose opt-out a named person has called an error, while the plan that gives it back is applied."""
        self.withdrawn: list[tuple[Planned, Person, str, str]] = []
        """The opt-outs of plans that were carried out, oldest first: of whom, under which key, and of which column."""
        self.happened: Counter[str] = Counter()
        self.people = [self._born(number) for number in range(people)]

    # What people and colleagues do

    def _born(self, number: int) -> Person:
        key = f"C{number}"
        here = self.chance.random() < 0.9
        one = Person(number, key, str(number + 1) if here else None, None)
        states = {column: self.chance.random() < 0.5 for column in TRUTH_NAMES}
        if here:
            values = {"customerId": key, "emailAddress": mail(number), "city": "Gent"}
            values |= {column: self.text(column, state) for column, state in states.items()}
            self.platform.profiles[str(number + 1)] = {**values, "updateMoment": self.stamp(self.now)}
            self.by_id[str(number + 1)] = one
        one.row = {"id": key, "mail": mail(number), "city": "Gent", "modified_at": self.stamp(self.now)}
        for column, state in states.items():
            self.truth_says(one, column, state, self.now - timedelta(days=self.chance.randrange(1, 40)))
        return one

    def all_say_yes(self) -> None:
        """Everybody is on the platform and may be sent everything, as both sides say, and as was said long ago."""
        for one in self.people:
            one.profile_id = one.profile_id or str(one.number + 1)
            self.by_id[one.profile_id] = one
            yes = {column: self.text(column, True) for column in TRUTH_NAMES}
            own = {"customerId": one.key, "emailAddress": mail(one.number), "city": "Gent", **yes}
            self.platform.profiles[one.profile_id] = {**own, "updateMoment": self.stamp(self.now)}
            for column in TRUTH_NAMES:
                self.truth_says(one, column, True, self.now - timedelta(days=30))

    @staticmethod
    def text(column: str, permitted: bool) -> str:
        return str(permitted != (column == SILENT)).lower()

    @staticmethod
    def stamp(moment: datetime) -> str:
        return moment.astimezone(BRUSSELS).strftime("%Y-%m-%d %H:%M:%S")

    def profile(self, one: Person) -> dict[str, str | None] | None:
        return self.platform.profiles.get(one.profile_id or "")

    def truth_says(self, one: Person, column: str, permitted: bool, evidence: datetime | None) -> None:
        assert one.row is not None
        name = TRUTH_NAMES[column]
        one.row[name] = "yes" if self.text(column, permitted) == "true" else "no"
        one.row[f"{name}_at"] = self.stamp(evidence) if evidence else ""
        one.row[f"{name}_from"] = SOURCE if evidence else ""
        one.row["modified_at"] = self.stamp(self.now)
        self._note(one, f"truth says {column}={permitted}, evidence {evidence}")

    def platform_says(self, one: Person, **values: str | None) -> None:
        """On the platform: by the person, or a marketer for them."""
        profile = self.profile(one)
        assert profile is not None
        profile |= {**values, "updateMoment": self.stamp(self.now)}
        one.touched = self.now
        self._note(one, f"platform says {values}")

    def rename(self, one: Person, new: str) -> None:
        """Somebody gets another key, on both sides."""
        assert one.row is not None
        self.platform_says(one, customerId=new)
        self.renamed[one.key] = new
        one.key = one.row["id"] = new

    def exchange(self, one: Person, other: Person) -> None:
        """Their keys change hands, on both sides."""
        for who, key in ((one, other.key), (other, one.key)):
            assert who.row is not None
            self.platform_says(who, customerId=key)
            who.row["id"] = key
        one.key, other.key = other.key, one.key
        self.happened["exchanged"] += 1

    def leave(self, one: Person) -> None:
        """Somebody's profile is deleted on the platform."""
        del self.platform.profiles[one.profile_id or ""], self.by_id[one.profile_id or ""]
        one.profile_id = None
        self._note(one, "is gone from the platform")

    def make_again(self, one: Person, **values: str | None) -> None:
        """A colleague makes a new profile for somebody who is gone, with another key, as the truth does: nothing of
        before but the address, and nothing said of permissions but these values.
        """
        assert one.row is not None
        self.happened["made again"] += 1
        one.profile_id, one.key = str(50_000 + self.happened["made again"]), f"A{self.happened['made again']}"
        one.row["id"] = one.key
        own = {"customerId": one.key, "emailAddress": mail(one.number), "city": "Gent"}
        self.platform.profiles[one.profile_id] = {**own, **dict.fromkeys(TRUTH_NAMES, ""), **values}
        self.platform.profiles[one.profile_id]["updateMoment"] = self.stamp(self.now)
        self.by_id[one.profile_id] = one
        self._note(one, f"is there again, as {one.key}, and platform says {values}")

    def live(self, share: float = 1.0) -> None:
        """Something happens to many people."""
        for one in self.people:
            for _ in range(self.chance.randrange(3) if self.chance.random() < share else 0):
                self.now += timedelta(seconds=self.chance.randrange(3))
                said = ("said_here", "said_here", "said_there", "said_there", "said_there")
                what = self.chance.choice((*said, "edit", "rename", "exchange", "gone", "back"))
                getattr(self, f"_may_be_{what}")(one)

    def _may_be_said_here(self, one: Person) -> None:
        if self.profile(one) is not None:
            column, permitted = self.chance.choice(list(TRUTH_NAMES)), self.chance.random() < 0.4
            self.platform_says(one, **{column: self.text(column, permitted) if self.chance.random() < 0.95 else None})

    def _may_be_said_there(self, one: Person) -> None:
        """With evidence of now, of earlier, or none."""
        if one.row is not None:
            column, permitted = self.chance.choice(list(TRUTH_NAMES)), self.chance.random() < 0.7
            ago = self.chance.choice((None, 0, 0, 1, 5, 30, 24 * 40))
            self.truth_says(one, column, permitted, None if ago is None else self.now - timedelta(hours=ago))

    def _may_be_edit(self, one: Person) -> None:
        city = self.chance.choice(("Gent", "Ghent", "Brugge"))
        if self.profile(one) is not None and self.chance.random() < 0.5:
            self.platform_says(one, city=city)
        elif one.row is not None:
            one.row |= {"city": city, "modified_at": self.stamp(self.now)}

    def _may_be_rename(self, one: Person) -> None:
        """Another key on both sides; a few at a time, as in life."""
        if self.chance.random() < 0.07 and self.profile(one) is not None and one.row is not None:
            self.rename(one, f"X{len(self.renamed)}-{one.number}")

    def _may_be_exchange(self, one: Person) -> None:
        """Rather where a decision on one of them still stands, and the other, of whom nobody has decided anything, says
        yes under the key that was theirs.
        """
        waiting = [column for column in TRUTH_NAMES if column in one.decided]
        if self.chance.random() < (0.3 if waiting else 0.9):
            return
        column, here = self.chance.choice(waiting or list(TRUTH_NAMES)), self.profile(one)
        for other in self.chance.sample(self.people, min(20, len(self.people))):
            there = self.profile(other)
            if other is one or here is None or there is None or one.row is None or other.row is None:
                continue
            if waiting and (column in other.decided or here.get(column) != there.get(column)):
                continue
            self.exchange(one, other)
            self.truth_says(other, column, self.chance.random() < 0.8, self.now)
            return

    def _may_be_gone(self, one: Person) -> None:
        if self.chance.random() < 0.05 and self.profile(one) is not None:
            self.leave(one)

    def _may_be_back(self, one: Person) -> None:
        if self.chance.random() < 0.5 and one.profile_id is None and one.row is not None:
            no = [column for column in TRUTH_NAMES if self.chance.random() < 0.3]
            self.make_again(one, **{column: self.text(column, False) for column in no})

    def _note(self, one: Person, what: str) -> None:
        one.story.append(f"{self.now:%m-%d %H:%M:%S} {what}")

    # What the auditor does

    def run(self, late: timedelta = timedelta(), tell: Callable[[str], None] = lambda _: None) -> None:
        """Of an export of now, looked at so much later."""
        self.now += timedelta(minutes=5)
        name = f"Customers_{self.now.astimezone(BRUSSELS):%Y%m%dT%H%M%S}.csv"
        columns = ("profileId", "customerId", "emailAddress", "city", CONSENT, SILENT, NEWS, "updateMoment")
        here = [{"profileId": number, **values} for number, values in self.platform.profiles.items()]
        there = [one.row for one in self.people if one.row is not None]
        for path in (
            _write(self.folder / "exports" / name, columns, here, ";"),
            _write(self.folder / "crm" / name.replace("Customers", "crm"), TRUTH_COLUMNS, there, ","),
        ):
            os.utime(path, (0, 0))  # else a run waits whether they still grow
        as_of = self.now
        self.now += late
        done = pipeline.run(self.settings, pipeline.Request(), now=self.now, tell=tell)
        self._taken()
        self.holders[done.run] = {one.key: one for one in self.people}
        for one in self.people:
            if (profile := self.profile(one)) is not None:
                one.seen("platform", {column: profile.get(column) for column in TRUTH_NAMES}, as_of)
            if one.row is not None:
                one.seen("truth", {column: one.says(column) for column in TRUTH_NAMES}, as_of)
            one.shown = dict(one.row) if one.row else None
        self.happened["run"] += 1

    @property
    def newest(self) -> Path:
        return self.settings.runs_folder / list(self.holders)[-1]

    def plan(self, **how: Any) -> tuple[Planned, ...]:
        """What corrects and what creates; `how` as for the command."""
        self.now += timedelta(minutes=1)
        return self._made(plan(self.settings, now=self.now, **how))

    def _made(self, planned: Sequence[Planned]) -> tuple[Planned, ...]:
        self._taken()
        self.plans += planned
        self.happened["plan"] += len(planned)
        return tuple(planned)

    def plan_for_others(self, **how: Any) -> None:
        """The files are for somebody else to import."""
        for one in self.plan(for_others=True, **how):
            if one.plan.purpose == "correct":
                written = corrective(one.plan, STRUCTURE, self.folder / f"files{len(self.plans)}")
                self.files += [path for path in written if path.suffix == ".zip"]

    def decide(self, by: str, lines: Sequence[tuple[Line, dict[str, str]]]) -> None:
        """A file of decisions on the newest worklist lies in the inbox; a line has its choice and what goes with it."""
        self.now += timedelta(minutes=1)
        cells = [
            {"key": key, "column": column, "platform": here, "truth": there, **choice, "made": self.now.isoformat()}
            for (key, column, here, there), choice in lines
        ]
        path = self.folder / "decisions" / f"{self.now:%d%H%M%S}-{by}.json"
        content = {"format": 1, "run": self.newest.name, "table": "Customers", "by": by, "decisions": cells}
        path.write_text(json.dumps(content))
        os.utime(path, (self.now.timestamp(), self.now.timestamp()))
        self.inbox[path] = by, self.newest.name, cells

    def _taken(self) -> None:
        """Whatever is not in the inbox any more was recorded: decisions count from now on, in the order in which they
        were made.
        """
        for path, (by, run, cells) in list(self.inbox.items()):
            if path.exists():
                path.unlink()  # refused: somebody takes it away
                self.happened["decisions refused"] += 1
            else:
                self._decided(by, run, cells)
            del self.inbox[path]

    def _decided(self, by: str, run: str, cells: Sequence[Mapping[str, Any]]) -> None:
        self.happened["decided"] += 1
        for cell in cells:
            column, choice = cell["column"], cell["choice"]
            one = self.holders[run].get(cell["key"])
            if one is None or column not in TRUTH_NAMES:
                continue
            before = one.decided.pop(column, None)
            if choice == "truth":
                one.decided[column] = Decided(by, cell["platform"], on(column, cell["truth"]))
            if before is not None and before.by != by:
                self.happened["decided otherwise" if choice != "truth" else "decided by two"] += 1
            self.happened[f"chosen: {choice}"] += 1
            self._note(one, f"{by} decides {column}: {choice}")

    def differing(self) -> list[Line]:
        """What the newest worklist asks about: cells, and what people who are to be created may be given."""
        rows = run_folder.read_rows(self.newest, "differences").select("key", "column", "platform", "truth").rows()
        profiles = run_folder.read_rows(self.newest, "profiles")
        missing = set(profiles.filter(pl.col("status") == "missing")["key"])
        new = [
            (one.key, column, None, one.says(column))
            for one in self.people
            if one.key in missing
            for column in TRUTH_NAMES
            if on(column, one.says(column))
        ]
        return sorted([*rows, *new], key=str)

    def findings(self) -> list[tuple[Line, str]]:
        """Permission findings on cells that do not differ, in the newest run."""
        differing = {line[:2] for line in self.differing()}
        shown = ("key", "column", "platform_text", "truth_text", "finding")
        rows = run_folder.read_rows(self.newest, "permissions").select(*shown).rows()
        return sorted(((*row[:4],), row[4]) for row in rows if row[:2] not in differing)

    def apply(self, chosen: Planned, *, older: bool = False, crash: int | None = None) -> set[str]:
        """Carry a plan out, or go on with it; perhaps the process dies at this point. Its outcomes."""
        self.now += timedelta(minutes=1)
        platform, withdrawn = self.platform, self.happened["opt-out"]
        calls = platform.calls["update"] + platform.calls["start_import"]
        platform.crash_at = None if crash is None else platform.points + crash
        try:
            done = applying.apply(
                self.settings,
                chosen.path,
                confirmed=dict(chosen.plan.counts),
                clock=lambda: self.now,
                older=older,
                sleep=self._sleep,
            )
        except Crash:
            self.happened["killed"] += 1
            return set()
        finally:
            platform.crash_at = None
            if platform.calls["update"] + platform.calls["start_import"] > calls:
                self.begun.append(chosen)
            if self.happened["opt-out"] > withdrawn and chosen.plan.purpose == "correct":
                self.withdrawn += [
                    (chosen, self.by_id[write.profile_id], write.key, cell.column)
                    for write in chosen.plan.writes
                    if write.kind is Kind.UNSUBSCRIBE and write.profile_id in self.by_id
                    for cell in write.cells
                ]
        self.happened["applied"] += 1
        return set(done.outcomes["outcome"])

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def undo(self, chosen: Planned, *, delete_created: bool = False) -> Planned:
        self.now += timedelta(minutes=61)  # a file that was cut off has ended by then
        back = undo(self.settings, chosen.path, now=self.now, delete_created=delete_created)
        self.plans.append(back)
        return back

    def give_back(self, chosen: Planned, one: Person, key: str, column: str, by: str) -> None:
        """A named person says that an opt-out of this plan was an error; `key` is theirs in it."""
        self.now += timedelta(minutes=1)
        wrong = WrongOptOut(f"{key}:{column}", by)
        back = undo(self.settings, chosen.path, now=self.now, wrong=wrong)
        self.restoring = one, column
        try:
            self.apply(back)
        finally:
            self.restoring = None

    def may_be_given_back(self, one: Person, column: str) -> bool:
        """By the law."""
        profile = self.profile(one)
        if profile is None or not off(column, profile.get(column)):
            return False
        return unlawful(one, column, Write(profile, True, None, self.now, restored=column)) is None

    def fix(self, keys: Sequence[str]) -> None:
        self.now += timedelta(minutes=1)
        planned = fix(self.settings, keys, now=self.now).planned
        self._taken()
        if planned is not None:
            self.apply(planned)
            self.happened["fixed"] += 1

    def review(self, by: str, refuses: Callable[[], bool]) -> None:
        """A plan is made question by question; some of them are refused."""
        self.now += timedelta(minutes=1)
        told = {"run": None, "decisions": None, "route": None, "for_others": False, "tell": lambda _: None}
        proposed = propose(self.settings, now=self.now, **told)  # type: ignore[arg-type]
        self._taken()
        refused = [one for each in proposed.questions if each.refusable for one in each.asked if refuses()]
        self.now += timedelta(minutes=1)
        for one in refused:
            who = self.holders[self.newest.name].get(one.write.key)
            if who is not None and one.column is not None:
                who.decided.pop(one.column, None)
                self._note(who, f"{by} refuses {one.column}")
        self._made(make(self.settings, proposed, refused, by=by, now=self.now))
        self.happened["refused"] += bool(refused)

    def permit(self, column: str, by: str) -> None:
        """A group of people who are to be created is given a permission."""
        self.now += timedelta(minutes=1)
        try:
            given = permit(self.settings, column, by=by, now=self.now).given
        finally:
            self._taken()
        profiles = run_folder.read_rows(self.newest, "profiles")
        for key in profiles.filter(pl.col("status") == "missing")["key"]:
            one = self.holders[self.newest.name].get(key)
            if given and one is not None and column not in one.decided and on(column, one.says(column)):
                one.decided[column] = Decided(by, None, gives=True)
                self._note(one, f"{by} decides {column} of a group")
        self.happened["permitted"] += bool(given)

    def pin(self, one: Person, column: str, by: str) -> None:
        self.now += timedelta(minutes=1)
        until = (self.now + timedelta(days=3)).date()
        pin(self.settings, one.key, column, by=by, reason="seen", until=until, now=self.now)
        self.happened["pinned"] += 1

    def forget(self, one: Person) -> None:
        """Who asks for it is erased on both sides, and by the auditor."""
        self.now += timedelta(minutes=1)
        forget(self.settings, one.key, now=self.now, dry=False)
        if self.profile(one) is not None:
            self.leave(one)
        one.row, one.erased = None, True
        self.happened["forgotten"] += 1

    def return_to_truth(self, one: Person) -> None:
        """Somebody loads an old list: who was erased is in the truth once more, with every permission."""
        one.row = {"id": one.key, "mail": mail(one.number), "city": "Gent", "modified_at": self.stamp(self.now)}
        for column in TRUTH_NAMES:
            self.truth_says(one, column, True, self.now)
        self.happened["erased and in the truth again"] += 1

    def rekey(self, pairs: Mapping[str, str]) -> None:
        path = self.folder / "map.csv"
        _write(path, ("old", "new"), [{"old": old, "new": new} for old, new in pairs.items()], ",")
        self.now += timedelta(minutes=1)
        rekey(self.settings, path, now=self.now, dry=False)
        self.happened["rekeyed"] += 1

    def import_file(self, path: Path) -> None:
        """Somebody imports a file that was made for them."""
        at = self.platform.start_import(
            STRUCTURE, path.read_bytes(), columns=(), key="customerId", mode=ImportMode.UPDATE_ONLY
        )
        for _ in range(self.platform.polls + 1):
            self.platform.execution(at)
        self.happened["files of others"] += 1

    def clock_back(self) -> None:
        """The machine's clock goes back two days, and whoever is at work then does nothing."""
        before, self.now = self.now, self.now - timedelta(days=2)
        try:
            with pytest.raises(AuditorError):
                plan(self.settings, now=self.now)
        finally:
            self.now = before
        self.happened["clock back"] += 1

    def refused(self, command: str, refusal: AuditorError) -> None:
        """A command does nothing, which is fine; it is told in the counts."""
        reason = re.sub(r"[\d/\"].*", "", str(refusal))[:60]
        self.happened[
            "the inbox waits" if " of decisions wait" in str(refusal) else f"{command} refused: {reason}"
        ] += 1

    # What must not be

    def _watch(self, profile_id: str, values: Mapping[str, str | None]) -> None:
        before = self.platform.profiles.get(profile_id, {})
        one = self.by_id.get(profile_id)
        if one is None:
            one = next(one for one in self.people if mail(one.number) == values["emailAddress"])
            one.profile_id, self.by_id[profile_id] = profile_id, one
            self._note(one, "is created")
            self.happened["created"] += 1
            if one.erased:
                self._broken(one, "there again", "after being erased")
        restored = self.restoring[1] if self.restoring and self.restoring[0] is one else None
        write = Write(before, self.platform.single, self.platform.given, self.now, restored)
        for column in TRUTH_NAMES:
            if column not in values:
                continue
            self._note(one, f"the auditor writes {column}={values[column]}")
            was, text = before.get(column), values[column]
            gives = on(column, text) and not on(column, was)
            if gives or (off(column, was) and not off(column, text)):
                wrong = unlawful(one, column, write)
                if wrong is not None:
                    self._broken(one, f"given {column}", wrong)
                self.happened["given back" if column == restored else "opt-in"] += 1
            if off(column, text) and not off(column, was):
                one.withdrawn(column, self.now)
                self.happened["opt-out"] += 1
            elif not off(column, text):
                one.given(column)
            one.decided.pop(column, None)

    def _broken(self, one: Person, what: str, why: str) -> None:
        story = "\n  ".join(one.story)
        raise BrokenLaw(f"person {one.number} ({one.key}, seed {self.seed}) was {what} {why}:\n  {story}")


def mail(number: int) -> str:
    return f"p{number}@example.com"


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str | None]], delimiter: str) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: row.get(name) or "" for name in columns} for row in rows)
    return write_whole(path, text.getvalue())


class _NoConnection:
    """Stands for one: the platform in memory needs none."""

    announced: Mapping[Any, Any] = {}

    def __enter__(self) -> _NoConnection:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def _unexplained(engine: DuckDB, cells: Any, columns: object, **_: object) -> Explained:
    """Every difference for a reason of no account."""
    told = cells.mutate(reason=ibis.literal("different"), cause=ibis.literal("none"))
    further = [
        name for name in cells.columns if name not in (*audit.DIFFERENCES, "platform_canonical", "truth_canonical")
    ]
    rows = told.select(*audit.DIFFERENCES, *further)
    return Explained(engine.define(rows, "differences"), engine.put(pl.DataFrame(schema=audit.CAUSES), "causes"), ())


def _unjudged(engine: DuckDB, *rest: Any) -> list[Validation]:
    """Nothing is invalid."""
    sides = [source.side for source in rest[5].sources]
    return [
        Validation(side, engine.put(pl.DataFrame(schema=audit.VIOLATIONS), "none"), (), (), (), 0) for side in sides
    ]


@contextmanager
def in_memory(world: World) -> Iterator[None]:
    """The commands ask the platform of this world, and leave out what bears on no permission and takes most of their
    time: the report; validation and the same persons, which only keep cells and people from being written; reasons,
    which only keep garbled texts from it. SQL that was made of an expression once is not made again.
    """
    compiled: dict[Any, str] = _COMPILED
    sql = DuckDB.sql

    def once(engine: DuckDB, expression: Any) -> str:
        node = expression.op()
        if node not in compiled:
            compiled[node] = sql(engine, expression)
        return compiled[node]

    with pytest.MonkeyPatch.context() as patched:
        for module in (run_inputs, applying):
            patched.setattr(module, "connect", lambda *_, **__: _NoConnection())
            patched.setattr(module, "Reader", lambda *_: world.platform)
            patched.setattr(module, "learned", lambda *_, **__: (USUAL, None))
        patched.setattr(actito_writer, "Writer", lambda *_: world.platform)
        patched.setattr(report, "render", lambda *_, **__: None)
        patched.setattr(pipeline, "preload", lambda: None)
        patched.setattr(pipeline, "_validate", _unjudged)
        patched.setattr(compared, "explain", _unexplained)
        patched.setattr(
            compared, "same_person", lambda engine, *_: engine.put(pl.DataFrame(schema=audit.SAME_PERSON), "none")
        )
        patched.setattr(DuckDB, "sql", once)
        patched.setattr(road, "CANARIES", 3)  # so that few people are enough for a file
        yield


_COMPILED: dict[Any, str] = {}
"""SQL by expression."""
