"""The questions of `auditor plan --review`, in the manner of `git add -p`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import click

from auditor.cli.screen import say, wrapped
from auditor.commands.plan_by_cause import Proposed
from auditor.findings.english.numbers import counted
from auditor.findings.planned import in_words
from auditor.report.plan_questions import Asked, Question
from auditor.report.plan_text import of_write

EXAMPLES: Final = 3
"""Writes of a question that are shown before somebody answers."""

_HELP: Final = {
    "y": "take these into the plan",
    "n": "refuse these: not proposed again until a value changes or the refusal ends",
    "s": "answer for each of them alone",
    "a": "take these and all that follow",
    "d": "refuse these and all that follow, but for opt-outs",
    "e": "show every one of these",
    "q": "quit: nothing is made, and nothing is remembered",
    "?": "this help",
}
_OPT_OUT: Final = (
    "an opt-out is not refused here: until it is written, somebody may be contacted against their will. Correct it "
    "where it comes from, or decide on the person in the worklist"
)


def walk(proposed: Proposed) -> list[Asked] | None:
    """Asks all of it; gives what is refused, None where somebody quits."""
    waiting, refused, rest = deque(proposed.questions), list[Asked](), ""
    while waiting:
        question = waiting.popleft()
        answer = rest or _answer(question, proposed, left=len(waiting))
        if answer == "q":
            return None
        if answer == "s":
            waiting.extendleft(reversed(question.one_by_one()))
        if answer in ("a", "d"):
            rest = answer
        if answer in ("n", "d") and question.refusable:
            refused += question.asked
    return refused


def _answer(question: Question, proposed: Proposed, *, left: int) -> str:
    several = len(question.asked) > 1
    number = in_words({question.kind.value: len(question.asked)})
    click.echo()
    click.echo(wrapped("", f"{question.about}: {number}", indent=2))
    for line in _lines(question.asked[:EXAMPLES], proposed):
        click.echo(line)
    if len(question.asked) > EXAMPLES:
        click.echo(f"  and {len(question.asked) - EXAMPLES:,} more (e shows all)")
    choices = [one for one in _HELP if (several or one not in "se") and (question.refusable or one != "n")]
    while True:
        more = counted(left, "more question")
        typed = click.prompt(f"take this? [{','.join(choices)}] ({more})", prompt_suffix=" ", err=True)
        answer = typed.strip().lower()[:1]
        if answer == "n" and not question.refusable:
            say(wrapped("  ", _OPT_OUT))
        elif answer == "e" and several:
            for line in _lines(question.asked, proposed):
                click.echo(line)
        elif answer in choices and answer not in "e?":
            return answer
        else:
            for letter in choices:
                say(f"  {letter}  {_HELP[letter]}")


def _lines(asked: Iterable[Asked], proposed: Proposed) -> Iterator[str]:
    for one in asked:
        yield from (f"  {line}".rstrip() for line in of_write(one.write, proposed.review))
