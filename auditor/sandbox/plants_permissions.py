"""Plants in permissions: every line of the table that says what may be written, and findings without a difference.

On means that somebody may be contacted, whichever way round the column is spelt.
"""

from __future__ import annotations

from typing import Final

from auditor.sandbox.crm import EVIDENCE, MAPPING, cell
from auditor.sandbox.licence import evidence
from auditor.sandbox.plants_values import Plant
from auditor.sandbox.state import Values
from auditor.sandbox.week import Person, Week

PERMISSIONS: Final = (
    "subscriptions#Newsletter",
    "marketingConsent",
    "subscriptions#Promotions",
    "subscriptions#Events",
    "doNotContact",
)
_OPT_OUT: Final = "doNotContact"


def withdrawn_in_crm(column: str) -> Plant:
    """On and on before, off in the CRM now: the one move that is carried out by itself."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=True))
        if person is None:
            return False
        week.truth_moves(person, {column: _off(column)}, week.past())
        week.differ(person, column, _off(column), moved="truth", fate="corrected")
        week.answers.permission(person[0], column, "opted_out_in_truth")
        return True

    return plant


def on_again_in_actito(column: str) -> Plant:
    """Off and off before, on in Actito now."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=False))
        if person is None:
            return False
        week.platform_moves(person, {column: _on(column)}, week.past())
        week.differ(person, column, _off(column), moved="platform")
        week.answers.permission(person[0], column, "opted_out_in_truth")
        week.answers.permission(person[0], column, "contactable_again")
        return True

    return plant


def on_in_crm(column: str) -> Plant:
    """Off and off before, on in the CRM now: never written by itself, evidence or not."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=False))
        if person is None:
            return False
        week.truth_moves(person, {column: _on(column)}, week.past())
        week.differ(person, column, _on(column), moved="truth")
        week.answers.permission(person[0], column, "opted_out_on_platform")
        return True

    return plant


def withdrawn_in_actito(column: str) -> Plant:
    """On and on before, off in Actito now: the CRM has to hear of it."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=True))
        if person is None:
            return False
        week.platform_moves(person, {column: _off(column)}, week.past())
        week.differ(person, column, _on(column), moved="platform")
        week.answers.permission(person[0], column, "opted_out_on_platform")
        return True

    return plant


def unknown_in_crm(column: str) -> Plant:
    """On before, empty in the CRM now: unknown is not no."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=True))
        if person is None:
            return False
        week.truth_moves(person, {column: None}, week.past())
        return True

    return plant


def on_again_on_both(column: str) -> Plant:
    """Off and off before, on and on now: no difference, and worth a question all the same."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=False))
        if person is None:
            return False
        week.platform_moves(person, {column: _on(column)}, week.past())
        week.truth_moves(person, {column: _on(column)}, week.past())
        week.answers.permission(person[0], column, "contactable_again")
        return True

    return plant


def asked_on_both(column: str) -> Plant:
    """Empty on both sides before; now on in Actito and off in the CRM."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: column not in person[1].values and not cell(person[2], column))
        if person is None:
            return False
        week.platform_moves(person, {column: _on(column)}, week.past())
        week.truth_moves(person, {column: _off(column)}, week.past())
        week.differ(person, column, _off(column), moved="both")
        week.answers.permission(person[0], column, "opted_out_in_truth")
        return True

    return plant


def subscribed_against_consent(column: str) -> Plant:
    """The general consent is withdrawn on both sides, and the subscription stands: no difference at all."""

    def plant(week: Week) -> bool:
        person = week.take(
            lambda person: _stands(person, column, on=True) and _stands(person, "marketingConsent", on=True)
        )
        if person is None:
            return False
        week.platform_moves(person, {"marketingConsent": "false"}, week.past())
        week.truth_moves(person, {"marketingConsent": "false"}, week.past())
        return True

    return plant


def address_lost(week: Week) -> bool:
    """Subscribed, but Actito has lost both the e-mail address and the mobile number."""
    lost = ("emailAddress", "gsmNumber")
    person = week.take(
        lambda person: (
            _stands(person, "subscriptions#Newsletter", on=True)
            and all(column in person[1].values and cell(person[2], column) for column in lost)
        )
    )
    if person is None:
        return False
    had = {column: person[1].values[column] for column in lost}
    week.platform_moves(person, dict.fromkeys(lost), week.past())
    for column in lost:
        week.differ(person, column, had[column], moved="platform", reason="empty_on_platform")
    week.answers.violation("platform", person[0], "emailAddress", "mandatory")
    return True


def evidence_lost(column: str) -> Plant:
    """On and on, but the CRM no longer says since when."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: _stands(person, column, on=True))
        if person is None:
            return False
        evidence(person[2], column, "", "")
        person[2]["modified_at"] = week.past()
        week.truth_touched(person)
        week.answers.permission(person[0], column, "without_evidence")
        return True

    return plant


def newcomer_opted_out(column: str, *, truth_later: bool) -> Plant:
    """On in Actito and off in the CRM, for somebody without a base.

    Where the CRM's own evidence is later than the profile's last change, that is an opt-out; else nobody can tell.
    """

    def plant(week: Week) -> bool:
        values = _newcomer(week, column, on=True)
        earlier, later = week.past_pair()
        profile = week.state.create(values, created=earlier, updated=earlier if truth_later else later)
        moment = later if truth_later else earlier
        row = week.crm_add({**values, column: _off(column)}, moment)
        evidence(row, column, moment, "call centre")
        proven = truth_later and column in EVIDENCE
        moved = "truth_by_moment" if truth_later else "unknown"
        person = (values["customerId"], profile, row)
        week.differ(person, column, _off(column), moved=moved, fate="corrected" if proven else "left")
        week.answers.permission(person[0], column, "opted_out_in_truth")
        return True

    return plant


def newcomer_opted_in(column: str, *, truth_later: bool) -> Plant:
    """Off in Actito and on in the CRM, for somebody without a base."""

    def plant(week: Week) -> bool:
        values = _newcomer(week, column, on=False)
        earlier, later = week.past_pair()
        profile = week.state.create(values, created=earlier, updated=earlier if truth_later else later)
        row = week.crm_add({**values, column: _on(column)}, later if truth_later else earlier)
        moved = "truth_by_moment" if truth_later else "unknown"
        week.differ((values["customerId"], profile, row), column, _on(column), moved=moved)
        week.answers.permission(values["customerId"], column, "opted_out_on_platform")
        return True

    return plant


def _on(column: str) -> str:
    return "false" if column == _OPT_OUT else "true"


def _off(column: str) -> str:
    return "true" if column == _OPT_OUT else "false"


def _stands(person: Person, column: str, *, on: bool) -> bool:
    """Whether both sides say so."""
    wanted = _on(column) if on else _off(column)
    return person[1].values.get(column) == wanted and MAPPING[column] in person[2] and bool(cell(person[2], column))


def _newcomer(week: Week, column: str, *, on: bool) -> Values:
    return {**week.newcomer(), column: _on(column) if on else _off(column)}
