"""Plants in whole rows: people that only one side has, the same key twice, no key, no proper record."""

from __future__ import annotations

from auditor.sandbox.crm import COLUMNS, cell
from auditor.sandbox.plants_values import Plant, agreed
from auditor.sandbox.week import Person, Week


def new_customer(*, waiting: bool = False) -> Plant:
    """A customer whom only the CRM knows."""

    def plant(week: Week) -> bool:
        values = week.newcomer()
        week.crm_add(values, week.recent() if waiting else week.past())
        fate = "left" if waiting else "created"
        week.answers.row(values["customerId"], "missing", fate=fate, waiting=waiting)
        return True

    return plant


def new_without_phone(week: Week) -> bool:
    """A new customer with a phone that is none: created without it."""
    values = week.newcomer()
    row = week.crm_add(values, week.past())
    row["mobile"] = "onbekend"
    week.answers.row(values["customerId"], "missing", fate="created")
    week.answers.violation("truth", values["customerId"], "gsmNumber", "phone")
    return True


def new_with_bad_address(week: Week) -> bool:
    """A new customer whose e-mail address, mandatory and unique, is none."""
    values = week.newcomer()
    row = week.crm_add(values, week.past())
    row["email"] = f"geen e-mail {values['customerId']}"
    week.answers.row(values["customerId"], "missing")
    week.answers.violation("truth", values["customerId"], "emailAddress", "email")
    return True


def new_without_name(week: Week) -> bool:
    values = week.newcomer()
    row = week.crm_add(values, week.past())
    row["last_name"] = ""
    week.answers.row(values["customerId"], "missing")
    week.answers.violation("truth", values["customerId"], "lastName", "mandatory")
    return True


def new_known_from_the_web(week: Week) -> bool:
    """A new customer whose e-mail address a web form brought to Actito: outside the population, but in the way."""
    used = {row.get("email") for row in week.state.crm.values()}
    for profile in week.state.profiles.values():
        address = profile.values.get("emailAddress")
        if "customerId" not in profile.values and address not in used and address is not None:
            values = week.newcomer()
            week.crm_add({**values, "emailAddress": address}, week.past())
            week.answers.row(values["customerId"], "missing")
            return True
    return False


def new_with_one_address(week: Week) -> bool:
    """Two new customers, one e-mail address."""
    one, other = week.newcomer(), week.newcomer()
    week.crm_add(one, week.past())
    week.crm_add({**other, "emailAddress": one["emailAddress"]}, week.past())
    for values in (one, other):
        week.answers.row(values["customerId"], "missing")
        week.answers.violation("truth", values["customerId"], "emailAddress", "unique")
    return True


def gone(week: Week) -> bool:
    """Deleted in Actito, still in the CRM: on request, or by mistake?"""
    person = week.take(lambda person: True)
    if person is None:
        return False
    week.state.delete(person[1])
    week.answers.row(person[0], "missing", gone=True)
    return True


def deleted_in_crm(week: Week) -> bool:
    person = week.take(lambda person: True)
    if person is None:
        return False
    week.crm_remove(person[0])
    week.answers.row(person[0], "orphan")
    return True


def new_in_actito(week: Week) -> bool:
    """A customer of the web shop who is still on the way to the CRM."""
    values = week.newcomer()
    week.state.create(values, created=week.recent())
    week.answers.row(values["customerId"], "orphan", waiting=True)
    return True


def renumbered(evidence: str) -> Plant:
    """Somebody who got another customer number in the CRM, recognisable by `address`, `phone` or `birth`."""

    def plant(week: Week) -> bool:
        # A telephone tells who somebody is only where few have that name as well.
        rare = week.rare_name if evidence == "phone" else (lambda person: True)
        person = week.take(lambda person: _recognisable(person) and rare(person))
        if person is None:
            return False
        old = person[0]
        row = week.crm_remove(old)
        values = week.newcomer()
        new = values["customerId"]
        row |= {"contact_id": new, "modified_at": week.past()}
        if evidence != "address":
            row["email"] = values["emailAddress"]
        if evidence == "phone":
            row["born_on"] = ""
        if evidence == "birth":
            row["mobile"] = ""
        week.state.crm_add(row)
        week.answers.row(old, "orphan")
        week.answers.row(new, "missing")
        week.answers.same_person.append({"platform_key": old, "truth_key": new})
        return True

    return plant


def twice_in_actito(week: Week) -> bool:
    """The same number once more with a blank behind it: another unique value to Actito, the same to a reader."""
    person = week.take(lambda person: True)
    if person is None:
        return False
    key, profile, _ = person
    twin = dict(profile.values)
    twin["customerId"] = key + " "
    twin["emailAddress"] = week.people.email("web", "shop", int(key[1:]))
    moment = week.past()
    week.state.create(twin, created=moment)
    week.answers.row(key, "duplicate")
    for spelled in (key, key + " "):
        week.answers.violation("platform", spelled, "customerId", "unique")
    return True


def twice_in_crm(*, identical: bool) -> Plant:
    """The same number on two rows of the CRM, with the same content or another address."""

    def plant(week: Week) -> bool:
        person = week.take(agreed("emailAddress"))
        if person is None:
            return False
        key, _, row = person
        copy = week.crm_copy(row)
        week.answers.row(key, "duplicate")
        week.answers.violation("truth", key, "customerId", "unique")
        if identical:
            week.answers.violation("truth", key, "emailAddress", "unique")
        else:
            copy["email"] = week.people.email("second", "contact", int(key[1:]))
            copy["modified_at"] = week.past()
        return True

    return plant


def back_to_prospect(week: Week) -> bool:
    """Leaves the population on the CRM's side, and thereby on both."""
    person = week.take(lambda person: True)
    if person is None:
        return False
    person[2]["status"] = "prospect"
    week.truth_touched(person)
    return True


def without_number(blank: str) -> Plant:
    """A CRM row without a key."""

    def plant(week: Week) -> bool:
        week.crm_add(week.newcomer(), week.past())["contact_id"] = blank
        return True

    return plant


def unreadable(week: Week) -> bool:
    """A CRM line with a field too many: an address whose comma nobody quoted."""
    cells = week.crm_add(week.newcomer(), week.past())
    position = max(week.state.crm)
    week.state.crm_remove(position)
    plain = {name: text for name, text in cells.items() if not set(text) & set(',"\n')}
    plain["street"] = "Rue Haute 5, boîte 3"
    week.crm_line(",".join(plain.get(name, "") for name in COLUMNS))
    return True


def _recognisable(person: Person) -> bool:
    return all(agreed(column)(person) for column in ("gsmNumber", "birthDate", "firstName")) and bool(
        cell(person[2], "emailAddress")
    )
