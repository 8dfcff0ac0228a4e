"""What an address takes, asked by OPTIONS. Whether Actito says so was not seen."""

from __future__ import annotations

from starlette.routing import Match, Route
from starlette.types import Scope

from auditor.sandbox.dialect import Dialect
from auditor.sandbox.exchange import Answer


def allowed(scope: Scope, dialect: Dialect) -> Answer:
    """The methods of every route of this address, or that the question is not understood."""
    if dialect.options != "told":
        return Answer(int(dialect.options))
    methods: set[str] = set()
    for route in scope["app"].routes:
        if isinstance(route, Route) and route.matches(dict(scope))[0] is not Match.NONE:
            methods |= route.methods or set()
    return Answer(204, {"allow": ", ".join(sorted(methods | {"OPTIONS"}))}) if methods else Answer(404)
