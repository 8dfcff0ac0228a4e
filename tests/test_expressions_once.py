"""What the tests keep of expressions is kept of equal ones alone (see `expressions_once`)."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops


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


def test_what_a_column_means_depends_on_the_table_that_it_is_asked_of() -> None:
    """Asked twice, and after the same was asked of tables of other columns."""
    one, other = (ibis.table({"a": "string", "n": "int64"}, name) for name in ("t", "u"))
    for _ in range(2):
        named = [table.mutate(a=table.n) for table in (one, other)]
        assert [made.op().values["a"] for made in named] == [one.n.op(), other.n.op()]
        kept = [table.filter((table.n > 1) & (table.a == "x")) for table in (one, other)]
        assert [made.op().predicates[0] for made in kept] == [(one.n > 1).op(), (other.n > 1).op()]
        both = one.mutate(whole=one.n.sum()).op().values["whole"], one.mutate(whole=other.n.sum()).op().values["whole"]
        assert (type(both[0]), type(both[1])) == (ops.WindowFunction, ops.ScalarSubquery)
