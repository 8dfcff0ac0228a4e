"""What the product recognises as damage in the truth is never written by itself, nor may what stands beside it be."""

from __future__ import annotations

import csv
import json
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import ibis
import polars as pl
import pytest

from auditor.commands.plan import plan
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import fold, tidy
from auditor.explain import words_for_nothing
from auditor.findings.audit import Audit
from auditor.findings.codes import Code
from auditor.findings.damage import NO_VALUE, ContactCheck
from auditor.findings.reason import Reason
from auditor.model import Attribute, AttributeType, Kind, Moved, Severity, Side, Status, Structure
from auditor.plan import make_plans
from auditor.plan.creations import TAKEN
from auditor.plan.damage import PATTERN, folded
from auditor.plan.decisions import Choice, Decision
from auditor.plan.knowledge import OF_OTHERS
from auditor.plan.needs import for_the_truth, needs
from auditor.settings.config import read_settings
from auditor.settings.contract import Column, Compare
from auditor.settings.letters import LETTERS
from auditor.writes import Plan
from tests import given_time
from tests.audits import audit_of, difference, profile
from tests.nothing_known import a_policy, facts, knowledge
from tests.small_folder import auditor, copy, licence, made

COLUMNS = (
    Column("emailAddress", "email", "emailAddress", Compare.EMAIL, type=AttributeType.EMAIL),
    Column("firstName", "first_name", "firstName", Compare.NAME),
    Column("lastName", "last_name", "lastName", Compare.NAME),
    Column("addressStreet", "street", "addressStreet", Compare.TEXT),
    Column("phone", "phone", "phone", Compare.PHONE, type=AttributeType.PHONE),
    Column("birthDate", "born", "birthDate", Compare.DATE),
    Column("points", "points", "points", Compare.NUMBER, type=AttributeType.INTEGER),
    Column("addressCountry", "country", "addressCountry", Compare.CODE),
    Column("site", "site", "site", Compare.TEXT),
)
ID = Column("customerId", "id", "customerId")
STRUCTURE = Structure(
    "1", "Customers", tuple(Attribute(one.name, one.type, unique=one.name == "emailAddress") for one in COLUMNS)
)
GARBLED, LOST = (Reason.ENCODING, "garbled in truth"), (Reason.ENCODING, "letters lost in truth")
CUT, ZEROS = (Reason.TRUNCATED, "cut off in truth"), (Reason.LEADING_ZERO, "zeros missing in truth")
OTHER = (Reason.DIFFERENT, "")

