"""Audits made up for tests of what is shown: every status, reason, flag, rule and finding, and hostile values.

They are built from a seed without any other module of the program but the types, so that the report is tested against
values nobody else had to compute.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from auditor import report
from auditor.findings.audit import ACTIVITIES, FRAMES, Audit
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.findings.reason import Reason
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import Moved, Permission, PermissionFinding, Rule, Side, Source, Status, Structure, Verdict
from auditor.plan.needs import needs
from auditor.report import Privacy, TrendPoint, Written
from auditor.settings.contract import Blank, Column, Compare, Master, Polarity, Sensitivity
from tests.nothing_known import NOW, knowledge, some_counts

COLUMNS = (
    Column("emailAddress", "email", "emailAddress", Compare.EMAIL),
    Column("lastName", "last_name", "lastName", Compare.TEXT),
    Column("firstName", "first_name", "firstName", Compare.NAME),
    Column("birthDate", "born_on", "birthDate", Compare.DATE, format="%d/%m/%Y"),
    Column("sex", "gender", "sex", Compare.CODE, values={"H": "M", "V": "F"}),
    Column("motherLanguage", "language", "motherLanguage", Compare.CODE, sensitivity=Sensitivity.PUBLIC),
    Column("gsmNumber", "mobile", "gsmNumber", Compare.PHONE, "BE"),
    Column("addressStreet", "street", "addressStreet", Compare.NAME),
    Column("addressPostalCode", "postal_code", "addressPostalCode", Compare.EXACT),
    Column("addressLocality", "city", "addressLocality", Compare.NAME, sensitivity=Sensitivity.PUBLIC),
    Column("lifetimeValue", "lifetime_value", "lifetimeValue", Compare.NUMBER, tolerance=Decimal("0.01")),
    Column("interests", "interests", "interests", Compare.SET, multi_valued=True),
    Column("nickname", "nickname", "nickname", master=Master.PLATFORM),
    Column("note", "remark", "note", blank=Blank.CLEAR, sensitivity=Sensitivity.SPECIAL),
    Column(
        "marketingConsent",
        "consent",
        "marketingConsent",
        Compare.BOOLEAN,
        master=Master.BOTH,
        permission=Polarity.OPT_IN,
        evidence_date="consent_at",
    ),
    Column(
        "doNotContact",
        "do_not_contact",
        "doNotContact",
        Compare.BOOLEAN,
        master=Master.BOTH,
        permission=Polarity.OPT_OUT,
    ),
    Column(
        "subscriptions#Newsletter",
        "optin_news",
        "subscriptions#Newsletter",
        Compare.BOOLEAN,
        master=Master.BOTH,
        permission=Polarity.OPT_IN,
    ),
    Column("segmentations#ClientTier", "tier", "segmentations#ClientTier", sensitivity=Sensitivity.PUBLIC),
)
PERMISSIONS = ("marketingConsent", "doNotContact", "subscriptions#Newsletter")

PAIRS: Mapping[Reason, Sequence[tuple[str, str | None, str | None]]] = {
    Reason.EMPTY_ON_PLATFORM: [("firstName", None, "Noémie"), ("gsmNumber", None, "+32470123456")],
    Reason.EMPTY_IN_TRUTH: [("note", "Allergic to nuts", None)],
    Reason.UNICODE_FORM: [("lastName", "Mаrtens", "Martens"), ("lastName", "Zoe\u0308 Peeters", "Zoë Peeters\u200b")],
    Reason.WHITESPACE: [("addressStreet", " Rue  Haute 12", "Rue Haute 12"), ("lastName", "Le\u00a0Roy", "Le Roy")],
    Reason.CASE: [("lastName", "VAN DEN BERGHE", "Van den Berghe")],
    Reason.ACCENTS: [("firstName", "Francois", "François"), ("addressLocality", "Liege", "Liège")],
    Reason.PUNCTUATION: [("firstName", "Jean Luc", "Jean-Luc")],
    Reason.ENCODING: [("lastName", "LefÃ¨vre", "Lefèvre")],
    Reason.LEADING_ZERO: [("addressPostalCode", "1000", "01000")],
    Reason.TRUNCATED: [("addressStreet", "Boulevard du Souv", "Boulevard du Souverain 280")],
    Reason.DATE_SWAPPED: [("birthDate", "1984-03-07", "1984-07-03")],
    Reason.NUMBER_FORMAT: [("lifetimeValue", "1.234,50", "1234.50")],
    Reason.SWAPPED: [("emailAddress", "an.smet@example.be", "jan.smet@example.be")],
    Reason.TYPO: [
        ("emailAddress", "sofie.claes@gmial.com", "sofie.claes@gmail.com"),
        ("lastName", "Janssns", "Janssens"),
    ],
    Reason.DIFFERENT: [
        ("lastName", "Dubois", "Vermeulen"),
        ("motherLanguage", "FR", "NL"),
        ("segmentations#ClientTier", "Gold", "Silver"),
        ("interests", "sport,wine", "books,sport"),
        ("nickname", "Fluffy", "Fluff"),
        ("subscriptions#Newsletter", "true", "false"),
        ("subscriptions#Newsletter", "false", "true"),
        ("marketingConsent", "true", "false"),
        ("doNotContact", "true", "false"),
    ],
}
"""Per reason: column, platform, truth."""

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "=cmd|' /C calc'!A0",
    "https://example.com/owned",
    "0470123456",
    "abc\u202egnp.exe",
    "nul\x00bell\x07",
    "long " + "x" * 40_000,
    "👩‍👩‍👧 Zoë ☕",
    "{{ 7 * 7 }} {% raw %}",
    "שלום עולם",
    "--><!-- ]]> &amp; &#x27;",
)


def in_words(told: Notice | NotChecked) -> str:
    """What a notice says of Actito and a CRM."""
    return sentence(told, Words("Actito", "CRM"))


def needed(audit: Audit, **known: Any) -> pl.DataFrame:
    """What becomes of each difference by the default policy, with nothing known beside the audit but `known`."""
    return needs(audit, knowledge(known.pop("structure", Structure("16", audit.table, ())), **known))


def render(audit: Audit, folder: Path, *, privacy: Privacy) -> Written:
    return report.render(audit, needed(audit), folder, privacy=privacy)


def page(audit: Audit, *, privacy: Privacy, trend: Sequence[TrendPoint] = ()) -> str:
    return report.page(audit, needed(audit), privacy=privacy, trend=trend)


def frame(name: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows with the columns of a run folder's file; columns that a row leaves out are null.

    Causes have the columns beside them in which former versions stored what is said of them.
    """
    further = {"sentence": pl.String(), "common": pl.String()} if name == "causes" else {}
    schema = pl.Schema({**FRAMES[name], **further})
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema, orient="row")


