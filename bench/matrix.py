"""The matrix: pairs of files that differ from the usual one in one thing each, and what they cost beside it.

`python matrix.py FOLDER CELL ROWS SEED` writes the two files of a cell; bench/compare.py measures them all.
The number of cells of data is about the same in each, but for what must be small; so what is compared is the processor
time per cell of data.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

USUAL_WIDTH = 20
MOST = 3.0
"""Times the usual case, per cell of data: no cell may cost more."""

NUMBER = "(i + 1000000)"
KEYS = {
    "BIGINT": f"{NUMBER}::BIGINT",
    "INTEGER": f"{NUMBER}::INTEGER",
    "DECIMAL": f"({NUMBER} / 100)::DECIMAL(12, 2)",
    "UUID": f"md5({NUMBER}::VARCHAR)::UUID",
    "DATE": f"DATE '1000-01-01' + {NUMBER}::INTEGER",
    "digits": f"{NUMBER}::VARCHAR",
    "text": "customer_id",
    "two columns": f"({NUMBER} // 4)::BIGINT",
}
"""What a key is called, and how it is made of the number of a contact."""
SECOND_KEY = "part"

RULES = (
    "email=email", "last_name=name", "first_name=name", "phone=phone:BE", "birth_date=date", "gender=code",
    "language=code", "street=text", "postal_code=code", "city=name", "country=code", "points=number",
    "lifetime_value=number", "card_number=number", "first_purchase=date", "last_purchase=timestamp",
    "consent=boolean", "interests=set", "note=text",
)  # fmt: skip

TYPES = (
    "die(i, 'a', 100)::TINYINT", "die(i, 'b', 9999)::SMALLINT", "die(i, 'c', 99999)", "hash(i, 'd')",
    "hash(i, 'e')::HUGEINT * 1000", "die(i, 'f', 9999) / 7::FLOAT", "die(i, 'g', 99999) / 7::DOUBLE",
    "(die(i, 'h', 99999) / 100)::DECIMAL(9, 2)", "(die(i, 'i', 99999) / 8)::DECIMAL(30, 9)", "die(i, 'j', 2) = 0",
    "DATE '1900-01-01' + die(i, 'k', 40000)", "TIMESTAMP '2024-01-01' + to_seconds(die(i, 'l', 40000000))",
    "TIMESTAMPTZ '2024-01-01 00:00:00Z' + to_milliseconds(die(i, 'm', 1000000000))",
    "TIME '00:00' + to_seconds(die(i, 'n', 86400))",
    "md5(i::VARCHAR)::UUID", "encode('blob ' || i)", "['a' || die(i, 'o', 9), 'b' || die(i, 'p', 9)]",
    "{'a': die(i, 'q', 99), 'b': 'x' || die(i, 'r', 99)}", "'text ' || die(i, 's', 99999)",
)  # fmt: skip
"""A column of every type."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Two files, and how they are compared."""

    name: str
    key: str = "text"
    other_key: str = ""
    """Of the second file, where it is stored otherwise."""
    ordered: bool = False
    """Whether the second file has the order of the first."""
    width: int = USUAL_WIDTH
    times: float = 1.0
    """How many of the rows that would make the usual number of cells of data."""
    changed: int = 30
    """Of a thousand rows, in one column each."""
    disjoint: bool = False
    nulls: bool = False
    """Whether half of the cells are null."""
    typed: bool = False
    """Whether it has a column of every type."""
    form: str = "parquet"
    rules: bool = False

    def rows(self, usual: int) -> int:
        """How many rows it has where the usual cell has so many."""
        return int(usual * USUAL_WIDTH / self.width * self.times)

    def alone(self, usual: int) -> tuple[int, int]:
        """How many keys are in the first file alone, and in the second."""
        whole, rest = divmod(self.rows(usual), 1_000)
        left_out = [5 * whole + min(max(rest - 5 * side, 0), 5) for side in (0, 1)]
        own = [self.rows(usual) - number for number in left_out]
        return (own[0], own[1]) if self.disjoint else (left_out[1], left_out[0])

    @property
    def extension(self) -> str:
        return "csv" if self.form == "csv" else "parquet"

    def options(self) -> list[str]:
        """What `auditor compare` is told."""
        keys = ["customer_id", SECOND_KEY] if self.key == "two columns" else ["customer_id"]
        asked = [("--key", key) for key in keys] + [("--rule", rule) for rule in RULES if self.rules]
        return [word for pair in asked for word in pair]


