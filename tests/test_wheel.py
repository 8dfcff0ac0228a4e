"""The wheel holds everything: installed in an empty folder, far from the checkout, it works."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import auditor

pytestmark = pytest.mark.slow

CHECKOUT = Path(auditor.__file__).parent.parent
PACKAGES = Path(sysconfig.get_path("purelib"))


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    python: Path
    work: Path

    def run(self, command: Sequence[str], *, timeout: float = 60) -> str:
        """What the command of this environment prints. Whatever would lead Python elsewhere is not handed down."""
        program, *arguments = command
        done = subprocess.run(
            [self.python.parent / program, *arguments],
            cwd=self.work,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A new environment with the wheel of this checkout, and the packages of this environment behind it.

    A path file lends those, so that nothing is fetched; path files *in* a lent folder are not read, so the checkout,
    which is installed through one, stays out.
    """
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(place / "dist")]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = (place / "dist").glob("profile_auditor-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    (packages,) = (place / "venv" / "lib").glob("python*/site-packages")
    (packages / "lent.pth").write_text(f"{PACKAGES}\n")
    install = ["install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True, capture_output=True)
    work = place / "work"
    work.mkdir()
    return Installed(python, work)


def test_the_command_is_there(installed: Installed) -> None:
    assert installed.run(["auditor", "--version"]).strip().endswith(auditor.__version__)
    assert "Begin with `auditor demo`" in installed.run(["auditor", "--help"])


@pytest.mark.parametrize("name", ["expectations", "reports"])
def test_the_data_travel(installed: Installed, name: str) -> None:
    """Every tracked file of the checkout's folder lies in the package's own, and is found there."""
    find = f"from auditor.files.data import data_folder; print(data_folder({name!r}))"
    folder = Path(installed.run(["python", "-c", find]).strip())
    assert folder.relative_to(installed.python.parent.parent.resolve()).parts[-4:] == (
        "site-packages",
        "auditor",
        "_data",
        name,
    )
    source = CHECKOUT / name
    wanted = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    travelled = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert travelled == wanted


def test_the_demo_runs_in_an_empty_folder(installed: Installed) -> None:
    installed.run(["auditor", "demo", "--profiles", "200"], timeout=300)
    reports = list((installed.work / "demo").glob("runs/*/report.html"))
    assert len(reports) >= 2
    applied = list((installed.work / "demo").glob("runs/*/outcome-*.parquet"))
    assert len(applied) == 2
    for outcome in applied:  # the worklist leads to what it wrote
        page = outcome.with_name(f"plan-{outcome.name[len('outcome-') :][:12]}.html")
        assert f'href="{page.name}"' in outcome.with_name("plans.html").read_text("utf-8")
        assert page.exists()
