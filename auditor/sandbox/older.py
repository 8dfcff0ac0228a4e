"""The older addresses, which have no category: announced to end, and still in every client seen (U-reorg, §16).

They are other names for the current ones: everything behind knows those alone.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from auditor.sandbox.dialect import Dialect

_CATEGORIES: Final = (
    (r"/v5/entities", "entities"),
    (r"/v5/entities/[^/]+/profile-tables/[^/]+/profiles(/.*)?", "profiles"),
    (r"/v5/entities/[^/]+/profile-tables(/.*)?", "profile-table-structure"),
    (r"/v5/entities/[^/]+/(etls|etl-executions)(/.*)?", "mass-imports"),
    (r"/v4/entity", "entities"),
    (r"/v4/entity/[^/]+/table/[^/]+/profile(/.*)?", "profiles"),
    (r"/v4/entity/[^/]+/table/[^/]+/import", "mass-imports"),
    (r"/v4/entity/[^/]+/import/.*", "mass-imports"),
    (r"/v4/entity/[^/]+/table/[^/]+/scenario", "scenarios"),
    (r"/v4/entity/[^/]+/table(/[^/]*)?", "profile-table-structure"),
)
"""Whole older paths and the category that the reorganisation put before them; the first that fits."""


class OlderAddresses:
    """ASGI middleware before everything else; it does nothing where the dialect has no older addresses."""

    def __init__(self, app: ASGIApp, *, dialect: Dialect) -> None:
        self._app = app
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._dialect.older_addresses:
            category = next((name for form, name in _CATEGORIES if re.fullmatch(form, scope["path"])), None)
            if category is not None:
                scope = dict(scope, path=f"/{category}{scope['path']}")
                if scope.get("raw_path"):
                    scope["raw_path"] = f"/{category}".encode() + scope["raw_path"]
        await self._app(scope, receive, send)
