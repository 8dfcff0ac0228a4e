"""Where Actito's operations are, in each generation of its addresses, and what of that was not seen.

The documentation that could be read leaves gaps (request and response bodies, names of parts, states, type names).
What stands here, and in the modules beside it, is `[seen]` in a cited page or in working public code, `[inferred]` from
something seen, or `[assumed]`: nothing was found and a choice was made. When a real licence answers differently, these
modules change: addresses here and in `profiles_v5` and `profiles_v4`, `bodies` for what is sent, `definitions` for
stored imports, `vocabulary` for words. `forms` reads answers and accepts every form that is plausible.

Two dialects: V5, and V4 for licences that still need it. Some operations exist in one generation alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auditor.actito.address import Version, path
from auditor.actito.answers import Call
from auditor.actito.profiles import Profiles
from auditor.actito.profiles_v4 import ProfilesV4
from auditor.actito.profiles_v5 import ProfilesV5
from auditor.actito.results import Table
from auditor.model import Structure

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
    profiles: Profiles
    """How one profile is read and changed, and how profiles are counted and searched."""

    # Entities and structure

    def entities(self) -> Call:
        """V5 [seen] D-quick, V4 [seen] G-php, G-lep (§3)."""
        address = path("entities", self.structures, ["entities" if self.structures == "v5" else "entity"])
        return Call("GET", address, "the list of entities", "to read entities")

    def tables(self, entity: str, version: Version | None = None) -> Call:
        """V5 [seen] D-struct; V4 [seen] G-lep, its category [inferred] (§4.1, §4.3)."""
        version = version or self.structures
        words = ["entities", entity, "profile-tables"] if version == "v5" else ["entity", entity, "table"]
        address = path("structure", version, words)
        return Call("GET", address, f'the profile tables of the entity "{entity}"', "read_profile_table_structure")

    def structure(self, entity: str, table: str) -> Call:
        """V5 addresses a table by its id [seen] D-struct, V4 by its name [seen] G-php (§4.2, §4.3)."""
        words = ["entities", entity, "profile-tables", table]
        if self.structures == "v4":
            words = ["entity", entity, "table", table]
        address = path("structure", self.structures, words)
        return Call("GET", address, f'the structure of the profile table "{table}"', "read_profile_table_structure")

    # Changes of a structure, and what depends on it: each exists in one generation only, in both dialects

    def new_table(self, entity: str) -> Call:
        """V5 alone: [inferred] from the REST style and the same call for custom tables (§4.4)."""
        address = path("structure", "v5", ["entities", entity, "profile-tables"])
        return Call("POST", address, "the creation of a profile table", "write_profile_table_structure")

    def change_request(self, entity: str, table: Table) -> Call:
        """V5 alone: [assumed] for profile tables, [seen] for custom tables (G-prod, §4.4)."""
        address = path("structure", "v5", ["entities", entity, "profile-tables", table.id, "change-requests"])
        return Call("POST", address, f'a change of the profile table "{table.name}"', "write_profile_table_structure")

    def scenarios(self, entity: str, table: Structure) -> Call:
        """V4 alone: the path below the category is [seen], the category [assumed] (§14b)."""
        address = path("scenarios", "v4", ["entity", entity, "table", table.table, "scenario"])
        return Call("GET", address, f'the scenarios of the profile table "{table.table}"', "read_scenarios")

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
        return Call(method, path("imports", "v5", words), what, right)

    def trigger(self, entity: str, definition: str) -> Call:
        """The execution of a stored definition with a file that is handed over. [seen] U-v4imp, D-mig (§8.2)."""
        address = path("imports", "v5", ["entities", entity, "etls", definition, "trigger-execution"])
        return Call("POST", address, "an import by a stored definition", "write_imports")

    def locations(self, entity: str) -> Call:
        """The remote places that files come from and go to: that there is such an API is [seen] D-ft, the rest
        [assumed] (§9).
        """
        address = path("transfers", "v5", ["entities", entity, "locations"])
        return Call("GET", address, "the remote file locations", "read_file_transfers")

    def location_test(self, entity: str, location: str) -> Call:
        """Actito tries to reach one of them and changes nothing there: that it can is [seen] (change log, 2025-02), the
        address [assumed] (§9).
        """
        address = path("transfers", "v5", ["entities", entity, "locations", location, "test"])
        return Call("POST", address, "the test of a remote file location", "read_file_transfers")

    # Imports

    def start_import(self, entity: str, table: Structure) -> Call:
        """V5: a one-shot ETL execution [seen] U-v4imp, D-mig (§8.1); V4 [seen] D-mig, G-mhp (§7.1)."""
        words = ["entities", entity, "etl-executions"]
        if self.imports == "v4":
            words = ["entity", entity, "table", table.table, "import"]
        address = path("imports", self.imports, words)
        return Call("POST", address, f'an import into the profile table "{table.table}"', "write_imports")

    def execution(self, entity: str, execution: str) -> tuple[Call, ...]:
        """The calls whose answers, merged, tell how far an import is: state first, counters last.

        V4 has two, below the entity and not the table (G-php, G-mhp); V5 one (D-wht), its content [assumed].
        """
        what = "the state of an import"
        if self.imports == "v5":
            words = ["entities", entity, "etl-executions", execution]
            return (Call("GET", path("imports", "v5", words), what, "read_imports"),)
        words = ["entity", entity, "import", execution]
        paths = (path("imports", "v4", [*words, part]) for part in ("status", "result"))
        return tuple(Call("GET", path, what, "read_imports") for path in paths)

    def refused_rows(self, entity: str, execution: str) -> Call:
        """V5 [assumed] §8.4, V4 [seen] G-php."""
        words = ["entities", entity, "etl-executions", execution, "error-file"]
        if self.imports == "v4":
            words = ["entity", entity, "import", execution, "errors"]
        address = path("imports", self.imports, words)
        return Call("GET", address, "the refused rows of an import", "read_imports", accept=FILE_TYPES)

    def result_rows(self, entity: str, execution: str) -> Call:
        """V5 [assumed] §8.4, V4 [seen] G-mhp."""
        words = ["entities", entity, "etl-executions", execution, "result-file"]
        if self.imports == "v4":
            words = ["entity", entity, "import", execution, "result-file"]
        address = path("imports", self.imports, words)
        return Call("GET", address, "the result file of an import", "read_imports", accept=FILE_TYPES)


V5: Final = Dialect(structures="v5", imports="v5", profiles=ProfilesV5())
V4: Final = Dialect(structures="v4", imports="v4", profiles=ProfilesV4())
DIALECTS: Final[Mapping[str, Dialect]] = {"v5": V5, "v4": V4}
"""By the name that the setting `actito.dialect` uses."""
