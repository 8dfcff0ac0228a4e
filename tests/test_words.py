"""Every stored word has words for people: a new one without them is a failure here, not a blank on a screen."""

from __future__ import annotations

import pytest

from auditor.cli.planned import BECAME
from auditor.findings import words
from auditor.findings.answers import ANSWER
from auditor.findings.figures import ALREADY, TAKEN_BACK
from auditor.findings.left_alone import WHY
from auditor.findings.planned import KIND
from auditor.findings.reason import Reason
from auditor.model import ContractRule, Kind, Moved, Outcome, PermissionFinding, Rule, Severity, Status, Why
from auditor.validate import preload
from auditor.validate.suite import Expectation


def test_every_word_of_the_pages() -> None:
    assert set(words.STATUS) == set(Status)
    assert set(words.MOVED) == set(Moved)
    assert set(words.REASON) == set(Reason)
    assert set(words.RULE) >= {*Rule, *ContractRule}
    assert set(WHY) == set(Why)
    assert set(words.FINDING) == set(PermissionFinding)
    assert set(words.SEVERITY) == set(Severity)


def test_what_profiles_are_counted_as_is_said_of_no_cell_and_of_no_finding() -> None:
    """A phrase with a number means one thing wherever it stands: on one screen stand all of these."""
    profiles = {told.lower() for words_of in (words.STATUS, words.FLAG) for told, _ in words_of.values()}
    assert profiles.isdisjoint(told.lower() for told in words.NEED.values())
    assert profiles.isdisjoint(told.lower() for told in ANSWER.values())
    assert not any("a decision" in told for words_of in (words.NEED, ANSWER) for told in words_of.values())


def test_every_expectation_says_what_is_wrong_in_plain_words() -> None:
    """Of whatever a steward may put into the suite, and nothing else has words there."""
    preload()
    from auditor.validate.expectations import known_types

    rules = {Expectation(kind, {}).rule for kind in known_types()} - {"nothing_to_be_said"}  # another test's own
    assert set(words.RULE) == rules | {*Rule, *ContractRule}
    assert all("_" not in text and text[0].isupper() for text in words.RULE.values())


def test_every_word_of_the_terminal() -> None:
    assert set(KIND) == set(Kind)
    assert set(BECAME) == {*Outcome, ALREADY, TAKEN_BACK}


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0.0, "0 %"),
        (1e-9, "under 0.1 %"),
        (0.0009, "under 0.1 %"),
        (0.001, "0.1 %"),
        (0.125, "12.5 %"),
        (0.5, "50 %"),
        (0.999, "99.9 %"),
        (0.9999, "over 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_that_is_not_nothing_is_never_shown_as_nothing(part: float, text: str) -> None:
    assert words.share(part) == text
