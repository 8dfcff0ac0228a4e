"""Commands on a platform that ends what they use: a run tells it once, and nobody passes for gone when it has ended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.outcomes import read_outcomes
from auditor.errors import Exit
from auditor.model import Kind
from auditor.state.ledger import Ledger
from auditor.writes import read_plan
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor, copy, licence, made

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with licence(tmp_path_factory) as running:
        yield running


@pytest.fixture
def folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The small folder before today's audit; the current folder."""
    folder = copy(made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
    monkeypatch.chdir(folder)
    return folder


def use(folder: Path, dialect: str) -> None:
    settings = folder / "auditor.toml"
    text = re.sub(r"(?m)^dialect = .*\n", "", settings.read_text("utf-8"))
    settings.write_text(text.replace("[actito]", f'[actito]\ndialect = "{dialect}"'), "utf-8")


def newest(folder: Path) -> Path:
    return sorted(folder.glob("runs/*/run.json"))[-1].parent


def kept(folder: Path) -> list[dict[str, Any]]:
    """The notices of the newest run."""
    found: list[dict[str, Any]] = json.loads((newest(folder) / "run.json").read_text("utf-8"))["notices"]
    return found


def test_a_run_tells_once_what_the_platform_will_end(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """And keeps it for whoever reads the run later; V5 ends nothing."""
    sandbox.forms(None, with_v4=True)
    use(folder, "v4")
    said = auditor(capsys, "run")
    assert said.code == Exit.FINE
    assert (
        " ".join(said.out.split()).count(
            "Actito announces that it will end a profile, the number of profiles in V4 on 2099-03-31: "
            "auditor doctor tells which generation this licence answers"
        )
        == 1
    )
    assert "announces" not in said.err
    [notice] = [one for one in kept(folder) if one["code"] == "operations_end"]
    assert notice["parameters"] == {
        "generation": "V4",
        "operations": ["a profile", "the number of profiles"],
        "ends": "2099-03-31",
    }

    use(folder, "v5")
    sandbox.forms(None, with_v4=False)
    said = auditor(capsys, "run", "--json")
    assert "announces" not in said.out + said.err
    assert "operations_end" not in {one["code"] for one in kept(folder)}


@pytest.mark.parametrize("name", ["apply", "fix"])
def test_what_writes_tells_once_what_the_platform_will_end(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    sandbox.forms(None, with_v4=True)
    use(folder, "v4")
    assert auditor(capsys, "run", "--quiet").code == Exit.FINE
    command, *_ = re.findall(r"auditor (apply [^\n]+)", auditor(capsys, "plan").err)
    if name == "fix":
        [path] = newest(folder).glob(f"plan-{command.split()[1]}*.json")
        key = next(one.key for one in read_plan(path).writes if one.kind is Kind.UPDATE)
        command = f"fix {key} --confirm update=1"
    said = auditor(capsys, *command.split(), "--yes")
    assert said.code == Exit.FINE, said.err
    told = " ".join((said.out + said.err).split())
    assert told.count("Actito announces that it will end") == 1
    assert "the change of a profile" in told
    assert "in V4 on 2099-03-31" in told


@pytest.mark.breaches("switched_off")
@pytest.mark.parametrize("form", ["404", "error"])
def test_nobody_is_gone_where_an_operation_is(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """A plan of V4 on a licence that has switched V4 off meanwhile writes nothing and says why; V5 carries it out."""
    sandbox.forms(None, with_v4=True)
    use(folder, "v4")
    assert auditor(capsys, "run", "--quiet").code == Exit.FINE
    command, *_ = re.findall(r"auditor (apply [^\n]+)", auditor(capsys, "plan").err)
    _, sha, *_ = command.split()
    [path] = newest(folder).glob(f"plan-{sha}*.json")

    sandbox.forms(None, with_v4=False, v4_profiles=form)
    before = sandbox.profiles()
    said = auditor(capsys, *command.split(), "--yes")
    assert said.code == Exit.SETTINGS
    assert "error: Actito does not offer a profile in V4 any more: that says nothing about any profile" in said.err
    assert "auditor doctor" in said.err
    assert sandbox.profiles() == before
    chosen = read_plan(path)
    with Ledger(folder / "state") as ledger:
        assert not ledger.states(chosen.sha), "nobody was judged"
    assert auditor(capsys, "run", "--quiet").code == Exit.INCOMPLETE, "an audit needs its inputs more than a count"
    [ended] = [
        one for one in json.loads((newest(folder) / "run.json").read_text("utf-8"))["not_checked"]
        if one["code"] == "count_ended"
    ]  # fmt: skip
    assert "does not offer the number of profiles in V4 any more" in ended["parameters"]["said"]
    sandbox.breaches()

    use(folder, "v5")
    said = auditor(capsys, *command.split(), "--older", "--yes")
    assert said.code == Exit.FINE, said.err
    outcomes = read_outcomes(path.parent, chosen.sha)
    assert outcomes is not None
    assert set(outcomes["outcome"]) == {"landed"}
    assert sandbox.breaches() == [], "nothing of V4 was asked for"
