"""A plan as a value: the exact, ordered, immutable set of writes, named by the SHA-256 of its content.

Making one is `auditor.plan`, carrying it out `auditor.apply`; this module only says what one is and how it is stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal

from auditor.errors import SettingsError
from auditor.model import Kind, Route

PLAN_FORMAT = 1
_AGAIN: Final = "make it again with `auditor plan`"

Told = Mapping[str, Any] | str
"""A code with its parameters, as `findings.codes` stores it; a sentence in plans of a version that stored those, whose
hash is made of it.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value to be written: `before` is what the audit saw on the platform, `after` what it becomes."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Collection:
    """Where and when a permission was given, as the truth says it; sent as `dataCollectionInformation`."""

    moment: str
    """`YYYY-MM-DD HH:MM:SS` in the contract's time zone."""
    source: str


@dataclass(frozen=True, slots=True)
class Write:
    """All cells of one kind for one profile, sent together."""

    kind: Kind
    route: Route
    key: str
    """The key as the platform spells it; for a creation as the truth does. Several key columns: a JSON array."""
    profile_id: str | None
    """None for creations and where the export does not hold it."""
    cells: tuple[Cell, ...]
    batch: str | None
    """Name of the corrective file this write travels in; None for the single route."""
    canary: bool
    """True for those of a batch that go one by one, first."""
    decided_by: str | None
    """The person whose decision this write carries out; None for the default policy."""
    collection: Collection | None

    @property
    def followed(self) -> tuple[str | None, ...]:
        """The columns whose outcome is followed. None stands for the profile itself, which is created or deleted."""
        if self.kind in (Kind.CREATE, Kind.DELETE):
            return (None,)
        return tuple(cell.column for cell in self.cells)


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A cell or profile that the plan does not touch, and why: shown with the plan, never silent."""

    key: str
    column: str | None
    why: str
    """Stable code, one of model.Why."""
    refusal: str | None
    """How Actito would refuse it (model.Refusal), where that is why."""


@dataclass(frozen=True)
class Plan:
    """What will be written, in this order, and on what it was based."""

    run: str
    entity: str
    table: str
    purpose: Literal["correct", "create", "load", "undo"]
    """`load` creates as well, into an empty table: in steps, each of which must stand before the next."""
    made: datetime
    """When, with zone. Not part of the name's hash."""
    export_as_of: datetime
    key: tuple[str, ...]
    """The key columns."""
    writes: tuple[Write, ...]
    left: tuple[LeftAlone, ...]
    population: int
    """Number of profiles on the platform: the base of the brakes' shares."""
    route_reason: Told
    """Why the writes travel as they do."""
    undoes: str | None
    """SHA of the plan that this one takes back; None: it takes none back."""
    stop: tuple[Mapping[str, Any], ...] | str | None
    """Why the plan must not be applied without a look, for example a side that shrank; None: nothing of the kind."""
    fallbacks: tuple[tuple[str, ...], ...]
    """The columns of the fallback keys: a profile that lacks the key is named by a JSON object of those of one."""
    contract: str | None
    """Digest of the contract by which it was made; None: in plans of a version that did not note it."""

    def key_parts(self, key: str) -> dict[str, str]:
        """A key text as value per column."""
        return key_parts(key, self.key, self.fallbacks)

    def key_identifiers(self, key: str) -> dict[str, str]:
        """What a key tells of its person, as `key_identifiers` has it."""
        return key_identifiers(key, self.key, self.fallbacks)

    @cached_property
    def sha(self) -> str:
        """SHA-256 of the content, 64 hex digits: the plan's name."""
        digest = hashlib.sha256()
        content = dict(sorted(self._content().items()))
        del content["made"]
        between = "{"
        for name, value in content.items():
            digest.update(f"{between}{_canonical(name)}:".encode())
            for piece in _canonical_pieces(value):
                digest.update(piece.encode())
            between = ","
        digest.update(b"}")
        return digest.hexdigest()

    @property
    def counts(self) -> dict[Kind, int]:
        """Profiles touched per kind of write: what the brakes count and a confirmation repeats."""
        profiles: dict[Kind, set[str]] = {}
        for write in self.writes:
            profiles.setdefault(write.kind, set()).add(write.key)
        return {kind: len(keys) for kind, keys in profiles.items()}

    @property
    def for_others(self) -> bool:
        """Whether it was made for files that somebody else imports: nobody goes ahead of those."""
        told = self.route_reason.get("parameters", {}) if isinstance(self.route_reason, Mapping) else {}
        return bool(told.get("files")) and not told.get("before") and any(write.canary for write in self.writes)

    @property
    def repeated(self) -> int:
        """Values that a plan of an earlier version would send again unchanged, because a file had their column."""
        by_file = (write for write in self.writes if write.batch is not None and write.kind is Kind.UPDATE)
        return sum(cell.before == cell.after for write in by_file for cell in write.cells)

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        if not self.fallbacks:
            del content["fallbacks"]
        if self.contract is None:
            del content["contract"]
        content["carried"] = self.repeated
        content["made"] = self.made.isoformat()
        content["export_as_of"] = self.export_as_of.isoformat()
        content["writes"] = map(_plain_write, self.writes)
        content["left"] = map(_plain, self.left)
        return {"format": PLAN_FORMAT, **content}

    def to_json(self, seal: Mapping[str, Any] | None) -> str:
        """The stored form in one piece; see `pieces`."""
        return "".join(self.pieces(seal))

    def pieces(self, seal: Mapping[str, Any] | None) -> Iterator[str]:
        """The stored form, with its name inside, so that a changed file is noticed. One write stands on one line.

        `seal` is what the ledger says of the plan that it recorded, on the second line; None: it was asked for none.
        A plan of a million writes is as large as what holds it: it is never there twice.
        """
        around = {"sha": self.sha} | ({"seal": seal} if seal is not None else {})
        between = "{\n"
        for name, value in {**around, **self._content()}.items():
            yield f"{between}{_text(name)}: "
            yield from _lines(value)
            between = ",\n"
        yield "\n}\n"


