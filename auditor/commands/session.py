"""What a command is given of the settings: a connection to the licence, and an engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from auditor.actito import DIALECTS, Connection
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.files.running import running_folder
from auditor.findings import notices
from auditor.findings.codes import Notice
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.settings.config import Settings
from auditor.settings.secrets import Secret


def connect(settings: Settings, *, writing: bool = False) -> Connection:
    """A connection to the configured licence, within limits that all processes with this state folder share.

    The key for writing is asked for by apply and undo alone.
    """
    actito = settings.actito
    return connect_with(settings, (actito.write_api_key or actito.api_key) if writing else actito.api_key)


def connect_with(settings: Settings, key: Secret) -> Connection:
    """The same with any key."""
    actito = settings.actito
    return Connection(
        actito.url,
        key.reveal,
        settings.entity,
        dialect=DIALECTS[actito.dialect],
        calls_per_minute=actito.calls_per_minute,
        concurrency=actito.concurrency,
        shared=running_folder(settings.state_folder),
    )


def ends(*connections: Connection) -> tuple[Notice, ...]:
    """What Actito announces to end of all that was asked by these, or sent; each once."""
    announced = {(one.generation, one.what, one.ends) for of in connections for one in of.announced.values()}
    return notices.ending(sorted(announced, key=lambda one: one[:2]))


def tell_ends(settings: Settings, tell: Callable[[str], None], *connections: Connection) -> None:
    """Tells the same in sentences."""
    for notice in ends(*connections):
        tell(sentence(notice, Words.of(settings.names)))


def open_engine(settings: Settings, temp: Path, folders: Iterable[Path] = ()) -> DuckDB:
    """DuckDB within the configured memory, with the functions of the rules; `temp` and `folders` are all it reaches."""
    engine = DuckDB(memory_limit=settings.engine.memory_limit, temp=temp, folders=folders)
    engine.register(FUNCTIONS)
    return engine


@contextmanager
def passing_engine(settings: Settings, folders: Iterable[Path] = ()) -> Iterator[DuckDB]:
    """The same for a look that leaves nothing behind: it spills into a folder of its own, gone with it."""
    with (
        tempfile.TemporaryDirectory(prefix="auditor-") as scratch,
        closing(open_engine(settings, Path(scratch), folders)) as engine,
    ):
        yield engine
