"""How much a trait says about a cause: counts inside and outside of it, and the guard against what chance gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

FEWEST: Final = 20
"""A cause of fewer profiles has nothing in common that chance could not have given."""
MOST_ELSEWHERE: Final = 0.5
"""What more of the other profiles have too says nothing about a cause."""
LEAST_LIFT: Final = 3.0
ERROR: Final = 1e-5
"""The chance that any statement of an audit is made of noise, however many columns it looks at."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Profiles with and without a trait, among those of a cause and among all others that could have had it."""

    inside: int
    """Of the cause, with the trait."""
    cause: int
    outside: int
    """Of the others, with the trait."""
    others: int

    @property
    def share(self) -> float:
        """The part of the cause's profiles that has it, from 0 to 1."""
        return self.inside / self.cause if self.cause else 0.0

    @property
    def elsewhere(self) -> float:
        """The part of the other profiles that has it, from 0 to 1."""
        return self.outside / self.others if self.others else 0.0

    @property
    def lift(self) -> float | None:
        """How many times as frequent the cause is among profiles with the trait as among those without it.

        None: no profile without the trait has it.
        """
        without = self.cause - self.inside
        if without == 0:
            return None
        there = self.inside / (self.inside + self.outside)
        return there / (without / (without + self.others - self.outside))

    @property
    def perfect(self) -> bool:
        """Whether all profiles of the cause have the trait and no others."""
        return self.inside == self.cause and self.outside == 0

    @property
    def weight(self) -> float:
        """How heavy the evidence is, in nats: chance gives so large a share with a probability of at most
        e to the -weight.

        Hoeffding's bound for drawing the cause's profiles from all of them without putting any back.
        """
        everybody = self.cause + self.others
        if not everybody or not self.cause:
            return 0.0
        expected = (self.inside + self.outside) / everybody
        if self.share <= expected:
            return 0.0
        return self.cause * (_term(self.share, expected) + _term(1 - self.share, 1 - expected))


def telling(tally: Tally, tests: int) -> bool:
    """Whether most of the cause has the trait, few others do, and so beyond what chance gives in that many tests."""
    lift = tally.lift
    return (
        tally.cause >= FEWEST
        and tally.share > 1 / 2
        and tally.elsewhere <= MOST_ELSEWHERE
        and (lift is None or lift >= LEAST_LIFT)
        and tally.weight >= math.log(max(tests, 1) / ERROR)
    )


def _term(observed: float, expected: float) -> float:
    return observed * math.log(observed / expected) if observed else 0.0
