"""Help is asked for often and in a hurry: it must not load what only work needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "great_expectations",
    "pandas",
    "pyspark",
    "ibis",
    "duckdb",
    "polars",
    "pyarrow",
    "sqlalchemy",
    "httpx",
    "starlette",
}

_MODULES = """
import json, sys
from auditor.cli import execute
code = execute(sys.argv[1:])
print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


def _loaded(*arguments: str) -> set[str]:
    """The top-level modules in a new process that has run the command with these arguments."""
    done = subprocess.run([sys.executable, "-c", _MODULES, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = _loaded(*arguments)
    assert "click" in loaded
    assert not loaded & HEAVY


def test_help_of_each_command_loads_nothing_heavy() -> None:
    """All in one process: what any of them loaded would still be there at the end."""
    from auditor.cli import COMMANDS

    every = "; ".join(f"assert execute([{name!r}, '--help']) == 0" for name in COMMANDS)
    script = f"import json, sys; from auditor.cli import execute; {every}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


_VALIDATES = """
import importlib.util, json, sys
from auditor.validate import preload
preload()
assert importlib.util.find_spec("pyspark")
print(json.dumps(sorted(sys.modules)))

from scipy import stats
print(stats.norm.cdf(0.0))
"""


def test_an_audit_loads_neither_spark_nor_statistics_that_nobody_asks_for() -> None:
    """Great Expectations would: Spark where it is installed (seconds, a warning, and the end of a process without it),
    and all of scipy for two expectations about distributions, which find it when they are asked.
    """
    done = subprocess.run([sys.executable, "-c", _VALIDATES], capture_output=True, text=True, check=True)
    modules, half = map(json.loads, done.stdout.splitlines()[-2:])
    assert "great_expectations" in {name.partition(".")[0] for name in modules}
    assert "pyspark" not in {name.partition(".")[0] for name in modules}
    assert "scipy.stats.distributions" not in modules
    assert half == 0.5
    assert done.stderr == ""


def test_help_is_quick() -> None:
    """How long it takes is how much it imports: of what is installed Click alone, of ours what ends a command well, of
    Python little more than Click does.
    """
    bare, helped, click = (_modules(code) for code in ("", "from auditor.cli import execute; execute(['--help'])",
                                                       "import click"))  # fmt: skip
    new = helped - bare
    assert {name.partition(".")[0] for name in new} - sys.stdlib_module_names == {"auditor", "click"}
    ours = {name for name in new if name.startswith("auditor")}
    assert ours == {"auditor", "auditor.cli", "auditor.cli.interrupts", "auditor.errors", "auditor.logs"}
    assert len(new - ours - click) <= 25


def _modules(code: str) -> set[str]:
    """All modules in a new process that has run this."""
    script = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())
