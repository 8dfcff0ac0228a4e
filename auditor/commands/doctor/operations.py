"""Which generation of the API this licence answers, for each operation that is needed; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from auditor.actito import Connection
from auditor.actito.generations import Operation, readings, writings
from auditor.commands.doctor.subject import Finding, State, Subject
from auditor.model import Structure

_Ask = Callable[[Connection, Structure, str], list[Operation]]


def operations(subject: Subject) -> Finding:
    """Is everything there that audits and reading back ask, and in which generation?"""
    return _found(subject, subject.connection.need(), readings)


def write_operations(subject: Subject) -> Finding:
    """Is everything there that apply, fix and undo send?"""
    actito = subject.settings.actito
    key = actito.write_api_key
    return _found(subject, subject.connection.need() if key is None else subject.connect(key), writings)


def _found(subject: Subject, connection: Connection, ask: _Ask) -> Finding:
    dialect = subject.settings.actito.dialect
    return judged(ask(connection, subject.structure.need(), dialect), dialect)


def judged(found: Sequence[Operation], dialect: str) -> Finding:
    """What it comes to that these operations are there, or not, or not told."""
    gone = [one for one in found if one.there(dialect) is False]
    unsaid = [one for one in found if one.there(dialect) is None]
    if any(one.needed for one in gone):
        return _trouble(gone, unsaid, dialect)
    told = "; ".join(part for part in (_by_generation(found), _lacking(gone, dialect)) if part)
    if unsaid:
        doubt = f"of {_names(unsaid)} it is not told without doing it: the first time shows"
        return Finding(State.NOT_CHECKED, f"{told}; {doubt}" if told else doubt)
    announcing = [one for one in found if one.announced]
    if announcing:
        return _ending(announcing, told, dialect)
    if gone:
        return Finding(State.WARNING, told, _ASK)
    return Finding(State.OK, told)


_ASK: Final = "ask Actito whether the licence still has them, and whether the key may use them"


def _ending(announcing: Sequence[Operation], told: str, dialect: str) -> Finding:
    announced = [one for operation in announcing for one in operation.announced]
    ends = min((one.ends.date().isoformat() for one in announced if one.ends), default=None)
    when = f"on {ends}" if ends else "at a time that it does not say"
    generations = " and ".join(sorted({one.generation for one in announced}))
    what = ", ".join(sorted({one.what for one in announced}))
    elsewhere = dialect == "v4" and all(one.answers.get("v5") and "v4" in one.answers for one in announcing)
    return Finding(
        State.WARNING,
        f"{told}; the platform announces that it will end {what} in {generations} {when}",
        'V5 answers them: set dialect = "v5" below [actito]' if elsewhere else "ask Actito what takes their place",
    )


def _names(operations: Iterable[Operation]) -> str:
    return ", ".join(one.name for one in operations)


def _by_generation(found: Sequence[Operation]) -> str:
    """`V5 answers one profile and scenarios`, and so on."""
    parts = []
    for generation in ("v5", "v4"):
        there = [one for one in found if one.answers.get(generation)]
        if there:
            parts.append(f"{generation.upper()} answers {_names(there)}")
    return "; ".join(parts)


def _lacking(gone: Sequence[Operation], dialect: str) -> str:
    """`V5 does not answer scenarios here: what a write may start is not known`; empty where nothing is gone."""
    if not gone:
        return ""
    fails = "; ".join(dict.fromkeys(one.without for one in gone))
    generations = {dialect.upper() if dialect in one.answers else next(iter(one.answers)).upper() for one in gone}
    return f"{' and '.join(sorted(generations))} does not answer {_names(gone)} here: {fails}"


def _trouble(gone: Sequence[Operation], unsaid: Sequence[Operation], dialect: str) -> Finding:
    other = "v4" if dialect == "v5" else "v5"
    reason = _lacking(gone, dialect)
    if unsaid:
        fails = "; ".join(dict.fromkeys(one.without for one in unsaid))
        reason += f"; of {_names(unsaid)} it could not be told, and without: {fails}"
    if all(one.answers.get(other) for one in gone if one.needed):
        return Finding(
            State.TROUBLE,
            f"{reason}; {other.upper()} answers what is needed",
            f'set dialect = "{other}" below [actito]',
        )
    return Finding(State.TROUBLE, reason, _ASK)
