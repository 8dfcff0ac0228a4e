"""Whole rows of a strict table: what a run says that Actito would refuse, against what it refuses, both ways.

Each row of the truth is wrong in some fields, in none or in several. A run is asked what it would not send, and why;
then every row is imported as it is. The stand-in Actito judges by code of its own.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.cli import execute
from auditor.errors import Exit
from auditor.model import Refusal, Why
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import EXECUTIONS, TABLES_V5, archive, client, counts, definition, send, unpacked
from tests.small_folder import copy, licence, made

pytestmark = pytest.mark.breaches("*")  # values that are refused are sent on purpose

ATTRIBUTES: list[dict[str, Any]] = [
    {"name": "code", "valueType": "STRING", "unique": True, "valueRestriction": {"maxLength": 12}},
    {"name": "emailAddress", "type": "EMAIL_ADDRESS", "unique": True, "mandatory": True},
    {"name": "lastName", "type": "LASTNAME", "mandatory": True},
    {"name": "badge", "valueType": "INTEGER", "unique": True},
    {"name": "nick", "valueType": "STRING", "valueRestriction": {"minLength": 3, "maxLength": 5}},
    {
        "name": "tags",
        "valueType": "STRING",
        "multiValued": True,
        "valueRestriction": {"allowedValues": ["a", "b", "c"]},
    },
    {"name": "sizes", "valueType": "INTEGER", "multiValued": True},
    {"name": "words", "valueType": "STRING", "multiValued": True, "valueRestriction": {"minLength": 2, "maxLength": 4}},
    {"name": "shop", "valueType": "STRING"},
    {"name": "grade", "valueType": "STRING", "valueRestriction": {"allowedValues": ["A", "it's B"], "maxLength": 6}},
]
TABLE: dict[str, Any] = {
    "name": "Strict",
    "attributes": ATTRIBUTES,
    "subscriptions": ["News"],
    "segmentations": [
        {"name": "Vip"},
        {"name": "Tier", "type": "EXCLUSIVE", "segments": ["Gold", "Silver"]},
        {"name": "Region", "type": "EXCLUSIVE", "mandatory": True, "segments": ["North", "South"]},
    ],
    "references": [{"attributeName": "shop", "customTableId": "shops"}],
}
SHOPS = ("Gent Veldstraat", "Namur Jambes", "Oostende Kapellestraat")
COLUMNS = (*(one["name"] for one in ATTRIBUTES), "subscriptions#News", "segmentations#Vip",
           "segmentations#Tier", "segmentations#Region")  # fmt: skip
SETS = ("tags", "sizes", "words")

RIGHT = {
    "nick": ["", "abc", "abcde", "éèà"],
    "tags": ["", "a", "a,c", "a,b,c"],
    "sizes": ["", "0", "1,-2,2147483647"],
    "words": ["", "ab", "ab,abcd"],
    "shop": ["", *SHOPS],
    "grade": ["", "A", "it's B"],
    "subscriptions#News": ["", "true", "N"],
    "segmentations#Vip": ["", "YES", "0"],
    "segmentations#Tier": ["", "Gold", "Silver"],
    "segmentations#Region": ["", "North", "South"],
}
WRONG = {
    "emailAddress": ["", "jan@acme", "ján@acme.be", f"{'x' * 250}@acme.be", f"jan@{'d' * 64}.be"],
    "lastName": ["", "x" * 256],
    "badge": ["12.5", "2147483648", "٣"],
    "nick": ["ab", "abcdef", "é"],
    "tags": ["d", "a,d", "A", "a b"],
    "sizes": ["x", "1,x", "1.0,2", "2147483648"],
    "words": ["a", "ab,abcde", "abcdef"],
    "shop": ["Paris", "gent veldstraat"],
    "grade": ["C", "a", "much too long"],
    "subscriptions#News": ["maybe", "2"],
    "segmentations#Vip": ["Gold"],
    "segmentations#Tier": ["gold", "Platinum", "Gold,Silver", "true"],
    "segmentations#Region": ["East"],
}
"""Of unique values, and of the key, only what is wrong with the value itself."""

THERE = {"code": "OLD1", "emailAddress": "old1@acme.be", "badge": "900001"}
"""A profile that the table has already."""

Row = dict[str, str]
Fault = tuple[str, str]
"""Column and code."""


def rows() -> list[Row]:
    """Every wrong value alone, each pair of columns wrong together, some rows wrong in five, and many in none."""
    rng = random.Random(7)  # noqa: S311  (nothing secret)
    made_of: list[dict[str, str]] = [{column: value} for column, values in WRONG.items() for value in values]
    made_of += [{one: rng.choice(WRONG[one]), two: rng.choice(WRONG[two])} for one, two in combinations(WRONG, 2)]
    made_of += [{column: rng.choice(WRONG[column]) for column in rng.sample(list(WRONG), 5)} for _ in range(20)]
    made_of += [{} for _ in range(60)]
    # The same unique value twice in the file, alone and with something else wrong; and values of the table's.
    for number in range(4):
        made_of += [{"badge": f"77{number}"}, {"badge": f"77{number}"} | ({"nick": "ab"} if number % 2 else {})]
        made_of += [{"emailAddress": f"two{number}@acme.be"}, {"emailAddress": f"Two{number}@ACME.be"}]
    made_of += [{"code": "TWICE"}, {"code": "TWICE"}, {"code": THERE["code"]}, {"code": ""}, {"code": "x" * 13}]
    made_of += [{"badge": THERE["badge"]}, {"emailAddress": "OLD1@acme.be"}]
    made_of += [{"badge": THERE["badge"], "grade": "C"}, {"emailAddress": THERE["emailAddress"], "lastName": ""}]
    rng.shuffle(made_of)
    usual = [
        {"code": f"N{n}", "emailAddress": f"n{n}@acme.be", "lastName": "Peeters", "badge": str(n)}
        | {column: rng.choice(values) for column, values in RIGHT.items()}
        for n in range(len(made_of))
    ]
    return [row | given for row, given in zip(usual, made_of, strict=True)]


@dataclass(frozen=True)
class Judged:
    """What a run says of the rows, each by its number in the file."""

    violations: dict[str, set[Fault]]
    """Key → what would be refused."""
    taken: dict[str, set[str]]
    """Key → columns whose value a profile of the table has."""
    statuses: dict[str, str]
    left: dict[str, set[tuple[str, str | None]]]
    """Key → column and code of what the plans leave out because it would be refused."""
    shown: tuple[str, str]
    """A key with one fault, and what `auditor show` tells of it."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with licence(tmp_path_factory) as running:
        with client(running) as http:
            answer = http.post(TABLES_V5, json=TABLE)
            assert answer.status_code in (200, 201, 202), answer.text
        imported(running, [THERE | {"lastName": "Old"}])
        yield running


