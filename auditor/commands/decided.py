"""Records what people decided: a file that was named, and everything that lies in the inbox `decisions/`.

A file is recorded whole or not at all, and recorded again it changes nothing: whoever was stopped before it was moved
takes it once more. Of two decisions on one cell the later counts, by when it was made, whichever comes first here.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.commands.decided_gone import of_gone, told
from auditor.commands.erased import erased_keys, of_erased
from auditor.commands.known import holders, newcomers
from auditor.errors import GuardRefused, SettingsError
from auditor.model import Status
from auditor.plan.decisions import Choice, Decision, read_decisions
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import FILE, Ledger, records
from auditor.state.past_runs import find_run

TAKEN: Final = "taken"
"""The folder of the inbox for what was recorded."""

_Cell = tuple[str, str, str | None]


def take(settings: Settings, contract: Contract, now: datetime, tell: Callable[[str], None]) -> None:
    """Record every file in the inbox and move it away; what is refused stays, with the reason told.

    What was taken stays as long as the snapshots of runs do.
    """
    _expire(settings, now, tell)
    waiting = list(_files(settings.decisions_folder))
    if not waiting:
        return
    if not (settings.state_folder / FILE).exists():
        tell("decisions/ is left as it is: no run is recorded here that they could be about")
        return
    with Ledger(settings.state_folder) as ledger:
        for path in sorted(waiting, key=lambda path: (path.lstat().st_mtime_ns, path.name)):
            try:
                if path.is_symlink() or not path.is_file():
                    raise SettingsError(f"{path} is no file of its own, and is not followed")
                for line in record(settings, contract, ledger, path, now):
                    tell(line)
            except SettingsError as error:
                tell(f"not taken: {error}")
                continue
            try:
                if of_erased(contract, ledger, _texts(path)):
                    path.unlink()
                    tell(f"{path.name}: removed, for it is about somebody who was erased as well")
                else:
                    _put_away(path, now)
            except OSError as error:
                tell(f"{path} could not be moved ({error.strerror}); taken again it changes nothing")


def take_all(settings: Settings, now: datetime, tell: Callable[[str], None]) -> None:
    """Record every file in the inbox, by the newest run: what people are called, or who is known, is about to change.

    Raises GuardRefused where one stays.
    """
    if not any(_files(settings.decisions_folder)):
        return
    structure = run_folder.read_structure(find_run(settings))
    take(settings, read_contract(settings.table_folder / "contract.toml", structure), now, tell)
    number = sum(1 for _ in _files(settings.decisions_folder))
    if number:
        stays = "1 file of decisions stays" if number == 1 else f"{number:,} files of decisions stay"
        raise GuardRefused(f"{stays} in {settings.decisions_folder}", hint="mend what is not taken, or move it away")


def require_taken(settings: Settings) -> None:
    """Raises GuardRefused where files wait in the inbox: what somebody decided may speak against what is to be sent."""
    number = sum(1 for _ in _files(settings.decisions_folder))
    if number:
        waits = "1 file of decisions waits" if number == 1 else f"{number:,} files of decisions wait"
        raise GuardRefused(
            f"{waits} in {settings.decisions_folder}, and may be about what is to be written",
            hint="take them first: auditor plan (what it does not take, it names: move that away)",
        )


def remove_taken(settings: Settings, texts: Collection[str]) -> dict[Path, str]:
    """Remove what was taken and holds one of these keys or values, case and outer blanks aside: the ledger has it.

    Gives what could not be read or removed, and why.
    """
    folder, sought = settings.decisions_folder / TAKEN, {_plain(text) for text in texts}
    kept = dict[Path, str]()
    try:
        there = sorted(folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as error:
        return {folder: _why(error)}
    for path in there:
        try:
            own = _is_one(path) and path.is_file() and not path.is_symlink()
            if own and sought.intersection(map(_plain, _texts(path))):
                path.unlink()
        except OSError as error:
            kept[path] = _why(error)
    return kept


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _plain(text: str) -> str:
    return text.strip().lower()


def _texts(path: Path) -> set[str]:
    """The keys and values in a file of decisions, as far as it is one: anybody may have put it there."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return set()
    lines = content.get("decisions") if isinstance(content, dict) else None
    told = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    texts = (text for line in told for text in map(line.get, ("key", "platform", "truth")))
    return {text for text in texts if isinstance(text, str) and text}


def _keys(one: Decision) -> set[str]:
    """The keys of whom a decision is about: of a pair, both."""
    pair = (one.platform, one.truth) if one.column == records.SAME_PERSON else ()
    return {one.key, *(key for key in pair if key)}


def _files(folder: Path) -> Iterator[Path]:
    """What has the name of a file of decisions, however its ending is spelt."""
    return filter(_is_one, folder.glob("[!.]*"))


def _is_one(path: Path) -> bool:
    return path.suffix.lower() == ".json" and not path.name.startswith(".")


