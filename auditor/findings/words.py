"""What the stored words are called on screens, with the configured names of the two sides.

A text that holds `{platform}` or `{truth}` is completed by `Words`. Nothing here ever holds a value of a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.findings.damage import ContactCheck, Damage
from auditor.findings.reason import Reason
from auditor.model import ContractRule, Moved, Need, PermissionFinding, Rule, Severity, Side, Status, Verdict
from auditor.settings.contract import Column, Compare, Master, Sensitivity, Writing

if TYPE_CHECKING:
    from auditor.settings.config import Names

STATUS: Final[Mapping[str, tuple[str, str]]] = {
    Status.EQUAL: ("Agrees", "Both sides say the same."),
    Status.MISSING: (
        "Not in {platform}",
        "Only {truth} knows this person. A creation plan can add them, after somebody has looked at it.",
    ),
    Status.ORPHAN: ("Only in {platform}", "{truth} does not know this person. Listed; nothing is deleted."),
    Status.STALE: (
        "Outdated in {platform}",
        "Only {truth} has changed since both sides agreed. A plan can correct {platform}.",
    ),
    Status.CONFLICTING: (
        "Needs a decision",
        "{platform} has changed, or both have, or nobody can tell. A person decides, where the mapping does not.",
    ),
    Status.DUPLICATE: (
        "Same key twice",
        "The key stands more than once on a side. Set apart: comparing them would be guessing.",
    ),
}

NEED: Final[Mapping[str, str]] = {
    Need.PERSON: "To be decided by a person",
    Need.WRITTEN: "Corrected by a plan",
    Need.TRUTH: "For the owners of {truth}",
    Need.CREATED: "Created by us without this permission",
    Need.LEFT: "Left alone",
}
"""What becomes of a differing cell; no profile is counted by these words (STATUS, FLAG)."""

MOVED: Final[Mapping[str, str]] = {
    Moved.TRUTH: "{truth} changed",
    Moved.TRUTH_BY_MOMENT: "{truth}'s row changed later",
    Moved.PLATFORM: "{platform} changed",
    Moved.OURS: "changed by us",
    Moved.BOTH: "both changed",
    Moved.UNKNOWN: "direction unknown",
}

REASON: Final[Mapping[str, tuple[str, str]]] = {
    Reason.EMPTY_ON_PLATFORM: ("Empty in {platform}", "is empty in {platform} and filled in {truth}"),
    Reason.EMPTY_IN_TRUTH: ("Empty in {truth}", "is empty in {truth} and filled in {platform}"),
    Reason.UNICODE_FORM: ("Look-alike characters", "looks the same, but holds invisible or look-alike characters"),
    Reason.WHITESPACE: ("Blanks", "differs only in blanks"),
    Reason.CASE: ("Upper or lower case", "differs only in upper and lower case"),
    Reason.ACCENTS: ("Accents", "differs only in accents"),
    Reason.PUNCTUATION: ("Punctuation", "differs only in hyphens, dots, commas or apostrophes"),
    Reason.ENCODING: ("Garbled characters", "was garbled on its way from one system to another"),
    Reason.MARKUP: ("Codes for characters", "holds codes of HTML, of addresses or of mails in the place of characters"),
    Reason.NOTATION: ("Other notation", "is the same value, written differently"),
    Reason.SEVERAL: ("Several in a cell", "holds several values in one cell"),
    Reason.SPREADSHEET: ("Made by a spreadsheet", "is what a spreadsheet has left of it"),
    Reason.LEADING_ZERO: ("Leading zero", "one side has lost or gained leading zeros"),
    Reason.TRUNCATED: ("Cut off", "one side is cut off"),
    Reason.DATE_SWAPPED: ("Day and month swapped", "has day and month swapped"),
    Reason.NUMBER_FORMAT: ("Number format", "is the same number, written differently"),
    Reason.SWAPPED: ("Swapped between profiles", "stands in another profile, which holds this one's value"),
    Reason.EXCHANGED: ("In another field", "stands in another field of the row"),
    Reason.SLIPPED: ("In another row", "stands in another profile: the column slipped or was sorted alone"),
    Reason.RELATION: ("Constant relation", "is apart from the other as nearly all of the column are"),
    Reason.TYPO: ("Typing error", "differs in a letter or two"),
    Reason.DIFFERENT: ("Different", "is different"),
}

DAMAGE: Final[Mapping[str, str]] = {
    Damage.ENCODING: "garbled, or letters lost",
    Damage.LEADING_ZERO: "zeros in front lost",
    Damage.TRUNCATED: "cut off",
    Damage.INVISIBLE: "holds characters that nobody sees",
    Damage.SPREADSHEET: "an error of a spreadsheet, or a number that a program spelt anew",
    Damage.MARKUP: "codes in the place of characters",
    Damage.SEVERAL: "several values, or one twice, in one cell",
    Damage.PROGRAM: "what a program writes in the place of a value",
    Damage.COMPUTED: "what computing leaves of a number",
    Damage.PLACEHOLDER: "stands for no value",
    Damage.EXCHANGED: "exchanged with another field of the row",
    Damage.OF_ANOTHER: "in {platform} it is somebody else's",
    Damage.DOUBTED: "a check of contacts doubts it",
}
"""What the value of the truth is recognised by as damaged."""

RULE: Final[Mapping[str, str]] = {
    Rule.MANDATORY: "Must not be empty",
    Rule.UNIQUE: "Must be unique",
    Rule.MAX_LENGTH: "Too long",
    Rule.MIN_LENGTH: "Too short",
    Rule.ALLOWED_VALUES: "Not an allowed value",
    Rule.SEGMENT: "Unknown segment",
    Rule.EMAIL: "Not an e-mail address",
    Rule.PHONE: "Not a phone number",
    Rule.LANGUAGE: "Not a language",
    Rule.COUNTRY: "Not a country",
    Rule.SEX: "Not M or F",
    Rule.TITLE: "Not a title",
    Rule.DATE: "Not a date",
    Rule.TIMESTAMP: "Not a moment",
    Rule.BOOLEAN: "Not yes or no",
    Rule.INTEGER: "Not a whole number",
    Rule.NUMBER: "Not a number",
    Rule.COORDINATES: "Not a place",
    Rule.REFERENCE: "Refers to nothing",
    ContractRule.UNREADABLE: "Cannot be read",
    ContractRule.UNTRANSLATED: "Unknown spelling",
    ContractRule.JUMP: "Sudden jump",
    # A steward's own, by the short name of the expectation: first those for contacts, then Great Expectations'.
    ContactCheck.DISPOSABLE: "Address for minutes only",
    ContactCheck.ROLE_ADDRESS: "Address of a function",
    ContactCheck.MISTYPED_DOMAIN: "Domain probably mistyped",
    ContactCheck.PLACEHOLDER: "Test or filler",
    ContactCheck.BIRTH_DATE: "Impossible birth date",
    ContactCheck.EMAIL_AS_NAME: "An e-mail address as a name",
    ContactCheck.GARBLED: "Garbled characters",
    ContactCheck.PHONE_OF_COUNTRY: "Phone of another country",
    ContactCheck.GENDER_OF_TITLE: "Gender against title",
    ContactCheck.SHARED_BY_FEW: "Shared by too many",
    "pair_permission_to_have_consent": "May be contacted without the general consent",
    "multicolumn_permission_to_be_reachable": "May be contacted without an address or a number",
    "shares_to_not_jump": "Sudden jump",
    "be_keys_of_table": "Refers to nothing",
    "be_of_kind": "Not of the right kind",
    "members_to_be_in_set": "Not one of the right values",
    "member_lengths_to_be_between": "Too long or too short",
    "be_in_set": "Not one of the right values",
    "not_be_in_set": "One of the values that must not be",
    "distinct_values_to_be_in_set": "Holds other values than the right ones",
    "distinct_values_to_contain_set": "A value is in no row",
    "distinct_values_to_equal_set": "Holds other values than the right ones",
    "most_common_value_to_be_in_set": "The commonest value is another one",
    "be_between": "Too small or too large",
    "max_to_be_between": "The largest value is too small or too large",
    "min_to_be_between": "The smallest value is too small or too large",
    "mean_to_be_between": "The mean is too small or too large",
    "median_to_be_between": "The median is too small or too large",
    "sum_to_be_between": "The sum is too small or too large",
    "stdev_to_be_between": "Spread too little or too far",
    "quantile_values_to_be_between": "Spread otherwise than it should be",
    "kl_divergence_to_be_less_than": "Spread otherwise than it should be",
    "value_z_scores_to_be_less_than": "Far from all others",
    "not_be_outliers": "Far from all others",
    "proportion_of_non_null_values_to_be_between": "Too many or too few cells are filled",
    "proportion_of_unique_values_to_be_between": "Too many or too few different values",
    "unique_value_count_to_be_between": "Too many or too few different values",
    "value_lengths_to_be_between": "Too long or too short",
    "value_lengths_to_equal": "Too long or too short",
    "not_be_null": "Empty",
    "be_null": "Must be empty",
    "be_unique": "Must be unique",
    "compound_columns_to_be_unique": "Must be unique together",
    "select_column_values_to_be_unique_within_record": "The same value in several fields",
    "match_regex": "Not of the right form",
    "match_regex_list": "Not of the right form",
    "match_like_pattern": "Not of the right form",
    "match_like_pattern_list": "Not of the right form",
    "not_match_regex": "Of a form that must not be",
    "not_match_regex_list": "Of a form that must not be",
    "not_match_like_pattern": "Of a form that must not be",
    "not_match_like_pattern_list": "Of a form that must not be",
    "match_strftime_format": "Not of the right form",
    "match_json_schema": "Not of the right form",
    "be_json_parseable": "Not of the right form",
    "be_dateutil_parseable": "Not a date",
    "be_decreasing": "Not in descending order",
    "be_increasing": "Not in ascending order",
    "be_of_type": "Not of the right type",
    "be_in_type_list": "Not of the right type",
    "type_to_be": "Not of the right type",
    "exist": "The field is missing",
    "pair_values_a_to_be_greater_than_b": "The first is not greater than the second",
    "pair_values_to_be_equal": "The two are not equal",
    "pair_values_to_be_in_set": "The two do not go together",
    "multicolumn_sum_to_equal": "The sum is not right",
    "multicolumn_values_to_be_equal": "They are not all equal",
    "table_row_count_to_be_between": "Too many or too few rows",
    "table_row_count_to_equal": "Too many or too few rows",
    "table_row_count_to_equal_other_table": "Too many or too few rows",
    "table_column_count_to_be_between": "Too many or too few fields",
    "table_column_count_to_equal": "Too many or too few fields",
    "table_columns_to_match_ordered_list": "Not the right fields",
    "table_columns_to_match_set": "Not the right fields",
    "unexpected_rows_expectation": "Found by a query of the suite",
    "query_results_to_match_comparison": "Found by a query of the suite",
}
"""What is wrong; what is right stands beside it, in `violations.detail`."""

SEVERITY: Final[Mapping[str, str]] = {
    Severity.ERROR: "Error",
    Severity.WARNING: "Warning",
    Severity.INFO: "Note",
    Severity.TOLERATED: "Within the threshold",
}

FINDING: Final[Mapping[str, tuple[str, str]]] = {
    PermissionFinding.OPTED_OUT_IN_TRUTH: (
        "May be contacted in {platform}, not in {truth}",
        "May be contacted against their will: {truth} says no, {platform} would still send.",
    ),
    PermissionFinding.AGAINST_CONSENT: (
        "May be contacted against the general consent",
        "May be contacted against their will: {platform} has this permission, though the general consent that stands "
        "over it is withdrawn. A subscription alone is no consent.",
    ),
    PermissionFinding.CONTACTABLE_AGAIN: (
        "May be contacted again after an opt-out",
        "An earlier run saw the opt-out, and nobody decided that it should count no more.",
    ),
    PermissionFinding.OPTED_OUT_ON_PLATFORM: (
        "May be contacted in {truth}, not in {platform}",
        "{truth} has not heard of the opt-out. {platform} is right until a person with evidence says otherwise.",
    ),
    PermissionFinding.WITHOUT_EVIDENCE: (
        "May be contacted without evidence",
        "The permission is given, but {truth} does not say when it was given, or does not know the person.",
    ),
    PermissionFinding.WITHOUT_CONTACT: (
        "May be contacted, without an address or a number",
        "The permission is given, but {platform} has no e-mail address and no phone number to contact this person.",
    ),
    PermissionFinding.UNSUBSCRIBED_IN_CAMPAIGN: (
        "May be contacted after an opt-out in a campaign",
        "May be contacted against their will: the person opted out in a campaign since this permission was given, and "
        "the profile shows no opt-out.",
    ),
    PermissionFinding.COMPLAINED: (
        "May be contacted after a complaint",
        "May be contacted against their will: the person complained about a message since this permission was given.",
    ),
}
"""The gravest first, and last what activities tell."""
FROM_ACTIVITIES: Final = (PermissionFinding.UNSUBSCRIBED_IN_CAMPAIGN, PermissionFinding.COMPLAINED)
"""The findings that nobody can make who knows no activities."""

AGAINST_THEIR_WILL: Final = (
    PermissionFinding.OPTED_OUT_IN_TRUTH,
    PermissionFinding.AGAINST_CONSENT,
    PermissionFinding.CONTACTABLE_AGAIN,
    *FROM_ACTIVITIES,
)
"""The findings by which somebody may be contacted who has said no."""

FLAG: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("Sent, not yet in an export", "Corrected already; the next export will show it."),
    "waiting": (
        "Waiting for the next synchronisation",
        "So recent that the ordinary synchronisation may still bring it. Not a finding yet.",
    ),
    "created": (
        "Created by us, permission to be decided",
        "We created this person without a permission that {truth} says they have. A person decides, with evidence.",
    ),
    "undone": (
        "Written once and taken back",
        "A plan corrected it, and an undo took that back. Not proposed again until one of both sides changes, or a "
        "person decides for it anew, in its row of the worklist.",
    ),
    "gone": ("Deleted in {platform} earlier", "An earlier run saw this person. Never created again by itself."),
    "again": ("Makes reachable again", "What {platform} has bounced for good; {truth} has another address or number."),
    "blocked": ("{platform} would refuse it", "The value of {truth} breaks a rule of the table and is not sent."),
}

COMPARE: Final[Mapping[str, str]] = {
    Compare.EXACT: "character by character",
    Compare.TEXT: "as text; blanks at the ends and doubled blanks ignored",
    Compare.NAME: "as a name; upper and lower case, accents and extra blanks ignored",
    Compare.EMAIL: "as an e-mail address",
    Compare.PHONE: "as a phone number, in international form",
    Compare.NUMBER: "as a number, however it is written",
    Compare.DATE: "as a date",
    Compare.TIMESTAMP: "as a moment",
    Compare.BOOLEAN: "as yes or no, however it is spelt",
    Compare.CODE: "as a code; upper and lower case ignored",
    Compare.SET: "as a list, in any order",
    Compare.IDENTIFIER: "by letters and digits alone; case, blanks, punctuation and zeros before it ignored",
}

MASTER: Final[Mapping[str, str]] = {
    Master.TRUTH: "{truth}",
    Master.PLATFORM: "{platform}",
    Master.BOTH: "whoever changed it; a person, where both did",
}

WRITTEN: Final[Mapping[str, str]] = {
    Writing.ALWAYS: "",
    Writing.ONLY_IF_EMPTY: "; written only where empty",
    Writing.NEVER: "; never written",
}

SENSITIVITY: Final[Mapping[str, str]] = {
    Sensitivity.PUBLIC: "not personal",
    Sensitivity.PERSONAL: "personal",
    Sensitivity.SPECIAL: "specially protected",
}

AS_OF_FROM: Final[Mapping[str, str]] = {
    "name": "from the file's name",
    "update_moment": "the latest change in it",
    "file_time": "the file's own time",
    "snapshot": "the database's clock",
}

VERDICT: Final[Mapping[str, str]] = {
    Verdict.CLEAN: "No differences found",
    Verdict.FINDINGS: "Findings",
    Verdict.INCOMPLETE: "Not fully checked",
}


def percent(score: float) -> str:
    """A probability from 0 to 1 as whole per cent, rounded down: nothing that is not certain is called so."""
    return f"{int(score * 100)}%"


def share(part: float) -> str:
    """A share from 0 to 1 in per cent, never "0 %" or "100 %" of what is not nothing or all."""
    if 0 < part < 0.001:
        return "under 0.1 %"
    if 0.999 < part < 1:
        return "over 99.9 %"
    return f"{part * 100:.1f} %".replace(".0 %", " %")


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one pair of side names."""

    platform: str
    truth: str

    @classmethod
    def of(cls, names: Names) -> Words:
        """The words for the configured names."""
        return cls(names.platform, names.truth)

    def fill(self, text: str) -> str:
        return text.replace("{platform}", self.platform).replace("{truth}", self.truth)

    def side(self, side: Side | str) -> str:
        return self.platform if side == Side.PLATFORM else self.truth

    def labels(self, words: Mapping[str, tuple[str, str]] | Mapping[str, str]) -> dict[str, str]:
        """Stored word → its short name on screens, in the order of `words`."""
        return {str(code): self.fill(text if isinstance(text, str) else text[0]) for code, text in words.items()}

    def cause(self, column: str, reason: str) -> str:
        """A cause in the plainest sentence: nothing but the column and the reason."""
        return f"{column} {self.fill(REASON[reason][1])}"

    def compare(self, column: Column) -> str:
        """How a column is compared, in words: the rule and everything that widens it."""
        parts = [COMPARE[column.compare]]
        if column.argument:
            means = {
                Compare.PHONE: "numbers without a country are taken as",
                Compare.SET: "divided by",
                Compare.NUMBER: "in",
            }
            parts.append(f"{means.get(column.compare, 'what counts is')} {column.argument}")
        if column.tolerance is not None:
            parts.append(f"up to {column.distance} apart counts as equal")
        if column.values:
            parts.append(f"{len(column.values)} spellings of {self.truth} are translated first")
        if column.empty_is_value:
            parts.append("an empty text is a value of its own")
        return "; ".join(parts)
