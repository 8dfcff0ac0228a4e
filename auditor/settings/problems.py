"""Reads a TOML file into a pydantic model and reports everything that is wrong with it at once.

Each problem names the file and the key, says what is wrong, and, for a misspelt key or value, what exists instead.
"""

from __future__ import annotations

import difflib
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic

from auditor.errors import SettingsError
from auditor.files.given import printable

Model = TypeVar("Model", bound=pydantic.BaseModel)

_ABSENT, _KNOWN, _WIDTH = 5, 30, 100
"""Columns that are named of those that are lacking and of those that are there, and characters of a line."""
_NEAR = 0.75
"""How alike a column's name must be, from 0 to 1, to be taken for a misspelt one."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=36_500)
"""The longest length of time that a file may ask for: a moment so long ago or to come still has a date."""
_DIGITS = len(str(int(_LONGEST.total_seconds())))


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
        raise SettingsError(_report(path, error, model, content, "a table")) from None


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
        raise SettingsError(_report(path, error, model, content, "an object")) from None


def problem_list(path: Path, problems: Sequence[str]) -> str:
    """One text for all problems of one file: a line each below a line with the file."""
    problems = list(dict.fromkeys(problems))
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n".join([f"{path} has {len(problems)} problems:", *(f"  - {problem}" for problem in problems)])


def nearest(name: str, known: Iterable[str], closeness: float = 0.6) -> str:
    """`, did you mean "x"?` for the closest of `known`, or an empty text when nothing is as close (from 0 to 1)."""
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=closeness)
    return f', did you mean "{folded[match[0]]}"?' if match else ""


def nearest_or_all(name: str, known: Sequence[str]) -> str:
    """What `nearest` says, or where nothing is close what there is: ` (a, b and 3 more)`; else nothing."""
    there = _cut([printable(one) for one in known], _KNOWN)
    return nearest(name, known) or (f" ({there})" if there else "")


def absent_columns(absent: Sequence[str], known: Sequence[str]) -> str:
    """`column "x", did you mean "y"?` and, below, what is there; of many columns some, and how many more there are."""
    what = "column" if len(absent) == 1 else "columns"
    names = [f'"{printable(name)}"' for name in absent]
    near = [(name, hint) for name, one in zip(names, absent, strict=True) if (hint := nearest(one, known, _NEAR))]
    said = [f"{what} {_cut(names, _ABSENT)}" + (near[0][1] if near and len(absent) == 1 else "")]
    said += [f"  {name}{printable(hint)}" for name, hint in near[:_ABSENT] if len(absent) > 1]
    there = f"it has: {_cut([printable(name) for name in known], _KNOWN)}"
    said += textwrap.wrap(there, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(said)


def _cut(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`"""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def parse_duration(text: object) -> object:
    """`"36h"`, `"90m"`, `"14d"` or `"30s"` as a timedelta; anything else is an error that says so."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d+)\s*([smhd])", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('a length of time such as "36h", "90m" or "14d" is expected')
    if len(match[1]) > _DIGITS or (told := timedelta(**{_UNITS[match[2]]: int(match[1])})) > _LONGEST:
        raise ValueError(f"a length of time of {_LONGEST.days}d at most is expected")
    return told


Duration = Annotated[
    timedelta,
    pydantic.BeforeValidator(parse_duration),
    pydantic.WithJsonSchema({"type": "string", "pattern": r"^\d+\s*[smhd]$"}),
]
"""A length of time in a file, written as `"36h"`."""


def _report(
    path: Path, error: pydantic.ValidationError, model: type[pydantic.BaseModel], content: Any, group: str
) -> str:
    """Every problem of a file; `group` is what names with values are called in its language."""
    return problem_list(path, [_sentence(one, model, content, group) for one in error.errors(include_url=False)])


def _sentence(problem: Any, model: type[pydantic.BaseModel], content: Any, group: str) -> str:
    place = ".".join(_place(problem["loc"], content, absent=problem["type"] == "missing"))
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return f"unknown setting {place}{nearest(str(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{place} is missing"
    # The input itself is not repeated: it may be a secret. Nor is what our own classes are called.
    named = problem["type"] in ("model_type", "model_attributes_type", "dataclass_type", "dict_type", "mapping_type")
    text = f"{group} is expected" if named else str(problem["msg"]).removeprefix("Value error, ")
    said = f"{text[:1].lower()}{text[1:]}"
    return f"{place}: {said}" if place else said


def _place(parts: Sequence[str | int], content: Any, *, absent: bool) -> list[str]:
    """The parts that stand in the file; others name the alternatives of a type."""
    found = []
    for number, part in enumerate(parts, 1):
        if (isinstance(content, dict) and part in content) or (isinstance(content, list) and isinstance(part, int)):
            content = content[part]  # type: ignore[index]  # a list has an int, a table a text
            found.append(str(part))
        elif absent and number == len(parts):
            found.append(str(part))
    return found


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
