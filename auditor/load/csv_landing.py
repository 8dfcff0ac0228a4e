"""The landing of CSV files: the quick way through DuckDB where every line is a record, the careful one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.files.disk import require_space
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.load import encodings
from auditor.load.below import require_so_many
from auditor.load.csvfile import Dialect, Survey, is_utf8, not_utf8, survey, to_utf8
from auditor.load.dialect import doubled_at_first_sight, read_dialect, single_line_ends
from auditor.load.form import Form
from auditor.load.landed import SHOWN, Landed, Progress, choose, write_texts
from auditor.load.marks import Marks
from auditor.load.rejects import bear, limited, not_read, write_rejects
from auditor.load.sift import Sieve
from auditor.load.tail import Reject, Sifted
from auditor.model import Side


@dataclass(frozen=True, slots=True)
class Looked:
    """What the bytes of a CSV file say, and which bytes those were."""

    fingerprint: tuple[int, ...] | None
    dialect: Dialect
    survey: Survey


@dataclass
class Csv:
    """The landing of one CSV file."""

    engine: DuckDB
    side: Side
    path: Path
    target: Path
    scratch: Path
    report: Progress
    most_rejected: tuple[int, float]
    form: Form
    marks: Marks
    notes: list[Notice]
    recoded: str | None = None
    """The encoding that the file was written in, where it had to be written again as UTF-8."""
    not_checked: list[NotChecked] = field(default_factory=list)

    def land(self, columns: Sequence[str] | None, looked: Looked | None) -> Landed:
        form, declared, source = self.form, self.form.encoding, self.path
        encoding = declared or encodings.at_first_sight(self.path)
        if not is_utf8(encoding):
            source, looked = self._recode(encoding), None
        source = self._respelt(source)
        looked = looked if source is self.path else None
        dialect = looked.dialect if looked else read_dialect(source, form)
        seen = looked.survey if looked else survey(source, dialect)
        if declared is None and self.recoded is None and seen.foreign:
            encoding = encodings.recognise(self.path)
            if not is_utf8(encoding):
                source = self._respelt(self._recode(encoding))
                dialect = read_dialect(source, form)
                seen = survey(source, dialect)
        if declared is None and self.recoded is not None:
            self.notes.append(Notice(Code.ENCODING_RECOGNISED, {"encoding": encoding}))
        mark = dialect.grammar.separator.decode()
        self._tell(dialect, mark, first=source is self.path)
        header = [self.marks.read(name) for name in dialect.header]
        kept = choose(self.path, header, columns, self.notes, mark)
        if not seen.final_line_end and dialect.line_end != b"\r":
            self.notes.append(Notice(Code.NO_LAST_LINE_END))
        plain = seen.plain and not form.footer
        loaded = self._plainly(source, dialect, seen, kept) if plain else None
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
            rejects=write_rejects(
                self.side, self.target, [replace(one, text=self.marks.written(one.text)) for one in rejects]
            ),
            encoding=encoding,
            separator=mark,
            notes=tuple(self.notes),
            not_checked=tuple(self.not_checked),
        )

    def _tell(self, dialect: Dialect, mark: str, *, first: bool) -> None:
        """What the first lines show; `first` where they are those of the file itself."""
        if self.form.separator is None:
            self.notes.append(Notice(Code.SEPARATOR_RECOGNISED, {"separator": mark, "named": dialect.named}))
        elif dialect.named:
            self.notes.append(Notice(Code.SEPARATOR_NAMED))
        if dialect.bom and first:
            self.notes.append(Notice(Code.BYTE_ORDER_MARK))
        if dialect.above:
            names = dialect.header_lines - dialect.ruled
            self.notes.append(Notice(Code.LINES_ABOVE_NAMES, {"lines": dialect.above, "names": names}))
        if dialect.ruled:
            self.notes.append(Notice(Code.LINE_BELOW_NAMES, {"line": dialect.header_lines}))
        if dialect.closed:
            self.notes.append(Notice(Code.SEPARATOR_ENDS_LINES))

    def _recode(self, encoding: str) -> Path:
        require_space(self.scratch, 2 * self.path.stat().st_size)
        source = self.scratch / self.path.name
        to_utf8(self.path, encoding, source)
        self.recoded = encoding
        return source

    def _respelt(self, source: Path) -> Path:
        """The file in the usual marks and with single line ends."""
        if (doubled := doubled_at_first_sight(source)) is not None:
            require_space(self.scratch, 2 * source.stat().st_size)
            source = single_line_ends(source, self.scratch / "lines.csv", doubled)
            self.notes.append(Notice(Code.LINE_ENDS_DOUBLED))
        if self.marks.usual:
            return source
        require_space(self.scratch, 2 * source.stat().st_size)
        target = self.scratch / "marks.csv"
        self.marks.respell(source, target)
        return target

    def _plainly(self, source: Path, dialect: Dialect, seen: Survey, kept: Sequence[tuple[int, str]]) -> int | None:
        """Rows landed; None where DuckDB stumbles or its rows are not as many as the lines that were counted."""
        line_end = r"\r\n" if dialect.line_end == b"\r\n" else r"\n"
        try:
            with self.engine.watched(self._part(0.0, 1.0, seen.lines - dialect.header_lines)):
                rows = self._copy(source, dialect, kept, skip=dialect.header_lines, line_end=line_end)
        except duckdb.InvalidInputException:
            return None
        return rows if rows == seen.lines - dialect.header_lines else None

    def _sifted(self, source: Path, dialect: Dialect, kept: Sequence[tuple[int, str]], rejects: list[Reject]) -> Sifted:
        total = self.path.stat().st_size
        require_space(self.scratch, 2 * source.stat().st_size)
        clean = self.scratch / "clean.csv"
        sieve = Sieve(source, dialect, limited(rejects, self.path), self.recoded or "UTF-8", self.form.footer)
        with whole_file(clean, durable=False) as partial, partial.open("wb") as out:
            sifted = sieve.run(out, lambda done, rows: self.report(min(done, total) // 2, total, rows))
        if self.form.footer and sifted.below is not None:
            require_so_many(sifted.below[1], self.form.footer, self.path)
        self._bear(sifted, rejects)
        with self.engine.watched(self._part(0.5, 0.5, sifted.records)):
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
            self.notes.append(Notice(Code.EMPTY_LINES, {"lines": sifted.empty_lines}))
        if sifted.below is not None:
            first, lines = sifted.below
            self.notes.append(Notice(Code.LINES_BELOW_ROWS, {"lines": lines, "first": first}))
        if sifted.again:
            again = sorted(sifted.again)
            self.notes.append(Notice(Code.NAMES_AGAIN, {"lines": again[:SHOWN], "more": len(again[SHOWN:])}))
        if sifted.damaged is not None:
            self.not_checked.append(
                NotChecked(
                    code=Code.CUT_OFF,
                    side=self.side,
                    rows=1,
                    blocks_plan=True,
                    parameters={
                        "file": printable(self.path.name),
                        "line": sifted.damaged,
                        "footer": sifted.left,
                    },
                )
            )
        if rejects:
            self.not_checked.append(not_read(self.side, self.path, rejects))
        if rows != sifted.records or sifted.doubtful:
            self.not_checked.append(
                NotChecked(
                    code=Code.LINES_DO_NOT_CLOSE,
                    side=self.side,
                    rows=max(len(sifted.doubtful), abs(rows - sifted.records)),
                    blocks_plan=True,
                    parameters={
                        "file": printable(self.path.name),
                        "line": sifted.doubtful[0] if sifted.doubtful else None,
                    },
                )
            )
        return sifted

    def _bear(self, sifted: Sifted, rejects: Sequence[Reject]) -> None:
        """Raise InputUnusable for more rejected rows than an audit can bear, or a file in another encoding."""
        if sifted.foreign > max(self.most_rejected[0], sifted.beyond_ascii) and self.recoded is None:
            raise not_utf8(self.path, sifted.first_foreign)
        bear(self.path, sifted.records + sifted.rejected, rejects, self.most_rejected)

    def _part(self, before: float, share: float, rows: int) -> Callable[[float], None]:
        """Tells the progress of a query that is a share of the whole landing, `before` of which is done."""
        total = self.path.stat().st_size

        def told(done: float) -> None:
            self.report(int(total * (before + share * done)), total, int(rows * done))

        return told

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
        meant = str if self.marks.usual else self.marks.meant
        picked = ", ".join(f"{meant(f'c{place}')} AS {quote(name)}" for place, name in kept)
        return write_texts(self.engine, f"SELECT {picked} FROM {reading}", self.target, len(kept))
