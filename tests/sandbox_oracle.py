"""A slow and obvious audit of the sandbox's files: what a subject clerk with two exports and two extracts would find.

It knows the contract of `expectations/Customers` by heart and shares no code with the program or the sandbox's answers.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import phonenumbers
from rapidfuzz.distance import DamerauLevenshtein

TRUTH = {
    "emailAddress": "email",
    "lastName": "last_name",
    "firstName": "first_name",
    "birthDate": "born_on",
    "sex": "gender",
    "personTitle": "salutation",
    "motherLanguage": "language",
    "gsmNumber": "mobile",
    "addressStreet": "street",
    "addressPostalCode": "postal_code",
    "addressLocality": "city",
    "addressCountry": "country",
    "loyaltyPoints": "points",
    "lifetimeValue": "lifetime_value",
    "cardNumber": "card_number",
    "firstPurchaseDate": "first_purchase",
    "lastPurchaseMoment": "last_purchase",
    "interests": "interests",
    "favouriteShop": "shop",
    "shopLocation": "shop_location",
    "nickname": "nickname",
    "note": "remark",
    "marketingConsent": "consent",
    "doNotContact": "do_not_contact",
    "subscriptions#Newsletter": "optin_news",
    "subscriptions#Promotions": "optin_promo",
    "subscriptions#Events": "optin_events",
    "segmentations#Vip": "vip",
    "segmentations#ClientTier": "tier",
}
EVIDENCE = {"marketingConsent": "consent_at", "subscriptions#Newsletter": "optin_news_at"}
GENERAL = ("marketingConsent", "doNotContact")
NAMES = ("addressStreet", "addressLocality")
TEXTS = ("lastName", "firstName", *NAMES)
DATES = ("birthDate", "firstPurchaseDate")
NUMBERS = ("loyaltyPoints", "lifetimeValue", "cardNumber")
CODES = ("sex", "motherLanguage", "addressCountry")
PERMISSIONS = ("marketingConsent", "doNotContact", *(name for name in TRUTH if name.startswith("subscriptions#")))
BOOLEANS = (*PERMISSIONS, "segmentations#Vip")
VALUES = {
    "sex": {"H": "M", "V": "F"},
    "personTitle": {"Dhr.": "Mr", "Mevr.": "Mrs", "M.": "Mr", "Mme": "Mrs"},
}
WORDS = dict.fromkeys(("true", "yes", "y", "1", "t"), "true") | dict.fromkeys(("false", "no", "n", "0", "f"), "false")
Row = dict[str, str]


@dataclass
class Table:
    """One side as read: rows by key, and what was set aside."""

    by_key: dict[str, list[Row]]
    excluded: set[str]
    counts: Counter[str]
    as_of: datetime


def read_platform(path: Path) -> Table:
    table = Table({}, set(), Counter(), _as_of(path))
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=";", strict=True):
            table.counts["rows"] += 1
            if not row["customerId"]:
                table.counts["excluded"] += 1
            else:
                table.by_key.setdefault(row["customerId"].strip(), []).append(row)
    return table


def read_truth(path: Path) -> Table:
    table = Table({}, set(), Counter(), _as_of(path))
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader)
        for record in reader:
            table.counts["rows"] += 1
            row = dict(zip(header, record, strict=False))
            if len(record) != len(header):
                table.counts["rejected"] += 1
            elif row["status"] == "prospect":
                table.counts["excluded"] += 1
                table.excluded.add(row["contact_id"].strip())
            elif not row["contact_id"].strip():
                table.counts["null_key"] += 1
            else:
                table.by_key.setdefault(row["contact_id"].strip(), []).append(row)
    return table


def sent(column: str, raw: str) -> str | None:
    """A truth cell as it would be written to the platform; None: empty."""
    if not raw.strip():
        return None
    raw = VALUES.get(column, {}).get(raw, raw)
    if column in TEXTS:
        return _text(raw)
    if column == "emailAddress":
        return raw.strip()
    if column == "gsmNumber":
        return _phone(raw) or raw
    if column in DATES:
        return _date(raw, "%d/%m/%Y") or raw
    if column in NUMBERS:
        plain = raw.replace(",", ".") if column == "lifetimeValue" else raw
        return plain if _number(plain) is not None else raw
    if column in BOOLEANS:
        return WORDS.get(raw.lower(), raw)
    return raw.upper() if column in CODES else raw


def canonical(column: str, value: str | None) -> object:
    """Of a platform's raw text or a truth's sent form."""
    if value is None or value == "":
        return None
    if column in TEXTS:
        text = _text(value)
        return _no_accents(text).casefold() if column in NAMES else text
    if column == "emailAddress":
        return value.strip().lower()
    if column == "gsmNumber":
        return _phone(value) or value
    if column in NUMBERS:
        number = _number(value)
        return value if number is None else number
    if column in BOOLEANS:
        return WORDS.get(value.lower(), value)
    if column == "interests":
        return frozenset(value.split(","))
    return value.upper() if column in CODES else value


def equal(column: str, one: object, other: object) -> bool:
    if column == "lifetimeValue" and isinstance(one, Decimal) and isinstance(other, Decimal):
        return abs(one - other) <= Decimal("0.01")
    return one == other


def audit(before: tuple[Table, Table], after: tuple[Table, Table]) -> dict[str, Any]:
    """Statuses, differences, violations, permissions and counts, in the form of the answer file (without fates)."""
    old_platform, old_truth = before
    platform, truth = after
    base, history = _base(old_platform, old_truth)
    excluded = {key for key in platform.by_key if key in truth.excluded}
    duplicate = {key for side in after for key, rows in side.by_key.items() if len(rows) > 1} - excluded
    profiles: dict[str, dict[str, Any]] = {}
    permissions: set[tuple[str, str, str]] = set()
    kept: Counter[str] = Counter()
    day = timedelta(hours=24)
    for key in sorted(platform.by_key.keys() | truth.by_key.keys()):
        if key in excluded:
            continue
        ours, theirs = platform.by_key.get(key), truth.by_key.get(key)
        if key in duplicate:
            profiles[key] = {"status": "duplicate", "waiting": False, "gone": False, "differences": {}}
        elif ours is None and theirs is not None:
            waiting = _moment(theirs[0]["modified_at"]) + day > platform.as_of
            gone = key in old_platform.by_key
            profiles[key] = {"status": "missing", "waiting": waiting, "gone": gone, "differences": {}}
        elif theirs is None and ours is not None:
            waiting = _moment(ours[0]["updateMoment"]) + day > truth.as_of
            profiles[key] = {"status": "orphan", "waiting": waiting, "gone": False, "differences": {}}
            permissions |= _permissions(key, ours[0], None, history, evidence_due=not waiting)
        elif ours is not None and theirs is not None:
            cells = _cells(key, ours[0], theirs[0], base, platform.as_of, kept)
            permissions |= _permissions(key, ours[0], theirs[0], history, evidence_due=True)
            if cells:
                conflicting = any(cell["status"] == "conflicting" for cell in cells.values())
                profiles[key] = {
                    "status": "conflicting" if conflicting else "stale",
                    "waiting": all(cell["waiting"] for cell in cells.values()),
                    "gone": False,
                    "differences": cells,
                }
    violations = _violations("platform", platform, excluded) | _violations("truth", truth, excluded)
    broken = {(key, column) for side, key, column, _ in violations if side == "truth"}
    _explain(profiles, broken)
    counts = {f"platform_{name}": platform.counts[name] for name in ("rejected", "null_key", "excluded")}
    counts |= {f"truth_{name}": truth.counts[name] for name in ("rejected", "null_key", "excluded")}
    counts |= {"platform": platform.counts["rows"], "truth": truth.counts["rows"]}
    counts["platform_excluded"] += sum(len(platform.by_key[key]) for key in excluded)
    counts["platform_duplicate"] = sum(len(platform.by_key.get(key, ())) for key in duplicate)
    counts["truth_duplicate"] = sum(len(truth.by_key.get(key, ())) for key in duplicate)
    return {
        "profiles": profiles,
        "violations": violations,
        "permissions": permissions,
        "rows": counts,
        "kept": dict(sorted(kept.items())),
    }


def _base(platform: Table, truth: Table) -> tuple[dict[tuple[str, str], object], set[tuple[str, str]]]:
    """Agreed values per key and column; and which permissions were off on either side."""
    base: dict[tuple[str, str], object] = {}
    off: set[tuple[str, str]] = set()
    for key in platform.by_key.keys() & truth.by_key.keys():
        ours, theirs = platform.by_key[key][0], truth.by_key[key][0]
        for column, name in TRUTH.items():
            one, other = canonical(column, ours[column]), canonical(column, sent(column, theirs[name]))
            if equal(column, one, other):
                base[key, column] = one
            if column in PERMISSIONS and "off" in (_permission(column, one), _permission(column, other)):
                off.add((key, column))
    return base, off


def _cells(
    key: str,
    ours: Row,
    theirs: Row,
    base: Mapping[tuple[str, str], object],
    as_of: datetime,
    kept: Counter[str],
) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for column, name in TRUTH.items():
        raw, other = ours[column], sent(column, theirs[name])
        one, two = canonical(column, raw), canonical(column, other)
        if two is None and one is not None and column != "note":
            kept[column] += 1
        elif not equal(column, one, two):
            later = _moment(theirs["modified_at"])
            if (key, column) in base:
                ours_moved = not equal(column, one, base[key, column])
                theirs_moved = not equal(column, two, base[key, column])
                moved = "both" if ours_moved and theirs_moved else "platform" if ours_moved else "truth"
            else:
                moved = "truth_by_moment" if later > _moment(ours["updateMoment"]) else "unknown"
            status = "stale" if moved.startswith("truth") else "conflicting"
            waiting = status == "stale" and later + timedelta(hours=24) > as_of
            cells[column] = {
                "status": status,
                "moved": moved,
                "platform": raw or None,
                "truth": other,
                "waiting": waiting,
            }
    return cells


def _permission(column: str, value: object) -> str:
    if value not in ("true", "false"):
        return "empty"
    return "on" if (value == "true") != (column == "doNotContact") else "off"


def _permissions(
    key: str, ours: Row, theirs: Row | None, off: set[tuple[str, str]], *, evidence_due: bool
) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    states = {
        column: (
            _permission(column, canonical(column, ours[column])),
            _permission(column, canonical(column, sent(column, theirs[TRUTH[column]]))) if theirs else "empty",
        )
        for column in PERMISSIONS
    }
    refused = any("off" in states[column] for column in GENERAL)
    reachable = ours["emailAddress"] or ours["gsmNumber"]
    for column, (one, two) in states.items():
        if (one, two) == ("on", "off"):
            found.add((key, column, "opted_out_in_truth"))
        if (one, two) == ("off", "on"):
            found.add((key, column, "opted_out_on_platform"))
        if one == "on" and (key, column) in off:
            found.add((key, column, "contactable_again"))
        if one == "on" and refused and column not in GENERAL:
            found.add((key, column, "against_consent"))
        if one == "on" and not reachable and column != "doNotContact":
            found.add((key, column, "without_contact"))
        proven = theirs is not None and column in EVIDENCE and theirs[EVIDENCE[column]]
        if "on" in (one, two) and two != "off" and column in EVIDENCE and evidence_due and not proven:
            found.add((key, column, "without_evidence"))
    return found


def _violations(side: str, table: Table, excluded: set[str]) -> set[tuple[str, str, str, str]]:
    found: set[tuple[str, str, str, str]] = set()
    unique: dict[tuple[str, object], list[str]] = defaultdict(list)
    for key, rows in table.by_key.items():
        if key in excluded:
            continue
        for row in rows:
            spelled = row["customerId"] if side == "platform" else key
            unique["customerId", key].append(spelled)
            for column, name in TRUTH.items():
                value = (row[column] or None) if side == "platform" else sent(column, row[name])
                found |= {(side, spelled, column, rule) for rule in broken_rules(column, value)}
                if column == "emailAddress" and value:
                    unique[column, canonical(column, value)].append(spelled)
    for (column, _), keys in unique.items():
        if len(keys) > 1:
            found |= {(side, key, column, "unique") for key in keys}
    return found


def _explain(profiles: dict[str, dict[str, Any]], broken: set[tuple[str, str]]) -> None:
    """Add `reason` and `blocked` to every difference."""
    pairs = {
        (column, cell["platform"], cell["truth"])
        for profile in profiles.values()
        for column, cell in profile["differences"].items()
    }
    for key, profile in profiles.items():
        for column, cell in profile["differences"].items():
            mirrored = column not in PERMISSIONS and (column, cell["truth"], cell["platform"]) in pairs
            cell["reason"] = reason(column, cell["platform"], cell["truth"], mirrored=mirrored)
            cell["blocked"] = (key, column) in broken


def reason(column: str, platform: str | None, truth: str | None, *, mirrored: bool) -> str:
    """The first reason that explains all of a difference."""
    if platform is None or truth is None:
        return "empty_on_platform" if platform is None else "empty_in_truth"
    one, two = platform, truth
    for name, fold in _FOLDS:
        one, two = fold(one), fold(two)
        if one == two:
            return name
    if _mangled(platform, truth) or _mangled(truth, platform):
        return "encoding"
    if platform.isdecimal() and truth.isdecimal() and platform.lstrip("0") == truth.lstrip("0"):
        return "leading_zero"
    short, long = sorted((platform.strip(), truth.strip()), key=len)
    if len(short) >= 3 and long.startswith(short) and short != long:
        return "truncated"
    if column in DATES and platform == f"{truth[:4]}-{truth[8:]}-{truth[5:7]}":
        return "date_swapped"
    if _amount(platform) is not None and _amount(platform) == _amount(truth):
        return "number_format"
    if mirrored:
        return "swapped"
    typed = column in (*TEXTS, "emailAddress", "note", "nickname", "addressPostalCode", "favouriteShop")
    distance = DamerauLevenshtein.distance(platform, truth)
    if typed and min(len(short), len(long)) >= 4 and distance <= min(2, math.ceil(len(long) / 4)):
        return "typo"
    return "different"


def _no_invisible(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    for fancy, plain in (("\u200b", ""), ("а", "a"), ("о", "o"), ("е", "e"), ("’", "'")):
        text = text.replace(fancy, plain)
    return text


_FOLDS = (
    ("unicode_form", _no_invisible),
    ("whitespace", lambda text: "".join(text.split())),
    ("case", str.lower),
    ("accents", lambda text: _no_accents(text)),
    ("punctuation", lambda text: re.sub(r"[^\w]", "", text)),
)


def _mangled(broken: str, right: str) -> bool:
    if "?" in broken or "\ufffd" in broken:
        pattern = "".join("[^\x00-\x7f]" if letter in "?\ufffd" else re.escape(letter) for letter in broken)
        return re.fullmatch(pattern, right) is not None
    try:
        return right != broken and right.encode("utf-8").decode("cp1252") == broken
    except UnicodeDecodeError:
        return False


def _amount(text: str) -> Decimal | None:
    """A number as a Belgian would read it, or as a program does."""
    if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+", text):
        return Decimal(text.replace(".", "").replace(",", "."))
    return _number(text)


def _text(value: str) -> str:
    return unicodedata.normalize("NFC", " ".join(value.split()))


def _no_accents(text: str) -> str:
    text = text.replace("ß", "ss").replace("ł", "l").replace("Ł", "L")
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))


@cache
def _phone(value: str) -> str | None:
    try:
        number = phonenumbers.parse(value, "BE")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _date(value: str, form: str) -> str | None:
    try:
        return datetime.strptime(value, form).date().isoformat()  # noqa: DTZ007 -- a calendar day
    except ValueError:
        return None


def _number(value: str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


LANGUAGES = ("NL", "FR", "DE", "EN", "EL", "RU", "UK", "AR", "PL", "TR", "ZH", "HE")
FINE: dict[str, tuple[str, Callable[[str], bool]]] = {
    "emailAddress": ("email", lambda value: bool(re.fullmatch(r"[\w.+'-]+@[Ee]xample\.(com|org|net)", value, re.A))),
    "gsmNumber": ("phone", lambda value: value.startswith("+") and _phone(value) == value),
    "motherLanguage": ("language", lambda value: value in LANGUAGES),
    "addressCountry": ("country", lambda value: value in ("BE", "FR", "NL", "LU", "DE")),
    "sex": ("sex", lambda value: value in ("M", "F")),
    "personTitle": ("title", lambda value: value in ("Mr", "Mrs", "Ms")),
    "birthDate": ("date", lambda value: _date(value, "%Y-%m-%d") is not None),
    "firstPurchaseDate": ("date", lambda value: _date(value, "%Y-%m-%d") is not None),
    "lastPurchaseMoment": ("timestamp", lambda value: _date(value, "%Y-%m-%d %H:%M:%S") is not None),
    "loyaltyPoints": ("integer", lambda value: bool(re.fullmatch(r"-?\d+", value))),
    "cardNumber": ("integer", lambda value: bool(re.fullmatch(r"-?\d+", value))),
    "lifetimeValue": ("number", lambda value: _number(value) is not None),
    "shopLocation": ("coordinates", lambda value: bool(re.fullmatch(r"5\d\.\d+\|\d\.\d+", value))),
    "favouriteShop": ("allowed_values", lambda value: value != "Zeebrugge Haven"),
    "segmentations#ClientTier": ("segment", lambda value: value in ("Gold", "Silver", "Bronze")),
    "nickname": ("min_length", lambda value: len(value) >= 2),
    "note": ("max_length", lambda value: len(value) <= 255),
}
"""Column → its rule, and what keeps it."""


def broken_rules(column: str, value: str | None) -> list[str]:
    """The rules of the structure that one value breaks, uniqueness apart."""
    if value is None:
        return ["mandatory"] if column in ("emailAddress", "lastName") else []
    if column in BOOLEANS:
        return [] if value.lower() in WORDS else ["boolean"]
    if column not in FINE:
        return []
    rule, fine = FINE[column]
    return [] if fine(value) else [rule]


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _as_of(path: Path) -> datetime:
    match = re.search(r"\d{8}T\d{6}", path.name)
    assert match
    return datetime.strptime(match[0], "%Y%m%dT%H%M%S")  # noqa: DTZ007 -- local, as the rows' moments are
