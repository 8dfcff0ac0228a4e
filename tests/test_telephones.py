"""Two notations of one telephone number are seen, in any country; two numbers are none, however much they are alike."""

from __future__ import annotations

import pytest

from auditor.explain.distances import numbers_apart
from auditor.explain.relations import relations
from auditor.explain.telephones import countries, is_telephone, telephone

ALONE = "a number without its country"


@pytest.mark.parametrize(
    ("local", "abroad"),
    [
        ("0474 99 23 83", "+32474992383"),
        ("0474/99.23.83", "+32 474 99 23 83"),
        ("(0474) 99-23-83", "0032474992383"),
        ("474992383", "+32474992383"),
        ("0474992383", "32474992383"),
        ("639 897 351", "+34639897351"),
        ("503-193-751", "+48503193751"),
        ("91 123 45 67", "+34911234567"),
        ("06 12 34 56 78", "+33 (0)6 12 34 56 78"),
        ("030 12345678", "+493012345678"),
        ("2025550123", "+12025550123"),
        ("(202) 555-0123", "+1 202 555 0123"),
        ("8 912 345-67-89", "+79123456789"),
    ],
)
def test_a_number_without_its_country_is_the_one_with_it(local: str, abroad: str) -> None:
    assert telephone(local, abroad) == f"{ALONE} on platform"
    assert telephone(abroad, local) == f"{ALONE} in truth"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0032474992383", "+32474992383"),
        ("+32 (0)474 99 23 83", "+32474992383"),
        ("0032 (0)474/99.23.83", "+32 474 99 23 83"),
        ("+320474992383", "+32474992383"),
    ],
)
def test_the_country_is_written_in_several_ways(one: str, other: str) -> None:
    assert telephone(one, other) == telephone(other, one) == "the same telephone number"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+33474992383", "+32474992383"),
        ("0474992383", "+32475992383"),
        ("+3232474992383", "+32474992383"),
        ("992383", "+32474992383"),
        ("(+32) 474-99-23-83", "+32474992383"),  # the same but for punctuation, and told as such
        ("4992383", "32474992383"),
        ("1000000000", "1000000"),
        ("12.5", "+12.5"),
        ("2024-05-01", "2024-05-02"),
    ],
)
def test_other_numbers_are_other_numbers(one: str, other: str) -> None:
    assert telephone(one, other) is telephone(other, one) is None


def test_nobody_computes_with_telephone_numbers() -> None:
    numbers = [f"+3247{n * 7919:07d}" for n in range(1, 40)]
    for pairs in (
        [(one.replace("+32", "+33"), one) for one in numbers],
        [(one.replace("+32", "+3232"), one) for one in numbers],
        [("0" + one[3:], one) for one in numbers],
    ):
        assert list(numbers_apart(pairs)) == []
        assert not any("more" in one.pattern.split() and "piece" not in one.pattern for one in relations(pairs, "UTC"))
    assert [is_telephone(text) for text in ("0474 99 23 83", "+32474992383", "00324749923")] == [True] * 3
    assert [is_telephone(text) for text in ("0.1234567890", "12345678", "+5", "-123456789", "+1234567.89")] == [
        False
    ] * 5


def test_countries_are_those_that_the_texts_name() -> None:
    assert countries(["0474992383", "+32474992383", "+34 639 897 351"], spelt_out=True) == ["BE", "ES"]
    assert countries(["32474992383"], spelt_out=True) == []
    assert countries(["32474992383"], spelt_out=False) == ["BE"]
