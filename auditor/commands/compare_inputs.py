"""What `auditor compare` reads: two files, tables of databases or of a cluster, and perhaps a file of agreed values.

A Parquet file is compared where it lies; every other is landed once, as texts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.engine.duckdb import DuckDB
from auditor.engine.protocol import Engine
from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.findings.as_of import shown_moment
from auditor.findings.codes import Code, Notice
from auditor.load import (
    MOST_REJECTED,
    Form,
    Landed,
    Looked,
    Reject,
    can_lie,
    column_names,
    column_types,
    declared,
    land,
    lay,
    looking_ahead,
    never_empty,
    with_rejected,
)
from auditor.model import Side, Source
from auditor.pull import Means, Pulled, pull_file
from auditor.pull.locations import Absent
from auditor.settings.compare_options import Question, name_of, names_of, stored_alike, stored_keys
from auditor.settings.contract import Compare, Contract
from auditor.settings.inputs import Declared, Located

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from auditor.engine.spark.session import Spark

_USUAL = (Code.SEPARATOR_RECOGNISED, Code.SEPARATOR_NAMED, Code.BYTE_ORDER_MARK, Code.NO_LAST_LINE_END)
"""What is told of files and changes nothing."""

Types = Mapping[Side, Mapping[str, str]]
"""Side → column → DuckDB's word for its type, in the order of the input."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where what is compared lies."""

    files: tuple[Pulled, ...]
    """What this machine reads, the platform first."""
    seen: Mapping[Side, str]
    """What the cluster reads itself."""
    agreed: Pulled | None
    """A file of last agreed values."""

    @property
    def folders(self) -> list[Path]:
        return [file.path.parent for file in (*self.files, *([self.agreed] if self.agreed else []))]


def pull_inputs(question: Question, seen: Mapping[Side, str], scratch: Path, now: datetime) -> Inputs:
    """Fetch everything that this machine reads."""
    named = {Side.PLATFORM: question.platform, Side.TRUTH: question.truth}
    files = tuple(
        _pull(side, location, scratch, now, hashed=False, member=question.written.get(side, Declared()).member)
        for side, location in named.items()
        if side not in seen
    )
    return Inputs(files, seen, _pull_base(question.base, scratch, now) if question.base else None)


def form_of(question: Question, side: Side, contract: Contract | None = None) -> Form:
    """How the file of a side is written, as far as it is declared, and what must be in it."""
    said = question.written.get(side, Declared())
    names = question.key if side is Side.PLATFORM else (question.mapped.get(name, name) for name in question.key)
    return replace(declared(said, side, contract), names=tuple(names))


def said_of(file: Pulled, landed: Landed, target: Path, most: tuple[int, float] = MOST_REJECTED) -> Landed:
    """What was landed, with the rows of a database that could not be read, and with the name of what was delivered."""
    named = [
        replace(one, parameters={**one.parameters, "file": printable(file.file)})
        if one.parameters.get("file") == printable(file.path.name)
        else one
        for one in landed.not_checked
    ]
    own = replace(landed, not_checked=tuple(named))
    return with_rejected(own, Path(file.file), target, _unread(file), most)


def _unread(file: Pulled) -> list[Reject]:
    """The rows of a database that were left out of what was read of it, as rejected ones."""
    return [
        Reject(
            one.row, Notice(Code.NOT_IN_ENCODING, {"byte": one.byte, "value": one.value, "encoding": "UTF-8"}), one.text
        )
        for one in file.unread
    ]


def told_of(files: Sequence[Pulled], landed: Sequence[Landed]) -> tuple[Notice, ...]:
    """What was recognised or passed over in the files that changes how they are understood."""
    return tuple(
        Notice(Code.OF_A_FILE, {"file": printable(file.file), "told": note.content()})
        for file, one in zip(files, landed, strict=False)
        for note in one.notes
        if note.code not in _USUAL
    )


