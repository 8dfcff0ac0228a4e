"""The keys of a side: what every landed row goes by, whether it is in the population, and the hash of its cells."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from auditor.engine.condition import Unfit, hint_of
from auditor.engine.functions import INSTANT, hashed
from auditor.engine.protocol import INCLUDED, ROW_NUMBER, STORED, Engine
from auditor.equality import primitives, rules
from auditor.errors import SettingsError
from auditor.match import fallback
from auditor.match.sides import source_name, updated_column
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Contract


def find_keys(engine: Engine, contract: Contract, side: Side, raw: ir.Table, *, kept: bool = True) -> ir.Table:
    """A row per landed row: row, key, text, included, hash, moment and, for the platform, profile_id (may be null).

    `key` is canonical and null where it is not usable; `text` is the key as the side spells it. Beside them stand the
    fallback keys, as `auditor.match.fallback` explains. Keys that are not `kept` are worked out whenever they are asked
    for: less memory, and less time where that is seldom. Raises SettingsError when the population's expression cannot
    be evaluated, of keys that are not kept only for what is no expression at all.
    """
    rows = _population(engine, contract, side, raw)
    updated = updated_column(contract, side)
    keys = rows.select(
        row=rows[ROW_NUMBER],
        **key_columns(rows, contract, side),
        included=rows[INCLUDED],
        hash=_row_hash(rows, contract, side),
        moment=primitives.instant(rows[updated], None, contract.timezone.key) if updated else ibis.null(INSTANT),
        profile_id=profile_id(rows) if side is Side.PLATFORM else ibis.null(str),
    )
    name = f"{side.value}_keys"
    if not kept and not contract.fallbacks:
        return engine.define(keys, name)
    try:
        return engine.keep(keys, name)
    except engine.refusals:
        expression = contract.population(side)
        if expression is None:
            raise
        raise SettingsError(
            f"{_place(contract, side)} cannot be evaluated over the rows of its file: {expression}",
            hint="a cell that cannot be cast ends it; TRY_CAST passes it over: TRY_CAST(age AS INTEGER) > 18",
        ) from None


def key_columns(raw: ir.Table, contract: Contract, side: Side) -> dict[str, ir.StringValue]:
    """`key`, `text`, and two further columns per fallback key; of a row as it stands in its side."""

    def parts(names: Sequence[str]) -> tuple[list[ir.StringValue], list[ir.StringValue]]:
        columns = [contract.column(name) for name in names]
        return key_forms(raw, columns, side, contract.timezone.key), [raw[source_name(one, side)] for one in columns]

    forms, texts = parts(contract.key)
    found = {"key": rules.key_form(forms), "text": rules.key_form(texts)}
    if contract.fallbacks:
        # A key that looks like the text of a fallback key could be taken for one: it ties nobody to anything.
        found["key"] = ibis.ifelse(found["key"].startswith('{"'), ibis.null(str), found["key"])
        found[fallback.OWN] = found["key"]
    for names in contract.fallbacks:
        name = fallback.name_of(names)
        forms, texts = parts(names)
        form = rules.key_object(names, forms)
        found[fallback.FORM + name] = form
        found[fallback.TEXT + name] = ibis.ifelse(form.notnull(), rules.key_object(names, texts), ibis.null(str))
    return found


def key_forms(raw: ir.Table, columns: Sequence[Column], side: Side, zone: str) -> list[ir.StringValue]:
    """The canonical forms of the parts of a key; null where one ties nobody to anything."""
    return [_key_form(raw, column, side, zone) for column in columns]


def _key_form(raw: ir.Table, column: Column, side: Side, zone: str) -> ir.StringValue:
    name = source_name(column, side)
    form = rules.of_stored(raw[STORED + name], column) if STORED + name in raw.columns else None
    if form is not None:
        return form
    form = rules.canonical(raw[name], column, side, zone)
    # Of the other rules none leaves blanks, and where a form is asked for twice, it is worked out twice.
    return _unless_blank(form) if column.compare is Compare.EXACT else form


def find_keys_of_a_contract(
    engine: Engine, contract: Contract, side: Side, raw: ir.Table, *, kept: bool = True
) -> ir.Table:
    """What `find_keys` finds; a condition that cannot be asked is named by its place in the contract."""
    try:
        return find_keys(engine, contract, side, raw, kept=kept)
    except Unfit as unfit:
        raise SettingsError(f"{_place(contract, side)}: {unfit}", hint=unfit.hint) from None


def _population(engine: Engine, contract: Contract, side: Side, raw: ir.Table) -> ir.Table:
    """The raw rows and whether each belongs to the population (SQL semantics: unknown is no)."""
    if INCLUDED in raw.columns:
        return raw
    expression = contract.population(side)
    try:
        return engine.fits(raw, expression, f"{side.value}_rows")
    except engine.refusals as refused:
        raise SettingsError(
            f"{_place(contract, side)} is not a condition over the columns of its file: {expression}",
            hint=hint_of(refused, "name the side's own columns, for example: status <> 'prospect'"),
        ) from None


def _place(contract: Contract, side: Side) -> str:
    return f"population.{side.value} in the contract of {contract.table}"


def _row_hash(raw: ir.Table, contract: Contract, side: Side) -> ir.IntegerValue:
    """A hash of what the platform would hold: its own raw cells, or the sent forms of the truth's.

    Where both sides store a column alike, it is the stored cells that are hashed. Rows with one hash are equal under
    every rule, for equal text is. A struct is hashed, never a concatenation.
    """
    zone = contract.timezone.key
    cells: dict[str, ir.Value] = {}
    for position, column in enumerate(contract.compared):
        text = raw[source_name(column, side)]
        stored = STORED + source_name(column, side)
        if stored in raw.columns:
            cells[f"c{position}"] = raw[stored]
        elif side is Side.TRUTH:
            cells[f"c{position}"] = rules.sent(text, column, zone)
        else:
            cells[f"c{position}"] = text if column.empty_is_value else primitives.blank_to_null(text)
    return hashed(ibis.struct(cells)) if cells else ibis.literal(0, type="int64")


def profile_id(raw: ir.Table) -> ir.StringValue:
    """The number of each profile of the platform; null where the export does not tell it."""
    return primitives.blank_to_null(raw["profileId"]) if "profileId" in raw.columns else ibis.null(str)


def _unless_blank(form: ir.StringValue) -> ir.StringValue:
    """Blanks tie nobody to anything, even where the rule of a key compares them."""
    # What begins with a blank comes before "!"; the others need not be stripped, which takes longer than all else here.
    return ibis.ifelse(form < "!", ibis.ifelse(form.strip() == "", ibis.null(str), form), form)
