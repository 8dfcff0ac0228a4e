"""The run's own DuckDB connection as an SQLAlchemy engine, fit for Great Expectations.

`duckdb_engine` brings the dialect; five things are different here, each for a reason given beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import duckdb_engine
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, registry
from sqlalchemy.dialects.postgresql.base import PGCompiler
from sqlalchemy.dialects.postgresql.psycopg2 import PGExecutionContext_psycopg2
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    import duckdb

_URL: Final = "duckdb+auditor:///:memory:"


class _Compiler(PGCompiler):
    """Writes values into the SQL text, so that the text which Great Expectations gives back can be executed.

    Left to itself, Great Expectations puts bound values into that text with `repr`, which for `it's` is a quoted
    identifier. The values are those of the suite, never of profiles.
    """

    def visit_bindparam(self, bindparam: Any, *args: Any, **kwargs: Any) -> Any:
        if bindparam.value is not None:
            kwargs["literal_binds"] = True
        return super().visit_bindparam(bindparam, *args, **kwargs)  # type: ignore[no-untyped-call]

    def visit_try_cast(self, cast: Any, **kwargs: Any) -> str:
        return f"TRY_CAST({cast.clause._compiler_dispatch(self, **kwargs)} AS {self.process(cast.typeclause)})"

    def visit_custom_op_binary(self, element: Any, operator: Any, **kwargs: Any) -> str:
        """PostgreSQL finds a regular expression anywhere in a text; with DuckDB's `~` it must match all of it."""
        if operator.opstring not in ("~", "!~"):
            return str(super().visit_custom_op_binary(element, operator, **kwargs))  # type: ignore[no-untyped-call]
        text, pattern = self.process(element.left, **kwargs), self.process(element.right, **kwargs)
        found = f"regexp_matches({text}, {pattern})"
        return found if operator.opstring == "~" else f"NOT {found}"


class _Context(PGExecutionContext_psycopg2):
    """Fetches at once: Great Expectations reads a result after it has given the connection back, and DuckDB's result
    is gone with the next statement."""

    def post_exec(self) -> None:
        super().post_exec()  # type: ignore[no-untyped-call]
        if self.cursor.description:
            rows = self.cursor.fetchall()
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(self.cursor, initial_buffer=rows)


class AuditorDialect(duckdb_engine.Dialect):
    """DuckDB, buffered, with values in the text."""

    supports_statement_cache = False  # a statement's text holds its values, so no two share one
    statement_compiler = _Compiler
    execution_ctx_cls = _Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Great Expectations looks here for PostgreSQL before it uses regular expressions and LIKE. On the class,
        # SQLAlchemy would take it for the dialect to load.
        self.dialect = postgresql.dialect


class _Borrowed(duckdb_engine.ConnectionWrapper):
    """The run's connection, lent: it is not ours to close. Temporary tables are seen by no other connection."""

    def close(self) -> None:
        """The run closes its connection itself."""


def sqlalchemy_engine(con: duckdb.DuckDBPyConnection) -> sa.Engine:
    """An SQLAlchemy engine over this very connection; disposing of it leaves the connection open."""
    registry.register("duckdb.auditor", __name__, AuditorDialect.__name__)
    return sa.create_engine(_URL, creator=lambda: _Borrowed(con), poolclass=StaticPool)
