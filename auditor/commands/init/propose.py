"""Which truth column feeds which column of the platform, with confidence and reason; pure.

A name proposes, values decide: where both sides' values of the same people are known and do not agree, a good name
alone is not enough. What is not certain enough is shown and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.commands.init import names
from auditor.commands.init.values import ENOUGH, Agreement, Cells, Reading, agreement, all_moments, country, reading
from auditor.findings import words
from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    Attribute,
    AttributeType,
    Structure,
)

MAPPED: Final = 0.5
"""What is less certain is not mapped."""
SHOWN: Final = 0.3
"""What is less certain is not even shown."""
_TELLING: Final = 20
"""So many different values and more: agreement is no accident."""
_CONTRADICTED: Final = 0.3
"""Values that agree less than this beyond chance speak against a mapping, whatever the names."""


@dataclass(frozen=True)
class Looked:
    """What was seen of both sides: texts as they stand in the files, a sample of rows."""

    structure: Structure
    truth: Mapping[str, Cells]
    """Truth column → the cells of a sample of its rows."""
    header: tuple[str, ...] | None = None
    """The columns of the newest export; None: there is no export yet."""
    shares: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Unique attribute, truth column → the share of the sample's values that the export has, too."""
    pairs: tuple[Mapping[str, Cells], Mapping[str, Cells]] = field(default_factory=lambda: ({}, {}))
    """Platform's and truth's cells of the same people, in the same order."""
    notes: tuple[str, ...] = ()
    """What was recognised or could not be had, a sentence each."""


