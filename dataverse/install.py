"""Importing the solution: start, poll, publish, and wait until the alternate keys are there and rows can be written.

Each step stands alone too, so that an orchestration may wait between them by its own timers; ``import_solution`` does
them in a row. One import or publish runs at a time in an environment (0x80071151): it is waited for.
"""

import base64
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from xml.etree.ElementTree import ParseError, fromstring

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import BadAnswer, BadPayload, DataverseError, LostReply, NotFound, Refused, Transient
from dataverse.metadata import key_states
from mapping.schema import Schema

RUNNING: Final = "0x80071151"
#: Waits between looks grow to this, so that a quick import is not waited for.
_POLL_SECONDS: Final = 5.0
_BUSY_SECONDS: Final = 30.0
#: An import of a dozen tables takes minutes; a busy environment may take much longer.
_POLLS: Final = 720
_BUSY_POLLS: Final = 60

Progress = Callable[[str, int], None]
T = TypeVar("T")


class InstallFailed(Refused):
    """The solution was not imported, or a key could not be built; the message names the parts."""


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A started import."""

    operation_id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class ImportState:
    """How far an import is; ``message`` says why it failed (names of tables and columns, no row values)."""

    done: bool
    ok: bool
    percent: int
    message: str = ""


async def start_import(client: DataverseClient, content: bytes) -> ImportJob:
    """Start an import of the zip; repeated when its answer was lost, since importing a zip twice is harmless."""
    body = {
        "OverwriteUnmanagedCustomizations": True,
        "PublishWorkflows": True,
        "CustomizationFile": base64.b64encode(content).decode(),
        "ImportJobId": str(uuid.uuid4()),
    }

    async def start() -> dict[str, Any]:
        return (await client.post("ImportSolutionAsync", body)).json()

    answer = await in_turn(client, start)
    operation, job = answer.get("AsyncOperationId"), answer.get("ImportJobKey") or body["ImportJobId"]
    if not operation:
        raise BadAnswer("The import was started without an operation to follow.")
    return ImportJob(query.guid(str(operation)), query.guid(str(job)))


async def import_state(client: DataverseClient, job: ImportJob) -> ImportState:
    """Ask once how far the import is."""
    address = query.path(query.row("asyncoperations", job.operation_id), select="statecode,statuscode")
    operation = (await client.get(address, table="asyncoperation")).json()
    done = operation.get("statecode") == 3
    ok = done and operation.get("statuscode") == 30
    percent, data = await _import_job(client, job, with_data=done and not ok)
    return ImportState(done, ok, 100 if ok else percent, _reasons(data) if done and not ok else "")


async def publish(client: DataverseClient) -> None:
    """Publish all customizations; repeating it is harmless."""

    async def once() -> None:
        await client.post("PublishAllXml", repeatable=True)

    await in_turn(client, once)


async def keys_pending(client: DataverseClient, schema: Schema) -> list[str]:
    """Tables (logical names) whose key on SourceKey is not Active yet. InstallFailed when building one has failed."""
    pending: list[str] = []
    for table in sorted(schema.tables.values(), key=lambda t: t.logical):
        if not table.key_column:
            continue
        try:
            keys = await key_states(client, table.logical)
        except NotFound:
            keys = []  # the metadata cache may lag behind the import for some seconds
        states = {key.status for key in keys if key.columns == (table.key_column,)}
        if "Failed" in states and "Active" not in states:
            raise InstallFailed("The alternate key on SourceKey could not be built.", table=table.logical)
        if "Active" not in states:
            pending.append(table.logical)
    return pending


async def rows_pending(client: DataverseClient, schema: Schema) -> list[str]:
    """Tables (logical names) whose rows cannot be used yet, since a cache of the target is older than their columns.

    Asks with ``Consistency: Strong``, which brings the caches up to date. Without it a load that begins in the seconds
    after an import has its first rows refused for good: unknown table (404), or unknown column (400).
    """
    pending: list[str] = []
    for table in sorted(schema.tables.values(), key=lambda t: t.logical):
        ours = sorted(column.read_name for column in table.columns.values() if column.custom)
        address = query.path(table.set_name, select=",".join([table.id_column, *ours]), top="1")
        try:
            await client.get(address, table=table.logical, headers={"Consistency": "Strong"})
        except (NotFound, BadPayload):
            pending.append(table.logical)
    return pending


async def import_solution(
    client: DataverseClient, content: bytes, schema: Schema, progress: Progress = lambda stage, percent: None
) -> None:
    """Import, publish, and wait until keys and rows can be used. ``progress`` hears ``import``, ``publish``, ``keys`` and a percentage.

    Raises InstallFailed with the import's own reasons, or Transient when it takes longer than an hour.
    """
    job = await start_import(client, content)
    for look in range(_POLLS):
        state = await import_state(client, job)
        progress("import", state.percent)
        if state.done and not state.ok:
            raise InstallFailed(f"The solution was not imported: {state.message}")
        if state.done:
            break
        await client.pause(min(_POLL_SECONDS, 0.25 * 2 ** min(look, 8)))
    else:
        raise Transient("The import has not ended within an hour.")
    progress("publish", 0)
    await publish(client)
    progress("publish", 100)
    keyed = sum(1 for table in schema.tables.values() if table.key_column)
    for look in range(_POLLS):
        pending = await keys_pending(client, schema)
        progress("keys", 100 * (keyed - len(pending)) // keyed if keyed else 100)
        if not pending:
            break
        await client.pause(min(_POLL_SECONDS, 0.25 * 2 ** min(look, 8)))
    else:
        raise Transient(f"The alternate keys of {', '.join(pending)} are not active after an hour.")
    for look in range(_BUSY_POLLS):
        if not (pending := await rows_pending(client, schema)):
            return
        await client.pause(min(_POLL_SECONDS, 0.25 * 2 ** min(look, 8)))
    raise Transient(f"The columns of {', '.join(pending)} are unknown to the target minutes after their import.")


async def in_turn(client: DataverseClient, call: Callable[[], Awaitable[T]]) -> T:
    """Call until no other import or publish is in the way and the answer has come."""
    for _ in range(_BUSY_POLLS):
        try:
            return await call()
        except LostReply:
            await client.pause(_BUSY_SECONDS)
        except DataverseError as error:
            if error.code != RUNNING:
                raise
            await client.pause(_BUSY_SECONDS)
    raise Transient("Another import or publish has been running in the target for half an hour.", code=RUNNING)


async def _import_job(client: DataverseClient, job: ImportJob, *, with_data: bool) -> tuple[int, str]:
    select = "progress,data" if with_data else "progress"
    try:
        row = (await client.get(query.path(query.row("importjobs", job.job_id), select=select))).json()
    except NotFound:
        return 0, ""  # it appears a moment after the operation
    return int(row.get("progress") or 0), str(row.get("data") or "")


def _reasons(data: str) -> str:
    """The failed parts of an import job's report, at most five."""
    try:
        results = fromstring(data).iter("result") if data else iter(())
        texts = [
            f"{r.get('errortext', '')} ({r.get('errorcode', '')})" for r in results if r.get("result") == "failure"
        ]
    except ParseError:
        texts = []
    unique = list(dict.fromkeys(t for t in texts if t.strip(" ()")))
    return "; ".join(unique[:5])[:1000] or "the target gave no reason"
