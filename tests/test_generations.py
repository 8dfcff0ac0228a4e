"""What `auditor doctor` finds of each operation on licences that answer some of them, and what it advises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
import stamina

from auditor.actito import V4, V5
from auditor.actito.generations import Operation, readings, writings
from auditor.commands.doctor.operations import judged
from auditor.commands.doctor.subject import Finding, State
from tests.actito_wire import CUSTOMERS, PROFILE, PROFILE_V4, Wire, ok

SOMEBODY = {
    "profileId": 8,
    "attributes": {"customerId": "C8", "emailAddress": "b@example.be"},
    "subscriptions": {"Newsletter": True, "Promotions": False},
    "segmentations": {"Vip": False, "ClientTier": None},
}
ETLS = "/mass-imports/v5/entities/acme/etls"
SCENARIOS = "/scenarios/v4/entity/acme/table/Customers/scenario"
TABLES = "/profile-table-structure/v5/entities/acme/profile-tables"
IMPORTS = "/mass-imports/v5/entities/acme/etl-executions"
IMPORTS_V4 = "/mass-imports/v4/entity/acme"
ENDS = {"Sunset": "Tue, 31 Mar 2099 22:00:00 GMT"}


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def licence(*generations: str) -> Wire:
    """A platform on which these generations answer everything about profiles; V5 its lists, V4 its scenarios."""
    wire = Wire()
    wire.on("GET", SCENARIOS, ok([]))
    for generation, place in (("v5", PROFILE), ("v4", PROFILE_V4)):
        if generation not in generations:
            continue
        wire.on("GET", place, ok({"profiles": [SOMEBODY]}))
        wire.on("GET", f"{place}/count", ok({"count": 1}))
        for by in ("8", "customerId=C8"):
            wire.on("GET", f"{place}/{by}", ok(SOMEBODY))
        takes(wire, place, "GET, POST")
        takes(wire, f"{place}/8", "GET, PUT, PATCH, DELETE")
    if "v5" in generations:
        wire.on("GET", ETLS, ok([]))
        takes(wire, IMPORTS, "POST")
        takes(wire, f"{IMPORTS}/1", "GET")
        takes(wire, f"{IMPORTS}/1/error-file", "GET")
        takes(wire, f"{TABLES}/16/change-requests", "POST")
        takes(wire, TABLES, "GET, POST")
    if "v4" in generations:
        takes(wire, f"{IMPORTS_V4}/table/Customers/import", "POST")
        for part in ("status", "result", "errors"):
            takes(wire, f"{IMPORTS_V4}/import/1/{part}", "GET")
    return wire


def takes(wire: Wire, path: str, methods: str) -> None:
    wire.on("OPTIONS", path, httpx.Response(204, headers={"Allow": methods}))


def found(wire: Wire, dialect: str) -> tuple[Finding, Finding]:
    with wire.connect({"v4": V4, "v5": V5}[dialect]) as connection:
        asked = readings(connection, CUSTOMERS, dialect), writings(connection, CUSTOMERS, dialect)
    return judged(asked[0], dialect), judged(asked[1], dialect)


def test_a_licence_of_both_generations_has_all() -> None:
    for dialect in ("v5", "v4"):
        reading, writing = found(licence("v5", "v4"), dialect)
        assert reading.state is State.OK
        assert writing.state is State.OK
        for name in ("the state of an import", "the refused rows of an import", "a change of the structure"):
            assert name in writing.reason


@pytest.mark.parametrize(("there", "used"), [("v4", "v5"), ("v5", "v4")])
def test_the_other_dialect_is_advised_where_it_has_what_is_needed(there: str, used: str) -> None:
    """Whatever only one generation has, and nothing needs, stands in nobody's way."""
    for finding in found(licence(there), used):
        assert finding.state is State.TROUBLE
        assert f"{there.upper()} answers what is needed" in finding.reason
        assert finding.repair == f'set dialect = "{there}" below [actito]'
    reading, _ = found(licence(there), used)
    assert "one profile by its profileId" in reading.reason
    assert "apply, fix and undo cannot compare before a write" in reading.reason


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        (SCENARIOS, "scenarios here: what a write may start is not known"),
        (ETLS, "stored import definitions here: who else writes into the table is not known"),
    ],
)
def test_what_only_tells_more_is_a_warning(path: str, lost: str) -> None:
    """Runs and applications go on without it, with a note."""
    wire = licence("v5")
    wire.on("GET", path, httpx.Response(404))
    reading, _ = found(wire, "v5")
    assert reading.state is State.WARNING
    assert f"does not answer {lost}" in reading.reason
    assert "V5 answers one profile by its profileId" in reading.reason
    assert reading.repair


