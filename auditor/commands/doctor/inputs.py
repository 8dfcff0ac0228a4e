"""Contract, suite, structure, export, truth and the synchronisations."""

from __future__ import annotations

from auditor.actito import Discontinued, NotAllowed, NotFound, Reader
from auditor.commands.doctor.subject import Finding, Input, State, Subject
from auditor.findings.english.numbers import counted
from auditor.findings.english.structure_words import listed
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import Side
from auditor.settings.contract_file import read_contract
from auditor.state.past_runs import last_structure
from auditor.structure.since import read_synchronisations, since
from auditor.validate.suite import read_suite


def contract(subject: Subject) -> Finding:
    """Can the contract be read, and does it fit the table structure?"""
    read_contract(subject.contract_file, None)
    found = subject.contract.get()
    return Finding(State.OK, f"the contract maps {counted(len(found.columns), 'column')} and fits the structure")


def structure(subject: Subject) -> Finding:
    """Is the table structure what the last run saw?"""
    live = subject.structure.need()
    last = last_structure(subject.settings)
    if last is None:
        return Finding(State.OK, "there is no earlier run whose structure could differ")
    subject.draft.need()
    say = Words.of(subject.settings.names)
    news = since(*last, live, Reader(subject.connection.need()), subject.contract_file)
    if not news:
        return Finding(State.OK, f"the structure is what the run {last[0]} saw")
    return Finding(State.WARNING, " ".join(sentence(one, say) for one in news), "look at it: auditor structure diff")


def suite(subject: Subject) -> Finding:
    """Can the suite be read?"""
    path = subject.settings.table_folder / "suite.json"
    if not path.exists():
        return Finding(State.OK, "there is no suite yet: the first run makes it from the structure")
    return Finding(State.OK, f"the suite has {counted(len(read_suite(path).expectations), 'expectation')}")


def synchronisations(subject: Subject) -> Finding:
    """Does some synchronisation fill every column that the contract maps?"""
    live, mapped = subject.structure.need(), [column.name for column in subject.draft.need().columns]
    known, unread = read_synchronisations(Reader(subject.connection.need()), live)
    if known is None:
        return Finding(State.NOT_CHECKED, unread, "give the API user the right to read ETL definitions")
    if not known:
        return Finding(
            State.OK,
            f"no synchronisation is stored in {subject.settings.names.platform}: something else fills the table",
        )
    vague = [name for name, columns in known.items() if columns is None]
    if vague:
        return Finding(State.NOT_CHECKED, f"{listed(vague)}: which columns it fills is not said")
    filled = {column for columns in known.values() for column in columns or ()}
    missed = [name for name in mapped if name not in filled]
    if missed:
        return Finding(
            State.WARNING,
            f"no synchronisation ({listed(list(known))}) fills {listed(missed)}: only corrections keep them up to date",
            "add them to a synchronisation's mapping, if something should fill them",
        )
    return Finding(State.OK, f"{listed(list(known))}: every column that the contract maps is filled")


def locations(subject: Subject) -> Finding:
    """Does Actito reach the remote places that stored imports read from and exports go to? It tries each of them."""
    subject.entities.need()
    reader = Reader(subject.connection.need())
    try:
        known = reader.locations()
        unreached = [one.name for one in known if not reader.reaches(one)]
    except (NotFound, NotAllowed, Discontinued):
        return Finding(
            State.WARNING,
            "whether Actito reaches the remote places of files was not tried: the licence does not offer it here, or "
            "the key has no right to it",
            "test them in Actito's app, or give the API user the right read_file_transfers",
        )
    if not known:
        return Finding(State.OK, "no remote place of files is known to Actito")
    if unreached:
        return Finding(
            State.TROUBLE,
            f"Actito does not reach {listed(unreached)}: no import comes from there, and no export gets there",
            "look at address, account and firewall of the server: Actito's addresses must be let in",
        )
    return Finding(State.OK, f"Actito reaches {listed([one.name for one in known])}")


def export(subject: Subject) -> Finding:
    """Is there a fresh export that can be read?"""
    return _found(subject.platform.get(), subject.settings.names.truth)


def truth(subject: Subject) -> Finding:
    """Is there a truth that can be read?"""
    return _found(subject.truth.get(), subject.settings.names.truth)


