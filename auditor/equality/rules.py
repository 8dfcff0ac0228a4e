"""What makes two values equal: the one definition of equality, as Ibis expressions.

Three forms of a cell, each a text expression in which null means empty:

    canonical   what the rule compares: two values are equal iff their canonical forms are, or lie within a tolerance
    sent        how the platform would spell the truth's value: what a correction writes
    marked      a canonical form in which "agreed to be empty" (`n`) differs from "nothing known" (null)

A law ties them together: the canonical form of a sent form is the canonical form of the value it was made from.
A value that its rule cannot read is compared as text, never as null.

The rules are composed of the primitives of `auditor.equality.primitives`, one entry per engine there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from auditor.equality.amounts import amount
from auditor.equality.identifiers import identifier
from auditor.equality.primitives import (
    blank_to_null,
    code,
    date_text,
    email,
    fold,
    json_array,
    members,
    moment_text,
    number,
    phone,
    tidy,
    trimmed,
    truth_value,
)
from auditor.model import AttributeType, Side
from auditor.settings.contract import Column, Compare, Share

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Reading:
    """How one side spells the values of a column: what has to be known to read them."""

    values: Mapping[str, str]
    format: str | None
    decimal: str
    zone: str
    separators: str
    """What stands between the members of a cell that has several: any of these characters."""
    unit: str = ""
    """Of numbers: what stands before or behind them, `€|EUR`."""


def reading(column: Column, side: Side, zone: str) -> Reading:
    """The platform always spells as Actito's formats say (D-etlf); the truth as its contract says."""
    if side is Side.PLATFORM and not column.spelt_alike:
        return _actitos(zone)
    unit = column.argument if column.compare is Compare.NUMBER else ""
    return Reading(column.values, column.format, column.decimal, zone, _separators(column), unit)


def _actitos(zone: str) -> Reading:
    return Reading(values={}, format=None, decimal=".", zone=zone, separators=_COMMA)


def _separators(column: Column) -> str:
    return (column.argument if column.compare is Compare.SET else "") or _COMMA


def _joined(column: Column) -> str:
    """What stands between members in every form: a comma wherever Actito holds them, and else what both sides use."""
    return _separators(column)[0] if column.spelt_alike else _COMMA


_COMMA = ","
_TIDY = r"^[!-~]+( [!-~]+)*$"
"""ASCII without a blank too many."""
_PLAIN_WHOLE = r"^(0|-?[1-9]\d*)$"
_PLAIN_NUMBER = r"^(0|-?[1-9]\d*|-?(0|[1-9]\d*)\.\d*[1-9])$"
_DAY = r"[1-9]\d{3}-((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
"""That certainly exists: whether the 29th of February does is seen by whoever knows a calendar."""
_WHOLE = (AttributeType.INTEGER, AttributeType.LONG)
"""Attributes without a fraction."""


def read_alike(column: Column) -> bool:
    """Whether both sides spell a column in one way: then texts that are equal are equal values, whatever the rule."""
    return reading(column, Side.PLATFORM, "") == reading(column, Side.TRUTH, "")


def canonical(text: ir.StringValue, column: Column, side: Side, zone: str) -> ir.StringValue:
    """The canonical form of a cell: text, null where it is empty.

    `zone` is the name of the time zone of moments without one; moments are canonical in it, as the platform holds
    them. Raises nothing: what cannot be read is text.
    """
    spelt = reading(column, side, zone)
    value = _mapped(text, spelt.values)
    if column.compare is Compare.EXACT:
        return value if column.empty_is_value else blank_to_null(value)
    at_sight, form = _at_sight(value, column, spelt)
    return ibis.ifelse(at_sight, form, _canonical(value, column, side, zone))


def _canonical(value: ir.StringValue, column: Column, side: Side, zone: str) -> ir.StringValue:
    match column.compare:
        case Compare.TEXT:
            return blank_to_null(tidy(value))
        case Compare.NAME:
            return blank_to_null(fold(tidy(value)))
        case Compare.EMAIL:
            return blank_to_null(email(value))
        case Compare.CODE:
            return blank_to_null(code(value))
        case Compare.IDENTIFIER:
            return blank_to_null(identifier(value, column.argument))
        case Compare.SET:
            spelt = reading(column, side, zone)
            return blank_to_null(members(value, spelt.separators, _joined(column), in_order=True))
        case _:
            return _read(value, column, side, zone).fill_null(blank_to_null(tidy(value)))


def of_stored(stored: ir.Value, column: Column) -> ir.StringValue | None:
    """The canonical form of a cell in the type that it is stored in, of which no other cell has the same: its text need
    not be read. None where no such form is known.
    """
    kind, plain = stored.type(), not column.values and column.format is None
    match column.compare:
        case Compare.EXACT if plain and kind.is_uuid():
            return stored.cast(str)
        case Compare.DATE if plain and kind.is_date():
            return stored.cast(str)
        case Compare.BOOLEAN if plain and kind.is_boolean():
            return stored.cast(str)
        case Compare.NUMBER if plain and kind.is_integer():
            return stored.cast(str)
        case Compare.NUMBER if plain and isinstance(kind, dt.Decimal) and None not in (kind.precision, kind.scale):
            if kind.scale == kind.precision:  # DuckDB leaves out the zero before the point
                return None
            return stored.cast(str).re_replace(r"\.?0+$", "") if kind.scale else stored.cast(str)
    return None


