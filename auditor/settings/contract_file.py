"""Reads a contract from `expectations/TABLE/contract.toml`, and tells all of its problems at once, each with its place.

No other module knows the spelling of the file.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import pydantic

from auditor.errors import SettingsError
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, AttributeType, Structure
from auditor.settings.contract import (
    DEFAULT_COMPARE,
    PARTS,
    Blank,
    Column,
    Compare,
    Contract,
    Master,
    Polarity,
    Sensitivity,
    Writing,
    is_unit,
    parted,
)
from auditor.settings.date_formats import unreadable
from auditor.settings.distances import InFile, unfit
from auditor.settings.problems import Duration, Strict, nearest, problem_list, read_toml


class Updated(Strict):
    platform: str | None = None
    truth: str | None = None


class Sync(Strict):
    grace: Duration = timedelta(0)


class Population(Strict):
    platform: str | None = None
    truth: str | None = None


class Evidence(Strict):
    date: str | None = None
    source: str | None = None


class Reference(Strict):
    file: str
    column: str | None = None


class ColumnFile(Strict):
    model_config = pydantic.ConfigDict(json_schema_extra={"dependentRequired": {"general": ["permission"]}})

    truth: str
    header: str | None = None
    compare: str | None = pydantic.Field(default=None, json_schema_extra={"pattern": f"^({'|'.join(Compare)})(:.*)?$"})
    master: Master | None = None
    conflicts: Literal["ask", "master"] = "ask"
    blank: Blank = Blank.KEEP
    write: Writing = Writing.ALWAYS
    """Whether the platform's cells are written: always, only where they are empty, or never."""
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    values: dict[str, str] = {}
    format: str | None = None
    decimal: Literal[".", ","] = "."
    empty: Literal["null", "value"] = "null"
    tolerance: InFile | None = None
    permission: Polarity | None = None
    general: bool = False
    """True of a permission that stands over all others, such as marketing consent: while it is off, none may be on."""
    evidence: Evidence = Evidence()
    reference: Reference | None = None
    """The keys of the custom table that the attribute refers to: a CSV file beside the contract."""


_WITH_FORMAT = (Compare.DATE, Compare.TIMESTAMP)

_NAMES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_KEY: dict[str, Any] = {"anyOf": [_NAMES, {"type": "array", "items": _NAMES, "minItems": 1}]}


