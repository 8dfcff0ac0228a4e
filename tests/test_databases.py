"""A truth in a database: everything that is in it, as text, of one moment; nothing changed, no secret shown."""

from __future__ import annotations

import hashlib
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from pyarrow import parquet

from auditor.engine.duckdb import DuckDB
from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.load import land
from auditor.model import Side
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.inputs import Truth
from tests import given_time, postgres_server
from tests.postgres_server import READER, READER_PASSWORD, Server

Rows = list[dict[str, str | None]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server.running() as running:
        running.run(
            f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'",
            "CREATE TABLE contacts (id integer PRIMARY KEY, email text, score numeric(10,2))",
            "INSERT INTO contacts VALUES (1, 'ann@acme.example', 1.50), (2, NULL, NULL), (3, '', 0)",
            f"GRANT SELECT ON contacts TO {READER}",
            "CREATE TABLE secret (id integer)",
            "CREATE TABLE written (id integer)",
            f"GRANT ALL ON written TO {READER}",
            "CREATE FUNCTION writing() RETURNS integer LANGUAGE sql AS 'INSERT INTO written VALUES (1) RETURNING id'",
        )
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_PASSWORD", READER_PASSWORD)


def pulled(location: str, folder: Path, *, means: Mapping[str, Any] | None = None, **settings: Any) -> Pulled:
    truth = Truth.model_validate({"from": location, **settings})
    return pull_file(
        Side.TRUTH,
        location,
        folder=folder,
        max_age=None,
        now=given_time.now(),
        timezone=UTC,
        base=folder,
        means=Means(truth, **(means or {})),
    )


def landed(location: str, folder: Path, **settings: Any) -> Rows:
    """The rows as the load stage leaves them: every cell text or null."""
    found = pulled(location, folder, **settings)
    engine = DuckDB(memory_limit="400MB", temp=folder, folders=[folder])
    try:
        there = land(engine, Side.TRUTH, found.path, folder / "landed.parquet")
        names, _ = engine.shape(f"read_parquet('{there.path}')")
        return [dict(zip(names, row, strict=True)) for row in engine.execute(f"FROM read_parquet('{there.path}')")]
    finally:
        engine.close()


def refused(kind: type[AuditorError], location: str, folder: Path, **settings: Any) -> str:
    """What a user is told, hint included. No file stays."""
    with pytest.raises(kind) as caught:
        pulled(location, folder, **settings)
    assert not list(folder.glob("*.unpacked*"))
    said = f"{caught.value} / {caught.value.hint}"
    assert READER_PASSWORD not in said
    assert postgres_server.PASSWORD not in said
    return said


POSTGRESQL: list[tuple[str, str | None]] = [
    ("NULL::integer", None),
    ("''::text", ""),
    ("'0470123456'::varchar(20)", "0470123456"),
    ("'BE'::char(10)", "BE"),
    (r"'\N'::text", r"\N"),
    (r"'\.'::text", r"\."),
    (r"E'a\tb\\\tc\\\\n\r\n'::text", "a\tb\\\tc\\\\n\r\n"),
    ("'Straße'::text", "Straße"),
    ("'-32768'::smallint", "-32768"),
    ("9223372036854775807::bigint", "9223372036854775807"),
    ("1.50::numeric", "1.50"),
    ("1.5::numeric(12,4)", "1.5000"),
    ("'123456789012345678901234567890123456789012345678901234567890.000000000000000000001'::numeric",
     "123456789012345678901234567890123456789012345678901234567890.000000000000000000001"),
    ("'NaN'::numeric", "NaN"),
    ("'-Infinity'::numeric", "-Infinity"),
    ("0.1::float8 + 0.2::float8", "0.30000000000000004"),
    ("0.1::real", "0.1"),
    ("5::float8", "5.0"),
    ("'-Infinity'::float8", "-inf"),
    ("true", "true"),
    ("'1234567.89'::money", "1234567.89"),
    ("'2024-02-29'::date", "2024-02-29"),
    ("'infinity'::date", "infinity"),
    ("'0044-03-15 BC'::date", "0044-03-15 BC"),
    ("'10000-01-01'::date", "10000-01-01"),
    ("'2024-02-29 12:30:00.25'::timestamp", "2024-02-29 12:30:00.25"),
    ("'-infinity'::timestamp", "-infinity"),
    ("'2024-02-29 12:30:00.123456+02'::timestamptz", "2024-02-29 10:30:00.123456Z"),
    ("'infinity'::timestamptz", "infinity"),
    ("'0044-03-15 12:00+00 BC'::timestamptz", "0044-03-15 12:00:00Z BC"),
    ("'12:30:00'::time", "12:30:00"),
    ("'1 year 2 months 3 days 04:05:06'::interval", "1 year 2 mons 3 days 04:05:06"),
    ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("""'{"b": 1,  "a": null}'::json""", '{"b": 1,  "a": null}'),
    ("""'{"b": 1,  "a": null}'::jsonb""", '{"a": null, "b": 1}'),
    ("'null'::jsonb", "null"),
    ("ARRAY['a','b,c','d\"e']", 'a,"b,c","d""e"'),
    ("ARRAY[3,1,2]", "3,1,2"),
    ("ARRAY[]::text[]", ""),
    ("NULL::text[]", None),
    ("ARRAY['a',NULL,'b']", "{a,NULL,b}"),
    ("ARRAY[[1,2],[3,4]]", "{{1,2},{3,4}}"),
    ("'happy'::mood", "happy"),
    ("'Ann@Acme.example'::citext", "Ann@Acme.example"),
    ("'1000 AA'::postcode", "1000 AA"),
    ("ARRAY['happy','sad']::mood[]", "happy,sad"),
    (r"'\xDEADBEEF'::bytea", r"\xDEADBEEF"),
    (r"'\xDEADBEEF'::digest", r"\xDEADBEEF"),
    ("convert_to('Liège', 'UTF8')", "Liège"),
    ("'192.168.0.1/32'::inet", "192.168.0.1/32"),
    ("B'101'", "101"),
    ("'[1,5)'::int4range", "[1,5)"),
    ("ROW(1, 'x')", "(1,x)"),
    ("'x'::\"char\"", "x"),
    ("'contacts'::name", "contacts"),
    ("'literal'", "literal"),
]  # fmt: skip


def test_every_type_of_postgresql_becomes_the_text_that_its_people_know(server: Server, tmp_path: Path) -> None:
    """The texts are those of PostgreSQL's manual, not this program's."""
    server.run(
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE EXTENSION citext",
        "CREATE DOMAIN postcode AS text CHECK (length(VALUE) = 7)",
        "CREATE DOMAIN digest AS bytea",
    )
    query = "SELECT " + ", ".join(f"{value} AS c{place}" for place, (value, _) in enumerate(POSTGRESQL))
    [row] = landed(server.address(), tmp_path, query=query)
    assert row == {f"c{place}": text for place, (_, text) in enumerate(POSTGRESQL)}


def test_no_character_means_anything_in_a_text(server: Server, tmp_path: Path) -> None:
    """Each one alone, and beside those that mean something in what PostgreSQL sends."""
    ends = "ARRAY['', '\\', '\\N', E'\t', E'\n', E'\r\n', '\"', ',']"
    query = (
        f"SELECT chr(i) AS one, a || chr(i) || b AS between FROM generate_series(1, 12287) i,"
        f" unnest({ends}) a, unnest({ends}) b WHERE i < 256 OR a = b"
    )
    marks = ["", "\\", "\\N", "\t", "\n", "\r\n", '"', ","]
    expected = sorted(
        (chr(i), a + chr(i) + b) for i in range(1, 12288) for a in marks for b in marks if i < 256 or a == b
    )
    read = landed(server.address(), tmp_path, query=query)
    assert sorted((row["one"], row["between"]) for row in read) == expected


@pytest.mark.parametrize("value", ["", "\\.", "\ufeff", None])
def test_a_column_alone_keeps_its_null_and_empty_texts(server: Server, tmp_path: Path, value: str | None) -> None:
    query = "SELECT CASE i WHEN 1 THEN " + ("NULL" if value is None else f"'{value}'") + " ELSE 'x' END AS only"
    rows = landed(server.address(), tmp_path, query=f"{query} FROM generate_series(1, 2) i ORDER BY i")
    assert rows == [{"only": value}, {"only": "x"}]


def test_long_cells_are_whole_and_few_at_a_time(server: Server, tmp_path: Path) -> None:
    """One of 20 MB is longer than what is otherwise read together; 100 of 1 MB do not wait to be written together."""
    query = "SELECT i, repeat('x', CASE i WHEN 7 THEN 20000000 ELSE 1000000 END) AS long FROM generate_series(1, 100) i"
    found = pulled(server.address(), tmp_path, query=query)
    file = parquet.ParquetFile(found.path)
    assert [len(text) for text in file.read()["long"].to_pylist()] == [1_000_000] * 6 + [20_000_000] + [1_000_000] * 93
    groups = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
    assert max(groups) < 80


def test_what_was_read_is_recorded_with_the_moment_of_the_database(server: Server, tmp_path: Path) -> None:
    told = pulled(server.address(), tmp_path, query="SELECT now() AS begun, clock_timestamp() AS read")
    [row] = parquet.read_table(told.path).to_pylist()
    assert told.snapshot is not None
    assert datetime.fromisoformat(row["begun"]) <= told.snapshot <= datetime.fromisoformat(row["read"])
    found = pulled(server.address("public.contacts"), tmp_path)
    assert found.snapshot is not None
    assert found.snapshot > told.snapshot
    assert found.file == "public.contacts"
    assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()
    assert found.bytes == found.path.stat().st_size
    assert found.path.stat().st_mode & 0o777 == 0o600
    assert found.types == {"id": "INTEGER", "score": "DECIMAL"}


def test_null_and_empty_text_stay_two_things(server: Server, tmp_path: Path) -> None:
    rows = landed(server.address(), tmp_path, table="contacts")
    assert rows == [
        {"id": "1", "email": "ann@acme.example", "score": "1.50"},
        {"id": "2", "email": None, "score": None},
        {"id": "3", "email": "", "score": "0.00"},
    ]


@pytest.mark.parametrize("source", [{"table": "contacts"}, {"query": "SELECT * FROM contacts -- all;\n;"}])
def test_only_the_wanted_columns_and_rows_are_read(server: Server, tmp_path: Path, source: dict[str, str]) -> None:
    rows = landed(server.address(), tmp_path, means={"wanted": lambda names: [names[1]], "rows": 1}, **source)
    assert rows == [{"email": "ann@acme.example"}]


def test_an_empty_table_is_one_without_rows(server: Server, tmp_path: Path) -> None:
    assert landed(server.address(), tmp_path, query="SELECT id, score FROM contacts WHERE false") == []


def test_names_with_blanks_quotes_and_dots_are_found(server: Server, tmp_path: Path) -> None:
    server.run('CREATE SCHEMA "my.schema"', 'CREATE TABLE "my.schema"."a ""b"" c" ("E-mail; 1" text)',
               f'GRANT USAGE ON SCHEMA "my.schema" TO {READER}', f'GRANT SELECT ON "my.schema"."a ""b"" c" TO {READER}',
               """INSERT INTO "my.schema"."a ""b"" c" VALUES ('x')""")  # fmt: skip
    assert landed(server.address(), tmp_path, table='"my.schema"."a ""b"" c"') == [{"E-mail; 1": "x"}]


@pytest.mark.parametrize(
    "query",
    ["SELECT writing()", "WITH w AS (INSERT INTO written VALUES (1) RETURNING id) SELECT * FROM w",
     "SELECT 1) AS q; COMMIT; INSERT INTO written VALUES (1); SELECT * FROM (SELECT 1",
     "SELECT set_config('transaction_read_only', 'off', false), writing()",
     "INSERT INTO written VALUES (1) RETURNING id", "SELECT nextval('pg_catalog.numbers') FROM writing()"],
)  # fmt: skip
def test_a_query_that_tries_to_write_is_stopped(server: Server, tmp_path: Path, query: str) -> None:
    refused(SettingsError, server.address(), tmp_path, query=query)
    server.run("DO $$ BEGIN IF EXISTS (SELECT FROM written) THEN RAISE 'written'; END IF; END $$")


def test_all_rows_are_of_one_moment(server: Server, tmp_path: Path) -> None:
    """What is written between the first look and the reading is not seen."""
    server.run("CREATE TABLE moving AS SELECT 1 AS id", f"GRANT SELECT ON moving TO {READER}")

    def wanted(names: Any) -> list[str]:
        server.run("INSERT INTO moving VALUES (2)")
        return list(names)

    assert landed(server.address("moving"), tmp_path, means={"wanted": wanted}) == [{"id": "1"}]


@pytest.mark.parametrize(
    ("kind", "change", "source", "why"),
    [
        (SettingsError, ("READER_PASSWORD", "OTHER"), {"table": "contacts"}, "does not let us in"),
        (SettingsError, (READER, "nobody"), {"table": "contacts"}, "does not let us in"),
        (SettingsError, ("/postgres?", "/nowhere?"), {"table": "contacts"}, "no such database"),
        (SettingsError, ("postgres?", "postgres?sslmode=require&"), {"table": "contacts"}, "speaks no TLS"),
        (TryLater, ("127.0.0.1", "nowhere.invalid"), {"table": "contacts"}, "cannot be reached"),
        (
            SettingsError,
            ("", ""),
            {"table": "contact"},
            'has no table contact, or not for this user, did you mean "con',
        ),
        (SettingsError, ("", ""), {"table": "secret"}, "may not read the table secret"),
        (SettingsError, ("", ""), {"query": "SELECT emial FROM contacts"}, "has no column emial"),
        (SettingsError, ("", ""), {"query": "SELECT id, score AS id FROM contacts"}, 'the column "id" twice'),
        (SettingsError, ("", ""), {"query": "SELECT 1 WHERE"}, "SQLSTATE 42601"),
        (SettingsError, ("", ""), {"query": "SELECT email::integer AS n FROM contacts"}, "SQLSTATE 22P02"),
        (SettingsError, ("", ""), {}, "none is named"),
        (SettingsError, ("", "#contacts"), {"query": "SELECT 1"}, "more than one is named"),
        (SettingsError, ("", ""), {"query": "DROP TABLE contacts"}, "does not begin as one that reads"),
        (SettingsError, ("postgres?", "postgres?nonsense=1&"), {"table": "contacts"}, "is not understood"),
        (SettingsError, ("postgres?", "postgres?sslmod=disable&"), {"table": "contacts"}, 'did you mean "sslmode"'),
        (SettingsError, ("postgres?", "postgres?sslmode=verify-full&"), {"table": "contacts"}, "which authority"),
        (SettingsError, ("postgres?", "postgres?sslmode=maybe&"), {"table": "contacts"}, "is not understood"),
        (SettingsError, ("postgres?", "postgres?connect_timeout=soon&"), {"table": "contacts"}, "is not understood"),
        (
            SettingsError,
            ("postgres?", "postgres?sslrootcert=ca.pem&"),
            {"table": "contacts"},
            "there is no file ca.pem",
        ),
        (
            SettingsError,
            ("postgres?", "postgres?target_session_attrs=standby&"),
            {"table": "contacts"},
            "as the address",
        ),
        (SettingsError, ("auditor_reader@", "trusted@"), {"table": "contacts"}, "does not let us in"),
    ],
)
def test_each_failure_is_told_without_a_secret_or_a_value(
    server: Server, tmp_path: Path, kind: type[AuditorError], change: tuple[str, str], source: dict[str, str], why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("OTHER", postgres_server.PASSWORD)
    monkeypatch.setenv("HOME", str(tmp_path))  # where certificates are looked for
    address = server.address().replace(*change) if change[0] else server.address() + change[1]
    said = refused(kind, address, tmp_path, **source)
    assert why in said
    assert "ann@acme" not in said


def test_what_takes_longer_than_the_server_allows_can_be_tried_later(server: Server, tmp_path: Path) -> None:
    server.run(f"ALTER ROLE {READER} SET statement_timeout = '300ms'")
    try:
        said = refused(TryLater, server.address(), tmp_path, query="SELECT pg_sleep(20)::text AS slept")
    finally:
        server.run(f"ALTER ROLE {READER} RESET statement_timeout")
    assert "longer than the server allows" in said


def test_a_connection_that_is_lost_while_rows_come_is_told(server: Server, tmp_path: Path) -> None:
    lost: list[int] = []

    def cut(name: str, done: int, total: int | None) -> None:
        if not lost:
            lost.append(done)
            server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}'")

    said = refused(
        TryLater,
        server.address(),
        tmp_path,
        query="SELECT n, repeat('x', 1000) AS long FROM generate_series(1, 300000) n",
        means={"progress": cut},
    )
    assert "broke off" in said


def test_a_missing_column_is_named_with_what_is_there(server: Server, tmp_path: Path) -> None:
    said = refused(SettingsError, server.address("contacts"), tmp_path, means={"wanted": lambda names: ["e_mail"]})
    assert 'no column "e_mail", did you mean "email"?' in said
    assert "it has: id, email, score" in said


def test_who_could_write_is_known_where_it_is_asked(server: Server, tmp_path: Path) -> None:
    asked = {"rights": True}
    assert pulled(server.address("contacts"), tmp_path, means=asked).may_write is False
    assert pulled(server.address("written"), tmp_path, means=asked).may_write is True
    assert pulled(server.address(), tmp_path, means=asked, query="SELECT 1 AS one").may_write is True
    assert pulled(server.address("contacts"), tmp_path).may_write is None


@pytest.mark.parametrize(
    "address",
    ["postgresql://me:s3cret@db/crm#contacts", "postgresql://me:s3/cr@et@db/crm#t", "mysql://me:s3cret@db/crm#t",
     "postgresql://db/crm?password=s3cret#t", "snowflake://db/crm?private_key_passphrase=s3cret#t"],
)  # fmt: skip
def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match=r"holds a (password|secret)") as caught:
        pull_file(Side.TRUTH, address, folder=tmp_path, max_age=None, now=given_time.now(), timezone=UTC)
    assert "s3" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("address", ["sqlite:crm.db", "sqlite:///crm.db", "sqlite+pysqlite:///{}/crm.db"])
