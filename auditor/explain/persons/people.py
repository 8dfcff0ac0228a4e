"""The rows of both sides in the forms in which people are compared, whatever their columns are called."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import ibis
import polars as pl

from auditor.engine.duckdb import DuckDB, name_of
from auditor.equality.primitives import bare_code
from auditor.explain.folds import with_levels
from auditor.explain.persons.model import KINDS, MOST_NAMESAKES
from auditor.explain.persons.short_names import names_meant
from auditor.explain.spelling import ungarbled
from auditor.model import AttributeType, Side
from auditor.settings.contract import Column, Compare

if TYPE_CHECKING:
    import ibis.expr.types as ir

_MOST_SHARING: Final[Mapping[str, str]] = {
    "email": "5",
    "phone": "5",
    "birth_date": "20 + (SELECT count(*) FROM {persons}) // 1000",
}
"""What more rows of a side share is nobody's own: a switchboard, a mailbox for everybody, 1 January 1900."""

_USUAL_NAMES: Final[Mapping[str, str]] = {
    "email": "email emailaddress mail mailaddress courriel emailadres personemail",
    "phone": "gsmnumber gsm phone phonenumber mobile mobilephone mobilenumber cellphone telephone telephonenumber tel "
    "telefoon telefon portable telefoonnummer mobiel mobielnummer gsmnummer homephone personmobilephone",
    "birth_date": "birthdate birthday dateofbirth dob born bornon geboortedatum datenaissance datedenaissance "
    "geburtsdatum personbirthdate",
    "last_name": "lastname surname familyname nom nomdefamille achternaam familienaam nachname lname",
    "first_name": "firstname givenname forename prenom voornaam vorname fname",
    "postal_code": "addresspostalcode postalcode postcode zip zipcode codepostal plz postleitzahl mailingpostalcode "
    "personmailingpostalcode",
    "street": "addressstreet street streetaddress address rue straat strasse adresse adres straatnaam mailingstreet "
    "personmailingstreet",
}
"""Kind of evidence → names of columns, first of all Actito's predefined attribute, in small letters alone."""
_KIND_OF: Final = {name: kind for kind, names in _USUAL_NAMES.items() for name in names.split()}
_PREDEFINED: Final = frozenset(names.split()[0] for names in _USUAL_NAMES.values()) | {"emailaddress"}

MANY: Final = 1000
"""Fewer rows do not tell that nobody else has a first name."""

_NAMES: Final = ("last_name", "first_name", "street")
"""Compared by letters and digits alone: no case, accents, blanks or punctuation."""


def evidence_columns(columns: Sequence[Column]) -> dict[str, str]:
    """Kind of evidence → the name of the column that holds it; kinds that no column holds are left out.

    A column is known by its name on either side, or by the type or the rule that makes it an e-mail address or a phone
    number. Actito's own attributes go before others, and the first column before later ones.
    """
    found: dict[str, str] = {}
    for column in columns:
        names = [_letters(name) for name in (column.name, column.truth)]
        kind = next((_KIND_OF[name] for name in names if name in _KIND_OF), None)
        if kind is None and (column.type is AttributeType.EMAIL or column.compare is Compare.EMAIL):
            kind = "email"
        if kind is None and (column.type is AttributeType.PHONE or column.compare is Compare.PHONE):
            kind = "phone"
        if kind is not None and (kind not in found or names[0] in _PREDEFINED):
            found[kind] = column.name
    return found


def collect(engine: DuckDB, rows: Mapping[Side, ir.Table], columns: Mapping[str, str]) -> ir.Table:
    """A row per key of a side: `id`, `side`, `key`, `alone`, a text per kind of evidence, `namesakes`, `meant`.

    `rows` has per side `auditor:key`, `auditor:alone` (the other side does not have it) and the columns that `columns`
    names, in canonical form. `id` numbers the rows by side and key. Null: empty, not mapped, or nobody's own, for too
    many share it. `namesakes` counts the rows with that first and last name, on the side that has more of them, up to
    `MOST_NAMESAKES`; `meant` lists the names that a first name may be short for, itself included.
    """
    sides = [_forms(table, columns).mutate(side=ibis.literal(side.value)) for side, table in rows.items()]
    forms = engine.keep(ibis.union(sides[0], *sides[1:]), "person_forms")
    short = engine.put(
        pl.DataFrame([(name, sorted(meant)) for name, meant in names_meant().items()], ["name", "meant"], orient="row"),
        "short_names",
    )
    persons = engine.keep_sql(
        f"WITH named AS (SELECT last_name, first_name, side, count(*) AS n FROM {name_of(forms)} GROUP BY ALL), "
        f"most AS (SELECT last_name, first_name, least(max(n), {MOST_NAMESAKES}) AS namesakes FROM named "
        "GROUP BY last_name, first_name), "
        f"borne AS (SELECT first_name, CASE WHEN sum(count(*)) OVER () >= {MANY} THEN count(*) END AS bearers "
        f"FROM {name_of(forms)} GROUP BY first_name) "
        "SELECT row_number() OVER (ORDER BY side, key) AS id, p.*, namesakes, bearers, meant "
        f"FROM {name_of(forms)} AS p LEFT JOIN most USING (last_name, first_name) "
        "LEFT JOIN borne USING (first_name) "
        f"LEFT JOIN {name_of(short)} AS s ON s.name = first_name",
        "persons",
    )
    engine.drop(forms, short)
    for kind, most in _MOST_SHARING.items():
        if kind in columns:
            _forget_shared(engine, name_of(persons), kind, most)
    return persons


def _forget_shared(engine: DuckDB, persons: str, kind: str, most: str) -> None:
    shared = f"SELECT side, {kind} FROM {persons} GROUP BY ALL HAVING count(*) > {most.format(persons=persons)}"
    engine.execute(f"UPDATE {persons} SET {kind} = NULL WHERE (side, {kind}) IN ({shared})")


def _forms(table: ir.Table, columns: Mapping[str, str]) -> ir.Table:
    texts = {
        kind.name: table[columns[kind.name]].cast(str) if kind.name in columns else ibis.null(str) for kind in KINDS
    }
    texts |= {
        name: ibis.ifelse(texts[name].re_search(r"[^\x00-\x7f]{2}"), ungarbled(texts[name]), texts[name])
        for name in _NAMES
    }
    rows = table.select(key=table["auditor:key"], alone=table["auditor:alone"], **texts)
    rows = with_levels(rows, **{kind: kind for kind in _NAMES if kind in columns})
    forms: dict[str, ir.StringValue] = {
        kind.name: rows[f"{kind.name}_bare" if kind.name in _NAMES and kind.name in columns else kind.name]
        for kind in KINDS
    }
    forms["email"] = _mailbox(forms["email"].strip().lower())
    forms["phone"] = forms["phone"].re_replace("[^0-9]", "").right(8)
    forms["bare_key"] = bare_code(rows.key)
    return rows.select("key", "alone", **{kind: form.nullif("") for kind, form in forms.items()})


def _mailbox(address: ir.StringValue) -> ir.StringValue:
    """Whose mailbox an address in small letters is: without what follows a plus, and for Gmail without dots."""
    plain = address.re_replace(r"^([^@+]+)\+[^@]*@", r"\1@")
    gmail = plain.re_extract(r"^([^@]+)@(?:gmail|googlemail)\.com$", 1)
    return ibis.ifelse(gmail == "", plain, gmail.replace(".", "") + "@gmail.com")


def _letters(name: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFD", name.lower()) if letter.isascii() and letter.isalpha()
    )
