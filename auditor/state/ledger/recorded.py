"""What every part of the ledger needs: the file, transactions, frames of what was asked, and the proof of it all."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from auditor.state.ledger.chain import Chain, Value, Verified, stamp
from auditor.state.ledger.records import INDEXES, TABLES, VERSION, Head

if TYPE_CHECKING:
    import polars as pl

FILE: Final = "ledger.sqlite"


class Recorded:
    """An open ledger, of which each part asks and records its own.

    Methods raise TryLater when the file cannot be read or written now.
    """

    def __init__(
        self, folder: Path, *, secret: str | None = None, reading: bool = False, beside_writing: bool = False
    ) -> None:
        """Open `folder/ledger.sqlite`, or make it (0600, folder 0700) with this secret, or one of its own.

        `reading`: no file is made or changed, and nothing can be recorded; `beside_writing`, it stays open while this
        process records by another object. Raises SettingsError when it is not ours.
        """
        salt = bytes.fromhex(secret) if secret else None
        self._chain = Chain(
            folder / FILE,
            TABLES,
            version=VERSION,
            indexes=INDEXES,
            salt=salt,
            reading=reading,
            beside_writing=beside_writing,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._chain.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Everything recorded inside the block stands together or not at all."""
        return self._chain.transaction()

    def verify(self, since: Head | None = None) -> Verified:
        """Check the whole record against its hash chain, or only what came `since`, where it has that head."""
        known = since is not None and self._chain.link(since.entry) == since.link
        return self._chain.verify(since.entry if since is not None and known else 0)

    @property
    def head(self) -> Head:
        """How far the record has come; noted elsewhere, it shows when the end was cut off."""
        return Head(*self._chain.head)

    @property
    def last_at(self) -> datetime | None:
        """The moment of the last entry; None where there is none."""
        rows = self._chain.query("SELECT at FROM chain ORDER BY entry DESC LIMIT 1")
        return moment(rows[0][0]) if rows else None

    def among(self, heads: Collection[Head]) -> frozenset[Head]:
        """Those of `heads` that the record has, or lacks and somebody settled that."""
        lost = {Head(*row) for row in self._chain.query("SELECT upto, link FROM losses")}
        return frozenset(one for one in heads if one in lost or self._chain.link(one.entry) == one.link)

    def settle_losses(self, heads: Iterable[Head], at: datetime) -> None:
        """Record that entries are lost, up to each of `heads`, and that nobody finds them again."""
        self._chain.append("losses", ((one.entry, one.link, stamp(at)) for one in heads), at)

    @property
    def lost_at(self) -> datetime | None:
        """When it was last settled that entries are lost; None: none ever was."""
        rows = self._chain.query("SELECT max(settled_at) FROM losses")
        return moment(rows[0][0]) if rows[0][0] else None

    @property
    def secret(self) -> str:
        """What keyed hashes of this state folder are keyed with; another folder has another one."""
        return self._chain.salt.hex()

    def _frame(self, columns: Sequence[str], sql: str, values: Sequence[Value] | Mapping[str, Value]) -> pl.DataFrame:
        import polars as pl  # not every command that opens the ledger needs frames

        moments = [name for name in columns if name.endswith("_at")]
        integers = ("write", "number", "around")
        schema = {name: pl.Int64() if name in integers else pl.String() for name in columns}
        frame = pl.DataFrame(self._chain.query(sql, values), schema=schema, orient="row")
        return frame.with_columns(
            pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z", time_unit="us", time_zone="UTC")
            for name in moments
        )


def json_text(content: Mapping[str, Any]) -> str:
    """A column's text for values by their names, the same for the same values."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def moment(text: str) -> datetime:
    """The moment that `chain.stamp` wrote."""
    return datetime.fromisoformat(text)
