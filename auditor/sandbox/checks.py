"""Which values the sandbox accepts (§5 of the API notes): the same for single calls and for rows of an import."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from auditor.sandbox.codes import COUNTRIES, ENDINGS, LANGUAGES
from auditor.sandbox.dialect import (
    COORDINATES_TYPE,
    FALSE_WORDS,
    MOMENT,
    MULTI_VALUE_SEPARATOR,
    SEGMENTATION,
    TEXT_LENGTH,
    TRUE_WORDS,
    Code,
)
from auditor.sandbox.structure import REPOSITORIES, TECHNICAL, Attribute, Table


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value is refused. The message never repeats the value."""

    field: str
    code: str
    message: str


def known(table: Table, column: str) -> Problem | None:
    """Whether `column` may be written at all: not technical, and part of the table."""
    if column in TECHNICAL:
        return Problem(column, Code.READ_ONLY, f"{column} is generated and cannot be sent")
    if column in table.columns:
        return None
    return Problem(column, Code.UNKNOWN_FIELD, f"the table has no {column}")


def accept(table: Table, column: str, value: str) -> str | Problem:
    """The value as it is stored, or why it is refused. `value` is not empty and `column` is known."""
    attribute = table.by_name.get(column)
    if attribute is not None:
        return _attribute(attribute, value)
    segments = table.exclusive.get(column.removeprefix(SEGMENTATION)) if column.startswith(SEGMENTATION) else None
    if segments is not None:
        return value if value in segments else Problem(column, Code.INVALID, f"{column} has no such segment")
    return _boolean(column, value)


def _attribute(attribute: Attribute, value: str) -> str | Problem:
    if attribute.value_type == "BOOLEAN":
        return _boolean(attribute.name, value)
    members = value.split(MULTI_VALUE_SEPARATOR) if attribute.multi_valued else [value]
    longest = attribute.max_length or (TEXT_LENGTH if attribute.value_type in ("STRING", "EMAIL") else None)
    for member in members:
        if longest is not None and len(member) > longest:
            return Problem(attribute.name, Code.TOO_LONG, f"{attribute.name} has at most {longest} characters")
        if len(member) < (attribute.min_length or 0):
            return Problem(
                attribute.name, Code.TOO_SHORT, f"{attribute.name} has at least {attribute.min_length} characters"
            )
        if attribute.allowed and member not in attribute.allowed:
            return Problem(attribute.name, Code.INVALID, f"{attribute.name} does not allow this value")
        if attribute.refers_to is not None and member not in REPOSITORIES[attribute.refers_to]:
            return Problem(attribute.name, Code.INVALID, f"{attribute.name} refers to no row of {attribute.refers_to}")
        if not _FORMS.get(attribute.value_type, bool)(member):
            return Problem(attribute.name, Code.INVALID, f"{attribute.name} is not {_NAMES[attribute.value_type]}")
    return value


def _boolean(column: str, value: str) -> str | Problem:
    word = value.upper() if value.isascii() else ""  # in capitals the long s of old prints is an S
    if word in TRUE_WORDS:
        return "true"
    if word in FALSE_WORDS:
        return "false"
    return Problem(column, Code.INVALID, f"{column} is not a boolean")


_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+")
_LONGEST_LABEL = 63
"""Characters between two dots of a domain (RFC 1035): no page says so, but none longer can exist."""


def _is_email(value: str) -> bool:
    """The rules of U-predef; accents are allowed in the domain only, in either form of Unicode.

    Of the other characters of a domain no page speaks: here they are those that a domain can have.
    """
    local, at, domain = value.rpartition("@")
    if not at or ".." in value or not _LOCAL_PART.fullmatch(local):
        return False
    *labels, ending = domain.split(".")
    return bool(labels) and ending.lower() in ENDINGS and all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    """Letters, digits, accents; hyphens, but not at an end."""
    known_characters = all(character == "-" or unicodedata.category(character)[0] in "LMN" for character in label)
    return 0 < len(label) <= _LONGEST_LABEL and known_characters and "-" not in (label[0], label[-1])


_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


def _is_integer(value: str, bits: int) -> bool:
    return _INTEGER.fullmatch(value) is not None and -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1)


def _is_date(value: str) -> bool:
    if not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_moment(value: str) -> bool:
    if not _MOMENT.fullmatch(value):
        return False
    try:
        datetime.strptime(value, MOMENT)  # noqa: DTZ007 -- only its form is judged
    except ValueError:
        return False
    return True


def _is_coordinates(value: str) -> bool:
    """Two decimals joined by a bar, of WGS 84 (D-etlf), where one degree of the two is within 90 and the other within
    180. Which comes first is not stated: either may."""
    parts = value.split("|")
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        return False
    near, far = sorted(abs(float(part)) for part in parts)
    return near <= 90 and far <= 180


_FORMS: Final = {
    "INTEGER": lambda value: _is_integer(value, 32),
    "LONG": lambda value: _is_integer(value, 64),
    "NUMERIC": lambda value: _NUMBER.fullmatch(value) is not None,
    "DATE": _is_date,
    "TIMESTAMP": _is_moment,
    "EMAIL": _is_email,
    "PHONE": lambda value: _PHONE.fullmatch(value) is not None,
    "LANGUAGE": LANGUAGES.__contains__,
    "COUNTRY": COUNTRIES.__contains__,
    "SEX": ("M", "F").__contains__,
    "TITLE": ("Mr", "Mrs", "Ms").__contains__,
    COORDINATES_TYPE: _is_coordinates,
}
_NAMES: Final = {
    "INTEGER": "a whole number",
    "LONG": "a whole number",
    "NUMERIC": "a number with a dot as decimal separator",
    "DATE": "a date YYYY-MM-DD",
    "TIMESTAMP": "a moment YYYY-MM-DD HH:MM:SS",
    "EMAIL": "an e-mail address",
    "PHONE": "a phone number in international form",
    "LANGUAGE": "a language of ISO 639-1",
    "COUNTRY": "a country of ISO 3166-1 alpha-2",
    "SEX": "M or F",
    "TITLE": "Mr, Mrs or Ms",
    COORDINATES_TYPE: "a pair of coordinates",
    "STRING": "a text",
}
