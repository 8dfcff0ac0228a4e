"""Files of activities: how they may be written, who they are about, and what follows from them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import SettingsError
from auditor.findings.codes import Code, read_told
from auditor.findings.sentences import of_file
from auditor.load.activity_words import hardness
from tests.activity_runs import NOW, Folder, known, person

BRUSSELS = ZoneInfo("Europe/Brussels")
DAY = "2026-11-20 10:00:00"
NEWS = "subscriptions#News"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# --- how files may be written ---

FORMS: Mapping[str, tuple[dict[str, str], dict[tuple[str, str], int]]] = {
    "all kinds in one file, by profileId": (
        {
            "activities_20261125.csv": "profileId;activity;moment;bounceType;smtpCode;reason\n"
            f"91;Hard bounce;{DAY};;;\n"
            f"92;Soft bounce;{DAY};;;\n"
            f"93;Unsubscribe;{DAY};;;\n"
            f"94;Complaint;{DAY};;;\n"
            f"94;Not sent;{DAY};;;Address in quarantine\n"
            f"91;Sent;{DAY};;;\n91;Clicked;whenever;;;\n"
        },
        {("1", "hard_bounce"): 1, ("2", "soft_bounce"): 1, ("3", "unsubscribed"): 1, ("4", "complained"): 1,
         ("4", "not_sent"): 1},
    ),
    "a file per kind, by their names": (
        {
            "hard_bounces_20261125.csv": f"profileId;date\n91;{DAY}\n",
            "SoftBounces-2026-11-25.csv": f"profileId;date\n92;{DAY}\n",
            "Unsubscribes.csv": f"profileId;date\n93;{DAY}\n",
            "complaints.csv": f"profileId;date\n94;{DAY}\n",
            "emails_not_sent.csv": f"profileId;date\n91;{DAY}\n",
        },
        {("1", "hard_bounce"): 1, ("2", "soft_bounce"): 1, ("3", "unsubscribed"): 1, ("4", "complained"): 1,
         ("1", "not_sent"): 1},
    ),
    "bounces, hard and soft by their type": (
        {"bounces.csv": f"id,Bounce Type,Bounced At\n1,Hard,{DAY}\n2,SOFT,{DAY}\n3,Permanent failure,{DAY}\n"},
        {("1", "hard_bounce"): 1, ("2", "soft_bounce"): 1, ("3", "hard_bounce"): 1},
    ),
    "bounces, hard and soft by the status of SMTP": (
        {"bounces.csv": f"id;smtp_code;moment\n1;550;{DAY}\n2;452 4.2.2 full;{DAY}\n3;smtp; 5.1.1;{DAY}\n".replace(
            "smtp; 5", "smtp, 5")},
        {("1", "hard_bounce"): 1, ("2", "soft_bounce"): 1, ("3", "hard_bounce"): 1},
    ),
    "as a data view of bounces spells them": (
        {"_Bounce.csv": '"SubscriberKey","EventDate","BounceCategory","SMTPBounceReason"\n'
                        f'"1","{DAY}","Hard bounce","550 5.1.1 unknown user"\n'
                        f'"2","{DAY}","Block bounce","554 5.7.1 refused"\n'
                        f'"3","{DAY}","Unknown bounce","421 4.7.0 try again"\n'},
        {("1", "hard_bounce"): 1, ("2", "soft_bounce"): 1, ("3", "soft_bounce"): 1},
    ),
    "by address, in any case": (
        {"list.csv": f"Email Address,Action,Timestamp\n 1@Example.BE ,unsub,{DAY}\n2@example.be,abuse,{DAY}\n"},
        {("1", "unsubscribed"): 1, ("2", "complained"): 1},
    ),
    "names of events": (
        {"events.csv": "external_id;event;timestamp\n1;email.bounced_hard;2026-11-20T10:00:00Z\n"
                       "2;users.messages.email.Unsubscribe;2026-11-20T10:00:00+01:00\n"
                       "3;users.messages.email.Open;2026-11-20T10:00:00Z\n"
                       "4;SpamReport;2026-11-20T10:00:00Z\n".replace("bounced_hard", "hard_bounce")},
        {("1", "hard_bounce"): 1, ("2", "unsubscribed"): 1, ("4", "complained"): 1},
    ),
    "in French": (
        {"activités.csv": f"profileId;Événement;moment\n91;Désinscription;{DAY}\n92;Plainte;{DAY}\n".replace(
            "Événement", "event")},
        {("1", "unsubscribed"): 1, ("2", "complained"): 1},
    ),
    "with a byte order mark, CRLF and tabs": (
        {"complaints.csv": f"\ufeffprofileId\tmoment\r\n91\t{DAY}\r\n"},
        {("1", "complained"): 1},
    ),
    "days alone": ({"unsubscribed.csv": "profileId;date\n91;2026-11-20\n"}, {("1", "unsubscribed"): 1}),
    "of a channel": (
        {"events.csv": f"id;channel;event;moment\n1;SMS;unsubscribe;{DAY}\n2;E-mail;unsubscribe;{DAY}\n"},
        {("1", "unsubscribed"): 1, ("2", "unsubscribed"): 1},
    ),
    "nothing has happened": ({"bounces.csv": "profileId;moment;bounceType\n"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_ways_in_which_files_are_written(folder: Folder, form: str) -> None:
    files, expected = FORMS[form]
    seen = folder.run(files)
    assert seen.found == expected
    assert seen.not_checked == ()
    assert seen.rejected.height == 0
    assert seen.of_nobody == 0


def test_what_names_do_not_say_is_declared(folder: Folder) -> None:
    seen = folder.run(
        {
            "R17.csv": "KLANT;WANNEER;WAT\n1;20/11/2026 10:00;HB\n2;20/11/2026 10:00;QQ\n",
            "R18_x.csv": "KLANT;WANNEER\n3;20/11/2026 10:00\n",
        },
        columns={"key": "KLANT", "moment": "WANNEER", "activity": "WAT"},
        values={"HB": "hard_bounce", "QQ": "other"},
        files={"R18_*": "complained"},
        format="%d/%m/%Y %H:%M",
    )
    assert seen.found == {("1", "hard_bounce"): 1, ("3", "complained"): 1}
    assert seen.not_checked == ()
    # 10:00 in Brussels
    assert [row["last"].isoformat() for row in seen.of("1")] == ["2026-11-20T09:00:00+00:00"]


def moments(folder: Folder, *texts: str) -> list[str | None]:
    """What a file reads of these moments of as many people, in the zone of the contract."""
    rows = "".join(f"{key};complaint;{text}\n" for key, text in enumerate(texts, 1))
    found = folder.run({"a.csv": f"id;event;moment\n{rows}"}).frame
    last = dict(found.select("key", "last").iter_rows())
    there = (last.get(str(key)) for key in range(1, len(texts) + 1))
    return [None if one is None else one.astimezone(BRUSSELS).strftime("%F %T") for one in there]


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (("20/11/2026 10:00", "03/11/2026 9:05:07"), ("2026-11-20 10:00:00", "2026-11-03 09:05:07")),
        (("11/20/2026 10:00:00 PM", "11/03/2026 12:30 AM"), ("2026-11-20 22:00:00", "2026-11-03 00:30:00")),
        (("21.11.2026", "1-2-2026"), ("2026-11-21 00:00:00", "2026-02-01 00:00:00")),
        (("2026/11/20 10:00", "2026-11-20T10:00:00Z"), ("2026-11-20 10:00:00", "2026-11-20 11:00:00")),
        (("1795165200", "1795165200000"), ("2026-11-20 10:00:00", "2026-11-20 10:00:00")),
        # one order alone lies in the past
        (("10/12/2025", "12/10/2026"), ("2025-12-10 00:00:00", "2026-10-12 00:00:00")),
        (("11/12/2026", "05/05/2026"), ("2026-11-12 00:00:00", "2026-05-05 00:00:00")),
        # either order: nobody knows, but where it is the same; nor where a file has both
        (("03/02/2026", "05/05/2026"), (None, "2026-05-05 00:00:00")),
        (("20/11/2026", "11/20/2026"), (None, None)),
        # what is none does not keep the others from being read
        (("20/11/2026", "03/02/2026", "32/13/2026", "20/11/26"),
         ("2026-11-20 00:00:00", "2026-02-03 00:00:00", None, None)),
    ],
)  # fmt: skip
def test_moments_are_read_where_only_one_reading_makes_sense(
    folder: Folder, texts: tuple[str, ...], read: tuple[str | None, ...]
) -> None:
    assert moments(folder, *texts) == list(read)


def test_each_file_may_write_moments_in_its_own_way(folder: Folder) -> None:
    rows = {"bounces.csv": "03/02/2026", "unsubscribes.csv": "02/03/2026", "complaints.csv": "2026-02-03"}
    files = {name: f"id;moment;bounceType\n1;{text};\n" for name, text in rows.items()}
    seen = folder.run(
        files | {"bounces.csv": "id;moment;bounceType\n1;03/02/2026;hard\n"},
        format={"bo*": "%d/%m/%Y", "un*": "%m/%d/%Y"},
    )
    assert {row["last"].astimezone(BRUSSELS).strftime("%F") for row in seen.of("1")} == {"2026-02-03"}
    assert len(seen.found) == 3


@pytest.mark.parametrize(
    ("name", "text", "lacks"),
    [
        ("bounces.csv", "date;type\n2026-11-20;hard\n", "who it was"),
        ("bounces.csv", "id;type\n1;hard\n", "when it happened"),
        ("stuff.csv", "id;date\n1;2026-11-20\n", "what happened"),
    ],
)
def test_a_file_that_does_not_say_enough_is_not_checked_and_the_others_are_read(
    folder: Folder, name: str, text: str, lacks: str
) -> None:
    seen = folder.run({name: text, "right.csv": f"id;event;moment\n2;complaint;{DAY}\n"})
    assert seen.found == {("2", "complained"): 1}
    [told] = seen.not_checked
    assert (told.code, told.parameters["file"]) == (Code.ACTIVITIES_UNREAD, name)
    header = text.splitlines()[0].replace(";", ", ")
    assert told.parameters["said"] == (
        f"no column of it says {lacks}, nor do columns or files of [exports]; it has: {header}"
    )


def test_a_declared_column_that_no_file_has_is_an_error(folder: Folder) -> None:
    with pytest.raises(SettingsError, match='no file of activities has the column "WANNEER"'):
        folder.run({"bounces.csv": f"id;date;type\n1;{DAY};hard\n"}, columns={"moment": "WANNEER"})


def test_every_row_that_cannot_be_understood_is_rejected_with_its_reason(folder: Folder) -> None:
    rows = [
        f"1;hard;{DAY};",
        f";hard;{DAY};",
        f"1;teleported;{DAY};",
        f"1;bounce;{DAY};",
        "1;hard;yesterday;",
        "1;hard;2031-01-01;",
        f"1;hard;{DAY};fax",
        f"2;opened;{DAY};fax",
    ]
    seen = folder.run({"events.csv": "\n".join(["id;event;moment;channel", *rows, ""])})
    assert seen.found == {("1", "hard_bounce"): 1}
    assert [
        (side, line, of_file(read_told(why)))
        for side, line, why in seen.rejected.select("side", "line", "reason").rows()
    ] == [
        ("activities", 2, "the row does not say who it was"),
        ("activities", 3, "what happened is not understood: [exports] values can say it"),
        ("activities", 4, "a bounce that is neither hard nor soft"),
        ("activities", 5, "the moment cannot be read: [exports] format can say how it is written"),
        ("activities", 6, "the moment lies in the future"),
        ("activities", 7, "the channel is neither e-mail nor SMS"),
    ]
    [told] = seen.not_checked
    assert (told.code, told.rows, told.blocks_plan) == (Code.REJECTED_ROWS, 6, False)
    assert told.parameters["file"] == "events.csv"


def test_a_word_that_nobody_knows_is_rejected_whatever_the_file_is_called(folder: Folder) -> None:
    words = ["Unsubscribe failed", "Unsubscription undone", "not unsubscribed", "?"]
    rows = "".join(f"91;{word};{DAY}\n" for word in words)
    seen = folder.run({"unsubscribes_20261125.csv": f"profileId;activity;moment\n{rows}92;Unsub;{DAY}\n"})
    assert seen.found == {("2", "unsubscribed"): 1}
    assert [of_file(read_told(why)) for why in seen.rejected["reason"]] == [
        "what happened is not understood: [exports] values can say it"
    ] * len(words)


def test_who_subscribes_again_has_not_opted_out(folder: Folder) -> None:
    """Nor is a permission given: it is passed over, as sends and clicks are."""
    words = ["Resubscribed", "re-subscription", "Opt-in", "opted in", "Réabonnement", "Inscription"]
    rows = "".join(f"91;{word};{DAY}\n" for word in words)
    seen = folder.run({"unsubscribes_20261125.csv": f"profileId;activity;moment\n{rows}92;Unsub;{DAY}\n"})
    assert seen.found == {("2", "unsubscribed"): 1}
    assert (seen.rejected.height, seen.not_checked) == (0, ())


def test_a_column_speaks_before_the_name_of_the_file(folder: Folder) -> None:
    seen = folder.run(
        {
            "hard_bounces.csv": f"id;bounceType;moment\n1;Soft;{DAY}\n2;;{DAY}\n3;none told;{DAY}\n",
            "unsubscribes.csv": f"id;bounceType;moment\n4;Hard;{DAY}\n4;;{DAY}\n",
        }
    )
    assert seen.found == {
        ("1", "soft_bounce"): 1, ("2", "hard_bounce"): 1, ("3", "hard_bounce"): 1, ("4", "hard_bounce"): 1,
        ("4", "unsubscribed"): 1,
    }  # fmt: skip


def test_files_of_other_kinds_are_never_a_pass(folder: Folder) -> None:
    seen = folder.run(
        {"events.csv": f"id;event;moment\n1;open;{DAY}\n", "more.csv": f"id;event;moment\n1;click;{DAY}\n"}
    )
    [told] = seen.not_checked
    assert (told.code, told.parameters) == (Code.ACTIVITIES_OF_OTHER_KINDS, {"location": "in/*.csv", "files": 2})


def test_a_quiet_hour_among_files_that_tell_something_is_fine(folder: Folder) -> None:
    seen = folder.run({"a.csv": f"id;event;moment\n1;open;{DAY}\n", "b.csv": f"id;event;moment\n1;hard bounce;{DAY}\n"})
    assert seen.not_checked == ()


def test_an_empty_file_is_told_and_the_others_are_read(folder: Folder) -> None:
    seen = folder.run({"bounces_1.csv": "", "bounces_2.csv": f"id;type;date\n1;hard;{DAY}\n"})
    assert seen.found == {("1", "hard_bounce"): 1}
    [told] = seen.not_checked
    assert (told.code, told.parameters["file"]) == (Code.ACTIVITIES_UNREAD, "bounces_1.csv")


@pytest.mark.parametrize(
    ("kind", "code", "reason", "expected"),
    [
        ("hard", "450", "", "hard_bounce"),
        ("soft", "550", "", "soft_bounce"),
        ("", "550", "", "hard_bounce"),
        ("", "5.1.1", "", "hard_bounce"),
        ("", "421", "", "soft_bounce"),
        ("", "4.2.2", "", "soft_bounce"),
        ("other", "", "smtp; 550 5.1.1 <x@example.be>: unknown", "hard_bounce"),
        ("", "250", "", None),
        ("", "", "order 5500 of 2045", None),
        ("", "1.4.5.1", "", None),
        ("unknown", "", "", None),
    ],
)
def test_a_bounce_is_hard_or_soft_by_its_type_and_else_by_its_status(
    kind: str, code: str, reason: str, expected: str | None
) -> None:
    assert hardness(kind, code, reason) == expected


# --- who it was ---


def test_the_first_identifier_that_is_filled_decides(folder: Folder) -> None:
    """A profileId that nobody has is nobody, though the address is somebody's: the profile was deleted."""
    shared = [person(key, emailAddress="all@example.be") for key in "123"]
    other = {"4": "4@example.be"}
    seen = folder.run(
        {
            "bounces.csv": "profileId;id;email;type;date\n"
            f"91;2;all@example.be;hard;{DAY}\n;2;all@example.be;soft;{DAY}\n;;4@example.be;hard;{DAY}\n"
            f"777;2;all@example.be;hard;{DAY}\n;x;;hard;{DAY}\n;;nobody@example.be;hard;{DAY}\n"
        },
        platform=[*shared, *(person(key, emailAddress=address) for key, address in other.items())],
    )
    assert set(seen.found) == {("1", "hard_bounce"), ("2", "soft_bounce"), ("4", "hard_bounce")}
    assert (seen.of_nobody, seen.of_others) == (3, 0)


