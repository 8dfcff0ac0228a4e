"""Keys that two systems write otherwise: what would match them is found and offered, and nothing is matched by it."""

from __future__ import annotations

import csv
import random
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from auditor.commands.compare import Comparison, compare
from auditor.findings.codes import Code
from auditor.model import Status
from auditor.settings.compare_options import Question

DRAW = random.Random(20261130)  # noqa: S311 -- the same keys every time
NUMBERS = range(1001, 1013)
PLAIN = [str(number) for number in NUMBERS]
GUIDS = [str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in NUMBERS]
SALESFORCE = ["001A" + "".join(DRAW.choices("ABCabc0123XYZxyz", k=11)) for _ in NUMBERS]


def of_18(key: str) -> str:
    """With the check of https://developer.salesforce.com: per five characters, which are capitals."""
    sums = [sum(1 << place for place, sign in enumerate(key[at : at + 5]) if sign.isupper()) for at in (0, 5, 10)]
    return key + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[one] for one in sums)


def file(path: Path, keys: Sequence[str | tuple[str, ...]], names: Sequence[str]) -> str:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*names, "note"])
        writer.writerows([*((key,) if isinstance(key, str) else key), "x"] for key in keys)
    return str(path)


def ask(
    folder: Path,
    platform: Sequence[str | tuple[str, ...]],
    truth: Sequence[str | tuple[str, ...]],
    names: tuple[str, ...] = ("id",),
    rules: Mapping[str, str] | None = None,
) -> Comparison:
    ours, theirs = (file(folder / f"{name}.csv", keys, names) for name, keys in (("a", platform), ("b", truth)))
    return compare(Question(ours, theirs, key=names, rules=rules or {}))


def related(compared: Comparison) -> Mapping[str, object] | None:
    found = [one.parameters for one in compared.conclusion.notices if one.code is Code.KEYS_RELATED]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("platform", "truth", "rule"),
    [
        ([f"{one}.0" for one in PLAIN], PLAIN, "number"),
        ([f"{number / 1000}E3" for number in NUMBERS], PLAIN, "number"),
        ([one.zfill(9) for one in PLAIN], PLAIN, "number"),
        ([f"{number:,}" for number in NUMBERS], PLAIN, "identifier"),
        ([f"{number:,}".replace(",", ".") for number in NUMBERS], PLAIN, "identifier"),
        ([f"{number:,}".replace(",", "\u00a0") for number in NUMBERS], PLAIN, "identifier"),
        ([f"{one},0" for one in PLAIN], PLAIN, "identifier"),
        ([f"'{one}" for one in PLAIN], PLAIN, "identifier"),
        (["{" + one.upper() + "}" for one in GUIDS], GUIDS, "identifier"),
        ([one.replace("-", "") for one in GUIDS], GUIDS, "identifier"),
        ([f"urn:uuid:{one}" for one in GUIDS], GUIDS, "identifier:urn:uuid:*"),
        (["0x" + one.replace("-", "").upper() for one in GUIDS], GUIDS, "identifier:guid"),
        (
            ["{" + str(uuid.UUID(bytes=uuid.UUID(one).bytes_le)).upper() + "}" for one in GUIDS],
            GUIDS,
            "identifier:guid",
        ),
        ([f"{number}-{number % 7}" for number in NUMBERS], PLAIN, "identifier:*-?"),
        ([f"{'ABCD'[number % 4]}{number % 3}_{number}" for number in NUMBERS], PLAIN, "identifier:??_*"),
        ([f"{number}{number * 3 % 10}" for number in NUMBERS], PLAIN, "identifier:4"),
        (SALESFORCE, [of_18(one) for one in SALESFORCE], "identifier:salesforce"),
        ([of_18(one).lower() for one in SALESFORCE], SALESFORCE, "identifier:salesforce"),
        ([f"C-{one}" for one in PLAIN], PLAIN, "identifier:C-*"),
        ([f"CUST{one.zfill(8)}" for one in PLAIN], PLAIN, "identifier:CUST*"),
        ([f"99{one}" for one in PLAIN], PLAIN, "identifier:99*"),
        ([f"{one}-BE" for one in PLAIN], PLAIN, "identifier:*-BE"),
        ([f"{'ABCD'[number % 4]}{number}" for number in NUMBERS], PLAIN, "identifier:digits"),
        ([f"Ann{one}@X.be" for one in PLAIN], [f"ann{one}@x.be" for one in PLAIN], "email"),
        ([f"k{one} " for one in PLAIN], [f"k{one}" for one in PLAIN], "text"),
        ([f"K{one}" for one in PLAIN], [f"k{one}" for one in PLAIN], "code"),
        ([f"<ann{one}@x.be>" for one in PLAIN], [f"ann{one}@x.be" for one in PLAIN], "identifier:mailbox"),
        ([f"mailto:Ann{one}@x.be" for one in PLAIN], [f"ann{one}@x.be" for one in PLAIN], "identifier:mailbox"),
        ([f"ann{one}+news@x.be" for one in PLAIN], [f"ann{one}@x.be" for one in PLAIN], "identifier:mailbox"),
        ([f"+3247012{one}" for one in PLAIN], [f"047012{one}" for one in PLAIN], "phone:BE"),
        ([f"+4930 901{one}" for one in PLAIN], [f"030/901{one}" for one in PLAIN], "phone:DE"),
        (
            [f"{number}/{number % 7 + 1}" for number in NUMBERS],
            [f"{number % 7 + 1}/{number}" for number in NUMBERS],
            "set:/",
        ),
        ([f"{one}.0" for one in PLAIN], [*PLAIN, *(f"Z{one}q" for one in range(100))], "number"),
    ],
)
def test_a_relation_is_found_told_and_can_be_taken(
    tmp_path: Path, platform: list[str], truth: list[str], rule: str
) -> None:
    compared = ask(tmp_path, platform, truth)
    assert compared.conclusion.counts.profiles[Status.EQUAL] == 0, "nothing is matched by it"
    number, missing = len(platform), len(truth)
    none = {"platform": 0, "truth": 0}
    assert related(compared) == {"rules": {"id": rule}, "keys": number, "of": missing, "collide": none}
    [said] = [notice["sentence"] for notice in compared.summary["notices"] if f"id={rule}" in notice["sentence"]]
    assert ("stands around it" in said) == ("*" in rule)


