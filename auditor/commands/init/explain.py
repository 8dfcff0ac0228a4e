"""Where each setting's value comes from: a line of the file, or the program's default. Secrets stay references."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic

from auditor.commands.init.schema import spelt
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract
from auditor.settings.secrets import Secret


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting."""

    name: str
    """As `actito.calls_per_minute`."""
    value: str | None
    """As it would stand in the file, secrets as references; None: not set."""
    line: int | None
    """Of the settings file or the contract, from 1; None: the default."""
    variable: str | None = None
    """The environment variable behind a secret."""
    is_set: bool = False
    """Whether that variable has a value."""
    of_contract: bool = False


def explain(path: Path) -> list[Explained]:
    """Every setting in the order of the definitions, and what the contract lets be written of each field.

    Raises SettingsError as reading the settings and the contract does; where there is no contract yet, none is told.
    """
    settings = read_settings(path)
    lines = lines_of(path.read_text("utf-8-sig"))
    contract = settings.table_folder / "contract.toml"
    return [_explained(name, value, lines) for name, value in _leaves(settings, "")] + list(_fields(contract))


def _fields(contract: Path) -> Iterator[Explained]:
    if not contract.exists():
        return
    columns = read_contract(contract, None).columns
    lines = lines_of(contract.read_text("utf-8-sig"))
    for column in columns:
        name = f"columns.{column.name}.write"
        yield Explained(name, _text(column.write.value), lines.get(name), of_contract=True)


def lines_of(text: str) -> dict[str, int]:
    """Line of each key of a TOML file, by its dotted name. The file is read line by line more, and what is new in it
    came with the lines since it could last be read: whatever the notation, TOML's own reader tells.
    """
    found: dict[str, int] = {}
    lines = text.splitlines(keepends=True)
    begun = 0
    for number in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for name in _names(content, ""):
            found.setdefault(name, begun + 1)
        begun = number
    return found


def without_password(location: str) -> str:
    """A location without what opens it: neither the password of an address nor its query, which may be a token."""
    shown = re.sub(r"(?<=://)([^/@?#\s]*?):[^/?#\s]*@", r"\1:***@", location)
    return re.sub(r"(?<=\w)\?[^#]*", "?***", shown) if "://" in shown else shown


def _explained(name: str, value: Any, lines: Mapping[str, int]) -> Explained:
    line = lines.get(name)
    if isinstance(value, Secret):
        scheme, _, place = value.reference.partition(":")
        variable = place if scheme == "env" else None
        return Explained(name, json.dumps(value.reference), line, variable, bool(variable and os.environ.get(variable)))
    return Explained(name, None if value is None else _text(value), line)


def _leaves(model: pydantic.BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for field, definition in type(model).model_fields.items():
        name, value = prefix + (definition.alias or field), getattr(model, field)
        if isinstance(value, pydantic.BaseModel):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _text(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, Secret):
        return json.dumps(value.reference)
    if isinstance(value, timedelta):
        return json.dumps(spelt(value))
    if isinstance(value, tuple):  # a brake
        return json.dumps([value[0], f"{value[1] * 100:g}%"])
    if isinstance(value, list):
        return f"[{', '.join(_text(one) for one in value)}]"
    if isinstance(value, Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, str):
        return json.dumps(without_password(value), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def _names(content: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in content.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{key}.")
