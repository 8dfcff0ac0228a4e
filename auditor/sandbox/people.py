"""Invents people: coherent names, addresses, numbers and preferences, the same for the same seed.

Addresses of the internet lie under example.com, example.org and example.net, which belong to nobody. Belgium reserves
no telephone numbers for fiction; the numbers have the form of mobile numbers and stand for no one.
"""

from __future__ import annotations

import random
import unicodedata
from datetime import date, datetime, time, timedelta

from auditor.sandbox import names
from auditor.sandbox.dialect import MOMENT
from auditor.sandbox.state import Values
from auditor.sandbox.structure import EXCLUSIVE, SHOPS

_BELGIAN_MOBILE = (*range(70, 80), *range(84, 100))
"""Third and fourth digit of 04xx."""


class People:
    """Makes one person after the other. No two share a number, an address of the internet or a phone."""

    def __init__(self, rng: random.Random, today: date) -> None:
        """`today` bounds every moment: purchases and the like end ten days before it."""
        self._rng = rng
        self._last_day = today - timedelta(days=10)
        self._phones: set[str] = set()
        self._cultures = [culture for culture in names.CULTURES for _ in range(culture.share)]

    def taken(self, phone: str) -> None:
        """Remember a phone number that exists already."""
        self._phones.add(phone)

    def person(self, number: int) -> Values:
        """The values of customer `number`, as the platform spells them; absent columns are empty."""
        rng = self._rng
        culture = rng.choice(self._cultures)
        male = rng.random() < 0.5
        first = rng.choice(culture.male if male else culture.female)
        last = rng.choice(culture.last)
        language = rng.choice(culture.languages)
        values: Values = {
            "customerId": f"C{number:06d}",
            "emailAddress": self.email(first, last, number),
            "lastName": last,
            "firstName": first,
            "motherLanguage": language,
        }
        if rng.random() < 0.9:
            born = date(1935, 1, 1) + timedelta(days=rng.randrange(26_000))
            values["birthDate"] = born.isoformat()
        if rng.random() < 0.95:
            values["sex"] = "M" if male else "F"
            if rng.random() < 0.9:
                values["personTitle"] = "Mr" if male else rng.choice(("Mrs", "Mrs", "Ms"))
        if rng.random() < 0.85:
            self._address(values, language)
        if rng.random() < 0.8:
            values["gsmNumber"] = self.phone(values.get("addressCountry", "BE"))
        if rng.random() < 0.7:
            self._purchases(values, number)
        if rng.random() < 0.6:
            values["interests"] = ",".join(rng.sample(names.INTERESTS, rng.randint(1, 4)))
        if rng.random() < 0.6:
            values["favouriteShop"] = rng.choice(tuple(SHOPS))
            values["shopLocation"] = SHOPS[values["favouriteShop"]]
        if rng.random() < 0.3:
            values["nickname"] = rng.choice(names.NICKNAMES)
        if rng.random() < 0.25:
            values["note"] = rng.choice(names.NOTES)
        self._permissions(values)
        values["segmentations#Vip"] = _word(rng.random() < 0.1)
        if rng.random() < 0.5:
            values["segmentations#ClientTier"] = rng.choice(EXCLUSIVE["ClientTier"])
        return values

    def email(self, first: str, last: str, number: int) -> str:
        """An address that only customer `number` has."""
        local = ".".join(part for part in (_latin(first), _latin(last)) if part) or "klant"
        return f"{local}.{number}@example.{self._rng.choice(('com', 'org', 'net'))}"

    def phone(self, country: str = "BE") -> str:
        """A mobile number in international form that nobody else has."""
        while True:
            phone = self._phone(country)
            if phone not in self._phones:
                self._phones.add(phone)
                return phone

    def last_name(self) -> str:
        return self._rng.choice(self._rng.choice(names.CULTURES[:4]).last)

    def street(self, language: str) -> str:
        return f"{self._rng.choice(names.STREETS[language])} {self._rng.randint(1, 199)}"

    def moment(self, start: date, end: date) -> str:
        """A moment of the day (6 to 22 o'clock, which every day has exactly once) from `start` to `end`."""
        day = start + timedelta(days=self._rng.randint(0, max(0, (end - start).days)))
        clock = time(self._rng.randint(6, 21), self._rng.randint(0, 59), self._rng.randint(0, 59))
        return datetime.combine(day, clock).strftime(MOMENT)

    def _phone(self, country: str) -> str:
        rng = self._rng
        if country == "DE":
            return f"+49151{rng.randrange(10_000_000, 100_000_000)}"
        if country == "FR":
            return f"+336{rng.randrange(40_000_000, 70_000_000)}"
        return f"+324{rng.choice(_BELGIAN_MOBILE)}{rng.randrange(1_000_000):06d}"

    def _address(self, values: Values, language: str) -> None:
        rng = self._rng
        abroad = language in ("DE", "FR") and rng.random() < 0.06
        places = [place for place in (names.FOREIGN if abroad else names.PLACES) if place.language == language]
        place = rng.choice(places or names.PLACES)
        values["addressStreet"] = self.street(place.language)
        values["addressPostalCode"] = place.code
        values["addressLocality"] = place.name
        values["addressCountry"] = place.country

    def _purchases(self, values: Values, number: int) -> None:
        rng = self._rng
        first = self._last_day - timedelta(days=rng.randint(3, 2500))
        values["firstPurchaseDate"] = first.isoformat()
        values["lastPurchaseMoment"] = self.moment(first + timedelta(days=1), self._last_day - timedelta(days=1))
        values["loyaltyPoints"] = str(rng.randint(100, 9_999))
        # No trailing zero: 12.5 and 12.50 are one number, and answers name one spelling.
        values["lifetimeValue"] = f"{rng.randint(10, 9_000)}.{rng.randint(0, 9)}{rng.randint(1, 9)}"
        # Beyond 2^53, where a binary float no longer tells neighbours apart.
        values["cardNumber"] = str(97_000_000_000_000_000 + number * 1_000 + rng.randrange(1_000))

    def _permissions(self, values: Values) -> None:
        rng = self._rng
        consent = rng.random()
        if consent < 0.85:
            values["marketingConsent"] = _word(consent < 0.65)
        contact = rng.random()
        if contact < 0.84:
            values["doNotContact"] = _word(contact < 0.04)
        refused = values.get("marketingConsent") == "false" or values.get("doNotContact") == "true"
        for name, share in (("Newsletter", 0.55), ("Promotions", 0.4), ("Events", 0.3)):
            values[f"subscriptions#{name}"] = _word(rng.random() < share and not refused)


def _word(value: bool) -> str:
    return "true" if value else "false"


def _latin(text: str) -> str:
    """Lower-case letters without accents; empty for names in other scripts."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss").replace("ł", "l").replace("ı", "i"))
    return "".join(letter for letter in folded if letter.isascii() and letter.isalpha())
