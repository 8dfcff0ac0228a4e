"""The week in which both sides drift apart: whom a plant may take, when things happen, how they are noted."""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from rapidfuzz.distance import DamerauLevenshtein

from auditor.sandbox import crm, names
from auditor.sandbox.answers import Answers
from auditor.sandbox.dialect import MOMENT
from auditor.sandbox.licence import evidence
from auditor.sandbox.people import People
from auditor.sandbox.state import UNREADABLE, CrmRow, Profile, State, Values
from auditor.sandbox.structure import EXCLUSIVE, SHOPS

Person = tuple[str, Profile, CrmRow]
"""Customer number, profile, CRM row."""

_OWN: Final = frozenset({"addressStreet", "birthDate", "firstPurchaseDate", "loyaltyPoints", "lifetimeValue"})
"""Columns in which a value that somebody else has is taken for theirs."""
_NEVER_TYPED: Final = frozenset(
    {
        "sex",
        "personTitle",
        "motherLanguage",
        "addressCountry",
        "cardNumber",
        "segmentations#Vip",
        "segmentations#ClientTier",
    }
)
"""Columns of codes and numbers, where a small distance is no typing error."""

FEW_NAMESAKES: Final = 2
"""As many people have a rare name at most: more of them, and a shared telephone does not tell which one it is."""