def rows_of(*rows: str) -> str:
    return "\n".join(["profileId;id;email;activity;moment", *(f"{row};{DAY}" for row in rows), ""])


def test_a_row_with_an_address_that_the_profile_never_had_is_about_somebody_else(folder: Folder) -> None:
    """Whether by number or by key, and whether the address is nobody's or another profile's."""
    seen = folder.run({
        "all.csv": rows_of(
            "91;;1@Example.be;complaint", "92;;nobody@example.be;complaint", ";3;4@example.be;unsubscribe",
            "94;;4@example.be;hard bounce", "94;;;unsubscribe",
        )
    })  # fmt: skip
    assert seen.found == {("1", "complained"): 1, ("4", "hard_bounce"): 1, ("4", "unsubscribed"): 1}
    assert {key for key, *_ in seen.findings} == {"1", "4"}
    assert (seen.of_others, seen.of_nobody, seen.not_checked) == (2, 0, ())
    assert folder.run({}).found == seen.found


def test_nothing_is_believed_of_a_file_of_another_table(folder: Folder) -> None:
    """Nor what its other rows say, whose address is right by chance or missing."""
    wrong = rows_of(
        "91;;one@else.where;complaint", "92;;two@else.where;unsubscribe", "93;;3@example.be;complaint",
        "94;;;unsubscribe", "777;;;unsubscribe",
    )  # fmt: skip
    seen = folder.run({"wrong.csv": wrong, "right.csv": rows_of("94;;4@example.be;complaint")})
    assert seen.found == {("4", "complained"): 1}
    [told] = seen.not_checked
    assert (told.code, told.rows, told.parameters) == (Code.ACTIVITIES_OF_ANOTHER_TABLE, 2, {"file": "wrong.csv"})
    assert (seen.of_others, seen.of_nobody, seen.rejected.height) == (0, 0, 0)
    assert set(folder.remembered()["key"]) == {"4"}


