"""Trying out what nobody documents, on rows that are made for it and removed again.

The answers (``Probes``) decide how rows are created and how notes get their files. Every row made here carries one
title, so that what a probe that was killed left behind is found and removed by the next one.
"""

import asyncio
import contextlib
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from dataverse import query
from dataverse.blocks import create_in_blocks
from dataverse.changes import Change, change_rows
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, DataverseError, LostReply, Refused, Unavailable
from dataverse.metadata import bulk_tables, existing_tables
from dataverse.notes import create_note
from dataverse.orgs import PRODUCT_LIMIT_MB, read_organization
from dataverse.probes import Closed, Ids, Owner, Probes, Strategy, TableProbe
from dataverse.reads import existing_ids, read_rows
from dataverse.states import state_values
from mapping.schema import Schema, SchemaTable

T = TypeVar("T")

TITLE: Final = "Carryover probe (may be deleted)"
#: A file smaller than this says nothing about limits any more.
_LEAST: Final = 256 * 1024
_NOT_WRITTEN: Final = frozenset({"systemuser"})
#: What a row needs besides its name, where the name cannot be written or is not enough.
_MORE: Final[dict[str, dict[str, Any]]] = {
    "appointment": {"scheduledstart": "2000-01-03T09:00:00Z", "scheduledend": "2000-01-03T09:30:00Z"},
    "opportunity": {"isrevenuesystemcalculated": False},
}
_NAMED_BY: Final = {"contact": "lastname"}
#: States to try on create. Not an opportunity's: whatever the answer, it is closed by its own message.
_CLOSED: Final = {"task": "completed", "appointment": "completed", "opportunity": "", "annotation": ""}


