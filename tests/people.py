"""Generated people on two sides, and who is who: what the score of same persons is fitted to and judged by.

Nothing here is shared with the audit or with its sandbox. Everybody on a side has a row there; some have two, and some
have a row on each side under another key. What makes it hard is in it: households with one telephone, one mailbox and
one address, twins, parents and children of one first name, namesakes, test contacts, values that stand for "unknown",
empty cells; and what changes or goes wrong with one and the same person: a new e-mail address, a new telephone, a move,
a marriage, slips of the keyboard, short first names, another spelling, letters read in the wrong encoding, first and
last name exchanged, a birth date that is somebody else's, another address of one mailbox.
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES: Final = _words(
    "Peeters Janssens Maes Jacobs Mertens Willems Claes Goossens Wouters Dubois Lambert Dupont Martin Simon Laurent "
    "Leroy Hermans Aerts Michiels Pauwels Renard Thomas Leclercq Denis Lejeune François Gérard Bertrand Vermeulen "
    "Van-Damme De-Smet Desmet De-Clercq D’Hondt Verhaeghe Vandenbroucke Van-den-Broeck Çelik Yılmaz Öztürk El-Amrani "
    "Benali Nguyen Müller Schmitz Weber O’Neill Núñez García Kowalski"
)
FIRST: Final = _words(
    "Marie Jan Jean Emma Louis Anna Thomas Julie Nicolas Lotte Pieter Sophie Lucas Laura Arthur Olivia Noah Camille "
    "Jérôme Élise Anaïs Zoë Bram Femke Koen Griet Luc An Liesbeth Katrien Johan Mohamed Fatma Yusuf Aylin Hans Greta "
    "Siobhán José Agnieszka Willy Georges Ginette Rita Marc Monique Frans Chantal Bart Els Tom Sarah Kevin Nathalie"
)
SHORT: Final = {
    "Liesbeth": "Lies", "Katrien": "Kat", "Thomas": "Tom", "Nicolas": "Nico", "Johan": "Jo", "Pieter": "Piet",
    "Georges": "Jo", "Nathalie": "Nat", "Laura": "Lau", "Mohamed": "Mo", "Sophie": "Fie",
}  # fmt: skip
SYLLABLES: Final = _words("van ver bos ha mer lin den wer ko ri so la me du pre bel fon ca ro ta ni el stra ge mo")
ENDINGS: Final = _words("mans sen ier et ard ink aert ens ez i aux in oy stra berg")
STREETS: Final = _words(
    "Kerkstraat Stationsstraat Molenstraat Dorpsstraat Schoolstraat Grote-Markt Nieuwstraat Veldstraat Avenue-Louise "
    "Rue-de-l’Église Rue-Haute Rue-du-Moulin Chaussée-de-Wavre Place-du-Théâtre Hauptstraße Kapellestraat Beukenlaan"
)
HOSTS: Final = ("gmail.com", "telenet.be", "hotmail.com", "skynet.be", "outlook.be", "proximus.be", "yahoo.fr")
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one side, named by its key. `person` is the truth that the audit does not see."""

    person: int
    key: str
    email: str | None
    last_name: str | None
    first_name: str | None
    birth_date: str | None
    phone: str | None
    postal_code: str | None
    street: str | None


@dataclass(frozen=True, slots=True)
class People:
    """Both sides. Two rows, of one or of two sides, are the same person exactly where `person` is equal."""

    platform: tuple[Row, ...]
    truth: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a company's data is like; everything is a share from 0 to 1."""

    matched: float = 0.5
    """People whom both sides know under one key."""
    rekeyed: float = 0.12
    """People whom both sides know, under two keys."""
    twice: float = 0.03
    """People who have two rows on a side, each side on its own."""
    empty: tuple[float, float, float, float, float, float, float] = (0.1, 0.02, 0.04, 0.25, 0.3, 0.12, 0.15)
    """Empty cells: e-mail, last name, first name, birth date, telephone, postal code, street."""
    shared_mailbox: float = 0.04
    """Households with one e-mail address."""
    shared_phone: float = 0.3
    tests: float = 0.001
    """Rows that somebody made to try something out; each counts as somebody else."""
    unknown_birth: float = 0.02
    """Birth dates that stand for "unknown"."""


VARIED: Final = (
    Rates(),
    Rates(rekeyed=0.25, empty=(0.3, 0.02, 0.05, 0.6, 0.5, 0.3, 0.4)),
    Rates(rekeyed=0.04, twice=0.01, shared_phone=0.5, shared_mailbox=0.1),
    Rates(matched=0.2, rekeyed=0.1, empty=(0.02, 0.05, 0.3, 0.9, 0.1, 0.05, 0.1)),
    Rates(matched=0.7, rekeyed=0.08, empty=(0.5, 0.0, 0.02, 0.05, 0.6, 0.02, 0.05), unknown_birth=0.1),
)
"""Companies unlike each other."""


def generate(seed: int, people: int, rates: Rates | None = None) -> People:
    """About `people` persons; the same for the same seed. Without rates those of some company, by the seed."""
    return _Maker(random.Random(seed), rates or VARIED[seed % len(VARIED)]).people(people)  # noqa: S311 (test data)


