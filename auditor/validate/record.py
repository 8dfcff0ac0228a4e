"""What validation found, as one document per run, and in the forms that other tools read.

The document is `validation.json` of a run folder: counts, settings of the suite, reasons and, of the commonest values
of a column, keyed hashes: never values of profiles.

past              what the documents of the last runs tell the next one
as_gx             Great Expectations' result of a suite, for one side
as_openlineage    an OpenLineage event whose inputs carry data-quality assertions, for both
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from auditor import __version__
from auditor.findings.codes import read_notice
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import FORMAT, Severity
from auditor.validate import Validation
from auditor.validate.jumps import Past, mark, subject
from auditor.validate.suite import read_expectation

PRODUCER: Final = f"urn:profile-auditor:{__version__}"
_EVENT: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACET: Final = (
    "https://openlineage.io/spec/facets/1-1-0/DataQualityAssertionsDatasetFacet.json"
    "#/$defs/DataQualityAssertionsDatasetFacet"
)

MET, FAILED, NOT_EVALUATED = "met", "failed", "not_evaluated"


def document(suite: str, validations: Sequence[Validation], key: str = "") -> dict[str, Any]:
    """`validation.json`: per side the rows that were judged and what came of each expectation, in the suite's order.

    `key` is the secret of the marks in the figures.
    """
    return {
        "format": FORMAT,
        "suite": suite,
        "marked_by": mark("", key),
        "sides": {
            one.side.value: {
                "rows": one.rows,
                "results": [
                    {
                        "expectation": result.expectation.content(),
                        "columns": list(result.expectation.columns),
                        "severity": result.expectation.severity.value,
                        "outcome": NOT_EVALUATED if result.problem else MET if result.met else FAILED,
                        "failing": result.failing,
                        "reason": result.problem.content() if result.problem else None,
                        **({} if result.figures is None else {"figures": dict(result.figures)}),
                    }
                    for result in one.results
                ],
            }
            for one in validations
        },
    }


def past(documents: Iterable[Mapping[str, Any]], side: str, key: str) -> Past:
    """What runs saw of a side, from their documents, the newest first.

    Whose marks were made with another key is left out, for every value would seem new.
    """
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for content in documents:
        if content.get("marked_by") != mark("", key):
            continue
        now = {
            subject(result["expectation"]["kwargs"]): result["figures"]
            for result in content["sides"][side]["results"]
            if "figures" in result
        }
        for name, figures in now.items():
            seen.setdefault(name, []).append(figures)
    return Past(key, seen)


def as_gx(content: Mapping[str, Any], side: str, *, run: str, started: str, say: Words) -> dict[str, Any]:
    """The result of the suite on one side as Great Expectations stores it (ExpectationSuiteValidationResult).

    What could not be evaluated is a result with an exception, as in Great Expectations, and no success.
    A run is named "run NAME", for Great Expectations' pages take the name alone for a moment with an offset from UTC.
    """
    of_side = content["sides"][side]
    results = [_gx_result(result, of_side["rows"], say) for result in of_side["results"]]
    met = sum(result["success"] for result in results)
    return {
        "success": met == len(results),
        "results": results,
        "suite_name": content["suite"],
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": met,
            "unsuccessful_expectations": len(results) - met,
            "success_percent": 100 * met / len(results) if results else None,
        },
        "meta": {"run_id": {"run_name": f"run {run}", "run_time": started}, "side": side},
    }


def _gx_result(result: Mapping[str, Any], rows: int, say: Words) -> dict[str, Any]:
    raised = result["outcome"] == NOT_EVALUATED
    counted: dict[str, Any] = {}
    if not raised and result["failing"] is not None:
        share = 100 * result["failing"] / rows if rows else 0.0
        counted = {"element_count": rows, "unexpected_count": result["failing"], "unexpected_percent": share}
    exception = {
        "raised_exception": raised,
        "exception_message": _why(result["reason"], say),
        "exception_traceback": None,
    }
    return {
        "success": result["outcome"] == MET,
        "expectation_config": result["expectation"],
        "result": counted,
        "meta": {},
        "exception_info": exception,
    }


def as_openlineage(
    content: Mapping[str, Any],
    *,
    run: str,
    started: str,
    job: tuple[str, str],
    inputs: Mapping[str, tuple[str, str]],
    say: Words,
) -> dict[str, Any]:
    """A COMPLETE event of a run: both sides are inputs, each with its assertions.

    `started` is ISO 8601 with zone. `job` and each of `inputs` (by side) are namespace and name.
    """
    return {
        "eventType": "COMPLETE",
        "eventTime": started,
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{'/'.join(job)}/{run}"))},
        "job": {"namespace": job[0], "name": job[1]},
        "inputs": [
            {
                "namespace": inputs[side][0],
                "name": inputs[side][1],
                "inputFacets": {
                    "dataQualityAssertions": {
                        "_producer": PRODUCER,
                        "_schemaURL": _FACET,
                        "assertions": [_assertion(result, say) for result in of_side["results"]],
                    }
                },
            }
            for side, of_side in content["sides"].items()
        ],
        "outputs": [],
    }


def _assertion(result: Mapping[str, Any], say: Words) -> dict[str, Any]:
    """One assertion; what could not be evaluated is no success, and says why."""
    why = _why(result["reason"], say)
    told = f"not evaluated: {why}" if result["outcome"] == NOT_EVALUATED else _right(result)
    assertion = {
        "assertion": result["expectation"]["type"],
        "success": result["outcome"] == MET,
        "severity": "error" if result["severity"] == Severity.ERROR else "warn",
        "description": told,
        "params": result["expectation"]["kwargs"],
    }
    if len(result["columns"]) == 1:
        assertion["column"] = result["columns"][0]
    if result["failing"] is not None:
        assertion["actual"] = f"{result['failing']} failing rows"
    return assertion


def _right(result: Mapping[str, Any]) -> str:
    """Says what is right; the first runs stored a sentence beside the expectation."""
    return str(result["sentence"]) if "sentence" in result else read_expectation(result["expectation"]).sentence


def _why(reason: Mapping[str, Any] | str | None, say: Words) -> str | None:
    """Says why something was not evaluated; the first runs stored a text."""
    return None if reason is None else sentence(read_notice(reason), say)
