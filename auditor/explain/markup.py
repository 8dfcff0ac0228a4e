"""Codes that stand in the place of characters: HTML, addresses of pages, mails, programs and workbooks."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

CODES: Final = r"&[#A-Za-z]|%[0-9A-Fa-f]{2}|\\+[ux][0-9A-Fa-f]|=[0-9A-F]{2}|_x[0-9A-Fa-f]{4}_|</?[A-Za-z!]|\\+[nrt\"'/]"
"""What a text must hold to be looked at, in the regular expressions of engines and of Python."""
_CODES: Final = re.compile(CODES)
_LAYERS: Final = 4
"""How often a text may have been written in codes: `&amp;amp;eacute;`."""

_ESCAPED: Final = re.compile(r"\\+u([0-9A-Fa-f]{4})|\\+x([0-9A-Fa-f]{2})")
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


def _of_a_mail(text: str) -> str:
    return _read("=", text)


def _of_a_program(text: str) -> str:
    plain = _ESCAPED.sub(lambda code: chr(int(code[1] or code[2], 16)), text)
    return re.sub(r"\\([nrt\"'/\\])", lambda code: _ONE_CHARACTER.get(code[1], code[1]), plain)


def _of_a_workbook(text: str) -> str:
    return _OF_A_WORKBOOK.sub(lambda code: chr(int(code[1], 16)), text)


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
    "codes of a mail": _of_a_mail,
    "codes of a workbook": _of_a_workbook,
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
