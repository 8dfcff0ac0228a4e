"""Whether somebody can really be reached by a value, or addressed by it, as SQL conditions: what no structure tells.

A condition is true for every text that is right or that another rule has to judge, false where something is wrong, and
never null for a text that is not null. Lists may be extended by the expectation that uses them (`also`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.expression import ColumnElement

from auditor.findings.damage import GARBLED, PLACEHOLDERS
from auditor.model import Permission
from auditor.permissions import SPELLINGS
from auditor.settings.contract import Polarity
from auditor.validate.value_kinds import COUNTRIES, Condition, Text

ROLES: Final = frozenset(
    """abuse accounting accounts accueil admin administrator administratie all billing boekhouding booking bookings
    buchhaltung commercial compta comptabilite contact directie direction do-not-reply donotreply dpo enquiries
    facturatie facturation feedback gdpr hello help helpdesk hostmaster hr info information inquiries invoice invoices
    it jobs klantendienst klantenservice kontakt legal mail mailer-daemon marketing newsletter no-reply noreply office
    onthaal order orders postmaster press privacy receptie reception recruitment reservations root sales secretariaat
    secretariat security service staff support team ventes verkoop webmaster welcome""".split()  # noqa: SIM905  (a list of words)
)
"""What stands before the @ where an address is a function's and not a person's (RFC 2142 and its translations)."""

DISPOSABLE: Final = frozenset(
    """10minutemail.com 10minutemail.net 20minutemail.com 33mail.com anonbox.net burnermail.io byom.de discard.email
    dispostable.com einrot.com emailondeck.com fakeinbox.com fakemail.net getairmail.com getnada.com grr.la
    guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org
    inboxbear.com inboxkitten.com jetable.org mail-temp.com mail.tm mailcatch.com maildrop.cc mailinator.com
    mailinator.net mailnesia.com mailnull.com mailsac.com mintemail.com moakt.com mohmal.com mytemp.email
    nada.email sharklasers.com spam4.me spambog.com spamgourmet.com temp-mail.io temp-mail.org tempail.com tempmail.com
    tempmail.dev tempmail.net tempmailo.com tempr.email throwawaymail.com trash-mail.com trashmail.com trashmail.de
    trashmail.net wegwerfmail.de yopmail.com yopmail.fr yopmail.net""".split()  # noqa: SIM905  (the same)
)
"""Domains that hand out addresses for minutes."""

FREQUENT: Final = frozenset(
    """gmail.com googlemail.com hotmail.com hotmail.be hotmail.fr hotmail.nl icloud.com kpnmail.nl laposte.net live.be
    live.com live.fr live.nl orange.fr outlook.be outlook.com proximus.be scarlet.be skynet.be t-online.de telenet.be
    wanadoo.fr yahoo.com yahoo.fr ziggo.nl""".split()  # noqa: SIM905  (the same)
)
"""Domains of so many people that one letter away from them is a typing error, not a company."""

_NEIGHBOURS: Final = frozenset(("email.com", "mail.com", "ymail.com", "live.be", "live.com", "live.fr", "live.nl"))
"""Domains that exist and lie a letter away from a frequent one."""

_MARKETS: Final = "at|be|ca|ch|cz|de|dk|es|fi|fr|gr|ie|it|lu|nl|no|pl|pt|se|co\\.uk"
_INTERNATIONAL: Final = r"(hotmail|live|outlook|yahoo)"
"""Names that are real under many countries' endings."""

_NOWHERE: Final = frozenset(
    """domain.com email.test example.be example.com example.net example.org invalid.com localhost none.com noemail.com
    nomail.com nowhere.com test.be test.com test.fr test.nl""".split()  # noqa: SIM905  (the same)
)
"""Domains behind which nobody is (RFC 2606, and those that people invent)."""


def no_role_address(text: Text, also: Iterable[str] = ()) -> Condition:
    local = sa.func.regexp_replace(sa.func.split_part(_lower(text), "@", 1), r"\+.*", "")
    return sa.or_(sa.not_(_contains(text, "@")), local.not_in(_words(ROLES, also)))


def not_disposable(text: Text, also: Iterable[str] = ()) -> Condition:
    """Subdomains of such a domain are disposable as well."""
    names = "|".join(re.escape(name) for name in _words(DISPOSABLE, also))
    return sa.not_(_full(_domain(text), rf"(.*\.)?({names})"))


def no_mistyped_domain(text: Text, also: Iterable[str] = ()) -> Condition:
    """Not one letter (too many, missing, other, or two exchanged) away from a frequent domain, `also` among them."""
    domain = _domain(text)
    frequent = _words(FREQUENT, also)
    near = sa.or_(*(sa.func.damerau_levenshtein(domain, name) == 1 for name in frequent))
    fine = sa.or_(
        domain.in_(sorted({*frequent, *_NEIGHBOURS})),
        _full(domain, rf"{_INTERNATIONAL}\.({_MARKETS})"),
        sa.not_(_contains(text, "@")),
    )
    return sa.case((fine, sa.true()), else_=sa.not_(near))


