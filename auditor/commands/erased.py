"""Who was erased on request, by what is known of the people and the cells of an audit.

Who is on the platform is known by the number of their profile: a key, or an address, is somebody else's tomorrow, or
theirs again in a profile that they asked for. Who is not there yet is known by any of their identifiers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

import polars as pl

from auditor.findings.audit import Audit
from auditor.model import Structure
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.writes import key_identifiers

NUMBER = "profileId"
"""What the number of a profile is called among identifiers."""


def erased_cells(
    contract: Contract, structure: Structure, audit: Audit, ledger: Ledger
) -> frozenset[tuple[str, str | None]]:
    """What of the differing cells is of somebody who was erased: key and None; and which of them would be given a value
    that identified such a person: key and column.
    """
    if not ledger.knows_erased:
        return frozenset()
    differing = audit.profiles.join(audit.differences, on="key", how="semi")
    numbers = dict(differing.select("key", "profile_id").iter_rows())
    gone = erased_keys(contract, ledger, numbers, {key: number for key, number in numbers.items() if number})
    unique = [one.name for one in structure.attributes if one.unique]
    own = audit.differences.filter(pl.col("column").is_in([*unique, *contract.key]))
    given: list[tuple[str, str | None]] = []
    for (column,), rows in own.group_by("column"):
        texts = rows.drop_nulls("truth").select("key", "truth").iter_rows()
        given += [(key, column) for key in with_erased(ledger, ((key, column, text) for key, text in texts))]
    return frozenset([*((key, None) for key in gone), *given])


def erased_keys(contract: Contract, ledger: Ledger, keys: Iterable[str], numbers: Mapping[str, str]) -> set[str]:
    """Those of these keys that are of somebody who was erased; `numbers` are of whom the platform has, by key."""
    every = list(keys)
    there = with_erased(ledger, ((key, NUMBER, numbers.get(key)) for key in every))
    return there | of_erased(contract, ledger, (key for key in every if key not in numbers))


def of_erased(contract: Contract, ledger: Ledger, keys: Iterable[str]) -> set[str]:
    """Those of these keys that somebody had who was erased, as far as a key alone tells."""
    parts = []
    for key in keys:
        with contextlib.suppress(ValueError):
            found = key_identifiers(key, contract.key, contract.fallbacks)
            parts += [(key, column, text) for column, text in found.items()]
    return with_erased(ledger, parts)


def with_erased(ledger: Ledger, cells: Iterable[tuple[str, str, str | None]]) -> set[str]:
    """The keys, of cells with key, column and text, of which one holds what identified somebody who was erased."""
    held: dict[str, dict[str, set[str]]] = {}
    for key, column, text in cells:
        if text:
            held.setdefault(column, {}).setdefault(text, set()).add(key)
    hits = [of[text] for column, of in held.items() for text in ledger.erased_among(column, of.keys())]
    return set().union(*hits)
