"""What damaged values are called and look like: patterns that RE2 and Rust read alike, and words in lower case."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Damage(StrEnum):
    """What a value of the truth is recognised by that would make the platform worse: the first that fits."""

    ENCODING = "encoding"
    """Garbled, or its letters lost."""
    LEADING_ZERO = "leading_zero"
    TRUNCATED = "truncated"
    INVISIBLE = "invisible"
    """Characters that nobody sees, and that the platform's value does not hold."""
    SPREADSHEET = "spreadsheet"
    """An error of a spreadsheet, a formula, or a number or day that it or a program spelt anew."""
    MARKUP = "markup"
    SEVERAL = "several"
    """Several addresses or numbers in one cell, or one value twice."""
    PROGRAM = "program"
    """What a program writes in the place of a value: a template, an object, a mask, a number of its own, a name."""
    COMPUTED = "computed"
    """What computing, or 32 bits, leave of a number."""
    PLACEHOLDER = "placeholder"
    EXCHANGED = "exchanged"
    """Two columns of the row hold each other's value."""
    OF_ANOTHER = "of_another"
    """The platform has it in another profile, and in no other."""
    DOUBTED = "doubted"
    """A contact check doubts it."""


class ContactCheck(StrEnum):
    """The checks of contacts, which look more closely at a value than Actito does, as `violations.rule` has them."""

    ROLE_ADDRESS = "emails_to_not_be_role_addresses"
    DISPOSABLE = "emails_to_not_be_disposable"
    MISTYPED_DOMAIN = "emails_to_not_have_mistyped_domains"
    PLACEHOLDER = "not_be_placeholders"
    BIRTH_DATE = "be_possible_birth_dates"
    EMAIL_AS_NAME = "not_be_emails"
    GARBLED = "not_be_garbled"
    PHONE_OF_COUNTRY = "pair_phone_to_be_of_country"
    GENDER_OF_TITLE = "pair_gender_to_fit_title"
    SHARED_BY_FEW = "multicolumn_values_to_be_shared_by_few"


NO_VALUE: Final = frozenset(
    r"""- -- --- . .. ... / ? ?? ??? (null) [null] <null> {null} \N <na> [na] dbnull aucun aucune desconocido empty geen
    inconnu keine leeg n.a n.a. n/a n/b n.v.t n.v.t. na nan nihil nil none null nvt néant onbekend tba tbd todo
    unbekannt undefined unknown""".lower().split()
)
"""Words by which people and programs say that there is no value."""

PLACEHOLDERS: Final = NO_VALUE | frozenset(
    """0123456789 123456789 1234567890 aaa abc abcd anonymised anonymisé anonymisiert anonymized anonymous asdf azerty
    demo dummy geanonimiseerd no-name noname qwerty redacted sans-nom test test1 test123 teste tester testing xx xxx
    xxxx""".split()  # noqa: SIM905  (a list of words)
)
"""What people and programs write where they must write something."""

OF_NOBODY: Final = frozenset({"deleted user", "removed user"}) | frozenset(
    """[deleted] [removed] avg deleted dsgvo eliminado eliminato error gdpr gelöscht removed rgpd supprimé supprimée
    verwijderd""".split()  # noqa: SIM905  (a list of words)
)
"""What programs write in the place of somebody's name, address or number; elsewhere it may be a state."""

NOTHING_BUT_SIGNS: Final = r"^[\p{P}\p{Sm}\p{Sk}\p{Sc}\p{Z}■-◿]+$"
"""What hides a value, or is left of one in another script."""

ZEROS: Final = r"^0+$"
"""A number or code that nobody has, where another one stood."""

PLACEHOLDER_DAY: Final = (
    r"^(0001-01-01|1899-12-3[01]|1900-01-0[01]|1970-01-01|9999-12-31"
    r"|0?[01]/0?1/1900|3[01]/12/1899|12/3[01]/1899|0?1/0?1/(0001|1970)|31/12/9999|12/31/9999)([T ].*)?$"
)
"""The first and last days that programs know, and the days that they write for none."""

