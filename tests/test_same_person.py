"""The same person under two keys: what is believed, what is not, and that it does not explode."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
import pytest

from auditor import audit
from auditor.contract import Column
from auditor.engine import Engine
from auditor.explain import same_person
from tests.cells_table import column

COLUMNS = (
    column("customerId"),
    column("emailAddress", "email"),
    column("lastName"),
    column("firstName"),
    column("birthDate", "date"),
    column("gsmNumber", "phone"),
    column("addressPostalCode", "exact"),
    column("addressStreet", "name"),
    column("firstPurchaseDate", "date"),
)


@dataclass(frozen=True)
class Person:
    key: str
    emailAddress: str | None = None  # noqa: N815  (the names are those of the table structure)
    lastName: str | None = None  # noqa: N815
    firstName: str | None = None  # noqa: N815
    birthDate: str | None = None  # noqa: N815
    gsmNumber: str | None = None  # noqa: N815
    addressPostalCode: str | None = None  # noqa: N815
    addressStreet: str | None = None  # noqa: N815
    firstPurchaseDate: str | None = None  # noqa: N815


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


def found(
    engine: Engine, missing: Sequence[Person], orphans: Sequence[Person], columns: Sequence[Column] = COLUMNS
) -> list[tuple[str, str, float, str]]:
    """platform_key, truth_key, score, evidence."""
    schema = dict.fromkeys(("key", *(column.name for column in COLUMNS)), pl.String())
    for table, people in (("missing_rows", missing), ("orphan_rows", orphans)):
        rows = [{"customerId": person.key, **vars(person)} for person in people]
        engine.con.register("people", pl.DataFrame(rows, schema=schema).to_arrow())
        engine.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM people")
        engine.con.unregister("people")
    same_person(engine, missing="missing_rows", orphans="orphan_rows", columns=columns)
    return engine.rows("FROM same_person")


JAN = Person(
    "T1", "jan@x.be", "Peeters", "Jan", "1980-03-12", "+32470123456", "2000", "meir 1", firstPurchaseDate="2020-01-01"
)


def other(**values: str | None) -> Person:
    """An orphan that shares nothing with Jan but what is given."""
    return Person("P1", **values)


@pytest.mark.parametrize(
    ("orphan", "evidence"),
    [
        (other(emailAddress="jan@x.be"), "same e-mail address"),
        (
            other(emailAddress="jan@x.be", birthDate="1980-03-12", lastName="Claes"),
            "same e-mail address and birth date, last name different",
        ),
        (
            other(gsmNumber="+32470123456", lastName="Peeters", firstName="Jan"),
            "same phone number, last name and first name",
        ),
        (other(gsmNumber="+32470123456", birthDate="1980-03-12"), "same phone number and birth date"),
        (
            other(lastName="PEETERS", firstName="jan", birthDate="1980-03-12"),
            "same birth date, last name and first name",
        ),
        (
            other(lastName="Peters", firstName="Jan", birthDate="1980-03-12"),
            "same birth date and first name, last name similar",
        ),
        (
            other(lastName="Peeters", firstName="Jan", addressPostalCode="2000", addressStreet="meir 1"),
            "same last name, first name, postal code and street",
        ),
    ],
)
def test_believed(engine: Engine, orphan: Person, evidence: str) -> None:
    [(platform_key, truth_key, score, said)] = found(engine, [JAN], [orphan])
    assert (platform_key, truth_key, said) == ("P1", "T1", evidence)
    assert 0.7 <= score <= 1


@pytest.mark.parametrize(
    "orphan",
    [
        other(gsmNumber="+32470123456"),
        other(gsmNumber="+32470123456", lastName="Peeters", firstName="Marie"),
        other(gsmNumber="+32470123456", lastName="Peeters", addressPostalCode="2000", firstName="Marie"),
        other(emailAddress="jan@x.be", firstName="Marie", birthDate="1983-07-01"),
        other(lastName="Peeters", firstName="Jan"),
        other(lastName="Peeters", firstName="Jan", addressPostalCode="2000"),
        replace(JAN, key="P1", emailAddress=None, firstName="Willy"),
        other(birthDate="1980-03-12", lastName="Peeters"),
        other(birthDate="1980-03-12"),
        other(firstPurchaseDate="2020-01-01", lastName="Peeters", firstName="Jan"),
        other(),
    ],
    ids=[
        "phone",
        "couple",
        "household",
        "mailbox",
        "name",
        "town",
        "twins",
        "family",
        "birthday",
        "purchase",
        "nothing",
    ],
)
def test_not_believed(engine: Engine, orphan: Person) -> None:
    """What members of a household, or two strangers of one name, share."""
    assert found(engine, [JAN], [orphan]) == []


def test_more_agreement_scores_higher(engine: Engine) -> None:
    scores = []
    for values in (
        {"emailAddress": "jan@x.be"},
        {"emailAddress": "jan@x.be", "lastName": "Peeters"},
        {"emailAddress": "jan@x.be", "lastName": "Peeters", "firstName": "Jan"},
        {"emailAddress": "jan@x.be", "lastName": "Peeters", "firstName": "Jan", "birthDate": "1980-03-12"},
    ):
        [(_, _, score, _)] = found(engine, [JAN], [other(**values)])
        scores.append(score)
    assert scores == sorted(set(scores))


def test_names_are_compared_without_accents_case_and_punctuation(engine: Engine) -> None:
    truth = Person("T1", lastName="D’Hondt-Lefèvre", firstName="Élise", birthDate="1990-01-31")
    platform = Person("P1", lastName="DHONDT LEFEVRE", firstName="elise", birthDate="1990-01-31")
    [(_, _, _, evidence)] = found(engine, [truth], [platform])
    assert evidence == "same birth date, last name and first name"


def test_each_key_is_in_one_pair_at_most_and_the_best_pair_wins(engine: Engine) -> None:
    missing = [
        Person("T1", "jan@x.be", "Peeters", "Jan", "1980-03-12"),
        Person("T2", "j.peeters@y.be", "Peeters", "Jan", "1980-03-12"),
    ]
    orphans = [
        Person("P1", "jan@x.be", "Peeters", "Jan", "1980-03-12"),
        Person("P2", "jan@z.be", "Peeters", "Jan", "1980-03-12"),
        Person("P3", "jp@z.be", "Peeters", "Jan", "1980-03-12"),
    ]
    pairs = found(engine, missing, orphans)
    assert [pair[:2] for pair in pairs] == [("P1", "T1"), ("P2", "T2")]
    assert pairs[0][2] > pairs[1][2]


def test_a_value_that_too_many_share_tells_nothing(engine: Engine) -> None:
    """The switchboard's number and 1 January 1900 stand with sixty people."""
    missing = [Person(f"T{n}", gsmNumber="+3222222222", birthDate="1900-01-01", lastName="A") for n in range(60)]
    orphans = [Person(f"P{n}", gsmNumber="+3222222222", birthDate="1900-01-01", lastName="A") for n in range(60)]
    assert found(engine, missing, orphans) == []


