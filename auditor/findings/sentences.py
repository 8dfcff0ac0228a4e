"""What a run tells, as a sentence: made of a code and its parameters when somebody reads it, and stored nowhere.

A `Language` words all of it. Numbers, plurals and the order of words are its own affair; no sentence is put together of
pieces that another module has worded. A text that a former version stored is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from auditor.findings.codes import Cause, Code, NotChecked, Notice, Shared, read_notice, read_shared, read_told
from auditor.findings.english.cause_sentences import cause, in_short, pattern_in_words
from auditor.findings.english.notice_sentences import NOTICES
from auditor.findings.words import Words

_COUNT: Final = re.compile(r"^[\d,]+ profiles?: ")
"""How the sentence of a cause began when it was stored."""


@dataclass(frozen=True, slots=True)
class Language:
    """How things are said to one kind of reader."""

    notices: Mapping[Code, Callable[..., str]]
    """A function of the names of the sides and the parameters for each code."""
    cause: Callable[..., str]
    """Of a `Cause` and the names of the sides; `with_count` says its profiles as well, `differing` is how many profiles
    differ in its column."""
    in_short: Callable[[Sequence[Shared]], str]
    """What profiles have in common, in a cell of a table."""
    pattern: Callable[[str], str]
    """What differs in each profile of a cause, in a cell of a table."""


ENGLISH: Final = Language(NOTICES, cause, in_short, pattern_in_words)


def sentence(told: Notice | NotChecked, say: Words, language: Language = ENGLISH) -> str:
    """What is told, without a capital letter or a full stop of its own."""
    if "sentence" in told.parameters:
        return str(told.parameters["sentence"])
    of_itself = {"side": told.side, "rows": told.rows} if isinstance(told, NotChecked) else {}
    return language.notices[told.code](say, **of_itself, **told.parameters)


def of_file(told: Notice) -> str:
    """What is told of a file alone, whichever side it is of."""
    return sentence(told, Words("", ""))


def of_plan(told: str | Mapping[str, Any] | Sequence[Mapping[str, Any]], say: Words) -> str:
    """What a plan says of its route or of why it is stopped; a text is one of a version that stored sentences."""
    several = [told] if isinstance(told, str | Mapping) else told
    return "; ".join(sentence(read_notice(one), say) for one in several)


def worded(cells: pl.Series, say: Words) -> pl.Series:
    """A column of notices, such as the evidence of pairs or the reasons of rejection, as sentences."""
    said = {cell: sentence(read_told(cell), say) for cell in cells.unique() if cell is not None}
    return pl.Series(cells.name, [said.get(cell) for cell in cells], dtype=pl.String)


def spelt_out(text: str) -> str:
    """A sentence that stands alone: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def with_sentences(
    causes: pl.DataFrame, say: Words, *, with_count: bool = True, language: Language = ENGLISH
) -> pl.DataFrame:
    """The causes with what they say: `sentence`, and `common`, in short what their profiles have in common or null."""
    differing = dict(causes.group_by("column").agg(pl.col("profiles").sum()).iter_rows())
    told = [
        _said(row, say, language, with_count=with_count, differing=differing[row["column"]])
        for row in causes.iter_rows(named=True)
    ]
    return causes.with_columns(
        pl.Series(name, texts, dtype=pl.String)
        for name, texts in zip(("sentence", "common"), zip(*told, strict=True) if told else ((), ()), strict=True)
    )


def _said(
    row: Mapping[str, Any], say: Words, language: Language, *, with_count: bool, differing: int
) -> tuple[str, str | None]:
    if stored := row.get("sentence"):
        return stored if with_count else _COUNT.sub("", stored), row.get("common")
    shared = read_shared(row["shared"])
    facts = {name: row[name] for name in ("column", "reason", "pattern", "profiles", "share", "elsewhere", "lift")}
    one = Cause(**facts, shared=shared)
    said = language.cause(one, say, with_count=with_count, differing=differing)
    return said, language.in_short(shared) if shared else None
