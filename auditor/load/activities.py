"""Files of activities, landed and understood: who, what happened to a message, and when.

A row that cannot be understood is rejected with its reason; what happened that nobody asked about is passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable, SettingsError, TryLater
from auditor.files.given import printable
from auditor.findings.activities import Activity, Channel, Unsent
from auditor.findings.audit import REJECTED
from auditor.findings.codes import Code, NotChecked, Notice, read_told, told_text
from auditor.findings.unreachable import nothing_told, unread
from auditor.load import Form, Landed, activity_words, column_names, land
from auditor.load.activity_moments import with_moments
from auditor.load.activity_words import BOUNCE, COLUMNS, OTHER
from auditor.model import Side
from auditor.settings.inputs import Exports

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl

SIDE: Final = "activities"
"""What the rejected rows of these files have in the place of a side."""
AHEAD: Final = timedelta(days=1)
"""So far may the platform's clock be ahead of ours; nothing happens later than that."""
_PARTS: Final = ("activity", "bounce", "code", "reason", "channel", "by_file", "channel_of_file")
"""What says what happened."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of activities on this machine."""

    path: Path
    name: str
    """As it was delivered."""
    location: str
    """As configured."""
    taken_back: bool
    """It should never have been read: what it tells is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the files say."""

    rows: ir.Table
    """A row per row that was understood, the same activity perhaps twice: profile_id, key0 …, email (texts, perhaps
    blank), channel, activity, reason, moment, file (its name), taken_back."""
    not_checked: tuple[NotChecked, ...]
    rejected: pl.DataFrame
    """In the columns of `audit.REJECTED`; its side is SIDE."""


def land_activities(
    engine: DuckDB,
    files: Sequence[File],
    exports: Exports,
    keys: Sequence[Collection[str]],
    zone: str,
    now: datetime,
    folder: Path,
) -> Told:
    """Land the files in `folder`, and understand their rows.

    `keys` are the names that a column with each part of the key may have. Moments without a zone are of `zone`. Raises
    SettingsError for a declared column that no file has.
    """
    import polars as pl

    form = Form(separator=exports.separator, encoding=exports.encoding)
    seen: set[str] = set()
    read, landed, problems = [], [], []
    for number, file in enumerate(files):
        try:
            header = column_names(engine, file.path, form)
            columns = _meanings(file, header, keys, exports)
            one = land(
                engine,
                Side.PLATFORM,
                file.path,
                folder / f"{number}.parquet",
                columns=list(columns.values()),
                form=form,
                most_rejected=exports.rejected,
            )
        except (InputUnusable, TryLater) as problem:
            problems.append((file.name, str(problem)))
            continue
        seen |= {name for name in exports.columns.values() if name in header}
        landed.append((file, one))
        read.append(_texts(pl.read_parquet(one.path), file, number, columns, len(keys), exports))
    read_for_good = any(not file.taken_back for file, _ in landed)
    if read_for_good and (absent := sorted(set(exports.columns.values()) - seen)):
        raise SettingsError(f'[exports] columns: no file of activities has the column "{absent[0]}"')
    latest = now + AHEAD
    rows = _in_engine(engine, _understood(_joined(read, len(keys)), exports))
    rows = with_moments(engine, rows, exports.format, zone, latest)
    rejects = _rejected(engine, rows.filter(~rows.taken_back), latest)
    not_checked = [*unread(problems), *_unreadable(landed), *_not_understood(files, rejects)]
    not_checked += nothing_told(_silent(engine, rows, files))
    understood = rows.wrong.isnull() & (rows.activity != OTHER) & (rows.moment <= latest)
    good = rows.filter(understood | rows.taken_back).mutate(file=rows.name)
    names = ["profile_id", *_parts_of(len(keys)), "email", "channel", "activity", "reason", "moment", "file"]
    lines = [pl.read_parquet(one.rejects) for _, one in landed if one.rejects is not None]
    rejected = pl.concat([REJECTED.to_frame(), *lines, rejects.select(REJECTED.names())])
    return Told(
        engine.keep(good.select(*names, "taken_back").distinct(), "activities"),
        tuple(not_checked),
        rejected.with_columns(side=pl.lit(SIDE)).select(REJECTED.names()),
    )


