"""What a text of the truth tells by itself of being damaged, beside what both sides had agreed on before.

What was so before is none: a company may be called N.V.T., and a column of texts may hold JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from auditor.findings.damage import (
    A_DAY,
    AT_HOME,
    DECIMALS,
    FOR_A_LETTER,
    FORMULA,
    GARBLED,
    IN_A_WORD,
    INVISIBLE,
    LATIN,
    LETTERS_LOST,
    MADE_A_DAY,
    MARKUP,
    NEEDLESS_DECIMALS,
    NO_VALUE,
    NOTHING_BUT_SIGNS,
    OF_DIRECTION,
    PLACEHOLDER_DAY,
    PLACEHOLDERS,
    RIGHT_TO_LEFT,
    SPREADSHEET,
    ZEROS,
    Damage,
)
from auditor.model import AttributeType
from auditor.settings.contract import Column, Compare

OF_A_TEXT: Final = (Damage.SPREADSHEET, Damage.PLACEHOLDER, Damage.ENCODING, Damage.INVISIBLE, Damage.MARKUP)

_NUMBERS: Final = (AttributeType.INTEGER, AttributeType.LONG, AttributeType.NUMERIC, AttributeType.COORDINATES)
_NO_WORDS: Final = (Compare.NUMBER, Compare.DATE, Compare.TIMESTAMP)
_ADDRESS_OF_A_PAGE: Final = r"^(?i:https?://|www\.)"
_NO_CODES: Final = sorted(word for word in NO_VALUE if set(word) & set(r"()[]<>{}\\"))
"""Words for nothing that are no code of anything either."""
_BEYOND: Final = r"[^\x00-\x{BF}\PL]"
"""A letter beyond ASCII."""
_LETTER_OR_DIGIT: Final = r"[\pL\pN]"
_LONG_ENOUGH: Final = r"\pL{2}|[0-9]{3}"
"""What 0 is no correction of."""


def worded(columns: Iterable[Column]) -> list[str]:
    """The columns that hold words, which people and programs write as they like."""
    return [one.name for one in columns if not one.is_choice and one.compare not in _NO_WORDS]


def looks_damaged(
    text: pl.Expr, before: pl.Expr, damage: Damage, column: pl.Expr, columns: Sequence[Column]
) -> pl.Expr:
    """Whether a text looks damaged in that way and what stood there before did not; `column` names that of the text."""
    wordy = column.is_in(worded(columns))
    if damage is Damage.ENCODING:
        lost = text.str.contains(LETTERS_LOST) | _lacks_its_letters(text, before)
        return text.str.contains(GARBLED) | (wordy & lost & ~_is_page(text))
    if damage is Damage.INVISIBLE:
        return _holds_invisible(text) & ~_holds_invisible(before)
    if damage is Damage.SPREADSHEET:
        numbers = [one.name for one in columns if one.compare is Compare.NUMBER or one.type in _NUMBERS]
        anew = _spelt_anew(text, before) | (wordy & _made_a_day(text, before))
        return ~column.is_in(numbers) & (text.str.contains(SPREADSHEET) | _newly(FORMULA, text, before) | anew)
    if damage is Damage.MARKUP:
        return wordy & text.str.contains(MARKUP) & ~_is_page(text)
    return _stands_for_none(text, before, column, columns)


def _is_page(text: pl.Expr) -> pl.Expr:
    return text.str.contains(_ADDRESS_OF_A_PAGE)


def _newly(pattern: str, text: pl.Expr, before: pl.Expr) -> pl.Expr:
    return text.str.contains(pattern) & ~before.str.contains(pattern)


def _spelt_anew(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether a program has given a number decimals that the column had none of: 9000.0, 9000,00."""
    return text.str.contains(NEEDLESS_DECIMALS) & (before != "") & ~before.str.contains(DECIMALS)


def _made_a_day(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    return (
        text.str.contains(MADE_A_DAY) & (before != "") & ~before.str.contains(A_DAY) & ~before.str.contains(MADE_A_DAY)
    )


def _lacks_its_letters(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether what stood there has lost all its letters beyond ASCII, one sign or another in their place, or none."""
    whole = before.str.normalize("NFC")
    left, stays = (one.str.to_lowercase().str.replace_all(r"[^a-z0-9]", "") for one in (text, whole))
    without = whole.str.contains(IN_A_WORD) & ~text.str.contains(LATIN)
    replaced = whole.str.contains(_BEYOND) & text.str.contains(FOR_A_LETTER) & ~text.str.contains(_BEYOND)
    return (left != "") & (left == stays) & (without | replaced)


def _holds_invisible(text: pl.Expr) -> pl.Expr:
    directed = pl.when(text.str.contains(RIGHT_TO_LEFT)).then(text.str.replace_all(OF_DIRECTION, "")).otherwise(text)
    return directed.str.replace_all(AT_HOME, "").str.contains(INVISIBLE)


def _stands_for_none(text: pl.Expr, before: pl.Expr, column: pl.Expr, columns: Sequence[Column]) -> pl.Expr:
    days = column.is_in([one.name for one in columns if one.compare in (Compare.DATE, Compare.TIMESTAMP)])
    wordy = column.is_in(worded(columns))
    word, earlier = (one.str.strip_chars().str.to_lowercase() for one in (text, before))
    filler = word.is_in(sorted(PLACEHOLDERS)) & ~earlier.is_in(sorted(PLACEHOLDERS))
    signs = text.str.contains(NOTHING_BUT_SIGNS) & before.str.contains(_LETTER_OR_DIGIT)
    zeros = word.str.contains(ZEROS) & ~earlier.str.contains(ZEROS) & earlier.str.contains(_LONG_ENOUGH)
    day = text.str.contains(PLACEHOLDER_DAY)
    return (wordy & (filler | signs | zeros)) | word.is_in(_NO_CODES) | (days & day)
