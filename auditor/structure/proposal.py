"""A change of a table structure as a value: immutable, named by the SHA-256 of its content, stored like other plans.

It only adds: that is all that Actito's API is known to do to a structure. What would need more stands in `by_hand`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from auditor.errors import SettingsError
from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    Attribute,
    AttributeType,
    Segmentation,
    Structure,
)

PROPOSAL_FORMAT: Final = 1
_AGAIN: Final = "make it again with `auditor structure propose`"


@dataclass(frozen=True, slots=True)
class Addition:
    """One thing that the structure lacks. Exactly one of the four is set; of a segment, `segmentation` names it too."""

    reason: str
    """Why, and on what evidence: without values of profiles."""
    attribute: Attribute | None = None
    subscription: str | None = None
    segmentation: Segmentation | None = None
    """A new segmentation with its segments."""
    segment: tuple[str, str] | None = None
    """A new segment of an exclusive segmentation that exists: segmentation and segment."""

    @property
    def name(self) -> str:
        """The name that the ledger and people use: `attribute shoeSize`, `segment Tier/Gold`."""
        if self.attribute is not None:
            return f"attribute {self.attribute.name}"
        if self.subscription is not None:
            return f"subscription {self.subscription}"
        if self.segmentation is not None:
            return f"segmentation {self.segmentation.name}"
        return "segment " + "/".join(self.segment or ())

    @property
    def column(self) -> str:
        """The column it makes or extends."""
        if self.attribute is not None:
            return self.attribute.name
        if self.subscription is not None:
            return SUBSCRIPTION_PREFIX + self.subscription
        if self.segmentation is not None:
            return SEGMENTATION_PREFIX + self.segmentation.name
        return SEGMENTATION_PREFIX + (self.segment or ("", ""))[0]

    def there(self, structure: Structure) -> bool:
        """Whether a structure has it, exactly as it was proposed."""
        if self.attribute is not None:
            existing_attribute = structure.attribute(self.attribute.name)
            return existing_attribute is not None and _same(existing_attribute, self.attribute)
        if self.subscription is not None:
            return self.subscription in structure.subscriptions
        existing = structure.segmentation(self.column)
        if self.segmentation is not None:
            return existing is not None and _alike(existing, self.segmentation)
        return existing is not None and (self.segment or ("", ""))[1] in existing.segments


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the API cannot do, and a person can."""

    column: str
    what: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """What a table structure should become, and on what it is based."""

    entity: str
    table: str
    made: datetime
    """When, with zone. Not part of the name's hash."""
    before: Structure | None
    """The structure as it was read; None: there is no such table, and it is to be made."""
    additions: tuple[Addition, ...]
    by_hand: tuple[ByHand, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What whoever carries it out should know."""

    @cached_property
    def sha(self) -> str:
        """SHA-256 of the content, 64 hex digits: the plan's name."""
        content = self._content()
        content.pop("made")
        return hashlib.sha256(_canonical(content)).hexdigest()

    @property
    def after(self) -> Structure:
        """The structure with every addition."""
        return extended(self.before or Structure(table_id="", table=self.table, attributes=()), self.additions)

    @property
    def counts(self) -> dict[str, int]:
        """Additions per kind."""
        kinds = [addition.name.partition(" ")[0] for addition in self.additions]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}

    def missing(self, live: Structure) -> tuple[Addition, ...]:
        """The additions that a structure does not have yet."""
        return tuple(addition for addition in self.additions if not addition.there(live))

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        content["made"] = self.made.isoformat()
        content["before"] = asdict(self.before) if self.before is not None else None
        content["additions"] = [asdict(one) for one in self.additions]
        content["by_hand"] = [asdict(one) for one in self.by_hand]
        return {"format": PROPOSAL_FORMAT, "purpose": "structure", **content}

    def to_json(self) -> str:
        """The stored form, with its name inside, so that a changed file is noticed."""
        return json.dumps({"sha": self.sha, **self._content()}, ensure_ascii=False, indent=1) + "\n"