def _parts_of(keys: int) -> list[str]:
    return [f"key{number}" for number in range(keys)]


def _meanings(
    file: File, header: Sequence[str], keys: Sequence[Collection[str]], exports: Exports
) -> Mapping[str, str]:
    """Meaning → column of a file. Raises InputUnusable where it does not say enough: it may be of something else."""
    named = {meaning: name for meaning, name in exports.columns.items() if name in header}
    found = activity_words.columns_of(header, keys, named)
    by_file = activity_words.named_by_file(file.name, exports.files)
    missing = {
        "who it was": not found.keys() & {"profile_id", "key0", "email"},
        "when it happened": "moment" not in found,
        "what happened": by_file is None and not found.keys() & {"activity", "bounce"},
    }
    for what, is_missing in missing.items():
        if is_missing:
            raise InputUnusable(
                f"no column of it says {what}, nor do columns or files of [exports]; it has: "
                + ", ".join(map(printable, header))
            )
    return found


def _texts(
    frame: pl.DataFrame, file: File, number: int, columns: Mapping[str, str], keys: int, exports: Exports
) -> pl.DataFrame:
    """The rows of one file under the names of their meanings, with what its name says."""
    import polars as pl

    by_file = activity_words.named_by_file(file.name, exports.files)
    if by_file is None and "activity" not in columns:
        by_file = BOUNCE
    channel = Channel.SMS if "sms" in activity_words.folded(file.name) else Channel.EMAIL
    names = ("profile_id", *_parts_of(keys), *(name for name in COLUMNS if name != "profile_id"))
    texts = {
        name: pl.col(columns[name]).cast(pl.String) if name in columns else pl.lit(None, pl.String) for name in names
    }
    return frame.select(
        **texts,
        by_file=pl.lit(by_file, pl.String),
        channel_of_file=pl.lit(channel.value),
        file=pl.lit(number, pl.Int64),
        name=pl.lit(printable(file.name)),
        taken_back=pl.lit(file.taken_back),
        line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )


def _joined(read: Sequence[pl.DataFrame], keys: int) -> pl.DataFrame:
    import polars as pl

    names = ("profile_id", *_parts_of(keys), *(name for name in COLUMNS if name != "profile_id"))
    schema: dict[str, pl.DataType] = dict.fromkeys((*names, "by_file", "channel_of_file"), pl.String())
    schema |= {"file": pl.Int64(), "name": pl.String(), "taken_back": pl.Boolean(), "line": pl.Int64()}
    return pl.concat([pl.DataFrame(schema=schema), *read])


def _understood(rows: pl.DataFrame, exports: Exports) -> pl.DataFrame:
    """The rows with their activity, reason and channel, and `wrong`: why they are rejected.

    Words are looked at once, however many rows have them.
    """
    import polars as pl

    rows = rows.with_columns(pl.col(_PARTS).fill_null("").str.strip_chars())
    words = rows.select(_PARTS).unique()
    found = [(*parts, *_meaning(parts, exports)) for parts in words.iter_rows()]
    told = ("is_activity", "is_reason", "is_channel", "wrong")
    meanings = pl.DataFrame(found, schema=dict.fromkeys((*_PARTS, *told), pl.String()), orient="row")
    rows = rows.join(meanings, on=list(_PARTS), how="left", maintain_order="left")
    keys = [name for name in rows.columns if name.startswith("key")]
    blank = {name: pl.col(name).fill_null("").str.strip_chars() == "" for name in ("profile_id", "email", *keys)}
    nobody = blank["profile_id"] & blank["email"] & pl.any_horizontal(*(blank[name] for name in keys))
    asked = pl.col("is_activity").fill_null("") != OTHER
    wrong = pl.when(asked & nobody).then(pl.lit(told_text(Notice(Code.NOBODY_NAMED)))).otherwise("wrong")
    line = pl.concat_str(pl.col("profile_id", *keys, "email", "moment", *_PARTS[:-2]).fill_null(""), separator=";")
    return rows.with_columns(wrong=wrong, text=line)


