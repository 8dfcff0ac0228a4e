"""Attributes, segmentations and columns in words, for terminals, reports and hand-over sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, AttributeType, Segmentation

TYPE: Final[Mapping[AttributeType, str]] = {
    AttributeType.STRING: "text",
    AttributeType.INTEGER: "whole number (32 bits)",
    AttributeType.LONG: "whole number (64 bits)",
    AttributeType.NUMERIC: "decimal number",
    AttributeType.BOOLEAN: "yes or no",
    AttributeType.DATE: "date",
    AttributeType.TIMESTAMP: "date and time",
    AttributeType.EMAIL: "e-mail address",
    AttributeType.PHONE: "phone number",
    AttributeType.LANGUAGE: "language code",
    AttributeType.COUNTRY: "country code",
    AttributeType.SEX: "sex (M or F)",
    AttributeType.TITLE: "title (Mr, Mrs, Ms)",
    AttributeType.COORDINATES: "coordinates",
}

_LISTED: Final = 6
"""How many values a sentence names before it counts the others."""


def type_of(attribute: Attribute) -> str:
    """`text, several values`"""
    return TYPE[attribute.type] + (", several values" if attribute.multi_valued else "")


def restriction_of(attribute: Attribute) -> str:
    """`2 to 30 characters; one of A, B, C`; empty where anything of its type is accepted."""
    parts = [lengths(attribute.min_length, attribute.max_length)]
    parts += [f"one of {listed(attribute.allowed)}"] if attribute.allowed else []
    return "; ".join(part for part in parts if part)


def lengths(shortest: int | None, longest: int | None) -> str:
    if shortest and longest is not None:
        return f"{shortest} to {longest} characters"
    if longest is not None:
        return f"at most {longest} characters"
    return f"at least {shortest} characters" if shortest else ""


def attribute_in_words(attribute: Attribute) -> str:
    """`text, at most 30 characters, unique, mandatory`"""
    flags = [word for word, on in (("unique", attribute.unique), ("mandatory", attribute.mandatory)) if on]
    return ", ".join(part for part in (type_of(attribute), restriction_of(attribute), *flags) if part)


def segmentation_in_words(segmentation: Segmentation) -> str:
    """`exclusive, mandatory: Gold, Silver, Bronze`"""
    if not segmentation.exclusive:
        return "simple: a profile is a member or not"
    kind = "exclusive, mandatory" if segmentation.mandatory else "exclusive"
    return f"{kind}: {listed(segmentation.segments)}" if segmentation.segments else f"{kind}, without segments"


def column_in_words(column: str) -> str:
    """`the attribute "shoeSize"`, `the subscription "Events"`, `the segmentation "Tier"`."""
    for prefix, word in ((SUBSCRIPTION_PREFIX, "subscription"), (SEGMENTATION_PREFIX, "segmentation")):
        if column.startswith(prefix):
            return f'the {word} "{column.removeprefix(prefix)}"'
    return f'the attribute "{column}"'


def listed(names: Sequence[str]) -> str:
    """`A, B, C … (12 values)`"""
    more = f" … ({len(names)} values)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
