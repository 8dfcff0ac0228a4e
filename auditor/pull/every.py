"""Every file that a location names, where the newest alone does not say all: incremental exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.model import Side
from auditor.pull import BrokenOff, Means, Pulled, databases, fetched_from, pull_file, require_filled, unpacked
from auditor.pull.kept import Kept
from auditor.pull.locations import Address, Listing, address_of, local_listing, unfinished
from auditor.pull.moments import Found

if TYPE_CHECKING:
    from auditor.pull.servers import Server


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file, or a whole location, of which nothing can be read this time."""

    name: str
    problem: AuditorError


Which: TypeAlias = Callable[[Sequence[Found]], Iterable[Found]]
"""Chooses among files, the newest of which comes last."""


def pull_every(
    side: Side,
    location: str,
    *,
    folder: Path,
    now: datetime,
    timezone: tzinfo,
    base: Path,
    means: Means,
    which: Which = iter,
) -> list[Pulled | Unusable]:
    """Every complete file of a location, the oldest first; one that cannot be had does not keep the others away.
    `which` chooses among them before anything is fetched.

    What has to be fetched or unpacked is written below `folder`, and kept nowhere else: there may be hundreds of files.
    Raises SettingsError for a location that is not understood, and where a server does not let us in.
    """
    if databases.is_database(location):
        raise SettingsError("activities are read from files, not from a database", hint="name the exported files")
    address = address_of(location)
    try:
        if address is not None:
            return list(_from_server(side, address, folder, now, timezone, means, which))
        return [
            _one(side, file, folder / str(number), now, timezone, base, means)
            for number, file in enumerate(which(_complete(local_listing(location, base, timezone), location)))
        ]
    except TryLater as problem:
        return [Unusable(location, problem)]


def _one(
    side: Side, file: Found, folder: Path, now: datetime, timezone: tzinfo, base: Path, means: Means
) -> Pulled | Unusable:
    folder.mkdir(parents=True, mode=0o700)
    try:
        return pull_file(side, file.place, folder=folder, max_age=None, now=now, timezone=timezone, base=base,
                         means=means)  # fmt: skip
    except (TryLater, InputUnusable) as problem:
        return Unusable(file.name, problem)


def _complete(there: Listing, location: str) -> tuple[Found, ...]:
    if there.absent is not None:
        raise there.absent
    if there.newest is None:
        raise unfinished(location, there.arriving)
    return there.complete or (there.newest,)


def _from_server(
    side: Side, address: Address, folder: Path, now: datetime, timezone: tzinfo, means: Means, which: Which
) -> Iterator[Pulled | Unusable]:
    from auditor.pull.servers import connected  # fsspec and what is behind it is needed by few

    fetched = folder / "fetched"
    kept = Kept(fetched, means.longest, instead=fetched)
    with connected(address, means.access, timezone) as server:
        for number, file in enumerate(which(_complete(server.listing(), address.shown))):
            try:
                yield _fetched(side, server, address, file, kept, folder / str(number), now, means)
            except BrokenOff as broken:
                yield Unusable(file.name, broken.told)
            except (TryLater, InputUnusable) as problem:
                yield Unusable(file.name, problem)


def _fetched(
    side: Side, server: Server, address: Address, file: Found, kept: Kept, folder: Path, now: datetime, means: Means
) -> Pulled:
    require_filled(file)
    path, digest = fetched_from(server, address, file, kept, means)
    folder.mkdir(parents=True, mode=0o700)
    ready = unpacked(path, folder, side, means)
    return Pulled.of_file(side, address.shown, file, ready, path.stat().st_size, digest, now)
