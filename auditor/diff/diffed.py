"""The diff: every key gets exactly one status, every differing cell a status of its own and who moved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from auditor.diff.cells import differing, fetch, unlike
from auditor.diff.counts import DiffCounts, counted
from auditor.diff.known import Known, Moments
from auditor.diff.profiles import not_equal
from auditor.engine.protocol import Engine
from auditor.match.join import Matched
from auditor.model import Side
from auditor.settings.contract import Contract


@dataclass(frozen=True, slots=True)
class Diffed:
    """Two matched sides, compared."""

    fetched: ir.Table
    """The rows of matched keys whose hashes differ, as `cells.fetch` gives them."""
    drawn: ir.Table
    """Those of a sample of all that match, likewise."""
    unlike: ir.Table
    """A row per fetched cell that is not evidently equal, as `cells.unlike` gives it."""
    cells: ir.Table
    """A row per differing cell: key (canonical), key_text (as shown), column, compare, platform, truth, their canonical
    forms, base, status, moved, waiting, pending, blocked, platform_updated, truth_updated, profile_id.
    """
    profiles: ir.Table
    """A row per key that is not equal, in the columns of `audit.PROFILES`, and the canonical key as `canonical`."""
    counts: DiffCounts


def diff(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    known: Known,
    moments: Moments,
    rejected: Mapping[Side, int],
) -> Diffed:
    """Compare two matched sides. `rejected` counts unreadable rows per side."""
    fetched, drawn = fetch(engine, contract, matched, known)
    found = unlike(engine, fetched, contract, known.base)
    cells = differing(engine, found, contract, known, moments)
    profiles = not_equal(engine, contract, matched, cells, known, moments)
    counts = counted(engine, contract, matched, found, profiles, rejected)
    return Diffed(fetched, drawn, found, cells, profiles, counts)
