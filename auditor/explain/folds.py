"""The levels at which two spellings can be the same: each ignores one kind of difference more than the one before.

    shape    invisible characters, Unicode form, letters and signs that only look like others
    joined   and blanks
    lower    and upper and lower case
    plain    and accents
    bare     and punctuation

Two values equal at one level are equal at every later one, because each level is computed from the one before. Almost
all values are ASCII without anything to fold: what takes long is only worked out of others.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import ibis

from auditor.engine.functions import declared
from auditor.equality.primitives import fold, nfc, strip_accents
from auditor.explain.spelling import LOOK_ALIKES, without_look_alikes

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEVELS: Final = ("shape", "joined", "lower", "plain", "bare")

BLANK: Final = r"[\t-\r \x{0085}\x{00A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]"
"""Any one Unicode blank, in the regular expressions of the engine (RE2)."""

PUNCTUATION: Final = r"[\p{P}\p{Sk}\p{Sm}]"
"""Hyphens, dots, apostrophes, brackets, plus signs …; not currency signs, symbols or emoji."""

INVISIBLE: Final = r"[\p{Cf}\x{034F}\x{FE00}-\x{FE0F}]"
"""Format characters (zero width, soft hyphen, byte order mark, bidirectional marks) and variation selectors."""

UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
"""Letters that are also spelt with two where a keyboard lacks them: Müller, Mueller."""


_bytes = declared("strlen", ("string",), "int64")


def ascii_only(text: ir.StringValue) -> ir.BooleanValue:
    """Whether a text has as many bytes as characters."""
    same: ir.BooleanValue = _bytes(text) == text.length()
    return same


def shape(text: ir.StringValue) -> ir.StringValue:
    """What a text looks like: NFC, nothing invisible, look-alikes as the plain character, a NUL as its sign."""
    return _without_alike(_composed(text))


def _composed(text: ir.StringValue) -> ir.StringValue:
    """NFC, nothing invisible, a NUL as its sign."""
    return ibis.ifelse(ascii_only(text) & ~text.re_search(r"\x00"), text, nfc(text.re_replace(INVISIBLE, "")))


def _without_alike(text: ir.StringValue) -> ir.StringValue:
    return ibis.ifelse(ascii_only(text) & ~text.contains("`"), text, _plain_for_alike(text))


def joined(text: ir.StringValue) -> ir.StringValue:
    """Leaves out every blank."""
    return text.re_replace(BLANK, "")


def lower(text: ir.StringValue) -> ir.StringValue:
    """Makes capitals small."""
    return text.lower()


def plain(text: ir.StringValue) -> ir.StringValue:
    """Base letters, of a text in lower case: `é` is `e`, `ß` is `ss`."""
    stripped = strip_accents(text)
    return ibis.cases((ascii_only(text), text), (ascii_only(stripped), stripped), else_=_plain_for_alike(fold(text)))


def bare(text: ir.StringValue) -> ir.StringValue:
    """Leaves out punctuation."""
    return text.re_replace(PUNCTUATION, "")


def spelt_out(text: ir.StringValue) -> ir.StringValue:
    """Spells an umlaut, of a text in lower case, with two letters: `ü` is `ue`."""
    for umlaut, pair in UMLAUTS.items():
        text = text.replace(umlaut, pair)
    return text


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """Leaves out blanks of any kind at the ends."""
    return text.re_replace(rf"^{BLANK}+|{BLANK}+$", "")


def with_levels(table: ir.Table, **texts: str) -> ir.Table:
    """The table with the five levels of text columns beside them.

    `texts` maps a prefix to a column: `p="platform"` adds `p_shape`, `p_joined`, `p_lower`, `p_plain`, `p_bare`. Null
    stays null.
    """
    table = with_shapes(table, **texts)
    for (before, level), step in zip(pairwise(LEVELS), (joined, lower, plain, bare), strict=True):
        table = table.mutate(**{f"{prefix}_{level}": step(table[f"{prefix}_{before}"]) for prefix in texts})
    return table


def with_shapes(table: ir.Table, **texts: str) -> ir.Table:
    """The same with the first level alone. Its steps are columns: SQL would spell out each where it is used."""
    table = table.mutate(**{f"{prefix}_shape": _composed(table[column]) for prefix, column in texts.items()})
    return table.mutate(**{f"{prefix}_shape": _without_alike(table[f"{prefix}_shape"]) for prefix in texts})


def _plain_for_alike(text: ir.StringValue) -> ir.StringValue:
    return ibis.ifelse(text.re_search(f"[{''.join(LOOK_ALIKES)}]"), without_look_alikes(text), text)


def only_if(candidate: ir.BooleanValue, condition: ir.BooleanValue) -> ir.BooleanValue:
    """Both, and the condition is not looked at where there is no candidate: an engine evaluates all of an `&`."""
    both: ir.BooleanValue = ibis.ifelse(candidate, condition, ibis.literal(False))
    return both
