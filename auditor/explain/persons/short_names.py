"""Which first names are short for which: Bob for Robert, Jef for Jozef, Manu for Emmanuel, Uschi for Ursula.

English has a package with such a list, `nicknames`; Dutch, French and German have none, and theirs is
`short_names.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files


@cache
def names_meant() -> Mapping[str, frozenset[str]]:
    """First name → the names that it may stand for, itself included; only names that have a short form, or are one.

    Names are in small base letters alone. Two first names may be one person's where what they may stand for has a name
    in common: `bob` and `rob` both stand for `robert`; `al` for `albert` and `alfred`, who are two.
    """
    meant: dict[str, set[str]] = {}
    for whole, short in (*_listed(), *_english()):
        meant.setdefault(whole, set()).add(whole)
        meant.setdefault(short, {short}).add(whole)
    return {name: frozenset(wholes) for name, wholes in meant.items()}


def _listed() -> Iterator[tuple[str, str]]:
    """A whole name, and a short form of it."""
    for line in files(__package__).joinpath("short_names.txt").read_text(encoding="ascii").splitlines():
        whole, _, shorts = line.partition(":")
        yield from ((whole, short) for short in shorts.split())


def _english() -> Iterator[tuple[str, str]]:
    from nicknames import NickNamer

    for whole, shorts in NickNamer().nickname_lookup.items():
        yield from ((whole, short) for short in sorted(shorts))
