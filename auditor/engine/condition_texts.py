"""Columns of text in a condition: read as what they are compared with, a number, a moment, yes or no.

Files hold texts, and SQL compares no text with a number. Where a condition does, the column is read as one: whether
every filled cell is one is for the engine to see, which names those that are not by count and place, not by value.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import duckdb

from auditor.engine.condition import NoCondition, Unfit, in_brackets

_BEFORE: Final = "SELECT "

_ARITHMETIC: Final = frozenset(("+", "-", "*", "/", "//", "%", "**", "^"))
_OF_NUMBERS: Final = _ARITHMETIC | frozenset(
    ("abs", "ceil", "ceiling", "floor", "round", "sign", "sqrt", "trunc", "mod", "pow", "power", "exp", "ln", "log")
)
_PARTS: Final = frozenset(
    ("year", "month", "day", "quarter", "week", "hour", "minute", "second", "dayofweek", "dayofyear", "isodow")
)
"""Of a moment: numbers."""
_MEMBERS: Final = {
    "COMPARISON": ("left", "right"),
    "BETWEEN": ("input", "lower", "upper"),
}


class Kind(StrEnum):
    """What texts are read as; the words are those of errors."""

    NUMBER = "number"
    APPROXIMATE = "approximate number"
    """With which is reckoned: products of exact ones do not always have room."""
    MOMENT = "day or moment"
    YES_OR_NO = "yes or no"


@dataclass(frozen=True, slots=True)
class Understood:
    """A condition in which columns of text are read as what they are compared with."""

    condition: str
    read: Mapping[str, Kind]
    """Those columns."""
    texts: tuple[str, ...]
    """The other columns of text in it."""

    @property
    def advice(self) -> str:
        """What to do where the engine does not take the condition."""
        if not self.texts:
            return ""
        name = self.texts[0]
        own = name if name.isidentifier() else _quoted(name)
        return f'"{name}" is text there: TRY_CAST({own} AS DOUBLE) reads it as a number, AS DATE as a day'

    def unread(self, quoted: str, kind: Kind) -> str:
        """Spells whether a cell of a column is filled and no such thing."""
        return f"(TRIM({quoted}) <> '' AND {_reading(quoted, kind)} IS NULL)"


class NotAll(Unfit):
    """A condition that compares a column with numbers, or the like, not every cell of which is one."""

    def __init__(self, column: str, kind: Kind, cells: int, row: int | None, condition: str) -> None:
        what = Kind.NUMBER if kind is Kind.APPROXIMATE else kind
        which = "1 of its cells is none" if cells == 1 else f"{cells:,} of its cells are none"
        where = "" if row is None else f", {'in' if cells == 1 else 'the first in'} row {row + 1:,}"
        super().__init__(
            f'the condition takes "{column}" for a {what}, and {which}{where}: {condition}',
            hint=f"put them right, or say which are meant: {_passing_over(column, kind)} passes the others over",
        )


def understood(condition: str, columns: Mapping[str, str]) -> Understood:
    """A condition over columns, by their DuckDB types, with those of text read as what they are compared with.

    Raises NoCondition where it names a column that is not there.
    """
    with duckdb.connect() as parser:
        tree = _tree(parser, condition)
        parser.execute(f"CREATE TABLE rows ({', '.join(f'{_quoted(name)} {kind}' for name, kind in columns.items())})")
        own = {name.casefold(): name for name in columns}
        found = {place: column for place, names in _references(tree) if (column := _column(parser, names, own))}
        texts = {place for place, (column, _) in found.items() if columns[column].upper() == "VARCHAR"}
        read = {place: (found[place], kind) for place, kind in _read(parser, tree, texts)}
        whole = tree[0] if isinstance(tree, list) and len(tree) == 1 else {}
        if whole.get("class") == "COLUMN_REF" and (place := whole["query_location"]) in texts:
            read[place] = found[place], Kind.YES_OR_NO  # the whole condition is a column
    changes = {place: (names, _reading(_quoted(column), kind)) for place, ((column, names), kind) in read.items()}
    others = [column for place, (column, _) in found.items() if place in texts and place not in read]
    kinds = {column: kind for (column, _), kind in read.values()}
    return Understood(_replaced(condition, changes), kinds, tuple(dict.fromkeys(others)))


def names_in(condition: str) -> tuple[str, ...]:
    """The names that a condition has for columns."""
    with duckdb.connect() as parser:
        return tuple(names[-1] for _, names in _references(_tree(parser, condition)))


def renamed(condition: str, names: Mapping[str, str]) -> str:
    """The condition with other names for its columns, in whatever case it spells them."""
    with duckdb.connect() as parser:
        found = dict(_references(_tree(parser, condition)))
    folded = {name.casefold(): other for name, other in names.items()}
    changes = {
        place: (reference, _quoted(names.get(reference[-1], folded[reference[-1].casefold()])))
        for place, reference in found.items()
        if reference[-1].casefold() in folded
    }
    return _replaced(condition, changes)


def _tree(parser: duckdb.DuckDBPyConnection, condition: str) -> Any:
    """What DuckDB's parser makes of the condition; nothing where it is none, which is somebody else's to say."""
    [(text,)] = parser.execute("SELECT json_serialize_sql(?)", [_BEFORE + in_brackets(condition)]).fetchall()
    parsed = json.loads(text)
    return None if parsed["error"] else parsed["statements"][0]["node"]["select_list"]


def _references(tree: Any, inside: Iterable[str] = ()) -> Iterator[tuple[int, list[str]]]:
    """Place in the statement and names of each reference to a column; the parameters of a lambda are none."""
    if isinstance(tree, list):
        for part in tree:
            yield from _references(part, inside)
    if not isinstance(tree, dict):
        return
    if tree.get("class") == "COLUMN_REF":
        if tree["column_names"][0] not in inside:
            yield tree["query_location"], tree["column_names"]
        return
    if tree.get("class") == "LAMBDA":
        parameters = [name for _, names in _references(tree["lhs"]) for name in names]
        yield from _references(tree["expr"], [*inside, *parameters])
        return
    for part in tree.values():
        yield from _references(part, inside)


def _read(parser: duckdb.DuckDBPyConnection, tree: Any, texts: set[int]) -> Iterator[tuple[int, Kind]]:
    """Place and kind of each reference to a text that is compared with something else."""
    if isinstance(tree, list):
        for part in tree:
            yield from _read(parser, part, texts)
    if not isinstance(tree, dict):
        return
    members, kind = _compared(parser, tree, texts)
    for one in members:
        if kind is not None and one.get("class") == "COLUMN_REF" and one["query_location"] in texts:
            yield one["query_location"], kind
    for part in tree.values():
        yield from _read(parser, part, texts)


def _compared(
    parser: duckdb.DuckDBPyConnection, tree: Mapping[str, Any], texts: set[int]
) -> tuple[list[Mapping[str, Any]], Kind | None]:
    """The members of an expression that are compared or reckoned with, and what the texts among them are then."""
    sort, name = tree.get("class", ""), tree.get("function_name", "").lower()
    if sort in _MEMBERS or tree.get("type") in ("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE"):
        members = [tree[part] for part in _MEMBERS[sort]] if sort in _MEMBERS else tree["children"]
        kinds = {_kind(parser, one, texts) for one in members} - {None}
        return members, kinds.pop() if len(kinds) == 1 else None
    if sort == "CONJUNCTION" or tree.get("type") == "OPERATOR_NOT":
        return tree["children"], Kind.YES_OR_NO
    if sort == "FUNCTION" and name in _OF_NUMBERS:
        kinds = {_kind(parser, one, texts) for one in tree["children"]} - {None}
        return tree["children"], Kind.APPROXIMATE if kinds <= {Kind.NUMBER} else None
    if sort == "FUNCTION" and name in _PARTS:
        return tree["children"], Kind.MOMENT
    return [], None


def _kind(parser: duckdb.DuckDBPyConnection, tree: Mapping[str, Any], texts: set[int]) -> Kind | None:
    """What an expression gives; None: a text, or something that no text is read as, or nobody knows."""
    if tree.get("class") == "COLUMN_REF" and tree["query_location"] in texts:
        return None
    if tree.get("class") == "FUNCTION" and tree["function_name"].lower() in _OF_NUMBERS:
        kinds = {_kind(parser, one, texts) for one in tree["children"]}
        if kinds <= {Kind.NUMBER, None}:
            return Kind.NUMBER
    if tree.get("class") == "FUNCTION" and tree["function_name"].lower() in _PARTS:
        return Kind.NUMBER
    [(text,)] = parser.execute("SELECT json_serialize_sql('SELECT 1')").fetchall()
    statement = json.loads(text)
    statement["statements"][0]["node"]["select_list"] = [tree]
    try:
        [(text,)] = parser.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(statement)]).fetchall()
        [described] = parser.execute(f"DESCRIBE {text} FROM rows").fetchall()
    except duckdb.Error:
        return None
    kind = str(described[1]).partition("(")[0]
    return _KINDS.get(kind)


_WHOLE: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_KINDS: Final = {
    **dict.fromkeys((*_WHOLE, "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE", "INTEGER_LITERAL"), Kind.NUMBER),
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS"), Kind.MOMENT),
    "BOOLEAN": Kind.YES_OR_NO,
}
"""DuckDB's words for types."""

