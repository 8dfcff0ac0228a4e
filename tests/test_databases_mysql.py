"""A truth in MySQL, at the wire: a server that speaks its protocol sends what MySQL's manual says it sends.

No MySQL itself: there is none that can be installed with the tests. What is asked of the server is asserted by its
statements, what comes of its answers by its bytes.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import trustme
from mysql_mimic import IdentityProvider, MysqlServer, NativePasswordAuthPlugin, ResultColumn, ResultSet, User
from mysql_mimic.charset import CharacterSet
from mysql_mimic.errors import MysqlError
from mysql_mimic.session import BaseSession
from mysql_mimic.types import ColumnType
from mysql_mimic.variables import GlobalVariables, SessionVariables

from auditor.errors import AuditorError, SettingsError, TryLater
from auditor.model import Side
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.inputs import Truth
from tests import given_time

PASSWORD = "Zug-42-Bruegge"

T = ColumnType
CELLS: list[tuple[ColumnType, bytes | None, str | None]] = [
    (T.LONGLONG, b"18446744073709551615", "18446744073709551615"),
    (T.TINY, b"1", "1"),
    (T.NEWDECIMAL, b"123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
    (T.NEWDECIMAL, b"1.50", "1.50"),
    (T.DOUBLE, b"0.30000000000000004", "0.30000000000000004"),
    (T.DATE, b"0000-00-00", "0000-00-00"),
    (T.DATE, b"2024-00-15", "2024-00-15"),
    (T.DATETIME, b"2024-02-29 12:30:00.25", "2024-02-29 12:30:00.25"),
    (T.TIMESTAMP, b"2024-02-29 12:30:00", "2024-02-29 12:30:00Z"),
    (T.TIMESTAMP, b"0000-00-00 00:00:00", "0000-00-00 00:00:00"),
    (T.TIME, b"-838:59:59", "-838:59:59"),
    (T.YEAR, b"2024", "2024"),
    (T.BIT, b"\x01", "1"),
    (T.BIT, b"\x01\x00", "256"),
    (T.JSON, '{"ville": "Liège"}'.encode(), '{"ville": "Liège"}'),
    (T.VAR_STRING, b"0470123456", "0470123456"),
    (T.VAR_STRING, "😀".encode(), "😀"),
    (T.VAR_STRING, b"", ""),
    (T.VAR_STRING, None, None),
    (T.STRING, b"happy", "happy"),
    (T.BLOB, b"\xde\xad\xbe\xef", r"\xDEADBEEF"),
    (T.BLOB, "Liège".encode(), "Liège"),
]
"""Type, bytes on the wire in the text protocol, text in the extract."""
NAMES = [f"c{place}" for place in range(len(CELLS))]


@dataclass
class Wire:
    """What the server was asked, and how it answers."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    failure: tuple[str, int] | None = None
    """A statement that begins so fails with that number."""


class Session(BaseSession):  # type: ignore[misc] # the package has no types
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.username = self.database = None
        self.variables = SessionVariables(GlobalVariables())

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        self._wire.asked.append(sql)
        if self._wire.failure is not None and sql.startswith(self._wire.failure[0]):
            raise MysqlError("Duplicate entry 'ann@acme.example'", self._wire.failure[1])
        if "UTC_TIMESTAMP" in sql:
            return ResultSet([["2026-05-01 06:30:00.250000"]], [_column("now", T.VAR_STRING)])
        if sql == "SHOW GRANTS":
            return ResultSet([["GRANT SELECT, INSERT ON `crm`.* TO `me`@`%`"]], [_column("g", T.VAR_STRING)])
        if sql.startswith("SELECT"):
            picked = [NAMES.index(name) for name in re.findall(r"q\.`(\w+)`", sql)] or range(len(CELLS))
            rows = [] if sql.endswith("LIMIT 0") else [[CELLS[place][1] for place in picked]] * 3
            return ResultSet(rows, [_column(NAMES[place], CELLS[place][0]) for place in picked])
        return ResultSet([], [])


def _column(name: str, kind: ColumnType) -> ResultColumn:
    binary = kind in (T.BLOB, T.BIT)
    return ResultColumn(
        name,
        kind,
        CharacterSet.binary if binary else CharacterSet.utf8mb4,
        text_encoder=lambda column, value: value if isinstance(value, bytes) else str(value).encode(),
    )


