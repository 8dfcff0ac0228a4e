"""Garbled text: whether two values are one that was read in a wrong encoding, and what a column tells of it.

A name alone seldom shows which of `Bãlan` and `Bălan` it is. But when one code page, read as one other, explains most
of a column's pairs, it explains those that are only another accent as well, and the side whose letters look worse, all
taken together, is the garbled one in all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import ibis
import polars as pl

from auditor.engine.functions import declared
from auditor.engine.protocol import Engine
from auditor.equality.primitives import nfc_normalize, strip_accents
from auditor.explain.code_pages import in_other_code_page, looks_worse, of_one_language
from auditor.explain.folds import BLANK, ascii_only, only_if
from auditor.explain.spelling import damage, settled
from auditor.findings.reason import Reason

if TYPE_CHECKING:
    import ibis.expr.types as ir

_MAYBE_GARBLED: Final = r"[ÃÂÄÅÐÑÎÏØÙâ]|[Â-ô][\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|\p{Mn}"
_LETTERS_LOST: Final = r"[?\x{FFFD}]"
_NOT_ASCII: Final = r"[^\x00-\x7F]"
_UTF_7: Final = r"\+[A-Za-z0-9+/]{2,}-"
_REMOVABLE: Final = (
    f"[{BLANK[1:-1]}"
    r"\x{0000}-\x{001F}\x{007F}-\x{009F}\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FEFF}]"
)
_FEWEST: Final = 3
"""Different pairs that one code page, read as one other, has to explain,"""
_FEWEST_CELLS: Final = 10
"""or so many cells, where values repeat."""
_MOST: Final = 0.5
"""The share of the column's pairs that it has to explain."""
_CLEARLY: Final = 3
"""How often the letters of a side look worse, for once that those of the other do."""
_SAMPLED: Final = 400
"""Different pairs of a column."""
_BETWEEN: Final = "\x1f"

_is_misread = declared("auditor_misread", ("string", "string"), "boolean")


class Misread(NamedTuple):
    """How a column was garbled."""

    on_platform: bool
    """Whether the platform's values are the truth's, read wrongly; else those of the truth are the platform's."""
    way: int
    """The place in WAYS."""
    pattern: str


# --- a pair ---


def are_garbled(table: ir.Table) -> ir.BooleanValue:
    """Whether one text of a pair is the other one, read in a wrong encoding.

    Beside p and t there is what `that_stay` gives of them, and whether both are `in_ascii`.
    """
    p, t = table.p, table.t
    suspicious = p.re_search(_MAYBE_GARBLED) | t.re_search(_MAYBE_GARBLED)
    lost = (p.re_search(_LETTERS_LOST) & t.re_search(_NOT_ASCII)) | (
        t.re_search(_LETTERS_LOST) & p.re_search(_NOT_ASCII)
    )
    # A name may well begin with Å. What is damaged are letters beyond ASCII, and the others stay.
    rest = (table.p_stays == _ascii_letters(strip_accents(t))) | (_ascii_letters(strip_accents(p)) == table.t_stays)
    shifted = p.re_search(_UTF_7) | t.re_search(_UTF_7)
    maybe = only_if(suspicious | lost, rest) | (table.p_stays == table.t_stays) | shifted
    return only_if(~table.in_ascii, only_if(maybe, damage(p, t).notnull()))


def that_stay(table: ir.Table) -> dict[str, ir.StringValue]:
    """The letters of p and t that no wrong encoding damages; none where both are `in_ascii`."""
    return {f"{one}_stays": ibis.ifelse(table.in_ascii, "", _letters_that_stay(table[one])) for one in ("p", "t")}


def _letters_that_stay(text: ir.StringValue) -> ir.StringValue:
    return _ascii_letters(nfc_normalize(text.re_replace(_REMOVABLE, "")))


def _ascii_letters(text: ir.StringValue) -> ir.StringValue:
    """The visible ASCII characters of a text, without the question marks that stand for lost letters."""
    return text.re_replace("[^!->@-~]", "")


# --- a column ---


def garbled_columns(engine: Engine, cells: ir.Table) -> dict[str, Misread]:
    """Column → how it was garbled, where one way explains most pairs with letters beyond ASCII on both sides."""
    maybe = cells.filter(
        cells.reason.isin([Reason.ENCODING.value, Reason.ACCENTS.value]),
        ~ascii_only(cells.platform) & ~ascii_only(cells.truth),
    )
    maybe = maybe.filter(_letters_that_stay(maybe.platform) == _letters_that_stay(maybe.truth))
    counted = maybe.group_by("column", "platform", "truth").agg(n=maybe.count())
    ordered = counted.mutate(place=_place(counted)).filter(lambda row: row.place < _SAMPLED)
    pairs: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for column, platform, truth, number in sorted(engine.rows(ordered.select("column", "platform", "truth", "n"))):
        pairs[column].append((platform, truth, number))
    found = {column: garbled_column(several) for column, several in pairs.items()}
    return {column: one for column, one in found.items() if one is not None}