def export_columns(subject: Subject) -> Finding:
    """Has the export every column that the contract maps?"""
    return _columns(subject.platform.need(), "the export", "have them added to it, or take them out of the contract")


def truth_columns(subject: Subject) -> Finding:
    """Has the truth every column that the contract maps?"""
    return _columns(
        subject.truth.need(), subject.settings.names.truth, "correct their names in the contract, or have them added"
    )


def export_rows(subject: Subject) -> Finding:
    """Has the export as many rows as Actito has profiles? A file cut at a line end looks like missing people."""
    landed = subject.platform.need().landed
    if landed is None:
        return Finding(State.NOT_CHECKED, "the rows of the export were not read, for columns are missing")
    there, platform = Reader(subject.connection.need()).count(subject.structure.need()), subject.settings.names.platform
    rows = landed.rows
    if there is None:
        return Finding(State.NOT_CHECKED, f"{platform} does not say how many profiles there are")
    if rows < there:
        return Finding(
            State.WARNING,
            f"the export has {counted(rows, 'row')}, {platform} counts {counted(there, 'profile')} now",
            "if so many did not come since the export was made, it is incomplete: activate it without a filter",
        )
    if landed.rejected:
        return Finding(
            State.WARNING,
            f"{counted(landed.rejected, 'row')} of the export cannot be read",
            f"export it again: {platform} writes no such rows",
        )
    return Finding(State.OK, f"the export has {counted(rows, 'row')}, {platform} counts {counted(there, 'profile')}")


def export_keys(subject: Subject) -> Finding:
    """Is the key there, and unique, in the export?"""
    return _keys(subject.platform.need(), "the export")


def truth_keys(subject: Subject) -> Finding:
    """Is the key there, and unique, in the truth?"""
    return _keys(subject.truth.need(), subject.settings.names.truth)


def activities(subject: Subject) -> Finding:
    """Can the exports of activities be read, if there are to be any?"""
    if not subject.settings.exports.activities:
        return Finding(State.OK, "none are configured: who is reachable is told before quarantine")
    said = subject.activities.get()
    if said.not_checked:
        say = Words.of(subject.settings.names)
        return Finding(
            State.WARNING,
            "; ".join(sentence(one, say) for one in said.not_checked),
            "a run goes on without them, and is not fully checked",
        )
    return Finding(State.OK, f"{counted(said.number, 'activity', 'activities')} of bounces, complaints, opt-outs")


def _found(found: Input, truth: str) -> Finding:
    pulled, landed = found.pulled, found.landed
    whose = "export" if pulled.side is Side.PLATFORM else f"file of {truth}"
    what = f"the newest {whose} is {pulled.file}" if pulled.snapshot is None else f"{truth} is {pulled.file}"
    if pulled.may_write:
        return Finding(
            State.WARNING,
            f"{what}, and its user may write there: no more than reading is ever needed",
            "make a user for the auditor that may only read",
        )
    if landed is None:
        return Finding(State.OK, what)
    reason = f"{what}: {counted(landed.rows, 'row')}"
    if landed.encoding:
        reason += f', {landed.encoding}, separator "{landed.separator}"'
    if landed.rejected:
        return Finding(
            State.WARNING,
            f"{reason}; {counted(landed.rejected, 'row')} cannot be read",
            "mend them where the file is made: rejected.parquet of a run holds their lines and reasons",
        )
    return Finding(State.OK, reason)


def _columns(found: Input, whose: str, repair: str) -> Finding:
    if found.missing:
        return Finding(State.TROUBLE, f"{whose} has no {listed(list(found.missing))}", repair)
    return Finding(State.OK, f"{whose} has every column that the contract names")


def _keys(found: Input, whose: str) -> Finding:
    if found.landed is None:
        return Finding(State.NOT_CHECKED, f"the rows of {whose} were not read, for columns are missing")
    parts = []
    if found.no_key:
        parts.append(f"{counted(found.no_key, 'row')} without a key")
    if found.repeated:
        parts.append(f"{counted(found.repeated, 'key')} on several rows")
    if parts:
        return Finding(
            State.WARNING,
            f"{whose} has {' and '.join(parts)}: they are set apart, not compared",
            "mend them where the data is made, or choose a key that every profile has once",
        )
    return Finding(State.OK, f"every row of {whose} has a key, and no key stands twice")
