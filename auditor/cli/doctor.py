"""`auditor doctor`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, settings_option
from auditor.cli.verbose import verbose_option

_SHOWN = {"ok": "ok", "warning": "look", "trouble": "WRONG", "not checked": "?"}


@click.command("doctor")
@settings_option
@verbose_option
@click.option("--find-host", is_flag=True, help="Try a key that is not accepted at each of Actito's hosts.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON document.")
def command(settings_file: Path, find_host: bool, as_json: bool) -> int:
    """Check everything that a run needs, and say how to put right what is wrong. Changes nothing.

    Exits 0 when a run would work (`look`: it could be better), 2 when something is wrong, and 6 when something could
    not be checked. The key goes to the configured host alone, unless --find-host is given.
    """

    from auditor.cli.screen import say, wrapped
    from auditor.cli.summary import print_json
    from auditor.commands.doctor import State, diagnose
    from auditor.errors import Exit

    settings = load_settings(settings_file)
    found = []
    for name, finding in diagnose(settings, now=clock.now(), find_host=find_host):
        found.append((name, finding))
        if not as_json:
            click.echo(wrapped(f"{_SHOWN[finding.state]:>5}  {name}: ", finding.reason, indent=7))
            if finding.repair:
                click.echo(wrapped("       → ", finding.repair, indent=9))
    states = [finding.state for _, finding in found]
    if as_json:
        checks = [
            {"check": name, "state": finding.state.value, "reason": finding.reason, "repair": finding.repair}
            for name, finding in found
        ]
        print_json({"format": 1, "table": settings.table, "checks": checks})
    else:
        numbers = ", ".join(f"{states.count(state)} {_WORDS[state.value]}" for state in State if state in states)
        say(f"\n{len(states)} checks: {numbers}")
    if State.TROUBLE in states:
        return int(Exit.SETTINGS)
    return int(Exit.INCOMPLETE if State.NOT_CHECKED in states else Exit.FINE)


_WORDS = {"ok": "fine", "warning": "to look at", "trouble": "wrong", "not checked": "not checked"}
