"""What a run tells: each code has its sentence, no sentence is stored, and what a former version stored is shown."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.commands.plan import plan
from auditor.findings.codes import Code, NotChecked, Notice, read_not_checked, read_notice
from auditor.findings.english.notice_sentences import NOTICES
from auditor.findings.sentences import sentence, spelt_out, with_sentences
from auditor.findings.words import Words
from auditor.model import Attribute, AttributeType, Segmentation, Side
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract
from auditor.state.run_folder import read_audit, read_structure
from tests import given_time
from tests.audits import in_words
from tests.small_folder import made
from tests.test_old_folders import ARCHIVE

BOTH = ["platform", "truth"]
TOLD: dict[Code, list[tuple[Notice | NotChecked, str]]] = {
    Code.AS_TOLD: [(Notice(Code.AS_TOLD, {"sentence": "as it was"}), "as it was")],
    Code.NULL_KEY: [
        (NotChecked(Code.NULL_KEY, Side.TRUTH, 1), "1 row has no key in CRM and could not be compared"),
        (NotChecked(Code.NULL_KEY, Side.PLATFORM, 1200), "1,200 rows have no key in Actito and could not be compared"),
    ],
    Code.REJECTED_ROWS: [
        (
            NotChecked(
                Code.REJECTED_ROWS,
                Side.TRUTH,
                2,
                parameters={"file": "a.csv", "place": "line", "line": 1234, "reason": reason},
            ),
            "2 rows of a.csv could not be read, the first in line 1,234: a quote is not closed",
        )
        for reason in ({"code": "quote_not_closed", "parameters": {}}, "a quote is not closed")
    ],
    Code.LINES_DO_NOT_CLOSE: [
        (
            NotChecked(Code.LINES_DO_NOT_CLOSE, Side.TRUTH, 1, parameters={"file": "a.csv", "line": line}),
            f"it is not certain which lines of a.csv belong together{where}: rows may hide there, so nothing is "
            "planned on this audit",
        )
        for line, where in ((None, ""), (1234, ", first at line 1,234"))
    ],
    Code.CUT_OFF: [
        (
            NotChecked(Code.CUT_OFF, Side.TRUTH, 1, parameters={"file": "a.csv", "line": 1234}),
            "a.csv is cut off in line 1,234: rows below it may be lost, so nothing is planned on this audit; export or "
            "transfer it again, or declare footer=1 if that line is no row",
        )
    ],
    Code.NO_ROWS: [
        (
            NotChecked(Code.NO_ROWS, Side.TRUTH, blocks_plan=True),
            "CRM holds no row: has it been exported completely? Nobody was compared",
        )
    ],
    Code.NO_COLUMN_COMPARED: [
        (
            NotChecked(Code.NO_COLUMN_COMPARED, parameters={"key": ["shop", "id"]}),
            "Actito and CRM have no column in common but the key shop and id: who is on which side was compared, and "
            "nothing else",
        ),
        (
            NotChecked(Code.NO_COLUMN_COMPARED, parameters={"key": ["id"], "left_out": ["name", "city"]}),
            "no column is compared but the key id, with name, city left out: who is on which side was compared, and "
            "nothing else",
        ),
    ],
    Code.NO_ROW_COMPARED: [
        (
            NotChecked(Code.NO_ROW_COMPARED),
            "no row of Actito or CRM was compared: the tables are empty, or all rows are left out",
        ),
        (
            NotChecked(Code.NO_ROW_COMPARED, Side.PLATFORM),
            "no row of Actito was compared: it is empty, or all its rows are left out",
        ),
    ],
    Code.KEYS_RELATED: [
        (
            Notice(
                Code.KEYS_RELATED,
                {"rules": {"id": "number"}, "keys": 4812, "of": 4812, "collide": {"platform": 0, "truth": 0}},
            ),
            "all 4,812 profiles that only CRM has would match one that only Actito has if id were compared as a "
            "number, as 1001.0 and 01001 are 1001: "
            '--rule id=number matches them, in a contract compare = "number" of id',
        ),
        (
            Notice(
                Code.KEYS_RELATED,
                {
                    "rules": {"shop": "code", "id": "identifier:C-*"},
                    "keys": 2,
                    "of": 30,
                    "collide": {"platform": 0, "truth": 0},
                },
            ),
            "2 of 30 profiles that only CRM has would match one that only Actito has if shop were compared but for "
            "case and blanks and id were compared without what stands around it in C-*: --rule shop=code "
            "--rule 'id=identifier:C-*' matches them, in a contract compare = \"code\" of shop and compare = "
            '"identifier:C-*" of id',
        ),
        (
            Notice(
                Code.KEYS_RELATED,
                {"rules": {"id": "identifier"}, "keys": 2, "of": 4, "collide": {"platform": 1, "truth": 2000}},
            ),
            "2 of 4 profiles that only CRM has would match one that only Actito has if id were compared but for case, "
            "blanks, punctuation, zeros before and .0 behind; that is no rule for them, since 1 key of Actito and "
            "2,000 keys of CRM would be one with another",
        ),
        (
            Notice(
                Code.KEYS_RELATED,
                {
                    "rules": {"id": "identifier:4"},
                    "keys": 40,
                    "of": 40,
                    "collide": {"platform": 0, "truth": 0},
                    "doubtful": True,
                },
            ),
            "all 40 profiles that only CRM has would match one that only Actito has if id were compared by its first 4 "
            "letters and digits; they agree in other columns no more often than any two profiles, and may be different "
            "people",
        ),
    ],
    Code.NAMES_OFFERED: [
        (
            Notice(Code.NAMES_OFFERED, {"pairs": [["Email", "email"], ["a\u00a0b", "it's"]]}),
            '"Email" and "email", "a\\u00a0b" and "it\'s" may be one column each and were not compared: --map '
            "Email=email --map 'a\u00a0b=it'\\''s' compares them, --names loose all whose names differ by nothing but "
            "case, blanks, signs and accents",
        ),
        (
            Notice(Code.NAMES_OFFERED, {"pairs": [[name, name.lower()] for name in "ABCDEFG"]}),
            '"A" and "a", "B" and "b", "C" and "c", "D" and "d", "E" and "e" and 2 more pairs may be one column each '
            "and were not compared: --map A=a --map B=b --map C=c --map D=d --map E=e compares them, --names loose all "
            "whose names differ by nothing but case, blanks, signs and accents",
        ),
    ],
    Code.NAMES_PAIRED: [
        (
            Notice(Code.NAMES_PAIRED, {"pairs": [["Email", "email"]]}),
            'compared though the names are not the same letter by letter: "Email" with "email"',
        )
    ],
    Code.BELOW_COUNT: [
        (
            NotChecked(Code.BELOW_COUNT, Side.PLATFORM, 10, parameters={"exported": 9990, "count": 10_000}),
            "the export holds 9,990 profiles, Actito counts 10,000: it is cut off, filtered or old, and whoever is not "
            "in it would look missing",
        )
    ],
    Code.OVERWRITTEN: [
        (
            Notice(Code.OVERWRITTEN, {"plan": "ab" * 32, "cells": cells, "shown": "2026-03-02T09:10:00+01:00"}),
            f"a file of plan abababababab overwrote {edits} in Actito: the export of 2026-03-02 08:10 UTC shows what "
            f"somebody had made of the audited {values} before the file was imported; auditor undo abababababab "
            "--overwritten puts it back where the cell still holds what we wrote",
        )
        for cells, edits, values in ((1, "1 edit", "value"), (1200, "1,200 edits", "values"))
    ],
    Code.ASTRAY: [
        (
            Notice(Code.ASTRAY, {"plan": "ab" * 32, "cells": cells}),
            f"a file of plan abababababab wrote {values} to other profiles of Actito, which had the {keys} by the time "
            "it was imported; auditor undo abababababab names them and takes none of it back",
        )
        for cells, values, keys in ((1, "1 value", "key"), (1200, "1,200 values", "keys"))
    ],
    Code.EDITED_SINCE: [
        (
            Notice(Code.EDITED_SINCE, {"cells": cells}),
            f"{values} neither as sent nor as audited in this export: edited in Actito since the audit",
        )
        for cells, values in ((1, "1 value that was sent is"), (1200, "1,200 values that were sent are"))
    ],
    Code.NOT_EVALUATED: [
        (
            NotChecked(
                Code.NOT_EVALUATED,
                Side.TRUTH,
                parameters={
                    "expectation": "expect_x",
                    "columns": columns,
                    "problem": {"code": "no_result", "parameters": {}},
                },
            ),
            f"in CRM, the expectation expect_x{about} could not be evaluated: it gave no result",
        )
        for columns, about in (([], ""), (["a", "b"], " of a, b"))
    ],
    Code.SHRANK: [
        (
            Notice(Code.SHRANK, {"side": "truth", "before": 2000, "rows": 1700}),
            "CRM shrank from 2,000 to 1,700 rows since the last run",
        )
    ],
    Code.COUNT_ENDED: [
        (
            NotChecked(Code.COUNT_ENDED, Side.PLATFORM, parameters={"said": "Actito does not offer it any more"}),
            "whether the export holds all profiles: Actito does not offer it any more",
        )
    ],
    Code.NOT_COUNTED: [
        (
            Notice(Code.NOT_COUNTED),
            "Actito does not say how many profiles it has: whether the export holds all was not checked",
        )
    ],
    Code.OPERATIONS_END: [
        (
            Notice(Code.OPERATIONS_END, {"generation": "V4", "operations": ["a profile", "the count"], "ends": ends}),
            f"Actito announces that it will end a profile, the count in V4 {when}: auditor doctor tells which "
            "generation this licence answers",
        )
        for ends, when in (("2099-03-31", "on 2099-03-31"), (None, "at a time that it does not say"))
    ],
    Code.NO_JUMPS_SOUGHT: [
        (
            Notice(
                Code.NO_JUMPS_SOUGHT, {"sides": BOTH, "reason": {"code": "too_few_rows", "parameters": {"least": 1000}}}
            ),
            "sudden jumps were not looked for in Actito and CRM: fewer than 1,000 rows are too few to tell a jump from "
            "chance",
        )
    ],
    Code.RULE_READS_NOTHING: [
        (
            Notice(
                Code.RULE_READS_NOTHING,
                {"column": "city", "rule": "number", "cells": {"platform": 1200, "truth": 3}},
            ),
            "the rule number reads no cell of city, of 1,200 in Actito and 3 in CRM that were looked at: there it "
            "compares texts",
        ),
    ],
    Code.WORDS_FOR_NOTHING: [
        (
            Notice(
                Code.WORDS_FOR_NOTHING,
                {"side": "platform", "cells": 1200, "columns": ["city", "zip"], "words": ["NULL", "NA"]},
            ),
            "1,200 differing cells of city, zip in Actito hold NULL or NA: where that says that there is no value, "
            "declare null=NULL|NA",
        ),
    ],
    Code.RULES_SUGGESTED: [
        (
            Notice(
                Code.RULES_SUGGESTED,
                {
                    "equal": 41_200,
                    "differences": 43_000,
                    "rules": [
                        {"column": "born", "rule": "date:%d/%m/%Y", "mapped": 0, "equal": 41_000},
                        {"column": "land", "rule": "", "mapped": 3, "equal": 200},
                    ],
                },
            ),
            "2 rules would make 41,200 of 43,000 differences equal: born as date:%d/%m/%Y (41,000), "
            "land by 3 pairs of values (200)",
        )
    ],
    Code.NEARLY_MATCHED: [
        (
            Notice(Code.NEARLY_MATCHED, {"profiles": profiles, "keys": [["shop", "id"], ["mail"]]}),
            f"{who} in Actito under a key that differs by nothing but case, blanks, Unicode form or leading zeros: "
            "another comparison rule for shop and id or mail would match them",
        )
        for profiles, who in ((1, "1 profile that only CRM has is"), (1200, "1,200 profiles that only CRM has are"))
    ],
    Code.KEY_SPELT_OTHERWISE: [
        (
            Notice(Code.KEY_SPELT_OTHERWISE, {"profiles": profiles, "key": ["shop", "id"]}),
            f"{who} matched by shop and id, though Actito and CRM spell it differently",
        )
        for profiles, who in ((1, "1 profile is"), (61, "61 profiles are"))
    ],
    Code.MATCHED_BY_FALLBACK: [
        (
            Notice(Code.MATCHED_BY_FALLBACK, {"profiles": 2, "key": ["id"], "by": "name + born", "spelt_alike": alike}),
            f"2 profiles without id on a side are matched by name + born{however}",
        )
        for alike, however in ((True, ""), (False, ", though Actito and CRM spell it differently"))
    ],
    Code.MATCHES_SEVERAL: [
        (
            Notice(Code.MATCHES_SEVERAL, {"profiles": profiles, "key": ["id"], "by": "mail"}),
            f"{profiles} mail {fits} several profiles, one of which has no id: not compared",
        )
        for profiles, fits in ((1, "fits"), (2, "fit"))
    ],
    Code.OTHER_KEYS: [
        (
            Notice(Code.OTHER_KEYS, {"profiles": 1}),
            "1 profile has another key in Actito than in an earlier run (same profileId): what is known of them, "
            "opt-outs among it, is carried over by auditor rekey --map old-new.csv",
        )
    ],
    Code.ACTIVITIES_UNREAD: [
        (
            NotChecked(Code.ACTIVITIES_UNREAD, Side.PLATFORM, parameters={"file": "b.csv", "said": "it is empty"}),
            "no activities were read of b.csv: it is empty",
        )
    ],
    Code.ACTIVITIES_OF_OTHER_KINDS: [
        (
            NotChecked(
                Code.ACTIVITIES_OF_OTHER_KINDS, Side.PLATFORM, parameters={"location": "in/*.csv", "files": files}
            ),
            f"{some} of in/*.csv told of no bounce, complaint, opt-out in a campaign or message not sent: are these "
            "the right exports?",
        )
        for files, some in ((1, "1 file"), (12, "12 files"))
    ],
    Code.REACHABLE_AGAIN: [
        (
            Notice(Code.REACHABLE_AGAIN, {"profiles": profiles}),
            f"{some} an address or number that bounced for good, and CRM has another one: these corrections come "
            "first, for they make people reachable again",
        )
        for profiles, some in ((1, "1 profile has"), (1200, "1,200 profiles have"))
    ],
    Code.COMPLAINED: [
        (
            Notice(Code.COMPLAINED, {"profiles": 1, "channel": "email"}),
            "1 person has complained about a message by e-mail: Actito keeps them on the blacklist of this licence, "
            "which no profile shows",
        )
    ],
    Code.UNSUBSCRIBED_IN_CAMPAIGN: [
        (
            Notice(Code.UNSUBSCRIBED_IN_CAMPAIGN, {"profiles": 2, "channel": "sms"}),
            "2 people have opted out in a campaign by SMS; Actito itself writes that into the profile, and where it "
            "does not show there it is a finding",
        )
    ],
    Code.HARD_BOUNCED: [
        (
            Notice(Code.HARD_BOUNCED, {"profiles": 2, "channel": "email"}),
            "messages by e-mail to 2 profiles bounced for good: Actito puts such addresses into long-term quarantine, "
            "which all its customers share; only a correction makes them reachable",
        )
    ],
    Code.SOFT_BOUNCED: [
        (
            Notice(Code.SOFT_BOUNCED, {"profiles": 1, "channel": "email"}),
            "messages by e-mail to 1 profile bounced for the time being, the last not longer ago than 16 weeks: Actito "
            "may keep them in quarantine for 1, 2, 4, 8 or 16 weeks, the longer the more often it happens; all its "
            "customers share it",
        )
    ],
    Code.NOT_SENT: [
        (
            Notice(Code.NOT_SENT, {"profiles": 1, "channel": "email", "reason": reason}),
            f"to 1 profile a message by e-mail was not sent{why} within the last 16 weeks",
        )
        for reason, why in (
            (None, ""),
            ("quarantined", ", for the address was in quarantine"),
            ("blacklisted", ", for it was on the blacklist"),
        )
    ],
    Code.ACTIVITIES_OF_NOBODY: [
        (
            Notice(Code.ACTIVITIES_OF_NOBODY, {"activities": activities}),
            f"{some} of people who are not in the export: left aside",
        )
        for activities, some in ((1, "1 activity is"), (1200, "1,200 activities are"))
    ],
    Code.NO_NEW_ACTIVITIES: [
        (
            Notice(Code.NO_NEW_ACTIVITIES, {"said": "nothing matches b_*.csv", "last": "2026-11-20"}),
            "nothing new of activities: nothing matches b_*.csv; the newest that is known is of 2026-11-20",
        )
    ],
    Code.ACTIVITIES_OF_OTHERS: [
        (
            Notice(Code.ACTIVITIES_OF_OTHERS, {"activities": activities}),
            f"{some} an e-mail address that the profile they name never had: left aside",
        )
        for activities, some in ((1, "1 activity has"), (2, "2 activities have"))
    ],
    Code.ACTIVITIES_TAKEN_BACK: [
        (
            Notice(Code.ACTIVITIES_TAKEN_BACK, {"activities": activities}),
            f"{some} of earlier runs taken back, as [exports] taken_back asks",
        )
        for activities, some in ((1, "1 activity"), (2, "2 activities"))
    ],
    Code.ACTIVITIES_OF_ANOTHER_TABLE: [
        (
            NotChecked(Code.ACTIVITIES_OF_ANOTHER_TABLE, Side.PLATFORM, rows, parameters={"file": "b.csv"}),
            f"{some} of b.csv, most of those that tell it, have an e-mail address that the profile that they "
            "name never had: is it an export of another table? None of its rows was used",
        )
        for rows, some in ((2, "2 rows"), (1200, "1,200 rows"))
    ],
    Code.ACTIVITIES_LOST: [
        (
            Notice(Code.ACTIVITIES_LOST, {"file": "activities-1.parquet"}),
            "activities-1.parquet is missing or damaged and was left aside: bounces, complaints and opt-outs of "
            "earlier exports are not known, but for those still there; a copy of the state folder brings it back",
        )
    ],
    Code.TABLE_ANEW: [
        (
            Notice(Code.TABLE_ANEW),
            "the table was made anew in Actito: what was agreed before does not hold for it",
        )
    ],
    Code.STATE_DAMAGED: [
        (
            Notice(Code.STATE_DAMAGED, {"file": "state.json"}),
            "state.json is missing or damaged and was left aside: nothing is known of earlier runs, neither agreed "
            "values nor who opted out or was deleted since; a copy of the state folder brings it back",
        )
    ],
    Code.STATE_OF_ANOTHER: [
        (
            Notice(Code.STATE_OF_ANOTHER, {"file": "state.json"}),
            "state.json is of another table or version and was left aside: nothing is known of earlier runs, neither "
            "agreed values nor who opted out or was deleted since",
        )
    ],
    Code.BASE_LOST: [
        (
            Notice(Code.BASE_LOST, {"file": "base-r.parquet"}),
            "base-r.parquet is missing or damaged and was left aside: the last agreed values are not known, so "
            "directions are unknown this time",
        )
    ],
    Code.PERMISSIONS_LOST: [
        (
            Notice(Code.PERMISSIONS_LOST, {"file": "permissions-r.parquet"}),
            "permissions-r.parquet is missing or damaged and was left aside: a part of the permission history is not "
            "known, and who opted out then; a copy of the state folder brings it back",
        )
    ],
    Code.STRUCTURE_LOST: [
        (
            Notice(Code.STRUCTURE_LOST, {"file": "20261129T060000Z-7f3a/structure.json"}),
            "20261129T060000Z-7f3a/structure.json is missing or damaged and was left aside: what changed in the table "
            "structure since that run is not known",
        )
    ],
    Code.NAMES_LOST: [
        (
            Notice(Code.NAMES_LOST, {"file": "names-r.parquet"}),
            "names-r.parquet is missing or damaged and was left aside: who opted out under another key is not known; a "
            "copy of the state folder brings it back",
        )
    ],
    Code.SEEN_LOST: [
        (
            Notice(Code.SEEN_LOST, {"file": "seen-r.parquet"}),
            "seen-r.parquet is missing or damaged and was left aside: who was there in earlier runs is not known, and "
            "who was deleted since; a copy of the state folder brings it back",
        )
    ],
    Code.ONLY_ON_ONE_SIDE: [
        (
            Notice(Code.ONLY_ON_ONE_SIDE, {"columns": ["a", "b"], "where": "x.csv"}),
            "only in x.csv, not compared: a, b",
        )
    ],
    Code.STRUCTURE_CHANGED: [
        (
            Notice(
                Code.STRUCTURE_CHANGED,
                {
                    "run": "r1",
                    "said": [
                        Notice(Code.ATTRIBUTE_GONE, {"column": "shoe"}).content(),
                        Notice(Code.NO_AUDIT_POSSIBLE, {"column": "shoe"}).content(),
                    ],
                },
            ),
            'Since the run r1: The attribute "shoe" is gone. The contract maps it: no audit is possible until '
            "[columns.shoe] is taken out or mapped anew.",
        )
    ],
}
"""What each code says of Actito and a CRM, in each of its forms."""

NAME = asdict(Attribute("lastName", mandatory=True, max_length=30, allowed=("A", "B")))
TIER = asdict(Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold", "Silver")))
SHOE = {"column": "shoe"}
OF_THE_STRUCTURE: list[tuple[Code, dict[str, Any], str]] = [
    (Code.TABLE_REPLACED, {"was": "16", "now": "17"},
     "the table has another number (17, it was 16): it was made anew"),
    (Code.API_CHANGED, {},
     "the structure was told by the older API at one of the two moments: types and restrictions were not compared"),
    (Code.ATTRIBUTE_ADDED, {"column": "lastName", "attribute": NAME},
     'the attribute "lastName" is new (text, at most 30 characters; one of A, B, mandatory)'),
    (Code.ATTRIBUTE_GONE, SHOE, 'the attribute "shoe" is gone'),
    (Code.TYPE_CHANGED, {**SHOE, "was": AttributeType.INTEGER.value, "now": AttributeType.LONG.value},
     'the attribute "shoe" is of the type whole number (64 bits) now, it was whole number (32 bits)'),
    (Code.LENGTH_CHANGED, {**SHOE, "was": [None, None], "now": [2, 30]},
     'the attribute "shoe" takes 2 to 30 characters now, it was any number of characters'),
    (Code.ALLOWED_VALUES_CHANGED, {**SHOE, "allowed": ["A", "B"]}, 'the attribute "shoe" takes one of A, B now'),
    (Code.ALLOWED_VALUES_CHANGED, {**SHOE, "allowed": []}, 'the attribute "shoe" takes any value now'),
    (Code.MANDATORY_CHANGED, {**SHOE, "on": True}, 'the attribute "shoe" is mandatory'),
    (Code.MANDATORY_CHANGED, {**SHOE, "on": False}, 'the attribute "shoe" is not mandatory any more'),
    (Code.UNIQUE_CHANGED, {**SHOE, "on": True}, 'the attribute "shoe" is unique'),
    (Code.MULTI_VALUED_CHANGED, {**SHOE, "on": True}, 'the attribute "shoe" takes several values now'),
    (Code.MULTI_VALUED_CHANGED, {**SHOE, "on": False}, 'the attribute "shoe" takes one value only now'),
    (Code.SUBSCRIPTION_ADDED, {"column": "subscriptions#Fax"}, 'the subscription "Fax" is new'),
    (Code.SUBSCRIPTION_GONE, {"column": "subscriptions#Fax"}, 'the subscription "Fax" is gone'),
    (Code.SEGMENTATION_ADDED, {"column": "segmentations#Tier", "segmentation": TIER},
     'the segmentation "Tier" is new (exclusive, mandatory: Gold, Silver)'),
    (Code.SEGMENTATION_GONE, {"column": "segmentations#Tier"}, 'the segmentation "Tier" is gone'),
    (Code.SEGMENTATION_CHANGED, {"column": "segmentations#Tier", "segmentation": TIER},
     'the segmentation "Tier" is exclusive, mandatory now'),
    (Code.SEGMENTS_CHANGED, {"column": "segmentations#Tier", "new": ["Iron"], "gone": []},
     'the segmentation "Tier" has the new segment Iron'),
    (Code.SEGMENTS_CHANGED, {"column": "segmentations#Tier", "new": ["Iron", "Tin"], "gone": ["Gold"]},
     'the segmentation "Tier" has the new segments Iron, Tin and has no segment Gold any more'),
    (Code.LESS_IS_CHECKED, {},
     "contract and suite follow what is told now, and less is checked while it is the older API"),
    (Code.AGREED_NO_MORE, {},
     "what was agreed and written before does not hold for it: look at it before anything is written"),
    (Code.COMPARED_FROM_NOW_ON, {"truth": "size"},
     'the contract feeds it from "size": it is compared from now on'),
    (Code.NO_CREATION_WITHOUT, {},
     "it is mandatory and the contract does not map it: Actito refuses every creation without it"),
    (Code.NOT_COMPARED, {}, "the contract does not map it: it is not compared"),
    (Code.NOT_CONCERNED, {}, "the contract does not map it: the audit is not concerned"),
    (Code.NO_AUDIT_POSSIBLE, {"column": "subscriptions#Fax"},
     'the contract maps it: no audit is possible until [columns."subscriptions#Fax"] is taken out or mapped anew'),
    (Code.KEY_MUST_BE_UNIQUE, {}, "it is the key of the contract: an audit needs a key that is unique"),
    (Code.COMPARED_BY_NEW_TYPE, {},
     "its values are compared by the rule of the new type, and what was agreed by another rule is no base"),
    (Code.CREATED_WHERE_FILLED, {"truth": "size"}, 'a profile is created only where "size" is filled'),
    (Code.STILL_FITS, {}, "the contract maps it and still fits"),
    (Code.MAY_BE_INVALID, {},
     "the suite follows by itself: values that were fine may be invalid values from this run on"),
    (Code.MAY_BE_FINE, {}, "the suite follows by itself: values that were invalid may be fine from this run on"),
    (Code.SYNCHRONISATIONS_UNREAD, {},
     "the synchronisations of the table could not be read: whether one fills it is not known"),
    (Code.SYNCHRONISATION_UNTOLD, {"name": "nightly"},
     'the synchronisation "nightly" does not say whether it fills it: look at it'),
    (Code.SYNCHRONISATION_FAILS, {"name": "nightly"},
     'the synchronisation "nightly" fills it and will fail, or lose it, until its mapping is changed'),
    (Code.SYNCHRONISATION_REFUSED, {"name": "nightly"},
     'the synchronisation "nightly" fills it: rows that do not fit any more will be refused'),
    (Code.SYNCHRONISATION_GOES_ON, {"name": "{nightly}"}, 'the synchronisation "{nightly}" fills it and goes on'),
    (Code.SYNCHRONISATION_CREATES_NONE, {"name": "nightly"},
     'the synchronisation "nightly" does not fill it: it can create no profile any more'),
    (Code.NOT_SYNCHRONISED, {}, "no synchronisation fills it"),
]  # fmt: skip
PROBLEMS: list[tuple[Code, dict[str, Any], str]] = [
    (Code.COLUMNS_UNMAPPED, {"columns": ["a", "b"]}, "a, b is not mapped"),
    (Code.KEYS_UNKNOWN, {"table": "Shops", "column": "shop"},
     "the keys of the table Shops are not known; name a file with them in the contract: [columns.shop] "
     'reference = { file = "Shops.csv" }'),
    (Code.KEYS_WITHOUT_COLUMN, {"file": "Shops.csv", "column": "key"}, 'Shops.csv has no column "key"'),
    (Code.KEYS_NOT_THERE, {"file": "Shops.csv"}, "the file Shops.csv with the keys is not there"),
    (Code.KEYS_UNREADABLE, {"file": "Shops.csv", "error": "Error"},
     "the file Shops.csv with the keys cannot be read (Error)"),
    (Code.KEYS_EMPTY, {"file": "Shops.csv"}, "the file Shops.csv holds no keys"),
    (Code.QUERY_WITHOUT_BATCH, {}, "its query does not select from {batch}"),
    (Code.SETTINGS_WRONG, {"said": ["a: no", "b: none"]}, "its settings are wrong (a: no; b: none)"),
    (Code.NOT_MADE, {"said": "expect_{x} is not known"}, "expect_{x} is not known"),
    (Code.ENDED_WITH, {"exceptions": ["ParserException", "OddError"]},
     "it ended with ParserException (its SQL cannot be read), OddError"),
    (Code.ENDED_WITH, {"exceptions": []}, "it ended with an exception"),
    (Code.NO_RESULT, {}, "it gave no result"),
    (Code.EMPTY_RESULT, {}, "it gave an empty result"),
    (Code.NOTHING_OBSERVED, {}, "there was nothing to observe"),
    (Code.NOT_ALL_JUDGED, {}, "it did not judge all rows"),
    (Code.NO_FAILING_COUNTED, {}, "it counted no failing rows"),
    (Code.FAILED_NOWHERE, {}, "it failed without saying where"),
    (Code.NOT_SELECTED, {"failing": 3}, "it counts 3 failing rows, but its SQL cannot select them"),
    (Code.OTHERS_SELECTED, {}, "the rows it selects are not the rows it counted"),
    (Code.TOO_FEW_ROWS, {"least": 1000}, "fewer than 1,000 rows are too few to tell a jump from chance"),
    (Code.NO_EARLIER_RUN, {}, "there is no earlier run on other data to compare with"),
]  # fmt: skip
OF_FILES: list[tuple[Code, dict[str, Any], str]] = [
    (Code.ENCODING_RECOGNISED, {"encoding": "cp1252"},
     "the encoding cp1252 was recognised, which needs a look at the names"),
    (Code.SEPARATOR_RECOGNISED, {"separator": ";", "named": False},
     'the separator ";" was recognised from the header line'),
    (Code.SEPARATOR_RECOGNISED, {"separator": "\t", "named": True},
     "the separator tab was recognised from the line before the header, which is no row"),
    (Code.SEPARATOR_NAMED, {}, "the line before the header names a separator and was passed over"),
    (Code.QUOTE_RECOGNISED, {"mark": "'"}, "the quote ' was recognised"),
    (Code.ESCAPE_RECOGNISED, {"mark": "\\"}, "the escape \\ was recognised"),
    (Code.BYTE_ORDER_MARK, {}, "the file begins with a byte order mark, which was passed over"),
    (Code.NO_LAST_LINE_END, {}, "the last line has no line end"),
    (
        Code.LINE_ENDS_DOUBLED, {},
        "each line ends in one line end too many (CR CR LF or LF CR), which was passed over",
    ),
    (
        Code.LINES_ABOVE_NAMES, {"lines": 3, "names": 4},
        "the names stand in line 4: 3 lines above are no rows and were passed over",
    ),
    (Code.LINE_BELOW_NAMES, {"line": 2}, "line 2, which only underlines the names, was passed over"),
    (
        Code.NAMES_AGAIN, {"lines": [7], "more": 0},
        "the names of the header stand again among the rows, and line 7 is no row and was passed over",
    ),
    (
        Code.LINES_BELOW_ROWS, {"lines": 2, "first": 1200},
        "2 lines below the last row, from line 1,200 on, are no rows and were passed over",
    ),
    (Code.SEPARATOR_ENDS_LINES, {}, "each row ends in a separator, behind which nothing stands"),
    (
        Code.OF_A_FILE, {"file": "a.csv", "told": {"code": "empty_lines", "parameters": {"lines": 2}}},
        "a.csv: 2 empty lines were passed over",
    ),
    (Code.EMPTY_LINES, {"lines": 1200}, "1,200 empty lines were passed over"),
    (Code.EMPTY_LINES, {"lines": 1}, "1 empty line was passed over"),
    (Code.EMPTY_ROWS, {"rows": 3}, "3 empty rows were passed over"),
    (Code.ROW_BEFORE_NAMES, {}, "the row before the names, which is no row but names a separator, was passed over"),
    (Code.COLUMN_WITHOUT_NAME, {"column": 3}, "column 3 has no name and was left out"),
    (Code.COLUMN_WITH_NUL, {"column": 3}, "column 3 has a NUL in its name and was left out"),
    (Code.LONG_NUMBERS, {"numbers": 2}, "2 numbers have more than the 15 digits that Excel keeps"),
    (Code.HIDDEN_ROWS, {"rows": 1}, "1 row of the sheet is hidden and was read like the others"),
    (Code.HIDDEN_ROWS, {"rows": 1200}, "1,200 rows of the sheet are hidden and were read like the others"),
    (
        Code.MERGED_CELLS, {"cells": "B3:B4, B7:C9", "more": 3},
        "cells are merged over several rows (B3:B4, B7:C9 and 3 more): only the first row of them has the value",
    ),
    (Code.QUOTE_NOT_CLOSED, {}, "a quote is not closed"),
    (Code.TEXT_AFTER_QUOTE, {}, "text follows a closing quote"),
    (Code.OTHER_CELLS, {"cells": 1, "columns": 20}, "1 cell where the header has 20"),
    (Code.OTHER_CELLS, {"cells": 3, "columns": 20}, "3 cells where the header has 20"),
    (Code.CELL_OF_MANY_LINES, {"lines": 100}, "a cell spans more than 100 lines"),
    (Code.ROW_TOO_LONG, {"bytes": 16_777_216}, "the row is longer than 16,777,216 bytes"),
    (Code.LINE_TOO_LONG, {"bytes": 16_777_216}, "the line is longer than 16,777,216 bytes"),
    (Code.NOT_IN_ENCODING, {"byte": 4, "value": 233, "encoding": "UTF-8"}, "byte 4, 0xE9, is not UTF-8"),
    (Code.NO_UTF8, {}, "bytes that are no text in UTF-8"),
    (Code.HALF_A_PAIR, {}, "half of a surrogate pair, which is no character"),
    (
        Code.ROWS_OF_A_LIST, {"name": "data"},
        'the rows are those of the list "data"; what stands beside it was passed over',
    ),
    (Code.NO_JSON, {"character": 7}, "no JSON from character 7 on"),
    (Code.NO_JSON_OBJECT, {}, "no JSON object"),
    (Code.NAME_TWICE, {"name": "id"}, 'the name "id" stands twice'),
    (Code.NESTED_TOO_DEEPLY, {}, "nested too deeply"),
    (Code.FORMULA_NOT_WORKED_OUT, {"column": 2},
     "column 2 holds a formula that was never worked out: open and save the file in Excel"),
    (Code.CELL_ERROR, {"column": 1, "error": "#N/A"}, "column 1 holds the error #N/A"),
    (Code.MORE_CELLS_THAN_NAMES, {"names": 2}, "the row has more cells than the 2 names of the first row"),
    (Code.NOBODY_NAMED, {}, "the row does not say who it was"),
    (Code.HAPPENED_UNCLEAR, {}, "what happened is not understood: [exports] values can say it"),
    (Code.CHANNEL_UNCLEAR, {}, "the channel is neither e-mail nor SMS"),
    (Code.BOUNCE_UNCLEAR, {}, "a bounce that is neither hard nor soft"),
    (Code.MOMENT_UNREAD, {}, "the moment cannot be read: [exports] format can say how it is written"),
    (Code.MOMENT_TO_COME, {}, "the moment lies in the future"),
]  # fmt: skip
_ROUTE: dict[str, Any] = {
    "steps": [], "by_file": 0, "files": 0, "before": 0, "single": 0, "minutes": 1, "pace": 60, "waiting": 0,
    "because": {"asked": "single"},
}  # fmt: skip
OF_PLANS: list[tuple[Code, dict[str, Any], str]] = [
    (Code.ALIKE, {"same": ["emailAddress", "birthDate"], "similar": ["firstName"], "different": ["street"]},
     "same emailAddress and birthDate, firstName similar, street different"),
    (Code.ALIKE, {"same": ["email"], "similar": [], "different": [], "exchanged": ["last", "first"]},
     "same email, last and first exchanged"),
    (Code.ALIKE, {"same": ["key"], "similar": [], "different": []}, "same key but for case, blanks or leading zeros"),
    (Code.ROUTE, _ROUTE, "Nothing to write."),
    (Code.ROUTE, {**_ROUTE, "first": 2},
     "First of the corrections: 2 corrections of addresses or numbers that bounced for good, which make people "
     "reachable again. Nothing to write."),
    (Code.ROUTE, {**_ROUTE, "single": 1, "calls": 3},
     "1 write one by one; 3 calls, reading before and after included, about 1 minute at 60 calls a minute: the route "
     '"single" was asked for.'),
    (Code.ROUTE, {**_ROUTE, "by_file": 30, "files": 1, "kept_single": ["note", "subscriptions#*"]},
     '30 writes in 1 file: the route "single" was asked for. Kept from files because they start scenarios '
     "(fixes.realtime): note, subscriptions#*; Actito does not say which do."),
    (Code.ROUTE, {**_ROUTE, "single": 1}, '1 write one by one, about 1 minute at 60 calls a minute: the route "single" '
     "was asked for."),
    (Code.ROUTE, {**_ROUTE, "single": 3, "realtime": 2, "because": {"asked": "bulk"}},
     "3 writes one by one, 2 in fields that start scenarios (fixes.realtime), about 1 minute at 60 calls a minute: the "
     'route "bulk" was asked for.'),
    (Code.ROUTE, {**_ROUTE, "steps": [1, 100], "by_file": 1399, "files": 1, "before": 101, "waiting": 2,
                  "because": {"least": 100, "calls": 6, "kept": 1}},
     "an empty table is loaded in steps of 1, 100 and the rest; 1,399 writes in 1 file, after 101 of them one by one; "
     "2 profiles must wait for another day's file: a file needs 100 profiles, and 6 file calls of today were left, 1 "
     "kept for undo."),
    (Code.ROUTE, {**_ROUTE, "waiting": 1, "because": {"several_key_columns": True}},
     "1 profile must wait for another day's file: files need a key of one column."),
    (Code.ROUTE, {**_ROUTE, "waiting": 1, "because": {"too_old": 1.5}},
     "1 profile must wait for another day's file: the export is older than 1.5 hours, too old for files."),
    (Code.ROUTE_OF_UNDO, {},
     "One by one: each profile is read first, and restored only where it still holds what was written."),
    (Code.ROUTE_OF_UNDO, {"calls": 90, "minutes": 2, "pace": 60},
     "One by one: each profile is read first, and restored only where it still holds what was written; 90 calls, about "
     "2 minutes at 60 calls a minute."),
    (Code.IRREVOCABLE, {"deleted": 0, "withdrawn": 0, "created": 0},
     "Cannot be undone: what a scenario does that a write starts."),
    (Code.IRREVOCABLE, {"deleted": 1, "withdrawn": 2, "created": 3},
     "Cannot be undone: 1 deletion, 2 opt-outs (given back one by one, where written in error), what a scenario does "
     "that a write starts; who is created stays unless --delete-created is asked for."),
    (Code.MUCH_DAMAGED, {"column": "firstName", "cells": 12, "written": 1},
     "12 values of firstName in CRM look damaged, and 1 other value of it would be written"),
    (Code.MUCH_CHANGED, {"column": "city", "changed": 2958, "compared": 10_388},
     "city changed in 2,958 of 10,388 profiles since the last run"),
]  # fmt: skip
for code, parameters, said in (*OF_THE_STRUCTURE, *PROBLEMS, *OF_FILES, *OF_PLANS):
    TOLD.setdefault(code, []).append((Notice(code, parameters), said))


@pytest.mark.parametrize("code", Code)
def test_each_code_has_its_sentence(code: Code) -> None:
    for told, said in TOLD[code]:
        assert told.code is code
        assert in_words(told) == said


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.COUNT_ENDED])
def test_each_sentence_calls_the_sides_as_the_settings_call_them(code: Code) -> None:
    """But where it quotes what was answered."""
    for told, said in TOLD[code]:
        assert sentence(told, Words("Mailer", "ERP")) == said.replace("Actito", "Mailer").replace("CRM", "ERP")


@pytest.mark.parametrize("code", [code for code in Code if code not in (Code.AS_TOLD, Code.NOT_MADE)])
def test_each_code_is_stored_without_a_sentence_and_read_as_it_was(code: Code) -> None:
    """But for what others have worded: former versions, and Great Expectations."""
    for told, said in TOLD[code]:
        stored = json.dumps(told.content())
        assert said not in stored
        read = json.loads(stored)
        if isinstance(told, NotChecked):
            assert read_not_checked(read, blocks_plan=told.blocks_plan) == told
        else:
            assert json.loads(json.dumps(read_notice(read).content())) == read
            assert in_words(read_notice(read)) == said


def test_a_language_words_every_code() -> None:
    assert set(NOTICES) == set(Code) - {Code.AS_TOLD}, "which has words of its own"


def test_a_sentence_that_stands_alone_has_a_capital_letter_and_one_full_stop() -> None:
    assert spelt_out("only in a.csv") == spelt_out("Only in a.csv.") == "Only in a.csv."


# --- nothing of it is stored ---


PROSE = re.compile(r"\b[a-z]{2,}(?:,? [a-z']{2,}){2,}")
"""Three words of a sentence in a row. Codes are words with underscores between them."""

NOT_OURS = {
    "differences.parquet": {"platform", "truth", "base"},
    "violations.parquet": {"value", "detail"},
    "causes.parquet": {"pattern", "examples", "shared"},
    "rejected.parquet": {"text"},
    "permissions.parquet": {"platform", "truth"},
    "validation.json": {"meta", "notes", "kwargs"},
    "run.json": {"settings"},
    "structure.json": {"name", "allowed_values", "segments"},
    "plan.json": {"before", "after", "source"},
}
"""Members and columns, by file, that hold values, what a steward wrote in the suite, or what Actito calls something;
and two that stay texts (see the decision): what is right, beside a violation, and the pattern of a cause.
"""
VALUES = {"platform.parquet", "truth.parquet", "creations.parquet", "taken.parquet"}


def stored(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text that the runs and the state of a folder store, with its file and column or member."""
    for path in sorted(folder.rglob("*")):
        name = "plan.json" if path.name.startswith("plan-") else path.name
        if path.suffix == ".json":
            yield from of_json(json.loads(path.read_text("utf-8")), name)
        elif path.suffix == ".parquet" and name not in VALUES and not name.startswith(("base-", "seen-")):
            for column in pl.read_parquet(path).iter_columns():
                if column.name not in NOT_OURS.get(name, ()):
                    yield from ((f"{name}: {column.name}", str(one)) for one in column.unique().to_list())
        elif path.suffix == ".sqlite":
            with closing(sqlite3.connect(path)) as ledger:
                tables = [table for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for table in tables:
                    rows = ledger.execute(f'SELECT * FROM "{table}"')
                    names = [column[0] for column in rows.description]
                    yield from ((f"{table}.{at}", str(one)) for row in rows for at, one in zip(names, row, strict=True))


def of_json(content: Any, name: str, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for member, one in content.items():
            if member not in NOT_OURS.get(name, ()):
                yield from of_json(one, name, member)
    elif isinstance(content, list):
        for one in content:
            yield from of_json(one, name, at)
    elif isinstance(content, str):
        yield f"{name}: {at}", content


def test_no_sentence_is_stored(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """Neither by a run, nor by a plan, in whatever column or member: nothing in them reads like English."""
    folder = tmp_path / "folder"
    shutil.copytree(made(tmp_path_factory).audited, folder)
    for route in ("single", "auto"):
        assert plan(read_settings(folder / "auditor.toml"), now=given_time.now(), route=route)
    found = [*stored(folder / "runs"), *stored(folder / "state")]
    places = {place for place, _ in found}
    assert {
        "run.json: code", "causes.parquet: reason", "differences.parquet: reason", "validation.json: outcome",
        "plan.json: code", "plan.json: why",
    } <= places  # fmt: skip
    assert sorted({(place, text) for place, text in found if PROSE.search(text)}) == []


def test_what_reads_like_a_sentence_is_found() -> None:
    """All but the shortest."""
    said = [said for code in Code for _, said in TOLD[code] if len(said.split()) > 9]
    assert [one for one in said if not PROSE.search(one)] == []


# --- what a former version stored ---


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "old"


def test_an_old_run_says_what_it_said(old: Path) -> None:
    """Its sentences lie in its files, and no code beside those of the notices and causes."""
    told = 0
    for run in sorted(old.glob("runs/2*")):
        content = json.loads((run / "run.json").read_text("utf-8"))
        tables = old / "expectations" / content["table"] / "contract.toml"
        audit = read_audit(run, read_contract(tables, read_structure(run)))
        summary = audit.summary()
        assert summary["notices"] == content["notices"]
        assert [item["sentence"] for item in summary["not_checked"]] == [
            item["sentence"] for item in content["not_checked"]
        ]
        stored = pl.read_parquet(run / "causes.parquet").select("cause", "sentence", "common").rows()
        causes = with_sentences(audit.causes, audit.say)
        assert causes.select("cause", "sentence", "common").rows() == stored
        told += len(summary["notices"]) + len(stored)
    assert told > 10


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"code": "null_key", "side": "truth", "rows": 3, "sentence": "three rows"}, "three rows"),
        ({"code": "null_key", "side": None, "rows": 3, "sentence": "three rows"}, "three rows"),
    ],
)
def test_what_was_not_checked_then_has_its_code_and_its_sentence(stored: dict[str, Any], said: str) -> None:
    read = read_not_checked(stored, blocks_plan=True)
    assert (read.code, read.rows, read.blocks_plan) == (Code.NULL_KEY, 3, True)
    assert sentence(read, Words("A", "B")) == said
