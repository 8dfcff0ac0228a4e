"""PostgreSQL, by COPY: one transaction that only reads, of one moment; rows come as the server spells them.

Texts, whole numbers, booleans, binary floats and bytes are read into columns of their type. Everything else the server
casts to text (`::text`, ISO dates, UTC), so that no driver can round, cut or misread it: numbers of any precision, NaN,
infinity, dates before Christ, intervals, and types that nobody here has heard of.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from auditor.errors import AuditorError, SettingsError, TryLater
from auditor.files.given import printable
from auditor.pull.databases.address import Address, quoted
from auditor.pull.databases.extract import Unread, checked
from auditor.settings.problems import nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from auditor.pull.databases.wire import Session

_BEGIN: Final = """
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL xmloption = 'content';
SET LOCAL synchronize_seqscans = off  -- else a scan begins where another one is
"""
_PARAMETERS: Final = ("application_name", "connect_timeout", "dbname", "gsslib", "host", "krbsrvname", "options",
    "passfile", "port", "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcrl", "sslkey",
    "sslmode", "sslnegotiation", "sslrootcert", "target_session_attrs", "user")  # fmt: skip
"""Of libpq's, those that may stand behind the `?`."""
_FILES: Final = ("passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert")
_TLS: Final = ("require", "verify-ca", "verify-full")
_AS_THEY_ARE: Final = {
    "bool": "bool",
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "float4": "float32",
    "float8": "float64",
    **dict.fromkeys(("text", "varchar", "numeric", "date", "time", "timestamp", "timestamptz"), "string"),
    **dict.fromkeys(("uuid", "json", "jsonb", "bytea"), "string"),
}
"""Arrow's name for types that COPY spells as a cast to text does, which costs more, and those that are no text here."""
_WORDS: Final = {
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "numeric": "DECIMAL",
    "money": "DECIMAL",
    "float4": "FLOAT",
    "float8": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}
"""DuckDB's words for the types."""
_ABSENT = re.compile(r'(relation|column|schema) "?([^"\n]+?)"? does not exist')


@contextlib.contextmanager
def opened(address: Address) -> Iterator[Postgresql]:
    """The database, readable. Raises AuditorError for everything that reading meets."""
    from asyncpg import InterfaceError, InternalClientError, PostgresError

    from auditor.pull.databases.wire import connected

    if not (address.host or "host" in dict(address.options)):
        address = replace(address, host=os.environ.get("PGHOST", ""))
    dsn, connection = _dsn(address), contextlib.ExitStack()
    password = address.password.reveal() if address.password is not None else None
    with connection:
        try:
            timeout = float(dict(address.options).get("connect_timeout", "15")) or None
            session = connection.enter_context(connected(dsn, password=password, timeout=timeout))
        except (PostgresError, InterfaceError, InternalClientError, OSError, RuntimeError, ValueError) as error:
            raise _refused(error, address) from None
        try:
            session.run(_BEGIN)
            yield Postgresql(session, address)
        except (PostgresError, InterfaceError, InternalClientError) as error:
            raise _sentence(error, address) from None


def _dsn(address: Address) -> str:
    """The address as asyncpg reads it, without the password. Raises SettingsError for what it would not heed."""
    options = {"application_name": "profile-auditor"} | dict(address.options)
    place = {"host": address.host, "port": address.port, "user": address.user, "dbname": address.database}
    options |= {name: str(value) for name, value in place.items() if value}
    for name in options:
        if name not in _PARAMETERS:
            raise SettingsError(
                f"the parameter {printable(name)} in the address of {address.server} is not understood"
                f"{nearest(name, _PARAMETERS)}",
                hint=f"these are: {', '.join(_PARAMETERS)}",
            )
    if address.settings.ca is not None:
        options |= {"sslmode": "verify-full", "sslrootcert": str(address.settings.ca)}
    elif not (address.local or "sslmode" in options):
        told = os.environ.get("PGSSLMODE")
        options["sslmode"] = told if told in _TLS else "require"
    for name in _FILES:
        if name in options and not Path(options[name]).is_file():
            raise SettingsError(f"there is no file {printable(options[name])}, which {name} names")
    options.pop("connect_timeout", None)
    if ":" in address.host:
        options["host"] = f"[{address.host}]"
    return f"postgresql://?{urlencode(options, quote_via=quote)}"


