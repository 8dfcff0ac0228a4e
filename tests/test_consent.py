"""Permissions over time: the history gets changes and nothing else, and findings say what design §8 needs to know."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.model import AttributeType, Permission, PermissionFinding
from auditor.permissions import withheld
from auditor.settings.contract import Column, Compare, Polarity
from tests.small_runs import CONTRACT, Row, Runs, Seen

DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
NEWS, CALLS = "subscriptions#News", "doNotCall"
ON, OFF, EMPTY = "on", "off", "empty"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


PROVEN = {"news_at": "2026-01-01"}


def here(news: str | None = None, silent: str | None = None, key: str = "k", **more: str | None) -> Row:
    return {"id": key, NEWS: news, CALLS: silent, **more}


def there(news: str | None = None, silent: str | None = None, key: str = "k", **more: str | None) -> Row:
    return {"id": key, "news": news, "silent": silent, **more}


# --- the history ---


def test_only_changes_are_appended(runs: Runs) -> None:
    """What was never known and is empty is no change; to fall silent is one."""
    first = runs.run([here("true")], [there("no", None)], "r1", MONDAY)
    assert first.changes == [("platform", "k", NEWS, ON), ("truth", "k", NEWS, OFF)]
    assert runs.run([here("1")], [there("FALSE", "")], "r2", MONDAY + DAY).changes == []
    assert runs.run([here("true")], [there(None)], "r3", MONDAY + 2 * DAY).changes == [("truth", "k", NEWS, EMPTY)]
    assert runs.run([here("true")], [there("yes")], "r4", MONDAY + 3 * DAY).changes == [("truth", "k", NEWS, ON)]
    assert runs.run([here("true")], [there("yes")], "r5", MONDAY + 4 * DAY).changes == []


def test_an_opt_out_column_is_read_the_other_way_round(runs: Runs) -> None:
    assert runs.run([here(None, "true")], [there(None, "no")], "r1", MONDAY).changes == [
        ("platform", "k", CALLS, OFF),
        ("truth", "k", CALLS, ON),
    ]


def test_what_cannot_be_read_says_nothing(runs: Runs) -> None:
    assert runs.run([here("maybe")], [there("?")], "r1", MONDAY).changes == []


def test_who_is_set_apart_has_no_history_and_who_is_alone_has(runs: Runs) -> None:
    """Nobody can say whose permission it is that stands on two rows."""
    platform = [
        here("true", key="twice"),
        here("false", key="twice"),
        here("true", key="alone"),
        here("true", key="out"),
    ]
    outside = runs.with_contract(replace(CONTRACT, population_platform="id <> 'out'"))
    assert outside.run(platform, [there("no", key="twice")], "r1", MONDAY).changes == [("platform", "alone", NEWS, ON)]


def test_the_same_export_again_tells_nothing_new(runs: Runs) -> None:
    """Even where the truth went back and forth meanwhile: of two runs on one moment the later one counts."""
    runs.run([here()], [there("yes")], "20260302T05", MONDAY)
    assert runs.run([here()], [there("no")], "20260302T06", MONDAY).changes == [("truth", "k", NEWS, OFF)]
    assert runs.run([here()], [there("no")], "20260302T07", MONDAY).changes == []
    assert runs.run([here()], [there("yes")], "20260302T08", MONDAY).changes == [("truth", "k", NEWS, ON)]
    assert runs.run([here()], [there("yes")], "20260302T09", MONDAY).changes == []


def test_an_older_export_fills_in_what_was_before(runs: Runs) -> None:
    """Once, and without being told apart from what came later."""
    runs.run([here("true")], [there()], "r1", MONDAY)
    assert runs.run([here("false")], [there()], "r2", MONDAY - DAY).changes == [("platform", "k", NEWS, OFF)]
    assert runs.run([here("false")], [there()], "r3", MONDAY - DAY).changes == []
    assert runs.run([here("true")], [there()], "r4", MONDAY + DAY).changes == []


def test_a_damaged_part_of_the_history_is_left_aside_and_the_rest_stays(runs: Runs) -> None:
    runs.run([here("false")], [there()], "r1", MONDAY)
    runs.run([here("true")], [there()], "r2", MONDAY + DAY)
    (runs.state / "permissions-r2.parquet").write_bytes(b"PAR1")
    seen = runs.run([here("true")], [there(news_at="2026-01-01")], "r3", MONDAY + 2 * DAY)
    assert len(seen.memory.warnings) == 1
    assert seen.changes == [("platform", "k", NEWS, ON)]
    assert seen.findings == {("k", NEWS, "contactable_again"): MONDAY}


# --- findings ---

STATES: dict[str, str | None] = {ON: "true", OFF: "false", EMPTY: None}
BY_HAND = {
    (ON, OFF): {"opted_out_in_truth"},
    (OFF, ON): {"opted_out_on_platform"},
}


def test_findings_of_a_first_run(runs: Runs) -> None:
    """Both columns, each spelt its own way round; the evidence is there, and nothing was known before."""
    opposite = {"true": "false", "false": "true", None: None}
    pairs = list(itertools.product(STATES, STATES))
    named = {f"{platform}-{truth}": (STATES[platform], STATES[truth]) for platform, truth in pairs}
    seen = runs.run(
        [here(platform, opposite[platform], key) for key, (platform, _) in named.items()],
        [there(truth, opposite[truth], key, news_at="2026-01-01") for key, (_, truth) in named.items()],
        "r1",
        MONDAY,
    )
    expected = {
        (f"{platform}-{truth}", column, finding)
        for (platform, truth), findings in BY_HAND.items()
        for column in (NEWS, CALLS)
        for finding in findings
    }
    assert set(seen.findings) == expected
    assert {finding for _, _, finding in seen.findings} <= set(PermissionFinding)
    assert set(STATES) == set(Permission)


def test_a_permission_without_evidence(runs: Runs) -> None:
    """Where the contract names evidence and a side is on, unless the truth is off; what is no moment is no evidence."""
    dates = {"none": None, "empty": "", "word": "soon", "moment": "2026-01-01 10:00:00"}
    cases = list(itertools.product(STATES, STATES, dates))
    seen = runs.run(
        [here(STATES[p], key=f"{p} {t} {date}") for p, t, date in cases],
        [there(STATES[t], "no", f"{p} {t} {date}", news_at=dates[date]) for p, t, date in cases],
        "r1",
        MONDAY,
    )
    assert {(key, column) for key, column, finding in seen.findings if finding == "without_evidence"} == {
        (f"{p} {t} {date}", NEWS) for p, t, date in cases if (t == ON or (p == ON and t == EMPTY)) and date != "moment"
    }


@pytest.mark.parametrize("side", ["platform", "truth"])
def test_contactable_again_after_an_opt_out_that_any_run_saw(runs: Runs, side: str) -> None:
    """On either side, even when both agree now; since the last opt-out that is known."""
    off = ([here("false")], [there("yes")]) if side == "platform" else ([here("true")], [there("no")])
    on = ([here("true")], [there("yes", news_at="2026-01-01")])
    assert ("k", NEWS, "contactable_again") not in runs.run(*off, "r1", MONDAY).findings
    assert runs.run(*on, "r2", MONDAY + DAY).findings == {("k", NEWS, "contactable_again"): MONDAY}
    runs.run(*off, "r3", MONDAY + 2 * DAY)
    assert runs.run(*on, "r4", MONDAY + 3 * DAY).findings == {("k", NEWS, "contactable_again"): MONDAY + 2 * DAY}
    assert runs.run([here("false")], [there("no")], "r5", MONDAY + 4 * DAY).findings == {}


def test_who_is_on_again_under_another_key_had_the_opt_out_of_before(runs: Runs) -> None:
    """By the profileId; who has no opt-out under any key of theirs has none."""
    numbered = replace(runs, profile_ids=True)

    def seen(*keys: str, news: str) -> tuple[list[Row], list[Row]]:
        rows = [here(news, key=key, profileId=str(number)) for number, key in enumerate(keys)]
        return rows, [there(news, key=key, **PROVEN) for key in keys]

    numbered.run(*seen("a", news="false"), "r1", MONDAY)
    renamed = numbered.run(*seen("b", "c", news="true"), "r2", MONDAY + DAY)
    assert renamed.findings == {("b", NEWS, "contactable_again"): MONDAY}


def test_what_another_profile_withdrew_under_the_key_is_held_against_that_one_alone(runs: Runs) -> None:
    """As long as it is here: a profile that was made again has the history of its key."""
    numbered, hour = replace(runs, profile_ids=True), timedelta(hours=1)

    def seen(run: int, withdrawn: Collection[str] = (), **news: str) -> dict[str, datetime | None]:
        people = {name: name.split("_") for name in news}
        rows = [here(news[name], key=key, profileId=number) for name, (key, number) in people.items()]
        said = [there(news[name], key=key, **PROVEN) for name, (key, _) in people.items()]
        ours = [(key, NEWS, MONDAY + hour) for key in withdrawn]
        found = numbered.run(rows, said, f"r{run}", MONDAY + run * DAY, withdrawn=ours).findings
        return {key: since for (key, _, what), since in found.items() if what == "contactable_again"}

    seen(0, a_1="false", b_2="true", c_3="false", d_4="true", e_5="false")
    swapped = {"x_1": "false", "a_2": "true", "c_4": "true", "d_3": "true"}
    assert seen(1, withdrawn=["x"], **swapped, e_6="true") == {"d": MONDAY, "e": MONDAY}
    assert seen(2, withdrawn=["x"], **swapped, e_6="true") == {"d": MONDAY, "e": MONDAY}, "whatever run saw it last"
    seen(3, x_1="false", a_2="false", c_4="true", d_3="true")
    assert seen(4, x_1="true", a_2="true", c_4="true", d_3="true") == {
        "a": MONDAY + 3 * DAY, "x": MONDAY + DAY, "d": MONDAY
    }  # fmt: skip


def test_an_opt_out_is_kept_of_each_profile_that_has_had_the_key(runs: Runs) -> None:
    """Also where both were off, and nothing under that key has changed."""
    numbered = replace(runs, profile_ids=True)

    def seen(run: int, *numbers: str, news: str) -> Seen:
        rows = [here(news, key=key, profileId=number) for key, number in zip("ab", numbers, strict=False)]
        said = [there(key=key) for key in "ab"]
        return numbered.run(rows, said, f"r{run}", MONDAY + run * DAY)

    seen(0, "1", news="false")
    assert seen(1, "2", "1", news="false").changes == [("platform", key, NEWS, OFF) for key in "ab"]
    again = seen(2, "2", "1", news="true")
    assert {key for key, _, what in again.findings if what == "contactable_again"} == {"a", "b"}


def test_numbers_of_a_table_that_was_made_anew_say_nothing_of_whose_opt_out_it_was(runs: Runs) -> None:
    first, second = (replace(runs, profile_ids=True, number=number) for number in ("16", "17"))
    first.run([here("false", profileId="1")], [there("no")], "r0", MONDAY)
    people = [here("true", profileId="2"), here("true", key="b", profileId="1")]
    for run in (1, 2):
        again = second.run(people, [there("yes"), there("yes", key="b")], f"r{run}", MONDAY + run * DAY).findings
        assert {key for key, _, what in again if what == "contactable_again"} == {"k"}


def test_what_is_off_because_we_created_it_so_is_no_opt_out(runs: Runs) -> None:
    """Until a run has seen it on: then somebody has turned it off."""
    first = runs.run(
        [here("false"), here("false", key="o")], [there("yes"), there("yes", key="o")], "r1", MONDAY, created=["k"]
    )
    assert {(key, finding) for key, _, finding in first.findings} >= {("o", "opted_out_on_platform")}
    assert ("k", NEWS, "opted_out_on_platform") not in first.findings
    runs.run([here("true")], [there("yes")], "r2", MONDAY + DAY, created=["k"])
    later = runs.run([here("false")], [there("yes")], "r3", MONDAY + 2 * DAY, created=["k"])
    assert ("k", NEWS, "opted_out_on_platform") in later.findings


def test_what_is_off_because_we_withdrew_it_is_no_opt_out_and_nobody_else_changed_it(runs: Runs) -> None:
    """Until a run has seen it on since: then somebody else has turned it off. Where the profile was changed after us,
    a yes and a no may lie between that no run saw.
    """
    people = ("k", "o", "s", "touched", "unknown")
    runs.run([here("true", key=key) for key in people], [there("yes", key=key) for key in people], "r1", MONDAY)
    left, touched = "2026-03-02 06:00:00", "2026-03-02 06:00:07"  # in Brussels
    off = [
        here("false", key="k", updateMoment=left),
        here("false", key="o", updateMoment=left),
        here("true", key="s", updateMoment=left),
        here("false", key="touched", updateMoment=touched),
        here("false", key="unknown"),
    ]
    said = [there("yes", key=key) for key in people]
    ours = [(key, NEWS, MONDAY + timedelta(hours=1)) for key in people if key != "o"]
    second = runs.run(off, said, "r2", MONDAY + DAY, withdrawn=ours)
    theirs = {"o", "touched", "unknown"}
    assert {key for key, _, finding in second.findings if finding == "opted_out_on_platform"} == theirs
    assert second.moved == {("k", NEWS): "ours"} | {(key, NEWS): "platform" for key in theirs}
    runs.run([here("true", key="k")], [there("yes", key="k")], "r3", MONDAY + 2 * DAY, withdrawn=ours)
    later = runs.run([here("false", key="k")], [there("yes", key="k")], "r4", MONDAY + 3 * DAY, withdrawn=ours)
    assert ("k", NEWS, "opted_out_on_platform") in later.findings
    assert later.moved == {("k", NEWS): "platform"}


def test_who_said_yes_and_no_after_we_withdrew_has_opted_out(runs: Runs) -> None:
    """Also where no run saw it off in between, under whichever key, and where what we withdrew was an undo."""
    numbered = replace(runs, profile_ids=True)
    keys, sent = ("k", "z"), MONDAY + timedelta(hours=1)

    def seen(news: str, run: int, *names: str) -> Seen:
        said = [there("yes", key=key, **PROVEN) for key in names]
        people = [here(news, key=key, profileId=str(number)) for number, key in enumerate(names)]
        written = [(name, NEWS, sent) for name in names] if run > 1 else []
        undone = [(names[1], NEWS, "false", "true")] if run > 1 else []
        return numbered.run(people, said, f"r{run}", MONDAY + (run - 1) * DAY, withdrawn=written, undone=undone)

    seen("true", 1, *keys)
    again = seen("true", 2, *keys)
    assert again.changes == [("platform", key, NEWS, "on") for key in keys], "nobody saw it off"
    assert again.findings == {(key, NEWS, "contactable_again"): sent for key in keys}
    assert not seen("true", 3, *keys).changes
    out = seen("false", 4, "new", "z")
    assert out.moved == {("new", NEWS): "platform", ("z", NEWS): "platform"}
    assert {key for key, _, finding in out.findings if finding == "opted_out_on_platform"} == {"new", "z"}


@pytest.mark.parametrize(
    ("agreed", "restored", "wrote", "truth", "moved"),
    [
        ("new", "old", "new", "new", "ours"),
        ("new", "old", "new", "third", "ours"),  # nobody has changed it in Actito
        ("new town", "old", " new  town", "third", "ours"),  # by the column's rule
        ("new", "other", "new", "new", "platform"),  # edited since
        ("new", "other", "new", "third", "both"),
        # No run has seen what we wrote: whose the cell was before, it is again.
        ("old", "old", "new", "third", "truth"),
        ("base", "old", "new", "base", "platform"),
        ("base", "old", "new", "new", "both"),
    ],
)
def test_what_we_took_back_is_told_as_ours_whatever_the_truth_says_since(
    runs: Runs, agreed: str, restored: str, wrote: str, truth: str, moved: str
) -> None:
    """Where both sides had agreed on what we wrote, and the platform holds what was there before."""
    runs.run([here(city=agreed)], [there(city=agreed)], "r1", MONDAY)
    back = [("k", "city", "old", wrote)]
    now = runs.run([here(city=restored)], [there(city=truth)], "r2", MONDAY + DAY, undone=back)
    assert now.moved == {("k", "city"): moved}


def test_since_when(runs: Runs) -> None:
    """The moment of the evidence, or of the platform's row, in the contract's time zone."""
    opted_out = runs.run([here("true")], [there("no", news_at="2026-03-29 03:30:00")], "r1", MONDAY).findings
    assert opted_out == {("k", NEWS, "opted_out_in_truth"): datetime(2026, 3, 29, 1, 30, tzinfo=UTC)}
    later = runs.run(
        [here("false", key="b", updateMoment="2026-01-05 10:00:00")],
        [there("yes", key="b", news_at="2026-01-01")],
        "r2",
        MONDAY + DAY,
    ).findings
    assert later == {("b", NEWS, "opted_out_on_platform"): datetime(2026, 1, 5, 9, tzinfo=UTC)}


def test_what_came_later_than_what_a_side_shows_is_no_opt_out_before(runs: Runs) -> None:
    """An export from before the opt-out shows the permission on, and nobody has turned it on again."""
    runs.run([here("false")], [there()], "r1", MONDAY)
    proven = there(news_at="2026-01-01")
    assert runs.run([here("true")], [proven], "r2", MONDAY - DAY).findings == {}
    runs.run([here("true", key="b")], [there("no", key="b")], "r3", MONDAY + DAY, truth_as_of=MONDAY + 3 * DAY)
    again = runs.run(
        [here("true", key="b")], [there("yes", key="b", news_at="2026-01-01")], "r4", MONDAY + DAY,
        truth_as_of=MONDAY + 4 * DAY,
    )  # fmt: skip
    assert again.findings == {("b", NEWS, "contactable_again"): MONDAY + 3 * DAY}


def test_what_a_person_decided_is_no_question_any_more(runs: Runs) -> None:
    """Until the permission is seen off once more, after that decision."""
    on, off = ([here("true")], [there("yes", **PROVEN)]), ([here("false")], [there("no")])
    opt_in = [("k", NEWS, MONDAY + timedelta(hours=12))]
    runs.run(*off, "r1", MONDAY)
    assert set(runs.run(*on, "r2", MONDAY + DAY, save=False).findings) == {("k", NEWS, "contactable_again")}
    assert runs.run(*on, "r2", MONDAY + DAY, decided=opt_in).findings == {}
    runs.run(*off, "r3", MONDAY + 2 * DAY, decided=opt_in)
    again = runs.run(*on, "r4", MONDAY + 3 * DAY, decided=opt_in).findings
    assert again == {("k", NEWS, "contactable_again"): MONDAY + 2 * DAY}


def test_what_was_sent_already_is_no_finding(runs: Runs) -> None:
    """The export shows what stood there before our opt-out was written; the next one will show the opt-out."""
    both = [here("true")], [there("no")]
    assert runs.run(*both, "r1", MONDAY, sent={("k", NEWS)}).findings == {}
    assert set(runs.run(*both, "r2", MONDAY, sent={("k", CALLS)}).findings) == {("k", NEWS, "opted_out_in_truth")}


# --- profiles that only one side has ---


def test_who_is_not_on_the_platform_cannot_be_contacted_there(runs: Runs) -> None:
    assert runs.run([], [there("yes", "no", key="b")], "r1", MONDAY).findings == {}


def test_whom_the_truth_does_not_know_may_be_contacted_all_the_same(runs: Runs) -> None:
    """Nobody can say when they agreed, and an opt-out that an earlier run saw is not forgotten with the person."""
    runs.run([here("false")], [there("no")], "r1", MONDAY)
    assert runs.run([here("true")], [], "r2", MONDAY + DAY).findings == {
        ("k", NEWS, "contactable_again"): MONDAY,
        ("k", NEWS, "without_evidence"): None,
    }
    assert runs.run([here("false")], [], "r3", MONDAY + 2 * DAY).findings == {}


def test_whom_the_truth_may_still_hear_of_needs_no_evidence_yet(runs: Runs) -> None:
    """Somebody who signed up an hour before the truth's extract, with a synchronisation that takes a day."""
    waiting = runs.with_contract(replace(CONTRACT, grace=timedelta(hours=24)))
    new = [here("true", key="new", updateMoment="2026-03-02 04:00:00")]
    old = [here("true", key="old", updateMoment="2026-02-20 04:00:00")]
    assert set(waiting.run(new + old, [], "r1", MONDAY).findings) == {("old", NEWS, "without_evidence")}


