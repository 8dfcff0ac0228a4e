"""Notices in English: a sentence for each code, made of its parameters and the names of the two sides.

What is said of `NotChecked` gets its `side` and `rows` with its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from auditor.findings.codes import Code
from auditor.findings.english.column_sentences import COLUMNS, in_shell
from auditor.findings.english.landing_sentences import LANDING
from auditor.findings.english.numbers import counted
from auditor.findings.english.plan_sentences import PLANS
from auditor.findings.english.problem_sentences import PROBLEMS
from auditor.findings.english.structure_sentences import CHANGES
from auditor.findings.english.suggestion_sentences import rule_reads_nothing, rules_suggested, words_for_nothing
from auditor.findings.moments import moment
from auditor.findings.words import Words


def _null_key(say: Words, *, side: str, rows: int) -> str:
    return f"{counted(rows, 'row has', 'rows have')} no key in {say.side(side)} and could not be compared"


def _no_rows(say: Words, *, side: str, rows: int) -> str:
    return f"{say.side(side)} holds no row: has it been exported completely? Nobody was compared"


def _rejected_rows(
    say: Words, *, side: str, rows: int, file: str, place: str, line: int, reason: Mapping[str, Any] | str
) -> str:
    why = reason if isinstance(reason, str) else LANDING[Code(reason["code"])](say, **reason["parameters"])
    return f"{counted(rows, 'row')} of {file} could not be read, the first in {place} {line:,}: {why}"


def _lines_do_not_close(say: Words, *, side: str, rows: int, file: str, line: int | None) -> str:
    where = f", first at line {line:,}" if line is not None else ""
    return (
        f"it is not certain which lines of {file} belong together{where}: "
        "rows may hide there, so nothing is planned on this audit"
    )


def _cut_off(say: Words, *, side: str, rows: int, file: str, line: int, footer: int = 1) -> str:
    return (
        f"{file} is cut off in line {line:,}: rows below it may be lost, so nothing is planned on this audit; "
        f"export or transfer it again, or declare footer={footer} if that line is no row"
    )


def _of_a_file(say: Words, *, file: str, told: Mapping[str, Any]) -> str:
    return f"{file}: {LANDING[Code(told['code'])](say, **told['parameters'])}"


def _below_count(say: Words, *, side: str, rows: int, exported: int, count: int) -> str:
    return (
        f"the export holds {exported:,} profiles, {say.platform} counts {count:,}: it is cut off, filtered or old, "
        "and whoever is not in it would look missing"
    )


def _not_evaluated(
    say: Words, *, side: str, rows: int, expectation: str, columns: Sequence[str], problem: Mapping[str, Any]
) -> str:
    about = f" of {', '.join(columns)}" if columns else ""
    return f"in {say.side(side)}, the expectation {expectation}{about} could not be evaluated: {_why(say, problem)}"


def _shrank(say: Words, *, side: str, before: int, rows: int) -> str:
    return f"{say.side(side)} shrank from {before:,} to {rows:,} rows since the last run"


def _no_jumps_sought(say: Words, *, sides: Sequence[str], reason: Mapping[str, Any]) -> str:
    return f"sudden jumps were not looked for in {' and '.join(map(say.side, sides))}: {_why(say, reason)}"


def _why(say: Words, problem: Mapping[str, Any]) -> str:
    return PROBLEMS[Code(problem["code"])](say, **problem["parameters"])


def _nearly_matched(say: Words, *, profiles: int, keys: Sequence[Sequence[str]]) -> str:
    verb = "is" if profiles == 1 else "are"
    return (
        f"{counted(profiles, 'profile')} that only {say.truth} has {verb} in {say.platform} "
        "under a key that differs by nothing but case, blanks, Unicode form or leading zeros: another comparison rule "
        f"for {' or '.join(' and '.join(key) for key in keys)} would match them"
    )


_RULES: Final = {
    "text": "but for blanks",
    "code": "but for case and blanks",
    "number": "as a number, as 1001.0 and 01001 are 1001",
    "email": "as an e-mail address",
    "name": "but for case, blanks and accents",
    "identifier": "but for case, blanks, punctuation, zeros before and .0 behind",
    "identifier:salesforce": "as Salesforce's, of 15 or 18 characters",
    "identifier:digits": "by its digits, without letters",
    "identifier:mailbox": "as mailboxes, without what stands around them and behind a + (elsewhere another mailbox)",
    "identifier:guid": "as a GUID, in either order of its bytes and with 0x or without",
}
"""How keys are compared by a rule that is proposed; any other is an identifier without what stands around it."""


def _keys_related(
    say: Words, *, rules: Mapping[str, str], keys: int, of: int, collide: Mapping[str, int], doubtful: bool = False
) -> str:
    how = " and ".join(f"{name} were compared {_compared(rule)}" for name, rule in rules.items())
    which = f"all {of:,}" if keys == of else f"{keys:,} of {of:,}"
    said = f"{which} profiles that only {say.truth} has would match one that only {say.platform} has if {how}"
    if any(collide.values()):
        sides = " and ".join(
            f"{counted(number, 'key')} of {say.side(side)}" for side, number in collide.items() if number
        )
        return f"{said}; that is no rule for them, since {sides} would be one with another"
    if doubtful:
        return f"{said}; they agree in other columns no more often than any two profiles, and may be different people"
    options = " ".join(f"--rule {in_shell(f'{name}={rule}')}" for name, rule in rules.items())
    contract = " and ".join(f'compare = "{rule}" of {name}' for name, rule in rules.items())
    return f"{said}: {options} matches them, in a contract {contract}"


_AN_IDENTIFIER: Final = "identifier:"


def _compared(rule: str) -> str:
    part = rule.removeprefix(_AN_IDENTIFIER)
    if rule in _RULES:
        return _RULES[rule]
    name, _, argument = rule.partition(":")
    if name == "phone":
        return f"as telephone numbers of {argument}"
    if name == "set":
        return f"by their parts between {argument}, in any order"
    if part.isdecimal():
        return f"by its first {part} letters and digits"
    return f"without what stands around it in {part}{' (? is any letter or digit)' if '?' in part else ''}"


def _key_spelt_otherwise(say: Words, *, profiles: int, key: Sequence[str]) -> str:
    return (
        f"{counted(profiles, 'profile is', 'profiles are')} matched by {' and '.join(key)}, "
        f"though {say.platform} and {say.truth} spell it differently"
    )


def _matched_by_fallback(say: Words, *, profiles: int, key: Sequence[str], by: str, spelt_alike: bool) -> str:
    verb = "is" if profiles == 1 else "are"
    said = f"{counted(profiles, 'profile')} without {' and '.join(key)} on a side {verb} matched by {by}"
    return said if spelt_alike else f"{said}, though {say.platform} and {say.truth} spell it differently"


def _matches_several(say: Words, *, profiles: int, key: Sequence[str], by: str) -> str:
    fits = "fits" if profiles == 1 else "fit"
    return f"{profiles:,} {by} {fits} several profiles, one of which has no {' and '.join(key)}: not compared"


def _other_keys(say: Words, *, profiles: int) -> str:
    return (
        f"{counted(profiles, 'profile has', 'profiles have')} another key in {say.platform} than in an earlier run "
        "(same profileId): what is known of them, opt-outs among it, is carried over by "
        "auditor rekey --map old-new.csv"
    )


def _activities_unread(say: Words, *, side: str, rows: int, file: str, said: str) -> str:
    return f"no activities were read of {file}: {said}"


def _activities_of_other_kinds(say: Words, *, side: str, rows: int, location: str, files: int) -> str:
    return (
        f"{counted(files, 'file')} of {location} told of no bounce, complaint, opt-out in a campaign or message not "
        "sent: are these the right exports?"
    )


def _activities_of_another_table(say: Words, *, side: str, rows: int, file: str) -> str:
    return (
        f"{counted(rows, 'row')} of {file}, most of those that tell it, have an e-mail address that the profile that "
        "they name never had: is it an export of another table? None of its rows was used"
    )


def _by(channel: str) -> str:
    return {"email": "by e-mail", "sms": "by SMS"}[channel]


def _reachable_again(say: Words, *, profiles: int) -> str:
    return (
        f"{counted(profiles, 'profile has', 'profiles have')} an address or number that bounced for good, and "
        f"{say.truth} has another one: these corrections come first, for they make people reachable again"
    )


def _complained(say: Words, *, profiles: int, channel: str) -> str:
    return (
        f"{counted(profiles, 'person has', 'people have')} complained about a message {_by(channel)}: {say.platform} "
        "keeps them on the blacklist of this licence, which no profile shows"
    )


def _unsubscribed_in_campaign(say: Words, *, profiles: int, channel: str) -> str:
    return (
        f"{counted(profiles, 'person has', 'people have')} opted out in a campaign {_by(channel)}; {say.platform} "
        "itself writes that into the profile, and where it does not show there it is a finding"
    )


def _hard_bounced(say: Words, *, profiles: int, channel: str) -> str:
    return (
        f"messages {_by(channel)} to {counted(profiles, 'profile')} bounced for good: {say.platform} puts such "
        "addresses into long-term quarantine, which all its customers share; only a correction makes them reachable"
    )


def _soft_bounced(say: Words, *, profiles: int, channel: str) -> str:
    return (
        f"messages {_by(channel)} to {counted(profiles, 'profile')} bounced for the time being, the last not longer "
        f"ago than 16 weeks: {say.platform} may keep them in quarantine for 1, 2, 4, 8 or 16 weeks, the longer the "
        "more often it happens; all its customers share it"
    )


def _not_sent(say: Words, *, profiles: int, channel: str, reason: str | None) -> str:
    why = {"quarantined": ", for the address was in quarantine", "blacklisted": ", for it was on the blacklist"}
    return (
        f"to {counted(profiles, 'profile')} a message {_by(channel)} was not sent{why.get(reason or '', '')} within "
        "the last 16 weeks"
    )


def _activities_of_nobody(say: Words, *, activities: int) -> str:
    return f"{counted(activities, 'activity is', 'activities are')} of people who are not in the export: left aside"


def _no_new_activities(say: Words, *, said: str, last: str) -> str:
    return f"nothing new of activities: {said}; the newest that is known is of {last}"


def _activities_of_others(say: Words, *, activities: int) -> str:
    return (
        f"{counted(activities, 'activity has', 'activities have')} an e-mail address that the profile they name never "
        "had: left aside"
    )


def _activities_taken_back(say: Words, *, activities: int) -> str:
    return f"{counted(activities, 'activity', 'activities')} of earlier runs taken back, as [exports] taken_back asks"


def _count_ended(say: Words, *, side: str, rows: int, said: str) -> str:
    return f"whether the export holds all profiles: {said}"


def _not_counted(say: Words) -> str:
    return f"{say.platform} does not say how many profiles it has: whether the export holds all was not checked"


def _operations_end(say: Words, *, generation: str, operations: Sequence[str], ends: str | None) -> str:
    when = f"on {ends}" if ends else "at a time that it does not say"
    return (
        f"{say.platform} announces that it will end {', '.join(operations)} in {generation} {when}: "
        "auditor doctor tells which generation this licence answers"
    )


def _structure_changed(say: Words, *, run: str, said: Sequence[Mapping[str, Any]]) -> str:
    sentences = (CHANGES[Code(one["code"])](say, **one["parameters"]) for one in said)
    return f"Since the run {run}: {' '.join(f'{text[:1].upper()}{text[1:]}.' for text in sentences)}"


def _always(text: str) -> Callable[..., str]:
    """For a sentence that differs in names at most: of a file, and of the platform."""
    return lambda say, **parameters: text.format(**parameters, platform=say.platform)


_LEFT_ASIDE: Final = "{file} is missing or damaged and was left aside: "
_FROM_A_COPY: Final = "; a copy of the state folder brings it back"

_NOTHING_KNOWN: Final = "nothing is known of earlier runs, neither agreed values nor who opted out or was deleted since"


def _overwritten(say: Words, *, plan: str, cells: int, shown: str) -> str:
    taken = moment(datetime.fromisoformat(shown))
    return (
        f"a file of plan {plan[:12]} overwrote {counted(cells, 'edit')} in {say.platform}: the export of {taken} shows "
        f"what somebody had made of the audited {'value' if cells == 1 else 'values'} before the file was imported; "
        f"auditor undo {plan[:12]} --overwritten puts it back where the cell still holds what we wrote"
    )


def _edited_since(say: Words, *, cells: int) -> str:
    values = "1 value that was sent is" if cells == 1 else f"{cells:,} values that were sent are"
    return f"{values} neither as sent nor as audited in this export: edited in {say.platform} since the audit"


def _astray(say: Words, *, plan: str, cells: int) -> str:
    return (
        f"a file of plan {plan[:12]} wrote {counted(cells, 'value')} to other profiles of {say.platform}, which had "
        f"the {'key' if cells == 1 else 'keys'} by the time it was imported; auditor undo {plan[:12]} names them and "
        "takes none of it back"
    )


NOTICES: Final[Mapping[Code, Callable[..., str]]] = {
    Code.NULL_KEY: _null_key,
    Code.REJECTED_ROWS: _rejected_rows,
    Code.LINES_DO_NOT_CLOSE: _lines_do_not_close,
    Code.CUT_OFF: _cut_off,
    Code.OF_A_FILE: _of_a_file,
    Code.BELOW_COUNT: _below_count,
    Code.NO_ROWS: _no_rows,
    Code.NOT_EVALUATED: _not_evaluated,
    Code.COUNT_ENDED: _count_ended,
    Code.NOT_COUNTED: _not_counted,
    Code.OPERATIONS_END: _operations_end,
    Code.SHRANK: _shrank,
    Code.OVERWRITTEN: _overwritten,
    Code.EDITED_SINCE: _edited_since,
    Code.ASTRAY: _astray,
    Code.NO_JUMPS_SOUGHT: _no_jumps_sought,
    Code.NEARLY_MATCHED: _nearly_matched,
    Code.KEYS_RELATED: _keys_related,
    Code.RULES_SUGGESTED: rules_suggested,
    Code.RULE_READS_NOTHING: rule_reads_nothing,
    Code.WORDS_FOR_NOTHING: words_for_nothing,
    Code.KEY_SPELT_OTHERWISE: _key_spelt_otherwise,
    Code.MATCHED_BY_FALLBACK: _matched_by_fallback,
    Code.MATCHES_SEVERAL: _matches_several,
    Code.OTHER_KEYS: _other_keys,
    Code.TABLE_ANEW: _always("the table was made anew in {platform}: what was agreed before does not hold for it"),
    Code.STATE_DAMAGED: _always(f"{_LEFT_ASIDE}{_NOTHING_KNOWN}{_FROM_A_COPY}"),
    Code.STATE_OF_ANOTHER: _always(f"{{file}} is of another table or version and was left aside: {_NOTHING_KNOWN}"),
    Code.BASE_LOST: _always(f"{_LEFT_ASIDE}the last agreed values are not known, so directions are unknown this time"),
    Code.PERMISSIONS_LOST: _always(
        f"{_LEFT_ASIDE}a part of the permission history is not known, and who opted out then{_FROM_A_COPY}"
    ),
    Code.NAMES_LOST: _always(f"{_LEFT_ASIDE}who opted out under another key is not known{_FROM_A_COPY}"),
    Code.SEEN_LOST: _always(
        f"{_LEFT_ASIDE}who was there in earlier runs is not known, and who was deleted since{_FROM_A_COPY}"
    ),
    Code.STRUCTURE_LOST: _always(f"{_LEFT_ASIDE}what changed in the table structure since that run is not known"),
    Code.ACTIVITIES_UNREAD: _activities_unread,
    Code.ACTIVITIES_OF_OTHER_KINDS: _activities_of_other_kinds,
    Code.REACHABLE_AGAIN: _reachable_again,
    Code.COMPLAINED: _complained,
    Code.UNSUBSCRIBED_IN_CAMPAIGN: _unsubscribed_in_campaign,
    Code.HARD_BOUNCED: _hard_bounced,
    Code.SOFT_BOUNCED: _soft_bounced,
    Code.NOT_SENT: _not_sent,
    Code.ACTIVITIES_OF_ANOTHER_TABLE: _activities_of_another_table,
    Code.ACTIVITIES_OF_NOBODY: _activities_of_nobody,
    Code.NO_NEW_ACTIVITIES: _no_new_activities,
    Code.ACTIVITIES_OF_OTHERS: _activities_of_others,
    Code.ACTIVITIES_TAKEN_BACK: _activities_taken_back,
    Code.ACTIVITIES_LOST: _always(
        f"{_LEFT_ASIDE}bounces, complaints and opt-outs of earlier exports are not known, but for those still there"
        f"{_FROM_A_COPY}"
    ),
    Code.STRUCTURE_CHANGED: _structure_changed,
    **COLUMNS,
    **LANDING,
    **PROBLEMS,
    **PLANS,
    **CHANGES,
}
