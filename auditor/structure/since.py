"""What changed in the structure since the last run, and what relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor.actito import ActitoError, Reader
from auditor.findings.codes import Code, Notice
from auditor.model import Structure
from auditor.settings.contract import Compare, Contract
from auditor.settings.contract_file import read_contract
from auditor.structure.changes import Reliance, changes, told


def since(run: str, before: Structure | None, live: Structure, reader: Reader, contract: Path) -> tuple[Notice, ...]:
    """A notice for each change since `run`, whose structure was `before`, with what it means; nothing changed: none.

    Where nobody can read what it was, a notice that says so. Only where something changed are the synchronisations
    asked for. Raises SettingsError for a contract that cannot be read, whatever the structure.
    """
    if before is None:
        return (structure_lost(run),)
    found = changes(before, live)
    if not found:
        return ()
    synchronisations, _ = read_synchronisations(reader, live)
    return told(run, found, reliance(read_contract(contract, None), synchronisations))


def structure_lost(run: str) -> Notice:
    """What is told where nobody can read the structure that a run saw."""
    return Notice(Code.STRUCTURE_LOST, {"file": f"{run}/structure.json"})


def read_synchronisations(reader: Reader, live: Structure) -> tuple[dict[str, tuple[str, ...] | None] | None, str]:
    """Name of each synchronisation of a table and the columns it fills; None, with a sentence, where not readable."""
    try:
        return {one.name: one.columns for one in reader.synchronisations(live)}, ""
    except ActitoError as error:
        return None, f"the synchronisations of the table could not be read: {error}"


def reliance(draft: Contract, synchronisations: Mapping[str, tuple[str, ...] | None] | None) -> Reliance:
    """What relies on the structure. `draft` is the contract read without one."""
    return Reliance(
        mapped={column.name: column.truth for column in draft.columns},
        key=draft.key,
        own_rule=[column.name for column in draft.columns if column.compare is not Compare.EXACT],
        synchronisations=synchronisations,
    )
