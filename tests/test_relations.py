"""What a column tells: another notation, a constant distance, a word for a code; and what it does not tell."""

# ruff: noqa: E501, S311 -- the rows of a table are read better than they are wide; drawn values are no secrets

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import auditor
from auditor.engine.duckdb import DuckDB
from auditor.explain import explain
from auditor.explain.relations import relations
from auditor.explain.value_maps import Mapped, borne_out, mapped
from auditor.findings.codes import Cause
from auditor.findings.english.cause_sentences import cause
from auditor.findings.reason import Reason
from auditor.findings.sentences import with_sentences
from auditor.findings.words import Words
from auditor.model import AttributeType
from auditor.settings.contract import Column, Sensitivity
from tests.cells_table import Cell, column, make_cells

DAYS = [datetime(1960 + n, 1 + n % 9, 1 + n % 28) for n in range(30)]  # noqa: DTZ001 -- days
MOMENTS = [datetime(2024, 1 + n % 12, 1 + n % 28, 10 + n % 10, n) for n in range(30)]  # noqa: DTZ001 -- local
ISO, TIME = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"
BRUSSELS = ZoneInfo("Europe/Brussels")
BEGAN = datetime(1970, 1, 1)  # noqa: DTZ001 -- as the moments are
EXCEL = datetime(1899, 12, 30)  # noqa: DTZ001 -- as the moments are


def pairs(of: Sequence[Any], ours: Callable[[Any], object], theirs: Callable[[Any], object]) -> list[tuple[str, str]]:
    return [(str(ours(one)), str(theirs(one))) for one in of]


def spelt(form: str) -> Callable[[datetime], str]:
    return lambda one: one.strftime(form)


@pytest.mark.parametrize(
    ("form", "of"),
    [(form, DAYS) for form in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y",
                               "%m/%d/%y", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%Y-%m-%d %H:%M:%S")]
    + [(form, MOMENTS) for form in ("%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%Y%m%d%H%M%S")],
)  # fmt: skip
def test_the_same_moment_in_another_notation_is_told_with_both(form: str, of: list[datetime]) -> None:
    iso = ISO if of is DAYS else TIME
    [found] = relations(pairs(of, spelt(form), spelt(iso)), "UTC")
    assert (found.reason, found.pattern) == ("notation", f"{form} → {iso}")


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (lambda one: one.strftime("%Y-%m-%dT%H:%M:%SZ"), "%Y-%m-%dT%H:%M:%S%z"),
        (lambda one: one.replace(tzinfo=BRUSSELS).isoformat(), "%Y-%m-%dT%H:%M:%S (local)"),
        (lambda one: int((one - BEGAN).total_seconds()), "seconds since 1970"),
        (lambda one: 1000 * int((one - BEGAN).total_seconds()), "milliseconds since 1970"),
        (lambda one: f"{(one - EXCEL) / timedelta(1):.10f}", "Excel's days"),
    ],
)
def test_moments_as_numbers_and_with_a_zone_are_a_notation(ours: Callable[[datetime], object], name: str) -> None:
    [found] = relations(pairs(MOMENTS, ours, spelt(TIME)), "UTC")
    assert (found.reason, found.pattern) == ("notation", f"{name} → {TIME}")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("%a, %d %b %Y %H:%M:%S +0000", "%a, %d %b %Y %H:%M:%S%z"),  # a mail's
        ("%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S%z"),
        ("%a %b %d %H:%M:%S %Y", "%a %b %d %Y %H:%M:%S"),  # C's
        ("%A %d %B %Y %H:%M:%S", "%A %d %B %Y %H:%M:%S"),
    ],
)
def test_the_name_of_the_weekday_is_a_notation(form: str, name: str) -> None:
    [found] = relations(pairs(MOMENTS, spelt(form), spelt(TIME)), "UTC")
    assert (found.reason, found.pattern) == ("notation", f"{name} → {TIME}")


