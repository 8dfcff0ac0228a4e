"""What a text of the truth tells by itself of being damaged, beside what both sides had agreed on before.

What was so before is none: a company may be called N.V.T., and a column of texts may hold JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from auditor.findings.damage import (
    A_DAY,
    A_NUMBER,
    A_WORD,
    AS_WELL,
    AT_HOME,
    CUT,
    DECIMALS,
    EAST_ASIAN,
    FOR_A_LETTER,
    FORMULA,
    GARBLED,
    IN_A_WORD,
    INVISIBLE,
    LATIN,
    LETTERS_LOST,
    LOST_BLANK,
    MADE_A_DAY,
    MARKUP,
    MIXED,
    NEEDLESS_DECIMALS,
    NO_VALUE,
    NOTHING_BUT_SIGNS,
    OF_DIRECTION,
    OF_NOBODY,
    OF_PROGRAMS,
    PLACEHOLDER_DAY,
    PLACEHOLDERS,
    PROGRAM,
    PROSE,
    RIGHT_TO_LEFT,
    SEVERAL_ADDRESSES,
    SEVERAL_NUMBERS,
    SEVERAL_WORDS,
    SPREADSHEET,
    UNCLEAN,
    WIDE,
    ZEROS,
    Damage,
)
from auditor.model import AttributeType
from auditor.settings.contract import Column, Compare

OF_A_TEXT: Final = (
    Damage.SPREADSHEET,
    Damage.PLACEHOLDER,
    Damage.ENCODING,
    Damage.INVISIBLE,
    Damage.SEVERAL,
    Damage.TRUNCATED,
    Damage.PROGRAM,
    Damage.MARKUP,
)

_NUMBERS: Final = (AttributeType.INTEGER, AttributeType.LONG, AttributeType.NUMERIC, AttributeType.COORDINATES)
_OF_PEOPLE: Final = (Compare.NAME, Compare.EMAIL, Compare.PHONE)
_NO_WORDS: Final = (Compare.NUMBER, Compare.DATE, Compare.TIMESTAMP)
_ADDRESS_OF_A_PAGE: Final = r"^(?i:https?://|www\.)"
_NO_CODES: Final = sorted(word for word in NO_VALUE if set(word) & set(r"()[]<>{}\\"))
"""Words for nothing that are no code of anything either."""
_BEYOND: Final = r"[^\x00-\x{BF}\PL]"
"""A letter beyond ASCII."""
_LETTER_OR_DIGIT: Final = r"[\pL\pN]"
_BETWEEN: Final = max(len(sign) for sign in AS_WELL)
_SHORTEST: Final = 3
"""Characters of which one may say that they are a piece of another value."""
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
    if damage is Damage.PLACEHOLDER:
        return _stands_for_none(text, before, column, columns)
    before = pl.when(_is_filler(before)).then(pl.lit("")).otherwise(before)
    if damage is Damage.ENCODING:
        lost = text.str.contains(LETTERS_LOST) | _lacks_its_letters(text, before) | _has_letters_of_others(text, before)
        return text.str.contains(GARBLED) | (wordy & lost & ~_is_page(text))
    if damage is Damage.INVISIBLE:
        return _holds_invisible(text) & ~_holds_invisible(before)
    if damage is Damage.SPREADSHEET:
        numbers = [one.name for one in columns if one.compare is Compare.NUMBER or one.type in _NUMBERS]
        anew = _spelt_anew(text, before) | (wordy & _made_a_day(text, before))
        return ~column.is_in(numbers) & (text.str.contains(SPREADSHEET) | _newly(FORMULA, text, before) | anew)
    if damage is Damage.MARKUP:
        coded = text.str.contains(MARKUP) | _newly(UNCLEAN, text, before) | _lacks_its_blanks(text, before)
        return wordy & coded & ~_is_page(text)
    if damage is Damage.TRUNCATED:
        called = column.is_in([one.name for one in columns if one.compare in (Compare.EMAIL, Compare.PHONE)])
        return wordy & (_is_cut(text, before) | (_lacks_its_front(text, before) & ~called)) & ~_is_page(text)
    if damage is Damage.SEVERAL:
        found = wordy & (_is_doubled(text, before) | (_newly(SEVERAL_WORDS, text, before) & ~_is_set(column, columns)))
        for compare, several in ((Compare.PHONE, SEVERAL_NUMBERS), (Compare.EMAIL, SEVERAL_ADDRESSES)):
            of_these = column.is_in([one.name for one in columns if one.compare is compare])
            found |= of_these & _newly(several, text, before)
        return found
    return wordy & _written_by_a_program(text, before, column, columns)


def _word(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.to_lowercase()


def _is_filler(text: pl.Expr) -> pl.Expr:
    return _word(text).is_in(sorted(PLACEHOLDERS))


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


def _lacks_its_blanks(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether each blank of what stood there has become the sign of an address or of a name in a program, or has gone.

    People are called DeSmet as well, so that it takes a number behind a word to tell.
    """
    same = [text.str.replace_all(sign, " ", literal=True) == before for sign in "+_"]
    gone = before.str.contains(LOST_BLANK) & (before.str.replace_all(r"\s", "") == text)
    return (text != before) & (same[0] | same[1] | gone)


