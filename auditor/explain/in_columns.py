"""What a column tells of its differing cells that a pair alone does not: notations and constant relations.

sample     a few hundred cells of each column that nothing has explained so far
find       what holds between both values of most of them (`relations`)
mark       every cell of the column for which it holds
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import ibis
import polars as pl

from auditor.engine.functions import declared
from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS as EQUALITY
from auditor.equality.primitives import needs_functions
from auditor.explain.background import Background
from auditor.explain.distances import Apart, Pair, Relation, Times
from auditor.explain.domains import Moved
from auditor.explain.domains import borne_out as borne_out_by_domains
from auditor.explain.left_out import LeftOut
from auditor.explain.relations import Piece, relations
from auditor.explain.rounding import Rounded
from auditor.explain.value_maps import Mapped, borne_out
from auditor.findings.reason import Reason
from auditor.model import Side
from auditor.settings.contract import Column, Sensitivity

if TYPE_CHECKING:
    import ibis.expr.types as ir

SAMPLED: Final = 400
"""Cells of a column."""
OPEN: Final = (Reason.PUNCTUATION, Reason.TRUNCATED, Reason.DATE_SWAPPED, Reason.TYPO, Reason.DIFFERENT)
"""Reasons that what a column tells is put in the place of."""
_DIGITS: Final = 8
_BETWEEN: Final = "\x1f"

_related = declared("auditor_related", ("string", "string"), "boolean")


def digest(key: ir.StringValue) -> ir.StringValue:
    """The first digits of a digest: the same sample on every engine, in whatever order."""
    return key.hexdigest("md5").substr(0, _DIGITS)


def up_to(number: int, most: int | None) -> str:
    """The digest up to which about `most` of that many lie."""
    share = 1.0 if most is None or number <= most else most / number
    return f"{int(share * (16**_DIGITS - 1)):0{_DIGITS}x}"


def found_in_columns(
    engine: Engine, cells: ir.Table, columns: Sequence[Column], background: Background | None
) -> dict[str, list[Relation]]:
    """Column → what holds between its values, in the order in which it is asked."""
    zone = background.contract.timezone.key if background else "UTC"
    permissions = [column.name for column in columns if column.permission is not None]
    left = cells.filter(
        cells.reason.isin([reason.value for reason in OPEN]), ~cells.column.isin([*permissions, ""])
    ).select("key", "column", "platform", "truth")
    counted = dict(engine.rows(left.group_by("column").agg(n=left.count())))
    if not counted:
        return {}
    limits = pl.DataFrame(
        {"column": list(counted), "up_to": [up_to(number, SAMPLED) for number in counted.values()]},
        schema={"column": pl.String(), "up_to": pl.String()},
    )
    asked = left.join(engine.put(limits, "sample_limits"), "column")
    sampled = asked.mutate(digest=digest(asked.key))
    rows = engine.rows(sampled.filter(sampled.digest <= sampled.up_to).select("column", "digest", "platform", "truth"))
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for column, _, platform, truth in sorted(rows):
        pairs[column].append((platform, truth))
    found = {column: relations(of_column, zone) for column, of_column in pairs.items()}
    held = {
        column: [kept for one in several if (kept := _held(engine, cells, column, one, background)) is not None]
        for column, several in found.items()
    }
    return {column: several for column, several in held.items() if several}


def _held(
    engine: Engine, cells: ir.Table, column: str, relation: Relation, background: Background | None
) -> Relation | None:
    """The relation as far as it holds in the whole column; None where it does not."""
    if isinstance(relation, Moved) and background is not None:
        return borne_out_by_domains(relation, _domains(engine, relation, background, background.place(column)))
    if not isinstance(relation, Mapped):
        return relation
    if background is None:
        return relation if len(relation.values) > 1 else None
    return _borne_out(engine, cells, column, relation, background)


def _domains(engine: Engine, relation: Moved, background: Background, place: int) -> dict[Pair, int]:
    """How many of the rows that were drawn have each pair of domains with one of the relation's on its side."""
    both = {side: background.drawn[f"{side}{place}"].strip().lower().re_extract("@([^@]+)$", 1) for side in "pt"}
    rows = background.drawn.select(**both)
    ours, theirs = (sorted(set(domains)) for domains in zip(*relation.domains, strict=True))
    touched = rows.filter(rows.p.isin(ours) | rows.t.isin(theirs)).filter(rows.p != "", rows.t != "")
    return {(p, t): number for p, t, number in engine.rows(touched.group_by("p", "t").agg(n=touched.count()))}


