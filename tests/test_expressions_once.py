"""What the tests keep of expressions is kept of equal ones alone (see `expressions_once`)."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt


def test_nodes_of_equal_parts_are_one_and_of_others_two() -> None:
    table, other = (ibis.table({"a": "string", "n": "int64"}, name) for name in ("t", "u"))
    assert table.a.upper().op() is table["a"].upper().op()
    assert table.a.upper().op() != other.a.upper().op()
    kinds = [ibis.literal(value).type() for value in (1, True, 1.0, "1")]
    assert kinds == [dt.Int8(nullable=True), dt.Boolean(), dt.Float64(), dt.String()]
    assert (table.n + 1).op().right.dtype != (table.n + 1.0).op().right.dtype


def test_what_stands_for_itself_stays_two() -> None:
    table = ibis.table({"a": "string"}, "t")
    assert table.view().op() != table.view().op()
    assert ibis.random().op() is not ibis.random().op()
