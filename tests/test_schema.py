"""The published JSON Schemas say what the program says of the same files."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from auditor.cli.demonstration import SETTINGS as DEMO_SETTINGS
from auditor.commands.init.schema import BESIDE_CONTRACT, BESIDE_SETTINGS, NAMES, made, published, put_beside
from auditor.errors import SettingsError
from auditor.files.data import data_folder
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract


@pytest.mark.parametrize("name", NAMES)
def test_the_published_schema_is_the_one_of_the_definitions(name: str) -> None:
    assert published(name) == made()[name], "python -m auditor.commands.init.schema publishes them anew"
    Draft202012Validator.check_schema(json.loads(published(name)))


def test_the_settings_of_the_demo_are_right() -> None:
    text = DEMO_SETTINGS.format(url="http://127.0.0.1:8700")
    assert text.startswith(f"#:schema {BESIDE_SETTINGS}\n")
    assert errors("auditor.schema.json", text) == []


def errors(name: str, text: str) -> list[str]:
    validator: Any = Draft202012Validator(json.loads(published(name)))
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


def test_the_contract_of_the_demo_is_right() -> None:
    text = (data_folder("expectations") / "Customers" / "contract.toml").read_text("utf-8")
    assert errors("contract.schema.json", text) == []


SETTINGS = """\
entity = "acme"
table = "Customers"
[actito]
url = "https://api3.actito.com"
api_key = "env:KEY"
[platform]
export = "exports/*.csv"
[truth]
from = "crm/*.csv"
"""

RIGHT_SETTINGS = {
    "as little as there must be": "",
    "a length of time": '[engine]\nmemory_limit = "512MB"\n[state]\nretain = { snapshots = "14d" }\n',
    "brakes": '[fixes]\nbrakes = { update = [500, "5%"], create = 100, unsubscribe = "1.5%", delete = 0 }\n',
    "the report": '[report]\nprivacy = "aggregate"\n',
}
WRONG_SETTINGS = {
    "an unknown section": "[reprot]\nprivacy = 'full'\n",
    "an unknown key": "[report]\nprivcy = 'full'\n",
    "a word that is none of the choices": "[report]\nprivacy = 'none'\n",
    "a length without a unit": "[state]\nretain = { runs = 14 }\n",
    "a length with a wrong unit": "[state]\nretain = { runs = '14 years' }\n",
    "a number as text": "[fixes]\nbulk_min_rows = 'many'\n",
    "a number that is too small": "[fixes]\nbulk_min_rows = 0\n",
    "a brake without a percent sign": "[fixes]\nbrakes = { update = '5' }\n",
    "a brake below nothing": "[fixes]\nbrakes = { update = -1 }\n",
    "an amount of memory without a unit": "[engine]\nmemory_limit = '4'\n",
    "another engine": "[engine]\nname = 'sqlite'\n",
}


@pytest.mark.parametrize("case", RIGHT_SETTINGS)
def test_right_settings(case: str, tmp_path: Path) -> None:
    text = SETTINGS + RIGHT_SETTINGS[case]
    read_settings(tmp_path / "auditor.toml", text=text)
    assert errors("auditor.schema.json", text) == []


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_settings_that_the_program_refuses(case: str, tmp_path: Path) -> None:
    text = SETTINGS + WRONG_SETTINGS[case]
    with pytest.raises(SettingsError):
        read_settings(tmp_path / "auditor.toml", text=text)
    assert errors("auditor.schema.json", text) != []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('api_key = "env:KEY"', 'api_key = "3f6c1a"'),
        ('api_key = "env:KEY"', 'api_key = "env:"'),
        ('api_key = "env:KEY"', 'api_key = "env:KEY"\nwrite_api_key = "secret"'),
        ('api_key = "env:KEY"', 'api_key = "env:KEY"\ndialect = "v6"'),
        ('api_key = "env:KEY"', 'api_key = "env:KEY"\nconcurrency = 0'),
        ('url = "https://api3.actito.com"', 'url = "http://api3.actito.com"'),
        ('entity = "acme"', ""),
        ('export = "exports/*.csv"', "export = 1"),
        ('from = "crm/*.csv"', ""),
        ('from = "crm/*.csv"', 'from = "crm/*.csv"\nseparator = ";;"'),
    ],
)
def test_settings_with_one_wrong_line(right: str, wrong: str, tmp_path: Path) -> None:
    text = SETTINGS.replace(right, wrong)
    assert text != SETTINGS
    with pytest.raises(SettingsError):
        read_settings(tmp_path / "auditor.toml", text=text)
    assert errors("auditor.schema.json", text) != []


CONTRACT = """\
key = ["customerId"]
timezone = "Europe/Brussels"
[columns.customerId]
truth = "id"
"""

WRONG_CONTRACTS = {
    "no key": ('key = ["customerId"]', ""),
    "an empty key": ('["customerId"]', "[]"),
    "no columns": ('[columns.customerId]\ntruth = "id"', ""),
    "a column that nothing feeds": ('truth = "id"', 'compare = "text"'),
    "an unknown rule": ('truth = "id"', 'truth = "id"\ncompare = "fuzzy"'),
    "an unknown master": ('truth = "id"', 'truth = "id"\nmaster = "crm"'),
    "an unknown permission": ('truth = "id"', 'truth = "id"\npermission = "yes"'),
    "a general permission that is none": ('truth = "id"', 'truth = "id"\ngeneral = true'),
    "a decimal sign that is none": ('truth = "id"', 'truth = "id"\ndecimal = ";"'),
    "a value that is no text": ('truth = "id"', 'truth = "id"\nvalues = { a = 1 }'),
    "a distance below nothing": ('truth = "id"', 'truth = "id"\ncompare = "number"\ntolerance = -1'),
    "a misspelt key": ('truth = "id"', 'truth = "id"\nsensitivty = "public"'),
    "moments without a zone": ('timezone = "Europe/Brussels"', 'updated = { truth = "changed" }'),
    "an unknown evidence": ('truth = "id"', 'truth = "id"\nevidence = { when = "x" }'),
}


@pytest.mark.parametrize("case", WRONG_CONTRACTS)
def test_contracts_that_the_program_refuses(case: str, tmp_path: Path) -> None:
    text = CONTRACT.replace(*WRONG_CONTRACTS[case])
    assert errors("contract.schema.json", CONTRACT) == []
    with pytest.raises(SettingsError):
        read_contract(tmp_path / "contract.toml", None, text=text)
    assert errors("contract.schema.json", text) != []


@pytest.mark.parametrize(
    "more",
    [
        'compare = "phone:BE"',
        'compare = "number"\ntolerance = 0.01',
        'evidence = { date = "at" }',
        'values = { H = "M" }',
        'permission = "opt-out"\ngeneral = true',
    ],
)
def test_right_contracts(more: str, tmp_path: Path) -> None:
    text = CONTRACT + more + "\n"
    read_contract(tmp_path / "contract.toml", None, text=text)
    assert errors("contract.schema.json", text) == []


def test_the_files_name_schemas_that_are_there(tmp_path: Path) -> None:
    put_beside(tmp_path)
    folder = tmp_path / "expectations" / "Customers"
    folder.mkdir(parents=True)
    shutil.copy(data_folder("expectations") / "Customers" / "contract.toml", folder)
    first = (folder / "contract.toml").read_text("utf-8").partition("\n")[0]
    assert first == f"#:schema {BESIDE_CONTRACT}"
    assert json.loads((folder / BESIDE_CONTRACT).read_text("utf-8"))["title"]
    assert json.loads((tmp_path / BESIDE_SETTINGS).read_text("utf-8"))["title"]


def test_editors_can_say_what_a_setting_is_for() -> None:
    schema = json.loads(published("auditor.schema.json"))
    assert schema["$defs"]["Actito"]["properties"]["bulk_empty"]["description"]
    assert schema["$defs"]["Platform"]["properties"]["max_age"]["default"] == "36h"


def test_a_subscription_is_no_general_consent(tmp_path: Path) -> None:
    text = CONTRACT + '[columns."subscriptions#News"]\ntruth = "news"\ngeneral = true\n'
    with pytest.raises(SettingsError, match=r"columns\.subscriptions#News\.general: a subscription is given for one"):
        read_contract(tmp_path / "contract.toml", None, text=text)
