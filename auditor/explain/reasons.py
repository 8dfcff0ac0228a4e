"""Why two values differ: exactly one reason per cell, the first in the order of `model.Reason` that explains it all.

`with_reasons` is the whole definition. Most reasons are a condition on the pair alone, the same when the sides are
exchanged (the two empty ones exchange with them); `in_columns` looks at the column, `in_row` at the row, and
`elsewhere` at other rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import ibis

from auditor.engine.protocol import Engine
from auditor.equality.primitives import fold
from auditor.equality.yes_no import NO, YES
from auditor.explain.as_numbers import (
    are_same_number,
    both_with_fractions,
    more_than_digits,
    not_the_same,
    with_fractions,
)
from auditor.explain.background import Background
from auditor.explain.elsewhere import slipped, swapped
from auditor.explain.folds import BLANK, UMLAUTS, ascii_only, only_if, plain, spelt_out, trimmed, with_levels
from auditor.explain.garbled import FUNCTIONS as OF_CODE_PAGES
from auditor.explain.garbled import are_garbled, garbled_columns, misread, that_stay
from auditor.explain.in_columns import FUNCTIONS as OF_COLUMNS
from auditor.explain.in_columns import OPEN, found_in_columns, marks
from auditor.explain.in_row import beside, exchanged
from auditor.explain.markup import CODES
from auditor.explain.spelling import FUNCTIONS, LEAST_LENGTH, MOST_EDITS, edits, mistyped, told
from auditor.explain.telephones import SAME_NUMBER
from auditor.findings.reason import Reason
from auditor.model import AttributeType
from auditor.settings.contract import Column, Compare

if TYPE_CHECKING:
    import ibis.expr.types as ir

CUT_LENGTH: Final = 3
"""Shorter values, in characters, are never called cut off."""

_NUMBERS: Final = (Compare.NUMBER.value,)
_MOMENTS: Final = (Compare.DATE.value, Compare.TIMESTAMP.value)
_CHOICES: Final = (Compare.BOOLEAN.value, Compare.CODE.value)
_FORGIVING: Final = (Compare.NAME.value, Compare.EMAIL.value, Compare.PHONE.value)
"""Rules that ignore part of a text: what they call different is judged on their canonical forms too."""

_IDENTIFIERS: Final = (AttributeType.EMAIL, AttributeType.PHONE, AttributeType.LONG)
"""Types whose values are nearly always one person's own."""

_LONGEST_COUNTED: Final = 200
"""Characters: the engine counts the edits of a text to the end, however many there are."""
_MOST_BYTES: Final = 4
"""Of a character in UTF-8."""
_SPOKEN: Final = rf"^(?:{'|'.join(map(re.escape, (*YES, *NO)))})$"
"""A pattern: of a long `IN` DuckDB makes a join, which takes longer than all else for a few cells."""
_ISO_DAY: Final = r"^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|1[0-2])(.*)$"
_EUROPEAN_DAY: Final = r"^0?([1-9]|1[0-2])/0?([1-9]|1[0-2])/(\d{4})(.*)$"
"""Dates that stay dates when day and month are exchanged."""
_SPREADSHEET: Final = (
    r"^\s*(#|[+-]?\d([.,]\d+)?[eE]\+?\d|\d{11,}0$"
    r"|\d{1,4}[-/. ]{1,2}\p{L}{3,9}\.?\s*$|\p{L}{3,9}\.?[-/. ]{1,2}\d{1,4}\s*$)"
)
_NUMBERS_TO_CALL: Final = r"^\s*[+(]{0,2}[0-9][0-9 ./(),;|+-]{6,}$"
_LONG_FRACTION: Final = (
    r"[0-9][.,][0-9]{8,}(?:[eE]-[0-9]+)?\s*$"
    r"|[0-9]{2}[.,][0-9]{6,7}\s*$|[0-9]{4}[.,][0-9]{4,5}\s*$|[0-9]{5}[.,][0-9]{3}\s*$"
)
"""What computing leaves of a number shows in its ninth digit, of one in 32 bits in the eighth."""


