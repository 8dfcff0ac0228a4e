"""A whole run with a fallback key: who is shown how, what is planned, and that the right profile is written to."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from auditor.errors import Exit
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor, copy, made


@pytest.fixture
def folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    copied = copy(made(tmp_path_factory).audited, tmp_path / "folder", sandbox)
    contract = copied / "expectations" / "Customers" / "contract.toml"
    text = contract.read_text("utf-8").replace('["customerId"]', '[["customerId"], ["emailAddress"]]')
    contract.write_text(text.replace('platform = "customerId is not null"', ""), "utf-8")
    monkeypatch.chdir(copied)
    return copied


def test_a_profile_without_its_key_is_found_shown_corrected_and_no_other(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    corrected = {
        key
        for key, profile in sandbox.answers()["profiles"].items()
        if profile["differences"].keys() == {"lastName"} and profile["differences"]["lastName"]["fate"] == "corrected"
    }
    export = max(folder.glob("exports/*.csv"))
    with export.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    addresses = [row["emailAddress"].lower() for row in rows]
    chosen = next(row for row in rows if row["customerId"] in corrected and addresses.count(row["emailAddress"]) == 1)
    key, address = chosen["customerId"], chosen["emailAddress"]
    chosen["customerId"] = ""
    with export.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    before = {profile["profileId"]: profile for profile in sandbox.profiles()}

    said = auditor(capsys, "run", "--quiet")
    assert "without customerId on a side" in " ".join(said.out.split()), said.out
    run = max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))
    shown = json.dumps({"emailAddress": address}, separators=(",", ":"))
    profiles = pl.read_parquet(run / "profiles.parquet")
    [row] = profiles.filter(pl.col("truth_key") == key).to_dicts()
    assert (row["key"], row["platform_key"], row["matched_by"]) == (shown, shown, "emailAddress")
    assert row["columns"] == ["customerId", "lastName"]
    counted = json.loads((run / "run.json").read_text("utf-8"))["matched_by"]
    assert counted["emailAddress"] >= 1

    for typed in (address, shown, key):
        said = auditor(capsys, "show", typed, "--json")
        assert said.code == Exit.FINE, said.err
        document = json.loads(said.out)
        assert (document["key"], document["matched_by"]) == (shown, "emailAddress")
    assert "matched by emailAddress" in " ".join(auditor(capsys, "show", address).out.split())

    said = auditor(capsys, "fix", address, "--yes", "--confirm", "update=1")
    assert said.code == Exit.FINE, said.out + said.err
    after = {profile["profileId"]: profile for profile in sandbox.profiles()}
    changed = {
        (number, name)
        for number in before
        for name in before[number].keys() | after[number].keys()
        if before[number].get(name) != after[number].get(name) and name != "updateMoment"
    }
    assert changed == {(row["profile_id"], "lastName")}
    assert before.keys() == after.keys()
