"""The short, closed list of operations that comparison rules are made of, and what they are on DuckDB.

Each takes and gives a text expression; null goes in and comes out as null. A function whose value cannot be read gives
null, and the rule decides what that means. Functions that DuckDB brings along are declared, not written; those that
need a library per value are Python functions that engines register (`FUNCTIONS`): expressions settle well-formed
values, and only the rest, each distinct spelling once, reaches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import ibis

from auditor.engine.functions import INSTANT, declared
from auditor.equality.yes_no import NO, YES
from auditor.settings.contract import Compare
from auditor.settings.date_formats import COUNTED, Counted
from auditor.settings.letters import LETTERS
from auditor.settings.months import ENGLISH, MONTHS, plain_name

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from phonenumbers import PhoneMetadata, PhoneNumberDesc

_BLANKS = r"[\s\x{000B}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
"""Every Unicode blank, in the regular expressions of the engine (RE2)."""

_MORE_THAN_ASCII = r"[^\x00-\x7F]"

_INVISIBLE = r"[\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{FEFF}]"
"""Characters of no width: soft hyphen, joiners, marks of direction, byte order mark."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?|[+-]?inf(inity)?|nan", re.IGNORECASE | re.ASCII)
_BELOW_ZERO = re.compile(r"\( ?([\d.]+) ?\)|([\d.]+) ?-", re.ASCII)
"""How accountants and their programs write what is owed: `(12.50)`, `12.50-`."""

_GROUPS = r"[.\s\x{00A0}\x{202F}]"
_AMOUNT = rf"(?:[1-9]\d{{0,2}}(?:{_GROUPS}\d{{3}})+|\d*)(?:,\d*)?"
_WITH_COMMA = rf"^(?:[+-]?{_AMOUNT}(?:[eE][+-]?\d{{1,4}})?|\( ?{_AMOUNT} ?\)|{_AMOUNT} ?-)$"
"""Numbers with a decimal comma and perhaps groups of thousands; whether digits are there at all is seen later."""

_OFFSET = r"(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
"""Of a time from UTC, as ISO 8601 writes it: clocks are at most 14 hours ahead."""

_FIRST_MOMENT = datetime(1000, 1, 1)  # noqa: DTZ001 -- a local moment, compared with local moments

_BY_MONTH: Final = {
    number: "|".join(sorted(name for name, month in MONTHS.items() if month == number and name.isascii()))
    for number in range(1, 1 + len(ENGLISH))
}
"""The names of each month without accents, as a pattern."""

_DAY = 86_400_000_000
"""In microseconds."""

_CACHE = 1_000_000
"""Distinct spellings remembered per function."""


# --- declared: functions of DuckDB that Ibis has no operation for ---

nfc_normalize = declared("nfc_normalize", ("string",))
strip_accents = declared("strip_accents", ("string",))
_try_strptime = declared("try_strptime", ("string", "string"), "timestamp")
_make_timestamp = declared("make_timestamp", ("int64",), "timestamp")
_strftime = declared("strftime", ("timestamp", "string"))
_local_to_instant = declared("timezone", ("string", "timestamp"), INSTANT)
_instant_to_local = declared("timezone", ("string", INSTANT), "timestamp")
_phone = declared("auditor_phone", ("string", "string"))
_number = declared("auditor_number", ("string",))
_domain = declared("auditor_domain", ("string",))
_to_json = declared("to_json", ("array<string>",), "json")


# --- the primitives ---


def blank_to_null(text: ir.StringValue) -> ir.StringValue:
    """Empty text is no value."""
    return text.nullif("")


def nfc(text: ir.StringValue) -> ir.StringValue:
    """Unicode NFC; a NUL becomes the sign that stands for it."""
    return nfc_normalize(printable(text))


def printable(text: ir.StringValue) -> ir.StringValue:
    """DuckDB's Unicode functions end a text at the first NUL: two values that differ behind it would be equal."""
    return text.re_replace(r"\x00", "\N{SYMBOL FOR NULL}")


def tidy(text: ir.StringValue) -> ir.StringValue:
    """Unicode NFC, blanks of every kind collapsed to one space, none at the ends."""
    return nfc(text).re_replace(_BLANKS, " ").strip()


def fold(text: ir.StringValue) -> ir.StringValue:
    """Case and accents ignored: lower case, base letters."""
    folded = strip_accents(printable(text)).lower()
    for letter, plain in LETTERS.items():
        folded = folded.replace(letter, plain)
    return folded


