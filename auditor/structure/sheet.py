"""The hand-over sheet: a proposal as a text that one person gives to another, who looks after Actito.

Complete by itself: whoever reads it needs neither the auditor nor its files. At most 80 columns, plain text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from auditor.findings.english.structure_words import column_in_words, restriction_of, type_of
from auditor.findings.moments import moment
from auditor.structure.proposal import Addition, Proposal

WIDTH = 80
_LABEL = 13


def sheet(proposal: Proposal) -> str:
    """The text, with a final line end."""
    return "\n".join(_lines(proposal)) + "\n"


def _lines(proposal: Proposal) -> Iterator[str]:
    title = f"Change of the profile table {proposal.table} (entity {proposal.entity})"
    yield title
    yield "=" * len(title)
    yield f"Plan {proposal.sha[:12]}, made {moment(proposal.made)}"
    yield ""
    if proposal.before is None:
        yield from _text(f'There is no profile table "{proposal.table}" yet. Please create it in this entity, with:')
    elif proposal.additions:
        yield from _text("Please add the following. Nothing that exists is renamed, changed or removed.")
    yield ""
    for number, addition in enumerate(proposal.additions, 1):
        yield from _addition(number, addition)
        yield ""
    if proposal.by_hand:
        yield from _text(
            "The following cannot be done by the auditor, because Actito's API is not known to offer it. It needs a "
            "decision, and a person in Actito's own screens:"
        )
        yield ""
        for item in proposal.by_hand:
            yield from _text(f"{_capital(column_in_words(item.column))}: {item.what}", "  - ", "    ")
            yield from _text(f"why: {item.why}", "    ", "    ")
        yield ""
    if proposal.notes:
        yield "Please note:"
        for note in proposal.notes:
            yield from _text(note, "  - ", "    ")
        yield ""
    yield from _text(
        "Changing a structure can break synchronisations and forms that rely on it. When it is done, run `auditor "
        "structure diff`: it says what is still missing."
    )


def _addition(number: int, addition: Addition) -> Iterator[str]:
    kind, _, name = addition.name.partition(" ")
    yield f"{number}. New {kind}: {name}"
    facts: list[tuple[str, str]] = []
    if addition.attribute is not None:
        attribute = addition.attribute
        facts += [("type", type_of(attribute)), ("restriction", restriction_of(attribute) or "none")]
        facts += [
            ("unique", "yes" if attribute.unique else "no"),
            ("mandatory", "yes" if attribute.mandatory else "no"),
        ]
    if addition.segmentation is not None:
        facts += [("kind", "exclusive" if addition.segmentation.exclusive else "simple"), ("mandatory", "no")]
        facts += [("segments", ", ".join(addition.segmentation.segments))] if addition.segmentation.exclusive else []
    if addition.segment is not None:
        facts += [("segmentation", addition.segment[0]), ("segment", addition.segment[1])]
    for label, value in [*facts, ("reason", addition.reason)]:
        yield from _text(value, f"   {label:<{_LABEL}}", " " * (_LABEL + 3))


def _text(text: str, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
