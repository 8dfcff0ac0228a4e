"""Who is left alone because another key is probably the same person, until a steward says that they are two people."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.findings.audit import Audit
from auditor.model import Side
from auditor.plan.decisions import Choice, Decision


def held(audit: Audit, side: Side, decisions: Iterable[Decision]) -> set[str]:
    """The keys of a side that are in a pair of probably one person, unless somebody has decided that they are two."""
    apart = {(one.platform, one.truth) for one in decisions if one.choice is Choice.TWO_PEOPLE}
    names = ("platform_key", "truth_key", "other_key")
    keys: set[str] = set()
    for platform, truth, other in audit.same_person.select(names).iter_rows():
        pair = (platform or truth, other or truth)
        own = platform if side is Side.PLATFORM else truth
        if own is not None and pair not in apart:
            keys |= {own} if other is None else {own, other}
    return keys
