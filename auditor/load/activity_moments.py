"""How files of activities write moments: ISO 8601 and seconds since 1970 are read as such; days in another order than
ISO's are read where only one order makes sense over a whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatch
from typing import Final

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import INSTANT, declared
from auditor.engine.protocol import Engine
from auditor.equality import primitives

_to_timestamp = declared("to_timestamp", ("float64",), INSTANT)

_D, _M, _Y = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])", "[0-9]{4}"
_DAY_FIRST: Final = (f"{_D}/{_M}/{_Y}", "%d/%m/%Y")
_MONTH_FIRST: Final = (f"{_M}/{_D}/{_Y}", "%m/%d/%Y")
_YEAR_FIRST: Final = (f"{_Y}/{_M}/{_D}", "%Y/%m/%d")
_TIMES: Final = (
    ("", ""),
    (" [0-9]{1,2}:[0-9]{2}", " %H:%M"),
    (" [0-9]{1,2}:[0-9]{2}:[0-9]{2}", " %H:%M:%S"),
    (r" [0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}", " %H:%M:%S.%f"),
    (" [0-9]{1,2}:[0-9]{2} [AP]M", " %I:%M %p"),
    (" [0-9]{1,2}:[0-9]{2}:[0-9]{2} [AP]M", " %I:%M:%S %p"),
)
"""Patterns of what is read, for the engine is slow to fail, and formats to read it in."""
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
    plain = text.strip().re_replace(_DAY, r"\1/\2/\3").re_replace(r"^([\d/]+)T", r"\1 ").upper()
    usual = engine.keep(rows.mutate(iso=primitives.instant(text, None, zone), plain=plain), "activity_moments")
    other = ibis.ifelse(usual.iso.isnull(), usual.plain, ibis.null(str))
    read = usual.mutate(
        sure=ibis.coalesce(usual.iso, _since_1970(usual.moment_text), _spelt(other, _YEAR_FIRST, zone)),
        day_first=_spelt(other, _DAY_FIRST, zone),
        month_first=_spelt(other, _MONTH_FIRST, zone),
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


def _spelt(text: ir.StringValue, day: tuple[str, str], zone: str) -> ir.TimestampValue:
    """The moment of a text with a day in this order, and perhaps a time of day."""
    pattern, format_ = day
    return ibis.cases(
        *(
            (text.re_search(f"^{pattern}{shape}$"), primitives.instant(text, format_ + time, zone))
            for shape, time in _TIMES
        )
    )


def _since_1970(text: ir.StringValue) -> ir.TimestampValue:
    """The moment of ten digits, seconds, or of thirteen, thousandths of seconds."""
    plain = text.strip()
    seconds = ibis.cases(
        (plain.re_search(r"^\d{10}(\.\d{1,6})?$"), plain.try_cast("float64")),
        (plain.re_search(r"^\d{13}$"), plain.try_cast("float64") / 1000),
    )
    moment: ir.TimestampValue = _to_timestamp(seconds)
    return moment
