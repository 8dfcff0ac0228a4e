"""Writes two CSV files of contacts as a CRM and a platform would hold them: `python contacts.py FOLDER ROWS SEED`.

Both have the same 20 columns and mostly the same rows, in another order. Of every thousand keys five are in the first
file only and five in the second only; of the rest three in a hundred differ, each in one column.
"""

from __future__ import annotations

import sys
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
CREATE TABLE contacts AS SELECT
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
    pick($city, i, 'city') AS city,
    pick('BE,BE,BE,BE,FR,DE,NL,LU', i, 'country') AS country,
    die(i, 'points', 5000) AS points,
    (die(i, 'value', 1000000) / 100)::DECIMAL(9, 2) AS lifetime_value,
    5400000000000000 + hash(i, 'card', getvariable('seed')) % 100000000000 AS card_number,
    DATE '2015-01-01' + die(i, 'first', 3000) AS first_purchase,
    TIMESTAMP '2024-01-01' + to_seconds(die(i, 'last', 50000000)) AS last_purchase,
    die(i, 'consent', 2) = 0 AS consent,
    pick($shop, i, 'one') || ',' || pick($shop, i, 'two') AS interests,
    CASE die(i, 'note', 8)
        WHEN 0 THEN 'said "call later", twice' WHEN 1 THEN first || ': moved; see file ' || i WHEN 2 THEN 'à rappeler'
    END AS note
FROM (
    SELECT i, pick($first, i, 'first') AS first, pick($last, i, 'last') AS last_name,
        pick($street, i, 'street') AS street FROM range($rows) AS numbers(i)
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

WITHOUT_ONE = "i % 1000 NOT BETWEEN {first} AND {first} + 4"


def write(folder: Path, rows: int, seed: int) -> None:
    """`first.csv` and `second.csv` in the folder."""
    con = duckdb.connect()
    con.execute("SET VARIABLE seed = $seed", {"seed": seed})
    con.execute(MACROS)
    con.execute(ROWS, {"first": FIRST, "last": LAST, "city": CITY, "street": STREET, "shop": SHOP, "rows": rows})
    changed = ", ".join(
        f"if(i % 1000 BETWEEN 500 AND 529 AND i % {len(CHANGES)} = {place}, {change}, {name}) AS {name}"
        for place, (name, change) in enumerate(CHANGES.items())
    )
    first = f"SELECT * EXCLUDE (i) FROM contacts WHERE {WITHOUT_ONE.format(first=0)} ORDER BY i"
    second = f"SELECT * REPLACE ({changed}) FROM contacts WHERE {WITHOUT_ONE.format(first=5)} ORDER BY hash(i)"
    con.execute(f"COPY ({first}) TO '{folder / 'first.csv'}' (HEADER)")
    con.execute(f"COPY (SELECT * EXCLUDE (i) FROM ({second})) TO '{folder / 'second.csv'}' (HEADER)")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
