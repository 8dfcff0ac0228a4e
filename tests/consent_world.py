"""A table of people, each with a history of their own, and everything that happens to their permissions at random.

The commands are the real ones: runs, plans, decisions, applying, undoing, changes of keys. Only the platform is one in
memory. What each person has said, when and where, is noted beside it by whoever makes them say it, and every change of
a permission on the platform is held against that note: it knows nothing of how the auditor finds out.
"""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from auditor import report
from auditor.actito import Collection, ImportMode
from auditor.actito import writer as actito_writer
from auditor.actito.spelling import USUAL
from auditor.commands import apply as applying
from auditor.commands import run as pipeline
from auditor.commands import run_inputs
from auditor.commands.plan import corrective, plan
from auditor.commands.rekey import rekey
from auditor.commands.stored_plans import Planned
from auditor.commands.undo import undo
from auditor.errors import AuditorError
from auditor.files.whole import write_whole
from auditor.model import Attribute, AttributeType, Structure
from auditor.settings.config import Settings, read_settings
from auditor.state import run_folder
from tests.test_apply import Crash, Platform

BRUSSELS: Final = ZoneInfo("Europe/Brussels")
BEGIN: Final = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
NEWS, CONSENT, SILENT = "subscriptions#News", "marketingConsent", "doNotContact"
TRUTH_NAMES: Final = {NEWS: "news", CONSENT: "consent", SILENT: "silent"}
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
bulk_min_rows = 25
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


class BrokenLaw(AssertionError):
    """Somebody may be contacted who may not be."""


def on(column: str, text: str | None) -> bool:
    """Whether somebody may be contacted, as the platform reads the cell."""
    return (text or "").lower() == ("false" if column == SILENT else "true")


def off(column: str, text: str | None) -> bool:
    return (text or "").lower() == ("true" if column == SILENT else "false")


@dataclass
class Person:
    """Somebody, whatever keys they have had."""

    number: int
    key: str
    profile_id: str | None
    row: dict[str, str] | None
    """What the truth says of them; None: nothing."""
    since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """Side and column of what is off now → when they said so."""
    known: dict[str, datetime] = field(default_factory=dict)
    """Column → the last opt-out of theirs that some run has seen, when it was said."""
    decided: dict[str, set[str]] = field(default_factory=dict)
    """Column → who has decided for an opt-in of this person, which was not written yet."""
    story: list[str] = field(default_factory=list)


