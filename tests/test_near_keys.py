"""Keys that a strict rule tells apart, though only case, blanks, unseen characters or leading zeros differ: a hint."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.commands.compare import Comparison, compare
from auditor.findings.audit import Conclusion
from auditor.findings.codes import Code, read_told
from auditor.findings.sentences import sentence
from auditor.model import Status
from auditor.settings.compare_options import Question
from tests.audits import in_words


def file(path: Path, keys: Sequence[str], *, names: Sequence[str] = ("id",), more: str = "x") -> str:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([*names, "note"])
        writer.writerows([*key.split("/"), more] if len(names) > 1 else [key, more] for key in keys)
    return str(path)


def ask(folder: Path, platform: Sequence[str], truth: Sequence[str], **more: object) -> Comparison:
    files = [file(folder / f"{name}.csv", keys) for name, keys in (("platform", platform), ("truth", truth))]
    return compare(Question(*files, key=("id",), **more))  # type: ignore[arg-type,misc]


def told(conclusion: Conclusion) -> list[str]:
    return [sentence(notice, conclusion.say) for notice in conclusion.notices]


ALMOST = (
    ("0042", "42"), ("k7", "K7"), ("K-7", "K-7 "), ("12 345", "12345"), ("13\u00a0345", "13345"), ("é1", "e\u03011"),
    ("A\u200b1", "A1"), (" 00b1", "B1"), ("0", "000"),
)  # fmt: skip


def test_keys_that_are_almost_others_are_hinted_at_and_not_matched(tmp_path: Path) -> None:
    platform, truth = zip(*ALMOST, strict=True)
    audit = ask(tmp_path, [*platform, "1x", "2x"], [*truth, "1x", "3x"], same_person=True).audit
    assert audit.counts.profiles[Status.MISSING] == audit.counts.profiles[Status.ORPHAN] == len(ALMOST) + 1
    [notice] = told(audit)
    assert notice.startswith(f"{len(ALMOST)} profiles that only File 2 has are in File 1 under a key that differs by ")
    pairs = audit.same_person.rows()
    assert sorted(pair[:4] for pair in pairs) == sorted((*pair, None, "both") for pair in ALMOST)
    assert {in_words(read_told(pair[5])) for pair in pairs} == {"same key but for case, blanks or leading zeros"}
    assert min(pair[4] for pair in pairs) > 0.9


def test_one_such_key_is_hinted_at_in_a_sentence_about_one(tmp_path: Path) -> None:
    assert told(ask(tmp_path, ["0042", "1x"], ["42", "1x"]).audit) == [
        "1 profile that only File 2 has is in File 1 under a key that differs by nothing but case, blanks, Unicode "
        "form or leading zeros: another comparison rule for id would match them"
    ]


OTHERS = (("42", "420"), ("K7", "K8"), ("a.1", "a1"), ("e2", "é2"), ("1", "l"))


def test_other_keys_are_not(tmp_path: Path) -> None:
    platform, truth = zip(*OTHERS, strict=True)
    audit = ask(tmp_path, platform, truth, same_person=True).audit
    assert audit.notices == ()
    assert audit.same_person.is_empty()


def test_a_rule_that_matches_them_leaves_nothing_to_hint_at(tmp_path: Path) -> None:
    """But they are marked: they are the same by that rule only."""
    audit = ask(tmp_path, ["0042", "7"], ["42", "7"], rules={"id": "number"}).audit
    assert told(audit) == ["1 profile is matched by id, though File 1 and File 2 spell it differently"]
    assert audit.counts.matched_by == {"key": 1, "key, normalised": 1}
    assert audit.counts.profiles[Status.EQUAL] == 2


def test_parts_of_a_key_of_several_columns(tmp_path: Path) -> None:
    names = ("shop", "id")
    first = file(tmp_path / "a.csv", ["BE/0042", "NL/7"], names=names)
    second = file(tmp_path / "b.csv", ["be/42", "NL/8"], names=names)
    [notice] = told(compare(Question(first, second, key=names)).conclusion)
    assert notice.startswith("1 profile that only File 2 has is")
    assert notice.endswith("rule for shop and id would match them")


@pytest.mark.parametrize(
    ("platform", "truth", "hinted"),
    [
        ("|é@x", "7|E\u0301@x", True),  # a fallback key, where one side lacks the key
        ("|a@x", "|A@X", True),
        ("8|a@x", "7|A@X", False),  # both have the key: two people
        ("07|b@x", "7|a@x", True),
        ("|a@x", "7|b@x", False),
    ],
)
def test_fallback_keys_are_hinted_at_where_they_would_match(
    tmp_path: Path, platform: str, truth: str, hinted: bool
) -> None:
    for name, (key, mail) in {"a": platform.split("|"), "b": truth.split("|")}.items():
        (tmp_path / f"{name}.csv").write_text(f"id,mail,note\n{key},{mail},x\n", "utf-8")
    question = Question(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), key=("id",), fallbacks=(("mail",),))
    said = told(compare(question).conclusion)
    assert [notice.endswith("rule for id or mail would match them") for notice in said] == ([True] if hinted else [])


INVISIBLE = "\u00ad\u200b\u2060\ufeff"
PIECES = st.sampled_from(["0", "00", "1", "a", "A", "é", "e\u0301", " ", "\u00a0", *INVISIBLE, '"', "["])
KEY = st.lists(PIECES, min_size=1, max_size=5).map("".join).filter(lambda key: key.strip("\u00a0 ") != "")
KEYS = st.lists(KEY, max_size=24)


def bare(key: str) -> str:
    """As one would do it by hand."""
    seen = "".join(sign for sign in unicodedata.normalize("NFC", key) if not sign.isspace() and sign not in INVISIBLE)
    return re.sub(r'(^|")0+([^"])', r"\1\2", seen.lower())


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(KEYS, KEYS)
def test_as_many_are_counted_as_loops_find(tmp_path: Path, platform: list[str], truth: list[str]) -> None:
    sides = [Counter(keys) for keys in (platform, truth)]
    twice = {key for side in sides for key, rows in side.items() if rows > 1}
    only = [[key for key in side if key not in sides[1 - n] and key not in twice] for n, side in enumerate(sides)]
    counted = [Counter(map(bare, keys)) for keys in only]
    near = sum(1 for form, rows in counted[0].items() if rows == 1 and counted[1][form] == 1)
    notices = ask(tmp_path, platform, truth).conclusion.notices
    hinted = [one.parameters["profiles"] for one in notices if one.code is Code.NEARLY_MATCHED]
    related = [one.parameters["keys"] for one in notices if one.code is Code.KEYS_RELATED]
    assert hinted == ([near] if near and not related else [])
    assert all(keys >= max(near, 2) for keys in related)
