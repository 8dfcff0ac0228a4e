"""What the profiles of a cause have in common that the other compared profiles do not.

    sample     a few hundred profiles of each large cause: which answer to each question do most of them share?
    screen     which of these answers seem rare enough among the compared profiles to say something?
    count      exactly, for the best two or three traits of each cause and every two at once

"The others" are the compared profiles whose column is filled on the platform and which do not have the cause. Samples
are drawn by a digest of the key, so the same inputs give the same answer in whatever order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from operator import and_
from typing import TYPE_CHECKING, Final

import ibis
import polars as pl

from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.engine.protocol import count as number_of
from auditor.equality import rules
from auditor.explain.background import Background
from auditor.explain.causes import PLACE, Group
from auditor.explain.in_columns import digest, up_to
from auditor.explain.traits import OfItself, Origin, Other, Own, Trait, Window, aspects, sources
from auditor.explain.weight import FEWEST, MOST_ELSEWHERE, Tally, telling
from auditor.match.join import compared
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.contract import Column

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_CAUSES: Final = 40
"""Only the largest causes are looked at."""
SAMPLED_OF_A_CAUSE: Final = 200
SAMPLED_ELSEWHERE: Final = 2_000
FINALISTS: Final = 3
"""Traits of a cause that are counted exactly."""


@dataclass(frozen=True, slots=True)
class Common:
    """What most profiles of a cause have in common: one trait, or two at once."""

    traits: tuple[Trait, ...]
    tally: Tally


@dataclass(frozen=True, slots=True)
class _Cause:
    number: int
    group: Group
    column: Column
    position: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    cause: _Cause
    traits: tuple[Trait, ...]
    tally: Tally


def commonalities(
    engine: Engine, cells: ir.Table, found: Sequence[Group], background: Background
) -> dict[Group, Common]:
    """The groups that have something in common, and what.

    `cells` are the patterned cells of which `found` are the groups, the largest first.
    """
    contract = background.contract
    positions = {column.name: position for position, column in enumerate(contract.compared)}
    causes = [
        _Cause(number, group, contract.compared[positions[group.column]], positions[group.column])
        for number, group in enumerate(group for group in found[:MOST_CAUSES] if group.profiles >= FEWEST)
    ]
    if not causes:
        return {}
    look = _Look(engine, cells, background, causes)
    shared = list(look.unusual(list(look.shared())))
    finalists = _best(one for one in look.screened(shared) if telling(one.tally, look.tests))
    counted = look.counted(finalists)
    chosen = {number: _chosen(candidates, look.tests) for number, candidates in counted.items()}
    return {causes[number].group: common for number, common in chosen.items() if common is not None}


def _best(candidates: Iterable[_Candidate]) -> dict[int, list[_Candidate]]:
    """Per cause the traits of most weight, one of each family; nothing beside one that tells it from all others."""
    families: dict[tuple[object, ...], _Candidate] = {}
    for candidate in candidates:
        place = (candidate.cause.number, *candidate.traits[0].aspect.family)
        if place not in families or candidate.tally.weight > families[place].tally.weight:
            families[place] = candidate
    by_cause: dict[int, list[_Candidate]] = {}
    for candidate in sorted(families.values(), key=lambda one: -one.tally.weight):
        best = by_cause.setdefault(candidate.cause.number, [])
        if len(best) < FINALISTS and not (best and best[0].tally.perfect):
            best.append(candidate)
    return by_cause


def _chosen(candidates: Sequence[_Candidate], tests: int) -> Common | None:
    """The trait of most weight; and a second one if most have both, and it says something beyond the first."""
    alone = [one for one in candidates if len(one.traits) == 1 and telling(one.tally, tests)]
    if not alone:
        return None
    first = max(alone, key=lambda one: one.tally.weight)
    best, weight = first, 0.0
    for one in candidates:
        if len(one.traits) == 1 or first.traits[0] not in one.traits or one.tally.share <= 1 / 2:
            continue
        beyond = Tally(one.tally.inside, first.tally.inside, one.tally.outside, first.tally.outside)
        if telling(beyond, tests) and beyond.weight > weight:
            best, weight = one, beyond.weight
    return Common(tuple(sorted(best.traits, key=lambda trait: trait != first.traits[0])), best.tally)


@dataclass(frozen=True, slots=True)
class _Question:
    """Traits to be counted among all compared profiles, or among those only whose column at `filled` is filled."""

    traits: tuple[Trait, ...]
    own: int
    """Position of the column whose own values are asked for; -1: no trait asks for them."""
    filled: int = -1


class _Look:
    """The queries of one audit."""

    def __init__(self, engine: Engine, cells: ir.Table, background: Background, causes: Sequence[_Cause]) -> None:
        self.engine, self.cells, self.background, self.causes = engine, cells, background, causes
        self.contract = contract = background.contract
        self.zone = contract.timezone.key
        self.aspects = tuple(aspects(contract))
        self.sources = [name for name, _ in sources(contract)]
        self.tests = len(causes) * len(self.aspects)
        self._known: dict[_Question, int] = {}

    # --- sample ---

    def shared(self) -> Iterator[_Candidate]:
        """The answers that more than half of a cause's sampled profiles share, as if no others had them."""
        members = self._members(self.causes, SAMPLED_OF_A_CAUSE)
        positions = {one.position for one in self.aspects if isinstance(one, Other)}
        rows = members.join(self._differing(positions, sources=bool(self.sources)), "key")
        own = {side: rows[f"own_{side.value}"] for side in Side}
        values = {f"v{place}": aspect.value(rows, own, self.zone) for place, aspect in enumerate(self.aspects)}
        sample = self.engine.keep(rows.select("number", **values), "cause_sample")
        usual = sample.group_by("number").agg(**{f"usual_{name}": sample[name].mode() for name in values})
        usual = self.engine.keep(usual, "cause_modes")
        both = sample.join(usual, "number")
        counts = {f"n{name}": both.count(where=both[name] == both[f"usual_{name}"]) for name in values}
        counted = both.group_by("number").agg(total=both.count(), **counts)
        found = counted.join(usual, "number").select("number", "total", *counts, *(f"usual_{name}" for name in values))
        for number, total, *rest in self.engine.rows(found):
            cause = self.causes[number]
            size = cause.group.profiles
            for aspect, count, value in zip(self.aspects, rest, rest[len(values) :], strict=False):
                if count > total / 2 and aspect.suits(cause.column, cause.group.reason, cause.group.pattern):
                    tally = Tally(round(count / total * size), size, 0, 0)
                    yield _Candidate(cause, (Trait(aspect, value),), tally)
        self.engine.drop(sample, usual)

    def unusual(self, shared: Sequence[_Candidate]) -> Iterator[_Candidate]:
        """Picks the one answer that says most of what the values of a cause share, judged by other differing profiles.

        Most telephone numbers begin with the country's code: to find that out, not all of them need to be brought into
        their form. Of answers that say the same, the simplest is taken, which comes first.
        """
        fetched = self.background.fetched
        size = number_of(self.engine, fetched)
        drawn = (
            fetched
            if size <= SAMPLED_ELSEWHERE
            else fetched.filter(digest(fetched.key) <= up_to(size, SAMPLED_ELSEWHERE))
        )
        asked: dict[int, list[_Candidate]] = {}
        for one in shared:
            if isinstance(one.traits[0].aspect, OfItself):
                asked.setdefault(one.cause.position, []).append(one)
            else:
                yield one
        for position, candidates in asked.items():
            column = self.contract.compared[position]
            rows = drawn.select("key", f"p{position}")
            rows = rows.anti_join(self.cells.filter(self.cells.column == column.name), "key")
            fits = [self._fits(rows, _question(one.cause, one.traits)) for one in candidates]
            sums = {f"q{place}": rows.count(where=condition) for place, condition in enumerate(fits)}
            filled = rows.count(where=self._fits(rows, _all_filled(candidates[0].cause)))
            [(total, *counts)] = self.engine.rows(rows.agg(total=filled, **sums))
            best: dict[int, tuple[float, _Candidate]] = {}
            for one, count in zip(candidates, counts, strict=True):
                weight = Tally(one.tally.inside, one.tally.cause, count, total).weight
                if count <= MOST_ELSEWHERE * total and weight > best.get(one.cause.number, (-1.0,))[0]:
                    best[one.cause.number] = weight, one
            yield from (one for _, one in best.values())

    # --- count ---

    def screened(self, shared: Sequence[_Candidate]) -> Iterator[_Candidate]:
        """The same with how many others have them; whether the column is filled there is not asked yet."""
        everybody = _Question((), -1)
        self._ask({everybody})
        questions = [_question(one.cause, one.traits) for one in shared]
        rows = self.background.drawn
        if any(isinstance(one.traits[0].aspect, Origin) for one in shared):
            rows = self._with_sources(rows)
        found = self._counts(rows, list(dict.fromkeys([everybody, *questions])))
        for one, question in zip(shared, questions, strict=True):
            inside, size = one.tally.inside, one.tally.cause
            others = max(self._known[everybody] - size, 0)
            having = round(found[question] / max(found[everybody], 1) * self._known[everybody])
            yield replace(one, tally=Tally(inside, size, min(max(having - inside, 0), others), others))

    def counted(self, finalists: Mapping[int, Sequence[_Candidate]]) -> dict[int, list[_Candidate]]:
        """Every finalist, and every two of a cause at once, with exact counts."""
        if not finalists:
            return {}
        causes = [self.causes[number] for number in finalists]
        members = self._members(causes)
        asking = [one.traits[0].aspect for candidates in finalists.values() for one in candidates]
        positions = {aspect.position for aspect in asking if isinstance(aspect, Other)}
        from_sources = any(isinstance(aspect, Origin) for aspect in asking)
        if positions or from_sources:
            members = members.join(self._differing(positions, sources=from_sources), "key")
        asked: dict[tuple[int, tuple[Trait, ...]], _Question] = {}
        for number, found in self._within(members, finalists).items():
            for traits in (*((trait,) for trait in found), *combinations(found, 2)):
                cause = self.causes[number]
                asked[number, traits] = replace(_question(cause, traits), filled=cause.position)
        self._ask({*asked.values(), *(_all_filled(one) for one in causes)})
        own = {side: members[f"own_{side.value}"] for side in Side}
        as_counted = dict.fromkeys(Side, own[Side.PLATFORM])
        sums: dict[str, ir.Value] = {}
        for place, (number, traits) in enumerate(asked):
            of_cause = members.number == number
            holds = of_cause & _all(trait.holds(members, own, self.zone) for trait in traits)
            within = of_cause & members.filled & _all(trait.holds(members, as_counted, self.zone) for trait in traits)
            sums |= {f"a{place}": members.count(where=holds), f"f{place}": members.count(where=within)}
        for cause in causes:
            sums[f"c{cause.number}"] = members.count(where=(members.number == cause.number) & members.filled)
        [row] = self.engine.rows(members.agg(**sums))
        inside = dict(zip(sums, row, strict=True))
        result: dict[int, list[_Candidate]] = {}
        for place, ((number, traits), question) in enumerate(asked.items()):
            cause = self.causes[number]
            tally = Tally(
                inside[f"a{place}"],
                cause.group.profiles,
                self._known[question] - inside[f"f{place}"],
                self._known[_all_filled(cause)] - inside[f"c{number}"],
            )
            result.setdefault(number, []).append(_Candidate(cause, traits, tally))
        return result

    def _within(self, members: ir.Table, finalists: Mapping[int, Sequence[_Candidate]]) -> dict[int, list[Trait]]:
        """The traits of the finalists, windows with the first and last moment of the cause's profiles in them."""
        own = {side: members[f"own_{side.value}"] for side in Side}
        ends: dict[str, ir.Value] = {}
        for number, candidates in finalists.items():
            for place, candidate in enumerate(candidates):
                [trait] = candidate.traits
                if isinstance(trait.aspect, Window):
                    inside = (members.number == number) & trait.holds(members, own, self.zone)
                    moment = members[f"{trait.aspect.side.value}_updated"].epoch_seconds()
                    ends[f"first{number}_{place}"] = moment.min(where=inside)
                    ends[f"last{number}_{place}"] = moment.max(where=inside)
        [row] = self.engine.rows(members.agg(**ends)) if ends else [()]
        known = dict(zip(ends, row, strict=True))

        def within(number: int, place: int, trait: Trait) -> Trait:
            name = f"{number}_{place}"
            return (
                replace(trait, ends=(known[f"first{name}"], known[f"last{name}"])) if f"first{name}" in known else trait
            )

        return {
            number: [within(number, place, candidate.traits[0]) for place, candidate in enumerate(candidates)]
            for number, candidates in finalists.items()
        }

    # --- rows ---

    def _members(self, causes: Sequence[_Cause], most: int | None = None) -> ir.Table:
        """The cells of causes, of each at most about `most`: its number, what the traits ask for, and the key."""
        frame = pl.DataFrame(
            [
                (one.number, one.group.column, one.group.reason, one.group.pattern, up_to(one.group.profiles, most))
                for one in causes
            ],
            schema={"number": pl.Int64(), **dict.fromkeys((*PLACE, "up_to"), pl.String())},
            orient="row",
        )
        wanted = self.engine.put(frame, "wanted_causes")
        cells = self.cells.join(wanted, list(PLACE))
        if most is not None:
            cells = cells.filter(digest(cells.key) <= cells.up_to)
        return cells.select(
            "number",
            "key",
            "platform_updated",
            "truth_updated",
            own_platform=cells.platform_canonical,
            own_truth=cells.truth_canonical,
            filled=(cells.platform != "").fill_null(False),
        )

    def _differing(self, positions: Iterable[int], *, sources: bool) -> ir.Table:
        """The differing profiles: `key`, and the platform's cells and the sources."""
        fetched = self.background.fetched
        cells = [f"p{position}" for position in sorted(positions)]
        if not sources:
            return fetched.select("key", *cells)
        return self._with_sources(fetched.select("key", "truth_row", *cells)).drop("truth_row")

    def _with_sources(self, rows: ir.Table) -> ir.Table:
        raw = self.background.matched.raw[Side.TRUTH]
        names = {f"s{place}": raw[name] for place, name in enumerate(self.sources)}
        origins = raw.select(source_row=raw[ROW_NUMBER], **names)
        return rows.join(origins, rows.truth_row == origins.source_row).drop("source_row")

    def _moments(self) -> ir.Table:
        """The profiles that both sides have once: rows and moments."""
        return self.background.matched.both.select("platform_row", "truth_row", "platform_updated", "truth_updated")

    def _ask(self, questions: set[_Question]) -> None:
        """Count how many of the compared profiles fit each question that was not asked before."""
        new = [question for question in questions if question not in self._known]
        if not new:
            return
        asking = [trait.aspect for question in new for trait in question.traits]
        positions = {aspect.position for aspect in asking if isinstance(aspect, Other)}
        positions |= {place for question in new for place in (question.own, question.filled) if place >= 0}
        origins = any(isinstance(aspect, Origin) for aspect in asking)
        raw, columns = compared(self.background.matched), self.contract.compared
        cells = {f"p{place}": raw[source_name(columns[place], Side.PLATFORM)] for place in sorted(positions)}
        rows = raw.select(landed_row=raw[ROW_NUMBER], **cells)
        if origins or any(isinstance(aspect, Window) for aspect in asking):
            moments = self._moments()
            rows = rows.join(moments, rows.landed_row == moments.platform_row)
        if origins:
            rows = self._with_sources(rows)
        self._known |= self._counts(rows, new)

    def _counts(self, rows: ir.Table, questions: Sequence[_Question]) -> dict[_Question, int]:
        """How many of the rows fit each question."""
        sums = {f"q{place}": rows.count(where=self._fits(rows, question)) for place, question in enumerate(questions)}
        [counts] = self.engine.rows(rows.agg(**sums))
        return dict(zip(questions, counts, strict=True))

    def _fits(self, rows: ir.Table, question: _Question) -> ir.BooleanValue:
        own: Own = {}
        if question.own >= 0:
            column = self.contract.compared[question.own]
            form = rules.canonical(rows[f"p{question.own}"], column, Side.PLATFORM, self.zone)
            own = dict.fromkeys(Side, form)
        holds = _all(trait.holds(rows, own, self.zone) for trait in question.traits)
        return holds if question.filled < 0 else holds & (rows[f"p{question.filled}"] != "")


def _question(cause: _Cause, traits: tuple[Trait, ...]) -> _Question:
    own = cause.position if any(isinstance(trait.aspect, OfItself) for trait in traits) else -1
    return _Question(traits, own, own)


def _all_filled(cause: _Cause) -> _Question:
    return _Question((), -1, cause.position)


def _all(conditions: Iterable[ir.BooleanValue]) -> ir.BooleanValue:
    return reduce(and_, conditions, ibis.literal(True))
