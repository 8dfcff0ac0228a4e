"""Codes that stand in the place of characters: HTML, addresses of pages, mails, programs and workbooks."""

from __future__ import annotations

import html
import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable, Mapping
from typing import Final

CODES: Final = (
    r"&[#A-Za-z]|%u?[0-9A-Fa-f]{2}|\\+[uUx]\{?[0-9A-Fa-f]|=[0-9A-F]{2}|_x[0-9A-Fa-f]{4}_|</?[A-Za-z!]|\\+[nrt\"'/`^~]"
    r"|\\[0-9A-Fa-f]{2}|[uU]\+[0-9A-Fa-f]{4}|=\?[A-Za-z0-9-]+\?[QBqb]\?|^[bBuUrR]{1,2}[\"']|[xX][nN]--|\\[cvuHkr][ {]"
    r"|^\s*=\""
)
"""What a text must hold to be looked at, in the regular expressions of engines and of Python."""
_CODES: Final = re.compile(CODES)
_LAST: Final = 0x10FFFF
"""The number of the last character."""
_LAYERS: Final = 4
"""How often a text may have been written in codes: `&amp;amp;eacute;`."""

_ESCAPED: Final = re.compile(
    r"\\+(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[ux]\{([0-9A-Fa-f]{1,6})\})|<U\+([0-9A-Fa-f]{4,6})>|[uU]\+([0-9A-Fa-f]{4,6})"
    r"|%u([0-9A-Fa-f]{4})"
)
_BYTES: Final = re.compile(r"(?:\\+(?:x[0-9A-Fa-f]{2}|[0-3][0-7]{2}))+")
_BYTES_OF_A_DIRECTORY: Final = re.compile(r"(?:\\[0-9A-Fa-f]{2})+")
_OF_RICH_TEXT: Final = re.compile(r"\\'([0-9A-Fa-f]{2})|\\u([0-9]{2,5})\?")
_OF_TYPESETTERS: Final = re.compile(r"\{?\\(?:([\"'`^~=.])|([cvuHkr])(?=[ {]))\s*\{?\\?([A-Za-z])\}{0,2}")
_COMBINING: Final = {"\"": "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304",
                     ".": "\u0307", "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328",
                     "r": "\u030a"}  # fmt: skip
_OF_A_HEAD: Final = re.compile(r"=\?([A-Za-z0-9-]+)\?([QBqb])\?([^?]*)\?=(?:\s+(?==\?))?")
_LITERAL: Final = re.compile(r"[bBuUrR]{0,2}([\"'])(.*)\1", re.DOTALL)
_FORMULA: Final = re.compile(r"\s*=\"((?:[^\"]|\"\")*)\"\s*")
_OF_A_WORKBOOK: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TAG: Final = re.compile(r"<(/?[A-Za-z][^<>]*|!\[CDATA\[|!--.*?--)>?|\]\]>")
_BREAK: Final = re.compile(r"<(br|/p|/div|p)\b[^<>]*>", re.IGNORECASE)
_ONE_CHARACTER: Final = {"n": "\n", "r": "\r", "t": "\t"}


def _of_html(text: str) -> str:
    return html.unescape(text)


def _without_tags(text: str) -> str:
    return _TAG.sub("", _BREAK.sub(" ", text))


def _of_an_address(text: str) -> str:
    return _read("%", text.replace("+", " ")) if "%" in text else text


def _of_a_host(text: str) -> str:
    """With the letters of addresses that stand in Punycode: `xn--mnchen-3ya.de`."""
    return re.sub(r"xn--[a-z0-9-]+", lambda code: _in_unicode(code[0]), text, flags=re.IGNORECASE)


def _in_unicode(label: str) -> str:
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label


def _of_a_mail(text: str) -> str:
    return _read("=", _OF_A_HEAD.sub(_word_of_a_head, text))


def _word_of_a_head(word: re.Match[str]) -> str:
    """What a word of the head of a mail says: `=?utf-8?Q?H=C3=A9l=C3=A8ne?=`."""
    try:
        if word[2] in "bB":
            return a2b_base64(word[3]).decode(word[1])
        return a2b_qp(word[3].replace("_", "=20")).decode(word[1])
    except (LookupError, ValueError):
        return word[0]


