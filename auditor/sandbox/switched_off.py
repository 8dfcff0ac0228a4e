"""V4's calls about profiles, which the platform ends (change log, 2025-01): gone, or still there and announced to go.

How Actito answers an operation that it has switched off was not seen.
"""

from __future__ import annotations

from typing import Any, Final

from auditor.sandbox.dialect import Dialect
from auditor.sandbox.exchange import Answer

PREFIX: Final = "/profiles/v4/"
ENDS: Final = "Tue, 31 Mar 2099 22:00:00 GMT"
"""Later than any test: an end in the past would mean that it is gone."""


def switched_off(dialect: Dialect, path: str) -> Answer | None:
    """The answer to a call that the platform does not carry out any more; None where it does."""
    if not path.startswith(PREFIX) or dialect.v4_profiles == "served":
        return None
    if dialect.v4_profiles == "410":
        return Answer(410)
    content: dict[str, Any] = {"timestamp": "2026-04-01T00:00:00.000+00:00", "status": 404, "error": "Not Found"}
    if dialect.v4_profiles == "error":
        content = {"status": 400, "message": "This operation is no longer available, use version 5"}
    answer = Answer(content["status"])
    answer.write(content)
    return answer


def announce(answer: Answer, dialect: Dialect, path: str) -> None:
    """Add what a platform says of an operation that will end."""
    if path.startswith(PREFIX) and dialect.v4_ending != "not said":
        answer.headers["deprecation"] = "@1735689600"
        if dialect.v4_ending == "with its day":
            answer.headers["sunset"] = ENDS
