"""Whom files of activities are about: people of the export, by profileId, key or address; and which rows are believed.

A file of another table names people by the same numbers and keys. Where a row has an e-mail address as well, it is
believed of somebody who has that address, in the export, in the truth or in what was agreed or told before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import declared
from auditor.engine.protocol import ROW_NUMBER, Engine, count, filled
from auditor.equality import primitives, rules
from auditor.findings.activities import Channel
from auditor.match.join import Matched, anchor
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.contract import Column, Compare, Contract

_digest = declared("sha256", ("string",))

_WAYS: Final[Mapping[Channel, Compare]] = {Channel.EMAIL: Compare.EMAIL, Channel.SMS: Compare.PHONE}
_FEWEST: Final = 2
"""Rows about others that make a file one of another table, if they are most of those that can be judged: one may be
an address that has been corrected since."""
_SAID: Final = ("channel", "activity", "reason", "moment")


@dataclass(frozen=True, slots=True)
class Named:
    """The rows of files, by the people they are about."""

    rows: ir.Table
    """key, profile_id, channel, activity, reason, moment, address (keyed digest), and how sure the address is as
    `sure`: of the rows that are believed."""
    remembered: ir.Table | None
    """What earlier runs saw, without what is taken back."""
    taken_back: int
    """Of those, that are no longer remembered."""
    of_nobody: int
    """Rows of people who are not in the export, each once."""
    of_others: int
    """Rows with an address that the person never had, each once."""
    files: tuple[tuple[str, int], ...]
    """Files of which most rows are of that kind, and how many: none of their rows is believed, or counted above."""


def contact(contract: Contract, channel: Channel) -> Column | None:
    """The column with the address or number by which a channel reaches people: the first of its kind."""
    way = _WAYS[channel]
    return next((one for one in contract.contacts if way in (one.compare, one.type)), None)


def people(contract: Contract, matched: Matched, secret: str) -> ir.Table:
    """Everybody in the export: key, profile_id, address, and per channel the digest of what it goes to."""
    keys, raw = matched.keys[Side.PLATFORM], matched.raw[Side.PLATFORM]
    cells: dict[str, ir.Value] = {"own_row": raw[ROW_NUMBER], "address": ibis.null(str)}
    for channel in Channel:
        column = contact(contract, channel)
        address = ibis.null(str) if column is None else _address(raw[column.header], channel)
        cells[channel.value] = keyed(address, secret)
        if channel is Channel.EMAIL:
            cells["address"] = address
    own = raw.select(**cells)
    known = keys.filter(keys.key.notnull()).select("key", "profile_id", "row")
    return known.join(own, known.row == own.own_row).drop("row", "own_row")


def named(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    everybody: ir.Table,
    told: ir.Table,
    base: ir.Table | None,
    remembered: ir.Table | None,
    secret: str,
) -> Named:
    """Find whom the rows that `load.activities` has understood are about; `everybody` is what `people` gives, and
    `base` that of `diff.known`.

    A row's first identifier that is filled decides: profileId, where the export has it, then the key, then the address,
    which may be that of several profiles. Rows that are taken back take from `remembered`, which `with_keys_of_now` has
    given, whatever happened to these people at these moments.
    """
    rows = engine.keep(_identified(engine, contract, everybody, told), "told_activities")
    found = engine.keep(_about(rows, everybody, secret), "fresh_activities")
    back, number = found.filter(found.taken_back).select("key", "moment").distinct(), 0
    if remembered is not None and filled(engine, back):
        number = count(engine, remembered.semi_join(back, ["key", "moment"]))
        remembered = engine.keep(remembered.anti_join(back, ["key", "moment"]), "remembered_activities")
    if contact(contract, Channel.EMAIL) is not None:
        addresses = _addresses(contract, matched, everybody, base, remembered, secret)
        judged = found.left_join(addresses, [found.key == addresses.person, found.claimed == addresses.digest])
        found = judged.mutate(other=judged.claimed.notnull() & judged.digest.isnull()).drop("person", "digest")
    else:
        found = found.mutate(other=ibis.literal(False))
    found = engine.keep(found, "named_activities")
    own = found.filter(~found.taken_back).anti_join(back, ["key", "moment"])
    files = _of_another_table(engine, own)
    own = own.filter(own.file.notin([file for file, _ in files])) if files else own
    of_others = count(engine, own.filter(own.other).select("key", "claimed", *_SAID).distinct())
    return Named(
        own.filter(~own.other).select("key", "profile_id", *_SAID, "address", "sure"),
        remembered,
        number,
        _of_nobody(engine, rows, found, [file for file, _ in files]),
        of_others,
        files,
    )


def with_keys_of_now(everybody: ir.Table, remembered: ir.Table) -> ir.Table:
    """What earlier runs saw of activities, under the keys that its people have by now."""
    numbers = everybody.filter(everybody.profile_id.notnull()).select(number="profile_id", now="key")
    joined = remembered.left_join(numbers, remembered.profile_id == numbers.number)
    return joined.mutate(key=ibis.coalesce(joined.now, joined.key)).select(*remembered.columns)


def _address(text: ir.StringValue, channel: Channel) -> ir.StringValue:
    form = primitives.email(text) if channel is Channel.EMAIL else text.re_replace(r"[^0-9]", "")
    return primitives.blank_to_null(form)


def keyed(address: ir.StringValue, secret: str) -> ir.StringValue:
    """The digest of an identifier of somebody, which nobody can make without the secret; null of null."""
    return _digest(ibis.literal(f"{secret}:") + address)


def _identified(engine: Engine, contract: Contract, everybody: ir.Table, told: ir.Table) -> ir.Table:
    """The rows with their identifiers in the forms that people have: number, own, mail; null where there is none."""
    zone, columns = contract.timezone.key, contract.keys
    parts = [rules.canonical(told[f"key{place}"], column, Side.PLATFORM, zone) for place, column in enumerate(columns)]
    parts = [ibis.ifelse(part.strip() == "", ibis.null(str), part) for part in parts]
    numbered = filled(engine, everybody.filter(everybody.profile_id.notnull()))
    number = primitives.blank_to_null(told.profile_id.strip()) if numbered else ibis.null(str)
    mail = _address(told.email, Channel.EMAIL)
    if list(columns) == [contact(contract, Channel.EMAIL)]:
        mail = ibis.coalesce(mail, _address(told.key0, Channel.EMAIL))
    return told.select(
        *_SAID, "file", "taken_back", place=ibis.row_number(), number=number, own=rules.key_form(parts), mail=mail
    )


def _about(rows: ir.Table, everybody: ir.Table, secret: str) -> ir.Table:
    """The rows that are about people of the export, and as `claimed` the digest of an address that they name beside
    another identifier."""
    by_number = rows.filter(rows.number.notnull()).join(everybody, [("number", "profile_id")])
    by_key = rows.filter(rows.number.isnull(), rows.own.notnull()).join(everybody, [("own", "key")])
    by_mail = rows.filter(rows.number.isnull(), rows.own.isnull()).join(everybody, [("mail", "address")])
    return ibis.union(*(
        one.select(
            "key", "profile_id", *_SAID, "file", "taken_back", "place",
            address=ibis.ifelse(
                one.channel == Channel.SMS.value, one[Channel.SMS.value],
                ibis.coalesce(keyed(one.mail, secret), one[Channel.EMAIL.value]),
            ),
            sure=ibis.ifelse(one.mail.notnull(), 1, 2),
            claimed=ibis.ifelse(one.mail.contains("@"), keyed(one.mail, secret), ibis.null(str)),
        )
        for one in (_with(by_number, "profile_id", "number"), _with(by_key, "key", "own"), by_mail)
    ))  # fmt: skip


def _with(joined: ir.Table, column: str, same: str) -> ir.Table:
    """A join has one column of two that are equal by its condition, whichever name is kept."""
    return joined if column in joined.columns else joined.mutate(**{column: joined[same]})


def _addresses(
    contract: Contract,
    matched: Matched,
    everybody: ir.Table,
    base: ir.Table | None,
    remembered: ir.Table | None,
    secret: str,
) -> ir.Table:
    """The digests of the e-mail addresses that each person has or was seen with: `person`, `digest`."""
    column = contact(contract, Channel.EMAIL)
    if column is None:
        raise AssertionError("there is an address to judge by")
    now = everybody.select(person="key", digest=Channel.EMAIL.value)
    keys, raw = matched.keys[Side.TRUTH], matched.raw[Side.TRUTH]
    name = source_name(column, Side.TRUTH)
    there = raw.select(own_row=raw[ROW_NUMBER], digest=keyed(_address(raw[name], Channel.EMAIL), secret))
    pieces = [now, keys.join(there, keys.row == there.own_row).select(person="key", digest="digest")]
    if base is not None and column in contract.compared:
        agreed = rules.unmarked(base.marks[f"b{list(contract.compared).index(column)}"])
        before = base.select("anchor", digest=keyed(_address(agreed, Channel.EMAIL), secret))
        own = everybody.select(person="key", own=anchor(everybody))
        pieces.append(own.join(before, own.own == before.anchor).select("person", "digest"))
    if remembered is not None:
        pieces.append(remembered.select(person="key", digest="address"))
    every = ibis.union(*pieces)
    return every.filter(every.person.notnull(), every.digest.notnull()).distinct()


def _of_another_table(engine: Engine, rows: ir.Table) -> tuple[tuple[str, int], ...]:
    judged = rows.filter(rows.claimed.notnull())
    others = judged.group_by("file").agg(others=judged.other.sum(), rows=judged.count())
    most = others.filter(others.others * 2 > others.rows, others.others >= _FEWEST)
    return tuple(
        (str(file), int(number)) for file, number in engine.rows(most.select("file", "others").order_by("file"))
    )


def _of_nobody(engine: Engine, rows: ir.Table, found: ir.Table, files: list[str]) -> int:
    there = rows.filter(~rows.taken_back)
    there = there.filter(there.file.notin(files)) if files else there
    nobody = there.anti_join(found.select("place").distinct(), "place")
    return count(engine, nobody.select(*_SAID, "number", "own", "mail").distinct())
