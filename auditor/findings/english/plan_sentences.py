"""What is said of a plan and of pairs of rows, in English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from auditor.findings.codes import Code
from auditor.findings.english.numbers import counted
from auditor.findings.words import Words


def _route(
    say: Words,
    *,
    steps: Sequence[int],
    by_file: int,
    files: int,
    before: int,
    single: int,
    minutes: int,
    pace: int,
    waiting: int,
    because: Mapping[str, Any],
    calls: int | None = None,
    first: int = 0,
    realtime: int = 0,
    later: int = 0,
    days: int = 0,
    gathering: int = 0,
    kept_single: Sequence[str] | None = None,
) -> str:
    parts = [f"an empty table is loaded in steps of {', '.join(map(str, steps))} and the rest"] if steps else []
    if by_file or before:
        after = f", after {before:,} of them one by one" if before else ""
        parts.append(f"{counted(by_file, 'write')} in {counted(files, 'file')}{after}")
    if later:
        parts.append(
            f"{later:,} of the files on {counted(days, 'further day')}, each time from a fresh audit: auditor plan "
            "--continue"
        )
    took = f"about {counted(minutes, 'minute')} at {counted(pace, 'call')} a minute"
    if single:
        start = f", {realtime:,} in fields that start scenarios (fixes.realtime)" if realtime else ""
        parts.append(f"{counted(single, 'write')} one by one{start}" + (f", {took}" if calls is None else ""))
    if calls:
        parts.append(f"{counted(calls, 'call')}, reading before and after included, {took}")
    if waiting:
        parts.append(f"{counted(waiting, 'profile')} must wait for another day's file")
    if gathering:
        parts.append(f"{counted(gathering, 'profile')} wait up to two days for more of the same fields to fill a file")
    why = f"{'; '.join(parts)}: {_because(**because)}." if parts else "Nothing to write."
    if kept_single is not None:
        fields = ", ".join(kept_single) or "no field"
        why += f" Kept from files because they start scenarios (fixes.realtime): {fields}; "
        why += f"{say.platform} does not say which do."
    return f"{_first(first)} {why}" if first else why


def _first(number: int) -> str:
    what = "correction of an address or number" if number == 1 else "corrections of addresses or numbers"
    verb = "makes somebody" if number == 1 else "make people"
    return f"First of the corrections: {number:,} {what} that bounced for good, which {verb} reachable again."


def _because(
    *,
    asked: str | None = None,
    several_key_columns: bool = False,
    too_old: float | None = None,
    least: int = 0,
    calls: int = 0,
    kept: int = 0,
) -> str:
    if asked is not None:
        return f'the route "{asked}" was asked for'
    if several_key_columns:
        return "files need a key of one column"
    if too_old is not None:
        return f"the export is older than {too_old:g} hours, too old for files"
    were_left = f"{counted(calls, 'file call')} of today were left"
    return f"a file needs {least:,} profiles, and {were_left}, {kept} kept for undo"


def _of_undo(say: Words, *, calls: int = 0, minutes: int = 0, pace: int = 0) -> str:
    took = f"; {counted(calls, 'call')}, about {counted(minutes, 'minute')} at {counted(pace, 'call')} a minute"
    took = took if calls else ""
    return f"One by one: each profile is read first, and restored only where it still holds what was written{took}."


def _irrevocable(say: Words, *, deleted: int, withdrawn: int, created: int) -> str:
    parts = [f"{counted(deleted, 'deletion')}"] if deleted else []
    parts += [f"{counted(withdrawn, 'opt-out')} (given back one by one, where written in error)"] if withdrawn else []
    parts.append("what a scenario does that a write starts")
    kept = "; who is created stays unless --delete-created is asked for" if created else ""
    return f"Cannot be undone: {', '.join(parts)}{kept}."


def _much_changed(say: Words, *, column: str, changed: int, compared: int) -> str:
    return f"{column} changed in {changed:,} of {compared:,} profiles since the last run"


def _much_damaged(say: Words, *, column: str, cells: int, written: int) -> str:
    rest = counted(written, "other value", "other values")
    return f"{cells:,} values of {column} in {say.truth} look damaged, and {rest} of it would be written"


def _alike(
    say: Words,
    *,
    same: Sequence[str],
    similar: Sequence[str],
    different: Sequence[str],
    exchanged: Sequence[str] = (),
) -> str:
    """`same emailAddress and birthDate, firstName similar, addressPostalCode different, lastName and firstName
    exchanged`.
    """
    if same[:1] == ["key"]:
        same = ["key but for case, blanks or leading zeros", *same[1:]]
    said = (("same {}", same), ("{} similar", similar), ("{} different", different), ("{} exchanged", exchanged))
    return ", ".join(form.format(_listed(columns)) for form, columns in said if columns)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


PLANS: Final[Mapping[Code, Callable[..., str]]] = {
    Code.ALIKE: _alike,
    Code.ROUTE: _route,
    Code.ROUTE_OF_UNDO: _of_undo,
    Code.IRREVOCABLE: _irrevocable,
    Code.MUCH_CHANGED: _much_changed,
    Code.MUCH_DAMAGED: _much_damaged,
}
