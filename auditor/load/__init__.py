"""The load stage: lands an input once as a Parquet file whose columns are all text, with nothing lost on the way.

Cells are text as written; an empty cell is null, an empty cell in quotes is an empty text. Nothing is guessed from a
CSV file: `0470123456` stays what it is. The lines are counted apart from the parser, and the sum must close.

    survey ─► plain? ──► DuckDB ──► as many rows as lines? ──► landed
                │ no                  │ no, or it stumbles
                ▼                     ▼
               sift, line by line ──► DuckDB ──► landed, rejected rows beside it

DuckDB gets no bytes that were not looked at: some it takes so ill that its whole connection is lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from auditor.audit import REJECTED
from auditor.contract import Contract
from auditor.derived import add_derived, derived
from auditor.engine import Engine, literal, quote, translated
from auditor.errors import AuditorError, InputUnusable, SettingsError
from auditor.files import fingerprint, full_disk, printable, require_space, unchanged, whole_file
from auditor.load import parquetfile
from auditor.load.csvfile import Dialect, Survey, is_utf8, not_utf8, read_dialect, survey, to_utf8
from auditor.load.sift import NOT_UTF8, Reject, Sieve, Sifted
from auditor.model import NotChecked, Side
from auditor.problems import nearest

Progress = Callable[[int, int, int | None], None]
"""Called with bytes done, bytes in all, and rows so far where they are known."""

ROW_NUMBER: Final = "file_row_number"
"""DuckDB's own name for the row number of a Parquet file: no column can have it."""

MOST_REJECTED: Final = (10, 0.01)
"""A number and a share of the rows: while no more than the larger are rejected, the run goes on."""

_CELLS_PER_GROUP = 1_250_000
"""Of a row group: keeps the writer's memory alike for narrow and wide tables."""
_REJECTED_TEXT = 64 * 2**20
"""Characters of rejected rows that are kept; more means that the file is not what it is taken for."""
_SHOWN_COLUMNS = 30


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
    notes: tuple[str, ...] = ()
    """What was recognised or passed over, a sentence each."""
    not_checked: tuple[NotChecked, ...] = ()


def land(
    engine: Engine,
    side: Side,
    path: Path,
    target: Path,
    *,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    looked: Looked | None = None,
    most_rejected: tuple[int, float] = MOST_REJECTED,
    progress: Progress | None = None,
) -> Landed:
    """Land the CSV or Parquet file `path` as `target`; rejected rows go to `TARGET-STEM-rejected.parquet`.

    `columns` are those that are kept (None: all that have a name). `separator` None is recognised from the header
    line; `encoding` None is UTF-8; `looked` is what `looking_ahead` gave for this file; `most_rejected` is a number and
    a share of the rows, the larger of which may be rejected. The engine must be allowed to read the folder of `path`
    and to write the folder of `target`. Scratch files live in a folder beside `target` and are removed.

    Raises SettingsError for absent or ambiguous columns, InputUnusable for a file that is empty, cut off, in the wrong
    encoding, without a readable row or with too many that are rejected, TryLater when the
    disk is full or the file changes meanwhile.
    """
    target, path = target.resolve(), path.resolve()
    _rejects_of(target).unlink(missing_ok=True)
    report = progress or (lambda done, total, rows: None)
    with (
        unchanged(path),
        full_disk(target.parent),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".landing-") as scratch,
    ):
        total = path.stat().st_size
        require_space(target.parent, total)
        report(0, total, None)
        if parquetfile.is_parquet(path):
            landed = _land_parquet(engine, side, path, target, columns)
        else:
            known = looked if looked is not None and looked.fingerprint == fingerprint(path) else None
            landed = _Csv(engine, side, path, target, Path(scratch), report, most_rejected).land(
                columns, separator, encoding, known
            )
        report(total, total, landed.rows)
    return landed


@dataclass(frozen=True, slots=True)
class Looked:
    """What the bytes of a CSV file say, and which bytes those were."""

    fingerprint: tuple[int, ...] | None
    dialect: Dialect
    survey: Survey


