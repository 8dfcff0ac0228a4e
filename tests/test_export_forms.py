"""An export says the same in whatever form it comes, and so does a whole run over a licence that answers so."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from auditor.cli import execute
from auditor.files.data import data_folder
from auditor.sandbox.dialect import FORMS, varied
from tests import small_folder
from tests.driven_sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]

NAMES: Final = ("export_booleans", "export_dates", "export_moments")
DATED: Final = ("[columns.birthDate]", "[columns.lastPurchaseMoment]")
SEEDS: Final = (0, 1, 6, 14)


def test_every_choice_is_drawn() -> None:
    for name in NAMES:
        assert {getattr(varied(seed), name) for seed in SEEDS} == set(FORMS[name])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small folder before its second audit, with a date and a moment compared besides."""
    folder = tmp_path_factory.mktemp("template") / "folder"
    shutil.copytree(small_folder.made(tmp_path_factory).agreed, folder)
    whole = (data_folder("expectations") / "Customers" / "contract.toml").read_text("utf-8")
    dated = [text for text in re.split(r"(?m)^(?=\[columns\.)", whole) if text.startswith(DATED)]
    assert len(dated) == len(DATED)
    with (folder / "expectations" / "Customers" / "contract.toml").open("a", encoding="utf-8") as contract:
        contract.write("\n" + "".join(dated))
    for export in sorted((folder / "exports").iterdir())[1:]:
        export.unlink()
    return folder


@pytest.fixture(scope="module")
def usual(sandbox: Sandbox, template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = audited(sandbox, template, None, tmp_path_factory.mktemp("usual") / "folder")
    assert {"birthDate", "emailAddress", "subscriptions#Newsletter"} <= found["differences"]["by_column"].keys()
    return found


def audited(sandbox: Sandbox, template: Path, seed: int | None, target: Path) -> dict[str, Any]:
    """What a run finds where everything that nobody has seen is drawn from this seed."""
    folder = small_folder.copy(template, target, sandbox)
    sandbox.forms(seed)
    sandbox.export(folder / "exports")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert execute(["run", "--settings", str(folder / "auditor.toml"), "--json"]) == 0
    sandbox.forms(None)
    content: dict[str, Any] = json.loads(out.getvalue())
    return content


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_says_the_same(
    sandbox: Sandbox, template: Path, usual: dict[str, Any], seed: int, tmp_path: Path
) -> None:
    found = audited(sandbox, template, seed, tmp_path / "folder")
    for part in ("profiles", "differences", "violations", "permissions", "not_checked"):
        assert found[part] == usual[part]
