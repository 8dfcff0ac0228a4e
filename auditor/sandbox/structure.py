"""What a profile table looks like, how V5 and V4 describe it, and how it is made and added to.

`CUSTOMERS` is the table that the invented licence begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from auditor.sandbox.dialect import COORDINATES_TYPE, SEGMENTATION, SUBSCRIPTION

ENTITY: Final = "acme"
ENTITIES: Final = (ENTITY, "acme-stores")
"""Those that the key sees. The second has no tables, and the key may only read in it."""

SHOPS: Final = {
    "Antwerpen Meir": "51.218414|4.404346",
    "Bruxelles Louise": "50.834811|4.357265",
    "Gent Veldstraat": "51.051727|3.722305",
    "Liège Guillemins": "50.624571|5.566693",
    "Namur Jambes": "50.458911|4.871285",
    "Oostende Kapellestraat": "51.228934|2.917352",
}
"""Favourite shops and where they are."""

REPOSITORIES: Final[Mapping[str, tuple[str, ...]]] = {"shops": tuple(SHOPS)}
"""Custom tables that attributes may refer to, with their business keys (§13). There is no call about them."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `type` is the predefined type or CUSTOM; `value_type` what kind of value it holds."""

    name: str
    type: str = "CUSTOM"
    value_type: str = "STRING"
    unique: bool = False
    mandatory: bool = False
    multi_valued: bool = False
    max_length: int | None = None
    min_length: int | None = None
    allowed: tuple[str, ...] = ()
    refers_to: str | None = None
    """One of REPOSITORIES, whose keys are its values."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Simple where it has no segments."""

    name: str
    segments: tuple[str, ...] = ()
    mandatory: bool = False


TECHNICAL: Final = ("profileId", "creationMoment", "updateMoment")
_TECHNICAL: Final = (
    Attribute("profileId", value_type="INTEGER", unique=True, mandatory=True),
    Attribute("creationMoment", value_type="TIMESTAMP", mandatory=True),
    Attribute("updateMoment", value_type="TIMESTAMP", mandatory=True),
)


@dataclass(frozen=True)
class Table:
    """A profile table. A change makes another one."""

    id: str
    name: str
    attributes: tuple[Attribute, ...]
    """With the technical ones."""
    subscriptions: tuple[str, ...] = ()
    segmentations: tuple[Segmentation, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """The unique attributes but `profileId`."""
        return tuple(a.name for a in self.attributes if a.unique and a.name not in TECHNICAL)

    @cached_property
    def mandatory(self) -> tuple[str, ...]:
        """The attributes that a new profile must bring."""
        return tuple(a.name for a in self.attributes if a.mandatory and a.name not in TECHNICAL)

    @cached_property
    def simple(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.segmentations if not s.segments)

    @cached_property
    def exclusive(self) -> dict[str, tuple[str, ...]]:
        """Segments by the name of their segmentation."""
        return {s.name: s.segments for s in self.segmentations if s.segments}

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The columns of mandatory segmentations and the segment that is theirs by default: the first (assumed)."""
        return {SEGMENTATION + s.name: s.segments[0] for s in self.segmentations if s.mandatory}

    @cached_property
    def defaults(self) -> dict[str, str]:
        """What a profile holds without anybody's doing: subscriptions and simple segmentations are off."""
        off = (*(SUBSCRIPTION + name for name in self.subscriptions), *(SEGMENTATION + name for name in self.simple))
        return dict.fromkeys(off, "false") | self.chosen

    @cached_property
    def flags(self) -> frozenset[str]:
        """The columns that hold yes or no."""
        booleans = {attribute.name for attribute in self.attributes if attribute.value_type == "BOOLEAN"}
        return frozenset(booleans | (self.defaults.keys() - self.chosen.keys()))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of an export, in its order."""
        return (
            *self.by_name,
            *(SUBSCRIPTION + name for name in self.subscriptions),
            *(SEGMENTATION + segmentation.name for segmentation in self.segmentations),
        )


CUSTOMERS: Final = Table(
    id="16",
    name="Customers",
    attributes=(
        *_TECHNICAL,
        Attribute("customerId", unique=True, max_length=20),
        Attribute("emailAddress", "EMAIL_ADDRESS", "EMAIL", unique=True, mandatory=True),
        Attribute("lastName", "LASTNAME", mandatory=True),
        Attribute("firstName", "FIRSTNAME"),
        Attribute("birthDate", "BIRTHDATE", "DATE"),
        Attribute("sex", "SEX", "SEX"),
        Attribute("personTitle", "PERSON_TITLE", "TITLE"),
        Attribute("motherLanguage", "MOTHER_LANGUAGE", "LANGUAGE"),
        Attribute("gsmNumber", "GSM_NUMBER", "PHONE"),
        Attribute("addressStreet", "ADDRESS_STREET"),
        Attribute("addressPostalCode", "ADDRESS_POSTAL_CODE"),
        Attribute("addressLocality", "ADDRESS_LOCALITY"),
        Attribute("addressCountry", "ADDRESS_COUNTRY", "COUNTRY"),
        Attribute("loyaltyPoints", value_type="INTEGER"),
        Attribute("lifetimeValue", value_type="NUMERIC"),
        Attribute("cardNumber", value_type="LONG"),
        Attribute("firstPurchaseDate", value_type="DATE"),
        Attribute("lastPurchaseMoment", value_type="TIMESTAMP"),
        Attribute("interests", multi_valued=True),
        Attribute("favouriteShop", allowed=tuple(SHOPS)),
        Attribute("shopLocation", value_type=COORDINATES_TYPE),
        Attribute("nickname", min_length=2, max_length=30),
        Attribute("note", max_length=255),
        Attribute("marketingConsent", "MARKETING_CONSENT", "BOOLEAN"),
        Attribute("doNotContact", value_type="BOOLEAN"),
    ),
    subscriptions=("Newsletter", "Promotions", "Events"),
    segmentations=(Segmentation("Vip"), Segmentation("ClientTier", ("Gold", "Silver", "Bronze"))),
)
TABLE: Final = CUSTOMERS.name
EXCLUSIVE: Final = CUSTOMERS.exclusive
BY_NAME: Final = CUSTOMERS.by_name
SUBSCRIPTION_COLUMNS: Final = tuple(SUBSCRIPTION + name for name in CUSTOMERS.subscriptions)


def restored(body: dict[str, Any]) -> Table:
    """The table that `dataclasses.asdict` and JSON have made of one."""
    tuples = {"allowed", "segments"}

    def parts(items: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        return ({name: tuple(v) if name in tuples else v for name, v in item.items()} for item in items)

    return Table(
        body["id"],
        body["name"],
        tuple(Attribute(**item) for item in parts(body["attributes"])),
        tuple(body["subscriptions"]),
        tuple(Segmentation(**item) for item in parts(body["segmentations"])),
    )


class Impossible(Exception):
    """A structure that cannot be: `field` and `code` say what is wrong with which part."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def created(number: str, body: Any) -> Table:
    """The table that the body of a creation describes (§4.4), with the technical attributes. Raises Impossible."""
    if not isinstance(body, dict):
        raise Impossible("name", "a JSON object is expected")
    name = body.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]{1,50}", name):
        raise Impossible("name", "the name of a table holds neither symbols nor blanks")
    empty = Table(number, name, _TECHNICAL)
    parts = {part: body.get(part) for part in ("attributes", "subscriptions", "segmentations")}
    table = _added(empty, parts["attributes"], parts["subscriptions"], parts["segmentations"])
    return _referring(table, _list(body.get("references"), "references"))