def test_addresses_of_before_and_of_the_truth_are_the_persons_own(folder: Folder) -> None:
    """One that both sides agreed on, one of an earlier file, and one that Actito does not have yet."""
    mailed = {"email": "id;email;activity;moment", "rows": f"2;2@example.be;soft bounce;{DAY}\n"}
    before = [person("1"), person("2"), person("3")]
    folder.run({"a.csv": f"{mailed['email']}\n{mailed['rows']}"}, platform=before, truth=[known("1"), known("3")])
    moved = [person(key, emailAddress=f"new{key}@example.be") for key in "123"]
    truth = [known("1", email="new1@example.be"), known("3", email="third@example.be")]
    seen = folder.run({
        "b.csv": rows_of("91;;1@example.be;complaint", "92;;2@example.be;complaint", ";3;THIRD@example.be;complaint")
    }, platform=moved, truth=truth)  # fmt: skip
    assert seen.of_others == 0
    assert {key for key, activity in seen.found if activity == "complained"} == {"1", "2", "3"}


def test_where_the_address_is_the_key_it_is_held_against_the_number(folder: Folder) -> None:
    columns = tuple(column for column in folder.contract.columns if column.name != "id")
    folder.contract = replace(folder.contract, key=("emailAddress",), columns=columns)
    header = "profileId;emailAddress;activity;moment\n"
    seen = folder.run(
        {"a.csv": f"{header}91;1@example.be;complaint;{DAY}\n92;nobody@example.be;complaint;{DAY}\n"},
        names=["emailAddress", "email"],
    )
    assert seen.found == {("1@example.be", "complained"): 1}
    assert seen.of_others == 1


