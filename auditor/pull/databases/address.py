"""The address of a database, and of what is read there.

postgresql://auditor@db.acme.example/crm?password=env:CRM_PASSWORD#sales.contacts    sqlite:crm.db#contacts

The part behind `#` names a table. A password is named by reference; an address that holds one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.pull.locations import SERVERS
from auditor.settings.inputs import Located, Truth
from auditor.settings.secrets import Secret, secret
from auditor.settings.servers import Database, password_in

KNOWN: Final = ("postgresql", "postgres", "mysql", "mariadb", "sqlite", "mssql", "snowflake", "bigquery", "oracle")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_ADDRESS = re.compile(
    r"(?://(?:(?P<user>[^@/]*)@)?(?P<host>\[[^]/]*]|[^:/]*)(?::(?P<port>\d+))?(?:/|$))?(?P<database>.*)$", re.DOTALL
)
_SECRET = re.compile(r"pass|pwd|secret|token|credential", re.IGNORECASE)
_NO_SECRETS = ("password", "passfile")
"""Parameters of an address that look like secrets: the first must be a reference, the second is a path."""
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')
_READS = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*\(*\s*(select|with|table|values|from)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Address:
    """Which database, and what of it; it holds no secret."""

    scheme: str
    """In lower case, as `postgresql` or `mssql+pymssql`."""
    user: str | None
    host: str
    """Empty: this machine."""
    port: int | None
    database: str
    """Its name, or the path of its file."""
    options: tuple[tuple[str, str], ...]
    """The parameters behind `?`, without the password."""
    password: Secret | None
    settings: Database
    table: tuple[str, ...]
    """Its name, with those of catalogue and schema before it; empty: there is a query."""
    query: str

    @property
    def kind(self) -> str:
        """What the database is, without its driver."""
        return self.scheme.partition("+")[0]

    @property
    def server(self) -> str:
        """The server, as sentences name it."""
        where = f"{self.host or 'this machine'}:{self.port}" if self.port else self.host or "this machine"
        return printable(f"{self.database} on {where}" if self.database else where)

    @property
    def local(self) -> bool:
        host = self.host or dict(self.options).get("host", "")
        return host in _LOCAL or host.startswith("/")

    @property
    def what(self) -> str:
        """What is read, for sentences."""
        return printable(f"the table {'.'.join(self.table)}") if self.table else "the query"

    @property
    def name(self) -> str:
        """The short name of what is read."""
        return printable(".".join(self.table)) if self.table else "query"


def is_database(location: str) -> bool:
    """Whether a location is the address of a database and not of files."""
    match = _SCHEME.match(location)
    if match is None:
        return False
    kind, plus, _ = match[1].lower().partition("+")
    if kind in KNOWN or plus:
        return True
    if kind in SERVERS or kind == "file" or "://" not in location:
        return False
    from importlib.metadata import entry_points  # slow, and asked for kinds that are neither

    return any(one.name == kind for one in entry_points(group="sqlalchemy.dialects"))


def database_address(location: str, access: Located, base: Path) -> Address:
    """The address in a location, with what the settings `access` add; files start at `base`.

    Raises SettingsError; no secret is repeated.
    """
    scheme = _SCHEME.match(location)
    if scheme is None or password_in(location):
        kind = scheme[1] if scheme else "database"
        raise SettingsError(f"the {printable(kind)} address holds a password", hint=HOW)
    place, _, fragment = location[scheme.end() :].partition("#")
    place, _, parameters = place.partition("?")
    options = parse_qsl(parameters, keep_blank_values=True)
    if any(_SECRET.search(name) and name.lower() not in _NO_SECRETS for name, _ in options):
        raise SettingsError(f"the {printable(scheme[1])} address holds a secret", hint=HOW)
    parts = _ADDRESS.match(place)
    if parts is None or not location.isprintable():
        raise SettingsError("this is no address of a database", hint="an example: postgresql://auditor@db/crm#contacts")
    settings = access.database if isinstance(access, Truth) else Database()
    password = settings.password
    for name, value in options:
        if name == "password":
            try:
                password = secret(value, base)
            except ValueError:
                raise SettingsError(f"the {printable(scheme[1])} address holds a password", hint=HOW) from None
    table, query = _wanted(unquote(fragment), access)
    return Address(
        scheme=scheme[1].lower(),
        user=settings.user or (unquote(parts["user"]) if parts["user"] else None),
        host=(parts["host"] or "").strip("[]"),
        port=int(parts["port"]) if parts["port"] else None,
        database=unquote(parts["database"]),
        options=tuple((name, value) for name, value in options if name != "password"),
        password=password,
        settings=settings,
        table=table,
        query=query,
    )


HOW: Final = (
    'take it out, and name where it is: [truth.database] password = "env:NAME" or "file:PATH", '
    "or ?password=env:NAME in the address"
)


def _wanted(fragment: str, access: Located) -> tuple[tuple[str, ...], str]:
    """The table's name in its parts, or the query: exactly one of them is said."""
    query, table = (access.query, access.table) if isinstance(access, Truth) else (None, None)
    said = [text for text in (fragment, table, query) if text]
    if len(said) != 1:
        raise SettingsError(
            "a database is read by one table or one query, and "
            + ("none is named" if not said else "more than one is named"),
            hint="#schema.contacts behind the address; the settings of a truth also take "
            'table = "schema.contacts", or query = "select …"',
        )
    if query:
        text = query.strip().rstrip(";").rstrip()
        if not _READS.match(text):
            raise SettingsError(
                "the query does not begin as one that reads", hint="SELECT, WITH, VALUES and TABLE begin one that does"
            )
        return (), text
    return table_name(said[0]), ""


def table_name(text: str) -> tuple[str, ...]:
    """`sales.contacts` or `"my.schema".contacts` in its parts, as the database spells them."""
    parts = [(quoted.replace('""', '"') or plain) for quoted, plain in _PART.findall(text)]
    if not parts or len(parts) > 3 or re.sub(_PART, "", text) != "." * (len(parts) - 1):
        raise SettingsError(
            f"{printable(text)} is no name of a table", hint='as contacts, sales.contacts or "my.schema".contacts'
        )
    return tuple(parts)


def quoted(parts: Sequence[str], mark: str = '"') -> str:
    """Names as quoted SQL identifiers, joined by dots."""
    return ".".join(mark + part.replace(mark, mark * 2) + mark for part in parts)
