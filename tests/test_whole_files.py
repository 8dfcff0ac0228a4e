"""Every file that is to last appears whole or not at all, for its owner alone, and one place sees to that."""

from __future__ import annotations

import ast
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import auditor
from auditor.apply.outcomes import OUTCOMES, Applied, write_outcomes
from auditor.commands.init.schema import put_beside
from auditor.commands.plan import corrective
from auditor.engine.duckdb import DuckDB
from auditor.errors import TryLater
from auditor.files.rewrite import Rewrite
from auditor.files.whole import FOR_OTHERS, OWNER_ONLY, name_whole, whole_files, write_whole
from auditor.findings.audit import FRAMES
from auditor.findings.codes import Code, Notice
from auditor.findings.since import NO_DRIFT
from auditor.load.rejects import write_rejects
from auditor.load.tail import Reject
from auditor.model import Attribute, Kind, Route, Side, Structure
from auditor.state import run_folder
from auditor.validate.suite import Expectation, Suite, store_suite
from auditor.writes import Cell
from tests.audits import realistic, render
from tests.nothing_known import a_plan, a_write

MOMENT = datetime(2026, 3, 10, 9, tzinfo=UTC)
OLD, NEW = "old" * 99, "new" * 333


def _outcomes(folder: Path, text: str) -> None:
    told = {"key": [text, text], "outcome": ["landed", "landed"]}
    rows = pl.concat([OUTCOMES.to_frame(), pl.DataFrame(told)], how="diagonal")
    write_outcomes(folder, Applied("sha", rows, None, NO_DRIFT, ()))


def _corrective(folder: Path, text: str) -> None:
    write = a_write(Kind.UPDATE, Route.BULK, "1", "7", (Cell("note", None, text),), batch="Customers-update-1")
    plan = a_plan(write, made=MOMENT, export_as_of=MOMENT)
    structure = Structure("16", "Customers", (Attribute("customerId"), Attribute("note")))
    corrective(plan, structure, folder)


def _results(folder: Path, text: str) -> None:
    with closing(DuckDB(temp=folder.parent / "spill", folders=[folder])) as engine:
        engine.write(engine.keep_sql(f"SELECT '{text}' AS text", "told"), folder / "told.parquet")


def _rejects(folder: Path, text: str) -> None:
    write_rejects(Side.TRUTH, folder / "truth.parquet", [Reject(1, Notice(Code.NO_UTF8), text)])


def _rewritten(folder: Path, text: str) -> None:
    rewrite = Rewrite.to(folder / "spelling.json", text)
    assert rewrite is not None
    rewrite.carry_out()


def _report(folder: Path, text: str) -> None:
    render(realistic(9 if text == OLD else 12), folder, privacy="masked")


