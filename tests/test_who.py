"""A person is somebody: by name and address in the worklist, and nowhere else; found by the address."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from auditor import report
from auditor.commands.show import tell
from auditor.errors import SettingsError
from auditor.settings.config import Settings, read_settings
from tests import given_time
from tests.audits import audit_of, difference, needed
from tests.small_folder import made
from tests.test_report import rows_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audited folder, in which nothing is changed."""
    return made(tmp_path_factory).audited


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    return max(path for path in (folder / "runs").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def people(run: Path) -> pl.DataFrame:
    """`key`, `email` in small letters, and how a side names somebody, as both snapshots say it."""
    platform = pl.read_parquet(run / "platform.parquet").select(
        side=pl.lit("platform"), key="customerId", email="emailAddress", phone="gsmNumber", last="lastName"
    )
    truth = pl.read_parquet(run / "truth.parquet").select(
        side=pl.lit("truth"), key="contact_id", email="email", phone="mobile", last="last_name"
    )
    return pl.concat([platform, truth]).drop_nulls(["key", "email"])


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return read_settings(folder / "auditor.toml")


def test_a_profile_is_found_by_its_address_however_that_is_spelt(settings: Settings, people: pl.DataFrame) -> None:
    keys = people.group_by(address=pl.col("email").str.strip_chars().str.to_lowercase()).agg(pl.col("key").unique())
    alone = keys.filter(pl.col("key").list.len() == 1).sort("address").row(0, named=True)
    for typed in (alone["address"], f" {alone['address'].upper()} "):
        assert tell(settings, typed, now=given_time.now(), by_contact=True).key == alone["key"][0]
    with pytest.raises(SettingsError, match="no profile has the key"):
        tell(settings, alone["address"], now=given_time.now())
    with pytest.raises(SettingsError, match="no profile has the key"):
        tell(settings, "nobody@example.invalid", now=given_time.now(), by_contact=True)


def test_a_profile_is_found_by_its_number(settings: Settings, people: pl.DataFrame) -> None:
    numbers = people.filter(pl.col("phone").str.contains(r"^\+32\d{9}$")).group_by("phone").agg(pl.col("key").unique())
    alone = numbers.filter(pl.col("key").list.len() == 1).sort("phone").row(0, named=True)
    for typed in (alone["phone"], f"0{alone['phone'][3:6]} {alone['phone'][6:]}"):
        assert tell(settings, typed, now=given_time.now(), by_contact=True).key == alone["key"][0]


def test_an_address_of_several_profiles_names_them(folder: Path, people: pl.DataFrame, tmp_path: Path) -> None:
    """Somebody else has it in the truth: both are named, and neither is shown."""
    copied = tmp_path / "folder"
    shutil.copytree(folder, copied)
    run = max(path for path in (copied / "runs").iterdir() if path.is_dir())
    truth = pl.read_parquet(run / "truth.parquet")
    first, other = people.filter(side="truth").unique("key").sort("key").head(2).iter_rows(named=True)
    shared = pl.when(pl.col("contact_id") == other["key"]).then(pl.lit(first["email"].upper())).otherwise("email")
    truth.with_columns(email=shared).write_parquet(run / "truth.parquet")
    with pytest.raises(SettingsError, match="2 profiles have that address") as told:
        tell(read_settings(copied / "auditor.toml"), first["email"], now=given_time.now(), by_contact=True)
    assert told.value.hint == f"name one of them: {first['key']}, {other['key']}"


def test_the_worklist_says_who_people_are_on_the_side_that_knows_them(run: Path, people: pl.DataFrame) -> None:
    rows = rows_of((run / "worklist.html").read_text("utf-8"))
    known = {(side, key): (last, email) for side, key, email, _, last in people.iter_rows()}
    looked = 0
    for status, side, other in (("missing", "truth", "platform"), ("orphan", "platform", "truth")):
        for row in (row for row in rows["profiles"] if row["status"] == status and (side, row["key"]) in known):
            last, email = known[side, row["key"]]
            told = row[f"who_{side}"] or ""
            assert email in told
            assert (last or "") in told
            assert row[f"who_{other}"] is None
            looked += 1
    for row in rows["permissions"]:
        if ("platform", row["key"]) in known:
            assert known["platform", row["key"]][1] in (row["who_platform"] or "")
            looked += 1
    assert looked > 5
    for name in ("report.html", "report.xlsx"):
        assert b"who_platform" not in (run / name).read_bytes()
    masked = rows_of((run / "report.html").read_text("utf-8"))
    assert not {"who", "other_who", "who_platform", "who_truth"} & {
        name for table in masked.values() for row in table for name in row
    }


def test_both_people_of_a_pair_stand_beside_each_other(tmp_path: Path) -> None:
    """Each as the side says it on which the key is."""
    pairs = [
        {"platform_key": "17", "truth_key": "99", "side": "both", "score": 0.98, "evidence": "same emailAddress"},
        {"truth_key": "3", "other_key": "4", "side": "truth", "score": 0.9, "evidence": "same gsmNumber"},
    ]
    who = {
        ("platform", "17"): "An Smet, an@a.be",
        ("truth", "99"): "Ann Smet, an@a.be",
        ("truth", "3"): "Jo",
        ("truth", "4"): "Joe",
    }
    audit = audit_of(differences=[difference("1", "lastName", "A", "B")], same_person=pairs)
    written = report.render(audit, needed(audit), tmp_path, privacy="full", who=who)
    found = rows_of(written.worklist.read_text("utf-8"))["same"]
    assert [(row["who"], row["other_who"]) for row in found] == [
        ("An Smet, an@a.be", "Ann Smet, an@a.be"),
        ("Jo", "Joe"),
    ]
    assert "an@a.be" not in str(rows_of(written.report.read_text("utf-8")))
