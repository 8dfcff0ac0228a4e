"""Rows that cannot be read: collected up to a bound, and kept beside what was landed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.errors import InputUnusable
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.audit import REJECTED
from auditor.findings.codes import Code, NotChecked, told_text
from auditor.findings.sentences import of_file
from auditor.load.landed import MOST_REJECTED, Landed
from auditor.load.tail import Reject
from auditor.model import Side

_REJECTED_TEXT = 64 * 2**20
"""Characters of rejected rows that are kept; more means that the file is not what it is taken for."""


def rejects_of(target: Path) -> Path:
    """Where the rejected rows of what is landed as `target` are kept."""
    return target.with_name(f"{target.stem}-rejected.parquet")


def limited(rejects: list[Reject], path: Path) -> Callable[[Reject], None]:
    """Collects rejected rows, up to a bound on their text."""
    held = 0

    def collect(reject: Reject) -> None:
        nonlocal held
        held += len(reject.text) + 100
        if held > _REJECTED_TEXT:
            why = of_file(rejects[0].reason)
            raise InputUnusable(
                f"too many rows of {printable(path)} cannot be read: line {rejects[0].line}: {why}",
                hint="check the separator and the quotes",
            )
        rejects.append(reject)

    return collect


def bear(path: Path, rows: int, rejects: Sequence[Reject], most: tuple[int, float], *, place: str = "line") -> None:
    """Raise InputUnusable for more rejected rows than an audit can bear.

    `rows` are all rows, `most` is a number and a share of them, the larger of which may be rejected.
    """
    file, (number, share) = printable(path), most
    if rejects and len(rejects) == rows:
        said = f"no row of {file} can be read"
    elif len(rejects) > max(number, share * rows):
        said = f"{len(rejects):,} of {counted(rows, 'row')} of {file} cannot be read, which is too many"
    else:
        return
    raise InputUnusable(
        f"{said}: {place} {rejects[0].line:,}: {of_file(rejects[0].reason)}",
        hint="check the separator, the quotes and the encoding" if place == "line" else "check the sheet",
    )


def not_read(side: Side, path: Path, rejects: Sequence[Reject], *, place: str = "line") -> NotChecked:
    """What a run says of rows that it could not read."""
    return NotChecked(
        code=Code.REJECTED_ROWS,
        side=side,
        rows=len(rejects),
        parameters={
            "file": printable(path.name),
            "place": place,
            "line": rejects[0].line,
            "reason": rejects[0].reason.content(),
        },
    )


def with_rejected(
    landed: Landed, path: Path, target: Path, rejects: Sequence[Reject], most: tuple[int, float] = MOST_REJECTED
) -> Landed:
    """What was landed of a database, and what was left out of it before: such rows are rejected. Raises as `bear`."""
    if not rejects:
        return landed
    bear(path, landed.rows + len(rejects), rejects, most, place="row")
    return replace(
        landed,
        rows=landed.rows + len(rejects),
        rejected=landed.rejected + len(rejects),
        rejects=write_rejects(landed.side, target, rejects),
        not_checked=(*landed.not_checked, not_read(landed.side, path, rejects, place="row")),
    )


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def write_rejects(side: Side, target: Path, rejects: Sequence[Reject]) -> Path | None:
    """Keep rejected rows as Parquet in the columns of `audit.REJECTED`; None, and no file, where there are none."""
    if not rejects:
        return None
    import polars as pl  # most inputs have no rejected row

    frame = pl.DataFrame(
        [(side.value, reject.line, told_text(reject.reason), reject.text) for reject in rejects], REJECTED, orient="row"
    )
    path = rejects_of(target)
    with whole_file(path, durable=False) as partial:
        frame.write_parquet(partial)
    return path
