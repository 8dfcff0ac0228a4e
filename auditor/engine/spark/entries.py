"""What each operation of an expression is on Spark, where Ibis's own translation means something else than on DuckDB.

`on_spark` takes an expression that is written for DuckDB and gives the one whose translation has the same answer on
every engine that speaks Spark Connect: Apache Spark (Java), Databricks, Sail (Rust). What they do alike is left alone.

    functions that only DuckDB has       a function of Spark's, or one of `auditor.engine.spark.twins`
    lower and upper case                 of letters beyond ASCII, by a twin
    regular expressions                  in what RE2, Java and Rust read in one way
    hashes of a row                      xxHash64 of marked cells, for Spark's own hash skips nulls and has 32 bits
    local times                          by twins: the later one where the clock is put back, in any year

A twin sees the few texts that need it: Spark brings every row to Python that a function is asked about, whatever the
CASE around it says, so all others are null by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, Final

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from auditor.engine.functions import INSTANT, declared

if TYPE_CHECKING:
    import ibis.expr.types as ir

_BEYOND_ASCII: Final = r"[^\x00-\x7F]"
_BEYOND_PLAIN_JSON: Final = r'[\x00-\x1F"\\]'

_nfc = declared("auditor_nfc", ("string",))
_without_accents = declared("auditor_without_accents", ("string",))
_lower = declared("auditor_lower", ("string",))
_upper = declared("auditor_upper", ("string",))
_ascii_lower = declared("lower", ("string",))
_ascii_upper = declared("upper", ("string",))
_parsed = declared("auditor_parsed", ("string", "string"))
_local = declared("auditor_local", ("string", "string"))
_utc = declared("auditor_utc", ("string", "string"))
_xxhash = declared("xxhash64", ("string",), "int64")
_json_text = declared("auditor_json_text", ("string",))
_edits = declared("auditor_edits", ("string", "string"), "float64")
_similarity = declared("auditor_similarity", ("string", "string"), "float64")
_bytes = declared("octet_length", ("string",), "int32")
_split = declared("split", ("string", "string"), "array<string>")
_micros = declared("unix_micros", (INSTANT,), "int64")
_moment = declared("timestamp_micros", ("int64",), INSTANT)
_date_format = declared("date_format", (INSTANT, "string"))

_DAY: Final = 86_400_000_000
"""In microseconds."""


def on_spark(expression: ir.Expr) -> ir.Expr:
    """The expression whose translation to Spark's SQL has the answer that this one has on DuckDB."""

    def replaced(node: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
        if changed:
            node = node.__recreate__(changed)
        name = node.__func_name__ if isinstance(node, ops.ScalarUDF) else ""
        entry = _FUNCTIONS.get(name) or _OPERATIONS.get(type(node))
        return node if entry is None else _op(entry(node), node)

    return expression.op().replace(replaced).to_expr()


def _op(value: ir.Value, node: ops.Value) -> ops.Node:
    """The replacement, by the name and with the type that the operation had."""
    result = value if value.type() == node.dtype else value.cast(node.dtype)
    return result.op()


def _beyond_ascii(text: ir.StringValue, twin: Callable[..., Any], otherwise: ir.StringValue) -> ir.StringValue:
    if len(text.op().find(ops.Value, filter=ops.Value)) > _FEW:
        return twin(text)  # SQL has no word for "the same again": said three times a level, it grows beyond measure
    return ibis.coalesce(twin(_only(text, _BEYOND_ASCII)), otherwise)


_FEW: Final = 6
"""Operations behind a text that is cheap to say again: a column, without its NULs."""


def _only(text: ir.StringValue, pattern: str) -> ir.StringValue:
    return ibis.ifelse(_matches(text, pattern), text, ibis.null(str))


def _matches(text: ir.StringValue, pattern: str) -> ir.BooleanValue:
    return text.re_search(portable(pattern))


# --- functions of DuckDB's, by name ---


def _one(node: ops.ScalarUDF) -> Any:
    return node.args[0].to_expr()


def _two(node: ops.ScalarUDF) -> tuple[Any, Any]:
    return node.args[0].to_expr(), node.args[1].to_expr()


def _try_strptime(node: ops.ScalarUDF) -> ir.Value:
    text, form = _two(node)
    return _parsed(text, form).try_cast(INSTANT)


def _strftime(node: ops.ScalarUDF) -> ir.Value:
    moment, form = _two(node)
    return _date_format(moment, _JAVA[form.op().value])


_JAVA: Final = {"%Y-%m-%d": "yyyy-MM-dd", "%Y-%m-%d %H:%M:%S.%f": "yyyy-MM-dd HH:mm:ss.SSSSSS"}
"""The formats in which moments are written, in Java's letters."""


def _timezone(node: ops.ScalarUDF) -> ir.Value:
    zone, moment = _two(node)
    if moment.type().timezone is not None or node.dtype.timezone is None:
        return _local(_spelt(moment), zone).try_cast(INSTANT)
    return _utc(_spelt(moment), zone).try_cast(INSTANT)


def _spelt(moment: ir.TimestampValue) -> ir.StringValue:
    return _date_format(moment, _JAVA["%Y-%m-%d %H:%M:%S.%f"])


def _to_json(node: ops.ScalarUDF) -> ir.Value:
    parts = [part.to_expr() for part in node.args[0].exprs]
    texts = [ibis.coalesce(_json_text(_only(part, _BEYOND_PLAIN_JSON)), _quoted(part)) for part in parts]
    return ibis.literal("[").concat(texts[0], *(piece for text in texts[1:] for piece in (",", text)), "]")


def _quoted(text: ir.StringValue) -> ir.StringValue:
    return ibis.literal('"').concat(text, '"')


def _hash(node: ops.ScalarUDF) -> ir.Value:
    """Of one text, in which no two rows or values are alike: `n` for null, else the length of a cell and the cell.

    Sail stumbles over several texts where one is the same in every row.
    """
    [whole] = node.args
    cells = [cell.to_expr() for cell in (whole.values if isinstance(whole, ops.StructColumn) else [whole])]
    marked = [cell.length().cast(str).concat(":", cell).fill_null("n") for cell in cells]
    return _xxhash(reduce(lambda whole, cell: whole.concat(cell), marked, ibis.literal("")))


_FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "hash": _hash,
    "nfc_normalize": lambda node: _beyond_ascii(_one(node), _nfc, _one(node)),
    "strip_accents": lambda node: _beyond_ascii(_one(node), _without_accents, _one(node)),
    "strlen": lambda node: _bytes(_one(node)),
    "try_strptime": _try_strptime,
    "strftime": _strftime,
    "make_timestamp": lambda node: _moment(_one(node)),
    "timezone": _timezone,
    "to_json": _to_json,
    "damerau_levenshtein": lambda node: _edits(*_two(node)).cast("int64"),
    "jaro_winkler_similarity": lambda node: _similarity(*_two(node)),
}