def test_what_is_offered_matches_them(tmp_path: Path) -> None:
    compared = ask(tmp_path, [f"C-{one}" for one in PLAIN], PLAIN, rules={"id": "identifier:C-*"})
    assert compared.conclusion.counts.profiles[Status.EQUAL] == len(PLAIN)
    assert related(compared) is None


def test_a_tenth_of_the_keys_is_enough_and_the_others_stay(tmp_path: Path) -> None:
    others = [f"{number}" for number in range(5000, 5108)]
    compared = ask(tmp_path, [*others, *(f"{one}.0" for one in PLAIN)], [*others, *PLAIN])
    assert compared.conclusion.counts.profiles[Status.EQUAL] == len(others)
    found = related(compared)
    assert found is not None
    assert (found["rules"], found["keys"], found["of"]) == ({"id": "number"}, 12, 12)


def test_each_column_of_a_key_has_a_rule_of_its_own(tmp_path: Path) -> None:
    names = ("shop", "id")
    compared = ask(tmp_path, [("BE", f"{one}.0") for one in PLAIN], [("be", one) for one in PLAIN], names)
    found = related(compared)
    assert found is not None
    assert (found["rules"], found["keys"]) == ({"shop": "code", "id": "number"}, 12)
    compared = ask(tmp_path, [("BE", f"C-{one}") for one in PLAIN], [("BE", one) for one in PLAIN], names)
    found = related(compared)
    assert found is not None
    assert (found["rules"], found["keys"]) == ({"id": "identifier:C-*"}, 12)


def test_a_rule_that_would_make_two_keys_one_is_told_and_not_proposed(tmp_path: Path) -> None:
    compared = ask(tmp_path, ["1.0", "1.00", "2.0", "3.0", "4"], ["1", "2", "3", "04", "004"])
    found = related(compared)
    assert found is not None
    assert found["collide"] == {"platform": 2, "truth": 2}
    [sentence] = [one["sentence"] for one in compared.summary["notices"] if one["code"] == Code.KEYS_RELATED]
    assert "--rule" not in sentence
    assert "2 keys of File 1 and 2 keys of File 2 would be one with another" in sentence