def with_reasons(
    engine: Engine,
    cells: ir.Table,
    columns: Sequence[Column],
    background: Background | None = None,
    *,
    freely: bool = False,
) -> ir.Table:
    """Keeps `cells` with their `reason` beside, and as `seen` the pattern that their column or row has, else null.

    `cells` has one row per key and column, with `key`, `column`, `compare`, `platform`, `truth`, `platform_canonical`
    and `truth_canonical`; further columns are carried through. `columns` tells which of them are numbers, choices and
    identifiers. `freely` allows patterns to name values.
    """
    engine.register(FUNCTIONS)
    reasoned = engine.keep(_by_pair(cells, columns), "reasoned_cells")
    if pages := garbled_columns(engine, reasoned):
        engine.register(OF_CODE_PAGES)
        reasoned = _marked(engine, reasoned, misread(engine, reasoned, pages))
    if (fractions := not_the_same(engine, reasoned, columns)) is not None:
        different = ibis.literal(Reason.DIFFERENT.value)
        reasoned = _marked(engine, reasoned, fractions.mutate(because=different, mark=ibis.null(str)))
    if found := found_in_columns(engine, reasoned, columns, background):
        engine.register(OF_COLUMNS)
        reasoned = _marked(engine, reasoned, marks(engine, reasoned, found, columns, freely=freely))
    if (moved := exchanged(engine, _pushed(reasoned, columns))) is not None:
        reasoned = _marked(engine, reasoned, moved)
        engine.drop(moved)
    if background is not None and (moved := beside(engine, _texts(reasoned, columns), background)) is not None:
        reasoned = _marked(engine, reasoned, moved)
        engine.drop(moved)
    identifying = _names(columns, _identifies)
    if (moved := swapped(engine, _undecided(reasoned, columns), identifying, background)) is not None:
        reasoned = _marked(engine, reasoned, moved)
        engine.drop(moved)
    if (moved := slipped(engine, _open(reasoned, columns), identifying, background)) is not None:
        reasoned = _marked(engine, reasoned, moved)
        engine.drop(moved)
    return reasoned


