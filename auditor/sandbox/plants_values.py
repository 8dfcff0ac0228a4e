"""Plants in single values: corrections and old mistakes, conflicts, values that break a rule.

A plant makes one thing happen to one person (or two), notes it in the answers, and says whether it could.
"""

from __future__ import annotations

from collections.abc import Callable

from auditor.sandbox.crm import cell
from auditor.sandbox.week import Person, Week

Plant = Callable[[Week], bool]

PLATFORM_MASTERED = "nickname"
"""Kept by the customers themselves: the contract makes the platform its master, so nothing is ever corrected there."""

LONG_TEXT = ("Zie ook het dossier van de klantendienst; " * 8).strip()
"""More than the 255 characters of a note."""


def agreed(column: str) -> Callable[[Person], bool]:
    """Filled on both sides."""
    return lambda person: column in person[1].values and bool(cell(person[2], column))


def unfilled(column: str) -> Callable[[Person], bool]:
    """Empty on both sides."""
    return lambda person: column not in person[1].values and not cell(person[2], column)


def changed(column: str, *, waiting: bool = False) -> Plant:
    """The CRM gets another value."""

    def plant(week: Week) -> bool:
        person = week.take(agreed(column))
        if person is None or (value := week.other(column, person[1].values[column])) is None:
            return False
        week.truth_moves(person, {column: value}, week.recent() if waiting else week.past())
        fate = "left" if waiting or column == PLATFORM_MASTERED else "corrected"
        week.differ(person, column, value, moved="truth", fate=fate, waiting=waiting)
        return True

    return plant


def filled(column: str) -> Plant:
    """The CRM learns a value that nobody had."""

    def plant(week: Week) -> bool:
        person = week.take(unfilled(column))
        if person is None:
            return False
        value = week.fresh(column)
        week.truth_moves(person, {column: value}, week.past())
        week.differ(person, column, value, moved="truth", reason="empty_on_platform", fate="corrected")
        return True

    return plant


def remark_done(week: Week) -> bool:
    """The CRM clears a remark once it is dealt with; the contract says that this clears the note."""
    person = week.take(agreed("note"))
    if person is None:
        return False
    week.truth_moves(person, {"note": None}, week.past())
    week.differ(person, "note", None, moved="truth", reason="empty_in_truth", fate="corrected")
    return True


def emptied(column: str) -> Plant:
    """The CRM loses a value; the platform keeps it, which is no difference."""

    def plant(week: Week) -> bool:
        person = week.take(agreed(column))
        if person is None:
            return False
        week.truth_moves(person, {column: None}, week.past())
        return True

    return plant


def moved_house(week: Week) -> bool:
    """One event, three fields."""
    columns = ("addressStreet", "addressPostalCode", "addressLocality")
    person = week.take(lambda person: all(agreed(column)(person) for column in columns))
    if person is None:
        return False
    new = {column: week.other(column, person[1].values[column]) for column in columns}
    if None in new.values():
        return False
    week.truth_moves(person, new, week.past())
    for column, value in new.items():
        week.differ(person, column, value, moved="truth", fate="corrected")
    return True


def swapped(column: str, *, by_platform: bool = False) -> Plant:
    """Two people get each other's value, in the CRM or on the platform. Which of the two is right a person decides."""

    def plant(week: Week) -> bool:
        one = week.take(agreed(column))
        if one is None:
            return False
        mine = one[1].values[column]
        other = week.take(lambda person: agreed(column)(person) and week.plain(column, mine, person[1].values[column]))
        if other is None:
            return False
        theirs = other[1].values[column]
        moment = week.past()
        for person, own, new in ((one, mine, theirs), (other, theirs, mine)):
            if by_platform:
                week.platform_moves(person, {column: new}, moment)
            else:
                week.truth_moves(person, {column: new}, moment)
            truth, moved = (own, "platform") if by_platform else (new, "truth")
            week.differ(person, column, truth, moved=moved, reason="swapped")
        return True

    return plant


def edited(column: str) -> Plant:
    """Somebody changes the value in Actito only."""

    def plant(week: Week) -> bool:
        person = week.take(agreed(column))
        if person is None:
            return False
        before = week.agreed(person, column)
        value = week.other(column, before)
        if value is None or not week.plain(column, value, before):
            return False
        week.platform_moves(person, {column: value}, week.past())
        week.differ(person, column, before, moved="platform")
        return True

    return plant


