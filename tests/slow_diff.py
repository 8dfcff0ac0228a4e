"""Matching and diffing once more, slowly and obviously: dictionaries and loops, nothing of `auditor.rules`.

It knows the rules `exact`, `text`, `number` and `boolean`, for the plain values that the tests make. `Contract` and
`Column` are only read as a specification.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from auditor.contract import Blank, Column, Compare, Contract
from auditor.model import Side

Row = Mapping[str, str | None]


@dataclass(frozen=True)
class SlowKnown:
    """What earlier runs left: agreed forms per anchor and column (absent: none), writes, keys seen, cells refused."""

    base: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    sent: frozenset[tuple[str, str | None]] = frozenset()
    seen: frozenset[str] = frozenset()
    blocked: frozenset[tuple[str, str]] = frozenset()


@dataclass
class SlowDiff:
    rows: dict[str, int]
    profiles: dict[str, int]
    waiting: int
    pending: int
    gone: int
    kept: dict[str, int]
    formats: dict[str, int]
    cells: list[tuple[object, ...]]
    """key, column, platform, truth, base, status, moved, waiting, pending, blocked."""
    found: list[tuple[object, ...]]
    """key, platform_key, truth_key, profile_id, status, moved, waiting, gone, pending, columns, rows on each side."""


@dataclass(frozen=True)
class _Placed:
    row: Row
    key: str | None
    text: str | None
    inside: bool
    moment: datetime | None


def slow_diff(
    contract: Contract,
    platform: Sequence[Row],
    truth: Sequence[Row],
    known: SlowKnown,
    shown: Mapping[Side, datetime | None],
    inside: Mapping[Side, Mapping[str, str]],
    rejected: Mapping[Side, int],
) -> SlowDiff:
    """`inside` says who is in the population of a side: the values that its columns must have."""
    zone = contract.timezone
    sides = {Side.PLATFORM: platform, Side.TRUTH: truth}
    placed = {side: [_place(contract, side, row, inside[side], zone) for row in rows] for side, rows in sides.items()}
    excluded = {one.key for ones in placed.values() for one in ones if one.key is not None and not one.inside}
    members: dict[Side, dict[str, list[_Placed]]] = {}
    for side, ones in placed.items():
        members[side] = {}
        for one in ones:
            if one.key is not None and one.key not in excluded:
                members[side].setdefault(one.key, []).append(one)
    keys = sorted(set(members[Side.PLATFORM]) | set(members[Side.TRUTH]))
    twice = {key for key in keys if any(len(members[side].get(key, [])) > 1 for side in Side)}
    statuses = ("equal", "missing", "orphan", "stale", "conflicting", "duplicate")
    result = SlowDiff({}, dict.fromkeys(statuses, 0), 0, 0, 0, {}, {}, [], [])
    for side, ones in placed.items():
        out = [one for one in ones if not one.inside or one.key in excluded]
        result.rows[side.value] = len(ones) + rejected[side]
        result.rows[f"{side.value}_rejected"] = rejected[side]
        result.rows[f"{side.value}_excluded"] = len(out)
        result.rows[f"{side.value}_null_key"] = sum(one.key is None and one.inside for one in ones)
        result.rows[f"{side.value}_duplicate"] = sum(len(members[side].get(key, [])) for key in twice)
    kept: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    for key in keys:
        here, there = members[Side.PLATFORM].get(key, []), members[Side.TRUTH].get(key, [])
        p, t = (here[0] if here else None), (there[0] if there else None)
        anchor = p.row.get("profileId") or None if p else None
        shown_key = p.text if p else t.text if t else None
        status, moved, waiting, gone, pending = "", None, False, False, False
        columns: list[str] | None = None
        if key in twice:
            status = "duplicate"
        elif p is None:
            assert t is not None
            status, gone = "missing", key in known.seen
            waiting = _younger(t.moment, shown[Side.PLATFORM], contract)
            pending = (shown_key or "", None) in known.sent
        elif t is None:
            status = "orphan"
            waiting = _younger(p.moment, shown[Side.TRUTH], contract)
            pending = (shown_key or "", None) in known.sent
        else:
            cells = []
            for column in contract.compared:
                cell = _cell(contract, column, p, t, known, anchor or key, shown[Side.PLATFORM], kept, formats)
                if cell is not None:
                    cells.append(cell)
            if not cells:
                result.profiles["equal"] += 1
                continue
            result.cells += cells
            status = "conflicting" if any(cell[5] == "conflicting" for cell in cells) else "stale"
            moves = {str(cell[6]) for cell in cells}
            moved = moves.pop() if len(moves) == 1 else None
            pending = all(cell[8] for cell in cells)
            waiting = status == "stale" and any(c[7] for c in cells) and all(c[7] or c[8] for c in cells)
            columns = sorted(str(cell[1]) for cell in cells)
        result.profiles[status] += 1
        result.waiting += waiting
        result.pending += pending and not waiting
        result.gone += gone
        keys_of_sides = (p.text if p else None, t.text if t else None)
        flags = (waiting, gone, pending)
        result.found.append(
            (shown_key, *keys_of_sides, anchor, status, moved, *flags, columns, len(here), len(there)),
        )
    result.kept, result.formats = dict(kept), dict(+formats)
    return result


def _cell(
    contract: Contract,
    column: Column,
    p: _Placed,
    t: _Placed,
    known: SlowKnown,
    anchor: str,
    shown: datetime | None,
    kept: Counter[str],
    formats: Counter[str],
) -> tuple[object, ...] | None:
    raw, spelt = p.row[column.header], t.row[column.truth]
    if not column.empty_is_value:
        raw = raw or None
    on_platform, in_truth = form(raw, column, Side.PLATFORM), form(spelt, column, Side.TRUTH)
    sent = send(spelt, column)
    if _equal(on_platform, in_truth, column):
        formats[column.name] += raw != sent
        return None
    if in_truth is None and on_platform is not None and (column.blank is Blank.KEEP or column.permission):
        kept[column.name] += 1
        return None
    agreed = known.base.get(anchor, {})
    key = p.text or ""
    later = p.moment is not None and t.moment is not None and t.moment > p.moment
    if column.name not in agreed:
        moved = "truth_by_moment" if later else "unknown"
    else:
        base = agreed[column.name]
        moved = {(False, True): "truth", (True, False): "platform", (True, True): "both"}.get(
            (not _equal(base, on_platform, column), not _equal(base, in_truth, column)), "unknown"
        )
    status = "stale" if moved in ("truth", "truth_by_moment") else "conflicting"
    waiting = status == "stale" and _younger(t.moment, shown, contract)
    pending, blocked = (key, column.name) in known.sent, (key, column.name) in known.blocked
    return (key, column.name, raw, sent, agreed.get(column.name), status, moved, waiting, pending, blocked)


def form(text: str | None, column: Column, side: Side) -> str | None:
    """The canonical form of a plain value; None where it is empty."""
    if side is Side.TRUTH and text is not None:
        text = column.values.get(text.strip(), text)
    if text is None or (text == "" and not column.empty_is_value):
        return None
    match column.compare:
        case Compare.TEXT:
            return " ".join(text.split()) or None
        case Compare.NUMBER:
            plain = text.strip().replace(",", ".") if side is Side.TRUTH and column.decimal == "," else text.strip()
            try:
                return format(Decimal(plain).normalize() + 0, "f") if plain else None
            except ArithmeticError:
                return " ".join(text.split())
        case Compare.BOOLEAN:
            word = text.strip().lower()
            spellings = {"true": "true", "1": "true", "yes": "true", "false": "false", "0": "false", "no": "false"}
            return spellings.get(word, " ".join(text.split()) or None)
        case _:
            return text


def send(text: str | None, column: Column) -> str | None:
    """What a correction would write of a plain value."""
    found = form(text, column, Side.TRUTH)
    if column.compare in (Compare.NUMBER, Compare.BOOLEAN) and found is not None and text is not None:
        readable = found in ("true", "false") or found.replace(".", "").replace("-", "").isdecimal()
        return found if readable else column.values.get(text.strip(), text)
    return found


def _equal(a: str | None, b: str | None, column: Column) -> bool:
    if a == b:
        return True
    if a is None or b is None or column.tolerance is None:
        return False
    try:
        return abs(Decimal(a) - Decimal(b)) <= column.tolerance
    except ArithmeticError:
        return False


def _younger(moment: datetime | None, shown: datetime | None, contract: Contract) -> bool:
    if moment is None or shown is None or not contract.grace:
        return False
    return moment + contract.grace > shown


def _place(contract: Contract, side: Side, row: Row, inside: Mapping[str, str], zone: ZoneInfo) -> _Placed:
    names = [column.header if side is Side.PLATFORM else column.truth for column in contract.keys]
    forms = [form(row[name], column, side) for name, column in zip(names, contract.keys, strict=True)]
    texts = [row[name] for name in names]
    whole = all(part is not None and part.strip() for part in forms)
    updated = contract.updated_platform if side is Side.PLATFORM else contract.updated_truth
    said = row[updated] if updated else None
    moment = datetime.fromisoformat(said).replace(tzinfo=zone) if said else None
    return _Placed(
        row,
        _joined(forms) if whole else None,
        _joined(texts),
        all(row[name] == value for name, value in inside.items()),
        moment,
    )


def _joined(parts: Sequence[str | None]) -> str | None:
    if len(parts) == 1:
        return parts[0]
    return None if None in parts else json.dumps(list(parts), ensure_ascii=False, separators=(",", ":"))
