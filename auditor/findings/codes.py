"""What a run tells beside its findings, as codes with parameters: facts that hold in any language.

What they say is made of them in `findings.sentences`, when somebody reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from auditor.model import Side

Parameters = Mapping[str, Any]
"""Names and JSON values of a code; never values of profiles. `sentence` stands alone there: what a version that stored
sentences said."""


class Code(StrEnum):
    """All that can be told. Stored: a member stays as long as run folders that hold it may be read."""

    AS_TOLD = "as_told"
    """Said by a version that stored the sentence and no code."""

    # Not checked
    NULL_KEY = "null_key"
    REJECTED_ROWS = "rejected_rows"
    LINES_DO_NOT_CLOSE = "lines_do_not_close"
    CUT_OFF = "cut_off"
    BELOW_COUNT = "below_count"
    COUNT_ENDED = "count_ended"
    """`said`: of the operation that counts, as errors word it."""
    NOT_EVALUATED = "not_evaluated"
    ACTIVITIES_UNREAD = "activities_unread"
    """`said`: what is wrong with the file or the place, as errors word it."""
    ACTIVITIES_OF_OTHER_KINDS = "activities_of_other_kinds"
    ACTIVITIES_OF_ANOTHER_TABLE = "activities_of_another_table"
    NO_ROWS = "no_rows"
    NO_COLUMN_COMPARED = "no_column_compared"
    NO_ROW_COMPARED = "no_row_compared"

    # Notices
    NOT_COUNTED = "not_counted"
    OPERATIONS_END = "operations_end"
    """`generation`, `operations`: of the platform's API, that this run used; `ends`: a day, or None where not said."""
    SHRANK = "shrank"
    NO_JUMPS_SOUGHT = "no_jumps_sought"
    NEARLY_MATCHED = "nearly_matched"
    KEYS_RELATED = "keys_related"
    """`keys` of the missing, which are so many, would match by other `rules` of the key's columns; `collide`: keys of
    each side that would be one with another."""
    RULES_SUGGESTED = "rules_suggested"
    """`equal` of the `differences` would be so by the `rules`, each with its `column` and how many it makes `equal`."""
    RULE_READS_NOTHING = "rule_reads_nothing"
    """By `rule`, none of the `cells` of a `column` that were looked at is anything but text."""
    WORDS_FOR_NOTHING = "words_for_nothing"
    """So many differing `cells` of a `side`, of these `columns`, hold nothing but such `words` as NULL."""
    KEY_SPELT_OTHERWISE = "key_spelt_otherwise"
    MATCHED_BY_FALLBACK = "matched_by_fallback"
    MATCHES_SEVERAL = "matches_several"
    OTHER_KEYS = "other_keys"
    TABLE_ANEW = "table_anew"
    STATE_DAMAGED = "state_damaged"
    STATE_OF_ANOTHER = "state_of_another"
    BASE_LOST = "base_lost"
    PERMISSIONS_LOST = "permissions_lost"
    SEEN_LOST = "seen_lost"
    NAMES_LOST = "names_lost"
    STRUCTURE_LOST = "structure_lost"
    ONLY_ON_ONE_SIDE = "only_on_one_side"
    NAMES_OFFERED = "names_offered"
    """`pairs`: columns of the platform and of the truth whose names are almost the same, and that were not compared."""
    NAMES_PAIRED = "names_paired"
    OVERWRITTEN = "overwritten"
    """`cells` that a file of `plan` overwrote after somebody had edited them, `shown` by an export of that moment."""
    EDITED_SINCE = "edited_since"
    ASTRAY = "astray"
    """`cells` that a file of `plan` wrote to other profiles, which had the keys by the time it was imported."""
    STRUCTURE_CHANGED = "structure_changed"
    """`said`: a change of the structure, and what it means, as they are stored."""

    # Why somebody cannot be reached; `profiles` of one `channel`
    REACHABLE_AGAIN = "reachable_again"
    COMPLAINED = "complained"
    UNSUBSCRIBED_IN_CAMPAIGN = "unsubscribed_in_campaign"
    HARD_BOUNCED = "hard_bounced"
    SOFT_BOUNCED = "soft_bounced"
    NOT_SENT = "not_sent"
    ACTIVITIES_OF_NOBODY = "activities_of_nobody"
    NO_NEW_ACTIVITIES = "no_new_activities"
    """`said`: of the place, as errors word it; `last`: the day of the newest that is known."""
    ACTIVITIES_OF_OTHERS = "activities_of_others"
    ACTIVITIES_TAKEN_BACK = "activities_taken_back"
    ACTIVITIES_LOST = "activities_lost"

    # Why an expectation could not be evaluated
    COLUMNS_UNMAPPED = "columns_unmapped"
    KEYS_UNKNOWN = "keys_unknown"
    KEYS_WITHOUT_COLUMN = "keys_without_column"
    KEYS_NOT_THERE = "keys_not_there"
    KEYS_UNREADABLE = "keys_unreadable"
    KEYS_EMPTY = "keys_empty"
    QUERY_WITHOUT_BATCH = "query_without_batch"
    SETTINGS_WRONG = "settings_wrong"
    """`said`: by Great Expectations of each, in its own words."""
    NOT_MADE = "not_made"
    """`said`: by Great Expectations, in its own words."""
    ENDED_WITH = "ended_with"
    """`exceptions`: the names of their classes."""
    NO_RESULT = "no_result"
    EMPTY_RESULT = "empty_result"
    NOTHING_OBSERVED = "nothing_observed"
    NOT_ALL_JUDGED = "not_all_judged"
    NO_FAILING_COUNTED = "no_failing_counted"
    FAILED_NOWHERE = "failed_nowhere"
    NOT_SELECTED = "not_selected"
    OTHERS_SELECTED = "others_selected"
    TOO_FEW_ROWS = "too_few_rows"
    NO_EARLIER_RUN = "no_earlier_run"

    # What reading a file came to, `line` and `column` as numbers from 1
    ENCODING_RECOGNISED = "encoding_recognised"
    SEPARATOR_RECOGNISED = "separator_recognised"
    SEPARATOR_NAMED = "separator_named"
    QUOTE_RECOGNISED = "quote_recognised"
    ESCAPE_RECOGNISED = "escape_recognised"
    BYTE_ORDER_MARK = "byte_order_mark"
    NO_LAST_LINE_END = "no_last_line_end"
    LINE_ENDS_DOUBLED = "line_ends_doubled"
    LINES_ABOVE_NAMES = "lines_above_names"
    """`names`: the line, or the row of a sheet, in which they stand."""
    LINE_BELOW_NAMES = "line_below_names"
    NAMES_AGAIN = "names_again"
    """`lines`: some of those that are no rows, and how many `more`."""
    LINES_BELOW_ROWS = "lines_below_rows"
    """`first`: the line, or the row of a sheet, in which they begin."""
    SEPARATOR_ENDS_LINES = "separator_ends_lines"
    OF_A_FILE = "of_a_file"
    """`told` of the `file`, as a notice is stored."""
    EMPTY_LINES = "empty_lines"
    EMPTY_ROWS = "empty_rows"
    ROW_BEFORE_NAMES = "row_before_names"
    COLUMN_WITHOUT_NAME = "column_without_name"
    COLUMN_WITH_NUL = "column_with_nul"
    LONG_NUMBERS = "long_numbers"
    HIDDEN_ROWS = "hidden_rows"
    MERGED_CELLS = "merged_cells"
    ROWS_OF_A_LIST = "rows_of_a_list"
    """`cells`: the first of those that are one over several rows, and how many `more`."""

    # Why a row cannot be read
    QUOTE_NOT_CLOSED = "quote_not_closed"
    TEXT_AFTER_QUOTE = "text_after_quote"
    OTHER_CELLS = "other_cells"
    CELL_OF_MANY_LINES = "cell_of_many_lines"
    ROW_TOO_LONG = "row_too_long"
    LINE_TOO_LONG = "line_too_long"
    NOT_IN_ENCODING = "not_in_encoding"
    NO_UTF8 = "no_utf8"
    HALF_A_PAIR = "half_a_pair"
    """A character of JSON that is half of a pair of surrogates."""
    NO_JSON = "no_json"
    NO_JSON_OBJECT = "no_json_object"
    NAME_TWICE = "name_twice"
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    FORMULA_NOT_WORKED_OUT = "formula_not_worked_out"
    CELL_ERROR = "cell_error"
    MORE_CELLS_THAN_NAMES = "more_cells_than_names"
    NOBODY_NAMED = "nobody_named"
    HAPPENED_UNCLEAR = "happened_unclear"
    CHANNEL_UNCLEAR = "channel_unclear"
    BOUNCE_UNCLEAR = "bounce_unclear"
    MOMENT_UNREAD = "moment_unread"
    MOMENT_TO_COME = "moment_to_come"

    # Why two rows are probably one person
    ALIKE = "alike"
    """`same`, `similar`, `different`: columns, and `key`; `exchanged`: the names that stand in each other's place."""

    # Why the writes of a plan travel as they do, and why it needs a look
    ROUTE = "route"
    """`calls`: of all that goes one by one or by file, which take `minutes`; plans of before counted three a write.
    `kept_single`: the globs of fields that start scenarios, where that was weighed."""
    ROUTE_OF_UNDO = "route_of_undo"
    """`calls`, `minutes` and `pace` as of a route; undos of before do not say."""
    IRREVOCABLE = "irrevocable"
    """`deleted`, `withdrawn`, `created`: how many profiles a plan does that to."""
    MUCH_CHANGED = "much_changed"
    MUCH_DAMAGED = "much_damaged"
    """`cells` of a `column` look damaged in the truth, as findings.damage says; `written`: those the plan writes."""

    # Changes of the structure; `column` is the attribute, `subscriptions#NAME` or `segmentations#NAME`
    TABLE_REPLACED = "table_replaced"
    API_CHANGED = "api_changed"
    ATTRIBUTE_ADDED = "attribute_added"
    ATTRIBUTE_GONE = "attribute_gone"
    TYPE_CHANGED = "type_changed"
    LENGTH_CHANGED = "length_changed"
    ALLOWED_VALUES_CHANGED = "allowed_values_changed"
    MANDATORY_CHANGED = "mandatory_changed"
    UNIQUE_CHANGED = "unique_changed"
    MULTI_VALUED_CHANGED = "multi_valued_changed"
    SUBSCRIPTION_ADDED = "subscription_added"
    SUBSCRIPTION_GONE = "subscription_gone"
    SEGMENTATION_ADDED = "segmentation_added"
    SEGMENTATION_GONE = "segmentation_gone"
    SEGMENTATION_CHANGED = "segmentation_changed"
    SEGMENTS_CHANGED = "segments_changed"

    # What a change of the structure means
    LESS_IS_CHECKED = "less_is_checked"
    AGREED_NO_MORE = "agreed_no_more"
    COMPARED_FROM_NOW_ON = "compared_from_now_on"
    NO_CREATION_WITHOUT = "no_creation_without"
    NOT_COMPARED = "not_compared"
    NOT_CONCERNED = "not_concerned"
    NO_AUDIT_POSSIBLE = "no_audit_possible"
    KEY_MUST_BE_UNIQUE = "key_must_be_unique"
    COMPARED_BY_NEW_TYPE = "compared_by_new_type"
    CREATED_WHERE_FILLED = "created_where_filled"
    STILL_FITS = "still_fits"
    MAY_BE_INVALID = "may_be_invalid"
    MAY_BE_FINE = "may_be_fine"
    SYNCHRONISATIONS_UNREAD = "synchronisations_unread"
    SYNCHRONISATION_UNTOLD = "synchronisation_untold"
    SYNCHRONISATION_FAILS = "synchronisation_fails"
    SYNCHRONISATION_REFUSED = "synchronisation_refused"
    SYNCHRONISATION_GOES_ON = "synchronisation_goes_on"
    SYNCHRONISATION_CREATES_NONE = "synchronisation_creates_none"
    NOT_SYNCHRONISED = "not_synchronised"


