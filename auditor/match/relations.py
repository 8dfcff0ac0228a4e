"""How the keys of two systems are related, where a strict rule matches few of them: the rule by which they would match.

    keys that one side alone has ─► rules that may tell ─► the one by which most match ─► would it make two keys one?

Nothing is matched by it: it is found, told and offered. It is looked for only where both sides have keys that the other
lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import hashed
from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS, needs_functions
from auditor.match import fallback
from auditor.match.contradicted import borne_out
from auditor.match.join import Matched
from auditor.match.key_shapes import (
    NEARLY_ALL,
    OFTEN,
    countries_of,
    pieces_around,
    prefix_of,
    shapes_around,
    share,
    share_with_letters,
)
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.contract import DIGITS, GUID, MAILBOX, SALESFORCE, Column, Compare, Contract

FEWEST, LEAST_SHARE = 2, 0.05
"""Fewer keys, or a smaller share of those that the side has alone that has fewer of them, are no system."""
TRIED = 50_000
"""About so many keys of each side are tried by each rule; only the best rules are tried by all of them."""
LOOKED_AT = 1_000
"""Keys of each side by which it is seen which rules may tell anything."""
_CHANCE = 0.1
"""By so much may be wrong what is guessed of some of the keys."""
_WEIGHED = 4
"""Relations of which it is seen whether they make two keys one; to see it, all keys are read."""
_SEVERAL = 5
"""The missing that a rule has to match at least that leaves out any sign in a place, and nearly all of them."""

_PARTING = "/-._"
"""Signs between numbers that are a key together, in whatever order."""

_GUIDS = r"(?i)^\s*[{(]?(?:0?x'?)?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
_AS_NUMBERS = r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*$"

Rule = tuple[Compare, str]


@dataclass(frozen=True, slots=True)
class Relation:
    """Rules by which keys would match that do not."""

    rules: Mapping[str, Rule]
    """Of the columns of the key that would be compared otherwise."""
    keys: int
    """How many of the missing would match one that the platform alone has, and no other."""
    of: int
    """How many are missing."""
    collisions: Mapping[Side, int]
    """Keys that would be one with another of their own side."""
    doubtful: bool
    """Whether the pairs that it makes agree in other columns no more often than any two profiles do."""


def relation(engine: Engine, contract: Contract, matched: Matched, missing: int, orphans: int) -> Relation | None:
    """The relation by which most keys match of those that one side alone has, `missing` and `orphans` of them; None:
    none is to be seen.

    One that makes no two keys of a side the same goes before all others.
    """
    if min(missing, orphans) < FEWEST:
        return None
    lonely = {side: _parts(engine, contract, matched, side, alone=True) for side in Side}
    tried = {
        side: _thinned(engine, lonely[side], number) for side, number in zip(Side, (orphans, missing), strict=True)
    }
    each = _thin(orphans) * _thin(missing)
    choices = [_choices(engine, tried, column, place) for place, column in enumerate(contract.keys)]
    fewest = max(FEWEST, LEAST_SHARE * min(missing, orphans))
    guessed = {
        chosen: _pairs(engine, contract, tried, chosen) * each for chosen in _combined(engine, contract, tried, choices)
    }
    told = None
    for chosen in _likely(guessed, fewest, chance=1 if each == 1 else 1 + _CHANCE)[:_WEIGHED]:
        pairs = guessed[chosen] if each == 1 else _pairs(engine, contract, lonely, chosen)
        if pairs < fewest:
            continue
        own = zip(contract.keys, chosen, strict=True)
        made = {column.name: rule for column, rule in own if rule != _own(column)}
        loose = any(map(_leaves_out_any, made.values()))
        if loose and pairs < max(_SEVERAL, NEARLY_ALL * min(missing, orphans)):
            continue
        # One that makes some keys one counts for nothing then, and of most of these a few keys show it.
        if (loose or told) and any(_collisions(engine, contract, matched, side, made, LOOKED_AT) for side in Side):
            continue
        collisions = {side: _collisions(engine, contract, matched, side, made) for side in Side}
        proven = _proven(engine, contract, matched, lonely, chosen)
        # Two numberings with a prefix each may well be of two kinds of things: something else has to show that they are
        # not.
        if (loose and proven is False) or (not proven and _of_two_prefixes(engine, tried, contract, made)):
            continue
        whole = Relation(made, pairs, missing, collisions, doubtful=proven is False)
        if not any(collisions.values()):
            return whole
        told = told or (None if loose else whole)
    return told


def _likely(guessed: Mapping[tuple[Rule, ...], int], fewest: float, chance: float) -> list[tuple[Rule, ...]]:
    """The rules by which most may match, the most first; a less strict one only where it is better than by chance."""
    left = {chosen: pairs for chosen, pairs in guessed.items() if pairs * chance >= fewest}
    ordered = []
    while left:
        best = next(iter(left))
        for chosen, pairs in left.items():
            best = chosen if pairs > left[best] * chance else best
        ordered.append(best)
        del left[best]
    return ordered


def _thin(number: int) -> int:
    """Of how many keys one is tried."""
    return max(1, number // TRIED)


def _thinned(engine: Engine, parts: ir.Table, number: int) -> ir.Table:
    """Some keys of a side, wherever they stand: of those that are related to one of the other side as many as chance
    has it.
    """
    thin = _thin(number)
    return parts if thin == 1 else engine.keep(parts.filter(hashed(parts.k0) % thin == 0), "key_parts_tried")


def _own(column: Column) -> Rule:
    return column.compare, column.argument


def _leaves_out_any(rule: Rule) -> bool:
    """Whether signs are left out whatever they are: by chance that makes some keys the same of any two numberings."""
    return rule[0] is Compare.IDENTIFIER and ("?" in rule[1] or rule[1].isdigit())


def _ruled(column: Column, rule: Rule) -> Column:
    return replace(column, compare=rule[0], argument=rule[1])


def _parts(engine: Engine, contract: Contract, matched: Matched, side: Side, *, alone: bool) -> ir.Table:
    """The parts of keys as the side spells them: `key`, `row`, and `k0` … in the order of the key's columns."""
    lonely, has = matched.alone(side), _with_key(matched.keys[side])
    if len(contract.key) == 1 and not contract.fallbacks:
        # Without fallback keys `matched` holds all that is asked for of these, and no file need be read again.
        text, row = f"{side.value}_text", f"{side.value}_row"
        rows = lonely.select("key", k0=text, row=row) if alone else has.select("key", "row", k0="text")
        return engine.keep(rows, "key_parts")
    if alone:
        has = has.semi_join(lonely, [("row", f"{side.value}_row")])
    wanted = engine.keep(has.select("key", "row"), "key_rows")
    names = [source_name(column, side) for column in contract.keys]
    return engine.beside(wanted, "row", matched.raw[side], names, "k", "key_parts")