def test_what_sqlite_holds_is_read_whatever_its_column_says(tmp_path: Path, address: str) -> None:
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE people (id INTEGER, born DATE, score REAL)")
        rows = [(1, "2024-02-29", 0.1 + 0.2), ("0470", None, "n/a"), (9223372036854775807, "", 1e300), (2, 5, 7)]
        connection.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO people VALUES (x'ff00', 'a' || char(0) || 'b', x'4c69c3a86765')")
    connection.close()
    read = landed(address.format(tmp_path), tmp_path, query="SELECT * FROM people")
    assert [tuple(row.values()) for row in read] == [
        ("1", "2024-02-29", "0.30000000000000004"),
        ("470", None, "n/a"),
        ("9223372036854775807", "", "1e+300"),
        ("2", "5", "7.0"),
        (r"\xFF00", "a\0b", "Liège"),
    ]


def test_sqlite_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id)")
    connection.close()
    before = path.read_bytes()
    refused(SettingsError, "sqlite:crm.db", tmp_path, query="WITH x AS (SELECT 1) INSERT INTO t SELECT 1")
    assert path.read_bytes() == before
    assert "has no table u" in refused(SettingsError, "sqlite:crm.db#u", tmp_path)
    assert "has no column x" in refused(SettingsError, "sqlite:crm.db", tmp_path, query="SELECT x FROM t")
    assert "there is no database" in refused(TryLater, "sqlite:other.db#t", tmp_path)
    path.write_bytes(b"id;email\n" * 1000)
    assert "no SQLite database" in refused(InputUnusable, "sqlite:crm.db#t", tmp_path)


