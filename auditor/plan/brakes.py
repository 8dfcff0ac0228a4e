"""When a plan is too much to be applied without a look: the brakes, per kind of write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from auditor.model import Kind
from auditor.writes import Plan


@dataclass(frozen=True, slots=True)
class Brake:
    """One kind of write that stops a plan until its exact count is confirmed."""

    kind: Kind
    count: int
    """Profiles that the plan touches in this way."""
    limit: int
    """The most that needs no confirmation."""

    @property
    def confirmation(self) -> str:
        """What to add to the command line."""
        return f"--confirm {self.kind.value}={self.count}"


def brakes(plan: Plan, limits: Mapping[Kind, tuple[int, float]]) -> tuple[Brake, ...]:
    """The kinds of `plan` that need a confirmation, in the order of model.Kind.

    `limits` gives a count and a share of the platform's profiles per kind; the larger of the two is the limit, and a
    kind without one may not be written at all. A plan with a reason to stop needs every kind confirmed.
    """
    counts = plan.counts
    found = []
    for kind in Kind:
        count = counts.get(kind, 0)
        limit = 0 if plan.stop else _limit(limits.get(kind, (0, 0.0)), plan.population)
        if count > limit:
            found.append(Brake(kind, count, limit))
    return tuple(found)


def held(
    plan: Plan,
    limits: Mapping[Kind, tuple[int, float]],
    confirmed: Mapping[Kind, int],
    left: Plan | None = None,
) -> tuple[Brake, ...]:
    """The brakes that `confirmed` does not release: only the exact count does, for its own kind.

    `left` is the same plan without what is done: where it is given, only that brakes, and its counts release as well as
    those of the whole plan, which whoever goes on with it has confirmed before.
    """
    counts = plan.counts
    return tuple(
        brake
        for brake in brakes(left or plan, limits)
        if confirmed.get(brake.kind) not in (brake.count, counts[brake.kind])
    )


def misjudged(counts: Sequence[Mapping[Kind, int]], confirmed: Mapping[Kind, int]) -> Mapping[Kind, int]:
    """What is `confirmed` and true of none of these counts, with what the last of them say: whoever typed it looked at
    another plan, whether the kind has a brake or not.
    """
    wrong = [kind for kind, count in confirmed.items() if all(count != one.get(kind, 0) for one in counts)]
    return {kind: counts[-1].get(kind, 0) for kind in Kind if kind in wrong}


def _limit(limit: tuple[int, float], population: int) -> int:
    # As it is written in the settings: 29 % of 100 are 29, which binary floats make 28.999…
    count, share = limit
    return max(count, int(Fraction(str(share)) * population))