_DIGITS: Final = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)$"
_ISO: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?$"


def _reading(quoted: str, kind: Kind) -> str:
    """Spells the value of a cell of text; null where it is none."""
    bare = f"TRIM({quoted})"
    match kind:
        case Kind.NUMBER:
            return f"TRY_CAST(CASE WHEN regexp_matches({bare}, '{_DIGITS}') THEN {bare} END AS DECIMAL(38, 12))"
        case Kind.APPROXIMATE:
            return f"TRY_CAST(CASE WHEN regexp_matches({bare}, '{_DIGITS}') THEN {bare} END AS DOUBLE)"
        case Kind.MOMENT:
            return f"TRY_CAST(CASE WHEN regexp_matches({bare}, '{_ISO}') THEN {bare} END AS TIMESTAMP)"
        case Kind.YES_OR_NO:
            return f"TRY_CAST({bare} AS BOOLEAN)"


def _passing_over(column: str, kind: Kind) -> str:
    own = column if column.isidentifier() else _quoted(column)
    match kind:
        case Kind.NUMBER | Kind.APPROXIMATE:
            return f"TRY_CAST({own} AS DOUBLE) > 9"
        case Kind.MOMENT:
            return f"TRY_CAST({own} AS TIMESTAMP) > TIMESTAMP '2024-01-01'"
        case Kind.YES_OR_NO:
            return f"{own} = 'true'"