def _referring(table: Table, references: list[dict[str, Any]]) -> Table:
    """The table with what its attributes refer to, in the form that its description has too (§4.3)."""
    to = {item.get("attributeName"): item.get("customTableId") for item in references}
    if not to.keys() <= table.by_name.keys() or not set(to.values()) <= REPOSITORIES.keys():
        raise Impossible("references", f"an attribute refers to one of {', '.join(REPOSITORIES)}")
    return replace(table, attributes=tuple(replace(one, refers_to=to.get(one.name)) for one in table.attributes))


def changed(table: Table, body: Any) -> Table:
    """The table after a change request, whose form is assumed (§4.4). Raises Impossible."""
    known = ("addAttributes", "addSubscriptions", "addSegments", "addSegmentations")
    if not isinstance(body, dict) or not body or any(name not in known for name in body):
        raise Impossible("addAttributes", f"a change request holds {', '.join(known)}")
    wider = dict(table.exclusive)
    for item in _list(body.get("addSegments"), "addSegments"):
        name, new = item.get("segmentation"), _names(item.get("segments"), "segments")
        if name not in wider or set(new) & set(wider[name]):
            raise Impossible(str(name), "there is no such exclusive segmentation, or it has the segment already")
        wider[name] += new
    segmentations = tuple(replace(s, segments=wider.get(s.name, ())) for s in table.segmentations)
    return _added(
        replace(table, segmentations=segmentations),
        body.get("addAttributes"),
        body.get("addSubscriptions"),
        body.get("addSegmentations"),
    )


def _added(table: Table, attributes: Any, subscriptions: Any, segmentations: Any) -> Table:
    new = Table(
        table.id,
        table.name,
        (*table.attributes, *(_attribute(item) for item in _list(attributes, "attributes"))),
        (*table.subscriptions, *_names(subscriptions, "subscriptions")),
        (*table.segmentations, *(_segmentation(item) for item in _list(segmentations, "segmentations"))),
    )
    for column in new.columns:
        if new.columns.count(column) > 1:
            raise Impossible(column, f"the table has {column} already")
    return new


