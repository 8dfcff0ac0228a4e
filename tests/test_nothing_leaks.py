"""A thousand secrets in the data and in the settings, every command with `--verbose`, every logger at its loudest:
none of them stands in what is printed, logged or raised.
"""

from __future__ import annotations

import csv
import logging
import random
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import cli
from auditor.actito import auth
from auditor.sandbox.process import API_KEY
from tests import small_folder
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, copy

HOSTILE = (
    "{}",
    "%s{}",
    "{{0}}{}",
    '"{}"',
    "'{}",
    "\\{}",
    "{}\n",
    "?key={}",
    "%41{}",
    "<b>{}</b>",
    "é{}",
    "{};",
    "#{}",
    "@{}",
)
"""What surrounds a secret: whatever formats, quotes, escapes or parses may stumble over."""


def plant(path: Path) -> list[str]:
    """Exchange free text, names, streets and e-mail addresses of a truth file for secrets, and add people whose keys
    are some, and rows that cannot be read.
    """
    chance, secrets = random.Random(7), list[str]()  # noqa: S311 -- secrets of the test alone

    def secret() -> str:
        secrets.append(f"{chance.getrandbits(48):012x}")
        return secrets[-1]

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["nickname"], row["last_name"], row["street"] = secret(), f"Q{secret()}", f"{secret()} 7"
        row["remark"] = " ".join(form.format(secret()) for form in HOSTILE)
        drawn = chance.random()
        if drawn < 0.2:
            row["email"] = f"{secret()}@@example.com"  # Actito would refuse it
        elif drawn < 0.6:
            row["email"] = f"{secret()}@example.com"  # looked for, in an address, before it is written
    new = [
        row | {"contact_id": f"K{secret()}", "email": f"{secret()}@example.com", "last_name": f"Q{secret()}"}
        for row in rows[:20]
    ]
    with path.open("w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows([*new, *rows[:-1]])
        file.write(f"{secret()},too,few\n{secret()},Ren\udce9{',' * (len(rows[0]) - 2)}\n")
        writer.writerows(rows[-1:])
    return secrets


class Ears(logging.Handler):
    """Hears whatever is logged, as any handler would write it."""

    def __init__(self) -> None:
        super().__init__(0)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(logging.Formatter().format(record))


@pytest.fixture
def ears() -> Iterator[Ears]:
    """Every logger speaks, whatever level it was given."""
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    before = {logger: (logger.level, logger.disabled) for logger in loggers}
    ears = Ears()
    logging.getLogger().addHandler(ears)
    for logger in loggers:
        logger.setLevel(1)
        logger.disabled = False
    yield ears
    logging.getLogger().removeHandler(ears)
    for logger, (level, disabled) in before.items():
        logger.setLevel(level)
        logger.disabled = disabled


def test_no_secret_is_printed_logged_or_raised(
    small: Made, sandbox: Sandbox, tmp_path: Path, ears: Ears,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = copy(small.agreed, tmp_path / "folder", sandbox)
    monkeypatch.chdir(folder)
    newest = max((folder / "crm").iterdir())
    secrets = [*plant(newest), API_KEY]
    assert len(set(secrets)) >= 1000
    raised, said, tokens = list[str](), list[str](), list[str]()
    signed_in = auth._read

    def noting(answer: Any) -> tuple[str, float]:
        token, life = signed_in(answer)
        tokens.append(token)
        return token, life

    monkeypatch.setattr(auth, "_read", noting)
    inside: Callable[..., object] = cli.group.main

    def overheard(**arguments: Any) -> object:
        try:
            return inside(**arguments)
        except BaseException as error:
            raised.append("".join(traceback.format_exception(error)) + repr(error))
            raise

    monkeypatch.setattr(cli.group, "main", overheard)

    def command(*arguments: str) -> int:
        told = small_folder.auditor(capsys, *arguments)
        said.append(told.out + told.err)
        return told.code

    def faulty(fault: str) -> Callable[..., int]:
        sandbox.fault(fault, 1, times=1)
        return command

    assert command("doctor", "--verbose") in (0, 2, 4, 6)
    assert faulty("503")("run", "--verbose", "--fail-on", "none") in (0, 6)
    assert command("runs") == 0
    assert command("structure", "diff", "--verbose") in (0, 3, 6)
    planned = small_folder.auditor(capsys, "plan", "--verbose")
    said.append(planned.err)  # what it prints is meant to show what would be written
    plans = re.findall(r"to carry it out: auditor (apply .*)", planned.out + planned.err)
    for plan in plans:
        for fault in ("drop-after", "500", "truncated", "redirect"):
            faulty(fault)(*plan.split(), "--yes", "--verbose")
    assert len(plans) == 2
    assert planned.code in (0, 5, 6)
    assert any(secret in planned.out for secret in secrets), "whoever plans sees both values"
    command("compare", str(newest), str(newest), "--key", "contact_id", "--verbose")
    command("compare", str(newest), str(newest), "--key", "nothing", "--verbose")
    command("compare", str(newest), str(newest), "--key", "contact_id", "--where", "1/0 =", "--verbose")
    newest.write_bytes(newest.read_bytes()[:-20] + b'"' + secrets[0].encode() * 5)
    command("run", "--verbose")
    command("run", "--verbose", "--truth", str(tmp_path / "nowhere.csv"))
    everything = "\n".join([*said, *ears.heard, *raised])
    assert ears.heard, "somebody listened"
    assert raised, "something was raised"
    assert "try 1" in everything, "and requests were told of"
    assert "/profiles/{profile}: 200" in everything, "about people by their keys among them"
    assert tokens, "and somebody signed in"
    secrets += tokens
    there = str(sandbox.profiles())
    assert sum(secret in there for secret in secrets) > 100, "what was written held them"
    assert re.search(r"customerId': 'K[0-9a-f]{12}'", there), "so did what was created"
    assert [secret for secret in secrets if secret in everything] == []
