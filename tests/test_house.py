"""Laws over the house: how many rooms it has and ways between them, how long what stands in it may be, how it is named
and how described. Who may import what is `test_walls`.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.rooms import arrows

PROGRAM = Path(__file__).parents[1] / "auditor"

ROOMS = 30
ARROWS = 150
LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 120
"""Of a spine, which names the stages, and of any other function."""

BESIDE_THE_POINT = re.compile(r"(Of|In|At(?! (most|least))|With|Without|From|By|For|To|As)\b")
"""How a docstring does not begin: with where, for whom or of what. It begins with a subject or a verb."""
SAYS_NOTHING = re.compile(r"^(utils?|helpers?|common|misc|base|core|shared|lib|tools?|stuff|manager)$")


@cache
def modules() -> dict[str, str]:
    """The text of each, by its path within the program."""
    return {path.relative_to(PROGRAM).as_posix(): path.read_text("utf-8") for path in sorted(PROGRAM.rglob("*.py"))}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


# --- rooms ---


def test_rooms_and_ways_between_them_are_few() -> None:
    leads = arrows()
    assert len(leads) <= ROOMS
    assert sum(map(len, leads.values())) <= ARROWS


# --- lengths ---


def test_no_module_is_long() -> None:
    lines = {path: text.count("\n") for path, text in modules().items()}
    assert {path for path, number in lines.items() if number > LINES} == set()
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_no_function_is_long() -> None:
    long = {
        f"{path}:{one.name}"
        for path, text in modules().items()
        for one in functions(ast.parse(text))
        if (one.end_lineno or one.lineno) - one.lineno + 1 > FUNCTION_LINES
    }
    assert long == set()


# --- names ---


def test_a_module_says_in_its_name_what_it_is() -> None:
    assert [
        path for path in modules() if any(SAYS_NOTHING.match(part) for part in Path(path).with_suffix("").parts)
    ] == []


def test_no_room_has_two_modules_of_one_name() -> None:
    """`actito/spelling` and `explain/spelling` are told apart by their rooms; two of one room would not be."""
    names = Counter((Path(path).parts[0], Path(path).stem) for path in modules() if Path(path).name != "__init__.py")
    assert [name for name, number in names.items() if number > 1] == []


def test_no_module_has_the_name_of_its_room() -> None:
    """What a room is about stands in its `__init__`."""
    assert [path for path in modules() if Path(path).stem in Path(path).parts[:-1]] == []


# --- descriptions ---


def test_a_description_begins_with_its_subject_or_verb() -> None:
    """Not "Of the cells in long form those of …" but "Selects the cells …"."""
    odd = {
        f"{path}:{name}: {text.splitlines()[0]}"
        for path, module in modules().items()
        for name, text in descriptions(ast.parse(module))
        if BESIDE_THE_POINT.match(text)
    }
    assert odd == set()


def descriptions(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The docstrings of a module and of what is public in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = getattr(node, "name", "")
            text = ast.get_docstring(node)
            if text and not name.startswith("_"):
                yield name, text


# --- pages ---

DOCS = PROGRAM.parent / "docs"


@pytest.mark.parametrize("page", ["architecture.md", "newcomers.md"])
def test_a_page_about_the_house_names_what_there_is(page: str) -> None:
    named = re.findall(r"`((?:auditor|tests|docs|reports)/[\w./]*)`", (DOCS / page).read_text("utf-8"))
    assert [path for path in named if "NAME" not in path and not (PROGRAM.parent / path).exists()] == []


# --- the connection ---


def test_nothing_but_the_engine_touches_a_connection_and_no_table_is_asked_for_by_name() -> None:
    """A table is a value that is handed on: one that nobody was given is an error of the type checker, never empty."""
    touched = {
        f"{path}: {node.attr}"
        for path, text in modules().items()
        if not path.startswith(("engine/", "sandbox/", "actito/", "state/ledger/"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and (node.attr in ("con", "_con") or (node.attr == "table" and ast.unparse(node.value).endswith("engine")))
    }
    assert touched == set()


BORROWERS = {
    "validate/__init__.py": "Great Expectations brings its own SQL to the rows that are validated",
    "explain/persons/with_splink.py": "splink brings its own SQL to the persons that it compares",
    "structure/measure.py": "a survey asks all rules of the suite at once, in the expressions of SQLAlchemy",
}
"""Who may have the connection itself, and why: whoever borrows it can read any table by its name."""


def test_the_connection_is_borrowed_only_by_libraries_that_bring_their_own_sql() -> None:
    borrowed = {
        path: number
        for path, text in modules().items()
        if (number := sum(getattr(node, "attr", "") == "borrowed" for node in ast.walk(ast.parse(text))))
    }
    assert borrowed == dict.fromkeys(BORROWERS, 1)
