"""The profile table `Customers` of the invented licence, and how V5 and V4 describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from auditor.sandbox.dialect import COORDINATES_TYPE, SEGMENTATION, SUBSCRIPTION

ENTITY: Final = "acme"
ENTITY_ID: Final = 1
TABLE: Final = "Customers"
TABLE_ID: Final = "16"

SHOPS: Final = {
    "Antwerpen Meir": "51.218414|4.404346",
    "Bruxelles Louise": "50.834811|4.357265",
    "Gent Veldstraat": "51.051727|3.722305",
    "Liège Guillemins": "50.624571|5.566693",
    "Namur Jambes": "50.458911|4.871285",
    "Oostende Kapellestraat": "51.228934|2.917352",
}
"""Favourite shops and where they are."""


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


TECHNICAL: Final = ("profileId", "creationMoment", "updateMoment")

ATTRIBUTES: Final = (
    Attribute("profileId", value_type="INTEGER", unique=True, mandatory=True),
    Attribute("creationMoment", value_type="TIMESTAMP", mandatory=True),
    Attribute("updateMoment", value_type="TIMESTAMP", mandatory=True),
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
)
BY_NAME: Final = {attribute.name: attribute for attribute in ATTRIBUTES}
UNIQUE: Final = tuple(a.name for a in ATTRIBUTES if a.unique and a.name not in TECHNICAL)
MANDATORY: Final = tuple(a.name for a in ATTRIBUTES if a.mandatory and a.name not in TECHNICAL)

SUBSCRIPTIONS: Final = ("Newsletter", "Promotions", "Events")
SIMPLE: Final = ("Vip",)
EXCLUSIVE: Final = {"ClientTier": ("Gold", "Silver", "Bronze")}

SUBSCRIPTION_COLUMNS: Final = tuple(SUBSCRIPTION + name for name in SUBSCRIPTIONS)
SIMPLE_COLUMNS: Final = tuple(SEGMENTATION + name for name in SIMPLE)
EXCLUSIVE_COLUMNS: Final = tuple(SEGMENTATION + name for name in EXCLUSIVE)

COLUMNS: Final = (*BY_NAME, *SUBSCRIPTION_COLUMNS, *SIMPLE_COLUMNS, *EXCLUSIVE_COLUMNS)
"""The columns of an export, in its order."""


def as_v5() -> dict[str, Any]:
    """The table as `profile-table-structure/v5` answers it (D-struct; from `subscriptions` on assumed)."""
    return {
        "id": TABLE_ID,
        "name": TABLE,
        "attributes": [_attribute_v5(attribute) for attribute in ATTRIBUTES],
        "displayOptions": {"forAttributes": [{"name": "lastName", "description": "Last name"}]},
        "subscriptions": [{"name": name} for name in SUBSCRIPTIONS],
        "segmentations": _segmentations(),
        "references": [],
    }


def as_v4() -> dict[str, Any]:
    """The table as the V4 call answers it (G-php; `unique` and `segmentations` assumed)."""
    return {
        "attributes": {
            a.name: {"valueType": _V4_TYPES.get(a.value_type, "String"), "mandatory": a.mandatory, "unique": a.unique}
            for a in ATTRIBUTES
        },
        "subscriptions": [{"name": name} for name in SUBSCRIPTIONS],
        "segmentations": _segmentations(),
    }


_V4_TYPES: Final = {
    "EMAIL": "EmailAddress",
    "PHONE": "PhoneNumber",
    "DATE": "Datum",
    "TIMESTAMP": "Moment",
    "BOOLEAN": "Boolean",
}


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


def _segmentations() -> list[dict[str, Any]]:
    simple: list[dict[str, Any]] = [{"name": name, "type": "SIMPLE"} for name in SIMPLE]
    exclusive = [
        {"name": name, "type": "EXCLUSIVE", "mandatory": False, "segments": list(segments)}
        for name, segments in EXCLUSIVE.items()
    ]
    return simple + exclusive
