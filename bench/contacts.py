"""Writes two files of contacts as a CRM and a platform would hold them: `python contacts.py FOLDER ROWS SEED [CASE]`.

`first.csv` and `second.csv`, and with `--parquet` the same rows with types beside them. Cases:

    usual      20 columns. Of every thousand keys five are in the first file only and five in the second only; of the
               rest three in a hundred differ, each in one column. The second file has another order.
    wide       the same with 300 columns
    different  every cell but the key differs
    disjoint   no key of the one is in the other
    one-key    20,000 rows of each file have one and the same key
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

FIRST = "Zoë,Jérôme,Anaïs,Noël,Lotte,Björn,François,Marie-Hélène,Şule,Łukasz,Emma,Thomas,Siobhán,Καλλιόπη,Олена,An"
LAST = "Dubois,De Smet,D'Hondt,Vandenbroucke,Peeters,Gürtler,Müller,Åkesson,O'Neill,Van 't Hoff,Núñez,Çelik,Janssens"
CITY = "Liège,Antwerpen,Ixelles / Elsene,Namur,Gent,La Louvière,Sint-Niklaas,Braine-l'Alleud,Köln,Lille,Eupen,Mons"
STREET = "Rue de l'Église,Kerkstraat,Avenue Louise,Chaussée de Wavre,Grote Markt,Place du Théâtre,Hauptstraße"
SHOP = "books,garden,sport,toys,music,home"

# `pick` and `die` draw from a hash of the row's number, so that the rows do not depend on the number of threads.
MACROS = """
CREATE MACRO die(i, salt, sides) AS (hash(i, salt, getvariable('seed')) % sides)::INTEGER;
CREATE MACRO pick(list, i, salt) AS string_split(list, ',')[die(i, salt, len(string_split(list, ','))) + 1];
"""

ROWS = """
SELECT
    i,
    format('C{:09d}', i) AS customer_id,
    lower(strip_accents(first)) || '.' || i || '@' || pick('example.be,example.org,mail.example', i, 'host') AS email,
    last_name, first AS first_name,
    if(die(i, 'no phone', 10) = 0, NULL, format('+324{:08d}', die(i, 'phone', 100000000))) AS phone,
    DATE '1930-01-01' + die(i, 'born', 28000) AS birth_date,
    pick('M,F', i, 'gender') AS gender,
    pick('fr,nl,de,en', i, 'language') AS language,
    street || ' ' || die(i, 'number', 200)
        || if(die(i, 'box', 5) = 0, ', bte ' || die(i, 'box number', 40), '') AS street,
    format('{:05d}', die(i, 'postal', 20000)) AS postal_code,
    pick(getvariable('city'), i, 'city') AS city,
    pick('BE,BE,BE,BE,FR,DE,NL,LU', i, 'country') AS country,
    die(i, 'points', 5000) AS points,
    (die(i, 'value', 1000000) / 100)::DECIMAL(9, 2) AS lifetime_value,
    5400000000000000 + (hash(i, 'card', getvariable('seed')) % 100000000000)::BIGINT AS card_number,
    DATE '2015-01-01' + die(i, 'first', 3000) AS first_purchase,
    TIMESTAMP '2024-01-01' + to_seconds(die(i, 'last', 50000000)) AS last_purchase,
    die(i, 'consent', 2) = 0 AS consent,
    pick(getvariable('shop'), i, 'one') || ',' || pick(getvariable('shop'), i, 'two') AS interests,
    CASE die(i, 'note', 8)
        WHEN 0 THEN 'said "call later", twice' WHEN 1 THEN first || ': moved; see file ' || i WHEN 2 THEN 'à rappeler'
    END AS note{more}