def test_what_was_remembered_by_mistake_is_taken_back(folder: Folder) -> None:
    """Whatever it was taken for then; what other files told of the same people stays."""
    other = {"b.csv": "id;event;moment\n1;complaint;2026-11-19 10:00:00\n3;complaint;2026-11-19 10:00:00\n"}
    wrong = f"id;event;moment\n1;XX;{DAY}\n2;XX;{DAY}\n777;XX;{DAY}\n"
    seen = folder.run(other | {"wrong.csv": wrong}, values={"XX": "unsubscribed"})
    assert len(seen.found) == 4
    seen = folder.run(other, back={"wrong.csv": wrong})
    kept = {("1", "complained"): 1, ("3", "complained"): 1}
    assert (seen.found, seen.taken_back) == (kept, 2)
    assert (seen.not_checked, seen.rejected.height, seen.of_nobody) == ((), 0, 0)
    assert folder.run({}).found == kept
    seen = folder.run(other | {"wrong.csv": wrong}, back={"wrong.csv": wrong}, values={"XX": "unsubscribed"})
    assert (seen.found, seen.taken_back) == (kept, 0)


def test_an_export_without_profile_ids_is_matched_by_what_else_there_is(folder: Folder) -> None:
    people = [person("1", profileId=None)]
    seen = folder.run({"bounces.csv": f"profileId;id;type;date\n91;1;hard;{DAY}\n"}, platform=people)
    assert seen.found == {("1", "hard_bounce"): 1}


