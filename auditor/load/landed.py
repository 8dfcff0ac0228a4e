"""What every landing ends in: an input as one Parquet file of texts, with the columns that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.engine.protocol import ROW_NUMBER
from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.load.form import Form
from auditor.model import Side
from auditor.settings.problems import absent_columns

Progress = Callable[[int, int, int | None], None]
"""Called with bytes done, bytes in all, and rows so far where they are known."""

MOST_REJECTED: Final = (10, 0.01)
"""A number and a share of the rows: while no more than the larger are rejected, the run goes on."""

SHOWN: Final = 5
"""Line numbers that are named of those where the names stand again."""
_CELLS_PER_GROUP = 1_250_000
"""Of a row group: keeps the writer's memory alike for narrow and wide tables."""


@dataclass(frozen=True, slots=True)
class Landed:
    """An input as a table of texts."""

    side: Side
    path: Path
    """Parquet, rows in file order, every column text; the row number is the row's place after the rejected are gone."""
    columns: tuple[str, ...]
    """The input's own names of the columns that were kept, in file order."""
    rows: int
    """Every data row of the input, rejected ones included."""
    rejected: int
    rejects: Path | None
    """Parquet with the columns of `audit.REJECTED`; None where nothing was rejected."""
    encoding: str
    """As read; empty for Parquet."""
    separator: str
    """As read; empty for Parquet."""
    notes: tuple[Notice, ...]
    """What was recognised or passed over."""
    not_checked: tuple[NotChecked, ...]


def write_texts(engine: DuckDB, query: str, target: Path, columns: int) -> int:
    """Run a query into a Parquet file that is quick to write and to read again; gives the number of rows.

    LZ4 without large dictionaries and with small row groups took two thirds of the time of DuckDB's defaults.
    """
    group = max(2048, min(61_440, _CELLS_PER_GROUP // max(columns, 1) // 2048 * 2048))
    options = (
        f"FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {group}, DICTIONARY_SIZE_LIMIT 200, "
        "STRING_DICTIONARY_PAGE_SIZE_LIMIT 20000, USE_TMP_FILE false"
    )
    with whole_file(target, durable=False) as partial, engine.in_order():
        [(rows,)] = engine.execute(f"COPY ({query}) TO {literal(partial)} ({options})")
    return int(rows)


def respell(engine: DuckDB, landed: Landed, form: Form, scratch: Path) -> None:
    """Write what was landed again, with no value where the form says that there is none, and plain decimals."""
    source = f"read_parquet({literal(landed.path)})"
    nulls = ", ".join(map(literal, form.nulls))
    spelt = {name: f"CASE WHEN {quote(name)} NOT IN ({nulls}) THEN {quote(name)} END" if nulls else quote(name)
             for name in landed.columns}  # fmt: skip
    if form.decimal:
        point, group = (",", ".") if form.decimal == "," else (".", ",")
        shape = literal(rf"\s*[-+]?(\d+|\d{{1,3}}(\{group}\d{{3}})+)?(\{point}\d+)?\s*")
        fits = {name: f"regexp_full_match({spelt[name]}, {shape})" for name in landed.columns}
        asked = [name for name in landed.columns if name in form.texts and name not in form.names]
        counted = ", ".join(f"coalesce(bool_and({fits[name]}), false)" for name in asked)
        [answer] = engine.execute(f"SELECT {counted} FROM {source}") if asked else [()]
        numbers = {*form.numbers, *(name for name, all_are in zip(asked, answer, strict=True) if all_are)}
        for name in landed.columns:
            if name in numbers:
                plain = f"replace(replace({spelt[name]}, {literal(group)}, ''), {literal(point)}, '.')"
                spelt[name] = f"CASE WHEN {fits[name]} THEN {plain} ELSE {spelt[name]} END"
    former = scratch / "former.parquet"
    landed.path.rename(former)
    picked = ", ".join(f"{cell} AS {quote(name)}" for name, cell in spelt.items())
    write_texts(engine, f"SELECT {picked} FROM read_parquet({literal(former)})", landed.path, len(spelt))


def choose(
    path: Path, header: Sequence[str], wanted: Sequence[str] | None, notes: list[Notice], separator: str = ""
) -> list[tuple[int, str]]:
    """Place and name of the columns to keep, in file order.

    Raises SettingsError for a name that stands twice in the header, for wanted columns that are absent, and for
    columns that engines cannot tell apart because only upper and lower case differ.
    """
    file = printable(path)
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        if name in places:
            raise SettingsError(
                f'{file} has the column "{printable(name)}" twice, as columns {places[name] + 1} and {place + 1}',
                hint="export each column once",
            )
        if "\0" in name:  # which SQL cannot spell
            notes.append(Notice(Code.COLUMN_WITH_NUL, {"column": place + 1}))
        elif name.strip():
            places[name] = place
        else:
            notes.append(Notice(Code.COLUMN_WITHOUT_NAME, {"column": place + 1}))
    if wanted is not None:
        absent = [name for name in dict.fromkeys(wanted) if name not in places]
        if absent:
            raise SettingsError(
                f"{file} has no {absent_columns(absent, list(places))}", hint=_separator_hint(header, separator)
            )
    kept = [(place, name) for name, place in places.items() if wanted is None or name in wanted]
    if not kept:
        raise SettingsError(f"{file} has no column with a name")
    folded: dict[str, str] = {}
    for _, name in kept:
        other = folded.setdefault(name.lower(), name)
        if other != name:
            raise SettingsError(
                f'the columns "{printable(other)}" and "{printable(name)}" of {file} differ in upper and lower case '
                "only and cannot be told apart",
                hint="rename one of them, or leave one out",
            )
    if ROW_NUMBER in folded:
        raise SettingsError(f'{file} has a column "{ROW_NUMBER}", a name that is reserved', hint="rename it")
    return sorted(kept)


def _separator_hint(header: Sequence[str], separator: str) -> str | None:
    if separator and len(header) == 1:
        return f"the header line holds no {spelt(separator)}: is another separator used?"
    return "correct the name in the contract, or export the column"


def spelt(separator: str) -> str:
    return {"\t": "tab"}.get(separator, f'"{separator}"')
