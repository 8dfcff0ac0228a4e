"""The agreed state: a licence of N customers in which Actito and the CRM say the same, each in its own spelling.

Beside them, outside the population: profiles of web forms without a customer number, and prospects in the CRM.
What the CRM leaves empty (some nicknames, some event subscriptions) the platform keeps.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final

from auditor.sandbox import crm
from auditor.sandbox.definitions import nightly
from auditor.sandbox.legacy import MISTAKES, Mistake, capitals
from auditor.sandbox.people import People
from auditor.sandbox.state import CrmRow, State, Values

CAPITALS_SHARE: Final = 0.12
"""People whose last name both sides hold in capitals: what the CRM corrects in one go, enough for an import."""

_MISTAKES_PER_10K: Final = 4
_WEB_SHARE: Final = 0.01
_PROSPECT_SHARE: Final = 0.02
_ODD_SHARE: Final = 0.01


def build(state: State, people: int, seed: int) -> None:
    """Fill an empty `state` with the agreed state of `people` customers as of the day of its clock."""
    rng = random.Random(f"licence {seed}")  # noqa: S311 -- invented people, no secrets
    today = state.clock.local().date()
    maker = People(rng, today)
    state.seed, state.people = seed, people
    state.definitions = nightly()
    persons = [maker.person(number) for number in range(1, people + 1)]
    state.facts = {
        "capitals": _give_capitals(persons, rng),
        "next_number": people + 1,
        "bulk_calls": {},
        "answers": None,
    }
    state.facts["mistakes"] = _make_mistakes(persons, set(state.facts["capitals"]), rng)
    state.facts["odd"] = []
    rows = [_both_sides(state, values, maker, rng, today) for values in persons]
    for number in range(round(people * _WEB_SHARE)):
        values = maker.person(900_000 + number)
        del values["customerId"]
        created = maker.moment(today - timedelta(days=300), today - timedelta(days=11))
        state.create(values, created=created)
    rows += [
        prospect(maker.person(950_000 + number), maker.moment(today - timedelta(days=300), today - timedelta(days=11)))
        for number in range(round(people * _PROSPECT_SHARE))
    ]
    rng.shuffle(rows)
    for row in rows:
        state.crm_add(row)


def prospect(values: Values, modified: str) -> CrmRow:
    """A row of somebody who has not bought yet: outside the population."""
    cells = crm.row({**values, "customerId": "P" + values["customerId"][1:]}, "NL", modified=modified)
    return {**cells, "status": "prospect"}


def evidence(cells: CrmRow, column: str, moment: str, source: str) -> None:
    """Note when and where a permission was given or withdrawn, where the CRM has columns for it."""
    if column in crm.EVIDENCE:
        at, origin = crm.EVIDENCE[column]
        cells[at], cells[origin] = moment, source


def _give_capitals(persons: list[Values], rng: random.Random) -> dict[str, str]:
    """Customer number to the right last name, for those who get theirs in capitals."""
    able = [values for values in persons if capitals(values["lastName"])]
    chosen = rng.sample(able, min(len(able), round(len(persons) * CAPITALS_SHARE)))
    right = {values["customerId"]: values["lastName"] for values in chosen}
    for values in chosen:
        values["lastName"] = values["lastName"].upper()
    return right


def _make_mistakes(persons: list[Values], taken: set[str], rng: random.Random) -> dict[str, list[str]]:
    """Customer number to column, reason and right value, for those who carry an old mistake."""
    pool = [values for values in persons if values["customerId"] not in taken]
    rng.shuffle(pool)
    pool = pool[: len(persons) // 3] if len(persons) < 300 else pool
    each = max(3 if len(persons) >= 1000 else 1, round(len(persons) * _MISTAKES_PER_10K / 10_000))
    made: dict[str, list[str]] = {}
    for mistake in MISTAKES:
        free = (values for values in pool if values["customerId"] not in made)
        for values, wrong in list(islice(_wrong_forms(free, mistake, rng), each)):
            made[values["customerId"]] = [mistake.column, mistake.reason, values[mistake.column]]
            values[mistake.column] = wrong
    without_note = (values for values in pool if values["customerId"] not in made and "note" not in values)
    for values in list(islice(without_note, each)):
        amount = rng.randint(2_100, 9_899)
        made[values["customerId"]] = ["note", "number_format", f"{amount}.50"]
        values["note"] = f"{amount // 1000}.{amount % 1000:03d},5"
    return made


def _wrong_forms(pool: Iterable[Values], mistake: Mistake, rng: random.Random) -> Iterator[tuple[Values, str]]:
    for values in pool:
        right = values.get(mistake.column)
        wrong = mistake.wrong(right, rng) if right is not None else None
        if wrong is not None:
            yield values, wrong


def _both_sides(state: State, values: Values, maker: People, rng: random.Random, today: date) -> CrmRow:
    """Create the profile; returns the CRM's row of the same person."""
    key = values["customerId"]
    end = today - timedelta(days=11)
    start = today - timedelta(days=400)
    created = maker.moment(today - timedelta(days=2600), start)
    state.create(values, created=created, updated=maker.moment(start, end))
    cells = crm.row(values, values["motherLanguage"], modified=maker.moment(start, end))
    if key not in state.facts["mistakes"] and key not in state.facts["capitals"]:
        crm.vary(cells, rng)
    for column in crm.EVIDENCE:
        if values.get(column) == "true" or rng.random() < 0.3:
            evidence(cells, column, maker.moment(start, end), rng.choice(crm.SOURCES))
    if rng.random() < 0.6:
        cells.pop("nickname", None)
    if rng.random() < 0.1:
        cells.pop("optin_events")
    if rng.random() < _ODD_SHARE and key not in state.facts["mistakes"] and key not in state.facts["capitals"]:
        _odd(state.facts, cells, rng)
    return cells


def _odd(facts: dict[str, Any], cells: CrmRow, rng: random.Random) -> None:
    """Spellings at the edge of what the contract calls equal. Drift leaves these people alone."""
    facts["odd"].append(cells["contact_id"])
    if "lifetime_value" in cells and rng.random() < 0.5:
        whole, cents = cells["lifetime_value"].split(",")
        cells["lifetime_value"] = f"{whole},{int(cents) - 1:02d}"
    else:
        cells["contact_id"] += " "
