"""Which texts are a value of a kind, as SQL conditions: what Actito accepts (D-etlf, U-predef, §5 of the API notes).

A condition is true or false for every text that is not null, never null: null is not false to a database, and a value
that cannot be judged would pass. `every_member` asks a condition of each member of a multi-valued cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS, AttributeType

if TYPE_CHECKING:
    from phonenumbers import PhoneNumberDesc

Condition = ColumnElement[bool]
Text = ColumnElement[Any]

LANGUAGES: Final = frozenset(
    """AA AB AE AF AK AM AN AR AS AV AY AZ BA BE BG BH BI BM BN BO BR BS CA CE CH CO CR CS CU CV CY DA DE DV DZ EE EL EN
    EO ES ET EU FA FF FI FJ FO FR FY GA GD GL GN GU GV HA HE HI HO HR HT HU HY HZ IA ID IE IG II IK IO IS IT IU JA JV KA
    KG KI KJ KK KL KM KN KO KR KS KU KV KW KY LA LB LG LI LN LO LT LU LV MG MH MI MK ML MN MR MS MT MY NA NB ND NE NG NL
    NN NO NR NV NY OC OJ OM OR OS PA PI PL PS PT QU RM RN RO RU RW SA SC SD SE SG SI SK SL SM SN SO SQ SR SS ST SU SV SW
    TA TE TG TH TI TK TL TN TO TR TS TT TW TY UG UK UR UZ VE VI VO WA WO XH YI YO ZA ZH ZU""".split()  # noqa: SIM905  (a list of 184 quoted codes is not better to read)
)
"""ISO 639-1."""

COUNTRIES: Final = frozenset(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB
    GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB
    SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US
    UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW""".split()  # noqa: SIM905  (the same for 249)
)
"""ISO 3166-1 alpha-2."""

_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_WHOLE: Final = r"-?[0-9]+"
_NUMBER: Final = r"-?[0-9]+(\.[0-9]+)?"
_E164: Final = r"\+[1-9][0-9]{6,14}"

_LOCAL_PART: Final = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+"
_LETTER: Final = r"[\p{L}\p{M}\p{N}]"
_LABEL: Final = rf"{_LETTER}([\p{{L}}\p{{M}}\p{{N}}-]*{_LETTER})?"
_ENDING: Final = r"(\p{L}[\p{L}\p{M}]+|[Xx][Nn]--[A-Za-z0-9-]*[A-Za-z0-9])"
_LONGEST_LABEL: Final = 63
"""Characters between two dots of a domain (RFC 1035): none longer can exist."""
_LONG_LABEL: Final = rf"[^.]{{{_LONGEST_LABEL + 1}}}"
_EMAIL: Final = rf"{_LOCAL_PART}@({_LABEL}\.)+{_ENDING}"


def of_kind(text: Text, kind: AttributeType, region: str | None = None) -> Condition:
    """Whether a text, not null, is a value of this kind. `region` of a phone only makes the answer faster."""
    if kind is AttributeType.PHONE:
        return _phone(text, region)
    return _KINDS[kind](text)


def every_member(text: Text, condition: Callable[[Text], Condition]) -> Condition:
    """Whether a condition holds for each member of a multi-valued cell, as far as there are members (`a, b`)."""
    each = sa.func.list_transform(members_of(text), _Lambda(condition(_MEMBER)))
    return sa.func.coalesce(sa.func.list_bool_and(each), sa.true())


def members_of(text: Text) -> ColumnElement[Any]:
    """The members of a multi-valued cell (`a, b`) as a list."""
    parts = sa.func.list_transform(sa.func.string_split(text, ","), _Lambda(sa.func.trim(_MEMBER)))
    return sa.func.list_filter(parts, _Lambda(_MEMBER != ""))


def one_of(text: Text, values: list[Any]) -> Condition:
    return text.in_([str(value) for value in values])


def length_between(text: Text, shortest: int | None, longest: int | None) -> Condition:
    """Whether a text has so many characters, bounds included."""
    bounds: list[Condition] = [sa.true()]
    if shortest is not None:
        bounds.append(sa.func.length(text) >= shortest)
    if longest is not None:
        bounds.append(sa.func.length(text) <= longest)
    return sa.and_(*bounds)


def _full(text: Text, pattern: str) -> Condition:
    """Whether the pattern (RE2) matches the whole text."""
    return sa.func.regexp_full_match(text, pattern, type_=sa.Boolean())


def _fits(text: Text, pattern: str, kind: sa.types.TypeEngine[Any]) -> Condition:
    return sa.and_(_full(text, pattern), sa.try_cast(text, kind).is_not(None))


def _exists(day: Text) -> Condition:
    """Whether a text of the form YYYY-MM-DD is a day of the calendar; there is no year 0."""
    return sa.and_(day >= "0001", sa.func.try_strptime(day, "%Y-%m-%d").is_not(None))