@dataclass(frozen=True)
class Mapped:
    """One proposed column of the contract."""

    name: str
    truth: str
    kind: AttributeType
    several: bool
    confidence: float
    reason: str
    reading: Reading = field(default_factory=Reading)
    permission: str | None = None
    """`opt-in` or `opt-out`."""
    general: bool = False
    """Whether it stands over all other permissions, if it is one."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """`date` and `source` → truth column."""
    sensitivity: str = "personal"
    master: str | None = None
    """None: as the contract has it by default."""
    refers_to: str | None = None
    """The custom table whose keys its values are; None: it refers to none."""


@dataclass(frozen=True)
class Proposal:
    """What the contract says unless a person says otherwise."""

    table: str
    key: tuple[str, ...]
    columns: tuple[Mapped, ...]
    doubtful: tuple[Mapped, ...]
    """Not certain enough to be mapped, certain enough to be looked at."""
    unmapped: tuple[str, ...]
    """Columns of the platform that nothing feeds."""
    unused: tuple[str, ...]
    """Columns of the truth that feed nothing."""
    updated_platform: str | None
    updated_truth: str | None
    timezone: str
    country: str
    notes: tuple[str, ...] = ()


ZONES: Final[Mapping[str, str]] = {
    "BE": "Europe/Brussels", "FR": "Europe/Paris", "NL": "Europe/Amsterdam", "DE": "Europe/Berlin",
    "LU": "Europe/Luxembourg", "GB": "Europe/London", "CH": "Europe/Zurich", "AT": "Europe/Vienna",
    "ES": "Europe/Madrid", "IT": "Europe/Rome", "PT": "Europe/Lisbon",
}  # fmt: skip


def find_key(
    structure: Structure, truth: Mapping[str, Cells], shares: Mapping[tuple[str, str], float]
) -> tuple[str, str] | None:
    """The unique attribute and the truth column that identify a person best; None where nothing does."""
    ways = []
    for attribute in structure.attributes:
        if not attribute.unique or attribute.technical:
            continue
        for column, cells in truth.items():
            alike, _ = names.likeness(attribute.name, column)
            share = shares.get((attribute.name, column))
            if (share is None and alike < MAPPED) or (share is not None and share < SHOWN):
                continue
            filled = [cell for cell in cells if cell and cell.strip()]
            if not filled or len(set(filled)) < 0.9 * len(filled):
                continue
            number = attribute.type not in (AttributeType.EMAIL, AttributeType.PHONE)  # addresses change
            rank = (share or 0.0) + 0.2 * alike + 0.3 * len(filled) / len(cells) + 0.3 * number
            ways.append((rank, attribute.name, column))
    if not ways:
        return None
    _, name, column = max(ways)
    return name, column


def propose(
    looked: Looked,
    *,
    key: str | None = None,
    fed: Mapping[str, str] | None = None,
    default_country: str | None = None,
    timezone: str | None = None,
) -> Proposal:
    """The whole proposal. `key` and `fed` (column → truth column, empty: none) are what a person has said already."""
    structure, told = looked.structure, dict(fed or {})
    found = find_key(structure, looked.truth, looked.shares)
    if key is None and found is not None:
        key = found[0]
    key_column = found[1] if found is not None and found[0] == key else None
    ways = [
        way
        for name in structure.columns
        if not _absent(name, looked) and name not in told
        for way in _ways(name, looked, key_column if name == key else None)
    ]
    certain = [_told(name, column, looked) for name, column in told.items() if column]
    taken = {one.truth for one in certain}
    chosen = {one.name: one for one in certain}
    for way in sorted(ways, key=lambda one: (-one.confidence, one.name, one.truth)):
        if way.confidence >= MAPPED and way.name not in chosen and way.truth not in taken:
            chosen[way.name] = way
            taken.add(way.truth)
    updated = _updated(looked.truth, taken)
    chosen = {name: _with_evidence(one, looked.truth, taken) for name, one in chosen.items()}
    doubtful: dict[str, Mapped] = {}
    for way in sorted(ways, key=lambda one: -one.confidence):
        if way.confidence >= SHOWN and way.name not in chosen and way.truth not in taken:
            doubtful.setdefault(way.name, way)
    columns = tuple(
        replace(chosen[name], refers_to=structure.references.get(name))
        for name in sorted(chosen, key=_order(structure, key))
    )
    used = taken | {column for one in columns for column in one.evidence.values()} | ({updated} if updated else set())
    place = default_country or country(*_phones_and_countries(columns, looked)) or "BE"
    moment = "updateMoment" if _has("updateMoment", looked) else None
    return Proposal(
        table=structure.table,
        key=(key,) if key is not None else (),
        columns=columns,
        doubtful=tuple(doubtful.values()),
        unmapped=tuple(
            name
            for name in structure.columns
            if name not in chosen and name not in doubtful and not _technical(name, structure)
        ),
        unused=tuple(name for name in looked.truth if name not in used),
        updated_platform=moment if updated else None,
        updated_truth=updated if moment else None,
        timezone=timezone or ZONES.get(place, "Europe/Brussels"),
        country=place,
        notes=looked.notes,
    )


def attribute_of(name: str, structure: Structure) -> Attribute:
    """What a column holds: subscriptions and simple segmentations yes or no, exclusive ones one of their segments."""
    if name.startswith(SUBSCRIPTION_PREFIX):
        return Attribute(name, AttributeType.BOOLEAN)
    if name.startswith(SEGMENTATION_PREFIX):
        segmentation = structure.segmentation(name)
        if segmentation is not None and segmentation.exclusive:
            return Attribute(name, AttributeType.STRING, allowed=segmentation.segments)
        return Attribute(name, AttributeType.BOOLEAN)
    return structure.attribute(name) or Attribute(name)


def _ways(name: str, looked: Looked, key_column: str | None) -> list[Mapped]:
    """Every truth column that may feed a column, with its confidence."""
    attribute = attribute_of(name, looked.structure)
    ways = []
    for column, cells in looked.truth.items():
        alike, why = names.likeness(name, column)
        ours, theirs = looked.pairs[0].get(name), looked.pairs[1].get(column)
        how = reading(attribute.type, cells, (), attribute.allowed)
        same = None
        if ours is not None and theirs is not None and how.fits >= SHOWN:
            how = reading(attribute.type, theirs, ours, attribute.allowed)
            same = agreement(attribute.type, ours, theirs, how, several=attribute.multi_valued)
        sure, reason = _confidence(alike, why, how, same, any(cells))
        if column == key_column:
            sure = max(sure, looked.shares.get((name, column), MAPPED))
            reason = f"{reason}; it identifies the profile".lstrip("; ")
        if sure >= SHOWN:
            ways.append(_mapped(name, column, attribute, sure, reason, how))
    return ways


def _confidence(alike: float, why: str, how: Reading, same: Agreement | None, filled: bool) -> tuple[float, str]:
    if not filled:
        return 0.6 * alike, f"{why}; it is empty in the sample"
    if same is None or same.people < ENOUGH:
        sure = 0.8 * alike * (0.3 + 0.7 * how.fits)
        seen = "values could not be compared"
        fits = "" if how.fits >= 0.9 else f"{words.share(how.fits)} of the values fit; "
        return sure, f"{why}; {fits}{seen}"
    seen = f"{words.share(same.share)} of {same.people:,} people have the same value"
    telling = max(alike, min(1.0, 0.5 + 0.5 * same.different / _TELLING))  # yes and no agree by accident
    sure = 0.65 * same.beyond_chance * telling + 0.35 * alike
    if same.beyond_chance < _CONTRADICTED:
        sure = min(sure, 0.4)
        seen = f"but only {seen}, no more than by chance" if same.different > 1 else f"but {seen}, which proves nothing"
        if same.different == 1:  # one value alone cannot be told from chance
            return 0.7 * alike if same.share > 0.9 else 0.4 * alike, f"{why}; {seen}"
    return sure, f"{why}; {seen}" if why else f"{seen}, whatever the names say"


def _told(name: str, column: str, looked: Looked) -> Mapped:
    attribute = attribute_of(name, looked.structure)
    ours, theirs = looked.pairs[0].get(name), looked.pairs[1].get(column)
    cells = looked.truth.get(column, ())
    known = ours is not None and theirs is not None
    how = reading(attribute.type, theirs or cells, (ours or ()) if known else (), attribute.allowed)
    return _mapped(name, column, attribute, 1.0, "you said so", how)


def _mapped(name: str, column: str, attribute: Attribute, sure: float, reason: str, how: Reading) -> Mapped:
    permission = "opt-in" if name.startswith(SUBSCRIPTION_PREFIX) else None
    if permission is None and attribute.type is AttributeType.BOOLEAN:
        permission = names.says_permission(name) or names.says_permission(column)
    return Mapped(
        name=name,
        truth=column,
        kind=attribute.type,
        several=attribute.multi_valued,
        confidence=round(min(sure, 1.0), 2),
        reason=reason,
        reading=how,
        permission=permission,
        general=not name.startswith(SUBSCRIPTION_PREFIX) and (names.says_general(name) or names.says_general(column)),
        sensitivity=names.sensitivity(name, column),
    )


def _with_evidence(one: Mapped, truth: Mapping[str, Cells], taken: set[str]) -> Mapped:
    if one.permission is None:
        return one
    found: dict[str, str] = {}
    for column, cells in truth.items():
        what = names.is_evidence(column, one.truth)
        if what is not None and column not in taken and (what == "source" or all_moments(cells)):
            found.setdefault(what, column)
    return replace(one, evidence=dict(sorted(found.items())))


def _updated(truth: Mapping[str, Cells], taken: set[str]) -> str | None:
    for column, cells in truth.items():
        if names.meaning(column) == "moment of change" and column not in taken and all_moments(cells):
            return column
    return None


def _phones_and_countries(columns: Sequence[Mapped], looked: Looked) -> tuple[Cells, Cells]:
    def cells(kind: AttributeType) -> list[str | None]:
        found: list[str | None] = []
        for one in columns:
            if one.kind is kind:
                found += looked.pairs[0].get(one.name, ())
                found += looked.truth.get(one.truth, ())
        return found

    return cells(AttributeType.PHONE), cells(AttributeType.COUNTRY)


def _has(name: str, looked: Looked) -> bool:
    return name in (looked.header if looked.header is not None else looked.structure.columns)


def _absent(name: str, looked: Looked) -> bool:
    """Whether a column cannot be compared: Actito makes it itself, or the export lacks it."""
    return _technical(name, looked.structure) or (looked.header is not None and name not in looked.header)


def _technical(name: str, structure: Structure) -> bool:
    attribute = structure.attribute(name)
    return attribute is not None and attribute.technical


def _order(structure: Structure, key: str | None) -> Callable[[str], tuple[bool, int]]:
    """The key first, then as the structure has them."""
    place = {name: number for number, name in enumerate(structure.columns)}
    return lambda name: (name != key, place.get(name, len(place)))
