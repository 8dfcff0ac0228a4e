"""What is sent: the bodies of profiles, tables and imports, with where each form comes from.

`[seen]`, `[inferred]` and `[assumed]` as in `auditor.actito.dialect`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from auditor.actito.results import Collection, ImportMode
from auditor.actito.spelling import USUAL, Spelling
from auditor.actito.vocabulary import PREDEFINED, VALUE_TYPES
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, Segmentation, Structure

COLLECTION_WAY: Final = "api_push"
"""`dataCollectionInformation.way`: free text in the clients seen (G-cherry)."""

CSV_FORMAT: Final[Mapping[str, str]] = {
    "separator": ";",
    "enclosing": '"',
    "escaping": '"',
    "encoding": "UTF-8",
    "endOfLine": "\n",
}
"""Of every file that is sent: RFC 4180 with the separator of exports (D-etlf, D-expf). The keys are [assumed], §8.3."""


def profile_body(
    table: Structure,
    values: Mapping[str, str | None],
    collection: Collection | None = None,
    spelling: Spelling = USUAL,
) -> dict[str, object]:
    """The V4 body of a creation or change (§6.1), from audit columns; sections without content are left out.

    Names and forms are [seen] (U-single, G-sdk, G-cherry). [assumed]: null clears an attribute; a multi-valued one
    travels as its members joined by `,`, as in exports.
    """
    body: dict[str, object] = {}
    attributes = [{"name": name, "value": value} for name, value in _attributes(table, values, spelling).items()]
    if attributes:
        body["attributes"] = attributes
    naming, holding = spelling.subscription or ("name", "subscribe")
    subscriptions = [{naming: name, holding: on} for name, on in _subscriptions(values, spelling).items()]
    if subscriptions:
        body["subscriptions"] = subscriptions
    memberships = [
        _membership(table, column, value)
        for column, value in values.items()
        if column.startswith(SEGMENTATION_PREFIX) and value not in (None, "false")
    ]
    if memberships:
        belonging = [{"belongs": True, "segmentation": membership} for membership in memberships]
        body["segmentations"] = memberships if spelling.segment == "plain" else belonging
    return body | _collected(collection)


def flat_body(
    table: Structure,
    values: Mapping[str, str | None],
    collection: Collection | None = None,
    spelling: Spelling = USUAL,
) -> dict[str, object]:
    """The V5 body of a creation or change, from audit columns; sections without content are left out.

    [assumed] to be that of the upsert, whose attributes and subscriptions are flat objects [seen] (G-shokme, §6.4),
    without its `key`, which stands in the address. [assumed]: null clears an attribute and leaves an exclusive
    segmentation; segmentations are flat as well, simple ones true or false, exclusive ones the segment; and
    `dataCollectionInformation` stands beside them as in V4, since nothing says that V5 left it out.
    """
    body: dict[str, object] = {}
    attributes = _attributes(table, values, spelling)
    if attributes:
        body["attributes"] = attributes
    subscriptions = _subscriptions(values, spelling)
    if subscriptions:
        body["subscriptions"] = subscriptions
    segmentations = {
        column.removeprefix(SEGMENTATION_PREFIX): value == "true" if _simple(table, column) else value
        for column, value in values.items()
        if column.startswith(SEGMENTATION_PREFIX)
    }
    if segmentations:
        body["segmentations"] = segmentations
    return body | _collected(collection)


def table_body(table: Structure) -> dict[str, object]:
    """A new table as V5 describes tables (D-struct), without the technical attributes, which Actito adds itself.

    That creation takes the form of the answer is [inferred] (§4.4); so is the form of the parts after `attributes`.
    """
    body: dict[str, object] = {
        "name": table.table,
        "attributes": [_attribute(attribute) for attribute in table.attributes if not attribute.technical],
    }
    if table.subscriptions:
        body["subscriptions"] = [{"name": name} for name in table.subscriptions]
    if table.segmentations:
        body["segmentations"] = [_segmentation(segmentation) for segmentation in table.segmentations]
    return body


def change_body(
    attributes: Sequence[Attribute],
    subscriptions: Sequence[str],
    segments: Mapping[str, Sequence[str]],
    segmentations: Sequence[Segmentation],
) -> dict[str, object]:
    """What a change request adds; parts without content are left out.

    Its form is [assumed]: that there are change requests is all that is known (G-prod, §4.4). The new parts are
    described as in the structure itself.
    """
    parts: dict[str, list[dict[str, object]]] = {
        "addAttributes": [_attribute(attribute) for attribute in attributes],
        "addSubscriptions": [{"name": name} for name in subscriptions],
        "addSegments": [{"segmentation": name, "segments": list(added)} for name, added in segments.items()],
        "addSegmentations": [_segmentation(segmentation) for segmentation in segmentations],
    }
    return {name: part for name, part in parts.items() if part}


# A row of a file cannot say when and where its data were collected: no page shows a column for it, and a column that
# Actito does not know may fail the whole file. So opt-ins, which must say it, never travel by file.


def import_v4(columns: Sequence[str], key: str, mode: ImportMode) -> dict[str, object]:
    """The definition of a V4 import whose headers are audit columns: keys [seen] (G-mhp), `headerKeyColumn` in the
    older form alone (U-bulk)."""
    return {
        "mode": mode.value,
        "encoding": CSV_FORMAT["encoding"],
        "format": {"separator": CSV_FORMAT["separator"], "endOfLine": CSV_FORMAT["endOfLine"]},
        "generateResultFile": True,
        "headerKeyColumn": key,
        "attributesMapping": mapping(_key_first(columns, key)),
    }


def import_v5(
    entity: str, table: Structure, columns: Sequence[str], key: str, mode: ImportMode, output: str = ""
) -> dict[str, object]:
    """The definition of a one-shot ETL execution: [assumed], modelled on V4's (§8.3); only the topics of a definition
    are documented (D-etlp, D-etlf).

    `output` begins the names of the files that it makes: `fileNamePattern` is [seen] (change log, 2024-12), its place
    [assumed], the placeholder of the day [seen] for exports (D-expf).
    """
    loaded = loading(table.table_id, mode.value, _key_first(columns, key), key)
    if output:
        loaded |= {
            part: {"fileNamePattern": f"{output}-{kind}_$yyyyMMdd.csv"}
            for part, kind in (("errorFile", "errors"), ("resultFile", "results"))
        }
    return {"name": f"auditor-{table.table}", "entity": entity, "dataLoadings": [loaded]}


def loading(table_id: str, mode: str, columns: Mapping[str, str], key: str | None = None) -> dict[str, object]:
    """One `dataLoadings` item of an ETL definition: [assumed], §8.3. `columns` are audit columns by header."""
    return {
        "destination": {"type": "PROFILE_TABLE", "id": table_id},
        "mode": mode,
        **({} if key is None else {"headerKeyColumn": key}),
        "file": {"compression": "ZIP", "optional": False},
        "csvFormat": dict(CSV_FORMAT),
        "attributesMapping": mapping(columns),
        "transformations": [],
        "generateErrorFile": True,
        "generateResultFile": True,
    }


def mapping(columns: Mapping[str, str]) -> list[dict[str, str]]:
    """`attributesMapping` as V4 has it [seen] (G-mhp), from audit columns by header."""
    return [{"headerColumn": header, "attributeName": column} for header, column in columns.items()]


def as_json(body: Mapping[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1)


def _key_first(columns: Sequence[str], key: str) -> dict[str, str]:
    """How a V5 definition names its key was not seen, and the first unique column is the likely guess."""
    return {column: column for column in (key, *columns)}


def _attributes(
    table: Structure, values: Mapping[str, str | None], spelling: Spelling
) -> dict[str, str | int | bool | None]:
    known = {attribute.name: attribute for attribute in table.attributes}
    return {
        name: value if known[name].multi_valued else spelling.written(known[name].type, value)
        for name, value in values.items()
        if "#" not in name
    }


def _subscriptions(values: Mapping[str, str | None], spelling: Spelling) -> dict[str, str | int | bool]:
    yes, no = spelling.subscribed or (True, False)
    return {
        column.removeprefix(SUBSCRIPTION_PREFIX): yes if value == "true" else no
        for column, value in values.items()
        if column.startswith(SUBSCRIPTION_PREFIX)
    }


def _simple(table: Structure, column: str) -> bool:
    segmentation = table.segmentation(column)
    return segmentation is None or not segmentation.exclusive


def _membership(table: Structure, column: str, value: str | None) -> dict[str, str | None]:
    """`category` is the exclusive segmentation and `name` its segment; a simple one has a name only [inferred]."""
    name = column.removeprefix(SEGMENTATION_PREFIX)
    return {"name": name} if _simple(table, column) else {"category": name, "name": value}


def _collected(collection: Collection | None) -> dict[str, object]:
    """`date`, `source` and `way` [seen] (G-cherry); the date in the form of moments."""
    if collection is None:
        return {}
    told = {"date": collection.moment, "source": collection.source, "way": COLLECTION_WAY}
    return {"dataCollectionInformation": told}


def _attribute(attribute: Attribute) -> dict[str, object]:
    """A predefined attribute has a `type` of its own and no `valueType`; a free one has both of the rest (§4.3)."""
    body: dict[str, object] = {
        "type": PREDEFINED.get(attribute.name, "CUSTOM"),
        "name": attribute.name,
        "unique": attribute.unique,
        "mandatory": attribute.mandatory,
    }
    if attribute.name in PREDEFINED:
        return body
    restriction: dict[str, object] = {}
    if attribute.max_length is not None:
        restriction["maxLength"] = attribute.max_length
    if attribute.min_length is not None:
        restriction["minLength"] = attribute.min_length
    if attribute.allowed:
        # [assumed] for profile tables; custom tables were seen with `acceptedValues`, which is read as well.
        restriction["allowedValues"] = list(attribute.allowed)
    if restriction:
        body["valueRestriction"] = restriction
    return body | {
        "valueType": VALUE_TYPES.get(attribute.type, "STRING"),
        "multiValued": attribute.multi_valued,
    }


def _segmentation(segmentation: Segmentation) -> dict[str, object]:
    if not segmentation.exclusive:
        return {"name": segmentation.name, "type": "SIMPLE"}
    return {
        "name": segmentation.name,
        "type": "EXCLUSIVE",
        "mandatory": segmentation.mandatory,
        "segments": list(segmentation.segments),
    }
