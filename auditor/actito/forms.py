"""Reads Actito's JSON answers into results: every form that was seen or is plausible, and nothing else.

Each function takes the decoded JSON and raises `Unfit`, naming the missing part, for any other form. Where a form comes
from, and how sure it is, stands in `auditor.actito.dialect`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from auditor.actito import sections
from auditor.actito.answers import Unfit, array, first, has, name_in, name_of, record, text, truth
from auditor.actito.results import Execution, ExecutionState, Location, Profile, Scenario, Table
from auditor.actito.spelling import USUAL, Spelling
from auditor.actito.vocabulary import ACTIVE, REACHED, STATES, TYPES, UNREACHED
from auditor.model import (
    Attribute,
    AttributeType,
    Segmentation,
    Structure,
)

FLAGS: Final = ("active", "isActive", "enabled")
WORDS: Final = ("status", "state")
"""Where a stored definition or a scenario says whether it is active: all [assumed]."""


TOTALS: Final = ("totalElements", "total", "totalCount", "count")
"""What a page of a list calls the number of all: all [assumed]."""


def entities(content: object) -> list[str]:
    """`{"entities":[{"name":…}]}` (D-quick), or the array alone."""
    return [name_of(record(item, "name"), "name") for item in items_of(content, "entities")]


def tables(content: object) -> list[Table]:
    """V5 `{"profileTables":[{id,name,…}]}` or the array alone; V4 `{"profileTableNames":[{name}]}` (G-lep)."""
    items = (record(item, "name") for item in items_of(content, "profileTables", "profileTableNames", "tables"))
    return [Table(id=name_of(item, "id", "name"), name=name_of(item, "name")) for item in items]


def structure(content: object, asked: Table) -> Structure:
    """V5 with a list of attributes (D-struct), V4 with a map from name to attribute (G-php).

    The map was seen without `unique` (§4.2): where no attribute has it, nothing is known of any.
    """
    table = record(content, "attributes")
    listed = first(table, "attributes")
    if isinstance(listed, dict):
        if listed and not any(isinstance(item, dict) and "unique" in item for item in listed.values()):
            raise Unfit("attributes.unique")
        attributes = [_attribute(name, record(item, f"attributes.{name}")) for name, item in listed.items()]
    else:
        items = [record(item, "attributes") for item in array(listed, "attributes")]
        attributes = [_attribute(name_of(item, "name"), item) for item in items]
    return Structure(
        table_id=name_of(table, "id") if table.get("id") is not None else asked.id,
        table=name_of(table, "name") if table.get("name") is not None else asked.name,
        attributes=tuple(attributes),
        subscriptions=tuple(_named(item, "subscriptions") for item in _optional(table, "subscriptions")),
        segmentations=tuple(_segmentation(item) for item in _optional(table, "segmentations")),
        references=dict(_reference(item) for item in _optional(table, "references")),
    )


def scenarios(content: object) -> list[Scenario]:
    """`{"scenarios":[{id,name,active}]}` or the array alone, with names alone too: all [assumed], §14b."""
    items = [_with_name(item, "scenarios") for item in items_of(content, "scenarios", "scenario")]
    return [Scenario(name_of(item, "id", "name"), name_of(item, "name"), active(item)) for item in items]


def locations(content: object) -> list[Location]:
    """`{"locations":[{id,name}]}` or the array alone, with names alone too: all [assumed], §9."""
    items = [_with_name(item, "locations") for item in items_of(content, "locations", "content", "items")]
    return [Location(name_of(item, "id", "name"), name_of(item, "name", "technicalName", "id")) for item in items]


def reached(content: object) -> bool:
    """Whether the test of a location succeeded: by a flag, or by a word for it; all [assumed], §9."""
    whole = record(content, "success")
    for name in ("success", "successful", "reachable", "ok"):
        if whole.get(name) is not None:
            return truth(whole[name], name)
    word = name_of(whole, "status", "state", "result").upper()
    if word in REACHED:
        return True
    if word in UNREACHED:
        return False
    raise Unfit("status")


def count(content: object) -> int:
    """`{"count": n}`, its like, or the number alone: all [assumed]."""
    if isinstance(content, dict):
        content = first(content, "count", "total", "totalElements", "number")
    number = _whole(content)
    if number is None or number < 0:
        raise Unfit("count")
    return number


def total(content: object, headers: Mapping[str, str]) -> int | None:
    """How many profiles there are in all, as one page of them says; None where it does not: all [assumed] (§6.3)."""
    number = _whole(headers.get("x-total-count"))
    if isinstance(content, dict) and number is None:
        number = next((found for name in TOTALS if (found := _whole(content.get(name))) is not None), None)
    return number


def profile(
    content: object,
    table: Structure,
    asked: str | None = None,
    apart: Mapping[str, object] | None = None,
    spelling: Spelling = USUAL,
) -> Profile:
    """V4 `{attributes:[{name,value}],subscriptions,segmentations}` (G-sdk, §6.2), or V5's flat objects (§6.3).

    `asked` is the `profileId` that was asked for, None where it was another attribute: an answer about somebody else is
    Unfit. `apart` holds the sections that came from their own address: see `sections_missing`.
    """
    whole = merged(content, apart)
    values: dict[str, str | None] = dict.fromkeys(attribute.name for attribute in table.attributes)
    values.update(_attributes(first(whole, "attributes"), values))
    for attribute in table.attributes:
        values[attribute.name] = spelling.read(attribute.type, values[attribute.name])
    values.update(sections.subscriptions(whole, table))
    values.update(sections.segmentations(whole, table))
    alone = asked is not None and not values.get("profileId") and not has(whole, "profileId", "id")
    found_id = asked if asked is not None and alone else profile_id(whole)
    if asked is not None and found_id != asked:
        raise Unfit("profileId that was asked for")
    values["profileId"] = found_id
    return Profile(found_id, values)


def merged(content: object, apart: Mapping[str, object] | None) -> dict[str, object]:
    """An answer about one profile with the sections that came from their own address."""
    return {**record(content, "attributes"), **(apart or {})}


def page(content: object) -> list[Mapping[str, object]]:
    """The profiles of one page of the V5 list: `{"profiles":[…]}` or the array alone, both [assumed] (§6.3)."""
    return [record(item, "profiles") for item in items_of(content, "profiles", "content", "items")]


def found(content: object, attribute: str, value: str) -> list[Mapping[str, object]]:
    """The profiles of a page (V4's [seen] G-sdk) whose `attribute` is `value`, upper and lower case alike."""
    items = page(content)
    texts = (_attributes(first(item, "attributes")).get(attribute) for item in items)
    return [item for item, text in zip(items, texts, strict=True) if (text or "").casefold() == value.casefold()]


def attribute(content: Mapping[str, object], name: str) -> str | None:
    """One attribute of a profile."""
    return _attributes(first(content, "attributes")).get(name)


def profile_id(content: Mapping[str, object]) -> str:
    """The `profileId` of a profile, among its attributes or beside them."""
    held = _attributes(first(content, "attributes")).get("profileId")
    return held or name_of(content, "profileId", "id")


def created_id(content: object, *names: str) -> str:
    """The id in the answer to a creation: a number or text under one of `names`."""
    return name_of(record(content, names[0]), *names)


def execution(content: object, execution_id: str) -> Execution:
    """State and counters; the state alone may also be a text. Counters stand beside it or under `results`."""
    whole = record({"status": content} if isinstance(content, str) else content, "status")
    word = name_of(whole, "status", "state", "executionStatus")
    state = STATES.get(word.upper(), ExecutionState.UNKNOWN)
    begun = Execution(execution_id, state, with_errors="ERROR" in word.upper())
    return with_counters(whole, begun)


def with_counters(content: object, so_far: Execution) -> Execution:
    """`so_far` with the counters of an answer; those of several tables are added up."""
    whole = record(content, "rowsInError")
    loads = whole.get("results", whole.get("result"))
    parts = [record(load, "results") for load in (loads if isinstance(loads, list) else [loads]) if load is not None]
    counters = [whole, *parts]
    in_error = _sum(counters, "rowsInError")
    flagged = any(truth(part.get("withErrors") or False, "withErrors") for part in counters)
    return replace(
        so_far,
        rows_in_error=in_error,
        with_errors=so_far.with_errors or flagged or bool(in_error),
    )


def _attribute(name: str, item: Mapping[str, object]) -> Attribute:
    restriction = item.get("valueRestriction")
    limits = restriction if isinstance(restriction, dict) else {}
    allowed = limits.get("allowedValues") or limits.get("acceptedValues") or []
    return Attribute(
        name=name,
        type=_type(item),
        unique=truth(item.get("unique") or False, f"attributes.{name}.unique"),
        mandatory=truth(item.get("mandatory") or False, f"attributes.{name}.mandatory"),
        multi_valued=truth(item.get("multiValued") or False, f"attributes.{name}.multiValued"),
        max_length=_whole(limits.get("maxLength")),
        min_length=_whole(limits.get("minLength")),
        allowed=tuple(str(value) for value in array(allowed, f"attributes.{name}.valueRestriction.allowedValues")),
    )


def _type(item: Mapping[str, object]) -> AttributeType:
    """A predefined attribute names its kind in `type`; a free one says `CUSTOM` there and has a `valueType`."""
    for name in (item.get("valueType"), item.get("type")):
        known = TYPES.get(str(name).replace("_", "").lower())
        if known is not None:
            return known
    return AttributeType.STRING


def _segmentation(item: object) -> Segmentation:
    """Exclusive where it says so, or where it lists several segments."""
    if isinstance(item, str):
        return Segmentation(item)
    whole = record(item, "segmentations")
    segments = tuple(_named(segment, "segments") for segment in _optional(whole, "segments"))
    kind = str(whole.get("type", "")).upper()
    exclusive = kind == "EXCLUSIVE" or whole.get("exclusive") is True or (not kind and len(segments) > 1)
    return Segmentation(
        name=name_of(whole, "name"),
        exclusive=exclusive,
        mandatory=truth(whole.get("mandatory") or False, "segmentations.mandatory"),
        segments=segments if exclusive else (),
    )


def _reference(item: object) -> tuple[str, str]:
    """The attribute and the custom table that it refers to: `{attributeName,customTableId}`, [assumed] (§4.3)."""
    whole = record(item, "references")
    table = name_of(whole, "customTableId", "customTable", "tableId", "table")
    return name_of(whole, "attributeName", "attribute", "name"), table


def _attributes(listed: object, known: Collection[str] = ()) -> dict[str, str | None]:
    """Only names that are `known` are ever told: any other may be part of the content."""

    def part(name: str) -> str:
        return f"attributes.{name}" if name in known else "attributes"

    if isinstance(listed, dict):
        return {name: text(value, part(name)) for name, value in listed.items()}
    items = [record(item, "attributes") for item in array(listed, "attributes")]
    named = [(name_in("attributes", item, "name"), item.get("value")) for item in items]
    return {name: text(value, part(name)) for name, value in named}


def active(item: Mapping[str, object]) -> bool | None:
    """Reads a flag, or a word for its state; None where neither is there or the word is not known."""
    for name in FLAGS:
        if item.get(name) is not None:
            return truth(item[name], name)
    word = next((item[name] for name in WORDS if item.get(name)), "")
    return ACTIVE.get(str(word).upper())


def _with_name(item: object, part: str) -> Mapping[str, object]:
    return {"name": item} if isinstance(item, str) and item else record(item, part)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sum(parts: Iterable[Mapping[str, object]], name: str) -> int | None:
    """The sum over the tables of one import; None where no part has the counter."""
    numbers = [number for part in parts if (number := _whole(part.get(name))) is not None]
    return sum(numbers) if numbers else None


def _named(item: object, part: str) -> str:
    """The name of an item that is an object with `name`, or the name itself."""
    return item if isinstance(item, str) and item else name_of(record(item, part), "name")


def _optional(content: Mapping[str, object], part: str) -> list[object]:
    value = content.get(part)
    return [] if value is None else array(value, part)


def items_of(content: object, *names: str) -> list[object]:
    """The array under one of `names`, or the content itself where it is the array."""
    return content if isinstance(content, list) else array(first(record(content, names[0]), *names), names[0])