class Week:
    """What plants work with. Somebody who was taken is never taken again, so each carries one planted defect."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rng = random.Random(f"drift {state.seed}")  # noqa: S311 -- invented people, no secrets
        self.now = state.clock.local()
        self.people = People(self.rng, self.now.date())
        self.answers = Answers(state.seed)
        for profile in state.profiles.values():
            if "gsmNumber" in profile.values:
                self.people.taken(profile.values["gsmNumber"])
        self._positions = {
            row["contact_id"].strip(): position for position, row in state.crm.items() if row["status"] == "customer"
        }
        self._profiles = dict(state.customers())
        reserved = {*state.facts["capitals"], *state.facts["mistakes"], *(key.strip() for key in state.facts["odd"])}
        self._pool = [key for key in self._profiles if key not in reserved]
        self.rng.shuffle(self._pool)
        self._addresses = 0
        self._pairs: set[tuple[str, str, str]] = set()
        """Column, platform's and truth's value of every difference, folded."""
        self._values: dict[str, frozenset[str | None]] = {}

    # Moments. A baseline audit is about seven days old; the contract gives the synchronisation 24 hours.

    def past(self) -> str:
        """Between six days and thirty hours ago: after the baseline, long enough ago not to be waiting."""
        return self._ago(self.rng.uniform(30, 6 * 24))

    def past_pair(self) -> tuple[str, str]:
        """Two such moments, the earlier first, at least an hour apart."""
        later = self.rng.uniform(30, 5 * 24)
        return self._ago(later + self.rng.uniform(1, 20)), self._ago(later)

    def recent(self) -> str:
        """Between six hours and one hour ago: still on its way."""
        return self._ago(self.rng.uniform(1, 6))

    def _ago(self, hours: float) -> str:
        return (self.now - timedelta(hours=hours)).strftime(MOMENT)

    # People

    def take(self, suits: Callable[[Person], bool]) -> Person | None:
        """Somebody of the agreed state whom nothing happened to yet; None where nobody suits."""
        for place, key in enumerate(self._pool):
            person = self.person(key)
            if suits(person):
                del self._pool[place]
                return person
        return None

    def person(self, key: str) -> Person:
        return key, self._profiles[key], self.state.crm[self._positions[key]]

    def rare_name(self, person: Person) -> bool:
        """Whether few others have somebody's first and last name."""
        name = self._name(person[1].values)
        return sum(self._name(profile.values) == name for profile in self._profiles.values()) <= FEW_NAMESAKES

    @staticmethod
    def _name(values: Values) -> tuple[str, str]:
        return (values.get("lastName") or "").casefold(), (values.get("firstName") or "").casefold()

    def newcomer(self) -> Values:
        """Somebody nobody knew before, with the next customer number; on neither side yet."""
        number: int = self.state.facts["next_number"]
        self.state.facts["next_number"] = number + 1
        return self.people.person(number)

    def crm_add(self, values: Values, modified: str) -> CrmRow:
        """A CRM row for `values`, with evidence for what is on."""
        cells = crm.row(values, values.get("motherLanguage", "NL"), modified=modified)
        for column in crm.EVIDENCE:
            if values.get(column) == "true":
                evidence(cells, column, modified, self.rng.choice(crm.SOURCES))
        self.state.crm_add(cells)
        return cells

    def crm_remove(self, key: str) -> CrmRow:
        row = self.state.crm[self._positions[key]]
        self.state.crm_remove(self._positions.pop(key))
        return row

    def crm_copy(self, row: CrmRow) -> CrmRow:
        copy = dict(row)
        self.state.crm_add(copy)
        return copy

    def crm_line(self, text: str) -> None:
        """A line that is no proper record."""
        self.state.crm_add({UNREADABLE: text})

    # Moves

    def truth_moves(self, person: Person, cells: Mapping[str, str | None], moment: str) -> None:
        """The CRM gets valid values (None: emptied), in its own spelling."""
        language = person[2].get("language", "NL").upper()
        spelled = {
            column: crm.spell(column, value, language) if value is not None else "" for column, value in cells.items()
        }
        self.truth_moves_raw(person, spelled, moment)

    def truth_moves_raw(self, person: Person, cells: Mapping[str, str], moment: str) -> None:
        """The CRM gets these very texts, valid or not."""
        key, _, row = person
        for column, raw in cells.items():
            row[crm.MAPPING[column]] = raw
            if column in crm.EVIDENCE and raw:
                evidence(row, column, moment, self.rng.choice(crm.SOURCES))
        row["modified_at"] = moment
        self.state.dirty_crm.add(self._positions[key])

    def truth_touched(self, person: Person) -> None:
        """The CRM row was changed in place; have it saved."""
        self.state.dirty_crm.add(self._positions[person[0]])

    def platform_moves(self, person: Person, values: Mapping[str, str | None], moment: str) -> None:
        """Somebody edits the profile in Actito; values go in unchecked, as old imports left them."""
        profile = person[1]
        for column in values:
            agreed = profile.values.get(column)
            if agreed is not None and crm.cell(person[2], column):
                # Written plainly, so that the answer can name what the CRM says.
                language = person[2].get("language", "NL").upper()
                person[2][crm.MAPPING[column]] = crm.spell(column, agreed, language)
                self.truth_touched(person)
        self.state.change(profile, values, moment)

    def agreed(self, person: Person, column: str) -> str:
        """What the CRM says where both sides agree, as it would be sent: it lists interests in another order."""
        value = person[1].values[column]
        return crm.spell(column, value) if column == "interests" else value

    # Notes

    def differ(
        self,
        person: Person,
        column: str,
        truth: str | None,
        *,
        moved: str,
        reason: str = "different",
        fate: str = "left",
        waiting: bool = False,
        blocked: bool = False,
    ) -> None:
        """Note a difference: the platform's value as it stands, the truth's as it would be sent."""
        platform = person[1].values.get(column)
        if platform is not None and truth is not None:
            self._pairs.add((column, fold(platform), fold(truth)))
        self.answers.difference(
            person[0],
            column,
            moved=moved,
            reason=reason,
            platform=platform,
            truth=truth,
            fate=fate,
            waiting=waiting,
            blocked=blocked,
        )

    def plain(self, column: str, platform: str, truth: str) -> bool:
        """Whether the two differ for no reason but that they differ, and nobody has them the other way round."""
        if (column, fold(truth), fold(platform)) in self._pairs:
            return False
        if column == "interests" and set(platform.split(",")) == set(truth.split(",")):
            return False
        return column in _NEVER_TYPED or _unlike(platform, truth)

    def other(self, column: str, platform: str) -> str | None:
        """Another valid value of `column` that is plainly different; None where luck ran out."""
        for _ in range(12):
            value = self.fresh(column, platform)
            if value != platform and self.plain(column, platform, value):
                return value
        return None

    def fresh(self, column: str, old: str = "") -> str:
        """A valid value of `column`; one that nobody has where nearly everybody has their own."""
        value = self.value(column, old)
        for _ in range(12 if column in _OWN else 0):
            if value not in self._held(column):
                break
            value = self.value(column, old)
        return value

    def _held(self, column: str) -> frozenset[str | None]:
        """What anybody had in a column when the week began."""
        if column not in self._values:
            self._values[column] = frozenset(profile.values.get(column) for profile in self._profiles.values())
        return self._values[column]

    def value(self, column: str, old: str = "") -> str:
        """A valid value of `column`, in some columns made from the old one."""
        rng = self.rng
        match column:
            case "lastName":
                return self.people.last_name()
            case "firstName":
                culture = rng.choice(names.CULTURES[:4])
                return rng.choice(culture.male + culture.female)
            case "emailAddress":
                self._addresses += 1
                return self.people.email("contact", self.people.last_name(), 2_000_000 + self._addresses)
            case "birthDate":
                return _day(date(1950, 1, 1), rng.randrange(18_000))
            case "firstPurchaseDate":
                return _day(date(2014, 1, 1), rng.randrange(3_000))
            case "lastPurchaseMoment":
                return self.past()
            case "gsmNumber":
                return self.people.phone()
            case "addressStreet":
                return self.people.street(rng.choice(("FR", "NL")))
            case "loyaltyPoints":
                return str(rng.randint(1_000, 99_999))
            case "lifetimeValue":
                return f"{rng.randint(1_000, 9_999)}.{rng.randint(0, 9)}{rng.randint(1, 9)}"
            case "cardNumber":
                return str(int(old) + rng.randint(1, 9))
            case "interests":
                return ",".join(sorted(rng.sample(names.INTERESTS, rng.randint(2, 4))))
            case "shopLocation":
                return f"50.{rng.randrange(100_000, 999_999)}|4.{rng.randrange(100_000, 999_999)}"
            case "segmentations#Vip":
                return "false" if old == "true" else "true"
        return rng.choice(_CHOICES[column])


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sex": ("M", "F"),
    "personTitle": ("Mr", "Mrs", "Ms"),
    "motherLanguage": ("NL", "FR", "DE", "EN"),
    "addressCountry": ("BE", "FR", "NL", "LU"),
    "addressPostalCode": tuple(place.code for place in names.PLACES),
    "addressLocality": tuple(place.name for place in names.PLACES),
    "favouriteShop": tuple(SHOPS),
    "nickname": names.NICKNAMES,
    "note": names.NOTES,
    "segmentations#ClientTier": EXCLUSIVE["ClientTier"],
}


def fold(text: str) -> str:
    """Letters and digits only, without accents and case."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


def _unlike(one: str, other: str) -> bool:
    """No prefix of each other, no typing error apart, not the same letters, not the same date the other way round."""
    first, second = one.casefold(), other.casefold()
    if first.startswith(second) or second.startswith(first) or fold(one) == fold(other):
        return False
    if _day_month(one) == other:
        return False
    return DamerauLevenshtein.distance(first, second) > max(2, math.ceil(max(len(one), len(other)) / 8))


def _day(first: date, days: int) -> str:
    return (first + timedelta(days=days)).isoformat()


def _day_month(text: str) -> str | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 -- a calendar day
        return day.replace(month=day.day, day=day.month).isoformat()
    except ValueError:
        return None
