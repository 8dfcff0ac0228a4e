"""What the names of columns say: the same thing in four languages, camelCase or snake_case, with accents or without.

Words of French, Dutch, German and English. What is not among them is compared word by word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Final

from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX

MEANINGS: Final[Mapping[str, str]] = {
    "customer number": "customer id, client id, contact id, customer number, customer no, customer nr, customer code, "
    "client number, contact number, person id, crm id, external id, klant id, klantnummer, klantnr, klantcode, "
    "contactnummer, relatienummer, numero client, num client, no client, id client, code client, identifiant client, "
    "kunden id, kundennummer, kundennr, kunden nr",
    "e-mail address": "email address, email, e mail, mail, mail address, e mail address, emailadres, e mailadres, "
    "mailadres, adresse email, adresse e mail, adresse mail, courriel, adresse electronique, emailadresse, "
    "e mail adresse, mailadresse, email adresse",
    "last name": "last name, lastname, surname, family name, achternaam, familienaam, nom, nom de famille, "
    "nom famille, nachname, familienname, name last",
    "first name": "first name, firstname, given name, forename, voornaam, prenom, vorname, roepnaam, name first",
    "date of birth": "birth date, birthdate, date of birth, born on, born, birthday, dob, geboortedatum, "
    "geboorte datum, geboren op, date de naissance, date naissance, naissance, ne le, geburtsdatum, geboren am, "
    "geburtstag",
    "sex": "sex, gender, geslacht, sexe, genre, geschlecht",
    "title": "person title, title, salutation, aanspreking, aanhef, aanspreektitel, civilite, titre, anrede, titel",
    "language": "mother language, language, lang, mother tongue, preferred language, taal, moedertaal, taalcode, "
    "langue, langue maternelle, code langue, sprache, muttersprache, language code",
    "mobile number": "gsm number, gsm, mobile, mobile phone, mobile number, cell phone, cell, cellphone, gsm nummer, "
    "gsmnummer, mobiel, mobiele telefoon, mobiel nummer, portable, telephone portable, tel portable, numero gsm, "
    "num portable, mobil, handy, handynummer, mobilnummer, mobiltelefon, tel mobile",
    "phone number": "phone number, phone, telephone, tel, landline, telefoon, telefoonnummer, vaste lijn, fixe, "
    "numero de telephone, numero telephone, telephone fixe, telefon, telefonnummer, festnetz",
    "fax number": "fax number, fax, faxnummer, numero fax, telecopie",
    "street": "address street, street, street name, straat, straatnaam, rue, adresse rue, strasse, strassenname, "
    "address line 1, address line",
    "house number": "address number, house number, huisnummer, numero de rue, numero rue, numero maison, hausnummer",
    "box": "address box, box, bus, busnummer, boite, boite postale",
    "postal code": "address postal code, postal code, postcode, post code, zip, zip code, zipcode, code postal, cp, "
    "postleitzahl, plz",
    "city": "address locality, locality, city, town, municipality, gemeente, stad, plaats, woonplaats, ville, "
    "commune, localite, ort, stadt, gemeinde, wohnort",
    "country": "address country, country, country code, land, landcode, pays, code pays, laendercode, "
    "landeskennzeichen",
    "marketing consent": "marketing consent, consent, consent marketing, toestemming, marketing toestemming, "
    "toestemming marketing, consentement, consentement marketing, einwilligung, marketing einwilligung, "
    "werbeeinwilligung",
    "do not contact": "do not contact, no contact, dont contact, do not mail, opposition, ne pas contacter, "
    "niet contacteren, geen contact, nicht kontaktieren, kein kontakt, kontaktsperre, werbesperre, robinson, "
    "blacklist, blacklisted, opt out, optout",
    "newsletter": "newsletter, news letter, nieuwsbrief, infolettre, lettre d information, lettre information, "
    "rundbrief, news",
    "promotions": "promotions, promotion, promo, promos, offers, offres, aanbiedingen, acties, angebote, aktionen",
    "events": "events, event, evenementen, evenement, evenements, veranstaltungen, veranstaltung",
    "loyalty points": "loyalty points, points, spaarpunten, punten, getrouwheidspunten, points fidelite, "
    "points de fidelite, treuepunkte, punkte, bonuspunkte",
    "lifetime value": "lifetime value, ltv, clv, customer lifetime value, klantwaarde, valeur client, kundenwert",
    "card number": "card number, card no, card nr, loyalty card, kaartnummer, klantenkaart, numero carte, "
    "numero de carte, carte fidelite, kartennummer, kundenkarte",
    "first purchase": "first purchase, first purchase date, first order, eerste aankoop, premier achat, "
    "date premier achat, erster kauf, erstkauf",
    "last purchase": "last purchase, last purchase moment, last purchase date, last order, laatste aankoop, "
    "dernier achat, date dernier achat, letzter kauf",
    "interests": "interests, interest, hobbies, interesses, interesse, centres d interet, centres interet, interets, "
    "interessen",
    "shop": "favourite shop, favorite shop, shop, store, favourite store, winkel, voorkeurwinkel, filiaal, magasin, "
    "magasin prefere, boutique, filiale, lieblingsfiliale, geschaeft",
    "nickname": "nickname, nick name, nick, bijnaam, surnom, pseudo, spitzname",
    "note": "note, notes, remark, remarks, comment, comments, opmerking, opmerkingen, nota, remarque, remarques, "
    "commentaire, commentaires, bemerkung, bemerkungen, anmerkung, notiz",
    "company": "company, company name, bedrijf, bedrijfsnaam, firma, societe, entreprise, unternehmen, organisation",
    "vip": "vip, is vip",
    "tier": "client tier, tier, customer tier, niveau client, klantniveau, kundenstufe, niveau",
    "moment of change": "update moment, updated, updated at, update date, modified, modified at, modified on, "
    "last modified, last update, last updated, last change, changed at, changed on, modification date, mutatiedatum, "
    "gewijzigd, gewijzigd op, laatst gewijzigd, wijzigingsdatum, date modification, date de modification, modifie le, "
    "date maj, maj, mise a jour, geaendert, geaendert am, letzte aenderung, aenderungsdatum, system modstamp",
    "moment of creation": "creation moment, created, created at, created on, creation date, aangemaakt, "
    "aangemaakt op, aanmaakdatum, date creation, date de creation, cree le, erstellt, erstellt am, "
    "erstellungsdatum, angelegt am",
}
"""What a column may hold → the names it goes by."""

CONSENT: Final = frozenset({"marketing consent"})
REFUSAL: Final = frozenset({"do not contact"})

_CONSENT_WORDS: Final = {"optin", "consent", "toestemming", "consentement", "einwilligung"}
_REFUSAL_WORDS: Final = {
    "optout", "unsubscribed", "uitgeschreven", "desinscrit", "desabonne", "abgemeldet", "blacklisted",
}  # fmt: skip
_PUBLIC: Final = {"language", "country", "shop", "tier"}
_SPECIAL_WORDS: Final = {
    "note", "notes", "remark", "remarks", "comment", "comments", "opmerking", "opmerkingen", "remarque", "remarques",
    "commentaire", "bemerkung", "anmerkung", "notiz", "health", "gezondheid", "sante", "gesundheit", "medical",
    "allergy", "allergies", "religion", "godsdienst", "ethnic", "ethnicity", "union", "vakbond", "syndicat",
    "gewerkschaft", "political", "politiek", "politique", "handicap", "disability",
}  # fmt: skip
"""Words of columns that may hold health, belief and the like (article 9 of the GDPR), free text above all."""

_NOISE: Final = {"the", "of", "de", "du", "le", "la", "van", "der", "die", "das", "is", "has", "fld", "col", "field"}
_OPT_IN: Final = {
    "optin",
    "opt",
    "in",
    "subscription",
    "subscribed",
    "abonnement",
    "inschrijving",
    "inscription",
    "abo",
}
_DATES: Final = {
    "at", "on", "date", "datum", "moment", "op", "am", "le", "time", "timestamp", "since", "sinds", "depuis",
}  # fmt: skip
_SOURCES: Final = {"from", "source", "via", "bron", "quelle", "origine", "origin", "channel", "kanaal", "canal", "by"}
_SHORTEST_BEGINNING: Final = 4


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of a name: `Prénom_client`, `prenomClient` and `PRENOM CLIENT` have the same."""
    plain = name.replace("ß", "ss")
    for umlaut, spelt in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue")):
        plain = plain.replace(umlaut, spelt)
    plain = "".join(one for one in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(one))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(word for word in re.split(r"[^a-z0-9]+", plain.casefold()) if word)


