"""Plants that hit many people at once: one event behind all of them, which their differences have in common."""

from __future__ import annotations

from typing import Final

from auditor.sandbox.plants_values import agreed
from auditor.sandbox.week import Person, Week

TIER: Final = "segmentations#ClientTier"
ONE_IN: Final = 200
"""So many people have a phone number that was cut off in Actito."""
FEWEST: Final = 25
LEAST_PEOPLE: Final = 2_500
"""Below, they would be too many."""


def correct_capitals(week: Week) -> None:
    """The CRM puts all last names in capitals right in one go: one cause with many profiles."""
    moment = week.past()
    capitals = week.state.facts["capitals"]
    for key, right in capitals.items():
        person = week.person(key)
        week.truth_moves(person, {"lastName": right}, moment)
        week.differ(person, "lastName", right, moved="truth", reason="case", fate="corrected")
    if capitals:
        week.answers.cause("lastName", "case", capitals, common=f"truth changed {moment} … {moment}")


def cut_phones(week: Week) -> None:
    """A form for Gold customers in Actito has too short a field: it cuts their phone numbers off, one by one."""
    if week.state.people < LEAST_PEOPLE:
        return
    keys = []
    for _ in range(max(FEWEST, week.state.people // ONE_IN)):
        person = week.take(_gold_with_phone)
        if person is None:
            break
        before = person[1].values["gsmNumber"]
        week.platform_moves(person, {"gsmNumber": before[:-1]}, week.past())
        week.differ(person, "gsmNumber", before, moved="platform", reason="truncated")
        week.answers.violation("platform", person[0], "gsmNumber", "phone")
        keys.append(person[0])
    week.answers.cause("gsmNumber", "truncated", keys, common=f"{TIER} = Gold")


def _gold_with_phone(person: Person) -> bool:
    values = person[1].values
    there = agreed("gsmNumber")(person) and agreed(TIER)(person)
    return there and values[TIER] == "Gold" and values["gsmNumber"].startswith("+324")
