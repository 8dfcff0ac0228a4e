"""Request bodies and import rows as changes of a profile: column to stored text, None where a value is cleared.

V4 bodies are lists of names and values, V5 bodies flat objects; from here on they are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from auditor.sandbox.checks import Problem, accept, known
from auditor.sandbox.dialect import MULTI_VALUE_SEPARATOR, SEGMENTATION, SUBSCRIPTION, Code
from auditor.sandbox.state import Profile, Profiles
from auditor.sandbox.structure import Table

Changes = dict[str, str | None]

_FLAT: Final = (("attributes", ""), ("subscriptions", SUBSCRIPTION), ("segmentations", SEGMENTATION))
COLLECTED: Final = "dataCollectionInformation"
"""Where and when a permission was given: see `wire`."""


class Refusal(Exception):
    """An answer other than success: status, a sentence, and what is wrong with which field."""

    def __init__(self, status: int, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems


def changes_v4(table: Table, body: Any) -> Changes:
    """Reads a body with the sections attributes, subscriptions and segmentations (§6.1). Raises Refusal (400)."""
    if not isinstance(body, dict):
        raise Refusal(400, "a JSON object is expected")
    given: list[tuple[str, Any]] = []
    try:
        given += [(item["name"], item.get("value")) for item in body.get("attributes") or ()]
        given += [(SUBSCRIPTION + item["name"], item["subscribe"]) for item in body.get("subscriptions") or ()]
        given += [_segment_v4(table, item) for item in body.get("segmentations") or ()]
    except (KeyError, TypeError, AttributeError):
        raise Refusal(400, "a section of the body does not have the expected form") from None
    return checked(table, given)


def changes_v5(table: Table, body: Any, besides: tuple[str, ...] = ()) -> Changes:
    """Reads a body with flat sections (§6.4), and parts `besides` that are read elsewhere. Raises Refusal (400), too
    for a part that no body has: whoever sends one would think that it was heeded.
    """
    if not isinstance(body, dict):
        raise Refusal(400, "a JSON object is expected")
    if body.keys() - {*(section for section, _ in _FLAT), COLLECTED, *besides}:
        raise Refusal(400, "the body has a part that is not known")
    given: list[tuple[str, Any]] = []
    for section, prefix in _FLAT:
        content = body.get(section) or {}
        if not isinstance(content, dict):
            raise Refusal(400, f"{section} is not an object")
        given += [(prefix + name, value) for name, value in content.items()]
    return checked(table, given)


def checked(table: Table, given: Iterable[tuple[str, Any]]) -> Changes:
    """Every value as it is stored. Raises Refusal (400) that names every field that is refused."""
    changes: Changes = {}
    problems: list[Problem] = []
    for column, value in given:
        problem = known(table, column)
        if problem is None:
            text = as_text(value)
            stored = accept(table, column, text) if text else None
            if isinstance(stored, Problem):
                problem = stored
            else:
                changes[column] = stored
        if problem is not None:
            problems.append(problem)
    problems += [
        Problem(column, Code.MANDATORY, f"{column} is mandatory")
        for column in (*table.mandatory, *table.chosen)
        if column in changes and changes[column] is None
    ]
    if problems:
        raise Refusal(400, "the values were refused", tuple(problems))
    return changes


def missing(table: Table, changes: Mapping[str, str | None]) -> tuple[Problem, ...]:
    """The mandatory attributes that a new profile would lack."""
    return tuple(
        Problem(name, Code.MANDATORY, f"{name} is mandatory") for name in table.mandatory if changes.get(name) is None
    )


def taken(held: Profiles, changes: Mapping[str, str | None], profile: Profile | None) -> tuple[Problem, ...]:
    """The unique values in `changes` that belong to another profile than `profile`."""
    own = {profile.id} if profile else set()
    return tuple(
        Problem(name, Code.DUPLICATE, f"another profile has this {name}")
        for name in held.table.unique
        if (value := changes.get(name)) is not None and held.owners(name, value) - own
    )


def matching(held: Profiles, changes: Mapping[str, str | None]) -> Profile | None:
    """The profile that the unique values in `changes` belong to. Raises Refusal (409) where they belong to several."""
    ids = {
        number
        for name in held.table.unique
        if (value := changes.get(name)) is not None
        for number in held.owners(name, value)
    }
    if len(ids) > 1:
        raise Refusal(409, "the unique values belong to several profiles")
    return held.profiles[ids.pop()] if ids else None


def store(held: Profiles, profile: Profile | None, changes: Changes) -> Profile:
    """Create (`profile` is None) or update. Raises Refusal: 400 without mandatory values, 409 for values taken."""
    problems = taken(held, changes, profile)
    if problems:
        raise Refusal(409, "a unique value is taken", problems)
    stamp = held.clock.stamp()
    if profile is not None:
        held.change(profile, changes, stamp)
        return profile
    lacking = missing(held.table, changes)
    if lacking:
        raise Refusal(400, "mandatory values are missing", lacking)
    return held.create({name: value for name, value in changes.items() if value is not None}, created=stamp)


def as_text(value: Any) -> str:
    """A JSON value as text; empty for null. Raises Refusal (400) for objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return MULTI_VALUE_SEPARATOR.join(as_text(member) for member in value)
    raise Refusal(400, "a value is neither text, number, boolean, list nor null")


def sections(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Every filled column of a profile as section, name and stored text; `profileId` first."""
    yield "attributes", "profileId", str(profile.id)
    for column, value in profile.values.items():
        if column.startswith(SUBSCRIPTION):
            yield "subscriptions", column.removeprefix(SUBSCRIPTION), value
        elif column.startswith(SEGMENTATION):
            yield "segmentations", column.removeprefix(SEGMENTATION), value
        else:
            yield "attributes", column, value


def _segment_v4(table: Table, item: Any) -> tuple[str, Any]:
    """`{category, name}` or `{belongs, segmentation: {category, name}}` (G-sdk); without category: simple."""
    belongs = item.get("belongs", True)
    segment = item.get("segmentation", item)
    category = segment.get("category")
    if category is None:
        return SEGMENTATION + segment["name"], belongs
    if category not in table.exclusive:
        return SEGMENTATION + category, segment["name"]
    return SEGMENTATION + category, segment["name"] if belongs else None