def record(settings: Settings, contract: Contract, ledger: Ledger, path: Path, now: datetime) -> list[str]:
    """Record the decisions of a file: they count from now on. What is to be said of them.

    Raises SettingsError for a file that is none, of another table, of a run that this folder does not know, or of one
    whose people it cannot read: a decision is about a person, and a key is somebody else's tomorrow.
    """
    columns = [column.name for column in contract.columns]
    permissions = [column.name for column in contract.permissions]
    every = read_decisions(path, table=settings.table, columns=columns, permissions=permissions)
    gone = of_erased(contract, ledger, {text for one in every for text in _keys(one)})
    runs = {one.run for one in every} if gone else ()  # a key alone may be somebody else's by now
    erased = {run: erased_keys(contract, ledger, gone, _numbers_in(settings, run)) for run in runs}
    new = [one for one in every if not erased.get(one.run, set()).intersection(_keys(one))]
    for run in {one.run for one in new}:
        if not (ledger.knows(run) or (run_folder.started(run) and (settings.runs_folder / run).is_dir())):
            raise SettingsError(
                f'{path}: the decisions are about the run "{run}", which this folder does not know',
                hint="give them to the folder whose worklist they were made in",
            )
    before: dict[_Cell, list[records.Decision]] = {}
    of_cells: dict[tuple[str, str], list[records.Decision]] = {}
    for one in ledger.every_decision(settings.table):
        before.setdefault(_cell(one), []).append(one)
        of_cells.setdefault((one.key, one.column), []).append(one)
    whose: dict[str, Mapping[str, str]] = {}
    for run in {one.run for one in new}:
        try:
            whose[run] = _holders_in(settings, contract, ledger, run, new)
        except SettingsError as error:
            raise SettingsError(
                f'{path}: the decisions are about the run "{run}", and whose its keys are cannot be told here: {error}',
                hint="decide on the worklist of a newer run, or give them to the folder that has this one",
            ) from None
    not_taken = of_gone(settings, ledger, new)
    left = set(not_taken)
    new = [one for one in new if one not in left]
    began = {one.run: one.started for one in ledger.runs(settings.table)}
    made = [
        records.Decision(
            settings.table,
            one.by,
            one.key,
            one.column,
            one.platform,
            one.truth,
            one.choice.value,
            one.made or now,
            whose[one.run].get(one.key),
            one.about,
        )
        for one in new
    ]
    fresh = [
        kept
        for one, kept in zip(new, made, strict=True)
        if not known_already(one, kept.profile_id, before.get(_cell(kept), ()), began.get(one.run))
    ]
    ledger.decide(fresh, now)
    known, left_out = len(made) - len(fresh), len(every) - len(new) - len(not_taken)
    counted = f"{len(fresh):,} decision{'s' if len(fresh) != 1 else ''} of {new[0].by} taken" if new else "no decisions"
    return [
        f"{path.name}: {counted}" + (f", {known:,} known already" if known else ""),
        *told(not_taken, settings.names.platform),
        *([f"  {left_out:,} left out, about somebody who was erased"] if left_out else []),
        *_overruled(
            [
                (kept, [one for one in of_cells.get((kept.key, kept.column), ()) if on_the_same(kept, one)])
                for kept in fresh
            ]
        ),
        *_without_effect(settings, fresh, now.astimezone(contract.timezone).date()),
    ]


def on_the_same(one: records.Decision, other: records.Decision) -> bool:
    """Whether two decisions on one profile are on the same: the pair, the cell, and the finding if both are about one.

    Of two that are, the later counts.
    """
    if one.column != other.column or one.column == records.SAME_PERSON:
        return (one.column, one.truth) == (other.column, other.truth)
    return None in (one.about, other.about) or _cell(other) == _cell(one)


def _cell(one: records.Decision) -> _Cell:
    about = one.about.finding if one.about else None
    return one.key, one.column, one.truth if one.column == records.SAME_PERSON else about


def known_already(one: Decision, whose: str | None, before: Sequence[records.Decision], began: datetime | None) -> bool:
    """Whether a decision is recorded already: the very same, or, where it has no moment of its own, as the last, and of
    the same person.

    On the worklist of a run that `began` after that, the same was decided once more: on what was heard in between.
    """

    def alike(kept: records.Decision) -> bool:
        same = (one.by, one.choice, one.about) == (kept.person, kept.choice, kept.about)
        return same and one.holds(kept.platform, kept.truth)

    same = one.made is not None and any(alike(kept) and kept.said_at == one.made for kept in before)
    if same or one.made is not None or not before:
        return same
    last = before[-1]
    return last.profile_id == whose and alike(last) and (began is None or last.decided_at >= began)