class Users(IdentityProvider):  # type: ignore[misc]
    async def get_user(self, username: str) -> User | None:
        return User("me", NativePasswordAuthPlugin.create_auth_string(PASSWORD)) if username == "me" else None


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server on loopback, in a thread of its own."""
    state, ready = Wire(), threading.Event()
    loop = asyncio.new_event_loop()
    server = MysqlServer(session_factory=lambda: Session(state), identity_provider=Users())

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.start_server(host="127.0.0.1", port=0))
        state.port = server.sockets()[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=serve, name="mysql", daemon=True)
    thread.start()
    assert ready.wait(10)
    yield state
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def pulled(wire: Wire, folder: Path, monkeypatch: pytest.MonkeyPatch, *, ca: Path | None = None, secret: str = PASSWORD,
           means: dict[str, Any] | None = None, **settings: Any) -> Pulled:  # fmt: skip
    monkeypatch.setenv("CRM_PASSWORD", secret)
    database = {"user": "me", "password": "env:CRM_PASSWORD"} | ({"ca": str(ca)} if ca else {})
    address = f"mysql://127.0.0.1:{wire.port}/crm"
    truth = Truth.model_validate({"from": address, "database": database, **settings})
    return pull_file(Side.TRUTH, address, folder=folder, max_age=None, now=given_time.now(), timezone=UTC,
                     means=Means(truth, **(means or {})))  # fmt: skip


def test_each_cell_is_the_text_that_the_server_sent(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pulled(wire, tmp_path, monkeypatch, table="contacts")
    rows = pq.read_table(found.path, partitioning=None).to_pylist()
    assert rows == [{name: text for name, (*_, text) in zip(NAMES, CELLS, strict=True)}] * 3
    assert found.snapshot == datetime(2026, 5, 1, 6, 30, 0, 250000, UTC)
    assert found.types["c5"] == "DATE"


def test_it_reads_one_moment_in_a_transaction_that_cannot_write(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pulled(wire, tmp_path, monkeypatch, table="crm.con`tacts", means={"wanted": lambda names: ["c3", "c1"],
                                                                              "rows": 2, "rights": True})  # fmt: skip
    begun = wire.asked.index("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    assert "SET SESSION TRANSACTION READ ONLY" in wire.asked[:begun]
    reading = [text for text in wire.asked if "FROM" in text]
    assert reading[-1] == "SELECT q.`c1`, q.`c3` FROM `crm`.`con``tacts` AS q LIMIT 2"
    assert all(wire.asked.index(text) > begun for text in reading)
    assert not any(text.upper().startswith(("COMMIT", "INSERT", "UPDATE")) for text in wire.asked)
    assert found.may_write is True


@pytest.mark.parametrize(
    ("kind", "failure", "given", "why"),
    [
        (SettingsError, None, {"secret": "wrong"}, "does not let us in"),
        (SettingsError, ("SELECT *", 1146), {}, "has no such table: the table contacts"),
        (SettingsError, ("SELECT *", 1054), {}, "a column that is not there"),
        (SettingsError, ("SELECT *", 1142), {}, "may not read"),
        (SettingsError, ("SELECT q", 1792), {}, "tries to write"),
        (TryLater, ("SELECT q", 3024), {}, "longer than the server allows"),
        (TryLater, ("SELECT q", 2013), {}, "broke off"),
        (SettingsError, ("SELECT q", 1062), {}, "refuses the table contacts (error 1062)"),
    ],
)
def test_each_failure_is_told_without_a_secret_or_a_value(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[AuditorError],
    failure: tuple[str, int] | None, given: dict[str, Any], why: str,
) -> None:  # fmt: skip
    wire.failure = failure
    with pytest.raises(kind) as caught:
        pulled(wire, tmp_path, monkeypatch, table="contacts", **given)
    said = f"{caught.value} {caught.value.hint}"
    assert why in said
    assert "ann@" not in said
    assert PASSWORD not in said
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_down_can_be_tried_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TryLater, match="cannot be reached"):
        pulled(Wire(port=9), tmp_path, monkeypatch, table="contacts")


def test_a_server_without_tls_is_not_spoken_to_where_an_authority_is_named(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "ca"
    trustme.CA().cert_pem.write_to_path(authority)
    with pytest.raises(SettingsError, match="speaks no TLS"):
        pulled(wire, tmp_path, monkeypatch, table="contacts", ca=authority)
    assert wire.asked == []
