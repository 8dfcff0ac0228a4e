"""`auditor compare`"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from auditor.cli.screen import say, wrapped
from auditor.cli.verbose import verbose_option
from auditor.errors import SettingsError
from auditor.files.whole import write_whole


@click.command("compare")
@click.argument("platform")
@click.argument("truth")
@click.option("--key", multiple=True, required=True, metavar="COLUMN", help="Again for a key of several columns.")
@click.option("--fallback-key", "fallbacks", multiple=True, metavar="COLUMN",
              help="For rows that have no key on a side; A+B for two columns. Again for a further one.")  # fmt: skip
@click.option("--map", "mapped", multiple=True, metavar="PLATFORM=TRUTH", help="A column with another name there.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Leave a column out.")
@click.option("--rule", multiple=True, metavar="COLUMN=RULE[:ARGUMENT]",
              help="How a column is compared, key columns too: exact, text, name, email, phone:BE, number, date or "
              "date:%d/%m/%Y, timestamp, boolean, code, set.")  # fmt: skip
@click.option("--tolerance", multiple=True, metavar="COLUMN=DISTANCE", help="Numbers this close are equal.")
@click.option("--where", metavar="EXPRESSION", help="Compare only rows that fit, for example \"country = 'BE'\".")
@click.option("--base", metavar="FILE", help="Values on which both sides last agreed: tells who moved.")
@click.option("--match", is_flag=True, help="Find probable same persons under other keys.")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True,
              help="What compares: DuckDB in this process, or a Spark cluster.")  # fmt: skip
@click.option("--remote", metavar="ADDRESS", help="Of the Spark cluster: sc://host:15002.")
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
    ignore: tuple[str, ...],
    rule: tuple[str, ...],
    tolerance: tuple[str, ...],
    where: str | None,
    base: str | None,
    match: bool,
    engine: str,
    remote: str | None,
    as_json: bool,
    out: Path | None,
    html: Path | None,
    fail_on: str,
) -> int:
    """Compare any two files (CSV, Parquet, Arrow, JSON lines, Excel) or tables of databases.

    Neither Actito nor settings are needed. A table is named as
    postgresql://user@host/database?password=env:NAME#schema.table, or sqlite:crm.db#table.
    Text is compared as it is unless a rule says otherwise; typed columns by their type. Nothing is guessed.

    With --engine spark a cluster compares. What it sees itself is named as cluster:s3a://bucket/folder or
    cluster:crm.contacts.
    """
    from auditor.cli.fail_on import parse_fail_on
    from auditor.commands.compare import compare
    from auditor.settings.compare_options import Question

    failing = parse_fail_on(fail_on)
    if (engine == "spark") is (remote is None):
        raise SettingsError(
            "--engine spark needs --remote, the address of the cluster"
            if remote is None
            else "--remote is for --engine spark",
            hint="--engine spark --remote sc://host:15002",
        )
    if html is not None and not html.parent.is_dir():
        raise SettingsError(f"--html {html}: there is no folder {html.parent}")
    question = Question(
        platform=platform,
        truth=truth,
        key=key,
        fallbacks=tuple(tuple(text.split("+")) for text in fallbacks),
        mapped=dict(_pair(text, "--map") for text in mapped),
        ignored=ignore,
        rules=dict(_pair(text, "--rule") for text in rule),
        tolerances={name: _distance(name, value) for name, value in (_pair(text, "--tolerance") for text in tolerance)},
        where=where,
        base=base,
        same_person=match,
        remote=remote,
    )
    compared = compare(question, folder=out)
    from auditor.cli.summary import EXAMPLES, exit_code, print_json, print_summary
    from auditor.findings.codes import Code, Notice
    from auditor.findings.sentences import sentence

    for source in compared.conclusion.sources:
        if source.separator:
            mark = "tabs" if source.separator == "\t" else source.separator
            say(f"{source.file}: read as {source.encoding}, separated by {mark}")
    if remote is not None:
        say("not checked: validation (auditor run validates, on DuckDB alone for now)")
    one_sided = [
        Notice(Code.ONLY_ON_ONE_SIDE, {"columns": list(names), "where": which})
        for names, which in ((compared.only_platform, platform), (compared.only_truth, truth))
        if names
    ]
    for notice in one_sided:
        say(wrapped("", sentence(notice, compared.conclusion.say), indent=2))
    if html is not None:
        from auditor.report import page

        audit = compared.audit
        told = replace(audit, notices=(*audit.notices, *one_sided))
        write_whole(html, page(told, None, privacy="full"))
    if as_json:
        causes = [{**row, "shared": json.loads(row["shared"] or "[]")} for row in compared.causes.to_dicts()]
        print_json(compared.summary | {"causes": causes})
    else:
        print_summary(compared.conclusion, compared.causes, compared.same_person, examples=EXAMPLES)
    return exit_code(compared.conclusion, failing)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise SettingsError(f"{option} {text}: NAME=VALUE is expected")
    return name, value


def _distance(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise SettingsError(f"--tolerance {name}={text}: a distance such as 0.01 is expected")
    return value
