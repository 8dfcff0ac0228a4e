"""The load stage: lands an input once as a Parquet file whose columns are all text, with nothing lost on the way.

    CSV                   the way below
    Parquet, Arrow        each type spelt as text by one rule
    JSON, Excel           row by row; what cannot be read is rejected

Cells of a CSV file are text as written; an empty cell is null, an empty cell in quotes is an empty text. Nothing is
guessed: `0470123456` stays what it is. The lines are counted apart from the parser, and the sum must close.

    survey ─► plain? ──► DuckDB ──► as many rows as lines? ──► landed
                │ no                  │ no, or it stumbles
                ▼                     ▼
               sift, line by line ──► DuckDB ──► landed, rejected rows beside it

DuckDB gets no bytes that were not looked at: some it takes so ill that its whole connection is lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from auditor.engine.condition import NoCondition, hint_of
from auditor.engine.duckdb import DuckDB
from auditor.equality.derived import add_derived, derived
from auditor.errors import AuditorError, SettingsError
from auditor.files.disk import full_disk, require_space
from auditor.files.formats import Format, format_of
from auditor.files.given import fingerprint, printable, unchanged
from auditor.findings.audit import REJECTED
from auditor.findings.codes import Notice
from auditor.load import arrowfile, parquetfile
from auditor.load.csv_landing import Csv, Looked
from auditor.load.csvfile import is_utf8, survey
from auditor.load.dialect import UNDECLARED, doubled_at_first_sight, read_dialect
from auditor.load.encodings import at_first_sight
from auditor.load.form import Form
from auditor.load.landed import MOST_REJECTED, Landed, Progress, choose, respell, write_texts
from auditor.load.marks import USUAL, Marks
from auditor.load.marks import at_first_sight as marks_at_first_sight
from auditor.load.rejects import rejects_of, with_rejected
from auditor.load.row_landing import Rows, row_names
from auditor.load.tail import Reject
from auditor.model import Side
from auditor.settings.config import Settings
from auditor.settings.contract import Compare, Contract
from auditor.settings.inputs import Written

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl

__all__ = [
    "MOST_REJECTED",
    "Form",
    "Landed",
    "Looked",
    "Marks",
    "Progress",
    "Reject",
    "can_lie",
    "column_names",
    "column_types",
    "declared",
    "form_of",
    "land",
    "lay",
    "looking_ahead",
    "never_empty",
    "rejected_rows",
    "undamaged",
    "with_rejected",
    "work_out",
]


def form_of(side: Side, settings: Settings, contract: Contract | None = None) -> Form:
    """What the settings declare of a side's file, and what a contract asks of it; Actito writes its exports in one way,
    unless they say otherwise.
    """
    said = settings.platform if side is Side.PLATFORM else settings.truth
    form = declared(said, side, contract)
    if side is Side.TRUTH:
        return form
    return replace(form, separator=form.separator or ";", encoding=form.encoding or "utf-8", marks=form.marks or USUAL)


def declared(said: Written, side: Side, contract: Contract | None) -> Form:
    """What is said of a side's file; the columns of a contract tell where its names stand, and which are numbers."""
    columns = contract.columns if contract else ()
    own = {column.name: column.header if side is Side.PLATFORM else column.truth for column in columns}
    return Form(
        separator=said.separator,
        encoding=said.encoding,
        marks=Marks(said.quote or USUAL.quote, said.escape) if said.quote or said.escape else None,
        sheet=said.sheet,
        header=said.header,
        footer=said.footer,
        nulls=tuple(said.null),
        decimal=said.decimal,
        said=tuple(name for name in Written.model_fields if getattr(said, name) not in (None, [])),
        names=tuple(own[name] for name in contract.key) if contract else (),
        numbers=tuple(own[column.name] for column in columns if column.compare is Compare.NUMBER),
        texts=tuple(own[column.name] for column in columns if column.compare is Compare.EXACT),
    )