class Postgresql:
    """An open database. Shape and meaning are `extract.Open`'s."""

    def __init__(self, session: Session, address: Address) -> None:
        self._session, self._address = session, address
        self._source = quoted(address.table) if address.table else f"({address.query}\n)"
        [(micros, encoding)] = self._session.rows(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, current_setting('server_encoding')"
        )
        self._unchecked = encoding == "SQL_ASCII"  # it stores any bytes as text
        self.moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
        self._find_table()
        self.names = session.names(f"SELECT * FROM {self._source} AS q")
        self._texts: dict[str, str] = {}
        self._stored: dict[str, str] = {}
        self._made: dict[str, Callable[[pa.Array], pa.Array]] = {}
        self.types: dict[str, str] = {}
        self.unread: list[Unread] = []
        if len(set(self.names)) == len(self.names):
            self._look_at_types()

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        picked = ", ".join(self._texts[name] for name in columns)
        limit = "" if rows is None else f" LIMIT {rows:d}"
        types = {name: self._stored[name] for name in columns}
        query = f"SELECT {picked} FROM {self._source} AS q{limit}"
        if self._unchecked:
            read = self._session.batches(query, types, self._made, encoding="SQL_ASCII")
            return checked(read, self.unread)
        return self._session.batches(query, types, self._made)

    def may_write(self) -> bool | None:
        rights = "'INSERT, UPDATE, DELETE, TRUNCATE'"
        if self._address.table:
            [(may,)] = self._session.rows(
                f"SELECT has_table_privilege({_literal(self._source)}::regclass::oid, {rights})"
            )
        else:
            [(may,)] = self._session.rows(
                "SELECT EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p')"
                f" AND has_table_privilege(oid, {rights}) AND relnamespace NOT IN"
                " ('pg_catalog'::regnamespace, 'information_schema'::regnamespace))"
            )
        return bool(may)

    def _find_table(self) -> None:
        """Raises SettingsError for a table that is not there, with the nearest name that is."""
        if not self._address.table:
            return
        [(there,)] = self._session.rows(f"SELECT to_regclass({_literal(self._source)}) IS NOT NULL")
        if not there:
            known = self._session.rows(
                "SELECT n.nspname::text, c.relname::text, pg_table_is_visible(c.oid) FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') LIMIT 10000"
            )
            names = [name if visible else f"{schema}.{name}" for schema, name, visible in known]
            raise SettingsError(
                f"{self._address.server} has no table {self._address.name}, or not for this user"
                f"{nearest(self._address.name, names)}",
                hint="correct the name, upper and lower case count; or grant USAGE on its schema",
            )

    def _look_at_types(self) -> None:
        # Joined on what is never true: the types of a query are asked for without running it.
        oids = ", ".join(f"pg_typeof(q.{quoted([name])})::oid" for name in self.names)
        rows = self._session.rows(
            "SELECT t.typname::text, (t.typnamespace = 'pg_catalog'::regnamespace), t.typcategory::text,"
            " b.typname::text, b.typcategory::text"
            f" FROM (SELECT 1) AS one LEFT JOIN {self._source} AS q ON false"
            f" CROSS JOIN LATERAL unnest(ARRAY[{oids}]) WITH ORDINALITY AS u(oid, place)"
            " JOIN pg_type t ON t.oid = u.oid LEFT JOIN pg_type b ON b.oid = t.typbasetype ORDER BY u.place"
        )
        for name, (kind, builtin, category, base, base_category) in zip(self.names, rows, strict=True):
            word = base or (kind if builtin else "")
            listed = (base_category or category) == "A" and word not in ("int2vector", "oidvector")
            if word in _WORDS or listed:
                self.types[name] = "VARCHAR[]" if listed else _WORDS[word]
            value = quoted(["q", name])
            plain = builtin and base is None and word in _AS_THEY_ARE
            self._texts[name] = value if plain else _text(value, word, listed=listed)
            self._stored[name] = _AS_THEY_ARE[word] if plain else "string"
            if word in _MADE:
                self._made[name] = _MADE[word]


