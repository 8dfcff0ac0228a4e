"""Reads a TOML file into a pydantic model and reports everything that is wrong with it at once.

Each problem names the file and the key, says what is wrong, and, for a misspelt key or value, what exists instead.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic

from auditor.errors import SettingsError

Model = TypeVar("Model", bound=pydantic.BaseModel)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Strict(pydantic.BaseModel):
    """Base of everything that is read from a file: unknown keys are errors, values are never changed."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


def read_toml(path: Path, model: type[Model], *, what: str, context: Any = None, text: str | None = None) -> Model:
    """Read `path` into `model`. `what` names the file in the error, for example "settings file".

    `context` is handed to the model's validators. `text` is the file's content where it is not written yet.

    Raises SettingsError when the file is absent, is not TOML or does not fit the model.
    """
    try:
        raw = path.read_bytes() if text is None else text.encode()
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {what} {path}",
            hint="make one with `auditor init`, or look around in `auditor demo`",
        ) from None
    except OSError as error:
        raise SettingsError(f"cannot read the {what} {path}: {error.strerror}") from None
    try:
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    try:
        return model.model_validate(content, context=context)
    except pydantic.ValidationError as error:
        raise SettingsError(_report(path, error, model)) from None


def read_json(path: Path, model: type[Model], *, what: str) -> Model:
    """Read `path` into `model`. `what` names the file in the error, for example "decisions file".

    Raises SettingsError when the file is absent, is not JSON or does not fit the model.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"there is no {what} {path}") from None
    except OSError as error:
        raise SettingsError(f"cannot read the {what} {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path} is not valid JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise SettingsError(f"{path} is no {what}: it is nested too deeply") from None
    try:
        return model.model_validate(content)
    except pydantic.ValidationError as error:
        raise SettingsError(_report(path, error, model)) from None


def problem_list(path: Path, problems: Sequence[str]) -> str:
    """One text for all problems of one file: a line each below a line with the file."""
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n".join([f"{path} has {len(problems)} problems:", *(f"  - {problem}" for problem in problems)])


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` for the closest of `known`, or an empty text when nothing is close."""
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f', did you mean "{folded[match[0]]}"?' if match else ""


def parse_duration(text: object) -> object:
    """`"36h"`, `"90m"`, `"14d"` or `"30s"` as a timedelta; anything else is an error that says so."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d+)\s*([smhd])", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('a length of time such as "36h", "90m" or "14d" is expected')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Duration = Annotated[
    timedelta,
    pydantic.BeforeValidator(parse_duration),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^\d+\s*[smhd]$"}),
]
"""A length of time in a file, written as `"36h"`."""


def _report(path: Path, error: pydantic.ValidationError, model: type[pydantic.BaseModel]) -> str:
    return problem_list(path, [_sentence(problem, model) for problem in error.errors(include_url=False)])


def _sentence(problem: Any, model: type[pydantic.BaseModel]) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return f"unknown setting {place}{nearest(str(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{place} is missing"
    # The input itself is not repeated: it may be a secret.
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {text[:1].lower()}{text[1:]}"


def _known_keys(model: type[pydantic.BaseModel], place: Sequence[Any]) -> list[str]:
    """The keys that exist at `place`, found by walking the model's annotations."""
    current: Any = model
    for part in place:
        fields = getattr(current, "model_fields", {})
        if part in fields:
            current = _inner(fields[part].annotation)
    fields = getattr(current, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _inner(annotation: Any) -> Any:
    """The model inside `X | None` or `dict[str, X]`; the annotation itself where there is none."""
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner(argument)
        if hasattr(inner, "model_fields"):
            return inner
    return annotation
