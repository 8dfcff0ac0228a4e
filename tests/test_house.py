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


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
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


# --- what travels ---

INSIDE = ("actito", "sandbox", "settings", "cli")
"""Rooms at the edge, whose values speak of Actito, of a file of settings or of a screen."""

DEFAULTS = {
    "apply/job.py:Limits": "how much at once and how long to wait: nothing that an earlier stage found out",
    "commands/doctor/subject.py:Finding": "what is fine needs no repair",
    "commands/init/explain.py:Explained": "most settings come from no variable",
    "commands/init/propose.py:Looked": "filled while a side is looked at",
    "commands/init/propose.py:Mapped": "what a proposed column does not say, the contract's format leaves out as well",
    "commands/init/propose.py:Proposal": "most proposals need no note",
    "commands/init/values.py:Reading": "values that are read as they stand",
    "commands/init/written.py:Answers": "questions that a person need not answer",
    "commands/run_inputs.py:Request": "what a person need not ask for",
    "files/rewrite.py:Rewrite": "the mode that all but the files for others have",
    "findings/codes.py:NotChecked": "a code has the parameters of its sentence",
    "findings/codes.py:Notice": "a code has the parameters of its sentence",
    "model.py:Attribute": "as Actito's answers leave out what is usual",
    "model.py:Segmentation": "as Actito's answers leave out what is usual",
    "model.py:Structure": "a table without subscriptions, segmentations and references is one",
    "plan/decisions.py:Decision": "what the ledger, or a file of an earlier version, does not say",
    "pull/__init__.py:Means": "what only some locations need",
    "state/ledger/records.py:Decision": "whom it overrules is no part of the record",
    "structure/fit.py:Finding": "how grave it is, where it is not the usual",
    "load/form.py:Form": "most of how a file is written is recognised, not said",
    "structure/proposal.py:Addition": "one of four things is added",
    "structure/proposal.py:Proposal": "most proposals need no note",
    "structure/survey.py:Wish": "what a person need not wish",
    "validate/suite.py:Expectation": "what other tools leave in a suite's file",
    "validate/suite.py:Suite": "what other tools leave in a suite's file",
}
"""Values that travel and have a field, or a method with a parameter, with a default; and why forgetting it hides
nothing.
"""


def room_of(path: str) -> str:
    """Commands are rooms of their own here."""
    return path if path.startswith("commands/") else path.partition("/")[0]


def travelling() -> Iterator[tuple[str, ast.ClassDef]]:
    """The dataclasses that another room imports, by module and name."""
    taken: dict[tuple[str, str], set[str]] = {}
    for path, text in modules().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for one in node.names:
                    taken.setdefault((node.module, one.name), set()).add(room_of(path))
    for path, text in modules().items():
        module = "auditor." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list):
                doors = (module, module.rpartition(".")[0])
                if set().union(*(taken.get((door, node.name), ()) for door in doors)) - {room_of(path)}:
                    yield path, node


def has_default(field: ast.AnnAssign) -> bool:
    if isinstance(field.value, ast.Call) and ast.unparse(field.value.func) == "field":
        return any(word.arg in ("default", "default_factory") for word in field.value.keywords)
    return field.value is not None


def test_what_a_stage_hands_on_has_no_defaults() -> None:
    """A part that is forgotten is an error of the type checker: where nobody asked for it, the stage says None."""
    found = {
        f"{path}:{one.name}"
        for path, one in travelling()
        if path.partition("/")[0] not in INSIDE
        and (
            any(isinstance(field, ast.AnnAssign) and has_default(field) for field in one.body)
            or any(method.args.defaults or any(method.args.kw_defaults) for method in functions(one))
        )
    }
    assert found == set(DEFAULTS)


def test_what_travels_is_looked_at() -> None:
    """The values that the page of the house names are among those of the law."""
    looked = {one.name for _, one in travelling()}
    page = (DOCS / "architecture.md").read_text("utf-8").partition("| value |")[2].partition("\n\n")[0]
    named = {name for line in page.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named
    assert named <= looked


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
    "validate/conditions.py": "the rules of the structure are asked in the expressions of SQLAlchemy",
}
"""Who may have the connection itself, and why: whoever borrows it can read any table by its name."""


def test_the_connection_is_borrowed_only_by_libraries_that_bring_their_own_sql() -> None:
    borrowed = {
        path: number
        for path, text in modules().items()
        if (number := sum(getattr(node, "attr", "") == "borrowed" for node in ast.walk(ast.parse(text))))
    }
    assert borrowed == dict.fromkeys(BORROWERS, 1)
