"""What a comparison tells of its inputs beside the findings, and what it could not check; from numbers alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from auditor.findings.audit import AMBIGUOUS, KEY, NORMALISED
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.findings.suggestion import Suggestion
from auditor.model import Side
from auditor.settings.contract import Column


def without_key(rows: Mapping[str, int]) -> tuple[NotChecked, ...]:
    """Rows that no key ties to anybody: they could not be compared. `rows` are those of `Counts`."""
    return tuple(NotChecked(Code.NULL_KEY, side, number) for side in Side if (number := rows[f"{side.value}_null_key"]))


def nothing_compared(
    columns: Sequence[Column], key: Sequence[str], rows: Mapping[str, int], left_out: Sequence[str] = ()
) -> tuple[NotChecked, ...]:
    """Where no column is compared but the key, and where no row of a side was: that is no pass.

    `left_out` are columns that both sides have, and that somebody wanted left out.
    """
    if all(column.name in key for column in columns):
        out = {"left_out": list(left_out)} if left_out else {}
        return (NotChecked(Code.NO_COLUMN_COMPARED, parameters={"key": list(key), **out}),)
    apart = ("rejected", "excluded", "null_key")
    compared = {side: rows[side.value] - sum(rows[f"{side.value}_{what}"] for what in apart) for side in Side}
    without = [side for side in Side if not compared[side]]
    return (NotChecked(Code.NO_ROW_COMPARED, without[0] if len(without) == 1 else None),) if without else ()


def names_alike(offered: Mapping[str, str], paired: Mapping[str, str]) -> tuple[Notice, ...]:
    """Columns whose names are almost the same, platform's → truth's: those that could be compared, and that were."""
    told = ((Code.NAMES_OFFERED, offered), (Code.NAMES_PAIRED, paired))
    return tuple(Notice(code, {"pairs": [list(pair) for pair in names.items()]}) for code, names in told if names)


def without_rows(side: Side, rows: int) -> tuple[NotChecked, ...]:
    """A truth without a row: everybody would seem to be in Actito only. A table may be empty before its first load."""
    return () if rows or side is Side.PLATFORM else (NotChecked(Code.NO_ROWS, side, blocks_plan=True),)


def below_count(exported: int, count: int | None, created: int) -> tuple[NotChecked, ...]:
    """An export with fewer profiles than Actito counts: whoever is not in it would look missing.

    `count` is Actito's own number of profiles now, None where it does not tell (see `not_counted`), `created` how many
    of them we made after the export's moment.
    """
    if count is None or exported >= count - created:
        return ()
    counts = {"exported": exported, "count": count}
    return (NotChecked(Code.BELOW_COUNT, Side.PLATFORM, count - exported, blocks_plan=True, parameters=counts),)


def not_counted(count: int | None) -> tuple[Notice, ...]:
    """Tells that Actito has no number of its own to hold against the export; nothing where it has."""
    return (Notice(Code.NOT_COUNTED),) if count is None else ()


def count_ended(said: str) -> tuple[NotChecked, ...]:
    """Tells that Actito does not offer its own number any more, as the error says."""
    return (NotChecked(Code.COUNT_ENDED, Side.PLATFORM, parameters={"said": said}),)


def ending(announced: Iterable[tuple[str, str, datetime | None]]) -> tuple[Notice, ...]:
    """One notice per generation and day of what Actito announces to end: (generation, operation, moment or None)."""
    found: dict[tuple[str, str | None], set[str]] = {}
    for generation, operation, ends in announced:
        found.setdefault((generation, ends.date().isoformat() if ends else None), set()).add(operation)
    return tuple(
        Notice(Code.OPERATIONS_END, {"generation": generation, "operations": sorted(operations), "ends": ends})
        for (generation, ends), operations in found.items()
    )


def shrunk(rows: Mapping[str, int], before: Mapping[str, int], limits: Mapping[Side, float]) -> tuple[Notice, ...]:
    """Each side that lost as large a share of its rows since the last run as its limit, or a larger one.

    `rows` and `before` count them by the name of the side.
    """
    return tuple(
        Notice(Code.SHRANK, {"side": side.value, "before": before[side.value], "rows": rows[side.value]})
        for side in Side
        if before[side.value] and rows[side.value] <= before[side.value] * (1 - limits[side])
    )


def not_yet(reasons: Mapping[Side, Iterable[Notice]]) -> tuple[Notice, ...]:
    """Why sudden jumps were not looked for, and on which sides; nothing where they were.

    It is told and is no pass, but nothing in scope was left unchecked either: there was nothing to compare with.
    """
    sides: dict[Notice, list[str]] = {}
    for side, found in reasons.items():
        for reason in found:
            sides.setdefault(reason, []).append(side.value)
    return tuple(
        Notice(Code.NO_JUMPS_SOUGHT, {"sides": where, "reason": reason.content()}) for reason, where in sides.items()
    )


def nearly_matched(near: int, keys: Iterable[Sequence[str]]) -> tuple[Notice, ...]:
    """Tells that `near` profiles would be matched by another rule of one of the keys; nothing where there are none."""
    if not near:
        return ()
    return (Notice(Code.NEARLY_MATCHED, {"profiles": near, "keys": [list(key) for key in keys]}),)


def keys_related(
    rules: Mapping[str, str], keys: int, of: int, collisions: Mapping[Side, int], *, doubtful: bool
) -> tuple[Notice, ...]:
    """Tells the rules, by column of the key, by which `keys` of the missing would match; and how many keys of a side
    would be one with another, which nobody proposes. `doubtful`: nothing else shows that they are the same people.
    """
    told = {"rules": dict(rules), "keys": keys, "of": of, **({"doubtful": True} if doubtful else {})}
    collide = {side.value: number for side, number in collisions.items()}
    return (Notice(Code.KEYS_RELATED, {**told, "collide": collide}),)


def suggested(rules: Sequence[Suggestion], differences: int) -> tuple[Notice, ...]:
    """Tells which rules would make how many of the differences equal; nothing where none would."""
    if not rules:
        return ()
    taken = [{"column": one.column, "rule": one.rule, "mapped": one.mapped, "equal": one.equal} for one in rules]
    equal = sum(one.equal for one in rules)
    return (Notice(Code.RULES_SUGGESTED, {"equal": equal, "differences": differences, "rules": taken}),)


def rules_unread(found: Mapping[str, Mapping[Side, int]], rules: Mapping[str, str]) -> tuple[Notice, ...]:
    """Tells of each column whose rule reads none of the cells that some sides have there, how many these are."""
    return tuple(
        Notice(
            Code.RULE_READS_NOTHING,
            {"column": name, "rule": rules[name], "cells": {side.value: number for side, number in cells.items()}},
        )
        for name, cells in found.items()
    )


def words_for_nothing(found: Mapping[Side, Sequence[tuple[str, str, int]]]) -> tuple[Notice, ...]:
    """Tells of each side which words may say that there is no value: column, word and number of differing cells."""
    return tuple(
        Notice(
            Code.WORDS_FOR_NOTHING,
            {
                "side": side.value,
                "cells": sum(cells for _, _, cells in rows),
                "columns": list(dict.fromkeys(column for column, _, _ in rows)),
                "words": list(dict.fromkeys(word for _, word, _ in rows)),
            },
        )
        for side, rows in found.items()
    )


def how_matched(matched_by: Mapping[str, int], key: Sequence[str]) -> tuple[Notice, ...]:
    """How many profiles were not simply matched by the key that both sides spell alike; nothing where all were."""
    found = []
    for by, profiles in matched_by.items():
        name = by.removesuffix(NORMALISED).removesuffix(AMBIGUOUS)
        what = {"profiles": profiles, "key": list(key)}
        if by.endswith(AMBIGUOUS):
            found.append(Notice(Code.MATCHES_SEVERAL, {**what, "by": name}))
        elif name != KEY:
            found.append(Notice(Code.MATCHED_BY_FALLBACK, {**what, "by": name, "spelt_alike": by == name}))
        elif by != KEY:
            found.append(Notice(Code.KEY_SPELT_OTHERWISE, what))
    return tuple(found)


NO_OPT_OUTS: Final = frozenset(
    {Code.PERMISSIONS_LOST, Code.NAMES_LOST, Code.ACTIVITIES_LOST, Code.STATE_DAMAGED, Code.STATE_OF_ANOTHER}
)
"""What says that opt-outs of earlier runs may not be known: nobody is made contactable by what is left."""
NOBODY_SEEN: Final = frozenset({Code.SEEN_LOST, Code.STATE_DAMAGED, Code.STATE_OF_ANOTHER})
"""What says that it may not be known who was there before and has been deleted since: nobody is created."""


def forgotten(told: Iterable[Notice]) -> tuple[NotChecked, ...]:
    """What could not be checked because a part of what earlier runs remembered is lost.

    Without agreed values: who moved. Without the permission history: who is contactable again after an opt-out. Without
    those who were seen: who was deleted since, and who has another key now. Without activities: who cannot be reached.
    """
    lost = NO_OPT_OUTS | NOBODY_SEEN | {Code.BASE_LOST}
    return tuple(NotChecked(one.code, parameters=one.parameters) for one in told if one.code in lost)


def under_other_keys(profiles: int) -> tuple[Notice, ...]:
    """Tells that an earlier run knew so many profiles by another key; nothing where there are none."""
    return (Notice(Code.OTHER_KEYS, {"profiles": profiles}),) if profiles else ()


def after_writing(
    overwritten: Iterable[tuple[str, datetime]], edited: int, astray: Iterable[str]
) -> tuple[Notice, ...]:
    """Which edits files of ours overwrote, by plan and the moment of the export that shows it, how many cells that
    were sent somebody has `edited`, and what went `astray`, by plan; nothing where nobody has.
    """
    files = Counter(overwritten)
    told = [
        Notice(Code.OVERWRITTEN, {"plan": plan, "cells": cells, "shown": shown.isoformat()})
        for (plan, shown), cells in sorted(files.items())
    ]
    told += [Notice(Code.ASTRAY, {"plan": plan, "cells": cells}) for plan, cells in sorted(Counter(astray).items())]
    return (*told, *((Notice(Code.EDITED_SINCE, {"cells": edited}),) if edited else ()))