def land(
    engine: DuckDB,
    side: Side,
    path: Path,
    target: Path,
    *,
    columns: Sequence[str] | None = None,
    form: Form = UNDECLARED,
    looked: Looked | None = None,
    most_rejected: tuple[int, float] = MOST_REJECTED,
    progress: Progress | None = None,
) -> Landed:
    """Land the file `path`, of any format, as `target`; rejected rows go to `TARGET-STEM-rejected.parquet`.

    `columns` are those that are kept (None: all that have a name). `form` is what is declared of the file; what is not
    is recognised from its bytes. `looked` is what `looking_ahead` gave for this file; `most_rejected` is a number and a
    share of the rows, the larger of which may be rejected. The engine must be allowed to read the folder of `path` and
    to write the folder of `target`. Scratch files live in a folder beside `target` and are removed.

    Raises SettingsError for absent or ambiguous columns, InputUnusable for a file that is empty, cut off, in the wrong
    encoding, without a readable row or with too many that are rejected, TryLater when the disk is full or the file
    changes meanwhile.
    """
    target, path = target.resolve(), path.resolve()
    rejects_of(target).unlink(missing_ok=True)
    report = progress or (lambda done, total, rows: None)
    with (
        unchanged(path),
        full_disk(target.parent),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".landing-") as scratch,
    ):
        total = path.stat().st_size
        require_space(target.parent, total)
        report(0, total, None)
        kind = format_of(path)
        form.require_used(kind, path)
        match kind:
            case Format.CSV:
                known = looked if looked is not None and looked.fingerprint == fingerprint(path) else None
                used = form.marks or marks_at_first_sight(path)
                notes = [] if form.marks is not None else list(used.notes())
                landed = Csv(engine, side, path, target, Path(scratch), report, most_rejected, form, used, notes).land(
                    columns, known
                )
            case Format.JSON_LINES | Format.JSON | Format.WORKBOOK:
                rows = Rows(engine, side, path, target, Path(scratch), report, most_rejected, kind, form)
                landed = rows.land(columns)
            case _:
                with engine.watched(lambda done: report(int(total * done), total, None)):
                    landed = _land_typed(engine, side, path, target, columns, kind)
        if form.nulls or form.decimal:
            respell(engine, landed, form, Path(scratch))
        report(total, total, landed.rows)
    return landed


def lay(
    engine: DuckDB,
    side: Side,
    path: Path,
    *,
    columns: Sequence[str],
    alike: Mapping[str, str] | None = None,
    condition: str | None = None,
) -> tuple[Landed, ir.Table]:
    """Read a Parquet file where it lies: without writing it down again, as `land` would.

    The table has the columns that a landing would have. Of those in `alike`, which the other side stores likewise, it
    has the stored cells as well, in the type that is named there: equal ones need not become text. `condition` is one
    over the columns as they are stored. Whoever reads the table does so within `undamaged`. Raises as `land` does, and
    SettingsError for a condition that is none.
    """
    path = path.resolve()
    notes: list[Notice] = []
    kept = choose(path, parquetfile.names(engine, path), columns, notes)
    try:
        laid, rows = parquetfile.lay(engine, path, kept, f"{side.value}_raw", alike or {}, condition)
    except duckdb.Error as error:
        if condition is None:
            raise parquetfile.damaged(path) from None
        raise no_condition(path, condition, error) from None
    except NoCondition as refused:
        raise no_condition(path, condition or "", refused) from None
    return Landed(side, path, tuple(name for _, name in kept), rows, 0, None, "", "", tuple(notes), ()), laid


def no_condition(path: Path, condition: str, refused: Exception) -> SettingsError:
    return SettingsError(
        f"this is no condition over the columns of {printable(path.name)}: {condition}",
        hint=hint_of(refused, "name its own columns, which have the types that they are stored in: age > 18"),
    )


def never_empty(engine: DuckDB, path: Path) -> set[str]:
    """The columns of a file that can lie that hold no empty text, as far as the file says so."""
    return parquetfile.never_empty(engine, path)


def can_lie(path: Path) -> bool:
    """Whether `lay` can make a view of the file."""
    return format_of(path) is Format.PARQUET


