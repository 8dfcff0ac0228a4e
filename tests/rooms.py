"""Counts the rooms of the house and the arrows between them: `python -m tests.rooms` prints both.

A room is a package or a module directly under `auditor`; an arrow goes from one to another as soon as any module of the
one imports any of the other, within functions and for types too.
"""

from __future__ import annotations

from collections import defaultdict

import grimp


def arrows() -> dict[str, set[str]]:
    """The rooms, each with those that it imports from; the package's own `__init__` is the room `auditor`."""
    graph = grimp.build_graph("auditor", cache_dir=None)
    leads: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        here = room(module)
        leads[here] |= {room(there) for there in graph.find_modules_directly_imported_by(module)} - {here}
    return dict(leads)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


if __name__ == "__main__":
    found = arrows()
    print(f"{len(found)} rooms, {sum(map(len, found.values()))} arrows")  # noqa: T201 -- what it was asked
    for name in sorted(found, key=lambda name: (-len(found[name]), name)):
        print(f"  {name} -> {', '.join(sorted(found[name])) or '–'}")  # noqa: T201
