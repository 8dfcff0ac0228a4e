"""Plans and outcomes on a terminal."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping

import click

from auditor.apply.job import SentFile
from auditor.apply.outcomes import Applied
from auditor.apply.undo import irrevocable
from auditor.apply.untouched import moment_told
from auditor.cli.screen import WIDTH, say, table, wrapped
from auditor.commands.review import Told
from auditor.commands.stored_plans import Planned
from auditor.errors import SettingsError
from auditor.findings import figures
from auditor.findings.codes import Notice
from auditor.findings.english.numbers import counted
from auditor.findings.english.since_sentences import DETAIL, NAMED, drift_report, whose
from auditor.findings.left_alone import reasons
from auditor.findings.moments import moment
from auditor.findings.planned import KIND, PURPOSE, in_words, may_start
from auditor.findings.sentences import of_plan, sentence
from auditor.findings.since import Drift
from auditor.findings.words import Words
from auditor.model import Kind, Outcome, Route
from auditor.report import plan_text
from auditor.report.redact import visible
from auditor.settings.problems import nearest
from auditor.state.ledger.details import OVERWRITTEN, TOUCHED, UNTOLD
from auditor.state.run_folder import started

BECAME: Mapping[str, str] = {
    Outcome.LANDED: "done and read back",
    Outcome.REFUSED: "refused",
    Outcome.CHANGED: "changed meanwhile, not written",
    Outcome.UNKNOWN: "sent, to be confirmed by the next export",
    Outcome.SKIPPED: "not sent",
    figures.ALREADY: "was so already: nothing was sent",
    figures.TAKEN_BACK: "done, and taken back since by an undo",
}

FIRST = 5
"""Cells that are told by name on a screen: what somebody decided in vain or keeps from being written, and what an undo
does not take back.
"""

WINDOW = (
    "by file, what is edited in {platform} from {since}, which the export shows, until the file is imported is "
    "overwritten in the fields that it changes; some profiles are read right before, and left out where they changed. "
    "An edit that another export shows which is taken in between is found by the next run, and can be put back"
)

EDITS = (
    "{edits} of somebody's overwritten by file, as an export showed that was taken before it was imported; to put "
    "back: auditor undo {plan} --overwritten"
)


def print_plan(planned: Planned, words: Words, review: Told | None = None, *, everything: bool = False) -> None:
    """What a plan would write, write by write, what it leaves alone and why, and what must be confirmed.

    `review` tells the writes, `everything` of all of them however many screens that takes; without it they are counted.
    """
    plan = planned.plan
    name = plan.sha[:12] if started(planned.path.parent.name) else str(planned.path)
    click.echo(wrapped("", f"plan {plan.sha[:12]} ({PURPOSE[plan.purpose]}): {in_words(plan.counts)}", indent=2))
    others = plan.for_others
    ways = {(one.key, one.kind, Route.BULK if others and one.batch else one.route) for one in plan.writes}
    routes = Counter((kind, route) for _, kind, route in ways)
    if any(route is Route.BULK for _, route in routes):
        table(
            [
                (KIND[kind], routes[kind, Route.SINGLE], "one by one,", routes[kind, Route.BULK], "by file")
                for kind in Kind
                if routes[kind, Route.SINGLE] or routes[kind, Route.BULK]
            ]
        )
    if plan.route_reason and plan.writes:
        reason = of_plan(plan.route_reason, words)
        click.echo(textwrap.fill(reason, WIDTH, initial_indent="  ", subsequent_indent="  "))
    if others:
        click.echo(wrapped("  ", plan_text.for_somebody_else(one.batch for one in plan.writes)))
    elif any(write.route is Route.BULK and write.kind is not Kind.CREATE for write in plan.writes):
        click.echo(wrapped("  ", words.fill(WINDOW).replace("{since}", moment(plan.export_as_of))))
    left = Counter(item.why for item in plan.left)
    if left:
        click.echo("  left alone:")
        if review is None or plan.purpose != "undo":
            why_left = reasons(plan.purpose, words)
            table([(number, why_left[why]) for why, number in left.most_common()], indent=4)
        if review is not None:
            _print_named(review, name, everything=everything)
        refusals = Counter(item.refusal for item in plan.left if item.refusal)
        if refusals:
            told = "refused as " + ", ".join(f"{code} ({number:,})" for code, number in refusals.most_common())
            click.echo(textwrap.fill(told, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6))
    for line in review.on_screen(everything=everything) if review is not None else ():
        click.echo(line)
    done = review.review.beside.carried_out if review is not None else None
    if plan.stop and done is None:
        click.echo(wrapped("  ", f"stopped until every count is confirmed: {of_plan(plan.stop, words)}"))
    if plan.writes:
        if review is not None:
            click.echo(wrapped("  ", words.fill(may_start(review.review.beside.realtime)), indent=2))
        click.echo(irrevocably(irrevocable(plan), words))
        if review is not None:
            say(f"  every write, with both values: {review.text.name}, and as a page\n    {review.page}")
        created = planned.left.get(Kind.CREATE, 0)
        wanted = {Kind.CREATE: created} if created else {}  # which never run unattended
        wanted |= {brake.kind: brake.count for brake in planned.brakes}
        flags = "".join(f" --confirm {kind.value}={count}" for kind, count in wanted.items())
        if others:
            say(f"  its files are written with:{flags}" if flags else "  its files need no confirmation")
            say(
                wrapped(
                    "  ", "to go on: import the files, then auditor run; what is in none of them is planned again then"
                )
            )
        elif done is None:
            say(f"  to carry it out: auditor apply {name}{flags}")
        else:
            say(
                wrapped(
                    "  ", f"carried out by {moment(done)}; what became of it: auditor apply {name}, which sends nothing"
                )
            )
    click.echo()


def _print_named(review: Told, name: str, *, everything: bool) -> None:
    """What of a plan is left alone by name: the first of it, or `everything`, and where all of it stands."""
    most, told = None if everything else FIRST, list(review.named)
    undo = review.review.plan.purpose == "undo"
    by_reason = plan_text.left_by_reason(review.review, "    ", most)
    for line in by_reason if undo else plan_text.by_name(told, "    ", most):
        click.echo(line)
    named = Counter(one.why if undo else "" for one in told if one.key)
    if most is not None and any(number > most for number in named.values()):
        where = f"every one of them: auditor plan --show {name} --json, or {review.text.name}"
        click.echo(wrapped("    ", where, indent=6))


def irrevocably(told: Notice | None, words: Words) -> str:
    """What no undo brings back of a plan, where it writes something."""
    return textwrap.fill(sentence(told, words), WIDTH, initial_indent="  ", subsequent_indent="  ") if told else ""


def print_applied(applied: Applied, words: Words) -> None:
    """What became of the writes of a plan, and of whom those that were refused or left are."""
    for sent in applied.files:
        click.echo(wrapped("  ", _looked_at(sent)))
    counts = figures.writes(applied.outcomes)
    table([(told, counts[outcome]) for outcome, told in BECAME.items() if counts[outcome]] or [("nothing to write", 0)])
    left = applied.outcomes.filter(applied.outcomes["outcome"].is_in(["refused", "changed"]))
    for (outcome, detail), group in left.group_by("outcome", "detail", maintain_order=True):
        why = words.fill(DETAIL.get(str(detail or ""), str(detail)))
        told = f"{outcome}: {why} × {group['number'].n_unique():,}: {whose(group['key', 'column'].iter_rows())}"
        click.echo(wrapped("    ", told, indent=6))
        found = group.filter(
            group["outcome"] == Outcome.CHANGED,
            group["column"].is_not_null(),
            group["found"].is_not_null() | group["detail"].is_null(),
        )
        if detail in (TOUCHED, UNTOLD):
            for key, text in group.head(NAMED)["key", "found"].iter_rows():
                click.echo(wrapped("      ", f"{key}  {_last_changed(text, words)}", indent=8))
            continue
        for key, column, *both in found.head(NAMED)["key", "column", "before", "found"].iter_rows():
            then, now = (f'"{visible(text)}"' if text else "empty" for text in both)
            click.echo(wrapped("      ", f"{key}  {column}: {then} when audited, {now} now", indent=8))
    if left["key"].n_unique() > NAMED:
        click.echo(f"    every one of them: outcome-{applied.sha[:12]}….parquet, beside the plan")
    edits = applied.outcomes.filter(applied.outcomes["detail"] == OVERWRITTEN).height
    if edits:
        click.echo(wrapped("    ", EDITS.format(edits=counted(edits, "edit"), plan=applied.sha[:12])))
    if applied.stopped is not None:
        say(f"  {applied.stopped.sentence}")


def _last_changed(text: str | None, words: Words) -> str:
    """What the platform says of when a profile was last changed, as it spells it."""
    if not text:
        return f"{words.platform} does not say when it was last changed"
    told = moment_told(text)
    return f"last changed at {moment(told) if told else visible(text)}, as {words.platform} says"


def print_applied_json(applied: Applied) -> None:
    """The same as one JSON document, with every cell that is not written any more."""
    drift, rows = applied.drift, applied.outcomes
    places = {(number, column): (key, column) for number, key, column in rows["number", "key", "column"].iter_rows()}
    told = {
        "format": 1,
        "plan": applied.sha,
        "outcomes": figures.fields(applied.outcomes),
        "writes": figures.writes(applied.outcomes),
        "stopped": applied.stopped.why if applied.stopped else None,
        "drift": {
            "run": drift.run,
            "gone": drift.gone,
            "changed": drift.changed,
            "new": len(drift.new),
            "reasons": {since.value: number for since, number in drift.counts.items()},
            "cells": [
                {"key": key, "column": column, "reason": since.value}
                for (key, column), since in ((places[place], since) for place, since in drift.held.items())
            ],
            "new_cells": [{"key": key, "column": column} for key, column in drift.new],
        },
    }
    click.echo(json.dumps(told, ensure_ascii=False, indent=1))


def say_drift(drift: Drift, words: Words) -> None:
    """What of a plan is not written any more, by reason."""
    for indent, line in drift_report(drift, words):
        say(wrapped(" " * indent, line, indent=indent + 2))


def _looked_at(sent: SentFile) -> str:
    """How much of a file was looked at, and since when nobody knows what it overwrote."""
    unread = sent.rows - (sent.read_before - sent.left_out)
    known = f"{sent.batch}: {sent.rows:,} rows; {sent.read_before:,} were read right before it"
    known += f", {sent.left_out:,} of which had changed and were left out" if sent.left_out else ""
    known += f"; {sent.read_back:,} ({sent.read_back / sent.rows:.0%}) were read back, all others by the next export."
    if not unread or sent.since is None:
        return known
    between = f"between {moment(sent.since)} and {moment(sent.until)}"
    return (
        f"{known} What was edited {between} in these fields of the other {unread:,} is overwritten; the next run finds "
        "what an export shows that was taken in between."
    )


def parse_confirmations(texts: tuple[str, ...]) -> dict[Kind, int]:
    """`update=812` per kind. Raises SettingsError for anything else."""
    confirmed = {}
    for text in texts:
        name, _, number = text.partition("=")
        known = [kind.value for kind in Kind]
        if name not in known:
            raise SettingsError(f'--confirm: "{name}" is no kind of write{nearest(name, known)} ({", ".join(known)})')
        if not number.isdigit():
            raise SettingsError(f"--confirm {text}: the exact count is expected, for example {name}=812")
        confirmed[Kind(name)] = int(number)
    return confirmed