@contextmanager
def undamaged(laid: Sequence[Path]) -> Iterator[None]:
    """While files are read where they lie: one that turns out to be damaged, or changes, is said to be so."""
    with ExitStack() as watching:
        for path in laid:
            watching.enter_context(unchanged(path))
        try:
            yield
        except duckdb.Error:
            for path in laid:
                parquetfile.require_whole(path)
            raise


@contextmanager
def looking_ahead(files: Iterable[tuple[Path, Form]]) -> Iterator[list[Future[Looked | None]]]:
    """Look at files, one after the other, while others of them are landed.

    In the order of the files; None for what `land` has to look at itself, and for what it will complain about.
    """
    pool = ThreadPoolExecutor(1, "look")
    try:
        yield [pool.submit(_look, *file) for file in files]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look(path: Path, form: Form) -> Looked | None:
    if form.encoding is not None and not is_utf8(form.encoding):
        return None
    try:
        before = fingerprint(path.resolve())
        if format_of(path) is not Format.CSV or doubled_at_first_sight(path) is not None:
            return None
        dialect = read_dialect(path, form)
        return Looked(before, dialect, survey(path, dialect))
    except (AuditorError, OSError):
        return None


def column_names(engine: DuckDB, path: Path, form: Form = UNDECLARED) -> list[str]:
    """The names of a file's columns, in file order, without loading it. Raises as `land` does."""
    kind = format_of(path)
    form.require_used(kind, path)
    if kind is Format.PARQUET:
        return parquetfile.names(engine, path)
    if kind is Format.ARROW:
        return arrowfile.names(path)
    if kind is not Format.CSV:
        return row_names(path, kind, form)
    marks = form.marks or marks_at_first_sight(path)
    dialect = read_dialect(path, form, form.encoding or at_first_sight(path), marks.usually)
    return [marks.read(name) for name in dialect.header]


def column_types(engine: DuckDB, path: Path) -> dict[str, str] | None:
    """Column → DuckDB's type, in file order; None for formats that hold nothing but texts. Raises as `land` does."""
    kind = format_of(path)
    if kind is Format.PARQUET:
        return parquetfile.types(engine, path)
    return arrowfile.types(engine, path) if kind is Format.ARROW else None


def rejected_rows(landed: Iterable[Landed]) -> pl.DataFrame:
    """The rows that were rejected, in the columns of `audit.REJECTED`, from what the landings left."""
    import polars as pl

    left = [pl.read_parquet(one.rejects, columns=REJECTED.names()) for one in landed if one.rejects is not None]
    return pl.concat([REJECTED.to_frame(), *left])


def work_out(engine: DuckDB, contract: Contract, landed: Landed, there: Sequence[str]) -> None:
    """Add the truth's derived columns to what was landed of a truth with the columns `there`."""
    query = add_derived(engine, derived(contract, there), landed.path) if landed.side is Side.TRUTH else None
    if query is not None:
        whole = landed.path.with_name(f"{landed.path.name}.derived")
        write_texts(engine, query, whole, len(landed.columns))
        whole.replace(landed.path)


def _land_typed(
    engine: DuckDB, side: Side, path: Path, target: Path, columns: Sequence[str] | None, kind: Format
) -> Landed:
    notes: list[Notice] = []
    arrow = kind is Format.ARROW
    header = arrowfile.names(path) if arrow else parquetfile.names(engine, path)
    kept = choose(path, header, columns, notes)
    try:
        if arrow:
            with arrowfile.as_texts(engine, path, kept) as query:
                rows = write_texts(engine, query, target, len(kept))
        else:
            rows = write_texts(engine, parquetfile.as_texts(engine, path, kept), target, len(kept))
    except duckdb.Error as error:
        if str(target) in str(error):  # it is the writing that failed
            raise
        raise (arrowfile if arrow else parquetfile).damaged(path) from None
    return Landed(side, target, tuple(name for _, name in kept), rows, 0, None, "", "", tuple(notes), ())
