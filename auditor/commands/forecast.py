"""How many calls the writes of a plan will take, by the licence's generation of the API and what applying reads."""

from __future__ import annotations

from auditor.actito import DIALECTS
from auditor.actito.costs import Costs
from auditor.apply.job import Limits
from auditor.model import Structure
from auditor.permissions import general
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.writes import Write


class Forecast:
    """See `auditor.plan.road.Calls`. Writes that are sent alike take as many calls, and are counted once."""

    def __init__(self, settings: Settings, contract: Contract, structure: Structure) -> None:
        profiles, limits = DIALECTS[settings.actito.dialect].profiles, Limits()
        over_all = general(contract.columns).keys()
        self._costs = Costs(profiles, structure, over_all, read_before=limits.read_before, sample=limits.sample)
        self._key = dict.fromkeys(contract.key, "")
        self._known: dict[object, int] = {}

    def of_write(self, write: Write) -> int:
        sent = {cell.column: cell.after if "#" in cell.column else cell.after and "" for cell in write.cells}
        known, collected = write.profile_id is not None, write.collection is not None
        alike = write.kind, known, collected, *sent.items()
        if alike not in self._known:
            values = {cell.column: cell.after for cell in write.cells}
            self._known[alike] = self._costs.of_write(write.kind, values, self._key, known=known, collected=collected)
        return self._known[alike]

    def of_file(self, rows: int) -> int:
        return self._costs.of_file(rows)
