"""The same person under two keys: what is believed, what is not, and that it does not explode."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
import pytest

from auditor import explain
from auditor.engine.duckdb import DuckDB
from auditor.explain.persons.model import SLIP, THRESHOLD
from auditor.findings import audit
from auditor.findings.codes import Code, read_told
from auditor.model import Side
from auditor.settings.contract import Column
from tests.audits import in_words
from tests.cells_table import column
from tests.last_found import frame, remember, sql

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
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


def ask(
    engine: DuckDB,
    truth: Sequence[Person],
    platform: Sequence[Person],
    columns: Sequence[Column] = COLUMNS,
    *,
    on_both: Sequence[str] = (),
) -> list[tuple[str | None, str | None, str | None, str, float, str]]:
    """platform_key, truth_key, other_key, side, score, evidence. Keys are of one side unless they are `on_both`."""
    names = [column.name for column in COLUMNS]
    schema = {"auditor:key": pl.String(), "auditor:alone": pl.Boolean(), **dict.fromkeys(names, pl.String())}
    rows = {}
    for side, people in ((Side.PLATFORM, platform), (Side.TRUTH, truth)):
        cells = [
            (person.key, person.key not in on_both, person.key, *list(vars(person).values())[1:]) for person in people
        ]
        rows[side] = engine.put(pl.DataFrame(cells, schema=schema, orient="row"), f"{side.value}_people")
    remember(engine, same_person=explain.same_person(engine, rows, explain.evidence_columns(columns)))
    assert {read_told(evidence).code for *_, evidence in sql(engine, "FROM {same_person}")} <= {Code.ALIKE}
    return [(*row, in_words(read_told(evidence))) for *row, evidence in sql(engine, "FROM {same_person}")]


def found(
    engine: DuckDB, missing: Sequence[Person], orphans: Sequence[Person], columns: Sequence[Column] = COLUMNS
) -> list[tuple[str | None, str | None, float, str]]:
    """platform_key, truth_key, score, evidence of the pairs of a missing person and an orphan."""
    return [
        (platform, truth, score, evidence)
        for platform, truth, _, side, score, evidence in ask(engine, missing, orphans, columns)
        if side == "both"
    ]


JAN = Person(
    "T1", "jan@x.be", "Peeters", "Jan", "1980-03-12", "+32470123456", "2000", "meir 1", firstPurchaseDate="2020-01-01"
)


def other(**values: str | None) -> Person:
    """An orphan that shares nothing with Jan but what is given."""
    return Person("P1", **values)


@pytest.mark.parametrize(
    ("orphan", "evidence"),
    [
        (other(emailAddress="jan@x.be"), "same emailAddress"),
        (
            other(emailAddress="jan@x.be", birthDate="1980-03-12", lastName="Claes"),
            "same emailAddress and birthDate, lastName different",
        ),
        (
            other(gsmNumber="+32470123456", lastName="Peeters", firstName="Jan"),
            "same gsmNumber, lastName and firstName",
        ),
        (other(gsmNumber="+32470123456", birthDate="1980-03-12"), "same gsmNumber and birthDate"),
        (
            other(lastName="PEETERS", firstName="jan", birthDate="1980-03-12"),
            "same birthDate, lastName and firstName",
        ),
        (
            other(lastName="Peters", firstName="Jan", birthDate="1980-03-12"),
            "same birthDate and firstName, lastName similar",
        ),
        (
            other(lastName="Peeters", firstName="Jan", addressPostalCode="2000", addressStreet="meir 1"),
            "same lastName, firstName, addressPostalCode and addressStreet",
        ),
    ],
)
def test_believed(engine: DuckDB, orphan: Person, evidence: str) -> None:
    [(platform_key, truth_key, score, said)] = found(engine, [JAN], [orphan])
    assert (platform_key, truth_key, said) == ("P1", "T1", evidence)
    assert THRESHOLD <= score <= 1


ROBERT = Person("T1", "robert.wouters@gmail.com", "Wouters", "Robert", "1971-06-24", "+32470555555", "9000", "kouter 1")


@pytest.mark.parametrize(
    ("orphan", "evidence"),
    [
        (
            replace(ROBERT, key="P1", lastName="Robert", firstName="Wouters"),
            "same emailAddress, gsmNumber, birthDate, lastName, firstName, addressPostalCode and addressStreet, "
            "lastName and firstName exchanged",
        ),
        (
            other(lastName="Robert", firstName="Wouters", birthDate="1971-06-24", gsmNumber="+32470555555"),
            "same gsmNumber, birthDate, lastName and firstName, lastName and firstName exchanged",
        ),
        (
            other(lastName="Robert", firstName="Wuoters", birthDate="1971-06-24", addressPostalCode="9000"),
            "same birthDate, lastName and addressPostalCode, firstName similar, lastName and firstName exchanged",
        ),
        (
            other(lastName="Wouters", firstName="Bob", birthDate="1971-06-24", emailAddress="bob@x.be"),
            "same birthDate and lastName, firstName similar, emailAddress different",
        ),
        (
            other(lastName="Wouters", firstName="Robbe", gsmNumber="+32470555555", addressStreet="kouter 1"),
            "same gsmNumber, lastName and addressStreet, firstName similar",
        ),
        (
            other(emailAddress="robertwouters+news@googlemail.com", lastName="Wouters"),
            "same emailAddress and lastName",
        ),
        (
            other(lastName="Wouters", firstName="Robert", birthDate="1971-06-02", addressStreet="kouter 1"),
            "same lastName, firstName and addressStreet, birthDate similar",
        ),
        (
            replace(ROBERT, key="P1", birthDate="1968-02-11", emailAddress=None, gsmNumber=None),
            "same lastName, firstName, addressPostalCode and addressStreet, birthDate different",
        ),
    ],
    ids=[
        "exchanged",
        "exchanged, few known",
        "exchanged with a slip",
        "short",
        "short in Dutch",
        "mailbox",
        "day",
        "no generation",
    ],
)
def test_believed_of_robert(engine: DuckDB, orphan: Person, evidence: str) -> None:
    [(platform_key, truth_key, _, said)] = found(engine, [ROBERT], [orphan])
    assert (platform_key, truth_key, said) == ("P1", "T1", evidence)


def test_digits_of_a_date_are_exchanged_across_its_hyphens_too(engine: DuckDB) -> None:
    [(*_, said)] = found(
        engine,
        [Person("T1", lastName="Wouters", firstName="Robert", birthDate="1950-11-03", addressStreet="kouter 1")],
        [Person("P1", lastName="Wouters", firstName="Robert", birthDate="1951-01-03", addressStreet="kouter 1")],
    )
    assert said == "same lastName, firstName and addressStreet, birthDate similar"


@pytest.mark.parametrize("garbled", ["HÃ©lÃ¨ne", "HÃƒÂ©lÃƒÂ¨ne", "hã©lã¨ne"])
def test_letters_read_in_the_wrong_encoding_are_read_again(engine: DuckDB, garbled: str) -> None:
    [(*_, said)] = found(
        engine,
        [Person("T1", lastName="Vandamme", firstName="Hélène", gsmNumber="+32470777777")],
        [Person("P1", lastName="Vandamme", firstName=garbled, gsmNumber="+32470777777")],
    )
    assert said.startswith("same gsmNumber, lastName")


@pytest.mark.parametrize(
    ("one", "other_one"),
    [("Tim", "Tom"), ("Albert", "Alfred"), ("Marie", "Robert"), ("Jan", "Pieter")],
)
@pytest.mark.parametrize("known", [{}, {"emailAddress": "familie@x.be"}], ids=["telephone", "mailbox too"])
def test_a_family_stays_apart(engine: DuckDB, one: str, other_one: str, known: dict[str, str]) -> None:
    """Twins, and a couple of whom one bears the other's last name as a first name."""
    twin = Person("T1", None, "Thomas", one, "2001-02-03", "+32470555555", "9000", "kouter 1")
    assert found(engine, [replace(twin, **known)], [replace(twin, key="P1", firstName=other_one, **known)]) == []
    couple = replace(twin, key="P1", lastName=other_one, firstName="Thomas", birthDate="1999-11-12", **known)
    assert found(engine, [replace(twin, **known)], [couple]) == []


