"""Whether a live structure fits contract, truth, export and synchronisations, and what changed since the last run.

Every finding has a stable code and a sentence without values of profiles. What could not be looked at is a finding of
its own (`not checked`), never a pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.findings import sentences
from auditor.findings.english.numbers import counted
from auditor.findings.english.structure_words import TYPE, column_in_words, lengths, listed
from auditor.findings.words import Words
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Rule, Structure
from auditor.settings.contract import Contract
from auditor.settings.problems import nearest
from auditor.structure.changes import Change, Reliance, meaning
from auditor.structure.measure import Refusal


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the structure does not fit, or could not be looked at."""

    code: str
    column: str
    """Empty where it is about the whole table."""
    sentence: str
    checked: bool = True
    """False: something that could not be checked, named as such."""
    in_scope: bool = True
    """False for what the contract does not map: named, but no reason to call the check incomplete."""
    cells: int = 0
    """Truth cells concerned."""


@dataclass(frozen=True)
class Facts:
    """Everything that was found out about one table."""

    live: Structure
    contract: Contract
    """Read against the structure as it would be with everything that it lacks."""
    refusals: Sequence[Refusal] | None
    """Of the truth's cells, by the structure's rules; None: the truth could not be read."""
    say: Words
    rows: int
    """Truth rows that were measured."""
    unknown_segments: Mapping[str, Sequence[str]]
    """Per segmentation column: what the truth says and the structure does not know."""
    header: Collection[str] | None
    """Columns of the newest export; None: there is none that can be read."""
    changes: Sequence[Change]
    """Since the last run."""
    last_run: str
    reliance: Reliance
    unread: tuple[tuple[str, str], ...]
    """What could not be read, and why: (`truth`, sentence), (`export`, …), (`synchronisations`, …)."""


_NARROW = frozenset(
    {Rule.INTEGER, Rule.NUMBER, Rule.DATE, Rule.TIMESTAMP, Rule.BOOLEAN, Rule.EMAIL, Rule.PHONE, Rule.LANGUAGE,
     Rule.COUNTRY, Rule.SEX, Rule.TITLE, Rule.COORDINATES}
)  # fmt: skip


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Everything that does not fit, what was not checked last."""
    found = [*_unknown(facts), *_data(facts), *_mandatory(facts), *_key(facts), *_changed(facts), *_outside(facts)]
    return tuple(sorted(found, key=lambda one: not one.checked))


def missing(contract: Contract, live: Structure) -> tuple[str, ...]:
    """The contract's columns that a structure does not have."""
    return tuple(column.name for column in contract.columns if column.name not in live.columns)


def _unknown(facts: Facts) -> Iterator[Finding]:
    for name in missing(facts.contract, facts.live):
        code = "attribute_missing"
        if name.startswith(SUBSCRIPTION_PREFIX):
            code = "subscription_unknown"
        elif name.startswith(SEGMENTATION_PREFIX):
            code = "segmentation_unknown"
        free = [known for known in facts.live.columns if known not in facts.reliance.mapped]
        sentence = f"the contract maps {column_in_words(name)}, which the table does not have{nearest(name, free)}"
        yield Finding(code, name, sentence)
    for name, values in facts.unknown_segments.items():
        if name in facts.live.columns:
            what = "segment" if len(values) == 1 else "segments"
            sentence = f"{column_in_words(name)} has no {what} {listed(list(values))}, which {facts.say.truth} uses"
            cells = sum(refusal.cells for refusal in facts.refusals or () if refusal.column == name)
            yield Finding("segment_unknown", name, sentence, cells=cells)


def _data(facts: Facts) -> Iterator[Finding]:
    for refusal in facts.refusals or ():
        name, attribute = refusal.column, facts.live.attribute(refusal.column)
        if name not in facts.live.columns or refusal.rule in (Rule.SEGMENT, Rule.MANDATORY):
            continue
        place, cells = column_in_words(name), f"{counted(refusal.cells, 'value')} of {facts.say.truth}"
        verb = "is" if refusal.cells == 1 else "are"
        if refusal.rule == Rule.MAX_LENGTH and attribute is not None:
            limit = lengths(None, attribute.max_length) or refusal.sentence
            sentence = f"{place} takes {limit}; {cells} {verb} longer, the longest has {refusal.longest}"
            yield Finding("value_too_long", name, sentence, cells=refusal.cells)
        elif refusal.rule == Rule.UNIQUE:
            sentence = f"{place} is unique; {cells} {'repeats' if refusal.cells == 1 else 'repeat'} another"
            yield Finding("value_not_unique", name, sentence, cells=refusal.cells)
        elif refusal.rule in _NARROW and attribute is not None:
            fail = "does not fit" if refusal.cells == 1 else "do not fit"
            sentence = f"{place} is of the type {TYPE[attribute.type]}; {cells} {fail}"
            yield Finding("type_too_narrow", name, sentence, cells=refusal.cells)
        else:
            code = {Rule.MIN_LENGTH: "value_too_short", Rule.ALLOWED_VALUES: "value_not_allowed"}.get(
                Rule(refusal.rule), "type_too_narrow"
            )
            sentence = f"{place}: {cells} {verb} not {refusal.sentence}"
            yield Finding(code, name, sentence, cells=refusal.cells)


