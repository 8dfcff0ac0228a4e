"""The names of the months, as dates are written in: one list for rules that read them and for reasons that tell them.

English, Dutch, French, German, Italian, Spanish, Portuguese, Polish (both cases), Czech (both), Swedish, Danish and
Norwegian; with accents or without.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

_NAMES: Final = (
    "january januari januar janvier jänner gennaio enero janeiro styczeń stycznia leden ledna",
    "february februari februar février feber febbraio febrero fevereiro luty lutego únor února",
    "march maart mars märz maerz marzo março marzec marca březen března marts",
    "april avril aprile abril kwiecień kwietnia duben dubna",
    "may mei mai maggio mayo maio maj maja květen května",
    "june juni juin giugno junio junho czerwiec czerwca červen června",
    "july juli juillet luglio julio julho lipiec lipca červenec července",
    "august augustus août agosto sierpień sierpnia srpen srpna augusti",
    "september septembre settembre septiembre setiembre setembro wrzesień września září",
    "october oktober octobre ottobre octubre outubro październik października říjen října",
    "november novembre noviembre novembro listopad listopada listopadu",
    "december décembre dezember dicembre diciembre dezembro grudzień grudnia prosinec prosince desember",
)
_SHORT: Final = (
    "jan janv jän gen ene sty led", "feb févr fév fev lut úno", "mar mrt maa mär mrz bře", "apr avr abr kwi dub",
    "may mei mai mag maj kvě", "jun giu cze čvn", "jul juil lug lip čvc", "aug aoû ago sie srp",
    "sep sept set sett wrz zář", "oct okt ott out paź říj", "nov lis", "dec déc dez dic gru pro des",
)  # fmt: skip
ENGLISH: Final = tuple(names.split(" ", 1)[0].capitalize() for names in _NAMES)
"""What strptime reads, January first; its short names are the first three letters."""


def plain_name(name: str) -> str:
    """A text without its accents."""
    return "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char))


def _numbered(lists: tuple[str, ...]) -> dict[str, int]:
    return {
        spelt: number
        for number, names in enumerate(lists, 1)
        for name in names.split()
        for spelt in (name, plain_name(name))
    }


SHORT: Final[Mapping[str, int]] = _numbered(_SHORT)
"""Names that are cut short, or that are as short: lower case, in NFC → the month, 1 to 12."""
MONTHS: Final[Mapping[str, int]] = {**_numbered(_NAMES), **SHORT}
"""All names: lower case, in NFC → the month, 1 to 12."""
