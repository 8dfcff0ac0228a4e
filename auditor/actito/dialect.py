"""Everything about Actito's API that was not seen in full, and where each part comes from.

The documentation that could be read leaves gaps (request and response bodies, names of parts, states, type names).
What stands here is `[seen]` in a cited page or in working public code, `[inferred]` from something seen, or
`[assumed]`: nothing was found and a choice was made. When a real licence answers differently, this module changes;
`auditor.actito.forms` reads answers and accepts every form that is plausible.

Two dialects. V4 and V5 exist side by side by design (U-reorg): V5 has the newer structures and imports, while reading
and changing one profile is complete only in V4, so both use V4 for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from auditor.actito.answers import Call
from auditor.actito.errors import Refused
from auditor.actito.results import Collection, ExecutionState, ImportMode, ProfileRef, Table
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Attribute, AttributeType, Segmentation, Structure

Version = Literal["v4", "v5"]

CATEGORIES: Mapping[str, str] = {
    "entities": "entities",  # [seen] D-quick
    "structure": "profile-table-structure",  # [seen] for V5, D-struct; [inferred] for V4
    "profiles": "profiles",  # [seen] D-feed
    "imports": "mass-imports",  # [seen] D-mig, U-v4imp
    "scenarios": "scenarios",  # [assumed] after the access right of that name (D-rights)
}
"""First segment of each path since the reorganisation of the URLs (U-reorg)."""

TYPES: Mapping[str, AttributeType] = {
    # `valueType` of free attributes. INTEGER, TIMESTAMP and STRING are [seen] on profile tables (D-struct), the other
    # four of this group on custom tables (U-ctjson).
    "string": AttributeType.STRING,
    "integer": AttributeType.INTEGER,
    "timestamp": AttributeType.TIMESTAMP,
    "boolean": AttributeType.BOOLEAN,
    "date": AttributeType.DATE,
    "numeric": AttributeType.NUMERIC,
    "long": AttributeType.LONG,
    "number": AttributeType.NUMERIC,  # [seen] on custom tables in the portal's page on them, beside LONG
    "coordinates": AttributeType.COORDINATES,  # [assumed] after the file format of that name (D-etlf)
    # `type` of predefined attributes, V5: the first four [seen] D-struct, the others [assumed].
    "birthdate": AttributeType.DATE,
    "sex": AttributeType.SEX,
    "motherlanguage": AttributeType.LANGUAGE,
    "emailaddress": AttributeType.EMAIL,
    "gsmnumber": AttributeType.PHONE,
    "phonenumber": AttributeType.PHONE,
    "faxnumber": AttributeType.PHONE,
    "persontitle": AttributeType.TITLE,
    "addresscountry": AttributeType.COUNTRY,
    "marketingconsent": AttributeType.BOOLEAN,
    # `valueType` in V4: [seen] in a client's code beside Boolean, String, EmailAddress and PhoneNumber (G-php).
    "datum": AttributeType.DATE,
    "moment": AttributeType.TIMESTAMP,
    # [assumed]: no V4 name was seen for these.
    "decimal": AttributeType.NUMERIC,
    "language": AttributeType.LANGUAGE,
    "country": AttributeType.COUNTRY,
}
"""Type names in lower case without `_`. Any other name means text (§4.3: treat unknown types as plain text)."""

PREDEFINED: Mapping[str, str] = {
    "lastName": "LASTNAME",  # this and the next five [seen] D-struct
    "firstName": "FIRSTNAME",
    "birthDate": "BIRTHDATE",
    "sex": "SEX",
    "motherLanguage": "MOTHER_LANGUAGE",
    "emailAddress": "EMAIL_ADDRESS",
    "gsmNumber": "GSM_NUMBER",  # the others [assumed], §4.3
    "phoneNumber": "PHONE_NUMBER",
    "faxNumber": "FAX_NUMBER",
    "personTitle": "PERSON_TITLE",
    "addressStreet": "ADDRESS_STREET",
    "addressNumber": "ADDRESS_NUMBER",
    "addressBox": "ADDRESS_BOX",
    "addressPostalCode": "ADDRESS_POSTAL_CODE",
    "addressLocality": "ADDRESS_LOCALITY",
    "addressCountry": "ADDRESS_COUNTRY",
    "marketingConsent": "MARKETING_CONSENT",
}
"""The `type` of a predefined attribute by its name, which must not be changed (U-predef); any other is CUSTOM."""

VALUE_TYPES: Mapping[AttributeType, str] = {
    AttributeType.STRING: "STRING",
    AttributeType.INTEGER: "INTEGER",
    AttributeType.LONG: "LONG",
    AttributeType.NUMERIC: "NUMERIC",
    AttributeType.BOOLEAN: "BOOLEAN",
    AttributeType.DATE: "DATE",
    AttributeType.TIMESTAMP: "TIMESTAMP",
    AttributeType.COORDINATES: "COORDINATES",
}
"""The `valueType` of a free attribute that is created. Only predefined attributes were seen to hold e-mail addresses,
phone numbers, languages and the like: a free attribute of such a kind is created as text [assumed]."""

ACTIVE: Mapping[str, bool] = {
    **dict.fromkeys(("ACTIVE", "ACTIVATED", "ENABLED", "STARTED", "RUNNING", "ON", "SCHEDULED"), True),
    **dict.fromkeys(("INACTIVE", "DEACTIVATED", "DISABLED", "STOPPED", "PAUSED", "DRAFT", "OFF", "ARCHIVED"), False),
}
"""Words for the state of a stored definition or a scenario: all [assumed]. Any other word says nothing."""

STATES: Mapping[str, ExecutionState] = {
    "SUCCESS": ExecutionState.DONE,  # [seen] D-wht
    "WITH_ERROR": ExecutionState.DONE,  # [seen] as a word, its meaning [assumed]: done, with rows refused
    "WITH_ERRORS": ExecutionState.DONE,
    "SUCCESS_WITH_ERRORS": ExecutionState.DONE,
    "PARTIAL_SUCCESS": ExecutionState.DONE,
    "FINISHED": ExecutionState.DONE,
    "COMPLETED": ExecutionState.DONE,
    "DONE": ExecutionState.DONE,
    "FAILED": ExecutionState.FAILED,
    "FAILURE": ExecutionState.FAILED,
    "ERROR": ExecutionState.FAILED,
    "CANCELLED": ExecutionState.FAILED,
    "ABORTED": ExecutionState.FAILED,
    "REJECTED": ExecutionState.FAILED,
    "PENDING": ExecutionState.WAITING,
    "WAITING": ExecutionState.WAITING,
    "QUEUED": ExecutionState.WAITING,
    "CREATED": ExecutionState.WAITING,
    "SCHEDULED": ExecutionState.WAITING,
    "RUNNING": ExecutionState.RUNNING,
    "STARTED": ExecutionState.RUNNING,
    "IN_PROGRESS": ExecutionState.RUNNING,
    "PROCESSING": ExecutionState.RUNNING,
}
"""Words for the state of an import: [assumed] but for the first two. Any other word is `ExecutionState.UNKNOWN`."""

MAX_IMPORT_BYTES = 100 * 1000 * 1000
"""Larger files are answered with 400 (D-limits: 100 MB; decimal, to be on the safe side)."""
DATA_PART = "inputFile"
"""Multipart name of the zipped CSV: [seen] for V4 (G-mhp), [assumed] to be the same for V5."""
DEFINITION_PART = "parameters"
"""Multipart name of the definition JSON: [seen] for V4, [assumed] for V5."""
COLLECTION_WAY = "api_push"
"""`dataCollectionInformation.way`: free text in the clients seen (G-cherry)."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Addresses, request bodies and definitions for one generation of the API. Stateless."""

    name: Version
    structures: Version
    """Which generation describes tables: V5 by id with a list of attributes, V4 by name with a map."""
    imports: Version
    """V5: one-shot ETL executions. V4: table imports, announced to end in June 2025 (U-v4imp)."""
    categories: Mapping[str, str] = field(default_factory=lambda: CATEGORIES)
    version_first: bool = False
    """True for the addresses without a category, announced to end in June 2025 (U-reorg)."""

    # Entities and structure

    def entities(self) -> Call:
        path = self._path("entities", self.structures, ["entities" if self.structures == "v5" else "entity"])
        return Call("GET", path, "the list of entities", "to read entities")

    def tables(self, entity: str, version: Version | None = None) -> Call:
        version = version or self.structures
        words = ["entities", entity, "profile-tables"] if version == "v5" else ["entity", entity, "table"]
        path = self._path("structure", version, words)
        return Call("GET", path, f'the profile tables of the entity "{entity}"', "read_profile_table_structure")

    def structure(self, entity: str, table: str) -> Call:
        """V5 addresses a table by its id, V4 by its name."""
        words = ["entities", entity, "profile-tables", table]
        if self.structures == "v4":
            words = ["entity", entity, "table", table]
        path = self._path("structure", self.structures, words)
        return Call("GET", path, f'the structure of the profile table "{table}"', "read_profile_table_structure")

    # Changes of a structure, and what depends on it: each exists in one generation only, in both dialects

    def new_table(self, entity: str) -> Call:
        # [inferred] from the REST style and the same call for custom tables (§4.4). V4 has no such call.
        path = self._path("structure", "v5", ["entities", entity, "profile-tables"])
        return Call("POST", path, "the creation of a profile table", "write_profile_table_structure")

    def change_request(self, entity: str, table: Table) -> Call:
        # [assumed] for profile tables, [seen] for custom tables (G-prod).
        path = self._path("structure", "v5", ["entities", entity, "profile-tables", table.id, "change-requests"])
        return Call("POST", path, f'a change of the profile table "{table.name}"', "write_profile_table_structure")

    def scenarios(self, entity: str, table: Structure) -> Call:
        # The path below the category is [seen] (§14b).
        path = self._path("scenarios", "v4", ["entity", entity, "table", table.table, "scenario"])
        return Call("GET", path, f'the scenarios of the profile table "{table.table}"', "read_scenarios")

    def definitions(self, method: str, entity: str, definition: str | None = None) -> Call:
        """All stored ETL definitions, or one by its id. [seen] D-wht (GET), the other methods [inferred] (§8.3)."""
        what = {
            "GET": "the stored import definitions" if definition is None else "a stored import definition",
            "POST": "the creation of a stored import definition",
            "PUT": "the change of a stored import definition",
            "DELETE": "the deletion of a stored import definition",
        }[method]
        words = ["entities", entity, "etls", *([] if definition is None else [definition])]
        right = "read_imports" if method == "GET" else "write_imports"
        return Call(method, self._path("imports", "v5", words), what, right)

    # Profiles: V4 in both dialects

    def count(self, entity: str, table: Structure) -> Call:
        # [seen] with a search (G-php); that it counts everything without one is [assumed].
        return self._profiles("GET", entity, table, ["count"], "the number of profiles")

    def search(self, entity: str, table: Structure, attribute: str, value: str, limit: int) -> Call:
        # The grammar of `search` beyond `name=value` is not known (§6.3).
        query = {"search": f"{attribute}={value}", "number": str(limit)}
        return self._profiles("GET", entity, table, [], f"a search by {attribute}", query)

    def profile(self, method: str, entity: str, table: Structure, ref: ProfileRef) -> Call:
        what = {"GET": "a profile", "PUT": "the change of a profile", "DELETE": "the deletion of a profile"}[method]
        return self._profiles(method, entity, table, [_Encoded(_reference(ref, what))], what)

    def creation(self, entity: str, table: Structure) -> Call:
        # The default of allowUpdate is not known (§6.1): never rely on it.
        return self._profiles("POST", entity, table, [], "the creation of a profile", {"allowUpdate": "false"})

    def subscriptions(self, entity: str, table: Structure, ref: ProfileRef) -> Call:
        what = "the subscriptions of a profile"
        return self._profiles("GET", entity, table, [_Encoded(_reference(ref, what)), "subscription"], what)

    def subscription(self, entity: str, table: Structure, profile_id: str, name: str, *, on: bool) -> Call:
        what = f'{"a" if on else "the end of a"} subscription to "{name}"'
        words = [_Encoded(_reference(profile_id, what)), "subscription", name]
        return self._profiles("POST" if on else "DELETE", entity, table, words, what)

    def segmentations(self, entity: str, table: Structure, ref: ProfileRef) -> Call:
        what = "the segmentations of a profile"
        return self._profiles("GET", entity, table, [_Encoded(_reference(ref, what)), "segmentation"], what)

    def segment(
        self, entity: str, table: Structure, profile_id: str, name: str, *, category: str | None, on: bool
    ) -> Call:
        """Enter or leave a segment; `category` is the exclusive segmentation it belongs to, None for a simple one.

        `{segment};category={segmentation}` is a matrix parameter [seen] G-prod.
        """
        what = f'{"entering" if on else "leaving"} the segmentation "{category or name}"'
        segment = _segment(name) + (f";category={_segment(category)}" if category is not None else "")
        words = [_Encoded(_reference(profile_id, what)), "segmentation", _Encoded(segment)]
        return self._profiles("PUT" if on else "DELETE", entity, table, words, what)

    def body(
        self, table: Structure, values: Mapping[str, str | None], collection: Collection | None
    ) -> dict[str, object]:
        """The V4 body of a creation or change (§6.1), from audit columns; sections without content are left out.

        [assumed]: null clears an attribute; a multi-valued one travels as its members joined by `,`, as in exports.
        """
        body: dict[str, object] = {}
        attributes = [{"name": name, "value": value} for name, value in values.items() if "#" not in name]
        if attributes:
            body["attributes"] = attributes
        subscriptions = [
            {"name": column.removeprefix(SUBSCRIPTION_PREFIX), "subscribe": value == "true"}
            for column, value in values.items()
            if column.startswith(SUBSCRIPTION_PREFIX)
        ]
        if subscriptions:
            body["subscriptions"] = subscriptions
        segmentations = [
            {"belongs": True, "segmentation": _membership(table, column, value)}
            for column, value in values.items()
            if column.startswith(SEGMENTATION_PREFIX) and value not in (None, "false")
        ]
        if segmentations:
            body["segmentations"] = segmentations
        if collection is not None:
            body["dataCollectionInformation"] = {
                "date": collection.moment,
                "source": collection.source,
                "way": COLLECTION_WAY,
            }
        return body

    # Imports

    def start_import(self, entity: str, table: Structure) -> Call:
        words = ["entities", entity, "etl-executions"]
        if self.imports == "v4":
            words = ["entity", entity, "table", table.table, "import"]
        path = self._path("imports", self.imports, words)
        return Call("POST", path, f'an import into the profile table "{table.table}"', "write_imports")

    def execution(self, entity: str, execution: str) -> tuple[Call, ...]:
        """The calls whose answers, merged, tell how far an import is: state first, counters last.

        V4 has two, below the entity and not the table (G-php, G-mhp); V5 one (D-wht), its content [assumed].
        """
        what = "the state of an import"
        if self.imports == "v5":
            words = ["entities", entity, "etl-executions", execution]
            return (Call("GET", self._path("imports", "v5", words), what, "read_imports"),)
        words = ["entity", entity, "import", execution]
        paths = (self._path("imports", "v4", [*words, part]) for part in ("status", "result"))
        return tuple(Call("GET", path, what, "read_imports") for path in paths)

    def refused_rows(self, entity: str, execution: str) -> Call:
        words = ["entities", entity, "etl-executions", execution, "error-file"]  # [assumed]
        if self.imports == "v4":
            words = ["entity", entity, "import", execution, "errors"]  # [seen] G-php
        path = self._path("imports", self.imports, words)
        # The content type of the file was not seen.
        return Call("GET", path, "the refused rows of an import", "read_imports", accept="application/zip, */*;q=0.5")

    def definition(self, entity: str, table: Structure, columns: Sequence[str], key: str, mode: ImportMode) -> str:
        """The import definition for a corrective file whose headers are audit columns, as JSON text.

        The V4 keys are [seen] (G-mhp), `headerKeyColumn` in the older V4 form (U-bulk). The V5 keys are [assumed],
        modelled on them: only the topics of a V5 definition are documented (D-etlp, D-etlf).
        """
        # The key first: how a V5 definition names it was not seen, and the first unique column is the likely guess.
        ordered = [key, *(column for column in columns if column != key)]
        mapping = [{"headerColumn": column, "attributeName": column} for column in ordered]
        if self.imports == "v4":
            v4 = {
                "mode": mode.value,
                "encoding": "UTF-8",
                "format": {"separator": ";", "endOfLine": "\n"},
                "generateResultFile": True,
                "headerKeyColumn": key,
                "attributesMapping": mapping,
            }
            return json.dumps(v4, ensure_ascii=False, indent=1)
        loading = {
            "destination": {"type": "PROFILE_TABLE", "id": table.table_id},
            "mode": mode.value,
            "headerKeyColumn": key,
            "file": {"compression": "ZIP", "optional": False},
            "csvFormat": {
                "separator": ";",
                "enclosing": '"',
                "escaping": '"',
                "encoding": "UTF-8",
                "endOfLine": "\n",
            },
            "attributesMapping": mapping,
            "transformations": [],
            "generateErrorFile": True,
            "generateResultFile": True,
        }
        v5 = {"name": f"auditor-{table.table}", "entity": entity, "dataLoadings": [loading]}
        return json.dumps(v5, ensure_ascii=False, indent=1)

    # Addresses

    def _profiles(
        self,
        method: str,
        entity: str,
        table: Structure,
        words: Sequence[str],
        what: str,
        query: Mapping[str, str] | None = None,
    ) -> Call:
        path = self._path("profiles", "v4", ["entity", entity, "table", table.table, "profile", *words])
        right = "read_profiles" if method == "GET" else "write_profiles"
        return Call(method, path, f'{what} in "{table.table}"', right, query or {})

    def _path(self, category: str, version: Version, words: Sequence[str]) -> str:
        head = [version] if self.version_first else [self.categories[category], version]
        encoded = (word if isinstance(word, _Encoded) else _segment(word) for word in words)
        return "/" + "/".join([*head, *encoded])


