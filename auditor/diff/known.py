"""What a diff is told beside the two sides: what earlier runs and the ledger know, and the moments of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier runs and the ledger know; None where there is nothing, or nobody was asked."""

    base: ir.Table | None
    """`anchor`, and `marks`: a struct of the agreed value's mark per compared column, `b0`, `b1` … (null: none)."""
    base_by_key: bool
    """True where the anchors of `base` are canonical keys, whatever profileIds the platform has."""
    sent: ir.Table | None
    """`key` (as the platform spells it), `column` (null: the whole profile): written after the export's moment."""
    seen: ir.Table | None
    """`key` (canonical): was on the platform in an earlier run."""
    blocked: ir.Table | None
    """`key` (as shown), `column`: a truth cell that must not be sent."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments that the two inputs show; None where nobody can tell."""

    platform: datetime | None
    truth: datetime | None


def under_keys_of_now(recorded: ir.Table, rows: ir.Table) -> ir.Table:
    """What the ledger has of people, by `key` and `profile_id`, under the keys that the export spells of them by now;
    nothing of those whose key somebody else has. `rows` are those of Matched.
    """
    now = rows.filter(rows.platform_text.notnull()).select(now="platform_text", who="profile_id")
    found = recorded.left_join(now, recorded.profile_id == now.who)
    found = found.mutate(key=ibis.coalesce(found.now, found.key)).select(*recorded.columns)
    held = now.select(shown="now", holder="who")
    told = found.left_join(held, found.key == held.shown)
    return told.filter((told.profile_id == told.holder).fill_null(True)).select(*recorded.columns).distinct()
