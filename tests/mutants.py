"""Small changes of a module, one at a time, and whether the tests notice: `make mutants`.

Each mutant is one changed comparison, condition, operator, constant, element or statement of a function or of a table
of the module. It is put into the running program in a process of its own, before the tests of the module run there.
What no test notices is printed, unless `EQUIVALENT` says why nobody could.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import io
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

_LONG: Final = 90
_OPTIONS: Final = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
SECONDS: Final = 300
"""A mutant that takes longer is noticed: something does not end any more."""

TESTED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "auditor.permissions": (
        "tests/test_permissions.py",
        "tests/test_undo.py::test_another_opt_out_of_either_side_at_any_time_is_known",
    ),
    "auditor.plan.needs": (
        "tests/test_pins.py::test_a_pinned_cell_is_left_alone_whoever_decides_but_an_opt_out_is_written",
        "tests/test_pins.py::test_damage_is_told_of_what_is_not_written_as_well",
        "tests/test_plan_by_cause.py::test_a_refusal_holds_while_both_values_do_and_never_keeps_an_opt_out",
        "tests/test_needs.py::test_of_some_profiles_the_same_is_said_as_of_all",
        "tests/test_needs.py::test_what_was_decided_on_other_values_is_said_to_have_changed_where_somebody_is_to_decide",
        "tests/test_decided.py::test_how_much_is_decided_is_counted_once",
        "tests/test_decided.py::test_people_who_are_one_are_left_alone_and_told_to_the_truth_and_are_not_asked_about_again",
        "tests/test_needs.py::test_nothing_of_who_was_erased_is_written_but_their_no",
        "tests/test_needs.py::test_an_opt_out_is_told_while_it_stands_whoever_decided_otherwise",
        "tests/test_needs.py::test_nobody_leaves_a_segmentation_that_everybody_is_in_nor_one_that_they_are_not_in",
        "tests/test_needs.py::test_whoever_has_no_profile_id_is_addressed_by_their_key_unless_it_is_a_fallback",
        "tests/test_needs.py::test_what_is_left_alone_is_no_question",
        "tests/test_needs.py::test_a_column_that_is_no_longer_mapped_is_left_alone",
        "tests/test_needs.py::test_whoever_exchanges_a_unique_value_asks_a_person_and_who_keeps_one_asks_nobody",
        "tests/test_fallback_keys.py::test_a_profile_without_key_is_addressed_by_its_number_or_not_at_all",
        "tests/test_fallback_keys.py::test_a_key_that_a_profile_lacks_is_given_by_a_person_only",
        "tests/test_damage.py::test_a_damaged_value_is_a_decision_and_told_to_the_truth",
        "tests/test_damage.py::test_a_person_may_decide_about_it",
        "tests/test_damage.py::test_damage_is_told_whatever_was_decided_on_other_values_before",
        "tests/test_needs.py::test_a_plan_does_with_every_combination_what_the_design_says",
    ),
}

EQUIVALENT: Final[Mapping[str, str]] = {
    "auditor.permissions.check_grounds: for column in columns if column.permission is not None"
    " -> for column in columns": "an opt-in is of permissions alone",
    "auditor.permissions._lawful: return False -> return None": "who asks takes both for no",
}
"""Mutant → why it does what the module does."""

APART: Final = (
    "Line(ON | EMPTY, OFF, ONLY_TRUTH, Ruling.OPT_OUT)",
    "Line(ON | EMPTY, OFF, ANYBODY, Ruling.OPT_OUT_IF_NEWER)",
    "Line(OFF, ON, ANYBODY, Ruling.FOR_THE_TRUTH)",
    "Line(EMPTY, ON, ANYBODY, Ruling.DECISION)",
    "Line(ANY, EMPTY, ANYBODY, Ruling.NOTHING)",
    "Line(ON, ON, ANYBODY, Ruling.NOTHING)",
)
"""The lines of permissions.TABLE that may as well stand after the next: the two never speak of the same cell."""

COMPARED: Final[Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


@dataclass(frozen=True)
class Mutant:
    """One changed statement at the top of a module, and the tables of the module after it, which depend on it."""

    name: str
    statement: ast.stmt
    later: tuple[ast.stmt, ...] = ()


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    named: Counter[str] = Counter()
    body = ast.parse(source).body
    for line, top in enumerate(body):
        tables = isinstance(top, ast.Assign | ast.AnnAssign)
        later = tuple(one for one in body[line + 1 :] if tables and isinstance(one, ast.Assign | ast.AnnAssign))
        if isinstance(top, ast.FunctionDef):
            where = top.name
        elif isinstance(top, ast.AnnAssign) and ast.unparse(top.annotation) != "TypeAlias":
            where = ast.unparse(top.target)
        elif isinstance(top, ast.Assign):
            where = ast.unparse(top.targets[0])
        else:
            continue
        for place in range(len(_nodes(top))):
            for number in range(20):
                changed = copy.deepcopy(top)
                told = _changed(changed, place, number)
                if told is None:
                    break
                name = f"{where}: {told}"
                named[name] += 1
                name = name if named[name] == 1 else f"{name} ({named[name]})"
                yield Mutant(name, ast.fix_missing_locations(changed), later)


def _changed(top: ast.stmt, place: int, number: int) -> str | None:
    """Changes the node at this place in one of the ways there are; None: there are not so many."""
    node = _nodes(top)[place]
    before = _short(node)
    ways = list(_ways(node))
    if number >= len(ways):
        return None
    told = ways[number]()
    return told if isinstance(node, ast.FunctionDef) else f"{before} -> {told or _short(node)}"


def _nodes(top: ast.AST) -> list[ast.AST]:
    """Everything in it but what says of which type something is."""
    found = [top]
    for name, value in ast.iter_fields(top):
        if name not in ("annotation", "returns"):
            for one in value if isinstance(value, list) else [value]:
                found += _nodes(one) if isinstance(one, ast.AST) else []
    return found


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split()) if isinstance(node, ast.expr | ast.stmt | ast.comprehension) else ""
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _ways(node: ast.AST) -> Iterator[Callable[[], str | None]]:
    """What may be changed of a node; each tells what it did, where the changed node does not."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARED.get(type(node.ops[0]), ()):
            yield partial(_set, node, "ops", [other()])
    elif isinstance(node, ast.BoolOp):
        yield partial(_set, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for at in range(len(node.values)):
            yield partial(_without, node.values, at)
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield partial(_set, node, "op", OPERATORS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield partial(_positive, node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield partial(_set, node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield partial(_set, node, "value", node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield partial(_set, node, "test", ast.Constant(True))
        yield partial(_set, node, "test", ast.Constant(False))
    elif isinstance(node, ast.If | ast.While):
        yield partial(_set, node, "test", ast.Constant(True), "if True")
        yield partial(_set, node, "test", ast.Constant(False), "if False")
    elif isinstance(node, ast.comprehension):
        for at in range(len(node.ifs)):
            yield partial(_without, node.ifs, at)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set) and not isinstance(getattr(node, "ctx", None), ast.Store):
        many = len(node.elts) if len(node.elts) > 1 or isinstance(node, ast.List | ast.Set) else 0
        for at in range(many):
            yield partial(_without, node.elts, at, f"without {_short(node.elts[at])}")
        for at in range(many - 1 if many > 5 and not isinstance(node, ast.Set) else 0):
            yield partial(_swap, node.elts, at, f"{_short(node.elts[at])[:60]} after the next")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        yield partial(_set, node.func, "id", "min" if node.func.id == "max" else "max")
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        yield partial(_set, node, "value", ast.Constant(None))
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        for at, statement in enumerate(block if isinstance(block, list) else ()):
            plain = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, ast.Expr | ast.AugAssign | ast.Continue | ast.Raise) and not plain:
                assert isinstance(block, list)
                yield partial(_passed, block, at, f"without {_short(statement)}")


def _set(node: ast.AST, name: str, value: object, told: str | None = None) -> str | None:
    setattr(node, name, value)
    return told


def _without(elements: list[ast.expr], at: int, told: str | None = None) -> str | None:
    del elements[at]
    return told


def _swap(elements: list[ast.expr], at: int, told: str) -> str:
    elements[at], elements[at + 1] = elements[at + 1], elements[at]
    return told


def _passed(block: list[ast.stmt], at: int, told: str) -> str:
    block[at] = ast.Pass()
    return told


def _positive(node: ast.UnaryOp) -> str:
    """What is denied is said: twice denied, by the same operator."""
    node.operand = ast.UnaryOp(node.op, node.operand)
    return _short(node)


def put(module: ModuleType, statement: ast.stmt) -> None:
    """Make a changed statement hold in the running program, for whoever has imported the function already."""
    code = compile(ast.Module([statement], []), str(module.__file__), "exec", dont_inherit=True, flags=_ANNOTATIONS)
    if not isinstance(statement, ast.FunctionDef):
        exec(code, module.__dict__)  # noqa: S102 - our own module
        return
    made: dict[str, object] = {}
    before = module.__dict__[statement.name]
    exec(code, module.__dict__, made)  # noqa: S102
    after = made[statement.name]
    assert isinstance(before, FunctionType)
    assert isinstance(after, FunctionType)
    for name in ("__code__", "__defaults__", "__kwdefaults__"):
        setattr(before, name, getattr(after, name))


_ANNOTATIONS: Final = 0x1000000
"""`from __future__ import annotations`, which a part of a module does not repeat."""


def survives(module: str, mutant: Mutant | None, tests: tuple[str, ...]) -> bool:
    """Whether the tests pass where the mutant stands in for what it was made of."""
    return all(_passes(module, mutant, test) for test in tests)


def _passes(module: str, mutant: Mutant | None, test: str) -> bool:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(SECONDS)
            import pytest

            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                if mutant is not None:
                    for statement in (mutant.statement, *mutant.later):
                        put(importlib.import_module(module), statement)
                code = int(pytest.main([*_OPTIONS, test]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def _file(test: str) -> str:
    return test.partition(".py")[0].replace("/", ".")


def explained(name: str) -> str | None:
    """Why a mutant does what the module does; None: nobody knows of a reason."""
    moved = tuple(f"-> {one} after the next" for one in APART)
    if name.startswith("auditor.permissions.TABLE: ") and name.endswith(moved):
        return "no cell is in both lines"
    return EQUIVALENT.get(name)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Try all mutants, print those that survive; an exit code of 1 when there is one that nobody explained."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="mutants whose name holds this text")
    parser.add_argument("--list", action="store_true", help="name them, and try none")
    options = parser.parse_args()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # which takes longer than most tests
    failed = False
    for module, tests in TESTED_BY.items():
        source = Path(str(importlib.import_module(module).__file__)).read_text("utf-8")
        found = [one for one in mutants(source) if options.only in f"{module}.{one.name}"]
        if options.list:
            _say("\n".join(f"{module}.{one.name}" for one in found))
            continue
        for name in (
            "auditor.commands.apply",
            "pytest",
            "hypothesis.strategies",
            "tests.conftest",
            *sorted(set(map(_file, tests))),
        ):
            importlib.import_module(name)  # whatever it imports is there for all of them
        if found and not survives(module, None, tests):
            raise SystemExit(f"the tests of {module} fail before anything is changed")
        left = []
        for one in found:
            if survives(module, one, tests):
                left.append(f"{module}.{one.name}")
                reason = explained(left[-1])
                _say(f"survives: {left[-1]}{'' if reason is None else f' – {reason}'}")
        known = {name for name in left if explained(name) is not None}
        _say(f"{module}: {len(found)} mutants, {len(left)} survive, {len(known)} of them equivalent")
        failed = failed or bool(set(left) - known)
    raise SystemExit(failed)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