def _place(counted: ir.Table) -> ir.IntegerValue:
    digest = counted.platform.concat(_BETWEEN, counted.truth).hexdigest("md5")
    return ibis.row_number().over(group_by=["column"], order_by=[digest])


def garbled_column(pairs: Sequence[tuple[str, str, int]]) -> Misread | None:
    """The way that explains most of the pairs (platform, truth, cells); None: too few of them, or no way does."""
    explained: Counter[tuple[bool, int]] = Counter()
    of_pairs: dict[tuple[str, str], tuple[int, int]] = {}
    cells = 0
    for platform, truth, number in pairs:
        if (ways := _ways(platform, truth)) is None:
            continue
        of_pairs[platform, truth] = ways
        cells += number
        for on_platform, bits in zip((True, False), ways, strict=True):
            explained.update((on_platform, way) for way in range(bits.bit_length()) if bits >> way & 1)
    if not explained:
        return None
    # Of ways that explain as much, the first that is listed: Windows before the others.
    best = max(explained.values())
    enough = best >= _FEWEST or (best == len(of_pairs) and cells >= _FEWEST_CELLS)
    if not enough or best < _MOST * len(of_pairs):
        return None
    both = [min((way for (side, way), n in explained.items() if side is on_platform and n == best), default=None)
            for on_platform in (True, False)]  # fmt: skip
    theirs = [pair for pair, ways in of_pairs.items()
              if any(way is not None and bits >> way & 1 for way, bits in zip(both, ways, strict=True))]  # fmt: skip
    blamed = _blamed(theirs)
    if blamed is None or both[0 if blamed else 1] is None:
        on_platform = both[0] is not None
        return Misread(on_platform, both[0 if on_platform else 1] or 0, "garbled")
    return Misread(blamed, both[0 if blamed else 1] or 0, f"garbled {'on platform' if blamed else 'in truth'}")


def _ways(platform: str, truth: str) -> tuple[int, int] | None:
    """By which ways the platform's text is the truth's, and the other way round; None where letters were lost."""
    if "?" in platform + truth or "\ufffd" in platform + truth:
        return None
    return in_other_code_page(platform, truth, settled), in_other_code_page(truth, platform, settled)


def _blamed(pairs: Sequence[tuple[str, str]]) -> bool | None:
    """Whether the platform's texts are the garbled ones; None where that cannot be seen."""
    ours = sum(looks_worse(platform, truth) for platform, truth in pairs)
    theirs = sum(looks_worse(truth, platform) for platform, truth in pairs)
    if max(ours, theirs) and max(ours, theirs) >= _CLEARLY * min(ours, theirs):
        return ours > theirs
    whole = [of_one_language(texts) for texts in zip(*pairs, strict=True)]
    return whole[1] if whole[0] is not whole[1] else None


def misread(engine: Engine, cells: ir.Table, found: Mapping[str, Misread]) -> ir.Table:
    """A row per cell that is garbled as its column is: key, column, because (a reason), mark (a pattern)."""
    rows = [(column, f"{int(one.on_platform)}{_BETWEEN}{one.way}", one.pattern) for column, one in found.items()]
    schema = {"column": pl.String(), "how": pl.String(), "mark": pl.String()}
    asked = engine.put(pl.DataFrame(rows, schema=schema, orient="row"), "misread_columns")
    maybe = cells.filter(cells.reason.isin([Reason.ENCODING.value, Reason.ACCENTS.value]))
    joined = maybe.join(asked, "column")
    holds = _is_misread(joined.platform, joined.how.concat(_BETWEEN, joined.truth))
    kept = joined.filter(holds)
    return kept.select("key", "column", because=ibis.literal(Reason.ENCODING.value), mark="mark")


@lru_cache(100_000)
def is_misread(platform: str | None, how_and_truth: str | None) -> bool:
    """Whether a text is another one, garbled in the way that stands before it."""
    if platform is None or how_and_truth is None:
        return False
    on_platform, way, truth = how_and_truth.split(_BETWEEN, 2)
    ways = _ways(platform, truth)
    return ways is not None and bool(ways[0 if on_platform == "1" else 1] >> int(way) & 1)


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (("auditor_misread", is_misread, 2, "boolean"),)
"""What `Engine.register` puts before these expressions: name, function, parameters, result."""
