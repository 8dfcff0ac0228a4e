"""The request sheet: what the licence supervisor is asked for, as Markdown that can be mailed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from auditor.commands.init.propose import Proposal
from auditor.commands.init.written import Answers
from auditor.model import Structure

READING: Final = ("read_profiles", "read_profile_table_structure", "read_imports")
WRITING: Final = ("write_profiles", "write_imports")
"""Rights by module (D-rights); only corrections need the second group."""
_DAY: Final = "$yyyyMMdd"
"""How Actito writes the day into the name of an export (D-expf)."""
_PACKED: Final = {".zip": "packed as ZIP", ".gz": "packed as GZIP", ".csv": "not packed"}


def sheet(answers: Answers, proposal: Proposal, structure: Structure) -> str:
    """One page: the export to activate, the rights of the two keys, the address to allow (D-expf, D-rights, D-sftp)."""
    return "\n".join(map(_wrapped, _lines(answers, proposal, structure))) + "\n"


def _lines(answers: Answers, proposal: Proposal, structure: Structure) -> Iterator[str]:
    folder, name = _delivered(answers.export, structure.table)
    remote = re.match(r"(sftp|ftps|s3|https):", answers.export)
    yield f'# For the licence supervisor: an audit of the profile table "{structure.table}"'
    yield ""
    yield f'Licence entity "{answers.entity}", {answers.url}. Three things only you can do in Actito.'
    yield ""
    yield "## 1. Activate a periodic export"
    yield ""
    yield f'- Of: all profiles of the table "{structure.table}", the whole table every day, not only what changed'
    if remote:
        yield f"- To: `{folder}`"
    else:
        yield (
            f"- To: a file server of yours. Whoever runs the auditor brings the files from there to `{folder}` on the "
            "auditor's machine"
        )
    if name is None:
        yield f"- Name: one that fits `{answers.export}`, with the day in it (`{_DAY}`): the newest file is read"
    elif _DAY in name:
        yield f"- Name: `{name}`, with the day in it: the newest file is read"
    else:
        yield f"- Name: `{name}`, the same every day"
    packed = next((how for end, how in _PACKED.items() if name and name.endswith(end)), "ZIP or GZIP at will")
    yield f'- Format: CSV, UTF-8, header line with the technical names, separator `;`, quote `"`; {packed}'
    yield "- With these columns:"
    yield ""
    wanted = dict.fromkeys(["profileId", "updateMoment", *(one.name for one in proposal.columns)])
    yield from (f"  - `{name}`" for name in wanted)
    others = [name for name in structure.columns if name not in wanted]
    if others:
        yield ""
        yield f"  Not needed: {', '.join(f'`{name}`' for name in others)}"
    yield ""
    yield "## 2. Make two API keys"
    yield ""
    yield f"- For audits, which only read, with the rights {_rights(READING)}. It is kept in `{answers.api_key}`"
    kept = answers.write_api_key or "env:ACTITO_WRITE_KEY"
    yield f"- For corrections, later, with those and {_rights(WRITING)}. It is kept in `{kept}`"
    yield ""
    yield "Never send a key by mail. Whoever runs the auditor puts it where it is kept."
    yield ""
    yield "## 3. Allow an address"
    yield ""
    yield "- To the API keys: the address from which the auditor reaches the internet: ______ (ask who runs it)"
    if answers.export.startswith(("sftp:", "ftps:")):
        yield "- On the server of the export: Actito's own addresses, so that it can deliver there (Actito names them)"


def _delivered(location: str, table: str) -> tuple[str, str | None]:
    """The folder of an export, and a name with the day in it that its pattern finds; None where none can be told."""
    folder, slash, pattern = location.rpartition("/")
    before, star, after = pattern.partition("*")
    name = before + (_DAY if before else f"{table}_{_DAY}") + after.replace("*", "") if star else pattern
    if star and not after:
        name += ".csv"
    return folder + slash or "./", name if name and fnmatchcase(name, pattern) else None


def _rights(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _wrapped(line: str) -> str:
    """At most 80 columns, but for what has no blank in it; a heading is one line whatever its length."""
    if line.startswith("#") or not line.strip():
        return line
    indent = re.match(r"\s*(?:- )?", line)
    under = " " * len(indent[0]) if indent else ""
    return textwrap.fill(line, 80, subsequent_indent=under, break_long_words=False, break_on_hyphens=False)