def test_of_a_key_twice_nobody_can_say_whose_permission_it_is(runs: Runs) -> None:
    assert runs.run([here("true"), here("true")], [there("no")], "r1", MONDAY).findings == {}
    assert runs.run([here("true")], [there("no"), there("no")], "r2", MONDAY).findings == {}


# --- consent and subscriptions, addresses and numbers ---

CONSENT, SILENCE, ADDRESS, PHONE = "marketingConsent", "doNotContact", "emailAddress", "gsmNumber"
WHOLE = replace(
    CONTRACT,
    columns=(
        CONTRACT.columns[0],
        CONTRACT.columns[3],
        Column(CONSENT, "consent", CONSENT, Compare.BOOLEAN, permission=Polarity.OPT_IN, general=True,
               evidence_date="consent_at"),
        Column(SILENCE, "silence", SILENCE, Compare.BOOLEAN, permission=Polarity.OPT_OUT, general=True),
        Column(ADDRESS, "mail", ADDRESS, Compare.EMAIL),
        Column(PHONE, "mobile", "mobile number", type=AttributeType.PHONE),
    ),
)  # fmt: skip
REACHED = {ADDRESS: "a@example.com"}
EVIDENCED = {"news_at": "2026-01-01", "consent_at": "2026-01-02"}


