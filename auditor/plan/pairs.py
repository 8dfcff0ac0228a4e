"""Who is left alone because another key is probably the same person, until a steward says that they are two people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from auditor.findings.audit import Audit
from auditor.findings.for_truth import ForTruth
from auditor.model import Side
from auditor.plan.decisions import DECIDED, OF_PAIRS, Choice, Decision
from auditor.plan.needs import FOR_THE_TRUTH
from auditor.state.ledger.records import SAME_PERSON

_ENDS: Final = (pl.coalesce("platform_key", "truth_key"), pl.coalesce("other_key", "truth_key"))
"""The two keys of a pair, as a decision has them."""


def held(audit: Audit, side: Side, decisions: Iterable[Decision]) -> set[str]:
    """The keys of a side that are in a pair of probably one person, unless somebody has decided that they are two."""
    apart = _said(decisions, Choice.TWO_PEOPLE)
    return {key for pair, keys in _pairs(audit, side) if pair not in apart for key in keys}


def one_of_two(audit: Audit, side: Side, decisions: Iterable[Decision]) -> set[str]:
    """The keys of a side of whose person somebody has decided that another key is theirs too."""
    same = _said(decisions, Choice.SAME)
    return {key for pair, keys in _pairs(audit, side) if pair in same for key in keys}


def _said(decisions: Iterable[Decision], choice: Choice) -> set[tuple[str | None, str | None]]:
    return {(one.platform, one.truth) for one in decisions if one.choice is choice}


def _pairs(audit: Audit, side: Side) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """Each pair, and its keys on this side."""
    for platform, truth, other in audit.same_person.select("platform_key", "truth_key", "other_key").iter_rows():
        own = platform if side is Side.PLATFORM else truth
        if own is not None:
            yield (platform or truth, other or truth), {own} if other is None else {own, other}


def with_decided(pairs: pl.DataFrame, decisions: Iterable[Decision]) -> pl.DataFrame:
    """The rows of `Audit.same_person` with the columns of decisions.DECIDED; a pair stays what it is, so they hold."""
    made = [
        (one.platform, one.truth, one.choice, one.by, one.made, one.overrules)
        for one in decisions
        if one.choice in OF_PAIRS
    ]
    schema = pl.Schema({"one": pl.String(), "another": pl.String()}) | DECIDED
    decided = pl.DataFrame(made, schema=schema, orient="row").unique(["one", "another"], keep="last")
    one, another = _ENDS
    ends = pairs.with_columns(one=one, another=another)
    return ends.join(decided, on=["one", "another"], how="left", maintain_order="left").drop("one", "another")


def one_person(pairs: pl.DataFrame) -> pl.DataFrame:
    """What the owners of the truth hear of people whom both sides have under different keys, as FOR_THE_TRUTH.

    `pairs` is what `with_decided` gave. The key is the platform's; both keys stand beside each other as the values.
    """
    same = pairs.filter((pl.col("chosen") == Choice.SAME) & (pl.col("side") == "both"))
    return same.select(
        key="platform_key",
        column=pl.lit(SAME_PERSON),
        platform="platform_key",
        truth="truth_key",
        why=pl.lit(ForTruth.SAME_PERSON.value),
    ).cast(FOR_THE_TRUTH)
