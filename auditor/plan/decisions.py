"""What stewards decided: the file that the worklist lets them download, read and checked.

A decision is a person, a column, both values as they were seen, and a choice. It counts on any later run while both
values still hold, and on a permission until something is heard of that (see `auditor.plan.news`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self

import polars as pl
import pydantic

from auditor.errors import SettingsError
from auditor.findings.answers import LAST_DAY
from auditor.findings.decided import GIVE_BACK, GIVEN_BACK
from auditor.model import PermissionFinding
from auditor.settings.problems import Strict, nearest, problem_list, read_json
from auditor.state.ledger.records import PROFILE, SAME_PERSON, About, GivesBack
from auditor.state.ledger.records import Decision as Remembered

_SHOWN = 20
"""Problems of one file that are listed; the rest are counted."""


class Choice(StrEnum):
    TRUTH = "truth"
    """Write the truth's value to the platform."""
    PLATFORM = "platform"
    """The platform is right: a line for the owners of the truth."""
    IGNORE = "ignore"
    """Leave both as they are."""
    REFUSED = "refused"
    """Not now: it holds for some days, unless a value changes before."""
    TWO_PEOPLE = "two_people"
    """Of a pair of probably one person: they are two, and each is planned for as if the other were not there."""
    SAME = "same"
    """Of such a pair: they are one. Nobody is asked again and nothing is merged; the owners of the truth are told."""
    WITHDRAW = "withdraw"
    """Withdraw a permission on the platform."""
    GROUNDS = "grounds"
    """Of a finding about a permission: there are grounds for it, which hold until a day."""
    OWNERS = "owners"
    """Of a finding about a permission: a line for the owners of the truth."""


OF_PAIRS: Final = frozenset((Choice.TWO_PEOPLE, Choice.SAME))
"""What can be said of two people; everything else is said of a cell."""

OF_A_FINDING: Final = (Choice.GROUNDS, Choice.OWNERS)
"""Choices that are about one finding, and say nothing of others on the same cell."""


DECIDED: Final = pl.Schema(
    {
        "chosen": pl.String(),  # Decision.told; null, like the following, where nobody has decided
        "decided_by": pl.String(),
        "decided_at": pl.Datetime("us", "UTC"),
        "overrules": pl.String(),  # Decision.overrules
    }
)
"""What is told of the last decision on a cell or on a pair, whether it still holds or not."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person chose for one cell."""

    key: str
    column: str
    platform: str | None
    """The platform's text as it was seen; None: empty, or no such profile."""
    truth: str | None
    """The truth's text as it was seen, in the form in which it would be sent; None: empty."""
    choice: Choice
    by: str
    """The person's name."""
    run: str = ""
    """The run whose worklist it was made in."""
    made: datetime | None = None
    """When it was chosen; None: the file does not say, as those of earlier versions."""
    overrules: str | None = None
    """Who had decided otherwise on the same values before; None: nobody else had."""
    about: About | None = None
    """The finding that it is about, where its choice is OF_A_FINDING."""
    lapsed: bool = False
    """It is asked again, like one on other values: something was heard of the permission since, or it would give one
    and nobody can tell whose key it was then."""
    gives_back: GivesBack | None = None
    """As the ledger's."""

    @property
    def told(self) -> str:
        """The choice, as people are told it: one of findings.decided.CHOICE."""
        return told(self.choice, self.gives_back)

    def holds(self, platform: str | None, truth: str | None) -> bool:
        """True while both sides still have the values that were decided on. Empty text and null are the same."""
        return not self.lapsed and (self.platform or None, self.truth or None) == (platform or None, truth or None)

    def over(self, since: datetime) -> bool:
        """True of a refusal that was made before `since`: refusals end."""
        return self.choice is Choice.REFUSED and self.made is not None and self.made <= since


def told(choice: str, gives_back: GivesBack | None) -> str:
    """What somebody chose, as people are told it: that an opt-out was an error is kept as a choice of the platform's
    value.
    """
    return choice if gives_back is None else GIVEN_BACK if gives_back.begun else GIVE_BACK


def refused_profiles(decisions: Iterable[Decision]) -> frozenset[str]:
    """The keys of those who are not to be created or deleted now."""
    return frozenset(one.key for one in decisions if one.column == PROFILE and one.choice is Choice.REFUSED)