USUAL = Cell("usual")
CELLS = (
    USUAL,
    *(
        Cell(f"key {key}{', sorted' if ordered else ''}", key=key, ordered=ordered)
        for key in KEYS
        for ordered in (False, True)
        if ordered or key != USUAL.key
    ),
    Cell("key text, BIGINT on side 2", key="digits", other_key="BIGINT"),
    Cell("key BIGINT, text on side 2", key="BIGINT", other_key="digits"),
    Cell("5 columns", width=5),
    Cell("100 columns", width=100),
    Cell("300 columns", width=300),
    Cell("2,000 columns, few rows", width=2_000, times=0.1),
    Cell("0 % differing", changed=0),
    Cell("50 % differing", changed=500),
    Cell("100 % differing", changed=1_000),
    Cell("no key in common", disjoint=True),
    Cell("half of it null", nulls=True),
    Cell("a column of every type", typed=True),
    Cell("CSV", form="csv"),
    Cell("CSV, a rule on every column", form="csv", rules=True),
    Cell("text, a rule on every column", form="texts", rules=True),
)


def cell_of(name: str) -> Cell:
    """The cell of that name."""
    return next(cell for cell in CELLS if cell.name == name)


def write(folder: Path, cell: Cell, usual: int, seed: int) -> None:
    """The two files of a cell."""
    from contacts import CHANGES, WITHOUT_ONE, connect, everybody

    with tempfile.TemporaryDirectory(dir=folder) as spill:
        con = connect(Path(spill), seed)
        more = [f"die(i, 'more {n}', 100000) AS more_{n}" for n in range(cell.width - USUAL_WIDTH)]
        more += [f"{made} AS typed_{n}" for n, made in enumerate(TYPES)] if cell.typed else []
        everybody(con, Path(spill) / "contacts.parquet", cell.rows(usual), more)
        described = [name for name, *_ in con.execute("DESCRIBE FROM contacts").fetchall() if name != "i"]
        own = [name for name in described if name.startswith("typed")] if cell.typed else described[1:]
        names = ["customer_id", *own][: cell.width]
        changes = {name: change for name, change in CHANGES.items() if name in names}
        if cell.typed:
            # Each takes the value of the contact before.
            changes = {name: f"lag({name}) OVER (ORDER BY i)" for name in names[1:]}
        for side in (0, 1):
            made = {name: name for name in names}
            if side:
                for place, (name, change) in enumerate(changes.items()):
                    here = f"hash(i, 'changed') % 1000 < {cell.changed} AND hash(i) % {len(changes)} = {place}"
                    made[name] = f"if({here}, {change}, {name})"
            if cell.nulls:
                made |= {name: f"if(hash(i, '{name}') % 2 = 0, NULL, {made[name]})" for name in names[1:]}
            key = KEYS[(cell.other_key if side else "") or cell.key]
            made["customer_id"] = f"'D' || ({key})" if cell.disjoint and side else key
            if cell.key == "two columns":
                made = {"customer_id": key, SECOND_KEY: "'part ' || i % 4", **dict(list(made.items())[1:])}
            picked = ", ".join(f"{expression} AS {name}" for name, expression in made.items())
            order = "hash(i)" if side and not cell.ordered else "i"
            where = WITHOUT_ONE.format(first=5 * side)
            query = f"SELECT {picked} FROM contacts WHERE {where} ORDER BY {order}"
            if cell.form == "texts":
                query = f"SELECT COLUMNS(*)::VARCHAR FROM ({query})"
            target = folder / f"{('first', 'second')[side]}.{cell.extension}"
            con.execute(f"COPY ({query}) TO '{target}' ({'HEADER' if cell.form == 'csv' else 'FORMAT parquet'})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("cell", choices=[cell.name for cell in CELLS])
    parser.add_argument("rows", type=int)
    parser.add_argument("seed", type=int)
    asked = parser.parse_args()
    write(asked.folder, cell_of(asked.cell), asked.rows, asked.seed)
