"""Where Actito's operations are, in each generation of its addresses, and what of that was not seen.

The documentation that could be read leaves gaps (request and response bodies, names of parts, states, type names).
What stands here, and in the modules beside it, is `[seen]` in a cited page or in working public code, `[inferred]` from
something seen, or `[assumed]`: nothing was found and a choice was made. When a real licence answers differently, these
modules change: addresses here, `bodies` for what is sent, `definitions` for stored imports, `vocabulary`
for words. `forms` reads answers and accepts every form that is plausible.

Two dialects. V4 and V5 exist side by side by design (U-reorg): V5 has the newer structures and imports, while reading
and changing one profile is complete only in V4, so both use V4 for that. Each dialect exists in the older addresses
too, which have no category: a reorganisation put one before the version and left everything else as it was (U-reorg).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import quote

from auditor.actito.answers import Call
from auditor.actito.errors import Refused
from auditor.actito.results import ProfileRef, Table
from auditor.model import Structure

Version = Literal["v4", "v5"]

CATEGORIES: Mapping[str, str] = {
    "entities": "entities",  # [seen] D-quick
    "structure": "profile-table-structure",  # [seen] for V5, D-struct; [inferred] for V4
    "profiles": "profiles",  # [seen] D-feed
    "imports": "mass-imports",  # [seen] D-mig, U-v4imp
    "scenarios": "scenarios",  # [assumed] after the access right of that name (D-rights)
}
"""First segment of each path since the reorganisation of the URLs (U-reorg)."""

MAX_IMPORT_BYTES = 100 * 1000 * 1000
"""Larger files are answered with 400 (D-limits: 100 MB; decimal, to be on the safe side)."""
DATA_PART = "inputFile"
"""Multipart name of the zipped CSV: [seen] for V4 (G-mhp), [assumed] to be the same for V5."""
DEFINITION_PART = "parameters"
"""Multipart name of the definition JSON: [seen] for V4, [assumed] for V5."""
FILE_TYPES = "application/zip, */*;q=0.5"
"""What is accepted where a file is asked for: its content type was not seen."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The addresses of one generation of the API (§1.1). Stateless."""

    structures: Version
    """Which generation describes tables: V5 by id with a list of attributes, V4 by name with a map."""
    imports: Version
    """V5: one-shot ETL executions. V4: table imports, announced to end in June 2025 (U-v4imp)."""
    categories: Mapping[str, str] = field(default_factory=lambda: CATEGORIES)
    version_first: bool = False
    """True for the addresses without a category, announced to end in June 2025 (U-reorg, §1.1)."""

    # Entities and structure

    def entities(self) -> Call:
        """V5 [seen] D-quick, V4 [seen] G-php, G-lep (§3)."""
        path = self._path("entities", self.structures, ["entities" if self.structures == "v5" else "entity"])
        return Call("GET", path, "the list of entities", "to read entities")

    def tables(self, entity: str, version: Version | None = None) -> Call:
        """V5 [seen] D-struct; V4 [seen] G-lep, its category [inferred] (§4.1, §4.3)."""
        version = version or self.structures
        words = ["entities", entity, "profile-tables"] if version == "v5" else ["entity", entity, "table"]
        path = self._path("structure", version, words)
        return Call("GET", path, f'the profile tables of the entity "{entity}"', "read_profile_table_structure")

    def structure(self, entity: str, table: str) -> Call:
        """V5 addresses a table by its id [seen] D-struct, V4 by its name [seen] G-php (§4.2, §4.3)."""
        words = ["entities", entity, "profile-tables", table]
        if self.structures == "v4":
            words = ["entity", entity, "table", table]
        path = self._path("structure", self.structures, words)
        return Call("GET", path, f'the structure of the profile table "{table}"', "read_profile_table_structure")

    # Changes of a structure, and what depends on it: each exists in one generation only, in both dialects

    def new_table(self, entity: str) -> Call:
        """V5 alone: [inferred] from the REST style and the same call for custom tables (§4.4)."""
        path = self._path("structure", "v5", ["entities", entity, "profile-tables"])
        return Call("POST", path, "the creation of a profile table", "write_profile_table_structure")

    def change_request(self, entity: str, table: Table) -> Call:
        """V5 alone: [assumed] for profile tables, [seen] for custom tables (G-prod, §4.4)."""
        path = self._path("structure", "v5", ["entities", entity, "profile-tables", table.id, "change-requests"])
        return Call("POST", path, f'a change of the profile table "{table.name}"', "write_profile_table_structure")

    def scenarios(self, entity: str, table: Structure) -> Call:
        """V4 alone: the path below the category is [seen], the category [assumed] (§14b)."""
        path = self._path("scenarios", "v4", ["entity", entity, "table", table.table, "scenario"])
        return Call("GET", path, f'the scenarios of the profile table "{table.table}"', "read_scenarios")

    def definitions(self, method: str, entity: str, definition: str | None = None) -> Call:
        """All stored ETL definitions, or one by its id. [seen] D-wht (GET), the other methods [inferred] (§8.3)."""
        what = {
            "GET": "the stored import definitions" if definition is None else "a stored import definition",
            "POST": "the creation of a stored import definition",
            "PUT": "the change of a stored import definition",
            "DELETE": "the deletion of a stored import definition",
        }[method]
        words = ["entities", entity, "etls", *([] if definition is None else [definition])]
        right = "read_imports" if method == "GET" else "write_imports"
        return Call(method, self._path("imports", "v5", words), what, right)

    def trigger(self, entity: str, definition: str) -> Call:
        """The execution of a stored definition with a file that is handed over. [seen] U-v4imp, D-mig (§8.2)."""
        path = self._path("imports", "v5", ["entities", entity, "etls", definition, "trigger-execution"])
        return Call("POST", path, "an import by a stored definition", "write_imports")

    # Profiles: V4 in both dialects, but for two operations that V5 alone has

    def profile_list(self, entity: str, table: Structure, page: int, size: int) -> Call:
        """One page of all profiles: [seen] as an address (G-shokme), `page` from 0 and `size` are [assumed] (§6.3)."""
        return self._profiles_v5("GET", entity, table, "a page of the profiles", {"page": str(page), "size": str(size)})

    def upsert(self, entity: str, table: Structure) -> Call:
        """[seen] G-shokme in the older form, [inferred] with the category (§6.4)."""
        return self._profiles_v5("PUT", entity, table, "the creation or change of a profile")

    def count(self, entity: str, table: Structure) -> Call:
        """[seen] with a search (G-php, §6.3); that it counts everything without one is [assumed]."""
        return self._profiles("GET", entity, table, ["count"], "the number of profiles")

    def search(self, entity: str, table: Structure, attribute: str, value: str, limit: int) -> Call:
        """[seen] G-sdk; the grammar of `search` beyond `name=value` is not known (§6.3)."""
        query = {"search": f"{attribute}={value}", "number": str(limit)}
        return self._profiles("GET", entity, table, [], f"a search by {attribute}", query)

    def profile(self, method: str, entity: str, table: Structure, ref: ProfileRef) -> Call:
        """Reading, changing and deleting one profile: [seen] G-sdk, G-fn, G-shokme (§6.2, §6.5, §6.6)."""
        what = {"GET": "a profile", "PUT": "the change of a profile", "DELETE": "the deletion of a profile"}[method]
        return self._profiles(method, entity, table, [_Encoded(_reference(table, ref, what))], what)

    def creation(self, entity: str, table: Structure) -> Call:
        """[seen] D-feed. The default of `allowUpdate` is not known (§6.1): it is never relied on."""
        return self._profiles("POST", entity, table, [], "the creation of a profile", {"allowUpdate": "false"})

    def subscriptions(self, entity: str, table: Structure, ref: ProfileRef) -> Call:
        """[seen] G-prod, G-shokme (§6.7)."""
        what = "the subscriptions of a profile"
        return self._profiles("GET", entity, table, [_Encoded(_reference(table, ref, what)), "subscription"], what)

    def subscription(self, entity: str, table: Structure, profile_id: str, name: str, *, on: bool) -> Call:
        """[seen] G-prod, G-shokme; without a body (§6.7)."""
        what = f'{"a" if on else "the end of a"} subscription to "{name}"'
        words = [_Encoded(_reference(table, profile_id, what)), "subscription", name]
        return self._profiles("POST" if on else "DELETE", entity, table, words, what)

    def segmentations(self, entity: str, table: Structure, ref: ProfileRef) -> Call:
        """[seen] G-prod (§6.8)."""
        what = "the segmentations of a profile"
        return self._profiles("GET", entity, table, [_Encoded(_reference(table, ref, what)), "segmentation"], what)

    def segment(
        self, entity: str, table: Structure, profile_id: str, name: str, *, category: str | None, on: bool
    ) -> Call:
        """Enter or leave a segment; `category` is the exclusive segmentation it belongs to, None for a simple one.

        `{segment};category={segmentation}` is a matrix parameter [seen] G-prod (§6.8).
        """
        what = f'{"entering" if on else "leaving"} the segmentation "{category or name}"'
        segment = _segment(name) + (f";category={_segment(category)}" if category is not None else "")
        words = [_Encoded(_reference(table, profile_id, what)), "segmentation", _Encoded(segment)]
        return self._profiles("PUT" if on else "DELETE", entity, table, words, what)

    # Imports

    def start_import(self, entity: str, table: Structure) -> Call:
        """V5: a one-shot ETL execution [seen] U-v4imp, D-mig (§8.1); V4 [seen] D-mig, G-mhp (§7.1)."""
        words = ["entities", entity, "etl-executions"]
        if self.imports == "v4":
            words = ["entity", entity, "table", table.table, "import"]
        path = self._path("imports", self.imports, words)
        return Call("POST", path, f'an import into the profile table "{table.table}"', "write_imports")

    def execution(self, entity: str, execution: str) -> tuple[Call, ...]:
        """The calls whose answers, merged, tell how far an import is: state first, counters last.

        V4 has two, below the entity and not the table (G-php, G-mhp); V5 one (D-wht), its content [assumed].
        """
        what = "the state of an import"
        if self.imports == "v5":
            words = ["entities", entity, "etl-executions", execution]
            return (Call("GET", self._path("imports", "v5", words), what, "read_imports"),)
        words = ["entity", entity, "import", execution]
        paths = (self._path("imports", "v4", [*words, part]) for part in ("status", "result"))
        return tuple(Call("GET", path, what, "read_imports") for path in paths)

    def refused_rows(self, entity: str, execution: str) -> Call:
        """V5 [assumed] §8.4, V4 [seen] G-php."""
        words = ["entities", entity, "etl-executions", execution, "error-file"]
        if self.imports == "v4":
            words = ["entity", entity, "import", execution, "errors"]
        path = self._path("imports", self.imports, words)
        return Call("GET", path, "the refused rows of an import", "read_imports", accept=FILE_TYPES)

    def result_rows(self, entity: str, execution: str) -> Call:
        """V5 [assumed] §8.4, V4 [seen] G-mhp."""
        words = ["entities", entity, "etl-executions", execution, "result-file"]
        if self.imports == "v4":
            words = ["entity", entity, "import", execution, "result-file"]
        path = self._path("imports", self.imports, words)
        return Call("GET", path, "the result file of an import", "read_imports", accept=FILE_TYPES)

    # Addresses

    def _profiles(
        self,
        method: str,
        entity: str,
        table: Structure,
        words: Sequence[str],
        what: str,
        query: Mapping[str, str] | None = None,
    ) -> Call:
        path = self._path("profiles", "v4", ["entity", entity, "table", table.table, "profile", *words])
        return Call(method, path, f'{what} in "{table.table}"', _PROFILE_RIGHTS[method], query or {})

    def _profiles_v5(
        self, method: str, entity: str, table: Structure, what: str, query: Mapping[str, str] | None = None
    ) -> Call:
        """By the table's name, as the client did that was seen (G-shokme)."""
        path = self._path("profiles", "v5", ["entities", entity, "profile-tables", table.table, "profiles"])
        return Call(method, path, f'{what} in "{table.table}"', _PROFILE_RIGHTS[method], query or {})

    def _path(self, category: str, version: Version, words: Sequence[str]) -> str:
        head = [version] if self.version_first else [self.categories[category], version]
        encoded = (word if isinstance(word, _Encoded) else _segment(word) for word in words)
        return "/" + "/".join([*head, *encoded])


V5: Final = Dialect(structures="v5", imports="v5")
V4: Final = Dialect(structures="v4", imports="v4")
DIALECTS: Final[Mapping[str, Dialect]] = {
    "v5": V5,
    "v4": V4,
    "v5-version-first": replace(V5, version_first=True),
    "v4-version-first": replace(V4, version_first=True),
}
"""By the name that the setting `actito.dialect` uses."""

_PROFILE_RIGHTS: Final = {"GET": "read_profiles"} | dict.fromkeys(("POST", "PUT", "DELETE"), "write_profiles")


class _Encoded(str):
    """A path segment that is percent-encoded already."""

    __slots__ = ()


def _segment(text: str) -> str:
    """One path segment, percent-encoded. An empty one or a run of dots would name another resource."""
    if text in ("", ".", ".."):
        raise ValueError("not a name that can stand in an address")
    return quote(text, safe="")


def _reference(table: Structure, ref: ProfileRef, what: str) -> str:
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
        return f"{_segment(attribute)}={quote(value, safe='')}"
    if not (ref.isascii() and ref.isdigit()):
        raise Refused(what, (("profileId", "NOT_A_NUMBER"),), writing=False)
    return ref
