"""`auditor config explain`: every setting, its value, and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli import execute
from auditor.commands.init.explain import lines_of, without_password
from auditor.commands.init.schema import published
from auditor.errors import Exit

FILE = """\
#:schema ./schemas/auditor.schema.json
entity = "acme"
table  = "Customers"   # a comment with [brackets] and = signs

actito.url = "https://api3.actito.com"
actito.api_key = "env:AUDITOR_TEST_KEY"

[platform]
export = "sftp://reader:s3same@files.acme.example/out/*.zip"

[truth]
from = '''
crm/*.csv'''

[fixes]
realtime = [
  "subscriptions#*",
  "max_age = 3",   # not a setting
]
brakes = { update = [500, "5%"], clear = 3 }

[state]
dir    = "state"
retain = { snapshots = "7d" }
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUDITOR_TEST_KEY", "very-secret-indeed")
    (tmp_path / "auditor.toml").write_text(FILE.replace("'''\ncrm", "'''crm"), "utf-8")
    return tmp_path / "auditor.toml"


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert execute(["config", "explain", "--json"]) == Exit.FINE
    content = json.loads(capsys.readouterr().out)
    assert content["format"] == 1
    return {one["name"]: one for one in content["settings"]}


def test_the_line_of_every_setting_of_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = file.read_text("utf-8").splitlines()
    found = document(capsys)
    told = {name: lines[int(str(one["line"])) - 1] for name, one in found.items() if one["line"] is not None}
    assert {name: line.split(" ")[0].split(".")[-1] for name, line in told.items()} == {
        "entity": "entity",
        "table": "table",
        "actito.url": "url",
        "actito.api_key": "api_key",
        "platform.export": "export",
        "truth.from": "from",
        "fixes.realtime": "realtime",
        "fixes.brakes.update": "brakes",
        "fixes.brakes.clear": "brakes",
        "state.dir": "dir",
        "state.retain.snapshots": "retain",
    }
    assert {one["origin"] for name, one in found.items() if name not in told} == {"default"}


def test_values_are_as_they_would_stand_in_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {name: one["value"] for name, one in document(capsys).items()}
    assert found["platform.max_age"] == '"36h"'
    assert found["state.retain.snapshots"] == '"7d"'
    assert found["state.retain.runs"] == '"400d"'
    assert found["fixes.brakes.update"] == '[500, "5%"]'
    assert found["fixes.realtime"] == '["subscriptions#*", "max_age = 3"]'
    assert found["actito.concurrency"] == "3"
    assert found["actito.write_api_key"] is None


def test_every_setting_is_there(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(published("auditor.schema.json"))

    def leaves(node: dict[str, object], prefix: str) -> set[str]:
        names: set[str] = set()
        properties = node.get("properties", {})
        assert isinstance(properties, dict)
        for name, one in properties.items():
            inner = schema["$defs"].get(str(one.get("$ref", "")).rpartition("/")[2], {})
            names |= leaves(inner, f"{prefix}{name}.") if "properties" in inner else {prefix + name}
        return names

    assert set(document(capsys)) == leaves(schema, "")


def test_what_may_be_written_of_each_field(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = document(capsys)
    folder = file.parent / "expectations" / "Customers"
    folder.mkdir(parents=True)
    fields = {"customerId": "", "city": 'write = "only-if-empty"', "subscriptions#News": 'write = "never"'}
    lines = ['key = ["customerId"]']
    for name, write in fields.items():
        lines += [f'[columns."{name}"]', f'truth = "{name}"', write]
    (folder / "contract.toml").write_text("\n".join(lines), "utf-8")
    found = {name: one for name, one in document(capsys).items() if name not in before}
    assert {name: (one["value"], one["origin"], one["line"]) for name, one in found.items()} == {
        "columns.customerId.write": ('"always"', "default", None),
        "columns.city.write": ('"only-if-empty"', "contract", 7),
        "columns.subscriptions#News.write": ('"never"', "contract", 10),
    }
    assert execute(["config", "explain"]) == Exit.FINE
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert 'columns.city.write = "only-if-empty" contract, line 7' in shown
    assert 'columns.customerId.write = "always" default' in shown


def test_secrets_are_masked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys)
    assert found["actito.api_key"]["value"] == '"env:AUDITOR_TEST_KEY"'
    assert (found["actito.api_key"]["origin"], found["actito.api_key"]["set"]) == ("environment", True)
    for arguments in (["config", "explain"], ["config", "explain", "--json"]):
        assert execute(arguments) == Exit.FINE
        said = capsys.readouterr()
        for secret in ("very-secret-indeed", "s3same"):
            assert secret not in said.out + said.err


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("crm/*.csv", "crm/*.csv"),
        ("crm/what?.csv", "crm/what?.csv"),
        ("sftp://files.acme.example/a", "sftp://files.acme.example/a"),
        ("sftp://me@files.acme.example/a", "sftp://me@files.acme.example/a"),
        ("sftp://me:p@ss@files.acme.example/a", "sftp://me:***@files.acme.example/a"),
        ("postgresql+psycopg://me:x:y@db/crm", "postgresql+psycopg://me:***@db/crm"),
        ("https://acme.example/a.csv?token=abc&x=y", "https://acme.example/a.csv?***"),
    ],
)
def test_passwords_and_tokens_of_addresses(location: str, shown: str) -> None:
    assert without_password(location) == shown


def test_the_screen_has_eighty_columns(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["config", "explain"]) == Exit.FINE
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "environment: set" in shown
    assert "line 2" in shown.splitlines()[0]


def test_a_variable_that_is_not_set(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AUDITOR_TEST_KEY")
    assert execute(["config", "explain"]) == Exit.FINE
    assert "NOT SET" in capsys.readouterr().out


def test_wrong_settings_are_told_as_ever(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(FILE + "[reprot]\n", "utf-8")
    assert execute(["config", "explain"]) == Exit.SETTINGS
    assert 'did you mean "report"?' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", {}),
        ("a = 1\r\n\r\n[b]\r\nc = 2\r\n", {"a": 1, "b": 3, "b.c": 4}),
        ('a = """\n[b]\nc = 1\n"""\nd = 2', {"a": 1, "d": 5}),
        ("[a]\n# c\n[a.b]\nc = { d = 1 }", {"a": 1, "a.b": 3, "a.b.c": 4, "a.b.c.d": 4}),
        ('x."y.z" = [\n1,\n2]\n', {"x": 1, "x.y.z": 1}),
    ],
)
def test_lines_whatever_the_notation(text: str, lines: dict[str, int]) -> None:
    assert lines_of(text) == lines


def test_schemas_are_renewed(file: Path) -> None:
    (file.parent / "schemas").mkdir()
    (file.parent / "schemas" / "auditor.schema.json").write_text("{}", "utf-8")
    assert execute(["config", "schemas"]) == Exit.FINE
    assert (file.parent / "schemas" / "auditor.schema.json").read_text("utf-8") == published("auditor.schema.json")
