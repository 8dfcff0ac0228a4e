"""The two files of a day: Actito's export (D-expf) and the CRM's extract, with the names they arrive under."""

from __future__ import annotations

import codecs
import csv
import io
from datetime import datetime
from typing import Final

from auditor.sandbox.crm import COLUMNS as CRM_COLUMNS
from auditor.sandbox.dialect import DATE, MOMENT, Dialect
from auditor.sandbox.faults import Faults
from auditor.sandbox.spelling import timed
from auditor.sandbox.state import UNREADABLE, Profiles, State
from auditor.sandbox.structure import TABLE, Table

_UGLY: Final = 'She said: "call; write" and left.\r\nThen\ncame, back;'


def export_name(moment: datetime, table: str = TABLE) -> str:
    """`moment` is local; the name shows it to the second."""
    return f"{table}_{moment:%Y%m%dT%H%M%S}.csv"


def crm_name(moment: datetime) -> str:
    return f"contacts_{moment:%Y%m%dT%H%M%S}.csv"


def export(held: Profiles, dialect: Dialect, faults: Faults) -> bytes:
    """Every profile of a table: `;`, UTF-8 without BOM, `\\n`, header line; moments, booleans, prefixes as assumed.

    Under a fault it comes as exports do come.
    """
    happens = faults.happens
    for profile in held.profiles.values() if "note" in held.table.by_name else ():
        if happens("export-quotes", f"profile {profile.id}"):
            held.change(profile, {"note": _UGLY}, profile.values["updateMoment"])
    columns = list(held.table.columns)
    if happens("export-reordered", "export"):
        columns.sort(key=lambda column: faults.draw("export-reordered", column))
    rows = []
    for profile in held.profiles.values():
        values = {column: _cell(held.table, column, value, dialect) for column, value in profile.values.items()}
        rows.append([str(profile.id) if column == "profileId" else values.get(column, "") for column in columns])
        if happens("export-duplicates", f"profile {profile.id}"):
            rows.append(rows[-1])
    if happens("export-unknown-column", "export"):
        columns.append("legacySegment")
        rows = [[*row, "x"] for row in rows]
    text = io.StringIO(newline="")
    separator = "," if happens("export-separator", "export") else ";"
    ending = "\r\n" if happens("export-crlf", "export") else "\n"
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows([columns, *rows])
    content = text.getvalue().encode("utf-8")
    if happens("export-bom", "export"):
        content = codecs.BOM_UTF8 + content
    return content[: len(content) // 2] if happens("export-half", "export") else content


def _cell(table: Table, column: str, value: str, dialect: Dialect) -> str:
    if column in table.flags and value in ("true", "false"):
        return dialect.export_booleans[value == "false"]
    kind = table.by_name[column].value_type if column in table.by_name else ""
    if kind == "DATE":
        return str(timed(value, DATE, dialect.export_dates))
    return str(timed(value, MOMENT, dialect.export_moments)) if kind == "TIMESTAMP" else value


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
