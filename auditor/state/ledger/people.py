"""What stewards decided about people and pinned, who was erased, and who has another key by now."""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from json.encoder import encode_basestring

from auditor.errors import TryLater
from auditor.state.ledger.chain import Value, stamp
from auditor.state.ledger.recorded import Recorded, moment
from auditor.state.ledger.records import NEWCOMER, SAME_PERSON, About, Decision, GivesBack, Pin


class People(Recorded):
    """The ledger's part on decisions, pins, erased people and keys that were given anew."""

    def decide(self, decisions: Sequence[Decision], at: datetime) -> None:
        rows = (
            (one.table, one.person, one.key, one.column, one.platform, one.truth, one.choice, stamp(one.decided_at))
            for one in decisions
        )
        with self.transaction():
            numbers = self._chain.append("decisions", rows, at)
            of = [(number, one.profile_id) for number, one in zip(numbers, decisions, strict=True) if one.profile_id]
            self._chain.append("decided_of", of, at)
            about = [
                (number, what.finding, what.evidence, what.until.isoformat() if what.until else None)
                for number, one in zip(numbers, decisions, strict=True)
                if (what := one.about) is not None
            ]
            self._chain.append("decided_about", about, at)

    def decisions(self, table: str) -> tuple[Decision, ...]:
        """The last decision on each cell of a profile, on each finding about it, and on each pair of keys."""
        last: dict[tuple[str | None, ...], Decision] = {}
        for one in self.every_decision(table):
            about = one.about.finding if one.about else None
            cell = one.key, one.profile_id, one.column, one.truth if one.column == SAME_PERSON else about
            last.pop(cell, None)
            last[cell] = one
        return tuple(last.values())

    def every_decision(self, table: str) -> tuple[Decision, ...]:
        """All decisions, in the order in which they were made, whenever they were recorded.

        One has `lapsed` of which a run has found since that it was made on other values than there are. What a clock
        ahead of ours made later than it was recorded was made when it was recorded.
        """
        back = self._given_back(table)
        rows = self._chain.query(
            "SELECT n.tab, n.person, n.key, n.col, n.platform, n.truth, n.choice, min(n.decided_at, c.at) AS made,"
            " n.profile_id, n.decided_at, n.id, n.id IN (SELECT value FROM runs, json_each(runs.counts, '$.lapsed')"
            " WHERE runs.tab = n.tab), n.finding, n.evidence, n.until"
            " FROM decisions_now n JOIN decisions o ON o.id = n.id JOIN chain c ON c.entry = o.entry"
            " WHERE n.tab = ? AND n.key IS NOT NULL ORDER BY made, n.id",
            (table,),
        )
        return tuple(
            Decision(
                *(tab, person, key, column, platform, truth, choice, moment(made), of),
                _about(*about),
                said_at=moment(said),
                number=number,
                lapsed=bool(lapsed),
                gives_back=back.get((said, column, platform, truth)) if choice == "platform" else None,
            )
            for tab, person, key, column, platform, truth, choice, made, of, said, number, lapsed, *about in rows
        )

    def _given_back(self, table: str) -> dict[tuple[str | None, ...], GivesBack]:
        """The undos that were made with a decision, of the same moment: by that, and its column and both its values."""
        rows = self._chain.query(
            "SELECT p.made, w.col, w.before, w.after, p.sha, EXISTS (SELECT 1 FROM writes b WHERE b.plan = p.sha)"
            " FROM plans p JOIN writes w ON w.plan = p.undoes AND w.kind = 'unsubscribe' WHERE p.tab = ?",
            (table,),
        )
        return {(made, *cell): GivesBack(sha, bool(begun)) for made, *cell, sha, begun in rows}

    def pin(self, one: Pin, at: datetime) -> None:
        until = None if one.until is None else stamp(one.until)
        row = (one.table, one.person, one.key, one.profile_id, one.column, one.platform, one.reason, until)
        self._chain.append("pins", [(*row, stamp(one.pinned_at))], at)

    def pins(self, table: str) -> tuple[Pin, ...]:
        """The last pin on each cell of a profile that nobody took off, expired ones included."""
        rows = self._chain.query(
            "SELECT tab, person, key, profile_id, col, platform, reason, until, pinned_at FROM pins_now WHERE id IN"
            " (SELECT max(id) FROM pins_now WHERE tab = ? AND key IS NOT NULL GROUP BY key, profile_id, col)"
            " AND until IS NOT NULL ORDER BY id",
            (table,),
        )
        return tuple(
            Pin(tab, person, key, profile_id, column, platform, reason, moment(until), moment(pinned))
            for tab, person, key, profile_id, column, platform, reason, until, pinned in rows
        )

    def remember_erased(self, identifiers: Iterable[tuple[str, str]], at: datetime) -> None:
        """Remember (column, value) pairs of somebody who was erased, as keyed hashes only."""
        self._chain.append("erased", ((self._hashing(column)(value),) for column, value in identifiers), at)

    def erased_among(self, column: str, values: Collection[str]) -> frozenset[str]:
        """Those of `values` of an identifying column that belong to erased people; case and outer blanks aside."""
        known = {digest for (digest,) in self._chain.query("SELECT hash FROM erased")}
        hashed = self._hashing(column)
        return frozenset(value for value in values if hashed(value) in known) if known else frozenset()

    @property
    def knows_erased(self) -> bool:
        """Whether anybody was erased."""
        return bool(self._chain.query("SELECT 1 FROM erased LIMIT 1"))

    def newcomer(self, texts: Iterable[tuple[str, str | None]]) -> str:
        """What stands for somebody who is not on the platform yet: a keyed digest of (column, text) pairs; empty texts,
        case and outer blanks aside.
        """
        told = sorted([column, self._hashing(column)(text)] for column, text in texts if text)
        digest = hmac.new(self._chain.salt, json.dumps(["newcomer", told]).encode(), hashlib.sha256)
        return f"{NEWCOMER}{digest.hexdigest()}"

    def recorded_of(self, table: str, keys: Iterable[str], numbers: Iterable[str] = (), but: Iterable[str] = ()) -> int:
        """How many rows `empty` would empty."""
        return sum(map(len, self._about(table, keys, numbers, but).values()))

    def empty(self, table: str, keys: Iterable[str], numbers: Iterable[str] = (), but: Iterable[str] = ()) -> int:
        """Empty the keys, numbers and values of all that is recorded of the profiles with these keys, as they are
        called by now, `but` of those with these profileIds, and of the profiles with these `numbers`, their profileIds.

        The rows stay, and their seals. How many they are.
        """
        with self.transaction():
            about = self._about(table, keys, numbers, but)
            for name, ids in about.items():
                self._chain.empty(name, ids)
        return sum(map(len, about.values()))

    def texts(self, table: str, keys: Iterable[str], numbers: Iterable[str]) -> set[tuple[str | None, str]]:
        """What was written to these profiles, what stood there before, and which keys they had then: column and text;
        None for a key.
        """
        about = self._about(table, keys, numbers, ())
        rows = self._chain.query(
            "WITH of AS (SELECT * FROM writes WHERE id IN (SELECT value FROM json_each(:writes)))"
            " SELECT col, before FROM of UNION SELECT col, after FROM of UNION SELECT NULL, key FROM of",
            {"writes": json.dumps(about["writes"])},
        )
        return {(column, text) for column, text in rows if text}

    def compact(self) -> None:
        """Leave nothing of what was emptied in the file beside the database.

        Raises TryLater while somebody who reads keeps it there.
        """
        if not self._chain.compact():
            raise TryLater(
                f"what was emptied is still in {self._chain.path}-wal: another process is reading the ledger",
                hint="wait until that has ended, then call the same command again",
            )

    def _about(
        self, table: str, keys: Iterable[str], numbers: Iterable[str], but: Iterable[str]
    ) -> dict[str, list[int]]:
        """The rows about these profiles, by the ledger's table."""
        lists = {"keys": list(keys), "numbers": list(numbers), "but": list(but)}
        asked = {"tab": table, "pair": SAME_PERSON, **{name: json.dumps(texts) for name, texts in lists.items()}}
        own = "IN (SELECT value FROM json_each(:keys))"

        def of(number: str) -> str:
            others = f"coalesce({number}, '') IN (SELECT value FROM json_each(:but))"
            return f"(key {own} AND NOT {others} OR {number} IN (SELECT value FROM json_each(:numbers)))"

        written = f"SELECT id FROM writes_now WHERE tab = :tab AND {of('address')}"
        pairs = f"col = :pair AND (platform {own} OR truth {own})"
        decided = f"SELECT id FROM decisions_now WHERE tab = :tab AND ({of('profile_id')} OR {pairs})"
        found = {
            "writes": written,
            "outcomes": f'SELECT id FROM outcomes WHERE "write" IN ({written})',
            "decisions": decided,
            "decided_of": f"SELECT id FROM decided_of WHERE decision IN ({decided})",
            "decided_about": f"SELECT id FROM decided_about WHERE decision IN ({decided})",
            "pins": f"SELECT id FROM pins_now WHERE tab = :tab AND {of('profile_id')}",
            "rekeys": f"SELECT id FROM rekeys WHERE tab = :tab AND (old {own} OR new {own})",
        }
        return {name: [row for (row,) in self._chain.query(sql, asked)] for name, sql in found.items()}

    def keys(self, table: str) -> frozenset[str]:
        """The keys of all profiles with writes, decisions or pins, as they are called by now."""
        return frozenset(key for key, _ in self.whose(table))

    def whose(self, table: str) -> frozenset[tuple[str, str | None]]:
        """The same with the profileId that each had then; None: it is not recorded."""
        rows = self._chain.query(
            "SELECT key, address FROM writes_now WHERE tab = :tab UNION SELECT key, profile_id FROM decisions_now"
            " WHERE tab = :tab UNION SELECT key, profile_id FROM pins_now WHERE tab = :tab",
            {"tab": table},
        )
        return frozenset((key, number) for key, number in rows if key is not None)

    def rekey(self, table: str, pairs: Mapping[str, str], name: str, at: datetime) -> None:
        """What is recorded under the old keys of `pairs` is about profiles with the new ones; under a `name`, once."""
        with self.transaction():
            upto = self._chain.entries
            rows: list[tuple[Value, ...]] = [(table, old, new, upto, name) for old, new in pairs.items()]
            for old, new, until in self._chain.query(
                "SELECT old, new, upto FROM rekeys WHERE id IN"
                " (SELECT max(id) FROM rekeys WHERE tab = ? AND old IS NOT NULL GROUP BY old, upto)",
                (table,),
            ):
                if new in pairs:
                    rows.append((table, old, pairs[new], until, name))
            rows.append((table, None, None, upto, name))  # also where there is nothing to carry over
            self._chain.append("rekeys", rows, at)

    def rekeyed(self, name: str) -> bool:
        """Whether a rekey of that name is recorded."""
        return bool(self._chain.query("SELECT 1 FROM rekeys WHERE rekey = ? LIMIT 1", (name,)))

    def _hashing(self, column: str) -> Callable[[str], str]:
        """What gives the keyed hash of a value of a column, case and outer blanks aside."""
        keyed = hmac.new(self._chain.salt, f"[{encode_basestring(column)}, ".encode(), hashlib.sha256)

        def hashed(value: str) -> str:
            one = keyed.copy()
            told = unicodedata.normalize("NFC", value).strip().casefold()
            one.update(f"{encode_basestring(told)}]".encode())  # both as json.dumps has them, in a fifth of its time
            return one.hexdigest()

        return hashed


def _about(finding: str | None, evidence: str | None, until: str | None) -> About | None:
    return None if finding is None else About(finding, evidence, date.fromisoformat(until) if until else None)
