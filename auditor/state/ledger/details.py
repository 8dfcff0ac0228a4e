"""Details of outcomes that are asked for again; the others are told and nothing more."""

from __future__ import annotations

from typing import Final

OVERWRITTEN: Final = "overwritten"
"""Of a row of `writes` that is nobody's write of ours, and has no number in the plan: what somebody had made of a cell
before a file of the plan was sent, as `after`. Of the outcome of our write it says that it did that."""

TOUCHED: Final = "touched"
"""Of what an undo did not do, because somebody has changed the profile since we wrote to it."""

UNTOLD: Final = "untold"
"""The same where nobody can tell whether somebody has."""

SHOWN_LATER: Final = "shown_later"
"""Of a write that was not shown when it was read back at once, and was when it was looked for right after."""

ASTRAY: Final = "astray"
"""Of what a file wrote to another profile than it was meant for: told of that one, and recorded of nobody."""