def no_placeholder(text: Text, also: Iterable[str] = ()) -> Condition:
    """A name, address or number that stands for nobody: a filler word, one character again and again, a dead domain."""
    word = sa.func.trim(_lower(text))
    words = _words(PLACEHOLDERS, also)
    digits = sa.func.regexp_replace(word, r"^\+[0-9]{2}", "")
    one_character = sa.or_(*(_only_one(part) for part in (word, digits)))
    local = sa.func.split_part(word, "@", 1)
    nobody = sa.and_(
        _contains(word, "@"),
        sa.or_(local.in_(words), _only_one(local), _domain(word).in_(sorted(_NOWHERE))),
    )
    return sa.not_(sa.or_(word.in_(words), one_character, nobody))


def possible_birth_date(text: Text, oldest: int, today: str | None = None) -> Condition:
    """A day of the calendar on which a living person can have been born: not to come, nor over `oldest` years ago.

    A run says which day is `today`; without one, where Great Expectations is asked without us, the database does.
    """
    day = sa.try_cast(text, sa.Date())
    now = sa.cast(sa.literal(today), sa.Date()) if today else sa.func.current_date()
    age = sa.func.date_diff("year", day, now)
    return sa.func.coalesce(sa.and_(day <= now, age <= oldest), sa.true())


def no_email(text: Text) -> Condition:
    return sa.not_(_matches(text, r"[^\s@]+@[^\s@]+\.[^\s@]+"))


def not_garbled(text: Text) -> Condition:
    return sa.not_(_matches(text, GARBLED))


def phone_of_country(phone: Text, country: Text) -> Condition:
    """Whether an international number begins with the calling code of the country; true where either is missing."""
    number, code = sa.func.coalesce(phone, ""), sa.func.upper(sa.func.coalesce(country, ""))
    judged = sa.and_(_full(number, r"\+[0-9]{7,15}"), code.in_(sorted(COUNTRIES)))
    fits = [
        (code.in_(regions), sa.func.starts_with(number, f"+{calling}", type_=sa.Boolean()))
        for calling, regions in _calling_codes()
    ]
    return sa.case((sa.not_(judged), sa.true()), *fits, else_=sa.true())


def gender_of_title(sex: Text, title: Text) -> Condition:
    """Mr is a man, Mrs and Ms are women; true where either is missing or another word."""
    men = sa.and_(_word(sex) == "m", _word(title).in_(["mrs", "ms"]))
    women = sa.and_(_word(sex) == "f", _word(title) == "mr")
    return sa.not_(sa.or_(men, women))


def consented(permission: Text, consent: Text, polarity: str) -> Condition:
    """Not on while the general consent is off; true where either says nothing.

    The subscription means that somebody may be contacted where it is yes, the consent as its `polarity` says.
    """
    against = SPELLINGS[Polarity(polarity)][Permission.OFF]
    return sa.not_(sa.and_(_subscribed(permission), _spelt(consent, against)))


def reachable(permission: Text, contacts: list[Text]) -> Condition:
    """Not on where there is no address and no number to contact somebody by."""
    return sa.or_(sa.not_(_subscribed(permission)), *(contact.is_not(None) for contact in contacts))


def _subscribed(permission: Text) -> Condition:
    return _spelt(permission, SPELLINGS[Polarity.OPT_IN][Permission.ON])


def _spelt(text: Text, spellings: Iterable[str]) -> Condition:
    return _word(sa.func.trim(text)).in_(sorted(spellings))


def shared_by_few(columns: list[Text], table: Any, most: int) -> Condition:
    """Whether at most so many rows have the same values in all these columns; rows that lack one are not counted."""
    whole = sa.and_(*(column.is_not(None) for column in columns))
    together = sa.func.row(*columns)
    crowds = sa.select(together).select_from(table).where(whole).group_by(*columns).having(sa.func.count() > most)
    return sa.or_(sa.not_(whole), together.not_in(crowds))


@cache
def _calling_codes() -> list[tuple[int, list[str]]]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # a large package; who has no phones does not pay for it

    return [
        (calling, [region for region in regions if region in COUNTRIES])
        for calling, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
        if any(region in COUNTRIES for region in regions)
    ]


def _words(words: frozenset[str], also: Iterable[str]) -> list[str]:
    return sorted(words | {word.strip().lower() for word in also})


def _only_one(text: Text) -> Condition:
    """One letter or digit, three times or more, and nothing else."""
    rest = sa.func.replace(text, sa.func.left(text, 1), "")
    return sa.and_(sa.func.length(text) >= 3, rest == "")


def _domain(text: Text) -> ColumnElement[Any]:
    return sa.func.split_part(_lower(text), "@", -1)


def _lower(text: Text) -> ColumnElement[Any]:
    return sa.func.lower(text)


def _word(text: Text) -> ColumnElement[Any]:
    return sa.func.lower(sa.func.coalesce(text, ""))


def _contains(text: Text, part: str) -> Condition:
    return sa.func.contains(text, part, type_=sa.Boolean())


def _matches(text: Text, pattern: str) -> Condition:
    return sa.func.regexp_matches(text, pattern, type_=sa.Boolean())


def _full(text: Text, pattern: str) -> Condition:
    return sa.func.regexp_full_match(text, pattern, type_=sa.Boolean())