def sent(text: ir.StringValue, column: Column, zone: str) -> ir.StringValue:
    """The truth's value as the platform would spell it: text, null where it is empty."""
    spelt = reading(column, Side.TRUTH, zone)
    value = _mapped(text, spelt.values)
    match column.compare:
        case Compare.EXACT | Compare.CODE:
            return canonical(text, column, Side.TRUTH, zone)
        case Compare.TEXT | Compare.NAME:
            return ibis.ifelse(value.re_search(_TIDY), value, blank_to_null(tidy(value)))
        case Compare.EMAIL | Compare.IDENTIFIER:
            return blank_to_null(trimmed(value))
        case Compare.SET:
            return blank_to_null(members(value, _separators(column), _joined(column), in_order=False))
        case _:
            as_it_is = ibis.ifelse(tidy(value) == "", ibis.null(str), value)
            at_sight, form = _at_sight(value, column, spelt)
            return ibis.ifelse(at_sight, form, _read(value, column, Side.TRUTH, zone).fill_null(as_it_is))


def _at_sight(value: ir.StringValue, column: Column, spelt: Reading) -> tuple[ir.BooleanValue, ir.StringValue]:
    """Whether the canonical form of a cell is evident, and what it is then: one look, where to read it takes many.

    Most cells of most columns are spelt so, all of those that had a type. Typed values are sent in this form too.
    """
    match column.compare:
        case Compare.TEXT:
            return value.re_search(_TIDY), value
        case Compare.NAME:
            return value.re_search(_TIDY), value.lower()
        case Compare.EMAIL:
            return value.re_search(r"^[!-~]+$"), value.lower()
        case Compare.CODE:
            return value.re_search(r"^[!-~]([ -~]*[!-~])?$"), value.upper()
        case Compare.IDENTIFIER if not column.argument:
            return value.re_search(r"^[1-9A-Za-z][0-9A-Za-z]*$"), value.lower()
        case Compare.NUMBER:
            return value.re_search(_PLAIN_WHOLE if spelt.decimal == "," else _PLAIN_NUMBER), value
        case Compare.DATE if spelt.format is None:
            return value.re_search(f"^{_DAY}$"), value
        case Compare.TIMESTAMP if spelt.format is None and spelt.zone == "UTC":
            # Elsewhere an hour of a year is another one, or none.
            return value.re_search(rf"^{_DAY} ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{0,5}}[1-9])?$"), value
        case Compare.BOOLEAN:
            return value.isin(["true", "false"]), value
        case _:
            return ibis.literal(False), value


def held(text: ir.StringValue, column: Column, zone: str) -> ir.StringValue:
    """The platform's value: text, null where it is empty. How exports spell dates and moments is not known (§10), so
    those that can be read are told as files have them; whatever else is there is told as it is."""
    if column.compare not in (Compare.DATE, Compare.TIMESTAMP):
        return blank_to_null(text)
    return _read(text, column, Side.PLATFORM, zone).fill_null(blank_to_null(text))


def _read(value: ir.StringValue, column: Column, side: Side, zone: str) -> ir.StringValue:
    """A typed value in the platform's spelling; null for what cannot be read.

    What the truth's own spelling does not explain would be sent as it is, so it means what the platform reads in it.
    """
    read = _parsed(value, column, reading(column, side, zone))
    if reading(column, side, zone) != _actitos(zone):
        read = read.fill_null(_parsed(value, column, _actitos(zone)))
    return read


def reads(
    text: ir.StringValue, column: Column, side: Side, zone: str
) -> tuple[ir.BooleanValue, ir.BooleanValue] | None:
    """Whether a cell holds anything, and whether the column's rule reads it; None where a rule reads every text."""
    if column.compare not in _READING:
        return None
    value = _mapped(text, reading(column, side, zone).values)
    return blank_to_null(tidy(value)).notnull(), _read(value, column, side, zone).notnull()


_READING = (Compare.PHONE, Compare.NUMBER, Compare.DATE, Compare.TIMESTAMP, Compare.BOOLEAN)


def _parsed(value: ir.StringValue, column: Column, spelt: Reading) -> ir.StringValue:
    match column.compare:
        case Compare.PHONE:
            return phone(value, column.argument)
        case Compare.NUMBER if column.type in _WHOLE:
            # 9.7E+16 is what a spreadsheet has left of a card number.
            plain = ibis.ifelse(value.re_search(r"\d[eE]"), ibis.null(str), value)
            return _numeric(plain, spelt)
        case Compare.NUMBER:
            return _numeric(value, spelt)
        case Compare.DATE:
            return date_text(value, spelt.format)
        case Compare.TIMESTAMP:
            return moment_text(value, spelt.format, spelt.zone, in_zone=spelt.zone)
        case Compare.BOOLEAN:
            return truth_value(value)
        case rule:
            raise AssertionError(f"{rule} is compared as text")


