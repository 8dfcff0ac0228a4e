"""Who somebody is beside their key: what the platform gives to one profile at a time, as keyed digests.

A profile that was deleted and made again has another key and another profileId, and perhaps the same address; keys are
given to somebody else. What a person withdrew is held against them by any of these (see `known_history`).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from auditor.diff.activity_people import keyed
from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import Side, Structure
from auditor.settings.contract import Contract


def identifiers(engine: Engine, contract: Contract, structure: Structure, matched: Matched, secret: str) -> ir.Table:
    """The profileId and every unique attribute but the key's: key (canonical), side, name (digest); none is null.

    The same value in another column is another name, and so is a profileId of another table.
    """
    unique = {attribute.name for attribute in structure.attributes if attribute.unique and not attribute.technical}
    columns = [column for column in contract.columns if column.name in unique.difference(contract.key)]
    pieces = []
    for side in Side:
        raw, keys = matched.raw[side], matched.keys[side]
        keys = keys.filter(keys.key.notnull())
        if side is Side.PLATFORM:
            number = keyed(keys.profile_id, f"{secret}:{structure.number}:profileId")
            pieces.append(keys.select("key", side=ibis.literal(side.value), name=number))
        for column in columns:
            form = rules.canonical(raw[source_name(column, side)], column, side, contract.timezone.key)
            own = raw.select(own_row=raw[ROW_NUMBER], name=keyed(form, f"{secret}:{column.name}"))
            pieces.append(
                keys.join(own, keys.row == own.own_row)
                .select("key", "name", side=ibis.literal(side.value))
                .select("key", "side", "name")
            )
    found = ibis.union(pieces[0], *pieces[1:]) if len(pieces) > 1 else pieces[0]
    return engine.keep(found.filter(found.name.notnull()).distinct(), "identifiers")
