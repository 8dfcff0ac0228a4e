"""Derived truth columns: what they may be made of, what they give, and that a name wins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from auditor.cli import execute
from auditor.engine.duckdb import DuckDB
from auditor.equality.derived import add_derived, derived
from auditor.errors import Exit, SettingsError
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from tests.driven_sandbox import Sandbox
from tests.structure_folder import column, make

ROWS = {
    "first": ["An", None, "Cé"],
    "last": ["Peeters", "Bo", "O'Neil"],
    "points": ["12", "x", None],
    "born": ["01/02/1980", "31/12/1999", None],
    "a || b": ["name", "wins", "here"],
    "#": ["1", "2", "3"],
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    (tmp_path / "secret.csv").write_text("x\n1\n", "utf-8")
    pl.DataFrame(ROWS).write_parquet(tmp_path / "landed.parquet")
    engine = DuckDB(temp=tmp_path / "spill", folders=[tmp_path])
    yield engine
    engine.close()


def contract(tmp_path: Path, expression: str) -> Contract:
    text = (
        f'key = ["k"]\n[columns.k]\ntruth = "last"\n[columns.x]\ntruth = {json.dumps(expression, ensure_ascii=False)}\n'
    )
    return read_contract(tmp_path / "contract.toml", None, text=text)


def worked_out(engine: DuckDB, tmp_path: Path, expression: str) -> Sequence[str | None]:
    found = derived(contract(tmp_path, expression), list(ROWS))
    query = add_derived(engine, found, tmp_path / "landed.parquet")
    assert query is not None
    rows = engine.execute(f'SELECT "{expression}" FROM ({query})')
    return [value for (value,) in rows]


def umlauts(text: str) -> str:
    for letter, spelt in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue"), ("ß", "ss")):
        text = f"replace({text}, '{letter}', '{spelt}')"
    return text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("first || ' ' || last", ["An Peeters", None, "Cé O'Neil"]),
        ("concat_ws(' ', first, last)", ["An Peeters", "Bo", "Cé O'Neil"]),
        ("coalesce(first, '?')", ["An", "?", "Cé"]),
        ("upper(left(last, 2))", ["PE", "BO", "O'"]),
        ("strip_accents(first)", ["An", None, "Ce"]),
        ("strftime(strptime(born, '%d/%m/%Y'), '%Y-%m-%d')", ["1980-02-01", "1999-12-31", None]),
        ("try_cast(points as integer) + 1", ["13", None, None]),
        ("case when first is null then 'no' else 'yes' end", ["yes", "no", "yes"]),
        ("last in ('Bo', 'Di')", ["false", "true", "false"]),
        ("lpad(\"#\", 3, '0')", ["001", "002", "003"]),
        ("nullif(regexp_replace(last, '[^a-z]', '', 'g'), '')", ["eeters", "o", "eil"]),
        ("split_part(born, '/', 3)", ["1980", "1999", None]),
        ("rpad(last, 1000, ' ')", ["Peeters".ljust(1000), "Bo".ljust(1000), "O'Neil".ljust(1000)]),
        (umlauts("last"), ["Peeters", "Bo", "O'Neil"]),
        ("replace(last, 'e', first)", ["PAnAntAnrs", None, "O'NCéil"]),
    ],
)
def test_what_an_expression_gives(expression: str, expected: list[str | None], engine: DuckDB, tmp_path: Path) -> None:
    found = derived(contract(tmp_path, expression), list(ROWS))
    query = add_derived(engine, found, tmp_path / "landed.parquet")
    with engine.in_order():
        frame = duckdb_rows(engine, str(query))
    assert frame == expected


def duckdb_rows(engine: DuckDB, query: str) -> list[str | None]:
    """The last column of a query: a text, whatever the expression is made of."""
    _, kinds = engine.shape(f"({query})")
    assert str(kinds[-1]) == "VARCHAR"
    return [row[-1] for row in engine.execute(query)]


@pytest.mark.parametrize(
    "expression",
    [
        "read_text('/etc/passwd')",
        "(select content from read_text('/etc/passwd'))",
        "(select x from 'secret.csv')",
        "first || (select max(x) from read_csv('secret.csv'))",
        "last in (select x from 'secret.csv')",
        "exists(from 'secret.csv')",
        "getenv('HOME')",
        "current_setting('memory_limit')",
        "version()",
        "now()",
        "random()",
        "first; drop table x",
        "first; select 1",
        "* exclude (first)",
        "columns(*)",
        "count(first)",
        "sum(points) over ()",
        "list_transform([first], x -> x)",
        "(first)::json",
        "cast(first as struct(a text))",
        "cast(first as secret_type)",
        "repeat(first, 1000000000)",
        "lpad(first, 1000000000, 'x')",
        "rpad(first, 1001, 'x')",
        "lpad(first, 1e9, 'x')",
        "lpad(first, points::int, 'x')",
        "lpad(first, length(first) * 1000000, 'x')",
        "replace(replace(first, 'a', first), 'b', first)",
        "replace(first, 'a', '" + "x" * 2000 + "')",
        "regexp_replace(first, '.', '" + r"\0" * 2000 + "', 'g')",
        "lpad(" + "regexp_replace(" * 4 + "first" + ", '', 'xxxxxxxxx', 'g')" * 4 + ", 3, '0')",
        "'x' || $1",
        "truth_raw.first || ''",
        "first || lst",
        "FIRST || ''",
        "first ||",
        "(first",
        "'/etc/passwd' -- || first\n || first()",
    ],
)
def test_what_is_refused(expression: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"columns\.x"):
        derived(contract(tmp_path, expression), list(ROWS))


def test_a_misspelt_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='did you mean "last"'):
        derived(contract(tmp_path, "first || lst"), list(ROWS))


@pytest.mark.parametrize("name", ["a || b", "#", "first", "no such column", "last-name"])
def test_names_are_no_expressions(name: str, tmp_path: Path) -> None:
    assert derived(contract(tmp_path, name), list(ROWS)) == []


@pytest.mark.parametrize("expression", ["cast(points as integer) + 1", "strptime(last, '%d/%m/%Y') || ''"])
def test_what_fails_on_a_row_shows_no_value(expression: str, engine: DuckDB, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="for every row") as caught:
        worked_out(engine, tmp_path, expression)
    told = f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert "Peeters" not in told
    assert "'x'" not in told


def test_types_that_do_not_fit_are_told(engine: DuckDB, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be worked out"):
        worked_out(engine, tmp_path, "first - last")


def test_a_run_compares_what_was_worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    with Sandbox(tmp_path / "licence", profiles=3, seed=1, limits="extended") as sandbox:
        extra = column("firstName", "given || ' ' || name") + column("nickname", "a || b")
        columns = {"given": ["Anna", "Bob", "Cyd", "Dia"], "a || b": ["p", "q", "r", "s"]}
        folder = make(tmp_path / "work", sandbox, columns=columns, extra=extra)
        monkeypatch.chdir(folder)
        assert execute(["run", "--json"]) in (Exit.FINE, Exit.INCOMPLETE)
        [run] = [path for path in (folder / "runs").iterdir() if path.is_dir()]
        made = pl.read_parquet(run / "creations.parquet").sort("key")
        assert made["firstName"].to_list() == ["Anna Ann", "Bob Bo", "Cyd Cy", "Dia Di"]
        assert made["nickname"].to_list() == ["p", "q", "r", "s"]
        contract = folder / "expectations" / "Customers" / "contract.toml"
        contract.write_text(contract.read_text("utf-8").replace("given || ", "gven || "), "utf-8")
        capsys.readouterr()
        assert execute(["run"]) == Exit.SETTINGS
        assert 'did you mean "given"?' in capsys.readouterr().err