@contextmanager
def looking_ahead(files: Iterable[tuple[Path, str | None, str | None]]) -> Iterator[list[Future[Looked | None]]]:
    """Look at files (path, separator, encoding), one after the other, while others of them are landed.

    In the order of the files; None for what `land` has to look at itself, and for what it will complain about.
    """
    pool = ThreadPoolExecutor(1, "look")
    try:
        yield [pool.submit(_look, *file) for file in files]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look(path: Path, separator: str | None, encoding: str | None) -> Looked | None:
    if not is_utf8(encoding or "utf-8"):
        return None
    try:
        before = fingerprint(path.resolve())
        if parquetfile.is_parquet(path):
            return None
        dialect = read_dialect(path, separator)
        return Looked(before, dialect, survey(path, dialect))
    except (AuditorError, OSError):
        return None


def column_names(engine: Engine, path: Path, *, separator: str | None = None, encoding: str | None = None) -> list[str]:
    """The names of a file's columns, in file order, without loading it. Raises as `land` does."""
    if parquetfile.is_parquet(path):
        return parquetfile.names(engine, path)
    return list(read_dialect(path, separator, encoding or "utf-8").header)


def rejected_rows(engine: Engine, landed: Iterable[Landed]) -> None:
    """Create the temporary table `rejected`, in the columns of `audit.REJECTED`, from what the landings left."""
    engine.con.execute(
        'CREATE OR REPLACE TEMP TABLE rejected (side VARCHAR, line BIGINT, reason VARCHAR, "text" VARCHAR)'
    )
    for one in landed:
        if one.rejects is not None:
            source = f"read_parquet({literal(one.rejects.resolve())})"
            engine.con.execute(f'INSERT INTO rejected SELECT side, line, reason, "text" FROM {source}')