def remembered(records: Iterable[Remembered]) -> list[Decision]:
    """Decisions as the ledger keeps them."""
    return [
        Decision(
            one.key,
            one.column,
            one.platform,
            one.truth,
            Choice(one.choice),
            one.person,
            made=one.decided_at,
            overrules=one.overrules,
            about=one.about,
            lapsed=one.lapsed,
            gives_back=one.gives_back,
        )
        for one in records
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of all decisions in the light of an audit; a decision on a cell that no longer differs is done."""

    holding: Mapping[tuple[str, str], Decision] = field(default_factory=dict)
    """By key and column."""
    changed: Mapping[tuple[str, str], Decision] = field(default_factory=dict)
    """Cells that still differ, but one of the two values is another one now."""


def standing(decisions: Iterable[Decision], cells: Iterable[tuple[str, str, str | None, str | None]]) -> Standing:
    """Which decisions count. `cells` are key, column, platform and truth text of what differs now.

    Of several decisions on one cell the last that still holds counts. What is decided about a finding is no decision on
    a difference; but who decided on it before is overruled by whoever says something of the finding later.
    """
    by_cell: dict[tuple[str, str], list[Decision]] = {}
    for decision in decisions:
        by_cell.setdefault((decision.key, decision.column), []).append(decision)
    holding: dict[tuple[str, str], Decision] = {}
    changed: dict[tuple[str, str], Decision] = {}
    if not by_cell:
        return Standing()
    for key, column, platform, truth in cells:
        made = by_cell.get((key, column))
        if made is None:
            continue
        on_it = [decision for decision in made if decision.about is None]
        valid = [decision for decision in on_it if decision.holds(platform, truth)]
        stands = bool(valid) and all(later.about is None for later in made[made.index(valid[-1]) :])
        if on_it:
            (holding if stands else changed)[key, column] = (valid or on_it)[-1]
    return Standing(holding, changed)


class _Line(Strict):
    key: str = pydantic.Field(min_length=1)
    column: str = pydantic.Field(min_length=1)
    platform: str | None
    truth: str | None
    choice: Choice
    made: pydantic.AwareDatetime | None = None
    finding: PermissionFinding | None = None
    evidence: str | None = None
    until: date | None = None

    @pydantic.model_validator(mode="after")
    def _whole(self) -> Self:
        of_a_finding = self.choice in OF_A_FINDING
        grounds = self.choice is Choice.GROUNDS
        if of_a_finding != (self.finding is not None):
            raise ValueError(f'"finding" goes with the choices {_either(OF_A_FINDING)}, and with no other')
        if grounds != (self.until is not None) or grounds != bool((self.evidence or "").strip()):
            raise ValueError(f'"evidence" and "until" go with the choice "{Choice.GROUNDS}", and with no other')
        if self.until is not None and self.until > LAST_DAY:
            raise ValueError(f'"until" is {LAST_DAY} at the latest: grounds end, and the sooner somebody looks again')
        return self

    @property
    def about(self) -> About | None:
        return None if self.finding is None else About(self.finding.value, self.evidence, self.until)

    @property
    def says(self) -> tuple[object, ...]:
        """What it says, whenever that was said."""
        return self.key, self.column, self.platform, self.truth, self.choice, self.about


class _File(Strict):
    format: Literal[1]
    run: str
    table: str
    by: str
    decisions: list[_Line]

    @pydantic.field_validator("by")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("a decision needs the name of the person who made it")
        return value.strip()


def read_decisions(
    path: Path, *, table: str, columns: Collection[str], permissions: Collection[str] = ()
) -> tuple[Decision, ...]:
    """Read a decisions file of the profile table `table`, whose compared columns are `columns`.

    Of these `permissions` are permissions: theirs alone can be withdrawn, and have findings.

    Raises SettingsError with every problem found: no JSON, unknown or missing members, nobody's name, another table,
    a column that is not compared, two choices for the same cell. Values of profiles are not repeated in it.
    """
    file = read_json(path, _File, what="decisions file")
    problems: list[str] = []
    columns = {*columns, SAME_PERSON}
    if file.table != table:
        problems.append(f'table: the decisions are about "{file.table}", not about "{table}"')
    chosen: dict[tuple[str, str, str | None], _Line] = {}
    for number, line in enumerate(file.decisions):
        place = f"decisions.{number}"
        if line.column not in columns:
            problems.append(f'{place}.column: "{line.column}" is not compared{nearest(line.column, columns)}')
        if (line.choice in OF_PAIRS) != (line.column == SAME_PERSON):
            problems.append(f'{place}.choice: "{line.choice}" cannot be chosen for "{line.column}"')
        if line.choice in (Choice.WITHDRAW, *OF_A_FINDING) and line.column not in permissions:
            problems.append(f'{place}.choice: "{line.choice}" is chosen for permissions, and "{line.column}" is none')
        second = line.truth if line.column == SAME_PERSON else line.finding
        earlier = chosen.setdefault((line.key, line.column, second), line)
        if earlier.says != line.says:
            problems.append(f'{place}: the second decision on "{line.column}" of "{line.key}", unlike the first')
    if problems:
        raise SettingsError(
            problem_list(path, _shortened(problems)), hint="download the decisions again from the worklist of the run"
        )
    return tuple(
        Decision(
            line.key,
            line.column,
            line.platform,
            line.truth,
            line.choice,
            file.by,
            file.run,
            line.made,
            about=line.about,
        )
        for line in chosen.values()
    )


def _either(choices: Iterable[Choice]) -> str:
    return " and ".join(f'"{choice}"' for choice in choices)


def _shortened(problems: list[str]) -> list[str]:
    more = len(problems) - _SHOWN
    return problems if more <= 0 else [*problems[:_SHOWN], f"and {more} more"]
