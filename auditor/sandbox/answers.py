"""What an audit must find after `drift`: collected while planting, completed by plain counting of the final state.

Nothing here compares values. The words are those of the public interface (`run.json` and the Parquet files of a run),
in the sandbox's own spelling, so that a slip on either side shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from auditor.sandbox.crm import EVIDENCE, MAPPING, cell
from auditor.sandbox.dialect import SUBSCRIPTION
from auditor.sandbox.state import UNREADABLE, CrmRow, Profile, State

FORMAT = 1

REFUSED = {"marketingConsent": ("false", "no"), "doNotContact": ("true", "yes")}
"""General permissions, and how each side spells that somebody may not be contacted."""

_CLEARED_BY_TRUTH = "note"
"""The only column whose empty CRM cell means something: the contract says blank = "clear"."""


@dataclass(slots=True)
class Answers:
    """Collects findings. Keys are spelled as the platform spells them where it has them."""

    seed: int
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    violations: set[tuple[str, str, str, str]] = field(default_factory=set)
    permissions: set[tuple[str, str, str]] = field(default_factory=set)
    same_person: list[dict[str, str]] = field(default_factory=list)
    causes: list[dict[str, Any]] = field(default_factory=list)

    def row(self, key: str, status: str, *, fate: str = "left", waiting: bool = False, gone: bool = False) -> None:
        """A whole profile: missing, orphan or duplicate. `fate` is what the default policy makes of it."""
        self.profiles[key] = {"status": status, "waiting": waiting, "gone": gone, "fate": fate, "differences": {}}

    def difference(
        self,
        key: str,
        column: str,
        *,
        moved: str,
        reason: str,
        platform: str | None,
        truth: str | None,
        fate: str,
        waiting: bool = False,
        blocked: bool = False,
    ) -> None:
        """One cell. Its status follows from who moved; the profile is conflicting as soon as one of its cells is."""
        status = "stale" if moved in ("truth", "truth_by_moment") else "conflicting"
        profile = self.profiles.setdefault(
            key, {"status": "stale", "waiting": True, "gone": False, "fate": "", "differences": {}}
        )
        profile["differences"][column] = {
            "status": status,
            "moved": moved,
            "reason": reason,
            "platform": platform,
            "truth": truth,
            "waiting": waiting,
            "blocked": blocked,
            "fate": fate,
        }
        cells = profile["differences"].values()
        profile["status"] = "conflicting" if any(c["status"] == "conflicting" for c in cells) else "stale"
        profile["waiting"] = all(c["waiting"] for c in cells)
        profile["fate"] = "corrected" if all(c["fate"] == "corrected" for c in cells) else "left"

    def violation(self, side: str, key: str, column: str, rule: str) -> None:
        self.violations.add((side, key, column, rule))

    def permission(self, key: str, column: str, finding: str) -> None:
        self.permissions.add((key, column, finding))

    def cause(self, column: str, reason: str, keys: Iterable[str], *, common: str) -> None:
        """Differences that one event made, and what all of them have in common."""
        self.causes.append({"column": column, "reason": reason, "keys": sorted(keys), "common": common})

    def complete(self, state: State) -> dict[str, Any]:
        """The answer file's content, with the counts of the final state."""
        census = _Census(state)
        rows = census.rows()
        known_alone = {key for key, profile in self.profiles.items() if profile["waiting"]}
        self.permissions |= census.against_consent() | census.without_contact() | census.unknown_to_crm(known_alone)
        not_checked = [
            code
            for code, present in (
                ("null_key", rows["platform_null_key"] or rows["truth_null_key"]),
                ("rejected_rows", rows["truth_rejected"]),
            )
            if present
        ]
        return {
            "format": FORMAT,
            "seed": self.seed,
            "profiles": dict(sorted(self.profiles.items())),
            "violations": [
                dict(zip(("side", "key", "column", "rule"), row, strict=True)) for row in sorted(self.violations)
            ],
            "permissions": [
                dict(zip(("key", "column", "finding"), row, strict=True)) for row in sorted(self.permissions)
            ],
            "rows": rows,
            "kept": census.kept(),
            "same_person": sorted(self.same_person, key=lambda pair: pair["platform_key"]),
            "not_checked": not_checked,
            "causes": self.causes,
        }