def _of_a_program(text: str) -> str:
    """With characters by their numbers, bytes in two hexadecimal or three octal digits, and texts out of quotes."""
    if literal := _LITERAL.fullmatch(text):
        text = literal[2]
    plain = _ESCAPED.sub(_character, text)
    # Characters beyond the first 65,536 are written as two.
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    plain = _BYTES.sub(_bytes, plain)
    return re.sub(r"\\([nrt\"'/\\])", lambda code: _ONE_CHARACTER.get(code[1], code[1]), plain)


def _character(code: re.Match[str]) -> str:
    number = int(next(filter(None, code.groups())), 16)
    return chr(number) if number <= _LAST else code[0]


def _bytes(code: re.Match[str]) -> str:
    digits = re.findall(r"x([0-9A-Fa-f]{2})|([0-3][0-7]{2})", code[0])
    return _as_text(bytes(int(one, 16) if one else int(other, 8) for one, other in digits))


def _of_a_directory(text: str) -> str:
    return _BYTES_OF_A_DIRECTORY.sub(lambda code: _as_text(bytes.fromhex(code[0].replace("\\", ""))), text)


def _of_rich_text(text: str) -> str:
    return _OF_RICH_TEXT.sub(
        lambda code: bytes.fromhex(code[1]).decode("cp1252", "replace") if code[1] else chr(int(code[2])), text
    )


def _of_typesetters(text: str) -> str:
    """With the accents of TeX: `H\\'el\\`ene`."""
    return _OF_TYPESETTERS.sub(lambda code: code[3] + _COMBINING[code[1] or code[2]], text)


def _of_a_workbook(text: str) -> str:
    return _OF_A_WORKBOOK.sub(lambda code: chr(int(code[1], 16)), text)


def _of_a_formula(text: str) -> str:
    """Without the formula by which a spreadsheet keeps a text as it is: `="00123"`."""
    found = _FORMULA.fullmatch(text)
    return found[1].replace('""', '"') if found else text


def _read(sign: str, text: str) -> str:
    """The text with the bytes that are written behind a sign, each as two hexadecimal digits."""
    return re.sub(
        rf"(?:{sign}[0-9A-Fa-f]{{2}})+", lambda code: _as_text(bytes.fromhex(code[0].replace(sign, ""))), text
    )


def _as_text(raw: bytes) -> str:
    """As UTF-8; of what is none, as Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


_DECODED: Final[Mapping[str, Callable[[str], str]]] = {
    "HTML codes": _of_html,
    "HTML tags": _without_tags,
    "codes of an address": _of_an_address,
    "codes of a program": _of_a_program,
    "codes of a document": _of_rich_text,
    "codes of a typesetter": _of_typesetters,
    "codes of a directory": _of_a_directory,
    "codes of a mail": _of_a_mail,
    "codes of a host": _of_a_host,
    "codes of a workbook": _of_a_workbook,
    "a formula": _of_a_formula,
}


def markup_of(platform: str, truth: str, settled: Callable[[str], str]) -> str | None:
    """Which codes stand on which side, so that both are one text without them; None: they are not.

    Such as `HTML codes on platform`. `settled` is a text without what a clean-up on the way may have removed.
    """
    if not (_CODES.search(platform) or _CODES.search(truth)):
        return None
    for name, decode in _DECODED.items():
        for layers in range(1, _LAYERS):
            decoded = [_repeated(decode, text, layers) for text in (platform, truth)]
            if decoded[0] != platform and settled(decoded[0]) == settled(truth):
                return f"{name} on platform"
            if decoded[1] != truth and settled(decoded[1]) == settled(platform):
                return f"{name} in truth"
    both = [_whole(text) for text in (platform, truth)]
    if settled(both[0]) == settled(both[1]) and (both[0] != platform or both[1] != truth):
        return f"codes {'in truth' if both[0] == platform else 'on platform' if both[1] == truth else 'on both sides'}"
    return None


def _repeated(decode: Callable[[str], str], text: str, times: int) -> str:
    for _ in range(times):
        text = decode(text)
    return text


def _whole(text: str) -> str:
    """The text with all codes read, whatever they are."""
    for _ in range(_LAYERS):
        before = text
        for decode in _DECODED.values():
            text = decode(text)
        if text == before:
            break
    return text
