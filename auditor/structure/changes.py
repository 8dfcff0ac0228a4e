"""Two moments of one table structure compared: what changed, and what that means for everything that relies on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from auditor.findings.codes import Code, Notice, Parameters
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, Segmentation, Structure


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two structures of the same table."""

    code: Code
    """Stable: `table_replaced`, `api_changed`, or `WHAT_added`, `WHAT_gone`, `WHAT_changed` with WHAT one of
    `attribute`, `subscription`, `segmentation`; or the property that changed: `type`, `length`, `allowed_values`,
    `mandatory`, `unique`, `multi_valued`, `segments`, followed by `_changed`."""
    column: str
    """The attribute, `subscriptions#NAME` or `segmentations#NAME`; empty for the table."""
    parameters: Parameters = field(default_factory=dict)
    """From what to what, beside the column."""
    narrower: bool = False
    """True where a value that was accepted before may be refused now."""

    @property
    def notice(self) -> Notice:
        return Notice(self.code, {"column": self.column, **self.parameters} if self.column else self.parameters)


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
        numbers = {"was": before.number, "now": after.number}
        found.append(Change(Code.TABLE_REPLACED, "", numbers, narrower=True))
    found += _attributes(before, after)
    found += _subscriptions(before, after)
    found += _segmentations(before, after)
    if (before.number is None) is not (after.number is None):
        came_or_went = [change for change in found if change.code.endswith(("_added", "_gone"))]
        return (Change(Code.API_CHANGED, ""), *came_or_went)
    return tuple(found)


def meaning(change: Change, reliance: Reliance) -> tuple[Notice, ...]:
    """What a change means: a notice each for the contract, the suite and every synchronisation concerned."""
    return tuple(_meanings(change, reliance))


def told(run: str, found: Sequence[Change], reliance: Reliance) -> tuple[Notice, ...]:
    """Every change since a run with its meaning, as the next run tells them."""
    return tuple(
        Notice(
            Code.STRUCTURE_CHANGED,
            {"run": run, "said": [one.content() for one in (change.notice, *meaning(change, reliance))]},
        )
        for change in found
    )


def _attributes(before: Structure, after: Structure) -> Iterator[Change]:
    was = {attribute.name: attribute for attribute in before.attributes}
    now = {attribute.name: attribute for attribute in after.attributes}
    for name, attribute in now.items():
        if name not in was:
            yield Change(Code.ATTRIBUTE_ADDED, name, {"attribute": asdict(attribute)}, narrower=attribute.mandatory)
        else:
            yield from _properties(was[name], attribute)
    for name in was:
        if name not in now:
            yield Change(Code.ATTRIBUTE_GONE, name, narrower=True)


def _properties(was: Attribute, now: Attribute) -> Iterator[Change]:
    if was.type is not now.type:
        yield Change(Code.TYPE_CHANGED, now.name, {"was": was.type.value, "now": now.type.value}, narrower=True)
    if (was.min_length, was.max_length) != (now.min_length, now.max_length):
        longer = was.max_length is not None and (now.max_length is None or now.max_length >= was.max_length)
        wider = longer and (now.min_length or 0) <= (was.min_length or 0)
        limits = {"was": [was.min_length, was.max_length], "now": [now.min_length, now.max_length]}
        yield Change(Code.LENGTH_CHANGED, now.name, limits, not wider)
    if was.allowed != now.allowed:
        narrower = bool(now.allowed) and (not was.allowed or not set(was.allowed) <= set(now.allowed))
        yield Change(Code.ALLOWED_VALUES_CHANGED, now.name, {"allowed": list(now.allowed)}, narrower)
    for flag, code in (("mandatory", Code.MANDATORY_CHANGED), ("unique", Code.UNIQUE_CHANGED)):
        on = getattr(now, flag)
        if on is not getattr(was, flag):
            yield Change(code, now.name, {"on": on}, on)
    if was.multi_valued is not now.multi_valued:
        yield Change(Code.MULTI_VALUED_CHANGED, now.name, {"on": now.multi_valued}, not now.multi_valued)


def _subscriptions(before: Structure, after: Structure) -> Iterator[Change]:
    for name in after.subscriptions:
        if name not in before.subscriptions:
            yield Change(Code.SUBSCRIPTION_ADDED, SUBSCRIPTION_PREFIX + name)
    for name in before.subscriptions:
        if name not in after.subscriptions:
            yield Change(Code.SUBSCRIPTION_GONE, SUBSCRIPTION_PREFIX + name, narrower=True)