class InCommon(StrEnum):
    """What many profiles of one cause may have in common. Stored, as `Code` is."""

    CHANGED = "changed"
    """`side`, `first`, `last`: the row of that side changed between two moments, ISO 8601 on the contract's clock."""
    COLUMN = "column"
    """`column`, `value`: one value of another column on the platform."""
    SOURCE = "source"
    """`column`, `value`: what the truth names as the source of a permission."""
    VALUE = "value"
    """`side`, `value`: one value of the cause's own column on that side."""
    DOMAIN = "domain"
    """`value`: of an e-mail address."""
    PREFIX = "prefix"
    """`size`, `value`: the first characters, and how many."""
    LENGTH = "length"
    """`value`: in characters."""


@dataclass(frozen=True, slots=True)
class Shared:
    """One thing that profiles of a cause have in common. A `value` that must not be named is left out."""

    code: InCommon
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Cause:
    """Differences that have one reason and one pattern, in numbers."""

    column: str
    reason: str
    pattern: str
    profiles: int
    shared: tuple[Shared, ...] = ()
    """What most of its profiles have in common, at once; empty: nothing that others do not have as well."""
    share: float | None = None
    """Of its profiles that have it, from 0 to 1."""
    elsewhere: float | None = None
    """Of the other profiles whose column is filled."""
    lift: float | None = None
    """How many times as frequent the cause is there as elsewhere; None: it is nowhere else."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that whoever reads a finding should know, and that is none itself."""

    code: Code
    parameters: Parameters = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.code, json.dumps(self.parameters, sort_keys=True)))

    def content(self) -> dict[str, Any]:
        """Gives what is stored of it."""
        return {"code": self.code.value, "parameters": dict(self.parameters)}


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Something in scope that could not be checked. It is never a pass: the verdict becomes `incomplete`."""

    code: Code
    side: Side | None = None
    rows: int = 0
    blocks_plan: bool = False
    """True where a plan made on this audit could do harm, for example when lost rows look like missing people."""
    parameters: Parameters = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Gives what is stored of it; which codes block plans stands beside that in `run.json`."""
        return {
            "code": self.code.value,
            "side": self.side.value if self.side else None,
            "rows": self.rows,
            "parameters": dict(self.parameters),
        }