class Watched(Platform):
    """The platform in memory, which tells whoever watches of every permission that a client changes."""

    def __init__(self, watch: Callable[..., None], clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.watch, self.clock = watch, clock
        self.single = False
        self.given: Collection | None = None

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
        super()._import(execution_id, archive, key, mode)

    def _set(self, profile_id: str, values: Mapping[str, str | None]) -> None:
        self.watch(profile_id, values, self.single, self.given)
        super()._set(profile_id, values)


class World:
    """One working folder, its platform and its truth; every choice follows from the seed."""

    def __init__(self, folder: Path, people: int, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
        self.folder, self.seed, self.now = folder, seed, BEGIN
        for name in ("exports", "crm", "expectations/Customers"):
            (folder / name).mkdir(parents=True)
        (folder / "auditor.toml").write_text(SETTINGS)
        (folder / "key").write_text("none")
        (folder / "key").chmod(0o600)
        (folder / "expectations/Customers/contract.toml").write_text(CONTRACT)
        self.settings: Settings = read_settings(folder / "auditor.toml")
        self.platform = Watched(self._watch, lambda: self.now)
        self.by_id: dict[str, Person] = {}
        self.plans: list[Planned] = []
        self.files: list[tuple[Path, Planned]] = []
        self.renamed: dict[str, str] = {}
        self.happened: Counter[str] = Counter()
        self.people = [self._born(number) for number in range(people)]

    # What people and colleagues do

    def _born(self, number: int) -> Person:
        key = f"C{number}"
        here = self.chance.random() < 0.9
        one = Person(number, key, str(number + 1) if here else None, None)
        states = {column: self.chance.random() < 0.5 for column in TRUTH_NAMES}
        if here:
            values = {"customerId": key, "emailAddress": _mail(number), "city": "Gent"}
            values |= {column: self._text(column, state) for column, state in states.items()}
            self.platform.profiles[str(number + 1)] = {**values, "updateMoment": self._stamp(self.now)}
            self.by_id[str(number + 1)] = one
        one.row = {"id": key, "mail": _mail(number), "city": "Gent", "modified_at": self._stamp(self.now)}
        for column, state in states.items():
            self._truth_says(one, column, state, self.now - timedelta(days=self.chance.randrange(1, 40)))
            if not state and here:
                one.since["platform", column] = self.now
        return one

    @staticmethod
    def _text(column: str, permitted: bool) -> str:
        return str(permitted != (column == SILENT)).lower()

    @staticmethod
    def _stamp(moment: datetime) -> str:
        return moment.astimezone(BRUSSELS).strftime("%Y-%m-%d %H:%M:%S")

    def _truth_says(self, one: Person, column: str, permitted: bool, evidence: datetime | None) -> None:
        assert one.row is not None
        name = TRUTH_NAMES[column]
        one.row[name] = "yes" if self._text(column, permitted) == "true" else "no"
        one.row[f"{name}_at"] = self._stamp(evidence) if evidence else ""
        one.row[f"{name}_from"] = "shop" if evidence else ""
        one.row["modified_at"] = self._stamp(self.now)
        if permitted:
            one.since.pop(("truth", column), None)
        else:
            one.since.setdefault(("truth", column), self.now)

    def live(self) -> None:
        """Something happens to most people."""
        for one in self.people:
            for _ in range(self.chance.randrange(3)):
                self.now += timedelta(seconds=self.chance.randrange(3))
                said = ("said here", "said here", "said there", "said there", "said there")
                what = self.chance.choice((*said, "edit", "renamed", "exchanged", "gone", "back"))
                getattr(self, f"_{what.replace(' ', '_')}")(one)

    def _said_here(self, one: Person) -> None:
        """On the platform: by the person, or a marketer for them."""
        profile = self.platform.profiles.get(one.profile_id or "")
        if profile is None:
            return
        column, permitted = self.chance.choice(list(TRUTH_NAMES)), self.chance.random() < 0.4
        profile[column] = self._text(column, permitted) if self.chance.random() < 0.95 else None
        profile["updateMoment"] = self._stamp(self.now)
        if off(column, profile[column]):
            one.since.setdefault(("platform", column), self.now)
        else:
            one.since.pop(("platform", column), None)
        self._note(one, f"platform says {column}={profile[column]}")

    def _said_there(self, one: Person) -> None:
        """In the truth: with evidence of now, of earlier, or none."""
        if one.row is None:
            return
        column, permitted = self.chance.choice(list(TRUTH_NAMES)), self.chance.random() < 0.7
        ago = self.chance.choice((None, 0, 0, 1, 5, 30, 24 * 40))
        evidence = None if ago is None else self.now - timedelta(hours=ago)
        self._truth_says(one, column, permitted, evidence)
        self._note(one, f"truth says {column}={permitted}, evidence {evidence}")

    def _edit(self, one: Person) -> None:
        city = self.chance.choice(("Gent", "Ghent", "Brugge"))
        profile = self.platform.profiles.get(one.profile_id or "")
        if profile is not None and self.chance.random() < 0.5:
            profile |= {"city": city, "updateMoment": self._stamp(self.now)}
        elif one.row is not None:
            one.row |= {"city": city, "modified_at": self._stamp(self.now)}

    def _renamed(self, one: Person) -> None:
        """Another key on both sides; a few at a time, as in life."""
        profile = self.platform.profiles.get(one.profile_id or "")
        if self.chance.random() < 0.07 and profile is not None and one.row is not None:
            new = f"X{len(self.renamed)}-{one.number}"
            self.renamed[one.key] = new
            one.key = profile["customerId"] = one.row["id"] = new
            self._note(one, f"is {new} now")

    def _exchanged(self, one: Person) -> None:
        """The keys of two people change hands, on both sides: rather where a decision on one of them still stands, and
        the other, of whom nobody has decided anything, says yes under the key that was theirs.
        """
        waiting = [column for column in TRUTH_NAMES if one.decided.get(column)]
        if self.chance.random() < (0.3 if waiting else 0.9):
            return
        column = self.chance.choice(waiting or list(TRUTH_NAMES))
        here = self.platform.profiles.get(one.profile_id or "")
        for other in self.chance.sample(self.people, 20):
            there = self.platform.profiles.get(other.profile_id or "")
            if other is one or here is None or there is None or one.row is None or other.row is None:
                continue
            if waiting and (other.decided.get(column) or here[column] != there[column]):
                continue
            for who, key, of in ((one, other.key, here), (other, one.key, there)):
                who.key = of["customerId"] = key
                assert who.row is not None
                who.row["id"] = key
                self._note(who, f"is {key} now: keys were exchanged")
            self._truth_says(other, column, self.chance.random() < 0.8, self.now)
            self._note(other, f"truth says {column}={other.row[TRUTH_NAMES[column]]}, evidence of now")
            self.happened["exchanged"] += 1
            return

    def _gone(self, one: Person) -> None:
        if self.chance.random() < 0.05 and one.profile_id in self.platform.profiles:
            del self.platform.profiles[one.profile_id]
            del self.by_id[one.profile_id]
            one.profile_id = None
            for column in TRUTH_NAMES:
                one.since.pop(("platform", column), None)
            self._note(one, "is gone from the platform")

    def _back(self, one: Person) -> None:
        """A colleague makes a new profile for somebody who is gone, with another key, as the truth does."""
        if self.chance.random() < 0.5 and one.profile_id is None and one.row is not None:
            self.make_again(one)

    def make_again(self, one: Person) -> None:
        """With nothing of before but the address, and nothing said of permissions, or no."""
        assert one.row is not None
        self.happened["made again"] += 1
        one.profile_id, one.key = str(50_000 + self.happened["made again"]), f"A{self.happened['made again']}"
        one.row["id"] = one.key
        values = {"customerId": one.key, "emailAddress": _mail(one.number), "city": "Gent"}
        for column in TRUTH_NAMES:
            values[column] = self._text(column, permitted=False) if self.chance.random() < 0.3 else ""
            if values[column]:
                one.since["platform", column] = self.now
        self.platform.profiles[one.profile_id] = {**values, "updateMoment": self._stamp(self.now)}
        self.by_id[one.profile_id] = one
        self._note(one, f"is there again, as {one.key}")

    def _note(self, one: Person, what: str) -> None:
        one.story.append(f"{self.now:%m-%d %H:%M:%S} {what}")

    # What the auditor does

    def run(self) -> None:
        self.now += timedelta(minutes=5)
        shown = self.now.astimezone(BRUSSELS)
        name = f"Customers_{shown:%Y%m%dT%H%M%S}.csv"
        columns = ("profileId", "customerId", "emailAddress", "city", CONSENT, SILENT, NEWS, "updateMoment")
        here = [{"profileId": number, **values} for number, values in self.platform.profiles.items()]
        there = [one.row for one in self.people if one.row is not None]
        _write(self.folder / "exports" / name, columns, here, ";")
        _write(self.folder / "crm" / name.replace("Customers", "crm"), TRUTH_COLUMNS, there, ",")
        seen = {(one.number, column): at for one in self.people for (_, column), at in sorted(one.since.items())}
        for one in self.people:
            for (_, column), at in one.since.items():
                seen[one.number, column] = max(at, seen[one.number, column])
        if self.chance.random() < 0.5:
            self.now += timedelta(minutes=self.chance.randrange(90))
        pipeline.run(self.settings, pipeline.Request(), now=self.now, tell=lambda _: None)
        for one in self.people:
            for column in TRUTH_NAMES:
                if (one.number, column) in seen:
                    one.known[column] = max(seen[one.number, column], one.known.get(column, BEGIN))
        self.happened["run"] += 1

    def plan(self) -> None:
        """With decisions of three people on what differs: for the truth, mostly."""
        folder = max(path for path in (self.folder / "runs").iterdir() if not path.name.startswith("."))
        decisions = None
        if self.chance.random() < 0.8:
            decisions = self._decide(folder)
        self.now += timedelta(minutes=1)
        for_others = self.chance.random() < 0.2
        made = plan(
            self.settings,
            now=self.now,
            decisions=decisions,
            route=self.chance.choice((None, "single", "bulk")),
            for_others=for_others,
        )
        for one in made:
            self.happened["plan"] += 1
            self.plans.append(one)
            if for_others and one.plan.purpose == "correct":
                for path in corrective(one.plan, STRUCTURE, self.folder / f"files{len(self.files)}"):
                    if path.suffix == ".zip":
                        self.files.append((path, one))

    def _decide(self, folder: Path) -> Path | None:
        rows = run_folder.read_rows(folder, "differences").select("key", "column", "platform", "truth").rows()
        rows += self._missing(folder)
        by = self.chance.choice(("Mia", "Bea", "Cas"))
        chosen = [row for row in sorted(rows, key=str) if self.chance.random() < 0.4]
        lines = [
            {
                "key": key,
                "column": column,
                "platform": here,
                "truth": there,
                "choice": self.chance.choice(("truth", "truth", "truth", "platform", "ignore")),
            }
            for key, column, here, there in chosen
        ]
        keys = dict(run_folder.read_rows(folder, "profiles").select("key", "profile_id").iter_rows())
        for line in lines:
            one = self.by_id.get(keys.get(line["key"]) or "") or next(
                (one for one in self.people if one.key == line["key"]), None
            )
            if one is not None and line["column"] in TRUTH_NAMES:
                named = one.decided.setdefault(line["column"], set())
                named.add(by) if line["choice"] == "truth" else named.discard(by)
                self._note(one, f"{by} decides {line['column']}: {line['choice']}")
        path = self.folder / "decisions.json"
        path.write_text(
            json.dumps({"format": 1, "run": folder.name, "table": "Customers", "by": by, "decisions": lines})
        )
        return path if lines else None

    def _missing(self, folder: Path) -> list[tuple[str, str, None, str]]:
        profiles = run_folder.read_rows(folder, "profiles")
        missing = set(profiles.filter(profiles["status"] == "missing")["key"])
        return [
            (one.key, column, None, "false" if column == SILENT else "true")
            for one in self.people
            if one.key in missing and one.row is not None
            for column, name in TRUTH_NAMES.items()
            if on(column, "true" if one.row[name] == "yes" else "false")
        ]

    def apply(self, newest: bool = False) -> None:
        """One of the last plans, perhaps an older one; perhaps the process dies, and somebody goes on or does not."""
        if not self.plans:
            return
        chosen = self.plans[-1] if newest else self.chance.choice(self.plans[-4:])
        self.now += timedelta(minutes=self.chance.randrange(1, 30))
        platform = self.platform
        if self.chance.random() < 0.3:
            platform.crash_at = platform.points + self.chance.randrange(400)
        try:
            applying.apply(
                self.settings,
                chosen.path,
                confirmed=dict(chosen.plan.counts),
                clock=lambda: self.now,
                older=self.chance.random() < 0.5,
                sleep=self._sleep,
            )
            self.happened["applied"] += 1
        except Crash:
            self.happened["killed"] += 1
        finally:
            platform.crash_at = None

    def newest(self) -> None:
        """What corrects, of the plans that were made last."""
        for one in self.plans[-2:]:
            if one.plan.purpose == "correct":
                self.plans.append(one)
                self.apply(newest=True)
                return

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def undo(self) -> None:
        if self.plans:
            self.now += timedelta(minutes=61)
            back = undo(
                self.settings,
                self.chance.choice(self.plans[-4:]).path,
                now=self.now,
                delete_created=self.chance.random() < 0.3,
            )
            self.plans.append(back)
            self.happened["undone"] += 1

    def rekey(self) -> None:
        pairs = {old: new for old, new in self.renamed.items() if self.chance.random() < 0.6}
        if pairs:
            path = self.folder / "map.csv"
            _write(path, ("old", "new"), [{"old": old, "new": new} for old, new in pairs.items()], ",")
            self.now += timedelta(minutes=1)
            rekey(self.settings, path, now=self.now, dry=False)
            self.happened["rekeyed"] += 1

    def others(self) -> None:
        """Somebody imports a file that was made for them, whenever they find the time."""
        if self.files:
            path, _ = self.files.pop(self.chance.randrange(len(self.files)))
            at = self.platform.start_import(
                STRUCTURE, path.read_bytes(), columns=(), key="customerId", mode=ImportMode.UPDATE_ONLY
            )
            for _ in range(self.platform.polls + 1):
                self.platform.execution(at)
            self.happened["files of others"] += 1

    def clock(self) -> None:
        """The machine's clock goes back two days, and whoever is at work then does nothing."""
        before, self.now = self.now, self.now - timedelta(days=2)
        try:
            with pytest.raises(AuditorError):
                plan(self.settings, now=self.now)
        finally:
            self.now = before
        self.happened["clock back"] += 1

    def tries(self, what: str) -> None:
        """One command; that it refuses is fine, and told in the counts."""
        try:
            getattr(self, what)()
        except AuditorError as refusal:
            self.happened[f"{what} refused: {str(refusal)[:60]}"] += 1

    # What must not be

    def _watch(self, profile_id: str, values: Mapping[str, str | None], single: bool, given: Collection | None) -> None:
        before = self.platform.profiles.get(profile_id, {})
        one = self.by_id.get(profile_id)
        if one is None:
            one = next(one for one in self.people if one.key == values["customerId"])
            one.profile_id, self.by_id[profile_id] = profile_id, one
            self._note(one, "is created")
        for column in TRUTH_NAMES:
            if column not in values:
                continue
            self._note(one, f"the auditor writes {column}={values[column]}")
            if on(column, values[column]) and not on(column, before.get(column)):
                self._judge(
                    one, column, single, given, withheld=column != CONSENT and off(CONSENT, before.get(CONSENT))
                )
                one.since.pop(("platform", column), None)
                one.decided.pop(column, None)
                self.happened["opt-in"] += 1
            elif off(column, values[column]) and not off(column, before.get(column)):
                one.since["platform", column] = one.known[column] = self.now
                self.happened["opt-out"] += 1

    def _judge(self, one: Person, column: str, single: bool, given: Collection | None, *, withheld: bool) -> None:
        wrong = None
        if not single:
            wrong = "by a file or a creation"
        elif given is None:
            wrong = "without evidence"
        elif withheld:
            wrong = "while the general consent was off"
        elif not one.decided.get(column):
            wrong = "and nobody has decided so of this person"
        else:
            told = datetime.strptime(given.moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRUSSELS)
            last = one.known.get(column)
            if last is not None and told <= last.replace(microsecond=0):
                wrong = f"on evidence of {told.astimezone(UTC)}, and a run has seen an opt-out of {last}"
        if wrong is not None:
            story = "\n  ".join(one.story)
            who = f"person {one.number} ({one.key}, seed {self.seed})"
            raise BrokenLaw(f"{column} of {who} was given {wrong}:\n  {story}")


def _mail(number: int) -> str:
    return f"p{number}@example.com"


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str | None]], delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: row.get(name) or "" for name in columns} for row in rows)
    write_whole(path, text.getvalue())


