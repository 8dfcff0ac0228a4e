"""The request sheet: what the licence supervisor is asked for, as Markdown that can be mailed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.model import Structure
from auditor.setup.propose import Proposal
from auditor.setup.written import Answers

READING: Final = ("read_profiles", "read_profile_table_structure", "read_imports")
WRITING: Final = ("write_profiles", "write_imports")
"""Rights by module (D-rights); only corrections need the second group."""


def sheet(answers: Answers, proposal: Proposal, structure: Structure) -> str:
    """One page: the export to activate, the rights of the two keys, the address to allow (D-expf, D-rights, D-sftp)."""
    return "\n".join(_lines(answers, proposal, structure)) + "\n"


def _lines(answers: Answers, proposal: Proposal, structure: Structure) -> Iterator[str]:
    yield f'# For the licence supervisor: an audit of the profile table "{structure.table}"'
    yield ""
    yield f'Licence entity "{answers.entity}", {answers.url}. Three things only you can do in Actito.'
    yield ""
    yield "## 1. Activate a periodic export"
    yield ""
    yield f'- Of: all profiles of the table "{structure.table}", the whole table every day, not only what changed'
    yield f"- To: {answers.export}"
    yield '- Format: CSV, UTF-8, header line with the technical names, separator `;`, quote `"`; ZIP or GZIP at will'
    yield "- Name: the date and time in it, for example "
    yield f"  `{structure.table}_$yyyyMMdd.csv`: the newest file is read"
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
    yield "| key | rights | where it is kept |"
    yield "|---|---|---|"
    yield f"| for audits, which only read | {_rights(READING)} | `{answers.api_key}` |"
    kept = answers.write_api_key or "env:ACTITO_WRITE_KEY"
    yield f"| for corrections, later | those, and {_rights(WRITING)} | `{kept}` |"
    yield ""
    yield "Never send a key by mail. Whoever runs the auditor puts it where the last column says."
    yield ""
    yield "## 3. Allow an address"
    yield ""
    yield "- To the API keys: the address from which the auditor reaches the internet: ______ (ask who runs it)"
    if answers.export.startswith(("sftp:", "ftps:")):
        yield "- On the server of the export: Actito's own addresses, so that it can deliver there (Actito names them)"


def _rights(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