def test_a_subscription_against_the_general_consent(runs: Runs) -> None:
    """On in Actito while the consent is off on either side, whatever the truth says of the subscription.

    Consent without any subscription harms nobody, and a consent that nobody asked for is not withdrawn: no findings.
    """
    whole = runs.with_contract(WHOLE)
    cases = list(itertools.product(STATES, STATES, STATES, STATES))
    seen = whole.run(
        [{"id": " ".join(c), NEWS: STATES[c[0]], CONSENT: STATES[c[1]], **REACHED} for c in cases],
        [{"id": " ".join(c), "news": STATES[c[2]], "consent": STATES[c[3]], **EVIDENCED} for c in cases],
        "r1",
        MONDAY,
    )
    found = {(key, column) for key, column, finding in seen.findings if finding == "against_consent"}
    assert found == {(" ".join(c), NEWS) for c in cases if c[0] == ON and OFF in (c[1], c[3])}
    assert sum(finding == "against_consent" for _, _, finding in seen.findings) == 15


def test_who_can_be_given_nothing_because_the_general_consent_is_off(runs: Runs) -> None:
    """As the module that decides says of both words, of whoever differs in some permission."""
    whole = runs.with_contract(WHOLE)
    cases = list(itertools.product(STATES, STATES))
    seen = whole.run(
        [{"id": " ".join(c), NEWS: "false", CONSENT: STATES[c[0]], **REACHED} for c in cases],
        [{"id": " ".join(c), "news": "yes", "consent": STATES[c[1]], **EVIDENCED} for c in cases],
        "r1",
        MONDAY,
    )
    assert seen.consent_off == {f"{OFF} {OFF}", f"{OFF} {EMPTY}", f"{EMPTY} {OFF}", f"{ON} {OFF}"}
    assert seen.consent_off == {" ".join(c) for c in cases if withheld(Permission(c[0]), Permission(c[1]))}
    plain = replace(WHOLE, columns=tuple(replace(column, general=False) for column in WHOLE.columns))
    both = [{"id": "k", NEWS: "false", CONSENT: "false"}], [{"id": "k", "news": "yes", "consent": "no"}]
    assert runs.with_contract(plain).run(*both, "r2", MONDAY).consent_off == set()