@pytest.fixture(scope="module")
def judged(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A run over the rows as a truth, and the plan that follows."""
    factory = tmp_path_factory.mktemp("rows")
    folder = copy(made(tmp_path_factory).agreed, factory / "folder", sandbox)
    settings = (folder / "auditor.toml").read_text("utf-8")
    (folder / "auditor.toml").write_text(
        settings.replace("Customers", "Strict").replace("contacts_", "strict_"), "utf-8"
    )
    kept = folder / "expectations" / "Strict"
    kept.mkdir()
    columns = [
        f'[columns."{name}"]\ntruth = "{name}"\nreference = {{ file = "shops.csv" }}\n'
        if name == "shop"
        else f'[columns."{name}"]\ntruth = "{name}"\n'
        for name in COLUMNS
    ]
    (kept / "contract.toml").write_text('key = ["code"]\ntimezone = "Europe/Brussels"\n' + "\n".join(columns), "utf-8")
    (kept / "shops.csv").write_text("\n".join(("code", *SHOPS)) + "\n", "utf-8")
    today = max((folder / "exports").iterdir()).stem.partition("_")[2]
    written(folder / "exports" / f"Strict_{today}.csv", [dict.fromkeys(COLUMNS, "") | THERE | {"lastName": "Old"}], ";")
    written(folder / "crm" / f"strict_{today}.csv", rows(), ",")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert execute(["run", "--quiet"]) == Exit.INCOMPLETE  # one row has no key
        with redirect_stdout(StringIO()) as said:
            execute(["plan"])
    assert "Actito would refuse it" in said.getvalue()
    assert "    refused as INVALID_VALUE (" in said.getvalue()
    run = max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))
    found = pl.read_parquet(run / "violations.parquet").filter(pl.col("refusal").is_not_null())
    assert set(found["side"]) == {"truth"}
    violations: dict[str, set[Fault]] = {}
    for key, column, refusal in found.select("key", "column", "refusal").iter_rows():
        violations.setdefault(key, set()).add((column, refusal))
    taken: dict[str, set[str]] = {}
    for key, column in pl.read_parquet(run / "taken.parquet").iter_rows():
        taken.setdefault(key, set()).add(column)
    profiles = pl.read_parquet(run / "profiles.parquet")
    statuses = dict(profiles.select("truth_key", "status").iter_rows())
    left: dict[str, set[tuple[str, str | None]]] = {}
    for plan in run.glob("plan-*.json"):
        for one in json.loads(plan.read_text("utf-8"))["left"]:
            if one["why"] == Why.BLOCKED:
                left.setdefault(one["key"], set()).add((one["column"], one["refusal"]))
    key = next(key for key, faults in violations.items() if len(faults) == 1 and statuses[key] == "missing")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as told:
        patch.chdir(folder)
        execute(["show", key])
    return Judged(violations, taken, statuses, left, (key, told.getvalue()))


def written(path: Path, content: list[Row], separator: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=separator, lineterminator="\n")
        writer.writeheader()
        writer.writerows(content)


def imported(sandbox: Sandbox, content: list[Row]) -> dict[int, Fault]:
    """Row → column and code of its refusal, for those that come back."""
    header = [*content[0]]
    lines = [[str(number), *(row[name] for name in header)] for number, row in enumerate(content)]
    text = "\n".join(";".join(f'"{cell}"' for cell in line) for line in [["", *header], *lines]) + "\n"
    described = definition(header, "CREATE_ONLY")
    described["dataLoadings"][0]["destination"]["id"] = number_of(sandbox)
    with client(sandbox) as http:
        answer = send(http, archive(text.encode()), described)
        assert answer.status_code == 202, answer.text
        sandbox.idle()
        execution = http.get(f"{EXECUTIONS}/{answer.json()['executionId']}").json()
        read, made_of, _, wrong = counts(execution)
        assert made_of + wrong == read == len(content)
        if not wrong:
            return {}
        (_, *names), *back = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))
    code, column = names.index("errorCode") + 1, names.index("errorColumn") + 1
    return {int(row[0]): (row[column], row[code]) for row in back}


def number_of(sandbox: Sandbox) -> str:
    with client(sandbox) as http:
        [number] = [str(one["id"]) for one in http.get(TABLES_V5).json()["profileTables"] if one["name"] == "Strict"]
    return number


def test_every_row_that_is_refused_was_predicted_with_its_refusal_and_no_other(
    sandbox: Sandbox, judged: Judged
) -> None:
    content = rows()
    refused = imported(sandbox, content)
    held: dict[str, set[str]] = {name: set() for name in ("code", "emailAddress", "badge")}
    wrong, alone = [], 0
    for number, row in enumerate(content):
        expected = predicted(judged, row, held)
        came = refused.get(number)
        if came is None:
            for name, values in held.items():
                values.add(row[name].lower())
        if (came is None) != (not expected) or (came is not None and came not in expected):
            wrong.append((row, came, expected))
        alone += len(expected) == 1
    assert wrong == []
    assert alone > 40
    assert len(content) - len(refused) > 60
    codes = {code for _, code in refused.values()}
    assert codes == {*(code.value for code in Refusal), "ALREADY_EXISTS"}


def predicted(judged: Judged, row: Row, held: dict[str, set[str]]) -> set[Fault]:
    """What is expected of a row: what the run says, where rows before it have made its unique values theirs."""
    key = row["code"]
    if not key:
        return {("code", Refusal.MANDATORY.value)}
    faults = judged.violations.get(key, set())
    twice = {(column, code) for column, code in faults if code == Refusal.DUPLICATE}
    come_second = {(column, code) for column, code in twice if row[column].lower() in held[column]}
    expected = (faults - twice) | come_second
    expected |= {(column, Refusal.DUPLICATE.value) for column in judged.taken.get(key, set())}
    status = judged.statuses[key]
    assert status in ("missing", "duplicate", "stale", "conflicting")
    if (status == "duplicate" and key.lower() in held["code"]) or status in ("stale", "conflicting"):
        return {("code", "ALREADY_EXISTS")}
    return expected


def test_the_plan_tells_of_each_cell_that_it_leaves_out_how_it_would_be_refused(judged: Judged) -> None:
    assert len(judged.left) > 100
    for key, cells in judged.left.items():
        for column, code in cells:
            assert (column, code) in judged.violations[key], (key, column)
            wrong = {Refusal(other) for name, other in judged.violations[key] if name == column}
            assert code == min(wrong, key=list(Refusal).index)


def test_what_is_shown_of_a_profile_says_how_it_would_be_refused(judged: Judged) -> None:
    key, told = judged.shown
    [(column, code)] = judged.violations[key]
    assert f"CRM {column}: " in told
    assert f"; Actito would refuse it: {code}" in " ".join(told.split())
