"""The two files of a day: Actito's export (D-expf) and the CRM's extract, with the names they arrive under."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from auditor.sandbox.crm import COLUMNS as CRM_COLUMNS
from auditor.sandbox.state import UNREADABLE, Profiles, State
from auditor.sandbox.structure import TABLE


def export_name(moment: datetime, table: str = TABLE) -> str:
    """`moment` is local; the name shows it to the second."""
    return f"{table}_{moment:%Y%m%dT%H%M%S}.csv"


def crm_name(moment: datetime) -> str:
    return f"contacts_{moment:%Y%m%dT%H%M%S}.csv"


def export(held: Profiles) -> bytes:
    """Every profile of a table: `;`, UTF-8 without BOM, `\\n`, header line; moments, booleans, prefixes as assumed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(held.table.columns)
    rest = held.table.columns[1:]
    for profile in held.profiles.values():
        values = profile.values
        writer.writerow([profile.id, *[values.get(column, "") for column in rest]])
    return text.getvalue().encode("utf-8")


def crm(state: State) -> bytes:
    """Every row of the CRM, prospects included: `,`, UTF-8, RFC 4180 quoting, lines that end with `\\n`."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=",", lineterminator="\n")
    writer.writerow(CRM_COLUMNS)
    for row in state.crm.values():
        if UNREADABLE in row:
            text.write(row[UNREADABLE] + "\n")
        else:
            writer.writerow([row.get(column, "") for column in CRM_COLUMNS])
    return text.getvalue().encode("utf-8")
