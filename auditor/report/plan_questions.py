"""What a person is asked about a plan that is to be made: a question per cause, and what it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from auditor.model import Kind
from auditor.plan.review import Review, Reviewed


@dataclass(frozen=True, slots=True)
class Asked:
    """One cell that would be written, or a profile that would be created or deleted."""

    column: str | None
    """None: the profile itself."""
    profile_id: str | None
    write: Reviewed
    """Of a cell, with this change alone."""


@dataclass(frozen=True, slots=True)
class Question:
    """Writes that are taken or refused together."""

    kind: Kind
    about: str
    """What they have in common, in a sentence without a full stop."""
    asked: tuple[Asked, ...]

    @property
    def refusable(self) -> bool:
        """Nobody keeps an opt-out from being written."""
        return self.kind is not Kind.UNSUBSCRIBE

    def one_by_one(self) -> list[Question]:
        return [replace(self, asked=(one,)) for one in self.asked]


def questions(review: Review) -> list[Question]:
    """The questions about a plan: opt-outs first, then kind by kind, and of each the most writes first.

    What somebody decided singly is a question of its own: who answers for a cause says nothing of it.
    """
    causes = {
        (key, column): cause
        for key, column, cause in review.beside.differences.select("key", "column", "cause").iter_rows()
    }
    found: dict[tuple[Kind, str], list[Asked]] = {}
    for kind, key, one in _every(review):
        cause = causes.get((key, one.column or ""))
        about = review.causes.get(cause or "") or one.column or review.say.fill(_WHOLE[kind])
        deciders = sorted({change.by for change in one.write.changes if change.by})
        about += f", decided by {' and '.join(deciders)}" if deciders else ""
        found.setdefault((kind, about), []).append(one)
    asked = [Question(kind, about, tuple(own)) for (kind, about), own in found.items()]
    return sorted(asked, key=lambda one: (list(Kind).index(one.kind), -len(one.asked), one.about))


_WHOLE: Final[Mapping[Kind, str]] = {
    Kind.CREATE: "only {truth} knows them",
    Kind.DELETE: "only {platform} knows them",
}
"""What is said of profiles as a whole."""


def _every(review: Review) -> Iterator[tuple[Kind, str, Asked]]:
    for write, told in zip(review.plan.writes, review.writes(), strict=True):
        if write.kind in (Kind.CREATE, Kind.DELETE):
            yield write.kind, write.key, Asked(None, write.profile_id, told)
            continue
        for change in told.changes:
            yield write.kind, write.key, Asked(change.column, write.profile_id, replace(told, changes=(change,)))
