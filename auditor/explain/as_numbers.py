"""What two texts tell as numbers: whether they are the same one, and whether their digits mean anything by themselves.

`1.250` may be 1250 or one and a quarter. Where the column says which, by its rule or by its other cells (`0.750`,
`12.5`), it is no longer the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import ibis

from auditor.engine.protocol import Engine
from auditor.explain.folds import only_if
from auditor.explain.spelling import MONEY, NAMES_OF_MONEY, money_of, same_number
from auditor.findings.reason import Reason
from auditor.settings.contract import Column, Compare

if TYPE_CHECKING:
    import ibis.expr.types as ir

_MONEY: Final = f"(?:{'|'.join(map(re.escape, MONEY))})?"
_LIKE_A_NUMBER: Final = rf"(?i)^\(?{_MONEY}[+-]?{_MONEY}[.,]?\d[\d.,'’]*(?:e[+-]?\d+)?{_MONEY}[-%)]?{_MONEY}$"
_PLAIN: Final = r"^[+-]?(?:0|[1-9][0-9]*)?(?:[.,][0-9]+)?$"
_FRACTION: Final = r"[.,][0-9]+$"
_ONE_GROUP: Final = r"^\s*[+-]?[1-9][0-9]{0,2}[%s][0-9]{3}\s*$"
_WHOLE: Final = r"^\s*[+-]?[0-9]+(?:[.,]0+)?\s*$"
_GROUPS: Final = r"^\s*[+-]?[1-9][0-9]{0,2}(?:(?:[%s][0-9]{3}){2,}|[%s][0-9]{3}[.,][0-9]{1,2})\s*$"
_CERTAIN: Final = r"^[^.]*,|\.[0-9]{3}[^0-9]"
_SMALL: Final = r"^\s*[+-]?[0-9]{1,3}\s*$"
_DECIMALS: Final = r"^\s*[+-]?(?:0|[1-9][0-9]*)?[%s][0-9]+\s*$"


def are_same_number(table: ir.Table) -> ir.BooleanValue:
    p, t = table.p_joined, table.t_joined
    both = p.re_search(_LIKE_A_NUMBER) & t.re_search(_LIKE_A_NUMBER)
    exponent = p.lower().contains("e") | t.lower().contains("e")
    # The same number has the same digits, zeros at the ends apart.
    candidate = only_if(both, exponent | (_significant(p) == _significant(t)))
    return only_if(candidate, same_number(p, t))


def units(texts: Sequence[str]) -> Iterator[str]:
    """What stands before or behind numbers, as the rule takes it: the names of one currency together."""
    found = {money_of(text) for text in texts} - {None}
    for code in sorted(filter(None, found)):
        spelt = {name.lower() for name, one in MONEY.items() if one == code}
        there = {part for text in texts for part in NAMES_OF_MONEY.findall(text) if part.lower() in spelt}
        yield "|".join(sorted({name.lower(): name for name in sorted(there)}.values()))
    if any("%" in text for text in texts):
        yield from ("%/100", "%")


def more_than_digits(table: ir.Table) -> ir.BooleanValue:
    """Whether a decimal sign, a group or a unit says that these are numbers: digits alone may be of a card."""
    return table.p_joined.re_search("[^+0-9]") | table.t_joined.re_search("[^+0-9]")


def _significant(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace("[^0-9]", "").re_replace("^0+|0+$", "")


def with_fractions(table: ir.Table) -> ir.BooleanValue:
    """Whether both are plain numbers, one with decimals at least: what these are worth is no matter of their digits."""
    p, t = table.p_joined, table.t_joined
    fraction = p.re_search(_FRACTION) | t.re_search(_FRACTION)
    return only_if(fraction, p.re_search(_PLAIN) & t.re_search(_PLAIN))


def both_with_fractions(table: ir.Table) -> ir.BooleanValue:
    return table.p_joined.re_search(_FRACTION) & table.t_joined.re_search(_FRACTION)


def not_the_same(engine: Engine, reasoned: ir.Table, columns: Sequence[Column]) -> ir.Table | None:
    """The cells of one number by a group of thousands that is none in their column: key and column; None: none."""
    numbers = reasoned.filter(reasoned.reason == Reason.NUMBER_FORMAT.value)
    ways = [(side, other, sign) for side, other in (("platform", "truth"), ("truth", "platform")) for sign in ".,"]
    of_one_group = {
        (side, sign): numbers[side].re_search(_ONE_GROUP % sign) & numbers[other].re_search(_WHOLE)
        for side, other, sign in ways
    }
    found = engine.rows(
        numbers.group_by("column").agg(
            **{f"n{place}": numbers.count(where=one) for place, one in enumerate(of_one_group.values())}
        )
    )
    doubtful = {name: [way for way, n in zip(ways, sizes, strict=True) if n] for name, *sizes in found}
    if not any(doubtful.values()):
        return None
    cells = reasoned.filter(reasoned.column.isin([name for name, several in doubtful.items() if several]))
    told = {
        f"{kind}{place}": cells.count(where=_speaks(cells[side], kind, sign))
        for place, (side, _, sign) in enumerate(ways)
        for kind in ("decimals", "groups")
    }
    declared = {(one.name, one.decimal) for one in columns if one.compare is Compare.NUMBER}
    not_groups: list[ir.BooleanValue] = []
    for name, *sizes in engine.rows(cells.group_by("column").agg(**told)):
        counted = dict(zip(told, sizes, strict=True))
        for place, (side, other, sign) in enumerate(ways):
            fractions = counted[f"decimals{place}"] and not counted[f"groups{place}"]
            if (side, other, sign) in doubtful[name] and (fractions or (name, sign) in declared):
                not_groups.append((numbers.column == name) & of_one_group[side, sign])
    return numbers.filter(ibis.or_(*not_groups)).select("key", "column") if not_groups else None


def thousands_are_certain(engine: Engine, cells: ir.Table, drawn: ir.Table) -> bool:
    """Whether anything shows that dots stand between thousands: `1.000.000`, `1.250,50`, a whole number below a
    thousand on both sides; `1.250` for 1250 alone may be a thousandth of it.

    `cells` are those of a column that differ, `drawn` a sample of all rows: the texts p and t.
    """
    other = cells.p.re_search(_CERTAIN) | cells.t.re_search(_CERTAIN)
    small = drawn.p.identical_to(drawn.t) & drawn.p.re_search(_SMALL)
    counts = [engine.rows(table.agg(n=table.count(where=where))) for table, where in ((cells, other), (drawn, small))]
    return any(number for [(number,)] in counts)


def _speaks(text: ir.StringValue, kind: str, sign: str) -> ir.BooleanValue:
    """Whether a text can only be read with the sign before decimals, or only with it between groups."""
    if kind == "groups":
        return text.re_search(_GROUPS % (sign, sign))
    return text.re_search(_DECIMALS % sign) & ~text.re_search(_ONE_GROUP % sign)