def test_columns_of_other_names_are_recognised_by_their_rule(engine: Engine) -> None:
    columns = (column("customerId"), column("gsmNumber", "phone"), column("emailAddress", "email"))
    assert len(found(engine, [JAN], [other(emailAddress="jan@x.be")], columns)) == 1
    assert found(engine, [JAN], [other(lastName="Peeters", firstName="Jan", birthDate="1980-03-12")], columns) == []


def test_a_table_without_anything_personal_or_without_rows_gives_no_pairs(engine: Engine) -> None:
    assert found(engine, [JAN], [other(emailAddress="jan@x.be")], (column("customerId"),)) == []
    assert found(engine, [], []) == []
    assert engine.frame("FROM same_person").schema == audit.SAME_PERSON


def test_evidence_holds_no_value(engine: Engine) -> None:
    [(_, _, _, evidence)] = found(engine, [JAN], [replace(JAN, key="P1")])
    assert not any(str(value).lower() in evidence.lower() for name, value in vars(JAN).items() if name != "key")


def test_twenty_thousand_of_each_side_are_matched_without_comparing_all_pairs(engine: Engine) -> None:
    """Every second missing person is an orphan too, with a slip in the name; the rest are strangers of common names."""
    shuffled = random.Random(7)  # noqa: S311  (test data)
    last = [f"{a}{b}" for a in ("Peet", "Jans", "Maes", "Jac", "Mert") for b in ("ers", "sens", "obs", "ens", "inckx")]
    first = ["Jan", "Marie", "Piet", "Anna", "Louis", "Emma", "Noah", "Julie"]

    def person(key: str) -> Person:
        day = f"{shuffled.randint(1940, 2005)}-{shuffled.randint(1, 12):02}-{shuffled.randint(1, 28):02}"
        return Person(key, f"{key}@x.be", shuffled.choice(last), shuffled.choice(first), day)

    missing = [person(f"T{n}") for n in range(20_000)]
    same = [Person(f"P{person.key}", person.emailAddress, f"{person.lastName}x", person.firstName, person.birthDate)
            for person in missing[::2]]  # fmt: skip
    strangers = [person(f"S{n}") for n in range(10_000)]
    began = time.perf_counter()
    pairs = found(engine, missing, same + strangers)
    assert time.perf_counter() - began < 60  # comparing all pairs would take hours
    right = {(platform, truth) for platform, truth, _, _ in pairs if platform == f"P{truth}"}
    assert len(right) == 10_000
    assert len(pairs) - len(right) < 200