def meaning(name: str) -> str | None:
    """What a column of this name holds, for example `postal code`; None where the name is not known."""
    return _known().get("".join(words(_bare(name))))


def likeness(platform: str, truth: str) -> tuple[float, str]:
    """How much the names of a platform's and a truth's column say the same, from 0 to 1; and why, for people."""
    ours, theirs = words(_bare(platform)), words(truth)
    if not ours or not theirs:
        return 0.0, ""
    if "".join(ours) == "".join(theirs):
        return 1.0, "the same name"
    meant, other = meaning(platform), meaning(truth)
    if meant is not None and meant == other:
        return 0.95, f"both names mean {meant}"
    left, right = _content(ours), _content(theirs)
    if platform.startswith(SUBSCRIPTION_PREFIX):
        right = right - _OPT_IN or right
        if meant is not None and _known().get("".join(word for word in theirs if word in right)) == meant:
            return 0.9, f"both names mean {meant}"
    if meant is not None and other is not None:
        return 0.0, ""  # both are understood, and they are two things
    shared = sum(any(_akin(one, two) for two in right) for one in left)
    likely = 0.85 * 2 * shared / (len(left) + len(right)) if shared else 0.0
    return min(likely, 0.85), "their names share words" if likely else ""


def is_evidence(name: str, truth: str) -> str | None:
    """`date` or `source` where a truth column of this name says when or where the permission `truth` was given."""
    mine, of = words(name), words(truth)
    rest = [word for word in mine if word not in of]
    if len(rest) == len(mine) or not set(of) <= set(mine) or not rest:
        return None
    if set(rest) <= _DATES:
        return "date"
    return "source" if set(rest) <= _SOURCES else None