def edited_on_both(column: str) -> Plant:
    """Both sides change the value, each to another."""

    def plant(week: Week) -> bool:
        person = week.take(agreed(column))
        if person is None or (ours := week.other(column, person[1].values[column])) is None:
            return False
        theirs = week.other(column, ours)
        if theirs is None or theirs == person[1].values[column]:
            return False
        week.platform_moves(person, {column: ours}, week.past())
        week.truth_moves(person, {column: theirs}, week.past())
        week.differ(person, column, theirs, moved="both")
        return True

    return plant


def erased(column: str) -> Plant:
    """The value is lost in Actito only."""

    def plant(week: Week) -> bool:
        person = week.take(agreed(column))
        if person is None:
            return False
        before = person[1].values[column]
        week.platform_moves(person, {column: None}, week.past())
        week.differ(person, column, before, moved="platform", reason="empty_on_platform")
        if column in ("lastName", "emailAddress"):
            week.answers.violation("platform", person[0], column, "mandatory")
        return True

    return plant


def note_in_actito(week: Week) -> bool:
    """A note that only Actito has; where an empty CRM cell clears, that is a difference."""
    person = week.take(unfilled("note"))
    if person is None:
        return False
    week.platform_moves(person, {"note": week.rng.choice(("Belde zelf terug", "À rappeler"))}, week.past())
    week.differ(person, "note", None, moved="platform", reason="empty_in_truth")
    return True


def half_and_half(week: Week) -> bool:
    """One field outdated, another edited in Actito: the profile needs a decision, the first field does not."""
    person = week.take(lambda person: agreed("gsmNumber")(person) and agreed("firstName")(person))
    if person is None:
        return False
    phone = week.other("gsmNumber", person[1].values["gsmNumber"])
    before = person[1].values["firstName"]
    name = week.other("firstName", before)
    if phone is None or name is None or not week.plain("firstName", name, before):
        return False
    week.platform_moves(person, {"firstName": name}, week.past())
    week.truth_moves(person, {"gsmNumber": phone}, week.past())
    week.differ(person, "firstName", before, moved="platform")
    week.differ(person, "gsmNumber", phone, moved="truth", fate="corrected")
    return True


def no_base(column: str, *, truth_later: bool) -> Plant:
    """Somebody who came to both sides after the baseline, with two values: nobody can tell who is right."""

    def plant(week: Week) -> bool:
        values = week.newcomer()
        while column not in values:
            values = week.newcomer()
        value = week.other(column, values[column])
        if value is None:
            return False
        earlier, later = week.past_pair()
        profile = week.state.create(values, created=earlier, updated=earlier if truth_later else later)
        row = week.crm_add({**values, column: value}, later if truth_later else earlier)
        moved = "truth_by_moment" if truth_later else "unknown"
        week.differ((values["customerId"], profile, row), column, value, moved=moved)
        return True

    return plant