@pytest.mark.parametrize(
    ("ours", "theirs", "pattern"),
    [
        ("%d/%m/%Y %H:%M", TIME, "no seconds on platform"),
        (TIME, "%Y-%m-%d %H:%M", "no seconds in truth"),
        (TIME, "%d/%m/%Y", "no time in truth"),
        ("%d %B %Y", "%Y-%m-%dT%H:%M:%S", "no time on platform"),
    ],
)
def test_a_moment_that_lost_its_end_is_cut_off_however_it_is_written(ours: str, theirs: str, pattern: str) -> None:
    moments = [one + timedelta(seconds=7 * n % 60) for n, one in enumerate(MOMENTS)]
    [found] = relations(pairs(moments, spelt(ours), spelt(theirs)), "UTC")
    assert (found.reason, found.pattern) == ("truncated", pattern)


def test_a_day_that_is_the_moment_at_which_it_begins_in_a_zone() -> None:
    """By the clocks of now in every year, as many programs have it: 22 o'clock the day before in summer, else 23."""
    days = [datetime(1944 + n, 1 + n % 12, 1 + n % 28) for n in range(60)]  # noqa: DTZ001 -- days
    begins = lambda one: (one - timedelta(hours=2 if 4 <= one.month <= 9 else 1)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    for both, side in (
        (pairs(days, begins, spelt(ISO)), "in truth"),
        (pairs(days, spelt("%d/%m/%Y"), begins), "on platform"),
    ):
        [found] = relations(both, "UTC")
        assert (found.reason, found.pattern) == ("relation", f"the clock of Europe/Brussels {side}")
        assert all(found.fits(*pair) for pair in both)


@pytest.mark.parametrize(
    "form",
    [
        lambda one: f"{one.year}-{one.month - 1:02}-{one.day:02}",
        lambda one: f"{one.day}/{one.month - 1}/{one.year}",
    ],
)
def test_months_that_are_counted_from_zero_are_so_where_no_calendar_has_the_day(
    form: Callable[[datetime], str],
) -> None:
    days = [datetime(1960 + n, 1 + n % 12, 31 if n % 12 in (0, 2, 4) else 15) for n in range(36)]  # noqa: DTZ001 -- days
    for both, told in ((pairs(days, form, spelt(ISO)), "earlier"), (pairs(days, spelt(ISO), form), "later")):
        [found] = relations(both, "UTC")
        assert found.pattern == f"1 month {told} on platform"
        assert all(found.fits(*pair) for pair in both)


def _later(**by: int) -> Callable[[datetime], str]:
    return lambda one: (one + timedelta(**by)).strftime(TIME)


@pytest.mark.parametrize(
    ("found", "of"),
    [
        ("1 day earlier on platform", pairs(DAYS, spelt(ISO), lambda one: (one + timedelta(1)).strftime(ISO))),
        ("1 day later on platform", pairs(DAYS, spelt("%d/%m/%Y"), lambda one: (one - timedelta(1)).strftime(ISO))),
        ("2 hours earlier on platform", pairs(MOMENTS, spelt(TIME), _later(hours=2))),
        ("1 hour 30 minutes later on platform", pairs(MOMENTS, spelt(TIME), _later(minutes=-90))),
        ("1 month earlier on platform", pairs(DAYS, spelt(ISO), lambda one: one.replace(month=one.month + 1, day=min(one.day, 28)).strftime(ISO))),
        ("100 years later on platform", pairs([one for one in DAYS if one.day < 29], lambda one: one.replace(year=one.year + 100).strftime(ISO), spelt(ISO))),
        ("the clock of Europe/Brussels on platform", pairs(MOMENTS, spelt(TIME), lambda one: one.replace(tzinfo=BRUSSELS).astimezone(ZoneInfo("UTC")).strftime(TIME))),
        ("the clock of America/New_York in truth", pairs(MOMENTS, lambda one: one.replace(tzinfo=ZoneInfo("America/New_York")).astimezone(ZoneInfo("UTC")).isoformat(), spelt(TIME))),
        ("100 times in truth", pairs(range(30), lambda n: f"{7 * n + 3}.50", lambda n: 700 * n + 350)),
        ("1000 times on platform", pairs(range(30), lambda n: 7000 * n + 3, lambda n: Decimal(7000 * n + 3) / 1000)),
        ("1.21 times in truth", pairs(range(30), lambda n: f"{10 + n * 1.37:.2f}", lambda n: f"{(10 + n * 1.37) * 1.21:.2f}")),
        ("the other sign on platform", pairs(range(1, 30), lambda n: -n, lambda n: n)),
        ("5 less on platform", pairs(range(30), lambda n: n * n, lambda n: n * n + 5)),
        ("one for one: BE → Belgium, FR → France, NL → Nederland", pairs(range(30), lambda n: ["BE", "FR", "NL"][n % 3], lambda n: ["Belgium", "France", "Nederland"][n % 3])),
        ("one for one: N → false, O → true", pairs(range(30), lambda n: "ON"[n % 2], lambda n: ["true", "false"][n % 2])),
        ("the opposite", pairs(range(30), lambda n: "JN"[n % 2], lambda n: ["false", "true"][n % 2])),
        ("the opposite", pairs(range(30), lambda n: ["ja", "nee"][n % 2], lambda n: "01"[n % 2])),
        ("the opposite", pairs(range(30), lambda n: "MV"[n % 2], lambda n: "VM"[n % 2])),
        ("several words for one on platform: B → Belgium, BE → Belgium, F → France, …", pairs(range(40), lambda n: ["B", "BE", "F", "FR"][n % 4], lambda n: ["Belgium", "Belgium", "France", "France"][n % 4])),
        ("several words for one in truth: Belgium → B, Belgium → BE, France → F, …", pairs(range(40), lambda n: ["Belgium", "Belgium", "France", "France"][n % 4], lambda n: ["B", "BE", "F", "FR"][n % 4])),
        ("a piece more in front in truth: “KL-”", pairs(range(30), lambda n: 1000 + 37 * n, lambda n: f"KL-{1000 + 37 * n}")),
        ("a piece more at the end on platform: “@x.be”", pairs(range(30), lambda n: f"a{n}@x.be", lambda n: f"a{n}")),
        ("another piece at the end: “old” → “new”", pairs(range(30), lambda n: f"a{n}.old", lambda n: f"a{n}.new")),
        ("another domain: old.be → new.be", pairs(range(30), lambda n: f"a{n}@old.be", lambda n: f"a{n}@new.be")),
        ("another domain: acme.be → acme.eu", [*pairs(range(12), lambda n: f"A{n}@acme.be", lambda n: f"a{n}@ACME.eu")]),
        ("another domain: acme.be → acme.eu, smit.nl → smit-zonen.com", pairs(range(31), lambda n: f"a{n}@{['acme.be', 'smit.nl'][n % 2]}", lambda n: f"a{n}@{['acme.eu', 'smit-zonen.com'][n % 2]}")),
    ],
)  # fmt: skip
def test_a_constant_relation_is_found(found: str, of: list[tuple[str, str]]) -> None:
    noise = [("1999-01-01 00:00:00", "2003-07-08 12:00:00"), ("x", "y"), ("17", "4211")]
    [one] = relations([*of, *noise], "UTC")
    assert (one.reason, one.named()) == ("relation", found)
    assert all(one.fits(*pair) for pair in of)
    assert not any(one.fits(*pair) for pair in noise)


AMOUNTS = [Decimal(1237 * n + 649) / 100 for n in range(1, 40)]


@pytest.mark.parametrize(
    ("pattern", "of"),
    [
        ("rounded in truth", pairs(AMOUNTS, str, lambda one: f"{one:.0f}")),
        ("rounded on platform", pairs(AMOUNTS, lambda one: f"{one:.1f}".replace(".", ","), lambda one: f"{one}".replace(".", ","))),
        ("rounded on platform", pairs(AMOUNTS, lambda one: f"{int(one + Decimal('0.5'))}.00", str)),
        ("rounded in truth", pairs(range(40), lambda n: n + 0.5 + n % 2 / 4, lambda n: n + 1)),  # half up
        ("rounded in truth", pairs(range(40), lambda n: n + 0.5 + n % 3 / 4, lambda n: round(n + 0.5 + n % 3 / 4))),  # half to even
        ("decimals left out in truth", pairs(AMOUNTS, str, int)),
        ("decimals left out on platform", pairs(AMOUNTS, lambda one: f"{int(one * 10) / 10}", str)),
    ],
)  # fmt: skip
def test_rounded_numbers_are_told_as_such(pattern: str, of: list[tuple[str, str]]) -> None:
    noise = [("17", "4211"), ("0.5", "75.25"), ("x", "y")]
    differing = [
        pair for pair in of if pair[0].replace(",", ".").rstrip("0").rstrip(".") != pair[1].rstrip("0").rstrip(".")
    ]
    [one] = [one for one in relations([*differing, *noise], "UTC") if one.reason is Reason.TRUNCATED]
    assert one.pattern == pattern
    assert sum(one.fits(*pair) for pair in differing) >= 0.9 * len(differing)
    assert not any(one.fits(*pair) for pair in noise)


@pytest.mark.parametrize(
    "of",
    [
        pairs(AMOUNTS, str, lambda one: int(one) + 3),
        pairs(range(40), lambda n: f"{n % 5}.{n % 7 + 1}", lambda n: (n * n + 1) % 5),
        pairs(range(40), lambda n: f"+3247000{n:04}.5", lambda n: f"+3247000{n + 1:04}"),
    ],
)
def test_other_numbers_are_not_rounded(of: list[tuple[str, str]]) -> None:
    assert [one.pattern for one in relations(of, "UTC") if one.reason is Reason.TRUNCATED] == []


def test_addresses_that_others_have_already_are_no_new_domain(tmp_path: Path) -> None:
    """A company is renamed, and some people mistype gmail.com; everybody else has it as it is."""
    rows = [(f"a{n}@acme.be", f"a{n}@acme.eu") for n in range(12)]
    rows += [(f"g{n}@gmial.com", f"g{n}@gmail.com") for n in range(9)]
    rows += [(f"h{n}@gmail.com", f"h{n}@gmail.com") for n in range(40)]
    for place, name in enumerate(("p", "t")):
        lines = [f"{n},{row[place]}" for n, row in enumerate(rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,mail", *lines]) + "\n")
    found = auditor.compare(str(tmp_path / "p.csv"), str(tmp_path / "t.csv"), key="id")
    causes = {(row["reason"], row["pattern"], row["profiles"]) for row in found.causes.to_dicts()}
    assert causes == {("relation", "another domain: acme.be → acme.eu", 12), ("typo", "", 9)}


def test_chance_is_no_relation() -> None:
    draw = Random(7)
    for values in (
        [day.strftime(ISO) for day in DAYS],
        [f"+3247{draw.randrange(10**7):07d}" for _ in range(200)],
        [str(draw.randrange(1000)) for _ in range(200)],
        ["nl", "fr", "de"],
        [f"{first}{last}" for first in ("Jan", "Piet", "Ann") for last in ("sens", "ters", "na", "en", "a")],
    ):
        drawn = [(draw.choice(values), draw.choice(values)) for _ in range(200)]
        assert relations([pair for pair in drawn if pair[0] != pair[1]], "UTC") == []


@pytest.mark.parametrize(
    "several",
    [
        [("K\ufffd\ufffd", "Kříž"), ("N\ufffdmec", "Němec")],
        [("╨Ш╨▓╨░╨╜", "Иван"), ("╨Ь╨░╤А╨╕╤П", "Мария")],
        [("HÃ©lÃ¨ne", "Hélène"), ("&eacute;va", "éva")],
        [("J", "false")],
        [("O", "false"), ("N", "true")],
        [("1", "N"), ("2", "J")],
        [("nl", "fr"), ("fr", "de"), ("de", "nl")],
    ],
)
def test_one_word_that_was_damaged_and_a_change_of_mind_are_no_map(several: list[tuple[str, str]]) -> None:
    """Nor are words of which one says the opposite, and nobody knows what the other says."""
    assert mapped(several * 15) is None


ALL = {(f"c{n}", f"word {n}"): 30 for n in range(4)}


@pytest.mark.parametrize(
    ("counted", "filled", "distinct", "kept"),
    [
        (ALL, 120, 4, 4),
        ({**ALL, ("c1", "word 2"): 2}, 122, 4, 4),  # somebody moved
        ({**ALL, ("word 1", "word 1"): 30}, 150, 5, 3),  # who had c1 was made the equal of the others
        ({**ALL, ("c1", "c1"): 30}, 150, 4, 3),
        (dict.fromkeys(ALL, 5), 300, 60, 0),  # households that moved
        (dict.fromkeys(ALL, 10), 300, 30, 0),  # large ones
        (dict.fromkeys(ALL, 15), 300, 10, 4),  # the other values are spelt alike in both languages
        ({}, 300, 10, 0),
    ],
)
def test_a_map_is_borne_out_by_all_rows(
    counted: dict[tuple[str, str], int], filled: int, distinct: int, kept: int
) -> None:
    found = borne_out(Mapped(tuple(ALL)), {pair: pair for pair in ALL}, counted, filled, distinct)
    assert len(found.values if found else ()) == kept


def test_a_map_of_one_pair_needs_ten_rows_and_nobody_against() -> None:
    [pair, *_] = ALL
    alone = Mapped((pair,))
    assert borne_out(alone, {pair: pair}, {pair: 10}, 15, 2) == alone
    assert borne_out(alone, {pair: pair}, {pair: 9}, 15, 2) is None
    assert borne_out(alone, {pair: pair}, {pair: 100, (pair[0], pair[0]): 1}, 101, 2) is None


def test_a_day_that_two_formats_could_mean_is_told_by_the_days_that_only_one_can() -> None:
    """03/04/2020 and 04/03/2020: without a day above 12 in the column, day and month were exchanged."""
    both = pairs(DAYS, spelt("%m/%d/%Y"), spelt("%d/%m/%Y"))
    [found] = relations(both, "UTC")
    assert found.pattern == "%m/%d/%Y → %d/%m/%Y"


COLUMNS = (
    column("birthDate", "date"),
    column("spent", "number", type=AttributeType.NUMERIC),
    column("country", "exact"),
    column("language", "exact", sensitivity=Sensitivity.PUBLIC),
)


def explained(tmp_path: Path, cells: list[Cell], columns: Sequence[Column] = COLUMNS) -> list[tuple[str, str, int]]:
    with closing(DuckDB(temp=tmp_path)) as engine:
        found = explain(engine, make_cells(engine, cells), columns)
        told = with_sentences(engine.frame(found.causes), Words("Actito", "CRM"))
    return [(row["reason"], row["sentence"].partition(": ")[2], row["profiles"]) for row in told.to_dicts()]


def test_causes_say_it_with_the_share_that_fits_and_name_only_what_is_public(tmp_path: Path) -> None:
    codes = {"nl": "Dutch", "fr": "French"}
    cells = [
        Cell(day.strftime("%d/%m/%Y"), day.strftime(ISO), f"k{n}", "birthDate", "date") for n, day in enumerate(DAYS)
    ]
    cells += [Cell(str(n + 1), str(100 * n + 100), f"k{n}", "spent", "number") for n in range(29)]
    cells += [Cell("3", "7", "k29", "spent", "number")]
    for name in ("country", "language"):
        cells += [Cell(["nl", "fr"][n % 2], codes[["nl", "fr"][n % 2]], f"k{n}", name, "exact") for n in range(30)]
    assert explained(tmp_path, cells) == [
        ("notation", "birthDate is the same day, written differently: as %d/%m/%Y in Actito, as %Y-%m-%d in CRM", 30),
        ("relation", "country has another word for each value, one for one: each of Actito stands for "
         "one of CRM (all of its 30 differences)", 30),
        ("relation", "language has another word for each value, one for one: each of Actito stands for "
         "one of CRM: fr → French, nl → Dutch (all of its 30 differences)", 30),
        ("relation", "spent is 100 times as much in CRM as in Actito (97 % of its 30 differences)", 29),
        ("different", "spent is not the same in Actito and CRM", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [
        "one for one: a → b",
        "several words for one on platform",
        "another piece in front",
        "a piece more at the end in truth",
    ],
)
def test_no_cause_says_always_of_what_holds_for_most(pattern: str) -> None:
    one = Cause("country", Reason.RELATION, pattern, 234)
    assert re.search("always|every|each time", cause(one, Words("Actito", "CRM"), differing=240)) is None
    assert "98 % of its 240 differences" in cause(one, Words("Actito", "CRM"), differing=240)