# --- operations of Ibis's ---


def _cast(node: ops.Cast | ops.TryCast) -> ir.Value:
    """A text as a moment: 24:00:00 is the next day's beginning."""
    text = node.arg.to_expr()
    if not (node.dtype.is_timestamp() and node.arg.dtype.is_string()):
        return node.to_expr()
    day = text.re_replace(portable(r"^(.{10}).24:00:00(\.0+)?"), "$1 00:00:00")
    return ibis.coalesce(text.try_cast(INSTANT), _moment(_micros(day.try_cast(INSTANT)) + _DAY))


def _search(node: ops.RegexSearch) -> ir.Value:
    return node.arg.to_expr().re_search(_pattern(node))


def _replace(node: ops.RegexReplace) -> ir.Value:
    replacement = re.sub(r"\\(\d)", r"$\1", node.replacement.value)
    return node.arg.to_expr().re_replace(_pattern(node), replacement)


def _extract(node: ops.RegexExtract) -> ir.Value:
    return node.arg.to_expr().re_extract(_pattern(node), node.index.to_expr())


def _pattern(node: ops.RegexSearch | ops.RegexReplace | ops.RegexExtract) -> str:
    return portable(node.pattern.value)


def _known_argument(node: ops.ArgMin | ops.ArgMax) -> ir.Value:
    """DuckDB passes over rows whose argument is null."""
    argument, key = node.arg.to_expr(), node.key.to_expr()
    least = argument.argmin if isinstance(node, ops.ArgMin) else argument.argmax
    return least(key, where=argument.notnull())


