"""Where the two sides come from, what their locations need besides an address, and how much may be wrong with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import pydantic

from auditor.settings.problems import Duration, Strict
from auditor.settings.servers import S3, Database, Ftps, Https, Sftp, password_in


def _share(value: object) -> float:
    if isinstance(value, str) and value.endswith("%") and value[:-1].replace(".", "", 1).isdigit():
        return float(value[:-1]) / 100
    raise ValueError('a share such as "10%" is expected')


Share = Annotated[float, pydantic.BeforeValidator(_share)]
"""A part of the whole, written as `"10%"`."""


_PART: dict[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+(\\.[0-9]*)?%$"}]
}
Brake = Annotated[
    tuple[int, float],
    pydantic.BeforeValidator(lambda value: _brake(value)),
    pydantic.WithJsonSchema({"anyOf": [*_PART["anyOf"], {"type": "array", "items": _PART}]}),
]
"""A count and a share of the profiles; the larger of the two is the limit."""


def _brake(value: Any) -> tuple[int, float]:
    parts = value if isinstance(value, list) else [value]
    count, share = 0, 0.0
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
            count = part
        elif isinstance(part, str) and part.endswith("%") and part[:-1].replace(".", "", 1).isdigit():
            share = float(part[:-1]) / 100
        else:
            raise ValueError('a count such as 500, a share such as "5%", or both in a list are expected')
    return count, share


Words = Annotated[
    list[str],
    pydantic.BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    pydantic.WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One text, or several in a list."""


class Located(Strict):
    """What an input's location may need besides its address; one section for each kind of server."""

    wait: Duration = timedelta(minutes=5)
    """How long a file that is still being written is waited for."""
    rejected: Brake = (10, 0.01)
    """While no more rows than this (a count, a share; the larger is the limit) cannot be read, the run goes on."""
    member: str | None = None
    """Name or pattern of the file in a ZIP archive that holds several."""
    sftp: Sftp = Sftp()
    ftps: Ftps = Ftps()
    https: Https = Https()
    s3: S3 = S3()


class Written(Strict):
    """How a file is written; what is not said is recognised where only one reading makes sense, and reported."""

    separator: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """Of a CSV file; None: `;` of an export of the platform, else recognised from the header line."""
    quote: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """What encloses cells of a CSV file; None: the usual one."""
    escape: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """What takes its meaning from the next quote, separator or line end, such as a backslash; None: nothing does."""
    encoding: str | None = None
    """Of a CSV file; None: UTF-8, or, of a truth, recognised where only one reading makes sense."""
    header: int | None = pydantic.Field(default=None, ge=1)
    """The line of a CSV file, or the row of a sheet, in which the names stand; None: recognised."""
    footer: int | None = pydantic.Field(default=None, ge=0)
    """How many lines at the end of a CSV file, or rows of a sheet, are no rows; None: recognised."""
    sheet: str | None = None
    """Of an Excel workbook; None: the only one that holds something."""
    null: Words = []
    """Texts that say that there is no value, such as NULL."""
    decimal: Literal[",", "."] | None = None
    """What stands before the decimals of a number; None: as the rule of the column reads it."""


class Declared(Written):
    """What can be said of a file on the command line."""

    member: str | None = None
    """Name or pattern of the file in a ZIP archive that holds several."""


class Compared(Located, Written):
    """The same of an input that is one of the two sides."""

    shrank: Share = 0.1
    """A side that lost this share of its rows since the last run is told, and stops a plan until it is confirmed."""


class Platform(Compared):
    """Where the profile export lies."""

    export: str
    max_age: Duration = timedelta(hours=36)


class Truth(Compared):
    """Where the source of truth is."""

    from_: str = pydantic.Field(alias="from")
    """Path or pattern, the address of files on a server, or of a database such as postgresql://db.acme.example/crm."""
    table: str | None = None
    """Of a database, as contacts or sales.contacts."""
    query: str | None = None
    """Of a database, instead of a table: a SELECT. Of its columns, those of the contract are read."""
    database: Database = Database()

    @pydantic.field_validator("from_")
    @classmethod
    def _from(cls, value: str) -> str:
        if password_in(value):
            raise ValueError(
                "an address must not hold a password: name where it is, for a database as [truth.database] "
                'password = "env:NAME"'
            )
        return value

    @pydantic.model_validator(mode="after")
    def _one(self) -> Truth:
        if self.query is not None and self.table is not None:
            raise ValueError("table and query exclude each other: name one of them")
        return self

    def beside(self, given: str | None) -> Truth:
        """The same for a location that is given instead of `from`: what is read of a database goes with its address."""
        return self if given is None else self.model_copy(update={"table": None, "query": None})


ActivityColumn = Literal["profile_id", "key", "email", "activity", "moment", "bounce", "code", "reason", "channel"]
"""What a column of a file of activities says: who it was, what happened and when, and of what kind it was."""
ActivityWord = Literal["unsubscribed", "complained", "hard_bounce", "soft_bounce", "bounce", "not_sent"]
"""What happened; a `bounce` is hard or soft by what its row says."""


class Exports(Located):
    """What else the platform exports."""

    activities: Words = []
    """Where files of activities lie: bounces, complaints, opt-outs in campaigns, messages not sent. Every file that
    matches is read, not the newest alone."""
    max_silence: Duration = timedelta(days=14)
    """How old the newest activity that is known may be for a place where nothing new lies to have had nothing to tell;
    past that, it is not checked."""
    taken_back: Words = []
    """Where files of activities lie that should never have been read: whatever they tell of somebody at a moment is
    forgotten, and not read again."""
    columns: dict[ActivityColumn, str] = {}
    """The columns of these files whose names say nothing, by what they mean."""
    files: dict[str, ActivityWord] = {}
    """Patterns of names of files, and what happened in each: where no column says so."""
    values: dict[str, ActivityWord | Literal["other"]] = {}
    """What the column of activities calls them, and what happened; `other` is passed over."""
    format: str | dict[str, str] | None = None
    """strptime format of the moments, of all files or by patterns of their names; None: ISO 8601, seconds since 1970,
    and days in another order where only one makes sense over a file."""
    separator: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """Of the files; None: recognised from the header line."""
    encoding: str | None = None
    """Of the files; None: UTF-8, or recognised where only one reading makes sense."""

    @pydantic.field_validator("activities", "taken_back")
    @classmethod
    def _activities(cls, value: list[str]) -> list[str]:
        if any(map(password_in, value)):
            raise ValueError("an address must not hold a password: name where it is in a section of [exports]")
        return value
