"""A permission is told in words, with the raw cell beside them, wherever it is told and whichever way it is spelt."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import polars as pl
import pytest

from auditor.findings.words import Words
from auditor.report.rows import labels
from auditor.settings.config import read_settings
from auditor.state.past_runs import find_run
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy
from tests.test_decided_once import NEWS, in_truth, somebody_off
from tests.test_report import cells_of, rows_of

pytestmark = pytest.mark.usefixtures("no_pauses")

SILENT = "doNotContact"
MAY, MAY_NOT = "may be contacted", "may not be contacted"
WORDS = {(SILENT, "false"): MAY, (SILENT, "true"): MAY_NOT, (NEWS, "true"): MAY, (NEWS, "false"): MAY_NOT}
"""What a raw cell says: one column is spelt the other way round."""
ON_OR_OFF = re.compile(r"(?<!cut )\b(?:on|off) in (?:the )?(?:Actito|CRM)\b", re.I)
CONTRACT = Path(__file__).parent.parent / "expectations" / "Customers" / "contract.toml"


def export_of(folder: Path) -> list[dict[str, str]]:
    with max((folder / "exports").glob("*.csv")).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter=";"))


def told(text: str) -> str:
    """A text without its line breaks and frames; nothing in it says of a permission that it is on or off."""
    flat = " ".join(text.split())
    assert ON_OR_OFF.search(flat) is None, ON_OR_OFF.search(flat)
    return flat


def test_a_permission_is_told_in_words_with_the_raw_cell_beside_them_everywhere(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    own = folder / "expectations" / "Customers" / "contract.toml"
    [inverted] = re.findall(r"(?ms)^\[columns\.doNotContact\].*?(?=^\[)", CONTRACT.read_text("utf-8"))
    own.write_text(f"{own.read_text('utf-8')}\n{inverted}", "utf-8")
    news_up, _ = somebody_off(folder)
    quiet = {row["customerId"]: row[SILENT] for row in export_of(folder) if row["customerId"]}
    silent_up = min(key for key, text in quiet.items() if text == "true" and key != news_up)
    in_truth(folder, news_up, optin_news="yes")
    in_truth(folder, silent_up, do_not_contact="no")
    silent_down, *others = [key for key, text in sorted(quiet.items()) if text == "false" and key != news_up][2:5]
    for key in (silent_down, *others):
        in_truth(folder, key, do_not_contact="yes")

    # The run: terminal, Parquet, pages, workbooks.
    run_told = told(auditor(capsys, "run").out)
    for column in (NEWS, SILENT):
        assert f"the permission {column} says “{MAY}” in Actito, “{MAY_NOT}” in CRM" in run_told
    run = find_run(read_settings(folder / "auditor.toml"))
    differences = pl.read_parquet(run / "differences.parquet").filter(pl.col("column").is_in([NEWS, SILENT]))
    cells = {(row["key"], row["column"]): row for row in differences.to_dicts()}
    news_down = min(key for key, column in cells if column == NEWS and key != news_up)
    assert {(news_down, NEWS), (news_up, NEWS), (silent_down, SILENT), (silent_up, SILENT)} <= set(cells)
    for (_, column), row in cells.items():
        for side in ("platform", "truth"):
            assert row[f"{side}_says"] == WORDS[column, row[side]].replace(" ", "_")
    found = pl.read_parquet(run / "permissions.parquet").filter(pl.col("column").is_in([NEWS, SILENT]))
    assert {"may_be_contacted", "may_not_be_contacted"} <= set(found["truth_says"])
    for row in found.to_dicts():
        assert row["platform_says"] == WORDS[row["column"], row["platform_text"]].replace(" ", "_")

    says = labels(Words("Actito", "CRM"))["says"]
    for page in ("report.html", "worklist.html"):
        html = (run / page).read_text("utf-8")
        rows = rows_of(html)
        told(html + json.dumps(rows))
        own_rows = [row for row in rows["differences"] if row["column"] in (NEWS, SILENT)]
        assert len(own_rows) == len(cells)
        for row in [*own_rows, *(one for one in rows["permissions"] if one["column"] in (NEWS, SILENT))]:
            for side in ("platform", "truth"):
                text = row[side]
                assert text is None or says[row[f"{side}_says"] or ""] == WORDS[row["column"] or "", text], page
        agreed = [row for row in own_rows if row["base"]]
        assert agreed
        for row in agreed:
            assert says[row["base_says"] or ""] == WORDS[row["column"] or "", row["base"] or ""], page

    examples = re.findall(r'<small class="example">(.+?)</small>', (run / "worklist.html").read_text("utf-8"))
    assert f"{news_down}: {MAY} (true) → {MAY_NOT} (false)" in examples
    assert not [one for one in examples if re.search(r"<q>(true|false|yes|no)</q>", one)]

    book = cells_of(run / "report.xlsx")
    told(str(book))
    patterns = {line[1]: line[3] for line in book["causes"] if line[1] in (NEWS, SILENT)}
    assert set(patterns.values()) <= {f"{MAY} → {MAY_NOT}", f"{MAY_NOT} → {MAY}"}
    for sheet in ("differences", "permissions"):
        shown = [cell for line in book[sheet] if line[1] in (NEWS, SILENT) for cell in line if cell.startswith("may ")]
        assert shown
        assert {cell for cell in shown if "(" in cell} <= {f"{word} ({raw})" for (_, raw), word in WORDS.items()}
        assert all("(" in cell for cell in shown if not cell.startswith("may be contacted with"))
    [header, *lines] = cells_of(run / "for-the-truth.xlsx")["for the truth"]
    heard = [dict(zip(header, line, strict=True)) for line in lines if line[1] in (NEWS, SILENT)]
    assert {(line["key"], line["column"]) for line in heard} >= {(news_up, NEWS), (silent_up, SILENT)}
    for line in heard:
        for side in ("platform", "truth"):
            assert line[f"{side} says"] == WORDS[line["column"], line[side]]

    # The plan, with somebody who is created.
    decision = {"key": silent_down, "column": SILENT, "platform": "false", "truth": "true", "choice": "truth"}
    decided = {"format": 1, "run": run.name, "table": "Customers", "by": "Mia", "decisions": [decision]}
    (folder / "decided.json").write_text(json.dumps(decided), "utf-8")
    planned = told(auditor(capsys, "plan", "--decisions", "decided.json").out)
    down = {NEWS: f'- "true" ({MAY}) + "false" ({MAY_NOT})', SILENT: f'- "false" ({MAY}) + "true" ({MAY_NOT})'}
    texts = {path: told(path.read_text("utf-8")) for path in run.glob("plan-*.txt")}
    [path] = [one for one, text in texts.items() if "permission withdrawn" in text]
    [creations] = [one for one, text in texts.items() if "creation, one by one" in text]
    for text in (planned, texts[path]):
        assert all(f"{column} {line}" in text for column, line in down.items())
    assert f'+ "false" ({MAY_NOT})' in texts[creations]
    for name in (path, creations):
        html = re.sub(r"<[^>]+>", " ", name.with_suffix(".html").read_text("utf-8"))
        assert f'"false" {MAY_NOT}' in told(html)
        writes = [line for line in cells_of(name.with_suffix(".xlsx"))["writes"][1:] if MAY_NOT in line]
        assert writes
        told(str(writes))
    html = told(re.sub(r"<[^>]+>", " ", path.with_suffix(".html").read_text("utf-8").replace("<wbr>", "")))
    assert f'{NEWS} "true" {MAY} "false" {MAY_NOT}' in html
    assert f'{SILENT} "false" {MAY} "true" {MAY_NOT}' in html
    writes = cells_of(path.with_suffix(".xlsx"))["writes"]
    assert {tuple(line[line.index(column) :][:5]) for line in writes for column in down if column in line} == {
        (NEWS, "true", "false", MAY, MAY_NOT),
        (SILENT, "false", "true", MAY, MAY_NOT),
    }

    # One person: show, also of somebody who is missing, and fix.
    missing = pl.read_parquet(run / "profiles.parquet").filter(~pl.col("waiting") & ~pl.col("gone"), status="missing")
    for key, here in ((silent_down, True), (news_down, True), (missing["key"][0], False)):
        shown_of = told(auditor(capsys, "show", key).out)
        assert (f"Actito: {MAY}; CRM: {MAY_NOT}" if here else f"CRM: {MAY_NOT}") in shown_of
        assert here or "Actito: " not in shown_of
        assert key != news_down or f"last agreed: {MAY} (true)" in shown_of
    fixed = told(auditor(capsys, "fix", news_down, silent_down, "--yes", "--confirm", "unsubscribe=2").out)
    assert all(f"{column} {line}" in fixed for column, line in down.items())
    shown_of = told(auditor(capsys, "show", silent_down).out)
    assert f"unsubscribe {SILENT} {MAY} (false) → {MAY_NOT} (true): done" in shown_of
