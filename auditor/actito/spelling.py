"""How one licence spells dates, booleans, subscriptions and segments: learned from one real profile, at set-up.

No page shows an answer with such values (§5.2, §6.2, §17), and a licence that answers `31/12/1980` or `Y` is likely to
want them back so. What the profile did not show is not known, and the usual form is used for it: the one that files
have (D-etlf) and that working clients send (G-sdk, G-cherry).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from auditor.actito.answers import Unfit, record
from auditor.model import AttributeType, Structure

Json = str | int | bool
Pair = tuple[Json, Json]

ZONE: Final = ZoneInfo("Europe/Brussels")
"""Moments without an offset are local times of Actito's own country [assumed], §5.2."""
MILLISECONDS: Final = "milliseconds since 1970"

DATES: Final[Mapping[str, str]] = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy/MM/dd": "%Y/%m/%d",
    "yyyyMMdd": "%Y%m%d",
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "dd-MM-yyyy": "%d-%m-%Y",
    "dd.MM.yyyy": "%d.%m.%Y",
    "yyyy-MM-dd 00:00:00": "%Y-%m-%d 00:00:00",
    "yyyy-MM-ddT00:00:00": "%Y-%m-%dT00:00:00",
}
"""The plausible forms of a date, the usual one (D-etlf) first."""
MOMENTS: Final[Mapping[str, str]] = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyy-MM-ddTHH:mm:ss": "%Y-%m-%dT%H:%M:%S",
    "yyyy-MM-ddTHH:mm:ss.000": "%Y-%m-%dT%H:%M:%S.000",
    "yyyy-MM-ddTHH:mm:ssZ": "%Y-%m-%dT%H:%M:%SZ",
    "yyyy-MM-ddTHH:mm:ss.000Z": "%Y-%m-%dT%H:%M:%S.000Z",
    "yyyy-MM-ddTHH:mm:ss+hh:mm": "%Y-%m-%dT%H:%M:%S%z",
    "dd/MM/yyyy HH:mm:ss": "%d/%m/%Y %H:%M:%S",
    "MM/dd/yyyy HH:mm:ss": "%m/%d/%Y %H:%M:%S",
    "dd-MM-yyyy HH:mm:ss": "%d-%m-%Y %H:%M:%S",
    MILLISECONDS: "",
}
"""The plausible forms of a moment, the usual one (D-etlf, G-cherry) first."""
TRUTHS: Final[tuple[Pair, ...]] = (
    ("true", "false"),
    (True, False),
    ("TRUE", "FALSE"),
    ("True", "False"),
    (1, 0),
    ("1", "0"),
    *((yes, no) for word in ("YN", "TF") for yes, no in (tuple(word), tuple(word.lower()))),
    ("YES", "NO"),
    ("yes", "no"),
)
"""The plausible pairs of yes and no, in JSON (§5.1, §5.2)."""
NAMING: Final = ("name", "subscriptionName", "id")
HOLDING: Final = ("subscribe", "subscription", "subscribed")
"""Members of a subscription: the first says which, the second whether it holds. `name` and `subscribe` are [seen]
(G-sdk), `subscription` as well (G-php), the others [assumed]."""
SEGMENTS: Final = ("belongs", "plain")
"""`{belongs, segmentation: {category, name}}` and `{category, name}` alone, both [seen] (G-sdk)."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """What one profile showed of how its licence spells; None is not known: then the usual form is used."""

    date: str | None = None
    """One of DATES."""
    moment: str | None = None
    """One of MOMENTS."""
    boolean: Pair | None = None
    """Yes and no of attributes: one of TRUTHS."""
    subscription: tuple[str, str] | None = None
    """One of NAMING and one of HOLDING."""
    subscribed: Pair | None = None
    """Yes and no of subscriptions: one of TRUTHS."""
    segment: str | None = None
    """One of SEGMENTS."""

    def written(self, kind: AttributeType, text: str | None) -> Json | None:
        """A value in the usual form as this licence spells it; a value in any other form stays as it is."""
        if text is None:
            return None
        forms, seen = self._forms(kind)
        if forms and seen:
            moment = _moment(text, forms, next(iter(forms)))
            return text if moment is None else _spelt(moment, forms, seen)
        if kind is AttributeType.BOOLEAN and self.boolean and text in ("true", "false"):
            return self.boolean[text == "false"]
        return text

    def read(self, kind: AttributeType, text: str | None) -> str | None:
        """The text of an answer in the usual form; one that is not spelt as this licence spells stays as it is."""
        if text is None:
            return None
        forms, seen = self._forms(kind)
        if forms and seen:
            moment = _moment(text, forms, seen)
            return text if moment is None else str(_spelt(moment, forms, next(iter(forms))))
        if kind is AttributeType.BOOLEAN and self.boolean:
            words = [str(word).lower() if isinstance(word, bool) else str(word) for word in self.boolean]
            return ("true", "false")[words.index(text)] if text in words else text
        return text

    @property
    def unusual(self) -> tuple[str, ...]:
        """A sentence for each thing that this licence spells otherwise than usual."""
        seen = {one.name: getattr(self, one.name) for one in fields(self)}
        return tuple(
            f"this licence spells {_NAMES[name]} as {_told(value)}, usual is {_told(_USUAL[name])}"
            for name, value in seen.items()
            if value is not None and not any(_same(value, usual) for usual in (_USUAL[name], _AS_USUAL.get(name)))
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: object) -> Spelling:
        """What `to_json` gave. Raises Unfit, naming the part, for anything else."""
        whole = record(content, "spelling")
        choices = {
            "date": list(DATES),
            "moment": list(MOMENTS),
            "boolean": TRUTHS,
            "subscription": [(name, state) for name in NAMING for state in HOLDING],
            "subscribed": TRUTHS,
            "segment": SEGMENTS,
        }
        known: dict[str, Any] = {}
        for name, value in whole.items():
            plain = tuple(value) if isinstance(value, list) else value
            if name not in choices:
                raise Unfit("spelling")
            if plain is not None and not any(_same(plain, choice) for choice in choices[name]):
                raise Unfit(name)
            known[name] = plain
        return cls(**known)

    def _forms(self, kind: AttributeType) -> tuple[Mapping[str, str], str | None]:
        if kind is AttributeType.DATE:
            return DATES, self.date
        return (MOMENTS, self.moment) if kind is AttributeType.TIMESTAMP else ({}, None)


_NAMES: Final = {
    "date": "dates",
    "moment": "moments",
    "boolean": "booleans",
    "subscription": "the members of a subscription",
    "subscribed": "the state of a subscription",
    "segment": "segments",
}
_USUAL: Final[Mapping[str, Any]] = {
    "date": next(iter(DATES)),
    "moment": next(iter(MOMENTS)),
    "boolean": TRUTHS[0],
    "subscription": (NAMING[0], HOLDING[0]),
    "subscribed": TRUTHS[1],
    "segment": SEGMENTS[0],
}

_AS_USUAL: Final = {"boolean": TRUTHS[1]}
"""What V5 was seen to take (G-shokme), where V4 has texts (G-sdk)."""

USUAL: Final = Spelling()
"""Before anything was learned."""


def learn(content: object, table: Structure) -> Spelling:
    """What an answer about one profile of `table` shows. Pure; an answer of no known form shows nothing.

    A form is seen when it fits every value of its kind and no other form does, or when the usual one fits.
    """
    whole = content if isinstance(content, dict) else {}
    held = dict(_attributes(whole.get("attributes")))
    subscriptions, segments = (whole.get(section) for section in ("subscriptions", "segmentations"))
    items = _records(subscriptions)
    if isinstance(subscriptions, dict):
        states = list(subscriptions.values())
    else:
        states = [next(item[state] for state in HOLDING if state in item) for item in items if _holds(item)]
    return Spelling(
        date=_form(_of_type(held, table, AttributeType.DATE), DATES),
        moment=_form(_of_type(held, table, AttributeType.TIMESTAMP), MOMENTS),
        boolean=_truth(_of_type(held, table, AttributeType.BOOLEAN), TRUTHS[0]),
        subscription=_members(items, table.subscriptions),
        subscribed=_truth(states, TRUTHS[1]),
        segment=_segment(_records(segments), [segmentation.name for segmentation in table.segmentations]),
    )


def _records(listed: object) -> list[Mapping[str, object]]:
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _attributes(listed: object) -> Iterator[tuple[str, object]]:
    if isinstance(listed, dict):
        yield from listed.items()
    for item in _records(listed):
        if isinstance(item.get("name"), str):
            yield str(item["name"]), item.get("value")


def _of_type(held: Mapping[str, object], table: Structure, kind: AttributeType) -> list[object]:
    names = [attribute.name for attribute in table.attributes if attribute.type is kind and not attribute.multi_valued]
    return [held[name] for name in names if held.get(name) not in (None, "")]


def _form(values: Sequence[object], forms: Mapping[str, str]) -> str | None:
    fit = [form for form in forms if all(_moment(value, forms, form) is not None for value in values)]
    only = fit[0] if values and fit else None
    return only if len(fit) == 1 or only == next(iter(forms)) else None


def _truth(values: Sequence[object], usual: Pair) -> Pair | None:
    """A single word of a pair tells the other, and a pair is told apart by the JSON type too."""
    fit = [pair for pair in TRUTHS if all(any(_same(value, word) for word in pair) for value in values)]
    if not values or not fit:
        return None
    return usual if any(_same(pair, usual) for pair in fit) else fit[0] if len(fit) == 1 else None


def _holds(item: Mapping[str, object]) -> bool:
    return any(state in item for state in HOLDING)


def _members(items: Sequence[Mapping[str, object]], names: Sequence[str]) -> tuple[str, str] | None:
    for name in NAMING:
        for state in HOLDING:
            if items and all(item.get(name) in names and state in item for item in items):
                return name, state
    return None


def _segment(items: Sequence[Mapping[str, object]], names: Sequence[str]) -> str | None:
    if items and all(isinstance(item.get("segmentation"), dict) for item in items):
        return "belongs"
    plain = items and all(item.get("category", item.get("name")) in names for item in items)
    return "plain" if plain else None


def _moment(value: object, forms: Mapping[str, str], form: str) -> datetime | None:
    """What a value says if it is of this form: a local time without an offset."""
    if form == MILLISECONDS:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if not isinstance(number, int) or isinstance(number, bool) or not 10**11 <= number < 10**14:
            return None
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
    else:
        try:
            moment = datetime.strptime(str(value), forms[form])  # noqa: DTZ007 -- local, or the zone follows
        except ValueError:
            return None
        # strptime also takes single digits.
        if not isinstance(value, str) or _spelt(moment, forms, form, local=False) != value:
            return None
        moment = moment.replace(tzinfo=UTC) if form.endswith("Z") else moment
    return moment if moment.tzinfo is None else moment.astimezone(ZONE).replace(tzinfo=None)


def _spelt(moment: datetime, forms: Mapping[str, str], form: str, *, local: bool = True) -> Json:
    """A local time in this form; with `local=False` the digits as they are."""
    if local:
        here = moment.replace(tzinfo=ZONE)
        if form == MILLISECONDS:
            return int(here.timestamp()) * 1000
        moment = here.astimezone(UTC) if form.endswith("Z") else here
    if forms[form].endswith("%z"):
        return moment.isoformat(timespec="seconds")
    return moment.strftime(forms[form].replace("%Y", f"{moment.year:04d}"))


def _same(value: object, other: object) -> bool:
    """Equal in JSON, where neither 1 is true nor `1` is 1."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        return len(value) == len(other) and all(map(_same, value, other))
    return type(value) is type(other) and value == other


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(_told, value))
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'
