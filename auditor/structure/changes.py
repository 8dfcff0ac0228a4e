"""Two moments of one table structure compared: what changed, and what that means for everything that relies on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, Segmentation, Structure
from auditor.structure.describe import (
    TYPE,
    attribute_in_words,
    lengths,
    listed,
    segmentation_in_words,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two structures of the same table."""

    code: str
    """Stable: `table_replaced`, `api_changed`, or `WHAT_added`, `WHAT_gone`, `WHAT_changed` with WHAT one of
    `attribute`, `subscription`, `segmentation`; or the property that changed: `type`, `length`, `allowed_values`,
    `mandatory`, `unique`, `multi_valued`, `segments`, followed by `_changed`."""
    column: str
    """The attribute, `subscriptions#NAME` or `segmentations#NAME`; empty for the table."""
    sentence: str
    """What changed, for people."""
    narrower: bool = False
    """True where a value that was accepted before may be refused now."""


@dataclass(frozen=True, slots=True)
class Reliance:
    """What relies on a table structure."""

    mapped: Mapping[str, str]
    """The contract's columns, by the platform's name, and the truth column that feeds each."""
    key: tuple[str, ...]
    own_rule: Collection[str] = ()
    """Those of `mapped` whose comparison rule the contract names itself."""
    synchronisations: Mapping[str, Collection[str] | None] | None = None
    """Name of each synchronisation of the table, and the columns it fills (None: it does not say); None as a whole:
    they could not be read."""


def changes(before: Structure, after: Structure) -> tuple[Change, ...]:
    """What changed, attributes first, each group in the order of the newer structure; nothing: an empty tuple.

    Where one of the two comes from the older API, which tells less (§4.2), only what came and went is compared.
    """
    found: list[Change] = []
    if before.number and after.number and before.number != after.number:
        sentence = f"the table has another number ({after.number}, it was {before.number}): it was made anew"
        found.append(Change("table_replaced", "", sentence, narrower=True))
    found += _attributes(before, after)
    found += _subscriptions(before, after)
    found += _segmentations(before, after)
    if (before.number is None) is not (after.number is None):
        sentence = (
            "the structure was told by the older API at one of the two moments: "
            "types and restrictions were not compared"
        )
        came_or_went = [change for change in found if change.code.endswith(("_added", "_gone"))]
        return (Change("api_changed", "", sentence), *came_or_went)
    return tuple(found)


def meaning(change: Change, reliance: Reliance) -> tuple[str, ...]:
    """What a change means: a sentence each for the contract, the suite and every synchronisation concerned."""
    return tuple(_meanings(change, reliance))