def _text(value: str, kind: str, *, listed: bool) -> str:
    """SQL for one value as text."""
    if listed:
        # As members of a Parquet list are spelt; what that cannot spell (nulls, more dimensions) as PostgreSQL does.
        quoted_member = """CASE WHEN m ~ '[,"]' THEN '"' || replace(m, '"', '""') || '"' ELSE m END"""
        members = (
            f"SELECT string_agg({quoted_member}, ',' ORDER BY n) FROM unnest({value}::text[]) WITH ORDINALITY u(m, n)"
        )
        return (
            f"CASE WHEN {value} IS NULL THEN NULL WHEN array_ndims({value}) > 1"
            f" OR array_position({value}::text[], NULL) IS NOT NULL THEN {value}::text"
            f" ELSE coalesce(({members}), '') END"
        )
    if kind == "money":
        return f"{value}::numeric::text"
    return f"{value}::text"


def _zulu(moments: pa.Array) -> pa.Array:
    from pyarrow import compute

    return compute.replace_substring(moments, "+00", "Z")


def _bytes(digits: pa.Array) -> pa.Array:
    import pyarrow as pa

    texts = digits.to_pylist()
    return pa.array([None if text is None else bytes.fromhex(text.removeprefix("\\x")) for text in texts], pa.binary())


_MADE: Final = {"timestamptz": _zulu, "bytea": _bytes}
"""What is made here of the texts of a type."""


def _literal(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _refused(error: Exception, address: Address) -> AuditorError:
    """Why there is no connection. Texts are not repeated: they may hold what was given."""
    where, found = address.server, (getattr(error, "sqlstate", None) or "")
    if found[:2] == "28" or found == "42501":
        return SettingsError(
            f"{where} does not let us in", hint="check user and password, and which hosts pg_hba.conf lets in"
        )
    if found[:2] == "3D":
        return SettingsError(
            f"{where}: there is no such database", hint="correct the name behind the last / of the address"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return SettingsError(
            f"the certificate of {where} is not trusted", hint="name its authority: [truth.database] ca"
        )
    if isinstance(error, ssl.SSLError):
        return SettingsError(
            f"TLS with {where} does not come about ({error.reason})", hint="check the files that the address names"
        )
    if isinstance(error, ConnectionError) and "SSL" in str(error):
        return SettingsError(
            f"{where} speaks no TLS, and people's data would cross the network in clear",
            hint="switch it on there, or add ?sslmode=disable to the address if the network is your own",
        )
    if isinstance(error, ValueError) and "root certificate" in str(error):
        return SettingsError(
            f"nobody says which authority vouches for {where}",
            hint="name it: [truth.database] ca, or sslrootcert in the address",
        )
    if isinstance(error, ValueError):
        return SettingsError("the address of the database is not understood", hint="check it, the part behind ? too")
    if isinstance(error, OSError) or found:
        return TryLater(f"{where} cannot be reached", hint="check its name and port, and that it is up; then run again")
    return SettingsError(
        f"{where} cannot be used as the address says ({type(error).__name__})",
        hint="check which way of signing in the server wants, and target_session_attrs",
    )


def _sentence(error: Any, address: Address) -> AuditorError:
    """What went wrong, by its SQLSTATE: the server's own text may hold values."""
    state, what, where = error.sqlstate or "", address.what, address.server
    if state == "57014":
        return TryLater(
            f"{where} stopped reading {what}: it took longer than the server allows",
            hint="raise statement_timeout for this user, or read less",
        )
    if state[:2] in ("08", "53", "57", "58", "XX", "40", "") or state == "55P03":
        return TryLater(
            f"reading {what} from {where} broke off{f' (SQLSTATE {state})' if state else ''}", hint="run again"
        )
    if state == "25006":
        return SettingsError(
            f"{what} tries to write to {where}, and was stopped: nothing was changed",
            hint="use a query that only reads",
        )
    if state == "42501":
        return SettingsError(f"this user may not read {what} of {where}", hint="grant SELECT on it")
    absent = _ABSENT.search(str(error)) if state in ("42P01", "42703", "3F000") else None
    if absent:
        return SettingsError(f"{where} has no {absent[1]} {printable(absent[2])}", hint="correct its name in the query")
    if state[:2] == "22":
        return SettingsError(
            f"{what} of {where} cannot be worked out for every row (SQLSTATE {state})",
            hint="try it in psql: a cast or a division in it fails for some value",
        )
    return SettingsError(f"{where} refuses {what} (SQLSTATE {state})", hint="try it in psql")