def trimmed(text: ir.StringValue) -> ir.StringValue:
    """Leaves out blanks of any kind at the ends."""
    return ibis.ifelse(text.re_search(_MORE_THAN_ASCII), text.re_replace(rf"^{_BLANKS}|{_BLANKS}$", ""), text.strip())


def code(text: ir.StringValue) -> ir.StringValue:
    """Trimmed, upper case, NFC."""
    return ibis.ifelse(text.re_search(_MORE_THAN_ASCII), trimmed(nfc(text)), text.strip()).upper()


def email(text: ir.StringValue) -> ir.StringValue:
    """Trimmed, lower case, NFC; an internationalised domain in its ASCII form."""
    plain = nfc(text).strip().lower()
    return ibis.ifelse(plain.re_search(_MORE_THAN_ASCII), _domain(trimmed(plain)), plain)


def squeezed(text: ir.StringValue) -> ir.StringValue:
    """Leaves out blanks of any kind and characters of no width."""
    return text.re_replace(_BLANKS, "").re_replace(_INVISIBLE, "")


def bare_code(text: ir.StringValue) -> ir.StringValue:
    """A code, or a JSON array of some, without case, blanks, characters of no width and zeros at the beginning."""
    bare = squeezed(nfc(text)).lower()
    return bare.re_replace(r'(^|")0+([^"])', r"\1\2")


def truth_value(text: ir.StringValue) -> ir.StringValue:
    """`true` or `false` for every word that says yes or no, null for anything else."""
    word = text.strip().lower()
    return ibis.cases((word.isin(YES), "true"), (word.isin(NO), "false"), else_=ibis.null(str))


def number(text: ir.StringValue, decimal: str) -> ir.StringValue:
    """A decimal without exponent, group separators, superfluous zeros or plus sign; null for what is no number.

    Where the decimal separator is a comma, groups of three may be separated by dots or blanks; a dot anywhere else is
    no part of a number: `12.5` is not 125, nor is `0.125`, since no group of thousands begins with a zero.
    """
    plain = text.strip()
    if decimal == ",":
        spelt_so = plain.re_search(_WITH_COMMA)
        return ibis.ifelse(spelt_so, number(plain.re_replace(_GROUPS, "").replace(",", "."), "."), ibis.null(str))
    digits = plain.re_search(r"^-?\d+(\.\d+)?$")
    bare = plain.re_replace(r"^(-?)0+(\d)", r"\1\2")
    bare = ibis.ifelse(bare.contains("."), bare.re_replace(r"0+$", "").re_replace(r"\.$", ""), bare)
    return ibis.ifelse(digits, ibis.ifelse(bare == "-0", "0", bare), _number(plain))


def date_text(text: ir.StringValue, format: str | None) -> ir.StringValue:  # noqa: A002
    """`YYYY-MM-DD` of an existing day, from ISO 8601 or the given strptime format; null for anything else."""
    plain = text.strip()
    if format is None:
        plain = plain.re_replace(r"[ T]00:00(:00(\.0+)?)?$", "")
        day = ibis.ifelse(
            plain.re_search(r"^\d{4}-\d{2}-\d{2}$"), _try_strptime(plain, "%Y-%m-%d"), ibis.null("timestamp")
        )
    elif format in COUNTED:
        at = _counted(plain, COUNTED[format])
        day = _make_timestamp(ibis.ifelse(at % _DAY == 0, at, ibis.null("int64")))
    else:
        day = _spelt_so(plain, format)
    return _strftime(_of_our_era(day), "%Y-%m-%d")


def moment_text(text: ir.StringValue, format: str | None, zone: str, *, in_zone: str) -> ir.StringValue:  # noqa: A002
    """`YYYY-MM-DD HH:MM:SS[.ffffff]` in `in_zone`; a moment without a zone is one of `zone`. Null if unreadable."""
    local = _instant_to_local(in_zone, instant(text, format, zone))
    return _strftime(local, "%Y-%m-%d %H:%M:%S.%f").re_replace(r"\.?0*$", "")


