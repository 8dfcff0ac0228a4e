"""Which pairs are looked at: those that agree in a block, and never more than a bounded number.

Two rows that agree in all columns of a block are a candidate. A value that many rows share tells nothing and makes
pairs without end: the most frequent values of a block are left out until its pairs fit the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.model import Side

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_SHARING: Final = 10
"""A value of a block that more rows of a side share brings no candidates: test contacts, defaults, frequent names."""
BUDGET: Final = 2_000_000
"""The most pairs that a block brings."""

BLOCKS: Final[Sequence[tuple[str, ...]]] = (
    ("bare_key",),
    ("email",),
    ("phone",),
    ("birth_date", "last_name"),
    ("birth_date", "first_name"),
    ("birth_date", "postal_code"),
    ("birth_date", "street"),
    ("last_name", "first_name", "postal_code"),
    ("substr(last_name, 1, 3)", "substr(first_name, 1, 3)", "postal_code"),
    ("least(last_name, first_name)", "greatest(last_name, first_name)"),
    ("street", "postal_code"),
    ("street", "first_name"),
    ("street", "last_name"),
    ("split_part(email, '@', 1)", "last_name"),
    ("split_part(email, '@', 1)", "first_name"),
)


def find(engine: DuckDB, persons: ir.Table) -> ir.Table:
    """The distinct pairs of candidates, by the `id` of `persons`: `l` and `r`.

    They are a profile that only the platform has (`l`) and one that only the truth has (`r`), or two rows of one side
    (`l` is less than `r`).
    """
    run = engine.execute
    run("CREATE OR REPLACE TEMP TABLE all_person_pairs (l BIGINT, r BIGINT)")
    for block in BLOCKS:
        filled = " AND ".join(f"{column} IS NOT NULL" for column in block)
        run(
            f"CREATE OR REPLACE TEMP TABLE block_rows AS SELECT hash({', '.join(block)}) AS value, side, alone, id "
            f"FROM {name_of(persons)} WHERE {filled}"
        )
        run(
            f"CREATE OR REPLACE TEMP TABLE block_values AS SELECT value, {_counts()}, greatest({_SIDES}) AS sharing, "
            f"{_PAIRS} AS pairs FROM block_rows GROUP BY value HAVING pairs > 0 AND sharing <= {MOST_SHARING}"
        )
        within_budget = (
            "SELECT coalesce(max(sharing), 0) FROM (SELECT sharing, sum(sum(pairs)) OVER (ORDER BY sharing) AS so_far "
            f"FROM block_values GROUP BY sharing) WHERE so_far <= {BUDGET}"
        )
        run(
            "CREATE OR REPLACE TEMP TABLE telling_rows AS FROM block_rows "
            f"WHERE value IN (SELECT value FROM block_values WHERE sharing <= ({within_budget}))"
        )
        run(
            "INSERT INTO all_person_pairs SELECT l.id, r.id FROM telling_rows AS l JOIN telling_rows AS r "
            "ON l.value = r.value AND (l.side = r.side AND l.id < r.id "
            f"OR l.alone AND r.alone AND l.side = '{Side.PLATFORM.value}' AND r.side = '{Side.TRUTH.value}')"
        )
    found = engine.keep_sql("SELECT DISTINCT l, r FROM all_person_pairs", "person_pairs")
    for name in ("all_person_pairs", "block_rows", "block_values", "telling_rows"):
        run(f"DROP TABLE {name}")
    return found


_SIDES: Final = ", ".join(side.value for side in Side)
_PAIRS: Final = " + ".join(
    [*(f"{side.value} * ({side.value} - 1) // 2" for side in Side), " * ".join(f"{side.value}_alone" for side in Side)]
)


def _counts() -> str:
    """The rows of each side, and those of them that the other side does not have."""
    return ", ".join(
        f"count(*) FILTER (side = '{side.value}') AS {side.value}, "
        f"count(*) FILTER (side = '{side.value}' AND alone) AS {side.value}_alone"
        for side in Side
    )
