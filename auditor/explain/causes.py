"""Causes: differences that share column, reason and pattern, so that a steward can act on many at once.

A pattern never holds a value, except of permissions, of yes or no, and of fields of few values declared public.

Patterns by reason (`platform` stands for either side, in the truth it is `in truth`):

    unicode_form   invisible characters on platform · decomposed accents on platform · look-alike characters
    whitespace     leading | trailing | leading and trailing | doubled | unusual blanks on platform ·
                   blanks missing on platform · other blanks
    case           upper case → mixed case (platform → truth), and so on
    accents        accents missing on platform · other accents
    punctuation    leading + missing | quotes or brackets | signs around it |
                   punctuation missing on platform · other punctuation
    encoding       garbled on platform · garbled · letters lost | left out on platform
    markup         HTML codes | HTML tags | codes of an address | a program | a document | a typesetter | a directory |
                   a host | a mail | a workbook | a formula on platform
    notation       yes or no · a number without its country | rounding noise | 32 bits |
                   more than the address on platform ·
                   the same telephone number ·
                   the same words | members in another order
                   %d/%m/%Y → %Y-%m-%d: of the column
    several        several values on platform · the same several values
    spreadsheet    digits lost | a spreadsheet's error | a date of a spreadsheet on platform
    leading_zero   zeros missing on platform
    relation       1 day earlier | 2 hours later | 5 more on platform · 100 times in truth · the other sign ·
                   the clock of Europe/Brussels on platform · one for one · another domain ·
                   a piece more in front on platform
    exchanged      exchanged with | holds | stands in COLUMN · a copy of | within COLUMN on platform ·
                   COLUMN as well on platform
    slipped        slipped by 1 row on platform · sorted alone on platform · in another row
    truncated      cut off on platform · cut off on platform after 30 characters, where most are ·
                   no seconds | time on platform · rounded | decimals left out on platform: of the column
    different      on → off for permissions; true → false for yes or no; nl → fr for a public field of few values
    the others     empty
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import ibis

from auditor.engine.protocol import Engine, filled
from auditor.equality.primitives import nfc, printable
from auditor.explain.folds import BLANK, INVISIBLE, PUNCTUATION, plain, with_shapes
from auditor.explain.spelling import TOLD, damage, told
from auditor.findings.reason import Reason
from auditor.model import SEGMENTATION_PREFIX
from auditor.settings.contract import Column, Compare, Polarity, Sensitivity

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST: Final = 0.8
"""The share of a group that makes a length typical of it."""
FEWEST_FOR_A_LENGTH: Final = 5
EXAMPLES: Final = 3
"""Differences that are shown of a cause."""
MOST_PAIRS: Final = 12
"""A column with more pairs of values than this is not told apart by them."""

_OPENING: Final = r"[\"'`´‘’‚“”„«»‹›\[({<]"
_CLOSING: Final = r"[\"'`´‘’“”«»‹›\])}>]"
_AT_THE_ENDS: Final = r"^[\s;,:|*#_~]+|[\s;,:|*#_~]+$"
_ON: Final = " on platform"
_IN: Final = " in truth"


@dataclass(frozen=True, slots=True)
class Group:
    """The differences behind one cause."""

    column: str
    reason: str
    pattern: str
    profiles: int

    @property
    def place(self) -> tuple[str, str, str]:
        return self.column, self.reason, self.pattern


class Example(NamedTuple):
    """One difference of a cause, as it stands in `differences`."""

    key: str
    platform: str | None
    truth: str | None


PLACE: Final = ("column", "reason", "pattern")


def cause_id(column: str, reason: str, pattern: str) -> str:
    """The same in every run: `c-` and eight hexadecimal digits."""
    return "c-" + hashlib.sha256(f"{column}|{reason}|{pattern}".encode()).hexdigest()[:8]


# --- patterns ---


def with_patterns(engine: Engine, cells: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """Keeps `cells` (with their reasons) with a `pattern` beside, never null."""
    lengths = engine.keep(_typical_lengths(cells), "cut_lengths")
    pairs = engine.keep(_telling_pairs(cells, columns), "value_pairs")
    patterned = _patterned(cells, columns)
    if filled(engine, lengths) or filled(engine, pairs):
        patterned = _refined(patterned, lengths, pairs)
    kept = engine.keep(patterned, "patterned_cells")
    engine.drop(lengths, pairs)
    return kept


def _patterned(cells: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """The cells with a pattern beside. What needs the shapes of both values takes them from columns of their own: SQL
    would spell them out at each place where they are used, and take longer to read than to carry out.
    """
    folded = cells.reason == Reason.ACCENTS.value
    shapes = {f"{side}_shape": ibis.ifelse(folded, cells[side], "") for side in ("platform", "truth")}
    shaped = with_shapes(cells.mutate(**shapes), platform="platform_shape", truth="truth_shape")
    return shaped.mutate(pattern=ibis.coalesce(shaped.seen, _pattern(shaped, columns))).drop(*shapes)


def _pattern(cells: ir.Table, columns: Sequence[Column]) -> ir.StringValue:
    p, t = cells.platform.fill_null(""), cells.truth.fill_null("")
    lower = cells.platform_shape.lower(), cells.truth_shape.lower()
    plain_p, plain_t = (plain(letters) == letters for letters in lower)
    by_reason = {
        Reason.UNICODE_FORM: _unicode_pattern(p, t),
        Reason.WHITESPACE: _blank_pattern(p, t),
        Reason.CASE: _style(p).concat(ibis.literal(" → "), _style(t)),
        Reason.ACCENTS: _missing("accents", plain_p, plain_t),
        Reason.PUNCTUATION: _punctuation_pattern(p, t),
        Reason.ENCODING: damage(p, t).fill_null(""),
        Reason.LEADING_ZERO: _missing("zeros", _zeros(p) < _zeros(t), _zeros(t) < _zeros(p)),
        **dict.fromkeys(TOLD, told(p, t).fill_null("").re_replace(r"^\w+\|", "")),
        Reason.TRUNCATED: _cut_pattern(p, t),
        Reason.DIFFERENT: _switch_pattern(cells, columns),
    }
    return ibis.cases(*((cells.reason == reason.value, pattern) for reason, pattern in by_reason.items()), else_="")


def _unicode_pattern(p: ir.StringValue, t: ir.StringValue) -> ir.StringValue:
    composed_p, composed_t = (nfc(text) == printable(text) for text in (p, t))
    return ibis.cases(
        (p.re_search(INVISIBLE) & ~t.re_search(INVISIBLE), "invisible characters" + _ON),
        (t.re_search(INVISIBLE) & ~p.re_search(INVISIBLE), "invisible characters" + _IN),
        (composed_t & ~composed_p, "decomposed accents" + _ON),
        (composed_p & ~composed_t, "decomposed accents" + _IN),
        else_="look-alike characters",
    )


def _blank_pattern(p: ir.StringValue, t: ir.StringValue) -> ir.StringValue:
    odd_p, odd_t = _odd_blanks(p), _odd_blanks(t)
    fewer = _blanks(p) - _blanks(t)
    return ibis.cases(
        (odd_p == odd_t, _missing("blanks", fewer < 0, fewer > 0)),
        (odd_p != "", odd_p.concat(_ON)),
        else_=odd_t.concat(_IN),
    )


def _punctuation_pattern(p: ir.StringValue, t: ir.StringValue) -> ir.StringValue:
    plus = ibis.literal("+")
    return ibis.cases(
        (plus.concat(p) == t, "leading + missing" + _ON),
        (plus.concat(t) == p, "leading + missing" + _IN),
        (_unwrapped(p) == t.strip(), "quotes or brackets" + _ON),
        (_unwrapped(t) == p.strip(), "quotes or brackets" + _IN),
        (p.re_replace(_AT_THE_ENDS, "") == t, "signs around it" + _ON),
        (t.re_replace(_AT_THE_ENDS, "") == p, "signs around it" + _IN),
        else_=_missing("punctuation", ~p.re_search(PUNCTUATION), ~t.re_search(PUNCTUATION)),
    )


def _unwrapped(text: ir.StringValue) -> ir.StringValue:
    """The text without the quotes and brackets around it."""
    return text.re_extract(rf"^\s*{_OPENING}+(.*?){_CLOSING}+\s*$", 1)


def _cut_pattern(p: ir.StringValue, t: ir.StringValue) -> ir.StringValue:
    return ibis.ifelse(p.length() < t.length(), "cut off" + _ON, "cut off" + _IN)


def _odd_blanks(text: ir.StringValue) -> ir.StringValue:
    leading, trailing = text.re_search(f"^{BLANK}"), text.re_search(f"{BLANK}$")
    return ibis.cases(
        (leading & trailing, "leading and trailing blanks"),
        (leading, "leading blanks"),
        (trailing, "trailing blanks"),
        (text.re_search(f"{BLANK}{{2}}"), "doubled blanks"),
        (text.replace(" ", "").re_search(BLANK), "unusual blanks"),
        else_="",
    )


def _blanks(text: ir.StringValue) -> ir.IntegerValue:
    return text.length() - text.re_replace(BLANK, "").length()


def _style(text: ir.StringValue) -> ir.StringValue:
    return ibis.cases((text == text.upper(), "upper case"), (text == text.lower(), "lower case"), else_="mixed case")


def _zeros(text: ir.StringValue) -> ir.IntegerValue:
    return text.re_extract("^[^1-9]*", 0).re_replace("[^0]", "").length()


def _missing(what: str, on_platform: ir.BooleanValue, in_truth: ir.BooleanValue) -> ir.StringValue:
    return ibis.cases(
        (on_platform & ~in_truth, f"{what} missing{_ON}"),
        (in_truth & ~on_platform, f"{what} missing{_IN}"),
        else_=f"other {what}",
    )


def _switch_pattern(cells: ir.Table, columns: Sequence[Column]) -> ir.StringValue:
    """`on → off` of a permission, whichever way round it is spelt, and `true → false` of any other yes or no."""
    switches = [column for column in columns if column.compare is Compare.BOOLEAN]
    opt_in = [column.name for column in switches if column.permission is Polarity.OPT_IN]
    opt_out = [column.name for column in switches if column.permission is Polarity.OPT_OUT]
    other = [column.name for column in switches if column.permission is None]
    p, t = cells.platform_canonical, cells.truth_canonical
    up, down = (p == "false") & (t == "true"), (p == "true") & (t == "false")
    return ibis.cases(
        ((down & cells.column.isin(opt_in)) | (up & cells.column.isin(opt_out)), "on → off"),
        ((up & cells.column.isin(opt_in)) | (down & cells.column.isin(opt_out)), "off → on"),
        (down & cells.column.isin(other), "true → false"),
        (up & cells.column.isin(other), "false → true"),
        else_="",
    )


def _typical_lengths(cells: ir.Table) -> ir.Table:
    """The length at which most values of a column were cut off, per column and side, where there is one."""
    cut = cells.filter(cells.reason == Reason.TRUNCATED.value)
    cut = cut.mutate(pattern=_cut_pattern(cut.platform, cut.truth))
    shorter = ibis.least(cut.platform.length(), cut.truth.length())
    counted = cut.group_by("column", "pattern", cut_length=shorter).agg(n=cut.count())
    typical = counted.group_by("column", "pattern").agg(
        total=counted.n.sum(), most=counted.n.max(), cut_length=counted.cut_length.argmax(counted.n)
    )
    return typical.filter(typical.total >= FEWEST_FOR_A_LENGTH, typical.most >= MOST * typical.total).drop(
        "total", "most"
    )


def _telling_pairs(cells: ir.Table, columns: Sequence[Column]) -> ir.Table:
    """`column` of the choices that are public and have so few pairs of values that each pair can be a cause."""
    public = [column.name for column in columns if _is_public_choice(column)]
    choices = cells.filter(cells.column.isin(public), cells.reason == Reason.DIFFERENT.value)
    pairs = choices.select("column", "platform_canonical", "truth_canonical").distinct()
    counted = pairs.group_by("column").agg(n=pairs.count())
    return counted.filter(counted.n <= MOST_PAIRS).select("column")


def _is_public_choice(column: Column) -> bool:
    few_values = column.compare is Compare.CODE or column.name.startswith(SEGMENTATION_PREFIX)
    return few_values and column.permission is None and column.sensitivity is Sensitivity.PUBLIC


def _refined(cells: ir.Table, lengths: ir.Table, pairs: ir.Table) -> ir.Table:
    told_apart = pairs.mutate(told_apart=ibis.literal(True))
    joined = cells.left_join(lengths, ["column", "pattern"]).select(
        *[cells[name] for name in cells.columns], "cut_length"
    )
    wide = joined.left_join(told_apart, "column").select(*[joined[name] for name in joined.columns], "told_apart")
    shorter = ibis.least(wide.platform.length(), wide.truth.length())
    at_length = wide.pattern.concat(" after ", wide.cut_length.cast(str), " characters")
    pair = wide.platform_canonical.concat(" → ", wide.truth_canonical)
    pattern = ibis.cases(
        ((wide.reason == Reason.TRUNCATED.value) & (shorter == wide.cut_length), at_length),
        ((wide.reason == Reason.DIFFERENT.value) & wide.told_apart.fill_null(False), pair),
        else_=wide.pattern,
    )
    return wide.mutate(pattern=pattern).drop("cut_length", "told_apart")


# --- groups ---


def groups(engine: Engine, cells: ir.Table) -> list[Group]:
    """The groups of the patterned cells, the largest first."""
    sizes = engine.rows(cells.group_by(*PLACE).agg(n=cells.count()).select(*PLACE, "n"))
    found = [Group(column, reason, pattern, size) for column, reason, pattern, size in sizes]
    return sorted(found, key=lambda group: (-group.profiles, group.column, group.reason, group.pattern))


def examples(engine: Engine, cells: ir.Table) -> dict[tuple[str, str, str], list[Example]]:
    """Per group its first few cells in the order of their keys."""
    shown = cells.key_text if "key_text" in cells.columns else cells.key
    order = ibis.row_number().over(group_by=list(PLACE), order_by=[cells.key])
    first = cells.select(*PLACE, shown.name("shown"), "platform", "truth", place=order).filter(
        lambda row: row.place < EXAMPLES
    )
    found: dict[tuple[str, str, str], list[Example]] = {}
    for column, reason, pattern, key, platform, truth, _ in engine.rows(first.order_by(*PLACE, "place")):
        found.setdefault((column, reason, pattern), []).append(Example(key, platform, truth))
    return found
