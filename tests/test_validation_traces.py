"""What Great Expectations leaves behind in a whole run, watched from outside: no file, no line, no connection, no copy.

The run is a process of its own, with a home, a folder for temporary files and a working folder where nothing is yet.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.files.running import running_folder
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import copy, made

WATCHED = """
import json, sys, threading

seen = {"written": [], "connected": [], "imported_in": [], "frames": []}

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and (flags or 0) & 3:  # for writing
            seen["written"].append(path)
    elif event in ("os.mkdir", "os.rename", "os.symlink"):
        seen["written"].append(str(arguments[1 if event == "os.rename" else 0]))
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        seen["connected"].append(arguments[1][0])
    elif event == "import" and arguments[0] == "great_expectations":
        seen["imported_in"].append(threading.current_thread().name)
        import pandas  # imported by it anyway
        made = pandas.DataFrame.__init__
        def counting(frame, *args, **kwargs):
            made(frame, *args, **kwargs)
            seen["frames"].append(len(frame))
        pandas.DataFrame.__init__ = counting

sys.addaudithook(watch)
from auditor.cli import execute
code = execute(["run", "--settings", sys.argv[1]])
import pandas
pandas.DataFrame({"proof": ["that frames are counted"]})
with open(sys.argv[2], "w") as told:
    json.dump(seen, told)
sys.exit(code)
"""


@dataclass(frozen=True)
class Watched:
    root: Path
    """Holds the working folder of the audit, the home, the temporary folder and the current one."""
    run: Path
    seen: dict[str, list[Any]]
    said: str


@pytest.fixture(scope="module")
def watched(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    root = tmp_path_factory.mktemp("traces")
    folder = copy(made(tmp_path_factory).agreed, root / "work", sandbox)
    for name in ("home", "tmp", "here"):
        (root / name).mkdir()
    home = {"HOME": str(root / "home"), "USERPROFILE": str(root / "home"), "TMPDIR": str(root / "tmp")}
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "GX_", "PYTEST"))}
    done = subprocess.run(
        [*given_time.script(WATCHED), str(folder / "auditor.toml"), str(root / "seen.json")],
        env={**kept, **home, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=root / "here",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))
    return Watched(root, run, json.loads((root / "seen.json").read_text("utf-8")), done.stdout + done.stderr)


def test_validation_took_place(watched: Watched) -> None:
    content = json.loads((watched.run / "validation.json").read_text("utf-8"))
    outcomes = {result["outcome"] for side in content["sides"].values() for result in side["results"]}
    assert {"met", "failed"} <= outcomes
    assert pl.read_parquet(watched.run / "violations.parquet").height


def test_no_file_lands_outside_the_folders_of_the_audit(watched: Watched) -> None:
    left = {name: list((watched.root / name).rglob("*")) for name in ("home", "tmp", "here")}
    assert left == {"home": [], "tmp": [], "here": []}
    work = watched.root / "work"
    written = {Path(path) for path in watched.seen["written"]} - {Path(os.devnull), watched.root / "seen.json"}
    # What processes that run share is nothing of the audit's, and goes with the machine.
    shared = running_folder(work / "state").name
    written = {path for path in written if shared not in (path.name, path.parent.name) and not path.is_mount()}
    assert {path.relative_to(work).parts[0] for path in written} <= {"runs", "state", "expectations"}


def test_it_prints_nothing_and_talks_to_nobody(watched: Watched) -> None:
    for noise in ("Calculating", "it/s", "%|", "great_expectations", "Warning:", "posthog", "INFO", "DEBUG"):
        assert noise not in watched.said
    assert set(watched.seen["connected"]) <= {"127.0.0.1"}


def test_it_is_imported_beside_the_pulling(watched: Watched) -> None:
    """Nobody waits for it: the thread that imports it begins with the run."""
    assert set(watched.seen["imported_in"]) == {"preload"}


def test_the_table_is_never_copied_into_pandas(watched: Watched) -> None:
    rows = json.loads((watched.run / "run.json").read_text("utf-8"))["rows"]["platform"]
    assert watched.seen["frames"][-1] == 1, "made by the test itself, when all was done"
    assert max(watched.seen["frames"]) < rows / 2