def types_of(here: DuckDB, cluster: Spark | None, inputs: Inputs, form: Callable[[Side], Form]) -> Types:
    """The columns of both sides; every one is VARCHAR where the format holds nothing but texts."""
    types = {file.side: {**_types(here, file.path, form(file.side)), **file.types} for file in inputs.files}
    if cluster is not None:
        types |= {side: cluster.types(location) for side, location in inputs.seen.items()}
    return types


def land_files(
    here: DuckDB,
    inputs: Inputs,
    contract: Contract,
    form: Callable[[Side], Form],
    scratch: Path,
    meanwhile: threading.Thread,
    *,
    lying: bool,
) -> list[Landed | None]:
    """Land the files; None for one that can be read where it lies, if it is to be left `lying`.

    The thread `meanwhile` is started once the first file was looked at.
    """
    forms = [form(file.side) for file in inputs.files]
    with looking_ahead((file.path, one) for file, one in zip(inputs.files, forms, strict=True)) as ahead:
        if ahead:
            ahead[0].result()
        meanwhile.start()
        return [
            None
            if lying and can_lie(file.path) and not (one.nulls or one.decimal)
            else _land(here, file, one, looked.result(), contract, scratch)
            for file, one, looked in zip(inputs.files, forms, ahead, strict=True)
        ]


def as_tables(
    here: DuckDB,
    cluster: Spark | None,
    inputs: Inputs,
    written: Sequence[Landed | None],
    contract: Contract,
    types: Types,
    scratch: Path,
) -> tuple[list[Landed], dict[Side, ir.Table]]:
    """The rows of both sides on the engine that compares them, and what was landed or laid of the files."""
    engine: Engine = cluster or here
    alike = stored_alike(contract, types) if not any(file.types for file in inputs.files) else {}
    if written.count(None) == len(Side):
        alike |= _filled_texts(here, inputs.files, contract, types)
    landed, raw = [], {}
    for file, one in zip(inputs.files, written, strict=True):
        if one is None:
            keys = {} if file.types else stored_keys(contract, file.side, types[file.side])
            one, raw[file.side] = _laid(here, file, contract, alike, keys)
        else:
            raw[file.side] = engine.view(one.path, f"{file.side.value}_raw")
        landed.append(said_of(file, one, scratch / f"{file.side.value}.parquet"))
    if cluster is not None:
        for side, location in inputs.seen.items():
            columns = _kept(side, contract) or list(types[side])
            raw[side] = cluster.read(location, columns, f"{side.value}_raw")
    return landed, raw


def agreed_values(here: DuckDB, engine: Engine, path: Path, contract: Contract, scratch: Path) -> ir.Table:
    """The file of last agreed values as the base that the diff takes."""
    import ibis

    from auditor.equality import rules
    from auditor.match import fallback
    from auditor.match.keys import key_columns

    there = set(column_names(here, path))
    missing = [name for names in (contract.key, *contract.fallbacks) for name in names if name not in there]
    if missing:
        raise SettingsError(f'the key column "{missing[0]}" is not in {path.name}')
    kept = [column.name for column in contract.columns if column.name in there]
    landed = land(here, Side.PLATFORM, path, scratch / "base.parquet", columns=kept)
    raw, zone = engine.view(landed.path, "base_raw"), contract.timezone.key
    forms = key_columns(raw, contract, Side.PLATFORM)
    anchor = ibis.coalesce(*(form for name, form in forms.items() if name == "key" or name.startswith(fallback.FORM)))
    marks = {
        f"b{position}": rules.marked(rules.canonical(raw[column.name], column, Side.PLATFORM, zone))
        if column.name in there
        else ibis.null(str)
        for position, column in enumerate(contract.compared)
    }
    rows = raw.select(anchor=anchor, marks=ibis.struct(marks or {"none": ibis.null(str)}))
    return engine.keep(rows.distinct(on="anchor"), "base")


def _types(engine: DuckDB, path: Path, form: Form) -> dict[str, str]:
    """Column → DuckDB type, in file order, of those with a name; every column is VARCHAR where the format holds nothing
    but texts.
    """
    names = column_names(engine, path, form)
    types = column_types(engine, path) or dict.fromkeys(names, "VARCHAR")
    return {name: kind for name, kind in types.items() if name.strip()}


