"""`auditor init`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli import clock
from auditor.cli.screen import confirmed_on_terminal, say, settings_option, wrapped
from auditor.cli.verbose import verbose_option

if TYPE_CHECKING:
    from auditor.commands.init.propose import Looked, Proposal
    from auditor.model import Structure
    from auditor.settings.config import Settings


@click.command("init")
@settings_option
@verbose_option
@click.option("--table", metavar="ENTITY/TABLE", help="The licence entity and the profile table.")
@click.option(
    "--api-key", metavar="REFERENCE", help="Where the key for reading is: env:NAME, file:PATH, keyring:SERVICE/USER."
)
@click.option("--export", metavar="LOCATION", help="Where Actito puts its exports: path or glob, sftp:, https:, s3: …")
@click.option("--truth", metavar="LOCATION", help="Where the source of truth lies.")
@click.option("--permissions", metavar="LIST",
              help="Columns that say who may be contacted, and the truth's evidence: "
              "proposed, none, or a list as doNotContact=opt-out,marketingConsent=opt-in:DATE:SOURCE.")  # fmt: skip
@click.option(
    "--master",
    metavar="SIDE",
    help="Who is right: truth, platform or both; single columns after it, as truth,nickname=platform.",
)
@click.option("--url", default="https://api3.actito.com", show_default=True, help="Where the licence's API is.")
@click.option("--write-api-key", metavar="REFERENCE", help="Where the key for corrections is.")
@click.option("--key", metavar="COLUMN", help="The key, instead of the proposed one.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="COLUMN=TRUTH",
    help="A column of the mapping, instead of the proposed one; without TRUTH: none. Repeatable.",
)
@click.option("--country", metavar="CODE", help="Of phone numbers written without one, instead of the proposed one.")
@click.option("--timezone", metavar="ZONE", help="Of moments written without one.")
@click.option("--separator", metavar="CHARACTER", help="Of the truth's CSV file, where it is not recognised.")
@click.option("--encoding", metavar="NAME", help="Of the truth's CSV file, where it is not UTF-8.")
@click.option(
    "--names",
    metavar="PLATFORM,TRUTH",
    default="Actito,CRM",
    show_default=True,
    help="What the two sides are called on screens.",
)
@click.option("--yes", is_flag=True, help="Take the defaults instead of asking.")
@click.option("--force", is_flag=True, help="Replace what is there already.")
def command(
    settings_file: Path,
    table: str | None,
    api_key: str | None,
    export: str | None,
    truth: str | None,
    permissions: str | None,
    master: str | None,
    url: str,
    write_api_key: str | None,
    key: str | None,
    maps: tuple[str, ...],
    country: str | None,
    timezone: str | None,
    separator: str | None,
    encoding: str | None,
    names: str,
    yes: bool,
    force: bool,
) -> None:
    """Write the settings, the contract and the suite, from the live structure and a look at both sides' columns.

    Asks at most six questions, each with a default, and none that an option answers. Nothing is written to Actito. At
    the end stands a sheet with what to ask of the licence supervisor.
    """
    questions = _Questions(yes)
    questions.check(table=table, api_key=api_key, export=export, truth=truth, permissions=permissions, master=master)
    where = questions.ask("--table", "the licence entity and the profile table, as ENTITY/TABLE", table, None)
    entity, _, name = where.partition("/")
    from auditor.errors import SettingsError

    if not entity or not name or "/" in name or name.startswith("."):
        raise SettingsError(f'--table: ENTITY/TABLE is expected, not "{where}"', hint="--table acme/Customers")
    from auditor.commands.init import start

    _leave_alone(start.files(settings_file, name), force)
    api_key = questions.ask("--api-key", "where the key for reading is (never the key itself)", api_key,
                            "env:ACTITO_API_KEY")  # fmt: skip
    export = questions.ask("--export", "where Actito puts its exports", export, f"exports/{name}_*.csv")
    truth = questions.ask("--truth", "where the source of truth lies", truth, "crm/*.csv")
    from auditor.commands.init.written import Answers

    ours, _, theirs = names.partition(",")
    answers = Answers(entity, name, url, api_key, export, truth, write_api_key, separator, encoding,
                      ours.strip() or "Actito", theirs.strip() or "CRM")  # fmt: skip
    settings = start.settings_of(answers, settings_file)
    chosen = start.parse_maps(maps)
    say(f"  asking {settings.names.platform} for the table structure, looking at both sides")
    structure, looked = _look(settings, key, chosen)
    start.check_names(structure, looked.truth, key, chosen, settings.names.truth)
    from auditor.commands.init.propose import propose

    proposal = propose(looked, key=key, fed=chosen, default_country=country, timezone=timezone)
    _show(proposal, settings.names.truth)
    told = questions.ask("--permissions", "which columns are permissions, and where their evidence is", permissions,
                         "proposed")  # fmt: skip
    proposal = start.with_permissions(proposal, told, list(looked.truth), settings.names.truth)
    side = questions.ask("--master", "who is right where both sides differ: truth, platform or both", master, "truth")
    proposal, decides = start.with_masters(proposal, side)
    paths = start.write(settings_file, answers, proposal, structure, decides)
    click.echo(paths[-1].read_text("utf-8"), nl=False)
    say()
    for path in paths:
        say(f"written: {path}")
    say("\nread the contract, hand the sheet over, then: auditor doctor, auditor run")


def _look(settings: Settings, key: str | None, chosen: dict[str, str]) -> tuple[Structure, Looked]:
    from auditor.actito import Reader
    from auditor.commands.init.look import look
    from auditor.commands.session import connect

    with connect(settings) as connection:
        structure = Reader(connection).structure(settings.table)
    return structure, look(settings, structure, now=clock.now(), key=key, fed=chosen.get(key or "", ""))


def _leave_alone(paths: list[Path], force: bool) -> None:
    from auditor.errors import SettingsError

    there = [path for path in paths if path.exists()]
    if not there or force:
        return
    names = ", ".join(path.name for path in there)
    if not confirmed_on_terminal(f"{names} in {paths[0].parent} exist already: replace them?"):
        raise SettingsError(f"{there[0]} exists already, and nothing was written", hint="--force replaces it")


def _show(proposal: Proposal, truth: str) -> None:
    """The mapping, on stderr: the result of the command is the sheet."""
    for note in proposal.notes:
        say(wrapped("  ", note))
    for one in proposal.columns:
        say(wrapped(f"  {one.confidence:.2f}  ", f"{one.name} ← {one.truth}: {one.reason}", indent=8))
        if one.permission:
            evidence = ", ".join(f"{what} in {column}" for what, column in one.evidence.items()) or "no evidence"
            say(f"        permission, {one.permission}; {evidence}")
    for one in proposal.doubtful:
        say(wrapped(f"  {one.confidence:.2f}  ", f"{one.name} ← {one.truth}? not mapped: {one.reason}", indent=8))
    for title, names in (("nothing feeds", proposal.unmapped), (f"not used of {truth}", proposal.unused)):
        if names:
            say(wrapped("  ", f"{title}: {', '.join(names)}"))


class _Questions:
    """Asks on a terminal what no option answers; elsewhere takes the default with --yes, and refuses without."""

    def __init__(self, yes: bool) -> None:
        self._yes = yes
        self._terminal = sys.stdin.isatty()

    def check(self, **given: str | None) -> None:
        """Refuse at once where something is missing and nobody is there to answer."""
        from auditor.errors import SettingsError

        lacking = [name for name, value in given.items() if value is None and not (self._yes and name != "table")]
        if lacking and (self._yes or not self._terminal):
            options = ", ".join("--" + name.replace("_", "-") for name in lacking)
            hint = "" if lacking == ["table"] else "--yes takes the defaults of all but --table"
            raise SettingsError(f"nobody is there to answer: {options} missing", hint=hint or "--table acme/Customers")

    def ask(self, option: str, question: str, given: str | None, default: str | None) -> str:
        if given is not None:
            return given
        if self._yes and default is not None:
            return default
        answer: str = click.prompt(f"{question} ({option})", default=default, err=True)
        return answer
