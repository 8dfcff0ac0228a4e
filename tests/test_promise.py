"""Each sentence of the promise names tests that are there; and those that had none."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.commands.plan import CHANGED, changed_much, plan
from auditor.findings.codes import Code
from auditor.findings.sentences import of_plan
from auditor.findings.words import Words
from auditor.model import Kind, Moved, Status
from auditor.plan import make_plans
from auditor.settings.contract import Column, Compare, Polarity
from tests.audits import audit_of, difference
from tests.consent_law import NEWS
from tests.consent_world import World, in_memory
from tests.nothing_known import a_policy, facts, knowledge
from tests.test_damage import STRUCTURE

ROOT = Path(__file__).parent.parent
PROMISE = (ROOT / "docs" / "promise.md").read_text("utf-8")
LINK = re.compile(r"`(tests/\w+\.py)(?:::(\w+))?`")
KEPT, NOT_KEPT = PROMISE.split("## Not kept yet")


def test_each_sentence_names_tests_that_are_there() -> None:
    lacking = []
    for file, name in LINK.findall(KEPT):
        path = ROOT / file
        tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if not path.is_file() or (name and name not in names):
            lacking.append(f"{file}::{name}")
    assert lacking == []


def test_no_sentence_is_without_a_test() -> None:
    sentences = re.split(r"(?m)^- ", KEPT)[1:]
    assert len(sentences) > 40
    assert [text.split("\n")[0] for text in sentences if not LINK.search(text)] == []
    assert "tests/" not in NOT_KEPT


@pytest.mark.parametrize(
    ("polarity", "platform", "truth", "expected"),
    [
        (Polarity.OPT_IN, "true", "false", (Kind.UNSUBSCRIBE, "false")),
        (Polarity.OPT_IN, "false", "true", None),
        (Polarity.OPT_OUT, "false", "true", (Kind.UNSUBSCRIBE, "true")),
        (Polarity.OPT_OUT, "true", "false", None),
    ],
)
def test_a_segment_that_is_a_permission_goes_down_alone(
    polarity: Polarity, platform: str, truth: str, expected: tuple[Kind, str] | None
) -> None:
    name = "segmentations#NoMail"
    column = Column(name, "no_mail", name, Compare.BOOLEAN, permission=polarity)
    moved = difference("C1", name, platform, truth, status=Status.STALE.value, moved=Moved.TRUTH.value, base=platform)
    audit = audit_of(differences=[moved], columns=(column,))
    found, _ = make_plans(audit, a_policy(), facts(knowledge(STRUCTURE)))
    written = [(write.kind, cell.after) for write in found.writes for cell in write.cells]
    assert written == ([] if expected is None else [expected])
    assert expected or [item.why for item in found.left] == ["for_the_truth"]


@pytest.mark.parametrize(("number", "stops"), [(10, False), (11, True)])
def test_a_column_that_changed_in_more_than_a_tenth_stops_a_plan(number: int, stops: bool) -> None:
    assert CHANGED == 0.1
    rows = [
        difference(f"C{place}", "firstName", "Anna", "Bea", moved=Moved.TRUTH.value, status=Status.STALE.value)
        for place in range(number)
    ]
    unknown = [difference(f"D{place}", "lastName", "Anna", "Bea", moved=Moved.UNKNOWN.value) for place in range(40)]
    audit = audit_of(differences=[*rows, *unknown], equal=60 - number)
    assert sum(audit.counts.profiles.values()) == 100
    told = list(changed_much(audit))
    assert [(one.code, one.parameters["column"]) for one in told] == [(Code.MUCH_CHANGED, "firstName")] * stops


def test_a_run_in_which_a_column_changed_that_much_stops_its_plan(tmp_path: Path) -> None:
    """One of five people, since both sides agreed on them; on the platform as well as in the truth."""
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    moved, edited = world.people[:2]
    with in_memory(world):
        world.run()
        world.now += timedelta(hours=5)
        assert moved.row is not None
        moved.row |= {"city": "Zoersel", "modified_at": world.stamp(world.now)}
        world.platform.profiles[edited.profile_id or ""][NEWS] = "false"
        world.run()
        corrections = plan(world.settings, now=world.now)[0].plan
    told = of_plan(corrections.stop or (), Words("Actito", "CRM"))
    for column in ("city", NEWS):
        assert f"{column} changed in 1 of 5 profiles since the last run" in told