def _attribute(item: dict[str, Any]) -> Attribute:
    """One attribute as V5 describes it. Names: U-attr. Types: those of `CUSTOMERS` (assumed beyond D-struct)."""
    name, kind = item.get("name"), item.get("type", "CUSTOM")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,49}", name):
        raise Impossible("name", "the name of an attribute has at most 50 letters, digits and underscores")
    if kind != "CUSTOM":
        if kind not in _PREDEFINED:
            raise Impossible(name, "there is no such predefined attribute")
        return Attribute(name, kind, _PREDEFINED[kind], bool(item.get("unique")), bool(item.get("mandatory")))
    value_type = item.get("valueType")
    if value_type not in _FREE:
        raise Impossible(name, f"the valueType is not one of {', '.join(_FREE)}")
    restriction = item.get("valueRestriction") or {}
    longest, shortest = restriction.get("maxLength"), restriction.get("minLength")
    allowed = tuple(restriction.get("allowedValues") or restriction.get("acceptedValues") or ())
    if not all(length is None or (isinstance(length, int) and length >= 0) for length in (longest, shortest)):
        raise Impossible(name, "lengths are whole numbers")
    return Attribute(
        name,
        value_type=value_type,
        unique=bool(item.get("unique")),
        mandatory=bool(item.get("mandatory")),
        multi_valued=bool(item.get("multiValued")),
        max_length=longest,
        min_length=shortest,
        allowed=allowed,
    )


def _segmentation(item: dict[str, Any]) -> Segmentation:
    (name,) = _names([item], "segmentations")
    if item.get("type", "SIMPLE") == "SIMPLE":
        return Segmentation(name)
    segments = _names(item.get("segments"), "segments")
    mandatory = bool(item.get("mandatory"))
    if len(set(segments)) != len(segments) or len(segments) < (2 if mandatory else 1):
        raise Impossible(name, "an exclusive segmentation has segments, a mandatory one at least two")
    return Segmentation(name, segments, mandatory)


def _list(given: Any, part: str) -> list[dict[str, Any]]:
    items = [] if given is None else given
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Impossible(part, f"{part} is not a list of objects")
    return items


def _names(given: Any, part: str) -> tuple[str, ...]:
    """Of objects with a name, or of the names themselves."""
    items: Iterable[Any] = given if isinstance(given, list) else ()
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    texts = tuple(name for name in names if isinstance(name, str) and name.strip())
    if len(texts) != len(names):
        raise Impossible(part, f"{part} is not a list of names")
    return texts


def as_v5(table: Table) -> dict[str, Any]:
    """The table as `profile-table-structure/v5` answers it (D-struct; from `subscriptions` on assumed)."""
    return {
        "id": table.id,
        "name": table.name,
        "attributes": [_attribute_v5(attribute) for attribute in table.attributes],
        "displayOptions": {"forAttributes": [{"name": "lastName", "description": "Last name"}]},
        "subscriptions": [{"name": name} for name in table.subscriptions],
        "segmentations": _segmentations(table),
        "references": [
            {"attributeName": a.name, "customTableId": a.refers_to} for a in table.attributes if a.refers_to
        ],
    }


def as_v4(table: Table) -> dict[str, Any]:
    """The table as the V4 call answers it (G-php; `id`, `unique` and `segmentations` assumed)."""
    return {
        "id": table.id,
        "attributes": {
            a.name: {
                "valueType": V4_TYPES.get(a.value_type, a.value_type),
                "mandatory": a.mandatory,
                "unique": a.unique,
            }
            for a in table.attributes
        },
        "subscriptions": [{"name": name} for name in table.subscriptions],
        "segmentations": _segmentations(table),
    }


_PREDEFINED: Final = {a.type: a.value_type for a in CUSTOMERS.attributes if a.type != "CUSTOM"} | {
    "PHONE_NUMBER": "PHONE",
    "FAX_NUMBER": "PHONE",
    "ADDRESS_NUMBER": "STRING",
    "ADDRESS_BOX": "STRING",
}
_FREE: Final = ("STRING", "INTEGER", "LONG", "NUMERIC", "BOOLEAN", "DATE", "TIMESTAMP", COORDINATES_TYPE)
V4_TYPES: Final = {
    "EMAIL": "EmailAddress",
    "PHONE": "PhoneNumber",
    "DATE": "Datum",
    "TIMESTAMP": "Moment",
    "BOOLEAN": "Boolean",
    "STRING": "String",
}
"""Those that were seen (G-php); `spelling` has names for the others."""


def _attribute_v5(attribute: Attribute) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": attribute.type,
        "name": attribute.name,
        "unique": attribute.unique,
        "mandatory": attribute.mandatory,
    }
    if attribute.type != "CUSTOM":
        return body
    restriction: dict[str, Any] = {}
    if attribute.max_length is not None:
        restriction["maxLength"] = attribute.max_length
    if attribute.min_length is not None:
        restriction["minLength"] = attribute.min_length
    if attribute.allowed:
        restriction["allowedValues"] = list(attribute.allowed)
    if restriction:
        body["valueRestriction"] = restriction
    return body | {"valueType": attribute.value_type, "multiValued": attribute.multi_valued}


def _segmentations(table: Table) -> list[dict[str, Any]]:
    return [
        {"name": s.name, "type": "EXCLUSIVE", "mandatory": s.mandatory, "segments": list(s.segments)}
        if s.segments
        else {"name": s.name, "type": "SIMPLE"}
        for s in table.segmentations
    ]