_AFTER: Final = r"[\x{80}-\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
GARBLED: Final = rf"[ÃÂÐÑÎÏÅÄ]{_AFTER}|\pLÌ[\x{{80}}-\x{{8C}}§¨€‚ƒ„†‡ˆŠŒ]|â€|ï»¿|\x{{FFFD}}"
"""UTF-8 that was read as Windows-1252 or Latin-1, accents alone too, or a character that a conversion has lost."""

LETTERS_LOST: Final = r"\pL[?¿□▯]+\pL"
"""A question mark or a box within a word: what a conversion writes for a letter that it does not know."""
LATIN: Final = r"[\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{24F}\x{1E00}-\x{1EFF}]"
"""A Latin letter beyond ASCII,"""
IN_A_WORD: Final = rf"{LATIN}\pL|\pL{LATIN}"
"""and one beside other letters."""
FOR_A_LETTER: Final = r"[?¿□▯_#]"
"""What may stand in the place of a letter of another script."""
_OTHER: Final = r"[\p{Cyrillic}\x{0370}-\x{03A8}\x{03AA}-\x{03BB}\x{03BD}-\x{03FF}]"
MIXED: Final = rf"[A-Za-z]{_OTHER}|{_OTHER}[A-Za-z]"
"""Letters of two scripts in one word, one of which only looks like another, as а in Mаes. Not in units: μm, Ωm."""
WIDE: Final = r"[\x{FF01}-\x{FF5E}\x{1D400}-\x{1D7FF}\x{2460}-\x{24FF}]"
"""Letters and digits in the shape of East Asian or mathematical ones,"""
EAST_ASIAN: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
"""beside which the first are at home."""

INVISIBLE: Final = (
    r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}\p{Cf}\p{Co}\p{Zl}\p{Zp}"
    r"\x{034F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFFC}\x{E0100}-\x{E01EF}]"
)
"""Characters that nobody types and nobody sees, or that mean something in one font alone: controls, marks of direction,
joiners, private use, the place of an object; not tabs and ends of lines."""

_JOINING: Final = "".join(
    rf"\p{{{script}}}" for script in
    """Arabic Syriac Mongolian Nko Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala
    Khmer Myanmar Thai Lao Tibetan""".split()  # noqa: SIM905  (a list of words)
)  # fmt: skip
RIGHT_TO_LEFT: Final = r"[\x{05D0}-\x{05FF}\x{0620}-\x{08FF}\x{FB1D}-\x{FDFF}\x{FE70}-\x{FEFC}]"
OF_DIRECTION: Final = r"[\x{061C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
"""What belongs into a text that holds letters written from right to left."""
AT_HOME: Final = (
    r"\x{1F3F4}[\x{E0020}-\x{E007F}]+|[\p{So}\p{Sk}\p{Sm}](\x{200D}|[\x{FE0E}\x{FE0F}]\x{200D}?)|[0-9#*\p{P}][\x{FE0E}\x{FE0F}]"
    r"|\p{Han}[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]|[\x{2801}-\x{28FF}]\x{2800}+|[\x{0600}-\x{0605}\x{06DD}\x{070F}]"
    rf"|[{_JOINING}]\p{{M}}*[\x{{180E}}\x{{200B}}-\x{{200D}}]+"
)
"""Where such a character is no damage: in emoji, on Chinese and Japanese characters, between letters of scripts that
join them (Persian, Hindi) or write words without blanks (Thai, Khmer)."""

MARKUP: Final = (
    r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31}[0-9]{0,2});|_x[0-9A-Fa-f]{4}_"
    r"|</?[A-Za-z][^<>]*>|%[CcEe][0-9A-Fa-f](%[89ABab][0-9A-Fa-f])+|%[23][0-9A-Fa-f]\S*$|\\u[0-9a-fA-F]{4}"
    r"|^=\".*\"$"
)
"""What HTML, XML, addresses of pages and workbooks write in the place of a character."""

