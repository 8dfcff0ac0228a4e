"""Changes Actito. Only `apply` and `undo` are given one; nothing here decides whether something should be written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from auditor.actito import definitions, forms
from auditor.actito.answers import Answer, Call
from auditor.actito.bodies import as_json, change_body, import_v4, import_v5, table_body
from auditor.actito.connection import Connection
from auditor.actito.dialect import DATA_PART, DEFINITION_PART, MAX_IMPORT_BYTES
from auditor.actito.errors import ActitoError, Busy, MaybeSent, NotFound, QuotaUsed, Refused, UnexpectedAnswer
from auditor.actito.profiles import Step
from auditor.actito.results import Collection, Definition, ImportMode, Table
from auditor.actito.routes import of_table, of_write
from auditor.actito.spelling import USUAL, Spelling
from auditor.actito.tables import identified, of_entity
from auditor.errors import SettingsError
from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    TECHNICAL_ATTRIBUTES,
    Attribute,
    Segmentation,
    Structure,
)

IMPORT_ATTEMPTS = 2
"""A 429 on creating an import may mean a crowded moment or the quota: one more try tells them apart well enough."""


class Writer:
    """Every change the auditor can make. Profiles are addressed by profileId, so a change never creates anybody; stored
    definitions may, as they say themselves.

    Each method raises ActitoError. MaybeSent means that the effect is unknown; every other error means that the request
    it came from changed nothing. Values are given in the usual form and sent as `spelling` says that this licence
    spells them.
    """

    def __init__(self, connection: Connection, spelling: Spelling = USUAL) -> None:
        self._connection = connection
        self._spelling = spelling
        self._entity = connection.entity
        self._dialect = connection.dialect
        self._names_output = True
        """Until the licence refuses a definition that names the files that it makes."""

    def create_table(self, table: Structure) -> Table:
        """Create an empty profile table with the attributes, subscriptions and segmentations of `table` (§4.4).

        Its `table_id` is ignored, and so are technical attributes: Actito gives both. MaybeSent too when it was created
        but the answer does not say under which id. Read the structure back: a free attribute that holds, say, phone
        numbers becomes one that holds text.
        """
        _require_names(table.table, table.attributes)
        call = self._dialect.new_table(self._entity)
        try:
            answer = self._connection.write(call, body=table_body(table))
        except NotFound as missing:
            raise of_entity(self._connection, missing) from None
        with _carried_out(call):
            return Table(_created(answer, "id", "profileTableId", "tableId"), table.table)

    def change_table(
        self,
        table: Structure,
        *,
        attributes: Sequence[Attribute] = (),
        subscriptions: Sequence[str] = (),
        segments: Mapping[str, Sequence[str]] | None = None,
        segmentations: Sequence[Segmentation] = (),
    ) -> None:
        """Add to the structure of a table that exists, with one change request (§4.4); none if there is nothing to add.

        `segments` holds the new segments of exclusive segmentations by the segmentation's name. Nothing is ever removed
        or renamed. Actito may carry the request out later: read the structure back. SettingsError, before anything is
        sent, for what the table has already or what cannot be a name.
        """
        segments = segments or {}
        _require_names("", attributes)
        _require_new(table, attributes, subscriptions, segments, segmentations)
        body = change_body(attributes, subscriptions, segments, segmentations)
        if body:
            call = self._dialect.change_request(self._entity, identified(self._connection, table))
            try:
                self._connection.write(call, body=body)
            except NotFound as missing:
                raise of_table(self._connection, table, missing) from None

    def update(
        self,
        table: Structure,
        profile_id: str,
        values: Mapping[str, str | None],
        *,
        collection: Collection | None = None,
    ) -> None:
        """Set columns, by their audit names, of a profile that exists (§6.5, §6.7, §6.8). NotFound when it is gone;
        Discontinued when it is the operation that is not there.

        Attributes: None clears. Subscriptions and simple segmentations: `true` or `false`. Exclusive segmentations:
        the segment, or None to leave it. `collection` is sent with attributes and with subscriptions that begin.
        Refused, before anything is sent, where a mandatory segmentation would be left (U-seg).

        Takes one request, in V4 perhaps several: ends of subscriptions first, beginnings last, so that whatever breaks
        off leaves nobody contactable who should not be. When one fails, the error's `columns_sent` and `columns_failed`
        say which columns were accepted before it and which it carried.
        """
        _require_columns(table, values)
        _require_stay(table, values)
        sent: list[str] = []
        how = self._dialect.profiles.changes(self._connection, table, profile_id, values, collection, self._spelling)
        for step in how:
            try:
                self._send(table, profile_id, step, values)
            except ActitoError as error:
                error.columns_sent, error.columns_failed = tuple(sent), step.columns
                raise
            sent += step.columns

    def create(self, table: Structure, values: Mapping[str, str | None], collection: Collection | None = None) -> str:
        """Create a profile and return its profileId (§6.1, D-feed). Refused when one with the same unique value exists.

        Columns and values as in `update`; those that are None are left out. MaybeSent too when it was created but the
        answer does not say under which profileId.
        """
        _require_columns(table, values)
        filled = {column: value for column, value in values.items() if value is not None}
        profiles = self._dialect.profiles
        call = profiles.creation(self._entity, table)
        try:
            answer = self._connection.write(call, body=profiles.body(table, filled, collection, self._spelling))
        except NotFound as missing:
            raise of_table(self._connection, table, missing) from None
        with _carried_out(call):
            return _created(answer, "profileId", "id")

    def delete(self, table: Structure, profile_id: str) -> None:
        """Delete a profile and everything linked to it, for good (U-forget). NotFound when it is gone already."""
        try:
            self._connection.write(self._dialect.profiles.deletion(self._entity, table, profile_id))
        except NotFound as missing:
            raise of_write(self._connection, table, profile_id, missing) from None

    def definition(self, table: Structure, columns: Sequence[str], key: str, mode: ImportMode, output: str = "") -> str:
        """The import definition, as JSON text, that `start_import` sends with such a file (§7.1, §8.3)."""
        if self._dialect.imports == "v4":
            return as_json(import_v4(columns, key, mode))
        return as_json(import_v5(self._entity, table, columns, key, mode, output))

    def start_import(
        self, table: Structure, archive: bytes, *, columns: Sequence[str], key: str, mode: ImportMode, output: str = ""
    ) -> str:
        """Hand over a zipped corrective file and return the id of its execution, which goes on without us (§7.1, §8.1).

        `columns` are the headers of the CSV: audit column names, `key` among them. `output` begins the names of the
        files that Actito makes of it (V5), where the licence takes that: where it refuses the definition without saying
        why, it is sent once more without. QuotaUsed when no import is left today; Discontinued when there is no such
        operation. MaybeSent when the id did not arrive: it counts against the quota and must not be sent again.
        """
        call = self._dialect.start_import(self._entity, table)
        wanted = output if self._names_output else ""
        try:
            return self._start(call, archive, self.definition(table, columns, key, mode, wanted), table)
        except Refused as refused:
            if not wanted or self._dialect.imports == "v4" or not _maybe_names(refused):
                raise
        self._names_output = False
        return self._start(call, archive, self.definition(table, columns, key, mode), table)

    def create_definition(self, definition: Definition) -> str:
        """Store an ETL definition for files as the auditor makes them, and return its id (§8.3).

        MaybeSent too when the answer does not say under which id.
        """
        call = self._dialect.definitions("POST", self._entity)
        answer = self._connection.write(call, body=definitions.new_body(self._entity, definition))
        with _carried_out(call):
            return _created(answer, "id", "etlId")

    def change_definition(self, definition: Definition) -> None:
        """Give a stored ETL definition the name, state, modes and mappings of `definition` (§8.3). NotFound without it.

        It is read first, and whatever else it holds is sent back as it was: schedules, transformations, loadings of
        custom tables. UnexpectedAnswer, before anything is sent, when it does not load the same profile tables.
        """
        read = self._dialect.definitions("GET", self._entity, definition.id)
        stored = self._connection.read(read)
        body = stored.read_as(definitions.changed_body, definition)
        self._connection.write(self._dialect.definitions("PUT", self._entity, definition.id), body=body)

    def delete_definition(self, definition_id: str) -> None:
        """Delete a stored ETL definition (§8.3). NotFound when there is none."""
        self._connection.write(self._dialect.definitions("DELETE", self._entity, definition_id))

    def trigger(self, definition_id: str, archive: bytes) -> str:
        """Carry out a stored ETL definition with a zipped file; the id of its execution (§8.2, U-v4imp).

        Errors as in `start_import`; NotFound when there is no such definition.
        """
        return self._start(self._dialect.trigger(self._entity, definition_id), archive)

    def _send(self, table: Structure, profile_id: str, step: Step, values: Mapping[str, str | None]) -> None:
        try:
            step.send()
        except NotFound as missing:
            carried = {column: values[column] for column in step.columns}
            raise of_write(self._connection, table, profile_id, missing, carried) from None

    def _start(self, call: Call, archive: bytes, definition: str = "", table: Structure | None = None) -> str:
        if len(archive) > MAX_IMPORT_BYTES:
            raise Refused(call.what, (("file", "TOO_LARGE"),))
        files = {
            DATA_PART: ("corrections.zip", archive, "application/zip"),
        }
        if definition:
            files[DEFINITION_PART] = ("definition.json", definition.encode("utf-8"), "application/json")
        try:
            answer = self._connection.write(call, files=files, attempts=IMPORT_ATTEMPTS)
        except Busy as busy:
            error = QuotaUsed(call.what)
            error.wait = busy.wait
            raise error from None
        except NotFound as missing:
            if table is None:  # a stored definition may be gone
                raise
            raise of_table(self._connection, table, missing) from None
        with _carried_out(call):
            return _created(answer, "executionId", "id")


def _maybe_names(refused: Refused) -> bool:
    """Whether a definition may have been refused for the names of files in it: it says so, or says nothing."""
    return all("file" in field.lower() for field, _ in refused.fields)


def _require_columns(table: Structure, values: Mapping[str, str | None]) -> None:
    """Everything that can be known to be wrong is said before the first request."""
    for column, value in values.items():
        if column in TECHNICAL_ATTRIBUTES:
            raise ValueError(f"{column} is generated by Actito and never sent")
        if column not in table.columns:
            raise SettingsError(
                f'the profile table "{table.table}" has no column "{column}"',
                hint="its structure may have changed: run an audit and plan again",
            )
        segmentation = table.segmentation(column)
        yes_or_no = column.startswith(SUBSCRIPTION_PREFIX) or (segmentation is not None and not segmentation.exclusive)
        if yes_or_no and value not in ("true", "false"):
            raise ValueError(f"{column} is either true or false")


def _require_stay(table: Structure, values: Mapping[str, str | None]) -> None:
    """A profile is in exactly one segment of a mandatory segmentation, always (U-seg)."""
    left = [one for one in table.segmentations if one.mandatory and one.exclusive]
    named = [SEGMENTATION_PREFIX + one.name for one in left if not values.get(SEGMENTATION_PREFIX + one.name, "stays")]
    if named:
        raise Refused("leaving a mandatory segmentation", tuple((column, "MANDATORY_MISSING") for column in named))


def _require_names(table: str, attributes: Sequence[Attribute]) -> None:
    """A table's name holds neither symbols nor blanks (U-ptab), an attribute's at most 50 characters (U-attr)."""
    if table and not (table.isascii() and table.isalnum()):
        raise SettingsError(f'"{table}" cannot be the name of a profile table: only letters and digits can')
    for attribute in attributes:
        if not re.fullmatch(r"[A-Za-z]\w{0,49}", attribute.name, re.ASCII):
            raise SettingsError(
                f'"{attribute.name}" cannot be the name of an attribute: '
                "at most 50 letters, digits and underscores, a letter first"
            )


def _require_new(
    table: Structure,
    attributes: Sequence[Attribute],
    subscriptions: Sequence[str],
    segments: Mapping[str, Sequence[str]],
    segmentations: Sequence[Segmentation],
) -> None:
    added = [
        *(attribute.name for attribute in attributes),
        *(SUBSCRIPTION_PREFIX + name for name in subscriptions),
        *(SEGMENTATION_PREFIX + segmentation.name for segmentation in segmentations),
    ]
    for column in added:
        if column in table.columns or added.count(column) > 1 or column in TECHNICAL_ATTRIBUTES:
            raise SettingsError(f'the profile table "{table.table}" has "{column}" already, or would have it twice')
    for name, new in segments.items():
        segmentation = table.segmentation(SEGMENTATION_PREFIX + name)
        if segmentation is None or not segmentation.exclusive:
            raise SettingsError(f'the profile table "{table.table}" has no exclusive segmentation "{name}"')
        if not new or set(new) & set(segmentation.segments) or len(set(new)) < len(new):
            raise SettingsError(f'the segmentation "{name}" has one of the segments already, or would have it twice')


def _created(answer: Answer, *names: str) -> str:
    """The id from the body, else from the end of `Location`, which answers a 201 (U-http)."""
    try:
        return answer.read_as(forms.created_id, *names)
    except UnexpectedAnswer:
        last = unquote(urlsplit(answer.headers.get("location", "")).path.rstrip("/").rpartition("/")[2])
        if last.isascii() and last.isdigit():
            return last
        raise


@contextmanager
def _carried_out(call: Call) -> Iterator[None]:
    """An answer that cannot be read comes too late to mean that nothing was written."""
    try:
        yield
    except UnexpectedAnswer:
        raise MaybeSent(call.what) from None
