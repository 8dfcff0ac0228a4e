"""The one door to splink: it weighs the candidate pairs on the run's own connection, by the weights that are given.

splink finds no candidates here, for its blocks know no bound, and it learns nothing from the data at hand, so that the
same input always gives the same answer. It downloads nothing, draws no charts and copies no table into Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons.model import KINDS, NAMESAKES, NAMESAKES_WEIGHT, USUAL_NAMESAKES, Kind, Level, Says

if TYPE_CHECKING:
    import ibis.expr.types as ir

_ROWS: Final = 1000.0
"""Of how many rows the usual number of namesakes is taken: the share does not matter, only what others are to it."""


def weigh_with_splink(engine: DuckDB, persons: ir.Table, pairs: ir.Table, least: float) -> ir.Table:
    """Weighs the pairs, as `weighing.weigh` describes it."""
    from splink import DuckDBAPI, Linker, SettingsCreator
    from splink.internals.exceptions import SplinkException

    run = engine.execute
    run(f"CREATE OR REPLACE TEMP VIEW splink_persons AS SELECT *, id AS unique_id, "
        f"last_name || ' ' || first_name AS full_name, namesakes / {_ROWS} AS tf_full_name "
        f"FROM {name_of(persons)}")  # fmt: skip
    run("CREATE OR REPLACE TEMP VIEW splink_pairs AS SELECT l AS join_key_l, r AS join_key_r, '0' AS match_key "
        f"FROM {name_of(pairs)}")  # fmt: skip
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(kind) for kind in KINDS],
        probability_two_random_records_match=0.5,
        retain_matching_columns=True,  # without the forms splink leaves out the levels too
    )
    database = DuckDBAPI(engine.borrowed())
    try:
        linker = Linker(database.register("splink_persons"), settings, log_level=None, validate_settings=False)
        linker.table_management.register_blocked_pairs_for_predict(database.register("splink_pairs"))
        weighed = linker.inference.predict(threshold_match_weight=least, warning_mode="never")
        return engine.keep_sql(
            "SELECT unique_id_l AS l, unique_id_r AS r, match_weight AS weight, COLUMNS('gamma_.*') "
            f"FROM {weighed.physical_name}",
            "weighed_pairs",
        )
    except SplinkException as error:
        raise (error.__cause__ or error) from None  # its own message repeats the whole statement
    finally:
        database.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]
        run("DROP VIEW splink_pairs")
        run("DROP VIEW splink_persons")


def _comparison(kind: Kind) -> dict[str, Any]:
    unknown = {
        "sql_condition": f"{kind.name}_l IS NULL OR {kind.name}_r IS NULL",
        "label_for_charts": "unknown",
        "is_null_level": True,
    }
    last = len(kind.levels) - 1
    levels = [_level(kind, level, "ELSE" if place == last else level.when) for place, level in enumerate(kind.levels)]
    return {"output_column_name": kind.name, "comparison_levels": [unknown, *levels]}


def _level(kind: Kind, level: Level, condition: str) -> dict[str, Any]:
    """splink takes the probabilities that matches and others reach a level; only their ratio counts."""
    by_namesakes = kind.name == NAMESAKES and level.says is Says.SAME
    others = USUAL_NAMESAKES / _ROWS if by_namesakes else 2.0 ** -max(level.weight, 0.0)
    made = {
        "sql_condition": condition,
        "label_for_charts": level.says.value,
        "m_probability": others * 2.0**level.weight,
        "u_probability": others,
    }
    if by_namesakes:
        made |= {
            "tf_adjustment_column": "full_name",
            "tf_adjustment_weight": NAMESAKES_WEIGHT,
            "disable_tf_exact_match_detection": True,
        }
    return made
