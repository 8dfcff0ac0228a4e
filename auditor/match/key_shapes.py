"""What keys look like: what stands around many keys of a side and of hardly one of the other, and what they may be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from auditor.equality.primitives import country_of

_PREFIXES = 3
"""That are tried of each side, the most frequent first."""
_SHORTEST = 4
"""Letters and digits that have to be left."""
OFTEN = 0.05
"""The share of keys that have what a rule is about; fewer are chance."""
NEARLY_ALL = 0.9
"""The share of keys that is no accident."""


def share_with_letters(texts: Sequence[str]) -> float:
    return share(texts, "[^0-9]*[A-Za-z]")


def prefix_of(texts: Sequence[str]) -> str:
    """The letters and signs before the number of nearly all keys, in small letters; empty: there are none such."""
    found = Counter(one[0].strip().lower() for text in texts if (one := re.match(r"\D*[A-Za-z]\D*(?=\d+\s*$)", text)))
    [(prefix, number)] = found.most_common(1) or [("", 0)]
    return prefix if number > NEARLY_ALL * len(texts) else ""


def countries_of(texts: Sequence[str]) -> list[str]:
    """The country of most keys that are telephone numbers with one."""
    called = [text for text in texts if re.match(r"\s*\+\d", text)]
    found = Counter(country for text in called if (country := country_of(text)))
    return [country for country, number in found.most_common(1) if number > OFTEN * len(texts)]


def share(texts: Sequence[str], pattern: str) -> float:
    return sum(1 for text in texts if re.search(pattern, text)) / max(len(texts), 1)


def pieces_around(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """What stands before or behind many keys of a side, and of hardly one of the other, with a star for the key."""
    bare = [text.strip() for text in texts]
    before, behind = _pieces(bare, others)
    made = []
    for pieces, spelt, inside in ((before, "{}*", str.startswith), (behind, "*{}", str.endswith)):
        counted = Counter(one for several in pieces for one in several)
        often = [one for one, number in counted.items() if number > max(1, OFTEN * len(bare))]
        often.sort(
            key=lambda one: (-counted[one], len(one), one)
        )  # of equals the shortest: zeros behind it do not count
        alone = [one for one in often if sum(inside(text.strip(), one) for text in others) <= OFTEN * len(others)]
        made += [spelt.format(one) for one in alone if one and "*" not in one and "?" not in one][:_PREFIXES]
    return made


def shapes_around(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """What stands around many keys of a side in one shape, `-?` for a hyphen and any check digit; and as many signs as
    the keys of the other side have, where these have fewer.
    """
    bare = [text.strip() for text in texts]
    made = []
    for pieces, spelt in zip(_pieces(bare, others), ("{}*", "*{}"), strict=True):
        shaped = [{re.sub(r"[^\W_]", "?", one) for one in several if "*" not in one} for several in pieces]
        for shape, number in Counter(one for several in shaped for one in several).most_common(_PREFIXES):
            # Letters and digits alone would be any key's, of the other side too.
            part = re.compile(re.escape(spelt.format(shape)).replace(r"\?", r"[^\W_]").replace(r"\*", ".+"))
            alone = sum(part.fullmatch(text.strip()) is not None for text in others) <= OFTEN * len(others)
            if "?" in shape and shape.strip("?") and alone and number > max(1, OFTEN * len(bare)):
                made.append(spelt.format(shape))
    size, short = (_usual_length([_signs(text) for text in several]) for several in (bare, others))
    as_long = sum(len(_signs(text)) == short for text in others)
    if size > short >= _SHORTEST and as_long >= NEARLY_ALL * len(others):
        made.append(str(short))
    return made


def _pieces(bare: Sequence[str], others: Sequence[str]) -> tuple[list[set[str]], list[set[str]]]:
    """What may stand before each key, and behind it."""
    plain = [text.strip() for text in others]
    longer = _usual_length(bare) - _usual_length(plain)
    more = _usual_length([_signs(text) for text in bare]) - _usual_length([_signs(text) for text in plain])
    before = [_before(text, longer) | _head(text, more) for text in bare]
    return before, [_behind(text, longer) for text in bare]


def _signs(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


def _head(text: str, signs: int) -> set[str]:
    """The beginning that has so many letters and digits, `0x` before a GUID with or without hyphens."""
    found = re.match(rf"(?:[\W_]*[^\W_]){{{signs}}}[\W_]*(?=.)", text) if 0 < signs <= _SHORTEST else None
    return {found[0].strip()} if found else set()


def _usual_length(texts: Sequence[str]) -> int:
    return Counter(map(len, texts)).most_common(1)[0][0] if texts else 0


def _before(text: str, longer: int) -> set[str]:
    """The letters and signs before a number, all to the last sign that parts anything, and as many characters as keys
    are longer than those of the other side.
    """
    found = re.match(r"\D+(?=\d)", text), re.match(r".*[-_:/#. ](?=.)", text)
    first = {text[:longer]} if 0 < longer < len(text) else set()
    return {one[0].strip() for one in found if one and "@" not in one[0]} | first


def _behind(text: str, longer: int) -> set[str]:
    found = re.search(r"(?<=\d)\D+$", text), re.search(r"(?<=[^-_:/#@. ])[-_:/#@. ][^-_:/#@. ]*$", text)
    last = {text[-longer:]} if 0 < longer < len(text) else set()
    return {one[0].strip() for one in found if one} | last