def _numeric(value: ir.StringValue, spelt: Reading) -> ir.StringValue:
    plain = number(value, spelt.decimal)
    return plain.fill_null(amount(value, spelt.decimal, spelt.unit)) if spelt.unit else plain


def equal(platform: ir.StringValue, truth: ir.StringValue, column: Column) -> ir.BooleanValue:
    """Whether two canonical forms are equal, or lie within the column's tolerance; never null."""
    same = platform.identical_to(truth)
    if column.tolerance is not None:
        same = same | _within(platform, truth, column.tolerance).fill_null(False)
    if column.float_noise:
        left, right = _finite(platform), _finite(truth)
        # A float holds whole numbers below 2⁵³ to their last digit: no arithmetic blurs a telephone or card number.
        whole = (left % 1 == 0) & (right % 1 == 0)
        noise = ibis.ifelse(whole, 2.0**-53, 1e-12) * ibis.greatest(left.abs(), right.abs())
        same = same | ((left - right).abs() <= noise).fill_null(False)
    return same


def _within(platform: ir.StringValue, truth: ir.StringValue, distance: Decimal | Share | timedelta) -> ir.BooleanValue:
    """Whether two forms are at most so far apart; null where either has no place on a scale."""
    if isinstance(distance, Share):
        left, right = _finite(platform), _finite(truth)
        # A part in 10¹² more: what is a hundredth in decimals is none in binary.
        most = float(distance.of_larger) * (1 + 1e-12) * ibis.greatest(left.abs(), right.abs())
        return (left - right).abs() <= most
    if isinstance(distance, timedelta):
        apart = _seconds(platform) - _seconds(truth)
        return apart.abs() <= ibis.literal(Decimal(str(distance.total_seconds())), type="decimal(38, 6)")
    return (_decimal(platform) - _decimal(truth)).abs() <= ibis.literal(distance, type="decimal(38, 12)")


def marked(form: ir.StringValue) -> ir.StringValue:
    """`n` for empty, `v` and the form otherwise: never null, so null is free to mean "nothing known"."""
    return ibis.literal("v").concat(form).fill_null("n")


def unmarked(mark: ir.StringValue) -> ir.StringValue:
    """The canonical form inside a mark; null for `n` and for null."""
    return ibis.ifelse(mark == "n", ibis.null(str), mark.substr(1))


def key_form(parts: list[ir.StringValue]) -> ir.StringValue:
    """One text for a key: its only part, or a JSON array of several; null if any part is null."""
    if len(parts) == 1:
        return parts[0]
    whole = reduce(lambda left, right: left & right, (part.notnull() for part in parts))
    return ibis.ifelse(whole, json_array(parts), ibis.null(str))


def key_object(names: Sequence[str], parts: Sequence[ir.StringValue]) -> ir.StringValue:
    """One text for a fallback key, that no other key has: a JSON object of its columns; null if any part is null."""
    text: ir.StringValue = ibis.literal("{")
    for place, (name, part) in enumerate(zip(names, parts, strict=True)):
        array = json_array([part])
        value = array.substr(1, array.length() - 2)
        text = text.concat("," if place else "", json.dumps(name, ensure_ascii=False) + ":").concat(value)
    whole = reduce(lambda left, right: left & right, (part.notnull() for part in parts))
    return ibis.ifelse(whole, text.concat("}"), ibis.null(str))


def _mapped(text: ir.StringValue, values: Mapping[str, str]) -> ir.StringValue:
    """The value map of the contract, applied to the trimmed cell; what it does not name stays as it is."""
    if not values:
        return text
    bare = text.strip()
    return ibis.cases(*((bare == source, target) for source, target in values.items()), else_=text)


def _decimal(form: ir.StringValue) -> ir.DecimalValue:
    """Null for what is no number or has over 25 digits before the point; a difference has room for one more."""
    return _plain(form).try_cast("decimal(37, 12)")


def _plain(form: ir.StringValue) -> ir.StringValue:
    """Null for what is no number in canonical form: engines take other texts for numbers as well, such as `1_0`."""
    return ibis.ifelse(form.re_search(r"^-?\d+(\.\d+)?$"), form, ibis.null(str))


def _seconds(form: ir.StringValue) -> ir.DecimalValue:
    """The place of a day or moment in canonical form; null for any other text."""
    known = ibis.ifelse(form.re_search(r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d+)?)?$"), form, ibis.null(str))
    whole = known.substr(0, 19).try_cast("timestamp").epoch_seconds().cast("decimal(30, 6)")
    part = ibis.literal("0").concat(known.substr(19)).try_cast("decimal(30, 6)")
    return whole + part


def _finite(form: ir.StringValue) -> ir.FloatingValue:
    """Null for infinity and NaN, which DuckDB orders like numbers: every distance to them would be small enough."""
    value = _plain(form).try_cast("float64")
    return ibis.ifelse(value.isinf() | value.isnan(), ibis.null("float64"), value)
