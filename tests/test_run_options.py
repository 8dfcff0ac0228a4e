"""`auditor run --only` and `--baseline`: less than a whole audit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import cli, pipeline
from auditor.cli import run as run_command
from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.errors import Exit
from auditor.sandbox.process import Sandbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder whose sandbox listens, and both inputs in their places."""
    place = tmp_path_factory.mktemp("options") / "demo"
    prepare(place)
    with Sandbox(place / "sandbox", profiles=40, limits="extended") as sandbox:
        write_settings(place, sandbox.url)
        fetch_inputs(sandbox, place)
        yield place


def test_the_stages_of_the_option_are_those_of_the_pipeline() -> None:
    assert run_command.STAGES == pipeline.STAGES


def test_only_stops_after_a_stage_and_keeps_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.execute(["run", "--settings", str(folder / "auditor.toml"), "--only", "load", "--json", "--quiet"])
    told = json.loads(capsys.readouterr().out)
    assert code == Exit.FINE
    assert told["stages"]["load"]["platform_rows"] == told["stages"]["pull"]["counted_by_platform"]
    assert "validate" not in told["stages"]
    assert list((folder / "runs").iterdir()) == []
    assert not (folder / "state" / "Customers" / "state.json").exists()


def test_baseline_sets_the_agreed_values_and_leaves_no_run(folder: Path) -> None:
    code = cli.execute(["run", "--settings", str(folder / "auditor.toml"), "--baseline", "--quiet"])
    assert code == Exit.FINE
    assert list((folder / "runs").iterdir()) == []
    state = json.loads((folder / "state" / "Customers" / "state.json").read_text("utf-8"))
    assert (folder / "state" / "Customers" / state["base"]["file"]).exists()
