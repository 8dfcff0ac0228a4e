"""One telephone number in two notations: with its country and without, with 00 for the plus, with `(0)` in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from auditor.equality.primitives import country_of, phone_number, within_country

SAME_NUMBER: Final = "the same telephone number"
"""The pattern of two notations that both name the country, and differ by more than blanks and signs."""
_NUMBER: Final = re.compile(r"[+(]{0,2}\d[\d\s./()-]{5,}")
_ABROAD: Final = re.compile(r"\(?(\+|00)")
_SHORTEST: Final = 7
"""Digits that a number has at least, without its country."""
_LAST: Final = 6
"""Digits at the end that no notation changes."""


def telephone(platform: str, truth: str) -> str | None:
    """`a number without its country on platform`, `SAME_NUMBER`; None: these are not one number."""
    ours, theirs = platform.strip(), truth.strip()
    if (
        not (_NUMBER.fullmatch(ours) and _NUMBER.fullmatch(theirs))
        or _digits(ours)[-_LAST:] != _digits(theirs)[-_LAST:]
    ):
        return None
    abroad = [_ABROAD.match(text) is not None for text in (ours, theirs)]
    if all(abroad):
        same = _whole(ours) == _whole(theirs) or _as_one(ours, theirs)
        written = [re.sub(r"[^+\d]", "", text) for text in (ours, theirs)]
        return SAME_NUMBER if same and written[0] != written[1] else None
    for local, whole, side in ((ours, theirs, "on platform"), (theirs, ours, "in truth")):
        if not _ABROAD.match(local) and _is_local_form(local, whole):
            return f"a number without its country {side}"
    return None


def is_telephone(text: str) -> bool:
    """Whether a text is a number to call, not to count with: it begins with a plus or a zero that count nothing."""
    plain = text.strip()
    to_call = re.fullmatch(r"\(?(\+|0(?=[\d\s/()-]))[\d\s./()-]{6,}", plain)
    return to_call is not None and len(_digits(plain)) > _SHORTEST and not re.fullmatch(r"\+?\d*\.\d+", plain)


def countries(texts: Sequence[str], *, spelt_out: bool) -> list[str]:
    """The countries whose numbers the texts are, as the rule `phone` takes them; `spelt_out`: by a plus or 00 alone."""
    found = [country_of(text) or (None if spelt_out else country_of(f"+{text.strip()}")) for text in texts]
    return list(dict.fromkeys(filter(None, found)))


def _is_local_form(local: str, abroad: str) -> bool:
    short, whole = _digits(local), _whole(abroad)
    bare = short.removeprefix("0")
    if len(bare) < _SHORTEST or len(whole) < len(bare):
        return False
    if not _ABROAD.match(abroad):
        # 32474992383 may be anything, and be one with 0474992383 by chance, but for its country's own rules.
        return short != bare and whole.endswith(bare) and _as_one(local, f"+{whole}")
    if short != bare and whole.endswith(bare):
        return len(whole) - len(bare) in (1, 2, 3)
    within = within_country(abroad.replace("(0)", ""))
    return (within is not None and within[1] == short) or _as_one(local, abroad)


def _as_one(text: str, abroad: str) -> bool:
    """Whether both are one valid number by the rules of the country that the second names."""
    region = country_of(abroad.replace("(0)", ""))
    number = phone_number(text, region) if region else None
    return number is not None and number == phone_number(abroad, region or "")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _whole(text: str) -> str:
    return _digits(text.replace("(0)", "")).lstrip("0")
