"""What the cluster reads itself: a table of its catalog, or Parquet files in its storage, as text.

Types are spelt as `auditor.load.parquetfile` spells them, so that the same table gives the same texts on both engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyspark.sql.types as st

from auditor.engine.protocol import ROW_NUMBER
from auditor.errors import SettingsError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_WORDS: Final = {
    st.StringType: "VARCHAR",
    st.DateType: "DATE",
    st.TimestampType: "TIMESTAMP WITH TIME ZONE",
    st.TimestampNTZType: "TIMESTAMP",
    st.BooleanType: "BOOLEAN",
    st.ByteType: "TINYINT",
    st.ShortType: "SMALLINT",
    st.IntegerType: "INTEGER",
    st.LongType: "BIGINT",
    st.FloatType: "FLOAT",
    st.DoubleType: "DOUBLE",
    st.DecimalType: "DECIMAL",
}
"""Spark's types, and DuckDB's words for them."""


def quote(name: str) -> str:
    """A name as a quoted identifier of Spark's SQL, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def types(frame: DataFrame) -> dict[str, str]:
    """Column → DuckDB's word for its type; a type that is not compared is named as Spark names it."""
    return {field.name: _word(field.dataType) for field in frame.schema}


def _word(kind: st.DataType) -> str:
    if isinstance(kind, st.ArrayType):
        return f"{_word(kind.elementType)}[]"
    return _WORDS.get(type(kind), kind.simpleString())


def as_texts(frame: DataFrame, columns: list[str], location: str) -> DataFrame:
    """The columns as text, and a number for each row: no two have the same.

    Raises SettingsError for a column whose type has no text.
    """
    kinds = {field.name: field.dataType for field in frame.schema}
    texts = [f"{_text(quote(name), kinds[name], name, location)} AS {quote(name)}" for name in columns]
    return frame.selectExpr(*texts, f"monotonically_increasing_id() AS {ROW_NUMBER}")


def _text(value: str, kind: st.DataType, name: str, location: str) -> str:
    """SQL for one value as text."""
    match kind:
        case st.StringType():
            return value
        case st.TimestampType() | st.TimestampNTZType():
            zone = "'Z'" if isinstance(kind, st.TimestampType) else "''"
            decimals = f"date_format({value}, 'yyyy-MM-dd HH:mm:ss.SSSSSS')"
            return f"concat(regexp_replace({decimals}, '[.]000000$', ''), {zone})"
        case st.FloatType() | st.DoubleType():
            return f"auditor_float_text(CAST({value} AS STRING))"
        case st.ArrayType() if isinstance(kind.elementType, st.StringType):
            quoted = """concat('"', replace(m, '"', '""'), '"')"""
            return f"""array_join(transform({value}, m -> if(m RLIKE '[,"]', {quoted}, m)), ',')"""
        case _ if type(kind) in _WORDS:
            return f"CAST({value} AS STRING)"
    raise SettingsError(
        f'the column "{name}" of {location} is of the type {kind.simpleString()}, which is not compared on a cluster',
        hint=f"leave it out: --ignore {name}",
    )
