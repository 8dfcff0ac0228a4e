"""The conditions of `auditor compare`: who is compared of each side, and which option is wrong where one is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from auditor.engine.condition import NoCondition, Unfit, in_brackets
from auditor.engine.condition_texts import names_in, renamed, understood
from auditor.engine.protocol import Engine
from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.model import Side
from auditor.settings.compare_options import Question
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir

_OWN: Final = {Side.PLATFORM: "--where-platform", Side.TRUTH: "--where-truth"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One condition of a side."""

    option: str
    text: str
    """As it is given."""
    condition: str
    """By the side's own names."""


def with_conditions(contract: Contract, question: Question, types: Mapping[Side, Mapping[str, str]]) -> Contract:
    """The contract with who is compared of each side: a condition over both is one over the truth's own names there.

    Raises SettingsError for a condition with a name that is none of the side's.
    """
    joined: dict[Side, str | None] = {}
    for side in Side:
        asked = list(_asked(contract, question, side))
        for one in asked:
            try:
                understood(one.condition, types[side])
            except NoCondition as refused:
                hint = _other_name(one, contract, side, types[side]) or str(refused)
                raise _refused(one, question.place(side), hint) from None
        conditions = [one.condition for one in asked]
        joined[side] = conditions[0] if len(conditions) == 1 else " AND ".join(map(in_brackets, conditions)) or None
    return replace(contract, population_platform=joined[Side.PLATFORM], population_truth=joined[Side.TRUTH])


def keys_of(
    engine: Engine, contract: Contract, question: Question, side: Side, raw: ir.Table, *, kept: bool
) -> ir.Table:
    """The keys of a side's rows. Raises SettingsError for a condition that is none over its columns."""
    from auditor.match.keys import find_keys

    try:
        return find_keys(engine, contract, side, raw, kept=kept)
    except SettingsError as refused:
        asked = list(_asked(contract, question, side))
        for one in asked:
            wrong: SettingsError | None = refused
            if len(asked) > 1:
                alone = replace(contract, population_platform=one.condition, population_truth=one.condition)
                wrong = _refusal(engine, alone, side, raw)
            if isinstance(wrong, Unfit):
                raise SettingsError(f"{one.option}, {question.place(side)}: {wrong}", hint=wrong.hint) from None
            if wrong is not None:
                raise _refused(one, question.place(side), wrong.hint or "") from None
        raise


def _refusal(engine: Engine, contract: Contract, side: Side, raw: ir.Table) -> SettingsError | None:
    from auditor.match.keys import find_keys

    try:
        find_keys(engine, contract, side, raw, kept=True)
    except SettingsError as refused:
        return refused
    return None


def _asked(contract: Contract, question: Question, side: Side) -> Iterator[_Asked]:
    names = {column.name: column.truth for column in contract.columns if column.name != column.truth}
    if question.where is not None:
        own = question.where if side is Side.PLATFORM else renamed(question.where, names)
        yield _Asked("--where", question.where, own)
    if (text := question.where_one.get(side)) is not None:
        yield _Asked(_OWN[side], text, text)


def _refused(one: _Asked, place: str, hint: str) -> SettingsError:
    return SettingsError(f"{one.option} {one.text}: no condition over the columns of {place}", hint=hint)


def _other_name(one: _Asked, contract: Contract, side: Side, columns: Mapping[str, str]) -> str | None:
    """What a column is called that the condition calls as the other side does."""
    folded = {name.casefold() for name in columns}
    for name in names_in(one.condition):
        for column in contract.columns:
            here, there = (column.header, column.truth) if side is Side.PLATFORM else (column.truth, column.header)
            if name.casefold() == there.casefold() and name.casefold() not in folded:
                return f'"{printable(name)}" is called "{printable(here)}" there'
    return None
