"""A run that finds a part of what earlier runs remembered lost says what it could not check, and is no pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.commands.known import knowledge
from auditor.findings.codes import Code
from auditor.model import Kind, Why
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract
from auditor.state.ledger import Ledger
from auditor.state.run_folder import read_audit, read_structure
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy


@pytest.fixture
def folder(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Audited a week ago; what is audited now has not been."""
    copied = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(copied)
    return copied


def cut(pattern: str) -> Callable[[Path], None]:
    def damage(state: Path) -> None:
        [path] = state.glob(pattern)
        path.write_bytes(path.read_bytes()[:100])

    return damage


@pytest.mark.parametrize(
    ("damage", "code", "opt_ins", "creations"),
    [
        (cut("permissions-*.parquet"), Code.PERMISSIONS_LOST, False, True),
        (cut("names-*.parquet"), Code.NAMES_LOST, False, True),
        (cut("seen-*.parquet"), Code.SEEN_LOST, True, False),
        (cut("base-*.parquet"), Code.BASE_LOST, True, True),
        (lambda state: (state / "state.json").unlink(), Code.STATE_DAMAGED, False, False),
    ],
    ids=["permissions", "names", "seen", "base", "state"],
)
def test_what_is_lost_was_not_checked(
    folder: Path,
    damage: Callable[[Path], None],
    code: Code,
    opt_ins: bool,
    creations: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(folder / "state" / "Customers")
    said = auditor(capsys, "run", "--json", "--quiet")
    assert said.code == 6, said.err
    told: dict[str, Any] = json.loads(said.out)
    assert told["verdict"] == "incomplete"
    [gap] = [one for one in told["not_checked"] if one["code"] == code]
    assert gap["parameters"]["file"] in gap["sentence"]
    assert not any(gap["sentence"] == one for one in told["notices"]), "said once"
    run = folder / "runs" / told["run"]
    said = auditor(capsys, "plan")
    assert said.code == 0, said.err
    plans = [json.loads(path.read_text()) for path in run.glob("plan-*.json")]
    assert (Kind.CREATE in {write["kind"] for plan in plans for write in plan["writes"]}) is creations
    assert (Why.FORGOTTEN in {one["why"] for plan in plans for one in plan["left"]}) is not creations
    settings, structure = read_settings(folder / "auditor.toml"), read_structure(run)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    with Ledger(settings.state_folder, reading=True) as ledger:
        known = knowledge(settings, contract, structure, read_audit(run, contract), ledger, given_time.now())
    assert (known.opt_outs_known, known.seen_known) == (opt_ins, creations)