DAMAGED = [
    ("addressStreet", "Saint-Rémy", "Saint-RÃ©my", GARBLED, "encoding"),
    ("firstName", "Jérôme", "J?r?me", LOST, "encoding"),
    ("firstName", "Jérôme", "Jrme", (Reason.ENCODING, "letters left out in truth"), "encoding"),
    ("points", "7779.2", "7779.2001953125", (Reason.NOTATION, "32 bits in truth"), "computed"),
    ("points", "12.49", "12", (Reason.TRUNCATED, "rounded in truth"), "truncated"),
    ("points", "1.1", "1.1000000000000001", (Reason.NOTATION, "rounding noise in truth"), "computed"),
    ("firstName", "Anna", "J?r?me", OTHER, "encoding"),
    ("firstName", "Anna", "JosÃ©", OTHER, "encoding"),
    ("firstName", "Anna", "Jos\ufffd", OTHER, "encoding"),
    *(
        ("firstName", "Jérôme", lost, (Reason.TYPO, ""), "encoding")
        for lost in ("J¿r¿me", "J□r□me", "J_r_me", "J#r#me", "Jrme", "JRME", "J r me", "J.r.me", "J┌r˘me", "Jйrфme")
    ),
    ("firstName", "Jo\u0308rg", "Jrg", OTHER, "encoding"),
    ("firstName", "Zoë", "Zo", OTHER, "encoding"),
    ("firstName", "Anna", "J¿r¿me", OTHER, "encoding"),
    ("addressStreet", "Straße des 17. Juni 5", "Strae des 17. Juni 5", OTHER, "encoding"),
    ("lastName", "Иванов jr", "______ jr", OTHER, "encoding"),
    ("lastName", "Иванов", "??????", OTHER, "placeholder"),
    ("firstName", "Anna", "*****", OTHER, "placeholder"),
    ("addressStreet", "kerkstraat 136", "kerkst", CUT, "truncated"),
    ("addressStreet", "kerkstraat 136", "kerkstraat", (Reason.TRUNCATED, "cut off in truth after 10 characters"),
     "truncated"),
    ("phone", "0475123456", "475123456", ZEROS, "leading_zero"),
    ("firstName", "Rémy", "R&#233;my", OTHER, "markup"),
    ("site", "", '="00123"', OTHER, "markup"),
    ("firstName", "Rémy", "R&eacute;my", OTHER, "markup"),
    ("firstName", "Rémy", "R%C3%A9my", OTHER, "markup"),
    ("addressStreet", "Kerkstraat 1", "Kerkstraat 1_x000D_", OTHER, "markup"),
    ("addressStreet", "Kerkstraat 1", "<p>Kerkstraat 1</p>", OTHER, "markup"),
    ("lastName", "Vandenbroucke", "VANDENBR", OTHER, "truncated"),
    ("lastName", "Vandenbroucke", "Vandenbr…", OTHER, "truncated"),
    ("lastName", "Vandenbroucke", "Willem...", OTHER, "truncated"),
    ("lastName", "Vandenbroucke", "denbroucke", OTHER, "truncated"),
    ("addressStreet", "Kerkstraat 136 bus 4", "erkstraat 136 bus 4", (Reason.TYPO, ""), "truncated"),
    ("addressStreet", "Kerkstraat 136 bus 4", "136 bus 4", OTHER, "truncated"),
    ("addressStreet", "Gent", "GentGent", OTHER, "several"),
    ("addressStreet", "Kerkstraat 136", "KERKSTRAAT 136 Kerkstraat 136", OTHER, "several"),
    ("addressStreet", "Gent", "Gent;Gent", OTHER, "several"),
    ("phone", "+32471000035", "+32+32471000035", OTHER, "several"),
    ("firstName", "Rémy", "R=E9my", (Reason.MARKUP, "codes of a mail in truth"), "markup"),
    ("firstName", "Rémy &amp;", "R%E9my &amp;", (Reason.MARKUP, "codes on both sides"), "markup"),
    ("firstName", "Hélène", "H‚lŠne", GARBLED, "encoding"),
    ("firstName", "Kovačič", "Kovaèiè", (Reason.ENCODING, "garbled"), "encoding"),
    ("phone", "+32475123456", "3,24751E+10", (Reason.SPREADSHEET, "digits lost in truth"), "spreadsheet"),
    ("site", "a@x.be", "a@x.be;b@y.be", (Reason.SEVERAL, "several values in truth"), "several"),
    ("lastName", "Peeters", "Anna", (Reason.EXCHANGED, "holds firstName on platform"), "exchanged"),
    ("lastName", "Peeters", "Anna", (Reason.EXCHANGED, "a copy of firstName in truth"), "exchanged"),
    ("lastName", "Peeters", "Maes", (Reason.SWAPPED, ""), "of_another"),
    ("site", "a.be", "b.be", (Reason.SLIPPED, "slipped by 1 row"), "of_another"),
    ("addressStreet", "Kerkstraat 1", "#N/A", OTHER, "spreadsheet"),
    ("addressStreet", "Kerkstraat 1", "#REF!", OTHER, "spreadsheet"),
    ("phone", "+32475123456", "3.24751E+10", OTHER, "spreadsheet"),
    ("phone", "+32475123456", "32475123456.0", OTHER, "spreadsheet"),
    ("firstName", "Anna", "#######", OTHER, "spreadsheet"),
    ("site", "9000", "9000.0", OTHER, "spreadsheet"),
    ("site", "9000", "9100,00", OTHER, "spreadsheet"),
    ("addressCountry", "9000", "9000.0", OTHER, "spreadsheet"),
    ("phone", "+32471000035", "3.2471000035E10", OTHER, "spreadsheet"),
    ("phone", "+32471000035", "32471000035,00", OTHER, "spreadsheet"),
    ("phone", "+32471000035", "'+32471000035", OTHER, "spreadsheet"),
    ("addressStreet", "Kerkstraat 1", "Err:502", OTHER, "spreadsheet"),
    ("addressStreet", "Kerkstraat 1", "=VLOOKUP(A2;B:C;2)", OTHER, "spreadsheet"),
    ("addressStreet", "Kerkstraat 1", "=$B2", OTHER, "spreadsheet"),
    ("addressStreet", "12/3", "2026-03-12 00:00:00", OTHER, "spreadsheet"),
    ("addressStreet", "12/3", "12/03/2026", OTHER, "spreadsheet"),
    ("addressStreet", "7/3", "04-mrt", OTHER, "spreadsheet"),
    ("firstName", "Anna", "#NOM?", OTHER, "spreadsheet"),
    ("firstName", "Anna", "NULL", OTHER, "placeholder"),
    ("lastName", "Peeters", "n/a", OTHER, "placeholder"),
    ("birthDate", "1980-05-04", "01/01/1900", OTHER, "placeholder"),
    ("birthDate", "1980-05-04", "1900-01-01", OTHER, "placeholder"),
    ("birthDate", "1980-05-04", "1900-01-01 00:00:00", OTHER, "placeholder"),
    ("addressStreet", "Kerkstraat 1", "(null)", OTHER, "placeholder"),
    ("addressStreet", "Kerkstraat 1", "\\N", OTHER, "placeholder"),
    ("site", "Gent", "N.V.T.", OTHER, "placeholder"),
    ("site", "Gent", "geen", OTHER, "placeholder"),
    ("site", "Gent", "XXX", OTHER, "placeholder"),
    ("site", "9200", "0", OTHER, "placeholder"),
    ("phone", "+32471000037", "0000000000", OTHER, "placeholder"),
    ("addressCountry", "BE", "[NULL]", OTHER, "placeholder"),
    ("firstName", "Anna", "An\u200bna", OTHER, "invisible"),
    ("firstName", "Anna", "Anna\x00", OTHER, "invisible"),
    *(
        ("lastName", "Vandenbroucke", text, OTHER, "program")
        for text in (
            "V***********e",
            "{{lastName}}",
            "${name}",
            "%name%",
            "*|LNAME|*",
            "[Last name]",
            "lastName",
            "LAST_NAME",
            "[object Object]",
            "System.String[]",
            "java.lang.String@1a2b3c",
            '{"value":"Maes"}',
            "['Maes']",
            "17",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "123e4567-e89b-12d3-a456-426614174000",
            "TWFlcywgSmFu==",
            "NaT",
        )
    ),
    ("firstName", "Jérôme", "JeroÌ‚me", OTHER, "encoding"),
    ("firstName", "Anna", "JosÌ\x81", OTHER, "encoding"),
    ("lastName", "Maes", "M\u0430es", OTHER, "encoding"),
    ("addressStreet", "Kerkstraat 136", "Kerkstr\u03b1at 136", OTHER, "encoding"),
    ("lastName", "Иванов", "Иванoв", OTHER, "encoding"),
    ("lastName", "Maes", "Ｍａｅｓ", OTHER, "encoding"),
    ("lastName", "Maes", "\U0001d40c\U0001d41a\U0001d41e\U0001d42c", OTHER, "encoding"),
    ("site", "9000", "９０００", OTHER, "encoding"),
    ("addressStreet", "Kerkstraat 136 bus 4", "Kerkstraat136bus4", OTHER, "markup"),
    ("addressStreet", "Kerkstraat 136", "Kerkstraat136", OTHER, "markup"),
    ("site", "Gent", "Gent|Brugge", OTHER, "several"),
    ("lastName", "Maes", "Maes | Peeters", OTHER, "several"),
    ("phone", "+32471000035", "0471000035;0471000036", OTHER, "several"),
    ("phone", "+32471000035", "0471 00 00 35 / 09 330 00 36", OTHER, "several"),
    ("emailAddress", "anna@x.be", "anna@x.be,anna@y.be", OTHER, "several"),
    *(
        ("lastName", "Maes", text, OTHER, "placeholder")
        for text in ("ERROR", "deleted", "[deleted]", "Deleted User", "GDPR", "RGPD", "DSGVO", "verwijderd", "Supprimé")
    ),
    ("emailAddress", "anna@x.be", "deleted", OTHER, "placeholder"),
    *(("firstName", "Anna", text, OTHER, "program") for text in ("last_name", "street", "AddressStreet", "email")),
    ("site", "Gent", "first_name", OTHER, "program"),
    ("phone", "+32471000035", "+32471******", OTHER, "program"),
    ("emailAddress", "anna@x.be", "a***@x.be", OTHER, "program"),
    ("addressStreet", "Kerkstraat 136 bus 4", "44927", OTHER, "program"),
    ("lastName", "Maes", "REDACTED", OTHER, "placeholder"),
    ("lastName", "D'Hondt", "D''Hondt", OTHER, "markup"),
    ("lastName", "D'Hondt", "D\\'Hondt", OTHER, "markup"),
    ("site", "Gent", '"Gent', OTHER, "markup"),
    ("site", "Gent", '""Gent""', OTHER, "markup"),
    ("addressStreet", "Kerkstraat 136 bus 4", "Kerkstraat+136+bus+4", OTHER, "markup"),
    ("addressStreet", "Kerkstraat 136", "Kerkstraat_136", OTHER, "markup"),
    *(
        ("addressStreet", "Gent", f"Gent{sign}", OTHER, "invisible")
        for sign in "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2028\u2029\u2060\u2066\u2069\ufeff\ufe0f\ufffc"
        "\x85\x9f\xad\ue000\U000f0000\U000e0041"
    ),
    ("phone", "+32471000035", "\u202a+32471000035\u202c", OTHER, "invisible"),
    ("firstName", "Jérôme", "\u202aJérôme B\u202c", OTHER, "invisible"),
]  # fmt: skip
FINE = [
    ("firstName", "Jerome", "Jérôme", OTHER),
    ("points", "12", "12.49", (Reason.TRUNCATED, "rounded on platform")),
    ("points", "7779.2001953125", "7779.2", (Reason.NOTATION, "32 bits on platform")),
    ("site", "+32475123456", "0475123456", (Reason.NOTATION, "a number without its country in truth")),
    ("firstName", "R&eacute;my", "Rémy", (Reason.MARKUP, "HTML codes on platform")),
    ("site", "a@x.be;b@y.be", "a@x.be", (Reason.SEVERAL, "several values on platform")),
    ("firstName", "J?r?me", "Jérôme", (Reason.ENCODING, "letters lost on platform")),
    ("lastName", "Anna", "Peeters", (Reason.EXCHANGED, "a copy of firstName on platform")),
    ("firstName", "Anna Peeters", "Anna", (Reason.EXCHANGED, "lastName as well on platform")),
    ("addressStreet", "kerkst", "kerkstraat 136", (Reason.TRUNCATED, "cut off on platform")),
    ("phone", "475123456", "0475123456", (Reason.LEADING_ZERO, "zeros missing on platform")),
    ("firstName", "Anna", "Åsa", OTHER),
    ("firstName", "Anna", "Đặng", OTHER),
    ("firstName", "Anna", "Nullens", OTHER),
    ("lastName", "Peeters", "O'Brien & Zn.", OTHER),
    ("addressStreet", "Kerkstraat 1", "Rue du 1er Août #12", OTHER),
    ("addressStreet", "Kerkstraat 1", "Hôtel 100%", OTHER),
    ("points", "12", "100000.0", OTHER),
    ("points", "12", "1E+5", OTHER),
    ("birthDate", "1980-05-04", "1981-01-01", OTHER),
    ("addressCountry", "ZA", "NA", OTHER),
    ("lastName", "N.v.t", "N.V.T.", OTHER),
    ("site", "hello", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3", OTHER),
    (
        "site",
        "hello",
        "\U0001f44b\U0001f3fd \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        OTHER,
    ),
    ("lastName", "Ahmadi", "\u0639\u0644\u06cc\u200c\u0632\u0627\u062f\u0647", OTHER),
    ("lastName", "Sharma", "\u0936\u0930\u094d\u200d\u092e\u093e", OTHER),
    ("site", "Tel Aviv", "\u05ea\u05dc \u05d0\u05d1\u05d9\u05d1\u200f (Tel Aviv)\u200e", OTHER),
    ("lastName", "Katsuragi", "\u845b\U000e0100\u57ce", OTHER),
    ("addressStreet", "Gent", "Line 1\r\nLine 2\tA", OTHER),
    ("lastName", "Peeters", "\u0418\u0432\u0430\u043d\u043e\u0432", OTHER),
    ("lastName", "Peeters", "\u03a0\u03b1\u03c0\u03b1\u03b4\u03cc\u03c0\u03bf\u03c5\u03bb\u03bf\u03c2", OTHER),
    ("firstName", "Müller", "Mueller", OTHER),
    ("firstName", "Müller", "Muller", OTHER),
    ("firstName", "Jérôme", "Jéri", OTHER),
    ("firstName", "Zoë", "Zora", OTHER),
    ("addressStreet", "Pont à Mousson 1", "Pont Mousson 1", OTHER),
    ("site", "Acme", "C# & Co", OTHER),
    ("site", "hello", "\U0001f44d", OTHER),
    ("site", "12", "12,50", OTHER),
    ("site", "8.50", "9.00", OTHER),
    ("site", "1.9", "2.0", OTHER),
    ("site", "9000", "1012 AB", OTHER),
    ("site", "9000", "SW1A 1AA", OTHER),
    ("site", "", "2026-03-12", OTHER),
    ("site", "12 maart 2025", "2026-03-12", OTHER),
    ("site", "2025-03-12", "2026-03-12 10:00:00", OTHER),
    ("site", "bad", "=) fine", OTHER),
    ("addressStreet", "12", "3E1", OTHER),
    ("addressStreet", "Gent", "'s-Gravenweg 3", OTHER),
    ("phone", "+32471000035", "0032 471 00.00.36", OTHER),
    ("site", '{"a": 1}', '{"a": 2}', OTHER),
    ("site", "", '{"a": 1}', OTHER),
    ("site", "['a']", "['b']", OTHER),
    ("site", "", "123e4567-e89b-12d3-a456-426614174000", OTHER),
    ("site", "[x]", "[y]", OTHER),
    ("site", "", "Site", OTHER),
    ("site", "18 inch", '19"', OTHER),
    ("site", "Acme", 'De "Gouden" Leeuw', OTHER),
    ("site", "Acme", "AC\\DC", OTHER),
    ("site", "Acme", "Acme [BE] {2} 100% *new*", OTHER),
    ("site", "CUST1001", "1002", OTHER),
    ("addressStreet", "12 bis", "14", OTHER),
    ("firstName", "Jan Piet", "Jan-Piet", OTHER),
    ("lastName", "Jansen-Peeters", "Jansen", OTHER),
    ("lastName", "Jansen-Peeters", "Peeters", OTHER),
    ("lastName", "Van den Broeck", "Broeck", OTHER),
    ("lastName", "DeSmet", "Smet", OTHER),
    ("firstName", "Anna Maria", "Maria", OTHER),
    ("firstName", "Alexander", "Xander", OTHER),
    ("firstName", "Jean-Luc", "Jean", OTHER),
    ("addressStreet", "Kerkstraat 136 bus 4", "Kerkstraat 136", OTHER),
    ("addressStreet", "Kerkstraat 136", "Kerkstraat 13", OTHER),
    ("addressStreet", "Baden", "Baden-Baden", OTHER),
    ("addressStreet", "Gent", "Pago Pago", OTHER),
    ("site", "called", "he will think about it...", OTHER),
    ("phone", "+32471000035", "02/471.00.00", OTHER),
    ("emailAddress", "jan.peeters@x.be", "peeters@x.be", OTHER),
    ("site", "onbekend", "2026-03-12", OTHER),
    ("site", "n.v.t.", "9000.0", OTHER),
    ("site", "unknown", "44927", OTHER),
    *(
        ("lastName", "Jansen", name, OTHER)
        for name in (
            "Peeters",
            "Jansen-Peeters",
            "De Smet-Van den Broeck",
            "d'Udekem d'Acoz",
            "'t Serclaes",
            "St. John",
            "J.-P. Maes III",
            "Nguyễn",
            "חיים",
            "محمد",
            "王",
            "X",
        )
    ),
    *(
        ("addressStreet", "Kerkstraat 136", home, OTHER)
        for home in (
            "Rue de l'Été 12/3",
            "Plein 1944 nr. 4-B",
            "1e Dwarsstraat 2",
            "Q7, 24",
            "Calle Mayor, 3, 2º",
            "Nieuwstraat 5 #3",
        )
    ),
    *(("site", "9000", code, OTHER) for code in ("1050", "B-1050", "75008", "D-10115", "1012 AB", "00-950", "110 00")),
    *(("site", "Acme", name, OTHER) for name in ("C&A", "#1 Fitness", "3M", "Yahoo!", 'Toys "R" Us', "A_B (NV) + Co.")),
    *(("phone", "+32471000035", number, OTHER) for number in ("0471 00 00 36", "+32 (0)471/00.00.36", "0032471000036")),
    *(
        ("emailAddress", "anna@x.be", mail, OTHER)
        for mail in ("anna.maes+news@y.be", "a_b@xn--bcher-kva.de", "12@x.be")
    ),
    ("site", "icon \ue000", "icon \ue000 new", OTHER),
    ("site", "active", "deleted", OTHER),
    ("site", "ok", "error", OTHER),
    ("site", "Gent", "Street", OTHER),
    ("lastName", "Maes", "Gelöscht-Meyer", OTHER),
    ("site", "Gent", "COSÌ “LUNEDÌ”", OTHER),
    ("site", "5 mm", "5 μm", OTHER),
    ("site", "a|b", "a|c", OTHER),
    ("site", "1012 AB", "1012AB", OTHER),
    ("lastName", "De Smet", "DeSmet", OTHER),
    ("addressStreet", "Bus 4", "Bus4", OTHER),
    ("lastName", "Maes", "王 ａ", OTHER),
    ("lastName", "Maes", "ﾏｴｽ", OTHER),
    ("phone", "+32471000035", "02/471.00.00 - 12", OTHER),
    ("phone", "+32471000035", "0471 00 00 35, 9", OTHER),
    ("emailAddress", "anna@x.be", '"a,b"@x.be', OTHER),
    ("site", "3", "0", OTHER),
    ("points", "1250", "0", OTHER),
    ("addressCountry", "FR", "none", OTHER),
    ("site", "", "https://example.org/a%20b?x=1&copy;=2", OTHER),
]


def looked_at(*cells: tuple[str, str, str, tuple[Reason, str]], **known: object) -> pl.DataFrame:
    return needs(an_audit(cells), knowledge(STRUCTURE, **known))


def an_audit(cells: tuple[tuple[str, str, str, tuple[Reason, str]], ...]) -> Audit:
    """A profile per cell, of which the truth alone moved."""
    rows = [
        difference(
            f"C{number:03}", column, platform or None, truth,
            status=Status.STALE.value, moved=Moved.TRUTH.value, base=platform, reason=reason.value,
            cause=f"{column}/{reason}/{pattern}",
        )
        for number, (column, platform, truth, (reason, pattern)) in enumerate(cells)
    ]  # fmt: skip
    causes = {row["cause"]: row for row in rows}
    patterns = [
        {"cause": cause, "column": row["column"], "reason": row["reason"], "pattern": cause.split("/")[-1],
         "profiles": 1}
        for cause, row in causes.items()
    ]  # fmt: skip
    return audit_of(differences=rows, causes=patterns, columns=COLUMNS)


@pytest.fixture(scope="module")
def needed() -> pl.DataFrame:
    """What a plan needs of all the cells at once, each of a profile of its own."""
    return looked_at(*(cell[:4] for cell in DAMAGED), *FINE)


@pytest.mark.parametrize("number", range(len(DAMAGED)), ids=[f"{one[0]}-{one[2]!a}" for one in DAMAGED])
def test_a_damaged_value_is_a_decision_and_told_to_the_truth(number: int, needed: pl.DataFrame) -> None:
    one = needed.filter(key=f"C{number:03}")
    [row] = one.to_dicts()
    assert (row["truth"], row["need"], row["why"]) == (DAMAGED[number][2], "person", "damaged")
    assert (row["damage"], row["kind"]) == (DAMAGED[number][4], None)
    assert row["answers"] == "truth platform", "who knows better may say so"
    assert for_the_truth(one)["why"].to_list() == [f"damaged_{row['damage']}"]


@pytest.mark.parametrize("number", range(len(FINE)), ids=[f"{one[0]}-{one[2]!a}" for one in FINE])
def test_what_only_looks_strange_is_written(number: int, needed: pl.DataFrame) -> None:
    [row] = needed.filter(key=f"C{len(DAMAGED) + number:03}").to_dicts()
    assert (row["damage"], row["need"], row["after"]) == (None, "written", FINE[number][2])


@pytest.mark.parametrize("choice", [Choice.TRUTH, Choice.PLATFORM])
def test_a_person_may_decide_about_it(choice: Choice) -> None:
    decided = Decision("C000", "firstName", "Anna", "NULL", choice, "Mia")
    needed = looked_at(("firstName", "Anna", "NULL", OTHER), decisions=(decided,))
    [row] = needed.to_dicts()
    if choice is Choice.TRUTH:
        assert (row["need"], row["after"], row["by"], row["told"]) == ("written", "NULL", "Mia", None)
    else:
        assert (row["need"], row["told"]) == ("truth", "decided")


def test_damage_is_told_whatever_was_decided_on_other_values_before() -> None:
    decided = Decision("C000", "firstName", "Anna", "Annie", Choice.PLATFORM, "Mia")
    [row] = looked_at(("firstName", "Anna", "NULL", OTHER), decisions=(decided,)).to_dicts()
    assert (row["need"], row["why"], row["told"]) == ("person", "changed", "damaged_placeholder")


@pytest.mark.parametrize("check", ContactCheck)
def test_what_a_contact_check_doubts_is_a_decision(check: ContactCheck) -> None:
    audit = an_audit((("emailAddress", "a@b.be", "info@b.be", OTHER),))
    doubt = {"side": "truth", "key": "C000", "column": "emailAddress", "value": "info@b.be", "rule": check.value,
             "detail": "", "severity": Severity.WARNING.value, "refusal": None}  # fmt: skip
    for violation, expected in (
        (doubt, "doubted"),
        (doubt | {"column": "phone, emailAddress"}, "doubted"),
        (doubt | {"side": "platform"}, None),
        (doubt | {"key": "C001"}, None),
        (doubt | {"column": "phone"}, None),
        (doubt | {"rule": "be_in_set"}, None),
    ):
        frame = pl.DataFrame([violation], schema=dict(audit.violations.schema))
        [row] = needs(replace(audit, violations=frame), knowledge(STRUCTURE)).to_dicts()
        assert row["damage"] == expected
        assert (row["need"] == "person") == (expected is not None)


@pytest.mark.parametrize(
    ("first", "last", "damaged"),
    [
        (("Anna", "Peeters"), ("Peeters", "Anna"), [True, True]),
        (("Jérôme", "Müller"), ("Müller", "Jerome"), [True, True]),
        (("Łukasz", "Søndergård"), ("Sondergard", "lukasz"), [True, True]),
        (("Weiß  Anne", "Ætius"), ("Aetius", "Weiss Anne"), [True, True]),
        (("Anna", "Peeters"), ("", "Anna"), [True, True]),
        (("Anna", ""), ("Peeters", "Anna"), [False, True]),
        (("Anna", "Peeters"), ("Peeters", "Janssens"), [False, False]),
        (("Anna", "Marie"), ("", "Janssens"), [False, False]),
    ],
)
def test_names_exchanged_in_a_row_are_a_decision(
    first: tuple[str, str], last: tuple[str, str], damaged: list[bool]
) -> None:
    """What the platform and the truth have of each; a letter may have lost its accent on the way, or a field be empty.
    What the truth leaves empty is kept anyway."""
    audit = an_audit((("firstName", *first, OTHER), ("lastName", *last, OTHER)))
    same = audit.differences.with_columns(key=pl.lit("C000"))
    needed = needs(replace(audit, differences=same), knowledge(STRUCTURE))
    assert needed["damage"].to_list() == ["exchanged" if one else None for one in damaged]
    apart = needs(audit, knowledge(STRUCTURE))
    assert apart["damage"].to_list() == [None, None], "two people have them"


def test_a_number_that_moves_to_an_empty_field_is_no_exchange() -> None:
    cells = (("phone", "0475123456", "021234567", OTHER), ("points", "", "0475123456", OTHER))
    audit = an_audit(cells)
    columns = tuple(replace(one, compare=Compare.PHONE) if one.name == "points" else one for one in COLUMNS)
    same = audit.differences.with_columns(key=pl.lit("C000"))
    needed = needs(replace(audit, differences=same, columns=columns), knowledge(STRUCTURE))
    assert needed["damage"].to_list() == [None, None]


def test_a_value_of_another_profile_is_a_decision_but_for_unique_values_that_change_hands() -> None:
    phones = tuple(("phone", f"+3247500000{n}", f"+3247500001{n}", OTHER) for n in range(PATTERN))
    emails = tuple(("emailAddress", f"a{n}@b.be", f"c{n}@b.be", OTHER) for n in range(PATTERN))

    def others(column: str, number: int) -> pl.DataFrame:
        rows = [(f"C{n:03}", column, f"C{n + 1:03}") for n in range(number)]
        return pl.DataFrame(rows, schema=OF_OTHERS, orient="row")

    for cells, column, number, expected in (
        (phones, "phone", 1, ["of_another"] + [None] * (PATTERN - 1)),
        (emails, "emailAddress", PATTERN - 1, [None] * PATTERN),
        (emails, "emailAddress", PATTERN, ["of_another"] * PATTERN),
    ):
        assert looked_at(*cells, of_others=others(column, number))["damage"].to_list() == expected


def planned(*cells: tuple[str, str, str, tuple[Reason, str]]) -> Plan:
    known = knowledge(STRUCTURE)
    return make_plans(an_audit(cells), a_policy(), facts(known))[0]


def test_a_column_in_which_damage_is_a_pattern_stops_the_plan() -> None:
    hurt = tuple(("firstName", f"Anna{n}", "NULL", OTHER) for n in range(PATTERN))
    clean = ("firstName", "Bea", "Beatrice", OTHER)
    assert planned(*hurt[1:], clean).stop is None
    assert planned(*hurt).stop is None, "nothing of that column is written"
    assert planned(*hurt, ("lastName", "Peeters", "Janssens", OTHER)).stop is None
    told = {"column": "firstName", "cells": PATTERN, "written": 1}
    assert planned(*hurt, clean).stop == ({"code": Code.MUCH_DAMAGED.value, "parameters": told},)


def test_the_pattern_is_seen_although_a_plan_is_about_others() -> None:
    """As `fix` names them: their values stand beside the damaged ones all the same."""
    hurt = tuple(("firstName", f"Anna{n}", "NULL", OTHER) for n in range(PATTERN))
    audit, known = an_audit((*hurt, ("firstName", "Bea", "Beatrice", OTHER))), facts(knowledge(STRUCTURE))
    of_one = make_plans(audit, a_policy(), known, only=[f"C{PATTERN:03}"])[0]
    told = {"column": "firstName", "cells": PATTERN, "written": 1}
    assert of_one.stop == ({"code": Code.MUCH_DAMAGED.value, "parameters": told},)
    of_the_damaged = make_plans(audit, a_policy(), known, only=["C000"])[0]
    assert (of_the_damaged.writes, of_the_damaged.stop) == ((), None)


def test_what_contact_checks_doubt_counts_in_the_pattern() -> None:
    doubts = tuple(("emailAddress", f"a{n}@b.be", f"info@b{n}.be", OTHER) for n in range(PATTERN))
    audit = an_audit((*doubts, ("emailAddress", "bea@b.be", "beatrice@b.be", OTHER)))

    def stop(number: int) -> object:
        found = [
            {"side": "truth", "key": f"C{n:03}", "column": "emailAddress", "value": f"info@b{n}.be",
             "rule": ContactCheck.ROLE_ADDRESS.value, "detail": "", "severity": Severity.WARNING.value, "refusal": None}
            for n in range(number)
        ]  # fmt: skip
        doubted = replace(audit, violations=pl.DataFrame(found, schema=dict(audit.violations.schema)))
        return make_plans(doubted, a_policy(), facts(knowledge(STRUCTURE)))[0].stop

    assert stop(PATTERN - 1) is None
    told = {"column": "emailAddress", "cells": PATTERN, "written": 1}
    assert stop(PATTERN) == ({"code": Code.MUCH_DAMAGED.value, "parameters": told},)


def test_nobody_is_created_with_damage() -> None:
    names = ["customerId", "emailAddress", "firstName", "lastName", "addressStreet", "phone", "birthDate", "points",
             "addressCountry", "site"]  # fmt: skip
    people = [
        ("C001", "C001", "a@b.be", "J?r?me", "Peeters", "Kerkstraat 1", None, None, None, None, None),
        ("C002", "C002", "NULL", "Anna", "Peeters", "Kerkstraat 1", None, None, None, None, None),
    ]
    candidates = pl.DataFrame(people, schema=dict.fromkeys(["key", *names], pl.String), orient="row")
    audit = audit_of(profiles=[profile(key, Status.MISSING) for key in ("C001", "C002")], columns=(ID, *COLUMNS))
    known = knowledge(STRUCTURE)
    plan = make_plans(audit, a_policy(), facts(known, candidates=candidates, taken=TAKEN.to_frame()))[1]
    written = {write.key: {cell.column for cell in write.cells} for write in plan.writes if write.kind is Kind.CREATE}
    assert written == {"C001": {"customerId", "emailAddress", "lastName", "addressStreet"}}
    left = {(item.key, item.column) for item in plan.left if item.why == "damaged"}
    assert left == {("C001", "firstName"), ("C002", "emailAddress")}, "an address by which nobody can be found"


@pytest.mark.parametrize(("differing", "missing"), [(PATTERN, 1), (0, PATTERN + 1), (PATTERN - 2, 3), (2, 2)])
def test_a_column_in_which_damage_is_a_pattern_stops_creations_too(differing: int, missing: int) -> None:
    """The last of the missing has a name that is whole: it comes from the same file as the damaged ones."""
    hurt = tuple(("firstName", f"Anna{n}", "NULL", OTHER) for n in range(differing))
    keys = [f"M{n}" for n in range(missing)]
    people = [(key, key, f"{key}@b.be", "Bea" if key == keys[-1] else "NULL") for key in keys]
    names = ["key", "customerId", "emailAddress", "firstName"]
    empty = {column.name: None for column in (ID, *COLUMNS) if column.name not in names}
    candidates = pl.DataFrame(people, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
        pl.lit(value, pl.String).alias(name) for name, value in empty.items()
    )
    missing_people = audit_of(profiles=[profile(key, Status.MISSING) for key in keys], columns=(ID, *COLUMNS))
    both = pl.concat([missing_people.profiles, an_audit(hurt).profiles])
    audit = replace(an_audit(hurt), profiles=both, columns=(ID, *COLUMNS))
    known = facts(knowledge(STRUCTURE), candidates=candidates, taken=TAKEN.to_frame())
    stop = make_plans(audit, a_policy(), known)[1].stop
    cells = differing + missing - 1
    told = {"column": "firstName", "cells": cells, "written": 1}
    assert stop == (({"code": Code.MUCH_DAMAGED.value, "parameters": told},) if cells >= PATTERN else None)


SLIPPED, TOGETHER, MISLED = 12, 4, 3


def test_a_column_that_slipped_by_a_row_is_found_in_a_real_folder(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Twelve people get the number of the one below; others get new numbers, a street of somebody else, or the own
    address in the place of the name.
    """
    with licence(tmp_path_factory) as sandbox:
        folder = copy(made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
        file = max((folder / "crm").glob("*.csv"))
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        numbers, ids = (Counter(row[name] for row in rows) for name in ("mobile", "contact_id"))
        numbered = [row for row in rows if row["mobile"] and numbers[row["mobile"]] == ids[row["contact_id"]] == 1]
        before = [row["mobile"] for row in numbered]
        for place in range(SLIPPED):
            numbered[place]["mobile"] = before[place + 1]
        for place in range(SLIPPED + 1, SLIPPED + 1 + TOGETHER):
            numbered[place]["mobile"] = f"04991234{place:02}"
        homes = [row["street"] for row in rows if row["street"]]
        misled = [row for row in numbered[SLIPPED + 1 + TOGETHER :] if row["street"] and row["email"]][: 2 * MISLED]
        for place, row in enumerate(misled[:MISLED]):
            row["street"] = next(home for home in homes[place:] if homes.count(home) == 1 and home != row["street"])
        for row in misled[MISLED:]:
            row["last_name"] = row["email"]
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        monkeypatch.chdir(folder)
        document = json.loads(auditor(capsys, "run", "--json", "--quiet").out)
        made_plans = plan(read_settings(folder / "auditor.toml"), now=given_time.now())
    slipped = {row["contact_id"] for row in numbered[:SLIPPED]}
    new = {row["contact_id"] for row in numbered[SLIPPED + 1 : SLIPPED + 1 + TOGETHER]}
    correct = next(one.plan for one in made_plans if one.plan.purpose == "correct")
    phones = [(write.key, cell) for write in correct.writes for cell in write.cells if cell.column == "gsmNumber"]
    with max((folder / "exports").glob("*.csv")).open(encoding="utf-8", newline="") as lines:
        held = {row["gsmNumber"] for row in csv.DictReader(lines, delimiter=";")}
    left = {item.key for item in correct.left if (item.column, item.why) == ("gsmNumber", "damaged")}
    assert not {cell.after for _, cell in phones} & held, "nobody gets a number that somebody has"
    assert len(slipped & left) > SLIPPED / 2, "of some the platform has no number, or they wait"
    assert len(new & {key for key, _ in phones}) > TOGETHER / 2
    assert "much_damaged" in [one["code"] for one in correct.stop or () if isinstance(one, dict)]
    written = {(write.key, cell.column) for write in correct.writes for cell in write.cells}
    astray = {(row["contact_id"], "addressStreet") for row in misled[:MISLED]}
    astray |= {(row["contact_id"], "lastName") for row in misled[MISLED:]}
    assert not astray & written, "neither somebody else's street nor an address for a name"
    asked = {(one.key, one.column) for one in correct.left if one.why == "damaged"}
    assert {column for _, column in astray & asked} == {"addressStreet", "lastName"}
    told = pl.read_csv(folder / "runs" / document["run"] / "for-the-truth.csv", separator=";", infer_schema=False)
    assert slipped & left == slipped & set(told.filter(pl.col("why") == "damaged_of_another")["key"])


def test_names_that_count_as_exchanged_are_alike_by_the_rule_for_names(tmp_path: Path) -> None:
    """Letter by letter: what is folded here is what the rule folds."""
    names = [*LETTERS, *(letter.upper() for letter in LETTERS), "Jérôme"]
    names += [" Anne\u00a0 Marie ", "O'Brien", "ÅSA", "И\u0306ва", ""]
    texts = pl.DataFrame({"name": names}, schema={"name": pl.String})
    with closing(DuckDB(temp=tmp_path)) as engine:
        by_rule = engine.frame(engine.put(texts, "names").select(name=fold(tidy(ibis._.name))))["name"].to_list()
    assert texts.select(folded(pl.col("name")))["name"].to_list() == by_rule


def test_the_words_that_a_run_tells_of_are_those_that_no_plan_writes(tmp_path: Path) -> None:
    """A run named `(null)` and `\\N` as words for no value, and its plan wrote them."""
    spelt = sorted({form for word in NO_VALUE for form in (word, word.upper(), word.title())})
    cells = pl.DataFrame(
        [(f"C{number:03}", "site", "Gent", word) for number, word in enumerate(spelt)],
        schema=["key", "column", "platform", "truth"], orient="row",
    )  # fmt: skip
    with closing(DuckDB(temp=tmp_path)) as engine:
        told = words_for_nothing(engine, engine.put(cells, "cells"))
    assert [word for _, word, _ in told[Side.TRUTH]] == spelt
    assert Side.PLATFORM not in told
    looked = looked_at(*(("site", "Gent", word, OTHER) for word in spelt))
    assert looked["damage"].to_list() == ["placeholder"] * len(spelt)
