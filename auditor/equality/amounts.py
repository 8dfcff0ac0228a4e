"""Numbers with a unit before or behind them: `€ 12,50`, `12.5 %`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ibis

from auditor.equality.primitives import number, tidy
from auditor.settings.contract import PARTED

if TYPE_CHECKING:
    import ibis.expr.types as ir


def amount(text: ir.StringValue, decimal: str, unit: str) -> ir.StringValue:
    """A number behind or before its unit, as `number` gives it; null where it has none of the unit, or is no number.

    `unit` is `€|EUR` for either of them, whatever their case, or `%/100` for hundredths.
    """
    names = PARTED.sub("", unit).split("|")
    either = f"(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})"
    plain, digits = tidy(text), r"[\d.,' ]*\d[\d.,' ]*"
    has_one = plain.re_search(f"(?i)^[-+(]? ?{either} ?[-+]?{digits}[-)]?$|^[-+(]? ?{digits}[-)]? ?{either} ?[-)]?$")
    value = number(plain.re_replace(f"(?i) ?{either} ?", ""), decimal)
    if divided := PARTED.search(unit):
        value = number(value.concat(f"e-{len(divided[1]) - 1}"), ".")
    return ibis.ifelse(has_one, value, ibis.null(str))
