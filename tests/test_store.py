"""What is carried from run to run: agreed values, who was ever there, and a folder that survives anything."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.model import Status
from auditor.settings.contract import Column, Compare
from auditor.state.agreed import Store
from tests.audits import in_words
from tests.small_runs import CONTRACT, Row, Runs

DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A table after one run; to be copied, not to be changed."""
    runs = Runs(tmp_path_factory.mktemp("once"))
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    return runs


def row(city: str | None, key: str = "k", **more: str | None) -> Row:
    return {"id": key, "city": city, "note": "n", **more}


def agreed(runs: Runs, column: str = "city") -> dict[str, str | None]:
    """The stored marks of a column, by anchor: what the next run will take for agreed."""
    state = json.loads((runs.state / "state.json").read_text(encoding="utf-8"))
    frame = pl.read_parquet(runs.state / state["base"]["file"])
    return dict(frame.select("auditor:anchor", column).iter_rows())


# --- agreed values ---


def test_the_first_run_knows_no_direction_and_the_second_does(runs: Runs) -> None:
    first = runs.run([row("Gent"), row("x", "other")], [row("Luik"), row("x", "other")], "r1", MONDAY)
    assert first.moved == {("k", "city"): "unknown"}
    second = runs.run([row("Gent"), row("x", "other")], [row("Luik"), row("y", "other")], "r2", MONDAY + DAY)
    assert second.moved == {("k", "city"): "unknown", ("other", "city"): "truth"}


