"""How files of activities write moments: ISO 8601 and seconds since 1970 are read as such; days in another order than
ISO's are read where only one order makes sense over a whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatch
from functools import reduce
from typing import Final

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import INSTANT, declared
from auditor.engine.protocol import Engine
from auditor.equality import primitives

_to_timestamp = declared("to_timestamp", ("float64",), INSTANT)

_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST = "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d"
_TIMES: Final = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_DAY: Final = r"^(\d{1,4})[-./](\d{1,2})[-./](\d{1,4})"
"""The three numbers of a day, whatever stands between them."""


def with_moments(
    engine: Engine, rows: ir.Table, formats: str | Mapping[str, str] | None, zone: str, latest: datetime
) -> ir.Table:
    """The rows with `moment`, of what they have as `moment_text`; null for what is none.

    `formats` is one for all files, or one by patterns of their names (`name`); what they do not match is recognised.
    Moments without a zone are of `zone`. Nothing has happened after `latest`.
    """
    formats = {"*": formats} if isinstance(formats, str) else formats or {}
    names = [str(name) for (name,) in engine.rows(rows.select("name").distinct())]
    of_file = {name: next((one for pattern, one in formats.items() if fnmatch(name, pattern)), None) for name in names}
    recognised = _recognised(engine, rows, zone, latest)
    moment = recognised.moment
    for one in {one for one in of_file.values() if one is not None}:
        own = recognised.name.isin([name for name, format_ in of_file.items() if format_ == one])
        moment = ibis.ifelse(own, primitives.instant(recognised.moment_text, one, zone), moment)
    return engine.keep(recognised.mutate(moment=moment).select(*rows.columns, "moment"), "activities")


def _recognised(engine: Engine, rows: ir.Table, zone: str, latest: datetime) -> ir.Table:
    text = rows.moment_text
    sure = ibis.coalesce(primitives.instant(text, None, zone), _since_1970(text), _spelt(text, _YEAR_FIRST, zone))
    read = rows.mutate(
        sure=sure, day_first=_spelt(text, _DAY_FIRST, zone), month_first=_spelt(text, _MONTH_FIRST, zone)
    )
    read = engine.keep(read, "activity_moments")
    day, month = read.day_first, read.month_first
    until = ibis.literal(latest, type=INSTANT)

    def fits(one: ir.Value, other: ir.Value) -> ir.BooleanValue:
        """Every moment that can be read at all is one in this order."""
        return (one.isnull() & other.notnull()).sum() == 0

    files = read.group_by("file").agg(
        day_fits=fits(day, month),
        month_fits=fits(month, day),
        day_was=(day > until).sum().fill_null(0) == 0,
        month_was=(month > until).sum().fill_null(0) == 0,
    )
    by_day = files.day_fits & (~files.month_fits | (files.day_was & ~files.month_was))
    by_month = files.month_fits & (~files.day_fits | (files.month_was & ~files.day_was))
    orders = files.select(of_file="file", by_day=by_day, by_month=by_month)
    joined = read.join(orders, read.file == orders.of_file)
    alike = joined.day_first == joined.month_first
    ordered = ibis.cases((joined.by_day | alike, joined.day_first), (joined.by_month, joined.month_first))
    return joined.mutate(moment=ibis.coalesce(joined.sure, ordered))


def _spelt(text: ir.StringValue, day: str, zone: str) -> ir.TimestampValue:
    """The moment of a text with a day in this order, and perhaps a time of day."""
    plain = text.strip().re_replace(_DAY, r"\1/\2/\3").re_replace(r"^([\d/]+)T", r"\1 ").upper()
    readings = [primitives.instant(plain, day + time, zone) for time in _TIMES]
    return reduce(lambda one, other: ibis.coalesce(one, other), readings)


def _since_1970(text: ir.StringValue) -> ir.TimestampValue:
    """The moment of ten digits, seconds, or of thirteen, thousandths of seconds."""
    plain = text.strip()
    seconds = ibis.cases(
        (plain.re_search(r"^\d{10}(\.\d{1,6})?$"), plain.try_cast("float64")),
        (plain.re_search(r"^\d{13}$"), plain.try_cast("float64") / 1000),
    )
    moment: ir.TimestampValue = _to_timestamp(seconds)
    return moment