def invalid_truth(column: str, raw: str, rule: str) -> Plant:
    """The CRM gets a value that Actito would refuse."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: agreed(column)(person) and week.plain(column, person[1].values[column], raw))
        if person is None:
            return False
        given = _only_once(column, raw, person)
        week.truth_moves_raw(person, {column: given}, week.past())
        week.differ(person, column, given, moved="truth", blocked=True)
        week.answers.violation("truth", person[0], column, rule)
        return True

    return plant


def accented_address(week: Week) -> bool:
    """An accent before the @, which Actito refuses."""
    person = week.take(lambda person: agreed("emailAddress")(person) and "e" in person[1].values["emailAddress"][1:])
    if person is None:
        return False
    before = person[1].values["emailAddress"]
    raw = before[0] + before[1:].replace("e", "é", 1) if "e" in before[1:].partition("@")[0] else ""
    if not raw:
        return False
    week.truth_moves_raw(person, {"emailAddress": raw}, week.past())
    week.differ(person, "emailAddress", raw, moved="truth", reason="accents", blocked=True)
    week.answers.violation("truth", person[0], "emailAddress", "email")
    return True


def blocked_and_fine(week: Week) -> bool:
    """Two fields outdated, one of which Actito would refuse: the other is corrected all the same."""
    person = week.take(lambda person: agreed("gsmNumber")(person) and agreed("addressStreet")(person))
    if person is None or (street := week.other("addressStreet", person[1].values["addressStreet"])) is None:
        return False
    week.truth_moves_raw(person, {"gsmNumber": "geen gsm", "addressStreet": street}, week.past())
    week.differ(person, "gsmNumber", "geen gsm", moved="truth", blocked=True)
    week.differ(person, "addressStreet", street, moved="truth", fate="corrected")
    week.answers.violation("truth", person[0], "gsmNumber", "phone")
    return True


def invalid_platform(column: str, raw: str, rule: str) -> Plant:
    """Actito holds a value that it would refuse today, as old imports left some."""

    def plant(week: Week) -> bool:
        person = week.take(lambda person: agreed(column)(person) and week.plain(column, raw, person[1].values[column]))
        if person is None:
            return False
        before = person[1].values[column]
        week.platform_moves(person, {column: _only_once(column, raw, person)}, week.past())
        week.differ(person, column, before, moved="platform")
        week.answers.violation("platform", person[0], column, rule)
        return True

    return plant


def grouped_number(week: Week) -> bool:
    """An amount with Belgian separators in Actito: the same number to a reader, not to Actito."""
    column = "lifetimeValue"
    person = week.take(lambda person: agreed(column)(person) and len(person[1].values[column]) == 7)
    if person is None:
        return False
    before = person[1].values[column]
    whole, cents = before.split(".")
    week.platform_moves(person, {column: f"{whole[0]}.{whole[1:]},{cents}0"}, week.past())
    week.differ(person, column, before, moved="platform", reason="number_format")
    week.answers.violation("platform", person[0], column, "number")
    return True


def national_phone(week: Week) -> bool:
    """The same number in both, but in national form in Actito: invalid without being different."""
    person = week.take(lambda person: agreed("gsmNumber")(person) and person[1].values["gsmNumber"].startswith("+32"))
    if person is None:
        return False
    week.platform_moves(person, {"gsmNumber": "0" + person[1].values["gsmNumber"][3:]}, week.past())
    week.answers.violation("platform", person[0], "gsmNumber", "phone")
    return True


def invalid_on_both(week: Week) -> bool:
    """Both sides take over the same wrong country: they agree, and both are wrong."""
    person = week.take(agreed("addressCountry"))
    if person is None:
        return False
    week.platform_moves(person, {"addressCountry": "UK"}, week.past())
    week.truth_moves_raw(person, {"addressCountry": "UK"}, week.past())
    for side in ("platform", "truth"):
        week.answers.violation(side, person[0], "addressCountry", "country")
    return True


def name_lost_in_crm(week: Week) -> bool:
    """A mandatory value is empty in the CRM: kept on the platform, and a violation."""
    person = week.take(agreed("lastName"))
    if person is None:
        return False
    week.truth_moves(person, {"lastName": None}, week.past())
    week.answers.violation("truth", person[0], "lastName", "mandatory")
    return True


def same_address(*, in_truth: bool) -> Plant:
    """Somebody gets the e-mail address that somebody else has on that side."""

    def plant(week: Week) -> bool:
        owner = week.take(agreed("emailAddress"))
        if owner is None:
            return False
        address = owner[1].values["emailAddress"]
        person = week.take(
            lambda person: (
                agreed("emailAddress")(person)
                and week.plain("emailAddress", person[1].values["emailAddress"], address)
                and week.plain("emailAddress", address, person[1].values["emailAddress"])
            )
        )
        if person is None:
            return False
        before = person[1].values["emailAddress"]
        if in_truth:
            week.truth_moves(person, {"emailAddress": address}, week.past())
            week.differ(person, "emailAddress", address, moved="truth", blocked=True)
        else:
            week.platform_moves(person, {"emailAddress": address}, week.past())
            week.differ(person, "emailAddress", before, moved="platform")
        for key in (owner[0], person[0]):
            week.answers.violation("truth" if in_truth else "platform", key, "emailAddress", "unique")
        return True

    return plant


def correct_mistakes(week: Week) -> None:
    """The CRM puts old mistakes right, one after the other."""
    for key, (column, reason, right) in week.state.facts["mistakes"].items():
        person = week.person(key)
        week.truth_moves(person, {column: right}, week.past())
        week.differ(person, column, right, moved="truth", reason=reason, fate="corrected")


def _only_once(column: str, raw: str, person: Person) -> str:
    """A wrong address that nobody else has: one that two people share breaks another rule as well."""
    return f"{raw} {person[0]}" if column == "emailAddress" else raw
