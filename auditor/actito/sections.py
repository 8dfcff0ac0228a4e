"""The subscriptions and segmentations in an answer about one profile: every form that was seen or is plausible."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.actito.answers import Unfit, array, first, has, name_in, record, text, truth
from auditor.actito.spelling import HOLDING, NAMING
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, Structure


def sections_missing(content: object, table: Structure) -> tuple[str, ...]:
    """Which of `subscriptions` and `segmentations` the table has and the answer does not hold at all.

    Nothing may be concluded from their absence; they are asked for one by one then.
    """
    whole = record(content, "attributes")
    wanted = {"subscriptions": bool(table.subscriptions), "segmentations": bool(table.segmentations)}
    return tuple(
        section for section, needed in wanted.items() if needed and not isinstance(whole.get(section), list | dict)
    )


def parts_missing(content: object, table: Structure) -> tuple[str, ...]:
    """The sections that are missing, and of those that go by name, the names of the table that they leave out.

    A list may hold only what the profile has: there, what is left out is not held.
    """
    whole = record(content, "attributes")
    names = {"subscriptions": table.subscriptions, "segmentations": [one.name for one in table.segmentations]}
    left_out = (
        f"{section}.{name}"
        for section, wanted in names.items()
        if isinstance(told := whole.get(section), dict)
        for name in wanted
        if name not in told
    )
    return (*sections_missing(content, table), *left_out)


def section_alone(content: object, section: str) -> object:
    """The answer of a section's own address: `{"subscriptions":…}` or `{"segmentation":…}` (G-prod), or unwrapped."""
    if isinstance(content, dict):
        return content.get(section, content.get(section.removesuffix("s"), content))
    return array(content, section)


def subscriptions(content: Mapping[str, object], table: Structure) -> dict[str, str | None]:
    """`subscriptions#NAME` to `true` or `false`, for every subscription of the table: what is not listed is `false`."""
    listed = _section(content, "subscriptions", "subscription") if table.subscriptions else []
    on: dict[str, str | None] = {SUBSCRIPTION_PREFIX + name: "false" for name in table.subscriptions}
    if isinstance(listed, dict):
        listed = [{"name": name, "subscribe": state} for name, state in listed.items()]
    for item in array(listed, "subscriptions"):
        # A text alone is the name of something subscribed to.
        whole = record({"name": item, "subscribe": True} if isinstance(item, str) else item, "subscriptions")
        name = _subscription_name(whole, table)
        part = f"subscriptions.{name}" if name in table.subscriptions else "subscriptions"
        if not has(whole, *HOLDING):
            raise Unfit(f"{part}.{HOLDING[0]}")
        on[SUBSCRIPTION_PREFIX + name] = "true" if truth(first(whole, *HOLDING), part) else "false"
    return on


def _subscription_name(item: Mapping[str, object], table: Structure) -> str:
    """Its `name`, or an id that is a name of the table: any other id says nothing about which one it is."""
    if has(item, *NAMING[:2]):
        return name_in("subscriptions", item, *NAMING[:2])
    alone = item.get(NAMING[2])
    if not isinstance(alone, str) or alone not in table.subscriptions:
        raise Unfit("subscriptions.name")
    return alone


def segmentations(content: Mapping[str, object], table: Structure) -> dict[str, str | None]:
    """`segmentations#NAME` to `true`/`false` or to the segment; not listed is `false` or None."""
    listed = _section(content, "segmentations", "segmentation") if table.segmentations else []
    held: dict[str, str | None] = {
        SEGMENTATION_PREFIX + segmentation.name: None if segmentation.exclusive else "false"
        for segmentation in table.segmentations
    }
    if isinstance(listed, dict):
        for name, value in listed.items():
            column = SEGMENTATION_PREFIX + name
            part = f"segmentations.{name}" if column in held else "segmentations"
            exclusive = held.get(column, "") is None
            held[column] = text(value, part) if exclusive else "true" if truth(value or False, part) else "false"
        return held
    for item in array(listed, "segmentations"):
        whole = record({"name": item} if isinstance(item, str) else item, "segmentations")
        if not truth(whole.get("belongs", True), "segmentations.belongs"):
            continue
        inner = record(whole["segmentation"], "segmentations") if "segmentation" in whole else whole
        segment = name_in("segmentations", inner, "name")
        if inner.get("category") is None:
            held[SEGMENTATION_PREFIX + segment] = "true"
        else:
            held[SEGMENTATION_PREFIX + name_in("segmentations", inner, "category")] = segment
    return held


def _section(content: Mapping[str, object], *names: str) -> list[object] | dict[str, object]:
    value = first(content, *names)
    if isinstance(value, list | dict):
        return value
    raise Unfit(names[0])
