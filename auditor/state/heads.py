"""How far the ledger had come, noted outside it: in each run, in each plan, and beside it by whoever was at work.

A ledger that was put back from a copy holds together, and knows nothing of what was sent since the copy was made. But
it lacks an entry that is noted, or has another one in its place. Where that is settled (`auditor settle`), the ledger
keeps which heads it lacks, and since when nobody asks for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from auditor.errors import GuardRefused
from auditor.files.whole import write_whole
from auditor.settings.config import Settings
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Head
from auditor.state.run_folder import all_runs

FILE: Final = "ledger-head.json"
HINT: Final = "put the newest ledger.sqlite back; where there is none: auditor settle"
_FIRST_LINES: Final = 3
"""A plan has its seal in one of these; what it writes, of which there may be very much, comes later."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A head, and where it is noted."""

    head: Head
    path: Path


def note(state: Path, head: Head) -> None:
    """Write down how far the ledger of a state folder has come; once everything up to there is on the disk."""
    write_whole(state / FILE, json.dumps({"entry": head.entry, "link": head.link}) + "\n")


def last_noted(state: Path) -> Head | None:
    """What was written down last; None where nothing is, or nothing that can be read."""
    return _head(_document(state / FILE))


def lacking(settings: Settings, ledger: Ledger) -> tuple[Noted, ...]:
    """The noted heads that the ledger does not have, without those that were settled; the furthest first.

    Runs and plans of other tables count for these: with their settings they are found.
    """
    noted = list(_noted(settings))
    known = ledger.among({one.head for one in noted})
    return tuple(sorted((one for one in noted if one.head not in known), key=lambda one: -one.head.entry))


def require_whole(settings: Settings, ledger: Ledger) -> None:
    """Raises GuardRefused where the ledger lacks what is noted: what was sent and decided since, nobody knows, and what
    is recorded in a copy is gone once the newest ledger is put back.
    """
    lacks = lacking(settings, ledger)
    if lacks:
        raise GuardRefused(f"{sentence(lacks, ledger)}: what was sent since is not known", hint=HINT)


def sentence(lacks: Sequence[Noted], ledger: Ledger) -> str:
    """What there is to say of heads that the ledger lacks."""
    furthest, has = lacks[0], ledger.head.entry
    other = f"it ends at {has:,}" if furthest.head.entry > has else "it has another one in its place"
    where = "/".join(furthest.path.parts[-2:])
    return f"the ledger comes from a copy: {where} notes its entry {furthest.head.entry:,}, and {other}"


def _noted(settings: Settings) -> Iterator[Noted]:
    beside = last_noted(settings.state_folder)
    if beside is not None:
        yield Noted(beside, settings.state_folder / FILE)
    for folder in all_runs(settings.runs_folder):
        run = _document(folder / "run.json")
        if (run.get("entity"), run.get("table")) != (settings.entity, settings.table):
            continue
        head = _head(run.get("ledger"))
        if head is not None:
            yield Noted(head, folder / "run.json")
        for path in folder.glob("plan-*.json"):
            head = _of_plan(path)
            if head is not None:
                yield Noted(head, path)


def _of_plan(path: Path) -> Head | None:
    try:
        with path.open(encoding="utf-8") as file:
            lines = [line.rstrip(",\n") for line in islice(file, _FIRST_LINES)]
        seals = [json.loads(line.removeprefix('"seal": ')) for line in lines if line.startswith('"seal": ')]
    except (OSError, ValueError):
        return None
    return _head(seals[0]) if seals else None


def _document(path: Path) -> dict[str, Any]:
    """What a damaged file notes is not known; whoever needs the file for its own sake complains of it."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _head(content: Any) -> Head | None:
    if not isinstance(content, dict):
        return None
    entry, link = content.get("entry"), content.get("link")
    return Head(entry, link) if isinstance(entry, int) and isinstance(link, str) else None
