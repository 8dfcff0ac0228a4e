"""Rules that would make differences equal, each tried on all differing cells of its column before it is proposed.

candidates     by the reasons and patterns of the column's causes, the least forgiving rule first
tried          both sides brought into canonical form by each, where the column differs and where it agrees by rule
proposed       the one that makes most of them equal, where nothing else does as well, and hardly anything breaks
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import ibis

from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS, needs_functions
from auditor.equality.yes_no import NO, YES
from auditor.explain.as_numbers import thousands_are_certain, units
from auditor.explain.background import Background
from auditor.explain.causes import Example, Group
from auditor.explain.telephones import countries
from auditor.explain.value_maps import BORNE_OUT, MAPS, SEVERAL_ON_PLATFORM
from auditor.findings.reason import Reason
from auditor.findings.suggestion import Suggestion
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Sensitivity
from auditor.settings.date_formats import COUNTED

if TYPE_CHECKING:
    import ibis.expr.types as ir

FEWEST: Final = 3
"""Differences that a rule must make equal, of two pairs of values at least."""
LEAST: Final = 0.1
"""The share of the column's differences that it must make equal."""
_BREAKS: Final = 0.01
"""The cells that may differ then and do not now, for each that it makes equal; `_BREAKS_OF_A_MAP`: that may say
otherwise than the map. Some of its values differ in earnest: for those one audits.
"""
_BREAKS_OF_A_MAP: Final = (1 - BORNE_OUT) / BORNE_OUT
MOST_COLUMNS: Final = 25
"""Columns that are looked at, those with most to win first."""
_WITH_COMMA: Final = "number:,"
_CODE: Final = 5
"""Characters of a code at most."""
_LEFT: Final = 3
"""Differences that are shown of those that a rule leaves."""

_TWINS: Final = {"%d/%m": "%m/%d", "%d.%m": "%m.%d", "%d-%m": "%m-%d", "%m/%d": "%d/%m", "%m.%d": "%d.%m",
                 "%m-%d": "%d-%m"}  # fmt: skip
_PLAIN: Final = {
    Reason.UNICODE_FORM: (Compare.TEXT, Compare.NAME),
    Reason.WHITESPACE: (Compare.TEXT, Compare.NAME),
    Reason.CASE: (Compare.CODE, Compare.EMAIL, Compare.NAME),
    Reason.ACCENTS: (Compare.NAME,),
    Reason.NUMBER_FORMAT: (Compare.NUMBER,),
}
"""What makes differences of a reason equal, whatever their pattern."""


_COUNTED: Final = {one.said: name for name, one in COUNTED.items()}


@dataclass(frozen=True, slots=True)
class _Candidate:
    column: Column
    rule: str
    values: Mapping[str, str]
    twin: bool = False
    """It only shows whether day and month might be meant the other way round."""


def suggestions(
    engine: Engine,
    cells: ir.Table,
    found: Sequence[Group],
    shown: Mapping[tuple[str, str, str], Sequence[Example]],
    background: Background,
    *,
    freely: bool,
) -> tuple[Suggestion, ...]:
    """One rule at most for a column, the one that makes most differences equal first.

    `cells` are the differing ones, with patterns; `found` their groups. Permissions are left alone.
    """
    columns = {column.name: column for column in background.contract.compared if column.permission is None}
    by_column: dict[str, list[Group]] = defaultdict(list)
    for group in found:
        if group.column in columns:
            by_column[group.column].append(group)
    asked: dict[str, list[_Candidate]] = {}
    for name, groups in by_column.items():
        candidates = list(_candidates(columns[name], groups, shown, by_itself=freely))
        candidates += _maps(engine, cells, columns[name], groups, background)
        if candidates:
            asked[name] = candidates
    largest = sorted(asked, key=lambda name: -sum(group.profiles for group in by_column[name]))[:MOST_COLUMNS]
    if any(needs_functions(one.column.compare) for name in largest for one in asked[name]):
        engine.register(FUNCTIONS)
    tried = (_best(engine, cells, asked[name], background, freely=freely) for name in largest)
    proposed = [one for one in tried if one is not None]
    return tuple(sorted(proposed, key=lambda one: (-one.equal, one.column)))


