"""The settings and the contract of a new working folder as texts, with comments that a steward understands."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditor.commands.init.propose import Mapped, Proposal
from auditor.commands.init.schema import BESIDE_CONTRACT, BESIDE_SETTINGS
from auditor.model import SUBSCRIPTION_PREFIX, AttributeType
from auditor.settings.contract import DEFAULT_COMPARE

_DATED: Final = (AttributeType.DATE, AttributeType.TIMESTAMP)
_NUMBERS: Final = (AttributeType.NUMERIC, AttributeType.INTEGER, AttributeType.LONG)


@dataclass(frozen=True)
class Answers:
    """What was asked, or given as options."""

    entity: str
    table: str
    url: str
    api_key: str
    """A reference, never the key itself."""
    export: str
    truth: str
    write_api_key: str | None = None
    separator: str | None = None
    encoding: str | None = None
    platform_name: str = "Actito"
    truth_name: str = "CRM"


def settings_text(answers: Answers) -> str:
    """`auditor.toml`."""
    separator = f"separator = {_text(answers.separator)}\n" if answers.separator else ""
    encoding = f"encoding = {_text(answers.encoding)}\n" if answers.encoding else ""
    writing = (
        f"write_api_key = {_text(answers.write_api_key)}\n"
        if answers.write_api_key
        else '# A key of its own for corrections; audits only read.\n# write_api_key = "env:ACTITO_WRITE_KEY"\n'
    )
    return f"""\
#:schema {BESIDE_SETTINGS}
# The settings of the profile auditor. `auditor config explain` shows every
# setting, its value and where it comes from.
entity = {_text(answers.entity)}
table  = {_text(answers.table)}

[actito]
url     = {_text(answers.url)}
# Where the key is kept. The key itself never stands here.
api_key = {_text(answers.api_key)}
{writing}
[names]                                  # of the two sides, on screens
platform = {_text(answers.platform_name)}
truth    = {_text(answers.truth_name)}

[platform]
export  = {_text(answers.export)}   # the newest matching file is read
max_age = "36h"                          # an older export stops a run

[truth]
from = {_text(answers.truth)}
{separator}{encoding}
# Files of e-mail activities, if Actito exports them (bounces, complaints,
# opt-outs in campaigns, messages not sent): then an audit tells why messages
# do not arrive. Without them, who is reachable is told before quarantine.
# [exports]
# activities = ["exports/bounces_*.csv", "exports/unsubscribes_*.csv"]

[report]
# masked: no personal values; aggregate: numbers alone; full
privacy = "masked"