def difference(key: str, column: str, platform: str | None, truth: str | None, **rest: Any) -> dict[str, Any]:
    """One row of `differences`: conflicting, direction unknown, different, unless said otherwise."""
    return {
        "key": key,
        "column": column,
        "platform": platform,
        "truth": truth,
        "status": Status.CONFLICTING.value,
        "moved": Moved.UNKNOWN.value,
        "reason": Reason.DIFFERENT.value,
        "cause": f"{column}/{rest.get('reason', Reason.DIFFERENT.value)}",
        "waiting": False,
        "pending": False,
        "blocked": False,
        "platform_updated": NOW - timedelta(days=40, hours=5),
        "truth_updated": NOW - timedelta(days=3, minutes=7),
        **rest,
    }


def profile(key: str, status: Status, **rest: Any) -> dict[str, Any]:
    there = {"missing": (0, 1), "orphan": (1, 0), "duplicate": (2, 1)}.get(status.value, (1, 1))
    return {
        "key": key,
        "platform_key": key if there[0] else None,
        "truth_key": key if there[1] else None,
        "profile_id": f"9{key}" if there[0] else None,
        "status": status.value,
        "waiting": False,
        "gone": False,
        "pending": False,
        "columns": [],
        "matched_by": "key",
        "platform_rows": there[0],
        "truth_rows": there[1],
        **rest,
    }