def test_a_shared_address_bounces_for_everybody_who_has_it(folder: Folder) -> None:
    people = [person("1"), person("2", emailAddress="1@example.be")]
    seen = folder.run({"bounces.csv": f"email;type;date\n1@example.be;hard;{DAY}\n"}, platform=people)
    assert set(seen.found) == {("1", "hard_bounce"), ("2", "hard_bounce")}
    assert seen.of_nobody == 0


# --- counted once, whatever the order; across runs as well ---

EVENTS = [
    f"{key};{event};2026-11-{day} 10:00:00"
    for key, event, day in itertools.product("12", ("hard bounce", "soft bounce", "unsubscribe", "complaint"), (18, 19))
]


def a_file(rows: list[str]) -> str:
    return "\n".join(["id;event;moment", *rows, ""])


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.lists(st.sampled_from(EVENTS), max_size=6), min_size=1, max_size=4),
    data=st.data(),
)
def test_order_repetition_and_runs_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[str]], data: st.DataObject
) -> None:
    """Any files, in any order, twice, in one run or several: what is known in the end is what the set of rows says."""
    expected: dict[tuple[str, str], set[str]] = {}
    code = {"hard bounce": "hard_bounce", "soft bounce": "soft_bounce", "unsubscribe": "unsubscribed",
            "complaint": "complained"}  # fmt: skip
    for row in itertools.chain.from_iterable(files):
        key, event, moment = row.split(";")
        expected.setdefault((key, code[event]), set()).add(moment)
    shuffled = data.draw(st.permutations([*files, *files]))
    cut = data.draw(st.integers(0, len(shuffled)))
    folder = Folder(tmp_path_factory.mktemp("law"))
    seen = None
    for part in (shuffled[:cut], shuffled[cut:], []):
        seen = folder.run({f"events_{number}.csv": a_file(rows) for number, rows in enumerate(part)})
    assert seen is not None
    assert seen.found == {cell: len(moments) for cell, moments in expected.items()}