def _replaced(condition: str, changes: Mapping[int, tuple[list[str], str]]) -> str:
    """The condition with other texts in the places of references, which count the bytes before them."""
    whole = condition.encode()
    first = len(_BEFORE) + 1
    for place in sorted(changes, reverse=True):
        names, text = changes[place]
        begin = place - first
        end = _end(whole, begin, names)
        whole = whole[:begin] + text.encode() + whole[end:]
    return whole.decode()


def _end(whole: bytes, begin: int, names: list[str]) -> int:
    """Where a reference ends that begins there: each of its names bare or in double quotes, with dots between them."""
    place = begin
    for number, name in enumerate(names):
        place += 1 if number else 0
        spelt = _quoted(name).encode() if whole[place : place + 1] == b'"' else name.encode()
        if whole[place : place + len(spelt)].lower() != spelt.lower():
            raise NoCondition(f'"{name}" cannot be told apart in it')
        place += len(spelt)
    return place


def _column(
    parser: duckdb.DuckDBPyConnection, names: list[str], own: Mapping[str, str]
) -> tuple[str, list[str]] | None:
    """The column that a reference means, and its names there; None where it is a word of SQL, such as current_date.

    Raises NoCondition where it is neither.
    """
    for name in (*names[1:2], *names[:1]):
        if name.casefold() in own:
            return own[name.casefold()], names
    try:
        parser.execute(f"DESCRIBE SELECT {'.'.join(names)} FROM rows")
    except duckdb.Error:
        near = difflib.get_close_matches(names[0].casefold(), own, n=1)
        meant = f', did you mean "{own[near[0]]}"?' if near else "; a text stands in single quotes"
        raise NoCondition(f'"{names[0]}" is no column there{meant}') from None
    return None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
