"""`auditor demo`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option("--profiles", type=click.IntRange(0, 200_000), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same people.")
def command(folder: Path, profiles: int, seed: int) -> None:
    """Make a complete working folder and run everything in it, fixes included. Offline; the people are invented.

    FOLDER is `demo` unless named. It must be empty, absent, or an earlier demo, which is replaced.
    """
    from auditor.cli.demonstration import demo

    demo(folder, profiles=profiles, seed=seed)