def shared_text(shared: Iterable[Shared]) -> str:
    """Spells what is shared as `causes.parquet` stores it."""
    content = [{"code": one.code.value, "parameters": dict(one.parameters)} for one in shared]
    return json.dumps(content, ensure_ascii=False)


def read_shared(text: str | None) -> tuple[Shared, ...]:
    return tuple(Shared(InCommon(one["code"]), one["parameters"]) for one in json.loads(text or "[]"))


def told_text(told: Notice) -> str:
    """Spells a notice as a cell of a table stores it."""
    return json.dumps(told.content(), ensure_ascii=False)


def read_told(text: str) -> Notice:
    """A cell of a table; any other text is the sentence of a version that stored those."""
    return read_notice(json.loads(text) if text.startswith('{"code": ') else text)


def read_notice(stored: Mapping[str, Any] | str) -> Notice:
    """A notice of `run.json`; a text is one of a version that stored sentences."""
    if isinstance(stored, str):
        return Notice(Code.AS_TOLD, {"sentence": stored})
    return Notice(Code(stored["code"]), stored["parameters"])


def read_not_checked(stored: Mapping[str, Any], *, blocks_plan: bool) -> NotChecked:
    """What `run.json` says was not checked; a sentence beside the code is what a version that stored them said."""
    said = {"sentence": stored["sentence"]} if "sentence" in stored else {}
    return NotChecked(
        code=Code(stored["code"]),
        side=Side(stored["side"]) if stored["side"] else None,
        rows=stored["rows"],
        blocks_plan=blocks_plan,
        parameters=stored.get("parameters", said),
    )