@pytest.mark.parametrize("driver", ["sqlite:crm.db#t", "adbc+sqlite:crm.db#t"])
def test_a_row_with_text_that_is_not_utf8_is_left_out_and_told(driver: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE t (id, name)")
        connection.execute("INSERT INTO t VALUES (1, CAST(x'4c69e86765' AS TEXT)), (2, 'Gent')")
    connection.close()
    assert landed(driver, tmp_path) == [{"id": "2", "name": "Gent"}]
    [one] = pulled(driver, tmp_path).unread
    assert (one.row, one.byte, one.value, one.text) == (1, 3, 0xE8, "1\tLi\\xe8ge")


def test_any_driver_of_adbc_and_any_dialect_of_sqlalchemy_will_do(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE people (id INTEGER, name TEXT)")
        connection.executemany("INSERT INTO people VALUES (?, ?)", [(1, "Ann"), (2, None)])
    connection.close()
    expected = [{"id": "1", "name": "Ann"}, {"id": "2", "name": None}]
    for address in ("adbc+sqlite:crm.db#people", f"sqlite+pysqlite:///{tmp_path}/crm.db#people"):
        assert landed(address, tmp_path) == expected
        assert landed(address, tmp_path, means={"wanted": lambda names: ["name"], "rows": 1}) == [{"name": "Ann"}]


@pytest.mark.parametrize(
    ("address", "repair"),
    [("snowflake://db/crm#t", "profile-auditor[snowflake]"), ("mssql://db/crm#t", "profile-auditor[mssql]"),
     ("bigquery://project#t", "profile-auditor[bigquery]"), ("adbc+nothing://db/crm#t", "adbc-driver-nothing"),
     ("nothing+driver://db/crm#t", "install its SQLAlchemy dialect")],
)  # fmt: skip
def test_a_driver_that_is_not_installed_is_named_with_what_installs_it(
    tmp_path: Path, address: str, repair: str
) -> None:
    assert repair in refused(SettingsError, address, tmp_path)


def test_the_files_of_a_run_are_not_left_to_databases(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text("id\n1\n")
    assert "are for databases" in refused(SettingsError, "crm.csv", tmp_path, table="contacts")


def test_a_certificate_is_checked_against_the_authority_that_is_named(server: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, one in (("ours", authority), ("other", trustme.CA())):
        one.cert_pem.write_to_path(tmp_path / name)
    ours, other = ({"ca": str(tmp_path / name)} for name in ("ours", "other"))
    with postgres_server.behind_tls(server.port, context) as port:
        address = server.address("contacts").replace(f":{server.port}", f":{port}")
        assert "certificate" in refused(SettingsError, address, tmp_path, database=other)
        by_name = address.replace("127.0.0.1", "localhost")
        assert "certificate" in refused(SettingsError, by_name, tmp_path, database=ours)
        assert "speaks no TLS" in refused(SettingsError, server.address("contacts"), tmp_path, database=ours)
        assert len(landed(address, tmp_path, database=ours)) == 3


def test_another_machine_is_not_spoken_to_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the address says so. Who asks for more in PGSSLMODE gets more, who asks for less does not."""
    from auditor.pull.databases.address import database_address
    from auditor.pull.databases.postgresql import _dsn

    access = Truth.model_validate({"from": "x", "table": "t"})
    for host, more, told, expected in (
        ("db.acme.example", "", "", "require"), ("10.0.0.7", "", "", "require"),
        ("db.acme.example", "", "verify-full", "verify-full"), ("db.acme.example", "", "prefer", "require"),
        ("db.acme.example", "?sslmode=disable", "verify-full", "disable"), ("localhost", "", "", None),
        ("", "?host=/run/postgresql", "", None), ("", "?host=db.acme.example", "", "require"),
    ):  # fmt: skip
        monkeypatch.setenv("PGSSLMODE", told)
        address = database_address(f"postgresql://{host}/crm{more}", access, Path())
        assert parse_qs(urlsplit(_dsn(address)).query).get("sslmode") == (None if expected is None else [expected])


def test_an_address_without_a_host_is_where_libpq_would_look(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a socket of this machine, or by another machine, and then not in clear."""
    by_socket = f"postgresql://{READER}@:{server.port}/postgres?password=env:READER_PASSWORD&host={server.folder}"
    assert len(landed(f"{by_socket}#contacts", tmp_path)) == 3
    by_environment = f"postgresql://{READER}@:{server.port}/postgres?password=env:READER_PASSWORD#contacts"
    monkeypatch.setenv("PGHOST", str(server.folder))
    assert len(landed(by_environment, tmp_path)) == 3
    monkeypatch.setenv("PGHOST", "127.1")  # this machine, by a name that might be of another
    with pytest.raises(SettingsError, match="speaks no TLS"):
        pulled(by_environment, tmp_path)


@pytest.mark.parametrize("place", ["postgresql", "sqlite:crm.db", "adbc+sqlite:crm.db", "sqlite+pysqlite:///{}/crm.db"])
def test_who_stops_in_the_middle_waits_for_nothing_and_leaves_nothing(
    server: Server, tmp_path: Path, place: str
) -> None:
    """The query has no end."""
    with sqlite3.connect(tmp_path / "crm.db"):
        pass
    query = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'x' AS x FROM n"
    address = server.address() if place == "postgresql" else place.format(tmp_path)

    def stop(name: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pulled(address, tmp_path, query=query, means={"progress": stop})
    assert not list(tmp_path.glob("*.unpacked*"))
    server.run(f"DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE usename = '{READER}') LOOP"
               " PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$")  # fmt: skip


def test_a_server_that_stores_any_bytes_as_text_is_not_believed(server: Server, tmp_path: Path) -> None:
    server.run("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0")
    address = server.address().replace("/postgres?", "/bytes?")
    query = r"SELECT 1 AS id, CAST(E'Li\xe8ge' AS text) AS name"
    assert landed(address, tmp_path, query=query) == []
    assert [one.value for one in pulled(address, tmp_path, query=query).unread] == [0xE8]
    assert landed(address, tmp_path, query=r"SELECT E'Li\xc3\xa8ge' AS name") == [{"name": "Liège"}]
