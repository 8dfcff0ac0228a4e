"""Whole comparisons have the same answer from DuckDB and, through Spark Connect, from Sail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from polars.datatypes import DataType
from polars.testing import assert_frame_equal

import auditor
from auditor.cli import execute
from auditor.commands.compare import compare
from auditor.errors import Exit
from auditor.findings.audit import FRAMES, Audit
from auditor.settings.compare_options import Question
from tests.spark_server import closed, sail
from tests.test_rules import NASTY

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sail(tmp_path_factory.mktemp("sail")) as address:
        yield address


def same_answer(question: Question, remote: str, folder: Path) -> Audit:
    """Ask both engines, hold every result of the one against the other's, and give it."""
    ours = compare(question, folder=folder / "duckdb", now=NOW)
    theirs = compare(replace(question, remote=remote), folder=folder / "spark", now=NOW)
    assert (ours.only_platform, ours.only_truth) == (theirs.only_platform, theirs.only_truth)
    assert ours.summary == theirs.summary
    for name in FRAMES:
        written = [pl.read_parquet(folder / engine / f"{name}.parquet") for engine in ("duckdb", "spark")]
        assert_frame_equal(*written, check_row_order=False)
    return ours.audit


NAMES = ("Élodie", "ÉLODIE", "Elodie", "e\u0301lodie", "Łukasz", "Lukasz", "ΟΔΟΣ", "Müller", "Mueller", "MÃ¼ller",
         "M?ller", "van  Loon", "van\xa0Loon", " van Loon", "Jannsen", "Jansen", "Jan", "", None)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["1", "2", "3", "04", "4", "é", "É", "a|b", '"q"', " ", "", None]),
            "name": st.sampled_from(NAMES) | NASTY,
            "email": st.sampled_from(["Ann@Acme.be", "ann@acme.be", "ann@münchen.de", None, "x"]),
            "phone": st.sampled_from(["0470 12 34 56", "+32470123456", "0032470123456", "12", None]),
            "amount": st.sampled_from([0.1, 0.1 + 0.2, 0.3, 1e16, -0.0, 0.0, float("inf"), None]),
            "born": st.sampled_from([date(1980, 2, 1), date(1980, 1, 2), None]),
            "seen": st.sampled_from(
                [datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 2, 10, 0, 0, 5, UTC), None]
            ),
            "tags": st.sampled_from([["a", "b"], ["b", "a"], ['q"', "x,y"], [], None]),
        }
    ),
    min_size=1,
    max_size=12,
)
SCHEMA: dict[str, DataType | type[DataType]] = {
    **dict.fromkeys(("id", "name", "email", "phone"), pl.String),
    "amount": pl.Float64,
    "born": pl.Date,
    "seen": pl.Datetime("us", "UTC"),
    "tags": pl.List(pl.String),
}
RULES = {"name": "text", "email": "email", "phone": "phone:BE"}


def write(rows: Sequence[Mapping[str, object]], path: Path) -> str:
    pl.DataFrame(rows, schema=SCHEMA).write_parquet(path)
    return str(path)


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(platform=ROWS, truth=ROWS, ruled=st.booleans())
def test_generated_tables_have_one_answer(
    remote: str, tmp_path: Path, platform: list[dict[str, object]], truth: list[dict[str, object]], ruled: bool
) -> None:
    files = [write(rows, tmp_path / name) for rows, name in ((platform, "a.parquet"), (truth, "b.parquet"))]
    # A side that is left without a row ends in a panic of Sail: the test below holds that.
    keys = [Counter(key for row in rows if (key := str(row["id"] or "").strip())) for rows in (platform, truth)]
    assume(all(1 in counts.values() for counts in keys))
    question = Question(files[0], files[1], key=("id",), rules=RULES if ruled else {})
    same_answer(question, remote, tmp_path)


@pytest.mark.xfail(strict=True, reason="Sail panics over an outer join one side of which has no row")
def test_a_side_whose_keys_all_stand_twice_has_one_answer(remote: str, tmp_path: Path) -> None:
    blank: dict[str, object] = {**dict.fromkeys(SCHEMA), "born": date(1980, 2, 1)}
    files = [
        write([{**blank, "id": one} for one in ids], tmp_path / name)
        for ids, name in ((("a", "a"), "a.parquet"), (("b", "c"), "b.parquet"))
    ]
    same_answer(Question(files[0], files[1], key=("id",)), remote, tmp_path)


