"""Commands with a truth in a database do what they do with the same rows in a file."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import Exit
from auditor.settings.contract_file import read_contract
from tests import postgres_server
from tests.driven_sandbox import Sandbox
from tests.postgres_server import READER, READER_PASSWORD, Server
from tests.small_folder import Made, auditor, copy


def newest(folder: Path) -> Path:
    return max((folder / "crm").iterdir())


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


@pytest.fixture(scope="module")
def server(small: Made) -> Iterator[Server]:
    """Holds the rows of today's file of the CRM."""
    path = newest(small.agreed)
    with postgres_server.running() as running:
        columns = ", ".join(f'"{name}" text' for name in header(path))
        running.run(
            f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'",
            f"CREATE TABLE contacts ({columns})",
            f"\\copy contacts FROM '{path}' (FORMAT csv, HEADER)",
            f"GRANT SELECT ON contacts TO {READER}",
        )
        yield running


@pytest.fixture
def folder(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(place)
    monkeypatch.setenv("READER_PASSWORD", READER_PASSWORD)
    return place


def name_truth(folder: Path, *lines: str) -> None:
    settings = folder / "auditor.toml"
    text = re.sub(r"\[truth[\w.]*\]\n(?:(?!\[).*\n)*", "", settings.read_text("utf-8"))
    settings.write_text("\n".join([text, "[truth]", *lines, ""]), "utf-8")


def in_postgresql(server: Server, *lines: str, user: str = READER) -> list[str]:
    return [f'from = "postgresql://127.0.0.1:{server.port}/postgres"', *lines,
            "[truth.database]", f'user = "{user}"', 'password = "env:READER_PASSWORD"']  # fmt: skip


def in_sqlite(folder: Path) -> None:
    path = newest(folder)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        names = next(reader)
        rows = [[cell or None for cell in row] for row in reader]
    with sqlite3.connect(folder / "crm.db") as connection:
        columns = ", ".join(f'"{name}" TEXT' for name in names)
        connection.execute(f"CREATE TABLE contacts ({columns})")
        connection.executemany(f"INSERT INTO contacts VALUES ({', '.join('?' for _ in names)})", rows)
    connection.close()


def test_a_run_finds_in_a_database_what_it_finds_in_the_file(
    small: Made, folder: Path, sandbox: Sandbox, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = copy(small.agreed, tmp_path / "other", sandbox)
    monkeypatch.chdir(other)
    by_file = json.loads(auditor(capsys, "run", "--json").out)

    monkeypatch.chdir(folder)
    name_truth(folder, *in_postgresql(server, 'query = "SELECT * FROM contacts"'))
    said = auditor(capsys, "run", "--json")
    by_query = json.loads(said.out)
    assert said.code == Exit.FINE
    for part in ("verdict", "rows", "profiles", "differences", "formats", "violations", "permissions", "not_checked"):
        assert by_query[part] == by_file[part], part
    rows = by_file["rows"]["truth"]
    assert f"{rows:,} rows of query as they were at" in said.err

    [run] = [path for path in (folder / "runs").iterdir() if path.name == by_query["run"]]
    record = json.loads((run / "run.json").read_text("utf-8"))
    [source] = [one for one in record["inputs"] if one["side"] == "truth"]
    assert re.fullmatch("[0-9a-f]{64}", source["sha256"])
    assert source["as_of_from"] == "snapshot"
    assert not list(run.glob("*unpacked*"))
    everything = b"".join(path.read_bytes() for path in run.iterdir() if path.is_file())
    assert READER_PASSWORD.encode() not in everything + said.err.encode() + said.out.encode()


def test_the_doctor_warns_of_a_user_who_may_write(
    folder: Path, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def truth() -> dict[str, dict[str, str]]:
        checks = json.loads(auditor(capsys, "doctor", "--json").out)["checks"]
        return {one["check"]: one for one in checks if one["check"].startswith("truth")}

    name_truth(folder, *in_postgresql(server, 'table = "contacts"'))
    found = truth()
    assert found["truth"]["state"] == "ok"
    assert "CRM is contacts: " in found["truth"]["reason"]
    assert found["truth columns"]["state"] == "ok"

    monkeypatch.setenv("READER_PASSWORD", postgres_server.PASSWORD)
    name_truth(folder, *in_postgresql(server, 'table = "contacts"', user="postgres"))
    found = truth()
    assert found["truth"]["state"] == "warning"
    assert "its user may write there" in found["truth"]["reason"]

    name_truth(
        folder,
        *in_postgresql(server, f"query = 'SELECT \"{header(newest(folder))[0]}\" FROM contacts'", user="postgres"),
    )
    assert truth()["truth columns"]["state"] == "trouble"
    name_truth(folder, *in_postgresql(server, 'table = "contact"', user="postgres"))
    assert 'did you mean "contacts"?' in truth()["truth"]["reason"]


def test_init_proposes_from_a_database_what_it_proposes_from_the_file(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_sqlite(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    contract = folder / "expectations" / "Customers" / "contract.toml"
    key = f"file:{folder / 'sandbox' / 'api-key'}"
    written = []
    for truth in ("crm/*.csv", "sqlite:crm.db#contacts"):
        said = auditor(capsys, "init", "--table", "acme/Customers", "--url", sandbox.url, "--api-key", key,
                       "--truth", truth, "--yes", "--force")  # fmt: skip
        assert said.code == Exit.FINE
        written.append({name.name: name.truth for name in read_contract(contract, None).columns})
    assert written[0] == written[1] != {}
    assert 'from = "sqlite:crm.db#contacts"' in (folder / "auditor.toml").read_text("utf-8")


def test_settings_with_a_password_are_refused_and_those_without_are_explained(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name_truth(folder, 'from = "postgresql://me:s3cret@db/crm"', 'table = "contacts"')
    for command in ("config explain", "doctor", "run"):
        said = auditor(capsys, *command.split())
        assert said.code == Exit.SETTINGS
        assert "truth.from: an address must not hold a password" in said.err
        assert "s3cret" not in said.err + said.out
    name_truth(folder, 'from = "postgresql://db/crm"', 'table = "a"', 'query = "SELECT 1"')
    assert "table and query exclude each other" in auditor(capsys, "run").err
    name_truth(folder, 'from = "postgresql://db/crm"', "[truth.database]", 'password = "s3cret"')
    said = auditor(capsys, "run")
    assert "truth.database.password: a secret must not stand in this file" in said.err
    assert "s3cret" not in said.err
    name_truth(folder, 'from = "postgresql://db/crm"', "[truth.database]", 'password = "env:CRM_PASSWORD"')
    assert 'truth.database.password = "env:CRM_PASSWORD"' in auditor(capsys, "config", "explain").out


def test_compare_takes_a_table_of_a_database_on_either_side(
    folder: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    in_sqlite(folder)
    path = newest(folder)
    key = header(path)[0]
    said = auditor(capsys, "compare", server.address("contacts"), "sqlite:crm.db#contacts", "--key", key, "--json")
    both = json.loads(said.out)
    with path.open(encoding="utf-8", newline="") as file:
        keys = [row[0] for row in csv.reader(file)][1:]
    alone = sum(1 for one in keys if one and keys.count(one) == 1)
    assert both["profiles"]["equal"] == alone
    assert both["differences"]["total"] == 0
    said = auditor(capsys, "compare", server.address("contacts"), str(path), "--key", key)
    assert said.code == Exit.FINE
    assert f"contacts and {path.name}: " in said.out
    said = auditor(capsys, "compare", server.address(), str(path), "--key", key)
    assert said.code == Exit.SETTINGS
    assert "#schema.contacts behind the address" in said.err


def test_a_file_given_by_hand_stands_in_for_the_database(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = newest(folder)
    shutil.copy(file, folder / "by-hand.csv")
    name_truth(folder, 'from = "postgresql://nowhere.invalid/crm"', 'table = "contacts"')
    said = auditor(capsys, "run", "--truth", "by-hand.csv", "--only", "load", "--json")
    assert said.code == Exit.FINE
    assert json.loads(said.out)["stages"]["load"]["truth_rows"] > 0
