"""Makes a working folder and inputs for audits of any size: `python invented.py FOLDER PEOPLE SEED PORT ROWS…`.

`FOLDER/work` is what `auditor demo` begins with, of an invented licence of so many people whose sandbox will listen at
PORT. For each number of ROWS there are in `FOLDER/ROWS` three pairs of inputs: `agreed`, where both sides say the same;
`drifted`, after a week of real life; and `changed`, where since then one in a hundred contacts of the truth has. They
are those of the licence, repeated; whoever is repeated has a key, an e-mail address and a profileId of their own, and
another birthday and telephone number, for nobody has a hundred namesakes of one age.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

ONE_IN = 100
"""Of so many contacts of the truth one changes."""

MACROS = """
CREATE MACRO own_key(key, n) AS if(n = 0 OR trim(key) = '', key, trim(key) || format('{:04d}', n));
CREATE MACRO own_address(email, n) AS if(n > 0 AND contains(email, '@'), 'r' || n || '.' || email, email);
CREATE MACRO own_day(born, form, n) AS coalesce(strftime(try_strptime(born, form)::DATE + n::INTEGER, form), born);
CREATE MACRO own_number(phone, n) AS
    coalesce(left(phone, -2) || format('{:02d}', (try_cast(right(phone, 2) AS INTEGER) + n) % 100), phone);
"""
PLATFORM = """
    if(n = 0, profileId, (profileId::BIGINT + n * 100000000)::VARCHAR) AS profileId,
    own_key(customerId, n) AS customerId, own_address(emailAddress, n) AS emailAddress,
    own_day(birthDate, '%Y-%m-%d', n) AS birthDate, own_number(gsmNumber, n) AS gsmNumber
"""
TRUTH = """
    own_key(contact_id, n) AS contact_id, own_address(email, n) AS email,
    own_day(born_on, '%d/%m/%Y', n) AS born_on, own_number(mobile, n) AS mobile
"""
CHANGE = f"""
    if(hash(contact_id) % {ONE_IN} = 0, 'Anders ' || coalesce(last_name, ''), last_name) AS last_name,
    if(hash(contact_id) % {ONE_IN} = 0, '{{moment}}', modified_at) AS modified_at
"""


def main() -> None:
    """Make them."""
    folder, people, seed, port = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    rows = [int(size) for size in sys.argv[5:]]
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from auditor.cli import clock, demonstration
    from auditor.sandbox.process import Sandbox

    work = folder / "work"
    demonstration.prepare(work)
    with Sandbox(work / "sandbox", profiles=people, seed=seed, limits=demonstration.LIMITS, port=port) as sandbox:
        demonstration.write_settings(work, sandbox.url)
        settings = work / "auditor.toml"
        settings.write_text(settings.read_text("utf-8").replace("[platform]", '[platform]\nmax_age = "30d"'), "utf-8")
        sandbox.clock(clock.now() - demonstration.WEEK)
        demonstration.fetch_inputs(sandbox, work)
        sandbox.clock(clock.now())
        sandbox.drift()
        demonstration.fetch_inputs(sandbox, work)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute(MACROS)
    exports, extracts = (sorted((work / name).iterdir()) for name in ("exports", "crm"))
    for size in rows:
        times = max(size // people, 1)
        for name, export, extract in zip(("agreed", "drifted"), exports, extracts, strict=True):
            target = folder / str(size) / name
            target.mkdir(parents=True)
            repeat(con, export, target / export.name, PLATFORM, times, ";")
            repeat(con, extract, target / extract.name, TRUTH, times, ",")
        change(con, folder / str(size))
    for one in (*exports, *extracts):
        one.unlink()


def reading(source: Path) -> str:
    """The lines of a CSV file that can be read, every cell as text."""
    return f"read_csv('{source}', all_varchar = true, quote = '\"', escape = '\"', ignore_errors = true)"


def repeat(con: duckdb.DuckDBPyConnection, source: Path, target: Path, own: str, times: int, delimiter: str) -> None:
    """Write the rows of a CSV file so many times, but for those that cannot be read."""
    con.execute(
        f"COPY (SELECT * EXCLUDE (n) REPLACE ({own}) FROM range({times}) AS numbers(n) CROSS JOIN {reading(source)}) "
        f"TO '{target}' (FORMAT csv, HEADER, DELIMITER '{delimiter}')"
    )


def change(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write `changed`: the export is the one of `drifted`, the extract one of a little later."""
    [export], [extract] = (list((folder / "drifted").glob(f"{name}_*")) for name in ("Customers", "contacts"))
    later = datetime.strptime(extract.stem, "contacts_%Y%m%dT%H%M%S") + timedelta(seconds=5)  # noqa: DTZ007
    target = folder / "changed"
    target.mkdir()
    (target / export.name).hardlink_to(export)
    con.execute(
        f"COPY (SELECT * REPLACE ({CHANGE.format(moment=later)}) FROM {reading(extract)}) "
        f"TO '{target}/contacts_{later:%Y%m%dT%H%M%S}.csv' (FORMAT csv, HEADER)"
    )


if __name__ == "__main__":
    main()
