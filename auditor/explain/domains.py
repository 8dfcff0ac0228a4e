"""One domain of addresses for another, one for one: a company that was renamed, and not a typing error per person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from auditor.explain.distances import Pair, Relation
from auditor.explain.value_maps import BORNE_OUT

FEWEST: Final = 5
"""Different addresses that a pair of domains has to stand in."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Moved(Relation):
    """The addresses are the same but for their domains, each of which stands for one of the other side."""

    domains: tuple[Pair, ...]

    @property
    def pattern(self) -> str:
        return "another domain"

    def named(self) -> str:
        shown = ", ".join(f"{ours} → {theirs}" for ours, theirs in self.domains[:_SHOWN])
        return f"{self.pattern}: {shown}{', …' if len(self.domains) > _SHOWN else ''}"

    def fits(self, platform: str, truth: str) -> bool:
        ours, theirs = _parts(platform), _parts(truth)
        return ours[0] == theirs[0] != "" and (ours[1], theirs[1]) in self.domains


def moved(pairs: Sequence[Pair]) -> Moved | None:
    """The domains that stand for each other in the differing pairs; None: none do."""
    found: dict[Pair, set[str]] = defaultdict(set)
    for platform, truth in pairs:
        ours, theirs = _parts(platform), _parts(truth)
        if ours[0] == theirs[0] != "" and ours[1] != theirs[1]:
            found[ours[1], theirs[1]].add(ours[0])
    return _one_for_one({domains: len(names) for domains, names in found.items()})


def borne_out(relation: Moved, counted: Mapping[Pair, int]) -> Moved | None:
    """What of it all compared rows bear out: where others have the new domain already, it is no new name of the old.

    `counted` are the rows per pair of domains with one of the relation's on its side.
    """
    left = _one_for_one(counted)
    kept = tuple(pair for pair in relation.domains if left is not None and pair in left.domains)
    return replace(relation, domains=kept) if kept else None


def _one_for_one(counted: Mapping[Pair, int]) -> Moved | None:
    sides: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for pair, number in counted.items():
        for side, domain in zip(sides, pair, strict=True):
            side[domain] += number
    sure = [
        pair
        for pair, number in counted.items()
        if pair[0] != pair[1]
        and number >= FEWEST
        and all(number >= BORNE_OUT * side[domain] for side, domain in zip(sides, pair, strict=True))
    ]
    return Moved(tuple(sorted(sure, key=lambda pair: (-counted[pair], pair)))) if sure else None


def _parts(text: str) -> tuple[str, str]:
    """What stands before and behind the @ of an address, in small letters; nothing where there is none."""
    name, at, domain = text.strip().lower().rpartition("@")
    return (name, domain) if at and "." in domain else ("", "")
