"""Which columns are one though both tables spell their names otherwise, and that a comparison of nothing is no pass."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from auditor.commands.compare import Comparison, compare
from auditor.errors import SettingsError
from auditor.findings.codes import NotChecked, Notice
from auditor.findings.sentences import sentence
from auditor.model import Verdict
from auditor.settings.column_names import alike, almost, shown
from auditor.settings.compare_options import Question
from auditor.settings.contract import Compare, Share
from auditor.settings.date_formats import unreadable
from auditor.settings.distances import parse_distance, unfit


@pytest.mark.parametrize(
    ("platform", "truth", "pairs"),
    [
        ("Email", "email", {"Email": "email"}),
        ("E-mail", "email", {"E-mail": "email"}),
        ("first_name", "firstName", {"first_name": "firstName"}),
        ("First Name", "FIRST_NAME", {"First Name": "FIRST_NAME"}),
        ("city ", "city", {"city ": "city"}),
        ("\ufeffnr", "nr", {"\ufeffnr": "nr"}),
        ("last\u00a0name", "last name", {"last\u00a0name": "last name"}),
        ("Prénom", "prenom", {"Prénom": "prenom"}),
        ("Straße", "strasse", {"Straße": "strasse"}),
        ("zip\u200b", "ZIP", {"zip\u200b": "ZIP"}),
        ("ＩＤ", "id", {"ＩＤ": "id"}),
        ("email|Email", "EMAIL", {}),  # it could be either
        ("email|e-mail", "EMAIL", {"email": "EMAIL"}),  # but for case it is one
        ("city|note", "town|remark", {}),
        ("***", "---", {}),
        ("a1", "a2", {}),
    ],
)
def test_names_that_are_almost_the_same(platform: str, truth: str, pairs: dict[str, str]) -> None:
    assert alike(platform.split("|"), truth.split("|")) == pairs


def test_a_name_that_is_not_there_is_told_with_all_its_characters() -> None:
    assert shown("\ufeffid\u00a0") == "\\ufeffid\\u00a0"
    assert almost("id", ["\ufeffID", "v"]) == ', did you mean "\\ufeffID"?'
    assert almost("lastNme", ["lastName"]) == ', did you mean "lastName"?'
    assert almost("x", ["lastName"]) == ""


def files(folder: Path, platform: str, truth: str) -> tuple[str, str]:
    for name, text in (("a", platform), ("b", truth)):
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return str(folder / "a.csv"), str(folder / "b.csv")


def ask(folder: Path, platform: str, truth: str, key: tuple[str, ...] = ("id",), **more: Any) -> Comparison:
    return compare(Question(*files(folder, platform, truth), key=key, **more))


def told(compared: Comparison) -> list[str]:
    conclusion = compared.conclusion
    both: tuple[Notice | NotChecked, ...] = (*conclusion.not_checked, *conclusion.notices)
    return [sentence(one, conclusion.say) for one in both]


def test_nothing_was_compared_and_the_columns_that_could_be_are_offered(tmp_path: Path) -> None:
    compared = ask(tmp_path, "id,Email,Post code\n1,a,x\n", "id,email,postCode\n1,b,x\n")
    assert compared.conclusion.verdict is Verdict.INCOMPLETE
    nothing, offered = told(compared)
    assert nothing.startswith("File 1 and File 2 have no column in common but the key id")
    assert "--map Email=email --map 'Post code=postCode' compares them" in offered
    assert [notice["code"] for notice in compared.summary["notices"]] == ["names_offered"]
    assert compared.only_platform == ("Email", "Post code")


def test_loose_names_are_compared_and_told_and_may_be_named_as_people_do(tmp_path: Path) -> None:
    compared = ask(
        tmp_path, "ID ,E-mail,v\n1,a@x.be,x\n", "id,email,v\n1,A@X.be,x\n", loosely=True, rules={"email": "email"}
    )
    assert compared.conclusion.verdict is Verdict.CLEAN
    assert told(compared) == [
        'compared though the names are not the same letter by letter: "ID " with "id", "E-mail" with "email"'
    ]
    assert (compared.only_platform, compared.only_truth) == ((), ())


@pytest.mark.parametrize(
    ("platform", "truth", "more"),
    [
        ("id,a\n1,x\n", "id,b\n1,x\n", {}),
        ("id\n1\n", "id\n1\n", {}),
        ("id,v\n1,x\n", "id,v\n1,x\n", {"ignored": ("v",)}),
        ("id,v\n", "id,v\n", {}),
        ("id,v\n1,x\n", "id,v\n1,x\n", {"where": "id = '2'"}),
    ],
)
def test_a_comparison_of_nothing_is_never_clean(
    tmp_path: Path, platform: str, truth: str, more: dict[str, Any]
) -> None:
    assert ask(tmp_path, platform, truth, **more).conclusion.verdict is Verdict.INCOMPLETE


def test_only_the_columns_that_are_named_are_compared(tmp_path: Path) -> None:
    compared = ask(tmp_path, "id,v,w,x\n1,a,b,c\n", "id,v,w,z\n1,x,y,c\n", only=("w",))
    assert compared.differences["column"].to_list() == ["w"]
    assert (compared.only_platform, compared.only_truth) == ((), ())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rules": {"born": "date:%d/%m/%y"}}, ["--rule born", "two digits", "%Y"]),
        ({"rules": {"born": "timestamp:%d/%m/%y %H:%M"}}, ["two digits"]),
        ({"rules": {"born": "date:%m/%Y"}}, ["leaves day, month or year open"]),
        ({"rules": {"born": "timestamp:%d/%m/%Y %I:%M"}}, ["morning or afternoon"]),
        ({"rules": {"born": "date:%d/%m/%Q%Y"}}, ["no format that can be read"]),
        ({"rules": {"born": "date"}, "ignored": ("born",)}, ['--rule born: "born" is left out with --ignore']),
        ({"rules": {"born": "date"}, "only": ("note",)}, ["--rule born", "not among --only-columns"]),
        ({"rules": {"here": "date"}}, ['--rule here: "here" is not in', "--map here=…"]),
        ({"tolerances": {"here": Decimal(1)}}, ['--tolerance here: "here" is not in']),
        ({"only": ("here",)}, ['--only-columns here: "here" is not in']),
        ({"only": ("nowhere",)}, ['"nowhere" is no column']),
        ({"only": ("born",), "ignored": ("born",)}, ["--only-columns born", "left out"]),
        ({"mapped": {"here": "there"}, "ignored": ("there",)}, ["--map here=there", "left out"]),
        ({"tolerances": {"id": Decimal(1)}}, ["--tolerance id", "is a key"]),
        ({"tolerances": {"born": Decimal(1)}, "rules": {"born": "date"}}, ["--tolerance born", "length of time: 1d"]),
        ({"tolerances": {"born": timedelta(hours=3)}, "rules": {"born": "date"}}, ["whole days"]),
        ({"tolerances": {"born": Share(Decimal("0.01"))}, "rules": {"born": "timestamp"}}, ["length of time"]),
        ({"tolerances": {"born": timedelta(1)}, "rules": {"born": "number"}}, ["a number or a percentage"]),
        ({"tolerances": {"born": Decimal(1)}, "rules": {"born": "text"}}, ["compared as text"]),
        ({"key": ("ID",)}, ['"ID" is no column', 'did you mean "id"', "--names loose"]),
    ],
)
def test_what_cannot_apply_is_refused_and_never_passed_over(
    tmp_path: Path, more: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        ask(tmp_path, "id,born,here,note\n1,x,y,z\n", "id,born,there,note\n1,x,y,z\n", **more)
    said = f"{raised.value} {raised.value.hint}"
    assert all(word in said for word in words), said


DAYS = ("%d/%m/%Y", "%Y%m%d", "%-d.%-m.%Y", "%d %B %Y", "%Y-%j", "%d/%m/%Y %H:%M", "%d/%m/%Y %I:%M %p", "%Y-%m-%d %X%z")


@pytest.mark.parametrize("text", DAYS)
def test_formats_that_say_a_day(text: str) -> None:
    assert unreadable(text, Compare.TIMESTAMP) is None


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("0.01", Decimal("0.01")),
        (1, Decimal(1)),
        ("1%", Share(Decimal("0.01"))),
        ("0.5 %", Share(Decimal("0.005"))),
        ("1d", timedelta(1)),
        ("2h", timedelta(hours=2)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        (timedelta(1), timedelta(1)),
        ("some", None),
        ("-1", None),
        ("-1%", None),
        ("%", None),
        ("1w", None),
        ("nan", None),
        ("", None),
    ],
)
def test_distances_as_people_write_them(text: object, distance: object) -> None:
    if distance is None:
        with pytest.raises(ValueError, match=r"a distance such as 0\.01, 1%, 1d, 2h or 90s is expected"):
            parse_distance(text)
    else:
        assert parse_distance(text) == distance


def test_a_distance_fits_some_rules() -> None:
    fits = {
        (rule, str(one))
        for rule in Compare
        for one in (Decimal(1), Share(Decimal(1)), timedelta(1))
        if not unfit(one, rule)
    }
    assert fits == {("number", "1"), ("number", "100%"), ("date", "1 day, 0:00:00"), ("timestamp", "1 day, 0:00:00")}