def _with_key(keys: ir.Table) -> ir.Table:
    return keys.filter(keys.included & keys[fallback.OWN if fallback.names(keys) else "key"].notnull())


def _forms(parts: ir.Table, contract: Contract, side: Side, chosen: Sequence[Rule]) -> ir.StringValue:
    zone = contract.timezone.key
    return rules.key_form(
        [
            rules.canonical(parts[f"k{place}"], _ruled(column, rule), side, zone)
            for place, (column, rule) in enumerate(zip(contract.keys, chosen, strict=True))
        ]
    )


def _pairs(engine: Engine, contract: Contract, lonely: Mapping[Side, ir.Table], chosen: Sequence[Rule]) -> int:
    """How many keys would match one of the other side, and no other."""
    ours, theirs = (_once(contract, parts, side, chosen) for side, parts in lonely.items())
    [(number,)] = engine.rows(ours.semi_join(theirs, "form").count().name("n").as_table())
    return int(number)


def _once(contract: Contract, parts: ir.Table, side: Side, chosen: Sequence[Rule]) -> ir.Table:
    """The forms that one key of a side alone has, each with its `row`."""
    forms = parts.select("row", form=_forms(parts, contract, side, chosen))
    counted = forms.filter(forms.form.notnull()).group_by("form").agg(n=ibis._.count(), row=ibis._.row.min())
    return counted.filter(counted.n == 1)


def _collisions(
    engine: Engine, contract: Contract, matched: Matched, side: Side, made: Mapping[str, Rule], most: int | None = None
) -> int:
    """How many keys of a side would be one with another; of so many at `most`, whichever they are."""
    parts = _parts(engine, contract, matched, side, alone=False)
    some = parts if most is None else parts.limit(most)
    chosen = [made.get(column.name, _own(column)) for column in contract.keys]
    forms = some.select("key", form=_forms(some, contract, side, chosen)).filter(ibis._.form.notnull())
    counted = forms.group_by("form").agg(n=forms["key"].nunique())
    [(number,)] = engine.rows(counted.filter(counted.n > 1).agg(n=ibis._.n.sum().fill_null(0)))
    engine.drop(parts)
    return int(number)


def _proven(
    engine: Engine, contract: Contract, matched: Matched, lonely: Mapping[Side, ir.Table], chosen: Sequence[Rule]
) -> bool | None:
    """Whether other columns bear out the pairs that rules make, of some of them; None: no column tells."""
    ours, theirs = (_once(contract, parts, side, chosen) for side, parts in lonely.items())
    met = ours.join(theirs, "form", rname="{name}_there").order_by("form").limit(LOOKED_AT)
    place = ibis.row_number().over(order_by=met.form)
    pairs = engine.keep(met.select(place=place, ours=met.row, theirs=met.row_there), "pairs_by_rule")
    return borne_out(engine, contract, matched.raw, pairs)


