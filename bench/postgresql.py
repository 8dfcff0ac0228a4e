"""What reading a table of PostgreSQL costs beside PostgreSQL's own COPY: part of `make bench`; options in ARGS.

A server of its own holds a table of contacts, 20 columns wide. `COPY contacts TO STDOUT` by psql, its output thrown
away, is what cannot be avoided. The pull stage reads the same rows into the Parquet file that the load stage lands;
both are new processes, measured in turn, and the medians are shown.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measure import Cost, first_size, measure, show

MOST_TIME = 2.0
"""The aim: at most this many times COPY."""

CONTACTS = """
CREATE TABLE contacts AS SELECT
  i AS id, 'C' || lpad(i::text, 8, '0') AS customer_id, md5(i::text) || '@acme.example' AS email,
  'Jean-Pierre' AS first_name, 'Van den Berghe ' || i % 1000 AS last_name,
  '+3247' || lpad((i * 7 % 10000000)::text, 7, '0') AS phone, date '1950-01-01' + i % 20000 AS born,
  timestamptz '2024-01-01' + i * interval '1 second' AS modified,
  timestamp '2020-01-01' + i * interval '37 seconds' AS created, i % 2 = 0 AS news, i % 3 = 0 AS events,
  ((i % 100000) / 100.0)::numeric(12,2) AS spent, i % 50 AS orders, 'rue de la Loi ' || i % 300 AS street,
  (1000 + i % 9000)::text AS postcode, 'Bruxelles' AS city, 'BE' AS country,
  CASE WHEN i % 4 > 0 THEN 'note ' || i END AS note, i % 5 AS tier, 'web' AS source
FROM generate_series(1, {rows}) AS i
"""

READ = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from auditor.model import Side
from auditor.pull import pull_file
pull_file(Side.TRUTH, sys.argv[1], folder=Path(sys.argv[2]), max_age=None, now=datetime.now(UTC), timezone=UTC)
"""

LAND = """
import sys
from pathlib import Path
from auditor.engine.duckdb import DuckDB
from auditor.load import land
from auditor.model import Side
folder = Path(sys.argv[1])
engine = DuckDB(memory_limit="700MB", temp=folder, folders=[folder])
land(engine, Side.TRUTH, folder / "truth.unpacked", folder / "truth.parquet")
"""


def main() -> None:
    """Fill a table, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rows", type=first_size, default=1_000_000, help="of the table; of a list the first (default: %(default)s)"
    )
    parser.add_argument("--repeat", type=int, default=5, help="how often each is measured (default: %(default)s)")
    options, _ = parser.parse_known_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.postgres_server import BINARIES, PASSWORD, running

    if not BINARIES.is_dir():
        raise SystemExit("there is no PostgreSQL server: `make check` installs one")
    with running(max_wal_size="4GB") as server, tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        server.run(CONTACTS.format(rows=options.rows), "VACUUM (ANALYZE, FREEZE) contacts")
        os.environ["PGPASSWORD"] = PASSWORD
        place = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        commands = {
            "COPY TO STDOUT": [str(BINARIES / "psql"), place, "-qXc", "COPY contacts TO STDOUT"],
            "pull: Parquet": [sys.executable, "-c", READ, f"{place}#contacts", name],
            "load: landed": [sys.executable, "-c", LAND, name],
        }
        print(f"a table of {options.rows:,} rows and 20 columns in PostgreSQL; {os.cpu_count()} cores")
        costs: dict[str, list[Cost]] = {title: [] for title in commands}
        for done in range(options.repeat):
            for title, command in commands.items():
                costs[title].append(measure(command, Path(os.devnull)))
            print(f"  measured {done + 1} of {options.repeat}", file=sys.stderr)
        size = (Path(name) / "truth.unpacked").stat().st_size / 2**20
    show(costs, MOST_TIME)
    print(f"the extract has {size:,.0f} MiB")


if __name__ == "__main__":
    main()
