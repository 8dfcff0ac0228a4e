"""`auditor run --only` and `--baseline`: less than a whole audit."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from auditor import cli
from auditor.cli import run as run_command
from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.commands import run as pipeline
from auditor.errors import Exit
from auditor.findings.codes import read_notice
from tests.audits import in_words
from tests.driven_sandbox import Sandbox
from tests.file_servers import PASSWORD, USER, Sftp, certificates, closed, event_loop, https_server
from tests.small_folder import footprint, shorten


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder whose sandbox listens, and both inputs in their places."""
    place = tmp_path_factory.mktemp("options") / "demo"
    prepare(place)
    shorten(place / "expectations" / "Customers" / "contract.toml")
    with Sandbox(place / "sandbox", profiles=40, limits="extended") as sandbox:
        write_settings(place, sandbox.url)
        fetch_inputs(sandbox, place)
        yield place


def test_the_stages_of_the_option_are_those_of_the_pipeline() -> None:
    assert run_command.STAGES == pipeline.STAGES


def test_only_stops_after_a_stage_and_keeps_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = footprint(folder)
    code = cli.execute(["run", "--settings", str(folder / "auditor.toml"), "--only", "load", "--json", "--quiet"])
    told = json.loads(capsys.readouterr().out)
    assert code == Exit.FINE
    assert told["stages"]["load"]["platform_rows"] == told["stages"]["pull"]["counted_by_platform"]
    assert "validate" not in told["stages"]
    assert footprint(folder) == before


def test_a_truth_without_rows_was_not_checked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the stages end there or go on: everybody would seem to be in Actito only."""
    shutil.copytree(folder, copied := tmp_path / "demo")
    folder = copied
    header = max(folder.glob("crm/*.csv")).read_text("utf-8").splitlines()[0]
    (tmp_path / "header.csv").write_text(header + "\n", "utf-8")
    run = ["run", "--settings", str(folder / "auditor.toml"), "--truth", str(tmp_path / "header.csv"), "--quiet"]
    assert cli.execute([*run, "--only", "load"]) == 6
    assert "CRM holds no row" in capsys.readouterr().out
    assert cli.execute([*run, "--json"]) == 6
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["not_checked"]] == ["no_rows"]
    assert cli.execute(["plan", "--settings", str(folder / "auditor.toml")]) == 6
    assert "nothing is planned on this audit: CRM holds no row" in capsys.readouterr().err


def test_baseline_sets_the_agreed_values_and_leaves_no_run(folder: Path) -> None:
    code = cli.execute(["run", "--settings", str(folder / "auditor.toml"), "--baseline", "--quiet"])
    assert code == Exit.FINE
    assert not (folder / "runs").exists()
    state = json.loads((folder / "state" / "Customers" / "state.json").read_text("utf-8"))
    assert (folder / "state" / "Customers" / state["base"]["file"]).exists()


def test_both_inputs_come_from_a_server_and_are_fetched_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An export as Actito delivers it: packed, on an SFTP server; the truth on a web server of the company."""
    away = folder.parent / "away"
    away.mkdir()
    (away / "password").write_text(PASSWORD)
    (export,) = (folder / "exports").glob("*.csv")
    (truth,) = (folder / "crm").iterdir()
    shutil.copy(truth, away)
    with zipfile.ZipFile(away / f"{export.stem}.zip", "w") as archive:
        archive.write(export, export.name)
    context, _ = certificates(away)
    server = Sftp(away)
    with event_loop() as loop, https_server(away, context) as (port, handler):
        listening = loop(server.start())
        server.known_hosts(away / "hosts", listening.get_port())
        text = (folder / "auditor.toml").read_text("utf-8")
        text = re.sub(r"(?m)^export .*$", f'export = "sftp://127.0.0.1:{listening.get_port()}/*.zip"', text)
        text = re.sub(r"(?m)^from .*$", f'from = "https://127.0.0.1:{port}/{truth.name}"', text)
        login = f'user = "{USER}"\npassword = "file:password"\n'
        text += f'\n[platform.sftp]\n{login}known_hosts = "hosts"\n\n[truth.https]\n{login}ca = "authority.pem"\n'
        (away / "auditor.toml").write_text(text, "utf-8")
        shutil.copytree(folder / "expectations", away / "expectations")
        (away / "sandbox").mkdir()
        shutil.copy(folder / "sandbox" / "api-key", away / "sandbox")
        try:
            run = ["run", "--settings", str(away / "auditor.toml"), "--json"]
            codes = [cli.execute([*run, "--only", "pull"])]
            assert not (away / "state").exists()
            codes.append(cli.execute(run))
            told = capsys.readouterr()
            rows = pl.read_csv(truth, infer_schema=False)
            before, after = len(rows), len(rows) * 3 // 4
            # And somebody's street is another one: a plan has to write something for it to be stopped.
            moved = pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("Kerkstraat 999")).otherwise("street")
            rows.head(after).with_columns(street=moved).write_csv(away / truth.name)
            codes += [cli.execute(run), cli.execute(["plan", "--settings", str(away / "auditor.toml")])]
            later = capsys.readouterr().out
        finally:
            loop(closed(listening))
    assert codes == [Exit.FINE] * 4, told.err
    assert f"CRM shrank from {before} to {after} rows since the last run" in later
    recorded, cut = (path.read_text("utf-8") for path in sorted((away / "runs").glob("*/run.json")))
    [shrank] = [one for one in json.loads(cut)["notices"] if one["code"] == "shrank"]
    assert in_words(read_notice(shrank)) == f"CRM shrank from {before} to {after} rows since the last run"
    plans = [json.loads(path.read_text("utf-8")) for path in (away / "runs").glob("*/plan-*.json")]
    assert [one for plan in plans for one in plan["stop"] or ()] == [shrank]
    inputs = {one["side"]: one for one in json.loads(recorded)["inputs"]}
    assert inputs["platform"]["sha256"] == hashlib.sha256((away / f"{export.stem}.zip").read_bytes()).hexdigest()
    assert inputs["platform"]["file"] == f"{export.stem}.zip"
    assert inputs["truth"]["sha256"] == hashlib.sha256(truth.read_bytes()).hexdigest()
    assert inputs["truth"]["bytes"] == truth.stat().st_size
    assert (server.reads, handler.reads) == (2, 3), "what is looked at alone is not kept"
    kept = list((away / "state" / "pulled").iterdir())
    assert len(kept) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    assert not list((away / "runs").glob("*/*.unpacked"))
    assert PASSWORD not in told.out + told.err + recorded