LASTING: Mapping[str, Callable[[Path, str], object]] = {
    "text": lambda folder, text: write_whole(folder / "text", text),
    "structure.json": lambda folder, text: run_folder.write_structure(Structure("16", text, ()), folder),
    "validation.json": lambda folder, text: run_folder.write_validation({"told": text}, folder),
    "for-the-truth.csv": lambda folder, text: run_folder.write_csv(pl.DataFrame({"x": [text]}), folder / "x.csv"),
    "suite.json": lambda folder, text: store_suite(Suite(text, (Expectation("t", {}),)), folder / "suite.json"),
    "schemas": lambda folder, _: put_beside(folder),
    "outcomes": _outcomes,
    "corrective files": _corrective,
    "results": _results,
    "rewritten": _rewritten,
    "report": _report,
}
WRITERS = {**LASTING, "rejected rows": _rejects}
"""All that write a file by themselves, each given a folder and what is to be told by the file."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for files whose modes no mask narrows."""
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """From when it is called no file can grow beyond a hundred bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_what_was_there(folder: Path, small_disk: Callable[[], None], name: str) -> None:
    WRITERS[name](folder, OLD)
    before = contents(folder)
    small_disk()
    with pytest.raises(TryLater, match="is full"):
        WRITERS[name](folder, NEW)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["text", "for-the-truth.csv", "results", "outcomes"])
def test_a_kill_in_the_middle_of_a_byte_leaves_what_was_there(folder: Path, name: str) -> None:
    """The kernel ends the process when it writes the 101st byte; what it wrote is for its owner alone even then."""
    WRITERS[name](folder, OLD)
    before = contents(folder)
    program = (
        "import os, resource, signal, sys; from pathlib import Path; from tests import test_whole_files as here\n"
        "os.umask(0); signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "here.WRITERS[sys.argv[1]](Path(sys.argv[2]), here.NEW)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-B", "-c", program, name, folder], capture_output=True, check=False, text=True
    )
    assert killed.returncode == -signal.SIGXFSZ, killed.stderr
    left = contents(folder)
    (partial,) = left.keys() - before.keys()
    assert partial.endswith(".partial")
    assert stat.S_IMODE((folder / partial).stat().st_mode) == OWNER_ONLY
    assert {file: left[file] for file in before} == before
    WRITERS[name](folder, NEW)
    assert contents(folder).keys() == before.keys(), "the next who writes it removes what the killed one left"


@pytest.mark.parametrize("name", LASTING)
def test_a_file_is_on_the_disk_before_it_takes_a_place_and_for_its_owner_alone_before_that(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[int, tuple[int, int]] = {}

    def seen(descriptor: int) -> None:
        status = os.fstat(descriptor)
        written[status.st_ino] = status.st_size, stat.S_IMODE(status.st_mode)

    monkeypatch.setattr(os, "fsync", seen)
    WRITERS[name](folder, NEW)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        shared = path.name in {"suite.json", "report.html", "report.xlsx"}
        assert written[status.st_ino] == (status.st_size, FOR_OTHERS if shared else OWNER_ONLY), path.name
        assert stat.S_IMODE(status.st_mode) == written[status.st_ino][1]
        assert path.parent.stat().st_ino in written, "its name is on the disk too"


def test_a_run_folder_gets_its_name_when_every_file_is_on_the_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, final, written = folder / ".work", folder / "run", set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: written.add(os.fstat(descriptor).st_ino))
    work.mkdir()
    for name, schema in FRAMES.items():
        schema.to_frame().write_parquet(work / f"{name}.parquet")
    for side in Side:
        pl.DataFrame({"row": [1]}).write_parquet(work / f"{side.value}.parquet")
    with closing(DuckDB(temp=folder / "spill", folders=[folder])) as engine:
        run_folder.complete(engine, work)
        name_whole(work, final)
        engine.execute(f"ATTACH '{final / 'audit.duckdb'}' (READ_ONLY)")
        assert {name for (name,) in engine.execute("SELECT table_name FROM duckdb_tables()")} >= {*FRAMES}
    assert {path.stat().st_ino for path in (final, folder, *final.iterdir())} <= written
    assert stat.S_IMODE((final / "audit.duckdb").stat().st_mode) == OWNER_ONLY
    assert not [path.name for path in final.iterdir() if "empty" in path.name or "partial" in path.name]


def test_files_that_belong_together_take_their_places_together(folder: Path) -> None:
    def write_two() -> None:
        with whole_files({folder / "one": OWNER_ONLY, folder / "two": FOR_OTHERS}) as (one, two):
            one.write_text("new")
            two.write_text("new")
            raise KeyboardInterrupt

    (folder / "one").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_two()
    assert contents(folder) == {"one": b"old"}


def test_two_who_write_the_same_file_do_so_in_turn(folder: Path) -> None:
    texts = {letter: letter * (10_000 + number) for number, letter in enumerate("abcd")}
    going = threading.Barrier(5)

    def write(text: str) -> None:
        going.wait()
        for _ in range(25):
            write_whole(folder / "x", text)

    write_whole(folder / "x", texts["a"])
    threads = [threading.Thread(target=write, args=(text,)) for text in texts.values()]
    for thread in threads:
        thread.start()
    going.wait()
    while any(thread.is_alive() for thread in threads):
        assert (folder / "x").read_text() in texts.values()
    for thread in threads:
        thread.join()
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_what_a_link_in_its_way_points_to_is_not_written(folder: Path) -> None:
    (folder / "elsewhere").write_text("mine")
    (folder / "x.partial").symlink_to(folder / "elsewhere")
    write_whole(folder / "x", "whole")
    assert contents(folder) == {"elsewhere": b"mine", "x": b"whole"}


# --- One place -----------------------------------------------------------------------------------------------------

WRITE = {
    *("write_text", "write_bytes", "touch", "chmod", "fchmod", "symlink_to", "hardlink_to"),
    *("fdopen", "NamedTemporaryFile", "mkstemp", "copyfile", "copy2", "copytree", "move", "unpack_archive"),
    *("write_parquet", "write_csv", "write_json", "write_ndjson", "write_excel", "sink_parquet", "sink_csv"),
    *("write_table", "ParquetWriter", "Workbook", "to_parquet", "to_csv", "fsync"),
}
"""Calls that make, change or rename a file, whoever offers them."""
WRITE_IN_SQL = ("COPY (", "ATTACH ")

ELSEWHERE = {
    "actito/register.py: _open": "a register of calls that several processes share is changed in place, under its lock",
    "state/ledger/lock.py: _taken": "a lock has no content",
    "state/ledger/chain.py: _prepare_file": "SQLite writes its file itself; made before, it has the right mode",
    "cli/demonstration.py: prepare": "a demonstration begins with data that travels with the program",
    "commands/python_api.py: _location": "a table of the caller on its way to DuckDB, in a folder that goes at once",
    "engine/duckdb.py: put": "a frame on its way to DuckDB, in a folder that goes at once",
    "pull/kept.py: fetch": "a whole file gets the name of its own content",
    "pull/servers.py: fetch": "writes into the partial file that it is given by what keeps it",
    "report/xlsx.py: book": "bytes in memory",
    "load/activities.py: _in_engine": "no file: columns of a frame get other names",
    "load/landed.py: respell": "what was landed gives way to itself, respelt, which no run counts on yet",
    "load/parts.py: _write": "parts of one file, in a folder that goes when they are put together",
    "engine/spark/entries.py: on_spark": "no file: an expression",
    "sandbox/envelopes.py: done": "no file: the answer to a call",
    "sandbox/envelopes.py: refusal": "no file: the answer to a call",
    "load/__init__.py: work_out": "a whole file takes the place of another that no run counts on yet",
    "commands/decided.py: _put_away": "a whole file of somebody else, recorded by then, gets another place",
    "state/run_folder.py: _empty_database": "a database without a table, whose bytes are read at once",
    "plan/bulkfile.py: csv_bytes": "into memory",
}
"""Where something is written without a whole file, and why that does no harm."""


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith(WRITE_IN_SQL)
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = getattr(getattr(node.func, "value", None), "id", "")
    if name == "open":
        given = [*node.args, *(one.value for one in node.keywords if one.arg == "mode")]
        words = {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        flags = {one.attr for part in given for one in ast.walk(part) if isinstance(one, ast.Attribute)}
        return any({*word} & {*"wxa+"} and {*word} <= {*"rwxabt+"} for word in words) or bool(flags & {"O_CREAT"})
    if name in {"replace", "rename"}:  # of a path: of a text it has two arguments, of a moment or a table names
        named = any(isinstance(one, ast.Dict) for one in node.args)
        return (len(node.args) == 1 and not node.keywords and not named) or owner == "os"
    return name in WRITE and owner != "run_folder"  # whose own function has a name of these


def _partials(function: ast.AST) -> set[str]:
    """The names that `whole_file` gives within a function, and those that are drawn from them."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.With):
            for item in node.items:
                called = getattr(getattr(item.context_expr, "func", None), "id", "")
                if called in {"whole_file", "whole_files"} and item.optional_vars is not None:
                    names |= _names(item.optional_vars)
        elif isinstance(node, ast.For) and _names(node.iter) & names:
            names |= _names(node.target)
    return names


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """Functions and methods, with those within them, and what stands outside."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.If):
            yield from _outermost(node)
        else:
            yield node


def _hand_made(source: str) -> Iterator[str]:
    for part in _outermost(ast.parse(source)):
        partials = _partials(part)
        inside_text = {id(one) for node in ast.walk(part) if isinstance(node, ast.JoinedStr) for one in node.values}
        for node in ast.walk(part):
            if isinstance(node, ast.JoinedStr):
                found = any(_writes(one) for one in node.values)
            else:
                found = id(node) not in inside_text and _writes(node)
            if found and not _names(node) & partials:
                yield getattr(part, "name", "outside of functions")


def test_nobody_else_writes_a_file_that_is_to_last() -> None:
    root = Path(auditor.__file__).parent
    found = {
        f"{path.relative_to(root).as_posix()}: {function}"
        for path in root.rglob("*.py")
        if path != root / "files" / "whole.py"
        for function in _hand_made(path.read_text("utf-8"))
    }
    assert found == ELSEWHERE.keys()


@pytest.mark.parametrize(
    "text",
    [
        'path.write_text("x")',
        'open(path, "w")',
        'path.open(mode="xb")',
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "partial.replace(path)",
        "os.replace(partial, path)",
        'con.execute(f"COPY ({query}) TO {path}")',
        "frame.write_parquet(path)",
        'with whole_file(path) as partial:\n        other.write_bytes(b"")',
    ],
)
def test_a_hand_made_writer_is_seen(text: str) -> None:
    assert list(_hand_made(f"def write():\n    {text}")) == ["write"]


@pytest.mark.parametrize(
    "text",
    [
        "text.replace('a', 'b')",
        "replace(value, field=1)",
        "frame.rename({'a': 'b'})",
        "path.open('rb')",
        "with whole_file(path) as partial, partial.open('wb') as out:\n        out.write(b'')",
        "with whole_file(path) as partial:\n        con.execute(f'COPY ({query}) TO {partial}')",
    ],
)
def test_what_is_none_is_not(text: str) -> None:
    assert list(_hand_made(f"def write():\n    {text}")) == []
