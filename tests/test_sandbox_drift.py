"""The sandbox's drift: its answers agree with an independent, slow audit of its own files, and cover everything."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from auditor.findings.reason import Reason
from auditor.model import PermissionFinding, Rule
from tests import given_time
from tests import sandbox_oracle as oracle
from tests.driven_sandbox import Sandbox

CONTRACT = Path(__file__).parents[1] / "expectations" / "Customers" / "contract.toml"


@dataclass(frozen=True, eq=False)
class Drifted:
    """A licence before and after its week, and the answer file."""

    people: int
    before: tuple[oracle.Table, oracle.Table]
    after: tuple[oracle.Table, oracle.Table]
    answers: dict[str, Any]

    @cached_property
    def found(self) -> dict[str, Any]:
        return oracle.audit(self.before, self.after)


def drifted(folder: Path, people: int, seed: int) -> Drifted:
    now = given_time.now()
    with Sandbox(folder / "sandbox", profiles=people, seed=seed) as sandbox:
        sandbox.clock(now - timedelta(days=7))
        before = (
            oracle.read_platform(sandbox.export(folder / "before")),
            oracle.read_truth(sandbox.crm(folder / "before")),
        )
        sandbox.clock(now)
        answers = sandbox.drift()
        after = (
            oracle.read_platform(sandbox.export(folder / "after")),
            oracle.read_truth(sandbox.crm(folder / "after")),
        )
    return Drifted(people, before, after, answers)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Drifted:
    """A licence large enough for everything."""
    return drifted(tmp_path_factory.mktemp("whole"), 10_000, 5)


@pytest.fixture(scope="module", params=["10000", "3000", "300", "40", "1", "0"])
def week(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, whole: Drifted) -> Drifted:
    """A licence of each size, each with another seed."""
    people = int(request.param)
    if people == whole.people:
        return whole
    return drifted(tmp_path_factory.mktemp("drift"), people, seed=people + 1)


def test_the_contract_maps_what_the_clerk_knows() -> None:
    """The slow audit knows the mapping by heart; it must be the contract's."""
    columns = tomllib.loads(CONTRACT.read_text(encoding="utf-8"))["columns"]
    assert {name: column["truth"] for name, column in columns.items()} == {"customerId": "contact_id"} | oracle.TRUTH


def test_both_sides_agree_before(week: Drifted) -> None:
    """Nothing differs, nobody is missing and nothing is invalid before anything drifts."""
    found = oracle.audit(week.before, week.before)
    assert found["profiles"] == {}
    assert found["violations"] == set()
    assert found["permissions"] == set()
    assert set(found["kept"]) <= {"nickname", "subscriptions#Events"}
    assert len(week.before[0].by_key) == week.people


def test_answers_name_every_key_with_its_status(week: Drifted) -> None:
    found = {key: (p["status"], p["waiting"], p["gone"]) for key, p in week.found["profiles"].items()}
    said = {key: (p["status"], p["waiting"], p["gone"]) for key, p in week.answers["profiles"].items()}
    assert said == found


def test_answers_name_every_difference(week: Drifted) -> None:
    """Same cells with the same values, status, mover, reason and flags; neither more nor fewer."""
    found = {
        (key, column): cell for key, p in week.found["profiles"].items() for column, cell in p["differences"].items()
    }
    said = {
        (key, column): {name: value for name, value in cell.items() if name != "fate"}
        for key, p in week.answers["profiles"].items()
        for column, cell in p["differences"].items()
    }
    assert said == found


def test_answers_name_every_violation(week: Drifted) -> None:
    said = {(v["side"], v["key"], v["column"], v["rule"]) for v in week.answers["violations"]}
    assert said == week.found["violations"]


def test_answers_name_every_permission_finding(week: Drifted) -> None:
    said = {(p["key"], p["column"], p["finding"]) for p in week.answers["permissions"]}
    assert said == week.found["permissions"]


def test_answers_count_rows_and_kept_cells(week: Drifted) -> None:
    assert week.answers["rows"] == week.found["rows"]
    assert week.answers["kept"] == week.found["kept"]


