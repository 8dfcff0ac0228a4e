"""`auditor show`"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli import clock
from auditor.cli.screen import WIDTH, load_settings, say, settings_option

if TYPE_CHECKING:
    from auditor.commands.show_story import Cell, Rows, Story
    from auditor.findings.words import Words

NAME_WIDTH = 24
"""Of `segmentations#ClientTier`; longer names take a line of their own."""
VALUE_WIDTH = (WIDTH - 2 - NAME_WIDTH - 2 * 2) // 2
VALUE_LINES = 6
"""A longer value is cut: nobody reads it in a column of a terminal."""

NEWEST = 6
"""Entries of what grows from run to run that are shown; the screen is one, and older ones are counted."""

MARK = {"same": " ", "format": "~", "kept": "+", "differs": "!", "apart": " "}
LEGEND = {
    "differs": "! differs",
    "format": "~ same by its rule, spelt differently",
    "kept": "+ empty in {truth}, kept",
}


@click.command("show")
@settings_option
@click.argument("key")
@click.option("--all", "everything", is_flag=True, help="Also the older entries of the histories.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON document.")
def command(settings_file: Path, key: str, everything: bool, as_json: bool) -> None:
    """Everything known of one profile.

    Both sides as their files spell them, last agreed values, invalid values, permission history, writes and decisions.
    KEY is spelt as either side spells it; a key of several columns is a JSON array. A profile's e-mail address or phone
    number will do as well, where it is that profile's alone. The values of the person are shown.
    """
    from auditor.cli.summary import print_json
    from auditor.commands.show import tell

    settings = load_settings(settings_file)
    story = tell(settings, key, now=clock.now(), by_contact=True)
    for warning in story.warnings:
        say(f"  {warning}")
    if as_json:
        print_json(story.document())
        return
    for line in lines(story, newest=None if everything else NEWEST):
        click.echo(line)


def lines(story: Story, *, newest: int | None = None) -> Iterator[str]:
    """The story on a terminal, no line wider than 80 columns; of what was seen, written and decided so many entries."""
    from auditor.findings.words import Words

    words = Words(story.platform_name, story.truth_name)
    yield from _headline(story, words)
    yield from _section("messages", _activities(story, words))
    for place, pair in enumerate(story.rows):
        yield ""
        if len(story.rows) > 1:
            yield f"  {_which(story, place, words)}"
        yield from _pair(pair, words, story)
    relations = {cell.relation.value for pair in story.rows for cell in pair.cells}
    legend = [words.fill(text) for relation, text in LEGEND.items() if relation in relations]
    if legend:
        yield ""
        yield from _wrapped("   ".join(legend), indent=2)
    yield from _section("invalid values", _violations(story, words))
    yield from _section("permission findings", _findings(story, words))
    yield from _section("probably the same person", _same_person(story, words))
    yield from _section("permission history", _history(story, words), newest)
    yield from _section("written by the auditor", _writes(story), newest)
    yield from _section("decided", _decisions(story, words), newest)
    yield from _section(words.fill("right in {platform}, as somebody says"), _pins(story))


def _headline(story: Story, words: Words) -> Iterator[str]:
    from auditor.findings.words import FLAG, STATUS

    if story.excluded:
        what = "outside the population of the contract, not compared"
    elif story.status is None:
        what = "on neither side in this run"
    else:
        what = words.fill(STATUS[story.status][0])
    number = [f"profileId {story.profile_id}"] if story.profile_id else []
    flags = ["asked to be erased"] if story.erased else []
    flags += [words.fill(FLAG[flag][0]) for flag in story.flags]
    flags += [how for how in (_matched(story),) if how]
    yield from _wrapped(" · ".join([f"{story.table} {_visible(story.key)}", what, *flags, *number]), indent=0)
    cells = f"those in cells as they stand there ({story.timezone.key} where they name no zone)"
    yield from _wrapped(f"as the run {story.run} saw it; times are in UTC, {cells}", indent=0, hanging=2)


def _matched(story: Story) -> str:
    """By which key, where it is not simply the key that both sides spell alike."""
    from auditor.findings.audit import AMBIGUOUS, KEY, NORMALISED

    by = story.matched_by or KEY
    name = by.removesuffix(NORMALISED).removesuffix(AMBIGUOUS)
    if by == KEY:
        return ""
    if by == name + AMBIGUOUS:
        return f"{name} fits several profiles: not compared"
    return ("matched" if name == KEY else f"matched by {name}") + (", spelt differently" if by != name else "")


def _which(story: Story, place: int, words: Words) -> str:
    """`row 2 of 3 in Actito, row 2 of 2 in CRM`"""
    there = (
        (words.platform, [pair.on_platform for pair in story.rows]),
        (words.truth, [pair.in_truth for pair in story.rows]),
    )
    return ", ".join(f"row {place + 1} of {sum(have)} in {name}" for name, have in there if have[place])


def _pair(pair: Rows, words: Words, story: Story) -> Iterator[str]:
    """The columns of two rows beside each other; what is empty on both sides is named at the end."""
    yield from _columns(" ", "", words.platform if pair.on_platform else "", words.truth if pair.in_truth else "")
    if pair.platform_updated or pair.truth_updated:
        yield from _columns(" ", "last changed", pair.platform_updated or "", pair.truth_updated or "")
    empty = []
    for cell in pair.cells:
        if not (cell.platform or cell.truth or cell.difference or cell.agreed):
            empty.append(cell.column)
            continue
        here, there = _spelt(cell.platform, there=pair.on_platform), _spelt(cell.truth, there=pair.in_truth)
        yield from _columns(MARK[cell.relation], cell.column, here, there)
        for note in _notes(cell, pair, words, story):
            yield from _wrapped(note, indent=2 + NAME_WIDTH + 2)
    if empty:
        where = "empty on both sides" if pair.on_platform and pair.in_truth else "empty"
        yield from _wrapped(f"{where}: {', '.join(empty)}", indent=2)


def _notes(cell: Cell, pair: Rows, words: Words, story: Story) -> Iterator[str]:
    """What the run found out about a differing cell, and the evidence of a permission."""
    from auditor.findings.left_alone import OF_A_CELL, worth_saying
    from auditor.findings.planned import MAY_CONTACT
    from auditor.findings.words import FLAG, MOVED, NEED, REASON
    from auditor.model import Need

    found = cell.difference
    if found is not None:
        flags = [name for name in ("waiting", "pending", "blocked") if getattr(found, name)]
        why = worth_saying(found.why, flags, found.damage)
        parts = [
            words.fill(NEED[found.need]) + (f": {words.fill(OF_A_CELL[why])}" if why else ""),
            words.fill(REASON[found.reason][0]),
            words.fill(MOVED[found.moved]),
            *(words.fill(FLAG[name][0]) for name in flags),
        ]
        yield " · ".join(parts)
        if found.swapped_with is not None:
            yield f"exchanged with {_visible(found.swapped_with)}"
        if not found.cause_sentence.startswith("1 profile:"):
            yield f"one of {found.cause_sentence}"
        if cell.agreed is not None:
            yield f"last agreed: {_told(cell.column, cell.agreed, story)}"
        may_go = found.need in (Need.WRITTEN, Need.PERSON, Need.CREATED)
        if may_go and cell.sent != cell.truth and cell.sent is not None:
            yield f"would be sent as {_told(cell.column, cell.sent, story)}"
    if cell.says is not None:
        both = zip((words.platform, words.truth), cell.says, (pair.on_platform, pair.in_truth), strict=True)
        yield "; ".join(f"{name}: {MAY_CONTACT[said]}" for name, said, there in both if there)
    if cell.evidence_date or cell.evidence_source:
        yield f"evidence: {', '.join(_visible(part) for part in (cell.evidence_date, cell.evidence_source) if part)}"


def _violations(story: Story, words: Words) -> Iterator[str]:
    from auditor.findings.words import RULE, SEVERITY
    from auditor.model import Severity

    for row in story.violations.iter_rows(named=True):
        wrong = RULE.get(row["rule"], row["rule"])
        weight = "" if row["severity"] in (None, Severity.ERROR) else f" ({SEVERITY[row['severity']].lower()})"
        value = f": {_spelt(row['value'])}" if row["value"] is not None else ""
        refusal = f"; {words.platform} would refuse it: {row['refusal']}" if row["refusal"] else ""
        said = f"{wrong}{weight}{value}; correct is: {row['detail']}{refusal}"
        yield f"{words.side(row['side'])} {row['column'] or 'row'}: {said}"


def _findings(story: Story, words: Words) -> Iterator[str]:
    from auditor.findings.answers import ANSWER
    from auditor.findings.planned import may_contact
    from auditor.findings.words import FINDING

    for row in story.findings.iter_rows(named=True):
        since = f", since {_utc(row['since'])}" if row["since"] else ""
        both = ((words.platform, "platform"), (words.truth, "truth"))
        says = "; ".join(f"{name}: {may_contact(row[side], row[f'{side}_text']) or '–'}" for name, side in both)
        yield f"{row['column']}: {words.fill(FINDING[row['finding']][0])}{since} ({says})"
        if "answer" in row:
            told = [("by", row["decided_by"]), ("until", row["until"])]
            parts = [words.fill(ANSWER[row["answer"]]), *(f"{word} {text}" for word, text in told if text)]
            yield " ".join(parts) + (f": {_visible(row['evidence'])}" if row["evidence"] else "")


def _activities(story: Story, words: Words) -> Iterator[str]:
    """What became of messages, first where a correction helps; nothing is said where no activities are known."""
    from auditor.findings.activity_words import ACTIVITY, BEARING, CHANNEL, UNSENT

    for column in story.again:
        yield f"{column}: what {words.platform} has bounced for good; a correction makes the person reachable again"
    for row in () if story.activities is None else story.activities.iter_rows(named=True):
        why = f", {UNSENT[row['reason']]}" if row["reason"] else ""
        times = f", {row['times']:,} times since {_utc(row['first'])}" if row["times"] > 1 else ""
        today = words.fill(BEARING[row["activity"]]) if row["stands"] else "says nothing of today"
        said = f"{ACTIVITY[row['activity']].lower()} by {CHANNEL[row['channel']]}{why}{times}"
        yield f"{_utc(row['last'])}  {said}{f': {today}' if today else ''}"


def _same_person(story: Story, words: Words) -> Iterator[str]:
    from auditor.findings.words import percent

    for row in story.same_person.iter_rows(named=True):
        yield f"{_visible(row['key'])} in {words.side(row['side'])}, {percent(row['score'])} sure: {row['evidence']}"


def _history(story: Story, words: Words) -> Iterator[str]:
    """What one side said at one time, with one proof, in one entry."""
    from auditor.findings.planned import MAY_CONTACT
    from auditor.model import OF_ANOTHER_KEY

    apart = "another key of theirs, or who had this one before:"
    rows = story.history.sort("at", "side", "moment", "source", "value", "column").iter_rows(named=True)
    for _, seen in groupby(rows, key=lambda row: (row["at"], row["side"], row["moment"], row["source"])):
        entry = list(seen)
        row = entry[0]
        parts = [_visible(row["source"])] if row["source"] else []
        if row["moment"] is not None:
            what = "row last changed" if row["side"] == "platform" else "evidence"
            parts = [f"{what} {_utc(row['moment'])}", *parts]
        proof = f" ({', '.join(parts)})" if parts else ""
        said = [
            f"{', '.join(one['column'] for one in alike)}: {MAY_CONTACT[value]}"
            for value, alike in groupby(entry, key=lambda one: one["value"])
        ]
        where = apart if row["side"] == OF_ANOTHER_KEY else words.side(row["side"])
        yield f"{_utc(row['at'])}  {where} {'; '.join(said)}{proof}"


def _told(column: str, text: str | None, story: Story) -> str:
    """A value; of a permission in words, with the raw text beside them."""
    from auditor.findings.planned import may_contact

    said = story.says(column, text)
    return _spelt(text) if said is None else may_contact(said, _visible(text or ""))


def _writes(story: Story) -> Iterator[str]:
    from auditor.cli.planned import BECAME
    from auditor.findings.figures import ALREADY
    from auditor.state.ledger.details import ASTRAY

    for row in story.writes.iter_rows(named=True):
        when = _utc(row["sent_at"] or row["settled_at"])
        before, after = (_told(row["column"] or "", row[name], story) for name in ("before", "after"))
        what = f"{row['column']} {before} → {after}" if row["column"] else "the profile"
        if row["number"] is None:  # no write of ours
            yield f"{when}  found: {what}, somebody's edit, overwritten by a file (plan {row['plan'][:12]})"
            continue
        if row["detail"] == ASTRAY:
            what = f"{row['column']} → {after}: by a file, meant for another profile, which had this key before"
            yield f"{when}  {row['kind']} {what} (plan {row['plan'][:12]})"
            continue
        known = ALREADY if row["detail"] == ALREADY else row["outcome"]
        became = BECAME[known] if known else "begun, its end is not recorded"
        yield f"{when}  {row['kind']} {what}: {became} (plan {row['plan'][:12]})"


def _decisions(story: Story, words: Words) -> Iterator[str]:
    """Every decision, what has become of it, and on which values it was made."""
    from auditor.findings.decided import CHOICE, STANDING
    from auditor.findings.planned import MAY_CONTACT
    from auditor.findings.words import FINDING
    from auditor.state.ledger.records import PROFILE, SAME_PERSON

    for made in story.decisions:
        one = made.decision
        what = words.fill(CHOICE[made.choice])
        if one.about is not None:
            what = f"{words.fill(FINDING[one.about.finding][0])}: {what}"
            what += f" until {one.about.until}: {_visible(one.about.evidence or '–')}" if one.about.until else ""
        if one.column == SAME_PERSON:
            said = f"{what}: {_spelt(one.platform)} and {_spelt(one.truth)}, by {one.person}"
        elif one.column == PROFILE:
            said = f"the profile: {what}, by {one.person}"
        else:
            here, there = (_told(one.column, text, story) for text in (made.platform, made.truth))
            if one.gives_back is not None:
                there = MAY_CONTACT[made.truth_said] if made.truth_said else "not known"
            said = f"{one.column}: {what}, by {one.person} ({here} in {words.platform}, {there} in {words.truth})"
        became = f"overruled by {made.by}" if made.by else STANDING[made.standing]
        if made.plan is not None:
            became += f" by plan {made.plan[:12]} at {_utc(made.at)}" if made.at else f" (plan {made.plan[:12]})"
        yield f"{_utc(one.decided_at)}  {said}: {became}"


def _pins(story: Story) -> Iterator[str]:
    from auditor.findings.moments import last_day

    now = {cell.column: cell.platform for rows in story.rows[:1] for cell in rows.cells}
    for one in story.pins:
        changed = (now.get(one.column) or None) != (one.platform or None)
        since = f"; {_told(one.column, one.platform, story)} when it was pinned, changed since" if changed else ""
        until = last_day(one.until, story.timezone) if one.until else ""
        yield f"{one.column}: pinned until {until} by {one.person}: {_visible(one.reason or '')}{since}"


def _section(title: str, entries: Iterator[str], newest: int | None = None) -> Iterator[str]:
    every = list(entries)
    shown = every if newest is None else every[-newest:]
    if every:
        yield ""
        yield title
    if len(shown) < len(every):
        yield f"  … and {len(every) - len(shown):,} before (--all)"
    for entry in shown:
        yield from _wrapped(entry, indent=2, hanging=4)


def _columns(mark: str, name: str, platform: str, truth: str) -> Iterator[str]:
    """One column of the profile, its values folded into as many lines as they need."""
    from rich.cells import cell_len

    if len(name) > NAME_WIDTH:
        yield f"{mark} {name}"
        mark, name = " ", ""
    left, right = _folded(platform), _folded(truth)
    for place in range(max(len(left), len(right))):
        here = left[place] if place < len(left) else ""
        there = right[place] if place < len(right) else ""
        start = f"{mark} {name:<{NAME_WIDTH}}" if place == 0 else " " * (NAME_WIDTH + 2)
        yield f"{start}  {here}{' ' * (VALUE_WIDTH - cell_len(here))}  {there}".rstrip()


def _folded(text: str) -> list[str]:
    folded = list(_lines(text, VALUE_WIDTH, VALUE_WIDTH))
    if len(folded) <= VALUE_LINES:
        return folded
    return [*folded[: VALUE_LINES - 1], f"… ({len(text):,} characters)"]


def _wrapped(text: str, *, indent: int, hanging: int | None = None) -> Iterator[str]:
    deeper = indent if hanging is None else hanging
    for place, line in enumerate(_lines(text, WIDTH - indent, WIDTH - deeper)):
        yield f"{' ' * (deeper if place else indent)}{line}".rstrip()


def _lines(text: str, first: int, width: int) -> Iterator[str]:
    """A text on lines of this width, broken between words; only a word that is longer than a line is cut."""
    from rich.cells import cell_len, chop_cells

    line: str | None = None
    room = first
    for word in text.split(" "):
        for piece in chop_cells(word, width) or [""]:
            if line is not None and cell_len(line) + 1 + cell_len(piece) > room:
                yield line
                line, room = None, width
            line = piece if line is None else f"{line} {piece}"
    yield line or ""


def _spelt(value: str | None, *, there: bool = True) -> str:
    """A value as it stands in its file; blanks at its ends are shown by quotes."""
    if value is None or value == "":
        return "–" if there else ""
    shown = _visible(value)
    return shown if value == value.strip() else f'"{shown}"'


def _visible(text: str) -> str:
    """Without characters that would steer the terminal, and with the invisible ones made visible."""
    from auditor.report.redact import visible

    return visible(text).replace("\n", "⏎")


def _utc(at: datetime) -> str:
    """Without the zone, which is said once above all of them."""
    from auditor.findings.moments import moment

    return moment(at).removesuffix(" UTC")
