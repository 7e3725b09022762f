"""What people read and take away beside the reports: exceptions, owners, the solution, claims, the audit log."""

import base64
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from activities import jobs
from activities.errors import StepError
from activities.standing import last_load
from ledger import manifest, migrations, paths
from ledger.audit_export import ONWARD, Format, export
from ledger.audit_verify import examine_part
from ledger.exceptions import ExceptionRow, each
from ledger.rows import Row, literal
from ledger.states import Run
from ledger.storage import NotStored, Storage
from services.parts import part, whole

#: Parts of the audit log (10,000 rows each) that one file holds.
_PARTS: Final = 10
#: Rows of the audit log after which an answer of its check ends with the chain it is at: some ten seconds' work.
CHECKED: Final = 100_000


async def run_of_exceptions(store: Storage, id: str) -> str | None:
    """The run whose exceptions hold now: the latest that loaded."""
    run = last_load(await migrations.list_runs(store, id))
    return run.id if run else None


async def exceptions(
    store: Storage, id: str, run: str | None, object: str | None, offset: int, most: int
) -> tuple[str | None, int, list[ExceptionRow]]:
    """The run (the latest that loaded unless one is named), how many exceptions it has, and a page of them."""
    run = run or await run_of_exceptions(store, id)
    total = 0
    page: list[ExceptionRow] = []
    if run:
        async for row in each(store, id, run=run, object=object):
            if offset <= total < offset + most:
                page.append(row)
            total += 1
    return run, total, page


@dataclass(slots=True)
class Cause:
    """Exceptions of one cause: how many, and the first of them as an example."""

    example: ExceptionRow
    count: int = 0


async def causes(store: Storage, id: str, run: str) -> dict[str, Cause]:
    """The causes of a run's exceptions, by their groups."""
    found: dict[str, Cause] = {}
    async for row in each(store, id, run=run):
        found.setdefault(row.group, Cause(row)).count += 1
    return found


def by_weight(found: dict[str, Cause]) -> list[tuple[str, Cause]]:
    """Causes in the order in which people mend them: those of records first, then by how many there are."""
    return sorted(found.items(), key=lambda one: (one[1].example.kind != "record", -one[1].count))


async def of_cause(store: Storage, id: str, run: str, group: str, most: int) -> list[ExceptionRow]:
    """The first exceptions of one cause."""
    found: list[ExceptionRow] = []
    async for row in each(store, id, run=run, object=group.partition("/")[0] or None):
        if row.group == group:
            found.append(row)
            if len(found) == most:
                break
    return found


async def run_error(store: Storage, run: Run) -> dict[str, str] | None:
    """Why a run failed: code, message, next; None when it did not."""
    found = await jobs.optional_document(store, run.migration, f"error-{run.id}.json", None)
    return dict(found) if found else None


async def owners(store: Storage, id: str) -> dict[str, list[dict[str, Any]]]:
    """``rows`` (staff), ``practitioners`` and ``strangers``: e-mail, match, rows by object, the decision and whose it was.

    Raises NotStored before ``prepare``.
    """
    return dict(orjson.loads(await store.get("ledger", paths.document(id, "staff.json"))))


async def solution(store: Storage, id: str) -> tuple[bytes, str]:
    """The solution zip of the map's version, and a name for it. Raises NotStored before ``prepare``."""
    migration = await migrations.load(store, id)
    version = f"1.0.0.{migration.map_version}"
    return await store.get("ledger", paths.solution(migration.id, version)), f"carryover-{version}.zip"


async def audit_check(store: Storage, id: str, after: str = "") -> dict[str, Any]:
    """Whether the audit log is whole, and each damage found: of a part of some ``CHECKED`` rows, from ``after`` on.

    ``onward``: the next part's ``after``, "" with the last. Raises NoMigration, StepError.
    """
    await migrations.load(store, id)
    try:
        checked, onward = await examine_part(store, id, await manifest.read(store, id), after, CHECKED)
    except ValueError:
        raise StepError("bad_request", "No part begins there.", "Send onward of the part before.") from None
    return {
        "whole": checked.whole,
        "onward": onward,
        "rows": checked.rows,
        "partitions": checked.partitions,
        "findings": [
            {"partition": f.partition, "sequence": f.sequence, "damage": f.damage, "message": f.message}
            for f in checked.findings
        ],
    }


class ClaimsFile(NamedTuple):
    """One file of a claims export."""

    run: str
    name: str
    bytes: int


async def claims(store: Storage, id: str) -> list[ClaimsFile]:
    """The files of the claims exports that are whole, latest run first. An export's manifest is written last."""
    prefix = paths.claims_of(id)
    found = []
    for blob in await store.listing("reports", prefix):
        run, _, name = blob.name.removeprefix(prefix).partition("/")
        found.append(ClaimsFile(run, name, blob.size))
    whole = {one.run for one in found if one.name == "manifest.json"}
    return sorted((one for one in found if one.run in whole), key=lambda one: one.run.rpartition("-")[2], reverse=True)


async def claim_file(store: Storage, id: str, run: str, name: str) -> bytes:
    """One file of a claims export, which is all values. Raises NotStored, StepError for a name that is none."""
    return await whole(store, _claims_blob(id, run, name))


async def claim_part(store: Storage, id: str, run: str, name: str, after: str) -> tuple[bytes, str]:
    """A part of a file of a claims export, as of ``part``."""
    return await part(store, _claims_blob(id, run, name), after)


def _claims_blob(id: str, run: str, name: str) -> str:
    try:
        return paths.claims(id, run, name)
    except ValueError:
        raise StepError("not_found", "There is no such file.") from None


async def manifest_text(store: Storage, id: str) -> bytes:
    """The manifest as it is stored; nothing when nothing was anchored yet."""
    try:
        return await store.get("ledger", paths.manifest(id))
    except NotStored:
        return b""


async def audit_file(store: Storage, id: str, form: Format) -> bytes:
    """The whole audit log, where it is small enough for one answer. Raises StepError when it is not."""
    parts, after = [], ""
    for _ in range(_PARTS):
        content, after = await export(store, id, form, after)
        parts.append(content)
        if not after:
            return b"".join(parts)
    raise StepError("too_long", "The log is too long for one file here.", "./carryover audit export brings it whole.")


async def audit_rows(store: Storage, id: str, run: str | None, after: str) -> tuple[list[Row], str]:
    """A page of the audit log, of one run or of all, and where the next begins ("" when there is none)."""
    try:
        onward = base64.urlsafe_b64decode(after).decode("ascii") if after else ""
        first, beyond = paths.partition_range(id, run)
    except ValueError:
        raise StepError("bad_request", "Nothing ended there.", "Start from the first page.") from None
    if onward and not ONWARD.fullmatch(onward):
        raise StepError("bad_request", "Nothing ended there.", "Start from the first page.")
    within = f"PartitionKey ge {literal(first)} and PartitionKey lt {literal(beyond)}"
    rows, onward = await store.rows.page(paths.AUDIT, within, after=onward)
    return rows, base64.urlsafe_b64encode(onward.encode()).decode()
