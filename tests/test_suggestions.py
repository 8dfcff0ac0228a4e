"""Rules are proposed that make differences equal when they are taken, and none that does so by chance."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import auditor
from auditor.commands.compare import Comparison
from auditor.findings.suggestion import read_suggestion
from tests.small_folder import auditor as command

MONTHS = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "pt": "JANEIRO FEVEREIRO MARÇO ABRIL MAIO JUNHO JULHO AGOSTO SETEMBRO OUTUBRO NOVEMBRO DEZEMBRO",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
}


def written(language: str, form: str) -> tuple[Callable[[int], str], Callable[[int], str]]:
    """A day with the name of its month, and the same as ISO 8601 has it."""
    names = MONTHS[language].split()
    return (
        lambda n: form.format(day=1 + n % 28, month=names[n % 12], year=1960 + n),
        lambda n: f"{date(1960 + n, 1 + n % 12, 1 + n % 28)}",
    )


FORMS: Mapping[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "born": (
        lambda n: f"{1 + n % 28:02}/0{1 + n % 9}/19{60 + n}",
        lambda n: f"19{60 + n}-0{1 + n % 9}-{1 + n % 28:02}",
    ),
    "counted": (lambda n: f"{40_000 + n}", lambda n: f"{date(1899, 12, 30) + timedelta(40_000 + n)}"),
    "clicked": (
        lambda n: f"2024-05-{1 + n % 28:02} 10:00:{n:02}",
        lambda n: f"{datetime(2024, 5, 1 + n % 28, 10, 0, n, tzinfo=UTC).timestamp():.0f}",
    ),
    "us": (lambda n: f"0{1 + n % 9}/{1 + n % 28:02}/19{60 + n}", lambda n: f"19{60 + n}-0{1 + n % 9}-{1 + n % 28:02}"),
    "seen": (lambda n: f"2024-05-{1 + n % 28:02}T10:00Z", lambda n: f"2024-05-{1 + n % 28:02} 10:00:00"),
    "land": (lambda n: ["BE", "FR", "NL"][n % 3], lambda n: ["Belgium", "France", "Pays-Bas"][n % 3]),
    "vip": (lambda n: ["O", "N"][n % 2], lambda n: ["true", "false"][n % 2]),
    "news": (lambda n: ["WAAR", "ONWAAR"][n % 2], lambda n: ["1", "0"][n % 2]),
    "spent": (lambda n: f"{n + 1}.234,50", lambda n: f"{n + 1}234.5"),
    "owed": (lambda n: f"({n + 1}.50)", lambda n: f"-{n + 1}.5"),
    "price": (
        lambda n: f"€ {n + 1}.234,50" if n % 2 else f"{n + 1},50 EUR",
        lambda n: f"{n + 1}234.5" if n % 2 else f"{n + 1}.5",
    ),
    "vat": (lambda n: f"{n + 1}.5 %", lambda n: f"{(n + 1.5) / 100:.3f}"),
    "off": (lambda n: f"{n + 1}.5", lambda n: f"{n + 1}.5%"),
    "phone": (lambda n: f"0470 12 34 {10 + n}", lambda n: f"+324701234{10 + n}"),
    "idd": (lambda n: f"00324701234{10 + n}", lambda n: f"+324701234{10 + n}"),
    "movil": (lambda n: f"639 897 {300 + n}", lambda n: f"+34639897{300 + n}"),
    "mail": (lambda n: f"A{n}@X.be", lambda n: f"a{n}@x.be"),
    "name": (lambda n: f"PEETERS {n}", lambda n: f"Peeters {n}"),
    "code": (lambda n: f"a{n}", lambda n: f"A{n}"),
    "tags": (lambda n: f"golf,wine{n}", lambda n: f"wine{n},golf"),
    "crm": (lambda n: f"golf,wine{n}", lambda n: f"wine{n};golf"),
    "piped": (lambda n: f"golf|wine{n}", lambda n: f"wine{n}|golf"),
    "asis": (lambda n: f"golf{n},wine{n}", lambda n: f"golf{n}; wine{n}"),
}
WANTED = {
    "counted": "date:excel", "clicked": "timestamp:unix",
    "born": "date:%d/%m/%Y", "us": "date:%m/%d/%Y", "seen": "timestamp", "land": "", "vip": "boolean",
    "news": "boolean", "spent": "number:,", "owed": "number",
    "price": "number:,EUR|€", "vat": "number:%/100", "off": "number:%",
     "phone": "phone:BE", "idd": "phone:BE",
    "movil": "phone:ES", "mail": "email",
    "name": "name", "code": "code", "tags": "set", "crm": "set:;,",
    "piped": "set:|", "asis": "set:;,",
}  # fmt: skip


def files(tmp_path: Path, forms: Mapping[str, tuple[Callable[[int], str], Callable[[int], str]]]) -> tuple[str, str]:
    for place, name in enumerate(("p", "t")):
        rows = {"id": [str(n) for n in range(30)]} | {
            column: [both[place](n) for n in range(30)] for column, both in forms.items()
        }
        pl.DataFrame(rows).write_csv(tmp_path / f"{name}.csv")
    return str(tmp_path / "p.csv"), str(tmp_path / "t.csv")


def taken(found: Comparison) -> tuple[dict[str, str], dict[str, Mapping[str, str]]]:
    rules = {one.column: one.rule for one in found.suggestions if one.rule}
    return rules, {one.column: one.values for one in found.suggestions if one.values}


def test_what_is_proposed_makes_all_of_them_equal_when_it_is_taken(tmp_path: Path) -> None:
    platform, truth = files(tmp_path, FORMS)
    found = auditor.compare(platform, truth, key="id")
    assert {one.column: one.rule for one in found.suggestions} == WANTED
    assert {(one.equal, one.leaves, one.against, one.confidence) for one in found.suggestions} == {(30, 0, 0, 1.0)}
    rules, values = taken(found)
    assert values["land"] == {"Belgium": "BE", "France": "FR", "Pays-Bas": "NL"}
    assert auditor.compare(platform, truth, key="id", rules=rules, values=values).summary["verdict"] == "clean"
    assert [read_suggestion(one) for one in found.summary["suggestions"]] == list(found.suggestions)
    contracts = {one.column: one.contract.partition("\n")[2] for one in found.suggestions}
    assert contracts["crm"] == 'compare = "set:;,"'
    assert contracts["off"] == 'compare = "number:%"'
    assert contracts["phone"] == 'compare = "phone:BE"'
    # A contract takes the platform's values to be spelt as Actito spells them.
    assert {name for name, lines in contracts.items() if not lines} == {
        "born",
        "us",
        "counted",
        "spent",
        "price",
        "vat",
        "piped",
        "vip",
    }


def test_a_rule_for_names_of_months_reads_all_of_them(tmp_path: Path) -> None:
    forms = {
        language: written(language, form)
        for language, form in {
            "nl": "{day} {month} {year}",
            "de": "{day}. {month} {year}",
            "fr": "{day} {month} {year}",
            "it": "{day}-{month}-{year}",
            "es": "{day} de {month} de {year}",
            "pt": "{day:02} {month} {year}",
            "pl": "{day} {month} {year}",
        }.items()
    }
    found = auditor.compare(*files(tmp_path, forms), key="id")
    assert {one.column: (one.rule, one.equal) for one in found.suggestions} == {
        **dict.fromkeys(("nl", "fr", "pt", "pl"), ("date:%d %B %Y", 30)),
        "de": ("date:%d. %B %Y", 30),
        "it": ("date:%d-%B-%Y", 30),
        "es": ("date:%d de %B de %Y", 30),
    }


def test_the_command_that_is_shown_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    platform, truth = files(tmp_path, {name: FORMS[name] for name in ("born", "land")})
    shown = command(capsys, "compare", platform, truth, "--key", "id", "--suggest").out
    assert "2 rules would make 60 of 60 differences equal" in shown
    [line] = [line.strip() for line in shown.splitlines() if line.strip().startswith("auditor compare")]
    again = command(capsys, *shlex.split(line)[1:])
    assert ": no differences" in again.out
    nothing = command(capsys, *shlex.split(line)[1:], "--suggest").out
    assert "would make" not in nothing


def test_what_a_rule_leaves_is_shown(tmp_path: Path) -> None:
    ours, theirs = FORMS["born"]
    found = auditor.compare(*files(tmp_path, {"born": (ours, lambda n: theirs(n) if n else "2001-01-01")}), key="id")
    [one] = found.suggestions
    assert (one.equal, one.leaves, one.left) == (29, 1, (("0", "01/01/1960", "2001-01-01"),))
    assert one.confidence == 1.0, "it is another day, and speaks against nothing"


@pytest.mark.parametrize(
    ("rule", "forms", "values"),
    [
        ("code", FORMS["land"], {"Belgium": "BE", "France": "FR", "Pays-Bas": "NL"}),
        ("", (lambda n: "BE" if n % 3 else "FR", lambda n: "Belgium" if n % 3 else "FR"), {"Belgium": "BE"}),
        (
            "",
            (lambda n: ["BE", "B", "FR", "F"][n % 4], lambda n: ["Belgium", "France"][n % 4 // 2]),
            {"BE": "Belgium", "B": "Belgium", "FR": "France", "F": "France"},
        ),
    ],
)
def test_a_map_is_proposed_as_both_files_spell_its_values(
    tmp_path: Path, rule: str, forms: tuple[Callable[[int], str], Callable[[int], str]], values: Mapping[str, str]
) -> None:
    platform, truth = files(tmp_path, {"c": forms})
    rules = {"c": rule} if rule else {}
    [one] = auditor.compare(platform, truth, key="id", rules=rules).suggestions
    assert (one.rule, one.values, one.leaves, one.against) == ("", values, 0, 0)
    again = auditor.compare(platform, truth, key="id", rules=rules, values={"c": one.values})
    assert again.summary["verdict"] == "clean"


@pytest.mark.parametrize(("wrong", "proposed"), [(4, True), (12, False)])
def test_a_map_is_proposed_where_nine_in_ten_rows_bear_it_out_and_the_others_are_told(
    tmp_path: Path, wrong: int, *, proposed: bool
) -> None:
    """Some rows of a column differ in earnest: for those one audits."""
    ours = ["FM"[n % 2] for n in range(100)]
    theirs = [("12" if n < wrong else "21")[n % 2] for n in range(100)]
    for name, cells in (("p", ours), ("t", theirs)):
        pl.DataFrame({"id": range(100), "c": cells}).write_csv(tmp_path / f"{name}.csv")
    found = auditor.compare(str(tmp_path / "p.csv"), str(tmp_path / "t.csv"), key="id").suggestions
    told = [(one.values, one.equal, one.leaves, one.against, one.confidence) for one in found]
    assert told == ([({"1": "M", "2": "F"}, 96, 4, 4, 0.96)] if proposed else [])


@pytest.mark.parametrize(
    "forms",
    [
        (lambda n: f"{1 + n % 9:02}/{1 + n % 9:02}/2020", lambda n: f"2020-{1 + n % 9:02}-{1 + n % 9:02}"),
        (lambda n: f"n{n * 7}", lambda n: f"m{n * 11}"),
        (lambda n: "Ann" if n else "ANN", lambda _: "Ann"),
        (lambda n: "BE" if n else "FR", lambda n: "Belgium" if n == 5 else "BE"),
        (lambda n: "JN"[n % 2], lambda n: ["false", "true"][n % 2]),
        (lambda n: f"Kerkstraat {n // 5}", lambda n: f"Kerkstraat {n // 5 + 17 * (n < 10)}"),
        (lambda n: ["Silver", "Gold"][n % 2], lambda _: "Gold"),
        (lambda n: f"{1 + n}.250", lambda n: f"{1 + n}250"),
        (lambda n: f"0.{750 + n}", lambda n: f"{750 + n}"),
        (lambda n: f'["{"AB"[n % 2]}"]', lambda n: "AB"[n % 2]),
    ],
)
def test_nothing_is_proposed_where_the_support_is_thin_or_two_rules_would_do(
    tmp_path: Path, forms: tuple[Callable[[int], str], Callable[[int], str]]
) -> None:
    """Days that are their own month, values that share nothing, one pair of values, one of a code; the opposite,
    households that moved, and a change that makes some the equal of others; thousands that may be thousandths,
    kilograms and grams, brackets.
    """
    assert auditor.compare(*files(tmp_path, {"c": forms}), key="id").suggestions == ()


def test_whole_numbers_below_a_thousand_show_that_signs_stand_between_thousands(tmp_path: Path) -> None:
    forms = (lambda n: f"{400 + 70 * n:,}".replace(",", "."), lambda n: f"{400 + 70 * n}")
    [one] = auditor.compare(*files(tmp_path, {"c": forms}), key="id").suggestions
    assert (one.rule, one.equal, one.leaves) == ("number:,", 21, 0)
