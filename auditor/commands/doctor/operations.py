"""Which generation of the API this licence answers, for each operation that is needed; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditor.actito import Connection
from auditor.actito.generations import Operation, readings, writings
from auditor.commands.doctor.subject import Finding, State, Subject
from auditor.findings.english.structure_words import listed
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
    found = ask(connection, subject.structure.need(), dialect)
    gone = [one for one in found if one.there(dialect) is False]
    if gone:
        return _trouble(gone, dialect)
    unsaid = [one.name for one in found if one.there(dialect) is None]
    if unsaid:
        said = [one for one in found if one.name not in unsaid]
        told = f"{_by_generation(said)}; " if said else ""
        return Finding(
            State.NOT_CHECKED,
            f"{told}of {listed(unsaid)} it is not told without doing it: the first time shows",
        )
    announced = [one for one in connection.announced.values() if one.generation.lower() == dialect]
    if announced:
        ends = min((one.ends.date().isoformat() for one in announced if one.ends), default=None)
        when = f"on {ends}" if ends else "at a time that it does not say"
        elsewhere = dialect == "v4" and all(one.answers["v5"] for one in found if "v5" in one.answers)
        return Finding(
            State.WARNING,
            f"{_by_generation(found)}; the platform announces that it will end "
            f"{listed(sorted({one.what for one in announced}))} in {dialect.upper()} {when}",
            'V5 answers them: set dialect = "v5" below [actito]' if elsewhere else "ask Actito what takes their place",
        )
    return Finding(State.OK, _by_generation(found))


def _by_generation(found: Sequence[Operation]) -> str:
    """`V5 answers one profile and scenarios`, and so on."""
    parts = []
    for generation in ("v5", "v4"):
        names = [one.name for one in found if one.answers.get(generation)]
        if names:
            parts.append(f"{generation.upper()} answers {listed(names)}")
    return "; ".join(parts)


def _trouble(gone: Sequence[Operation], dialect: str) -> Finding:
    other = "v4" if dialect == "v5" else "v5"
    elsewhere = [one.name for one in gone if one.answers.get(other)]
    fails = "; ".join(dict.fromkeys(one.without for one in gone))
    generations = {dialect.upper() if dialect in one.answers else next(iter(one.answers)).upper() for one in gone}
    reason = f"{' and '.join(sorted(generations))} does not answer {listed([one.name for one in gone])} here: {fails}"
    if len(elsewhere) == len(gone):
        return Finding(
            State.TROUBLE, f"{reason}; {other.upper()} answers them", f'set dialect = "{other}" below [actito]'
        )
    return Finding(
        State.TROUBLE, reason, "ask Actito whether the licence still has them, and whether the key may use them"
    )