def _email(text: Text) -> Condition:
    ending = sa.func.lower(sa.func.split_part(text, ".", -1))
    dots = sa.func.contains(text, "..", type_=sa.Boolean())
    long = sa.func.regexp_matches(sa.func.split_part(text, "@", -1), _LONG_LABEL, type_=sa.Boolean())
    short = sa.or_(sa.func.length(text) <= _LONGEST_LABEL, sa.not_(long))
    return sa.and_(_full(text, _EMAIL), sa.not_(dots), ending.in_(endings()), short)


@cache
def endings() -> list[str]:
    """The endings of domains that exist, in small letters, as IANA lists them: those in other scripts in both forms."""
    lines = (files("auditor.validate") / "endings.txt").read_text("ascii").lower().splitlines()
    listed = [line for line in lines if not line.startswith("#")]
    return sorted({*listed, *(ending.encode().decode("idna") for ending in listed)})


def _coordinates(text: Text) -> Condition:
    """Latitude and longitude, in either order: which comes first is not stated, but one is within 90 degrees."""
    degrees = [
        sa.func.abs(sa.func.coalesce(sa.try_cast(sa.func.split_part(text, "|", part), sa.Double()), 1000))
        for part in (1, 2)
    ]
    return sa.and_(
        _full(text, rf"{_NUMBER}\|{_NUMBER}"), sa.func.greatest(*degrees) <= 180, sa.func.least(*degrees) <= 90
    )


def _phone(text: Text, region: str | None) -> Condition:
    """E.164, and a number that exists by the library's rules: it sees what its patterns for `region` leave open."""
    sure = _number_of(text, region) if region else sa.false()
    judged = sa.func.coalesce(sa.func.auditor_phone(text, "") == text, sa.false())
    return sa.case((sure, sa.true()), (_full(text, _E164), judged), else_=sa.false())


def _number_of(text: Text, region: str) -> Condition:
    """Whether a text is certainly a valid mobile or fixed number of a region, by the library's own patterns."""
    from phonenumbers import PhoneMetadata  # a large package; tables without phone numbers do not pay for it

    metadata = PhoneMetadata.metadata_for_region(region.upper(), None)
    # Any other prefix than 0 might begin a valid number too, and the library might take it away.
    if metadata is None or metadata.national_prefix_for_parsing not in (None, "0"):
        return sa.false()
    code = str(metadata.country_code)

    def matches(kind: PhoneNumberDesc | None) -> Condition:
        if kind is None or not kind.national_number_pattern:
            return sa.false()
        lengths = [len(f"+{code}") + length for length in kind.possible_length]
        return sa.and_(_full(text, rf"\+{code}(?:{kind.national_number_pattern})"), sa.func.length(text).in_(lengths))

    return sa.and_(matches(metadata.general_desc), sa.or_(matches(metadata.mobile), matches(metadata.fixed_line)))


_KINDS: Final[Mapping[AttributeType, Callable[[Text], Condition]]] = {
    AttributeType.EMAIL: _email,
    AttributeType.LANGUAGE: lambda text: one_of(text, sorted(LANGUAGES)),
    AttributeType.COUNTRY: lambda text: one_of(text, sorted(COUNTRIES)),
    AttributeType.DATE: lambda text: sa.and_(_full(text, _DAY), _exists(text)),
    AttributeType.TIMESTAMP: lambda text: sa.and_(
        _full(text, f"{_DAY} {_TIME}"), _exists(sa.func.substring(text, 1, 10))
    ),
    # Not by a pattern that ignores case: to it the long s of old prints is an s.
    AttributeType.BOOLEAN: lambda text: one_of(sa.func.lower(text), [*TRUE_SPELLINGS, *FALSE_SPELLINGS]),
    AttributeType.INTEGER: lambda text: _fits(text, _WHOLE, sa.Integer()),
    AttributeType.LONG: lambda text: _fits(text, _WHOLE, sa.BigInteger()),
    AttributeType.NUMERIC: lambda text: _full(text, _NUMBER),
    AttributeType.COORDINATES: _coordinates,
}

JUDGED: Final = frozenset({*_KINDS, AttributeType.PHONE})
"""The kinds that `of_kind` knows."""

_MEMBER: Final[Text] = sa.literal_column("member", sa.String())


class _Lambda(ColumnElement[Any]):
    """`lambda member: …`, which DuckDB's list functions take and SQLAlchemy does not know."""

    inherit_cache = False

    def __init__(self, body: ColumnElement[Any]) -> None:
        self.body = body


@compiles(_Lambda)
def _compile_lambda(element: _Lambda, compiler: Any, **kwargs: Any) -> str:
    return f"lambda member: {compiler.process(element.body, **kwargs)}"
