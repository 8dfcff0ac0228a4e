"""How pages are put together: the templates of `reports/`, what they may call, and how a page names its own style."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from auditor.findings import words
from auditor.findings.moments import moment
from auditor.findings.sentences import spelt_out
from auditor.report.redact import visible

LONGEST_EXAMPLE: Final = 60
"""Characters of a value that is an example of a cause."""
_WORDS: Final = re.compile("(?<=[#_.-])(?=.)|(?<=[a-z0-9])(?=[A-Z])")
"""Where one word of a field's name ends and the next begins, as in `text.js`."""


@cache
def templates(folder: Path) -> jinja2.Environment:
    """The pages of a folder, with what they may call."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        n=_number, moment=moment, percent=words.share, size=_size, cut=_cut, breakable=_breakable, spelt_out=spelt_out
    )
    return environment


def csp_hash(text: str) -> str:
    """How a content security policy names this style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _visible_text(value: object) -> object:
    """What a template prints: names from the table structure may hold characters that turn or hide the text around."""
    return visible(value) if type(value) is str else value


def _breakable(name: str) -> Markup:
    """The name of a field, which may break between its words."""
    return Markup("<wbr>").join(_WORDS.split(visible(name)))


def _number(value: int) -> str:
    return f"{value:,}"


def _cut(value: str) -> str:
    """The beginning of a value, on one line."""
    text = " ".join(value.split())
    return text if len(text) <= LONGEST_EXAMPLE else text[: LONGEST_EXAMPLE - 1] + "…"


def _size(size: int) -> str:
    number = float(size)
    for unit in ("bytes", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