def says_permission(name: str) -> str | None:
    """`opt-in` or `opt-out` where the name of a column says that it is a permission."""
    meant, mine = meaning(name), words(_bare(name))
    joined = set(mine) | {one + two for one, two in pairwise(mine)}
    if meant in REFUSAL or joined & _REFUSAL_WORDS:
        return "opt-out"
    return "opt-in" if meant in CONSENT or joined & _CONSENT_WORDS else None


def says_general(name: str) -> bool:
    """Whether the name of a column says that it stands over all other permissions."""
    return meaning(name) in CONSENT | REFUSAL


def sensitivity(platform: str, truth: str) -> str:
    """`public`, `personal` or `special`; what is not known is personal."""
    if {*words(platform), *words(truth)} & _SPECIAL_WORDS:
        return "special"
    return "public" if meaning(platform) in _PUBLIC else "personal"


def _bare(name: str) -> str:
    return name.removeprefix(SUBSCRIPTION_PREFIX).removeprefix(SEGMENTATION_PREFIX)


def _content(name: tuple[str, ...]) -> set[str]:
    return set(name) - _NOISE or set(name)


def _akin(one: str, two: str) -> bool:
    short, long = sorted((one, two), key=len)
    return one == two or (len(short) >= _SHORTEST_BEGINNING and long.startswith(short))


@cache
def _known() -> Mapping[str, str]:
    return {"".join(words(name)): meant for meant, names in MEANINGS.items() for name in names.split(", ")}
