"""Opens what a finished run left in its folder: here alone, so that what is wrong with a file is told one way.

A file that is gone, cut off, of another shape or of another version is neither a bug nor a run without findings:
SettingsError names the file and says what to do. What was in it is not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import ibis.expr.types as ir
import polars as pl

from auditor.engine.protocol import Engine
from auditor.errors import SettingsError

Value = TypeVar("Value")

AGAIN: Final = "make a new run: auditor run; or name another one: auditor runs lists them"


def document(path: Path, read: Callable[[Any], Value]) -> Value:
    """Gives what `read` makes of the JSON in a file; it may raise whatever data of another shape make it raise."""
    with _told(path):
        return read(json.loads(path.read_text("utf-8")))


def rows(path: Path, schema: pl.Schema, *, later: Collection[str] = (), hint: str = AGAIN) -> pl.DataFrame:
    """Gives the rows of a Parquet file in the columns of `schema`, and further ones behind them.

    Columns that came `later` than the file are empty. `hint` says what to do where it cannot be read.
    """
    with _told(path, hint):
        path.open("rb").close()  # of a folder Polars would read what is in it
        frame = pl.read_parquet(path)
        lacking = sorted(schema.keys() - set(frame.columns) - set(later))
        if lacking:
            raise SettingsError(
                f'{path} has no column "{lacking[0]}": it is damaged, or the contract has changed since', hint=hint
            )
        return pl.concat([schema.to_frame(), frame], how="diagonal_relaxed").cast(dict(schema))  # type: ignore[arg-type]


def rows_with(path: Path, columns: Sequence[str], wanted: pl.DataFrame, shown: Sequence[str]) -> pl.DataFrame:
    """Gives of a Parquet file the rows whose `columns` are as the first ones of a row of `wanted`, which is of text.

    The answer has the columns `shown`, numbered, and the last one of `wanted`; no others are read.
    """
    with _told(path):
        left = [pl.col(name).alias(f"shown {at}") for at, name in enumerate(shown)]
        keys = [pl.col(name).alias(f"sought {at}") for at, name in enumerate(columns)]
        file = pl.scan_parquet(path).select(*keys, *left)
        on = [f"sought {at}" for at in range(len(columns))]
        found = file.join(wanted.lazy(), left_on=on, right_on=wanted.columns[:-1], how="inner")
        return found.select(*(f"shown {at}" for at in range(len(shown))), wanted.columns[-1]).collect()


def columns_of(path: Path) -> list[str]:
    """Gives the columns of a Parquet file, whose rows are read later."""
    with _told(path):
        path.open("rb").close()
        return list(pl.read_parquet_schema(path))


def snapshot(engine: Engine, path: Path, name: str) -> ir.Table:
    """Gives a file of a run as a table of the engine."""
    columns_of(path)
    return engine.view(path, name)


def of_snapshot(folder: Path, name: str) -> Path:
    """Gives the path of a file that is kept for a shorter time than its run. Raises SettingsError once it has gone."""
    path = folder / name
    if not path.exists():
        raise SettingsError(
            f"{folder.name} has no {name} any more: snapshots are kept for a limited time",
            hint="make a new run: auditor run",
        )
    return path


@contextmanager
def _told(path: Path, hint: str = AGAIN) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing", hint=hint) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or 'it is damaged'}", hint=hint) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, pl.exceptions.PolarsError):
        raise SettingsError(f"{path} is damaged, or of another version of the auditor", hint=hint) from None