def _land(engine: DuckDB, file: Pulled, form: Form, looked: Looked | None, contract: Contract, scratch: Path) -> Landed:
    """One file as a snapshot of the columns that are needed."""
    target = scratch / f"{file.side.value}.parquet"
    return land(engine, file.side, file.path, target, columns=_kept(file.side, contract), form=form, looked=looked)


def _kept(side: Side, contract: Contract) -> Sequence[str] | None:
    """The columns of a side that both have; None for all of them, which a condition may need."""
    if contract.population(side):
        return None
    return names_of(contract, side)


def _laid(
    engine: DuckDB, file: Pulled, contract: Contract, alike: Mapping[str, str], keys: Mapping[str, str]
) -> tuple[Landed, ir.Table]:
    """One file as a table of the columns that both have; cells of those in `alike` are first compared as stored, and
    the form of `keys` is made of what is stored.
    """
    as_stored = {name_of(one, file.side): alike[one.name] for one in contract.compared if one.name in alike}
    as_stored |= keys
    columns, condition = names_of(contract, file.side), contract.population(file.side)
    return lay(engine, file.side, file.path, columns=columns, alike=as_stored, condition=condition)


def _filled_texts(
    engine: DuckDB, files: Sequence[Pulled], contract: Contract, types: Mapping[Side, Mapping[str, str]]
) -> dict[str, str]:
    """The columns of texts that neither file has an empty one of, which would be the same as none."""
    filled = {file.side: never_empty(engine, file.path) for file in files}
    return {
        column.name: "VARCHAR"
        for column in contract.compared
        if column.compare is Compare.EXACT
        and all(types[side][name_of(column, side)] == "VARCHAR" for side in Side)
        and all(name_of(column, side) in filled[side] for side in Side)
    }


def _pull_base(location: str, scratch: Path, now: datetime) -> Pulled:
    """In a folder of its own, where what an archive holds is in nobody's way."""
    folder = scratch / "base"
    folder.mkdir()
    return _pull(Side.PLATFORM, location, folder, now)


def _pull(
    side: Side, location: str, folder: Path, now: datetime, *, hashed: bool = True, member: str | None = None
) -> Pulled:
    """A file that somebody named. Raises SettingsError where there is none: it will not come, it is mistyped."""
    try:
        return pull_file(
            side,
            location,
            folder=folder,
            max_age=None,
            now=now,
            timezone=UTC,
            hashed=hashed,
            means=Means(Located(wait=timedelta(0), member=member)),
        )
    except Absent as nothing:
        raise SettingsError(str(nothing), hint="check the name") from None


def sources_of(
    files: Sequence[Pulled], landed: Sequence[Landed], seen: Mapping[Side, str], now: datetime
) -> tuple[Source, ...]:
    """Both inputs, the platform first; what the cluster reads itself shows the moment of its reading."""
    own = {
        file.side: source_showing(file, one, updated=None, written=file.mtime)
        for file, one in zip(files, landed, strict=True)
    }
    far = {
        side: Source(
            side=side,
            location=location,
            bytes=0,
            sha256="",
            as_of=now,
            as_of_from="snapshot",
            file=location,
            encoding="",
            separator="",
        )
        for side, location in seen.items()
    }
    return tuple({**own, **far}[side] for side in Side)


def source_showing(file: Pulled, landed: Landed, *, updated: datetime | None, written: datetime) -> Source:
    """What an input was, and the moment that it shows: `updated` is the latest change in it, `written` its own time."""
    shown = shown_moment(
        file.name_moment, has_time=file.name_has_time, updated=updated, written=written, snapshot=file.snapshot
    )
    return Source(
        side=file.side,
        location=file.location,
        bytes=file.bytes,
        sha256=file.sha256,
        as_of=shown.at,
        as_of_from=shown.known_from,
        file=file.file,
        encoding=landed.encoding,
        separator=landed.separator,
    )