@dataclass
class _Csv:
    """The landing of one CSV file."""

    engine: Engine
    side: Side
    path: Path
    target: Path
    scratch: Path
    report: Progress
    most_rejected: tuple[int, float]
    notes: list[str] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)

    def land(
        self, columns: Sequence[str] | None, separator: str | None, encoding: str | None, looked: Looked | None
    ) -> Landed:
        source, encoding = self.path, encoding or "utf-8"
        if not is_utf8(encoding):
            require_space(self.scratch, 2 * self.path.stat().st_size)
            source = self.scratch / self.path.name
            to_utf8(self.path, encoding, source)
        dialect = looked.dialect if looked else read_dialect(source, separator)
        mark = dialect.grammar.separator.decode()
        if separator is None:
            self.notes.append(f"the separator {_spelt(mark)} was recognised from the header line")
        if dialect.bom and source is self.path:
            self.notes.append("the file begins with a byte order mark, which was passed over")
        kept = choose(self.path, dialect.header, columns, self.notes, mark)
        seen = looked.survey if looked else survey(source, dialect)
        if not seen.final_line_end and dialect.line_end != b"\r":
            self.notes.append("the last line has no line end")
        loaded = self._plainly(source, dialect, seen, kept) if seen.plain else None
        rejects: list[Reject] = []
        if loaded is None:
            sifted = self._sifted(source, dialect, kept, rejects)
            loaded = sifted.records
        return Landed(
            side=self.side,
            path=self.target,
            columns=tuple(name for _, name in kept),
            rows=loaded + len(rejects),
            rejected=len(rejects),
            rejects=self._write_rejects(rejects),
            encoding=encoding,
            separator=mark,
            notes=tuple(self.notes),
            not_checked=tuple(self.not_checked),
        )

    def _plainly(self, source: Path, dialect: Dialect, seen: Survey, kept: Sequence[tuple[int, str]]) -> int | None:
        """Rows landed; None where DuckDB stumbles or its rows are not as many as the lines that were counted."""
        line_end = r"\r\n" if dialect.line_end == b"\r\n" else r"\n"
        try:
            rows = self._copy(source, dialect, kept, skip=1, line_end=line_end)
        except duckdb.InvalidInputException:
            return None
        return rows if rows == seen.lines - 1 else None

    def _sifted(self, source: Path, dialect: Dialect, kept: Sequence[tuple[int, str]], rejects: list[Reject]) -> Sifted:
        total = self.path.stat().st_size
        require_space(self.scratch, 2 * source.stat().st_size)
        clean = self.scratch / "clean.csv"
        sieve = Sieve(source, dialect, _limited(rejects, self.path))
        with whole_file(clean) as partial, partial.open("wb") as out:
            sifted = sieve.run(out, lambda done, rows: self.report(min(done, total) // 2, total, rows))
        self._bear(sifted, rejects)
        rows = self._copy(
            clean,
            dialect,
            kept,
            skip=0,
            # Beginning in the middle of a file, DuckDB takes lines inside cells for rows.
            parallel=not sifted.line_ends_in_cells,
            longest=sifted.longest,
        )
        if sifted.empty_lines:
            self.notes.append(f"{sifted.empty_lines:,} empty lines were passed over")
        name = printable(self.path.name)
        if rejects:
            self.not_checked.append(
                NotChecked(
                    code="rejected_rows",
                    sentence=f"{_count(len(rejects), 'row')} of {name} could not be read, the first in line "
                    f"{rejects[0].line:,}: {rejects[0].reason}",
                    side=self.side,
                    rows=len(rejects),
                )
            )
        if rows != sifted.records or sifted.doubtful:
            where = f", first at line {sifted.doubtful[0]:,}" if sifted.doubtful else ""
            self.not_checked.append(
                NotChecked(
                    code="lines_do_not_close",
                    sentence=f"it is not certain which lines of {name} belong together{where}: "
                    "rows may hide there, so nothing is planned on this audit",
                    side=self.side,
                    rows=max(len(sifted.doubtful), abs(rows - sifted.records)),
                    blocks_plan=True,
                )
            )
        return sifted

    def _bear(self, sifted: Sifted, rejects: Sequence[Reject]) -> None:
        """Raise InputUnusable for more rejected rows than an audit can bear, or a file in another encoding."""
        number, share = self.most_rejected
        file, rows = printable(self.path), sifted.records + sifted.rejected
        if sifted.foreign > number and sifted.foreign > sifted.beyond_ascii:
            raise not_utf8(self.path, next(one.line for one in rejects if one.reason.endswith(NOT_UTF8)))
        if rejects and not sifted.records:
            said = f"no row of {file} can be read"
        elif sifted.rejected > max(number, share * rows):
            said = f"{sifted.rejected:,} of {_count(rows, 'row')} of {file} cannot be read, which is too many"
        else:
            return
        raise InputUnusable(
            f"{said}: line {rejects[0].line:,}: {rejects[0].reason}",
            hint="check the separator, the quotes and the encoding",
        )

    def _copy(
        self,
        source: Path,
        dialect: Dialect,
        kept: Sequence[tuple[int, str]],
        *,
        skip: int,
        line_end: str = r"\n",
        parallel: bool = True,
        longest: int = 0,
    ) -> int:
        """Rows written to the target by DuckDB, every cell as text."""
        options = {
            "delim": literal(dialect.grammar.separator.decode()),
            "quote": literal('"'),
            "escape": literal('"'),
            "new_line": literal(line_end),  # else the first one seen counts, and that may stand inside a cell
            "header": "false",
            "parallel": "true" if parallel else "false",
            "skip": str(skip),
            "auto_detect": "false",
            "allow_quoted_nulls": "false",
            "columns": "{" + ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(dialect.header))) + "}",
        }
        if longest > 2**20:
            options |= {"max_line_size": str(longest + 2), "buffer_size": str(2 * longest + 2**20)}
        reading = f"read_csv({literal(source)}, {', '.join(f'{name} = {value}' for name, value in options.items())})"
        picked = ", ".join(f"c{place} AS {quote(name)}" for place, name in kept)
        return write_texts(self.engine, f"SELECT {picked} FROM {reading}", self.target, len(kept))

    def _write_rejects(self, rejects: Sequence[Reject]) -> Path | None:
        if not rejects:
            return None
        import polars as pl  # most inputs have no rejected row

        frame = pl.DataFrame(
            [(self.side.value, reject.line, reject.reason, reject.text) for reject in rejects], REJECTED, orient="row"
        )
        path = _rejects_of(self.target)
        with whole_file(path) as partial:
            frame.write_parquet(partial)
        return path