def audit_of(
    *,
    differences: Sequence[Mapping[str, Any]] = (),
    profiles: Sequence[Mapping[str, Any]] | None = None,
    violations: Sequence[Mapping[str, Any]] = (),
    permissions: Sequence[Mapping[str, Any]] = (),
    same_person: Sequence[Mapping[str, Any]] = (),
    rejected: Sequence[Mapping[str, Any]] = (),
    causes: Sequence[Mapping[str, Any]] | None = None,
    equal: int = 0,
    not_checked: tuple[NotChecked, ...] = (),
    columns: tuple[Column, ...] = COLUMNS,
    verdict: Verdict | None = None,
    **rest: Any,
) -> Audit:
    """An audit whose numbers are counted from its rows. Profiles and causes follow from the differences."""
    if profiles is None:
        profiles = _profiles_of(differences)
    if causes is None:
        causes = _causes_of(differences)
    statuses = Counter(Status(row["status"]) for row in profiles) + Counter({Status.EQUAL: equal})
    rows = {"platform": 0, "truth": 0}
    for side in rows:
        rows[side] = equal + sum(row[f"{side}_rows"] for row in profiles) + 7 + len(rejected)
    duplicates = [row for row in profiles if row["status"] == Status.DUPLICATE]
    parts = {
        f"{side}_{part}": number
        for side in ("platform", "truth")
        for part, number in (
            ("rejected", len(rejected)),
            ("null_key", 2),
            ("duplicate", sum(row[f"{side}_rows"] for row in duplicates)),
            ("excluded", 5),
        )
    }
    something = bool(profiles or violations or permissions)
    default = Verdict.INCOMPLETE if not_checked else Verdict.FINDINGS if something else Verdict.CLEAN
    return Audit(
        run=rest.get("run", "20261123T060000Z-7f3a"),
        entity=rest.get("entity", "acme"),
        table=rest.get("table", "Customers"),
        platform_name=rest.get("platform_name", "Actito"),
        truth_name=rest.get("truth_name", "CRM"),
        started=NOW,
        verdict=verdict or default,
        counts=some_counts(
            rows={**rows, **parts},
            profiles=statuses,
            waiting=sum(row["waiting"] for row in profiles),
            pending=sum(row["pending"] for row in profiles),
            gone=sum(row["gone"] for row in profiles),
            kept={"gsmNumber": 312, "nickname": 18} if profiles else {},
            differences_by_column=Counter(row["column"] for row in differences),
            differences_by_reason=Counter(row["reason"] for row in differences),
            formats={"gsmNumber": 8_410, "firstName": 37} if profiles else {},
            violations_by_side=Counter(Side(row["side"]) for row in violations),
            violations_by_rule=Counter(row["rule"] for row in violations),
            permissions=Counter(row["finding"] for row in permissions),
        ),
        not_checked=not_checked,
        sources=(
            Source(
                Side.PLATFORM,
                "exports/Customers_20261123T050000.csv",
                4_812_220,
                "ab12" * 16,
                NOW - timedelta(hours=2),
                "name",
                "Customers_20261123T050000.csv",
                "utf-8",
                ";",
            ),
            Source(
                Side.TRUTH,
                "crm/contacts_20261123T043000.csv",
                3_120_044,
                "cd34" * 16,
                NOW - timedelta(hours=2, minutes=30),
                "update_moment",
                "contacts_20261123T043000.csv",
                "utf-8",
                ",",
            ),
        ),
        columns=columns,
        key=("customerId",),
        fallbacks=(),
        suggestions=(),
        notices=(),
        folder=Path("runs/20261123T060000Z-7f3a"),
        seconds={"pull": 1.2, "diff": 0.8},
        profiles=frame("profiles", profiles),
        differences=frame("differences", differences),
        causes=frame("causes", causes),
        violations=frame("violations", violations),
        permissions=frame("permissions", permissions),
        same_person=frame("same_person", same_person),
        rejected=frame("rejected", rejected),
        activities=ACTIVITIES.to_frame(),
    )


