"""What the program imports is what it says it needs, and what is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import auditor

CHECKOUT = Path(auditor.__file__).parent.parent

WITHOUT_IMPORT = {
    "pyarrow": "DuckDB and Polars import it to hand tables to each other",
    "python-multipart": "Starlette imports it to read uploads",
    "tzdata": "zoneinfo reads it where the machine has no time zones",
}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def _project() -> dict[str, list[str]]:
    """Requirements by extra; those of every installation under the empty name."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def _imported() -> set[str]:
    """Packages that the program imports anywhere, also inside functions."""
    modules = set()
    for path in (CHECKOUT / "auditor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - {"auditor"}
    return {_normal(name) for module in foreign for name in distributions.get(module, [module])}


def _pinned(name: str) -> dict[str, set[str]]:
    """Package → the lines, with version and marker, that pin it."""
    pins: dict[str, set[str]] = {}
    for line in (CHECKOUT / name).read_text("utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)==", line):
            pins.setdefault(_normal(match[1]), set()).add(line)
    return pins


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    project = _project()
    extras = ("keyring", "sftp", "postgresql", "adbc", "mysql", "spark")
    declared = _named(project[""]).union(*(_named(project[extra]) for extra in extras))
    assert _imported() | set(WITHOUT_IMPORT) == declared


def test_what_is_declared_is_pinned() -> None:
    project = _project()
    assert _named(project[""]) <= set(_pinned("requirements.txt"))
    developing = set(_pinned("requirements-dev.txt")) | set(_pinned("requirements-built.txt"))
    assert _named(project["dev"]) <= developing


def test_development_runs_on_what_users_run_on() -> None:
    developing = _pinned("requirements-dev.txt")
    for name, lines in _pinned("requirements.txt").items():
        assert developing.get(name) == lines


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-built.txt", "requirements-data.txt"]
)
def test_pins_hold_hashes_and_no_address(name: str) -> None:
    text = (CHECKOUT / name).read_text("utf-8")
    assert "://" not in text
    for pin in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        assert "--hash=sha256:" in pin, pin.partition("\\")[0]
