"""A plan as text of at most 80 columns, in the manner of a diff: what a person reads before they say yes."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from auditor.findings.english.numbers import counted as spelt
from auditor.findings.left_alone import reasons
from auditor.findings.moments import moment
from auditor.findings.planned import MAY_CONTACT, ONE, PURPOSE, in_words, may_start
from auditor.findings.sentences import of_plan, spelt_out
from auditor.model import Kind, Why
from auditor.plan.named import Named, named
from auditor.plan.review import Change, Review, Reviewed
from auditor.report.redact import visible

WIDTH: Final = 80
ON_SCREEN: Final = 60
"""Lines of writes that are shown at once; what does not fit is in the file."""


def text(review: Review, lasting: str) -> Iterator[str]:
    """Every line of the file: what the plan is, then each of its writes. `lasting` says what no undo brings back."""
    plan = review.plan
    yield f"plan {plan.sha}"
    yield f"{PURPOSE[plan.purpose]} of {plan.table} ({plan.entity}), made {moment(plan.made)}"
    yield f"from run {plan.run}, on an export of {moment(plan.export_as_of)}"
    for told in (counted(review), *of_the_whole(review, lasting)):
        yield from _wrapped(spelt_out(told), "")
    for write in review.writes():
        yield from ("", *of_write(write, review))
    if plan.left:
        yield from ("", "left alone:")
        yield from left_by_reason(review, "  ")


def counted(review: Review) -> str:
    """How many people the plan touches in which way."""
    return in_words(review.plan.counts)


def of_the_whole(review: Review, lasting: str) -> list[str]:
    """What is to be known of the plan as a whole, in sentences."""
    plan, say = review.plan, review.say
    travels = bool(plan.writes) or any(one.why in (Why.QUOTA, Why.GATHERING) for one in plan.left)
    told = [of_plan(plan.route_reason, say)] if plan.route_reason and travels else []
    told += [for_somebody_else(write.batch for write in plan.writes)] if plan.for_others else []
    done = review.beside.carried_out
    told += [f"carried out by {moment(done)}: nothing of it is left to do"] if done else []
    told += [f"stopped until every count is confirmed: {of_plan(plan.stop, say)}"] if plan.stop and not done else []
    told += [say.fill(may_start(review.beside.realtime))] if plan.writes else []
    return told + ([lasting] if lasting else [])


def for_somebody_else(batches: Iterable[str | None]) -> str:
    """Which files hold how much, of those that somebody else imports: `batches` are those of the writes."""
    files = Counter(name for name in batches if name is not None)
    named = ", ".join(f"{name} ({spelt(number, 'profile')})" for name, number in files.items())
    return f"for somebody else to import: {named}; nobody goes ahead of a file, and nobody is read before it"


def left_alone(review: Review) -> list[tuple[int, str, str]]:
    """How many cells and profiles the plan leaves alone, and why, in words and as model.Why; the most first."""
    plan = review.plan
    why, counts = reasons(plan.purpose, review.say), Counter(one.why for one in plan.left)
    return [(number, why[code], code) for code, number in counts.most_common()]


def left_by_reason(review: Review, indent: str, most: int | None = None) -> Iterator[str]:
    """What the plan leaves alone: each reason once, with how many it is said of and, where it is told one by one, of
    which; of each reason `most` of these.
    """
    told = list(named(review))
    undo = review.plan.purpose == "undo"
    for number, why, code in left_alone(review):
        yield from _wrapped(f"{number:,}  {why}", indent)
        if undo:
            yield from by_name([one for one in told if one.why == code], f"{indent}  ", most)
    if not undo:
        yield from by_name(told, f"{indent}  ", most)


def by_name(told: Sequence[Named], indent: str, most: int | None = None) -> Iterator[str]:
    """Lines on cells and profiles that are left alone, the first `most` of them; what is said of several is said once,
    above them.
    """
    alike: dict[str, dict[str, list[str]]] = {}
    shown = [one for one in told if one.key][:most]
    for one in shown:
        alike.setdefault(one.beyond, {}).setdefault(one.column or "the profile", []).append(one.key)
    for beyond, columns in alike.items():
        people = {key for keys in columns.values() for key in keys}
        if beyond and len(people) == 1:
            yield from _wrapped(f"{people.pop()}  {', '.join(columns)}: {beyond}", indent)
            continue
        if beyond:
            yield from _wrapped(f"{beyond}:", indent)
        for column, keys in columns.items():
            yield from _wrapped(f"{column}: {', '.join(keys)}", f"{indent}  " if beyond else indent)
    if most is not None and (more := sum(1 for one in told if one.key) - len(shown)) > 0:
        yield f"{indent}and {more:,} more"


def on_screen(review: Review, file: str, *, everything: bool) -> Iterator[str]:
    """The writes that fit on a screen, or `everything`, and how many more the `file` has."""
    lines, shown = 0, 0
    for write in review.writes():
        told = of_write(write, review)
        if shown and not everything and lines + len(told) > ON_SCREEN:
            yield f"  and {len(review.plan.writes) - shown:,} more: see {file}"
            return
        yield from (f"  {line}".rstrip() for line in told)
        lines, shown = lines + len(told), shown + 1


def of_write(write: Reviewed, review: Review) -> list[str]:
    """A write: of whom, how it travels, and each value that changes with the one before it."""
    who = f"{write.name} <{write.email}>" if write.email else write.name
    told = list(_wrapped(f"{write.key}  {visible(who)}".rstrip(), ""))
    told.append(f"  {ONE[write.kind]}, {way(write)}")
    reason = None
    for change in write.changes:
        told += _of_change(change, review, again=change.because == reason)
        reason = change.because if write.kind is Kind.CREATE else None
    for risk in write.to_know(review.say).values():
        told += _wrapped(risk, "  ! ")
    return told


def way(write: Reviewed) -> str:
    """How a write travels, in words."""
    if write.file is not None:
        return f"in the file {write.file}, for somebody else to import"
    return "by file" if write.by_file else "one by one, ahead of its file" if write.canary else "one by one"


def _of_change(change: Change, review: Review, *, again: bool) -> Iterator[str]:
    """`again`: the reason is that of the change before, as with every cell of a creation, and is not repeated."""
    yield from _wrapped(change.column, "  ")
    before, after = change.says or (None, None)
    if change.before is not None:
        yield from _value(change.before, "  - ", before and MAY_CONTACT[before])
    if change.after is not None:
        yield from _value(change.after, "  + ", after and MAY_CONTACT[after])
    else:
        yield "  + (empty)"
    if not again:
        yield from _wrapped(change.because, "    ")
    if change.by is not None:
        when = f" on {moment(change.at)}" if change.at else ""
        yield from _wrapped(f"decided by {change.by}{when}", "    ")
    for risk in change.to_know(review.say).values():
        yield from _wrapped(risk, "  ! ")


def _value(value: str, mark: str, says: object) -> Iterator[str]:
    """A value in quotation marks, which show blanks at its ends, to its last character."""
    left = f'"{visible(value)}"' + (f" ({says})" if says else "")
    first = mark
    while left:
        size = _fitting(left, WIDTH - 2 - len(mark))
        yield first + left[:size]
        left, first = left[size:], " " * len(mark)


def _fitting(left: str, width: int) -> int:
    """So many characters of a text as stand beside each other in so many columns."""
    if len(left) <= width and left.isascii():
        return len(left)
    used = 0
    for place, character in enumerate(left):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return place
    return len(left)


def _wrapped(told: str, first: str) -> Sequence[str]:
    """On as many lines as it takes; two columns are left for whoever indents it."""
    if len(first) + len(told) <= WIDTH - 2 and told.isprintable():
        return (first + told,)
    return _broken(told, first)


@lru_cache(4096)
def _broken(told: str, first: str) -> tuple[str, ...]:
    """A million writes have the same few reasons and risks, which are put on lines once."""
    return tuple(textwrap.wrap(visible(told), WIDTH - 2, initial_indent=first, subsequent_indent=" " * len(first)))
