"""The contract of one profile table: which truth column feeds which column, how values are compared, who is master.

`auditor.settings.contract_file` reads it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, AttributeType, Side


class Compare(StrEnum):
    """The comparison rules. What each does to a value stands in `auditor.equality.rules`."""

    EXACT = "exact"
    TEXT = "text"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    CODE = "code"
    SET = "set"
    IDENTIFIER = "identifier"


class Master(StrEnum):
    TRUTH = "truth"
    PLATFORM = "platform"
    BOTH = "both"


class Polarity(StrEnum):
    """Which value of a permission column means that somebody may be contacted."""

    OPT_IN = "opt-in"
    OPT_OUT = "opt-out"


class Blank(StrEnum):
    """What an empty cell of the truth means for a filled one on the platform."""

    KEEP = "keep"
    CLEAR = "clear"


class Writing(StrEnum):
    """Whether the platform's cells of a column may be written at all, whoever is master and whatever is decided."""

    ALWAYS = "always"
    ONLY_IF_EMPTY = "only-if-empty"
    """A cell that holds something stays as it is."""
    NEVER = "never"


class Sensitivity(StrEnum):
    PUBLIC = "public"
    PERSONAL = "personal"
    SPECIAL = "special"


DEFAULT_COMPARE: Mapping[AttributeType, Compare] = {
    AttributeType.STRING: Compare.EXACT,
    AttributeType.INTEGER: Compare.NUMBER,
    AttributeType.LONG: Compare.NUMBER,
    AttributeType.NUMERIC: Compare.NUMBER,
    AttributeType.BOOLEAN: Compare.BOOLEAN,
    AttributeType.DATE: Compare.DATE,
    AttributeType.TIMESTAMP: Compare.TIMESTAMP,
    AttributeType.EMAIL: Compare.EMAIL,
    AttributeType.PHONE: Compare.PHONE,
    AttributeType.LANGUAGE: Compare.CODE,
    AttributeType.COUNTRY: Compare.CODE,
    AttributeType.SEX: Compare.CODE,
    AttributeType.TITLE: Compare.EXACT,
    AttributeType.COORDINATES: Compare.EXACT,
}
"""The rule of a column whose contract names none, by the attribute's type in the structure."""

PARTED = re.compile(r"/(10+)$")
"""Behind the unit of numbers: what has it is divided by so much, `%/100`."""
_UNIT = re.compile(r"[^\s\d.,+()*/|-](?:[^\d,+()*/|-]*[^\s\d,+()*/|-])?")

DIGITS, SALESFORCE, GUID, MAILBOX = "digits", "salesforce", "guid", "mailbox"
PARTS = (DIGITS, SALESFORCE, GUID, MAILBOX)
"""Of an identifier, that may count alone; another one is what stands for the star in a text such as `C-*`, or so many
signs of it, `8`."""

READ_AS: Mapping[Compare, AttributeType] = {
    Compare.EMAIL: AttributeType.EMAIL,
    Compare.PHONE: AttributeType.PHONE,
    Compare.NUMBER: AttributeType.NUMERIC,
    Compare.DATE: AttributeType.DATE,
    Compare.TIMESTAMP: AttributeType.TIMESTAMP,
    Compare.BOOLEAN: AttributeType.BOOLEAN,
}
"""The rules that read a value → what a value must be so that they can."""


@dataclass(frozen=True, slots=True)
class Share:
    """A distance between two numbers that is a part of the larger of them."""

    of_larger: Decimal
    """0.01 is one percent."""

    def __str__(self) -> str:
        return f"{(self.of_larger * 100).normalize():f}%"


