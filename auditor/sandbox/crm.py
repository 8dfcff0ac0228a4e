"""How the CRM spells what the platform holds: its columns, and a row for a person.

The mapping is that of `expectations/Customers/contract.toml`; a test keeps both in step.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final

from auditor.sandbox import names
from auditor.sandbox.state import CrmRow, Values

MAPPING: Final = {
    "customerId": "contact_id",
    "emailAddress": "email",
    "lastName": "last_name",
    "firstName": "first_name",
    "birthDate": "born_on",
    "sex": "gender",
    "personTitle": "salutation",
    "motherLanguage": "language",
    "gsmNumber": "mobile",
    "addressStreet": "street",
    "addressPostalCode": "postal_code",
    "addressLocality": "city",
    "addressCountry": "country",
    "loyaltyPoints": "points",
    "lifetimeValue": "lifetime_value",
    "cardNumber": "card_number",
    "firstPurchaseDate": "first_purchase",
    "lastPurchaseMoment": "last_purchase",
    "interests": "interests",
    "favouriteShop": "shop",
    "shopLocation": "shop_location",
    "nickname": "nickname",
    "note": "remark",
    "marketingConsent": "consent",
    "doNotContact": "do_not_contact",
    "subscriptions#Newsletter": "optin_news",
    "subscriptions#Promotions": "optin_promo",
    "subscriptions#Events": "optin_events",
    "segmentations#Vip": "vip",
    "segmentations#ClientTier": "tier",
}
"""Platform column to CRM column."""

EVIDENCE: Final = {
    "marketingConsent": ("consent_at", "consent_from"),
    "subscriptions#Newsletter": ("optin_news_at", "optin_news_from"),
}
"""Permission column to the CRM columns that say when and where it was given or withdrawn."""

COLUMNS: Final = (
    "contact_id",
    "status",
    *(column for column in MAPPING.values() if column != "contact_id"),
    *(column for pair in EVIDENCE.values() for column in pair),
    "account_manager",
    "source_system",
    "modified_at",
)
SOURCES: Final = ("web form", "shop", "fair", "call centre")

_BOOLEANS: Final = frozenset(
    {
        "marketingConsent",
        "doNotContact",
        "subscriptions#Newsletter",
        "subscriptions#Promotions",
        "subscriptions#Events",
        "segmentations#Vip",
    }
)
_TITLES: Final = {"NL": {"Mr": "Dhr.", "Mrs": "Mevr."}, "FR": {"Mr": "M.", "Mrs": "Mme"}}


def spell(column: str, value: str, language: str = "NL") -> str:
    """A valid platform value in the CRM's ordinary spelling, for somebody who speaks `language`."""
    if column in _BOOLEANS:
        return {"true": "yes", "false": "no"}[value]
    match column:
        case "birthDate" | "firstPurchaseDate":
            return date.fromisoformat(value).strftime("%d/%m/%Y")
        case "lifetimeValue":
            return value.replace(".", ",")
        case "gsmNumber":
            return _phone(value)
        case "sex":
            return {"M": "H"}.get(value, value) if language == "FR" else {"F": "V"}.get(value, value)
        case "personTitle":
            return _TITLES.get(language, {}).get(value, value)
        case "interests":
            return ",".join(sorted(value.split(",")))
    return value


def row(values: Values, language: str, *, modified: str) -> CrmRow:
    """A customer's row in ordinary spelling, without evidence."""
    cells = {MAPPING[column]: spell(column, value, language) for column, value in values.items() if column in MAPPING}
    return {**cells, "status": "customer", "modified_at": modified, "source_system": "SALES"}


def vary(cells: CrmRow, rng: random.Random) -> None:
    """Spell some cells in other ways that mean the same by the contract's rules."""
    if rng.random() < 0.03:
        cells["last_name"] = cells["last_name"].replace(" ", "  ") + " "
    if rng.random() < 0.02:
        cells["first_name"] = unicodedata.normalize("NFD", cells["first_name"])
    if rng.random() < 0.05:
        cells["email"] = cells["email"].replace("@example", "@Example")
    if "city" in cells and rng.random() < 0.06:
        cells["city"] = cells["city"].upper()
        # Not in capitals: the German ß has none of its own.
        cells["street"] = cells["street"].lower()
    if "mobile" in cells and cells["mobile"].startswith("0") and rng.random() < 0.2:
        digits = cells["mobile"].replace(" ", "")
        cells["mobile"] = rng.choice(
            (f"{digits[:4]}/{digits[4:6]}.{digits[6:8]}.{digits[8:]}", f"+32 {digits[1:4]} {digits[4:]}", digits)
        )
    for column in ("language", "country"):
        if column in cells and rng.random() < 0.1:
            cells[column] = cells[column].lower()
    for column in ("optin_news", "optin_promo", "vip"):
        if rng.random() < 0.05:
            cells[column] = cells[column].upper()
    cells["account_manager"] = rng.choice(names.MANAGERS)


def cell(cells: Mapping[str, str], column: str) -> str:
    """The raw CRM text that feeds a platform column; empty where there is none."""
    return cells.get(MAPPING[column], "")


def _phone(value: str) -> str:
    if value.startswith("+32"):
        national = "0" + value[3:]
        return f"{national[:4]} {national[4:6]} {national[6:8]} {national[8:]}"
    return f"{value[:3]} {value[3:6]} {value[6:]}"
