"""First names that may be one person's, because one is short for the other."""

from __future__ import annotations

from importlib.resources import files

import pytest

from auditor.explain.persons.short_names import names_meant


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("robert", "bob"),
        ("william", "bill"),
        ("elizabeth", "betty"),
        ("jozef", "jef"),
        ("katrien", "catharina"),
        ("johannes", "jan"),
        ("wim", "willem"),
        ("emmanuel", "manu"),
        ("babette", "elisabeth"),
        ("uschi", "ursula"),
        ("sepp", "josef"),
        ("bob", "rob"),
    ],
)
def test_a_short_form_may_be_the_whole_name(one: str, other: str) -> None:
    assert names_meant()[one] & names_meant()[other]


@pytest.mark.parametrize(("one", "other"), [("albert", "alfred"), ("jan", "piet"), ("marie", "manu"), ("anna", "emma")])
def test_two_names_are_two_although_a_short_form_fits_both(one: str, other: str) -> None:
    meant = names_meant()
    assert not meant.get(one, frozenset((one,))) & meant.get(other, frozenset((other,)))
    assert "albert" in meant["al"]
    assert "alfred" in meant["al"]


def test_the_list_is_in_order_and_in_base_letters() -> None:
    text = (files("auditor.explain.persons") / "short_names.txt").read_text("ascii")
    for language in text.split("\n[")[1:]:
        names = [line.partition(":")[0] for line in language.splitlines()[1:] if line]
        assert names == sorted(set(names)), language.partition("]")[0]
        assert all(line.replace(": ", "").replace(" ", "").isalpha() for line in language.splitlines()[1:] if line)