def test_what_follows_an_import_is_asked_and_is_a_warning() -> None:
    wire = licence("v5")
    for path in (f"{IMPORTS}/1", f"{IMPORTS}/1/error-file", f"{TABLES}/16/change-requests", TABLES):
        takes(wire, path, "HEAD")
    _, writing = found(wire, "v5")
    assert writing.state is State.WARNING
    for lost in (
        "what became of an import shows in the next export alone",
        "which rows were refused shows in the next export alone",
        "auditor structure apply adds nothing",
        "auditor structure apply creates no table",
    ):
        assert lost in writing.reason


def test_where_everything_about_profiles_is_gone_what_could_not_be_told_is_named_too() -> None:
    wire = licence("v5")
    page = httpx.Response(404, text="<html><h1>404 Not Found</h1></html>")
    for path in (PROFILE, f"{PROFILE}/count", f"{PROFILE}/8", f"{PROFILE}/customerId=C8"):
        wire.on("GET", path, page)
    reading, _ = found(wire, "v5")
    assert reading.state is State.TROUBLE
    for said in (
        "V5 does not answer the number of profiles",
        "of one profile by its profileId, one profile by a unique attribute it could not be told",
        "apply, fix and undo cannot compare before a write nor read back after it",
    ):
        assert said in reading.reason


def test_an_empty_table_has_nobody_to_ask_for() -> None:
    wire = licence("v5")
    wire.on("GET", PROFILE, ok({"profiles": []}))
    reading, _ = found(wire, "v5")
    assert reading.state is State.NOT_CHECKED
    assert "of one profile by its profileId, one profile by a unique attribute it is not told" in reading.reason


# What will end


def announcing(content: object) -> httpx.Response:
    return httpx.Response(200, json=content, headers=ENDS)


@pytest.mark.parametrize(
    ("dialect", "path", "content", "said"),
    [
        ("v5", SCENARIOS, [], 'the scenarios of the profile table "Customers" in V4'),
        ("v5", ETLS, [], "the stored import definitions in V5"),
        ("v5", PROFILE, [SOMEBODY], "a page of the profiles in V5"),
        ("v4", PROFILE, [SOMEBODY], "a page of the profiles in V5"),
        ("v4", SCENARIOS, [], 'the scenarios of the profile table "Customers" in V4'),
    ],
)
def test_what_will_end_is_told_whichever_generation_it_is_of(
    dialect: str, path: str, content: object, said: str
) -> None:
    """Another dialect would not help."""
    wire = licence("v5", "v4")
    wire.on("GET", path, announcing(content))
    reading, _ = found(wire, dialect)
    assert reading.state is State.WARNING
    assert f"will end {said} on 2099-03-31" in reading.reason
    assert reading.repair == "ask Actito what takes their place"


def test_what_will_end_of_the_generation_that_is_not_used_is_nobodys_loss() -> None:
    wire = licence("v5", "v4")
    wire.on("GET", f"{PROFILE}/8", announcing(SOMEBODY))
    reading, _ = found(wire, "v4")
    assert reading.state is State.OK


@pytest.mark.parametrize("dialect", ["v4", "v5"])
def test_what_will_end_of_the_writes_is_told_by_the_address(dialect: str) -> None:
    wire = licence("v5", "v4")
    place = PROFILE_V4 if dialect == "v4" else PROFILE
    headers = {"Allow": "GET, PUT, PATCH, DELETE", **ENDS}
    wire.on("OPTIONS", f"{place}/8", httpx.Response(204, headers=headers))
    _, writing = found(wire, dialect)
    assert writing.state is State.WARNING
    assert "the change of a profile" in writing.reason
    assert f"in {dialect.upper()} on 2099-03-31" in writing.reason
    assert ("V5 answers them" in writing.repair) is (dialect == "v4")


def test_what_is_not_told_is_said_before_what_is_missing_but_not_needed() -> None:
    """Both are named."""
    there = Operation("a", "a fails", True, {"v5": True}, ())
    asked = [there, replace(there, name="b", answers={"v5": None}), replace(there, name="c", needed=False)]
    asked[2] = replace(asked[2], answers={"v5": False}, without="c is not known")
    finding = judged(asked, "v5")
    assert finding.state is State.NOT_CHECKED
    assert finding.reason == (
        "V5 answers a; V5 does not answer c here: c is not known; "
        "of b it is not told without doing it: the first time shows"
    )