def realistic(number: int = 400, *, seed: int = 7, hostile: bool = True) -> Audit:
    """An audit with about `number` differences and everything that design §2 has a word for."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    pairs = [(reason, *pair) for reason, of in PAIRS.items() for pair in of]
    weights = [chance.choice((1, 2, 4, 9, 16)) for _ in pairs]
    differences = []
    for turn in range(number):
        drawn = pairs[turn] if turn < len(pairs) else chance.choices(pairs, weights)[0]
        reason, column, platform, truth = drawn
        moved = chance.choice(list(Moved))
        stale = moved in (Moved.TRUTH, Moved.TRUTH_BY_MOMENT)
        differences.append(
            difference(
                str(100_000 + (turn * 7) // 10 * 13),
                column,
                platform,
                truth,
                status=(Status.STALE if stale else Status.CONFLICTING).value,
                moved=moved.value,
                reason=reason.value,
                cause=f"{column}/{reason.value}",
                base=platform if moved is Moved.TRUTH else None,
                waiting=stale and chance.random() < 0.08,
                pending=chance.random() < 0.05,
                blocked=chance.random() < 0.04,
            )
        )
    if hostile:
        differences += [
            difference(f"99{at:04}", "lastName", value, value[::-1][:50_000]) for at, value in enumerate(HOSTILE)
        ]
    differences = list({(row["key"], row["column"]): row for row in differences}.values())
    profiles = _profiles_of(differences)
    profiles += [profile(str(200_000 + at), Status.MISSING, waiting=at % 9 == 0, gone=at % 11 == 0) for at in range(47)]
    profiles += [profile(str(300_000 + at), Status.ORPHAN, waiting=at % 8 == 0) for at in range(23)]
    profiles += [profile(str(400_000 + at), Status.DUPLICATE) for at in range(6)]
    violations = [
        {
            "side": (Side.TRUTH if at % 3 else Side.PLATFORM).value,
            "key": str(100_000 + at * 13),
            "column": ["emailAddress", "gsmNumber", "motherLanguage", "note"][at % 4],
            "value": ["sofie@@example", "12", "XX", "diagnosis"][at % 4],
            "rule": list(Rule)[at % len(Rule)].value,
            "detail": "sofie@@example is wrong",
        }
        for at in range(60)
    ]
    permissions = [
        {
            "key": str(100_000 + at * 26),
            "column": PERMISSIONS[at % 2 * 2],
            "finding": finding.value,
            "platform": (Permission.OFF if finding is PermissionFinding.OPTED_OUT_ON_PLATFORM else Permission.ON).value,
            "truth": (Permission.OFF if finding is PermissionFinding.OPTED_OUT_IN_TRUTH else Permission.ON).value,
            "since": NOW - timedelta(days=at * 3),
        }
        for at in range(31)
        for finding in [chance.choice(list(PermissionFinding))]
    ]
    return audit_of(
        differences=differences,
        profiles=profiles,
        violations=violations,
        permissions=permissions,
        same_person=[
            {
                "platform_key": f"3000{at:02}",
                "truth_key": f"2000{at:02}",
                "side": "both",
                "score": 0.98 - at / 50,
                "evidence": evidence,
            }
            for at, evidence in enumerate(("emailAddress", "gsmNumber and lastName", "lastName and birthDate"))
        ],
        rejected=[{"side": "truth", "line": 4711, "reason": "too_few_cells", "text": 'Dupont;"Rue'}],
        equal=9_480,
        not_checked=(
            NotChecked(Code.NULL_KEY, Side.TRUTH, 2),
            NotChecked(
                Code.LINES_DO_NOT_CLOSE,
                Side.PLATFORM,
                1,
                blocks_plan=True,
                parameters={"file": "Customers_20261123T050000.csv", "line": 4812},
            ),
        ),
    )


def _profiles_of(differences: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in differences:
        by_key.setdefault(row["key"], []).append(row)
    profiles = []
    for key, rows in by_key.items():
        conflicting = any(row["status"] == Status.CONFLICTING for row in rows)
        moved = {row["moved"] for row in rows}
        profiles.append(
            profile(
                key,
                Status.CONFLICTING if conflicting else Status.STALE,
                moved=moved.pop() if len(moved) == 1 else None,
                columns=sorted({row["column"] for row in rows}),
                waiting=not conflicting and all(row["waiting"] for row in rows),
                pending=all(row["pending"] for row in rows),
            )
        )
    return profiles


def _causes_of(differences: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    causes: dict[str, dict[str, Any]] = {}
    for row in differences:
        cause = causes.setdefault(
            row["cause"],
            {
                "cause": row["cause"],
                "column": row["column"],
                "reason": row["reason"],
                "pattern": "Xxxx → xxxx",
                "profiles": 0,
                "sentence": f"{row['column']} is another one, as with {row['key']}: {row['platform'] or ''}"[:200],
                "common": None,
                "share": None,
                "elsewhere": None,
                "lift": None,
                "examples": [],
            },
        )
        cause["profiles"] += 1
        if len(cause["examples"]) < 3:
            cause["examples"].append({name: row[name] for name in ("key", "platform", "truth")})
    return list(causes.values())
