"""What the profiles of a cause have in common: planted truth is found and counted right, and noise says nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.diff.diffed import diff
from auditor.diff.known import Moments
from auditor.engine.duckdb import DuckDB
from auditor.explain import Background, explain
from auditor.explain.weight import Tally, telling
from auditor.findings.sentences import with_sentences
from auditor.findings.words import Words
from auditor.match.join import match_sides
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Contract, Polarity, Sensitivity
from tests.diff_runs import engine_in
from tests.nothing_known import knowing

ZONE = ZoneInfo("Europe/Brussels")
PUBLIC = Sensitivity.PUBLIC
CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=(
        Column("id", "id", "id"),
        Column("lastName", "last_name", "lastName", Compare.TEXT),
        Column("phone", "mobile", "phone"),
        Column("emailAddress", "email", "emailAddress", Compare.EMAIL),
        Column("birthDate", "born", "birthDate", Compare.DATE),
        Column("addressCountry", "country", "addressCountry", Compare.CODE, sensitivity=PUBLIC),
        Column("favouriteShop", "shop", "favouriteShop"),
        Column("religion", "religion", "religion", sensitivity=Sensitivity.SPECIAL),
        Column("hasCard", "card", "hasCard", Compare.BOOLEAN),
        Column("optIn", "optin", "optIn", Compare.BOOLEAN, permission=Polarity.OPT_IN, evidence_source="optin_from"),
        Column("segmentations#Tier", "tier", "segmentations#Tier", sensitivity=PUBLIC),
        Column("segmentations#Vip", "vip", "segmentations#Vip", Compare.BOOLEAN),
    ),
    timezone=ZONE,
    updated_platform="updateMoment",
    updated_truth="modified_at",
)
TRAITS = ("country", "shop", "religion", "card", "tier", "vip", "optin_from", "updateMoment", "modified_at")
"""What is exchanged among people to make noise of it."""
FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass
class World:
    """Both sides of some thousand people, alike at first; rows of the truth's names, moments of both beside."""

    seed: int
    people: int = 3000
    rng: random.Random = field(init=False)
    truth: list[dict[str, str]] = field(init=False)
    platform: list[dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 -- invented people
        self.truth = [self._person(number) for number in range(self.people)]
        self.platform = [dict(row) for row in self.truth]

    def _person(self, number: int) -> dict[str, str]:
        rng = self.rng
        name = "".join(rng.choices("aeioubdklmnrst", k=8)).title()
        domains = ("example.com", "example.org", "example.net", "example.be")
        return {
            "id": f"C{number:06d}",
            "last_name": name,
            "mobile": f"+32{rng.randrange(470_000_000, 500_000_000)}" if rng.random() < 0.8 else "",
            "email": f"{name.lower()}.{number}@{rng.choice(domains)}",
            "born": f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            "country": rng.choices(("BE", "FR", "NL", "DE"), (6, 2, 1, 1))[0],
            "shop": rng.choice(("Gent", "Namur", "Oostende", "Antwerpen", "Brussel", "")),
            "religion": rng.choice(("A", "B", "C", "D")),
            "card": rng.choice(("true", "false")),
            "optin": rng.choice(("true", "false")),
            "optin_from": rng.choice(("web form", "shop", "fair", "call centre", "")),
            "tier": rng.choices(("Gold", "Silver", "Bronze", ""), (1, 2, 3, 4))[0],
            "vip": "true" if rng.random() < 0.1 else "false",
            "updateMoment": self._moment(),
            "modified_at": self._moment(),
        }

    def _moment(self) -> str:
        return (datetime(2025, 1, 1, 6) + timedelta(seconds=self.rng.randrange(400 * 86_400))).strftime(FORMAT)  # noqa: DTZ001

    def noise(self) -> None:
        """Differences here and there, for no reason."""
        rng = self.rng
        for here, there in zip(self.platform, self.truth, strict=True):
            draw = rng.random()
            if draw < 0.02:
                here["last_name"] = here["last_name"].upper()
            elif draw < 0.04:
                here["email"] = "x" + here["email"]
            elif draw < 0.06 and here["mobile"]:
                here["mobile"] = here["mobile"][1:]
            elif draw < 0.08:
                there["card"] = "false" if there["card"] == "true" else "true"
            elif draw < 0.1:
                here["country"] = rng.choice(("BE", "FR", "NL", "DE"))

    def shuffled(self) -> None:
        """Everybody gets somebody's traits: the same differences, and nothing in common any more."""
        order = list(range(self.people))
        self.rng.shuffle(order)
        for side in (self.platform, self.truth):
            given = [{name: row[name] for name in TRAITS} for row in side]
            for row, place in zip(side, order, strict=True):
                row.update(given[place])


@dataclass(frozen=True)
class Cause:
    column: str
    reason: str
    profiles: int
    sentence: str
    common: str | None
    share: float | None
    elsewhere: float | None
    lift: float | None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commonalities")


def causes(folder: Path, world: World, *, freely: bool = False, contract: Contract = CONTRACT) -> list[Cause]:
    """The causes of a world, the largest first. On an engine of its own: the same is asked in the same words."""
    with engine_in(folder) as engine:
        return _causes(engine, folder, world, freely, contract)


def _causes(engine: DuckDB, folder: Path, world: World, freely: bool, contract: Contract) -> list[Cause]:
    heads = {column.truth: column.header for column in contract.columns}
    raw = {}
    for side, rows in ((Side.PLATFORM, world.platform), (Side.TRUTH, world.truth)):
        frame = pl.DataFrame(rows).with_columns(pl.all().replace("", None))
        path = folder / f"{side.value}.parquet"
        (frame.rename(heads, strict=False) if side is Side.PLATFORM else frame).write_parquet(path)
        raw[side] = engine.view(path, f"{side.value}_raw")
    matched = match_sides(engine, contract, raw)
    diffed = diff(engine, contract, matched, knowing(), Moments(None, None), {})
    background = Background(contract, matched, diffed.fetched, diffed.drawn)
    explained = explain(engine, diffed.cells, contract.compared, background=background, freely=freely)
    told = with_sentences(engine.frame(explained.causes), Words("Actito", "CRM"))
    return [Cause(*row) for row in told.select(*(each.name for each in fields(Cause))).rows()]


def reckoned(
    world: World, name: str, has_cause: Callable[[int], bool], has_trait: Callable[[int], bool]
) -> tuple[float, float, float | None]:
    """Share within, share elsewhere and how many times as frequent, by counting heads."""
    inside = [has_trait(n) for n in range(world.people) if has_cause(n)]
    others = [has_trait(n) for n in range(world.people) if world.platform[n][name] and not has_cause(n)]
    share, elsewhere = sum(inside) / len(inside), sum(others) / len(others)
    if all(inside):
        return share, elsewhere, None
    there = sum(inside) / (sum(inside) + sum(others))
    not_there = inside.count(False) / (inside.count(False) + others.count(False))
    return share, elsewhere, there / not_there


def one(found: Sequence[Cause], column: str, reason: str) -> Cause:
    [cause] = [cause for cause in found if (cause.column, cause.reason) == (column, reason)]
    return cause


def assert_counted(cause: Cause, expected: tuple[float, float, float | None]) -> None:
    assert (cause.share, cause.elsewhere) == pytest.approx(expected[:2], abs=1e-9)
    assert cause.lift == (None if expected[2] is None else pytest.approx(expected[2]))


# --- planted ---


def import_in_capitals(world: World, profiles: int, start: datetime, minutes: int) -> set[int]:
    """An import writes that many last names in upper case, one after the other."""
    hit = world.rng.sample(range(world.people), profiles)
    for turn, n in enumerate(hit):
        world.platform[n]["last_name"] = world.truth[n]["last_name"].upper()
        moment = start + timedelta(seconds=round(turn * minutes * 60 / profiles))
        world.platform[n]["updateMoment"] = moment.strftime(FORMAT)
    return set(hit)


def without_plus(world: World, tier: str) -> set[int]:
    """All phone numbers of a segment lose their leading +."""
    hit = {n for n, row in enumerate(world.truth) if row["tier"] == tier and row["mobile"]}
    for n in hit:
        world.platform[n]["mobile"] = world.truth[n]["mobile"][1:]
    return hit


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    profiles=st.integers(200, 900),
    minute=st.integers(0, 24 * 60 - 1),
    minutes=st.sampled_from([0, 1, 7, 45, 100]),
    tier=st.sampled_from(["Gold", "Silver"]),
)
def test_an_import_and_a_segment_are_found_and_counted(
    folder: Path, seed: int, profiles: int, minute: int, minutes: int, tier: str
) -> None:
    """Whenever the import began and however long it took, also past midnight or the full hour, beside other changes."""
    world = World(seed)
    world.noise()
    start = datetime(2026, 3, 2) + timedelta(minutes=minute)  # noqa: DTZ001 -- local time, as exports have it
    import_in_capitals(world, profiles, start, minutes)
    without_plus(world, tier)
    found = causes(folder, world)

    names = one(found, "lastName", "case")
    assert names.common is not None
    first, _, last = names.common.removeprefix("platform changed ").partition(" … ")
    assert first >= start.strftime(FORMAT)
    assert last <= (start + timedelta(minutes=minutes + 1)).strftime(FORMAT)
    in_capitals = {n for n, row in enumerate(world.platform) if row["last_name"] != world.truth[n]["last_name"]}
    within = {n for n, row in enumerate(world.platform) if first <= row["updateMoment"] <= last}
    assert_counted(names, reckoned(world, "last_name", in_capitals.__contains__, within.__contains__))

    phones = one(found, "phone", "punctuation")
    assert phones.common == f"segmentations#Tier = {tier}"
    differs = {n for n, row in enumerate(world.platform) if row["mobile"] != world.truth[n]["mobile"]}
    assert phones.profiles == len(differs)
    assert_counted(phones, reckoned(world, "mobile", differs.__contains__, lambda n: world.truth[n]["tier"] == tier))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), profiles=st.integers(20, 900))