def _meaning(words: Sequence[str], exports: Exports) -> tuple[str | None, str | None, str | None, str | None]:
    """Activity, reason, channel, and what is wrong with the words of a row, in the order of `_PARTS`.

    Where a column says what happened, the file's name does not: a file of opt-outs may hold some that failed.
    """
    activity, bounce, code, reason, channel, by_file, channel_of_file = words
    if activity:
        happened = activity_words.happened(activity, exports.values)
    else:
        hard_or_soft = activity_words.hardness(bounce, "", "")
        happened = hard_or_soft or by_file or (BOUNCE if bounce else None)
    if happened is None:
        return None, None, None, told_text(Notice(Code.HAPPENED_UNCLEAR))
    if happened == OTHER:
        return OTHER, None, None, None
    way = activity_words.channel_of(channel) if channel else None
    if channel and way is None:
        return None, None, None, told_text(Notice(Code.CHANNEL_UNCLEAR))
    way = way or activity_words.channel_of(activity) or Channel(channel_of_file)
    if happened in tuple(Unsent):
        return Activity.NOT_SENT.value, happened, way.value, None
    if happened == BOUNCE:
        hard = activity_words.hardness(bounce, code, reason)
        if hard is None:
            return None, None, None, told_text(Notice(Code.BOUNCE_UNCLEAR))
        return hard.value, None, way.value, None
    why = activity_words.unsent(reason) if happened == Activity.NOT_SENT else None
    return happened, why and why.value, way.value, None


def _in_engine(engine: DuckDB, rows: pl.DataFrame) -> ir.Table:
    names = {"is_activity": "activity", "is_reason": "reason", "is_channel": "channel", "moment": "moment_text"}
    return engine.put(rows.drop("activity", "reason", "channel").rename(names), "activity_rows")


def _rejected(engine: DuckDB, rows: ir.Table, latest: datetime) -> pl.DataFrame:
    """The rows that are not understood: `file`, and the columns of `audit.REJECTED`; of lines, the data row."""
    import ibis
    import polars as pl

    asked = rows.activity.fill_null("") != OTHER
    reason = ibis.cases(
        (rows.wrong.notnull(), rows.wrong),
        (rows.moment.isnull(), told_text(Notice(Code.MOMENT_UNREAD))),
        (rows.moment > latest, told_text(Notice(Code.MOMENT_TO_COME))),
    )
    bad = rows.mutate(why=reason).filter(asked, reason.notnull())
    frame = engine.frame(bad.select("file", "line", "why", "text").order_by("file", "line"))
    return frame.select(
        "file", side=pl.lit(SIDE), line=pl.col("line").cast(pl.Int64), reason=pl.col("why"), text="text"
    )


def _not_understood(files: Sequence[File], rejects: pl.DataFrame) -> list[NotChecked]:
    found = []
    for (number,), rows in rejects.group_by("file", maintain_order=True):
        first = rows.row(0, named=True)
        parameters = {
            "file": printable(files[int(str(number))].name),
            "place": "row",
            "line": first["line"],
            "reason": read_told(first["reason"]).content(),
        }
        found.append(NotChecked(Code.REJECTED_ROWS, Side.PLATFORM, rows.height, parameters=parameters))
    return found


def _unreadable(landed: Sequence[tuple[File, Landed]]) -> list[NotChecked]:
    """What landing could not read. Doubtful lines of activities make nobody look missing: they block no plan."""
    found: list[NotChecked] = []
    for file, one in landed:
        for item in one.not_checked:
            if item.code is Code.LINES_DO_NOT_CLOSE:
                found += unread([(printable(file.name), "it is not certain which lines belong together")])
            else:
                found.append(item)
    return found


def _silent(engine: DuckDB, rows: ir.Table, files: Sequence[File]) -> list[tuple[str, int]]:
    """The places whose rows are all of other kinds, and how many files they have."""
    asked = (rows.activity.fill_null("") != OTHER) | rows.taken_back
    counts = engine.rows(rows.group_by("file").agg(asked=asked.sum()))
    asked_of: dict[str, int] = {}
    for number, some in counts:
        place = files[number].location
        asked_of[place] = asked_of.get(place, 0) + int(some)
    return [
        (place, sum(file.location == place for file in files)) for place, some in sorted(asked_of.items()) if not some
    ]
