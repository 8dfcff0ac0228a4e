"""How a licence spells is learned from one profile: written so, read so, and what was not seen is not guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor.actito import DIALECTS, V5, Connection, Reader, Spelling, learn, learned
from auditor.actito.spelling import DATES, HOLDING, MILLISECONDS, MOMENTS, NAMING, SEGMENTS, TRUTHS, USUAL
from auditor.actito.writer import Writer
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.sandbox.dialect import EPOCH, varied
from auditor.sandbox.process import API_KEY
from tests import structure_folder
from tests.actito_wire import Wire, ok
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor

pytestmark = pytest.mark.usefixtures("no_pauses")

PEOPLE = Structure(
    table_id="16",
    table="People",
    attributes=(
        Attribute("profileId", AttributeType.INTEGER, unique=True, mandatory=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True),
        Attribute("birthDate", AttributeType.DATE),
        Attribute("seen", AttributeType.TIMESTAMP),
        Attribute("vegan", AttributeType.BOOLEAN),
        Attribute("note"),
    ),
    subscriptions=("News", "Events"),
    segmentations=(Segmentation("Vip"), Segmentation("Tier", exclusive=True, segments=("Gold", "Silver"))),
)
BRUSSELS = ZoneInfo("Europe/Brussels")
SOME = settings(max_examples=50, deadline=None)
"""Enough for each of many forms."""
FEW = settings(max_examples=25, deadline=None)
PLACES = {
    "v5": ("PATCH", "/profiles/v5/entities/acme/profile-tables/16/profiles/7"),
    "v4": ("PUT", "/profiles/v4/entity/acme/table/People/profile/7"),
}
"""How and where a profile is changed."""


def in_form(value: date, form: str) -> str | int:
    """A date or a local moment in one of the forms, by the letters of the form itself."""
    local = datetime(value.year, value.month, value.day, tzinfo=BRUSSELS)
    if isinstance(value, datetime):
        local = value.replace(tzinfo=BRUSSELS)
    if form == MILLISECONDS:
        return round((local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    shown = local.astimezone(UTC) if form.endswith("Z") else local
    minutes = int((local.utcoffset() or local - local).total_seconds() // 60)
    text = form.replace("+hh:mm", f"+{minutes // 60:02}:{minutes % 60:02}")
    parts = {"yyyy": f"{shown.year:04}", "MM": f"{shown.month:02}", "dd": f"{shown.day:02}"}
    parts |= {"HH": f"{shown.hour:02}", "mm": f"{shown.minute:02}", "ss": f"{shown.second:02}"}
    for letters, digits in parts.items():
        text = text.replace(letters, digits)
    return text


dates = st.dates(date(1900, 1, 1), date(2100, 12, 31))
moments = st.builds(
    datetime.combine,
    st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    st.times().map(lambda at: at.replace(microsecond=0)),
)


def exists(moment: datetime) -> bool:
    """Not in the hour that is left out in spring."""
    local = moment.replace(tzinfo=BRUSSELS)
    return local.astimezone(UTC).astimezone(BRUSSELS).replace(tzinfo=None) == moment


def profile_with(**attributes: object) -> dict[str, object]:
    return {"attributes": [{"name": name, "value": value} for name, value in attributes.items()]}


@pytest.mark.parametrize("form", DATES)
@SOME
@given(seen=dates, written=dates)
def test_dates(form: str, seen: date, written: date) -> None:
    spelling = learn(profile_with(birthDate=in_form(seen, form)), PEOPLE)
    swapped = {"dd/MM/yyyy", "MM/dd/yyyy"}
    if form in swapped and seen.day <= 12:
        assert spelling == USUAL, "day and month cannot be told apart"
        return
    assert spelling == Spelling(date=form)
    there = spelling.written(AttributeType.DATE, written.isoformat())
    assert there == in_form(written, form)
    assert spelling.read(AttributeType.DATE, str(there)) == written.isoformat()


@pytest.mark.parametrize("form", MOMENTS)
@SOME
@given(seen=moments, written=moments)
def test_moments(form: str, seen: datetime, written: datetime) -> None:
    assume(exists(written) and exists(seen))
    spelling = learn(profile_with(seen=in_form(seen, form)), PEOPLE)
    if form.startswith(("dd/MM", "MM/dd")) and seen.day <= 12:
        assert spelling == USUAL
        return
    assert spelling == Spelling(moment=form)
    there = spelling.written(AttributeType.TIMESTAMP, written.isoformat(" "))
    assert there == in_form(written, form)
    assert spelling.read(AttributeType.TIMESTAMP, str(there)) == written.isoformat(" ")


@pytest.mark.parametrize("pair", TRUTHS, ids=repr)
@pytest.mark.parametrize("seen", [0, 1])
def test_one_word_tells_the_pair(pair: tuple[object, object], seen: int) -> None:
    spelling = learn(profile_with(vegan=pair[seen]), PEOPLE)
    assert repr(spelling.boolean) == repr(pair)
    for place, text in enumerate(("true", "false")):
        there = spelling.written(AttributeType.BOOLEAN, text)
        assert repr(there) == repr(pair[place])
        told = str(there).lower() if isinstance(there, bool) else str(there)
        assert spelling.read(AttributeType.BOOLEAN, told) == text


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"attributes": "x", "subscriptions": 7, "segmentations": [3]},
        profile_with(birthDate="soon", seen="1980", vegan="maybe", note="2020-01-01"),
        profile_with(birthDate=None, seen="", vegan=None),
        {"subscriptions": [{"id": 12, "subscribe": "perhaps"}], "segmentations": []},
    ],
)
def test_what_was_not_seen_is_not_known(content: object) -> None:
    assert learn(content, PEOPLE) == USUAL


@pytest.mark.parametrize("kind", AttributeType)
@SOME
@given(text=st.none() | st.text(max_size=20))
def test_values_of_no_usual_form_are_left_alone(kind: AttributeType, text: str | None) -> None:
    """What the platform or the truth has beyond these forms travels as it is."""
    assert (USUAL.written(kind, text), USUAL.read(kind, text)) == (text, text)
    odd = Spelling(date="dd.MM.yyyy", moment=MILLISECONDS, boolean=("Y", "N"))
    assume(text not in ("true", "false", "Y", "N") and not (text or "").isdigit())
    assert (odd.written(kind, text), odd.read(kind, text)) == (text, text)


spellings = st.builds(
    Spelling,
    date=st.sampled_from([*DATES]),
    moment=st.sampled_from([*MOMENTS]),
    boolean=st.sampled_from(TRUTHS),
    subscription=st.tuples(st.sampled_from(NAMING), st.sampled_from(HOLDING)),
    subscribed=st.sampled_from(TRUTHS),
    segment=st.sampled_from(SEGMENTS),
)


@SOME
@given(spellings)
def test_it_is_kept_as_it_is(spelling: Spelling) -> None:
    assert repr(Spelling.from_json(json.loads(json.dumps(spelling.to_json())))) == repr(spelling)


@dataclass
class Licence:
    """A platform with one profile, held as it was written, that answers in one spelling and takes no other."""

    spelling: Spelling
    attributes: dict[str, object]
    on: dict[str, bool] = field(default_factory=lambda: {"News": True, "Events": False})
    vip: bool = True
    tier: str | None = "Gold"

    def answer(self, _: httpx.Request) -> httpx.Response:
        naming, holding = cast(tuple[str, str], self.spelling.subscription)
        yes, no = cast(tuple[object, object], self.spelling.subscribed)
        members: list[dict[str, Any]] = [{"name": "Vip"}] if self.vip else []
        members += [{"category": "Tier", "name": self.tier}] if self.tier else []
        plain = self.spelling.segment == "plain"
        return ok(
            {
                "attributes": [{"name": name, "value": value} for name, value in self.attributes.items()],
                "subscriptions": [{naming: name, holding: yes if on else no} for name, on in self.on.items()],
                "segmentations": members if plain else [{"belongs": True, "segmentation": one} for one in members],
            }
        )

    def change(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        naming, holding = cast(tuple[str, str], self.spelling.subscription)
        yes, no = cast(tuple[object, object], self.spelling.subscribed)
        if request.method == "PATCH":  # V5's body is flat
            self.attributes |= body["attributes"]
            told = [{naming: name, holding: state} for name, state in body["subscriptions"].items()]
        else:
            self.attributes |= {item["name"]: item["value"] for item in body["attributes"]}
            told = body["subscriptions"]
        assert told
        for item in told:
            assert item.keys() == {naming, holding}
            assert repr(item[holding]) in (repr(yes), repr(no))
            self.on[item[naming]] = repr(item[holding]) == repr(yes)
        return ok({"profileId": 7})


@pytest.mark.parametrize("dialect", DIALECTS)
@FEW
@given(spelling=spellings, born=dates, seen=moments, born_then=dates, seen_then=moments, vegan=st.booleans())
def test_a_profile_is_written_and_read_back_in_any_spelling(
    dialect: str, spelling: Spelling, born: date, seen: datetime, born_then: date, seen_then: datetime, vegan: bool
) -> None:
    """The first profile shows the spelling, and what is written then holds the same values when it is read back."""
    assume(exists(seen) and exists(seen_then) and born.day > 12 and seen.day > 12)
    assert spelling.date is not None
    assert spelling.moment is not None
    assert spelling.boolean is not None
    licence = Licence(
        spelling,
        {
            "profileId": 7,
            "birthDate": in_form(born, spelling.date),
            "seen": in_form(seen, spelling.moment),
            "vegan": spelling.boolean[0],
        },
    )
    wire = Wire()
    method, place = PLACES[dialect]
    wire.on("GET", place, licence.answer)
    wire.on(method, place, licence.change)
    with wire.connect(DIALECTS[dialect]) as connection:
        shown = Reader(connection).spelling(PEOPLE, "7")
        assert shown is not None
        assert repr(shown) == repr(spelling)
        values: dict[str, str | None] = {
            "birthDate": born_then.isoformat(),
            "seen": seen_then.isoformat(" "),
            "vegan": "true" if vegan else "false",
            "note": "2020-01-01",
            "subscriptions#Events": "true",
        }
        evidence = _Evidence("2026-03-01 09:30:00", "shop")
        Writer(connection, shown).update(PEOPLE, "7", values, collection=evidence)
        profile = Reader(connection, shown).profile(PEOPLE, "7")
    assert profile is not None
    assert {column: profile.values[column] for column in values} == values
    assert licence.attributes["birthDate"] == in_form(born_then, spelling.date)
    assert licence.attributes["seen"] == in_form(seen_then, spelling.moment)


@dataclass(frozen=True)
class _Evidence:
    moment: str
    source: str


# Kept, and shown where it is unusual


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=40, seed=3, limits="extended") as sandbox:
        yield sandbox


def kept(folder: Path) -> Mapping[str, object]:
    [file] = folder.glob("spelling-*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    content: dict[str, object] = json.loads(file.read_text("utf-8"))
    return content


def seed_with(**choices: object) -> int:
    """A seed of the sandbox that draws these choices, and else the usual form of dates and moments."""
    usual = varied(None)
    wanted = {"dates": usual.dates, "moments": usual.moments, **choices}
    return next(s for s in range(5000) if all(getattr(varied(s), name) == one for name, one in wanted.items()))


def taught(reader: Reader, table: Structure, folder: Path, *, anew: bool = False) -> Spelling:
    """What is learned, and kept at once."""
    spelling, to_keep = learned(reader, table, folder, anew=anew)
    if to_keep is not None:
        to_keep.carry_out()
    return spelling


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_one_profile_shows_is_kept(running: Sandbox, tmp_path: Path, dialect: str) -> None:
    """V5 has JSON's own booleans, unless it lists attributes as V4 does."""
    running.reset()
    running.forms(None, with_v4=dialect == "v4")
    listed, usual = {"profile_items": "as in V4"}, {"profile_items": "flat"}
    with Connection(
        running.url, lambda: API_KEY, "acme", dialect=DIALECTS[dialect], calls_per_minute=10_000
    ) as connection:
        reader = Reader(connection)
        table = reader.structure("Customers")
        running.forms(seed_with(numbers="text", subscriptions="listed", **listed))
        first = taught(reader, table, tmp_path)
        assert first.unusual == ()
        assert (first.date, first.moment) == ("yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss")
        assert first.boolean == ("true", "false")
        running.forms(seed_with(numbers="number", subscriptions="those on", **usual))
        calls = running.state()["calls"]
        assert repr(taught(reader, table, tmp_path)) == repr(first)
        assert running.state()["calls"] == calls, "nobody is asked what is known"
        anew = taught(reader, table, tmp_path, anew=True)
        assert repr(anew.boolean) == "(True, False)"
        assert anew.moment == first.moment
        assert kept(tmp_path)["boolean"] == [True, False]
        assert repr(taught(reader, table, tmp_path)) == repr(anew)
        running.forms(seed_with(dates="%Y-%m-%dT00:00:00", moments=EPOCH))
        other = taught(reader, table, tmp_path, anew=True)
        assert (other.date, other.moment) == ("yyyy-MM-ddT00:00:00", MILLISECONDS)
    running.forms(None, with_v4=False)