def test_agreement_moves_the_agreed_value_and_disagreement_does_not(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    assert agreed(runs) == {"k": "vGent"}
    seen = runs.run([row("Gent")], [row("Luik")], "r2", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "truth"}
    assert agreed(runs) == {"k": "vGent"}
    seen = runs.run([row("Brugge")], [row("Luik")], "r3", MONDAY + 2 * DAY)
    assert seen.moved == {("k", "city"): "both"}
    runs.run([row("Luik")], [row("Luik")], "r4", MONDAY + 3 * DAY)
    assert agreed(runs) == {"k": "vLuik"}
    seen = runs.run([row("Gent")], [row("Luik")], "r5", MONDAY + 4 * DAY)
    assert seen.moved == {("k", "city"): "platform"}


def test_to_agree_on_empty_is_to_agree(runs: Runs) -> None:
    runs.run([row(None)], [row(" ")], "r1", MONDAY)
    assert agreed(runs) == {"k": "n"}
    assert runs.run([row(None)], [row("Gent")], "r2", MONDAY + DAY).moved == {("k", "city"): "truth"}


def test_the_agreed_value_is_canonical(runs: Runs) -> None:
    """Blanks that the rule ignores are no movement later on."""
    runs.run([row(" Sint  Niklaas ")], [row("Sint Niklaas")], "r1", MONDAY)
    assert agreed(runs) == {"k": "vSint Niklaas"}
    assert runs.run([row("Sint\tNiklaas")], [row("Gent")], "r2", MONDAY + DAY).moved == {("k", "city"): "truth"}


def test_one_cell_that_differs_does_not_keep_the_others_from_being_agreed(runs: Runs) -> None:
    runs.run([row("Gent", note="a")], [row("Luik", note="a")], "r1", MONDAY)
    assert (agreed(runs), agreed(runs, "note")) == ({"k": None}, {"k": "va"})


def test_a_tolerated_distance_is_no_movement(runs: Runs) -> None:
    """10 and 10.5 agree; when the platform goes to 12, the truth has not moved, though it is not what was agreed."""
    from decimal import Decimal

    points = Column("city", "city", "city", Compare.NUMBER, tolerance=Decimal(1))
    near = runs.with_contract(replace(CONTRACT, columns=(CONTRACT.columns[0], points)))
    near.run([row("10")], [row("10.5")], "r1", MONDAY)
    assert near.run([row("12")], [row("10.5")], "r2", MONDAY + DAY).moved == {("k", "city"): "platform"}


def test_who_is_absent_for_a_while_keeps_the_agreed_value(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    runs.run([], [row("Gent")], "r2", MONDAY + DAY)
    runs.run([row("Gent")], [], "r3", MONDAY + 2 * DAY)
    assert agreed(runs) == {"k": "vGent"}


def test_a_key_set_apart_neither_uses_nor_changes_it(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    twice = runs.run([row("Luik"), row("Luik")], [row("Luik")], "r2", MONDAY + DAY)
    assert twice.diff.profiles[Status.DUPLICATE] == 1
    outside = runs.with_contract(replace(CONTRACT, population_truth="city <> 'Luik'"))
    outside.run([row("Luik")], [row("Luik")], "r3", MONDAY + 2 * DAY)
    assert agreed(runs) == {"k": "vGent"}


def test_what_we_wrote_after_the_export_teaches_nothing(runs: Runs) -> None:
    """Both sides show Gent, but we wrote Luik meanwhile: agreement on Gent would be a thing of the past."""
    runs.run([row("Brugge", note="a")], [row("Brugge", note="a")], "r1", MONDAY)
    runs.run(
        [row("Gent", note="b")], [row("Gent", note="b")], "r2", MONDAY + DAY, sent={("k", "city"), ("other", None)}
    )
    assert (agreed(runs), agreed(runs, "note")) == ({"k": "vBrugge"}, {"k": "vb"})
    fresh = Runs(runs.folder / "fresh")
    fresh.folder.mkdir()
    fresh.run(
        [row("Gent"), row("x", "l")], [row("Gent"), row("y", "l")], "r1", MONDAY, sent={("k", "city"), ("l", "city")}
    )
    assert agreed(fresh) == {"k": None, "l": None}


def test_a_changed_rule_drops_the_column_and_no_other(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    exact = replace(CONTRACT, columns=(CONTRACT.columns[0], Column("city", "city", "city"), *CONTRACT.columns[2:]))
    seen = runs.with_contract(exact).run([row("Gent")], [row("Luik", note="m")], "r2", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "unknown", ("k", "note"): "truth"}
    again = runs.run([row("Gent")], [row("Luik")], "r3", MONDAY + 2 * DAY)
    assert again.moved == {("k", "city"): "unknown"}


def test_another_time_zone_drops_moments_and_nothing_else(runs: Runs) -> None:
    """A moment was agreed on as it stands in the zone: in another one, both sides would seem to have moved."""
    columns = (*CONTRACT.columns[:2], Column("seen", "seen", "seen", Compare.TIMESTAMP))
    brussels = runs.with_contract(replace(CONTRACT, columns=columns))
    at = {"seen": "2026-01-05T09:00:00Z"}
    brussels.run([row("Gent", **at)], [row("Gent", **at)], "r1", MONDAY)
    utc = runs.with_contract(replace(brussels.contract, timezone=ZoneInfo("UTC")))
    later = {"seen": "2026-01-06T09:00:00Z"}
    seen = utc.run([row("Gent", **at)], [row("Luik", **later)], "r2", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "truth", ("k", "seen"): "unknown"}


def test_a_column_more_or_less_leaves_the_others_alone(runs: Runs) -> None:
    without = replace(CONTRACT, columns=tuple(column for column in CONTRACT.columns if column.name != "note"))
    runs.with_contract(without).run([row("Gent")], [row("Gent")], "r1", MONDAY)
    seen = runs.run([row("Gent")], [row("Luik", note="m")], "r2", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "truth", ("k", "note"): "unknown"}


def test_an_older_export_teaches_nothing(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    runs.run([row("Luik"), row("x", "old")], [row("Luik"), row("x", "old")], "r2", MONDAY - DAY)
    assert agreed(runs) == {"k": "vGent"}
    seen = runs.run([row("Gent")], [row("Luik"), row("x", "old")], "r3", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "truth"}
    assert seen.memory.run == "r1"
    assert seen.gone == set()


def test_the_profile_number_outlives_a_changed_key(tmp_path: Path) -> None:
    """And a number on two rows ties no one to anything."""
    runs = Runs(tmp_path, profile_ids=True)
    runs.run([row("Gent", profileId="7")], [row("Gent")], "r1", MONDAY)
    assert agreed(runs) == {"7": "vGent"}
    renamed = [row("Gent", "new", profileId="7")]
    assert runs.run(renamed, [row("Luik", "new")], "r2", MONDAY + DAY).moved == {("new", "city"): "truth"}
    runs.run(
        [*renamed, row("Aalst", "two", profileId="7")],
        [row("Gent", "new"), row("Aalst", "two")],
        "r3",
        MONDAY + 2 * DAY,
    )
    assert agreed(runs) == {}


def test_a_table_made_anew_has_no_base_but_remembers_who_was_there(tmp_path: Path) -> None:
    """Its profiles have the numbers that others had before: their agreed values would be taken for ours."""
    old = Runs(tmp_path, profile_ids=True, number="16")
    old.run([row("Gent", profileId="1"), row("Gent", "b", profileId="2")], [row("Gent")], "r1", MONDAY)
    new = replace(old, number="17")
    first = new.run([row("Gent", profileId="1")], [row("Luik"), row("Gent", "b")], "r2", MONDAY + DAY)
    assert first.moved == {("k", "city"): "unknown"}
    assert first.gone == {"b"}, "somebody deleted them once, perhaps for good reasons"
    assert ["made anew" in in_words(warning) for warning in first.memory.warnings] == [True]
    new.run([row("Gent", profileId="1")], [row("Gent")], "r3", MONDAY + 2 * DAY)
    settled = new.run([row("Gent", profileId="1")], [row("Luik")], "r4", MONDAY + 3 * DAY)
    assert (settled.moved, settled.memory.warnings) == ({("k", "city"): "truth"}, ())


@pytest.mark.parametrize("numbers", [(None, "16", "16"), ("16", None, "16"), ("16", None, None)])
def test_a_number_that_is_not_known_is_no_other_number(tmp_path: Path, numbers: tuple[str | None, ...]) -> None:
    """The older API names a table without its number."""
    runs = Runs(tmp_path)
    for day, number in enumerate(numbers):
        seen = replace(runs, number=number).run([row("Gent")], [row("Gent")], f"r{day}", MONDAY + day * DAY)
        assert seen.memory.warnings == ()
    after = replace(runs, number="16").run([row("Gent")], [row("Luik")], "r9", MONDAY + 9 * DAY)
    assert after.moved == {("k", "city"): "truth"}


def test_an_empty_profile_number_is_none(tmp_path: Path) -> None:
    runs = Runs(tmp_path, profile_ids=True)
    both = [row("Gent", "a"), row("Luik", "b")]
    runs.run([{**one, "profileId": ""} for one in both], both, "r1", MONDAY)
    assert agreed(runs) == {"a": "vGent", "b": "vLuik"}


# --- who was ever there ---


def test_who_was_on_the_platform_once_is_gone_when_only_the_truth_has_them(runs: Runs) -> None:
    everybody = [row("Gent", "a"), row("Gent", "b")]
    assert runs.run([row("Gent", "a")], everybody, "r1", MONDAY).gone == set()
    assert runs.run([], everybody, "r2", MONDAY + DAY).gone == {"a"}
    assert runs.run([], everybody, "r3", MONDAY + 2 * DAY).gone == {"a"}
    assert runs.run(everybody, everybody, "r4", MONDAY + 3 * DAY).gone == set()
    assert runs.run([], everybody, "r5", MONDAY + 4 * DAY).gone == {"a", "b"}


def test_who_was_set_apart_or_out_of_the_population_was_there_too(runs: Runs) -> None:
    outside = runs.with_contract(replace(CONTRACT, population_platform="city <> 'Luik'"))
    outside.run([row("Luik", "a"), row("Gent", "b"), row("Gent", "b")], [], "r1", MONDAY)
    assert runs.run([], [row("Gent", "a"), row("Gent", "b")], "r2", MONDAY + DAY).gone == {"a", "b"}


# --- the folder ---


def test_only_the_owner_can_read_it_and_nothing_piles_up(runs: Runs) -> None:
    for number in range(3):
        runs.run([row("Gent")], [row("Gent")], f"r{number}", MONDAY + number * DAY)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in runs.state.iterdir()}
    assert set(files) == {"state.json", "base-r2.parquet", "seen-r2.parquet"}
    assert stat.S_IMODE(runs.state.stat().st_mode) == 0o700
    assert {mode for name, mode in files.items() if name.endswith("parquet")} == {0o600}


def _state(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "state.json"
        state = json.loads(path.read_text(encoding="utf-8"))
        changed = change(state)
        path.write_text(json.dumps(state if changed is None else changed), encoding="utf-8")

    return damage


def _text(text: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "state.json").write_bytes(text)

    return damage


def _cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:-20])

    return damage


def _flipped(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _text(b""),
        _text(b"{"),
        _text(b"\xff\xfe"),
        _text(b"[]"),
        _text(b'"text"'),
        _text(b"null"),
        _state(lambda state: state.update(entity="other")),
        _state(lambda state: state.update(table="Others")),
        _state(lambda state: state.update(format=99)),
        _state(lambda state: state.pop("format") and None),
        _state(lambda state: state.update(base="base-r1.parquet")),
        _state(lambda state: state.update(base={"file": "base-r1.parquet"})),
        _state(lambda state: state.update(base={"file": "../../secret", "sha256": "0"})),
        _state(lambda state: state.update(as_of="yesterday")),
        _state(lambda state: state.update(columns=[1])),
        _state(lambda state: state.update(permissions=3)),
        _cut("base-r1.parquet"),
        _flipped("base-r1.parquet"),
        lambda folder: (folder / "base-r1.parquet").unlink(),
    ],
)
def test_a_damaged_or_foreign_folder_is_left_aside_with_a_warning(
    once: Runs, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """The run works and says so; directions are unknown this once."""
    shutil.copytree(once.folder, tmp_path / "copy")
    runs = replace(once, folder=tmp_path / "copy")
    damage(runs.state)
    seen = runs.run([row("Gent")], [row("Luik")], "r2", MONDAY + DAY)
    assert len(seen.memory.warnings) == 1
    assert seen.moved == {("k", "city"): "unknown"}


def test_after_damage_directions_are_known_again(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    _text(b"{")(runs.state)
    runs.run([row("Gent")], [row("Gent")], "r2", MONDAY + DAY)
    healed = runs.run([row("Gent")], [row("Luik")], "r3", MONDAY + 2 * DAY)
    assert (healed.memory.warnings, healed.moved) == ((), {("k", "city"): "truth"})


def test_a_damaged_list_of_people_seen_costs_only_that_list(runs: Runs) -> None:
    runs.run([row("Gent"), row("x", "a")], [row("Gent")], "r1", MONDAY)
    _cut("seen-r1.parquet")(runs.state)
    seen = runs.run([row("Gent")], [row("Luik"), row("x", "a")], "r2", MONDAY + DAY)
    [warning] = map(in_words, seen.memory.warnings)
    assert warning.startswith("seen-r1.parquet")
    assert "who was deleted since" in warning, "what is not known for that is said"
    assert (seen.moved, seen.gone) == ({("k", "city"): "truth"}, set())
    again = runs.run([row("Gent")], [row("Luik"), row("x", "a")], "r3", MONDAY + 2 * DAY)
    assert list(map(in_words, again.memory.warnings)) == [warning], "until the list is back, nobody knows who was there"


def test_a_run_that_is_not_completed_changes_nothing(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    before = {path.name: path.read_bytes() for path in runs.state.iterdir()}
    runs.run([row("Luik")], [row("Luik")], "r2", MONDAY + DAY, save=False)
    assert {path.name: path.read_bytes() for path in runs.state.iterdir()} == before


@pytest.mark.parametrize(
    "blocked", ["base-r2.parquet", "seen-r2.parquet", "permissions-r2.parquet", "state.json.partial"]
)
def test_a_crash_between_two_files_changes_nothing(runs: Runs, blocked: str) -> None:
    """The disk refuses one of the files, after those before it were written; the next run goes on as if nothing was."""
    opted = {"subscriptions#News": "true"}
    runs.run([row("Gent", **opted)], [row("Gent")], "r1", MONDAY)
    before = {path.name: path.read_bytes() for path in runs.state.iterdir()}
    (runs.state / blocked).mkdir()  # a folder in its way is what no file can replace
    (runs.state / blocked / "full").touch()
    with pytest.raises(OSError, match=blocked.removesuffix(".partial")):
        runs.run([row("Luik")], [row("Luik")], "r2", MONDAY + DAY)
    (runs.state / blocked / "full").unlink()
    (runs.state / blocked).rmdir()
    assert {path.name: path.read_bytes() for path in runs.state.iterdir()}.items() >= before.items()
    seen = runs.run([row("Gent", **opted)], [row("Luik")], "r3", MONDAY + 2 * DAY)
    assert (seen.memory.run, seen.memory.warnings, seen.moved) == ("r1", (), {("k", "city"): "truth"})


def test_leftovers_of_a_killed_run_go_with_the_next(runs: Runs) -> None:
    runs.run([row("Gent")], [row("Gent")], "r1", MONDAY)
    (runs.state / "base-dead.parquet").write_bytes(b"half a fi")
    (runs.state / "state.json.partial").write_bytes(b"{")
    seen = runs.run([row("Gent")], [row("Luik")], "r2", MONDAY + DAY)
    assert seen.moved == {("k", "city"): "truth"}
    assert {path.name for path in runs.state.iterdir()} == {"state.json", "base-r2.parquet", "seen-r2.parquet"}


def test_an_empty_folder_is_a_first_run(tmp_path: Path) -> None:
    with closing(DuckDB(temp=tmp_path)) as engine:
        memory = Store(tmp_path / "state", "acme", "Customers").load(engine, CONTRACT)
    assert (memory.base, memory.seen, memory.run, memory.as_of, memory.warnings) == (None, None, None, None, ())
