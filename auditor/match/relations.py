"""How the keys of two systems are related, where a strict rule matches few of them: the rule by which they would match.

    keys that one side alone has ─► rules that may tell ─► the one by which most match ─► would it make two keys one?

Nothing is matched by it: it is found, told and offered. It is looked for only where both sides have keys that the other
lacks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import hashed
from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS, needs_functions
from auditor.match import fallback
from auditor.match.contradicted import contradicted
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.contract import DIGITS, GUID, SALESFORCE, Column, Compare, Contract

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
_PREFIXES = 3
"""That are tried of each side, the most frequent first."""
_NEARLY_ALL, _SEVERAL = 0.9, 5
"""The share of the missing that a rule has to match that leaves out any sign in a place, and how many at least."""
_SHORTEST = 4
"""Letters and digits that have to be left."""
_OFTEN = 0.05
"""The share of keys that have what a rule is about; fewer are chance."""

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
        if loose and pairs < max(_SEVERAL, _NEARLY_ALL * min(missing, orphans)):
            continue
        # One that makes some keys one counts for nothing then, and of most of these a few keys show it.
        if (loose or told) and any(_collisions(engine, contract, matched, side, made, LOOKED_AT) for side in Side):
            continue
        collisions = {side: _collisions(engine, contract, matched, side, made) for side in Side}
        doubtful = _doubtful(engine, contract, matched, lonely, chosen)
        if loose and doubtful:
            continue
        whole = Relation(made, pairs, missing, collisions, doubtful)
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


def _doubtful(
    engine: Engine, contract: Contract, matched: Matched, lonely: Mapping[Side, ir.Table], chosen: Sequence[Rule]
) -> bool:
    """As `Relation.doubtful`, of some of the pairs that rules make."""
    ours, theirs = (_once(contract, parts, side, chosen) for side, parts in lonely.items())
    met = ours.join(theirs, "form", rname="{name}_there").order_by("form").limit(LOOKED_AT)
    place = ibis.row_number().over(order_by=met.form)
    pairs = engine.keep(met.select(place=place, ours=met.row, theirs=met.row_there), "pairs_by_rule")
    return contradicted(engine, contract, matched.raw, pairs)


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
    seen = {
        side: [text for (text,) in engine.rows(_some(parts, f"k{place}")) if text] for side, parts in lonely.items()
    }
    both = [text for texts in seen.values() for text in texts]
    mails = _share(both, "@")
    found: list[Rule] = [(Compare.TEXT, "")]
    found += [(Compare.EMAIL, "")] if mails > _OFTEN else []
    found.append((Compare.CODE, ""))
    found += [(Compare.NUMBER, "")] if _share(both, _AS_NUMBERS) > _OFTEN else []
    found.append((Compare.NAME, ""))
    if _share(both, r"^\s*[0-9A-Za-z]{18}\s*$") > 0:
        found.append((Compare.IDENTIFIER, SALESFORCE))
    if mails < 1 - _OFTEN:
        found.append((Compare.IDENTIFIER, ""))
    if _share(both, _GUIDS) > _OFTEN:
        found.append((Compare.IDENTIFIER, GUID))
    for side, texts in seen.items():
        found += [(Compare.IDENTIFIER, around) for around in _around(texts, seen[side.other])]
    lettered = [_share(texts, "[^0-9]*[A-Za-z]") for texts in seen.values()]
    if min(lettered) < _OFTEN < max(lettered):
        found.append((Compare.IDENTIFIER, DIGITS))
    for side, texts in seen.items():
        found += [(Compare.IDENTIFIER, part) for part in _without_any(texts, seen[side.other])]
    needed = [rule for rule in found if rule != _own(column)]
    if any(needs_functions(rule) for rule, _ in needed):
        engine.register(FUNCTIONS)
    return needed


def _some(parts: ir.Table, name: str) -> ir.Table:
    """Some cells of a column, wherever they stand: those beside one another may begin alike."""
    return parts.select(name).order_by(hashed(parts[name])).limit(LOOKED_AT)


def _share(texts: Sequence[str], pattern: str) -> float:
    return sum(1 for text in texts if re.search(pattern, text)) / max(len(texts), 1)


def _around(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """What stands before or behind many keys of a side, and of hardly one of the other, with a star for the key."""
    bare = [text.strip() for text in texts]
    before, behind = _pieces(bare, others)
    made = []
    for pieces, spelt, inside in ((before, "{}*", str.startswith), (behind, "*{}", str.endswith)):
        counted = Counter(one for several in pieces for one in several)
        often = [one for one, number in counted.items() if number > max(1, _OFTEN * len(bare))]
        often.sort(
            key=lambda one: (-counted[one], len(one), one)
        )  # of equals the shortest: zeros behind it do not count
        alone = [one for one in often if sum(inside(text.strip(), one) for text in others) <= _OFTEN * len(others)]
        made += [spelt.format(one) for one in alone if one and "*" not in one and "?" not in one][:_PREFIXES]
    return made


def _without_any(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """What stands around many keys of a side in one shape, `-?` for a hyphen and any check digit; and as many signs as
    the keys of the other side have, where these have fewer.
    """
    bare = [text.strip() for text in texts]
    made = []
    for pieces, spelt in zip(_pieces(bare, others), ("{}*", "*{}"), strict=True):
        shaped = [{re.sub(r"[^\W_]", "?", one) for one in several if "*" not in one} for several in pieces]
        for shape, number in Counter(one for several in shaped for one in several).most_common(_PREFIXES):
            # Letters and digits alone would be any key's, of the other side too.
            part = re.compile(re.escape(spelt.format(shape)).replace(r"\?", r"[^\W_]").replace(r"\*", ".+"))
            alone = sum(part.fullmatch(text.strip()) is not None for text in others) <= _OFTEN * len(others)
            if "?" in shape and shape.strip("?") and alone and number > max(1, _OFTEN * len(bare)):
                made.append(spelt.format(shape))
    size, short = (_usual_length([_signs(text) for text in several]) for several in (bare, others))
    as_long = sum(len(_signs(text)) == short for text in others)
    if size > short >= _SHORTEST and as_long >= _NEARLY_ALL * len(others):
        made.append(str(short))
    return made


def _pieces(bare: Sequence[str], others: Sequence[str]) -> tuple[list[set[str]], list[set[str]]]:
    """What may stand before each key, and behind it."""
    plain = [text.strip() for text in others]
    longer = _usual_length(bare) - _usual_length(plain)
    more = _usual_length([_signs(text) for text in bare]) - _usual_length([_signs(text) for text in plain])
    before = [_before(text, longer) | _head(text, more) for text in bare]
    return before, [_behind(text, longer) for text in bare]


def _signs(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


def _head(text: str, signs: int) -> set[str]:
    """The beginning that has so many letters and digits, `0x` before a GUID with or without hyphens."""
    found = re.match(rf"(?:[\W_]*[^\W_]){{{signs}}}[\W_]*(?=.)", text) if 0 < signs <= _SHORTEST else None
    return {found[0].strip()} if found else set()


def _usual_length(texts: Sequence[str]) -> int:
    return Counter(map(len, texts)).most_common(1)[0][0] if texts else 0


def _before(text: str, longer: int) -> set[str]:
    """The letters and signs before a number, all to the last sign that parts anything, and as many characters as keys
    are longer than those of the other side.
    """
    found = re.match(r"\D+(?=\d)", text), re.match(r".*[-_:/#. ](?=.)", text)
    first = {text[:longer]} if 0 < longer < len(text) else set()
    return {one[0].strip() for one in found if one and "@" not in one[0]} | first


def _behind(text: str, longer: int) -> set[str]:
    found = re.search(r"(?<=\d)\D+$", text), re.search(r"(?<=[^-_:/#@. ])[-_:/#@. ][^-_:/#@. ]*$", text)
    last = {text[-longer:]} if 0 < longer < len(text) else set()
    return {one[0].strip() for one in found if one} | last