@pytest.mark.parametrize(
    ("platform", "truth", "told"),
    [
        ([str(number) for number in range(1000, 1400)], [f"{1000 + 9 * one}{one % 7}" for one in range(40)], None),
        ([f"C{number}" for number in range(1000, 1400)], [f"{1000 + 9 * one}" for one in range(40)], "identifier:C*"),
    ],
)
def test_keys_that_match_by_chance_are_not_offered(
    tmp_path: Path, platform: list[str], truth: list[str], told: str | None
) -> None:
    """Where numbers stand close, any other one is somebody's: the names tell that the pairs are different people."""
    for name, keys, step in (("a", platform, 7919), ("b", truth, 104_729)):
        rows = (f"{key},{'aeiou'[place % 5]}{place * step % 10_007}" for place, key in enumerate(keys))
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,name", *rows]) + "\n")
    compared = compare(Question(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), key=("id",), rules={}))
    found = related(compared)
    assert (found and found["rules"], found and found["doubtful"]) == (told and {"id": told}, told and True)
    [sentence] = [one["sentence"] for one in compared.summary["notices"] if one["code"] == "keys_related"] or [""]
    assert "--rule" not in sentence


def test_what_the_other_columns_bear_out_is_offered(tmp_path: Path) -> None:
    for name, keys in (("a", range(1000, 1400)), ("b", range(1000, 1400, 10))):
        rows = (f"{f'C{key}' if name == 'a' else key},n{key if key % 3 else 0}" for key in keys)
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,name", *rows]) + "\n")
    compared = compare(Question(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), key=("id",), rules={}))
    found = related(compared)
    assert found is not None
    assert "doubtful" not in found
    assert any("--rule 'id=identifier:C*'" in one["sentence"] for one in compared.summary["notices"])


@pytest.mark.parametrize("alike", [True, False])
def test_another_prefix_on_either_side_is_one_numbering_where_other_columns_bear_it_out(
    tmp_path: Path, alike: bool
) -> None:
    """`crm-00123` and `act-123` may as well be a customer and an account."""
    for name, spelt, own in (("a", "crm-{:05}", ""), ("b", "act-{}", "" if alike else "other ")):
        rows = (f"{spelt.format(number)},{own}n{number % 997}" for number in range(120, 180))
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,name", *rows]) + "\n")
    found = related(compare(Question(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), key=("id",), rules={})))
    assert (found and (found["rules"], found["keys"])) == (({"id": "identifier:digits"}, 60) if alike else None)


def test_two_mailboxes_that_a_rule_would_make_one_are_told(tmp_path: Path) -> None:
    found = related(ask(tmp_path, ["a+x@y.be", "a+z@y.be", *(f"k{n}+q@y.be" for n in range(5))],
                        ["a@y.be", *(f"k{n}@y.be" for n in range(5))]))  # fmt: skip
    assert found is not None
    assert (found["rules"], found["collide"]) == ({"id": "identifier:mailbox"}, {"platform": 2, "truth": 0})


def test_another_rule_goes_before_one_that_would_make_two_keys_one(tmp_path: Path) -> None:
    """Without signs they would be one: `a-1` and `a1` are two people of File 1, and case alone tells who is who."""
    found = related(ask(tmp_path, ["A-1", "A1", "B-2", "B-3"], ["a-1", "a1", "b-2", "b-3"]))
    assert found is not None
    assert (found["rules"], found["keys"]) == ({"id": "code"}, 4)


@pytest.mark.parametrize(
    ("platform", "truth"),
    [
        ([f"A-{one}" for one in PLAIN], [f"B-{one}" for one in PLAIN]),  # two numberings
        (PLAIN, [str(number) for number in range(5000, 5012)]),
        (["1001.0"], ["1001"]),  # one is no system
        ([f"{number}{number % 7}" for number in NUMBERS], [*PLAIN[:6], *(str(n) for n in range(5000, 5006))]),  # half
        (PLAIN, PLAIN[:6]),  # nobody of the other side is left
    ],
)
def test_where_nothing_is_to_be_seen_nothing_is_said(tmp_path: Path, platform: list[str], truth: list[str]) -> None:
    assert related(ask(tmp_path, platform, truth)) is None
