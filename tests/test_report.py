"""The report: who is hidden, what stays text, which numbers are said, and what is on the disk afterwards."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import resource
import stat
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from auditor import report
from auditor.errors import TryLater
from auditor.files.data import data_folder
from auditor.findings import figures, words
from auditor.findings.audit import Audit
from auditor.findings.codes import Code, InCommon, NotChecked, Shared, shared_text
from auditor.findings.reason import Reason
from auditor.findings.words import Words
from auditor.model import AttributeType, Moved, PermissionFinding, Rule, Side, Status, Verdict
from auditor.plan.decisions import Choice, Decision
from auditor.plan.needs import FOR_THE_TRUTH
from auditor.report import TrendPoint, for_review
from auditor.report import view as report_view
from auditor.report.redact import Privacy, pseudonyms, shape, shown, visible
from auditor.settings.contract import Column, Compare, Master, Polarity, Sensitivity
from auditor.state.ledger.records import GivesBack
from tests.audits import COLUMNS, HOSTILE, audit_of, difference, in_words, needed, page, profile, realistic, render
from tests.nothing_known import NOW

SAY = Words("Actito", "CRM")


def rows_of(html: str) -> dict[str, list[dict[str, str | None]]]:
    """The rows that a page carries, unpacked: table → one dictionary per row."""
    found = re.search(r'<script type="text/plain" id="packed-rows">([^<]*)</script>', html)
    if found is None:
        return {}
    document = json.loads(gzip.decompress(base64.b64decode(found[1])))
    tables = {}
    for name, table in document["tables"].items():
        columns = {
            column: [packed["values"][number] for number in packed.get("index", range(table["rows"]))]
            for column, packed in table["columns"].items()
        }
        tables[name] = [{column: values[row] for column, values in columns.items()} for row in range(table["rows"])]
    return tables


class Elements(HTMLParser):
    """Every start tag of a page with its attributes, and the text of the elements that are run or styled."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.raw.append((*self._open, data))
        else:
            self.text += data


