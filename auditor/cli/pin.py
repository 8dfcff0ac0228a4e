"""`auditor pin`"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option, wrapped

if TYPE_CHECKING:
    from auditor.commands.pin import Pinned


@click.command("pin")
@settings_option
@click.argument("key", required=False)
@click.argument("column", required=False)
@click.option("--by", metavar="NAME", default="", help="Who says so.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever looks at it later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it holds.")
@click.option("--off", is_flag=True, help="Take the pin of this cell off.")
@click.option("--json", "as_json", is_flag=True, help="Print the pins that hold as one JSON document.")
def command(
    settings_file: Path,
    key: str | None,
    column: str | None,
    by: str,
    reason: str,
    until: datetime | None,
    off: bool,
    as_json: bool,
) -> None:
    """Say that COLUMN of profile KEY is right in Actito, whatever the truth says, until a day. Alone: list the pins.

    Pinned cells are left alone by every plan, older ones included. A permission that is on cannot be pinned: nothing
    keeps an opt-out from being written. Nothing is written to Actito.
    """
    from auditor.cli.summary import print_json
    from auditor.commands.pin import pin, pinned, unpin
    from auditor.errors import SettingsError

    settings, now = load_settings(settings_file), clock.now()
    if key is None:
        if by or reason or until or off:
            raise SettingsError("a pin is on one cell: auditor pin KEY COLUMN --by NAME --reason TEXT --until DATE")
        found = pinned(settings, now=now)
        if as_json:
            print_json({"format": 1, "table": settings.table, "pins": [_document(one) for one in found]})
            return
        for one in found:
            click.echo(wrapped("", _sentence(one)))
        if not found:
            say("nothing is pinned")
        return
    if column is None or as_json or (off and (reason or until)):
        raise SettingsError(
            "which cell, and what of it? auditor pin KEY COLUMN --by NAME --reason TEXT --until DATE, or "
            "auditor pin KEY COLUMN --off --by NAME"
        )
    if off:
        gone = unpin(settings, key, column, by=by, now=now)
        click.echo(wrapped("", f"no longer pinned: {gone.column} of {gone.key}"))
        return
    if until is None:
        raise SettingsError("--until: say the last day on which it holds, such as 2027-01-31")
    click.echo(wrapped("", _sentence(pin(settings, key, column, by=by, reason=reason, until=until.date(), now=now))))


def _sentence(one: Pinned) -> str:
    from auditor.findings.planned import may_contact

    made = one.pin
    changed = "; changed since it was pinned" if one.changed else ""
    value = f'"{made.platform}"' if made.platform else "empty"
    if one.says is not None:
        value = may_contact(one.says, made.platform)
    return f"{made.key}  {made.column}: {value}, pinned until {one.last_day} by {made.person}: {made.reason}{changed}"


def _document(one: Pinned) -> dict[str, object]:
    made = one.pin
    return {
        "key": made.key,
        "column": made.column,
        "platform": made.platform,
        "by": made.person,
        "reason": made.reason,
        "until": one.last_day.isoformat(),
        "pinned_at": made.pinned_at.isoformat(),
        "changed": one.changed,
    }
