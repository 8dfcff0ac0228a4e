"""The definition and the file of an import, judged as a whole, and the files that come back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditor.sandbox.checks import Problem, known
from auditor.sandbox.dialect import Code
from auditor.sandbox.state import Profiles, State
from auditor.sandbox.writes import Refusal

MODES: Final = ("CREATE_ONLY", "UPDATE_ONLY", "CREATE_UPDATE")
_ENCODINGS: Final = {"UTF-8": "utf-8", "ISO-8859-1": "iso-8859-1"}


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
    error_name: str
    result_name: str


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
        error_name=_pattern(loading, "errorFile", "errors.csv"),
        result_name=_pattern(loading, "resultFile", "result.csv"),
    )


def _pattern(loading: Mapping[str, Any], part: str, usual: str) -> str:
    """The pattern of the name of a file that an import makes. Raises Refusal (400) for what is none."""
    given = loading.get(part, {"fileNamePattern": usual})
    pattern = given.get("fileNamePattern") if isinstance(given, dict) else None
    if not isinstance(pattern, str) or not re.fullmatch(r"[\w.$-]{1,200}", pattern):
        raise Refusal(400, f"{part} does not say how the file is called", (Problem(part, Code.INVALID, "no name"),))
    return pattern


_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
"""What reading an archive raises where it is none, is damaged, or is packed or locked in a way not known here."""


def content_digest(content: bytes) -> str:
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


def csv_file(name: str, rows: list[list[str]], separator: str, *, zipped: bool = True) -> bytes:
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