@dataclass(frozen=True, slots=True)
class Column:
    """One compared column: how each side spells it, how values are compared and who decides."""

    name: str
    """The platform's name: an attribute, `subscriptions#NAME` or `segmentations#NAME`."""
    truth: str
    """The truth's own name for it."""
    header: str
    """Its name in the export; `name` unless the contract says otherwise."""
    compare: Compare = Compare.EXACT
    argument: str = ""
    """Of the rule: the default country of `phone`, such as `BE`, what separates the members of `set`, such as `;`,
    the part of an `identifier` that counts, such as `C-*`, the unit that a `number` may have, such as `€|EUR`."""
    type: AttributeType = AttributeType.STRING
    multi_valued: bool = False
    master: Master = Master.TRUTH
    conflicts: Literal["ask", "master"] = "ask"
    blank: Blank = Blank.KEEP
    write: Writing = Writing.ALWAYS
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    values: Mapping[str, str] = field(default_factory=dict)
    """Truth value to platform value, applied before anything else; other values stay as they are."""
    format: str | None = None
    """strptime format of the truth's dates or moments, or the name of a count; None means ISO 8601."""
    spelt_alike: bool = False
    """True where the platform's dates and moments may be in that format as well: it is no Actito, but any table."""
    decimal: str = "."
    """Decimal separator of the truth's numbers."""
    empty_is_value: bool = False
    """True where empty text and null are two different values."""
    tolerance: Decimal | Share | timedelta | None = None
    """Inclusive distance within which two numbers, days or moments are equal; None means none."""
    float_noise: bool = False
    """True where a binary float takes part: a relative distance of 1e-12 is noise, not a difference, but between two
    whole numbers.
    """
    permission: Polarity | None = None
    general: bool = False
    """True of a permission that stands over all others, such as marketing consent: while it is off, none may be on."""
    evidence_date: str | None = None
    """Truth column with the moment at which the permission was given or withdrawn."""
    evidence_source: str | None = None
    """Truth column that says where it was given or withdrawn."""
    reference_file: str | None = None
    """CSV file with the keys of the table that the values refer to, beside the contract; None: there is none."""
    reference_column: str | None = None
    """Its column with the keys; None: the first."""

    @property
    def is_choice(self) -> bool:
        """Whether its values are a few that mean something each: yes or no, codes, memberships."""
        return (
            self.compare in (Compare.BOOLEAN, Compare.CODE)
            or self.permission is not None
            or self.name.startswith((SUBSCRIPTION_PREFIX, SEGMENTATION_PREFIX))
        )

    @property
    def distance(self) -> str:
        """The tolerance as people write it: `0.01`, `1%`, `1d`, `7200s`; empty: there is none."""
        if not isinstance(self.tolerance, timedelta):
            return "" if self.tolerance is None else str(self.tolerance)
        seconds = int(self.tolerance.total_seconds())
        return f"{seconds}s" if seconds % 86_400 else f"{seconds // 86_400}d"

    @property
    def read_as(self) -> AttributeType | None:
        """What a value must be or its rule cannot read it, where the structure leaves the column free text."""
        return READ_AS.get(self.compare) if self.type is AttributeType.STRING and not self.multi_valued else None


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the audit of one profile table needs to know beyond the structure."""

    table: str
    key: tuple[str, ...]
    """The platform's names of the key columns; each is one of `columns` too."""
    columns: tuple[Column, ...]
    """All mapped columns, key columns included, in the order of the file."""
    timezone: ZoneInfo
    updated_platform: str | None = None
    """Export column with a row's update moment."""
    updated_truth: str | None = None
    grace: timedelta = timedelta(0)
    """How long the ordinary synchronisation may take to bring a change of the truth to the platform."""
    population_platform: str | None = None
    """SQL condition over the export's own columns: who is compared at all; None means everybody."""
    population_truth: str | None = None
    fallbacks: tuple[tuple[str, ...], ...] = ()
    """Keys for rows that lack the key, in their order; see `auditor.match.fallback`."""

    def signature(self, column: Column) -> str:
        """Changes when the comparison of a column changes; agreed values of another signature are no base."""
        parts: list[object] = [column.compare.value, column.argument, column.empty_is_value]
        parts += [sorted(column.values.items()), column.format, column.decimal]
        parts += [self.timezone.key] if column.compare is Compare.TIMESTAMP else []
        return repr(parts)

    @property
    def digest(self) -> str:
        """SHA-256 of what the contract says, 64 hex digits: another spelling or order of a file that says the same, or
        a comment in it, changes nothing.
        """
        return hashlib.sha256(repr(replace(self, columns=tuple(map(_ordered, self.columns)))).encode()).hexdigest()

    def population(self, side: Side) -> str | None:
        """The condition over the columns of a side that says who is compared; None: everybody."""
        return self.population_platform if side is Side.PLATFORM else self.population_truth

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def keys(self) -> tuple[Column, ...]:
        return tuple(self.column(name) for name in self.key)

    @property
    def compared(self) -> tuple[Column, ...]:
        """The columns that are compared: all but the key's, and these too where a profile may lack them."""
        return tuple(column for column in self.columns if self.fallbacks or column.name not in self.key)

    @property
    def permissions(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.permission is not None)

    @property
    def contacts(self) -> tuple[Column, ...]:
        """The columns by which a person is contacted: e-mail addresses and phone numbers."""
        ways = (AttributeType.EMAIL, AttributeType.PHONE, Compare.EMAIL, Compare.PHONE)
        return tuple(column for column in self.columns if column.type in ways or column.compare in ways)

    @property
    def truth_columns(self) -> tuple[str, ...]:
        """Every column of the truth that this contract names, once, in a stable order."""
        names = [column.truth for column in self.columns]
        names += [name for column in self.columns for name in (column.evidence_date, column.evidence_source) if name]
        if self.updated_truth:
            names.append(self.updated_truth)
        return tuple(dict.fromkeys(names))


def parted(argument: str) -> tuple[str, str]:
    """What stands behind `number:`, as decimal sign, a dot unless it is a comma, and unit, which may be none."""
    sign = argument[:1] if argument[:1] in (",", ".") else ""
    return sign or ".", argument[len(sign) :]


def is_unit(text: str) -> bool:
    """Whether it may stand before or behind a number, as `€` and `EUR` do; several with `|` between them."""
    return all(map(_UNIT.fullmatch, PARTED.sub("", text).split("|")))


def _ordered(column: Column) -> Column:
    return replace(column, values=dict(sorted(column.values.items())))