def _of_two_prefixes(
    engine: Engine, tried: Mapping[Side, ir.Table], contract: Contract, made: Mapping[str, Rule]
) -> bool:
    """Whether a rule leaves out what stands before a number on both sides."""
    places = [
        place for place, column in enumerate(contract.keys) if made.get(column.name) == (Compare.IDENTIFIER, DIGITS)
    ]
    return any(min(map(share_with_letters, _seen(engine, tried, place).values())) >= OFTEN for place in places)


# --- which rules may tell ---


def _combined(
    engine: Engine, contract: Contract, lonely: Mapping[Side, ir.Table], choices: Sequence[Sequence[Rule]]
) -> Iterator[tuple[Rule, ...]]:
    """Rules for all columns of the key, to be tried: each of the only column's; of several the ones that are best."""
    if len(choices) == 1:
        yield from ((rule,) for rule in choices[0])
        return
    best = []
    for place, (column, own) in enumerate(zip(contract.keys, choices, strict=True)):
        shared = {rule: _shared(engine, contract, lonely, column, place, rule) for rule in (_own(column), *own)}
        best.append(max(shared, key=lambda rule: shared[rule]))  # of equals the first: the strictest
    yield tuple(best)


def _shared(
    engine: Engine, contract: Contract, lonely: Mapping[Side, ir.Table], column: Column, place: int, rule: Rule
) -> int:
    """How many values of one column of the key both sides have."""
    values = [
        parts.select(
            form=rules.canonical(parts[f"k{place}"], _ruled(column, rule), side, contract.timezone.key)
        ).distinct()
        for side, parts in lonely.items()
    ]
    [(number,)] = engine.rows(values[0].semi_join(values[1], "form").count().name("n").as_table())
    return int(number)


def _choices(engine: Engine, lonely: Mapping[Side, ir.Table], column: Column, place: int) -> list[Rule]:
    """The rules that could bring the two spellings of a column together, the strictest first."""
    seen = _seen(engine, lonely, place)
    both = [text for texts in seen.values() for text in texts]
    mails = share(both, "@")
    found: list[Rule] = [(Compare.TEXT, "")]
    found += [(Compare.EMAIL, ""), (Compare.IDENTIFIER, MAILBOX)] if mails > OFTEN else []
    found += [(Compare.PHONE, country) for country in countries_of(both)]
    found.append((Compare.CODE, ""))
    found += [(Compare.NUMBER, "")] if share(both, _AS_NUMBERS) > OFTEN else []
    found.append((Compare.NAME, ""))
    if share(both, r"^\s*[0-9A-Za-z]{18}\s*$") > 0:
        found.append((Compare.IDENTIFIER, SALESFORCE))
    if mails < 1 - OFTEN:
        found.append((Compare.IDENTIFIER, ""))
    if share(both, _GUIDS) > OFTEN:
        found.append((Compare.IDENTIFIER, GUID))
    for side, texts in seen.items():
        found += [(Compare.IDENTIFIER, around) for around in pieces_around(texts, seen[side.other])]
    lettered = [share_with_letters(texts) for texts in seen.values()]
    prefixes = [prefix_of(texts) for texts in seen.values()]
    if min(lettered) < OFTEN < max(lettered) or (all(prefixes) and prefixes[0] != prefixes[1]):
        found.append((Compare.IDENTIFIER, DIGITS))
    for sign in _PARTING:
        if all(share(texts, rf"^\s*\d+(?:{re.escape(sign)}\d+)+\s*$") > NEARLY_ALL for texts in seen.values()):
            found.append((Compare.SET, sign))
    for side, texts in seen.items():
        found += [(Compare.IDENTIFIER, part) for part in shapes_around(texts, seen[side.other])]
    needed = [rule for rule in found if rule != _own(column)]
    if any(needs_functions(rule) for rule, _ in needed):
        engine.register(FUNCTIONS)
    return needed


def _seen(engine: Engine, lonely: Mapping[Side, ir.Table], place: int) -> dict[Side, list[str]]:
    return {
        side: [text for (text,) in engine.rows(_some(parts, f"k{place}")) if text] for side, parts in lonely.items()
    }


def _some(parts: ir.Table, name: str) -> ir.Table:
    """Some cells of a column, wherever they stand: those beside one another may begin alike."""
    return parts.select(name).order_by(hashed(parts[name])).limit(LOOKED_AT)