def test_noise_says_nothing(folder: Path, seed: int, profiles: int) -> None:
    """The same differences with everybody's traits exchanged: twelve causes and dozens of questions, no statement."""
    world = World(seed)
    world.noise()
    import_in_capitals(world, profiles, datetime(2026, 3, 2, 10), 7)  # noqa: DTZ001
    without_plus(world, "Gold")
    world.shuffled()
    found = causes(folder, world)
    assert found[0].profiles >= profiles
    assert [cause for cause in found if cause.common is not None] == []


def test_a_source_a_value_and_a_domain_in_common(folder: Path) -> None:
    """What damaged values share among themselves, and where permissions come from."""
    world = World(5)
    opted = [n for n, row in enumerate(world.truth) if row["optin_from"] == "fair" and row["optin"] == "true"]
    for n in opted:
        world.platform[n]["optin"] = "false"
    rest = [n for n in range(world.people) if n not in opted]
    unborn = world.rng.sample(rest, 70)
    for n in unborn:
        world.platform[n]["born"] = "1900-01-01"
    moved = [n for n, row in enumerate(world.truth) if row["email"].endswith("@example.be")]
    for n in moved:
        world.platform[n]["email"] = world.truth[n]["email"].replace("@example.be", "@old.example")
    found = causes(folder, world)

    permission = one(found, "optIn", "different")
    assert permission.common == "optin_from = fair"
    from_fair = [row["optin_from"] == "fair" for row in world.truth]
    assert_counted(permission, reckoned(world, "optin", set(opted).__contains__, from_fair.__getitem__))
    assert "All of them have the source fair (optin_from), 1" in permission.sentence

    birth = one(found, "birthDate", "different")
    assert (birth.common, birth.share, birth.elsewhere, birth.lift) == ("same value on platform", 1.0, 0.0, None)
    assert birth.sentence.endswith("All of them have one and the same value in Actito, none of the others")

    address = one(found, "emailAddress", "relation")
    assert (address.common, address.share, address.elsewhere) == ("same domain", 1.0, 0.0)
    assert address.sentence.endswith("All of them have an address at the same domain, none of the others")
    assert not any("example.be" in cause.sentence or "1900" in cause.sentence for cause in found)

    freely = causes(folder, world, freely=True)
    assert one(freely, "birthDate", "different").common == "value on platform = 1900-01-01"
    assert one(freely, "emailAddress", "relation").common == "domain = example.be"


