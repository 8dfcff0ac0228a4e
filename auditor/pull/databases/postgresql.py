"""PostgreSQL, by its ADBC driver: one transaction that only reads, of one moment; rows come as COPY sends them.

Texts, whole numbers, booleans, binary floats and bytes come in their binary form. Everything else the server spells
itself (`::text`, ISO dates, UTC), so that no driver can round, cut or misread it: numbers of any precision, NaN,
infinity, dates before Christ, intervals, and types that nobody here has heard of.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import pyarrow as pa

from auditor.errors import AuditorError, SettingsError, TryLater
from auditor.files import printable
from auditor.problems import nearest
from auditor.pull.databases.address import Address, quoted
from auditor.pull.databases.extract import checked

if TYPE_CHECKING:
    from auditor.pull.databases.adbc import Session

_SESSION: Final = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL xmloption = 'content'",
    "SET LOCAL synchronize_seqscans = off",  # else a scan begins where another one is
)
_AS_THEY_ARE: Final = ("text", "varchar", "bool", "int2", "int4", "int8", "float4", "float8", "bytea")
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
    import adbc_driver_postgresql
    from adbc_driver_manager import Error

    from auditor.pull.databases.adbc import connected

    uri, connection = _uri(address), contextlib.ExitStack()
    with connection:
        try:
            session = connection.enter_context(connected(lambda: adbc_driver_postgresql.connect(uri)))
        except Error as error:
            raise _refused(error, address) from None
        try:
            for statement in _SESSION:
                session.run(statement)
            yield Postgresql(session, address)
        except Error as error:
            raise _sentence(error, address) from None


def _uri(address: Address) -> str:
    """As libpq reads it, with the password; never shown."""
    options = {"application_name": "profile-auditor", "connect_timeout": "15", "tcp_user_timeout": "120000"}
    options |= dict(address.options)
    if not (address.local or "sslmode" in options):
        options["sslmode"] = "require"
    if address.settings.ca is not None:
        options |= {"sslmode": "verify-full", "sslrootcert": str(address.settings.ca)}
    if address.password is not None:
        options["password"] = address.password.reveal()
    user = f"{quote(address.user, safe='')}@" if address.user else ""
    host = f"[{address.host}]" if ":" in address.host else quote(address.host, safe=",.-")
    port = f":{address.port}" if address.port else ""
    return f"postgresql://{user}{host}{port}/{quote(address.database, safe='')}?{urlencode(options, quote_via=quote)}"


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
        self.names = session.names(f"SELECT * FROM {self._source} AS q LIMIT 0")
        self._texts: dict[str, str] = {}
        self.types: dict[str, str] = {}
        if len(set(self.names)) == len(self.names):
            self._look_at_types()

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        picked = ", ".join(f"{self._texts[name]} AS {quoted([name])}" for name in columns)
        limit = "" if rows is None else f" LIMIT {rows:d}"
        batches = self._session.batches(f"SELECT {picked} FROM {self._source} AS q{limit}")
        return checked(batches) if self._unchecked else batches

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
            self._texts[name] = _text(quoted(["q", name]), word, plain=builtin and base is None, listed=listed)


def _text(value: str, kind: str, *, plain: bool, listed: bool) -> str:
    """SQL for one value as text, or as it is."""
    if plain and kind in _AS_THEY_ARE:
        return value
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
    if kind == "timestamptz":
        return f"replace({value}::text, '+00', 'Z')"
    return f"{value}::text"


def _literal(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _refused(error: Any, address: Address) -> AuditorError:
    """Why there is no connection: libpq says it in words alone, and repeats what it was given."""
    text, where = str(error), address.server
    found = (error.sqlstate or "")[:2]
    if found == "28" or re.search(r"authentication failed|no password supplied|role .* does not exist|pg_hba", text):
        return SettingsError(
            f"{where} does not let us in", hint="check user and password, and which hosts pg_hba.conf lets in"
        )
    if found == "3D" or re.search(r"database .* does not exist", text):
        return SettingsError(
            f"{where}: there is no such database", hint="correct the name behind the last / of the address"
        )
    if "does not support SSL" in text:
        return SettingsError(
            f"{where} speaks no TLS, and people's data would cross the network in clear",
            hint="switch it on there, or add ?sslmode=disable to the address if the network is your own",
        )
    if re.search(r"certificate|sslmode|SSL", text):
        return SettingsError(
            f"the certificate of {where} is not trusted", hint="name its authority: [truth.database] ca"
        )
    if re.search(r"invalid (URI|connection option|sslmode)|unterminated", text):
        return SettingsError("the address of the database is not understood", hint="check it, the part behind ? too")
    return TryLater(f"{where} cannot be reached", hint="check its name and port, and that it is up; then run again")


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
