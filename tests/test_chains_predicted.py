"""Which unique values Actito would refuse, against what it refuses: moves of every shape, carried out one by one.

The stand-in Actito judges by code of its own: addresses are the same in any case.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.diff.of_others import of_others
from auditor.model import Attribute, AttributeType, Kind, Route, Structure, Why
from auditor.plan.knowledge import OF_OTHERS
from auditor.plan.uniques import in_order, without_order
from auditor.sandbox.app import make_app, open_licence
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.faults import Faults, parse
from auditor.sandbox.limits import limits_named
from auditor.settings.contract import Column, Compare, Contract
from auditor.writes import Cell, Write
from tests.diff_runs import Landing, compared, engine_in, run
from tests.nothing_known import a_write
from tests.sandbox_client import PROFILES_V5, attributes
from tests.test_plan import an_audit, correction, differs, left, plans, some_facts
from tests.test_sandbox_v5 import Client

pytestmark = pytest.mark.breaches("*")  # values that are refused are sent on purpose

PEOPLE = 12
UNIQUE = ("emailAddress", "customerId")

Moves = Mapping[tuple[str, str], str]
"""Key and column → the value wanted there; empty: none."""


def licence(folder: Path) -> Client:
    made = open_licence(folder, PEOPLE, 2)
    http = Client(make_app(made, limits_named("extended"), Dialect(), Faults(1, parse(()))))
    http.headers = {"Authorization": f"Bearer {http.get('/auth/token').json()['accessToken']}"}
    return http


def put(http: Client, key: str, column: str, value: str | None) -> int:
    return http.patch(f"{PROFILES_V5}/{key}", json=attributes(**{column: value or None})).status_code


def now(http: Client) -> dict[tuple[str, str], str]:
    """What everybody has."""
    found: dict[tuple[str, str], str] = {}
    for number in range(1, PEOPLE + 1):
        told = http.get(f"{PROFILES_V5}/{number}").json()["attributes"]
        found |= {(str(number), name): told.get(name) or "" for name in UNIQUE}
    return found


def predicted(has: Moves, moves: Moves) -> tuple[list[Write], list[Write], dict[tuple[str, str], Why]]:
    """The clears, the updates in their order, and what is refused."""
    rows = [(*cell, has[cell]) for cell in moves]
    differences = pl.DataFrame(rows, schema=dict.fromkeys(("key", "column", "platform"), pl.String()), orient="row")
    others = [
        (*cell, holder)
        for cell, wanted in moves.items()
        for (holder, column), value in has.items()
        if wanted and column == cell[1] and holder != cell[0] and value.lower() == wanted.lower()
    ]
    held = pl.DataFrame(others, schema=OF_OTHERS, orient="row")
    of_each: dict[tuple[Kind, str], list[Cell]] = {}
    for (key, column), wanted in moves.items():
        kind = Kind.UPDATE if wanted else Kind.CLEAR
        of_each.setdefault((kind, key), []).append(Cell(column, has[key, column], wanted or None))
    writes = [a_write(kind, Route.SINGLE, key, key, tuple(cells)) for (kind, key), cells in of_each.items()]
    refused = without_order(writes, differences, UNIQUE, held)
    left = [(one, tuple(cell for cell in one.cells if (one.key, cell.column) not in refused)) for one in writes]
    kept = [replace(one, cells=cells) for one, cells in left if cells]
    clears = [one for one in kept if one.kind is Kind.CLEAR]
    return clears, in_order(kept, differences, UNIQUE, held), refused


def held_against(http: Client, moves: Moves) -> dict[tuple[str, str], Why]:
    """Carry out what is planned, and try what is predicted to be refused."""
    clears, updates, refused = predicted(now(http), moves)
    for one in (*clears, *updates):
        values = {cell.column: cell.after for cell in one.cells}
        assert http.patch(f"{PROFILES_V5}/{one.key}", json=attributes(**values)).status_code == 200, one
    for key, column in refused:
        assert put(http, key, column, moves[key, column]) == 409, (key, column)
    return refused


def mails(has: Moves, *pairs: tuple[int, int | str]) -> dict[tuple[str, str], str]:
    """Whose address each of them is to have, or which one."""
    return {
        (str(one), "emailAddress"): other if isinstance(other, str) else has[str(other), "emailAddress"]
        for one, other in pairs
    }


@pytest.mark.parametrize(
    ("pairs", "refused"),
    [
        ([(1, 2)], {1: Why.TAKEN}),  # a chain of one: 2 keeps hers
        ([(1, 2), (2, 3), (3, 4)], dict.fromkeys((1, 2, 3), Why.TAKEN)),
        ([(1, 2), (2, 3), (3, "new@x.be")], {}),
        ([(1, 2), (2, 1)], dict.fromkeys((1, 2), Why.CIRCLE)),
        ([(1, 2), (2, 3), (3, 1), (4, 1)], {1: Why.CIRCLE, 2: Why.TAKEN, 3: Why.TAKEN, 4: Why.TAKEN}),
        ([(1, 2), (2, 3), (4, 5), (5, "new@x.be")], dict.fromkeys((1, 2), Why.TAKEN)),
    ],
)
def test_chains(tmp_path: Path, pairs: list[tuple[int, int | str]], refused: dict[int, Why]) -> None:
    http = licence(tmp_path)
    found = held_against(http, mails(now(http), *pairs))
    assert {int(key) for key, _ in found} == set(refused)
    if len(pairs) < 4:
        assert {int(key): why for (key, _), why in found.items()} == refused


def test_two_chains_that_meet_end_both(tmp_path: Path) -> None:
    """Of two that want one free value Actito takes whichever comes first: none is sent."""
    http = licence(tmp_path)
    moves = mails(now(http), (1, 2), (2, "new@x.be"), (3, 4), (4, "NEW@x.be"))
    *_, refused = predicted(now(http), moves)
    assert refused == {(str(key), "emailAddress"): Why.TAKEN for key in (1, 2, 3, 4)}
    assert [put(http, key, "emailAddress", moves[key, "emailAddress"]) for key in ("2", "4")] == [200, 409]


def test_moves_of_any_shape(tmp_path: Path) -> None:
    """Chains, circles, ends that are free, kept or cleared, in two columns at once."""
    draw = random.Random(20261130)  # noqa: S311 -- the same moves every time
    http = licence(tmp_path)
    seen = set[Why]()
    for turn in range(25):
        has = now(http)
        moves: dict[tuple[str, str], str] = {}
        for column in UNIQUE:
            pool = [has[str(n), column] for n in range(1, PEOPLE + 1)] + [f"N{turn}{column[0]}{n}@x.be" for n in "12"]
            for number in draw.sample(range(1, PEOPLE + 1), draw.randint(2, 9)):
                wanted = pool.pop(draw.randrange(len(pool)))
                wanted = draw.choice([wanted, wanted, wanted.upper() if column == "emailAddress" else ""])
                if wanted.lower() != has[str(number), column].lower():
                    moves[str(number), column] = wanted
        seen |= set(held_against(http, moves).values())
    assert seen == {Why.TAKEN, Why.CIRCLE}


def others(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=OF_OTHERS, orient="row")


def test_a_chain_whose_last_holder_keeps_hers_is_left_alone_and_the_rest_of_the_profiles_written() -> None:
    rows = [
        differs("A", "email", "a@x.be", "b@x.be"),
        differs("A", "city", "g", "h"),
        differs("B", "email", "b@x.be", "z@x.be"),
        differs("C", "email", "c@x.be", "new@x.be"),
    ]
    plan = correction(*rows, of_others=others(("A", "email", "B"), ("B", "email", "Z")))
    assert [(write.key, [cell.column for cell in write.cells]) for write in plan.writes] == [
        ("A", ["city"]),
        ("C", ["email"]),
    ]
    assert left(plan) == [("A", "email", "taken"), ("B", "email", "taken")]


Z, NEW = "z@x.be", "new@x.be"


def test_of_two_unique_values_of_a_profile_the_one_that_can_be_had_does_not_wait_for_the_other() -> None:
    """A cannot have Z's address, but a free card; so that B can have A's card, which she lets go."""
    rows = [
        differs("A", "email", "a@x.be", Z), differs("A", "card", "1", "9"), differs("B", "card", "2", "1"),
    ]  # fmt: skip
    plan = correction(*rows, of_others=others(("A", "email", "Z"), ("B", "card", "A")))
    assert [(write.key, [cell.column for cell in write.cells]) for write in plan.writes] == [
        ("A", ["card"]),
        ("B", ["card"]),
    ]
    assert left(plan) == [("A", "email", "taken")]


def test_profiles_that_wait_for_each_other_in_different_cells_are_written_cell_by_cell() -> None:
    rows = [
        differs("A", "email", "a@x.be", "b@x.be"), differs("A", "card", "1", "7"), differs("A", "city", "g", "h"),
        differs("B", "email", "b@x.be", NEW), differs("B", "card", "2", "1"),
    ]  # fmt: skip
    plan = correction(*rows, of_others=others(("A", "email", "B"), ("B", "card", "A")))
    done = [(write.key, cell.column) for write in plan.writes for cell in write.cells]
    assert left(plan) == []
    assert sorted(done) == [("A", "card"), ("A", "city"), ("A", "email"), ("B", "card"), ("B", "email")]
    assert done.index(("B", "email")) < done.index(("A", "email"))
    assert done.index(("A", "card")) < done.index(("B", "card"))


def test_who_has_no_key_keeps_hers_and_what_an_older_run_did_not_tell_is_not_guessed() -> None:
    row = differs("A", "email", "a@x.be", "z@x.be")
    assert left(correction(row, of_others=others(("A", "email", "")))) == [("A", "email", "taken")]
    older = others(("A", "email", "")).with_columns(holder=pl.lit(None, pl.String()))
    assert left(correction(row, of_others=older)) == []


def test_a_plan_that_goes_on_with_an_earlier_one_writes_no_half_of_a_chain() -> None:
    rows = [differs("A", "card", "1", "2"), differs("B", "card", "2", "9")]
    earlier = correction(*rows)
    now = [rows[0], differs("B", "card", "2", "8")]
    again = plans(an_audit(now), None, some_facts(), approved=earlier)[0]
    assert (again.writes, left(again)) == ((), [("A", "card", "taken"), ("B", "card", "not_taken")])


def test_the_holder_of_a_value_is_found_whatever_becomes_of_her(tmp_path: Path) -> None:
    """Equal, only on the platform, out of the population, without a key: she has it. A telephone counts once."""
    columns = (
        Column("id", "id", "id"),
        Column("email", "email", "email", compare=Compare.EMAIL, type=AttributeType.EMAIL),
        Column("phone", "phone", "phone", type=AttributeType.PHONE),
    )
    contract = Contract("T", ("id",), columns, ZoneInfo("UTC"), population_platform="kind = 'in'")
    structure = Structure("1", "T", (Attribute("email", AttributeType.EMAIL, unique=True), Attribute("phone")))
    names = ("id", "email", "phone", "kind")
    platform = [
        ("1", "a@x", "1", "in"), ("2", "B@x", "2", "in"), ("3", "c@x", "2", "in"), ("4", "d@x", "3", "in"),
        ("5", "e@x", "4", "out"), (None, "f@x", "5", "in"),
    ]  # fmt: skip
    truth = [("1", "b@x", "2", "in"), ("2", "b@x", "2", "in"), ("3", "e@x", "4", "in"), ("4", "f@x", "3", "in")]
    with engine_in(tmp_path) as engine:
        ours, theirs = ([dict(zip(names, row, strict=True)) for row in rows] for rows in (platform, truth))
        run(engine, Landing.beside(engine), contract, ours, theirs)
        rows = engine.rows(of_others(engine, contract, structure, *compared(engine)))
    assert sorted(rows) == [("1", "email", "2"), ("3", "email", "5"), ("3", "phone", "5"), ("4", "email", "")]


@pytest.mark.parametrize(
    ("moves", "believed"),
    [
        ({"street": {1: 30}}, 1),  # one of a few
        ({"street": {n: 30 + n for n in range(6)} | dict.fromkeys(range(6, 12))}, 6),
        ({"points": {n: 30 + n for n in range(4)} | dict.fromkeys(range(4, 100))}, 0),  # chance gives as many
        ({"town": {1: 30}, "language": {1: 3}}, 0),  # many have the same
    ],
)
def test_what_nearly_everybody_has_for_themselves_is_somebody_elses(
    tmp_path: Path, moves: Mapping[str, Mapping[int, int | None]], believed: int
) -> None:
    names = ("id", "street", "points", "town", "language")
    columns = tuple(
        Column(name, name, name, compare=Compare.CODE if name == "language" else Compare.TEXT) for name in names
    )
    contract = Contract("T", ("id",), columns, ZoneInfo("UTC"))
    structure = Structure("1", "T", tuple(Attribute(name) for name in names))
    platform = [
        {
            "id": str(n),
            "street": f"Street {n}",
            "points": str(n % 180),
            "town": f"Town {n % 20}",
            "language": f"L{n % 4}",
        }
        for n in range(200)
    ]
    truth = [{**row} for row in platform]
    for name, rows in moves.items():
        for row, of in rows.items():
            truth[row][name] = f"new {row}" if of is None else platform[of][name]
    with engine_in(tmp_path) as engine:
        run(engine, Landing.beside(engine), contract, platform, truth)
        found = engine.rows(of_others(engine, contract, structure, *compared(engine)))
    assert len(found) == believed
