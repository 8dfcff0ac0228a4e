"""A working folder about table structures: a truth of a few lines written by hand, and a licence of its own."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from auditor.cli.demonstration import write_settings
from auditor.state.ledger import FILE
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import TABLES_V5, client

CONTRACT = """\
key      = ["customerId"]
timezone = "Europe/Brussels"

[columns.customerId]
truth = "id"
compare = "text"

[columns.emailAddress]
truth = "mail"

[columns.lastName]
truth = "name"
"""

ROWS: Sequence[Mapping[str, str]] = (
    {"id": "C1", "mail": "an@example.com", "name": "Ann"},
    {"id": "C2", "mail": "bo@example.com", "name": "Bo"},
    {"id": "C3", "mail": "cy@example.com", "name": "Cy"},
    {"id": "C4", "mail": "di@example.com", "name": "Di"},
)


def make(
    folder: Path, sandbox: Sandbox, *, columns: Mapping[str, Sequence[str]] | None = None, extra: str = ""
) -> Path:
    """A folder whose truth has four people with further `columns`, and whose contract ends with `extra`."""
    folder.mkdir()
    (folder / "sandbox").mkdir()
    shutil.copy(sandbox.directory / "api-key", folder / "sandbox" / "api-key")
    write_settings(folder, sandbox.url)
    (folder / "expectations" / "Customers").mkdir(parents=True)
    (folder / "expectations" / "Customers" / "contract.toml").write_text(CONTRACT + extra, "utf-8")
    sandbox.export(folder / "exports")
    (folder / "crm").mkdir()
    write_truth(folder, columns or {})
    return folder


def write_truth(folder: Path, columns: Mapping[str, Sequence[str]]) -> None:
    names = [*ROWS[0], *columns]
    lines = [";".join(names)]
    for place, row in enumerate(ROWS):
        lines.append(";".join([*row.values(), *(values[place] for values in columns.values())]))
    (folder / "crm" / "contacts_20260101T000000.csv").write_text("\n".join(lines) + "\n", "utf-8")


def column(name: str, truth: str = "", more: str = "") -> str:
    """A section of the contract."""
    quoted = f'"{name}"' if "#" in name else name
    return f'\n[columns.{quoted}]\ntruth = "{truth or name}"\n{more}\n'


def raw_table(sandbox: Sandbox, table: str = "16") -> dict[str, Any]:
    """A table as the licence itself describes it, asked for without the program under test."""
    with client(sandbox) as http:
        answer = http.get(f"{TABLES_V5}/{table}")
    assert answer.status_code == 200
    content: dict[str, Any] = answer.json()
    return content


def change_table(sandbox: Sandbox, body: Mapping[str, Any]) -> httpx.Response:
    """Somebody else changes the table."""
    with client(sandbox) as http:
        answer = http.post(f"{TABLES_V5}/16/change-requests", json=body)
    assert answer.is_success, answer.text
    return answer


def plan_of(folder: Path) -> dict[str, Any]:
    """The only plan of a structure in a folder."""
    [path] = (folder / "structure").glob("plan-*.json")
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert path.name == f"plan-{content['sha']}.json"
    return content


def structure_events(state: Path, plan: str) -> list[tuple[str, str]]:
    """What the ledger holds of the additions of a plan, item and state of each, in the order in which it was told."""
    with closing(sqlite3.connect(state / FILE)) as ledger:
        return ledger.execute("SELECT item, state FROM structure_events WHERE plan = ? ORDER BY id", (plan,)).fetchall()
