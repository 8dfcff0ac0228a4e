"""Which column of one table is which of the other, where the two spell its name otherwise: capitals, blanks, signs."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

from auditor.settings.problems import nearest


def alike(platform: Iterable[str], truth: Iterable[str]) -> dict[str, str]:
    """The names of the one side that are those of the other but for what nobody reads, in their order.

    First those that differ by case, blanks and unseen characters, then, of what is left, those that differ by signs and
    accents as well. A name that could be several others is none of them.
    """
    found: dict[str, str] = {}
    for form in (_without_blanks, _letters):
        ours = _once((name for name in platform if name not in found), form)
        theirs = _once((name for name in truth if name not in found.values()), form)
        found |= {name: theirs[key] for key, name in ours.items() if key in theirs}
    return {name: found[name] for name in platform if name in found}


def named(name: str, there: Collection[str]) -> str:
    """The one of the names that are `there` which is meant by a name; itself where it is there, or no single one is."""
    return name if name in there else alike([name], there).get(name, name)


def almost(name: str, there: Collection[str]) -> str:
    """`, did you mean "x"?` for the name that is meant or comes closest, or an empty text."""
    meant = named(name, there)
    return f', did you mean "{shown(meant)}"?' if meant in there else nearest(name, there)


def shown(name: str) -> str:
    """A name in which every character can be seen: a byte order mark, a no-break space as what they are."""
    return "".join(sign if sign == " " or sign.isprintable() else f"\\u{ord(sign):04x}" for sign in name)


def _once(names: Iterable[str], form: Callable[[str], str]) -> Mapping[str, str]:
    """Form → name, of those that have a form and share it with no other."""
    forms = [(form(name), name) for name in names]
    number = Counter(key for key, _ in forms)
    return {key: name for key, name in forms if key and number[key] == 1}


def _without_blanks(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if not sign.isspace() and unicodedata.category(sign) not in ("Cf", "Cc"))


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())
