"""Sentences about columns and rows of two tables that were compared, and about those that were not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from auditor.findings.codes import Code
from auditor.findings.words import Words

_TOLD: Final = 5
"""So many names, or pairs of them, are told, and how many more there are."""


def _only_on_one_side(say: Words, *, columns: Sequence[str], where: str) -> str:
    return f"only in {where}, not compared: {', '.join(columns)}"


def _no_column_compared(
    say: Words, *, side: str | None, rows: int, key: Sequence[str], left_out: Sequence[str] = ()
) -> str:
    what = f"{say.platform} and {say.truth} have no column in common but the key {' and '.join(key)}"
    if left_out:
        more = f" and {len(left_out) - _TOLD:,} more" if len(left_out) > _TOLD else ""
        out = f"{', '.join(left_out[:_TOLD])}{more} left out"
        what = f"no column is compared but the key {' and '.join(key)}, with {out}"
    return f"{what}: who is on which side was compared, and nothing else"


def _no_row_compared(say: Words, *, side: str | None, rows: int) -> str:
    if side is not None:
        return f"no row of {say.side(side)} was compared: it is empty, or all its rows are left out"
    return f"no row of {say.platform} or {say.truth} was compared: the tables are empty, or all rows are left out"


def _names_offered(say: Words, *, pairs: Sequence[Sequence[str]]) -> str:
    told = [f"{_quoted(one)} and {_quoted(other)}" for one, other in pairs]
    maps = " ".join(f"--map {in_shell(f'{one}={other}')}" for one, other in pairs[:_TOLD])
    more = f" and {len(told) - _TOLD:,} more pairs" if len(told) > _TOLD else ""
    return (
        f"{', '.join(told[:_TOLD])}{more} may be one column each and were not compared: {maps} compares them, "
        "--names loose all whose names differ by nothing but case, blanks, signs and accents"
    )


def _names_paired(say: Words, *, pairs: Sequence[Sequence[str]]) -> str:
    told = ", ".join(f"{_quoted(one)} with {_quoted(other)}" for one, other in pairs)
    return f"compared though the names are not the same letter by letter: {told}"


def in_shell(text: str) -> str:
    """A text as a command takes it as one word."""
    return text if re.fullmatch(r"[\w.=/:@%+-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _quoted(name: str) -> str:
    """A name in which every character can be seen."""
    return '"' + "".join(sign if sign == " " or sign.isprintable() else f"\\u{ord(sign):04x}" for sign in name) + '"'


COLUMNS: Final[Mapping[Code, Callable[..., str]]] = {
    Code.ONLY_ON_ONE_SIDE: _only_on_one_side,
    Code.NO_COLUMN_COMPARED: _no_column_compared,
    Code.NO_ROW_COMPARED: _no_row_compared,
    Code.NAMES_OFFERED: _names_offered,
    Code.NAMES_PAIRED: _names_paired,
}
