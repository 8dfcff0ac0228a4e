"""One-shot ETL executions: accepted at once, carried out one at a time and in order by one background task.

The definition is judged when it comes in (400), the file when it is loaded (FAILED, nothing written), each row on its
own (refused rows come back with `errorCode` and `errorColumn`).
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.sandbox.breaches import Breaches, Call, judged
from auditor.sandbox.checks import Problem, known
from auditor.sandbox.dialect import IMPORT_STATUS, MOMENT, Code, Dialect
from auditor.sandbox.envelopes import code_in
from auditor.sandbox.faults import Faults
from auditor.sandbox.state import Profile, Profiles, State
from auditor.sandbox.storage import Storage
from auditor.sandbox.writes import Changes, Refusal, checked, missing, taken

MODES: Final = ("CREATE_ONLY", "UPDATE_ONLY", "CREATE_UPDATE")
_SLOW_SECONDS: Final = 3600.0
_ROW_CODES: Final = tuple(code for name, code in vars(Code).items() if not name.startswith("_"))
_ENCODINGS: Final = {"UTF-8": "utf-8", "ISO-8859-1": "iso-8859-1"}
_ROWS_AT_ONCE: Final = 100
"""Rows between two looks at the network: a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What an execution is asked to do (§8.3, assumed after the V4 form)."""

    held: Profiles
    """Where it writes."""
    mode: str
    separator: str
    enclosing: str
    encoding: str
    mapping: dict[str, str]
    """Header to platform column."""
    error_file: bool
    result_file: bool


@dataclass(slots=True)
class Execution:
    """One import, from its acceptance to its files."""

    id: int
    definition: dict[str, Any]
    content: bytes | None
    """The archive; None once it was carried out."""
    table: str = ""
    """Name of the table that it writes into."""
    etl: str | None = None
    """Id of the stored definition that was triggered; None for a one-shot execution."""
    digest: str = ""
    """Of the rows in the archive."""
    status: str = IMPORT_STATUS["waiting"]
    start: str | None = None
    end: str | None = None
    message: str | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("rowsRead", "rowsCreated", "rowsUpdated", "rowsInError"), 0)
    )
    errors: bytes | None = None
    result: bytes | None = None

    @property
    def open(self) -> bool:
        return self.status in (IMPORT_STATUS["waiting"], IMPORT_STATUS["running"])

    def answer(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "etlId": self.etl,
            "status": self.status,
            "startMoment": self.start,
            "endMoment": self.end,
            "message": self.message,
            "results": [{"table": self.table, **self.counts, "withErrors": self.counts["rowsInError"] > 0}],
        }


class Queue:
    """The imports of a licence. `work` is its background task; everything runs on one event loop."""

    def __init__(self, state: State, storage: Storage, dialect: Dialect, faults: Faults, breaches: Breaches) -> None:
        self.state = state
        self._storage = storage
        self._dialect = dialect
        self._faults = faults
        self._breaches = breaches
        self.executions: dict[int, Execution] = {}
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._pending: set[int] = set()
        self._judged_pending: set[int] = set()
        for number, body, content, errors, result in storage.load_executions():
            self.executions[number] = Execution(**body, id=number, content=content, errors=errors, result=result)
            self._idle.clear()

    def add(self, definition: dict[str, Any], content: bytes, etl: str | None = None) -> Execution:
        """Accept an import whose definition was judged."""
        if any(execution.open for execution in self.executions.values()):
            self._breaches.record("import_running")
        digest = _digest(content)
        if any(digest == execution.digest for execution in self.executions.values()):
            self._breaches.record("import_repeated")
        if "CREATE_UPDATE" in json.dumps(definition):
            self._breaches.record("create_update")
        number = max(self.executions, default=1_000_000) + 1
        table = read_definition(self.state, definition).held.table.name
        execution = Execution(number, definition, content, table, etl, digest)
        self.executions[execution.id] = execution
        self._save(execution)
        self._idle.clear()
        self._changed.set()
        return execution

    async def idle(self) -> None:
        """Return when no import waits or runs, but for those that a fault holds."""
        await self._idle.wait()

    def look_again(self) -> None:
        """A fault may hold an import no longer, or may hold it from now on."""
        self._idle.clear()
        self._changed.set()
        self.state.clock.wake()

    def stop(self) -> None:
        """Let the running import end; those that wait go on at the next start."""
        self._stopping = True
        self._changed.set()

    async def work(self) -> None:
        while not self._stopping:
            self._changed.clear()
            waiting = next((one for one in self.executions.values() if one.open and not self._held(one)), None)
            if waiting is None:
                self._idle.set()
                await self._changed.wait()
                continue
            slow = self._faults.happens("import-slow", f"import {waiting.digest}")
            if slow:
                await self.state.clock.sleep(_SLOW_SECONDS, still=lambda: self._faults.is_on("import-slow"))
            else:
                await self.state.clock.sleep(self._dialect.import_delay)
            if not (slow and self._stopping):
                await self._run(waiting)

    def _held(self, execution: Execution) -> bool:
        """Whether the fault `import-pending` holds it: one that was held stays so while the fault is on."""
        if not self._faults.is_on("import-pending"):
            self._pending.clear()
        elif execution.id not in self._judged_pending:
            self._judged_pending.add(execution.id)
            if self._faults.happens("import-pending", f"import {execution.digest}"):
                self._pending.add(execution.id)
        return execution.id in self._pending

    async def _run(self, execution: Execution) -> None:
        execution.status = IMPORT_STATUS["running"]
        execution.start = self.state.clock.local().strftime(MOMENT)
        fails = self._faults.happens("import-fails", f"import {execution.digest}")
        with judged(Call(f"import {execution.id}")):
            try:
                # Again: the table may have changed since.
                definition = read_definition(self.state, execution.definition)
                header, records = read_file(execution.content or b"", definition)
            except Refusal as refusal:
                self._breaches.record("byte_order_mark" if "byte order mark" in refusal.message else "import_file")
                execution.status, execution.message = IMPORT_STATUS["failed"], refusal.message
            else:
                if fails:
                    half = self._faults.draw("import-fails", f"how {execution.digest}") < 0.5
                    records = records[: len(records) // 2] if half else []
                await self._load(execution, definition, header, records)
                failed = execution.counts["rowsInError"] > 0
                execution.status = IMPORT_STATUS["with_errors" if failed else "done"]
        if fails:
            execution.status, execution.message = IMPORT_STATUS["failed"], "an internal error"
            execution.errors = execution.result = None
        execution.end = self.state.clock.local().strftime(MOMENT)
        execution.content = None
        self._save(execution)
        self._storage.save(self.state)

    async def _load(
        self, execution: Execution, definition: Definition, header: list[str], records: list[list[str]]
    ) -> None:
        refused: list[list[str]] = []
        results: list[list[str]] = []
        counts = execution.counts
        counts["rowsRead"] = len(records)
        columns = [definition.mapping.get(name) for name in header]
        key = next(column for column in definition.mapping.values() if column in definition.held.table.unique)
        headers = {column: name for name, column in definition.mapping.items()}
        for number, record in enumerate(records):
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            cells = {column: cell for column, cell in zip(columns, record, strict=True) if column is not None}
            written = self._refused(definition.held, cells, key) or self._write(
                definition.held, cells, key, definition.mode
            )
            if isinstance(written[0], Problem):
                told = written if self._dialect.row_errors == "each" else written[:1]
                ends = [[code_in(one.code, self._dialect), headers.get(one.field, "")] for one in told]
                refused += [[*record, *end] for end in ends]
                counts["rowsInError"] += 1
                continue
            profile, created = written
            counts["rowsCreated" if created else "rowsUpdated"] += 1
            results.append([*record, str(profile.id), "CREATED" if created else "UPDATED"])
        separator = definition.separator if self._dialect.error_separator == "as sent" else ","
        zipped = self._dialect.error_file == "zip"
        if definition.error_file and (refused or self._dialect.no_file == "header alone"):
            rows = [[*header, "errorCode", "errorColumn"], *refused]
            execution.errors = _file("errors.csv", rows, separator, zipped=zipped)
        if definition.result_file:
            width = len(header) + (2 if self._dialect.result_columns == "profileId" else 0)
            rows = [row[:width] for row in ([*header, "profileId", "result"], *results)]
            execution.result = _file("result.csv", rows, separator, zipped=zipped)

    def _refused(self, held: Profiles, cells: dict[str, str], key: str) -> tuple[Problem, ...]:
        """What a fault does to a row: somebody deletes its profile just before, or it is refused for nothing."""
        subject = f"row {cells[key]}"
        number = held.find(key, cells[key])
        if number is not None and self._faults.happens("profile-deleted", subject):
            held.delete(held.profiles[number])
        if self._faults.happens("rows-refused", subject):
            code = _ROW_CODES[self._faults.happened["rows-refused"] % len(_ROW_CODES)]
            return (Problem(key, code, "refused by a fault"),)
        return ()

    def _write(
        self, held: Profiles, cells: dict[str, str], key: str, mode: str
    ) -> tuple[Profile, bool] | tuple[Problem, ...]:
        """One row; anything that is wrong with it refuses it as a whole."""
        if not cells[key]:
            return (Problem(key, Code.MANDATORY, "the key is empty"),)
        number = held.find(key, cells[key])
        profile = held.profiles[number] if number is not None else None
        if profile is None and mode == "UPDATE_ONLY":
            return (Problem(key, Code.UNKNOWN_PROFILE, "no profile has this key"),)
        if profile is not None and mode == "CREATE_ONLY":
            return (Problem(key, Code.EXISTS, "a profile has this key"),)
        try:
            changes = self._changes(held, cells)
        except Refusal as refusal:
            for problem in refusal.problems:
                self._breaches.refused(problem.code, problem.field)
            return refusal.problems
        problems = taken(held, changes, profile) or (missing(held.table, changes) if profile is None else ())
        if problems:
            return problems
        stamp = held.clock.stamp()
        if profile is None:
            return held.create(changes, created=stamp), True
        held.change(profile, changes, stamp)
        return profile, False

    def _changes(self, held: Profiles, cells: dict[str, str]) -> Changes:
        erases = self._dialect.empty_cell_erases
        given = {column: cell for column, cell in cells.items() if cell or erases}
        small = [column for column in held.table.flags & given.keys() if given[column] != given[column].upper()]
        if small and self._dialect.file_booleans == "upper case":
            problems = tuple(Problem(column, Code.INVALID, f"{column} is not a boolean") for column in small)
            raise Refusal(400, "the values were refused", problems)
        return checked(held.table, given.items())

    def _save(self, execution: Execution) -> None:
        names = ("definition", "table", "etl", "digest", "status", "start", "end", "message", "counts")
        body = {name: getattr(execution, name) for name in names}
        self._storage.save_execution(execution.id, body, execution.content, execution.errors, execution.result)


def read_definition(state: State, body: Any) -> Definition:
    """Judge an ETL definition. Raises Refusal (400) with what is wrong."""
    try:
        loadings = body["dataLoadings"]
        loading = loadings[0]
        destination = loading["destination"]
        csv_format = loading.get("csvFormat") or {}
        pairs = [(item["headerColumn"], item["attributeName"]) for item in loading["attributesMapping"]]
        mode = loading["mode"]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Refusal(400, "the definition does not have the expected form") from None
    if len(loadings) != 1:
        raise Refusal(400, "exactly one data loading is supported")
    held = state.at(destination.get("id"))
    if destination.get("type") != "PROFILE_TABLE" or held is None:
        raise Refusal(400, "the destination is not a profile table of this entity")
    if mode not in MODES:
        raise Refusal(400, f"the mode is not one of {', '.join(MODES)}")
    encoding = str(csv_format.get("encoding", "UTF-8")).upper()
    if encoding not in _ENCODINGS:
        raise Refusal(400, f"the encoding is not one of {', '.join(_ENCODINGS)}")
    separator, enclosing = csv_format.get("separator", ";"), csv_format.get("enclosing", '"')
    if not all(isinstance(mark, str) and len(mark) == 1 for mark in (separator, enclosing)):
        raise Refusal(400, "separator and enclosing are single characters")
    problems = tuple(problem for _, column in pairs if (problem := known(held.table, column)))
    if problems:
        raise Refusal(400, "the mapping names columns that cannot be imported", problems)
    mapping = dict(pairs)
    if len(mapping) != len(pairs) or len(set(mapping.values())) != len(pairs):
        raise Refusal(400, "the mapping names a column twice")
    if not set(mapping.values()) & set(held.table.unique):
        raise Refusal(400, "the mapping has no unique attribute that identifies the rows")
    return Definition(
        held=held,
        mode=mode,
        separator=separator,
        enclosing=enclosing,
        encoding=_ENCODINGS[encoding],
        mapping=mapping,
        error_file=bool(loading.get("generateErrorFile", True)),
        result_file=bool(loading.get("generateResultFile", False)),
    )


_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What reading an archive raises where it is none, is damaged, or is packed or locked in a way not known here."""


