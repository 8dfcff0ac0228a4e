"""`auditor sandbox`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("sandbox")
@click.option("--port", type=int, default=8700, show_default=True, help="On this machine only; 0 picks a free one.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=Path("sandbox"), show_default=True,
              help="Where the invented licence is kept; made when it is not there.")  # fmt: skip
@click.option("--profiles", type=click.IntRange(0, 1_000_000), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same people.")
@click.option("--limits", type=click.Choice(["standard", "extended"]), default="standard", show_default=True,
              help="Of the licence: calls at a time, per minute and bulk calls per day.")  # fmt: skip
def command(port: int, directory: Path, profiles: int, seed: int, limits: str) -> None:
    """Run the stand-in Actito server, for trying and testing.

    Its API key is sandbox-key. Ask it for a profile, as Actito would be asked:

    \b
      TOKEN=$(curl -s -H 'Authorization: sandbox-key' localhost:8700/auth/token \\
              | python3 -c 'import json,sys; print(json.load(sys.stdin)["accessToken"])')
      curl -s -H "Authorization: Bearer $TOKEN" localhost:8700/entities/v5/entities

    What only a stand-in can do lies under /_sandbox/: export, crm, state, drift, reset, clock.
    """
    from auditor.sandbox.serve import serve

    serve(port=port, directory=directory, profiles=profiles, seed=seed, limits=limits)
