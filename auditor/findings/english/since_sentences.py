"""What is known since a plan was made, in English: what of it is not written any more, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from auditor.findings.english.numbers import counted
from auditor.findings.since import Drift, Since
from auditor.findings.words import Words

SINCE: Final[Mapping[str, str]] = {
    Since.ERASED: "the person was erased on request",
    Since.OTHER_PERSON: "the key belongs to somebody else now",
    Since.GONE: "deleted in {platform} since",
    Since.DECIDED: "somebody decided otherwise",
    Since.UNDONE: "written once and taken back",
    Since.PINNED: "pinned: somebody says that {platform} is right",
    Since.WRITTEN: "another plan has written it",
    Since.OPTED_OUT: "no evidence newer than the last opt-out known now",
    Since.CONSENT: "the general consent is off",
    Since.PLATFORM: "{platform} has another value than when it was planned",
    Since.TRUTH: "{truth} says something else than what was planned",
    Since.AGREES: "{platform} and {truth} agree by now",
    Since.THERE: "in {platform} by now, or a unique value of theirs is",
    Since.UNPLANNED: "would not be planned any more",
    Since.WITH_ANOTHER: "goes only together with one of the others",
}
"""Why a planned cell is not written any more."""


def drift_report(drift: Drift, words: Words) -> Iterator[tuple[int, str]]:
    """The lines that tell what of a plan is not written any more, and how far each is indented; none where all is."""
    if drift.held or drift.new:
        against = f"the run {drift.run} and the ledger" if drift.run else "the ledger"
        parts = [f"{drift.gone:,} gone, {drift.changed:,} changed", *([f"{len(drift.new):,} new"] if drift.run else [])]
        yield 2, f"since this plan was made, as {against} tell it: {', '.join(parts)}"
    if drift.held:
        yield 4, f"{counted(len(drift.held), 'planned value')} not written any more:"
        for since, number in drift.counts.items():
            yield 6, f"{number:,} × {words.fill(SINCE[since])}"
    if drift.new:
        yield 4, f"{counted(len(drift.new), 'value')} of the same people would be planned now beside them: plan again"