@pytest.mark.parametrize(
    "orphan",
    [
        other(gsmNumber="+32470123456"),
        other(gsmNumber="+32470123456", lastName="Peeters", firstName="Marie"),
        other(gsmNumber="+32470123456", lastName="Peeters", addressPostalCode="2000", firstName="Marie"),
        other(emailAddress="jan@x.be", firstName="Marie", birthDate="1983-07-01"),
        replace(JAN, key="P1", emailAddress="jan@y.be", firstName="Willy"),
        replace(JAN, key="P1", emailAddress="jan@y.be", birthDate="1951-09-30"),
        other(lastName="Peeters", firstName="Jan", emailAddress="jan@y.be", gsmNumber="+32470999999"),
        other(lastName="Peeters", firstName="Jan", addressPostalCode="9000", addressStreet="kouter 9"),
        other(birthDate="1980-03-12"),
        other(firstPurchaseDate="2020-01-01", lastName="Peeters"),
        other(),
    ],
    ids=[
        "phone",
        "couple",
        "household",
        "mailbox",
        "twins",
        "father and son",
        "namesake",
        "namesake elsewhere",
        "birthday",
        "purchase",
        "nothing",
    ],
)
def test_not_believed(engine: DuckDB, orphan: Person) -> None:
    """What members of a household, or two strangers of one name, share."""
    assert found(engine, [JAN], [orphan]) == []