def test_what_was_seen_is_remembered_and_no_address_is(folder: Folder) -> None:
    folder.run({"b.csv": f"email;event;moment\n1@example.be;hard bounce;{DAY}\n2@example.be;complaint;{DAY}\n"})
    kept = folder.remembered()
    assert set(kept.columns) == {"key", "profile_id", "channel", "activity", "reason", "moment", "address"}
    assert not any("@" in str(cell) for row in kept.iter_rows() for cell in row)
    assert folder.run({}).found == {("1", "hard_bounce"): 1, ("2", "complained"): 1}


def test_the_same_activity_by_address_and_by_number_counts_once(folder: Folder) -> None:
    folder.run({"b.csv": f"email;event;moment\n1@example.be;hard bounce;{DAY}\n"})
    assert folder.run({"b.csv": f"profileId;event;moment\n91;hard bounce;{DAY}\n"}).found == {("1", "hard_bounce"): 1}


def test_who_gets_another_key_keeps_what_is_known_by_profile_id(folder: Folder) -> None:
    folder.run({"b.csv": f"profileId;event;moment\n91;complaint;{DAY}\n"})
    seen = folder.run({}, platform=[person("5", profileId="91")])
    assert seen.found == {("5", "complained"): 1}


def test_bounces_expire_and_a_no_does_not(folder: Folder) -> None:
    folder.run(
        {"b.csv": f"id;event;moment\n1;hard bounce;{DAY}\n1;complaint;{DAY}\n2;unsubscribe;{DAY}\n"},
        retain=timedelta(days=1),
    )
    assert folder.run({}).found == {("1", "complained"): 1, ("2", "unsubscribed"): 1}


# --- what stands today ---


