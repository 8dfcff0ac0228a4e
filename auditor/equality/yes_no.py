"""The words for yes and no that the rule `boolean` reads: Actito's own, and those of people and of their spreadsheets.

One list, in lower case. A letter that is yes in one language and no in another is none of them: the `O` of `O/N` is
*oui*, that of `W/O` is *onwaar*.
"""

from __future__ import annotations

from typing import Final

from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS

YES: Final = (
    *TRUE_SPELLINGS,
    *("on", "aan", "ein", "ja", "j", "oui", "si", "sí", "sì", "sim"),
    *("vrai", "waar", "wahr", "verdadero", "verdadeiro", "vero"),
)
NO: Final = (
    *FALSE_SPELLINGS,
    *("off", "uit", "aus", "nee", "neen", "nein", "non", "não", "nao"),
    *("faux", "onwaar", "falsch", "falso"),
)
