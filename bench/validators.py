"""Other tools that judge a table by rules, each in an environment of its own: they lower each other's dependencies.

Each program is called with the Parquet file of a side and a place for the rows that fail. It puts sixty rules to the
first twenty columns (filled; at most 24 characters; a pattern), keeps all rows that fail with their rule, in the form
that is the tool's own, and prints how many there are. Versions and calls are those that were tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATTERN: Final = "^[^@]*(@example|@mail)?[^@]*$"
LONGEST: Final = 24


@dataclass(frozen=True, slots=True)
class Validator:
    """One of them."""

    name: str
    requirements: str
    """For pip, with blanks between."""
    program: str


_NAMES = f"""
import sys
path, target = sys.argv[1:]
PATTERN, LONGEST = {PATTERN!r}, {LONGEST}
def of(frame):
    return [name for name in frame.columns if not name.startswith("auditor:")][:20]
"""

_GX = """
import os
os.environ["GX_ANALYTICS_ENABLED"] = "false"
import great_expectations as gx, pandas
from great_expectations.data_context.types.base import ProgressBarsConfig
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = ProgressBarsConfig(globally=False)
batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
frame = pandas.read_parquet(path)
rules = []
for name in of(frame):
    rules.append(gx.expectations.ExpectColumnValuesToNotBeNull(column=name))
    rules.append(gx.expectations.ExpectColumnValueLengthsToBeBetween(column=name, max_value=LONGEST))
    rules.append(gx.expectations.ExpectColumnValuesToMatchRegex(column=name, regex=PATTERN))
result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(
    gx.ExpectationSuite(name="s", expectations=rules),
    result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["auditor:key"]},
)
failed = {
    (one.expectation_config.type, one.expectation_config.kwargs["column"]): one.result["unexpected_index_list"]
    for one in result.results
}
rows = [(rule, column, row["auditor:key"]) for (rule, column), found in failed.items() for row in found or ()]
pandas.DataFrame(rows, columns=["rule", "column", "key"]).to_parquet(target)
print(len(rows))
"""

_PANDERA = """
import pandera.polars as pandera, polars
frame = polars.read_parquet(path)
checks = [pandera.Check.str_length(max_value=LONGEST), pandera.Check.str_matches(PATTERN)]
schema = pandera.DataFrameSchema({name: pandera.Column(polars.String, checks, nullable=False) for name in of(frame)})
try:
    schema.validate(frame, lazy=True)
except pandera.errors.SchemaErrors as found:
    found.failure_cases.write_parquet(target)
    print(found.failure_cases.height)
"""

_POINTBLANK = """
import pointblank, polars
frame = polars.read_parquet(path)
plan = pointblank.Validate(frame).col_vals_not_null(of(frame))
for name in of(frame):
    plan = plan.col_vals_expr(polars.col(name).str.len_chars().fill_null(0) <= LONGEST)
done = plan.col_vals_regex(of(frame), PATTERN, na_pass=True).interrogate(extract_limit=frame.height)
extracts = {step: rows for step, rows in done.get_data_extracts().items() if rows is not None and rows.height}
failed = polars.concat(rows.select("auditor:key", step=polars.lit(step)) for step, rows in extracts.items())
failed.write_parquet(target)
print(failed.height)
"""

GX: Final = Validator("GX on pandas", "great-expectations==1.24.1 pyarrow==26.0.1", _NAMES + _GX)
POINTBLANK: Final = Validator("pointblank on Polars", "pointblank[pl]==1.1.1", _NAMES + _POINTBLANK)
VALIDATORS: Final = (GX, Validator("pandera on Polars", "pandera[polars]==0.35.0", _NAMES + _PANDERA), POINTBLANK)