def _candidates(
    column: Column,
    groups: Sequence[Group],
    shown: Mapping[tuple[str, str, str], Sequence[Example]],
    *,
    by_itself: bool,
) -> Iterator[_Candidate]:
    """`by_itself`: no contract has decided whether case, blanks and accents count."""
    differing = sum(group.profiles for group in groups)
    for group in groups:
        if group.profiles < FEWEST or group.profiles < LEAST / 2 * differing:
            continue
        reason = Reason(group.reason)
        texts = [text for one in shown.get(group.place, ()) for text in (one.platform, one.truth) if text]
        for rule in _PLAIN.get(reason, ()) if by_itself or reason is Reason.NUMBER_FORMAT else ():
            if _suits(rule, texts):
                yield _Candidate(replace(column, compare=rule, argument="", format=None), rule.value, {})
        if reason is Reason.NUMBER_FORMAT:
            number = replace(column, compare=Compare.NUMBER, argument="", format=None, decimal=",")
            yield _Candidate(number, _WITH_COMMA, {})
            for unit in units(texts):
                yield _Candidate(replace(number, argument=unit, decimal="."), f"number:{unit}", {})
                yield _Candidate(replace(number, argument=unit), f"{_WITH_COMMA}{unit}", {})
        if reason in (Reason.NOTATION, Reason.PUNCTUATION):
            yield from _notations(column, group.pattern, texts)


def _suits(rule: Compare, texts: Sequence[str]) -> bool:
    """Whether a rule that ignores case is one for such texts."""
    address = any("@" in text for text in texts)
    return {
        Compare.EMAIL: address,
        Compare.CODE: not address and all(len(text) <= _CODE and _of_one_case(text) for text in texts),
        Compare.NAME: not address,
    }.get(rule, True)


def _of_one_case(text: str) -> bool:
    return text in (text.upper(), text.lower())


def _maps(
    engine: Engine, cells: ir.Table, column: Column, groups: Sequence[Group], background: Background
) -> Iterator[_Candidate]:
    """The map that the column's pairs of codes and words are."""
    for group in groups:
        kind = next((kind for kind in MAPS if group.pattern.startswith(kind)), None)
        if group.reason != Reason.RELATION or kind is None:
            continue
        # As both files spell them: what is compared or sent may be spelt otherwise.
        place = background.place(column.name)
        fetched = background.fetched.select("key", p=f"p{place}", t=f"t{place}")
        of_them = cells.filter(
            cells.column == group.column, cells.reason == group.reason, cells.pattern == group.pattern
        ).join(fetched, "key")
        pairs = sorted({(p.strip(), t.strip()) for p, t in engine.rows(of_them.select("p", "t").distinct())})
        values = {theirs: ours for ours, theirs in pairs}
        spoken = all(word.lower() in (*YES, *NO) for word in values)
        if column.spelt_alike and (spoken or kind == SEVERAL_ON_PLATFORM):
            values = dict(pairs)
        mapped = replace(column, values=dict(column.values) | values)
        for compare in (column.compare, Compare.BOOLEAN):
            rule = "" if compare is column.compare else compare.value
            yield _Candidate(replace(mapped, compare=compare), rule, values)


def _notations(column: Column, pattern: str, texts: Sequence[str]) -> Iterator[_Candidate]:
    bare = replace(column, argument="", format=None)
    signs = "".join(sign for sign in ";|," if any(sign in text for text in texts))
    if pattern == "yes or no":
        yield _Candidate(replace(bare, compare=Compare.BOOLEAN), "boolean", {})
    elif pattern == "the same members in another order" or (pattern == "other punctuation" and len(signs) > 1):
        yield _Candidate(replace(bare, compare=Compare.SET), "set", {})
        for between in dict.fromkeys((*signs.replace(",", ""), signs.replace(",", "") + ",")):
            yield _Candidate(replace(bare, compare=Compare.SET, argument=between), f"set:{between}", {})
    else:
        without = pattern.startswith("a number without its country")
        for country in countries(texts, spelt_out=not without):
            yield _Candidate(replace(bare, compare=Compare.PHONE, argument=country), f"phone:{country}", {})
    ours, arrow, theirs = pattern.partition(" → ")
    if not arrow:
        return
    timed = "%H" in pattern or "%I" in pattern
    for rule in (Compare.TIMESTAMP,) if timed else (Compare.DATE,):
        yield _Candidate(replace(bare, compare=rule), rule.value, {})
        for spelt in (ours, theirs):
            if counted := _COUNTED.get(spelt):
                yield _Candidate(replace(bare, compare=rule, format=counted), f"{rule.value}:{counted}", {})
            if "%Y" not in spelt or "(local)" in spelt or spelt.startswith("%Y-%m-%d"):
                continue
            yield _Candidate(replace(bare, compare=rule, format=spelt), f"{rule.value}:{spelt}", {})
            for part, other in _TWINS.items():
                if part in spelt:
                    turned = spelt.replace(part, other)
                    yield _Candidate(replace(bare, compare=rule, format=turned), f"{rule.value}:{turned}", {}, True)