def _counted(node: ops.CountStar) -> ir.Value:
    """Ibis adds up what fits: where nothing is known to fit, that is null."""
    counted = node.to_expr()
    return counted if node.where is None else counted.fill_null(0)


def _mode(node: ops.Mode) -> ir.Value:
    """Ibis has no word for it on Spark."""
    values = node.arg.to_expr()
    known = values if node.where is None else ibis.ifelse(node.where.to_expr(), values, ibis.null(node.dtype))
    return _most_frequent(node.dtype)(known)


@lru_cache
def _most_frequent(dtype: dt.DataType) -> Callable[..., Any]:
    wrapper: Callable[..., Any] = ibis.udf.agg.builtin(lambda values: None, name="mode", signature=((dtype,), dtype))
    return wrapper


def _whole_number(node: ops.Literal) -> ir.Value:
    """Its type is said as well: Sail takes `1` for 32 bits in a union, whatever the other side has."""
    if node.value is None or node.dtype != dt.int64(nullable=node.dtype.nullable):
        return node.to_expr()
    return ibis.literal(node.value).cast("int64")


def _identical(node: ops.IdenticalTo) -> ir.Value:
    """In other words: about `<=>` Sail is of two minds whether it can be null, and gives up."""
    left, right = node.left.to_expr(), node.right.to_expr()
    return ibis.coalesce(left == right, left.isnull() & right.isnull())


def _collected(node: ops.ArrayCollect) -> ir.Value:
    """In the order of the members themselves: Spark collects in none."""
    if not node.order_by:
        return node.to_expr()
    if [key.arg for key in node.order_by] != [node.arg] or node.order_by[0].descending:
        raise NotImplementedError("members in another order than their own")
    return node.arg.to_expr().collect(distinct=node.distinct).sort()


_OPERATIONS: Final[Mapping[type, Callable[[Any], Any]]] = {
    ops.Lowercase: lambda node: _beyond_ascii(node.arg.to_expr(), _lower, _ascii_lower(node.arg.to_expr())),
    ops.Uppercase: lambda node: _beyond_ascii(node.arg.to_expr(), _upper, _ascii_upper(node.arg.to_expr())),
    ops.RegexSearch: _search,
    ops.RegexReplace: _replace,
    ops.RegexExtract: _extract,
    ops.StringSplit: lambda node: _split(node.arg.to_expr(), re.escape(node.delimiter.value)),
    ops.TryCast: _cast,
    ops.ArgMin: _known_argument,
    ops.ArgMax: _known_argument,
    ops.ArrayCollect: _collected,
    ops.IdenticalTo: _identical,
    ops.CountStar: _counted,
    ops.Literal: _whole_number,
    ops.Mode: _mode,
}


# --- regular expressions ---


_CLASSES: Final = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
"""What RE2 means by them: elsewhere they stand for more."""
_TOKEN: Final = re.compile(r"\\(?:x\{[0-9A-Fa-f]+\}|[pP]\{\w+\}|.)|.", re.DOTALL)


@lru_cache
def portable(pattern: str) -> str:
    """A pattern of RE2's, as the engines of Java and Rust read it too."""
    written, in_class, first = [], False, False
    for piece in _TOKEN.findall(pattern):
        known = _CLASSES.get(piece[1:]) if piece[0] == "\\" else None
        if known is not None:
            written.append(known if in_class else f"[{known}]")
        elif in_class and piece in "[&~":
            written.append("\\" + piece)
        elif not in_class and piece in ("$", "."):
            written.append(r"\z" if piece == "$" else r"[^\n]")
        else:
            written.append(piece)
        if in_class and piece == "]" and not first:
            in_class = False
        elif not in_class and piece == "[":
            in_class, first = True, True
            continue
        first = first and piece == "^"
    return "".join(written)