def test_a_name_tells_the_less_the_more_people_have_it(engine: DuckDB) -> None:
    """Of two who share a birth date too; the others of that name were born on other days."""
    orphan = other(lastName="Peeters", firstName="Jan", birthDate="1980-03-12", emailAddress="jan@y.be")
    scores = []
    for namesakes in (0, 3, 20):
        others = [Person(f"T{n}", None, "Peeters", "Jan", f"19{60 + n}-01-05") for n in range(10, 10 + namesakes)]
        [(_, _, score, _)] = found(engine, [JAN, *others], [orphan])
        scores.append(score)
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_more_agreement_scores_higher(engine: DuckDB) -> None:
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


def test_names_are_compared_without_accents_case_and_punctuation(engine: DuckDB) -> None:
    truth = Person("T1", lastName="D’Hondt-Lefèvre", firstName="Élise", birthDate="1990-01-31")
    platform = Person("P1", lastName="DHONDT LEFEVRE", firstName="elise", birthDate="1990-01-31")
    [(_, _, _, evidence)] = found(engine, [truth], [platform])
    assert evidence == "same birthDate, lastName and firstName"


def test_each_key_is_in_one_pair_at_most_and_the_best_pair_wins(engine: DuckDB) -> None:
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


def test_a_value_that_too_many_share_tells_nothing(engine: DuckDB) -> None:
    """The switchboard's number and 1 January 1900 stand with sixty people."""
    missing = [Person(f"T{n}", gsmNumber="+3222222222", birthDate="1900-01-01", lastName="A") for n in range(60)]
    orphans = [Person(f"P{n}", gsmNumber="+3222222222", birthDate="1900-01-01", lastName="A") for n in range(60)]
    assert ask(engine, missing, orphans) == []


def test_columns_of_other_names_are_recognised_by_their_rule(engine: DuckDB) -> None:
    columns = (column("customerId"), column("gsmNumber", "phone"), column("emailAddress", "email"))
    assert len(found(engine, [JAN], [other(emailAddress="jan@x.be")], columns)) == 1
    assert found(engine, [JAN], [other(lastName="Peeters", firstName="Jan", birthDate="1980-03-12")], columns) == []


@pytest.mark.parametrize(
    "names",
    [
        ("email", "last_name", "first_name", "birth_date", "phone", "postal_code", "street"),
        ("Mail", "Nom", "Prénom", "Date de naissance", "Portable", "Code postal", "Rue"),
        ("e-mail", "Achternaam", "Voornaam", "Geboortedatum", "GSM", "Postcode", "Straat"),
        ("PersonEmail", "lname", "fname", "PersonBirthdate", "HomePhone", "MailingPostalCode", "MailingStreet"),
        ("email", "lastname", "firstname", "dob", "Telefoonnummer", "zip", "Straatnaam"),
    ],
)
def test_columns_are_recognised_by_the_names_that_they_usually_have(names: tuple[str, ...]) -> None:
    known = explain.evidence_columns([column(name) for name in ("id", *names, "note")])
    assert list(known.values()) == list(names)
    assert len(known) == 7