def _borne_out(engine: Engine, cells: ir.Table, name: str, relation: Mapped, background: Background) -> Mapped | None:
    """The map as far as all rows that were drawn bear it out, with the values as both files spell them."""
    place = background.place(name)
    column, zone = background.contract.compared[place], background.contract.timezone.key
    mine = cells.filter(cells.column == name, cells.platform.concat(_BETWEEN, cells.truth).isin(
        [_BETWEEN.join(pair) for pair in relation.values]))  # fmt: skip
    fetched = background.fetched.select("key", p=f"p{place}", t=f"t{place}")
    of_map = mine.join(fetched, "key").select(
        "platform", "truth", "platform_canonical", "truth_canonical", p=fetched.p, t=fetched.t
    )
    forms: dict[Pair, Pair] = {}
    spelt: dict[Pair, Pair] = {}
    for platform, truth, p_own, t_own, p, t in sorted(engine.rows(of_map.distinct())):
        forms[platform, truth] = p_own, t_own
        spelt.setdefault((platform, truth), (p.strip(), t.strip()))
    if needs_functions(column.compare):
        engine.register(EQUALITY)
    drawn = background.drawn.select(
        p=rules.canonical(background.drawn[f"p{place}"], column, Side.PLATFORM, zone),
        t=rules.canonical(background.drawn[f"t{place}"], column, Side.TRUTH, zone),
    )
    rows = drawn.filter(drawn.p.notnull() & drawn.t.notnull())
    [(filled, distinct)] = engine.rows(rows.agg(filled=rows.count(), distinct=rows.p.nunique()))
    ours, theirs = (sorted({pair[place] for pair in forms.values()}) for place in (0, 1))
    touched = rows.filter(rows.p.isin(ours) | rows.t.isin(theirs))
    counted = {(p, t): number for p, t, number in engine.rows(touched.group_by("p", "t").agg(n=touched.count()))}
    found = borne_out(relation, forms, counted, filled, distinct)
    return found and replace(found, spelt=tuple(spelt[pair] for pair in found.values))


def marks(
    engine: Engine, cells: ir.Table, found: Mapping[str, Sequence[Relation]], columns: Sequence[Column], *, freely: bool
) -> ir.Table:
    """A row per cell for which what was found in its column holds: key, column, because (a reason), mark (a pattern).

    Of several the first that holds. Values are named in a pattern `freely`, or of a column that is public.
    """
    public = {column.name for column in columns if column.sensitivity is Sensitivity.PUBLIC}
    open_cells = cells.filter(cells.reason.isin([reason.value for reason in OPEN]))
    rows = [
        (column, place, _stored(one), one.reason.value, one.named() if freely or column in public else one.pattern)
        for column, several in found.items()
        for place, one in enumerate(several)
    ]
    schema = {"column": pl.String(), "place": pl.Int64(), "how": pl.String(), "because": pl.String(),
              "mark": pl.String()}  # fmt: skip
    asked = engine.put(pl.DataFrame(rows, schema=schema, orient="row"), "column_relations")
    joined = open_cells.join(asked, "column")
    holds = _related(joined.platform, joined.how.concat(_BETWEEN, joined.truth))
    kept = joined.filter(holds).select("key", "column", "place", "because", "mark")
    first = ibis.row_number().over(group_by=["key", "column"], order_by=["place"])
    return kept.mutate(first=first).filter(lambda row: row.first == 0).select("key", "column", "because", "mark")


# --- a relation as a text, and back ---


def _stored(one: Relation) -> str:
    match one:
        case Apart():
            known: list[Any] = [
                "apart",
                one.ours,
                one.theirs,
                one.seconds,
                one.months,
                one.zone,
                one.zoned,
                one.lost,
                one.lost_by,
            ]
        case Times():
            known = ["times", str(one.factor), str(one.more)]
        case Mapped():
            known = ["mapped", one.values]
        case LeftOut():
            known = ["left out", one.on_platform, one.page]
        case Moved():
            known = ["moved", one.domains]
        case Rounded():
            known = ["rounded", one.on_platform, one.places, one.cut]
        case Piece():
            known = ["piece", one.ours, one.theirs, one.in_front]
        case _:
            raise AssertionError(one)
    return json.dumps(known, ensure_ascii=False)


@lru_cache(1000)
def _read(text: str) -> Relation:
    kind, *known = json.loads(text)
    match kind:
        case "apart":
            return Apart(*known)
        case "times":
            return Times(*map(Decimal, known))
        case "left out":
            return LeftOut(*known)
        case "moved":
            return Moved(tuple((ours, theirs) for ours, theirs in known[0]))
        case "rounded":
            return Rounded(*known)
        case "mapped":
            return Mapped(tuple((ours, theirs) for ours, theirs in known[0]))
        case _:
            return Piece(*known)


@lru_cache(100_000)
def holds(platform: str | None, relation_and_truth: str | None) -> bool:
    """Whether a relation, as it is stored, holds between two texts; the truth's stands behind it."""
    if platform is None or relation_and_truth is None:
        return False
    relation, _, truth = relation_and_truth.partition(_BETWEEN)
    return _read(relation).fits(platform, truth)


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (("auditor_related", holds, 2, "boolean"),)
"""What `Engine.register` puts before these expressions: name, function, parameters, result."""
