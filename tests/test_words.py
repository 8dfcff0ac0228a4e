"""Every stored word has words for people: a new one without them is a failure here, not a blank on a screen."""

from __future__ import annotations

from auditor import words
from auditor.cli.planned import KIND, OUTCOME, WHY
from auditor.cli.summary import VERDICT
from auditor.model import Kind, Moved, Outcome, PermissionFinding, Reason, Rule, Status, Verdict, Why


def test_every_word_of_the_pages() -> None:
    assert set(words.STATUS) == set(Status)
    assert set(words.MOVED) == set(Moved)
    assert set(words.REASON) == set(Reason)
    assert set(words.RULE) == set(Rule)
    assert set(words.FINDING) == set(PermissionFinding)


def test_every_word_of_the_terminal() -> None:
    assert set(WHY) == set(Why)
    assert set(KIND) == set(Kind)
    assert set(OUTCOME) == set(Outcome)
    assert set(VERDICT) == set(Verdict)