def extended(structure: Structure, additions: tuple[Addition, ...]) -> Structure:
    """A structure with additions; what it has already stays as it is."""
    attributes, subscriptions = list(structure.attributes), list(structure.subscriptions)
    segmentations = {one.name: one for one in structure.segmentations}
    for addition in additions:
        if addition.attribute is not None and structure.attribute(addition.attribute.name) is None:
            attributes.append(addition.attribute)
        if addition.subscription is not None and addition.subscription not in subscriptions:
            subscriptions.append(addition.subscription)
        if addition.segmentation is not None:
            segmentations.setdefault(addition.segmentation.name, addition.segmentation)
        if addition.segment is not None:
            name, segment = addition.segment
            existing = segmentations[name]
            if segment not in existing.segments:
                segmentations[name] = replace(existing, segments=(*existing.segments, segment))
    return replace(
        structure,
        attributes=tuple(attributes),
        subscriptions=tuple(subscriptions),
        segmentations=tuple(segmentations.values()),
    )


def without(structure: Structure, additions: tuple[Addition, ...], before: Structure) -> Structure:
    """A structure less those additions that it has and `before` had not: what it would be had nobody applied them."""
    added = [one for one in additions if one.there(structure) and not one.there(before)]
    names = {one.attribute.name for one in added if one.attribute is not None}
    segmentations = []
    new = {one.segmentation.name for one in added if one.segmentation is not None}
    for segmentation in structure.segmentations:
        if segmentation.name not in new:
            theirs = {one.segment[1] for one in added if one.segment and one.segment[0] == segmentation.name}
            kept = tuple(segment for segment in segmentation.segments if segment not in theirs)
            segmentations.append(replace(segmentation, segments=kept))
    return replace(
        structure,
        attributes=tuple(one for one in structure.attributes if one.name not in names),
        subscriptions=tuple(
            name for name in structure.subscriptions if name not in {one.subscription for one in added}
        ),
        segmentations=tuple(segmentations),
    )


def read_proposal(path: Path) -> Proposal:
    """Read a stored plan of this kind. Raises SettingsError when it is none or was changed since it was made."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sha = content.pop("sha")
        proposal = _proposal(content)
    except FileNotFoundError:
        raise SettingsError(f"there is no plan {path}", hint="make one with `auditor structure propose`") from None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(f"{path} is not a plan of a structure of this version", hint=_AGAIN) from None
    if proposal.sha != sha:
        raise SettingsError(f"{path} was changed after it was made", hint=_AGAIN)
    return proposal


def structure_from(content: Mapping[str, Any]) -> Structure:
    """A structure from its plain form (`dataclasses.asdict`)."""
    return Structure(
        table_id=content["table_id"],
        table=content["table"],
        attributes=tuple(_attribute(entry) for entry in content["attributes"]),
        subscriptions=tuple(content["subscriptions"]),
        segmentations=tuple(_segmentation(entry) for entry in content["segmentations"]),
        references=dict(content.get("references") or {}),  # the first runs kept none
    )


def _proposal(content: Mapping[str, Any]) -> Proposal:
    values = dict(content)
    if values.pop("format") != PROPOSAL_FORMAT or values.pop("purpose") != "structure":
        raise ValueError
    values["made"] = datetime.fromisoformat(values["made"])
    values["before"] = structure_from(values["before"]) if values["before"] is not None else None
    values["additions"] = tuple(_additions(values["additions"]))
    values["by_hand"] = tuple(ByHand(**entry) for entry in values["by_hand"])
    values["notes"] = tuple(values["notes"])
    return Proposal(**values)


def _additions(content: list[Mapping[str, Any]]) -> Iterator[Addition]:
    for entry in content:
        yield Addition(
            reason=entry["reason"],
            attribute=_attribute(entry["attribute"]) if entry["attribute"] is not None else None,
            subscription=entry["subscription"],
            segmentation=_segmentation(entry["segmentation"]) if entry["segmentation"] is not None else None,
            segment=tuple(entry["segment"]) if entry["segment"] is not None else None,
        )


def _attribute(entry: Mapping[str, Any]) -> Attribute:
    return Attribute(**{**entry, "type": AttributeType(entry["type"]), "allowed": tuple(entry["allowed"])})


def _segmentation(entry: Mapping[str, Any]) -> Segmentation:
    return Segmentation(**{**entry, "segments": tuple(entry["segments"])})


def _same(existing: Attribute, wanted: Attribute) -> bool:
    """Equal, but that Actito may say of a text that it has at least no character."""
    return replace(existing, min_length=existing.min_length or None) == replace(
        wanted, min_length=wanted.min_length or None
    )


def _alike(existing: Segmentation, wanted: Segmentation) -> bool:
    return existing.exclusive is wanted.exclusive and set(wanted.segments) <= set(existing.segments)


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
