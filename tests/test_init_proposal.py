"""What a mapping is proposed from: names in four languages, types, and the values of the same people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.commands.init.propose import MAPPED, Looked, Proposal, propose
from auditor.commands.init.values import Cells
from auditor.commands.init.written import contract_text
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.settings.contract_file import read_contract

STRUCTURE = Structure(
    "7",
    "Customers",
    (
        Attribute("profileId", AttributeType.LONG, unique=True),
        Attribute("updateMoment", AttributeType.TIMESTAMP),
        Attribute("customerId", unique=True, mandatory=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True),
        Attribute("lastName"),
        Attribute("firstName"),
        Attribute("birthDate", AttributeType.DATE),
        Attribute("sex", AttributeType.SEX),
        Attribute("motherLanguage", AttributeType.LANGUAGE),
        Attribute("gsmNumber", AttributeType.PHONE),
        Attribute("addressPostalCode"),
        Attribute("addressLocality"),
        Attribute("addressCountry", AttributeType.COUNTRY),
        Attribute("marketingConsent", AttributeType.BOOLEAN),
        Attribute("doNotContact", AttributeType.BOOLEAN),
        Attribute("shoeSize", AttributeType.INTEGER),
    ),
    ("Newsletter",),
    (Segmentation("Tier", exclusive=True, segments=("Gold", "Silver")),),
)

PEOPLE = 40
ROWS: Mapping[str, Sequence[str]] = {
    "customerId": [f"C{n:05}" for n in range(PEOPLE)],
    "emailAddress": [f"p{n}@example.com" for n in range(PEOPLE)],
    "lastName": [f"Name{n}" for n in range(PEOPLE)],
    "firstName": [f"First{n % 25}" for n in range(PEOPLE)],
    "birthDate": [f"{13 + n % 12}/{1 + n % 12:02}/19{50 + n}" for n in range(PEOPLE)],
    "sex": ["V" if n % 3 else "M" for n in range(PEOPLE)],
    "motherLanguage": [("FR", "NL", "DE")[n % 3] for n in range(PEOPLE)],
    "gsmNumber": [f"0477 {10 + n} 22 33" for n in range(PEOPLE)],
    "addressPostalCode": [f"{1000 + 7 * n}" for n in range(PEOPLE)],
    "addressLocality": [f"City{n % 30}" for n in range(PEOPLE)],
    "addressCountry": ["LU" if n % 5 else "FR" for n in range(PEOPLE)],
    "marketingConsent": ["ja" if n % 2 else "nee" for n in range(PEOPLE)],
}

PLATFORM: Mapping[str, Sequence[str]] = {
    **ROWS,
    "birthDate": ["-".join(reversed(day.split("/"))) for day in ROWS["birthDate"]],
    "sex": [{"V": "F"}.get(code, code) for code in ROWS["sex"]],
    "marketingConsent": [{"ja": "true", "nee": "false"}[said] for said in ROWS["marketingConsent"]],
}
"""The same people as Actito would export them."""

HEADERS = {
    "French, with accents": (
        "Numéro client", "Adresse e-mail", "Nom de famille", "Prénom", "Date de naissance", "Civilité sexe", "Langue",
        "Numéro GSM", "Code postal", "Localité", "Pays", "Consentement marketing",
    ),
    "French, upper case": (
        "NUM_CLIENT", "COURRIEL", "NOM", "PRENOM", "DATE_NAISSANCE", "SEXE", "CODE_LANGUE", "TEL_PORTABLE", "CP",
        "VILLE", "CODE_PAYS", "CONSENTEMENT",
    ),
    "Dutch": (
        "klantnummer", "e-mailadres", "achternaam", "voornaam", "geboortedatum", "geslacht", "taal", "gsm-nummer",
        "postcode", "gemeente", "land", "toestemming",
    ),
    "Dutch, camelCase": (
        "klantNr", "emailAdres", "familieNaam", "roepNaam", "geborenOp", "Geslacht", "moederTaal", "mobielNummer",
        "postCode", "woonPlaats", "landCode", "toestemmingMarketing",
    ),
    "German, with umlauts": (
        "Kundennummer", "E-Mail-Adresse", "Nachname", "Vorname", "Geburtsdatum", "Geschlecht", "Sprache", "Handynummer",
        "Postleitzahl", "Ort", "Land", "Einwilligung",
    ),
    "German, short": (
        "KUNDEN_NR", "MAIL", "FAMILIENNAME", "VORNAME", "GEBURTSTAG", "GESCHLECHT", "MUTTERSPRACHE", "MOBIL", "PLZ",
        "WOHNORT", "LAENDERCODE", "WERBEEINWILLIGUNG",
    ),
    "English, snake_case": (
        "contact_id", "email", "last_name", "first_name", "born_on", "gender", "language", "mobile", "postal_code",
        "city", "country", "consent",
    ),
    "English, camelCase": (
        "customerNumber", "eMail", "familyName", "givenName", "dateOfBirth", "Gender", "preferredLanguage", "cellPhone",
        "zipCode", "Town", "countryCode", "MarketingConsent",
    ),
}  # fmt: skip
"""How the columns of ROWS, in their order, are called in truths of four languages."""


def look(truth: Mapping[str, Cells], platform: Mapping[str, Cells] | None = None) -> Looked:
    """What is seen where people stand in the same order on both sides; without `platform`, no export is there."""
    if platform is None:
        return Looked(STRUCTURE, truth)
    shares = {
        (name, column): len({*filter(None, platform[name])} & {*filter(None, cells)}) / len(cells)
        for name in ("customerId", "emailAddress")
        if name in platform
        for column, cells in truth.items()
    }
    return Looked(STRUCTURE, truth, tuple(platform), shares, (platform, truth))


def mapping(proposal: Proposal) -> dict[str, str]:
    return {one.name: one.truth for one in proposal.columns}


@pytest.mark.parametrize("language", HEADERS)
def test_names_of_four_languages_are_understood_without_an_export(language: str) -> None:
    names = HEADERS[language]
    proposal = propose(look(dict(zip(names, ROWS.values(), strict=True))))
    assert proposal.key == ("customerId",)
    right = dict(zip(ROWS, names, strict=True))
    if language == "French, with accents":
        del right["sex"]  # "Civilité sexe" may be either
    assert {name: column for name, column in mapping(proposal).items() if name in right} == right
    assert set(mapping(proposal)) <= set(ROWS)


def test_codes_and_dates_are_read_as_the_truth_writes_them() -> None:
    proposal = propose(look(ROWS))
    read = {one.name: one.reading for one in proposal.columns}
    assert read["birthDate"].format == "%d/%m/%Y"
    assert read["birthDate"].unsure == ""
    assert read["sex"].values == {"V": "F"}
    assert read["marketingConsent"].values == {"ja": "true", "nee": "false"}
    assert proposal.country == "LU"
    assert proposal.timezone == "Europe/Luxembourg"


def test_a_date_that_can_be_read_in_two_ways_is_said_to_be_unsure() -> None:
    proposal = propose(look({**ROWS, "birthDate": [f"0{1 + n % 9}/0{1 + n % 7}/1980" for n in range(PEOPLE)]}))
    [birth] = [one for one in proposal.columns if one.name == "birthDate"]
    assert "%m/%d/%Y" in birth.reading.unsure


NOT_MAPPED = {
    "account_manager": [f"S. Leroy {n}" for n in range(PEOPLE)],
    "company_name": ["ACME"] * PEOPLE,
    "partner_email_sent": ["yes"] * PEOPLE,
    "emergency_phone": [f"02 555 10 {10 + n}" for n in range(PEOPLE)],
    "invoice_country_risk": ["low"] * PEOPLE,
    "created_at": ["2026-01-01 00:00:00"] * PEOPLE,
    "city_hall_visits": ["3"] * PEOPLE,
    "shoebox": [str(n) for n in range(PEOPLE)],
}
"""Columns of a truth that resemble one of the platform and feed none."""


@pytest.mark.parametrize("column", NOT_MAPPED)
@pytest.mark.parametrize("exported", [True, False])
def test_what_only_resembles_is_not_mapped(column: str, exported: bool) -> None:
    truth = {**ROWS, column: NOT_MAPPED[column]}
    platform = PLATFORM if exported else None
    found = mapping(propose(look(truth, platform)))
    assert column not in found.values()
    assert found.items() >= {name: name for name in ROWS}.items()


def test_values_decide_between_two_good_names() -> None:
    wrong = [f"{90000 - n}" for n in range(PEOPLE)]
    truth = {**ROWS, "postcode": wrong, "zip_of_home": ROWS["addressPostalCode"]}
    del truth["addressPostalCode"]
    found = mapping(propose(look(truth, PLATFORM)))
    assert found["addressPostalCode"] == "zip_of_home"


def test_a_good_name_whose_values_disagree_is_shown_and_not_mapped() -> None:
    truth = {**ROWS, "lastName": [f"Other{n}" for n in range(PEOPLE)]}
    certain = {one.name: one.confidence for one in propose(look(truth)).columns}["lastName"]
    proposal = propose(look(truth, PLATFORM))
    assert "lastName" not in mapping(proposal)
    [doubtful] = [one for one in proposal.doubtful if one.name == "lastName"]
    assert doubtful.confidence < MAPPED < certain
    assert "0 % of 40 people" in doubtful.reason


def test_a_reference_says_what_it_needs_to_be_checked(tmp_path: Path) -> None:
    """The lines are a comment: they hold once there is a file, and until then the contract is right without."""
    referring = replace(STRUCTURE, references={"addressLocality": "Cities"})
    seen = replace(look(ROWS), structure=referring)
    text = contract_text(propose(seen), platform="Actito", truth="CRM")
    assert "refers to the table Cities" in text
    path = tmp_path / "contract.toml"
    assert read_contract(path, referring, text=text).column("addressLocality").reference_file is None
    needed = text.replace('# reference = { file = "Cities.csv" }', 'reference = { file = "Cities.csv" }')
    assert read_contract(path, referring, text=needed).column("addressLocality").reference_file == "Cities.csv"
    assert "refers to" not in contract_text(propose(look(ROWS)), platform="Actito", truth="CRM")


def test_a_share_that_is_not_nothing_is_not_called_nothing() -> None:
    """Three of a thousand people have the same name on both sides."""
    many = {name: [*cells] * 25 for name, cells in ROWS.items()}
    many["customerId"] = [f"C{n:05}" for n in range(1000)]
    platform = {**{name: [*cells] * 25 for name, cells in PLATFORM.items()}, "customerId": many["customerId"]}
    others = [name if n < 3 else f"Other{n}" for n, name in enumerate(many["lastName"])]
    proposal = propose(look({**many, "lastName": others}, platform))
    [doubtful] = [one for one in proposal.doubtful if one.name == "lastName"]
    assert "0.3 % of 1,000 people" in doubtful.reason


def test_confidence_falls_as_fewer_values_agree() -> None:
    def sure(agreeing: int) -> float:
        names = [name if n < agreeing else f"Other{n}" for n, name in enumerate(ROWS["lastName"])]
        proposal = propose(look({**ROWS, "lastName": names}, PLATFORM))
        return next(one.confidence for one in (*proposal.columns, *proposal.doubtful) if one.name == "lastName")

    found = [sure(agreeing) for agreeing in (40, 34, 24, 16, 4)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) >= 4


def test_yes_and_no_that_agree_by_chance_are_not_mapped() -> None:
    truth = {**ROWS, "has_garden": ["yes" if n % 10 else "no" for n in range(PEOPLE)]}
    platform = {**PLATFORM, "doNotContact": ["true" if n % 9 else "false" for n in range(PEOPLE)]}
    proposal = propose(look(truth, platform))
    assert "has_garden" not in mapping(proposal).values()


def test_the_name_of_an_address_is_no_key_where_a_number_is_there() -> None:
    proposal = propose(look(ROWS, PLATFORM))
    assert proposal.key == ("customerId",)


def test_a_key_by_values_alone() -> None:
    truth = {("ref_x9" if name == "customerId" else name): cells for name, cells in ROWS.items()}
    proposal = propose(look(truth, PLATFORM))
    assert (proposal.key, mapping(proposal)["customerId"]) == (("customerId",), "ref_x9")


def test_what_the_export_lacks_is_not_mapped() -> None:
    platform = {name: cells for name, cells in PLATFORM.items() if name != "lastName"}
    proposal = propose(look(ROWS, platform))
    assert "lastName" not in mapping(proposal)
    assert "lastName" in proposal.unmapped


def test_permissions_and_their_evidence() -> None:
    moments = ["2026-01-01 10:00:00"] * PEOPLE
    truth = {**ROWS, "optin_news": ["yes"] * PEOPLE, "optin_news_at": moments, "optin_news_source": ["web"] * PEOPLE,
             "do_not_contact": ["no"] * PEOPLE, "gewijzigd_op": moments}  # fmt: skip
    proposal = propose(look(truth))
    found = {one.name: (one.permission, one.general, dict(one.evidence)) for one in proposal.columns if one.permission}
    assert found == {
        "marketingConsent": ("opt-in", True, {}),
        "doNotContact": ("opt-out", True, {}),
        "subscriptions#Newsletter": ("opt-in", False, {"date": "optin_news_at", "source": "optin_news_source"}),
    }
    assert proposal.updated_truth == "gewijzigd_op"


def test_what_a_person_said_counts() -> None:
    proposal = propose(look(ROWS), key="emailAddress", fed={"lastName": "firstName", "firstName": ""})
    assert proposal.key == ("emailAddress",)
    assert mapping(proposal)["lastName"] == "firstName"
    assert "firstName" not in mapping(proposal)


def test_an_empty_truth_proposes_by_name_with_less_confidence() -> None:
    full = {one.name: one.confidence for one in propose(look(ROWS)).columns}
    proposal = propose(look(dict.fromkeys(ROWS, ())))
    assert proposal.key == ()
    assert all(one.confidence < full[one.name] for one in proposal.columns)