def _segmentations(before: Structure, after: Structure) -> Iterator[Change]:
    was = {segmentation.name: segmentation for segmentation in before.segmentations}
    now = {segmentation.name: segmentation for segmentation in after.segmentations}
    for name, segmentation in now.items():
        column = SEGMENTATION_PREFIX + name
        if name not in was:
            yield Change(Code.SEGMENTATION_ADDED, column, {"segmentation": asdict(segmentation)})
        else:
            yield from _segmentation(column, was[name], segmentation)
    for name in was:
        if name not in now:
            yield Change(Code.SEGMENTATION_GONE, SEGMENTATION_PREFIX + name, narrower=True)


def _segmentation(column: str, was: Segmentation, now: Segmentation) -> Iterator[Change]:
    if (was.exclusive, was.mandatory) != (now.exclusive, now.mandatory):
        yield Change(Code.SEGMENTATION_CHANGED, column, {"segmentation": asdict(now)}, narrower=True)
    new = [name for name in now.segments if name not in was.segments]
    gone = [name for name in was.segments if name not in now.segments]
    if new or gone:
        yield Change(Code.SEGMENTS_CHANGED, column, {"new": new, "gone": gone}, narrower=bool(gone))


def _meanings(change: Change, reliance: Reliance) -> Iterator[Notice]:
    if change.code is Code.API_CHANGED:
        yield Notice(Code.LESS_IS_CHECKED)
        return
    if not change.column:
        yield Notice(Code.AGREED_NO_MORE)
        return
    fed = reliance.mapped.get(change.column)
    yield _for_the_contract(change, fed, reliance)
    if fed is not None and not change.code.endswith(("_gone", "_added")):
        yield Notice(Code.MAY_BE_INVALID if change.narrower else Code.MAY_BE_FINE)
    yield from _for_the_synchronisations(change, reliance)


def _for_the_contract(change: Change, fed: str | None, reliance: Reliance) -> Notice:
    column = change.column
    if change.code.endswith("_added"):
        if fed is not None:
            return Notice(Code.COMPARED_FROM_NOW_ON, {"truth": fed})
        return Notice(Code.NO_CREATION_WITHOUT if change.narrower else Code.NOT_COMPARED)
    if fed is None:
        return Notice(Code.NOT_CONCERNED)
    if change.code.endswith("_gone"):
        return Notice(Code.NO_AUDIT_POSSIBLE, {"column": column})
    if change.code is Code.UNIQUE_CHANGED and column in reliance.key:
        return Notice(Code.KEY_MUST_BE_UNIQUE)
    if change.code is Code.TYPE_CHANGED and column not in reliance.own_rule:
        return Notice(Code.COMPARED_BY_NEW_TYPE)
    if change.code is Code.MANDATORY_CHANGED and change.narrower:
        return Notice(Code.CREATED_WHERE_FILLED, {"truth": fed})
    return Notice(Code.STILL_FITS)


def _for_the_synchronisations(change: Change, reliance: Reliance) -> Iterator[Notice]:
    if reliance.synchronisations is None:
        yield Notice(Code.SYNCHRONISATIONS_UNREAD)
        return
    known = {name: columns for name, columns in reliance.synchronisations.items() if columns is not None}
    for name in reliance.synchronisations.keys() - known.keys():
        yield Notice(Code.SYNCHRONISATION_UNTOLD, {"name": name})
    concerned = [name for name, columns in known.items() if change.column in columns]
    for name in concerned:
        goes_on = Code.SYNCHRONISATION_REFUSED if change.narrower else Code.SYNCHRONISATION_GOES_ON
        gone = change.code.endswith("_gone")
        yield Notice(Code.SYNCHRONISATION_FAILS if gone else goes_on, {"name": name})
    if change.code is Code.ATTRIBUTE_ADDED and change.narrower:
        for name in known:
            if name not in concerned:
                yield Notice(Code.SYNCHRONISATION_CREATES_NONE, {"name": name})
    elif change.code.endswith("_added") and not concerned and len(known) == len(reliance.synchronisations):
        yield Notice(Code.NOT_SYNCHRONISED)