def told(found: Sequence[Change], reliance: Reliance) -> tuple[str, ...]:
    """Every change with its meaning in one text each, as a run tells them."""
    return tuple(
        " ".join(_sentence(text) for text in (change.sentence, *meaning(change, reliance))) for change in found
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _attributes(before: Structure, after: Structure) -> Iterator[Change]:
    was = {attribute.name: attribute for attribute in before.attributes}
    now = {attribute.name: attribute for attribute in after.attributes}
    for name, attribute in now.items():
        if name not in was:
            sentence = f'the attribute "{name}" is new ({attribute_in_words(attribute)})'
            yield Change("attribute_added", name, sentence, narrower=attribute.mandatory)
        else:
            yield from _properties(was[name], attribute)
    for name in was:
        if name not in now:
            yield Change("attribute_gone", name, f'the attribute "{name}" is gone', narrower=True)


def _properties(was: Attribute, now: Attribute) -> Iterator[Change]:
    place = f'the attribute "{now.name}"'
    if was.type is not now.type:
        sentence = f"{place} is of the type {TYPE[now.type]} now, it was {TYPE[was.type]}"
        yield Change("type_changed", now.name, sentence, narrower=True)
    if (was.min_length, was.max_length) != (now.min_length, now.max_length):
        length, before = (lengths(one.min_length, one.max_length) or "any number of characters" for one in (now, was))
        longer = was.max_length is not None and (now.max_length is None or now.max_length >= was.max_length)
        wider = longer and (now.min_length or 0) <= (was.min_length or 0)
        yield Change("length_changed", now.name, f"{place} takes {length} now, it was {before}", not wider)
    if was.allowed != now.allowed:
        words = f"one of {listed(now.allowed)}" if now.allowed else "any value"
        narrower = bool(now.allowed) and (not was.allowed or not set(was.allowed) <= set(now.allowed))
        yield Change("allowed_values_changed", now.name, f"{place} takes {words} now", narrower)
    for flag, code in (("mandatory", "mandatory_changed"), ("unique", "unique_changed")):
        on = getattr(now, flag)
        if on is not getattr(was, flag):
            yield Change(code, now.name, f"{place} is {flag if on else f'not {flag} any more'}", on)
    if was.multi_valued is not now.multi_valued:
        words = "several values" if now.multi_valued else "one value only"
        yield Change("multi_valued_changed", now.name, f"{place} takes {words} now", not now.multi_valued)


def _subscriptions(before: Structure, after: Structure) -> Iterator[Change]:
    for name in after.subscriptions:
        if name not in before.subscriptions:
            yield Change("subscription_added", SUBSCRIPTION_PREFIX + name, f'the subscription "{name}" is new')
    for name in before.subscriptions:
        if name not in after.subscriptions:
            column = SUBSCRIPTION_PREFIX + name
            yield Change("subscription_gone", column, f'the subscription "{name}" is gone', narrower=True)


def _segmentations(before: Structure, after: Structure) -> Iterator[Change]:
    was = {segmentation.name: segmentation for segmentation in before.segmentations}
    now = {segmentation.name: segmentation for segmentation in after.segmentations}
    for name, segmentation in now.items():
        column, place = SEGMENTATION_PREFIX + name, f'the segmentation "{name}"'
        if name not in was:
            yield Change("segmentation_added", column, f"{place} is new ({segmentation_in_words(segmentation)})")
        else:
            yield from _segmentation(column, place, was[name], segmentation)
    for name in was:
        if name not in now:
            column = SEGMENTATION_PREFIX + name
            yield Change("segmentation_gone", column, f'the segmentation "{name}" is gone', narrower=True)


def _segmentation(column: str, place: str, was: Segmentation, now: Segmentation) -> Iterator[Change]:
    if (was.exclusive, was.mandatory) != (now.exclusive, now.mandatory):
        words = segmentation_in_words(now).partition(":")[0]
        yield Change("segmentation_changed", column, f"{place} is {words} now", narrower=True)
    new = [name for name in now.segments if name not in was.segments]
    gone = [name for name in was.segments if name not in now.segments]
    parts = [f"has the new segment{'s' if len(new) > 1 else ''} {listed(new)}"] if new else []
    parts += [f"has no segment {listed(gone)} any more"] if gone else []
    if parts:
        yield Change("segments_changed", column, f"{place} {' and '.join(parts)}", narrower=bool(gone))


def _meanings(change: Change, reliance: Reliance) -> Iterator[str]:
    if change.code == "api_changed":
        yield "contract and suite follow what is told now, and less is checked while it is the older API"
        return
    if not change.column:
        yield "what was agreed and written before does not hold for it: look at it before anything is written"
        return
    fed = reliance.mapped.get(change.column)
    yield _for_the_contract(change, fed, reliance)
    if fed is not None and not change.code.endswith(("_gone", "_added")):
        yield _for_the_suite(change)
    yield from _for_the_synchronisations(change, reliance)


def _for_the_contract(change: Change, fed: str | None, reliance: Reliance) -> str:
    column = change.column
    if change.code.endswith("_added"):
        if fed is not None:
            return f'the contract feeds it from "{fed}": it is compared from now on'
        if change.narrower:
            return "it is mandatory and the contract does not map it: Actito refuses every creation without it"
        return "the contract does not map it: it is not compared"
    if fed is None:
        return "the contract does not map it: the audit is not concerned"
    if change.code.endswith("_gone"):
        return f"the contract maps it: no audit is possible until [columns.{_key(column)}] is taken out or mapped anew"
    if change.code == "unique_changed" and column in reliance.key:
        return "it is the key of the contract: an audit needs a key that is unique"
    if change.code == "type_changed" and column not in reliance.own_rule:
        return "its values are compared by the rule of the new type, and what was agreed by another rule is no base"
    if change.code == "mandatory_changed" and change.narrower:
        return f'a profile is created only where "{fed}" is filled'
    return "the contract maps it and still fits"


def _for_the_suite(change: Change) -> str:
    if change.narrower:
        return "the suite follows by itself: values that were fine may be invalid values from this run on"
    return "the suite follows by itself: values that were invalid may be fine from this run on"


def _for_the_synchronisations(change: Change, reliance: Reliance) -> Iterator[str]:
    if reliance.synchronisations is None:
        yield "the synchronisations of the table could not be read: whether one fills it is not known"
        return
    known = {name: columns for name, columns in reliance.synchronisations.items() if columns is not None}
    for name in reliance.synchronisations.keys() - known.keys():
        yield f'the synchronisation "{name}" does not say whether it fills it: look at it'
    concerned = [name for name, columns in known.items() if change.column in columns]
    for name in concerned:
        if change.code.endswith("_gone"):
            yield f'the synchronisation "{name}" fills it and will fail, or lose it, until its mapping is changed'
        elif change.narrower:
            yield f'the synchronisation "{name}" fills it: rows that do not fit any more will be refused'
        else:
            yield f'the synchronisation "{name}" fills it and goes on'
    if change.code == "attribute_added" and change.narrower:
        for name in known:
            if name not in concerned:
                yield f'the synchronisation "{name}" does not fill it: it can create no profile any more'
    elif change.code.endswith("_added") and not concerned and len(known) == len(reliance.synchronisations):
        yield "no synchronisation fills it"


def _key(column: str) -> str:
    return f'"{column}"' if "#" in column else column