def test_what_the_cluster_sees_itself_has_the_answer_of_what_is_handed_to_it(remote: str, tmp_path: Path) -> None:
    floats = (0.1, 1e16, -0.0, float("inf"), float("nan"), 1e-5, None)
    rows = [
        {
            "id": str(place),
            "name": "e\u0301",
            "amount": amount,
            "born": date(1980, 1, 1 + place),
            "seen": datetime(2026, 3, 2, 10, 0, 0, place, UTC),
            "tags": ["b", 'q"', "x,y"],
        }
        for place, amount in enumerate(floats)
    ]
    changed = [{**row, "name": "É", "amount": 7.5, "born": None, "tags": None} for row in rows]
    files = [write(rows, tmp_path / "a.parquet"), write(changed, tmp_path / "b.parquet")]
    handed = Question(files[0], files[1], key=("id",), remote=remote)
    seen = replace(handed, platform=f"cluster:{files[0]}", truth=f"cluster:{files[1]}")
    answers = [compare(question, now=NOW) for question in (handed, seen)]
    assert_frame_equal(*(answer.differences for answer in answers), check_row_order=False)
    assert answers[0].summary == answers[1].summary
    assert set(answers[0].differences["column"]) == {"name", "amount", "born", "tags"}


def test_text_files_with_every_option_have_one_answer(remote: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'id;part;first name;city;amount;note\n1;x;Ann;GENT;1,0;"a\nb"\n2;x;Bob;Gent;2;\n3;x;Cé;Luik;3;c\n'
        "3;x;Cé;Luik;3;c\n4;x;Dirk;Brugge;4;d\n5;y;Eva;Ieper;5;e\n6;x;;Aalst;6;\n;x;none;Mol;7;\n7;x;Fien;Ghent;8;z\n",
        "utf-8",
    )  # fmt: skip
    (tmp_path / "b.csv").write_text(
        "id;part;first;city;amount;note\n1;x;Ann;Gent;1.0;a b\n2;x;Bob;Gent;2.5;\n3;x;Cé;Luik;3;c\n"
        "4;x;Dirk;Bruges;4;d\n5;y;Eva;Ypres;5;e\n6;x;Gust;Aalst;6;\n07;x;Fien;Gent;8;z\n8;x;Hilde;Gent;9;\n", "utf-8"
    )  # fmt: skip
    (tmp_path / "base.csv").write_text("id;part;city\n1;x;Gent\n2;x;Gent\n4;x;Brugge\n", "utf-8")
    question = Question(
        str(tmp_path / "a.csv"),
        str(tmp_path / "b.csv"),
        key=("id", "part"),
        mapped={"first name": "first"},
        ignored=("note",),
        rules={"city": "name"},
        where="part = 'x' and coalesce(city, '') <> 'Mol' and id < 100",
        base=str(tmp_path / "base.csv"),
    )
    audit = same_answer(question, remote, tmp_path)
    moved = {(row["key"], row["column"]): row["moved"] for row in audit.differences.iter_rows(named=True)}
    assert moved[('["4","x"]', "city")] == "truth"
    assert audit.counts.rows["platform_duplicate"] == 2
    assert audit.counts.rows["platform_excluded"] == 2