def test_a_general_refusal_counts_like_a_consent_withdrawn(runs: Runs) -> None:
    """Its off is spelt true, and a general permission is never against another one."""
    whole = runs.with_contract(WHOLE)
    profile = {"id": "k", NEWS: "true", CONSENT: "true", SILENCE: "true", **REACHED}
    said = {"id": "k", "news": "yes", "consent": "yes", "silence": "yes", **EVIDENCED}
    assert set(whole.run([profile], [said], "r1", MONDAY).findings) == {("k", NEWS, "against_consent")}
    assert set(whole.run([profile], [], "r2", MONDAY).findings) == {
        ("k", NEWS, "against_consent"),
        ("k", NEWS, "without_evidence"),
        ("k", CONSENT, "without_evidence"),
    }


def test_since_when_the_consent_is_withdrawn(runs: Runs) -> None:
    """The earliest that a side proves: the truth's evidence, else the change of the platform's row."""
    whole = runs.with_contract(WHOLE)
    profile = {"id": "k", NEWS: "true", CONSENT: "false", SILENCE: "no", **REACHED, "updateMoment": "2026-01-05 10:00"}
    said = {"id": "k", "news": "yes", "consent": "no", "silence": "no", **EVIDENCED}
    in_truth = whole.run([profile], [said], "r1", MONDAY).findings
    assert in_truth == {("k", NEWS, "against_consent"): datetime(2026, 1, 1, 23, tzinfo=UTC)}
    on_platform = whole.run([{**profile, SILENCE: "yes"}], [{**said, "consent": ""}], "r2", MONDAY).findings
    assert on_platform["k", NEWS, "against_consent"] == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_contract_without_a_general_permission_finds_nothing_against_it(runs: Runs) -> None:
    plain = replace(WHOLE, columns=tuple(replace(column, general=False) for column in WHOLE.columns))
    profile = {"id": "k", NEWS: "true", CONSENT: "false", **REACHED}
    said = {"id": "k", "news": "yes", "consent": "no", **EVIDENCED}
    assert runs.with_contract(plain).run([profile], [said], "r1", MONDAY).findings == {}