def key_parts(text: str, key: Sequence[str], fallbacks: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """A key text as value per column. Raises ValueError where it is no key of these columns."""
    if by_fallback(text, fallbacks):
        parts = json.loads(text)
        columns = next((names for names in fallbacks if set(names) == set(parts)), None)
        values = [parts[name] for name in columns or ()]
    elif len(key) == 1:
        columns, values = tuple(key), [text]
    else:
        columns, values = tuple(key), json.loads(text)
    if columns is None or not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("not a key of these columns")
    return dict(zip(columns, values, strict=True))


def key_identifiers(text: str, key: Sequence[str], fallbacks: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """What a key tells of its person, by what it is called: each of its parts, and several columns' parts as one.

    Raises ValueError where it is no key of these columns.
    """
    parts = key_parts(text, key, fallbacks)
    return parts | whole_key(parts, key)


def whole_key(parts: Mapping[str, str], key: Sequence[str]) -> dict[str, str]:
    """A key of several columns as one text, by what it is called; nothing of any other."""
    if tuple(parts) != tuple(key) or len(parts) == 1:
        return {}
    return {json.dumps(list(key)): json.dumps([part.strip() for part in parts.values()], ensure_ascii=False)}


def by_fallback(key: str, fallbacks: Sequence[tuple[str, ...]]) -> bool:
    """Whether a key text is that of a profile that lacks the key; no key of its own looks like that."""
    return bool(fallbacks) and key.startswith('{"')


def read_plan(path: Path) -> Plan:
    """Read a stored plan. Raises SettingsError when it is none or was changed since it was made."""
    return read_sealed(path)[0]


def read_sealed(path: Path) -> tuple[Plan, Mapping[str, Any] | None]:
    """A stored plan and the seal in its file, which plans of earlier versions lack; see `read_plan`.

    A plan that holds together may still be made by anybody: what the seal is worth, the ledger knows.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sha, seal = content.pop("sha"), content.pop("seal", None)
        plan = _plan(content)
    except FileNotFoundError:
        raise SettingsError(f"there is no plan {path}", hint="make one with `auditor plan`") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", hint=_AGAIN) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SettingsError(f"{path} is not a plan of this version", hint=_AGAIN) from None
    if plan.sha != sha:
        raise SettingsError(f"{path} was changed after it was made", hint=_AGAIN)
    return plan, seal


def _plan(content: Mapping[str, Any]) -> Plan:
    values = dict(content)
    values.pop("carried")  # follows from the writes
    if values.pop("format") != PLAN_FORMAT:
        raise ValueError
    values["made"] = datetime.fromisoformat(values["made"])
    values["export_as_of"] = datetime.fromisoformat(values["export_as_of"])
    values["key"] = tuple(values["key"])
    values["fallbacks"] = tuple(tuple(names) for names in values.get("fallbacks", ()))
    values.setdefault("contract", None)
    values["writes"] = tuple(_write(write) for write in values["writes"])
    if isinstance(values["stop"], list):
        values["stop"] = tuple(values["stop"])
    values["left"] = tuple(LeftAlone(**left) for left in values["left"])
    return Plan(**values)


def _write(content: Mapping[str, Any]) -> Write:
    values = dict(content)
    values["kind"] = Kind(values["kind"])
    values["route"] = Route(values["route"])
    values["cells"] = tuple(Cell(**cell) for cell in values["cells"])
    if values["collection"] is not None:
        values["collection"] = Collection(**values["collection"])
    return Write(**values)


def _plain_write(write: Write) -> dict[str, Any]:
    plain = _plain(write)
    plain["cells"] = [_plain(cell) for cell in write.cells]
    plain["collection"] = _plain(write.collection) if write.collection else None
    return plain


def _plain(value: Write | LeftAlone | Cell | Collection) -> dict[str, Any]:
    """`dataclasses.asdict`, which takes seconds for a large plan because it copies everything it finds."""
    kind = type(value)
    return dict(zip(kind.__slots__, _VALUES[kind](value), strict=True))


_VALUES: Final = {kind: attrgetter(*kind.__slots__) for kind in (Write, LeftAlone, Cell, Collection)}


def _lines(value: object) -> Iterator[str]:
    """A value, or the values of an iterator as a list with a line for each."""
    if not isinstance(value, Iterator):
        yield _text(value)
        return
    before = "[\n"
    for item in value:
        yield before + _text(item)
        before = ",\n"
    yield "[]" if before == "[\n" else "\n]"


def _canonical_pieces(value: object) -> Iterator[str]:
    """A value, or the values of an iterator as a list, many at a time: each call of the encoder costs as much as a
    write.
    """
    if not isinstance(value, Iterator):
        yield _canonical(value)
        return
    before = "["
    while portion := list(islice(value, 1_000)):
        yield before + _canonical(portion)[1:-1]
        before = ","
    yield "[]" if before == "[" else "]"


_text: Final = json.JSONEncoder(ensure_ascii=False).encode
_canonical: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