def test_columns_may_have_any_name_and_rows_be_rejected(remote: str, tmp_path: Path) -> None:
    names = ["key", "status", "_l", "with `tick`", 'with "quote"', "with.dot", "a b", "row", "ÀÉ", "line\nbreak"]
    rows = [{name: f"{place}{name}" for name in names} for place in range(3)]
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    rows[1]["with.dot"] = "changed"
    rows[2]["line\nbreak"] = "changed too"
    pl.DataFrame(rows).write_parquet(tmp_path / "b.parquet")
    audit = same_answer(
        Question(str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"), key=("key",)), remote, tmp_path
    )
    assert set(audit.differences["column"]) == {"with.dot", "line\nbreak"}


# --- the command ---


def test_the_command_prints_and_writes_what_duckdb_does(
    remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id;name\n1;Ann\n2;Bob\n", "utf-8")
    Path("b.csv").write_text("id;name\n1;ANN\n3;Eve\n", "utf-8")
    said = []
    for more in ((), ("--engine", "spark", "--remote", remote)):
        assert execute(["compare", "a.csv", "b.csv", "--key", "id", "--json", "--out", f"out{len(more)}", *more]) == 0
        told = capsys.readouterr()
        said.append(json.loads(told.out))
        assert ("not checked: validation" in told.err) is bool(more), "nothing is validated on a cluster for now"
    assert said[0] == said[1]
    assert {path.name for path in Path("out0").iterdir()} == {path.name for path in Path("out4").iterdir()}
    assert {oct(path.stat().st_mode & 0o777) for path in Path("out4").iterdir()} == {"0o600"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--engine", "spark"), Exit.SETTINGS, "--engine spark needs --remote"),
        (("--remote", "sc://nowhere"), Exit.SETTINGS, "--remote is for --engine spark"),
        (("--engine", "spark", "--remote", "sc://h", "--match"), Exit.SETTINGS, "--match looks for the same persons"),
        (("--engine", "spark", "--remote", "spark://h"), Exit.SETTINGS, "is written sc://host:15002"),
        (("--engine", "spark", "--remote", "sc://h:1/;token=hush"), Exit.SETTINGS, "a token must not stand in"),
        (
            ("--engine", "spark", "--remote", "sc://h:1/;token=env:NOT_THERE"),
            Exit.SETTINGS,
            "env:NOT_THERE is not there",
        ),
        (("--engine", "spark", "--remote", "sc://127.0.0.1:1"), Exit.TRY_LATER, "sc://127.0.0.1:1 cannot be reached"),
    ],
)
def test_what_is_wrong_with_a_cluster_is_a_sentence(
    arguments: tuple[str, ...],
    code: Exit,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id;name\n1;Ann\n", "utf-8")
    assert execute(["compare", "a.csv", "a.csv", "--key", "id", *arguments]) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "hush" not in shown


def test_a_cluster_that_lets_nobody_in_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id;name\n1;Ann\n", "utf-8")
    with closed() as remote:
        code = execute(["compare", "a.csv", "a.csv", "--key", "id", "--engine", "spark", "--remote", remote])
    assert code == Exit.SETTINGS
    assert f"the Spark cluster at {remote} does not let us in" in capsys.readouterr().err


def test_what_to_install_is_said_where_pyspark_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id;name\n1;Ann\n", "utf-8")
    for name in [name for name in sys.modules if name.startswith(("auditor.engine.spark.", "pyspark"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    arguments = ["compare", "a.csv", "a.csv", "--key", "id", "--engine", "spark", "--remote", "sc://127.0.0.1:1"]
    assert execute(arguments) == Exit.SETTINGS
    assert capsys.readouterr().err.splitlines() == [
        'error: the engine "spark" needs the package pyspark-client, which is not installed',
        "  try: pip install 'profile-auditor[spark]'",
    ]


def test_tables_of_this_process_are_compared_on_a_cluster(remote: str) -> None:
    platform = pl.DataFrame({"id": [1, 2], "name": ["Ann", "Bob"]})
    truth = pl.DataFrame({"id": [1, 3], "name": ["Anna", "Eve"]})
    compared = auditor.compare(platform, truth, key="id", remote=remote)
    shown = compared.differences.select("key", "column", "platform", "truth").rows()
    assert shown == [("1", "name", "Ann", "Anna")]
    assert sorted(compared.profiles.select("key", "status").rows()) == [
        ("1", "conflicting"), ("2", "orphan"), ("3", "missing"),
    ]  # fmt: skip


def test_a_program_that_is_no_file_may_ask_a_cluster(remote: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;name\n1;Ann\n", "utf-8")
    script = f"import auditor; print(auditor.compare('a.csv', 'a.csv', key='id', remote={remote!r}).summary['rows'])"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "'platform': 1" in done.stdout


def test_inputs_of_a_cluster_are_named_when_they_are_not_there(
    remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id;name\n1;Ann\n", "utf-8")
    pl.DataFrame({"id": ["1"], "name": [{"first": "Ann"}]}).write_parquet("nested.parquet")
    spark = ("--key", "id", "--engine", "spark", "--remote", remote)
    assert execute(["compare", "a.csv", "cluster:crm.contacts", "--key", "id"]) == Exit.SETTINGS
    assert "cluster:crm.contacts is what a Spark cluster sees" in capsys.readouterr().err
    assert execute(["compare", "a.csv", "cluster:crm.contacts", *spark]) == Exit.SETTINGS
    assert "the cluster sees no table crm.contacts" in capsys.readouterr().err
    assert execute(["compare", "a.csv", f"cluster:{tmp_path}/nested.parquet", *spark]) == Exit.SETTINGS
    assert 'the column "name"' in capsys.readouterr().err
    assert execute(["compare", "a.csv", "a.csv", "--where", "nme = 'x'", *spark]) == Exit.SETTINGS
    assert "--where nme = 'x': no condition over the columns" in capsys.readouterr().err


def test_what_columns_and_rows_tell_is_the_same_from_both(tmp_path: Path, remote: str) -> None:
    """A notation, a distance, codes, markup, names exchanged in the row, a column that slipped, a copy, two values in
    one cell, cells that were pushed on, two who have each other's, thousandths, and another code page.
    """
    towns = ["Ştefan", "Ţepeş", "Mihăiţă", "Bălan", "Sălăgean"]
    rows = [
        {"id": str(n), "born": f"19{60 + n}-0{1 + n % 9}-{1 + n % 28:02}", "spent": str(n * n + 1),
         "land": "BFN"[n % 3], "note": "Smit & Zonen", "first": f"Ann{n * 7 % 30}", "last": f"Maes{n * 11 % 30}",
         "mail": f"p{n * 13 % 30}@x.be", "home": f"Town {n}", "work": f"Place {n}",
         "street": f"Lane {n}", "box": "", "zip": f"{1000 + n}", "city": f"{chr(97 + n % 26) * 3}ville",
         "boss": f"Boss {n}", "kg": f"{n % 3}.{150 + n}", "town": towns[n % 5]}
        for n in range(30)
    ]  # fmt: skip
    spelt = {"B": "Belgium", "F": "France", "N": "Nederland"}
    there = [
        {**row, "born": "/".join(reversed(row["born"].split("-"))), "spent": str(100 * int(row["spent"])),
         "land": spelt[row["land"]], "note": "Smit &amp; Zonen", "first": row["last"], "last": row["first"],
         "mail": rows[n - 1]["mail"], "work": row["home"] if n < 2 else row["work"],
         "zip": row["city"] if n < 9 else row["zip"], "city": "" if n < 9 else row["city"],
         "boss": rows[1 - n]["boss"] if n < 2 else row["boss"], "kg": str(int(row["kg"].replace(".", ""))),
         "town": row["town"].encode("cp1250").decode("cp1252")}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    rows[5] |= {"street": "Lane 5 bus 12"}
    there[5] |= {"box": "bus 12"}
    for name, side in (("p", rows), ("t", there)):
        pl.DataFrame(side).write_csv(tmp_path / f"{name}.csv")
    question = Question(str(tmp_path / "p.csv"), str(tmp_path / "t.csv"), key=("id",))
    causes = same_answer(question, remote, tmp_path).causes
    assert dict(causes.select("column", "reason").iter_rows()) == {
        "born": "notation", "spent": "relation", "land": "relation", "note": "markup", "first": "exchanged",
        "last": "exchanged", "mail": "slipped", "kg": "relation", "town": "encoding",
        "work": "exchanged", "street": "exchanged", "box": "exchanged",
        "zip": "exchanged", "city": "exchanged", "boss": "swapped",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spell", "rule"),
    [("{}.0", "number"), ("{{{}}}", "identifier"), ("C-{}", "identifier:C-*"), ("{}@X.be", "email")],
)
def test_keys_of_two_systems_are_related_alike(remote: str, tmp_path: Path, spell: str, rule: str) -> None:
    keys = [str(number) for number in range(1001, 1011)]
    truth = [f"{key}@x.be" for key in keys] if "@" in spell else keys
    for name, own in (("a", [spell.format(key) for key in keys]), ("b", truth)):
        (tmp_path / f"{name}.csv").write_text("id,v\n" + "".join(f"{key},x\n" for key in own), "utf-8")
    question = Question(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), key=("id",))
    [notice] = same_answer(question, remote, tmp_path).notices
    assert (notice.parameters["rules"], notice.parameters["keys"]) == ({"id": rule}, 10)