def test_two_traits_at_once_where_neither_alone_tells_all(folder: Path) -> None:
    """An import touched everybody in ten minutes, and broke the names of one country: both are said."""
    world = World(11)
    start = datetime(2026, 3, 2, 9, 3)  # noqa: DTZ001
    touched = world.rng.sample(range(world.people), 900)
    for turn, n in enumerate(touched):
        world.platform[n]["updateMoment"] = (start + timedelta(seconds=turn // 2)).strftime(FORMAT)
        if world.truth[n]["country"] == "FR":
            world.platform[n]["last_name"] = world.truth[n]["last_name"].upper()
    broken = {n for n in touched if world.truth[n]["country"] == "FR"}
    cause = one(causes(folder, world), "lastName", "case")
    assert cause.common is not None
    assert set(cause.common.split(" & ")) == {
        "addressCountry = FR",
        f"platform changed {min(world.platform[n]['updateMoment'] for n in broken)} … "
        f"{max(world.platform[n]['updateMoment'] for n in broken)}",
    }
    assert (cause.share, cause.elsewhere, cause.lift) == (1.0, 0.0, None)
    assert "have addressCountry FR" in cause.sentence
    assert "changed in Actito on 2026-03-02 between 09:03 and 09:10" in cause.sentence


def test_what_a_trait_implies_is_not_said_beside_it(folder: Path) -> None:
    """Only in Gent, where everybody has a card: the card says nothing that the shop does not say."""
    world = World(3)
    for n, row in enumerate(world.truth):
        row["card"] = world.platform[n]["card"] = "true" if row["shop"] == "Gent" or n % 5 == 0 else "false"
        if row["shop"] == "Gent" and n % 3:
            world.platform[n]["last_name"] = row["last_name"].upper()
    [cause] = causes(folder, world)
    assert cause.common == "same favouriteShop"
    assert cause.lift is None
    assert "All of them have the same favouriteShop, " in cause.sentence
    assert cause.sentence.endswith(" % of the others: it occurs nowhere else")


def test_profiles_that_could_not_have_the_cause_are_no_others(folder: Path) -> None:
    """Nobody but Bronze has a phone, and some phones are damaged: that all of them are Bronze says nothing."""
    world = World(4)
    for n, row in enumerate(world.truth):
        if row["tier"] != "Bronze":
            row["mobile"] = world.platform[n]["mobile"] = ""
        elif row["mobile"] and n % 4 == 0:
            world.platform[n]["mobile"] = row["mobile"][1:]
    [cause] = causes(folder, world)
    assert cause.profiles > 60
    assert cause.common is None


def test_what_the_reason_says_already_is_not_said_again(folder: Path) -> None:
    """Phones cut off in the truth: that they all have the length at which they were cut off is the damage itself."""
    world = World(7)
    for n, row in enumerate(world.truth):
        if row["tier"] == "Gold" and row["mobile"]:
            row["mobile"] = world.platform[n]["mobile"][:-1]
    [cause] = causes(folder, world)
    assert cause.sentence.partition(". ")[0].endswith("phone is cut off in CRM after 11 characters")
    assert cause.common == "segmentations#Tier = Gold"


def test_specially_protected_columns_are_never_asked(folder: Path) -> None:
    world = World(6)
    for n, row in enumerate(world.truth):
        if row["religion"] == "A":
            world.platform[n]["last_name"] = row["last_name"].upper()
    [cause] = causes(folder, world)
    assert cause.common is None


def test_order_of_rows_means_nothing(folder: Path) -> None:
    world = World(8, people=6000)
    world.noise()
    import_in_capitals(world, 1500, datetime(2026, 3, 2, 10), 7)  # noqa: DTZ001
    without_plus(world, "Silver")
    found = causes(folder, world)
    assert sum(cause.common is not None for cause in found) == 2
    for side in (world.platform, world.truth):
        world.rng.shuffle(side)
    assert causes(folder, world) == found


# --- the guard ---


def hypergeometric(tally: Tally) -> float:
    """The exact chance of as many profiles of the cause with the trait, or more, drawn blindly."""
    everybody, having = tally.cause + tally.others, tally.inside + tally.outside
    ways = sum(
        math.comb(having, k) * math.comb(everybody - having, tally.cause - k)
        for k in range(tally.inside, min(tally.cause, having) + 1)
    )
    return ways / math.comb(everybody, tally.cause)


@given(st.integers(1, 120), st.integers(0, 600), st.data())
def test_the_bound_is_one(cause: int, others: int, data: st.DataObject) -> None:
    """The guard never takes for certain what chance gives more often than it says."""
    tally = Tally(data.draw(st.integers(0, cause)), cause, data.draw(st.integers(0, others)), others)
    assert hypergeometric(tally) <= math.exp(-tally.weight) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("tally", "says"),
    [
        (Tally(200, 200, 10, 2800), True),
        (Tally(19, 19, 0, 2800), False),  # too few
        (Tally(99, 200, 10, 2800), False),  # not most of them
        (Tally(200, 200, 1500, 2800), False),  # most others, too
        (Tally(120, 200, 1000, 2800), False),  # hardly more frequent there
        (Tally(20, 20, 1250, 2800), False),  # chance
        (Tally(200, 200, 0, 0), False),  # nobody to compare with
    ],
)
def test_what_tells(tally: Tally, says: bool) -> None:
    assert telling(tally, 1000) is says
