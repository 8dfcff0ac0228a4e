"""How an address of Actito is put together: category, generation, words, and how one profile is named in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import quote

from auditor.actito.errors import Refused
from auditor.actito.results import ProfileRef
from auditor.model import Structure

Version = Literal["v4", "v5"]

CATEGORIES: Final[Mapping[str, str]] = {
    "entities": "entities",  # [seen] D-quick
    "structure": "profile-table-structure",  # [seen] for V5, D-struct; [inferred] for V4
    "profiles": "profiles",  # [seen] D-feed
    "imports": "mass-imports",  # [seen] D-mig, U-v4imp
    "transfers": "file-transfers",  # [assumed] after the name of its API (D-ft)
    "scenarios": "scenarios",  # [assumed] after the access right of that name (D-rights)
}
"""First segment of each path since the reorganisation of the URLs (U-reorg)."""


class Encoded(str):
    """A path segment that is percent-encoded already."""

    __slots__ = ()


def path(category: str, version: Version, words: Sequence[str]) -> str:
    """`/profiles/v5/entities/…`: the words percent-encoded unless they are already."""
    encoded = (word if isinstance(word, Encoded) else segment(word) for word in words)
    return "/" + "/".join([CATEGORIES[category], version, *encoded])


def segment(text: str) -> str:
    """One path segment, percent-encoded. An empty one or a run of dots would name another resource."""
    if text in ("", ".", ".."):
        raise ValueError("not a name that can stand in an address")
    return quote(text, safe="")


def one_profile(by: ProfileRef) -> str:
    """The operation that reads one: a licence may know the address by profileId and not the one by an attribute."""
    return f"a profile by {by[0]}" if isinstance(by, tuple) else "a profile"


def reference(table: Structure, ref: ProfileRef, what: str) -> Encoded:
    """`7` or `emailAddress=john%40doe.com` (§6); only digits are a profileId, or `x=y` could pass for one.

    The attribute must be unique, and what is answered where it is not was not seen: nobody is asked then.
    """
    if isinstance(ref, tuple):
        attribute, value = ref
        known = table.attribute(attribute)
        if known is None or not known.unique:
            raise Refused(what, ((attribute, "NOT_UNIQUE"),), writing=False)
        if not value:
            raise Refused(what, ((attribute, "EMPTY"),), writing=False)
        return Encoded(f"{segment(attribute)}={quote(value, safe='')}")
    if not (ref.isascii() and ref.isdigit()):
        raise Refused(what, (("profileId", "NOT_A_NUMBER"),), writing=False)
    return Encoded(ref)
