"""Stored ETL definitions (§8.3): what they say of profile tables, and how one is written without losing the rest.

That there are definitions, and what they are about, is documented (D-etlp, D-wht); their JSON is [assumed], so each
plausible form is read, and a change gives a definition back in the form that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.actito import bodies
from auditor.actito.answers import Unfit, array, first, has, name_of, record
from auditor.actito.forms import FLAGS, WORDS, active, items_of
from auditor.actito.results import Definition, Loading
from auditor.actito.vocabulary import OPPOSITES

IDS: Final = ("id", "etlId", "name")
_LOADINGS: Final = ("dataLoadings", "loadings", "dataLoading")
_DESTINATIONS: Final = ("destination", "profileTableId")
_MAPPINGS: Final = ("attributesMapping", "mapping")
_HEADER: Final = ("headerColumn", "header")
_COLUMN: Final = ("attributeName", "attribute")


def definitions(content: object) -> list[Definition | str]:
    """`{"etls":[…]}` or the array alone; the id alone of each that is only named: all [assumed], §8.3."""
    items = [record(item, "etls") for item in items_of(content, "etls", "definitions")]
    return [
        definition(item, name_of(item, *IDS)) if has(item, *_LOADINGS, *_DESTINATIONS) else name_of(item, *IDS)
        for item in items
    ]


def definition(content: object, definition_id: str) -> Definition:
    """One stored definition with `dataLoadings`, or with the destination and the mapping of its only one: [assumed]."""
    whole = record(content, "dataLoadings")
    inner = whole.get("definition")
    if isinstance(inner, dict):
        whole = {**inner, **whole}
    name = name_of(whole, "name") if whole.get("name") is not None else definition_id
    loadings = [loading for item in _items(whole) if (loading := _loading(item)) is not None]
    return Definition(definition_id, name, active(whole), tuple(loadings))


def new_body(entity: str, definition: Definition) -> dict[str, object]:
    """A definition to be stored, for files as the auditor makes them. Its form is [assumed], §8.3."""
    loadings = [bodies.loading(one.table, one.mode, one.mapping or {}) for one in definition.loadings]
    body: dict[str, object] = {"name": definition.name, "entity": entity}
    if definition.active is not None:
        body["active"] = definition.active
    return body | {"dataLoadings": loadings}


def changed_body(content: object, wanted: Definition) -> dict[str, object]:
    """A stored definition, as it was read, with the name, the state, the modes and the mappings of `wanted`.

    Whatever else it holds stays: schedule, place, transformations, loadings of custom tables. What `wanted` does not
    say stays as well. Raises Unfit where its form has no place for a change, or the loadings are not the same ones.
    """
    body = dict(record(content, "dataLoadings"))
    if isinstance(body.get("definition"), dict):
        return body | {"definition": changed_body(body["definition"], wanted)}
    stored = definition(body, wanted.id)
    if [one.table for one in stored.loadings] != [one.table for one in wanted.loadings]:
        raise Unfit("dataLoadings of the same tables")
    body["name"] = wanted.name
    if wanted.active != stored.active and wanted.active is not None:
        body |= _switched(body)
    whole = has(body, *_DESTINATIONS)
    new = iter(wanted.loadings)
    items = [_changed(item, next(new)) if _loading(item) is not None else dict(item) for item in _items(body)]
    if whole:
        return body | items[0]
    return body | {next(name for name in _LOADINGS if body.get(name) is not None): items}


def _switched(body: Mapping[str, object]) -> dict[str, object]:
    """The other state, where the one it has is a flag or a word with an opposite."""
    for name in FLAGS:
        if isinstance(body.get(name), bool):
            return {name: not body[name]}
    for name in WORDS:
        opposite = OPPOSITES.get(str(body.get(name)))
        if opposite is not None:
            return {name: opposite}
    raise Unfit("active")


def _items(whole: Mapping[str, object]) -> list[Mapping[str, object]]:
    items = [whole] if has(whole, *_DESTINATIONS) else array(first(whole, *_LOADINGS), _LOADINGS[0])
    return [record(item, "dataLoadings") for item in items]


def _loading(item: Mapping[str, object]) -> Loading | None:
    """None for what goes into a custom table."""
    destination = first(item, *_DESTINATIONS)
    whole = destination if isinstance(destination, dict) else {"id": destination}
    kind = str(whole.get("type") or whole.get("tableType") or "PROFILE").upper()
    if "PROFILE" not in kind:
        return None
    table = name_of(whole, "id", "tableId", "profileTableId", "name", "table")
    found = next((item[name] for name in _MAPPINGS if item.get(name) is not None), None)
    return Loading(table, str(item.get("mode") or ""), None if found is None else _mapping(found))


def _mapping(found: object) -> dict[str, str]:
    """Header to column: a list of pairs as V4 has it (G-mhp), or a map."""
    if isinstance(found, dict):
        return {name: name_of(found, name) for name in found}
    items = [record(item, "attributesMapping") for item in array(found, "attributesMapping")]
    return {_header(item): _column(item) for item in items}


def _header(pair: Mapping[str, object]) -> str:
    return name_of(pair, *_HEADER, *_COLUMN)


def _column(pair: Mapping[str, object]) -> str:
    return name_of(pair, *_COLUMN, _HEADER[0])


def _changed(item: Mapping[str, object], wanted: Loading) -> dict[str, object]:
    body = dict(item)
    if wanted.mode:
        body["mode"] = wanted.mode
    if wanted.mapping is None:
        return body
    place = next((name for name in _MAPPINGS if item.get(name) is not None), _MAPPINGS[0])
    stored = item.get(place)
    if isinstance(stored, dict):
        return body | {place: dict(wanted.mapping)}
    there = [record(one, place) for one in array(stored, place)] if stored is not None else []
    kept = {_header(one): one for one in there}
    names = [
        next((name for name in group if any(name in one for one in there)), group[0]) for group in (_HEADER, _COLUMN)
    ]
    pairs = [
        dict(kept[header])
        if header in kept and _column(kept[header]) == column
        else dict(zip(names, (header, column), strict=True))
        for header, column in wanted.mapping.items()
    ]
    return body | {place: pairs}