class File(Strict):
    """The whole of `contract.toml`."""

    model_config = pydantic.ConfigDict(json_schema_extra={"dependentRequired": {"updated": ["timezone"]}})

    key: Annotated[list[str] | list[list[str]], pydantic.Field(min_length=1), pydantic.WithJsonSchema(_KEY)]
    updated: Updated = Updated()
    timezone: str | None = None
    country: str = "BE"
    sync: Sync = Sync()
    population: Population = Population()
    columns: dict[str, ColumnFile]

    @pydantic.field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in _zones():
            raise ValueError(f'"{value}" is not a time zone{nearest(value, _zones())}')
        return value

    @pydantic.field_validator("country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        return _country(value)


@cache
def _zones() -> frozenset[str]:
    """Looked up once: to list the machine's time zones takes longer than all the rest of reading a contract."""
    return frozenset(available_timezones())


def read_contract(path: Path, structure: Structure | None, *, text: str | None = None) -> Contract:
    """Read the contract file, or the `text` that is about to be written there, and check it against the live structure
    (None: against itself only).

    Raises SettingsError with every problem found: unknown keys, a column the structure does not have, a rule that
    does not exist, a key that is not mapped or not unique.
    """
    file = read_toml(path, File, what="contract", text=text)
    problems: list[str] = []
    key, *fallbacks = _keys(file, problems)
    columns = [_column(name, spec, file.country, structure, problems) for name, spec in file.columns.items()]
    problems += [
        f"columns.{name}: this name is taken by the key in the files of a run; such a column cannot be mapped"
        for name in file.columns
        if name.lower() == "key" and key != (name,)
    ]
    for name in dict.fromkeys((*key, *(name for other in fallbacks for name in other))):
        if name not in file.columns:
            problems.append(f'key column "{name}" has no [columns.{name}]{nearest(name, file.columns)}')
    for name in key:
        attribute = structure.attribute(name) if structure else None
        if attribute is not None and len(key) == 1 and not attribute.unique:
            problems.append(f'key column "{name}" is not a unique attribute of the table')
    if (file.updated.platform or file.updated.truth) and file.timezone is None:
        problems.append('timezone is required beside `updated`, for example timezone = "Europe/Brussels"')
    if problems:
        raise SettingsError(problem_list(path, problems))
    return Contract(
        table=path.parent.name,
        key=key,
        columns=tuple(columns),
        timezone=ZoneInfo(file.timezone or "UTC"),
        updated_platform=file.updated.platform,
        updated_truth=file.updated.truth,
        grace=file.sync.grace,
        population_platform=file.population.platform,
        population_truth=file.population.truth,
        fallbacks=tuple(fallbacks),
    )


def parse_rule(text: str) -> tuple[Compare, str]:
    """`"phone:BE"` as rule and argument. Raises ValueError with the nearest rule for an unknown name, for a country
    whose numbers nobody knows, and for an argument of a rule that takes none."""
    name, _, argument = text.partition(":")
    if name not in tuple(Compare):
        known = ", ".join(Compare)
        raise ValueError(f'"{name}" is not a comparison rule{nearest(name, list(Compare))} (rules: {known})')
    if argument and name == Compare.PHONE:
        _country(argument)
    elif argument and name == Compare.SET:
        if any(sign.isalnum() or sign.isspace() for sign in argument):
            raise ValueError(f'"{argument}" separates nothing: signs such as ; or | are expected')
    elif argument and name == Compare.IDENTIFIER:
        around = argument.count("*") == 1 and argument != "*"
        if not (argument in PARTS or around or re.fullmatch("[1-9][0-9]?", argument)):
            raise ValueError(
                f'"{argument}" is no part of an identifier: {", ".join(PARTS)} or one such as C-*, *-? or 8'
            )
    elif argument and name == Compare.NUMBER:
        if (unit := parted(argument)[1]) and not is_unit(unit):
            raise ValueError(
                f'"{argument}" is no decimal sign and no unit: number:, reads 1.234,50, number:,€ reads € 1.234,50'
            )
    elif argument and name not in (Compare.DATE, Compare.TIMESTAMP):
        raise ValueError(f'nothing may stand behind "{name}"')
    return Compare(name), argument


def _country(code: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS  # a large package; who has no phones does not pay for it

    if code not in SUPPORTED_REGIONS:
        raise ValueError(f'"{code}" is no country: two capital letters of ISO 3166 are expected, such as BE or GB')
    return code


def _keys(file: File, problems: list[str]) -> list[tuple[str, ...]]:
    """The key, and after it the fallback keys."""
    if isinstance(file.key[0], str):
        return [tuple(str(name) for name in file.key)]
    keys = [tuple(names) for names in file.key]
    problems += [f"key: {list(names)} stands there twice" for names in dict.fromkeys(keys) if keys.count(names) > 1]
    problems += ["key: a key without columns" for names in keys if not names]
    return keys


def _column(name: str, spec: ColumnFile, country: str, structure: Structure | None, problems: list[str]) -> Column:
    place = f"columns.{name}"
    attribute = _attribute(name, structure, problems)
    attribute_type = attribute.type if attribute else AttributeType.STRING
    multi_valued = attribute.multi_valued if attribute else False
    compare = Compare.SET if multi_valued else DEFAULT_COMPARE[attribute_type]
    argument = ""
    if spec.compare is not None:
        try:
            compare, argument = parse_rule(spec.compare)
        except ValueError as error:
            problems.append(f"{place}.compare: {error}")
    if compare is Compare.PHONE and not argument:
        argument = country
    elif compare is Compare.NUMBER and argument[:1] in (",", "."):
        problems.append(f'{place}.compare: say decimal = "{argument[0]}" beside it')
    elif argument and compare not in (Compare.PHONE, Compare.SET, Compare.IDENTIFIER, Compare.NUMBER):
        problems.append(f'{place}.compare: nothing may stand behind "{compare}": say format = "{argument}" beside it')
    permission = spec.permission
    if permission is None and name.startswith(SUBSCRIPTION_PREFIX):
        permission = Polarity.OPT_IN
    if spec.general and name.startswith(SUBSCRIPTION_PREFIX):
        problems.append(
            f"{place}.general: a subscription is given for one purpose; the general consent is an attribute"
        )
    elif spec.general and permission is None:
        problems.append(f'{place}.general: only a permission can be general; add permission = "opt-in" or "opt-out"')
    default_master = Master.BOTH if permission is not None else Master.TRUTH
    if structure is not None:  # without one, the rule that goes with the type of the attribute is not known
        if spec.tolerance is not None and (problem := unfit(spec.tolerance, compare)):
            problems.append(f"{place}.tolerance: {problem}")
        if spec.format is not None and compare not in _WITH_FORMAT:
            problems.append(f"{place}.format: only dates and moments have one, and the column is compared as {compare}")
        if spec.decimal != "." and compare is not Compare.NUMBER:
            problems.append(f"{place}.decimal: only numbers have one, and the column is compared as {compare}")
    if spec.format is not None and (problem := unreadable(spec.format, compare)) and compare in _WITH_FORMAT:
        problems.append(f"{place}.format: {problem}")
    return Column(
        name=name,
        truth=spec.truth,
        header=spec.header or name,
        compare=compare,
        argument=argument,
        type=attribute_type,
        multi_valued=multi_valued,
        master=spec.master or default_master,
        conflicts=spec.conflicts,
        blank=spec.blank,
        write=spec.write,
        sensitivity=spec.sensitivity,
        values=spec.values,
        format=spec.format,
        decimal=spec.decimal,
        empty_is_value=spec.empty == "value",
        tolerance=spec.tolerance,
        permission=permission,
        general=spec.general,
        evidence_date=spec.evidence.date,
        evidence_source=spec.evidence.source,
        reference_file=spec.reference.file if spec.reference else None,
        reference_column=spec.reference.column if spec.reference else None,
    )


def _attribute(name: str, structure: Structure | None, problems: list[str]) -> Attribute | None:
    """The attribute that describes a column's values; subscriptions and simple segmentations are booleans."""
    if name.startswith(SUBSCRIPTION_PREFIX):
        _require(name, structure, problems)
        return Attribute(name, AttributeType.BOOLEAN)
    if name.startswith(SEGMENTATION_PREFIX):
        _require(name, structure, problems)
        segmentation = structure.segmentation(name) if structure else None
        exclusive = segmentation.exclusive if segmentation else True
        return Attribute(name, AttributeType.STRING if exclusive else AttributeType.BOOLEAN)
    if structure is None:
        return None
    _require(name, structure, problems)
    return structure.attribute(name)


def _require(name: str, structure: Structure | None, problems: list[str]) -> None:
    if structure is None or name in structure.columns:
        return
    suggestion = nearest(name, structure.columns)
    problems.append(f'columns.{name}: the table "{structure.table}" has no such column{suggestion}')
