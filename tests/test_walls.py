"""The walls of the house hold: whoever imports what is not theirs is refused, by the name of the wall.

The contracts stand in `pyproject.toml`. Most breaches are tried on the graph of imports, which costs nothing; a few are
written into a copy of the program, which `lint-imports` then reads as `make check` does.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import Contract, ContractCheck, api
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

import auditor
import auditor.actito
import auditor.commands.apply
import auditor.commands.structure
from tests.closed_contract import ClosedContract

REPOSITORY = Path(__file__).parents[1]
KINDS: dict[str, Callable[..., Contract]] = {
    "layers": LayersContract,
    "protected": ProtectedContract,
    "forbidden": ForbiddenContract,
    "closed": ClosedContract,
}

LAYERS = "The flow goes one way"
CORE = "The core does no input or output"
EXPRESSIONS = "What is equal is said in expressions alone"
PROTOCOL = "What compares asks any engine, by the protocol"
VALUES = "What follows an audit is made from its values, not from its tables"
WRITER = "Only apply and its callers hold what can write to Actito"
ASKING = "Only commands and what they hand it to ask Actito"
SANDBOX = "Only the command and the demo start the sandbox"
PANDAS = "Nobody uses pandas"

LANGUAGE = {"ibis", "polars", "pyarrow"}
"""Libraries whose values travel between rooms: they have no door, and some rooms are closed to them."""

OPTIONS = api.read_configuration(str(REPOSITORY / "pyproject.toml"))
CONTRACTS: dict[str, dict[str, Any]] = {one["name"]: one for one in OPTIONS["contracts_options"]}
DOORS = {name: one for name, one in CONTRACTS.items() if one["type"] == "protected"}


@cache
def house() -> grimp.ImportGraph:
    """Who imports whom, within functions too; libraries are one module each."""
    return grimp.build_graph("auditor", include_external_packages=True, cache_dir=None)


def ours() -> set[str]:
    return {module for module in house().modules if module.partition(".")[0] == "auditor"}


def within(module: str, rooms: list[str]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def check(name: str, graph: grimp.ImportGraph) -> ContractCheck:
    options = CONTRACTS[name]
    contract: Contract = KINDS[options["type"]](name, OPTIONS["session_options"], options)
    return contract.check(deepcopy(graph), verbose=False)


def add(graph: grimp.ImportGraph, importer: str, imported: str) -> None:
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=not imported.startswith("auditor"))
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents=f"import {imported}")


def test_every_wall_stands() -> None:
    assert [name for name in CONTRACTS if not check(name, house()).kept] == []


# --- the doors ---


@pytest.mark.parametrize("name", DOORS)
def test_a_door_refuses_everybody_whom_it_does_not_name(name: str) -> None:
    """Each module of the program that is not named, with a new import of its own."""
    for library in CONTRACTS[name]["protected_modules"]:
        named = [*CONTRACTS[name]["allowed_importers"], library]
        strangers = {module for module in ours() if not within(module, named)}
        graph = deepcopy(house())
        for stranger in strangers:
            add(graph, stranger, library)
        done = check(name, graph)
        refused = {
            link["importer"]
            for one in done.metadata["illegal_imports"]
            for link in one.illegal_links
            if link["imported"] == library
        }
        assert not done.kept
        assert refused == strangers


@pytest.mark.parametrize("name", DOORS)
def test_a_door_names_nobody_who_does_not_go_through(name: str) -> None:
    """A permission that nobody needs would be used one day by somebody who should have asked."""
    inside = {one for library in CONTRACTS[name]["protected_modules"] for one in {library, *descendants(library)}}
    passing = {importer for one in inside for importer in house().find_modules_that_directly_import(one)} - inside
    idle = [
        room for room in CONTRACTS[name]["allowed_importers"] if not any(within(module, [room]) for module in passing)
    ]
    assert idle == []


def descendants(module: str) -> set[str]:
    return set() if house().is_module_squashed(module) else house().find_descendants(module)


def test_every_library_has_a_door() -> None:
    """Whoever begins to use another one says who else may."""
    libraries = house().modules - ours() - sys.stdlib_module_names
    behind = {library for one in DOORS.values() for library in one["protected_modules"]}
    assert libraries - behind == LANGUAGE


def test_nobody_imports_by_a_name_that_the_walls_cannot_read() -> None:
    """Commands are found by their names, and drivers of databases by the name of their kind."""
    by_name = {
        str(path.relative_to(REPOSITORY / "auditor"))
        for path in (REPOSITORY / "auditor").rglob("*.py")
        if re.search(r"import_module\(|__import__\(", path.read_text("utf-8"))
    }
    assert by_name == {"cli/__init__.py", "pull/databases/others.py"}


# --- the breaches that were found, and others like them ---


@pytest.mark.parametrize(
    ("importer", "imported", "wall"),
    [
        ("auditor.diff.one_sided", "httpx", "One door for httpx"),
        ("auditor.diff.one_sided", "httpx", CORE),
        ("auditor.diff.one_sided", "jinja2", "One door for jinja2"),
        ("auditor.diff.one_sided", "great_expectations", "One door for great_expectations"),
        ("auditor.diff.one_sided", "sqlite3", "One door for sqlite3"),
        ("auditor.diff.one_sided", "sqlite3", CORE),
        ("auditor.diff.cells", "polars", EXPRESSIONS),
        ("auditor.match.join", "pyarrow", EXPRESSIONS),
        ("auditor.equality.rules", "polars", EXPRESSIONS),
        ("auditor.match.join", "auditor.engine.duckdb", PROTOCOL),
        ("auditor.diff.cells", "auditor.engine.spark.session", PROTOCOL),
        ("auditor.explain.reasons", "auditor.engine.duckdb", PROTOCOL),
        ("auditor.equality.single_value", "tempfile", CORE),
        ("auditor.engine.duckdb", "pandas", PANDAS),
        ("auditor.cli.run", "numpy", PANDAS),
        ("auditor.commands.run", "auditor.actito.writer", WRITER),
        ("auditor.commands.compare", "auditor.actito.writer", WRITER),
        ("auditor.commands.show", "auditor.actito.writer", WRITER),
        ("auditor.commands.rekey", "auditor.actito.writer", WRITER),
        ("auditor.commands.plan", "auditor.actito.writer", WRITER),
        ("auditor.commands.undo", "auditor.actito.writer", WRITER),
        ("auditor.commands.fix", "auditor.actito.writer", WRITER),
        ("auditor.report", "auditor.actito.writer", WRITER),
        ("auditor.plan", "auditor.actito.writer", WRITER),
        ("auditor.plan", "auditor.actito", ASKING),
        ("auditor.actito", "auditor.actito.writer", WRITER),
        ("auditor.actito.reader", "auditor.actito.writer", WRITER),
        ("auditor.cli.apply", "auditor.actito.writer", WRITER),
        ("auditor.report.rows", "auditor.actito", ASKING),
        ("auditor.diff.cells", "auditor.actito.reader", ASKING),
        ("auditor.commands.run", "auditor.sandbox.process", SANDBOX),
        ("auditor.apply.single", "auditor.sandbox", SANDBOX),
        ("auditor.report.view", "auditor.engine.duckdb", VALUES),
        ("auditor.plan.policy", "auditor.match.join", VALUES),
        ("auditor.plan.policy", "tempfile", CORE),
        ("auditor.explain.reasons", "socket", CORE),
        ("auditor.permissions", "shutil", CORE),
        ("auditor.permissions", "urllib", CORE),
        ("auditor.plan.policy", "http", CORE),
        ("auditor.findings.words", "smtplib", CORE),
        ("auditor.model", "os", CORE),
        ("auditor.match.join", "multiprocessing", CORE),
        ("auditor.writes", "a_library_of_tomorrow", CORE),
        ("auditor.diff.cells", "auditor.explain.causes", LAYERS),
        ("auditor.load", "auditor.pull", LAYERS),
        ("auditor.apply", "auditor.report", LAYERS),
    ],
)
def test_a_breach_is_refused(importer: str, imported: str, wall: str) -> None:
    graph = deepcopy(house())
    add(graph, importer, imported)
    assert not check(wall, graph).kept


def test_the_core_may_import_nothing_that_it_does_not_import() -> None:
    """A permission that nobody needs is none; there is much of the standard library that the core may not have."""
    options = CONTRACTS[CORE]
    used = {
        imported
        for module in ours()
        if within(module, options["source_modules"])
        for imported in house().find_modules_directly_imported_by(module)
        if not imported.startswith("auditor")
    }
    assert used == set(options["allowed_modules"])
    doing = {
        "os",
        "io",
        "socket",
        "ssl",
        "urllib",
        "http",
        "smtplib",
        "ftplib",
        "asyncio",
        "subprocess",
        "sqlite3",
        "shutil",
    }
    assert used & doing == {"io"}


TOUCHING = re.compile(
    r"open|(read|write)_(text|bytes|parquet|csv)|(scan|sink)_\w+|unlink|(mk|rm|iter)dir|r?glob|touch|chmod|stat"
)
"""Methods of paths, functions of Polars and of Python itself that look at what lies on a disk, or change it."""


def test_the_core_opens_no_file() -> None:
    """A path is a value; what lies there, commands read. But for a plan, whose form and hash are said in one place.

    `auditor.plan.routing` asks whether a road is open, `auditor.plan.bulkfile` writes CSV into memory, and
    `auditor.explain.persons.short_names` is a list that stands in a file of the package.
    """
    touching = {
        (module, name)
        for module in ours()
        if within(module, CONTRACTS[CORE]["source_modules"])
        for node in ast.walk(ast.parse(text_of(module)))
        if isinstance(node, ast.Call)
        for name in [getattr(node.func, "id", getattr(node.func, "attr", ""))]
        if TOUCHING.fullmatch(name)
    }
    assert touching == {
        ("auditor.writes", "read_text"),
        ("auditor.explain.persons.short_names", "read_text"),
        ("auditor.plan.routing", "open"),
        ("auditor.plan.bulkfile", "write_csv"),
    }


def text_of(module: str) -> str:
    path = REPOSITORY / module.replace(".", "/")
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")


def test_the_power_to_write_is_not_handed_on() -> None:
    """`auditor.actito` has no `Writer` and says nothing of one; nor can it be had from those who import it: they do
    within the function that writes.
    """
    assert not hasattr(auditor.actito, "Writer")
    assert "Writer" not in auditor.actito.__all__
    for module in (auditor.commands.apply, auditor.commands.structure):
        assert [name for name in vars(module) if name.lower() == "writer"] == []


def test_what_can_write_is_imported_within_functions_alone() -> None:
    """Whatever a module has at its top can be imported from it, by whoever may import the module."""
    assert [module for module in ours() if has_at_its_top(text_of(module))] == []
    for line in (
        "from auditor.actito.writer import Writer", "from auditor.actito import writer", "import auditor.actito.writer",
    ):  # fmt: skip
        assert has_at_its_top(f"if True:\n    {line}\n")
        assert not has_at_its_top(f"def late():\n    {line}\n")
    having = {
        (module, function.name)
        for module in ours()
        for function in ast.walk(ast.parse(text_of(module)))
        if isinstance(function, ast.FunctionDef) and any(map(of_writer, ast.walk(function)))
    }
    assert having == {("auditor.commands.apply", "apply"), ("auditor.commands.structure", "apply")}


def of_writer(node: ast.AST) -> bool:
    """An import of the module that can write, or of its class from wherever."""
    if isinstance(node, ast.ImportFrom):
        names = {one.name for one in node.names}
        return node.module == "auditor.actito.writer" or "Writer" in names or (
            node.module == "auditor.actito" and "writer" in names
        )  # fmt: skip
    return isinstance(node, ast.Import) and any(one.name == "auditor.actito.writer" for one in node.names)


def has_at_its_top(text: str) -> bool:
    """Is it imported where everybody can have it from there: anywhere but in a function?"""
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if of_writer(node):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def test_the_key_for_writing_is_asked_for_by_those_who_write() -> None:
    """`connect(…, writing=True)` opens a connection with it; whoever reads has the other one."""
    asking = {
        path.relative_to(REPOSITORY / "auditor").as_posix()
        for path in (REPOSITORY / "auditor").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "connect"
        if any(word.arg == "writing" for word in node.keywords)
    }
    assert asking == {"commands/apply.py", "commands/structure.py"}


# --- the layers ---


def floors() -> list[list[str]]:
    """The rooms of each layer, the upmost first."""
    layers: list[str] = CONTRACTS[LAYERS]["layers"]
    return [[f"auditor.{room.strip()}" for room in layer.split("|")] for layer in layers]


def test_nobody_imports_upwards_or_next_door() -> None:
    """Each room with an import of each room above it, and of each beside it, and nothing else in the house."""
    graph = grimp.ImportGraph()
    for module in ours():
        graph.add_module(module)
    for line in CONTRACTS[LAYERS]["ignore_imports"]:
        importer, imported = line.split(" -> ")
        graph.add_import(importer=importer, imported=imported)
    upward = {(low, high) for above, below in combinations(floors(), 2) for high in above for low in below}
    beside = {pair for layer in floors() for pair in permutations(layer, 2)}
    for importer, imported in upward | beside:
        graph.add_import(importer=importer, imported=imported)
    done = check(LAYERS, graph)
    refused = {(one["importer"], one["imported"]) for one in done.metadata["invalid_dependencies"]}
    assert refused == upward | beside


def test_the_rooms_of_the_layers_are_those_of_the_house() -> None:
    assert sorted(room for layer in floors() for room in layer) == sorted(house().find_children("auditor"))


# --- in a copy, as `make check` reads it ---


def copied(folder: Path) -> Path:
    """The program and its contracts, to be changed."""
    shutil.copytree(REPOSITORY / "auditor", folder / "auditor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    for name in ("__init__.py", "closed_contract.py"):
        shutil.copy(REPOSITORY / "tests" / name, folder / "tests")
    return folder


def broken(folder: Path) -> set[str]:
    """The names of the contracts that `lint-imports` calls broken in this copy."""
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-logo", "--no-cache"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "500"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return set(re.findall(r"(?m)^(.+) BROKEN\b", done.stdout))


def test_breaches_that_are_written_are_read(tmp_path: Path) -> None:
    """At the top of a module, within a function, and for types alone."""
    copy = copied(tmp_path)
    assert broken(copy) == set()
    with (copy / "auditor/diff/one_sided.py").open("a", encoding="utf-8") as file:
        file.write("\n\nimport jinja2\n\ndef late() -> None:\n    import httpx\n    from sqlite3 import connect\n")
        file.write("\nif TYPE_CHECKING:\n    from great_expectations import expectations\n")
    with (copy / "auditor/commands/run.py").open("a", encoding="utf-8") as file:
        file.write("\n\nfrom auditor.actito.writer import Writer\n")
    with (copy / "auditor/plan/policy.py").open("a", encoding="utf-8") as file:
        file.write("\n\nfrom urllib import request\n")
    with (copy / "auditor/equality/rules.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef late() -> None:\n    from auditor import cli\n    import pandas\n")
    assert broken(copy) == {
        "One door for httpx", "One door for jinja2", "One door for sqlite3", "One door for great_expectations",
        CORE, WRITER, PANDAS, LAYERS,
    }  # fmt: skip


def test_a_room_that_no_layer_names_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "auditor/helpers.py").write_text('"""Whatever."""\n', "utf-8")
    assert broken(folder) == {LAYERS}