@pytest.mark.parametrize(
    ("address", "number", "reached"),
    [
        ("a@example.com", None, True),
        (None, "0470123456", True),
        ("no address at all", "", True),
        (None, None, False),
        ("", " \u00a0 ", False),
    ],
)
def test_a_permission_to_contact_nobody_knows_where(
    runs: Runs, address: str | None, number: str | None, reached: bool
) -> None:
    """What counts is what the platform has; a value that is no address is a violation, and there all the same. Not to
    have refused is no permission.
    """
    whole = runs.with_contract(WHOLE)
    profile = {NEWS: "true", CONSENT: "true", SILENCE: "false", ADDRESS: address, "mobile number": number}
    said = {"news": "yes", "consent": "yes", "mail": "a@example.com", "mobile": "0470123456", **EVIDENCED}
    off = {"id": "off", NEWS: "false", CONSENT: None}
    seen = whole.run([{"id": "k", **profile}, off], [{"id": "k", **said}], "r1", MONDAY)
    expected = set() if reached else {("k", NEWS, "without_contact"), ("k", CONSENT, "without_contact")}
    assert set(seen.findings) == expected
    alone = {
        finding
        for finding in whole.run([{"id": "k", **profile}], [], "r2", MONDAY).findings
        if "without_contact" in finding
    }
    assert alone == expected


def test_a_contract_that_maps_neither_address_nor_number_cannot_tell(runs: Runs) -> None:
    plain = replace(WHOLE, columns=WHOLE.columns[:4])
    seen = runs.with_contract(plain).run([{"id": "k", NEWS: "true"}], [there("yes", **EVIDENCED)], "r1", MONDAY)
    assert seen.findings == {}


def test_a_contract_without_permissions(runs: Runs) -> None:
    plain = runs.with_contract(replace(CONTRACT, columns=CONTRACT.columns[:3]))
    seen = plain.run([here("true")], [there("no")], "r1", MONDAY)
    assert (seen.changes, seen.findings) == ([], {})