def _digest(content: bytes) -> str:
    """What tells a file from another: its rows, whenever they were packed; of what is no archive, every byte."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for one in archive.infolist():
                digest.update(archive.read(one))
    except _UNREADABLE:
        digest.update(content)
    return digest.hexdigest()


def read_file(content: bytes, definition: Definition) -> tuple[list[str], list[list[str]]]:
    """Header and records of the one CSV in the archive. Raises Refusal where the whole file is refused (§8.5)."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise Refusal(400, "the archive does not hold exactly one file")
            raw = archive.read(names[0])
    except _UNREADABLE:
        raise Refusal(400, "the file is not a ZIP archive that can be read") from None
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Refusal(400, "the file begins with a byte order mark")
    try:
        text = raw.decode(definition.encoding)
    except UnicodeDecodeError:
        raise Refusal(400, "the file is not in the encoding of the definition") from None
    lines = _records(text, definition)
    header = next(lines, None)
    if not header:
        raise Refusal(400, "the file has no header line")
    if len(set(header)) != len(header):
        raise Refusal(400, "the header names a column twice")
    absent = [name for name in definition.mapping if name not in header]
    if absent:
        raise Refusal(400, f"the header lacks mapped columns: {', '.join(absent)}")
    records = [record for record in lines if record]
    if any(len(record) != len(header) for record in records):
        raise Refusal(400, "a line has another number of columns than the header")
    return header, records


def _records(text: str, definition: Definition) -> Iterator[list[str]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=definition.separator, quotechar=definition.enclosing, strict=True
    )
    try:
        yield from reader
    except csv.Error:
        raise Refusal(400, "the file is not well-formed CSV") from None


def _file(name: str, rows: list[list[str]], separator: str, *, zipped: bool = True) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    if not zipped:
        return text.getvalue().encode("utf-8")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text.getvalue().encode("utf-8"))
    return target.getvalue()


def parse_definition(raw: bytes) -> dict[str, Any]:
    """The JSON of a `parameters` part. Raises Refusal (400)."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refusal(400, "the definition is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the definition is not a JSON object")
    return body
