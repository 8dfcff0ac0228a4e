"""Actito: the keys, the host, the rights, the table and the limits."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from auditor.actito import Reader, WrongKey
from auditor.actito.environments import ENVIRONMENTS, environment_of, find
from auditor.commands.doctor.subject import Finding, State, Subject
from auditor.findings.english.numbers import counted

DRIFT = 30
"""Seconds by which this machine's clock may differ from the platform's: moments of both are compared."""
LICENCE_CALLS, LICENCE_CONCURRENCY = 100, 5
"""What a licence has per minute and at once, for everybody who shares it (D-limits)."""
NAMED = 10


def key(subject: Subject) -> Finding:
    """Does Actito accept the key?"""
    subject.entities.get()
    return Finding(State.OK, f"Actito accepts the key {subject.settings.actito.api_key.reference}")


def host(subject: Subject) -> Finding:
    """Which environment does the key belong to (§1.2)?"""
    actito = subject.settings.actito
    name = environment_of(actito.url)
    try:
        subject.entities.get()
    except WrongKey:
        if name is None:
            return Finding(State.NOT_CHECKED, f"{actito.url} is none of Actito's hosts, so no other was asked")
        if not subject.find_host:
            return Finding(
                State.NOT_CHECKED,
                f"{name} does not accept the key; Actito's other hosts were not asked, for the key would go to each",
                "auditor doctor --find-host",
            )
        found, silent = find(actito.api_key.reveal, besides=actito.url)
        if found is not None:
            return Finding(
                State.TROUBLE,
                f"the key belongs to {found}, and the url is that of {name}",
                f'set url = "{ENVIRONMENTS[found]}" below [actito]',
            )
        if silent:
            return Finding(
                State.NOT_CHECKED, f"{name} does not accept the key, and {', '.join(silent)} could not be asked"
            )
        return Finding(
            State.TROUBLE,
            "no environment of Actito accepts the key",
            "make a new one in Actito's app Manage API users; the host is shown beside it",
        )
    if name is None:
        return Finding(State.OK, f"the key belongs to {actito.url}, which is none of Actito's own hosts")
    return Finding(State.OK, f"the key belongs to {name} ({actito.url})")


def write_key(subject: Subject) -> Finding:
    """Is there a key for writing that Actito accepts?"""
    reference = subject.settings.actito.write_api_key
    if reference is None:
        return Finding(
            State.WARNING,
            "there is no key of its own for writing: apply uses the one that audits use",
            "give audits a key that can only read, and name the other as write_api_key below [actito]",
        )
    Reader(subject.connect(reference)).entities()
    return Finding(State.OK, f"Actito accepts the key {reference.reference}; what it may write is seen when it writes")


def entity(subject: Subject) -> Finding:
    """Is the entity one that the key may see?"""
    asked, there = subject.settings.entity, subject.entities.need()
    if asked in there:
        return Finding(State.OK, f'the key sees the entity "{asked}"')
    known = ", ".join(f'"{name}"' for name in there[:NAMED]) or "none"
    return Finding(
        State.TROUBLE, f'the key does not see the entity "{asked}", but {known}', "correct entity in the settings"
    )


def table(subject: Subject) -> Finding:
    """Can the table structure be read?"""
    structure = subject.structure.get()
    columns = counted(len(structure.columns), "column")
    return Finding(State.OK, f'the structure of "{structure.table}" can be read: {columns}')


def profiles(subject: Subject) -> Finding:
    """Can profiles be counted, which is how an incomplete export is noticed?"""
    there, called = Reader(subject.connection.need()).count(subject.structure.need()), subject.settings.names.platform
    if there is None:
        reason = f"{called} does not say how many profiles there are: see that exports are whole"
        return Finding(State.NOT_CHECKED, reason)
    return Finding(State.OK, f"{called} counts {counted(there, 'profile')}")


def clock(subject: Subject) -> Finding:
    """Do this machine and the platform agree on what time it is?"""
    connection = subject.connection.need()
    subject.entities.need()
    date = connection.read(connection.dialect.entities()).headers.get("date")
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return Finding(State.NOT_CHECKED, "the platform does not say what time it is")
    ahead = round((datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds())
    if abs(ahead) <= DRIFT:
        return Finding(State.OK, "this machine's clock and the platform's agree")
    direction = "ahead of" if ahead > 0 else "behind"
    return Finding(
        State.WARNING,
        f"this machine's clock is {counted(abs(ahead), 'second')} {direction} the platform's",
        "let the machine set its clock by NTP: which side is newer is told by moments",
    )


def limits(subject: Subject) -> Finding:
    """Do the settings leave room for others who share the licence?"""
    actito = subject.settings.actito
    share = f"{actito.calls_per_minute:,} calls a minute, {actito.concurrency} at once"
    if actito.calls_per_minute >= LICENCE_CALLS or actito.concurrency >= LICENCE_CONCURRENCY:
        return Finding(
            State.WARNING,
            f"the auditor may use {share}; an ordinary licence has {LICENCE_CALLS} and {LICENCE_CONCURRENCY} for all",
            "lower calls_per_minute and concurrency below [actito], unless the licence has extended limits",
        )
    return Finding(State.OK, f"{share}: room is left for others")