def _open(reasoned: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """The cells that may stand elsewhere: key, column, and the canonical forms `p` and `t` without capitals."""
    usable = _usable(reasoned, columns, OPEN)
    return usable.select("key", "column", p=fold(usable.platform_canonical), t=fold(usable.truth_canonical))


def _pushed(reasoned: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """The same, and beside such a cell those that are empty on one side: null there."""
    empty = _usable(reasoned, columns, (Reason.EMPTY_ON_PLATFORM, Reason.EMPTY_IN_TRUTH), both=False)
    forms = {"p": fold(empty.platform_canonical), "t": fold(empty.truth_canonical)}
    known = _open(reasoned, columns)
    return known.union(empty.semi_join(known, "key").select("key", "column", **forms))


def _texts(reasoned: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """The cells that may stand elsewhere, as the files hold them: key, column, platform, truth."""
    return _usable(reasoned, columns, OPEN).select("key", "column", "platform", "truth")


def _usable(reasoned: ir.Table, columns: Sequence[Column], reasons: Iterable[Reason], *, both: bool = True) -> ir.Table:
    """The cells with one of these reasons, of columns that hold neither permissions nor one of a few values."""
    unfit = [*_names(columns, _is_choice), *_names(columns, lambda one: one.permission is not None)]
    usable = reasoned.filter(
        reasoned.reason.isin([reason.value for reason in reasons]),
        ~reasoned.compare.isin(_CHOICES),
        ~reasoned.column.isin(unfit),
    )
    filled = usable.platform_canonical.notnull() & usable.truth_canonical.notnull()
    return usable.filter(filled) if both else usable


def _undecided(reasoned: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """The cells that two profiles may have exchanged: key, column, the canonical forms `p` and `t`, and the platform's
    `text`.
    """
    usable = reasoned.filter(
        reasoned.reason.isin([Reason.TYPO.value, Reason.DIFFERENT.value]),
        ~reasoned.compare.isin(_CHOICES),
        ~reasoned.column.isin(_names(columns, _is_choice)),
        reasoned.platform_canonical.notnull() & reasoned.truth_canonical.notnull(),
    )
    return usable.select("key", "column", p=usable.platform_canonical, t=usable.truth_canonical, text=usable.platform)


def _marked(engine: Engine, reasoned: ir.Table, marks: ir.Table) -> ir.Table:
    """Keeps the cells with the reason and the pattern of their mark, where they have one."""
    joined = reasoned.left_join(marks, ["key", "column"])
    told = joined.mutate(
        reason=joined.because.fill_null(joined.reason), seen=ibis.coalesce(joined.mark, joined.seen)
    ).select(*reasoned.columns)
    kept = engine.keep(told, "reasoned_cells")
    engine.drop(reasoned)
    return kept


def _by_pair(cells: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """Every reason but `swapped`, which needs to know the pairs that nothing before it explains."""
    given = cells.columns
    table = cells.mutate(
        is_number=cells.compare.isin(_NUMBERS) | cells.column.isin(_names(columns, _is_number)),
        is_moment=cells.compare.isin(_MOMENTS),
        is_choice=cells.compare.isin(_CHOICES) | cells.column.isin(_names(columns, _is_choice)),
        is_forgiving=cells.compare.isin(_FORGIVING),
        p=cells.platform.fill_null(""),
        t=cells.truth.fill_null(""),
        p_own=cells.platform_canonical.fill_null(""),
        t_own=cells.truth_canonical.fill_null(""),
    )
    table = with_levels(table, p="p", t="t")
    table = table.mutate(
        p_seen=_without_ends(table.p_shape, table.p_joined),
        t_seen=_without_ends(table.t_shape, table.t_joined),
        p_emptiness=_emptiness(table.platform),
        t_emptiness=_emptiness(table.truth),
        in_ascii=ascii_only(table.p) & ascii_only(table.t),
        # What is used more than once is a column: SQL would spell it out at each place.
        one_number=are_same_number(table),
        has_fractions=with_fractions(table),
    )
    spelt = {f"{one}_spelt": ibis.ifelse(table.in_ascii, "", spelt_out(table[f"{one}_lower"])) for one in ("p", "t")}
    table = table.mutate(told=_told(table), **spelt, **that_stay(table))
    table = table.mutate(is_garbled=are_garbled(table))
    garbled = table.is_garbled
    # A coded letter may well be one with signs around it: `\'e`.
    coded = garbled | table.told.startswith(Reason.MARKUP.value).fill_null(False)
    reason = ibis.cases(
        (table.p_emptiness > table.t_emptiness, Reason.EMPTY_ON_PLATFORM.value),
        (table.t_emptiness > table.p_emptiness, Reason.EMPTY_IN_TRUTH.value),
        (table.p_shape == table.t_shape, Reason.UNICODE_FORM.value),
        (table.p_joined == table.t_joined, Reason.WHITESPACE.value),
        (table.p_lower == table.t_lower, Reason.CASE.value),
        # A garbled "à" is a letter with another accent and a blank: what follows would explain it, and wrongly.
        (_same_but_for_accents(table) & ~garbled, Reason.ACCENTS.value),
        # 00 stands for the plus of a telephone number: neither is a number to count with, nor lacks zeros.
        (table.told == f"{Reason.NOTATION.value}|{SAME_NUMBER}", Reason.NOTATION.value),
        (table.one_number & more_than_digits(table), Reason.NUMBER_FORMAT.value),
        ((table.p_bare == table.t_bare) & ~table.is_number & ~coded, Reason.PUNCTUATION.value),
        (garbled, Reason.ENCODING.value),
        (_same_but_for_leading_zeros(table) & ~coded, Reason.LEADING_ZERO.value),
        (table.one_number, Reason.NUMBER_FORMAT.value),
        (table.told.notnull(), table.told.re_extract(r"^\w+", 0)),
        (_cut_off(table), Reason.TRUNCATED.value),
        (_day_and_month_exchanged(table), Reason.DATE_SWAPPED.value),
        (_mistyped(table), Reason.TYPO.value),
        else_=Reason.DIFFERENT.value,
    )
    return table.select(*given, reason=reason, seen=ibis.null(str))


# --- conditions on a pair ---


def _emptiness(text: ir.StringValue) -> ir.IntegerValue:
    """Null is emptier than no text, no text than only blanks."""
    # Nearly every text begins with a visible character of ASCII, and then is not only blanks.
    maybe = (text < "!") | (text > "~")
    only_blanks = only_if(maybe, text.re_search(rf"^{BLANK}+$"))
    return ibis.cases((text.isnull(), 3), (text == "", 2), (only_blanks, 1), else_=0)


def _without_ends(text: ir.StringValue, joined: ir.StringValue) -> ir.StringValue:
    return ibis.ifelse(text == joined, text, trimmed(text))


def _same_but_for_accents(table: ir.Table) -> ir.BooleanValue:
    umlaut = table.p_lower.concat(table.t_lower).re_search(f"[{''.join(UMLAUTS)}]")
    spelt = only_if(umlaut, plain(table.p_spelt) == plain(table.t_spelt))
    return (table.p_plain == table.t_plain) | only_if(~table.in_ascii, spelt)


def _told(table: ir.Table) -> ir.StringValue:
    """What the two texts tell by themselves, of those that may tell anything."""

    def either(pattern: str) -> ir.BooleanValue:
        return table.p.re_search(pattern) | table.t.re_search(pattern)

    yes_or_no = table.p_lower.re_search(_SPOKEN) & table.t_lower.re_search(_SPOKEN)
    numbers = table.p.re_search(_NUMBERS_TO_CALL) & table.t.re_search(_NUMBERS_TO_CALL)
    addresses = table.p.contains("@") & table.t.contains("@") & either(r"[\s,;|/<>:]")
    reordered = (table.p_bare.length() == table.t_bare.length()) & table.p.re_search(r"\S[\s,;|]+\S")
    noise = either(_LONG_FRACTION)
    maybe = either(CODES) | either(_SPREADSHEET) | yes_or_no | numbers | addresses | reordered | noise
    return ibis.ifelse(maybe, told(table.p, table.t), ibis.null(str))


def _same_but_for_leading_zeros(table: ir.Table) -> ir.BooleanValue:
    # A decimal point makes a difference in a number: "0.5" is not "5" with a zero in front.
    def digits(level: str, other: str) -> ir.BooleanValue:
        return (
            table[level].re_search(r"^[0-9]+$")
            & table[other].re_search(r"^[0-9]+$")
            & (_no_zeros(table[level]) == _no_zeros(table[other]))
        )

    zero = (table.p_bare.startswith("0") | table.t_bare.startswith("0")) & ~table.has_fractions
    return only_if(zero, ibis.ifelse(table.is_number, digits("p_joined", "t_joined"), digits("p_bare", "t_bare")))


def _no_zeros(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace("^0+", "")


def _cut_off(table: ir.Table) -> ir.BooleanValue:
    shaped = _begins(table.p_seen, table.t_seen, table.compare) | _begins(table.t_seen, table.p_seen, table.compare)
    own = _begins(table.p_own, table.t_own, table.compare) | _begins(table.t_own, table.p_own, table.compare)
    # 100 is no piece of 100.5, and of numbers 12 is none of 120; 100.2 may be all that is left of 100.25.
    piece = both_with_fractions(table) | ~(table.is_number | table.has_fractions)
    return only_if(shaped | only_if(table.is_forgiving, own), piece)


def _begins(short: ir.StringValue, long: ir.StringValue, compare: ir.StringValue) -> ir.BooleanValue:
    begins = long.startswith(short) & (short.length() >= CUT_LENGTH) & (long.length() > short.length())
    # A list that goes on with another whole member was not cut off: a member was added.
    goes_on = (compare == Compare.SET.value) & (long.substr(short.length(), 1) == ",")
    return begins & ~goes_on


def _day_and_month_exchanged(table: ir.Table) -> ir.BooleanValue:
    # A text that is no such date stays as it is, and the two differ.
    p, t = table.p_seen, table.t_seen
    iso = p.re_replace(_ISO_DAY, r"\1-\3-\2\4") == t
    european = p.re_replace(_EUROPEAN_DAY, r"\2/\1/\3\4") == t.re_replace(_EUROPEAN_DAY, r"\1/\2/\3\4")
    own = table.p_own.re_replace(_ISO_DAY, r"\1-\3-\2\4") == table.t_own
    return (
        only_if(p.contains("-") & t.contains("-"), iso)
        | only_if(p.contains("/") & t.contains("/"), european)
        | only_if(table.is_moment, own)
    )


def _mistyped(table: ir.Table) -> ir.BooleanValue:
    word = ~table.is_number & ~table.is_moment & ~table.is_choice
    shaped = _a_letter_or_two(table.p_seen, table.t_seen)
    own = _a_letter_or_two(table.p_own, table.t_own)
    return only_if(only_if(word, shaped | only_if(table.is_forgiving, own)), ~table.has_fractions)


def _a_letter_or_two(p: ir.StringValue, t: ir.StringValue) -> ir.BooleanValue:
    near = (p.length() - t.length()).abs() <= MOST_EDITS
    long_enough = (p.length() >= LEAST_LENGTH) & (t.length() >= LEAST_LENGTH)
    allowed = ibis.least(MOST_EDITS, (ibis.greatest(p.length(), t.length()) + 3) // 4)
    # The engine counts bytes, of which a letter has four at most, and one edit of a letter is one to four of its bytes.
    counted = edits(p, t)
    maybe = (counted <= _MOST_BYTES * allowed) & ~(ascii_only(p) & ascii_only(t))
    is_mistyped = ibis.cases((counted <= allowed, True), (maybe, mistyped(p, t)), else_=False)
    short = ibis.greatest(p.length(), t.length()) <= _LONGEST_COUNTED
    maybe_mistyped = only_if(near & long_enough, _share_a_part(p, t))
    return only_if(maybe_mistyped, ibis.ifelse(short, is_mistyped, mistyped(p, t)))


def _share_a_part(p: ir.StringValue, t: ir.StringValue) -> ir.BooleanValue:
    """Whether a part of the one text stands in the other, which is found out ten times faster than edits are counted.

    An edit spoils two neighbouring parts at most, when it exchanges letters: of enough parts one is left.
    """
    parts = 2 * MOST_EDITS + 1
    ends = [p.length() * place // parts for place in range(parts + 1)]
    return ibis.or_(*(t.contains(p.substr(start, end - start)) for start, end in pairwise(ends)))


# --- kinds of columns ---


def _names(columns: Iterable[Column], is_one: Callable[[Column], bool]) -> list[str]:
    return [column.name for column in columns if is_one(column)]


def _is_number(column: Column) -> bool:
    return column.type in (
        AttributeType.INTEGER,
        AttributeType.LONG,
        AttributeType.NUMERIC,
        AttributeType.COORDINATES,
    )


def _is_choice(column: Column) -> bool:
    """One of a few values that mean something each: a letter more makes another value, not a mistyped one."""
    return column.is_choice or column.type is AttributeType.TITLE


def _identifies(column: Column) -> bool:
    return column.type in _IDENTIFIERS or column.compare in (Compare.EMAIL, Compare.PHONE)