def test_an_empty_table_shows_nothing(running: Sandbox, tmp_path: Path) -> None:
    running.reset(profiles=0)
    with Connection(running.url, lambda: API_KEY, "acme", dialect=V5, calls_per_minute=10_000) as connection:
        reader = Reader(connection)
        assert taught(reader, reader.structure("Customers"), tmp_path) == USUAL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ['{"date": "whenever"}', '{"weather": null}', "[]", '{"date": ["x"]}', "{", ""])
def test_a_file_that_is_none_of_ours_is_learned_anew(running: Sandbox, tmp_path: Path, content: str) -> None:
    running.reset(profiles=40)
    (tmp_path / "spelling-Customers.json").write_text(content, "utf-8")
    with Connection(running.url, lambda: API_KEY, "acme", dialect=V5, calls_per_minute=10_000) as connection:
        reader = Reader(connection)
        assert taught(reader, reader.structure("Customers"), tmp_path).date == "yyyy-MM-dd"


def test_who_learns_writes_nothing(running: Sandbox, tmp_path: Path) -> None:
    with Connection(running.url, lambda: API_KEY, "acme", dialect=V5, calls_per_minute=10_000) as connection:
        reader = Reader(connection)
        spelling, to_keep = learned(reader, reader.structure("Customers"), tmp_path / "state")
    assert spelling.date == "yyyy-MM-dd"
    assert to_keep is not None
    assert list(tmp_path.iterdir()) == []


def test_a_run_says_what_is_unusual_and_nothing_else(
    running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running.reset(profiles=40)
    folder = structure_folder.make(tmp_path / "w", running)
    monkeypatch.chdir(folder)
    assert "spells" not in auditor(capsys, "run").err
    running.forms(seed_with(dates="%d/%m/%Y", subscriptions="listed", segmentations="with belongs"))
    told = " ".join(auditor(capsys, "run").err.split())
    assert 'this licence spells dates as "dd/MM/yyyy", usual is "yyyy-MM-dd"' in told
    assert told.count("this licence spells") == 1
    running.forms(None)
