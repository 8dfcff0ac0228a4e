"""What a steward adds to the suite, in a whole run: all failing rows, what they mean, and what is kept from Actito."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.errors import Exit
from auditor.findings.codes import Code, read_not_checked
from auditor.findings.words import Words
from auditor.model import Rule
from auditor.state.run_folder import read_validation
from auditor.validate.record import as_gx
from tests.audits import in_words
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy

OWN: list[dict[str, Any]] = [
    {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "nickname"},
        "meta": {"source": "steward", "severity": "info", "sentence": "a nickname to greet them by"},
    },
    {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "lastName", "regex": "^no name begins so"},
        "severity": "warning",
    },
    {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "emailAddress", "regex": "^no address begins so"},
        "meta": {"severity": "error"},
    },
    {
        "type": "expect_column_values_to_match_like_pattern",
        "kwargs": {"column": "lastName", "like_pattern": "no name", "mostly": 0.0},
    },
    {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE nope"}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "shoeSize"}},
]
"""In Great Expectations' own words, as a steward would write them into the file."""


@dataclass(frozen=True)
class Ran:
    folder: Path
    document: dict[str, Any]
    violations: pl.DataFrame
    differences: pl.DataFrame

    def of(self, rule: str, column: str) -> pl.DataFrame:
        return self.violations.filter((pl.col("rule") == rule) & (pl.col("column") == column))


@pytest.fixture(scope="module")
def ran(small: Made, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Today's audit with a steward's own expectations in the suite."""
    folder = copy(small.agreed, tmp_path_factory.mktemp("steward") / "work", sandbox)
    path = folder / "expectations" / "Customers" / "suite.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, "expectations": [*content["expectations"], *OWN]}), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from auditor.cli import execute

        assert execute(["run"]) == Exit.INCOMPLETE
    run = max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))
    document = json.loads((run / "run.json").read_text("utf-8"))
    return Ran(
        folder, document, pl.read_parquet(run / "violations.parquet"), pl.read_parquet(run / "differences.parquet")
    )


def test_every_row_that_fails_is_there_and_no_other(ran: Ran) -> None:
    """The export says who has no nickname; who is not among the violations is outside what was checked, and counted."""
    with max(ran.folder.glob("exports/*.csv")).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    without = [row["customerId"] for row in rows if not row["nickname"].strip()]
    found = ran.of("not_be_null", "nickname").filter(pl.col("side") == "platform")["key"].to_list()
    assert found
    assert set(found) <= set(without)
    aside = sum(ran.document["rows"][f"platform_{name}"] for name in ("excluded", "null_key", "rejected"))
    assert len(without) - len(found) <= aside
    assert set(ran.of("not_be_null", "nickname")["severity"]) == {"info"}
    assert set(ran.of("not_be_null", "nickname")["detail"]) == {"a nickname to greet them by"}


def test_rows_within_a_threshold_are_shown_as_that(ran: Ran) -> None:
    names = ran.of("match_regex", "lastName")
    assert set(names["severity"]) == {"warning"}
    tolerated = ran.of("match_like_pattern", "lastName")
    assert set(tolerated["severity"]) == {"tolerated"}
    assert sorted(tolerated["key"].to_list()) == sorted(names["key"].to_list())


def test_a_warning_keeps_nothing_from_being_corrected_and_an_error_does(ran: Ran) -> None:
    """What Actito would refuse is kept out whatever a steward says."""
    refused = set(
        ran.violations.filter((pl.col("side") == "truth") & pl.col("rule").is_in([rule.value for rule in Rule]))
        .select("key", "column")
        .iter_rows()
    )
    filled = ran.differences.filter(pl.col("truth").is_not_null())
    names = filled.filter(pl.col("column") == "lastName")
    assert names.height
    assert {row["key"] for row in names.iter_rows(named=True) if row["blocked"]} == {
        key for key in names["key"] if (key, "lastName") in refused
    }
    addresses = filled.filter(pl.col("column") == "emailAddress")
    assert addresses.height
    assert addresses["blocked"].all()


def test_what_cannot_be_evaluated_is_named_and_is_no_pass(ran: Ran) -> None:
    gaps = [read_not_checked(item, blocks_plan=False) for item in ran.document["not_checked"]]
    sentences = [in_words(gap) for gap in gaps if gap.code is Code.NOT_EVALUATED]
    assert ran.document["verdict"] == "incomplete"
    for kind, why in (("unexpected_rows_expectation", "it ended with"), ("not_be_null", "shoeSize is not mapped")):
        assert len([text for text in sentences if kind in text and why in text]) == 2, "one for each side"
        assert {text.partition(",")[0] for text in sentences if kind in text} == {"in Actito", "in CRM"}


def test_severities_are_counted(ran: Ran) -> None:
    counted = ran.document["violations"]
    by_hand = dict(ran.violations.group_by("severity").len().iter_rows())
    assert counted["by_severity"] == by_hand
    assert set(by_hand) == {"error", "warning", "info", "tolerated"}
    assert counted["platform"] + counted["truth"] == ran.violations.height


@pytest.mark.parametrize("side", ["platform", "truth"])
def test_a_result_is_exported_as_great_expectations_loads_it(
    ran: Ran, side: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    monkeypatch.chdir(ran.folder)
    said = auditor(capsys, "suite", "export", "--side", side)
    assert said.code == Exit.FINE
    result: Any = expectationSuiteValidationResultSchema.load(json.loads(said.out))
    suite = json.loads((ran.folder / "expectations" / "Customers" / "suite.json").read_text("utf-8"))
    assert (result["success"], result["suite_name"]) == (False, "Customers")
    assert len(result["results"]) == len(suite["expectations"]) == result["statistics"]["evaluated_expectations"]
    found = ran.violations.filter(pl.col("side") == side)
    counted = sum(one["result"].get("unexpected_count", 0) for one in result["results"])
    assert counted == found.height
    again = expectationSuiteValidationResultSchema.load(expectationSuiteValidationResultSchema.dump(result))
    assert again["results"] == result["results"]
    # It tells of it in its own words, and makes a page of it.
    described = json.loads(result.describe())
    assert len(described["expectations"]) == len(suite["expectations"])
    page = ValidationResultsPageRenderer().render(result)
    assert "customerId" in json.dumps(page.to_json_dict())
    raised = [one for one in result["results"] if one["exception_info"]["raised_exception"]]
    assert [one["success"] for one in raised] == [False, False]
    for one in result["results"]:
        share = one["result"].get("unexpected_percent", 0)
        assert (share > 0) == (one["result"].get("unexpected_count", 0) > 0)
    within = [one["success"] for one in result["results"] if "mostly" in one["expectation_config"]["kwargs"]]
    assert within == [True], "a threshold that is met is a success"


@pytest.mark.parametrize("run", [f"20261126T230256Z-{end}" for end in ("0100", "2359", "2400", "6156", "9999", "1e05")])
def test_great_expectations_makes_a_page_of_every_run(ran: Ran, run: str) -> None:
    """Its page reads the name of a run as a moment if it can, with what follows the hyphen as an offset from UTC."""
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    content = read_validation(ran.folder / "runs" / ran.document["run"])
    told = as_gx(content, "platform", run=run, started="2026-11-26T23:02:56Z", say=Words("Actito", "CRM"))
    page = ValidationResultsPageRenderer().render(expectationSuiteValidationResultSchema.load(told))
    assert run in json.dumps(page.to_json_dict())


def test_a_result_is_exported_as_assertions_of_openlineage(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenLineage's own classes, made from its published schemas, give the same document of the same parts."""
    from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality
    from openlineage.client.serde import Serde

    monkeypatch.chdir(ran.folder)
    said = auditor(capsys, "suite", "export", "--as", "openlineage")
    event = json.loads(said.out)
    assert [one["name"] for one in event["inputs"]] == ["Customers", "crm/contacts_*.csv"]
    inputs = []
    for one in event["inputs"]:
        assert one.keys() == {"namespace", "name", "inputFacets"}
        [(name, facet)] = one["inputFacets"].items()
        assert name == "dataQualityAssertions"
        assertions = [quality.Assertion(**item) for item in facet["assertions"]]
        theirs = quality.DataQualityAssertionsDatasetFacet(assertions=assertions, producer=facet["_producer"])
        inputs.append(InputDataset(namespace=one["namespace"], name=one["name"], inputFacets={name: theirs}))
        for item in facet["assertions"]:
            texts = {item[field] for field in item if field not in ("success", "params")}
            assert {type(text) for text in texts} == {str}
            assert isinstance(item["success"], bool)
            assert isinstance(item["params"], dict)
            assert item["severity"] in ("error", "warn")
        not_evaluated = [item for item in facet["assertions"] if item["description"].startswith("not evaluated: ")]
        assert [item["success"] for item in not_evaluated] == [False, False]
        [address] = [item for item in facet["assertions"] if "no address begins so" in item["description"]]
        assert (address["success"], address["column"]) == (False, "emailAddress")
    same = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=event["eventTime"],
        run=Run(runId=event["run"]["runId"]),
        job=Job(**event["job"]),
        inputs=inputs,
        outputs=[],
        producer=event["producer"],
    )
    assert bare(json.loads(Serde.to_json(same))) == bare(event)
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None


