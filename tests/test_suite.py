"""The suite: generated from the structure, stored, read back, renewed without losing what a steward wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auditor.errors import SettingsError
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.settings.contract import Column, Compare, Contract
from auditor.validate import preload
from auditor.validate.generate import refresh
from auditor.validate.suite import Expectation, Suite, read_suite, store_suite

T = AttributeType

STRUCTURE = Structure(
    "16",
    "Customers",
    attributes=(
        Attribute("profileId", T.LONG, unique=True, mandatory=True),
        Attribute("customerId", unique=True, max_length=20),
        Attribute("emailAddress", T.EMAIL, unique=True, mandatory=True),
        Attribute("lastName", mandatory=True),
        Attribute("birthDate", T.DATE),
        Attribute("sex", T.SEX),
        Attribute("personTitle", T.TITLE),
        Attribute("gsmNumber", T.PHONE),
        Attribute("interests", multi_valued=True, allowed=("a", "b")),
        Attribute("nickname", min_length=2, max_length=30),
        Attribute("points", T.INTEGER),
        Attribute("shop"),
        Attribute("place", T.COORDINATES),
        Attribute("born"),
        Attribute("language", T.LANGUAGE),
        Attribute("country", T.COUNTRY),
        Attribute("seen", T.TIMESTAMP),
        Attribute("active", T.BOOLEAN),
        Attribute("value", T.NUMERIC),
        Attribute("card", T.LONG),
        Attribute("unmapped", mandatory=True),
    ),
    subscriptions=("Newsletter",),
    segmentations=(
        Segmentation("Vip"),
        Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold", "Silver")),
    ),
    references={"shop": "Shops", "unmapped": "Others"},
)

OWN = Expectation(
    type="expect_column_values_to_match_regex",
    kwargs={"column": "nickname", "regex": "^[a-z]"},
    meta={"sentence": "begins with a small letter", "team": "shops"},
    extra={"id": "7d1f0c3e-2a43-4a55-9c0e-1f6f1d3f8a11", "severity": "warning", "notes": "asked for by the shops"},
)


def contract(structure: Structure = STRUCTURE) -> Contract:
    names = [name for name in structure.columns if name != "unmapped"]
    columns = tuple(Column(name, name, name, argument="BE" if name == "gsmNumber" else "") for name in names)
    return Contract("Customers", ("customerId",), columns, ZoneInfo("UTC"))


def generated(structure: Structure = STRUCTURE) -> Suite:
    return refresh(None, structure, contract(structure))


def with_own() -> Suite:
    """The generated suite and, in front of it, what a steward wrote."""
    suite = generated()
    return Suite(suite.name, (OWN, *suite.expectations), {"id": "1", "notes": "ours", "meta": {"owner": "shops"}})


def test_every_restriction_of_the_structure_becomes_an_expectation() -> None:
    """Technical attributes are made by Actito itself, unmapped ones are not looked at: neither has any."""
    of_structure = [item for item in generated().expectations if item.meta["source"] == "structure"]
    assert [(", ".join(item.columns), item.rule) for item in of_structure] == [
        ("customerId", "unique"),
        ("customerId", "max_length"),
        ("emailAddress", "mandatory"),
        ("emailAddress", "unique"),
        ("emailAddress", "max_length"),
        ("emailAddress", "email"),
        ("lastName", "mandatory"),
        ("lastName", "max_length"),
        ("birthDate", "date"),
        ("sex", "sex"),
        ("personTitle", "title"),
        ("gsmNumber", "phone"),
        ("interests", "max_length"),
        ("interests", "allowed_values"),
        ("nickname", "max_length"),
        ("nickname", "min_length"),
        ("points", "integer"),
        ("shop", "max_length"),
        ("shop", "reference"),
        ("place", "coordinates"),
        ("born", "max_length"),
        ("language", "language"),
        ("country", "country"),
        ("seen", "timestamp"),
        ("active", "boolean"),
        ("value", "number"),
        ("card", "integer"),
        ("subscriptions#Newsletter", "boolean"),
        ("segmentations#Vip", "boolean"),
        ("segmentations#Tier", "mandatory"),
        ("segmentations#Tier", "segment"),
    ]


def test_an_expectation_says_in_words_what_is_right() -> None:
    sentences = {(item.columns[0], item.rule): item.sentence for item in generated().expectations}
    assert sentences["nickname", "max_length"] == "at most 30 characters"
    assert sentences["lastName", "max_length"] == "at most 255 characters", "the limit of any text (D-etlf)"
    assert sentences["segmentations#Tier", "segment"] == "one of Gold, Silver, and no second one"
    assert sentences["shop", "reference"] == "the key of a row that the table Shops has"
    assert all(sentences.values())


def test_a_stored_suite_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "expectations" / "Customers" / "suite.json"
    store_suite(with_own(), path)
    assert read_suite(path) == with_own()
    assert [entry.name for entry in path.parent.iterdir()] == ["suite.json"]


def test_storing_an_unchanged_suite_leaves_the_file_alone(tmp_path: Path) -> None:
    """A file under version control that changes for nothing is noise."""
    path = tmp_path / "suite.json"
    store_suite(with_own(), path)
    path.chmod(0o400)
    before = path.stat()
    store_suite(read_suite(path), path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_great_expectations_loads_the_file_and_says_the_same(tmp_path: Path) -> None:
    preload()  # our own types are known from here on
    import great_expectations as gx

    path = tmp_path / "suite.json"
    store_suite(with_own(), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    loaded: Any = gx.ExpectationSuite(**content).to_json_dict()
    assert loaded["name"] == "Customers"
    assert loaded["meta"]["owner"] == "shops"
    theirs: Any = loaded["expectations"]
    assert [item["type"] for item in theirs] == [item["type"] for item in content["expectations"]]
    for item, ours in zip(theirs, content["expectations"], strict=True):
        assert ours["kwargs"].items() <= item["kwargs"].items()
        assert item["meta"] == ours["meta"]
    path.write_text(json.dumps(loaded), encoding="utf-8")
    again = read_suite(path)
    assert [(item.type, item.rule, item.columns, item.generated) for item in again.expectations] == [
        (item.type, item.rule, item.columns, item.generated) for item in with_own().expectations
    ]


def test_a_refresh_renews_what_is_generated_and_keeps_what_is_not() -> None:
    changed = Structure("16", "Customers", (Attribute("customerId", unique=True), Attribute("nickname", max_length=5)))
    renewed = refresh(with_own(), changed, contract(changed))
    assert [(item.columns[0], item.rule) for item in renewed.expectations] == [
        ("customerId", "unique"),
        ("customerId", "max_length"),
        ("nickname", "max_length"),
        ("customerId", "jump"),
        ("nickname", "jump"),
        ("nickname", "match_regex"),
    ]
    assert renewed.expectations[2].kwargs["max_value"] == 5
    assert renewed.expectations[-1] == OWN
    assert renewed.extra == with_own().extra


def test_a_refresh_keeps_what_a_steward_changed_of_a_generated_expectation() -> None:
    """The limit is Actito's to change; how much it matters, and to whom, is the steward's."""
    suite = generated()
    [place] = [
        n for n, item in enumerate(suite.expectations) if (item.columns, item.rule) == (("nickname",), "max_length")
    ]
    content = suite.content()
    item = content["expectations"][place]
    item["kwargs"]["mostly"] = 0.99
    item["meta"] |= {"severity": "warning", "who_cares": "shops", "ticket": 12, "sentence": "an old sentence"}
    item |= {"id": "abc", "notes": "asked for"}
    changed = Suite(suite.name, tuple(Expectation(one["type"], one["kwargs"], one["meta"], {
        name: one[name] for name in ("id", "notes") if name in one}) for one in content["expectations"]))  # fmt: skip
    shorter = replace(
        STRUCTURE,
        attributes=tuple(
            replace(one, max_length=20) if one.name == "nickname" else one for one in STRUCTURE.attributes
        ),
    )
    renewed = refresh(changed, shorter, contract()).expectations[place]
    assert renewed.kwargs == {"column": "nickname", "max_value": 20, "mostly": 0.99}
    assert renewed.severity == "warning"
    assert (renewed.meta["who_cares"], renewed.meta["ticket"], renewed.extra["id"]) == ("shops", 12, "abc")
    assert renewed.sentence == "at most 20 characters", "what is right follows the structure"


def test_every_generated_expectation_says_where_it_comes_from_and_who_cares() -> None:
    assert {item.meta["source"] for item in generated().expectations} == {"structure", "contract"}
    for item in generated().expectations:
        assert item.meta["severity"] == ("error" if item.meta["source"] == "structure" else "warning")
        assert item.meta["sentence"]
        assert item.meta["who_cares"] in ("data steward", "engineer of the synchronisation", "data protection officer")


def test_a_refresh_without_a_change_changes_nothing() -> None:
    once = refresh(with_own(), STRUCTURE, contract())
    assert refresh(once, STRUCTURE, contract()) == once


def test_a_steward_may_say_in_words_what_is_right() -> None:
    def sentence(**content: Any) -> str:
        return Expectation("expect_column_values_to_be_in_set", {"column": "a"}, **content).sentence

    assert sentence(meta={"sentence": " red or blue "}) == "red or blue"
    assert sentence(extra={"notes": ["red", "or blue"]}) == "red or blue"
    assert sentence() == "what expect_column_values_to_be_in_set of the suite asks for"


def test_an_expectation_without_words_says_its_settings() -> None:
    """Whoever reads of a failing value must learn what a right one looks like."""
    one = Expectation("expect_column_values_to_match_regex", {"column": "a", "regex": "^C[0-9]{6}$", "mostly": 0.9})
    assert one.sentence == "a text of the form ^C[0-9]{6}$"
    many = Expectation("expect_column_values_to_be_in_set", {"column": "a", "value_set": list(range(12))})
    assert many.sentence == "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 … (12 values)"
    short = Expectation("expect_column_value_lengths_to_be_between", {"column": "a", "min_value": 2, "max_value": 5})
    assert short.sentence == "2 to 5 characters"
    mean = Expectation("expect_column_mean_to_be_between", {"column": "a", "max_value": 3})
    assert mean.sentence == "at most 3 as the mean of all values"
    larger = {"column_A": "a", "column_B": "b", "or_equal": True}
    pair = Expectation("expect_column_pair_values_a_to_be_greater_than_b", larger)
    assert pair.sentence == "a larger value in a than in b, or the same"
    rare = Expectation("expect_column_value_z_scores_to_be_less_than", {"column": "a", "threshold": 3})
    assert rare.sentence == "what expect_column_value_z_scores_to_be_less_than of the suite asks for: threshold 3"
    long = Expectation("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["x" * 500]})
    assert len(long.sentence) < 250
    assert long.sentence.endswith("x…")


def test_what_the_contract_says_beyond_the_structure_is_a_warning() -> None:
    """A free text that its rule must be able to read, and spellings that are translated. Actito takes them all."""
    of = {
        "born": Column("born", "born", "born", Compare.DATE),
        "shop": Column("shop", "shop", "shop", values={"1": "Gent", "2": "Luik", "02": "Luik"}),
        "gsmNumber": Column("gsmNumber", "gsm", "gsmNumber", Compare.PHONE, "BE", T.PHONE),
        "sex": Column("sex", "sex", "sex", type=T.SEX, values={"H": "M"}),
        "lastName": Column("lastName", "name", "lastName", Compare.PHONE, "NL"),
        "customerId": Column("customerId", "id", "customerId"),
    }
    small = Contract("Customers", ("customerId",), tuple(of.values()), ZoneInfo("UTC"))
    told = [one for one in refresh(None, STRUCTURE, small).expectations if one.meta["source"] == "contract"]
    assert [(one.columns[0], one.rule, {**one.kwargs, "column": ""}) for one in told if one.rule != "jump"] == [
        ("born", "unreadable", {"column": "", "kind": "date"}),
        ("shop", "untranslated", {"column": "", "value_set": ["Gent", "Luik"]}),
        ("lastName", "unreadable", {"column": "", "kind": "phone", "region": "NL"}),
    ]
    assert {one.severity for one in told} == {"warning"}
    assert told[0].sentence == "a date, however it is spelt: the contract compares this column as such"
    jumps = {one.columns[0]: one.kwargs for one in told if one.rule == "jump"}
    assert set(jumps) == set(of)
    assert [name for name, kwargs in jumps.items() if kwargs.get("values") is False] == ["customerId"]


def test_a_refresh_keeps_what_a_steward_calls_a_jump() -> None:
    suite = generated()
    changed = [
        replace(one, kwargs={**one.kwargs, "effect": 4, "runs": 3, "least_rows": 9}) if one.rule == "jump" else one
        for one in suite.expectations
    ]
    renewed = refresh(Suite(suite.name, tuple(changed)), STRUCTURE, contract())
    assert renewed.expectations == tuple(changed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name": "x",\n "expectations": [}', "line 2, column 19"),
        ("[]", "an object with name and expectations is expected"),
        ('{"name": "x"}', "expectations is missing"),
        ('{"expectations": []}', "name is missing"),
        ('{"name": "x", "expectations": [{"type": "t", "kwargs": {}}, 3]}', "expectations[1] is no object"),
        ('{"name": "x", "expectations": [{"kwargs": {}}]}', "expectations[0].type is missing"),
        ('{"name": "x", "expectations": [{"type": "t", "kwargs": []}]}', "expectations[0].kwargs is missing"),
        (
            '{"name": "x", "expectations": [{"type": "t", "kwargs": {}, "meta": 1}]}',
            "expectations[0].meta is no object",
        ),
        (
            '{"name": "x", "expectations": [{"type": "t", "kwargs": {}, "meta": {"severity": "fatal"}}]}',
            "expectations[0].meta.severity is none of error, warning and info",
        ),
        (
            '{"name": "x", "expectations": [{"type": "t", "kwargs": {}, "meta": {"source": "structure"}}]}',
            "expectations[0].meta.rule is not a rule of the structure",
        ),
        (
            '{"name": "x", "expectations": [{"type": "t", "kwargs": {}, "meta": {"source": "contract", "rule": 1}}]}',
            "expectations[0].meta.rule is not a rule of the contract",
        ),
    ],
)
def test_a_broken_file_is_one_error_with_file_and_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "suite.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_suite(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_all_problems_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text('{"expectations": [{}, 3]}', encoding="utf-8")
    with pytest.raises(SettingsError, match="4 problems"):
        read_suite(path)


def test_a_missing_file_and_one_in_another_encoding_are_said(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    with pytest.raises(SettingsError, match="there is no suite"):
        read_suite(path)
    path.write_bytes('{"name": "é"}'.encode("latin-1"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_suite(path)


def test_the_country_codes_are_those_of_the_time_zone_database() -> None:
    from auditor.validate.value_kinds import COUNTRIES, LANGUAGES

    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8").splitlines()
    assert {line.split("\t")[0] for line in lines if not line.startswith("#")} == COUNTRIES
    assert len(LANGUAGES) == 184
    assert {"FR", "NL", "DE", "EN", "SV"} < LANGUAGES
