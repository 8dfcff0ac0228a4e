"""A contract of import-linter for modules that import nothing from outside the program but what is named: what is not
thought of is refused. `pyproject.toml` calls it `closed`.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class ClosedContract(Contract):
    """Named modules, and all that lie in them, import from outside the program only what is allowed."""

    type_name = "closed"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed_modules = fields.ListField(subfield=fields.StringField())
    """Of the standard library and of others, by the name that `import` takes first."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        sources: Any = self.source_modules
        allowed: Any = self.allowed_modules
        closed = {module for source in sources for module in (source, *graph.find_descendants(source))}
        illegal = [
            (module, imported)
            for module in sorted(closed)
            for imported in sorted(graph.find_modules_directly_imported_by(module))
            if graph.is_module_squashed(imported) and imported not in allowed
        ]
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for module, imported in check.metadata["illegal"]:
            output.print_error(f"{module} may not import {imported}", bold=False)