def bare(part: Any) -> Any:
    """A document without what is empty: their classes write `facets` everywhere."""
    if isinstance(part, dict):
        return {name: bare(value) for name, value in part.items() if value not in ({}, [], None)}
    return [bare(value) for value in part] if isinstance(part, list) else part


def test_an_export_holds_no_value_of_a_profile(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran.folder)
    addresses = ran.of("match_regex", "emailAddress")["value"].drop_nulls().to_list()
    assert addresses
    for form in (["--side", "truth"], ["--side", "platform"], ["--as", "openlineage"]):
        said = auditor(capsys, "suite", "export", *form)
        assert not any(address in said.out for address in addresses)


def test_show_tells_a_stewards_violation(
    ran: Ran, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran.folder)
    key = ran.of("not_be_null", "nickname").filter(pl.col("side") == "platform")["key"][0]
    said = auditor(capsys, "show", key)
    assert said.code == Exit.FINE
    screen = " ".join(said.out.split())
    assert "Actito nickname: Empty (note); correct is: a nickname to greet them by" in screen


def test_the_stewards_expectations_are_in_the_suite_as_they_were(ran: Ran) -> None:
    content = json.loads((ran.folder / "expectations" / "Customers" / "suite.json").read_text("utf-8"))
    kept = content["expectations"][-len(OWN) :]
    assert [{name: item[name] for name in own} for item, own in zip(kept, OWN, strict=True)] == OWN
