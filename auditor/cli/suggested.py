"""Rules that would make differences equal, on a terminal, and the one command that takes them all."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from auditor.cli.screen import cut, printable, wrapped
from auditor.findings.audit import Conclusion
from auditor.findings.suggestion import Suggestion
from auditor.findings.words import percent

_SHOWN_VALUES = 5
_WIDTH = 40


def print_suggestions(audit: Conclusion) -> None:
    """Each rule with the differences that it makes equal and those that it leaves; then the command that takes them."""
    rules, total = audit.suggestions, audit.counts.differences
    if not rules:
        click.echo(f"\nno rule is proposed for any of the {total:,} differences\n" if total else "")
        return
    equal = sum(one.equal for one in rules)
    several = f"{len(rules)} rules" if len(rules) > 1 else "1 rule"
    click.echo(f"\n{several} would make {equal:,} of {total:,} differences equal")
    for one in rules:
        click.echo(wrapped("  - ", _told(one)))
        for key, platform, truth in one.left:
            texts = [f"“{cut(printable(text), _WIDTH)}”" if text else "empty" for text in (platform, truth)]
            click.echo(f"      left: {cut(printable(key), _WIDTH)}: {' → '.join(texts)}")
    click.echo("\nto take them, compare again with")
    click.echo(f"  {_command(rules)}\n")


def _told(one: Suggestion) -> str:
    how = [f"as {one.rule}"] if one.rule else []
    pairs = [f"{printable(this)} is {printable(that)}" for this, that in list(one.values.items())[:_SHOWN_VALUES]]
    if pairs:
        how.append(f"{', '.join(pairs)}{', …' if len(one.values) > len(pairs) else ''}")
    left = f", leaves {one.leaves:,}" if one.leaves else ""
    against = f", {one.against:,} speak against it" if one.against else ", nothing speaks against it"
    told = f"{one.column} {'; '.join(how)}: {one.equal:,} equal{left}{against} ({percent(one.confidence)} bear it out)"
    return f"{told}; a single pair of values may as well be a change of all of them" if one.mapped == 1 else told


def _command(rules: tuple[Suggestion, ...]) -> str:
    """The command as it was given, with the rules behind it; one for the same column is replaced."""
    context = click.get_current_context()
    taken = {"rule": {one.column for one in rules if one.rule}, "values": {one.column for one in rules if one.values}}
    words = ["auditor", "compare", *_as_given(context, taken)]
    return shlex.join([*words, *(word for one in rules for word in one.options)])


def _as_given(context: click.Context, taken: dict[str, set[str]]) -> Iterator[str]:
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.params.get(name)
        if isinstance(parameter, click.Argument):
            yield str(given)
        elif name == "suggest" or not given or context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT:
            continue
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            yield parameter.opts[0]
        else:
            for one in given if isinstance(given, tuple) else (given,):
                if str(one).partition("=")[0] not in taken.get(name, set()):
                    yield from (parameter.opts[0], str(one))
