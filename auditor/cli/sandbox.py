"""`auditor sandbox`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def _list_faults(context: click.Context, _: click.Parameter, wanted: bool) -> Any:
    if wanted:
        from auditor.sandbox.faults import listing

        click.echo(listing())
        context.exit()


@click.command("sandbox")
@click.option("--port", type=int, default=8700, show_default=True, help="On this machine only; 0 picks a free one.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=Path("sandbox"), show_default=True,
              help="Where the invented licence is kept; made when it is not there.")  # fmt: skip
@click.option("--profiles", type=click.IntRange(0, 1_000_000), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same people and faults.")
@click.option("--limits", type=click.Choice(["standard", "extended"]), default="standard", show_default=True,
              help="Of the licence: calls at a time, per minute and bulk calls per day.")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="NAME[=RATE]",
              help="Something that goes wrong, at this rate (0 to 1) or at its usual one; again for more.")  # fmt: skip
@click.option("--forms", type=int, metavar="SEED", help="Spell everything that Actito's pages leave open another way.")
@click.option("--with-v4", is_flag=True,
              help="Keep V4's calls about profiles, which the platform has switched off.")  # fmt: skip
@click.option("--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_list_faults,
              help="Explain every fault in one line and exit.")  # fmt: skip
def command(
    port: int,
    directory: Path,
    profiles: int,
    seed: int,
    limits: str,
    faults: tuple[str, ...],
    forms: int | None,
    with_v4: bool,
) -> None:
    """Run the stand-in Actito server, for trying and testing.

    Its API key is sandbox-key, its entity acme. Ask it for a profile, as Actito would be asked:

    \b
      TOKEN=$(curl -s -H 'Authorization: sandbox-key' localhost:8700/auth/token \\
              | python3 -c 'import json,sys; print(json.load(sys.stdin)["accessToken"])')
      curl -s -H "Authorization: Bearer $TOKEN" \\
              localhost:8700/profiles/v5/entities/acme/profile-tables/16/profiles/1

    What only a stand-in can do lies under /_sandbox/:

    \b
      GET  openapi.json    what it serves, as OpenAPI
      GET  breaches        what its clients did that Actito forbids, without values
      GET  faults          which are on, and how often each happened
      POST faults          {"drop-after": 0.2, "429": null}; DELETE: all off
      POST clock           {"advance": 900}: a quarter of an hour passes at once
      POST forms           {"seed": 7}: other spellings of what is not documented
      POST decisions       {"opt_ins": [["17", "subscriptions#Newsletter"]]}
      GET  export, crm, profiles, state; POST drift, reset, idle, end-tokens
    """
    from auditor.sandbox.serve import serve

    serve(
        port=port,
        directory=directory,
        profiles=profiles,
        seed=seed,
        limits=limits,
        faults=faults,
        forms=forms,
        with_v4=with_v4,
    )
