"""Making a plan cause by cause: what would be planned is asked about, and only what nobody refuses becomes the plan.

Nothing is stored before the end: then the refusals are recorded as decisions, and the plan is made as any other, which
leaves them alone. It writes nothing that nobody was asked about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from auditor.commands.plan import Tell, plans_of, take_waiting
from auditor.commands.refused import NOT_SEEN, seen
from auditor.commands.review import review_of
from auditor.commands.stored_plans import Planned, store_made
from auditor.plan.decisions import Choice
from auditor.plan.review import Review
from auditor.report.plan_questions import Asked, Question, questions
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PROFILE, Decision
from auditor.state.past_runs import find_run
from auditor.writes import Plan


@dataclass(frozen=True)
class Proposed:
    """What would be planned, and nobody has stored."""

    folder: Path
    """Of the run."""
    route: str | None
    for_others: bool
    plan: Plan
    """Every write that is asked about, those of creations among them."""
    review: Review
    """Of what corrects."""
    questions: tuple[Question, ...]


def propose(
    settings: Settings,
    *,
    now: datetime,
    run: str | None,
    decisions: Path | None,
    route: str | None,
    for_others: bool,
    tell: Tell,
) -> Proposed:
    """What `commands.plan.plan` would make of the same, as questions; decisions that are handed in are recorded."""
    with at_work(settings, "auditor plan", now):
        folder = find_run(settings, run)
        take_waiting(settings, folder, now, tell)
        with Ledger(settings.state_folder) as ledger:
            made = plans_of(
                settings,
                folder,
                ledger,
                now,
                decisions=decisions,
                route=route,
                only=None,
                for_others=for_others,
                tell=tell,
            )
            reviews = [review_of(settings, one, folder, ledger) for one in made]
    asked = tuple(question for review in reviews for question in questions(review))
    correct, creations = made
    every = replace(correct, writes=(*correct.writes, *creations.writes))
    return Proposed(folder, route, for_others, every, reviews[0], asked)


def make(
    settings: Settings, proposed: Proposed, refused: Collection[Asked], *, by: str, now: datetime
) -> tuple[Planned, ...]:
    """Record what `by` refused, and make and store the plans of all the rest.

    What has been decided, sent or seen otherwise meanwhile is not in them, nor what nobody was asked about.
    """
    differing = proposed.review.beside.differences.select("key", "column", "platform", "truth").iter_rows()
    values = {(key, column): (platform, truth) for key, column, platform, truth in differing}
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(proposed.folder))
    whole = {one.write.key: one.profile_id for one in refused if one.column is None}
    with at_work(settings, "auditor plan", now), Ledger(settings.state_folder) as ledger:
        rows = seen(proposed.folder, contract, whole, ledger.secret) if whole else {}
        values |= {(key, PROFILE): row for key, row in rows.items()}
        with ledger.transaction():
            ledger.decide(
                [
                    Decision(
                        settings.table,
                        by,
                        one.write.key,
                        one.column or PROFILE,
                        *values.get((one.write.key, one.column or PROFILE), NOT_SEEN),
                        Choice.REFUSED.value,
                        now,
                        one.profile_id,
                        about=None,
                    )
                    for one in refused
                ],
                now,
            )
            made = plans_of(
                settings,
                proposed.folder,
                ledger,
                now,
                decisions=None,
                route=proposed.route,
                only=None,
                for_others=proposed.for_others,
                approved=proposed.plan,
            )
        return store_made(made, proposed.folder, ledger, settings)
