"""A group of people who are to be created is given a permission by a named person: all of them, or none.

Each of them needs what one alone would need, evidence newer than the last opt-out known above all. Who was decided on
singly is none of the group. What is recorded is a decision per person, as the worklist makes them; nothing is written
before a plan is made and applied.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.commands.decided import require_taken
from auditor.commands.known import newcomers
from auditor.commands.plan import Tell, gathered, silently, take_waiting
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.left_alone import WHY
from auditor.findings.words import Words
from auditor.model import Kind, Why
from auditor.plan import created_by, require_checked
from auditor.plan.creations import Candidates
from auditor.plan.decisions import Choice, Decision, standing
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.settings.problems import nearest_or_all
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger, records
from auditor.state.past_runs import find_run


@dataclass(frozen=True, slots=True)
class Permitted:
    """How many people were decided on."""

    given: int
    singly: int
    """Whom somebody had decided on alone, and not for it: that stays."""


def permit(settings: Settings, column: str, *, by: str, now: datetime, tell: Tell = silently) -> Permitted:
    """Record that everybody whom a plan on the newest run would create without `column` is to be given it, but for
    those on whom somebody decided singly.

    What lies in the inbox of decisions is taken before, and told. Raises SettingsError for nobody's name and a column
    that is no permission, GuardRefused where a file stays in the inbox or one of the group lacks what it takes: then
    nobody is decided on.
    """
    if not by.strip():
        raise SettingsError("--by: say who decides")
    with at_work(settings, "auditor permit", now):
        folder = find_run(settings, None)
        take_waiting(settings, folder, now, tell)
        require_taken(settings)
        with Ledger(settings.state_folder) as ledger:
            audit, facts = gathered(settings, folder, ledger, now)
            known = facts.known
            require_checked(audit)
            permissions = [one.name for one in audit.columns if one.permission is not None]
            if column not in permissions:
                raise SettingsError(f'"{column}" is no permission of the contract{nearest_or_all(column, permissions)}')
            candidates = Candidates(facts.candidates, facts.taken, facts.erased)
            _, left = created_by(audit, candidates, known)
            without = {one.key for one in left if one.column == column and one.why == Why.PERMISSION}
            texts = {key: text for key, text in facts.candidates.select("key", column).iter_rows() if key in without}
            cells = ((key, column, None, text) for key, text in texts.items())
            told = {one.key for one in known.decisions if one.column == column and one.choice is Choice.OWNERS}
            group = without - told - {key for key, _ in standing(known.decisions, cells).holding}
            decided = [
                Decision(key, column, None, text, Choice.TRUTH, by.strip(), audit.run)
                for key, text in texts.items()
                if key in group
            ]
            trial = replace(known, decisions=(*known.decisions, *decided))
            writes, left = created_by(audit, candidates, trial, only=group)
            given = {
                write.key
                for write in writes
                if write.kind is Kind.SUBSCRIBE and any(cell.column == column for cell in write.cells)
            }
            if given != group:
                why = Counter(one.why for one in left if one.column == column and one.key not in given)
                say = Words.of(settings.names)
                reasons = ", ".join(f"{say.fill(WHY[code])} ({number:,})" for code, number in why.most_common())
                raise GuardRefused(
                    f"{len(group - given):,} of {len(group):,} people who would be created cannot be given {column}, "
                    f"so nobody was decided on: {reasons}",
                    hint=f"have {say.truth} say when and where each of these was given, later than any no that is known"
                    + (f"; the other {len(given):,} can be decided on one by one" if given else ""),
                )
            contract = read_contract(settings.table_folder / "contract.toml", known.structure)
            who = newcomers(folder, contract, ledger, group)
            ledger.decide(
                [
                    records.Decision(
                        *(settings.table, one.by, one.key, column, None, one.truth, one.choice.value, now),
                        who[one.key],
                        about=None,
                    )
                    for one in decided
                ],
                now,
            )
            return Permitted(len(decided), len(without - group))