def work_out(engine: Engine, contract: Contract, landed: Landed, there: Sequence[str]) -> None:
    """Add the truth's derived columns to what was landed of a truth with the columns `there`."""
    query = add_derived(engine, derived(contract, there), landed.path) if landed.side is Side.TRUTH else None
    if query is not None:
        whole = landed.path.with_name(f"{landed.path.name}.derived")
        write_texts(engine, query, whole, len(landed.columns))
        whole.replace(landed.path)


def write_texts(engine: Engine, query: str, target: Path, columns: int) -> int:
    """Run a query into a Parquet file that is quick to write and to read again; gives the number of rows.

    LZ4 without large dictionaries and with small row groups took two thirds of the time of DuckDB's defaults.
    """
    group = max(2048, min(61_440, _CELLS_PER_GROUP // max(columns, 1) // 2048 * 2048))
    options = (
        f"FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE {group}, DICTIONARY_SIZE_LIMIT 200, "
        "STRING_DICTIONARY_PAGE_SIZE_LIMIT 20000, USE_TMP_FILE false"
    )
    with whole_file(target) as partial, translated(), engine.in_order():
        [(rows,)] = engine.con.execute(f"COPY ({query}) TO {literal(partial)} ({options})").fetchall()
    return int(rows)


def choose(
    path: Path, header: Sequence[str], wanted: Sequence[str] | None, notes: list[str], separator: str = ""
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
        if name.strip():
            places[name] = place
        else:
            notes.append(f"column {place + 1} has no name and was left out")
    if wanted is not None:
        absent = [name for name in dict.fromkeys(wanted) if name not in places]
        if absent:
            raise SettingsError(_absent(file, absent, list(places), separator), hint=_separator_hint(header, separator))
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


def _rejects_of(target: Path) -> Path:
    return target.with_name(f"{target.stem}-rejected.parquet")


def _land_parquet(engine: Engine, side: Side, path: Path, target: Path, columns: Sequence[str] | None) -> Landed:
    notes: list[str] = []
    header = parquetfile.names(engine, path)
    kept = choose(path, header, columns, notes)
    query = parquetfile.as_texts(engine, path, kept)
    try:
        rows = write_texts(engine, query, target, len(kept))
    except duckdb.Error as error:
        if str(target) in str(error):  # it is the writing that failed
            raise
        raise parquetfile.damaged(path) from error
    return Landed(side, target, tuple(name for _, name in kept), rows, 0, None, "", "", tuple(notes))


def _limited(rejects: list[Reject], path: Path) -> Callable[[Reject], None]:
    """Collects rejected rows, up to a bound on their text."""
    held = 0

    def collect(reject: Reject) -> None:
        nonlocal held
        held += len(reject.text) + 100
        if held > _REJECTED_TEXT:
            raise InputUnusable(
                f"too many rows of {printable(path)} cannot be read: line {rejects[0].line}: {rejects[0].reason}",
                hint="check the separator and the quotes",
            )
        rejects.append(reject)

    return collect


def _absent(file: str, absent: Sequence[str], known: Sequence[str], separator: str) -> str:
    shown = ", ".join(printable(name) for name in known[:_SHOWN_COLUMNS])
    if len(known) > _SHOWN_COLUMNS:
        shown += f" and {len(known) - _SHOWN_COLUMNS} more"
    names = "; ".join(f'"{name}"{nearest(name, known)}' for name in absent)
    what = "column" if len(absent) == 1 else "columns"
    return f"{file} has no {what} {names}\nit has: {shown}"


def _separator_hint(header: Sequence[str], separator: str) -> str | None:
    if separator and len(header) == 1:
        return f"the header line holds no {_spelt(separator)}: is another separator used?"
    return "correct the name in the contract, or export the column"


def _spelt(separator: str) -> str:
    return {"\t": "tab"}.get(separator, f'"{separator}"')


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