class _Maker:
    def __init__(self, dice: random.Random, rates: Rates) -> None:
        self.dice = dice
        self.rates = rates
        rare = {"".join(dice.choices(SYLLABLES, k=2)).capitalize() + dice.choice(ENDINGS) for _ in range(3000)}
        self.last = [*(name.replace("-", " ") for name in NAMES), *sorted(rare)]
        self.last_weights = list(accumulate(1 / (5 + rank) for rank in range(len(self.last))))
        self.first_weights = list(accumulate(1 / (15 + rank) for rank in range(len(FIRST))))
        self.towns = [f"{dice.randint(1000, 9999)}" for _ in range(600)]
        self.town_weights = list(accumulate(1 / (10 + rank) for rank in range(len(self.towns))))
        self.number = dice.randint(100_000, 4_000_000)
        self.letter = dice.choice(("K", ""))
        self.persons = 0
        self.mailboxes: set[str] = set()
        self.switchboards = [self._phone() for _ in range(3)]

    def people(self, wanted: int) -> People:
        platform: list[Row] = []
        truth: list[Row] = []
        while self.persons < wanted:
            for row in self._household():
                self._place(row, platform, truth)
        for side in (platform, truth):
            side += [self._test_contact() for _ in range(round(wanted * self.rates.tests))]
            self.dice.shuffle(side)
        return People(*(tuple({row.key: row for row in side}.values()) for side in (platform, truth)))

    def _place(self, row: Row, platform: list[Row], truth: list[Row]) -> None:
        rates, chance = self.rates, self.dice.random()
        if chance < rates.matched:
            held = {"platform": [self._held(row)], "truth": [self._held(row)]}
        elif chance < rates.matched + rates.rekeyed:
            held = {"platform": [self._held(row)], "truth": [self._held(self._later(row))]}
        elif self.dice.random() < 0.5:
            held = {"platform": [self._held(row)], "truth": []}
        else:
            held = {"platform": [], "truth": [self._held(row)]}
        for rows in held.values():
            if rows and self.dice.random() < rates.twice:
                rows.append(self._held(self._later(row)))
        platform += held["platform"]
        truth += held["truth"]

    # People, as they are

    def _household(self) -> list[Row]:
        dice, rates = self.dice, self.rates
        size = dice.choices((1, 2, 3, 4, 5), (30, 35, 15, 14, 6))[0]
        name, town, street = self._last(), self._town(), self._street()
        phone = self._phone() if dice.random() < rates.shared_phone else None
        mailbox = self._email("familie", name) if dice.random() < rates.shared_mailbox else None
        born = dice.randint(1935, 1985)
        rows: list[Row] = []
        for place in range(size):
            self.persons += 1
            last = self._last() if place == 1 and dice.random() < 0.6 else name
            year = born + dice.randint(-6, 6) if place < 2 else born + dice.randint(22, 40)
            first = self._first({row.first_name for row in rows})
            day = f"{year}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
            if place >= 3 and dice.random() < 0.15:
                day = rows[-1].birth_date or day  # twins
            if place == 2 and dice.random() < 0.1:
                first = rows[0].first_name or first
            rows.append(
                Row(
                    person=self.persons,
                    key=self._key(),
                    email=mailbox if mailbox and dice.random() < 0.7 else self._email(first, last),
                    last_name=last,
                    first_name=first,
                    birth_date="1900-01-01" if dice.random() < rates.unknown_birth else day,
                    phone=phone if phone and dice.random() < 0.8 else self._phone(),
                    postal_code=town,
                    street=street,
                )
            )
        return rows

    def _test_contact(self) -> Row:
        self.persons += 1
        dice = self.dice
        name = dice.choice(("Test", "Dummy", "Tester"))
        mailbox = f"test{dice.randint(1, 2000)}@example.com" if dice.random() < 0.7 else "test@example.com"
        phone = dice.choice(self.switchboards)
        return Row(self.persons, self._key(), mailbox, name, name, "1900-01-01", phone, "1000", "Teststraat 1")

    def _key(self) -> str:
        self.number += self.dice.randint(1, 3)
        return f"{self.letter}{self.number:0{8 - len(self.letter)}}"

    def _first(self, taken: Container[str | None]) -> str:
        """Nobody has the name of a brother, a sister or a partner."""
        while (first := self.dice.choices(FIRST, cum_weights=self.first_weights)[0]) in taken:
            pass
        return first

    def _last(self) -> str:
        return self.dice.choices(self.last, cum_weights=self.last_weights)[0]

    def _town(self) -> str:
        return self.dice.choices(self.towns, cum_weights=self.town_weights)[0]

    def _street(self) -> str:
        street = self.dice.choice(STREETS) if self.dice.random() < 0.6 else self._last() + "straat"
        return f"{street.replace('-', ' ')} {self.dice.randint(1, 180)}"

    def _phone(self) -> str:
        return f"+324{self.dice.randint(60_000_000, 99_999_999)}"

    def _email(self, first: str, last: str) -> str:
        dice = self.dice
        a, b = _plain(first), _plain(last)
        local = dice.choice((f"{a}.{b}", f"{a}{b}", f"{a[:1]}.{b}", f"{b}.{a}", f"{a}_{b[:1]}", a[:3] + b[:4]))
        if dice.random() < 0.45:
            local += str(dice.randint(1, 99))
        address = f"{local}@{dice.choices(HOSTS, (40, 15, 14, 9, 9, 8, 5))[0]}"
        if address in self.mailboxes:
            return self._email(first, f"{last}{dice.randint(2, 99)}")
        self.mailboxes.add(address)
        return address

    # The same people, as they are held

    def _later(self, row: Row) -> Row:
        """The same person under another key, and what has changed since."""
        dice = self.dice
        key = row.key
        way = dice.random()
        if way < 0.12:
            key = self._slip(row.key, digits=True)
        elif way < 0.18:
            key = dice.choice((key.lower(), f"{key[:3]} {key[3:]}")) if key.startswith("K") else key.lstrip("0")
        else:
            key = self._key()
        last, first = row.last_name or "", row.first_name or ""
        email, phone, town, street = row.email, row.phone, row.postal_code, row.street
        if dice.random() < 0.08:
            married = self._last()
            last = dice.choice((married, f"{last}-{married}"))
        if dice.random() < 0.55:
            email = self._email(first, last)
        if dice.random() < 0.25:
            phone = self._phone()
        if dice.random() < 0.2:
            town, street = self._town(), self._street()
        return replace(
            row, key=key, last_name=last, first_name=first, email=email, phone=phone, postal_code=town, street=street
        )

    def _held(self, row: Row) -> Row:
        """A row as somebody typed it, with what is empty and what went wrong."""
        dice = self.dice
        last, first, birth, street = row.last_name or "", row.first_name or "", row.birth_date or "", row.street or ""
        if dice.random() < 0.05:
            last = self._slip(last)
        if dice.random() < 0.05:
            first = self._slip(first)
            if dice.random() < 0.3:
                first = self._slip(first)
        elif dice.random() < 0.1:
            first = SHORT.get(first, first)
        if dice.random() < 0.08:
            last, first = last.upper(), first.upper()
        if dice.random() < 0.08:
            last, first = last.replace("-", " ").replace("’", ""), _plain(first)
        if dice.random() < 0.02:
            birth = self._slip_of_date(birth)
        elif dice.random() < 0.003:
            birth = f"{dice.randint(1935, 2005)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        if dice.random() < 0.03:
            last, first = (name.encode().decode("cp1252", "replace") for name in (last, first))
        if dice.random() < 0.015:
            last, first = first, last
        if dice.random() < 0.08:
            street = dice.choice((street + " bus 3", street.replace("straat", "str."), self._slip(street)))
        email, phone = row.email or "", row.phone or ""
        if dice.random() < 0.02:
            email = self._slip(email)
        if dice.random() < 0.03:
            email = email.replace("@", "+news@")
        if dice.random() < 0.1 and email.endswith("@gmail.com"):
            email = email.replace(".", "", email.partition("@")[0].count("."))
        if dice.random() < 0.02:
            phone = "+324" + self._slip(phone[4:], digits=True)
        kept = (email, last, first, birth, phone, row.postal_code, street)
        shown = [None if dice.random() < share else value for value, share in zip(kept, self.rates.empty, strict=True)]
        return Row(row.person, row.key, *shown)

    def _slip(self, text: str, *, digits: bool = False) -> str:
        """A letter too few, too many, another one, or two that changed places."""
        dice = self.dice
        if len(text) < 3:
            return text
        at = dice.randrange(1, len(text) - 1)
        other = dice.choice("0123456789" if digits else LETTERS)
        slipped: str = dice.choice(
            (
                text[:at] + other + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                *(() if digits else (text[:at] + text[at + 1 :], text[:at] + other + text[at:])),
            )
        )
        return slipped

    def _slip_of_date(self, date: str) -> str:
        year, month, day = date.split("-")
        if int(day) <= 12 and self.dice.random() < 0.5:
            return f"{year}-{day}-{month}"
        if self.dice.random() < 0.3:
            return f"{year}-{self.dice.randint(1, 12):02}-{day}"
        if self.dice.random() < 0.3:
            return f"{year}-{month}-{self.dice.randint(1, 28):02}"
        return f"{year[:3]}{self.dice.randint(0, 9)}-{month}-{day}"


def _plain(text: str) -> str:
    folded = text.lower().translate(str.maketrans("àáâäçèéêëíïñóöúüışğ", "aaaaceeeeiinoouuisg"))
    return "".join(letter for letter in folded if letter in LETTERS or letter.isdigit())


def same_pairs(left: Sequence[Row], right: Sequence[Row]) -> set[tuple[str, str]]:
    """The keys of all pairs of two different keys that are one person, one of each sequence."""
    by_person: dict[int, list[str]] = {}
    for row in right:
        by_person.setdefault(row.person, []).append(row.key)
    return {(row.key, key) for row in left for key in by_person.get(row.person, ()) if key != row.key}
