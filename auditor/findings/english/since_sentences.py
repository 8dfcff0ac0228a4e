"""What is known since a plan was made, in English: what of it is not written any more, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from auditor.findings.english.numbers import counted
from auditor.findings.since import Drift, Since, Spot
from auditor.findings.words import Words

SINCE: Final[Mapping[str, str]] = {
    Since.ERASED: "the person was erased on request",
    Since.OTHER_PERSON: "the key belongs to somebody else now",
    Since.RENAMED: "the person has another key by now: plan again",
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

DETAIL: Final[Mapping[str, str]] = {
    "": "another value than was audited",
    "gone": "the profile that it was planned for is not in {platform} any more",
    "not_found": "the profile that it was planned for is not in {platform} any more",
    "key": "the profile has another key by now",
    "value": "another value than was audited",
    "touched": "the profile was changed in {platform} since we wrote to it",
    "untold": "whether the profile was changed since we wrote to it, nobody can tell",
    "unreadable": "{platform} does not tell what is there",
    "erased": "erased on request",
    "exists": "another profile has a unique value of theirs",
    "refused": "without a reason",
    "edited": "edited since it was sent, as the next export showed",
    "export": "another value in the next export",
    "superseded": "written again since",
}
"""Why a write was refused, or left because its profile had changed; any other is a code of the platform's own."""

NAMED: Final = 10
"""People who are named where many may be."""


def whose(spots: Iterable[Spot]) -> str:
    """`C1 (city, lastName), C2 and 3 more`: people in their order, with the fields that it is about."""
    columns: dict[str, list[str]] = {}
    for key, column in spots:
        columns.setdefault(key, []).extend([column] if column else [])
    told = [f"{key} ({', '.join(fields)})" if fields else key for key, fields in list(columns.items())[:NAMED]]
    more = len(columns) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more else "")


def drift_report(drift: Drift, words: Words) -> Iterator[tuple[int, str]]:
    """The lines that tell what of a plan is not written any more, and how far each is indented; none where all is."""
    if drift.held or drift.new:
        told = f"the run {drift.run} and the ledger tell" if drift.run else "the ledger tells"
        parts = [f"{drift.gone:,} no longer planned, {drift.changed:,} planned otherwise by now"]
        parts += [f"{len(drift.new):,} new"] if drift.run else []
        yield 2, f"since this plan was made, as {told} it: {', '.join(parts)}"
    if drift.held:
        yield 4, f"{counted(len(drift.held), 'planned value')} not written any more:"
        for since, number in drift.counts.items():
            named = whose(drift.spots(since))
            yield 6, f"{number:,} × {words.fill(SINCE[since])}" + (f": {named}" if named else "")
        if any(len({key for key, _ in drift.spots(since)}) > NAMED for since in drift.counts):
            yield 4, "once the plan is applied, every one is in its outcome file, which lies beside it"
    if drift.new:
        yield 4, f"{counted(len(drift.new), 'value')} of the same people would be planned now beside them: plan again"
