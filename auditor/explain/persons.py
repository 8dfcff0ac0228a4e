"""Probably the same person: a profile that is missing under one key and only on the platform under another.

    candidates   pairs that share an e-mail address, a phone number, a birth date and a beginning of a name, or
                 both names and the postal code; a value that many rows share tells nothing and is left out
    levels       per pair and kind of evidence: same, similar, different, or not known on both sides
    score        0 to 1: every agreement takes its share of the doubt that is left, every contradiction takes confidence
    assignment   one to one, the best pairs first

No value ever leaves the tables: the evidence names kinds of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, Final

import ibis
import polars as pl

from auditor import audit
from auditor.contract import Column, Compare
from auditor.engine import Engine
from auditor.explain.folds import with_levels
from auditor.explain.spelling import register
from auditor.model import AttributeType
from auditor.primitives import bare_code, declared

if TYPE_CHECKING:
    import ibis.expr.types as ir

THRESHOLD: Final = 0.7
"""The least score that is reported."""
MOST_SHARING: Final = 50
"""A value that more rows of a side share brings no candidates: a switchboard, a placeholder, a default."""
SIMILAR: Final = 0.88
"""The least Jaro-Winkler similarity, over bytes, of two similar names."""


class Level(IntEnum):
    """What two rows say about one kind of evidence."""

    UNKNOWN = 0
    DIFFERENT = 1
    SIMILAR = 2
    SAME = 3


_BASE: Final = len(Level)
"""The levels of all kinds travel as the digits of one number in this base."""

_KINDS: Final[Mapping[str, tuple[str, dict[Level, float]]]] = {
    "bare_key": ("key but for case, blanks or leading zeros", {Level.SAME: 0.3}),
    "email": ("e-mail address", {Level.SAME: 0.15}),
    "phone": ("phone number", {Level.SAME: 0.45}),
    "birth_date": ("birth date", {Level.SAME: 0.48}),
    "last_name": ("last name", {Level.SAME: 0.7, Level.SIMILAR: 0.78}),
    "first_name": ("first name", {Level.SAME: 0.7, Level.SIMILAR: 0.78}),
    "postal_code": ("postal code", {Level.SAME: 0.8}),
    "street": ("street", {Level.SAME: 0.65}),
}
"""Kind of evidence → its name on screens, and what an agreement leaves of the doubt."""

_CONTRADICTIONS: Final[Mapping[str, float]] = {"birth_date": 0.6, "first_name": 0.7, "last_name": 0.85}
"""What a contradiction leaves of the score: people change names, hardly ever their birth date."""

_ATTRIBUTES: Final[Mapping[str, str]] = {
    "emailAddress": "email",
    "gsmNumber": "phone",
    "birthDate": "birth_date",
    "lastName": "last_name",
    "firstName": "first_name",
    "addressPostalCode": "postal_code",
    "addressStreet": "street",
}
"""Actito's predefined attributes."""

_NAMES: Final = ("last_name", "first_name", "street")
"""Compared by letters alone: no case, accents, blanks or punctuation."""

_BLOCKS: Final[Sequence[tuple[str, ...]]] = (
    ("bare_key",),
    ("email",),
    ("phone",),
    ("birth_date", "last_name_start"),
    ("birth_date", "first_name_start"),
    ("last_name", "first_name", "postal_code"),
)
"""Two rows that agree in all columns of a block are a candidate pair."""

_similarity: Callable[..., ir.FloatingValue] = declared("jaro_winkler_similarity", ("string", "string"), "float64")


def same_person(engine: Engine, *, missing: str, orphans: str, columns: Sequence[Column]) -> None:
    """Create the temporary table `same_person` (columns of `audit.SAME_PERSON`), the best pairs first.

    `missing` and `orphans` name tables with `key` and, per column of the contract, its canonical form under the
    column's name (null: empty). A missing row and an orphan occur in one pair at most.
    """
    register(engine.con)
    kinds = _kinds(columns, set(engine.table(missing).columns) & set(engine.table(orphans).columns))
    truth = engine.create("same_person_truth", _rows(engine.table(missing), kinds))
    platform = engine.create("same_person_platform", _rows(engine.table(orphans), kinds))
    candidates = engine.create("same_person_candidates", _candidates(platform, truth))
    pairs = engine.rows(_scored(candidates, platform, truth))
    rows = [(*pair[:3], _evidence(pair[3])) for pair in _one_to_one(pairs)]
    engine.put("same_person", pl.DataFrame(rows, schema=audit.SAME_PERSON, orient="row"))
    for name in ("same_person_truth", "same_person_platform", "same_person_candidates"):
        engine.con.execute(f"DROP TABLE {name}")


def _kinds(columns: Sequence[Column], known: set[str]) -> dict[str, str]:
    """Kind of evidence → the first column that holds it; kinds that no column holds are left out."""
    found: dict[str, str] = {}
    for column in columns:
        kind = _ATTRIBUTES.get(column.name)
        if kind is None and (column.type is AttributeType.EMAIL or column.compare is Compare.EMAIL):
            kind = "email"
        if kind is None and (column.type is AttributeType.PHONE or column.compare is Compare.PHONE):
            kind = "phone"
        if kind is not None and column.name in known and (kind not in found or column.name in _ATTRIBUTES):
            found[kind] = column.name
    return found