class _NoConnection:
    """Stands for one: the platform in memory needs none."""

    announced: Mapping[Any, Any] = {}

    def __enter__(self) -> _NoConnection:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@contextmanager
def in_memory(world: World) -> Any:
    """The commands ask the platform of this world."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (run_inputs, applying):
            patched.setattr(module, "connect", lambda *_, **__: _NoConnection())
            patched.setattr(module, "Reader", lambda *_: world.platform)
            patched.setattr(module, "learned", lambda *_, **__: (USUAL, None))
        patched.setattr(actito_writer, "Writer", lambda *_: world.platform)
        # What a run says of findings beside the permissions bears on none, and takes most of its time.
        patched.setattr(report, "render", lambda *_, **__: None)
        yield


def live_through(folder: Path, people: int, steps: int, seed: int) -> Counter[str]:
    """A world lives so long; gives how often each thing happened in it."""
    world = World(folder, people, seed)
    with in_memory(world):
        world.run()
        for _ in range(steps):
            world.now += timedelta(hours=world.chance.choice((1, 5, 30)))
            world.live()
            for _ in range(world.chance.randrange(1, 4)):
                what = world.chance.choice(("run", "apply", "apply", "undo", "rekey", "others", "clock", "plan"))
                world.tries(what)
            for what in ("run", "plan", "newest", "apply"):
                world.tries(what)
    return world.happened
