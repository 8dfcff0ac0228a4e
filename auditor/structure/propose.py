"""Makes a proposal of what a structure lacks: what can be added, what only a person can change, and what to know."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime

from auditor.findings.english.numbers import counted
from auditor.findings.english.structure_words import TYPE, column_in_words, listed
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, Rule, Structure
from auditor.settings.contract import Contract
from auditor.structure.infer import TEXT_LENGTH, problems_of_name
from auditor.structure.measure import MOST_SEGMENTS, Refusal
from auditor.structure.proposal import Addition, ByHand, Proposal
from auditor.structure.survey import Surveyed

CLOSE = 0.85
"""Two names at least so alike (from 0 to 1) are probably meant to be one."""
SHARE = 0.05
"""Where more of the filled values than this do not fit a type, the type is wrong, not the values."""

_FIXED = "what exists cannot be changed through the API, as far as is known: types, lengths and flags are for a person"


def propose_changes(
    entity: str, table: str, live: Structure | None, surveyed: Surveyed, *, made: datetime, anew: Sequence[str] = ()
) -> Proposal:
    """What should become of `live` (None: a table to be made). `anew`: columns to add though a near name exists."""
    additions: list[Addition] = []
    by_hand: list[ByHand] = []
    there = live or Structure(table_id="", table=table, attributes=())
    for column in surveyed.contract.columns:
        name = column.name
        if name in there.columns:
            continue
        near = _near(name, there, surveyed.contract)
        if near is not None and name not in anew:
            by_hand.append(
                ByHand(
                    name,
                    f"it is lacking, and looks like {column_in_words(near)}, which exists and is not mapped",
                    f"names cannot be changed (U-attr). If they are the same, correct the contract; if not, propose it "
                    f"with --anew {name}",
                )
            )
            continue
        found = _addition(name, column.truth, surveyed)
        if isinstance(found, Addition):
            additions.append(found)
        else:
            by_hand.append(found)
    for name, segments in surveyed.segments.items():
        additions += _segments(name, segments, surveyed.called)
        by_hand += [_too_many(name)] if segments is None else []
    by_hand += _changes_by_hand(there, surveyed)
    notes = tuple(_notes(there, live is None, additions, surveyed))
    return Proposal(entity, table, made, live, tuple(additions), tuple(by_hand), notes)


def _addition(name: str, truth: str, surveyed: Surveyed) -> Addition | ByHand:
    filled = counted(surveyed.filled[name], "filled value")
    if name.startswith(SUBSCRIPTION_PREFIX):
        reason = f'the contract feeds it from "{truth}"; {filled}'
        return Addition(reason, subscription=name.removeprefix(SUBSCRIPTION_PREFIX))
    if name.startswith(SEGMENTATION_PREFIX):
        segmentation = surveyed.segmentations[name]
        if segmentation is None:
            return _too_many(name) if surveyed.filled[name] else _nothing_filled(name, surveyed.called)
        return Addition(f'the contract feeds it from "{truth}"; {filled}', segmentation=segmentation)
    problems = list(problems_of_name(name))
    if problems:
        return ByHand(name, "another name in the contract", "; ".join(problems))
    inferred = surveyed.inferred[name]
    if inferred is None:
        return _nothing_filled(name, surveyed.called)
    return Addition(f'the contract feeds it from "{truth}"; {inferred.reason}', attribute=inferred.attribute)


def _segments(column: str, segments: tuple[str, ...] | None, truth: str) -> Iterator[Addition]:
    name = column.removeprefix(SEGMENTATION_PREFIX)
    for segment in segments or ():
        yield Addition(f"{truth} uses it, and the segmentation has no such segment", segment=(name, segment))


def _too_many(column: str) -> ByHand:
    what = "a look at the column that feeds it: its values are no segments"
    return ByHand(column, what, f"it has more than {MOST_SEGMENTS} different values")


def _nothing_filled(column: str, truth: str) -> ByHand:
    return ByHand(
        column,
        "its type, from somebody who knows",
        f"no value is filled in {truth}, and types are not guessed: --type {column}=string:100, for example",
    )


def _changes_by_hand(live: Structure, surveyed: Surveyed) -> Iterator[ByHand]:
    for refusal in surveyed.refusals:
        attribute = live.attribute(refusal.column)
        if attribute is not None and not attribute.technical:
            what = _by_hand(attribute, refusal, surveyed.called)
            if what:
                verb = "does" if refusal.cells == 1 else "do"
                why = f"{counted(refusal.cells, 'value')} of {surveyed.called} {verb} not fit; {_FIXED}"
                yield ByHand(refusal.column, what, why)
    key = surveyed.contract.key
    attribute = live.attribute(key[0]) if len(key) == 1 else None
    if attribute is not None and not attribute.unique:
        yield ByHand(key[0], "make it unique, or name another key in the contract", f"it is the key; {_FIXED}")
    mapped = {column.name for column in surveyed.contract.columns}
    for attribute in live.attributes:
        if attribute.mandatory and not attribute.technical and attribute.name not in mapped:
            what = "feed it in the contract, or make it optional"
            yield ByHand(attribute.name, what, f"it is mandatory and nothing feeds it; {_FIXED}")


def _by_hand(attribute: Attribute, refusal: Refusal, truth: str) -> str:
    """What a person could change so that the values fit; empty where a few wrong values are the likelier reason."""
    if refusal.rule == Rule.MAX_LENGTH:
        limit = attribute.max_length or TEXT_LENGTH
        if limit >= TEXT_LENGTH:
            return ""
        return f"{min(refusal.longest, TEXT_LENGTH)} characters instead of {limit}, or shorter values in {truth}"
    if refusal.rule == Rule.ALLOWED_VALUES:
        return f"more values than {listed(attribute.allowed)}, or other values in {truth}"
    wrong = refusal.rule not in (Rule.MANDATORY, Rule.UNIQUE, Rule.MIN_LENGTH)
    if wrong and refusal.cells > SHARE * refusal.filled:
        return f"another type than {TYPE[attribute.type]}: a new attribute, since a type stays as it is"
    return ""


def _notes(live: Structure, new: bool, additions: Sequence[Addition], surveyed: Surveyed) -> Iterator[str]:
    added = {addition.attribute.name: addition.attribute for addition in additions if addition.attribute is not None}
    if added:
        yield (
            "a name and a type cannot be changed later (U-attr): look at them now. None is proposed as mandatory: "
            "what exists has no value yet"
        )
    for refusal in surveyed.refusals:
        if refusal.column in added and refusal.rule != Rule.MANDATORY:
            place, cells = column_in_words(refusal.column), counted(refusal.cells, "value")
            yield f"{place}: {cells} of {surveyed.called} would be refused ({refusal.sentence})"
    if not new:
        return
    yield "Actito makes emailAddress mandatory and unique unless it is told otherwise (U-predef)"
    good = {
        "an attribute to contact people by, emailAddress or gsmNumber": {"emailAddress", "gsmNumber"} & added.keys(),
        "motherLanguage": "motherLanguage" in added,
        "marketingConsent": "marketingConsent" in added,
        "a unique attribute": any(attribute.unique for attribute in added.values()),
        "at least one subscription": any(addition.subscription is not None for addition in additions),
    }
    lacking = [what for what, has in good.items() if not has]
    if lacking:
        yield f"a good table has {', '.join(lacking)} (U-comp): this one would not"


def _near(name: str, live: Structure, contract: Contract) -> str | None:
    """An existing column, of the same kind and not mapped, whose name is nearly this one."""
    mapped = {column.name for column in contract.columns}
    prefix = name.partition("#")[0] if "#" in name else ""
    free = [
        known
        for known in live.columns
        if known not in mapped and (known.partition("#")[0] if "#" in known else "") == prefix
    ]
    plain = _plain(name)
    for known in free:
        if _plain(known) == plain or difflib.SequenceMatcher(None, _plain(known), plain).ratio() >= CLOSE:
            return known
    return None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.partition("#")[2].casefold() or name.casefold() if letter.isalnum())
