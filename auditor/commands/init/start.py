"""What was answered becomes settings, a contract, a suite and a request sheet; each is read back before it stays."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from auditor.commands.init.propose import Mapped, Proposal
from auditor.commands.init.schema import put_beside
from auditor.commands.init.sheet import sheet
from auditor.commands.init.written import Answers, contract_text, settings_text
from auditor.errors import SettingsError
from auditor.files.whole import write_whole
from auditor.model import SUBSCRIPTION_PREFIX, Structure
from auditor.settings.config import Settings, read_settings
from auditor.settings.contract import Contract, Master, Polarity
from auditor.settings.contract_file import read_contract
from auditor.settings.problems import nearest
from auditor.validate.generate import refresh
from auditor.validate.suite import store_suite

SHEET: Final = "request-sheet.md"


def files(settings_file: Path, table: str) -> list[Path]:
    """All that is written, but for the schemas: settings, contract, suite, sheet."""
    folder = settings_file.resolve().parent
    expectations = folder / "expectations" / table
    return [settings_file.resolve(), expectations / "contract.toml", expectations / "suite.json", folder / SHEET]


def settings_of(answers: Answers, settings_file: Path) -> Settings:
    """The settings as they will be read from the file. Raises SettingsError with what is wrong with an answer."""
    return read_settings(settings_file, text=settings_text(answers))


def parse_maps(texts: Sequence[str]) -> dict[str, str]:
    """`COLUMN=TRUTH` of the command line; an empty TRUTH: not mapped."""
    maps = {}
    for text in texts:
        name, equals, column = text.partition("=")
        if not name or not equals:
            raise SettingsError(f"--map {text}: COLUMN=TRUTH is expected")
        maps[name] = column
    return maps


def check_names(
    structure: Structure, truth: Mapping[str, object], key: str | None, maps: Mapping[str, str], called: str
) -> None:
    """Raises SettingsError for a column that a person named and that is not there."""
    for name in [*maps, *([key] if key else [])]:
        if name not in structure.columns:
            known = nearest(name, structure.columns)
            raise SettingsError(f'the table "{structure.table}" has no column "{name}"{known}')
    for column in maps.values():
        if column and column not in truth:
            raise SettingsError(f'{called} has no column "{column}"{nearest(column, truth)}')


def with_permissions(proposal: Proposal, told: str, truth: Sequence[str], called: str) -> Proposal:
    """The proposal with the permissions that a person names: `proposed`, `none`, or `COLUMN=opt-in:DATE:SOURCE,…`.

    Subscriptions are permissions whatever is said; a list replaces what was proposed of the attributes.
    """
    if told == "proposed":
        return proposal
    wanted: dict[str, tuple[str, dict[str, str]]] = {}
    for part in [] if told in ("none", "") else told.split(","):
        name, _, rest = part.strip().partition("=")
        polarity, *evidence = rest.split(":")
        if name not in {one.name for one in proposal.columns}:
            names = [one.name for one in proposal.columns]
            raise SettingsError(f'--permissions: "{name}" is no mapped column{nearest(name, names)}')
        if polarity not in tuple(Polarity) or len(evidence) > 2:
            raise SettingsError(f"--permissions {part.strip()}: COLUMN=opt-in or COLUMN=opt-out is expected, with "
                                f":DATE:SOURCE of {called} after it if there is evidence")  # fmt: skip
        for column in filter(None, evidence):
            if column not in truth:
                raise SettingsError(f'--permissions: {called} has no column "{column}"{nearest(column, truth)}')
        found = {what: column for what, column in zip(("date", "source"), evidence, strict=False) if column}
        wanted[name] = (polarity, found)

    def changed(one: Mapped) -> Mapped:
        if one.name in wanted:
            polarity, evidence = wanted[one.name]
            return replace(one, permission=polarity, evidence=evidence or one.evidence)
        if one.name.startswith(SUBSCRIPTION_PREFIX):
            return one
        return replace(one, permission=None, evidence={})

    return replace(proposal, columns=tuple(changed(one) for one in proposal.columns))


def with_masters(proposal: Proposal, told: str) -> tuple[Proposal, str]:
    """The proposal with the masters that a person names, as `truth, nickname=platform`; and the side of all others."""
    side, single = "truth", {}
    for part in (part.strip() for part in told.split(",")):
        name, equals, master = part.rpartition("=")
        if master not in tuple(Master):
            raise SettingsError(f"--master {part}: truth, platform or both is expected, or COLUMN=platform")
        if not equals:
            side = master
        elif name not in {one.name for one in proposal.columns}:
            names = [one.name for one in proposal.columns]
            raise SettingsError(f'--master: "{name}" is no mapped column{nearest(name, names)}')
        else:
            single[name] = master
    columns = tuple(replace(one, master=single.get(one.name)) for one in proposal.columns)
    return replace(proposal, columns=columns), side


def write(settings_file: Path, answers: Answers, proposal: Proposal, structure: Structure, master: str) -> list[Path]:
    """Write everything; gives the files. Raises SettingsError, with nothing written, for what cannot work."""
    settings, contract, suite, request = files(settings_file, answers.table)
    if not proposal.key:
        raise SettingsError(
            f"no column of {answers.truth_name} was found that identifies a person as a unique attribute does",
            hint="name both: --key customerId --map customerId=contact_id",
        )
    text = contract_text(proposal, platform=answers.platform_name, truth=answers.truth_name, master=master)
    checked = _checked(contract, text, structure)
    settings_of(answers, settings_file)
    contract.parent.mkdir(parents=True, exist_ok=True)
    write_whole(settings, settings_text(answers))
    write_whole(contract, text)
    store_suite(refresh(None, structure, checked), suite)
    write_whole(request, sheet(answers, proposal, structure))
    put_beside(settings.parent)
    return [settings, contract, suite, request]


def _checked(path: Path, text: str, structure: Structure) -> Contract:
    tomllib.loads(text)
    return read_contract(path, structure, text=text)
