"""What makes two identifiers one though two systems write them otherwise: letters and digits, or a part of them.

    identifier              case, blanks, punctuation, zeros at the beginning and `.0` at the end do not count
    identifier:C-*          what stands for the star counts, where the rest stands around it (a question mark is any
                            letter or digit); else the whole
    identifier:8            the first eight letters and digits count, where there are more
    identifier:digits       the digits count, where there are any
    identifier:guid         32 hexadecimal digits, perhaps behind 0x, in either order of the bytes
    identifier:mailbox      an address without a name, brackets or `mailto:` around it, and without `+news` before the @
    identifier:salesforce   18 characters are the 15 of which their last three are the check, in the right case

A text of which nothing would be left is compared as text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

import ibis

from auditor.equality.primitives import nfc, squeezed, tidy
from auditor.settings.contract import DIGITS, GUID, MAILBOX, SALESFORCE

if TYPE_CHECKING:
    import ibis.expr.types as ir

_CHECK: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
"""Of five characters which are capitals, as a number in binary, the first the least."""
_ZEROS_BEHIND: Final = r"^([0-9]+(?:[.,'’][0-9]{3})*)[.,]0{1,2}$"
"""A whole number, perhaps in groups of three, with no more than zeros behind it: three of them would be a group."""


def identifier(text: ir.StringValue, argument: str) -> ir.StringValue:
    """The canonical form: text, empty for blanks."""
    plain = tidy(text)
    if argument == SALESFORCE:
        return _fifteen(plain)
    if argument == MAILBOX:
        return _mailbox(plain.lower())
    bare = squeezed(nfc(text)).lower()
    if "*" in argument:
        bare = _between(bare, *map(_squeezed, argument.split("*")))
    bare = bare.re_replace(_ZEROS_BEHIND, r"\1")
    letters = bare.re_replace(r"[^\p{L}\p{N}\p{M}]", "")
    if argument == GUID:
        letters = _in_one_order(letters)
    letters = _without_zeros(letters.substr(0, int(argument)) if argument.isdigit() else letters)
    if argument == DIGITS:
        digits = _without_zeros(bare.re_replace(r"[^0-9]", ""))
        letters = ibis.ifelse(digits == "", letters, digits)
    return ibis.ifelse(letters == "", plain, letters)


def _without_zeros(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace("^0+(.)", r"\1")


def _mailbox(text: ir.StringValue) -> ir.StringValue:
    bare = text.re_replace(r"^[^<>]*< ?([^<> ]+@[^<> ]+) ?>$", r"\1").re_replace("^mailto:", "")
    return bare.re_replace(r"^([^+@]+)[+][^@]*@([^@]+)$", r"\1@\2")


def _in_one_order(text: ir.StringValue) -> ir.StringValue:
    """Windows writes the first three numbers of a GUID with the last byte first: of both orders the smaller text."""
    bare = text.re_replace("^0?x([0-9a-f]{32})$", r"\1")
    turned = [bare.substr(place, 2) for place in (6, 4, 2, 0, 10, 8, 14, 12)]
    other = turned[0].concat(*turned[1:], bare.substr(16))
    return ibis.ifelse(bare.re_search("^[0-9a-f]{32}$"), ibis.least(bare, other), text)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFC", text)).lower()


def _between(text: ir.StringValue, before: str, behind: str) -> ir.StringValue:
    if "?" in before + behind:
        ends = (re.escape(end).replace(r"\?", r"[\p{L}\p{N}]") for end in (before, behind))
        return text.re_replace(rf"^{next(ends)}(.+){next(ends)}$", r"\1")
    around = len(before) + len(behind)
    fits = text.startswith(before) & text.endswith(behind) & (text.length() > around)
    return ibis.ifelse(fits, text.substr(len(before), text.length() - around), text)


def _fifteen(text: ir.StringValue) -> ir.StringValue:
    """The 15 characters of an identifier of Salesforce's; any other text as it is.

    Of 18 characters in capitals or in small letters alone, the check says which letters were capitals.
    """
    check = [ibis.literal(_CHECK).find(text.substr(place, 1).upper()) for place in (15, 16, 17)]
    bits = [(check[place // 5] // 2 ** (place % 5)) % 2 == 1 for place in range(15)]
    letters = [text.substr(place, 1) for place in range(15)]
    spelt = [ibis.ifelse(bit, one.upper(), one.lower()) for bit, one in zip(bits, letters, strict=True)]
    whole = spelt[0].concat(*spelt[1:])
    # A digit that the check calls a capital was never one.
    right = [~bit | one.re_search("[A-Z]") for bit, one in zip(bits, spelt, strict=True)]
    checked = right[0]
    for one in right[1:]:
        checked = checked & one
    kept = (text.substr(0, 15) == whole) | (text == text.upper()) | (text == text.lower())
    of_18 = text.re_search("^[0-9A-Za-z]{15}[A-Za-z0-5]{3}$")
    return ibis.ifelse(of_18 & checked & kept, whole, text)