def _mandatory(facts: Facts) -> Iterator[Finding]:
    for attribute in facts.live.attributes:
        if attribute.mandatory and not attribute.technical and attribute.name not in facts.reliance.mapped:
            sentence = f"{column_in_words(attribute.name)} is mandatory and nothing feeds it: no profile can be created"
            yield Finding("mandatory_without_source", attribute.name, sentence)
    for segmentation in facts.live.segmentations:
        column = SEGMENTATION_PREFIX + segmentation.name
        if segmentation.mandatory and column not in facts.reliance.mapped:
            sentence = f"{column_in_words(column)} is mandatory and nothing feeds it: new profiles get its default"
            yield Finding("mandatory_without_source", column, sentence)
    for refusal in facts.refusals or ():
        if refusal.rule == Rule.MANDATORY and refusal.column in facts.live.columns:
            rows = counted(refusal.cells, "row")
            verb = "has" if refusal.cells == 1 else "have"
            sentence = (
                f"{column_in_words(refusal.column)} is mandatory; {rows} of {facts.say.truth} {verb} no value for it "
                "and cannot be created"
            )
            yield Finding("mandatory_without_source", refusal.column, sentence, cells=refusal.cells)


def _key(facts: Facts) -> Iterator[Finding]:
    key = facts.contract.key
    attribute = facts.live.attribute(key[0]) if len(key) == 1 else None
    if attribute is not None and not attribute.unique:
        where = f"not unique in {facts.say.platform}"
        sentence = f"{column_in_words(key[0])} is the key of the contract and {where}: no audit is possible"
        yield Finding("key_not_unique", key[0], sentence)


def _changed(facts: Facts) -> Iterator[Finding]:
    for change in facts.changes:
        what, *means = (sentences.sentence(one, facts.say) for one in (change.notice, *meaning(change, facts.reliance)))
        yield Finding("structure_changed", change.column, ". ".join([f"since {facts.last_run}: {what}", *means]))


def _outside(facts: Facts) -> Iterator[Finding]:
    """What nobody can see from here: columns outside the export, and outside every synchronisation."""
    for what, why in facts.unread:
        yield Finding(f"{what}_unread", "", why, checked=False)
    synchronisations = facts.reliance.synchronisations
    if synchronisations is not None and not synchronisations:
        sentence = "the table has no stored synchronisation: what else fills it cannot be told"
        yield Finding("not_synchronised", "", sentence, checked=False, in_scope=False)
    for name, columns in (synchronisations or {}).items():
        if columns is None:
            sentence = f'the synchronisation "{name}" does not say which columns it fills'
            yield Finding("synchronisations_unread", "", sentence, checked=False, in_scope=False)
    headers = {column.name: column.header for column in facts.contract.columns}
    filled = _filled(facts.reliance.synchronisations)
    for name in facts.live.columns:
        attribute = facts.live.attribute(name)
        if attribute is not None and attribute.technical:
            continue
        mapped = name in facts.reliance.mapped
        if facts.header is not None and headers.get(name, name) not in facts.header:
            sentence = f"{column_in_words(name)} is not in the export"
            yield Finding("not_in_export", name, sentence, checked=False, in_scope=mapped)
        if filled is not None and name not in filled:
            sentence = f"{column_in_words(name)} is in none of the synchronisations: only people and forms change it"
            yield Finding("not_synchronised", name, sentence, checked=False, in_scope=False)


def _filled(synchronisations: Mapping[str, Collection[str] | None] | None) -> set[str] | None:
    """Columns that some synchronisation fills; None where one does not say, or where there is none at all."""
    told = list((synchronisations or {}).values())
    if not told or None in told:
        return None
    return {column for columns in told for column in columns or ()}
