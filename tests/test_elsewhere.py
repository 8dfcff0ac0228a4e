"""Values that stand in another field or in another row are told so, and what chance gives is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import polars as pl
import pytest

from auditor.commands.compare import compare
from auditor.settings.compare_options import Question

FIRST = ("Ann", "Jan", "Lotte", "Piet", "Sofie", "Tom", "Eva", "Bart", "Nele", "Koen")
LAST = ("Peeters", "Maes", "Claes", "Smet", "Wouters", "Jacobs", "Mertens", "Willems", "Goossens", "De Wit")
PEOPLE = [
    {
        "id": str(n), "f": FIRST[n % 10], "l": LAST[(n * 3 + n // 10) % 10], "mail": f"p{n * 7 % 60}@demo.be",
        "phone": f"+3247{n * n * 7919 % 10**7:07d}", "city": f"City {n * 13 % 60}",
    }
    for n in range(60)
]  # fmt: skip
TOWNS = ("Gent", "Oostende", "Luik", "Brugge", "Namen")
Row = Mapping[str, str]


def told(tmp_path: Path, platform: Sequence[Row], truth: Sequence[Row] = PEOPLE) -> dict[str, set[tuple[str, str]]]:
    """Column → reasons and patterns of its causes."""
    for name, rows in (("p", platform), ("t", truth)):
        pl.DataFrame([dict(row) for row in rows]).write_csv(tmp_path / f"{name}.csv")
    found = compare(Question(str(tmp_path / "p.csv"), str(tmp_path / "t.csv"), ("id",)))
    causes: dict[str, set[tuple[str, str]]] = {}
    for row in found.causes.to_dicts():
        causes.setdefault(row["column"], set()).add((row["reason"], row["pattern"]))
    return causes


def moved(places: Mapping[str, str], rows: int = 60) -> list[Row]:
    """The people with the cells of the first rows in other columns: column → where its cell comes from."""
    return [{**one, **{to: one[of] for to, of in places.items()}} if n < rows else one for n, one in enumerate(PEOPLE)]


@pytest.mark.parametrize("rows", [1, 20])
def test_two_fields_that_are_exchanged_in_the_row_are_named(tmp_path: Path, rows: int) -> None:
    assert told(tmp_path, moved({"f": "l", "l": "f"}, rows)) == {
        "f": {("exchanged", "exchanged with l")},
        "l": {("exchanged", "exchanged with f")},
    }
    assert told(tmp_path, PEOPLE, moved({"mail": "phone", "phone": "mail"}, rows)) == {
        "mail": {("exchanged", "exchanged with phone")},
        "phone": {("exchanged", "exchanged with mail")},
    }


def test_cells_that_were_pushed_aside_or_turned_round_are_told_whose_they_are(tmp_path: Path) -> None:
    pushed = [{**one, "mail": "x", "phone": one["mail"], "city": one["phone"]} for one in PEOPLE]
    assert told(tmp_path, pushed) == {
        "mail": {("exchanged", "stands in phone")},
        "phone": {("exchanged", "holds mail")},
        "city": {("exchanged", "holds phone")},
    }
    assert told(tmp_path, moved({"mail": "phone", "phone": "city", "city": "mail"})) == {
        "mail": {("exchanged", "holds phone")},
        "phone": {("exchanged", "holds city")},
        "city": {("exchanged", "holds mail")},
    }


def test_cells_pushed_to_the_left_leave_the_last_one_empty(tmp_path: Path) -> None:
    pushed = [{**one, "phone": one["city"], "city": ""} if n < 20 else one for n, one in enumerate(PEOPLE)]
    assert told(tmp_path, pushed) == {
        "phone": {("exchanged", "holds city")},
        "city": {("exchanged", "stands in phone")},
    }


@pytest.mark.parametrize(("to", "of"), [("l", "f"), ("l", "mail"), ("mail", "city")])
def test_a_copy_of_another_field_is_told_with_the_side_that_has_it(tmp_path: Path, to: str, of: str) -> None:
    copied = moved({to: of}, 3)
    assert told(tmp_path, copied) == {to: {("exchanged", f"a copy of {of} on platform")}}
    assert told(tmp_path, PEOPLE, copied) == {to: {("exchanged", f"a copy of {of} in truth")}}


def test_fields_that_often_hold_the_same_hold_no_copies(tmp_path: Path) -> None:
    """Whoever has had her invoices sent elsewhere now has them sent home."""
    people = [{**one, "invoices": one["city"] if n % 2 else f"Office {n}"} for n, one in enumerate(PEOPLE)]
    now = [{**one, "invoices": one["city"]} if n < 6 else one for n, one in enumerate(people)]
    assert told(tmp_path, people, now) == {"invoices": {("different", "")}}


def test_words_for_yes_and_no_are_no_copies_of_one_another(tmp_path: Path) -> None:
    """Whoever wanted the one and not the other now wants both, or neither."""
    turned = {"true": "false", "false": "true"}
    people = [{"id": str(n), "mail": "true" if n % 2 else "false"} for n in range(60)]
    ours = [{**one, "post": turned[one["mail"]]} for one in people]
    theirs = [{**one, "post": one["mail"]} if n < 30 else one for n, one in enumerate(ours)]
    assert all(reason != "exchanged" for cells in told(tmp_path, ours, theirs).values() for reason, _ in cells)


@pytest.mark.parametrize(
    ("whole", "apart", "expected"),
    [
        ({"a": "Ann Maes", "b": ""}, {"a": "Ann", "b": "Maes"}, {"a": "b as well", "b": "within a"}),
        ({"a": "Maes, Ann", "b": ""}, {"a": "Ann", "b": "Maes"}, {"a": "b as well", "b": "within a"}),
        ({"a": "Ann Maes", "b": "Maes"}, {"a": "Ann", "b": "Maes"}, {"a": "b as well"}),
        ({"a": "Kerkstraat 12/3", "b": "", "c": ""}, {"a": "Kerkstraat", "b": "12", "c": "3"},
         {"a": "b as well", "b": "within a", "c": "within a"}),
        ({"a": "9000 Gent", "b": ""}, {"a": "9000", "b": "Gent"}, {"a": "b as well", "b": "within a"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", ["on platform", "in truth"])
def test_two_values_in_one_cell_are_not_cut_off(
    tmp_path: Path, whole: Row, apart: Row, expected: Mapping[str, str], side: str
) -> None:
    rows = [{"id": "1", **whole}], [{"id": "1", **apart}]
    found = told(tmp_path, *(rows if side == "on platform" else rows[::-1]))
    assert found == {column: {("exchanged", f"{pattern} {side}")} for column, pattern in expected.items()}


@pytest.mark.parametrize(
    ("whole", "apart"),
    [
        ({"a": "Kerkstraat 12", "b": "5"}, {"a": "Kerkstraat", "b": "12"}),
        ({"a": "Annette", "b": "ette"}, {"a": "Ann", "b": "ette"}),
        ({"a": "Kerkstraat 12", "b": "12"}, {"a": "Kerkstraat", "b": "12"}),
    ],
)
def test_what_was_cut_off_stays_so(tmp_path: Path, whole: Row, apart: Row) -> None:
    assert ("truncated", "cut off in truth") in told(tmp_path, [{"id": "1", **whole}], [{"id": "1", **apart}])["a"]


@pytest.mark.parametrize("column", ["f", "mail", "phone"])
@pytest.mark.parametrize("by", [1, 2])
def test_a_column_that_slipped_is_told_by_how_many_rows_and_on_which_side(tmp_path: Path, column: str, by: int) -> None:
    slipped = [{**one, column: PEOPLE[n - by][column] if n >= by else "x"} for n, one in enumerate(PEOPLE)]
    mixed = [*PEOPLE]
    Random(1).shuffle(mixed)  # noqa: S311 -- the other file has an order of its own
    rows = f"slipped by {by} row{'s' if by > 1 else ''}"
    for platform, truth, pattern in (
        (slipped, mixed, f"{rows} on platform"),
        (mixed, slipped, f"{rows} in truth"),
        (slipped, PEOPLE, rows),
    ):
        found = told(tmp_path, platform, truth)
        assert set(found) == {column}
        assert ("slipped", pattern) in found[column]
        assert {reason for reason, _ in found[column]} <= {"slipped", "different", "typo", "relation"}


@pytest.mark.parametrize(("column", "slipped"), [("street", True), ("points", False)])
def test_where_nearly_everybody_has_their_own_a_few_that_stand_in_other_rows_are_told(
    tmp_path: Path, column: str, slipped: bool
) -> None:
    """Six of sixteen changed streets are other people's; new points are other people's no oftener than by chance."""
    draw = Random(7)  # noqa: S311 -- of points
    people = [{"id": str(n), "street": f"Long Street {n * 7 % 300}", "points": str(n * 7)} for n in range(300)]
    now = [{**one} for one in people]
    for n in range(6):
        now[n]["street"] = people[(n + 1) % 6]["street"]
    for n in range(10, 20):
        now[n]["street"] = f"New Lane {n}"
    for one in now[:150]:
        one["points"] = str(draw.randrange(2100))
    assert ("slipped" in {reason for reason, _ in told(tmp_path, people, now)[column]}) == slipped


def test_a_column_that_was_sorted_alone_is_told_with_its_side(tmp_path: Path) -> None:
    in_order = sorted(one["mail"] for one in PEOPLE)
    by_itself = [{**one, "mail": mail} for one, mail in zip(PEOPLE, in_order, strict=True)]
    found = told(tmp_path, by_itself)["mail"]
    assert ("slipped", "sorted alone on platform") in found
    assert {reason for reason, _ in found} <= {"slipped", "swapped"}


@pytest.mark.parametrize("given_out", [lambda n: str(5_000_001 + 3 * n), lambda n: f"2024-01-01 10:{n:02}:00"])
def test_what_rises_with_the_keys_was_not_sorted_alone(tmp_path: Path, given_out: Callable[[int], str]) -> None:
    """Cards and moments of creation are in order in every healthy file: it is the other one that was mixed up."""
    healthy = [{**one, "card": given_out(n)} for n, one in enumerate(PEOPLE)]
    cards = [one["card"] for one in healthy]
    Random(3).shuffle(cards)  # noqa: S311 -- the other file
    mixed = [{**one, "card": card} for one, card in zip(PEOPLE, cards, strict=True)]
    for platform, truth in ((mixed, healthy), (healthy, mixed)):
        patterns = {pattern for reason, pattern in told(tmp_path, platform, truth)["card"] if reason == "slipped"}
        assert patterns == {"in another row"}


@pytest.mark.parametrize(
    ("column", "pairs", "reason"), [("l", [(1, 2)], "swapped"), ("city", [(1, 2), (3, 4)], "different")]
)
def test_two_who_have_each_others_are_told_so_unless_many_have_them(
    tmp_path: Path, column: str, pairs: Sequence[tuple[int, int]], reason: str
) -> None:
    """Of two hundred surnames two are exchanged; of five towns some people moved the one way and some the other."""
    people = [{"id": str(n), "l": f"Name {n * 7 % 200} {'x' * (n % 9)}", "city": TOWNS[n % 5]} for n in range(600)]
    now = {n: {**one} for n, one in enumerate(people)}
    for one, other in pairs:
        now[one][column], now[other][column] = people[other][column], people[one][column]
    assert told(tmp_path, people, list(now.values())) == {column: {(reason, "")}}


def test_names_that_changed_are_not_elsewhere(tmp_path: Path) -> None:
    """Few first names: many of the new ones were somebody else's before."""
    draw = Random(5)  # noqa: S311 -- of names
    names = [{**one, "f": draw.choice(FIRST), "l": draw.choice(LAST)} for one in PEOPLE]
    assert {reason for reasons in told(tmp_path, names).values() for reason, _ in reasons} <= {
        "different", "typo", "truncated", "swapped"
    }  # fmt: skip
