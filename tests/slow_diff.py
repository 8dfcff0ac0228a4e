"""Matching and diffing once more, slowly and obviously: dictionaries and loops, nothing of `auditor.equality.rules`.

It knows every comparison rule, for the plain values that the tests make. `Contract` and `Column` are only read as a
specification.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import phonenumbers

from auditor.model import Side
from auditor.settings.contract import Blank, Column, Compare, Contract

UTC = ZoneInfo("UTC")
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
    """key, platform_key, truth_key, profile_id, status, moved, waiting, gone, pending, columns, rows on each side, key
    that matched it."""
    matched_by: Counter[str]


@dataclass
class _Placed:
    row: Row
    key: str | None
    text: str | None
    inside: bool
    moment: datetime | None
    forms: list[str | None]
    """The key and the fallback keys."""
    texts: list[str | None]
    matched_by: str = "key"
    ambiguous: bool = False


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
    _by_fallback(placed[Side.PLATFORM], placed[Side.TRUTH], [" + ".join(names) for names in contract.fallbacks])
    excluded = {one.key for ones in placed.values() for one in ones if one.key is not None and not one.inside}
    members: dict[Side, dict[str, list[_Placed]]] = {}
    for side, ones in placed.items():
        members[side] = {}
        for one in ones:
            if one.key is not None and one.key not in excluded:
                members[side].setdefault(one.key, []).append(one)
    keys = sorted(set(members[Side.PLATFORM]) | set(members[Side.TRUTH]))
    unsure = {one.key for side in Side for ones in members[side].values() for one in ones if one.ambiguous}
    twice = {key for key in keys if key in unsure or any(len(members[side].get(key, [])) > 1 for side in Side)}
    statuses = ("equal", "missing", "orphan", "stale", "conflicting", "duplicate")
    result = SlowDiff({}, dict.fromkeys(statuses, 0), 0, 0, 0, {}, {}, [], [], Counter())
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
        by: str | None = None
        if key in twice:
            status = "duplicate"
            by = next((one.matched_by for one in (*here, *there) if one.ambiguous), None)
            result.matched_by += Counter([by] if by else [])
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
            by = p.matched_by
            by += ", normalised" if by == "key" and p.texts[0] != t.texts[0] else ""
            result.matched_by[by] += 1
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
            (shown_key, *keys_of_sides, anchor, status, moved, *flags, columns, len(here), len(there), by),
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
    zone, raw, spelt = contract.timezone, p.row[column.header], t.row[column.truth]
    if not column.empty_is_value:
        raw = raw or None
    on_platform, in_truth = form(raw, column, Side.PLATFORM, zone), form(spelt, column, Side.TRUTH, zone)
    sent = send(spelt, column, zone)
    if _equal(on_platform, in_truth, column):
        formats[column.name] += raw != sent and p.row[column.header] != spelt
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


def form(text: str | None, column: Column, side: Side, zone: ZoneInfo = UTC) -> str | None:
    """The canonical form of a plain value; None where it is empty."""
    if side is Side.TRUTH and text is not None:
        text = column.values.get(text.strip(), text)
    if text is None or (text == "" and not column.empty_is_value):
        return None
    match column.compare:
        case Compare.EXACT:
            return text
        case Compare.NAME:
            letters = unicodedata.normalize("NFD", _tidy(text).lower().replace("ß", "ss").replace("ł", "l"))
            return "".join(letter for letter in letters if not unicodedata.combining(letter)) or None
        case Compare.EMAIL:
            local, at, domain = unicodedata.normalize("NFC", text).strip().lower().rpartition("@")
            return local + at + domain.replace("münchen", "xn--mnchen-3ya") or None
        case Compare.CODE:
            return text.strip().upper() or None
        case Compare.IDENTIFIER:
            return _identifier(text, column.argument) or _tidy(text) or None
        case Compare.SET:
            return ",".join(sorted({_tidy(member) for member in text.split(",")} - {""})) or None
        case _:
            return _read(text.strip(), column, side, zone) or _tidy(text) or None


def send(text: str | None, column: Column, zone: ZoneInfo = UTC) -> str | None:
    """What a correction would write of a plain value."""
    if text is not None:
        text = column.values.get(text.strip(), text)
    if text is None or (text == "" and not column.empty_is_value):
        return None
    match column.compare:
        case Compare.EXACT:
            return text
        case Compare.CODE:
            return text.strip().upper() or None
        case Compare.TEXT | Compare.NAME:
            return _tidy(text) or None
        case Compare.EMAIL | Compare.IDENTIFIER:
            return text.strip() or None
        case Compare.SET:
            return ",".join(member for member in map(_tidy, text.split(",")) if member) or None
        case _:
            return _read(text.strip(), column, Side.TRUTH, zone) or (text if _tidy(text) else None)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _identifier(text: str, argument: str) -> str:
    bare = "".join(_tidy(text).split()).lower()
    before, _, behind = argument.lower().partition("*")
    inside = bare.removeprefix(before).removesuffix(behind)
    if inside and before + inside + behind == bare:
        bare = inside
    for zeros in (".0", ".00", ",0", ",00"):
        if re.fullmatch(r"\d+([.,]\d{3})*", bare.removesuffix(zeros)):
            bare = bare.removesuffix(zeros)
    letters = "".join(sign for sign in bare if sign.isalnum())
    return letters.lstrip("0") or letters[-1:]


def _read(text: str, column: Column, side: Side, zone: ZoneInfo) -> str | None:
    """A value as the platform would spell it; None for what the rule cannot read."""
    ways = [(None, ".")] if side is Side.PLATFORM else [(column.format, column.decimal), (None, ".")]
    read = (_READERS[column.compare](text, column, spelt, decimal, zone) for spelt, decimal in ways)
    return next((found for found in read if found is not None), None)


def _number(text: str, column: Column, _spelt: str | None, decimal: str, _zone: ZoneInfo) -> str | None:
    if column.argument and decimal == column.decimal:
        for unit in column.argument.split("|"):
            text = text.replace(unit, "").strip()
    if decimal == ",":
        if re.fullmatch(r"[+-]?(\d{1,3}([. ]\d{3})+|\d*)(,\d*)?", text) is None:
            return None
        text = text.replace(".", "").replace(" ", "").replace(",", ".")
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return format(value.normalize() + 0, "f").lower().replace("infinity", "inf")


def _boolean(text: str, *_: object) -> str | None:
    spellings = {"true": ("true", "1", "y", "yes", "t"), "false": ("false", "0", "n", "no", "f")}
    return next((found for found, words in spellings.items() if text.lower() in words), None)


def _phone(text: str, column: Column, *_: object) -> str | None:
    try:
        number = phonenumbers.parse(text.replace("(0)", ""), column.argument)
    except phonenumbers.NumberParseException:
        return None
    spelt = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return spelt if phonenumbers.is_valid_number(number) else None


def _date(text: str, _column: Column, spelt: str | None, _decimal: str, _zone: ZoneInfo) -> str | None:
    if spelt is None:
        text = text.removesuffix(" 00:00:00")
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text) is None:
            return None
    try:
        return datetime.strptime(text, spelt or "%Y-%m-%d").date().isoformat()  # noqa: DTZ007 -- a calendar day
    except ValueError:
        return None


def _moment(text: str, _column: Column, spelt: str | None, _decimal: str, zone: ZoneInfo) -> str | None:
    """In `zone`; an hour that spring leaves out is an hour later, as it is there on the way through UTC."""
    try:
        found = datetime.strptime(text, spelt) if spelt else datetime.fromisoformat(text)  # noqa: DTZ007 -- see below
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=zone)
    return found.astimezone(UTC).astimezone(zone).replace(tzinfo=None).isoformat(" ")


_READERS: Mapping[Compare, Callable[[str, Column, str | None, str, ZoneInfo], str | None]] = {
    Compare.TEXT: lambda *_: None,
    Compare.NUMBER: _number,
    Compare.BOOLEAN: _boolean,
    Compare.PHONE: _phone,
    Compare.DATE: _date,
    Compare.TIMESTAMP: _moment,
}


def _equal(a: str | None, b: str | None, column: Column) -> bool:
    if a == b:
        return True
    if a is None or b is None or column.tolerance is None:
        return False
    try:
        assert isinstance(column.tolerance, Decimal)
        return abs(Decimal(a) - Decimal(b)) <= column.tolerance
    except ArithmeticError:
        return False


def _younger(moment: datetime | None, shown: datetime | None, contract: Contract) -> bool:
    if moment is None or shown is None or not contract.grace:
        return False
    return moment + contract.grace > shown


def key_of(contract: Contract, side: Side, row: Row) -> str | None:
    """The canonical key of a row; None where it is not usable."""
    parts = zip(contract.keys, _key_cells(contract, side, row), strict=True)
    forms = [form(text, column, side, contract.timezone) for column, text in parts]
    return _joined(forms) if all(part is not None and part.strip() for part in forms) else None


def shown_key_of(contract: Contract, side: Side, row: Row) -> str | None:
    """The key as the side spells it."""
    return _joined(_key_cells(contract, side, row))


def anchor_of(contract: Contract, row: Row) -> str | None:
    """What ties a profile of the platform to its agreed values."""
    return row.get("profileId") or key_of(contract, Side.PLATFORM, row)


def _key_cells(contract: Contract, side: Side, row: Row) -> list[str | None]:
    return [row[column.header if side is Side.PLATFORM else column.truth] for column in contract.keys]


def _by_fallback(platform: list[_Placed], truth: list[_Placed], names: Sequence[str]) -> None:
    """Give the rows the key that they go by: every pair of rows is looked at, for every fallback key in its turn."""

    def first_in_common(p: _Placed, t: _Placed) -> int | None:
        both = [place for place in range(len(p.forms)) if p.forms[place] is not None and t.forms[place] is not None]
        return both[0] if both else None

    related = [
        (p, t, place)
        for p in platform
        for t in truth
        if (place := first_in_common(p, t)) is not None and p.forms[place] == t.forms[place]
    ]
    done = [id(one) for p, t, place in related if place == 0 for one in (p, t)]
    for place, name in enumerate(names, start=1):
        now = []
        for p, t, where in related:
            if where != place:
                continue
            holders = [[one for one in side if one.forms[place] == p.forms[place]] for side in (platform, truth)]
            alone = len(holders[0]) == len(holders[1]) == 1 and id(p) not in done and id(t) not in done
            for one in (p, t):
                if id(one) in done:
                    continue
                now.append(id(one))
                if alone:
                    one.key = next(
                        form for pair in zip(p.forms, t.forms, strict=True) for form in pair if form is not None
                    )
                    one.matched_by = name + (", normalised" if p.texts[place] != t.texts[place] else "")
                else:
                    one.key, one.text, one.ambiguous = p.forms[place], one.texts[place], True
                    one.matched_by = name + ", ambiguous"
        done += now
    for one in (*platform, *truth):
        if id(one) not in done:
            one.key = next((form for form in one.forms if form is not None), None)


def _place(contract: Contract, side: Side, row: Row, inside: Mapping[str, str], zone: ZoneInfo) -> _Placed:
    forms, texts = [], []
    for names in (contract.key, *contract.fallbacks):
        columns = [contract.column(name) for name in names]
        cells = [row[column.header if side is Side.PLATFORM else column.truth] for column in columns]
        parts = [form(cell, column, side, contract.timezone) for cell, column in zip(cells, columns, strict=True)]
        whole = all(part is not None and part.strip() for part in parts)
        if names is contract.key:
            like_an_object = bool(contract.fallbacks) and (parts[0] or "").startswith('{"')
            forms.append(_joined(parts) if whole and not like_an_object else None)
            texts.append(_joined(cells))
        else:
            forms.append(_object(names, parts) if whole else None)
            texts.append(_object(names, cells) if whole else None)
    updated = contract.updated_platform if side is Side.PLATFORM else contract.updated_truth
    said = row[updated] if updated else None
    return _Placed(
        row,
        forms[0],
        next((text for key, text in zip(forms, texts, strict=True) if key is not None), texts[0]),
        all(row[name] == value for name, value in inside.items()),
        datetime.fromisoformat(said).replace(tzinfo=zone) if said else None,
        forms,
        texts,
    )


def _object(names: Sequence[str], parts: Sequence[str | None]) -> str:
    return json.dumps(dict(zip(names, parts, strict=True)), ensure_ascii=False, separators=(",", ":"))


def _joined(parts: Sequence[str | None]) -> str | None:
    if len(parts) == 1:
        return parts[0]
    return None if None in parts else json.dumps(list(parts), ensure_ascii=False, separators=(",", ":"))
