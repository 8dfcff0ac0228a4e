"""Changes of the table structure in English, and what they mean for contract, suite and synchronisations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from auditor.findings.codes import Code
from auditor.findings.english.structure_words import (
    TYPE,
    attribute_in_words,
    column_in_words,
    lengths,
    listed,
    segmentation_in_words,
)
from auditor.findings.words import Words
from auditor.model import Attribute, AttributeType, Segmentation


def _on_column(text: str) -> Callable[..., str]:
    """Words what is said of `{place}`, the column in words, from the other parameters."""
    return lambda say, *, column, **parameters: text.format(place=column_in_words(column), **parameters)


def _plainly(text: str) -> Callable[..., str]:
    return lambda say, **parameters: text.format(platform=say.platform, **parameters)


def _attribute_added(say: Words, *, column: str, attribute: Mapping[str, Any]) -> str:
    kinds = {"type": AttributeType(attribute["type"]), "allowed": tuple(attribute["allowed"])}
    return f"{column_in_words(column)} is new ({attribute_in_words(Attribute(**{**attribute, **kinds}))})"


def _segmentation_added(say: Words, *, column: str, segmentation: Mapping[str, Any]) -> str:
    return f"{column_in_words(column)} is new ({segmentation_in_words(_segmentation(segmentation))})"


def _segmentation_changed(say: Words, *, column: str, segmentation: Mapping[str, Any]) -> str:
    kind, _, _ = segmentation_in_words(_segmentation(segmentation)).partition(":")
    return f"{column_in_words(column)} is {kind} now"


def _segmentation(facts: Mapping[str, Any]) -> Segmentation:
    return Segmentation(**{**facts, "segments": tuple(facts["segments"])})


def _segments_changed(say: Words, *, column: str, new: Sequence[str], gone: Sequence[str]) -> str:
    parts = [f"has the new segment{'s' if len(new) > 1 else ''} {listed(new)}"] if new else []
    parts += [f"has no segment {listed(gone)} any more"] if gone else []
    return f"{column_in_words(column)} {' and '.join(parts)}"


def _type_changed(say: Words, *, column: str, was: str, now: str) -> str:
    kinds = (TYPE[AttributeType(kind)] for kind in (now, was))
    return "{} is of the type {} now, it was {}".format(column_in_words(column), *kinds)


def _length_changed(say: Words, *, column: str, was: Sequence[int | None], now: Sequence[int | None]) -> str:
    length, before = (lengths(*limits) or "any number of characters" for limits in (now, was))
    return f"{column_in_words(column)} takes {length} now, it was {before}"


def _allowed_values_changed(say: Words, *, column: str, allowed: Sequence[str]) -> str:
    return f"{column_in_words(column)} takes {f'one of {listed(allowed)}' if allowed else 'any value'} now"


def _flag_changed(flag: str) -> Callable[..., str]:
    return lambda say, *, column, on: f"{column_in_words(column)} is {flag if on else f'not {flag} any more'}"


def _multi_valued_changed(say: Words, *, column: str, on: bool) -> str:
    return f"{column_in_words(column)} takes {'several values' if on else 'one value only'} now"


def _no_audit_possible(say: Words, *, column: str) -> str:
    section = f'"{column}"' if "#" in column else column
    return f"the contract maps it: no audit is possible until [columns.{section}] is taken out or mapped anew"


CHANGES: Final[Mapping[Code, Callable[..., str]]] = {
    Code.TABLE_REPLACED: _plainly("the table has another number ({now}, it was {was}): it was made anew"),
    Code.API_CHANGED: _plainly(
        "the structure was told by the older API at one of the two moments: types and restrictions were not compared"
    ),
    Code.ATTRIBUTE_ADDED: _attribute_added,
    Code.ATTRIBUTE_GONE: _on_column("{place} is gone"),
    Code.TYPE_CHANGED: _type_changed,
    Code.LENGTH_CHANGED: _length_changed,
    Code.ALLOWED_VALUES_CHANGED: _allowed_values_changed,
    Code.MANDATORY_CHANGED: _flag_changed("mandatory"),
    Code.UNIQUE_CHANGED: _flag_changed("unique"),
    Code.MULTI_VALUED_CHANGED: _multi_valued_changed,
    Code.SUBSCRIPTION_ADDED: _on_column("{place} is new"),
    Code.SUBSCRIPTION_GONE: _on_column("{place} is gone"),
    Code.SEGMENTATION_ADDED: _segmentation_added,
    Code.SEGMENTATION_GONE: _on_column("{place} is gone"),
    Code.SEGMENTATION_CHANGED: _segmentation_changed,
    Code.SEGMENTS_CHANGED: _segments_changed,
    Code.LESS_IS_CHECKED: _plainly(
        "contract and suite follow what is told now, and less is checked while it is the older API"
    ),
    Code.AGREED_NO_MORE: _plainly(
        "what was agreed and written before does not hold for it: look at it before anything is written"
    ),
    Code.COMPARED_FROM_NOW_ON: _plainly('the contract feeds it from "{truth}": it is compared from now on'),
    Code.NO_CREATION_WITHOUT: _plainly(
        "it is mandatory and the contract does not map it: {platform} refuses every creation without it"
    ),
    Code.NOT_COMPARED: _plainly("the contract does not map it: it is not compared"),
    Code.NOT_CONCERNED: _plainly("the contract does not map it: the audit is not concerned"),
    Code.NO_AUDIT_POSSIBLE: _no_audit_possible,
    Code.KEY_MUST_BE_UNIQUE: _plainly("it is the key of the contract: an audit needs a key that is unique"),
    Code.COMPARED_BY_NEW_TYPE: _plainly(
        "its values are compared by the rule of the new type, and what was agreed by another rule is no base"
    ),
    Code.CREATED_WHERE_FILLED: _plainly('a profile is created only where "{truth}" is filled'),
    Code.STILL_FITS: _plainly("the contract maps it and still fits"),
    Code.MAY_BE_INVALID: _plainly(
        "the suite follows by itself: values that were fine may be invalid values from this run on"
    ),
    Code.MAY_BE_FINE: _plainly("the suite follows by itself: values that were invalid may be fine from this run on"),
    Code.SYNCHRONISATIONS_UNREAD: _plainly(
        "the synchronisations of the table could not be read: whether one fills it is not known"
    ),
    Code.SYNCHRONISATION_UNTOLD: _plainly('the synchronisation "{name}" does not say whether it fills it: look at it'),
    Code.SYNCHRONISATION_FAILS: _plainly(
        'the synchronisation "{name}" fills it and will fail, or lose it, until its mapping is changed'
    ),
    Code.SYNCHRONISATION_REFUSED: _plainly(
        'the synchronisation "{name}" fills it: rows that do not fit any more will be refused'
    ),
    Code.SYNCHRONISATION_GOES_ON: _plainly('the synchronisation "{name}" fills it and goes on'),
    Code.SYNCHRONISATION_CREATES_NONE: _plainly(
        'the synchronisation "{name}" does not fill it: it can create no profile any more'
    ),
    Code.NOT_SYNCHRONISED: _plainly("no synchronisation fills it"),
}
