"""The report in a real browser, opened as a file as its readers do."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pytest

from auditor import report
from auditor.findings.audit import VIOLATIONS, Audit
from auditor.findings.codes import read_notice
from auditor.findings.reason import Reason
from auditor.findings.words import AGAINST_THEIR_WILL
from auditor.model import Status, Structure
from auditor.plan.decisions import Choice, Decision, read_decisions
from auditor.plan.finding_answers import answered
from auditor.report import Written
from auditor.state.ledger.records import About
from tests.audits import COLUMNS, HOSTILE, audit_of, difference, needed, profile, realistic, render
from tests.nothing_known import knowledge

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def audit() -> Audit:
    return realistic()


@pytest.fixture(scope="module")
def written(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> Written:
    return render(audit, tmp_path_factory.mktemp("run"), privacy="masked")


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A fresh tab in which an error, a refused load and every request beyond the file itself is a failure."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if not mine(request.url) else None)
    yield page
    context.close()
    assert problems == []


def mine(url: str) -> bool:
    return url.startswith(("file://", "blob:"))


def opened(page: Page, path: Path) -> Page:
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    return page


def count(page: Page, table: str = "differences") -> str:
    return page.locator(f"[data-table={table}] .count").inner_text()


def values(page: Page, column: str, table: str = "differences") -> list[str]:
    """The texts of one column, as many rows as a page of the table shows."""
    heading = page.locator(f"[data-table={table}] th[data-column={column}]").inner_text()
    cells = page.locator(f"[data-table={table}] tbody [data-heading='{heading}']")
    return [text.split("\n")[0] for text in cells.all_inner_texts()]


def search(page: Page, text: str, table: str = "differences") -> None:
    """Search, and wait until the table has followed."""
    box = page.locator(f"[data-table={table}]")
    box.evaluate("box => { box.seen = new Promise(done => box.addEventListener('filtered', done, { once: true })) }")
    box.locator("[type=search]").fill(text)
    box.evaluate("async box => { await box.seen }")


def test_the_report_opens_and_puts_the_verdict_and_permissions_first(tab: Page, written: Written) -> None:
    page = opened(tab, written.report)
    assert "do not agree, as far as was checked" in page.locator("h1").inner_text()
    assert "against their will" in page.locator(".grave-word").inner_text()
    places = [page.locator(f"#{name}").bounding_box() for name in ("not-checked", "permissions", "where", "causes")]
    tops = [place["y"] for place in places if place is not None]
    assert tops == sorted(tops)
    assert len(tops) == 4
    assert count(page, "permissions") == "31 permission findings"
    assert page.locator("[data-table=permissions] tbody tr").count() == 10


def test_what_is_wrong_with_a_field_as_a_whole_is_nobodys(tab: Page, audit: Audit, tmp_path: Path) -> None:
    """It has no key because it concerns all; and where several fields are wrong together, none of them is empty."""
    rows = [
        ("truth", None, "city", "Brussel", "jump", "as in the last runs; here 60 %", "warning"),
        ("truth", None, None, None, "table_row_count_to_be_between", "2 to 5 rows", "error"),
        ("truth", "7", "subscriptions#News, consent", None, "pair_permission_to_have_consent", "off", "info"),
        ("truth", "8", "nickname", None, "not_be_null", "a nickname", "info"),
    ]
    violations = pl.DataFrame([(*row, None) for row in rows], schema=VIOLATIONS, orient="row")
    page = opened(tab, render(replace(audit, violations=violations), tmp_path, privacy="full").report)
    assert values(page, "key", "violations") == ["all profiles", "all profiles", "7", "8"]
    assert values(page, "value", "violations") == ["–", "Brussel", "–", "empty"]
    assert values(page, "rule", "violations") == [
        "Too many or too few rows",
        "Sudden jump",
        "May be contacted without the general consent",
        "Empty",
    ]
    assert values(page, "detail", "violations")[0] == "2 to 5 rows"


def test_errors_stand_before_warnings_and_one_is_no_plural(tab: Page, audit: Audit, tmp_path: Path) -> None:
    rows = [
        ("truth", "1", "nickname", "a", "be_between", "0 to 4", "warning", None),
        ("truth", "2", "nickname", "b", "be_between", "0 to 4", "tolerated", None),
        ("truth", "3", "nickname", "c", "max_length", "at most 30", "error", "TOO_LONG"),
        ("truth", "4", "nickname", "d", "be_between", "0 to 4", "info", None),
        ("truth", "5", "nickname", "e", "phone", "a number", None, None),
    ]
    violations = pl.DataFrame(rows, schema=VIOLATIONS, orient="row")
    page = opened(tab, render(replace(audit, violations=violations), tmp_path, privacy="full").report)
    assert values(page, "key", "violations") == ["3", "5", "1", "4", "2"]
    for one, told in ((violations[:1], "1 remark"), (violations[2:3], "1 invalid value")):
        page = opened(tab, render(replace(audit, violations=one), tmp_path, privacy="full").report)
        assert count(page, "violations") == told, "a warning is not what the headline calls invalid"


def test_how_actito_would_refuse_a_value_stands_beside_it(tab: Page, audit: Audit, tmp_path: Path) -> None:
    rows = [
        ("truth", "7", "nickname", "x" * 40, "max_length", "at most 30", "error", "TOO_LONG"),
        ("platform", "8", "nickname", "x" * 40, "max_length", "at most 30", "error", None),
    ]
    violations = pl.DataFrame(rows, schema=VIOLATIONS, orient="row")
    page = opened(tab, render(replace(audit, violations=violations), tmp_path, privacy="full").report)
    assert dict(zip(values(page, "key", "violations"), values(page, "refusal", "violations"), strict=True)) == {
        "7": "TOO_LONG",
        "8": "",
    }


def test_what_changed_in_the_structure_stands_before_what_was_found(tab: Page, audit: Audit, tmp_path: Path) -> None:
    changed = (
        'Since the run crm-12: The attribute "middleName" is new (text, up to 64 characters). It is not compared.',
        f'Since the run crm-12: The attribute "{HOSTILE[0]}" is gone. It is compared no more.',
    )
    news = replace(audit, notices=tuple(map(read_notice, changed)))
    page = opened(tab, render(news, tmp_path, privacy="masked").report)
    assert page.locator("#news li").all_inner_texts() == list(changed)
    places = [page.locator(f"#{name}").bounding_box() for name in ("not-checked", "news", "permissions")]
    tops = [place["y"] for place in places if place is not None]
    assert (len(tops), tops) == (3, sorted(tops))


def test_a_report_without_news_does_not_speak_of_any(tab: Page, written: Written) -> None:
    assert opened(tab, written.report).locator("#news").count() == 0


def test_filters_count_and_combine(tab: Page, written: Written, audit: Audit) -> None:
    """Against numbers taken from the audit itself."""
    page = opened(tab, written.report)
    frame = audit.differences
    assert count(page) == f"{frame.height} differences"
    of_street = frame.filter(column="addressStreet")
    page.locator("[data-table=differences] [data-facet=column]").select_option(
        label=f"addressStreet ({of_street.height})"
    )
    assert count(page) == f"{of_street.height} of {frame.height} differences"
    blanks = of_street.filter(reason=Reason.WHITESPACE.value)
    page.locator("[data-table=differences] [data-facet=reason]").select_option(label=f"Blanks ({blanks.height})")
    assert count(page) == f"{blanks.height} of {frame.height} differences"
    asking = blanks.join(needed(audit), on=["key", "column"]).filter(need="person").height
    options = page.locator("[data-table=differences] [data-facet=need] option").all_inner_texts()
    assert f"To be decided by a person ({asking})" in options
    assert page.locator("[data-table=differences] [data-facet=kind] option").all_inner_texts() == [
        f"All ({blanks.height})",
        f"Other fields only ({blanks.height})",
    ]
    page.locator("[data-table=differences] [type=reset]").click()
    assert count(page) == f"{frame.height} differences"


def test_a_square_of_the_picture_and_a_cause_show_their_differences(tab: Page, written: Written, audit: Audit) -> None:
    page = opened(tab, written.report)
    todo = audit.differences.filter(~(pl.col("waiting") | pl.col("pending")))
    wanted = todo.filter(column="firstName", reason=Reason.ACCENTS.value).height
    page.get_by_role("button", name=f"{wanted} × Accents in firstName").click()
    assert count(page) == f"{wanted} of {audit.differences.height} differences"
    assert set(values(page, "column")) == {"firstName"}
    page.get_by_role("button", name="Show the differences of cause 2", exact=True).click()
    ranked = todo.group_by("cause", "column", "reason").len()
    second = ranked.sort(["len", "column", "reason"], descending=[True, False, False]).row(1, named=True)
    of_cause = todo.filter(cause=second["cause"]).height
    assert count(page) == f"{of_cause} of {audit.differences.height} differences"


EVERY_LINK = r"""() => [...document.querySelectorAll('[data-go]')].map(link => {
  link.click();
  const told = /^[\d,]+/.exec(link.getAttribute('aria-label') ?? link.textContent.trim());
  const beside = link.closest('.cause, tr, li')?.querySelector('.how-many b, td.number, .big, b');
  const count = document.querySelector(`[data-table=${link.dataset.go}] .count`).textContent;
  return {
    link: link.outerHTML,
    says: Number((told?.[0] ?? beside?.textContent ?? '').replaceAll(',', '') || NaN),
    opens: Number((/([\d,]+) (?:person|people)$/.exec(count)?.[1] ?? /^[\d,]+/.exec(count)?.[0])?.replaceAll(',', '')),
    rows: Number(/^[\d,]+/.exec(count)?.[0].replaceAll(',', '')),
    people: / (person|people)$/.test(count) && /person|people/.test(link.textContent),
  };
})"""
"""Of each link that leads to rows: the number that it says, or that stands beside it, and the number that it opens."""


@pytest.mark.parametrize("kind", ["report", "worklist"])
def test_every_number_is_its_rows(tab: Page, written: Written, kind: str) -> None:
    """Whichever link one follows, the list says the number that stood there; and no row of it is left out."""
    page = opened(tab, getattr(written, kind))
    links = page.evaluate(EVERY_LINK)
    assert len(links) > 80
    wrong = [one for one in links if one["says"] != (one["opens"] if one["people"] else one["rows"])]
    assert wrong == []


def test_who_may_be_contacted_against_their_will_is_listed(tab: Page, written: Written, audit: Audit) -> None:
    """From the headline, under each finding that says so, and as many people as it says."""
    page = opened(tab, written.worklist)
    grave = audit.permissions.filter(pl.col("finding").is_in([one.value for one in AGAINST_THEIR_WILL]))
    page.locator(".grave-word button").click()
    assert page.locator(".grave-word").inner_text().startswith(f"{grave['key'].n_unique()} people may be contacted")
    assert count(page, "permissions").startswith(f"{grave.height} of {audit.permissions.height} permission findings")
    page.locator("[data-table=permissions] [data-size]").select_option("250")
    assert sorted(values(page, "key", "permissions")) == sorted(grave["key"])


def test_the_keyboard_is_enough(tab: Page, written: Written) -> None:
    page = opened(tab, written.report)
    page.locator("#causes button").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('[data-table=differences] [type=search]')")
    assert " of " in count(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"


def test_sorting_and_paging(tab: Page, browser: Browser, tmp_path: Path) -> None:
    rows = [difference(str(number), "nickname", str(number % 97), "x") for number in range(130)]
    page = opened(tab, render(audit_of(differences=rows), tmp_path, privacy="full").report)
    table = page.locator("[data-table=differences]")
    assert table.locator("tbody tr").count() == 50
    table.get_by_role("button", name="Next").click()
    table.get_by_role("button", name="Next").click()
    assert table.locator(".place").inner_text() == "Page 3 of 3"
    assert table.locator("tbody tr").count() == 30
    assert table.get_by_role("button", name="Next").is_disabled()
    table.get_by_role("button", name="In Actito").click()
    assert values(page, "platform")[:5] == ["0", "0", "1", "1", "2"]
    table.get_by_role("button", name="In Actito").click()
    assert values(page, "platform")[:3] == ["96", "95", "94"]
    assert table.locator("[data-column=platform]").get_attribute("aria-sort") == "descending"
    table.locator("[data-size]").select_option("250")
    assert table.locator("tbody tr").count() == 130


def test_hostile_values_stay_text(tab: Page, written: Written) -> None:
    page = opened(tab, written.worklist)
    title = page.title()
    page.locator("[data-table=differences] [type=reset]").click()
    search(page, "9900")
    page.locator("[data-table=differences] [data-size]").select_option("250")
    shown = page.locator("[data-table=differences] tbody").inner_text()
    assert "<script>document.title='owned'</script>" in shown
    assert "</script><script>document.title='owned'</script>" in shown
    assert '"><img src=x onerror=' in shown
    assert "=cmd|' /C calc'!A0" in shown
    assert "abc⟨U+202E⟩gnp.exe" in shown
    assert "nul⟨U+0000⟩bell⟨U+0007⟩" in shown
    assert "Show all 40,005 characters" in shown
    assert HOSTILE[9] in shown
    assert "{{ 7 * 7 }} {% raw %}" in shown
    assert "--><!-- ]]> &amp; &#x27;" in shown
    assert page.title() == title
    assert page.locator("tbody img, tbody script, tbody a").count() == 0
    page.get_by_role("button", name="Show all 40,005 characters").first.click()
    assert "x" * 40_000 in page.locator("[data-table=differences] tbody").inner_text()


@pytest.mark.parametrize(
    ("platform", "truth", "reason", "left", "right"),
    [
        ("Liege", "Liège", Reason.ACCENTS, "Li[e]ge", "Li[è]ge"),
        (" Rue  Haute", "Rue Haute", Reason.WHITESPACE, "[·]Rue·[·]Haute", "Rue Haute"),
        ("Le\u00a0Roy", "Le Roy", Reason.WHITESPACE, "Le[␣]Roy", "Le[·]Roy"),
        ("Mаrtens", "Martens", Reason.UNICODE_FORM, "M[а⟨U+0430⟩]rtens", "M[a]rtens"),
        ("Zoë\u200b", "Zoë", Reason.UNICODE_FORM, "Zoë[⟨U+200B⟩]", "Zoë"),
        ("Dubois", "Vermeulen", Reason.DIFFERENT, "Dubois", "Vermeulen"),
        (None, "Noémie", Reason.EMPTY_ON_PLATFORM, "empty", "Noémie"),
    ],
)
def test_what_differs_is_marked(
    tab: Page, tmp_path: Path, platform: str | None, truth: str, reason: Reason, left: str, right: str
) -> None:
    """In brackets here: what the page marks."""
    row = difference("1", "lastName", platform, truth, reason=reason.value)
    page = opened(tab, render(audit_of(differences=[row]), tmp_path, privacy="full").report)
    page.evaluate("document.querySelectorAll('mark').forEach(mark => { mark.prepend('['); mark.append(']') })")
    cells = page.locator("[data-table=differences] tbody td.value")
    assert [text.split("\n")[0] for text in cells.all_inner_texts()] == [left, right]


WORDS = ["segmentations#", "Loyal", "Customers", "address", "Postal", "Code", "Residence", "Ean13", "opt_", "parties"]


@pytest.mark.parametrize("width", [360, 1280])
def test_a_long_name_of_a_field_breaks_between_its_words(tab: Page, tmp_path: Path, width: int) -> None:
    names = ("segmentations#LoyalCustomers", "addressPostalCodeSecondResidenceEan13", "opt_in_for_third_parties")
    rows = [difference(str(number), name, "a", "b") for number, name in enumerate(names)]
    tab.set_viewport_size({"width": width, "height": 900})
    page = opened(tab, render(audit_of(differences=rows), tmp_path, privacy="full").report)
    assert sorted(values(page, "column")) == sorted(names), "copied and read aloud as one"
    torn = page.evaluate(
        """words => [...document.querySelectorAll('.field')].flatMap(cell => words.filter(word => {
          const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) {
            const at = texts.currentNode.data.indexOf(word);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(texts.currentNode, at);
            range.setEnd(texts.currentNode, at + word.length);
            return range.getClientRects().length > 1;
          }
          return false;
        }))""",
        WORDS,
    )
    assert torn == []
    assert page.locator("[data-table=differences] tbody .field").count() == len(names)


# --- The worklist ------------------------------------------------------------------------------------------------


@pytest.fixture
def work(tab: Page, tmp_path: Path) -> Page:
    rows = [
        difference("0042", "lastName", "Dubois", "Vermeulen"),
        difference("0043", "lastName", "Peters", "Peeters", reason=Reason.TYPO.value),
        difference("0044", "lastName", "Claes", "Claeys", reason=Reason.TYPO.value, blocked=True),
        difference("0045", "lastName", "Maes", "Maës", reason=Reason.TYPO.value),
        difference("0046", "subscriptions#Newsletter", None, "true", cause="news"),
        difference("0047", "subscriptions#Newsletter", "true", "false", cause="news"),
        difference("0048", "nickname", "Fluffy", "Fluff"),
    ]
    return opened(tab, render(audit_of(differences=rows), tmp_path, privacy="masked").worklist)


def row(page: Page, key: str) -> Any:
    return page.locator("[data-table=differences] tbody tr").filter(has_text=key)


def downloaded(page: Page) -> tuple[str, dict[str, Any]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download decisions").click()
    content: dict[str, Any] = json.loads(download.value.path().read_text(encoding="utf-8"))
    return download.value.suggested_filename, content


def test_decisions_are_downloaded_with_the_name_and_both_values(work: Page) -> None:
    assert count(work) == "5 of 7 differences", "what Actito decides, or would refuse, asks nobody"
    row(work, "0042").get_by_role("button", name="Use CRM value").click()
    row(work, "0043").get_by_role("button", name="Keep Actito value").click()
    row(work, "0045").get_by_role("button", name="Leave for now").click()
    assert work.locator(".decided").inner_text() == "2 of 5 decided, 1 left for now (2 not downloaded yet)"
    work.get_by_role("button", name="Download decisions").click()
    assert "needs somebody who made it" in work.locator(".decision-message").inner_text()
    work.get_by_label("Your name").fill("  An Smet ")
    name, content = downloaded(work)
    assert name == "decisions-20261123T060000Z-7f3a.json"
    made = [one.pop("made") for one in content["decisions"]]
    assert made == sorted(made)
    assert all(re.fullmatch(r"2\d{3}-\d\d-\d\dT[\d:.]+Z", one) for one in made)
    assert content == {
        "format": 1,
        "run": "20261123T060000Z-7f3a",
        "table": "Customers",
        "by": "An Smet",
        "decisions": [
            {"key": "0042", "column": "lastName", "platform": "Dubois", "truth": "Vermeulen", "choice": "truth"},
            {"key": "0043", "column": "lastName", "platform": "Peters", "truth": "Peeters", "choice": "platform"},
        ],
    }


def test_the_program_reads_what_the_worklist_writes(work: Page, tmp_path: Path) -> None:
    row(work, "0042").get_by_role("button", name="Use CRM value").click()
    work.get_by_label("Your name").fill("An Smet")
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(downloaded(work)[1]), encoding="utf-8")
    read = read_decisions(path, table="Customers", columns=[column.name for column in COLUMNS])
    assert [(one.key, one.choice.value, one.by) for one in read] == [("0042", "truth", "An Smet")]


def test_who_is_probably_one_person_is_decided_to_be_one_or_two(tab: Page, tmp_path: Path) -> None:
    """A plan leaves both alone until then; the program reads what is downloaded."""
    pairs = [
        {"platform_key": "17", "truth_key": "99", "side": "both", "score": 0.98, "evidence": "same emailAddress"},
        {"truth_key": "3", "other_key": "4", "side": "truth", "score": 0.9, "evidence": "same gsmNumber"},
        {"platform_key": "5", "other_key": "6", "side": "platform", "score": 0.8, "evidence": "same lastName"},
    ]
    rows = [difference("0042", "lastName", "Dubois", "Vermeulen")]
    page = opened(tab, render(audit_of(differences=rows, same_person=pairs), tmp_path, privacy="masked").worklist)
    same = page.locator("[data-table=same] tbody tr")
    same.nth(0).get_by_role("button", name="The same person").click()
    same.nth(1).get_by_role("button", name="They are two people").click()
    same.nth(2).get_by_role("button", name="Leave for now").click()
    assert page.locator(".decided").inner_text() == "2 of 4 decided, 1 left for now (2 not downloaded yet)"
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    two = same.nth(1).get_by_role("button", name="They are two people")
    assert two.get_attribute("aria-pressed") == "true"
    page.get_by_label("Your name").fill("An Smet")
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(downloaded(page)[1]), encoding="utf-8")
    read = read_decisions(path, table="Customers", columns=[column.name for column in COLUMNS])
    assert [(one.key, one.column, one.platform, one.truth, one.choice.value) for one in read] == [
        ("17", "auditor:same_person", "17", "99", "same"),
        ("3", "auditor:same_person", "3", "4", "two_people"),
    ]


def test_a_permission_finding_is_withdrawn_or_kept_on_grounds_or_told_to_the_truth(tab: Page, tmp_path: Path) -> None:
    """Each row has its answers, and the program reads what is downloaded; what is decided elsewhere says where."""
    said = {"finding": "without_evidence", "platform": "on", "platform_text": "false", "column": "doNotContact"}
    rows = [{"key": f"005{place}", **said} for place in range(3)]
    rows.append({**rows[0], "key": "0047", "truth": "off", "truth_text": "true"})
    found = audit_of(differences=[difference("0047", "doNotContact", "false", "true")], permissions=rows)
    known = knowledge(Structure("16", found.table, ()))
    audit = replace(found, permissions=answered(found, needed(found), known))
    page = opened(tab, render(audit, tmp_path, privacy="masked").worklist)
    lines = page.locator("[data-table=permissions] tbody tr")
    assert "4 of them are to be decided" in page.locator("#permissions .tiles").inner_text()
    assert "may be contacted" in lines.nth(0).inner_text()
    assert "Decide on its difference" in lines.filter(has_text="0047").inner_text()
    lines.filter(has_text="0050").get_by_role("button", name="Withdraw now").click()
    lines.filter(has_text="0051").get_by_role("button", name="Record grounds").click()
    assert "Type the evidence" in page.locator(".decision-message").inner_text()
    page.get_by_label("Evidence of grounds").fill("a signed form")
    page.get_by_label("They hold until").fill("2027-03-01")
    lines.filter(has_text="0051").get_by_role("button", name="Record grounds").click()
    lines.filter(has_text="0052").get_by_role("button", name="Tell the owners of CRM").click()
    assert page.locator(".decided").inner_text() == "3 of 4 decided (3 not downloaded yet)"
    page.get_by_label("Your name").fill("An Smet")
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(downloaded(page)[1]), encoding="utf-8")
    columns = [column.name for column in COLUMNS]
    read = read_decisions(path, table="Customers", columns=columns, permissions=["doNotContact"])
    assert [(one.key, one.platform, one.truth, one.choice.value, one.about) for one in read] == [
        ("0050", "false", None, "withdraw", None),
        ("0051", "false", None, "grounds", About("without_evidence", "a signed form", date(2027, 3, 1))),
        ("0052", "false", None, "owners", About("without_evidence", None, None)),
    ]
    lines.filter(has_text="0050").get_by_role("button", name="Record grounds").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    chosen = lines.locator("[aria-pressed=true]").all_inner_texts()
    assert chosen == ["Record grounds", "Tell the owners of CRM"], "what was downloaded is known"
    assert "a signed form" not in page.evaluate("JSON.stringify(localStorage)")
    assert "Grounds are typed again" in page.locator(".decision-message").inner_text()
    assert page.locator(".decided").inner_text() == "2 of 4 decided (2 downloaded by An Smet)"
    page.get_by_label("Your name").fill("An Smet")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download again").click()
    again = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [one["choice"] for one in again["decisions"]] == ["owners"]
    assert "1 left out: no browser keeps the evidence" in page.locator(".decision-message").inner_text()

    taken = replace(known, decisions=[*known.decisions, *read])
    audit = replace(found, permissions=answered(found, needed(found), taken), run="20261124T060000Z-7f3b")
    page = opened(page, render(audit, tmp_path, privacy="masked").worklist)
    assert page.locator(".decided").inner_text() == "3 of 4 decided"
    chosen = lines.locator("[aria-pressed=true]").all_inner_texts()
    assert sorted(chosen) == ["Record grounds", "Tell the owners of CRM", "Withdraw now"]
    page.get_by_role("button", name="Withdraw all that are listed").click()
    assert page.locator(".decision-message").inner_text() == (
        "3 decided before stay as they are. 1 left out: nothing is to be decided on the finding there."
    )


def test_what_is_to_be_done_stays_in_sight_where_a_list_is_wider_than_the_page(tab: Page, tmp_path: Path) -> None:
    said = {"finding": "without_evidence", "platform": "on", "platform_text": "true", "column": "marketingConsent"}
    audit = audit_of(permissions=[{"key": "0050", **said}])
    known = knowledge(Structure("16", audit.table, ()))
    audit = replace(audit, permissions=answered(audit, needed(audit), known))
    people = {(side, "0050"): "Jeroen van der Meer, jeroen.vandermeer@example.org" for side in ("platform", "truth")}
    found = report.render(audit, needed(audit), tmp_path, privacy="masked", who=people)
    page = opened(tab, found.worklist)
    page.set_viewport_size({"width": 1024, "height": 900})
    table = page.locator("[data-table=permissions] .scroll")
    assert table.evaluate("box => box.scrollWidth > box.clientWidth")
    button = page.locator("[data-table=permissions] tbody").get_by_role("button", name="Withdraw now")
    button.scroll_into_view_if_needed()
    place = button.bounding_box()
    assert place is not None
    assert 0 <= place["x"] <= place["x"] + place["width"] <= 1024
    assert table.evaluate("box => box.scrollLeft") == 0
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.set_viewport_size({"width": 1280, "height": 900})
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth"), "nothing lies behind the choices"
    happens = page.locator("[data-table=permissions] tbody td.choice > div").first
    assert happens.inner_text() == "To be decided by a person"


def test_a_report_for_others_decides_nothing(tab: Page, written: Written) -> None:
    page = opened(tab, written.report)
    assert page.locator("[data-table=same] tbody tr").count() > 0
    assert page.get_by_role("button", name="They are two people").count() == 0


def test_what_actito_would_refuse_cannot_be_chosen(work: Page) -> None:
    work.locator("[data-table=differences] [data-facet=need]").select_option(label="Left alone (1)")
    assert row(work, "0044").get_by_role("button", name="Use CRM value").is_disabled()
    assert "Nothing would be written: Actito would refuse it." in row(work, "0044").inner_text()


def test_letting_somebody_be_contacted_needs_a_name_and_says_that_evidence_is_needed(work: Page) -> None:
    opt_in = row(work, "0046").get_by_role("button", name="Use CRM value")
    assert "needs your name, and evidence in CRM newer" in row(work, "0046").inner_text()
    assert "although CRM does not say so: it needs your name." in row(work, "0047").inner_text(), "no evidence is asked"
    opt_in.click()
    assert opt_in.get_attribute("aria-pressed") == "false"
    assert "Type your name first" in work.locator(".decision-message").inner_text()
    assert work.evaluate("document.activeElement.id") == "by"
    work.keyboard.type("An Smet")
    opt_in.click()
    assert row(work, "0046").get_by_role("button", name="Use CRM value").get_attribute("aria-pressed") == "true"


def test_a_cause_is_decided_for_the_rows_listed_but_never_what_is_refused(work: Page) -> None:
    assert work.locator(".group").is_hidden()
    work.get_by_role("button", name="Show the differences of cause 1", exact=True).click()
    assert work.locator(".group-text").inner_text() == (
        "Decide for the 3 rows listed of cause 1. lastName: Typing error:"
    )
    work.locator(".group").get_by_role("button", name="Use CRM value").click()
    assert "1 left out" in work.locator(".decision-message").inner_text()
    work.get_by_label("Your name").fill("An Smet")
    _, content = downloaded(work)
    assert [(one["key"], one["choice"]) for one in content["decisions"]] == [("0043", "truth"), ("0045", "truth")]


def test_a_whole_cause_never_turns_a_permission_on(work: Page) -> None:
    work.get_by_label("Your name").fill("An Smet")
    work.get_by_role("button", name="Show the differences of cause 2", exact=True).click()
    work.locator(".group").get_by_role("button", name="Use CRM value").click()
    assert "1 left out" in work.locator(".decision-message").inner_text()
    _, content = downloaded(work)
    assert [(one["key"], one["choice"]) for one in content["decisions"]] == [("0047", "truth")]


def test_decisions_survive_a_reload_and_leaving_with_undownloaded_ones_warns(work: Page) -> None:
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    work.on("dialog", answer)
    row(work, "0042").get_by_role("button", name="Use CRM value").click()
    work.reload()
    work.wait_for_selector("html[data-ready=yes]")
    assert asked == ["beforeunload"]
    assert work.locator(".decided").inner_text() == "1 of 5 decided (1 not downloaded yet)"
    assert row(work, "0042").get_by_role("button", name="Use CRM value").get_attribute("aria-pressed") == "true"
    kept = work.evaluate("JSON.stringify(localStorage)")
    assert "Vermeulen" not in kept
    work.get_by_label("Your name").fill("An Smet")
    downloaded(work)
    work.reload()
    work.wait_for_selector("html[data-ready=yes]")
    assert asked == ["beforeunload"]
    assert work.get_by_label("Your name").input_value() == "An Smet"
    assert work.locator(".decided").inner_text() == "1 of 5 decided (1 downloaded by An Smet)"
    again = work.get_by_role("button", name="Download again")
    assert again.is_enabled()
    row(work, "0043").get_by_role("button", name="Keep Actito value").click()
    assert work.locator(".decided").inner_text() == "2 of 5 decided (1 not downloaded yet)"
    assert [one["key"] for one in downloaded(work)[1]["decisions"]] == ["0043"], "what no file has yet"
    work.goto("about:blank")
    assert asked == ["beforeunload"]


def test_two_tabs_of_one_worklist_keep_the_choices_of_both(work: Page) -> None:
    """Also what is taken back in one of them; of two choices for one row the later counts."""
    other = opened(work.context.new_page(), Path(work.url.removeprefix("file://")))
    row(work, "0042").get_by_role("button", name="Use CRM value").click()
    row(other, "0043").get_by_role("button", name="Keep Actito value").click()
    for page in (work, other):
        page.locator(".decided", has_text=re.compile("^2 of 5")).wait_for()
    row(other, "0042").get_by_role("button", name="Keep Actito value").click()
    row(work, "0043").get_by_role("button", name="Keep Actito value").click()
    for page in (work, other):
        page.locator(".decided", has_text=re.compile("^1 of 5")).wait_for()
        chosen = row(page, "0042").locator("[aria-pressed=true]")
        assert chosen.inner_text() == "Keep Actito value"
    work.get_by_label("Your name").fill("An Smet")
    assert [(one["key"], one["choice"]) for one in downloaded(work)[1]["decisions"]] == [("0042", "platform")]


def test_a_page_made_anew_keeps_the_choices_that_still_fit_and_says_what_no_longer_does(
    work: Page, tmp_path: Path
) -> None:
    """Tied to table, run and row by key, field and values: other rows may have come, in another order."""

    def anew(*rows: dict[str, Any], **changes: Any) -> None:
        audit = replace(audit_of(differences=rows), **changes)
        path = render(audit, tmp_path, privacy="masked").worklist
        assert path == Path(work.url.removeprefix("file://"))
        work.reload()
        work.wait_for_selector("html[data-ready=yes]")

    def chosen() -> dict[str, str]:
        if (needs := work.locator("[data-table=differences] [data-facet=need]")).is_visible():
            needs.select_option("any")
        pressed = work.locator("[data-table=differences] tbody tr:has([aria-pressed=true])").all()
        return {line.inner_text().split()[0]: line.locator("[aria-pressed=true]").inner_text() for line in pressed}

    work.on("dialog", lambda dialog: dialog.accept())
    work.get_by_label("Your name").fill("An Smet")
    for key, choice in (
        ("0042", "Use CRM value"),
        ("0043", "Keep Actito value"),
        ("0045", "Use CRM value"),
        ("0046", "Leave for now"),
        ("0047", "Keep Actito value"),
    ):
        row(work, key).get_by_role("button", name=choice).click()
    assert len(chosen()) == 5
    first, *rest = (
        difference("0041", "lastName", "Abel", "Abels"),
        difference("0047", "subscriptions#Newsletter", "true", "false", cause="news"),
        difference("0042", "lastName", "Dubois", "Vermeulen"),
        difference("0043", "lastName", "Pieters", "Peeters", reason=Reason.TYPO.value),
        difference("0045", "lastName", "Maes", "Maës", reason=Reason.TYPO.value, blocked=True),
    )
    anew(first, *rest)
    assert chosen() == {"0042": "Use CRM value", "0047": "Keep Actito value"}
    assert "2 choices made here before and not downloaded are not shown" in (
        work.locator(".decision-message").inner_text()
    )
    row(work, "0041").get_by_role("button", name="Use CRM value").click()
    assert {one["key"] for one in downloaded(work)[1]["decisions"]} == {"0041", "0042", "0047"}
    anew(*rest, run="20261124T060000Z-7f3b")
    assert (chosen(), work.locator(".decision-message").inner_text()) == ({}, ""), "another run's are its own"
    anew(difference("0043", "lastName", "Peters", "Peeters", reason=Reason.TYPO.value), first)
    assert chosen() == {"0043": "Keep Actito value", "0041": "Use CRM value"}, "what fits again is there again"
    assert "(1 not downloaded yet)" in work.locator(".decided").inner_text()
    assert "1 choice made here before and not downloaded is" in work.locator(".decision-message").inner_text()
    kept = work.evaluate("JSON.stringify(localStorage)")
    assert not [text for text in ("0041", "Peters", "Vermeulen", "lastName") if text in kept]


def test_what_was_decided_singly_stays_where_a_cause_is_decided(work: Page) -> None:
    row(work, "0043").get_by_role("button", name="Keep Actito value").click()
    work.get_by_role("button", name="Show the differences of cause 1", exact=True).click()
    for choice in ("Keep Actito value", "Use CRM value"):  # what was decided for the group may be decided anew
        work.locator(".group").get_by_role("button", name=choice).click()
    assert work.locator(".decision-message").inner_text() == (
        "1 decided before stays as it is. "
        "1 left out: a permission is given one by one only, and refused values not at all."
    )
    work.get_by_label("Your name").fill("An Smet")
    _, content = downloaded(work)
    assert [(one["key"], one["choice"]) for one in content["decisions"]] == [
        ("0043", "platform"),
        ("0045", "truth"),
        ("0044", "platform"),  # "Use CRM value" is refused there
    ]


@pytest.mark.parametrize(
    ("problem", "said"),
    [("QuotaExceededError", "its store is full"), ("SecurityError", "its store may not be used")],
)
def test_a_browser_that_keeps_nothing_is_told(work: Page, problem: str, said: str) -> None:
    work.evaluate(f"() => {{ Storage.prototype.setItem = () => {{ throw new DOMException('', '{problem}') }} }}")
    row(work, "0042").get_by_role("button", name="Use CRM value").click()
    told = work.locator(".store-message").inner_text()
    assert said in told
    assert "download them before you close it" in told
    row(work, "0043").get_by_role("button", name="Use CRM value").click()
    assert work.locator(".store-message").inner_text() == told
    work.get_by_label("Your name").fill("An Smet")
    assert len(downloaded(work)[1]["decisions"]) == 2


def test_the_page_goes_on_from_a_file_of_its_own_and_refuses_others(work: Page) -> None:
    line = {"key": "0042", "column": "lastName", "platform": "Dubois", "truth": "Vermeulen", "choice": "truth"}
    content = {"format": 1, "run": "20261123T060000Z-7f3a", "table": "Customers", "by": "Bob Maes"}
    work.locator(".continue summary").click()

    def offered(**changes: Any) -> str:
        text = json.dumps(content | {"decisions": [line, {**line, "platform": "else"}]} | changes)
        file: Any = {"name": "d.json", "mimeType": "application/json", "buffer": text.encode()}
        before = work.locator(".decision-message").inner_text()
        work.locator("#continue").set_input_files(file)
        another = re.compile(rf"^(?!{re.escape(before)}$).+")
        work.locator(".decision-message", has_text=another).wait_for()
        return work.locator(".decision-message").inner_text()

    assert "about the table “Others”" in offered(table="Others")
    assert "in the worklist of the run elsewhere" in offered(run="elsewhere")
    assert "no file of decisions" in offered(format=2)
    assert work.locator(".decided").inner_text() == "0 of 5 decided"
    assert offered() == ("1 decisions of Bob Maes are marked here. 1 are about other values than this page shows.")
    assert work.locator(".decided").inner_text() == "1 of 5 decided (1 downloaded by Bob Maes)"
    assert work.get_by_label("Your name").input_value() == "Bob Maes"


def test_what_was_decided_before_is_shown_with_who_and_when_and_whether_it_holds(tab: Page, tmp_path: Path) -> None:
    rows = [
        difference("0042", "lastName", "Dubois", "Vermeulen"),
        difference("0043", "lastName", "Peters", "Peeters"),
        difference("0045", "lastName", "Maes", "Maës"),
    ]
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    decided = [
        Decision("0042", "lastName", "Dubois", "Vermeulen", Choice.PLATFORM, "An Smet", made=at, overrules="Bob Maes"),
        Decision("0043", "lastName", "Petersen", "Peeters", Choice.TRUTH, "An Smet", made=at),
    ]
    audit = audit_of(differences=rows)
    found = report.render(audit, needed(audit, decisions=decided), tmp_path, privacy="masked")
    page = opened(tab, found.worklist)
    assert page.locator(".decided").inner_text() == "1 of 3 decided"
    page.locator("[data-table=differences] [type=reset]").click()
    assert "Keep Actito value (An Smet, 2026-11-20): still valid; overrules Bob Maes" in row(page, "0042").inner_text()
    assert row(page, "0042").locator("[aria-pressed=true]").inner_text() == "Keep Actito value"
    assert "changed since it was decided" in row(page, "0043").inner_text()
    assert row(page, "0043").locator("[aria-pressed=true]").count() == 0
    options = page.locator("[data-table=differences] [data-facet=choice] option").all_inner_texts()
    assert options == ["All (3)", "Not decided yet (2)", "Keep Actito value (1)"]
    row(page, "0042").get_by_role("button", name="Use CRM value").click()
    assert page.locator(".decided").inner_text() == "1 of 3 decided (1 not downloaded yet)"
    book = openpyxl.load_workbook(found.workbook)["differences"]
    told = [line[-1] for line in book.iter_rows(values_only=True)]
    assert set(told) == {
        "Decided",
        "Keep Actito value (An Smet, 2026-11-20): still valid; overrules Bob Maes",
        "Use CRM value (An Smet, 2026-11-20): changed since it was decided",
        None,
    }


# --- For everybody -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_sticks_out_at_any_width(browser: Browser, written: Written, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    try:
        for path in (written.report, written.worklist):
            page = opened(context.new_page(), path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            cut = "[...document.querySelectorAll('.picture .field')].filter(e => e.scrollWidth > e.clientWidth).length"
            assert page.evaluate(cut) == 0, "bars lie over the names of fields"
    finally:
        context.close()


def test_every_control_has_a_name_and_every_table_its_heads(tab: Page, written: Written) -> None:
    page = opened(tab, written.worklist)
    nameless = page.evaluate("""() => [...document.querySelectorAll('button, select, input')].filter(control =>
      !(control.getAttribute('aria-label') || control.textContent.trim() && control.tagName === 'BUTTON'
        || control.labels && control.labels.length && control.labels[0].innerText.trim()
        || control.closest('[hidden]'))).map(control => control.outerHTML)""")
    assert nameless == []
    assert page.locator("table:not(:has(th[scope=col]))").count() == 0
    assert page.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
    levels = [int(tag[1]) for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName)")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_without_scripts_the_findings_can_still_be_read(browser: Browser, written: Written) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(written.report.as_uri())
        text = page.locator("body").inner_text()
        assert "against their will" in text
        assert "Outdated in Actito" in text
        assert "The lists of this page need JavaScript" in text
    finally:
        context.close()


def test_a_printed_page_has_the_findings_and_no_controls(tab: Page, written: Written) -> None:
    page = opened(tab, written.report)
    page.emulate_media(media="print", color_scheme="dark")
    ink, paper = (
        page.locator("h1").evaluate(f"h => getComputedStyle(h.closest('{of}')).{what}")
        for of, what in (("h1", "color"), (".top", "backgroundColor"))
    )
    assert (ink, paper) == ("rgb(28, 33, 37)", "rgb(255, 255, 255)"), "dark ink on white, whatever the screen shows"
    assert page.locator("h1").is_visible()
    assert page.locator("#causes").is_visible()
    assert page.locator("form, .pages, .contents").filter(visible=True).count() == 0
    assert re.match(rb"%PDF-1", page.pdf())


def test_an_audit_without_findings_is_a_page_too(tab: Page, tmp_path: Path) -> None:
    page = opened(tab, render(audit_of(equal=10), tmp_path, privacy="masked").report)
    assert page.locator("h1").inner_text() == "Actito and CRM agree on all 10 profiles."
    assert page.get_by_text("Everything in scope was checked.").is_visible()


def test_who_was_created_and_deleted_by_an_undo_has_the_command_to_create_them_again(tab: Page, tmp_path: Path) -> None:
    """In the worklist, which has real keys; a shell takes the key whatever it holds."""
    found = audit_of(profiles=[profile("C 47", Status.MISSING, gone=True), profile("C48", Status.MISSING, gone=True)])
    by_us = found.profiles.with_columns(deleted_by_undo=pl.col("key") == "C 47")
    written = render(replace(found, profiles=by_us), tmp_path, privacy="masked")
    lines = opened(tab, written.worklist).locator("[data-table=profiles] tbody tr")
    command = "auditor plan --create-again 'C 47' --by NAME"
    assert lines.locator("code").all_inner_texts() == [command]
    assert command in lines.filter(has_text="C 47").inner_text()
    assert "--create-again" not in opened(tab, written.report).locator("[data-table=profiles]").inner_text()