def table_body(table: Structure) -> dict[str, object]:
    """A new table as V5 describes tables (D-struct), without the technical attributes, which Actito adds itself.

    That creation takes the form of the answer is [inferred]; so is the form of the parts after `attributes`.
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

    Its form is [assumed]: that there are change requests is all that is known (G-prod). The new parts are described as
    in the structure itself.
    """
    parts: dict[str, list[dict[str, object]]] = {
        "addAttributes": [_attribute(attribute) for attribute in attributes],
        "addSubscriptions": [{"name": name} for name in subscriptions],
        "addSegments": [{"segmentation": name, "segments": list(added)} for name, added in segments.items()],
        "addSegmentations": [_segmentation(segmentation) for segmentation in segmentations],
    }
    return {name: part for name, part in parts.items() if part}


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


V5 = Dialect("v5", structures="v5", imports="v5")
V4 = Dialect("v4", structures="v4", imports="v4")
DIALECTS: Mapping[str, Dialect] = {"v5": V5, "v4": V4}
"""By the name that settings use."""


class _Encoded(str):
    """A path segment that is percent-encoded already."""

    __slots__ = ()


def _segment(text: str) -> str:
    """One path segment, percent-encoded. An empty one or a run of dots would name another resource."""
    if text in ("", ".", ".."):
        raise ValueError("not a name that can stand in an address")
    return quote(text, safe="")


def _reference(ref: ProfileRef, what: str) -> str:
    """`7` or `emailAddress=john%40doe.com` (§6); only digits are a profileId, or `x=y` could pass for one."""
    if isinstance(ref, tuple):
        attribute, value = ref
        if not value:
            raise Refused(what, ((attribute, "EMPTY"),), writing=False)
        return f"{_segment(attribute)}={quote(value, safe='')}"
    if not (ref.isascii() and ref.isdigit()):
        raise Refused(what, (("profileId", "NOT_A_NUMBER"),), writing=False)
    return ref


def _membership(table: Structure, column: str, value: str | None) -> dict[str, str | None]:
    """`category` is the exclusive segmentation and `name` its segment; a simple one has a name only [inferred]."""
    segmentation = table.segmentation(column)
    name = column.removeprefix(SEGMENTATION_PREFIX)
    if segmentation is not None and segmentation.exclusive:
        return {"category": name, "name": value}
    return {"name": name}