async def probe(
    client: DataverseClient,
    schema: Schema,
    *,
    most_bytes: int = PRODUCT_LIMIT_MB * 1024 * 1024,
    folder: Path | None = None,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> Probes:
    """Try the schema's tables that the target has; some ten requests a table, no file larger than ``most_bytes``.

    ``folder`` is where a file for the upload may lie meanwhile. Removes what it made, also when it fails; rows that
    could not be removed are in ``Probes.left``, or in a note of the exception. Raises AuthRefused and, when the target
    is not there, Unavailable.
    """
    wanted = {t.logical: t for t in schema.tables.values() if t.logical not in _NOT_WRITTEN}
    there = await existing_tables(client, wanted)
    work = _Probing(client, {name: t for name, t in wanted.items() if name in there}, new_id)
    try:
        await work.clean()
        found = await work.all(most_bytes, folder)
    except BaseException as error:
        if left := await work.clean():
            error.add_note("left behind: " + ", ".join(f"{table} {row_id}" for table, row_id in left))
        raise
    return Probes(found.tables, found.note_blocks, found.upload_bytes, client.limiter.hinted, await work.clean())


class _Probing:
    def __init__(self, client: DataverseClient, tables: dict[str, SchemaTable], new_id: Callable[[], str]) -> None:
        self.client = client
        self.tables = tables
        self.new_id = new_id
        self.made: list[tuple[SchemaTable, str]] = []  #: ids are put down before they are sent
        self.note_parent: dict[str, str] = {}

    async def all(self, most_bytes: int, folder: Path | None) -> Probes:
        await self._find_note_parent()
        bulk = await bulk_tables(self.client, self.tables)
        leaver = await self._disabled_user()
        tables = {name: await self._table(table, name in bulk, leaver) for name, table in self.tables.items()}
        blocks: Closed = "unknown"
        size: int | None = None
        if self.note_parent:
            with tempfile.TemporaryDirectory(prefix="probe-", dir=folder) as place:
                file = Path(place) / "probe.txt"
                blocks = await self._note_blocks(file)
                size = await self._upload_limit(file, most_bytes, blocks == "accepted")
        return Probes(tables, blocks, size)

    async def clean(self) -> list[tuple[str, str]]:
        """Remove every row made, children first, and whatever carries the title; the rows that stay."""
        rows: dict[str, SchemaTable] = {row_id: table for table, row_id in self.made}
        for table in self.tables.values():
            address = query.path(
                table.set_name, select=table.id_column, filter=f"{table.name_column} eq {query.literal(TITLE)}"
            )
            with contextlib.suppress(DataverseError):
                async for page in self.client.pages(address, table=table.logical):
                    rows.update({str(row[table.id_column]).lower(): table for row in page})
        self.made = [(t, i) for i, t in reversed(list(rows.items())) if not await self._gone(t, i)][::-1]
        return [(table.logical, row_id) for table, row_id in self.made]

    async def _gone(self, table: SchemaTable, row_id: str) -> bool:
        try:
            [outcome] = await change_rows(self.client, [Change("DELETE", table, row_id)])
        except DataverseError:
            return False  # what is not known to be gone is reported as left
        return outcome.ok

    async def _table(self, table: SchemaTable, bulk: bool, leaver: str | None) -> TableProbe:
        codes: dict[str, str] = {}
        ids: Ids = await self._bulk_ids(table, codes) if bulk else "unknown"
        single = await self._single(table, codes)
        owner: Owner = "unknown"
        closed: Closed = "unknown"
        if single and leaver:
            owner = await self._owner(table, single == "upsert", leaver, codes)
        if single and _CLOSED.get(table.logical, "inactive"):
            closed = await self._closed(table, single == "upsert", codes)
        return TableProbe(bulk, ids, "multiple" if ids == "kept" else single, owner, closed, codes)

    async def _bulk_ids(self, table: SchemaTable, codes: dict[str, str]) -> Ids:
        """Two rows with ids of ours; where they are refused, two without tell whether it was for the ids."""
        rows = [self._row(table), self._row(table)]
        asked = [row[table.id_column] for row in rows]
        made = await self._multiple(table, rows)
        if isinstance(made, DataverseError):
            codes["bulk_ids"] = made.code
            bare = [{name: value for name, value in row.items() if name != table.id_column} for row in rows]
            return "unknown" if isinstance(await self._multiple(table, bare), DataverseError) else "refused"
        there = await existing_ids(self.client, table, asked)
        return "kept" if there == set(asked) else "ignored" if made else "unknown"

    async def _multiple(self, table: SchemaTable, rows: list[dict[str, Any]]) -> list[str] | DataverseError:
        """The ids in the answer, which may be others than ours; none when the answer was lost."""
        kind = f"Microsoft.Dynamics.CRM.{table.logical}"
        body = {"Targets": [{"@odata.type": kind, **row} for row in rows]}
        address = f"{table.set_name}/Microsoft.Dynamics.CRM.CreateMultiple"
        try:
            answer = await self.client.post(address, body, table=table.logical, operations=len(rows))
        except DataverseError as error:
            return _silence_or_refusal(error, [])
        ids = [query.guid(str(i)) for i in answer.json().get("Ids", [])]
        self.made += [(table, i) for i in ids]
        return ids

    async def _single(self, table: SchemaTable, codes: dict[str, str]) -> Strategy | None:
        """How one row gets the id that we chose."""
        ways: tuple[Strategy, ...] = ("post", "upsert")
        for way in ways:
            row = self._row(table)
            refused = await self._create(table, row, way == "upsert")
            if refused:
                codes[way] = refused.code
            elif await existing_ids(self.client, table, [row[table.id_column]]):
                return way
        return None

    async def _owner(self, table: SchemaTable, upsert: bool, leaver: str, codes: dict[str, str]) -> Owner:
        row = self._row(table) | {"ownerid@odata.bind": f"/{query.row('systemusers', leaver)}"}
        refused = await self._create(table, row, upsert)
        if refused:
            codes["disabled_owner"] = refused.code
            return "refused"
        held = await self._read(table, row, "_ownerid_value")
        if held is None:
            return "unknown"
        return "accepted" if str(held.get("_ownerid_value")).lower() == leaver else "substituted"

    async def _closed(self, table: SchemaTable, upsert: bool, codes: dict[str, str]) -> Closed:
        state, status = state_values(table.logical, _CLOSED.get(table.logical, "inactive"))
        row = self._row(table) | {"statecode": state, "statuscode": status}
        refused = await self._create(table, row, upsert)
        if refused:
            codes["closed_on_create"] = refused.code
            return "refused"
        held = await self._read(table, row, "statecode")
        if held is None:
            return "unknown"
        return "accepted" if held.get("statecode") == state else "ignored"

    async def _create(self, table: SchemaTable, row: dict[str, Any], upsert: bool) -> DataverseError | None:
        """One row; why it was refused. An answer that was lost is not a refusal: reading back tells."""
        try:
            if upsert:
                address = query.row(table.set_name, row[table.id_column])
                body = {name: value for name, value in row.items() if name != table.id_column}
                once = {"If-None-Match": "*"}
                await self.client.request("PATCH", address, json=body, headers=once, table=table.logical)
                return None
            answer = await self.client.post(table.set_name, row, table=table.logical)
        except DataverseError as error:
            return _silence_or_refusal(error, None)
        made = str(answer.headers.get("odata-entityid", "")).rstrip(")").rpartition("(")[2]
        if made and query.guid(made) != row[table.id_column]:
            self.made.append((table, query.guid(made)))
        return None

    async def _read(self, table: SchemaTable, row: Mapping[str, Any], column: str) -> dict[str, Any] | None:
        found = await read_rows(self.client, table, [row[table.id_column]], [column])
        return found.get(row[table.id_column])

    def _row(self, table: SchemaTable) -> dict[str, Any]:
        """A row under a new id; a note gets its parent."""
        row_id = query.guid(self.new_id())
        self.made.append((table, row_id))
        name = _NAMED_BY.get(table.logical, table.name_column)
        more = self.note_parent if table.logical == "annotation" else _MORE.get(table.logical, {})
        return {table.id_column: row_id, name: TITLE, **more}

    async def _find_note_parent(self) -> None:
        """A row that notes may hang on, of the first table that takes one."""
        notes = self.tables.get("annotation")
        parents = notes.columns["objectid"].nav if notes and "objectid" in notes.columns else {}
        for name in sorted(parents, key=lambda n: (n != "account", n != "contact", n)):
            table = self.tables.get(name)
            if table and table.has_notes and (way := await self._single(table, {})):
                row = self._row(table)
                if await self._create(table, row, way == "upsert") is None:
                    bound = f"/{query.row(table.set_name, row[table.id_column])}"
                    self.note_parent = {f"{parents[name]}@odata.bind": bound}
                    return

    async def _disabled_user(self) -> str | None:
        address = query.path(
            "systemusers", select="systemuserid", filter="isdisabled eq true and applicationid eq null", top="1"
        )
        rows = (await self.client.get(address, table="systemuser")).rows()
        return str(rows[0]["systemuserid"]).lower() if rows else None

    def _note(self, notes: SchemaTable) -> dict[str, Any]:
        return self._row(notes) | {"filename": "probe.txt", "mimetype": "text/plain"}

    async def _note_blocks(self, file: Path) -> Closed:
        notes = self.tables["annotation"]
        row = self._note(notes)
        await asyncio.to_thread(file.write_bytes, b"probe")
        try:
            outcome = await create_in_blocks(self.client, notes, row, file, whole=True)
        except Unavailable as error:
            _silence_or_refusal(error, None)
            return "refused"
        if not outcome.ok:
            return "unknown" if outcome.unknown else "refused"
        held = await self._read(notes, row, "_objectid_value")
        parent = next(iter(self.note_parent.values())).rstrip(")").rpartition("(")[2]
        return "accepted" if held and str(held.get("_objectid_value")).lower() == parent else "ignored"

    async def _upload_limit(self, file: Path, most: int, whole: bool) -> int | None:
        """The organization's limit in octets, then what is left of it after encoding, then halves of that."""
        notes = self.tables["annotation"]
        size = min(most, (await read_organization(self.client)).max_upload_bytes)
        factor = 0.75
        while size >= _LEAST:
            row = self._note(notes)
            await asyncio.to_thread(_blank, file, size)
            outcome = await create_note(self.client, notes, row, file, object_in_blocks=whole)
            if outcome.ok:
                return size
            size, factor = int(size * factor), 0.5
        return None


def _silence_or_refusal(error: DataverseError, silence: T) -> T | DataverseError:
    """A refusal is an answer; a lost one is told by reading back. What is not about the row is raised."""
    if isinstance(error, LostReply):
        return silence
    passing = isinstance(error, Unavailable) and bool(error.code)
    if isinstance(error, AuthRefused) or not (isinstance(error, Refused) or passing):
        raise error
    return error


def _blank(file: Path, size: int) -> None:
    """A file of zeros that takes no room on the disk."""
    with file.open("wb") as sink:
        sink.truncate(size)
