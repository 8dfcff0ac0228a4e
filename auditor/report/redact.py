"""An audit as it may be shown: the same value with the people in it hidden as far as the privacy asks.

    masked     a person is a short id of this run, a value its shape ("Xxxxxx-xxxxx"), a specially protected one "•••"
    aggregate  counts and causes only: no row about a person is left
    full       everything

What other stages write as free text (patterns of causes, details, evidence, reasons of rejection), and what is said of
causes, holds no values by their own promise. At `masked` it is not taken on trust: a text that quotes a value of its
row all the same is dropped or replaced by our own words, and so is every one about a specially protected column.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Final, Literal

import polars as pl

from auditor.findings import figures
from auditor.findings.audit import ACTIVITIES, FRAMES, Audit
from auditor.findings.sentences import with_sentences, worded
from auditor.findings.words import Words
from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS, Permission
from auditor.settings.contract import Sensitivity

Privacy = Literal["masked", "aggregate", "full"]

HIDDEN: Final = "•••"
LONGEST_SHAPE: Final = 24
"""Characters of a shape: the length of a long text says something about it, too."""

_KEPT = frozenset(" !\"#%&'()*+,-./:;<=>?@[]_{|}~‘’“”«»–—…·•␣→")
_NAMING = ("profile_id", "decided_by", "evidence")
"""What of a permission finding names a person."""
_PERMISSIONS = frozenset(permission.value for permission in Permission)
_NO_WORD = re.compile(r"\W+")
_SHORTEST_QUOTE: Final = 3
"""Shorter values, such as M or 7, are found in any text."""


def shown(audit: Audit, privacy: Privacy) -> Audit:
    """The audit with everything taken out or masked that a page of this privacy must not hold."""
    causes = _ranked(audit)
    if privacy == "full":
        return causes
    masked = _masked(causes)
    if privacy == "masked":
        return masked
    return replace(
        masked,
        profiles=_empty("profiles"),
        differences=_empty("differences"),
        violations=_empty("violations"),
        permissions=_empty("permissions"),
        same_person=_empty("same_person"),
        rejected=_empty("rejected"),
        activities=ACTIVITIES.to_frame(),
    )


def for_work(audit: Audit) -> Audit:
    """The audit with real values, but only of what needs work: what waits or was sent already is left out."""
    settled = pl.col("waiting") | pl.col("pending")
    ranked = _ranked(audit)
    differences = ranked.differences.filter(~settled)
    return replace(
        ranked,
        differences=differences,
        profiles=audit.profiles.filter(~settled),
        activities=audit.activities.filter("stands"),
        causes=ranked.causes.with_columns(_open_examples(ranked.causes, differences)),
    )


def _open_examples(causes: pl.DataFrame, differences: pl.DataFrame) -> pl.Series:
    """The examples of causes that are among the differences."""
    open_cells = set(differences.select("cause", "key").iter_rows())
    kept = [
        [example for example in examples or () if (cause, example["key"]) in open_cells]
        for cause, examples in causes.select("cause", "examples").iter_rows()
    ]
    return pl.Series("examples", kept, dtype=causes.schema["examples"])


def pseudonyms(audit: Audit) -> dict[str, str]:
    """Key text → short id such as `#k3f9`, unique within the audit and the same whenever this run is rendered.

    The salt is made of the inputs' hashes and all keys together: who does not have the inputs cannot try keys out.
    """
    columns = [
        *(audit.profiles[name] for name in ("key", "platform_key", "truth_key")),
        *(frame["key"] for frame in (audit.differences, audit.violations, audit.permissions, audit.activities)),
        *(audit.same_person[name] for name in ("platform_key", "truth_key", "other_key")),
    ]
    keys = sorted({key for column in columns for key in column.unique().to_list() if key is not None})
    salt = hashlib.sha256(repr([audit.run, [source.sha256 for source in audit.sources], keys]).encode()).digest()
    digests = [base64.b32encode(hmac.digest(salt, key.encode(), "sha256")).decode().lower() for key in keys]
    length = 4
    while len({digest[:length] for digest in digests}) < len(keys):
        length += 1
    return {key: f"#{digest[:length]}" for key, digest in zip(keys, digests, strict=True)}


def shape(value: str, longest: int = LONGEST_SHAPE) -> str:
    """What a value looks like without saying what it is: enough to see case, accents, blanks, digits and length.

    Letters become x or X (with an accent ẍ, Ẍ; Cyrillic я, Greek λ, others 文), digits 9 but for leading zeros;
    blanks, invisible characters and common punctuation stay, every other character becomes ¤.
    """
    text = value[:longest]
    zeros = len(text) - len(text.lstrip("0"))
    masked = text[:zeros] + "".join(_mask_character(character) for character in text[zeros:])
    return masked + "…" if len(value) > longest else masked


def visible(text: str) -> str:
    """The text with every control, format and private character as ⟨U+…⟩, so that none can act or hide."""
    if text.isprintable():
        return text
    return "".join(
        f"⟨U+{ord(character):04X}⟩" if _hidden(character, before) else character
        for before, character in zip(" " + text, text, strict=False)
    )


def _hidden(character: str, before: str) -> bool:
    if character == "\n" or (character == "\u200d" and unicodedata.category(before) in ("So", "Sk", "Mn")):
        return False  # line ends are wanted in lists, and joiners hold an emoji together
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")


@cache
def _mask_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return "9"
    if category in ("Lu", "Lt", "Ll"):
        name = unicodedata.name(character, "")
        plain = "λ" if name.startswith("GREEK") else "я" if name.startswith("CYRILLIC") else "x"
        if name.startswith("LATIN") and not character.isascii():
            plain = "ẍ"
        return plain if category == "Ll" else plain.upper()
    if category.startswith("L"):
        return "文"
    if category == "Mn":
        return "\u0301"
    if character in _KEPT or category in ("Cc", "Cf", "Zs"):
        return character
    return "¤"


def _ranked(audit: Audit) -> Audit:
    """The causes named by their rank, with what they say but for the count of profiles: it stands beside it. What is
    said of pairs and of rejected rows, in words.
    """
    causes = figures.by_size(audit.causes)
    ranks = {cause: str(rank) for rank, cause in enumerate(causes["cause"].to_list(), start=1)}
    return replace(
        audit,
        causes=with_sentences(causes, audit.say, with_count=False).with_columns(_mapped(causes["cause"], ranks.get)),
        differences=audit.differences.with_columns(_mapped(audit.differences["cause"], ranks.get)),
        same_person=audit.same_person.with_columns(worded(audit.same_person["evidence"], audit.say)),
        rejected=audit.rejected.with_columns(worded(audit.rejected["reason"], audit.say)),
    )


def _masked(audit: Audit) -> Audit:
    ids = pseudonyms(audit)
    mask = _Mask(audit)
    profiles, differences, violations = audit.profiles, audit.differences, audit.violations
    permissions, same, rejected = audit.permissions, audit.same_person, audit.rejected
    days = [pl.col(name).dt.truncate("1d") for name in ("platform_updated", "truth_updated")]
    return replace(
        audit,
        profiles=profiles.with_columns(
            _mapped(profiles["key"], ids.get),
            *(_mapped(profiles[name], _nothing) for name in ("platform_key", "truth_key", "profile_id")),
        ),
        differences=differences.with_columns(
            _mapped(differences["key"], ids.get),
            *(mask.column(differences, name) for name in ("platform", "truth", "base")),
            *days,
        ),
        violations=violations.with_columns(
            _mapped(violations["key"], ids.get),
            mask.column(violations, "value"),
            _texts(
                "detail",
                (
                    mask.text(row["column"], row["detail"], (row["value"], row["key"]))
                    for row in violations.iter_rows(named=True)
                ),
            ),
        ),
        permissions=permissions.with_columns(
            _mapped(permissions["key"], ids.get),
            *(mask.column(permissions, name) for name in ("platform", "truth", "platform_text", "truth_text")),
            *(_mapped(permissions[name], _nothing) for name in _NAMING if name in permissions.columns),
            pl.col("since").dt.truncate("1d"),
        ),
        activities=audit.activities.with_columns(
            _mapped(audit.activities["key"], ids.get), pl.col("first", "last").dt.truncate("1d")
        ),
        same_person=same.with_columns(
            *(_mapped(same[name], ids.get) for name in ("platform_key", "truth_key", "other_key")),
            _texts(
                "evidence",
                (_unless_quoted(row["evidence"], list(row.values())[:3]) for row in same.iter_rows(named=True)),
            ),
        ),
        rejected=rejected.with_columns(
            _mapped(rejected["text"], _nothing),
            _texts("reason", (_unless_torn_from(row["text"], row["reason"]) for row in rejected.iter_rows(named=True))),
        ),
        causes=_masked_causes(audit, mask),
    )


def _masked_causes(audit: Audit, mask: _Mask) -> pl.DataFrame:
    """The causes with their sentences and patterns, as far as these quote no value of their differences."""
    say = Words(audit.platform_name, audit.truth_name)
    causes = audit.causes
    values = pl.concat([audit.differences.select("cause", value=name) for name in ("key", "platform", "truth", "base")])
    by_cause = dict(values.drop_nulls().group_by("cause").agg(pl.col("value").unique()).iter_rows())
    patterns: list[str | None] = []
    sentences: list[str | None] = []
    commons: list[str | None] = []
    for row in causes.iter_rows(named=True):
        own = by_cause.get(row["cause"], ())
        pattern = mask.text(row["column"], row["pattern"], own)
        sentence = mask.text(row["column"], row["sentence"], own)
        patterns.append(pattern)
        sentences.append(sentence if pattern is not None and sentence else say.cause(row["column"], row["reason"]))
        commons.append(mask.text(row["column"], row["common"], own) if pattern is not None and sentence else None)
    return causes.with_columns(
        _texts("pattern", patterns),
        _texts("sentence", sentences),
        _texts("common", commons),
        pl.lit(None, pl.String()).alias("shared"),
        pl.lit(None, FRAMES["causes"]["examples"]).alias("examples"),
    )


class _Mask:
    """Masks values by the sensitivity of their column; a column the contract does not name counts as personal."""

    def __init__(self, audit: Audit) -> None:
        # The parts of a key identify a person whatever the contract says about them.
        self._columns = {column.name: column for column in audit.columns if column.name not in audit.key}

    def value(self, column: str | None, value: str) -> str:
        sensitivity = self._sensitivity(column)
        if sensitivity is Sensitivity.PUBLIC:
            return value
        if sensitivity is Sensitivity.SPECIAL:
            return HIDDEN
        known = self._columns.get(column or "")
        # The finding says it anyway, and "true" identifies nobody.
        if known is not None and known.permission is not None and (_is_yes_or_no(value) or value in _PERMISSIONS):
            return value
        return shape(value)

    def column(self, frame: pl.DataFrame, name: str) -> pl.Series:
        """The values of `frame[name]` masked by the column each belongs to; what occurs often is masked once."""
        once = cache(self.value)
        pairs = zip(frame["column"], frame[name], strict=True)
        return _texts(name, (None if text is None else once(column, text) for column, text in pairs))

    def text(self, column: str | None, text: str | None, values: Iterable[str | None]) -> str | None:
        """A text about a column, unless it quotes one of `values` that must not be shown."""
        sensitivity = self._sensitivity(column)
        if sensitivity is Sensitivity.SPECIAL:
            return None
        return text if sensitivity is Sensitivity.PUBLIC else _unless_quoted(text, values)

    def _sensitivity(self, column: str | None) -> Sensitivity:
        known = self._columns.get(column or "")
        return known.sensitivity if known is not None else Sensitivity.PERSONAL


def _unless_quoted(text: str | None, values: Iterable[str | None]) -> str | None:
    said = _words_of(text)
    for value in values:
        told = _words_of(value)
        if len(told) >= _SHORTEST_QUOTE + 2 and told in said and not _is_yes_or_no(told):
            return None
    return text


def _words_of(text: str | None) -> str:
    """The words of a text between single blanks, so that a name inside a longer word is not taken for a quotation."""
    return f" {_NO_WORD.sub(' ', (text or '').lower()).strip()} "


def _unless_torn_from(line: str | None, reason: str | None) -> str | None:
    """The reason why a line was rejected, unless it shares a longer word with the line."""
    words_of_line = set(re.findall(r"\w{4,}", (line or "").lower()))
    return None if words_of_line & set(re.findall(r"\w{4,}", (reason or "").lower())) else reason


def _is_yes_or_no(value: str) -> bool:
    return value.strip().lower() in TRUE_SPELLINGS + FALSE_SPELLINGS


def _empty(name: str) -> pl.DataFrame:
    return FRAMES[name].to_frame()


def _nothing(_: str) -> None:
    return None


def _mapped(series: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    return pl.Series(series.name, [None if text is None else change(text) for text in series], dtype=pl.String)


def _texts(name: str, texts: Iterable[str | None]) -> pl.Series:
    return pl.Series(name, list(texts), dtype=pl.String)
