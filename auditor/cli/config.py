"""`auditor config`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.screen import WIDTH, printable, say, settings_option, wrapped

if TYPE_CHECKING:
    from auditor.commands.init.explain import Explained


@click.group("config")
def command() -> None:
    """The settings: explain every one of them, or renew the schemas that editors check them with."""


@command.command("explain")
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print the settings as one JSON document.")
def explain(settings_file: Path, as_json: bool) -> None:
    """Show every setting with its value, and where it comes from: a line of the file, or the default.

    Of a secret only the reference is shown, and whether the variable that it names is set. Of the contract it shows
    what may be written of each field: always, only-if-empty or never.
    """
    from auditor.commands.init.explain import explain as explained

    settings = explained(settings_file)
    if as_json:
        from auditor.cli.summary import print_json

        print_json({"format": 1, "file": str(settings_file), "settings": [_document(one) for one in settings]})
        return
    for one in settings:
        text, origin = f"{one.name} = {one.value or '(not set)'}", _origin(one)
        room = WIDTH - len(origin) - 2
        if len(text) <= room:
            click.echo(f"{printable(text):<{room}}  {origin}")
        else:
            click.echo(wrapped("", text))
            click.echo(f"{origin:>{WIDTH}}")


@command.command("schemas")
@settings_option
def schemas(settings_file: Path) -> None:
    """Copy the JSON Schemas of this version beside the settings file, where editors find them."""
    from auditor.commands.init.schema import put_beside

    for path in put_beside(settings_file.resolve().parent):
        say(f"written: {path}")


def _origin(one: Explained) -> str:
    if one.line is None:
        return "default"
    where = f"contract, line {one.line}" if one.of_contract else f"line {one.line}"
    if one.variable is None:
        return where
    return f"{where}, environment: {'set' if one.is_set else 'NOT SET'}"


def _document(one: Explained) -> dict[str, object]:
    given = "contract" if one.of_contract else "environment" if one.variable is not None else "file"
    origin = "default" if one.line is None else given
    return {"name": one.name, "value": one.value, "origin": origin, "line": one.line, "variable": one.variable,
            "set": one.is_set if one.variable is not None else None}  # fmt: skip