def cells_of(workbook: Path) -> dict[str, list[list[str]]]:
    """Sheet name → rows of texts, read with nothing but the standard library. Any cell that is no text fails."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(workbook) as archive:
        names = archive.namelist()
        shared: list[str] = []
        if "xl/sharedStrings.xml" in names:
            root = ET.fromstring(archive.read("xl/sharedStrings.xml"))  # noqa: S314 - our own file
            shared = ["".join(item.itertext()) for item in root.findall("m:si", space)]
        book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        sheets = {}
        for number, sheet in enumerate(book.findall("m:sheets/m:sheet", space), start=1):
            content = ET.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))  # noqa: S314
            assert content.find(".//m:f", space) is None
            assert content.find(".//m:hyperlink", space) is None
            rows = []
            for row in content.findall(".//m:row", space):
                texts = []
                for cell in row.findall("m:c", space):
                    if cell.get("t") is None and len(cell) == 0:
                        texts.append("")
                        continue
                    assert cell.get("t") in ("s", "inlineStr"), "a cell that is no text"
                    text = "".join(cell.itertext())
                    texts.append(shared[int(text)] if cell.get("t") == "s" else text)
                rows.append(texts)
            sheets[str(sheet.get("name"))] = rows
    return sheets


@pytest.fixture(scope="module")
def audit() -> Audit:
    return realistic()


# --- Privacy -----------------------------------------------------------------------------------------------------


def planted() -> tuple[Audit, list[str]]:
    """An audit in which every key and every value of a column that is not public is a secret, and those secrets."""
    secrets: list[str] = []

    def secret(kind: str) -> str:
        secrets.append(f"Sekret{kind}{len(secrets):04}Zq7")
        return secrets[-1]

    private = [column for column in COLUMNS if column.sensitivity is not Sensitivity.PUBLIC]
    differences = [
        difference(
            secret("Key"),
            column.name,
            secret("Platform"),
            secret("Truth"),
            base=secret("Base"),
            reason=reason.value,
            cause=secret("Cause"),
        )
        for column in private
        for reason in (Reason.TYPO, Reason.DIFFERENT)
    ]
    causes = [
        {
            "cause": row["cause"],
            "column": row["column"],
            "reason": row["reason"],
            "profiles": 1,
            "share": 1.0,
            "elsewhere": 0.25,
            "examples": [{name: row[name] for name in ("key", "platform", "truth")}],
            **(
                {
                    "pattern": f"{row['platform']} → {row['truth']}",
                    "sentence": f"1 profile: {row['column']} differs, as in {row['key']}, where it is {row['truth']}",
                    "common": f"value in truth = {row['truth']}",
                }
                if at % 2
                else {
                    "pattern": "",
                    "shared": shared_text([Shared(InCommon.VALUE, {"side": "truth", "value": row["truth"]})]),
                }
            ),
        }
        for at, row in enumerate(differences)
    ]
    audit = audit_of(
        differences=differences,
        causes=causes,
        profiles=[
            profile(
                secret("Key"),
                status,
                platform_key=secret("PKey"),
                truth_key=secret("TKey"),
                profile_id=secret("Id"),
            )
            for status in Status
            if status is not Status.EQUAL
        ],
        violations=[
            {
                "side": "truth",
                "key": secret("Key"),
                "column": column,
                "value": secret("Value"),
                "rule": Rule.EMAIL.value,
                "detail": f"{secrets[-1]} of {secrets[-2]} is wrong",
            }
            for column in ("emailAddress", "note", "customerId", "a column nobody mapped")
        ],
        permissions=[
            {
                "key": secret("Key"),
                "column": "subscriptions#Newsletter",
                "finding": PermissionFinding.OPTED_OUT_IN_TRUTH.value,
                "platform": secret("On"),
                "truth": secret("Off"),
                "since": NOW,
            }
        ],
        same_person=[
            {
                "platform_key": secret("Key"),
                "truth_key": secret("Key"),
                "side": "both",
                "score": 0.9,
                "evidence": f"same as {secrets[-1]}",
            },
            {"platform_key": secret("Key"), "other_key": secret("Key"), "side": "platform", "score": 0.9},
        ],
        rejected=[{"side": "truth", "line": 3, "reason": f"near {secret('Line')}", "text": f"7;{secrets[-1]};8"}],
    )
    return audit, secrets


def everything(folder: Path, name: str) -> str:
    """All text of a file that somebody could find in it: also what is packed inside."""
    if name.endswith(".xlsx"):
        return json.dumps(cells_of(folder / name), ensure_ascii=False)
    html = (folder / name).read_text(encoding="utf-8")
    return html + json.dumps(rows_of(html), ensure_ascii=False)


@pytest.mark.parametrize("privacy", ["masked", "aggregate"])
def test_what_may_be_mailed_holds_no_secret(tmp_path: Path, privacy: Privacy) -> None:
    audit, secrets = planted()
    assert len(secrets) > 100
    render(audit, tmp_path, privacy=privacy)
    for name in ("report.html", "report.xlsx"):
        text = everything(tmp_path, name).lower()
        assert [secret for secret in secrets if secret.lower() in text] == []


def test_what_other_stages_say_without_quoting_anybody_is_kept() -> None:
    """Their sentences tell a steward most; a special column gets only the plain one."""
    rows = [
        difference("1", "lastName", "DUBOIS", "Dubois", reason="case", cause="c-1"),
        difference("2", "note", "Allergic", None, reason="empty_in_truth", cause="c-2"),
    ]
    causes = [
        {
            "cause": "c-1",
            "column": "lastName",
            "reason": "case",
            "pattern": "upper case → mixed case",
            "profiles": 2,
            "sentence": "2 profiles: lastName is in upper case in Actito, CRM writes it in mixed case. All of them "
            "changed in Actito on 2026-03-02, none of the others",
            "common": "platform changed 2026-03-02 09:00:00 … 2026-03-02 21:00:00",
            "share": 1.0,
            "elsewhere": 0.0,
            "examples": [{"key": "1", "platform": "DUBOIS", "truth": "Dubois"}],
        },
        {
            "cause": "c-2",
            "column": "note",
            "reason": "empty_in_truth",
            "pattern": "empty",
            "profiles": 1,
            "sentence": "1 profile: note is filled in Actito, most changed on 2026-11-20",
        },
    ]
    audit = audit_of(
        differences=rows,
        causes=causes,
        violations=[
            {
                "side": "truth",
                "key": "7",
                "column": "nickname",
                "value": "x" * 31,
                "rule": "max_length",
                "detail": "at most 30 characters; this one has 31",
            }
        ],
        same_person=[
            {"platform_key": "7", "truth_key": "8", "side": "both", "score": 0.9, "evidence": "same emailAddress"}
        ],
        rejected=[{"side": "truth", "line": 9, "reason": "3 cells where the header has 20", "text": "An;Smet;7"}],
    )
    masked = shown(audit, "masked")
    assert masked.causes.select("cause", "sentence", "common", "examples").rows() == [
        (
            "1",
            "lastName is in upper case in Actito, CRM writes it in mixed case. All of them changed in Actito on "
            "2026-03-02, none of the others",
            "platform changed 2026-03-02 09:00:00 … 2026-03-02 21:00:00",
            None,
        ),
        ("2", "note is empty in CRM and filled in Actito", None, None),
    ]
    assert masked.violations["detail"].to_list() == ["at most 30 characters; this one has 31"]
    assert masked.same_person["evidence"].to_list() == ["same emailAddress"]
    assert masked.rejected["reason"].to_list() == ["3 cells where the header has 20"]


def test_what_is_not_masked_holds_the_values(tmp_path: Path) -> None:
    """The same search finds them where they belong: it is not blind."""
    audit, secrets = planted()
    render(audit, tmp_path, privacy="full")
    for name in ("report.html", "worklist.html", "report.xlsx"):
        text = everything(tmp_path, name)
        assert [s for s in secrets if s not in text and s.startswith(("SekretPlatform", "SekretTruth"))] == []


def test_an_aggregate_has_no_row_about_a_person(tmp_path: Path, audit: Audit) -> None:
    render(audit, tmp_path, privacy="aggregate")
    assert rows_of((tmp_path / "report.html").read_text()) == {}
    sheets = cells_of(tmp_path / "report.xlsx")
    for name in ("profiles", "differences", "violations", "permissions"):
        assert len(sheets[name]) == 1, name
    assert len(sheets["causes"]) == audit.causes.height + 1


def test_public_columns_are_shown_and_special_ones_not_even_in_shape() -> None:
    rows = [
        difference("1", "motherLanguage", "FR", "NL"),
        difference("1", "note", "Allergic", None),
        difference("1", "lastName", "Müller-Noël 7", " O'Brien "),
        difference("1", "subscriptions#Newsletter", "TRUE", "no"),
    ]
    masked = shown(audit_of(differences=rows), "masked").differences
    assert masked.select("column", "platform", "truth").rows() == [
        ("motherLanguage", "FR", "NL"),
        ("note", "•••", None),
        ("lastName", "Xẍxxxx-Xxẍx 9", " X'Xxxxx "),
        ("subscriptions#Newsletter", "TRUE", "no"),
    ]


def test_what_a_permission_says_is_shown_but_nothing_else_in_its_place() -> None:
    """The finding names it anyway."""
    said = ["on", "off", "empty", "TRUE", "Jan Smet"]
    rows = [
        {"key": str(at), "column": "marketingConsent", "finding": "contactable_again", "platform": text, "truth": "on"}
        for at, text in enumerate(said)
    ]
    assert shown(audit_of(permissions=rows), "masked").permissions["platform"].to_list() == [*said[:4], "Xxx Xxxx"]


def test_a_key_column_is_hidden_even_where_the_contract_calls_it_public() -> None:
    column = Column("customerId", "contact_id", "customerId", sensitivity=Sensitivity.PUBLIC)
    row = {
        "side": "truth",
        "key": "K104",
        "column": "customerId",
        "value": "K104",
        "rule": "unique",
        "detail": "K104 twice",
    }
    masked = shown(audit_of(violations=[row], columns=(column,)), "masked").violations
    assert masked.select("value", "detail").rows() == [("X999", None)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Van den Berghe", "Xxx xxx Xxxxxx"),
        ("0470 12 34 56", "0999 99 99 99"),
        ("007", "009"),
        ("an.smet@example.be", "xx.xxxx@xxxxxxx.xx"),
        ("Mаrtens", "Xяxxxxx"),
        ("Ωmega", "Λxxxx"),
        ("北京 שלום", "文文 文文文文"),
        ("a\u200bb\u00a0c", "x\u200bx\u00a0x"),
        ("Zoe\u0308", "Xxx\u0301"),
        ("☕ €5", "¤ ¤9"),
        ("y" * 100, "x" * 24 + "…"),
        ("", ""),
    ],
)
def test_a_shape_shows_why_but_not_what(value: str, expected: str) -> None:
    assert shape(value) == expected


def test_short_ids_are_unique_stable_and_of_this_run_only(audit: Audit) -> None:
    ids = pseudonyms(audit)
    assert len(set(ids.values())) == len(ids) > 300
    assert all(re.fullmatch(r"#[a-z2-7]{4,12}", short) for short in ids.values())
    assert pseudonyms(audit) == ids
    another_run = pseudonyms(replace(audit, run="another"))
    assert sum(another_run[key] == short for key, short in ids.items()) < len(ids) / 10
    other_input = tuple(replace(source, sha256="00" * 32) for source in audit.sources)
    assert pseudonyms(replace(audit, sources=other_input)) != ids


def test_one_person_has_one_id_in_every_list_and_the_worklist_says_whose_it_is(tmp_path: Path, audit: Audit) -> None:
    written = render(audit, tmp_path, privacy="masked")
    report = rows_of(written.report.read_text())
    work = rows_of(written.worklist.read_text())
    ids = {row["key"]: row["id"] for row in work["differences"]}
    assert len(ids) > 200
    assert set(ids.values()) <= {row["key"] for row in report["differences"]}
    assert {row["id"] for row in work["permissions"]} == {row["key"] for row in report["permissions"]}


def test_the_worklist_shows_only_what_needs_work(tmp_path: Path, audit: Audit) -> None:
    written = render(audit, tmp_path, privacy="masked")
    flags = [row["flags"] or "" for row in rows_of(written.worklist.read_text())["differences"]]
    settled = (audit.differences["waiting"] | audit.differences["pending"]).sum()
    assert settled > 10
    assert len(flags) == audit.differences.height - settled
    assert not any("waiting" in flag or "pending" in flag for flag in flags)


# --- Hostile values ----------------------------------------------------------------------------------------------


def test_the_page_runs_and_loads_nothing_but_its_own(audit: Audit) -> None:
    html = page(audit, privacy="full")
    elements = Elements(html)
    policy = next(
        attrs["content"] or ""
        for tag, attrs in elements.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    run = [(tag, text) for tag, attrs, text in elements.raw if attrs.get("type") != "text/plain"]
    assert [tag for tag, _ in run] == ["style", "script"]
    for tag, text in run:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, attrs in elements.tags:
        assert not {name for name in attrs if name.startswith("on") or name in ("style", "src", "srcset", "action")}
        assert (attrs.get("href") or "#").startswith("#") or attrs["href"] == "plans.html", tag
    assert "import(" not in html


def test_values_never_meet_the_html_parser(audit: Audit) -> None:
    """Not one value of a profile stands in the document itself: only in the packed rows."""
    html = page(audit, privacy="full")
    without_rows = re.sub(r'id="packed-rows">[^<]*<', "", html)
    causes = " ".join(audit.causes["sentence"].to_list())
    for value in HOSTILE:
        if value not in causes:
            assert value not in without_rows
    assert HOSTILE[0] in json.dumps(rows_of(html), ensure_ascii=False)


def test_names_that_are_hostile_stay_text() -> None:
    evil = '"><script>alert(1)</script>\u202e'
    columns = (replace(COLUMNS[0], name=f"mail{evil}", truth=evil),)
    rows = [difference("1", f"mail{evil}", "a", "b")]
    audit = audit_of(
        differences=rows,
        columns=columns,
        table=evil,
        entity=evil,
        platform_name=f"A{evil}",
        truth_name=f"C{evil}",
        not_checked=(NotChecked(Code.NULL_KEY, Side.TRUTH, 3, parameters={"sentence": evil}),),
    )
    for privacy in ("masked", "aggregate", "full"):
        html = page(audit, privacy=privacy)
        elements = Elements(html)
        assert len([tag for tag, attrs in elements.tags if tag == "script" and "type" not in attrs]) == 1
        assert "\u202e" not in elements.text
        assert "<script>alert(1)</script>⟨U+202E⟩" in elements.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é ☕", "plain é ☕"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("nul\x00", "nul⟨U+0000⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_would_act_or_hide_is_made_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_the_workbook_holds_nothing_but_text(tmp_path: Path, audit: Audit) -> None:
    written = render(audit, tmp_path, privacy="full")
    sheets = cells_of(written.workbook)
    assert list(sheets) == ["summary", "profiles", "differences", "violations", "permissions", "same person", "causes"]
    texts = {cell for row in sheets["differences"] for cell in row}
    for value in ("=cmd|' /C calc'!A0", "https://example.com/owned", "0470123456", "abc⟨U+202E⟩gnp.exe"):
        assert value in texts
    assert max(map(len, texts)) == 32_767
    assert len(sheets["differences"]) == audit.differences.height + 1
    assert len(sheets["profiles"]) == audit.profiles.height + 1
    assert len(sheets["same person"]) == audit.same_person.height + 1
    assert ["Verdict", "Not fully checked"] in sheets["summary"]


def test_what_the_owners_of_the_truth_open_in_a_spreadsheet_is_text(tmp_path: Path) -> None:
    told = {"key": "007", "column": "note", "platform": "=1+1", "truth": None, "why": "decided"}
    path = tmp_path / "for-the-truth.xlsx"
    path.write_bytes(for_review(pl.DataFrame([told], schema=FOR_THE_TRUTH), {}))
    assert cells_of(path) == {"for the truth": [list(told), ["007", "note", "=1+1", "decided"]]}


# --- What is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audit", "sentence"),
    [
        (audit_of(), "Actito and CRM agree on an empty table."),
        (audit_of(equal=1), "Actito and CRM agree on the one profile there is."),
        (audit_of(equal=12_000), "Actito and CRM agree on all 12,000 profiles."),
        (audit_of(equal=9, profiles=[profile("1", Status.MISSING)]), "1 of 10 profiles does not agree."),
        (
            audit_of(equal=9, profiles=[profile("1", Status.MISSING, waiting=True)], verdict=Verdict.CLEAN),
            "Actito and CRM agree on 9 of 10 profiles.",
        ),
        (
            audit_of(equal=2, not_checked=(NotChecked(Code.NULL_KEY, Side.TRUTH, 2),)),
            "Actito and CRM agree on all 2 profiles, as far as was checked: 1 thing was not.",
        ),
    ],
)
def test_the_verdict_is_one_true_sentence(audit: Audit, sentence: str) -> None:
    assert report_view.headline(figures.counted(audit, None), SAY).sentence == sentence
    assert sentence in Elements(page(audit, privacy="masked")).text


def test_people_contacted_against_their_will_are_counted_once() -> None:
    """Two findings about one person are one person; an opt-out unknown to the truth harms nobody."""
    kinds = PermissionFinding
    findings = [
        ("1", kinds.OPTED_OUT_IN_TRUTH),
        ("1", kinds.CONTACTABLE_AGAIN),
        ("2", kinds.AGAINST_CONSENT),
        ("3", kinds.OPTED_OUT_ON_PLATFORM),
        ("4", kinds.WITHOUT_EVIDENCE),
        ("5", kinds.WITHOUT_CONTACT),
    ]
    rows = [{"key": key, "column": "marketingConsent", "finding": kind.value} for key, kind in findings]
    told = report_view.headline(figures.counted(audit_of(permissions=rows), None), SAY).grave
    assert told is not None
    assert told.sentence == "2 people may be contacted against their will."
    assert report_view.headline(figures.counted(audit_of(permissions=rows[3:]), None), SAY).grave is None
    grave = {finding for finding, *_, grave in report_view.findings(audit_of(permissions=rows), SAY) if grave}
    assert grave == {kinds.OPTED_OUT_IN_TRUTH, kinds.AGAINST_CONSENT, kinds.CONTACTABLE_AGAIN}


def test_permissions_come_before_every_other_finding_and_what_was_not_checked_before_them(audit: Audit) -> None:
    html = page(audit, privacy="masked")
    order = re.findall(r'<section id="([a-z-]+)"', html)
    assert order == [
        "compared",
        "not-checked",
        "permissions",
        "where",
        "profiles",
        "causes",
        "differences",
        "lists",
        "invalid",
        "rules",
    ]
    text = Elements(html).text
    assert "It is not a pass." in text
    for item in audit.not_checked:
        assert in_words(item) in text


def test_the_parts_of_each_side_add_up(audit: Audit) -> None:
    for side in report_view.sides(audit, SAY):
        assert side.compared + sum(number for _, number in side.parts) == side.rows


def test_the_picture_counts_every_difference_once(audit: Audit) -> None:
    reasons, fields = report_view.fields(audit, SAY)
    waiting_or_sent = audit.differences["waiting"] | audit.differences["pending"]
    assert 0 < sum(field.total for field in fields) == audit.differences.height - waiting_or_sent.sum()
    assert [field.total for field in fields] == sorted((field.total for field in fields), reverse=True)
    found = set(audit.differences.filter(~waiting_or_sent)["reason"])
    assert reasons == [reason.value for reason in Reason if reason.value in found]
    assert len(reasons) > 10
    for field in fields:
        assert sum(number for _, number, _ in field.cells) == field.total
        assert sum(number for _, _, number, _, _ in field.parts) == field.total
        start = 0.0
        for *_, begin, width in field.parts:
            assert begin == pytest.approx(start, abs=0.01)
            start += width
        assert start == pytest.approx(100, abs=0.01)
    assert all(heat > 0 for field in fields for _, number, heat in field.cells if number)


def test_every_stored_word_has_a_word_on_screens() -> None:
    for stored, spoken in (
        (Status, words.STATUS),
        (Moved, words.MOVED),
        (Reason, words.REASON),
        (PermissionFinding, words.FINDING),
        (Compare, words.COMPARE),
        (Master, words.MASTER),
        (Sensitivity, words.SENSITIVITY),
        (Verdict, words.VERDICT),
    ):
        assert set(spoken) == set(stored)


def test_the_names_of_the_sides_are_the_configured_ones(audit: Audit) -> None:
    html = page(replace(audit, platform_name="Mailtool", truth_name="Warehouse"), privacy="masked")
    text = Elements(html).text
    assert "Outdated in Mailtool" in text
    assert "Actito" not in text
    assert "CRM" not in text.replace("crm/", "")


def test_the_trend_is_drawn_where_there_is_one(audit: Audit) -> None:
    points = [TrendPoint(f"r{day}", NOW - timedelta(days=9 - day), day, day * 2, day) for day in range(8)]
    assert '<section id="trend"' in page(audit, privacy="aggregate", trend=points)
    now = audit_of(profiles=[profile(str(at), Status.STALE) for at in range(8)])
    bars = report_view.trend_bars(points, figures.counted(now, None))
    assert [(point.not_agreeing, height) for point, height in bars][::4] == [(0, 0.0), (4, 50.0), (8, 100.0)]
    assert bars[-1][0].run == now.run, "this run is the last"
    assert report_view.trend_bars([], now) == [], "and alone it is no trend"


def test_how_a_column_is_compared_names_everything_that_widens_it() -> None:
    column = Column("x", "x", "x", Compare.PHONE, "BE", AttributeType.PHONE, values={"a": "b"})
    assert SAY.compare(column) == (
        "as a phone number, in international form; numbers without a country are taken as BE; "
        "1 spellings of CRM are translated first"
    )


@pytest.mark.parametrize(
    ("column", "platform", "truth", "expected"),
    [
        ("marketingConsent", "false", "true", "truth"),
        ("marketingConsent", "true", "false", "platform"),
        ("doNotContact", "true", "false", "truth"),
        ("doNotContact", "no", "Y", "platform"),
        ("marketingConsent", "true", None, "platform"),
        ("marketingConsent", "maybe", "false", None),
        ("lastName", "true", "false", None),
    ],
)
def test_the_choice_that_lets_somebody_be_contacted_is_known(
    tmp_path: Path, column: str, platform: str, truth: str | None, expected: str | None
) -> None:
    """Also where the column is spelt the other way round, as an opt-out."""
    written = render(audit_of(differences=[difference("1", column, platform, truth)]), tmp_path, privacy="masked")
    assert [row["on"] for row in rows_of(written.worklist.read_text())["differences"]] == [expected]
    assert COLUMNS[15].permission is Polarity.OPT_OUT


# --- Files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("privacy", "mode"), [("masked", 0o644), ("aggregate", 0o644), ("full", 0o600)])
def test_files_with_real_values_are_for_the_owner_only(
    tmp_path: Path, audit: Audit, privacy: Privacy, mode: int
) -> None:
    written = render(audit, tmp_path, privacy=privacy)
    files = ["plans.html", "report.html", "report.xlsx", "worklist.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert stat.S_IMODE(written.worklist.stat().st_mode) == 0o600
    assert ('<a href="plans.html">' in written.report.read_text("utf-8")) == (privacy == "full"), (
        "else it may be mailed"
    )
    assert '<a href="plans.html">' in written.worklist.read_text("utf-8")
    assert f"<code>auditor plan {audit.run}</code>" in (tmp_path / "plans.html").read_text("utf-8")
    (tmp_path / "plans.html").write_text("one plan")
    render(audit, tmp_path, privacy=privacy)
    assert (tmp_path / "plans.html").read_text() == "one plan", "a report that is made again unmakes no plan"
    for path in (written.report, written.workbook):
        assert stat.S_IMODE(path.stat().st_mode) & ~0o022 == mode & ~0o022


def test_a_report_made_again_is_the_same(tmp_path: Path, audit: Audit) -> None:
    assert page(audit, privacy="masked") == page(audit, privacy="masked")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 60,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_leaves_the_report_before_untouched(tmp_path: Path, small_disk: None) -> None:
    for name in ("report.html", "worklist.html", "report.xlsx"):
        (tmp_path / name).write_text("before")
    with pytest.raises(TryLater, match="is full: nothing was kept"):
        render(realistic(2_000), tmp_path, privacy="masked")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "report.html": "before",
        "worklist.html": "before",
        "report.xlsx": "before",
    }


def test_the_program_finds_its_own_data_or_says_what_to_do() -> None:
    assert (data_folder("reports") / "page.html").is_file()
    with pytest.raises(FileNotFoundError, match="install it again"):
        data_folder("nothing-of-the-kind")


# --- To be looked at ---------------------------------------------------------------------------------------------


def test_colours_can_be_told_from_their_ground() -> None:
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for signs, in light and in dark."""
    css = (data_folder("reports") / "page.css").read_text()
    light = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", css.split("@media")[0]))
    dark = light | dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", css.split("@media")[1]))
    for theme in (light, dark):
        for ground in ("ground", "paper", "faint"):
            for ink in ("ink", "soft", "accent", "bad"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
            for sign in ("conflicting", "stale", "missing", "orphan", "duplicate", "equal"):
                assert contrast(theme[sign], theme[ground]) >= 2.5, (sign, ground)
        for tone in ("good", "warn", "bad"):
            assert contrast(theme[tone], theme[f"{tone}-ground"]) >= 4.5, tone
        assert contrast(theme["mark-ink"], theme["mark"]) >= 4.5
        assert contrast(theme["on-accent"], theme["accent"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("begun", [False, True])
def test_an_opt_out_that_somebody_calls_an_error_is_told_as_one_and_chosen_among_what_is_offered(
    begun: bool, tmp_path: Path
) -> None:
    """It is kept as a choice of the platform's value, and that is the choice that the page shows as made."""
    cell = difference("1", "doNotContact", "false", "true", status=Status.CONFLICTING)
    found = audit_of(differences=[cell])
    wrong = Decision("1", "doNotContact", "false", "true", Choice.PLATFORM, "Bea", gives_back=GivesBack("p", begun))
    written = report.render(found, needed(found, decisions=[wrong]), tmp_path, privacy="masked")
    [row] = rows_of(written.worklist.read_text("utf-8"))["differences"]
    became = "still valid" if begun else "waiting to be applied"
    assert row["decision"] == f"The opt-out was an error, give it back (Bea): {became}"
    assert row["recorded"] == "platform"
