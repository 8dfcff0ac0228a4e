"""Every key and number of a source that code and documents name stands in `docs/sources.md`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT / "docs" / "sources.md").read_text("utf-8")
NAMED = re.compile(r"\b[DGU]-[a-z][a-z0-9]*\b|§\d+(?:\.\d+)?b?")


def test_every_key_says_where_its_facts_come_from_and_none_is_idle() -> None:
    texts = [
        path.read_text("utf-8")
        for path in (*(ROOT / "auditor").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md")
        if path.name != "sources.md"
    ]
    named = {key for text in texts for key in NAMED.findall(text)}
    whole = {key for first, last in re.findall(r"§(\d+\.\d) to §\d+\.(\d)", SOURCES) for key in _between(first, last)}
    assert named - whole - set(NAMED.findall(SOURCES)) == set()
    assert set(re.findall(r"^\| ([DGU]-\w+) \|", SOURCES, re.MULTILINE)) - named == set()


def _between(first: str, last: str) -> set[str]:
    chapter, _, number = first.partition(".")
    return {f"§{chapter}.{one}" for one in range(int(number), int(last) + 1)}