def _written_by_a_program(text: pl.Expr, before: pl.Expr, column: pl.Expr, columns: Sequence[Column]) -> pl.Expr:
    of_programs = _newly(OF_PROGRAMS, text, before) & ~_is_set(column, columns)
    number = text.str.contains(A_NUMBER) & before.str.contains(A_WORD)
    word, earlier = _word(text), _word(before)
    header = pl.lit(value=False)
    for spelt in ({one.name: getattr(one, name).lower() for one in columns} for name in ("name", "truth", "header")):
        of_the_column = column.replace_strict(spelt, default=None, return_dtype=pl.String)
        header |= (word == of_the_column) & (earlier != of_the_column)
        of_another = word.is_in(list(spelt.values())) & (_is_of_people(column, columns) | word.str.contains("_"))
        header |= of_another & (earlier != word)
    return _newly(PROGRAM, text, before) | ((before != "") & (of_programs | number | header))


def _is_set(column: pl.Expr, columns: Iterable[Column]) -> pl.Expr:
    return column.is_in([one.name for one in columns if one.multi_valued or one.compare is Compare.SET])


def _is_of_people(column: pl.Expr, columns: Iterable[Column]) -> pl.Expr:
    return column.is_in([one.name for one in columns if one.compare in _OF_PEOPLE and not one.is_choice])


def _is_cut(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether what stood there was cut off within a word, in front or behind, or a text has the mark of it.

    Alexander may be called Xander, but hardly xander.
    """
    stem, whole = _word(text.str.replace(CUT, "")), _word(before)
    marked = _newly(CUT, text, before) & (whole.str.starts_with(stem) | ~text.str.contains(PROSE))
    begins = (stem != "") & whole.str.starts_with(stem) & (stem.str.len_chars() >= _SHORTEST)
    rest = whole.str.slice(stem.str.len_chars())
    begun = begins & stem.str.contains(r"\pL$") & rest.str.contains(r"^\pL")
    front = before.str.head(before.str.len_chars().cast(pl.Int64) - text.str.len_chars().cast(pl.Int64))
    of_one_case = text.str.contains(r"^\p{Ll}") | (text.str.contains(r"^\p{Lu}") & ~before.str.contains(r"\p{Ll}"))
    ended = before.str.ends_with(text) & of_one_case & front.str.contains(r"\pL$")
    return marked | begun | (ended & (text.str.len_chars() > _SHORTEST))


def _lacks_its_front(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether the words in front of a number are gone: `136 bus 4` of a street."""
    return (
        text.str.contains(r"^[0-9]")
        & before.str.contains(A_WORD)
        & before.str.ends_with(pl.concat_str(pl.lit(" "), text))
    )


def _is_doubled(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    once, found = _word(before), _word(text)
    length = once.str.len_chars().cast(pl.Int64)
    between = found.str.len_chars().cast(pl.Int64) - 2 * length
    twice = found.str.starts_with(once) & found.str.ends_with(once) & between.is_between(0, _BETWEEN)
    return twice & (length >= _SHORTEST) & found.str.slice(length, between.clip(0)).is_in(AS_WELL)


def _lacks_its_letters(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether what stood there has lost all its letters beyond ASCII, one sign or another in their place, or none."""
    whole = before.str.normalize("NFC")
    left, stays = (one.str.to_lowercase().str.replace_all(r"[^a-z0-9]", "") for one in (text, whole))
    without = whole.str.contains(IN_A_WORD) & ~text.str.contains(LATIN)
    replaced = whole.str.contains(_BEYOND) & text.str.contains(FOR_A_LETTER) & ~text.str.contains(_BEYOND)
    return (left != "") & (left == stays) & (without | replaced)


def _has_letters_of_others(text: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether some letters only look like those that belong there, as nobody types them."""
    wide = _newly(WIDE, text, before) & ~text.str.contains(EAST_ASIAN)
    return _newly(MIXED, text, before) | wide


def _holds_invisible(text: pl.Expr) -> pl.Expr:
    directed = pl.when(text.str.contains(RIGHT_TO_LEFT)).then(text.str.replace_all(OF_DIRECTION, "")).otherwise(text)
    return directed.str.replace_all(AT_HOME, "").str.contains(INVISIBLE)


def _stands_for_none(text: pl.Expr, before: pl.Expr, column: pl.Expr, columns: Sequence[Column]) -> pl.Expr:
    days = column.is_in([one.name for one in columns if one.compare in (Compare.DATE, Compare.TIMESTAMP)])
    wordy = column.is_in(worded(columns))
    word, earlier = _word(text), _word(before)
    filler = (_is_filler(text) & ~_is_filler(before)) | (
        word.is_in(sorted(OF_NOBODY)) & ~earlier.is_in(sorted(OF_NOBODY)) & _is_of_people(column, columns)
    )
    signs = text.str.contains(NOTHING_BUT_SIGNS) & before.str.contains(_LETTER_OR_DIGIT)
    zeros = word.str.contains(ZEROS) & ~earlier.str.contains(ZEROS) & earlier.str.contains(_LONG_ENOUGH)
    day = text.str.contains(PLACEHOLDER_DAY)
    return (wordy & (filler | signs | zeros)) | word.is_in(_NO_CODES) | (days & day)
