"""The JSON Schemas of `auditor.toml` and `contract.toml`, made from the definitions that read these files.

Published as `auditor/commands/init/schemas/*.json` and copied beside the settings, where editors find them by the first
line of each file (`#:schema`, as taplo and Even Better TOML read it). A test fails when the published ones are out of
date.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from auditor.files.whole import FOR_OTHERS, write_whole
from auditor.settings import config, contract_file, inputs, servers

FOLDER: Final = "schemas"
"""Beside the settings file."""
NAMES: Final = ("auditor.schema.json", "contract.schema.json")
BESIDE_SETTINGS: Final = f"./{FOLDER}/{NAMES[0]}"
BESIDE_CONTRACT: Final = f"../../{FOLDER}/{NAMES[1]}"
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def published(name: str) -> str:
    """The text of a published schema."""
    return (Path(__file__).parent / FOLDER / name).read_text("utf-8")


def put_beside(settings_folder: Path) -> list[Path]:
    """Copy both schemas to where the files name them; what was there is replaced."""
    folder = settings_folder / FOLDER
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        write_whole(folder / name, published(name))
    return [folder / name for name in NAMES]


def made() -> Mapping[str, str]:
    """Both schemas as the definitions have them now: what `published` must be."""
    models: dict[str, tuple[type[pydantic.BaseModel], str]] = {
        NAMES[0]: (config.Settings, "Settings of the profile auditor"),
        NAMES[1]: (contract_file.File, "Contract of one profile table"),
    }
    return {name: _made(model, title) for name, (model, title) in models.items()}


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return spelt(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _made(model: type[pydantic.BaseModel], title: str) -> str:
    content = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    _tidy(content)
    for name, definition in content.get("$defs", {}).items():
        _describe(definition, name)
    _describe(content, model.__name__)
    document = {"$schema": _DRAFT, **content, "title": title}
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _tidy(node: Any) -> None:
    """Without titles that repeat names, without null (TOML has none) and without defaults that are whole sections."""
    if isinstance(node, list):
        for part in node:
            _tidy(part)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if "default" in node and (node["default"] is None or isinstance(node["default"], dict)):
        del node["default"]
    choices = node.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del node["anyOf"]
        node.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    for part in node.values():
        _tidy(part)


def _describe(definition: dict[str, Any], name: str) -> None:
    """Give each setting the docstring that stands below it in the program."""
    model = next((getattr(one, name) for one in (config, inputs, servers, contract_file) if hasattr(one, name)), None)
    if not (inspect.isclass(model) and issubclass(model, pydantic.BaseModel)):
        return
    for one in reversed(model.__mro__):
        if issubclass(one, pydantic.BaseModel) and one.__module__.startswith("auditor."):
            for field, text in _docstrings(one):
                place = model.model_fields[field].alias or field if field in model.model_fields else field
                if place in definition.get("properties", {}):
                    definition["properties"][place].setdefault("description", text)


def _docstrings(model: type) -> Iterator[tuple[str, str]]:
    body = ast.parse(inspect.getsource(model)).body[0]
    for statement, after in pairwise(getattr(body, "body", ())):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def spelt(length: timedelta) -> str:
    """A length of time as it stands in a file."""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if length and length.total_seconds() % seconds == 0 and length.total_seconds() >= seconds:
            return f"{int(length.total_seconds() // seconds)}{unit}"
    return f"{int(length.total_seconds())}s"


if __name__ == "__main__":  # python -m auditor.commands.init.schema: publish them anew
    for _name, _text in made().items():
        write_whole(Path(__file__).parent / FOLDER / _name, _text, mode=FOR_OTHERS)
