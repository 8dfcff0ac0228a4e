"""Looks at everything that a run needs, and says what is wrong and how it is put right; changes nothing.

    subject     what is looked at: each thing once, whoever needs it
    platform    key, host, rights, table, limits
    operations  which generation of the API answers what is needed
    inputs      contract, suite, structure, export, truth, synchronisations
    machine     versions, disk, memory, files that others could read, ledger, what runs and ran

Each check is a function from the subject to what it found. What cannot be looked at, for something before it is wrong,
is "not checked": that is no pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Final

from auditor.commands.doctor import inputs, machine, operations, platform
from auditor.commands.doctor.subject import Finding, Lacking, State, Subject
from auditor.errors import AuditorError
from auditor.settings.config import Settings

CHECKS: Final[Mapping[str, Callable[[Subject], Finding]]] = {
    "versions": machine.versions,
    "time zones": machine.time_zones,
    "key": platform.key,
    "host": platform.host,
    "write key": platform.write_key,
    "entity": platform.entity,
    "table": platform.table,
    "profiles": platform.profiles,
    "operations": operations.operations,
    "write operations": operations.write_operations,
    "clock": platform.clock,
    "limits": platform.limits,
    "contract": inputs.contract,
    "structure": inputs.structure,
    "suite": inputs.suite,
    "synchronisations": inputs.synchronisations,
    "file locations": inputs.locations,
    "export": inputs.export,
    "export columns": inputs.export_columns,
    "export rows": inputs.export_rows,
    "export keys": inputs.export_keys,
    "truth": inputs.truth,
    "truth columns": inputs.truth_columns,
    "truth keys": inputs.truth_keys,
    "activities": inputs.activities,
    "disk": machine.disk,
    "memory": machine.memory,
    "permissions": machine.permissions,
    "ledger": machine.ledger,
    "quota": machine.quota,
    "other runs": machine.other_runs,
    "schedule": machine.schedule,
}
"""Every check by its name, in the order in which they are told."""


def diagnose(settings: Settings, *, now: datetime, find_host: bool = False) -> Iterator[tuple[str, Finding]]:
    """The name of each check and what it found, as it is found.

    `find_host`: a key that is not accepted is tried at Actito's other hosts.
    """
    with closing(Subject(settings, now, find_host=find_host)) as subject:
        for name, check in CHECKS.items():
            try:
                yield name, check(subject)
            except Lacking as lacking:
                yield name, Finding(State.NOT_CHECKED, f"without {lacking} it cannot be known")
            except AuditorError as error:
                yield name, Finding(State.TROUBLE, str(error), error.hint or "")


__all__ = ["CHECKS", "Finding", "State", "diagnose"]