class _Census:
    """Counts rows and kept cells of both sides as they stand."""

    def __init__(self, state: State) -> None:
        self.platform: dict[str, list[Profile]] = {}
        self.platform_rows = len(state.profiles)
        self.without_number = 0
        for profile in state.profiles.values():
            number = profile.values.get("customerId")
            if number is None:
                self.without_number += 1
            else:
                self.platform.setdefault(number.strip(), []).append(profile)
        self.truth: dict[str, list[CrmRow]] = {}
        self.truth_rows = len(state.crm)
        self.unreadable = 0
        self.prospects: list[str] = []
        for row in state.crm.values():
            key = row.get("contact_id", "").strip()
            if UNREADABLE in row:
                self.unreadable += 1
            elif row["status"] == "prospect":
                self.prospects.append(key)
            else:
                self.truth.setdefault(key, []).append(row)
        self.keyless = len(self.truth.pop("", ()))
        self.excluded = [key for key in self.prospects if key in self.platform]
        self.duplicates = {
            key for side in (self.platform, self.truth) for key, found in side.items() if len(found) > 1
        } - set(self.excluded)

    def rows(self) -> dict[str, int]:
        """The `rows` object of run.json."""
        return {
            "platform": self.platform_rows,
            "truth": self.truth_rows,
            "platform_rejected": 0,
            "truth_rejected": self.unreadable,
            "platform_null_key": 0,
            "truth_null_key": self.keyless,
            "platform_duplicate": sum(len(self.platform.get(key, ())) for key in self.duplicates),
            "truth_duplicate": sum(len(self.truth.get(key, ())) for key in self.duplicates),
            "platform_excluded": self.without_number + sum(len(self.platform[key]) for key in self.excluded),
            "truth_excluded": len(self.prospects),
        }

    def against_consent(self) -> set[tuple[str, str, str]]:
        """Subscribed on the platform, while consent or the wish not to be contacted forbids it on either side."""
        found: set[tuple[str, str, str]] = set()
        for profile, row in self._contactable():
            ours = [profile.values.get(column) for column in REFUSED]
            theirs = [cell(row, column).strip().lower() if row else "" for column in REFUSED]
            refusals = [
                (value, spelt, *REFUSED[column]) for column, value, spelt in zip(REFUSED, ours, theirs, strict=True)
            ]
            if any(value == here or spelt == there for value, spelt, here, there in refusals):
                found |= {
                    (profile.values["customerId"], column, "against_consent") for column in _subscriptions(profile)
                }
        return found

    def without_contact(self) -> set[tuple[str, str, str]]:
        """Agreed to by somebody of whom the platform has neither an e-mail address nor a phone number."""
        return {
            (profile.values["customerId"], column, "without_contact")
            for profile, _ in self._contactable()
            if not profile.values.get("emailAddress") and not profile.values.get("gsmNumber")
            for column in given(profile)
        }

    def unknown_to_crm(self, waiting: set[str]) -> set[tuple[str, str, str]]:
        """On for somebody whom the CRM, which keeps the evidence, does not know; `waiting` may still get there."""
        return {
            (profile.values["customerId"], column, "without_evidence")
            for profile, row in self._contactable()
            if row is None and profile.values["customerId"] not in waiting
            for column in given(profile)
            if column in EVIDENCE
        }

    def _contactable(self) -> Iterator[tuple[Profile, CrmRow | None]]:
        """Profiles that are compared, each with the CRM's row where there is one."""
        out = self.duplicates | set(self.excluded)
        for key, (profile, *_) in self.platform.items():
            if key not in out:
                yield profile, self.truth.get(key, [None])[0]

    def kept(self) -> dict[str, int]:
        """Filled on the platform, empty in the CRM, per column; columns without any are left out."""
        counts: Counter[str] = Counter()
        out = self.duplicates | set(self.excluded)
        for key, (profile, *_) in self.platform.items():
            if key in out or key not in self.truth:
                continue
            row = self.truth[key][0]
            counts.update(
                column
                for column in MAPPING
                if column != _CLEARED_BY_TRUTH and column in profile.values and not cell(row, column).strip()
            )
        return dict(sorted(counts.items()))


def _subscriptions(profile: Profile) -> list[str]:
    return [name for name, value in profile.values.items() if name.startswith(SUBSCRIPTION) and value == "true"]


def given(profile: Profile) -> list[str]:
    """What this person has agreed to."""
    consent = ["marketingConsent"] if profile.values.get("marketingConsent") == "true" else []
    return [*consent, *_subscriptions(profile)]