def _overruled(fresh: Sequence[tuple[records.Decision, Sequence[records.Decision]]]) -> Iterator[str]:
    """Says who decided otherwise than somebody later."""
    lost: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], records.Decision] = {}
    for one, before in fresh:
        if not before:
            continue
        last = before[-1]
        earlier, later = (one, last) if one.decided_at < last.decided_at else (last, one)
        if earlier.person != later.person and earlier.choice != later.choice:
            lost[earlier.person, later.person] += 1
            first.setdefault((earlier.person, later.person), one)
    for (loser, winner), number in lost.items():
        place = first[loser, winner]
        more = f" and {number - 1:,} more" if number > 1 else ""
        yield f"  {winner} overrules {loser}, who had decided before: {place.column} of {place.key}{more}"


def _without_effect(settings: Settings, fresh: Sequence[records.Decision], today: date) -> Iterator[str]:
    """Says how many decisions can do nothing, by the newest run; nothing where that cannot be read."""
    if not fresh:
        return
    try:
        folder = find_run(settings)
        differing = run_folder.read_rows(folder, "differences").select("key", "column", "platform", "truth")
        found = run_folder.read_rows(folder, "permissions").select("key", "column", "finding")
        people = run_folder.read_rows(folder, "profiles")["key"]
    except SettingsError:
        return
    keys = {one.key for one in fresh}
    mine = pl.col("key").is_in(list(keys))
    yield from without_effect(
        fresh,
        differing={(key, column): values for key, column, *values in differing.filter(mine).iter_rows()},
        found=set(found.filter(mine).iter_rows()),
        people=keys.intersection(people),
        today=today,
    )


def without_effect(
    fresh: Sequence[Decision | records.Decision],
    *,
    differing: Mapping[tuple[str, str], Sequence[str | None]],
    found: Collection[tuple[str, str, str]],
    people: Collection[str],
    today: date,
) -> Iterator[str]:
    """A line per reason for which decisions can do nothing as things are. All are recorded: things may change.

    `differing` are cells with the text of each side, `found` findings on them, `people` who is not the same on both
    sides, of the newest run.
    """
    spots = {*differing, *((key, column) for key, column, _ in found)}
    keys = {*people, *(key for key, _ in spots)}
    counts: Counter[str] = Counter()
    for one in fresh:
        if one.column == records.SAME_PERSON:
            continue
        if one.about is not None and one.about.until is not None and one.about.until < today:
            counts["grounds that are over already"] += 1
        elif one.key not in keys:
            counts["about nobody of whom the newest run found anything"] += 1
        elif one.about is not None and (one.key, one.column, one.about.finding) not in found:
            counts["about a finding that the cell does not have in the newest run"] += 1
        elif one.about is None and one.key not in people and (one.key, one.column) not in spots:
            counts["about a cell in which the newest run found nothing"] += 1
        elif one.about is None and not _seen(one, differing.get((one.key, one.column))):
            counts["on values that are others in the newest run"] += 1
    for reason, number in counts.items():
        yield f"  {number:,} of them {'is' if number == 1 else 'are'} {reason}: nothing comes of that now"


def _seen(one: Decision | records.Decision, values: Sequence[str | None] | None) -> bool:
    """Whether the newest run sees what was decided on; true where it has nothing to compare it with."""
    return values is None or [one.platform or None, one.truth or None] == [text or None for text in values]


def _numbers_in(settings: Settings, run: str) -> dict[str, str]:
    """Whose the keys were in a run, by profileId; nobody's where it cannot be read."""
    try:
        found = [run_folder.read_rows(settings.runs_folder / run, name) for name in ("profiles", "permissions")]
    except SettingsError:
        return {}
    return holders(*found)


def _holders_in(
    settings: Settings, contract: Contract, ledger: Ledger, run: str, made: Sequence[Decision]
) -> dict[str, str]:
    """Whose the keys were in the run whose worklist these decisions were made on: by profileId, or as a newcomer.

    Raises SettingsError where that run cannot be read, or cannot any more.
    """
    if not run_folder.started(run):
        raise SettingsError("it has no folder")
    folder = settings.runs_folder / run
    profiles = run_folder.read_rows(folder, "profiles")
    missing = set(profiles.filter(pl.col("status") == Status.MISSING)["key"])
    new = {one.key for one in made if one.run == run and one.choice is Choice.TRUTH and one.key in missing}
    return newcomers(folder, contract, ledger, new) | holders(profiles, run_folder.read_rows(folder, "permissions"))


def _put_away(path: Path, now: datetime) -> None:
    """Move a file to those that were taken, for its owner alone, beside any other of its name."""
    folder = path.parent / TAKEN
    folder.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o600)
    number, target = 2, folder / path.name
    while target.exists() or target.is_symlink():
        number, target = number + 1, folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)
    os.utime(target, (now.timestamp(), now.timestamp()))


def _expire(settings: Settings, now: datetime, tell: Callable[[str], None]) -> None:
    """Remove what was taken long ago: the ledger has it, under seals that can be emptied."""
    for path in _files(settings.decisions_folder / TAKEN):
        try:
            if now.timestamp() - path.lstat().st_mtime > settings.state.retain.snapshots.total_seconds():
                path.unlink()
        except OSError as error:
            tell(f"{path} is older than [state.retain] allows and could not be removed ({error.strerror})")
