"""The rows about people that a page carries: small, packed, and decoded only in the reader's browser.

A table travels as one dictionary per column: the distinct values, and per row the number of one. All tables
together are JSON, compressed and in base64: 100,000 differences fit in a mail, and no value ever meets the HTML parser.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from auditor.findings import activity_words, figures, words
from auditor.findings.answers import ANSWER, Answer
from auditor.findings.audit import VIOLATIONS, Audit, swapped_with
from auditor.findings.decided import CHOICE, GIVE_BACK, GIVEN_BACK, Standing, decided
from auditor.findings.left_alone import OF_A_CELL, WHY, create_again, worth_saying
from auditor.findings.planned import MAY_CONTACT
from auditor.findings.words import Words
from auditor.model import Need, Permission, Severity, Side, Status
from auditor.permissions import state
from auditor.settings.contract import Polarity

_DAY: Final = "%Y-%m-%d"
"""Days are what a steward needs of a moment, and a column of minutes would weigh as much as a column of names."""

_OF_ONE_PERSON: Final = frozenset(
    ("key", "id", "profile_id", "other_key", "swapped", "platform", "truth", "base", "value", "text", "evidence")
) | {"who", "other_who", "who_platform", "who_truth", "command"}
"""Columns that travel without numbers, a value per row, where most rows have a value of their own. None can be chosen
as a filter, which needs every value to be there once."""

Table = Mapping[str, Sequence[str | None]]
"""Column name → one text per row; None: empty."""
Who = Mapping[tuple[str, str], str]
"""A side, and a key as that side spells it → who that is: name and e-mail address. For the owner of a run alone."""


def packed_rows(
    audit: Audit, ids: Mapping[str, str] | None = None, *, real: bool = False, who: Who | None = None
) -> str:
    """Every row about a person in `audit`, which is shown as it is: mask it before. Base64 of gzip of JSON.

    Its differences have what `needs` says of them beside their own columns, unless nobody asked for needs.
    `ids`: the short ids under which the masked page shows the same people (only where real keys are shown). `real`: the
    values are, so it can be told with whom they were exchanged. `who`: beside whom it is to be said who that is.
    """
    tables = {
        "differences": _differences(audit, real=real),
        "profiles": _profiles(audit, real=real),
        "permissions": _permissions(audit),
        "violations": _violations(audit),
        "same": _same_person(audit),
        "rejected": _rejected(audit),
        **({"activities": _activities(audit)} if audit.activities.height else {}),
    }
    if who:
        tables |= {name: _with_people(tables[name], who) for name in ("profiles", "permissions", "same")}
    if ids is not None:
        tables = {name: _with_ids(table, ids) for name, table in tables.items()}
    named = labels(Words(audit.platform_name, audit.truth_name))
    document: dict[str, Any] = {
        "tables": {name: _packed(table) for name, table in tables.items()},
        "labels": {**named, "cause": _causes(audit, named["reason"])},
    }
    if ids is not None:
        # Browsers name the rows of choices by it: it is the same on every page of a run, and nobody else's to know.
        seal = repr([audit.run, audit.table, [source.sha256 for source in audit.sources]])
        document["salt"] = hashlib.sha256(seal.encode()).hexdigest()
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()


def labels(say: Words) -> dict[str, dict[str, str]]:
    """Per column with stored words: word → what it is called on screens."""
    flags = say.labels(words.FLAG)
    return {
        "status": say.labels(words.STATUS),
        "counted_as": say.labels(words.STATUS) | flags,
        "agrees": {"no": "Does not agree", "": "Waiting, sent or created by us"},
        "open": {"yes": "To be dealt with", "": figures.WAITING_OR_SENT},
        "against": {
            "yes": "May be contacted against their will",
            figures.GROUNDS: "With grounds recorded",
            "": "Other findings",
        },
        "moved": say.labels(words.MOVED),
        "reason": say.labels(words.REASON),
        "rule": say.labels(words.RULE),
        "severity": dict(words.SEVERITY),
        "finding": say.labels(words.FINDING),
        "flags": flags,
        "side": {**{side.value: say.side(side) for side in Side}, "activities": f"Activities in {say.platform}"},
        "activity": say.labels(activity_words.ACTIVITY),
        "unsent": say.labels(activity_words.UNSENT),
        "channel": say.labels(activity_words.CHANNEL),
        "bearing": say.labels(activity_words.BEARING),
        "where": {
            "both": f"{say.platform} and {say.truth}",
            **{side.value: f"Twice in {say.side(side)}" for side in Side},
        },
        "kind": {"permission": "Permissions only", "field": "Other fields only"},
        "need": say.labels(words.NEED),
        "answer": say.labels(ANSWER),
        "says": {str(said): text for said, text in MAY_CONTACT.items()},
        "why": say.labels(OF_A_CELL),
        "refused": say.labels(WHY),
        "choice": {"": "Not decided yet", **say.labels(CHOICE)},
    }


def _causes(audit: Audit, reasons: Mapping[str, str]) -> dict[str, str]:
    """Rank of a cause → what a list of causes calls it."""
    rows = audit.causes.select("cause", "column", "reason").iter_rows()
    return {rank: f"{rank}. {column}: {reasons.get(reason, reason)}" for rank, column, reason in rows}


def _differences(audit: Audit, *, real: bool) -> Table:
    permissions = {column.name: column.permission for column in audit.columns if column.permission is not None}
    needed = audit.counts.needs is not None
    frame = audit.differences if needed else audit.differences.with_columns(again=pl.lit(False))
    frame = frame.with_columns(
        flags=_flags("pending", "waiting", "blocked", "again"),
        open=pl.when(figures.is_open()).then(pl.lit("yes")),
        kind=pl.when(pl.col("column").is_in(list(permissions))).then(pl.lit("permission")).otherwise(pl.lit("field")),
        platform_updated=_day("platform_updated"),
        truth_updated=_day("truth_updated"),
    )
    names = [
        "key",
        "column",
        "platform",
        "truth",
        "base",
        "status",
        "moved",
        "reason",
        "cause",
        "flags",
        "kind",
        "open",
        "platform_updated",
        "truth_updated",
    ]
    asked = pl.col("status") == Status.CONFLICTING
    if needed:
        names += ["need", "why", "answers", "refused", "recorded", "decision"]
        asked = pl.col("need") == Need.PERSON
        reasons = frame.select("why", "flags", "damage").iter_rows()
        why = [worth_saying(why, (flags or "").split(), damage) for why, flags, damage in reasons]
        frame = frame.with_columns(pl.Series("why", why, dtype=pl.String))
        offered = pl.col("chosen").replace([GIVE_BACK, GIVEN_BACK], Side.PLATFORM.value)
        frame = with_decision(frame, audit.say).with_columns(recorded=pl.when("holds").then(offered))
    # Who bounced for good is reachable again with another address: that comes before all else.
    order = (~pl.col("again"), ~asked, pl.col("kind"), pl.col("column"))
    frame = frame.sort(order, descending=[False, False, True, False], maintain_order=True)
    table = {name: frame[name].to_list() for name in names}
    if real and (others := swapped_with(frame)):
        table["swapped"] = [others.get(cell) for cell in zip(table["key"], table["column"], strict=True)]
    for name in (*(side.value for side in Side), "base"):
        pairs = zip(map(permissions.get, table["column"]), table[name], strict=True)
        table[f"{name}_says"] = [None if one is None else state(text, one).value for one, text in pairs]
    # The choice that leaves somebody contactable whom the other side says is not: it needs a name.
    table["on"] = [
        None if polarity is None else _choice_that_permits(platform, truth, polarity)
        for polarity, platform, truth in zip(
            map(permissions.get, table["column"]), table["platform"], table["truth"], strict=True
        )
    ]
    return table


def with_decision(frame: pl.DataFrame, say: Words) -> pl.DataFrame:
    """The rows with the `decision` told, by decisions.DECIDED (without it none is) and `holds` (without it all do)."""
    if "chosen" not in frame.columns:
        return frame.with_columns(decision=pl.lit(None, pl.String))
    held = frame if "holds" in frame.columns else frame.with_columns(holds=pl.lit(True))
    rows = held.select("chosen", "decided_by", "decided_at", "holds", "overrules").iter_rows()
    told = [
        None
        if chosen is None
        else decided(say, chosen, by, at, Standing.VALID if holds else Standing.CHANGED, overrules=overrules)
        for chosen, by, at, holds, overrules in rows
    ]
    return frame.with_columns(pl.Series("decision", told, dtype=pl.String))


def _choice_that_permits(platform: str | None, truth: str | None, polarity: Polarity) -> str | None:
    if state(truth, polarity) is Permission.ON:
        return Side.TRUTH.value
    return Side.PLATFORM.value if state(platform, polarity) is Permission.ON else None


def _profiles(audit: Audit, *, real: bool) -> Table:
    order = {status.value: rank for rank, status in enumerate(Status)}
    frame = audit.profiles.with_columns(
        flags=_flags("pending", "waiting", "created", "undone", "gone"),
        counted_as=figures.counted_as(),
        agrees=pl.when(figures.does_not_agree()).then(pl.lit("no")),
        rank=pl.col("status").replace_strict(order, default=len(order)),
    ).sort("rank", maintain_order=True)
    names = ("key", "profile_id", "status", "moved", "flags", "counted_as", "agrees")
    rows = zip(frame["platform_rows"], frame["truth_rows"], strict=True)
    commands = [
        create_again(shlex.quote(key)) if deleted else None
        for key, deleted in frame.select("key", _deleted(frame)).iter_rows()
    ]
    return {
        **{name: frame[name].to_list() for name in names},
        **({"command": commands} if real and any(commands) else {}),
        "columns": [", ".join(columns) if columns is not None else "" for columns in frame["columns"].to_list()],
        "rows": [
            f"{platform or 0} in {audit.platform_name}, {truth or 0} in {audit.truth_name}" for platform, truth in rows
        ],
    }


def _permissions(audit: Audit) -> Table:
    order = {finding: rank for rank, finding in enumerate(words.FINDING)}
    frame = audit.permissions.with_columns(
        since=_day("since"),
        against=figures.against(audit.permissions),
        rank=pl.col("finding").replace_strict(order, default=len(order)),
    ).sort("rank", maintain_order=True)
    table = {name: frame[name].to_list() for name in ("key", "column", "finding", "since", "against")}
    for side in Side:
        table |= {side.value: frame[f"{side.value}_text"].to_list(), f"{side.value}_says": frame[side.value].to_list()}
    if "answer" not in frame.columns:
        return table
    told = frame.select("decided_by", _day("decided_at"), _day("until"), "evidence").iter_rows()
    return table | {
        "answer": frame["answer"].to_list(),
        "answered": [decided_so(*row) for row in told],
        "recorded": [_CHOSEN.get(answer) for answer in frame["answer"]],
    }


_CHOSEN: Final = {Answer.GROUNDS: "grounds", Answer.OWNERS: "owners", Answer.WITHDRAWN: "withdraw"}
"""What was chosen of a finding, by what becomes of it."""


def decided_so(by: str | None, at: str | None, until: str | None, evidence: str | None) -> str | None:
    """Tells by whom, when, until when and on which grounds a finding was decided; None: it was not."""
    parts = [("by", by), ("on", at), ("until", until)]
    told = " ".join(f"{word} {text}" for word, text in parts if text)
    return f"{told}: {evidence}" if told and evidence else told or None


def _activities(audit: Audit) -> Table:
    """Those that stand first, and of them what is for good."""
    order = {activity: rank for rank, activity in enumerate(activity_words.ACTIVITY)}
    frame = audit.activities.with_columns(
        rank=pl.col("activity").replace_strict(order, default=len(order), return_dtype=pl.Int64),
        bearing=pl.when("stands").then("activity"),
        first=_day("first"),
        last=_day("last"),
        times=pl.col("times").cast(pl.String),
    ).sort(~pl.col("stands"), "rank", maintain_order=True)
    names = ("key", "channel", "activity", "times", "first", "last", "bearing", "column")
    return {name: frame[name].to_list() for name in names} | {"unsent": frame["reason"].to_list()}


def _deleted(profiles: pl.DataFrame) -> pl.Expr:
    """Whether an undo of ours deleted somebody who is missing: nobody where nobody asked."""
    known = pl.col("deleted_by_undo") if "deleted_by_undo" in profiles.columns else pl.lit(False)
    return known & (pl.col("status") == Status.MISSING.value)


def _violations(audit: Audit) -> Table:
    order = {severity.value: rank for rank, severity in enumerate(Severity)}
    rank = pl.col("severity").replace_strict(order, default=0, return_dtype=pl.Int64)
    # What has no severity is as grave as an error: earlier versions knew nothing else.
    frame = audit.violations.with_columns(pl.col("severity").fill_null(Severity.ERROR.value))
    frame = frame.sort(rank, maintain_order=True)
    return {name: frame[name].to_list() for name in VIOLATIONS.names()}


def _same_person(audit: Audit) -> Table:
    frame = audit.same_person.sort("score", descending=True, maintain_order=True)
    told = with_decision(frame, audit.say) if "chosen" in frame.columns else None
    keys = frame.select(key=pl.coalesce("platform_key", "truth_key"), other_key=pl.coalesce("other_key", "truth_key"))
    return {
        "where": frame["side"].to_list(),
        "key": keys["key"].to_list(),
        "other_key": keys["other_key"].to_list(),
        "score": [None if score is None else words.percent(score) for score in frame["score"]],
        "evidence": frame["evidence"].to_list(),
        **({} if told is None else {"recorded": told["chosen"].to_list(), "decision": told["decision"].to_list()}),
    }


def _rejected(audit: Audit) -> Table:
    frame = audit.rejected
    return {
        "side": frame["side"].to_list(),
        "line": [None if line is None else str(line) for line in frame["line"]],
        "reason_text": frame["reason"].to_list(),
        "text": frame["text"].to_list(),
    }


def _with_people(table: Table, who: Who) -> Table:
    """The rows of people with who they are on either side; of a pair, with who each is."""
    if "other_key" not in table:
        return {**table, **{f"who_{side}": [who.get((side, key or "")) for key in table["key"]] for side in Side}}
    both = {"both": tuple(Side), **{side.value: (side, side) for side in Side}}
    sides = [both.get(where or "", tuple(Side)) for where in table["where"]]
    return {
        **table,
        "who": [who.get((one, key or "")) for (one, _), key in zip(sides, table["key"], strict=True)],
        "other_who": [who.get((other, key or "")) for (_, other), key in zip(sides, table["other_key"], strict=True)],
    }


def _with_ids(table: Table, ids: Mapping[str, str]) -> Table:
    if "key" not in table:
        return table
    return {**table, "id": [None if key is None else ids.get(key) for key in table["key"]]}


def _flags(*names: str) -> pl.Expr:
    """The flags that are set, separated by blanks."""
    words_or_null = [pl.when(pl.col(name)).then(pl.lit(name)) for name in names]
    return pl.concat_str(words_or_null, separator=" ", ignore_nulls=True)


def _day(name: str) -> pl.Expr:
    return pl.col(name).dt.strftime(_DAY)


def _packed(table: Table) -> dict[str, Any]:
    rows = len(next(iter(table.values())))
    return {"rows": rows, "columns": {name: _packed_column(name, values) for name, values in table.items()}}


def _packed_column(name: str, texts: Sequence[str | None]) -> dict[str, Any]:
    numbers: dict[str | None, int] = {}
    index = [numbers.setdefault(text, len(numbers)) for text in texts]
    if name in _OF_ONE_PERSON and 2 * len(numbers) > len(index):
        return {"values": texts}
    return {"values": list(numbers), "index": index}
