"""Which writes are of one person: those with their profileId, and those without one under the key that they have.

A key is given to somebody else, and a person gets another one; a profileId stays. Without one are creations whose
profile nobody has read yet, and writes to a table whose exports do not show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl

    from auditor.engine.protocol import Engine


class _Recorded(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def profile_id(self) -> str | None: ...


Record = TypeVar("Record", bound=_Recorded)


def last_of_each(writes: str) -> str:
    """SQL that selects the ids of the last of some `writes`, a condition on `writes_now`, to each cell of each person.

    Of two under one key of which one has no profileId the later counts: a creation, and what was written afterwards.
    """
    return (
        "WITH own AS MATERIALIZED (SELECT max(id) AS id, key, address, col FROM writes_now"
        f" WHERE {writes} GROUP BY address, CASE WHEN address IS NULL THEN key END, col)"
        " SELECT id FROM own WHERE id NOT IN (SELECT min(a.id, b.id) FROM own a JOIN own b"
        " ON a.key = b.key AND a.col IS b.col AND a.address IS NULL AND b.address IS NOT NULL)"
    )


def last_among(writes: Iterable[tuple[int, str, str | None, str | None]]) -> dict[int, int]:
    """The number of each of some writes, the newest first, and that of the last of them to its cell of its person.

    They come as number, key, profileId and column.
    """
    last: dict[int, int] = {}
    hers: dict[tuple[str, str | None], int] = {}
    bare: dict[tuple[str, str | None], int] = {}  # without a profileId
    under: dict[tuple[str, str | None], int] = {}
    for number, key, profile_id, column in writes:
        cell = key, column
        later = under.get(cell) if profile_id is None else hers.get((profile_id, column), bare.get(cell))
        last[number] = number if later is None else later
        under.setdefault(cell, last[number])
        if profile_id is None:
            bare.setdefault(cell, last[number])
        else:
            hers.setdefault((profile_id, column), last[number])
    return last


def under_keys_of_now(recorded: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """What the ledger has of people, by `key` and `profile_id`, under the keys that they have by now; nothing of those
    whose key somebody else has. `people` have key and profile_id.
    """
    told = with_keys_of_now(recorded, people)
    return told.filter(~told["of_another"]).drop("of_another")


def with_keys_of_now(recorded: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The same with all that the ledger has, and whether somebody else has the key: `of_another`."""
    import polars as pl

    keys = people.drop_nulls().select("profile_id", now="key")
    found = recorded.join(keys.unique("profile_id"), on="profile_id", how="left", maintain_order="left")
    found = found.with_columns(key=pl.coalesce("now", "key")).drop("now")
    held = keys.select(key="now", held="profile_id").unique("key", keep="last")
    told = found.join(held, on="key", how="left", maintain_order="left")
    return told.with_columns(of_another=pl.col("profile_id").ne(pl.col("held")).fill_null(False)).drop("held")


def under_keys_of_export(engine: Engine, recorded: pl.DataFrame, rows: ir.Table, name: str) -> pl.DataFrame:
    """The same with the people of an export, of whose `rows`, with key and profile_id, only theirs are looked at."""
    if recorded.is_empty():
        return recorded
    named = engine.put(recorded.select("key").unique(), f"{name}_keys")
    numbered = engine.put(recorded.select("profile_id").drop_nulls().unique(), f"{name}_numbers")
    theirs = rows.semi_join(named, "key").union(rows.semi_join(numbered, "profile_id"), distinct=True)
    return under_keys_of_now(recorded, engine.frame(theirs))


def called_now(recorded: Iterable[Record], holders: Mapping[str, str]) -> Iterator[tuple[str, Record]]:
    """The same of single records, each with its key of now; `holders` tells whose the keys are, by profileId."""
    keys = {profile_id: key for key, profile_id in holders.items()}
    for one in recorded:
        key = keys.get(one.profile_id or "", one.key)
        if one.profile_id in (None, holders.get(key, one.profile_id)):
            yield key, one
