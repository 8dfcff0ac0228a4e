"""Plans as they lie in the folder of their run: stored under their SHA, found by its beginning, with their brakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from auditor.apply import unfinished
from auditor.apply.undo import irrevocable
from auditor.errors import GuardRefused, SettingsError
from auditor.files.whole import whole_file
from auditor.findings.codes import Notice
from auditor.model import Kind
from auditor.plan.brakes import Brake, held
from auditor.settings.config import Settings
from auditor.settings.problems import nearest
from auditor.state.ledger import Ledger, records
from auditor.state.run_folder import all_runs
from auditor.writes import Plan, read_plan

_AGAIN: Final = "make it again: auditor plan"
_NAMED: Final = 5
"""Plans that are named where none is meant."""
_NOT_OURS: Final = "only plans that `auditor` made and recorded here are applied"


@dataclass(frozen=True)
class Planned:
    """A plan, where it is stored, and what must be confirmed before it is applied."""

    plan: Plan
    path: Path
    brakes: tuple[Brake, ...]
    """Of what may still be sent."""
    left: Mapping[Kind, int]
    """How many profiles that touches, by kind."""

    def own(self, confirmed: Mapping[Kind, int]) -> Mapping[Kind, int]:
        """What is confirmed of the kinds that this plan has, where several plans are confirmed at once."""
        return {kind: count for kind, count in confirmed.items() if kind in self.plan.counts}


def store_made(made: Iterable[Plan], folder: Path, ledger: Ledger, settings: Settings) -> tuple[Planned, ...]:
    """Store what writes something, or says what it leaves and why; a plan of neither is left out."""
    return tuple(store(one, folder, ledger, settings) for one in made if one.writes or one.left)


def store(one: Plan, folder: Path, ledger: Ledger, settings: Settings) -> Planned:
    """Record a plan, and write it into the folder of its run with the ledger's seal, for its owner only."""
    path = folder / f"plan-{one.sha}.json"
    seal = record(one, path, ledger)
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        file.writelines(one.pieces(seal))
    return _planned(one, path, ledger, settings)


def _planned(one: Plan, path: Path, ledger: Ledger, settings: Settings) -> Planned:
    left = unfinished(one, ledger)
    return Planned(one, path, held(one, brakes(settings), {}, left), left.counts)


def record(one: Plan, path: Path, ledger: Ledger) -> Mapping[str, Any]:
    """Record a plan as made; gives its seal."""
    counts = {kind.value: count for kind, count in one.counts.items()}
    ledger.record_plan(
        records.PlanRecord(one.sha, one.run, one.table, one.purpose, one.made, str(path), counts, one.undoes)
    )
    return asdict(ledger.seal(one.sha, one.made))


def check_made_here(one: Plan, seal: Mapping[str, Any] | None, ledger: Ledger) -> None:
    """Raises GuardRefused for a plan that was not made and recorded here, whatever its file says."""
    name = f"plan {one.sha[:12]}"
    if seal is not None and not ledger.sealed(seal, one.sha, one.made):
        raise GuardRefused(f"{name} was changed, or made elsewhere: {_NOT_OURS}", hint=_AGAIN)
    if ledger.plan(one.sha) is None:
        lost = "; it made it, and comes from an older copy (auditor doctor)" if seal is not None else f": {_NOT_OURS}"
        raise GuardRefused(f"{name} is not known to the ledger{lost}", hint=_AGAIN)


def find_plan(settings: Settings, name: str) -> Path:
    """A stored plan by its path or the beginning of its SHA."""
    path = Path(name)
    if path.is_file():
        return path
    sha = name.removeprefix("plan-")
    fitting = sorted(_stored_in(settings, f"plan-{sha}*.json"))
    if len(fitting) == 1:
        return fitting[0]
    known = fitting or sorted(_stored_in(settings, "plan-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    shas = [short(path) for path in known]
    what = "there is no plan" if not fitting else f"{len(fitting)} plans begin with"
    near = nearest(sha, shas) if not fitting else ""
    hint = f"{'these' if fitting else 'the newest'}: {', '.join(shas[:_NAMED])}" if shas else "make one: auditor plan"
    raise SettingsError(f'{what} "{name}" in {settings.runs_folder}{near}', hint=hint)


def short(path: Path) -> str:
    """The name that people type of a stored plan."""
    return path.stem.removeprefix("plan-")[:12]


def _stored_in(settings: Settings, pattern: str) -> Iterator[Path]:
    return (path for folder in all_runs(settings.runs_folder) for path in folder.glob(pattern))


def stored(settings: Settings, name: str) -> Planned:
    """A stored plan, by its path or the beginning of its SHA."""
    path = find_plan(settings, name)
    with Ledger(settings.state_folder, reading=True) as ledger:
        return _planned(read_plan(path), path, ledger, settings)


def irrevocable_of(path: Path) -> Notice | None:
    """What no undo brings back once a stored plan is applied."""
    return irrevocable(read_plan(path))


def brakes(settings: Settings) -> Mapping[Kind, tuple[int, float]]:
    """Kind of write → the number and the share of the profiles beyond which a plan needs its count confirmed."""
    return {Kind(name): limit for name, limit in settings.fixes.brakes}
