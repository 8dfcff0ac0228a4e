"""Time is given, never read: which moment it is, programs are told and tests say. Nobody waits for it to pass."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

READ = re.compile(
    r"(datetime|date|time)\.(now|today|utcnow|time|time_ns)|sa\.func\.(current_\w+|now)|(?i:current_(date|timestamp))"
)
"""What asks a clock which moment it is: the machine's, or a database's."""
WAITS = re.compile(r"(time|asyncio)\.sleep")

CLOCKS = {
    "auditor/cli/clock.py": "where commands have it from",
    "auditor/commands/compare.py": "for who calls from Python and says none",
    "auditor/commands/doctor/platform.py": "whether the machine's clock goes right",
    "auditor/actito/answers.py": "how long a Retry-After is that names a moment, where its answer names none",
    "auditor/actito/ending.py": "whether an end that the platform announced has come, where no moment is given",
    "auditor/engine/condition.py": "for the conditions of a user, who may compare with today",
    "auditor/pull/__init__.py": "how long ago the machine wrote a file",
    "auditor/pull/kept.py": "the same",
    "auditor/pull/databases/others.py": "when a database was read that does not say so itself",
    "auditor/pull/databases/sqlite.py": "the same",
    "auditor/validate/contact_checks.py": "for who asks Great Expectations without us",
    "auditor/sandbox/clock.py": "the clock of the sandbox, which tests set",
    "tests/canary.py": "names of the tests of such conditions",
    "tests/test_conditions.py": "such conditions",
    "tests/test_condition_texts.py": "such conditions",
}
"""Modules that read one, and what for."""
WAITING = {
    "auditor/actito/connection.py": "handed in: how it waits for its turn",
    "auditor/apply/__init__.py": "handed in: between two questions about an import",
    "auditor/cli/clock.py": "where commands have it from",
    "auditor/commands/apply.py": "handed in: until what was sent must be shown",
    "auditor/commands/structure.py": "handed in: before a change is read back",
    "auditor/pull/__init__.py": "handed in: between two looks at a file that is being written",
    "auditor/pull/databases/wire.py": "for a thread that is about to end",
    "auditor/sandbox/imports.py": "for no time: lets other calls be answered",
    "auditor/sandbox/serve.py": "for a server that is about to listen",
    "tests/driven_sandbox.py": "where a command waits for an import, which goes on meanwhile",
    "tests/given_time.py": "a part of what commands wait for what may be shown late",
    "tests/postgres_server.py": "for a server of another program to listen",
    "tests/test_limits.py": "real processes that share real limits",
}


def places(names: re.Pattern[str]) -> set[str]:
    """Modules of the program and of the tests in which such a name stands, in code that is run as text too."""
    found = set()
    for path in (*REPOSITORY.glob("auditor/**/*.py"), *REPOSITORY.glob("tests/**/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        documented = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, DOCUMENTED)}
        for node in ast.walk(tree):
            code = isinstance(node, ast.Attribute) and names.fullmatch(ast.unparse(node))
            text = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in documented
            if code or (text and re.search(rf"\b({names.pattern})\b", str(getattr(node, "value", "")))):
                found.add(path.relative_to(REPOSITORY).as_posix())
    return found


DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize(("names", "allowed"), [(READ, CLOCKS), (WAITS, WAITING)])
def test_time_is_read_and_waited_for_in_these_places_alone(names: re.Pattern[str], allowed: dict[str, str]) -> None:
    assert places(names) == set(allowed)
