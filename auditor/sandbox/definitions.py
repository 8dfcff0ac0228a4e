"""The stored ETL definitions of the licence: what it begins with, and what one must look like (§8.3, assumed)."""

from __future__ import annotations

from typing import Any

from auditor.sandbox.crm import MAPPING
from auditor.sandbox.structure import CUSTOMERS


def nightly() -> dict[str, dict[str, Any]]:
    """The one definition that the licence begins with: the CRM's own nightly load of everything that it knows."""
    return {
        "501": {
            "name": "crm-nightly",
            "active": True,
            "dataLoadings": [
                {
                    "destination": {"type": "PROFILE_TABLE", "id": CUSTOMERS.id},
                    "mode": "CREATE_UPDATE",
                    "file": {"namePattern": "contacts_$yyyyMMdd.csv", "optional": False},
                    "csvFormat": {"separator": ",", "enclosing": '"', "encoding": "UTF-8"},
                    "attributesMapping": [
                        {"headerColumn": header, "attributeName": column} for column, header in MAPPING.items()
                    ],
                }
            ],
        }
    }