def test_rows_close(week: Drifted) -> None:
    """The identity of the public interface: every row of a side is counted exactly once."""
    rows, profiles = week.answers["rows"], week.answers["profiles"].values()
    by_status = {
        status: sum(profile["status"] == status for profile in profiles)
        for status in ("missing", "orphan", "stale", "conflicting")
    }
    excluded = week.after[1].excluded
    both = week.after[0].by_key.keys() & week.after[1].by_key.keys() - excluded
    equal = len([key for key in both if key not in week.answers["profiles"]])
    for side, alone in (("platform", "orphan"), ("truth", "missing")):
        aside = sum(rows[f"{side}_{part}"] for part in ("rejected", "excluded", "null_key", "duplicate"))
        assert rows[side] == aside + equal + by_status[alone] + by_status["stale"] + by_status["conflicting"]


NOT_PLANTED = {
    Reason.MARKUP,
    Reason.NOTATION,
    Reason.SEVERAL,
    Reason.SPREADSHEET,
    Reason.EXCHANGED,
    Reason.SLIPPED,
    Reason.RELATION,
}
"""Reasons that the sandbox has none of: `test_reasons`, `test_relations` and `test_elsewhere` make them."""


def test_everything_occurs(whole: Drifted) -> None:
    """Every status, flag, mover, rule and finding is planted; every reason but some at least three times as stale."""
    profiles = list(whole.answers["profiles"].values())
    cells = [cell for profile in profiles for cell in profile["differences"].values()]
    assert {p["status"] for p in profiles} == {"missing", "orphan", "stale", "conflicting", "duplicate"}
    assert {p["status"] for p in profiles if p["waiting"]} == {"missing", "orphan", "stale"}
    assert any(p["gone"] for p in profiles)
    assert {c["moved"] for c in cells} == {"truth", "truth_by_moment", "platform", "both", "unknown"}
    assert any(c["blocked"] for c in cells)
    for reason in set(Reason) - NOT_PLANTED:
        planted = [c for c in cells if c["reason"] == reason and c["status"] == "stale" and c["moved"] == "truth"]
        assert len(planted) >= 3, reason
    violations = whole.answers["violations"]
    rules = {rule.value for rule in Rule} - {Rule.REFERENCE.value}  # the invented table refers to no other
    assert {(v["side"], v["rule"]) for v in violations} == {(s, rule) for s in ("platform", "truth") for rule in rules}
    found = (*whole.answers["permissions"], *whole.answers["activities"]["permissions"])
    assert {p["finding"] for p in found} == set(PermissionFinding)
    assert {p["fate"] for p in profiles} == {"corrected", "created", "left"}
    assert whole.answers["not_checked"] == ["null_key", "rejected_rows"]
    assert whole.answers["same_person"]
    assert all(whole.answers["rows"][name] for name in ("truth_null_key", "truth_rejected", "truth_excluded"))


def test_one_cause_is_large_enough_for_an_import(whole: Drifted) -> None:
    """About 12 % of the people carry the same correction: from capitals to the proper spelling of their names."""
    corrected = [
        profile["differences"]["lastName"]
        for profile in whole.answers["profiles"].values()
        if profile["differences"].get("lastName", {}).get("reason") == "case"
    ]
    assert len(corrected) >= 1_050
    assert all(cell["platform"] == cell["platform"].upper() and cell["fate"] == "corrected" for cell in corrected)


def test_only_what_may_be_done_by_itself_is_called_corrected(whole: Drifted) -> None:
    """Corrections have a base that the truth left; no permission goes up; nothing blocked, waiting or conflicting."""
    for profile in whole.answers["profiles"].values():
        for column, cell in profile["differences"].items():
            if cell["fate"] == "corrected":
                assert cell["status"] == "stale"
                assert not cell["waiting"]
                assert not cell["blocked"]
                assert column != "nickname"
                if column in oracle.PERMISSIONS:
                    assert cell["truth"] == ("true" if column == "doNotContact" else "false")
                else:
                    assert cell["moved"] == "truth"


def test_the_same_seed_gives_the_same_week(tmp_path: Path) -> None:
    """Who gets which defect depends on the seed alone; another seed gives another week."""

    def planted(folder: str, seed: int) -> dict[str, tuple[str, list[str]]]:
        profiles = drifted(tmp_path / folder, 300, seed).answers["profiles"]
        return {key: (profile["status"], sorted(profile["differences"])) for key, profile in profiles.items()}

    assert planted("one", 4) == planted("two", 4) != planted("three", 5)