FROM (
    SELECT i, pick(getvariable('first'), i, 'first') AS first, pick(getvariable('last'), i, 'last') AS last_name,
        pick(getvariable('street'), i, 'street') AS street FROM range({rows}) AS numbers(i)
)
"""

CHANGES = {
    "email": "replace(email, 'e', 'ee')",
    "last_name": "upper(last_name)",
    "first_name": "first_name || ' J.'",
    "phone": "coalesce('0' || substr(phone, 4), '0470 12 34 56')",
    "street": "'  ' || street",
    "postal_code": "'9' || postal_code",
    "points": "points + 10",
    "lifetime_value": "lifetime_value + 1",
    "last_purchase": "last_purchase + INTERVAL 1 HOUR",
    "note": "coalesce(note, '') || ' (old)'",
}

EVERY_CHANGE = CHANGES | {
    "birth_date": "birth_date + 31",
    "gender": "if(gender = 'M', 'F', 'M')",
    "language": "upper(language)",
    "city": "lower(city)",
    "country": "if(country = 'BE', 'FR', 'BE')",
    "card_number": "card_number + 1",
    "first_purchase": "first_purchase + 1",
    "consent": "NOT consent",
    "interests": "interests || ',pets'",
}

WIDE = 300
ONE_KEY = 20_000
WITHOUT_ONE = "i % 1000 NOT BETWEEN {first} AND {first} + 4"
CASES = ("usual", "wide", "different", "disjoint", "one-key")


def write(folder: Path, rows: int, seed: int, case: str = "usual", *, parquet: bool = False) -> None:
    """`first.csv` and `second.csv` in the folder, and perhaps `first.parquet` and `second.parquet`."""
    with tempfile.TemporaryDirectory(dir=folder) as spill:
        con = connect(Path(spill), seed)
        wider = range(WIDE - 20) if case == "wide" else ()
        everybody(
            con, Path(spill) / "contacts.parquet", rows, [f"die(i, 'more {n}', 100000) AS more_{n}" for n in wider]
        )
        for name, query in (("first", first(case, rows)), ("second", second(case, rows))):
            con.execute(f"COPY ({query}) TO '{folder / name}.csv' (HEADER)")
            if parquet:
                con.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")


def connect(spill: Path, seed: int) -> duckdb.DuckDBPyConnection:
    """A connection that knows how contacts are drawn."""
    con = duckdb.connect(config={"memory_limit": "6GB", "temp_directory": str(spill)})
    con.execute("SET enable_progress_bar = false")
    values = {"seed": seed, "first": FIRST, "last": LAST, "city": CITY, "street": STREET, "shop": SHOP}
    for name, value in values.items():
        con.execute(f"SET VARIABLE {name} = $value", {"value": value})
    con.execute(MACROS)
    return con


def everybody(con: duckdb.DuckDBPyConnection, path: Path, rows: int, more: Sequence[str] = ()) -> None:
    """Draw so many contacts, with more columns in SQL: the view `contacts`, whose rows lie in the file."""
    columns = "".join(f",\n    {one}" for one in more)
    con.execute(f"COPY ({ROWS.replace('{more}', columns).replace('{rows}', str(rows))}) TO '{path}'")
    con.execute(f"CREATE VIEW contacts AS FROM '{path}'")


def first(case: str, rows: int) -> str:
    """The query of the first file."""
    if case == "one-key":
        key = f"if(i < {ONE_KEY}, 'C', customer_id) AS customer_id"
        return f"SELECT * EXCLUDE (i) REPLACE ({key}) FROM contacts ORDER BY i"
    where = "" if case in ("different", "disjoint") else f"WHERE {WITHOUT_ONE.format(first=0)}"
    return f"SELECT * EXCLUDE (i) FROM contacts {where} ORDER BY i"


def second(case: str, rows: int) -> str:
    """The query of the second file."""
    if case == "one-key":
        return f"SELECT * FROM ({first(case, rows)}) ORDER BY hash(customer_id, email)"
    if case == "disjoint":
        return "SELECT * EXCLUDE (i) REPLACE ('D' || customer_id AS customer_id) FROM contacts ORDER BY hash(i)"
    if case == "different":
        changed = ", ".join(f"{change} AS {name}" for name, change in EVERY_CHANGE.items())
        return f"SELECT * EXCLUDE (i) REPLACE ({changed}) FROM contacts ORDER BY hash(i)"
    changed = ", ".join(
        f"if(i % 1000 BETWEEN 500 AND 529 AND i % {len(CHANGES)} = {place}, {change}, {name}) AS {name}"
        for place, (name, change) in enumerate(CHANGES.items())
    )
    where = WITHOUT_ONE.format(first=5)
    return f"SELECT * EXCLUDE (i) FROM (SELECT * REPLACE ({changed}) FROM contacts WHERE {where} ORDER BY hash(i))"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("case", choices=CASES, nargs="?", default="usual")
    parser.add_argument("--parquet", action="store_true")
    asked = parser.parse_args()
    write(asked.folder, asked.rows, asked.seed, asked.case, parquet=asked.parquet)