CUT: Final = r"(…|\.{3,})$"
"""The mark of programs that cut a value off."""
PROSE: Final = r"\S+\s+\S+\s+\S+\s+\S+"
"""What people end with dots as well."""
AS_WELL: Final = ("", " ", ",", ", ", ";", "; ", "|", " | ", "/", " / ", "\n")
"""What stands between a value and the same once more."""
SEVERAL_NUMBERS: Final = r"\+.*\+|([0-9][ ./()-]{0,2}){8,}([;,|&\n]|\s/)\s*\+?\(?([0-9][ ./()-]{0,2}){8,}"
SEVERAL_ADDRESSES: Final = r"^[^\"]*@[^\"]*[;,|\s/][^\"]*@"
SEVERAL_WORDS: Final = r"\pL\s*\|\s*\pL"
LOST_BLANK: Final = r"\pL{4}\s+[0-9]"
"""A blank that stands for itself: the one of a street before its number, and not that of a postcode."""

UNCLEAN: Final = r"\\['\",;/\\]|\\$|\pL''\pL|^\"[^\"]*$|^[^\"]*[^\"0-9]\"$|^\"\".*\"\"$"
"""What escaping or quoting has left of itself: a backslash, a doubled apostrophe, one quotation mark alone."""

PROGRAM: Final = (
    r"\{\{[^{}]*\}\}|\$\{[^{}]*\}|\*\|[^|]*\|\*|<%|%>|\[\[[^\[\]]*\]\]"
    r"|^(%[\pL_][\pL\pN_.]*%|\{[\pL_][\pL\pN_. ]*\}|\[[\pL_][^\[\]]*\]|##[^#]+##|@@[^@]+@@|\$[\pL_]+\$)$"
    r"|(?i:\[object \w+\])|^(System|java|javax|Microsoft)\.[A-Za-z.]+(\[\])?(@[0-9a-f]+)?$|^<?[\w.]+ object at 0x"
    r"|^(Array|NaT|Invalid [Dd]ate|Loading(\.{3}|…))$|^function ?\w*\("
    r"|\*{3,}[\pL\pN@]|[\pL\pN@]\*{3,}|[•●]{2,}|[0-9][xX]{3,}"
)
"""A placeholder of a template, the name of an object in the place of its content, a masked value."""

OF_PROGRAMS: Final = (
    r"^\{([\"'\s].*)?\}$|^\[([\"'{\[0-9].*)?\]$|^\([\"'].*[\"'],?.*\)$"
    r"|^([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?)$"
    r"|^[A-Za-z0-9+/]{10,}={1,2}$"
)
"""JSON and its like, a digest, an identifier, base64: a column may well hold such."""

A_NUMBER: Final = r"^-?[0-9]+$"
A_WORD: Final = r"^\s*\pL[\pL'’.-]{2,}(\s|$)"
"""What no number is a correction of."""

SPREADSHEET: Final = (
    r"^(#{2,}|#[\p{Lu}0/]{2,14}[!?]?|(?i:err):[0-9]{3}|[0-9]{5,}\.0"
    r"|[+-]?[0-9]([.,][0-9]+)?[eE]\+[0-9]{1,3}|[+-]?[0-9][.,][0-9]+[eE]-?[0-9]{1,3})$"
)
"""What a spreadsheet shows in the place of a value: an error in any of its languages, or a number that it shortened."""

FORMULA: Final = r"^(=(\pL[\pL0-9.]*\(|\+?\$?[A-Z]{1,3}\$?[0-9]|[^=]*!\$?[A-Z])|'[+0-9])"
"""A formula that was not worked out, and the apostrophe by which a spreadsheet keeps a number as it is."""

NEEDLESS_DECIMALS: Final = r"^[+-]?[0-9]+[.,]0+$"
DECIMALS: Final = r"[0-9][.,][0-9]+$"

MADE_A_DAY: Final = (
    r"^((19|20)[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}([T ].*)?|[0-9]{1,2}[/.-][0-9]{1,2}[/.-](19|20)[0-9]{2}( .*)?"
    r"|(?i:[0-9]{1,2}-(jan|feb|fév|mar|mrt|mär|apr|avr|ma[iy]|mei|ju[inl]|aug|aoû|sep|o[ck]t|nov|d[eé][cz])\pL{0,2}\.?))$"
)
"""What programs make of 12/3."""
A_DAY: Final = r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|^[0-9]{8}$|[0-9]{1,2}[ -]?\pL{3,}\.?[ -]?[0-9]{2,4}"
"""A day, however it is written."""
