"""`auditor compare`"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.screen import say, wrapped
from auditor.cli.verbose import verbose_option
from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.files.whole import write_whole
from auditor.model import Side

if TYPE_CHECKING:
    from auditor.commands.compare import Comparison
    from auditor.findings.codes import Notice
    from auditor.settings.distances import Distance


@click.command("compare")
@click.argument("platform")
@click.argument("truth")
@click.option("--key", multiple=True, required=True, metavar="COLUMN", help="Again for a key of several columns.")
@click.option("--fallback-key", "fallbacks", multiple=True, metavar="COLUMN",
              help="For rows that have no key on a side; A+B for two columns. Again for a further one.")  # fmt: skip
@click.option("--map", "mapped", multiple=True, metavar="PLATFORM=TRUTH", help="A column with another name there.")
@click.option("--names", type=click.Choice(["exact", "loose"]), default="exact", show_default=True,
              help="Which columns are one: exact, or but for case, blanks, signs and accents.")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Leave a column out.")
@click.option("--only-columns", "only", multiple=True, metavar="COLUMN[,COLUMN]",
              help="Compare these columns and no other beside the key.")  # fmt: skip
@click.option("--rule", multiple=True, metavar="COLUMN=RULE[:ARGUMENT]",
              help="How a column is compared, key columns too: exact, text, name, email, phone:BE, number, "
              "number:,€ or number:%/100, date, date:%d/%m/%Y or date:excel, timestamp, boolean, code, set or "
              "set:;, identifier or identifier:C-*.")  # fmt: skip
@click.option("--values", "values", multiple=True, metavar="COLUMN=MAP",
              help="What values of a column stand for, on either side: 'country={\"Belgium\": \"BE\"}'.")  # fmt: skip
@click.option("--tolerance", multiple=True, metavar="COLUMN=DISTANCE",
              help="Values this close are equal: numbers 0.01 or 1%, days 1d, moments 2h or 90s.")  # fmt: skip
@click.option("--where", metavar="EXPRESSION", help="Compare only rows that fit, for example \"country = 'BE'\".")
@click.option("--where-platform", metavar="EXPRESSION", help="The same of the first file alone, by its own names.")
@click.option("--where-truth", metavar="EXPRESSION", help="The same of the second file alone.")
@click.option("--platform-options", metavar="NAME=VALUE,…",
              help="How the first file is written: encoding, separator, quote, escape, header=LINE, footer=LINES, "
              "sheet, null=NULL|N/A, decimal, member.")  # fmt: skip
@click.option("--truth-options", metavar="NAME=VALUE,…", help="How the second file is written.")
@click.option("--base", metavar="FILE", help="Values on which both sides last agreed: tells who moved.")
@click.option("--match", is_flag=True, help="Find probable same persons under other keys.")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True,
              help="What compares: DuckDB in this process, or a Spark cluster.")  # fmt: skip
@click.option("--remote", metavar="ADDRESS", help="Of the Spark cluster: sc://host:15002.")
@click.option("--summary", is_flag=True, help="Numbers per status and column alone, without rows and reasons: sooner.")
@click.option("--suggest", is_flag=True, help="Say which rules would make differences equal, and how to take them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the results as Parquet files.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the report.")
@click.option("--fail-on", metavar="RULE", default="none", show_default=True,
              help="none, findings, STATUS>N or STATUS>P%: exit 3 beyond it.")  # fmt: skip
@verbose_option
def command(
    platform: str,
    truth: str,
    key: tuple[str, ...],
    fallbacks: tuple[str, ...],
    mapped: tuple[str, ...],
    names: str,
    ignore: tuple[str, ...],
    only: tuple[str, ...],
    rule: tuple[str, ...],
    values: tuple[str, ...],
    tolerance: tuple[str, ...],
    where: str | None,
    where_platform: str | None,
    where_truth: str | None,
    platform_options: str | None,
    truth_options: str | None,
    base: str | None,
    match: bool,
    engine: str,
    remote: str | None,
    summary: bool,
    suggest: bool,
    as_json: bool,
    out: Path | None,
    html: Path | None,
    fail_on: str,
) -> int:
    """Compare any two files (CSV, Parquet, Arrow, JSON, Excel) or tables of databases.

    Neither Actito nor settings are needed. A table is named as
    postgresql://user@host/database?password=env:NAME#schema.table, or sqlite:crm.db#table.
    Text is compared as it is unless a rule says otherwise; typed columns by their type. Nothing is guessed.

    With --engine spark a cluster compares. What it sees itself is named as cluster:s3a://bucket/folder or
    cluster:crm.contacts.
    """
    from auditor.cli.fail_on import parse_fail_on
    from auditor.commands.compare import compare
    from auditor.settings.compare_options import Question
    from auditor.settings.declared import declared_of

    _require_filled(click.get_current_context())
    failing = parse_fail_on(fail_on)
    if (engine == "spark") is (remote is None):
        raise SettingsError(
            "--engine spark needs --remote, the address of the cluster"
            if remote is None
            else "--remote is for --engine spark",
            hint="--engine spark --remote sc://host:15002",
        )
    rows = {"--match": match, "--suggest": suggest, "--out": out is not None, "--html": html is not None}
    if summary and (asked := [option for option, given in rows.items() if given]):
        raise SettingsError(f"--summary has numbers alone, and {asked[0]} needs the rows", hint="leave one of them out")
    if html is not None and not html.parent.is_dir():
        raise SettingsError(f"--html {html}: there is no folder {html.parent}")
    question = Question(
        platform=platform,
        truth=truth,
        key=key,
        fallbacks=tuple(tuple(text.split("+")) for text in fallbacks),
        mapped=_pairs(mapped, "--map"),
        loosely=names == "loose",
        ignored=ignore,
        only=tuple(name for text in only for name in _listed(text)),
        rules=_pairs(rule, "--rule"),
        values={name: _map(name, text) for name, text in _pairs(values, "--values").items()},
        tolerances={name: _distance(name, value) for name, value in _pairs(tolerance, "--tolerance").items()},
        where=where,
        where_one={side: one for side, one in zip(Side, (where_platform, where_truth), strict=True) if one is not None},
        written={
            side: declared_of(text, option)
            for side, text, option in (
                (Side.PLATFORM, platform_options, "--platform-options"),
                (Side.TRUTH, truth_options, "--truth-options"),
            )
            if text
        },
        base=base,
        same_person=match,
        summary=summary,
        remote=remote,
    )
    compared = compare(question, folder=out)
    one_sided = _tell(compared, {Side.PLATFORM: platform, Side.TRUTH: truth}, whole=remote is None)
    if html is not None:
        from auditor.report import page

        audit = compared.audit
        told = replace(audit, notices=(*audit.notices, *one_sided))
        write_whole(html, page(told, None, privacy="full"))
    _print(compared, as_json=as_json, summary=summary, suggest=suggest)
    from auditor.cli.summary import exit_code

    return exit_code(compared.conclusion, failing)


def _tell(compared: Comparison, named: Mapping[Side, str], *, whole: bool) -> list[Notice]:
    """Say how the files were read and what was not compared; gives the columns that one of the two has alone."""
    from auditor.findings.codes import Code, Notice
    from auditor.findings.sentences import sentence

    for source in compared.conclusion.sources:
        if source.separator:
            mark = "tabs" if source.separator == "\t" else printable(source.separator)
            say(f"{source.file}: read as {source.encoding}, separated by {mark}")
    if not whole:
        say("not checked: validation (auditor run validates, on DuckDB alone for now)")
    only = {Side.PLATFORM: compared.only_platform, Side.TRUTH: compared.only_truth}
    one_sided = [
        Notice(Code.ONLY_ON_ONE_SIDE, {"columns": list(names), "where": named[side]})
        for side, names in only.items()
        if names
    ]
    for notice in one_sided:
        say(wrapped("", sentence(notice, compared.conclusion.say), indent=2))
    return one_sided


def _print(compared: Comparison, *, as_json: bool, summary: bool, suggest: bool) -> None:
    from auditor.cli.summary import EXAMPLES, print_columns, print_json, print_summary

    if as_json and summary:
        print_json(compared.summary)
    elif as_json:
        causes = [{**row, "shared": json.loads(row["shared"] or "[]")} for row in compared.causes.to_dicts()]
        print_json(compared.summary | {"causes": causes})
    elif summary:
        print_columns(compared.conclusion)
    else:
        print_summary(compared.conclusion, compared.causes, compared.same_person, examples=EXAMPLES)
        if suggest:
            from auditor.cli.suggested import print_suggestions

            print_suggestions(compared.conclusion)


def _require_filled(context: click.Context) -> None:
    """An option that is given and empty, as by a variable of a shell that nobody set, is not as if it were not given.

    Raises SettingsError.
    """
    for one in context.command.params:
        given = context.params.get(one.name or "")
        empty = [text for text in (given if isinstance(given, tuple) else (given,)) if text == ""]
        if empty and isinstance(one, click.Option):
            raise SettingsError(f"{one.opts[0]}: nothing is given", hint="leave it out, or say what is meant")


def _pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """NAME=VALUE each; a name that stands there twice would have one of its values ignored."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise SettingsError(f"{option} {text}: NAME=VALUE is expected")
        if found.setdefault(name, value) != value:
            raise SettingsError(f"{option} {name} is given twice: {found[name]} and {value}")
    return found


class _TwiceError(Exception):
    """A name stands twice in a map."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for place, name in enumerate(names) if name in names[:place]))
    return found


def _map(name: str, text: str) -> dict[str, str]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError:
        found = None
    except _TwiceError as error:
        raise SettingsError(f'--values {name}: "{error}" is given twice') from None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise SettingsError(
            f"--values {name}={text}: values and what each stands for are expected",
            hint=f"""--values '{name}={{"Belgium": "BE", "France": "FR"}}'""",
        )
    return found


def _listed(text: str) -> list[str]:
    """Names between commas; one with a comma in it stands in double quotes."""
    return [name for name in next(csv.reader([text]), []) if name]


def _distance(name: str, text: str) -> Distance:
    from auditor.settings.distances import parse_distance

    try:
        return parse_distance(text)
    except ValueError as error:
        raise SettingsError(f"--tolerance {name}={text}: {error}") from None
