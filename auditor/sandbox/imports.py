"""One-shot ETL executions: accepted at once, carried out one at a time and in order by one background task.

The definition is judged when it comes in (400), the file when it is loaded (FAILED, nothing written), each row on its
own (refused rows come back with `errorCode` and `errorColumn`).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.sandbox.breaches import Breaches, Call, judged
from auditor.sandbox.checks import Problem
from auditor.sandbox.dialect import IMPORT_STATUS, MOMENT, Code, Dialect
from auditor.sandbox.envelopes import code_in
from auditor.sandbox.faults import Faults
from auditor.sandbox.import_files import Definition, content_digest, csv_file, read_definition, read_file
from auditor.sandbox.state import Profile, Profiles, State
from auditor.sandbox.storage import Storage
from auditor.sandbox.writes import Changes, Refusal, checked, missing, taken

_SLOW_SECONDS: Final = 3600.0
_ROW_CODES: Final = tuple(code for name, code in vars(Code).items() if not name.startswith("_"))
_ROWS_AT_ONCE: Final = 100
"""Rows between two looks at the network: a few milliseconds."""


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
        digest = content_digest(content)
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
            execution.errors = csv_file(self._named(definition.error_name), rows, separator, zipped=zipped)
        if definition.result_file:
            width = len(header) + (2 if self._dialect.result_columns == "profileId" else 0)
            rows = [row[:width] for row in ([*header, "profileId", "result"], *results)]
            execution.result = csv_file(self._named(definition.result_name), rows, separator, zipped=zipped)

    def _named(self, pattern: str) -> str:
        """The name of a file that is made today (D-expf)."""
        return pattern.replace("$yyyyMMdd", f"{self.state.clock.day(self._dialect.day_ends):%Y%m%d}")

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