def _best(
    engine: Engine, cells: ir.Table, candidates: Sequence[_Candidate], background: Background, *, freely: bool
) -> Suggestion | None:
    """The candidate that makes most of a column's differences equal; None: none does, or two do by chance."""
    name = candidates[0].column.name
    place = background.place(name)
    zone = background.contract.timezone.key
    mine = cells.filter(cells.column == name).select("key", mark=ibis.literal(True))
    fetched = background.fetched.select("key", p=background.fetched[f"p{place}"], t=background.fetched[f"t{place}"])
    unlike = fetched.filter(~fetched.p.identical_to(fetched.t))
    joined = unlike.left_join(mine, "key").select("key", "p", "t", differs=lambda one: one.mark.fill_null(False))
    both = engine.keep(joined, "suggested_cells")
    if any(one.rule.startswith(_WITH_COMMA) for one in candidates):
        drawn = background.drawn.select(p=background.drawn[f"p{place}"], t=background.drawn[f"t{place}"])
        if not thousands_are_certain(engine, both.filter(both.differs), drawn):
            candidates = [one for one in candidates if not one.rule.startswith(_WITH_COMMA)]
    found = _proposed(engine, both, candidates, zone, freely=freely)
    engine.drop(both)
    return found


def _proposed(
    engine: Engine, both: ir.Table, candidates: Sequence[_Candidate], zone: str, *, freely: bool
) -> Suggestion | None:
    """`both` has the texts of the column's cells that are not spelt alike: key, p, t, and whether it `differs`."""
    # A column for each candidate: SQL would spell out its forms at each place where they are used.
    rows = both.mutate(**{f"equal{number}": _equal(both, one.column, zone) for number, one in enumerate(candidates)})
    agrees = ~rows.differs & (rows.p != "").fill_null(False) & (rows.t != "").fill_null(False)
    sums: dict[str, ir.Value] = {"differing": rows.count(where=rows.differs)}
    for number, one in enumerate(candidates):
        equal = rows[f"equal{number}"]
        sums |= {
            f"e{number}": rows.count(where=rows.differs & equal),
            f"d{number}": rows.p.concat("\x1f", rows.t).nunique(where=rows.differs & equal),
            f"b{number}": rows.count(where=agrees & ~equal),
        }
        if one.values:
            of_the_map = ibis.or_(*(text.isin([*one.values, *one.values.values()]) for text in (rows.p, rows.t)))
            sums[f"b{number}"] = rows.count(where=of_the_map & ~equal)
    [row] = engine.rows(rows.agg(**sums))
    counted = dict(zip(sums, row, strict=True))
    differing = counted["differing"]
    best: tuple[int, int] | None = None
    for number, one in enumerate(candidates):
        made, breaks = counted[f"e{number}"], counted[f"b{number}"]
        # A cause has said of a map that all rows bear it out, though there may be one pair of values.
        enough = made >= FEWEST and (one.values or counted[f"d{number}"] > 1) and made >= LEAST * differing
        few = breaks <= (_BREAKS_OF_A_MAP if one.values else _BREAKS) * made
        if enough and few and not one.twin and (best is None or made > best[0]):
            best = made, number
    if best is None:
        return None
    equal_now, number = best
    twins = [counted[f"e{other}"] for other, one in enumerate(candidates) if one.twin]
    if candidates[number].column.format is not None and any(2 * twin > equal_now for twin in twins):
        return None
    chosen = candidates[number]
    named = freely or chosen.column.sensitivity is Sensitivity.PUBLIC
    left = rows.filter(rows.differs & ~rows[f"equal{number}"]).order_by("key").limit(_LEFT)
    shown = tuple(engine.rows(left.select("key", "p", "t"))) if freely and differing > equal_now else ()
    return Suggestion(
        column=chosen.column.name,
        rule=chosen.rule,
        equal=equal_now,
        leaves=differing - equal_now,
        against=counted[f"b{number}"],
        values=chosen.values if named else {},
        mapped=len(chosen.values),
        left=shown,
        in_contract=_in_contract(engine, rows, chosen.column, equal_now, zone),
    )


def _in_contract(engine: Engine, rows: ir.Table, column: Column, equal: int, zone: str) -> bool:
    """Whether a contract would make as many equal: it takes the platform's values to be spelt as Actito spells them."""
    there = _equal(rows, replace(column, spelt_alike=False), zone)
    # Most rules read both sides alike, and then there is nothing to count.
    if there.equals(_equal(rows, column, zone)):
        return True
    [(number,)] = engine.rows(rows.agg(n=rows.count(where=rows.differs & there)))
    return bool(number >= equal)


def _equal(rows: ir.Table, column: Column, zone: str) -> ir.BooleanValue:
    forms = [
        rules.canonical(text, column, side, zone) for text, side in ((rows.p, Side.PLATFORM), (rows.t, Side.TRUTH))
    ]
    return rules.equal(forms[0], forms[1], column)