def instant(text: ir.StringValue, format: str | None, zone: str) -> ir.TimestampValue:  # noqa: A002
    """The moment itself, with zone; null for what is none."""
    plain = text.strip()
    if format in COUNTED:
        counted = COUNTED[format]
        return _local_to_instant(
            "UTC" if counted.instant else zone, _of_our_era(_make_timestamp(_counted(plain, counted)))
        )
    if format is not None:
        return _local_to_instant(zone, _of_our_era(_spelt_so(plain, format)))
    iso = plain.re_search(r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$")
    zoned = plain.re_search(rf"^\d{{4}}-\d{{2}}-\d{{2}}[ T]\d{{2}}:\d{{2}}:\d{{2}}(\.\d{{1,9}})?{_OFFSET}$")
    to_the_minute = plain.re_search(rf"^\d{{4}}-\d{{2}}-\d{{2}}[ T]\d{{2}}:\d{{2}}{_OFFSET}$")
    return ibis.cases(
        (iso, _local_to_instant(zone, plain.try_cast("timestamp"))),
        (zoned, plain.try_cast(INSTANT)),
        (to_the_minute, plain.re_replace(r"^(.{16})", r"\1:00").try_cast(INSTANT)),
        else_=ibis.null(INSTANT),
    )


def _spelt_so(text: ir.StringValue, format: str) -> ir.TimestampValue:  # noqa: A002
    """The moment in a format; without a digit there is none, although DuckDB reads `Infinity` in every format."""
    plain = ibis.ifelse(text.re_search(r"\d"), text, ibis.null(str))
    read = _try_strptime(plain, format)
    if not re.search("%[Bb]", format):
        return read
    # What stands between the words of a format is as small and as plain as the text.
    small = re.sub(r"(%-?.)|([^%])", lambda found: found[1] or plain_name(found[2].lower()), format)
    return read.fill_null(_try_strptime(_in_english(plain, format), small))


def _in_english(text: ir.StringValue, format: str) -> ir.StringValue:  # noqa: A002
    """The text in lower case and without accents, with the name of its month in English, and without a dot behind it
    that is none of the format.

    By one expression over the text: SQL would spell it out wherever a part of it is used.
    """
    dot = "" if re.search(r"%[Bb]\.", format) else r"\.?"
    small = strip_accents(printable(text)).lower()
    for number, names in _BY_MONTH.items():
        english = ENGLISH[number - 1] if "%B" in format else ENGLISH[number - 1][:3]
        small = small.re_replace(rf"\b(?:{names})\b{dot}", english)
    return small


def _counted(text: ir.StringValue, counted: Counted) -> ir.IntegerValue:
    """Microseconds since 1970 of what is so many units after the beginning, to the second where the unit is a day.

    Null for what is no number, and for one that is out of the format's range or of our era.
    """
    spelt_so = text.re_search(r"^-?\d{1,14}(\.\d{1,10})?$")
    units = ibis.ifelse(spelt_so, text, ibis.null(str)).try_cast("decimal(28, 10)")
    units = ibis.ifelse(units.between(counted.first, counted.last), units, ibis.null("decimal(28, 10)"))
    # A fraction of a day says a second only so well.
    exact = 1 if counted.seconds > 1 else 1_000_000
    since = (units * int(counted.seconds * exact)).round().cast("int64") * (1_000_000 // exact)
    return since + counted.began_at


def _of_our_era(moment: ir.TimestampValue) -> ir.TimestampValue:
    """Null for years of fewer than four digits: DuckDB's `%Y` reads the `24` of a short date as the year 24."""
    return ibis.ifelse(moment >= _FIRST_MOMENT, moment, ibis.null("timestamp"))


def members(text: ir.StringValue, separators: str, joined: str, *, in_order: bool) -> ir.StringValue:
    """The members of a multi-valued cell between any of the separators or of the character by which they are `joined`,
    each tidy; sorted and each once if `in_order`.
    """
    # By expressions over the whole text: of what looks at the members of an array, engines make too many things.
    between, alone = f"[{re.escape(separators + joined)}]", re.escape(joined)
    tidied = nfc(text).re_replace(_BLANKS, " ").re_replace(f" ?{between} ?", joined).re_replace(f"{alone}+", joined)
    parts = tidied.re_replace(f"^[ {alone}]+|[ {alone}]+$", "").split(joined)
    return (parts.unique().sort() if in_order else parts).join(joined)


def json_array(texts: Sequence[ir.StringValue]) -> ir.StringValue:
    """The texts as one JSON array; two different lists never give the same text."""
    return _to_json(ibis.array(texts)).cast(str)


def phone(text: ir.StringValue, region: str) -> ir.StringValue:
    """E.164 of a valid number, read as one of `region` where it names no country; null for anything else."""
    metadata = _metadata(region)
    # Any other prefix than 0 might begin a valid number as well, and the library might take it away.
    if metadata is None or metadata.national_prefix_transform_rule or metadata.national_prefix_for_parsing != "0":
        return _phone(text, region)
    plain = text.re_replace(r"[\s.\-/()\x{00A0}]", "")
    country = f"+{metadata.country_code}"
    return ibis.cases(
        (_number_of(text, metadata, country), text),
        (_number_of(plain, metadata, "0"), ibis.literal(country).concat(plain.substr(1))),
        (_number_of(plain, metadata, country), plain),
        else_=_phone(text, region),
    )


def _number_of(text: ir.StringValue, metadata: PhoneMetadata, prefix: str) -> ir.BooleanValue:
    """Whether a text is certainly a mobile or fixed number of a region behind the prefix, by the library's patterns."""

    def matches(kind: PhoneNumberDesc | None) -> ir.BooleanValue:
        if kind is None or not kind.national_number_pattern:
            return ibis.literal(False)
        lengths = [len(prefix) + length for length in kind.possible_length]
        pattern = rf"^{re.escape(prefix)}(?:{kind.national_number_pattern})$"
        return text.re_search(pattern) & text.length().isin(lengths)

    return matches(metadata.general_desc) & (matches(metadata.mobile) | matches(metadata.fixed_line))


# --- Python functions of single values ---


def needs_functions(rule: Compare) -> bool:
    """Whether a rule may call a Python function. To register those, DuckDB imports pandas, which is slow."""
    return rule in (Compare.PHONE, Compare.NUMBER, Compare.EMAIL)


@lru_cache(_CACHE)
def phone_number(text: str | None, region: str) -> str | None:
    """E.164 of a valid number, by the library's rules; None for anything else."""
    import phonenumbers

    if not text:
        return None
    # "(0)" stands in international numbers to be left out; the library would keep the zero for some countries.
    try:
        parsed = phonenumbers.parse(text.replace("(0)", ""), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or parsed.extension:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country_of(text: str) -> str | None:
    """The country whose number a text is, as `phone` takes it; None where it names none."""
    found = within_country(text)
    return found[0] if found else None


def within_country(text: str) -> tuple[str, str] | None:
    """The country that a number names, and the digits behind its code; None where it names none."""
    from phonenumbers import region_code_for_country_code

    found = re.fullmatch(r"(?:\+|00)(\d{8,15})", re.sub(r"[\s./()-]", "", text))
    if found is None:
        return None
    for size in (1, 2, 3):
        region = region_code_for_country_code(int(found[1][:size]))
        if region not in ("ZZ", "001"):
            return region, found[1][size:]
    return None


@lru_cache(_CACHE)
def plain_number(text: str | None) -> str | None:
    """The number in canonical form, infinity and NaN as words; None for what is no number."""
    if text and (owed := _BELOW_ZERO.fullmatch(text)):
        text = f"-{owed[1] or owed[2]}"
    if not text or not _NUMBER.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite():
        return str(value).lower().replace("infinity", "inf")
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    plain = plain.lstrip("+")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    digits = digits.lstrip("0") or "0"
    digits = "0" + digits if digits.startswith(".") else digits
    return "0" if digits == "0" else sign + digits


@lru_cache(_CACHE)
def ascii_domain(address: str | None) -> str | None:
    """The address with its domain in ASCII form (IDNA), unchanged where there is none."""
    local, at, domain = (address or "").rpartition("@")
    if not at or domain.isascii():
        return address
    try:
        return local + at + ".".join(map(_since_2010, domain.split("."))).encode("idna").decode("ascii")
    except UnicodeError:
        return address


def _since_2010(label: str) -> str:
    """Python's codec is of 2003, when ß was read as ss: now straße.de and strasse.de are two domains."""
    return "xn--" + label.encode("punycode").decode("ascii") if "ß" in label or "ς" in label else label


def _metadata(region: str) -> PhoneMetadata | None:
    from phonenumbers import PhoneMetadata

    return PhoneMetadata.metadata_for_region(region.upper(), None)


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (
    ("auditor_phone", phone_number, 2, "string"),
    ("auditor_number", plain_number, 1, "string"),
    ("auditor_domain", ascii_domain, 1, "string"),
)
"""What `Engine.register` puts before expressions that the primitives make: name, function, parameters, result."""