[state]
# What the auditor remembers: on a local disk, and in your backup.
dir = "state"
"""


def contract_text(proposal: Proposal, *, platform: str, truth: str, master: str = "truth") -> str:
    """`expectations/TABLE/contract.toml`. `platform` and `truth` are the names of the sides, `master` is the side that
    decides where no column says otherwise.
    """
    return "\n".join(_contract(proposal, platform, truth, master)) + "\n"


def _contract(proposal: Proposal, platform: str, truth: str, master: str) -> Iterator[str]:
    yield f"#:schema {BESIDE_CONTRACT}"
    yield from _comment(
        f"Which column of {truth} feeds which column of {platform}, how values are compared, and who is right. "
        "Proposed by `auditor init` from names, types and values. Please read every line: a proposal is a guess. The "
        "number behind `sure` says how certain the guess is, from 0 to 1."
    )
    yield "#"
    yield from _comment(
        f'Where a column does not say otherwise: {truth} is right (master = "truth"), but of permissions no side alone '
        f'is (master = "both"). An empty cell of {truth} leaves {platform}\'s value alone (blank = "keep"). Values are '
        'shown to nobody who need not see them (sensitivity = "personal").'
    )
    yield f"key      = [{', '.join(_text(name) for name in proposal.key)}]   # tells which two rows are the same person"
    if proposal.updated_truth and proposal.updated_platform:
        ours, theirs = _text(proposal.updated_platform), _text(proposal.updated_truth)
        yield f"updated  = {{ platform = {ours}, truth = {theirs} }}   # last changed"
    yield f"timezone = {_text(proposal.timezone)}   # of moments written without a zone"
    yield f"country  = {_text(proposal.country)}                # of phone numbers written without a country"
    yield "# How long an ordinary synchronisation may take before a gap counts."
    yield 'sync     = { grace = "24h" }'
    yield ""
    yield "# Who is compared at all: everybody, unless you say otherwise."
    yield "# [population]"
    yield f"# truth    = \"status <> 'prospect'\"   # in the columns of {truth}"
    if len(proposal.key) == 1:
        yield f'# platform = "{proposal.key[0]} is not null"'
    for one in proposal.columns:
        yield from ("", *_column(one, master))
    if proposal.doubtful:
        yield "\n# Not certain enough. If a line is right, remove the # before it."
        for one in proposal.doubtful:
            yield from ("", *(f"# {line}" for line in _column(one, master)))
    if proposal.unmapped:
        yield f"\n# Columns of {platform} that nothing feeds, and which are therefore not compared:"
        yield from (f"#   {_one_line(name)}" for name in proposal.unmapped)
    if proposal.unused:
        yield f"\n# Columns of {truth} that are not used:"
        yield from (f"#   {_one_line(name)}" for name in proposal.unused)


def _column(one: Mapped, master: str) -> Iterator[str]:
    yield f"[columns.{_key(one.name)}]"
    yield from _comment(f"sure {one.confidence:.2f}: {_one_line(one.reason)}")
    yield f"truth = {_text(one.truth)}"
    how = one.reading
    if one.several:
        yield 'compare = "set"                  # several values, in any order'
    elif one.kind is AttributeType.STRING:
        yield 'compare = "text"                 # blanks around and doubled do not count'
    else:
        yield f"compare = {_text(DEFAULT_COMPARE[one.kind])}"
    if how.format and one.kind in _DATED:
        unsure = f"   # LOOK: {how.unsure}" if how.unsure else ""
        yield f"format = {_text(how.format)}{unsure}"
    if how.decimal != "." and one.kind in _NUMBERS:
        yield f"decimal = {_text(how.decimal)}"
    if how.values:
        pairs = ", ".join(f"{_text(theirs)} = {_text(ours)}" for theirs, ours in how.values.items())
        yield f"values = {{ {pairs} }}"
    if one.permission is not None and (one.permission != "opt-in" or not one.name.startswith(SUBSCRIPTION_PREFIX)):
        yield f"permission = {_text(one.permission)}             # says whether somebody may be contacted"
    if one.permission is not None and one.general:
        yield "# Stands over all other permissions: while it is off, none may be on."
        yield "general = true"
    if one.evidence:
        pairs = ", ".join(f"{what} = {_text(column)}" for what, column in one.evidence.items())
        yield f"evidence = {{ {pairs} }}"
    if one.refers_to is not None:
        yield f"# LOOK: refers to the table {_one_line(one.refers_to)}. Without a file of its keys it is not checked:"
        yield f"# reference = {{ file = {_text(one.refers_to + '.csv')} }}"
    decides = one.master or (None if one.permission is not None or master == "truth" else master)
    if decides is not None:
        yield f"master = {_text(decides)}"
    if one.sensitivity != "personal":
        yield f"sensitivity = {_text(one.sensitivity)}"


def rows(proposal: Proposal) -> list[tuple[str, str, str, str]]:
    """The mapping as a table for a screen: column, truth column, confidence, reason."""
    return [
        (one.name, one.truth, f"{one.confidence:.2f}", one.reason) for one in (*proposal.columns, *proposal.doubtful)
    ]


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's as well, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _comment(text: str) -> list[str]:
    """A comment of at most 78 columns, so that it fits when another `# ` stands before it."""
    return textwrap.wrap(text, 78, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
