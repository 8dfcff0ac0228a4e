"""Why two values of a profile differ, as it stands in `differences.reason` and `causes.reason`."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The first, in this order, that explains all of the difference.

    Those behind `TRUNCATED` but the last two are seen in the column or the row: two values alone do not tell them.
    """

    EMPTY_ON_PLATFORM = "empty_on_platform"
    EMPTY_IN_TRUTH = "empty_in_truth"
    UNICODE_FORM = "unicode_form"
    WHITESPACE = "whitespace"
    CASE = "case"
    ACCENTS = "accents"
    NUMBER_FORMAT = "number_format"
    PUNCTUATION = "punctuation"
    ENCODING = "encoding"
    LEADING_ZERO = "leading_zero"
    MARKUP = "markup"
    """Codes of HTML, of addresses or of mails in the place of characters."""
    NOTATION = "notation"
    """The same value in another notation: a day, a moment, yes or no, a telephone number, words in another order."""
    SEVERAL = "several"
    """One side holds several addresses or numbers in the cell, and the other's is among them."""
    SPREADSHEET = "spreadsheet"
    """One side holds what a spreadsheet made of the value: an error, or a number that lost its last digits."""
    TRUNCATED = "truncated"
    DATE_SWAPPED = "date_swapped"
    EXCHANGED = "exchanged"
    """It stands in another field of the same row."""
    SWAPPED = "swapped"
    """Two profiles carry each other's value."""
    SLIPPED = "slipped"
    """It stands in another row: the column slipped, or was sorted without the others."""
    RELATION = "relation"
    """Nearly all values of the column are this far apart: a day, two hours, a factor; or each stands for one."""
    TYPO = "typo"
    DIFFERENT = "different"