def test_twice_on_one_side_is_a_pair_of_that_side(engine: DuckDB) -> None:
    """Whether the other side has them or not; three rows of one person are two pairs."""
    again = [replace(JAN, key=key, emailAddress=f"{key}@x.be") for key in ("T2", "T3")]
    stranger = Person("T4", "an@z.be", "Claes", "An", "1971-01-30")
    for on_both in ((), ("T1",), ("T1", "T2", "T3")):
        people = [JAN, *again, stranger]
        pairs = ask(engine, people, [one for one in people if one.key in on_both], on_both=on_both)
        truth = [pair for pair in pairs if pair[3] == "truth"]
        assert {frozenset(pair[1:3]) for pair in truth} <= {
            frozenset({a, b}) for a in ("T1", "T2", "T3") for b in ("T1", "T2", "T3")
        }
        assert {key for pair in truth for key in pair[1:3]} == {"T1", "T2", "T3"}
        assert len(truth) == 2
        assert all(pair[0] is None for pair in truth)
        assert len([pair for pair in pairs if pair[3] == "platform"]) == max(0, len(on_both) - 1)
        assert not [pair for pair in pairs if pair[3] == "both"]


def test_who_is_on_both_sides_under_one_key_is_in_no_pair_across(engine: DuckDB) -> None:
    assert ask(engine, [JAN], [replace(JAN)], on_both=("T1",)) == []
    [pair] = ask(engine, [JAN], [replace(JAN), replace(JAN, key="P9")], on_both=("T1",))
    assert pair[:4] == ("P9", None, "T1", "platform")


def test_a_table_without_anything_personal_or_without_rows_gives_no_pairs(engine: DuckDB) -> None:
    assert found(engine, [JAN], [other(emailAddress="jan@x.be")], (column("customerId"),)) == []
    assert found(engine, [], []) == []
    assert frame(engine, "same_person").schema == audit.SAME_PERSON


def test_evidence_holds_no_value(engine: DuckDB) -> None:
    [(_, _, _, evidence)] = found(engine, [JAN], [replace(JAN, key="P1")])
    assert not any(str(value).lower() in evidence.lower() for name, value in vars(JAN).items() if name != "key")


def test_a_slip_is_one_edit(engine: DuckDB) -> None:
    """However it is found out: DuckDB's own count of edits is the answer, for texts of up to ten letters."""
    drawn = random.Random(5)  # noqa: S311  (test data)
    rows = []
    for _ in range(20_000):
        one = [drawn.choice("abé€ñ-1") for _ in range(drawn.randrange(9))]
        other_one = list(one)
        for _ in range(drawn.randrange(4)):
            place = drawn.randrange(len(other_one) + 1)
            match drawn.randrange(4):
                case 0:
                    other_one.insert(place, drawn.choice("abé€"))
                case 1:
                    del other_one[place : place + 1]
                case 2:
                    other_one[place : place + 1] = drawn.choice("abé€")
                case _:
                    other_one[place : place + 2] = reversed(other_one[place : place + 2])
        rows.append(("".join(one), "".join(other_one)))
    texts = engine.put(pl.DataFrame(rows, schema=["l", "r"], orient="row"), "texts").get_name()
    edits = "damerau_levenshtein(l, r) <= 1"
    wrong_ones = f"({SLIP.format(l='l', r='r')}) <> ({edits})"
    [(slips, wrong)] = engine.execute(f"SELECT count(*) FILTER ({edits}), count(*) FILTER ({wrong_ones}) FROM {texts}")
    assert 5_000 < slips < 15_000
    assert wrong == 0


def test_twenty_thousand_of_each_side_are_matched_without_comparing_all_pairs(engine: DuckDB) -> None:
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
    pairs = found(engine, missing, same + strangers)
    right = {(platform, truth) for platform, truth, _, _ in pairs if platform == f"P{truth}"}
    assert len(right) == 10_000
    assert len(pairs) - len(right) < 200