def _rows(table: ir.Table, kinds: Mapping[str, str]) -> ir.Table:
    """`key` and a column per kind of evidence, null where it is empty or not mapped."""
    texts = {kind: table[kinds[kind]].cast(str) if kind in kinds else ibis.null(str) for kind in _KINDS}
    rows = table.select("key", **texts)
    rows = with_levels(rows, **{kind: kind for kind in _NAMES if kind in kinds})
    forms = {kind: rows[f"{kind}_bare" if kind in _NAMES and kind in kinds else kind].nullif("") for kind in _KINDS}
    forms["bare_key"] = bare_code(rows.key)
    starts = {f"{kind}_start": forms[kind].substr(0, 1) for kind in ("last_name", "first_name")}
    return rows.select("key", **forms, **starts)


def _candidates(platform: ir.Table, truth: ir.Table) -> ir.Table:
    """Distinct pairs of `platform_key` and `truth_key` that agree in a block."""
    blocks = [_block(platform, truth, block) for block in _BLOCKS]
    return ibis.union(blocks[0], *blocks[1:], distinct=True)


def _block(platform: ir.Table, truth: ir.Table, block: Sequence[str]) -> ir.Table:
    left, right = _telling(platform, block), _telling(truth, block)
    joined = left.join(right, list(block))
    return joined.select(platform_key=left.key, truth_key=right.key)


def _telling(rows: ir.Table, block: Sequence[str]) -> ir.Table:
    filled = rows.filter(*(rows[name].notnull() for name in block))
    sharing = filled.group_by(*block).agg(n=filled.count())
    few = sharing.filter(sharing.n <= MOST_SHARING)
    return filled.semi_join(few, list(block)).select("key", *block)


def _scored(candidates: ir.Table, platform: ir.Table, truth: ir.Table) -> ir.Table:
    """The pairs above the threshold: `platform_key`, `truth_key`, `score`, and their levels as one number."""
    p, t = platform.view(), truth.view()
    joined = candidates.join(p, candidates.platform_key == p.key).join(t, candidates.truth_key == t.key)
    levels = {kind: _level(kind, p, t) for kind in _KINDS}
    pairs = joined.select("platform_key", "truth_key", **levels)
    doubt = reduce(lambda a, b: a * b, (_left_of_doubt(pairs[kind], left) for kind, (_, left) in _KINDS.items()))
    kept = reduce(
        lambda a, b: a * b,
        (ibis.ifelse(pairs[kind] == Level.DIFFERENT, left, 1.0) for kind, left in _CONTRADICTIONS.items()),
    )
    levels_in_one = reduce(lambda a, b: a + b, (pairs[kind] * _BASE**place for place, kind in enumerate(_KINDS)))
    pairs = pairs.select("platform_key", "truth_key", score=((1.0 - doubt) * kept).round(3), levels=levels_in_one)
    return pairs.filter(pairs.score >= THRESHOLD)


def _level(kind: str, p: ir.Table, t: ir.Table) -> ir.IntegerValue:
    ours, theirs = p[kind], t[kind]
    known = ours.notnull() & theirs.notnull()
    similar = _similarity(ours, theirs) >= SIMILAR if kind in _NAMES else ibis.literal(False)
    return ibis.cases(
        (~known, int(Level.UNKNOWN)),
        (ours == theirs, int(Level.SAME)),
        (ibis.literal(kind == "bare_key"), int(Level.UNKNOWN)),  # that their keys differ is why they are asked about
        (similar, int(Level.SIMILAR)),
        else_=int(Level.DIFFERENT),
    )


def _left_of_doubt(level: ir.IntegerValue, left: Mapping[Level, float]) -> ir.FloatingValue:
    return ibis.cases(*((level == int(reached), share) for reached, share in left.items()), else_=1.0)


def _one_to_one(pairs: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The best pairs first; a key that has its partner is in no further pair. Ties go by key."""
    platform_taken: set[str] = set()
    truth_taken: set[str] = set()
    chosen = []
    for pair in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        platform_key, truth_key = pair[0], pair[1]
        if platform_key not in platform_taken and truth_key not in truth_taken:
            platform_taken.add(platform_key)
            truth_taken.add(truth_key)
            chosen.append(pair)
    return chosen


@lru_cache(10_000)
def _evidence(levels: int) -> str:
    """`same e-mail address and birth date, first name similar, postal code different`."""
    reached_by = {kind: levels // _BASE**place % _BASE for place, kind in enumerate(_KINDS)}
    parts = []
    for level, form in ((Level.SAME, "same {}"), (Level.SIMILAR, "{} similar"), (Level.DIFFERENT, "{} different")):
        names = [_KINDS[kind][0] for kind, reached in reached_by.items() if reached == level]
        if names:
            parts.append(form.format(_listed(names)))
    return ", ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