def test_a_corrected_address_has_not_bounced(folder: Folder) -> None:
    """Also where the file with the bounce, which names no address, is still there."""
    file = {"b.csv": f"profileId;event;moment\n91;hard bounce;{DAY}\n91;complaint;{DAY}\n"}
    assert folder.run(file).standing == {("1", "hard_bounce"), ("1", "complained")}
    corrected = [person("1", emailAddress="new@example.be")]
    seen = folder.run(file, platform=corrected)
    assert seen.found == {("1", "hard_bounce"): 1, ("1", "complained"): 1}
    assert seen.standing == {("1", "complained")}


def test_a_soft_bounce_says_nothing_after_sixteen_weeks(folder: Folder) -> None:
    rows = f"id;event;moment\n1;soft bounce;{DAY}\n2;soft bounce;2026-07-01\n3;not sent;{DAY}\n4;not sent;2026-07-01\n"
    seen = folder.run({"b.csv": rows})
    assert seen.standing == {("1", "soft_bounce"), ("3", "not_sent")}
    assert len(seen.found) == 4


def test_the_reachable_are_counted_with_what_is_in_their_way(folder: Folder) -> None:
    people = [*map(person, "1236"), person("4", **{NEWS: "false"}), person("5", emailAddress=None)]
    rows = (
        f"1;hard bounce;{DAY};\n1;complaint;{DAY};\n2;soft bounce;{DAY};\n3;not sent;{DAY};no stock\n"
        f"4;hard bounce;{DAY};\n6;not sent;{DAY};in quarantine\n"
    )
    seen = folder.run({"b.csv": f"id;event;moment;reason\n{rows}"}, platform=people)
    assert seen.reachable == (4, {"complained": 1, "hard_bounce": 0, "not_sent": 1, "soft_bounce": 1})


# --- what profiles do not show ---


def test_a_no_since_the_permission_was_given_is_a_finding(folder: Folder) -> None:
    seen = folder.run({"b.csv": f"id;event;moment\n1;unsubscribe;{DAY}\n2;complaint;{DAY}\n3;hard bounce;{DAY}\n"})
    assert seen.findings == {("1", NEWS, "unsubscribed_in_campaign"), ("2", NEWS, "complained")}
    told = {row["key"]: row["told"] for row in seen.frame.iter_rows(named=True)}
    assert told == {"1": "unsubscribed_in_campaign", "2": "complained", "3": "bounced"}


def test_consent_that_is_newer_than_the_no_is_no_finding(folder: Folder) -> None:
    truth = [known("1", news_at="2026-11-21 10:00:00"), known("2")]
    seen = folder.run({"b.csv": f"id;event;moment\n1;unsubscribe;{DAY}\n"}, truth=truth)
    assert seen.findings == set()
    assert [row["told"] for row in seen.of("1")] == [None]


def test_an_opt_out_that_the_profile_shows_is_no_finding(folder: Folder) -> None:
    """The platform wrote something down when it happened; a profile that changed last before it shows nothing."""
    off = {"doNotCall": "true"}
    people = [person("1", **off, updateMoment=DAY), person("2", **off, updateMoment="2026-11-20 09:59:59")]
    seen = folder.run({"b.csv": f"id;event;moment\n1;unsubscribe;{DAY}\n2;unsubscribe;{DAY}\n"}, platform=people)
    assert seen.findings == {("2", NEWS, "unsubscribed_in_campaign")}


def test_a_bounce_is_no_opt_out(folder: Folder) -> None:
    seen = folder.run({"b.csv": f"id;event;moment\n1;hard bounce;{DAY}\n1;soft bounce;{DAY}\n1;not sent;{DAY}\n"})
    assert seen.findings == set()


def test_a_file_of_the_future_is_no_evidence(folder: Folder) -> None:
    later = (NOW + timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
    seen = folder.run({"b.csv": f"id;event;moment\n1;unsubscribe;{later}\n"})
    assert (seen.found, seen.findings) == ({}, set())
    assert [of_file(read_told(why)) for why in seen.rejected["reason"]] == ["the moment lies in the future"]


def test_a_damaged_memory_is_told_and_left_aside(folder: Folder) -> None:
    folder.run({"b.csv": f"id;event;moment\n1;complaint;{DAY}\n"})
    [path] = (folder.path / "state" / "Customers").glob("activities-*.parquet")
    path.write_bytes(b"no parquet")
    assert folder.run({}).found == {}
    assert isinstance(folder.remembered(), pl.DataFrame)
