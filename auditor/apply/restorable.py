"""Whether the platform takes a value back that stood there once, as its structure is now."""

from __future__ import annotations

from auditor.model import SUBSCRIPTION_PREFIX, TEXTS, Refusal, Structure


def refusal(column: str, text: str | None, structure: Structure) -> Refusal | None:
    """How the platform would refuse a value in a column; None: nothing in the structure speaks against it.

    What other profiles have, nobody asks here.
    """
    if column.startswith(SUBSCRIPTION_PREFIX):
        return None
    segmentation, attribute = structure.segmentation(column), structure.attribute(column)
    if segmentation is None and attribute is None:
        return Refusal.INVALID
    if segmentation is not None:
        if not segmentation.exclusive:
            return None
        if not text:
            return Refusal.MANDATORY if segmentation.mandatory else None
        return None if text in segmentation.segments else Refusal.INVALID
    if attribute is None or not text:
        return Refusal.MANDATORY if attribute is not None and attribute.mandatory else None
    if attribute.multi_valued:
        return None
    if attribute.type in TEXTS and attribute.max_length is not None and len(text) > attribute.max_length:
        return Refusal.TOO_LONG
    if attribute.type in TEXTS and attribute.min_length is not None and len(text) < attribute.min_length:
        return Refusal.TOO_SHORT
    return Refusal.INVALID if attribute.allowed and text not in attribute.allowed else None
