"""Every blob name and table key in one place.

Names hold ids, kinds and numbers only, never a value of a record, so that listings and access logs carry no PHI.
"""

import hashlib
import re
from typing import Final, Literal

Container = Literal["drop", "staging", "ledger", "reports"]

CONTAINERS: Final[tuple[Container, ...]] = ("drop", "staging", "ledger", "reports")
MIGRATIONS: Final = "migrations"
RUNS: Final = "runs"
AUDIT: Final = "audit"
#: The key that the console's forms are signed with, one for the app.
CONSOLE_KEY: Final = "console.key"
TABLES: Final[tuple[str, ...]] = (MIGRATIONS, RUNS, AUDIT)

_FILE_ID: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


def part(text: str) -> str:
    """Return `text` when it may be one part of a blob name or table key; else raise ValueError.

    Table keys forbid / \\ # ? and control characters; dots alone would walk up a folder. The message never repeats the
    text, which may have come from a record by mistake.
    """
    if not _PART.fullmatch(text) or ".." in text:
        raise ValueError(f"a name part must be 1 to 120 of A-Z a-z 0-9 . _ - (got {len(text)} characters)")
    return text


def chunk(number: int) -> str:
    """The name of a chunk by its number: five digits, so that names sort as numbers do."""
    return f"{number:05d}"


# ---- drop: the files the clinic handed over -------------------------------------------------------------------------


def drop(migration: str) -> str:
    """Prefix of a migration's uploaded files."""
    return f"{part(migration)}/"


def file_id(path: str) -> str:
    """The id of an uploaded file: SHA-256 (hex) of its path relative to the upload (`/` between folders, UTF-8).

    Documents are often named after patients, so a path itself is in no address and no blob's name.
    Raises ValueError for absolute paths and paths that climb (`..`): they come from zips and browsers.
    """
    pieces = path.split("/")
    if "\\" in path or any(p in ("", ".", "..") for p in pieces) or any(ord(c) < 32 for c in path):
        raise ValueError("a file path must be relative, with / between folders and no '.' or '..' parts")
    return hashlib.sha256(path.encode()).hexdigest()


def drop_file(migration: str, file: str) -> str:
    """One uploaded file by its id (`file_id`). Raises ValueError for what is none."""
    if not _FILE_ID.fullmatch(file):
        raise ValueError("a file's id is the SHA-256 of its path, in hex")
    return drop(migration) + file


# ---- staging: what was read ------------------------------------------------------------------------------------------


def snapshot(migration: str, number: int) -> str:
    """Prefix of one reading of the source."""
    return f"{part(migration)}/{number:04d}/"


def raw(migration: str, number: int, bucket: int | Literal["all"] | None = None) -> str:
    """Prefix of the raw parts of one bucket ("all": broadcast datasets); of every bucket when None."""
    base = f"{snapshot(migration, number)}raw/"
    if bucket is None:
        return base
    return base + ("all/" if bucket == "all" else f"{bucket:04d}/")


def shaped(migration: str, number: int, object: str | None = None) -> str:
    """Prefix of the shaped chunks of one object, or of all objects."""
    base = f"{snapshot(migration, number)}shaped/"
    return base if object is None else f"{base}{part(object)}/"


def shaped_chunk(migration: str, number: int, object: str, chunk: str) -> str:
    """One shaped chunk (gzip NDJSON, section 2 records)."""
    return f"{shaped(migration, number, object)}{part(chunk)}.ndjson.gz"


def accounts(migration: str, number: int, name: str) -> str:
    """Row accounts of one bucket, or the rows that were left out (`name` says which)."""
    return f"{snapshot(migration, number)}accounts/{part(name)}"


def unpacked(migration: str, number: int, path: str) -> str:
    """One file that came in an archive, by its path in it; the blob's name is an id, as in the drop."""
    return f"{snapshot(migration, number)}unpacked/{file_id(path)}"


def work(migration: str, run: str, name: str) -> str:
    """A document that one run's steps hand to each other (chunk lists, plans, samples, partial counts)."""
    return f"{part(migration)}/work/{part(run)}/{name}"


# ---- ledger: what was done -------------------------------------------------------------------------------------------


def map_versions(migration: str) -> str:
    """Prefix of all versions of the map."""
    return f"{part(migration)}/map/"


def map_version(migration: str, version: int) -> str:
    """One version of the map (JSON), kept for good."""
    return f"{map_versions(migration)}{version:04d}.json"


def map_changes(migration: str) -> str:
    """Who changed which field of the map, and when: an append blob of JSON lines."""
    return f"{map_versions(migration)}changes.ndjson"


def notes(migration: str) -> str:
    """What people did outside the app: an append blob of JSON lines."""
    return f"{part(migration)}/notes.ndjson"


def document(migration: str, name: str) -> str:
    """A JSON document of the migration as a whole (scope, owners, preflight, catalog of the schema)."""
    return f"{part(migration)}/documents/{part(name)}"


def solution(migration: str, version: str) -> str:
    """The solution zip of one version."""
    return f"{part(migration)}/solution/{part(version)}.zip"


def receipts(migration: str, object: str | None = None) -> str:
    """Prefix of the receipt parts of one object, or of all."""
    base = f"{part(migration)}/receipts/"
    return base if object is None else f"{base}{part(object)}/"


def receipt_part(migration: str, run: str, object: str, chunk: str) -> str:
    """The Parquet part of one chunk of one run."""
    return f"{receipts(migration, object)}{part(run)}/{part(chunk)}.parquet"


def before(migration: str, run: str, object: str, chunk: str, batch: str, attempt: int) -> str:
    """The before-images of one batch; `attempt` above 1 when a later attempt found rows the first had not."""
    return f"{part(migration)}/before/{part(run)}/{part(object)}/{part(chunk)}/{part(batch)}.{attempt}.json.gz"


def exceptions(migration: str, run: str | None = None, object: str | None = None) -> str:
    """Prefix of the exception parts: of all runs, of one run, or of one object of one run."""
    name = f"{part(migration)}/exceptions/"
    if run is not None:
        name += f"{part(run)}/"
        if object is not None:
            name += f"{part(object)}/"
    return name


def exception_part(migration: str, run: str, object: str, chunk: str) -> str:
    """The exceptions of one chunk of one run (gzip NDJSON)."""
    return f"{exceptions(migration, run, object)}{part(chunk)}.ndjson.gz"


#: How many requests of the day are used, over all migrations: the entitlement is the target's.
REQUESTS: Final = "requests.json"


def manifest(migration: str) -> str:
    """The append blob that anchors the audit log."""
    return f"{part(migration)}/manifest.ndjson"


def leases(migration: str) -> str:
    """Prefix of the blobs that chunk leases are taken on."""
    return f"{part(migration)}/leases/"


def lease(migration: str, run: str, object: str, chunk: str) -> str:
    """The blob whose lease gives one worker one chunk."""
    return f"{leases(migration)}{part(run)}/{part(object)}/{part(chunk)}"


# ---- reports ---------------------------------------------------------------------------------------------------------


def reports(migration: str) -> str:
    """Prefix of a migration's reports."""
    return f"{part(migration)}/"


def report(migration: str, name: str, format: str) -> str:
    """One report in one format (html, csv, json)."""
    return f"{reports(migration)}{part(name)}.{part(format)}"


def masked_report(migration: str, name: str, format: str) -> str:
    """One report that holds values of records, in one format, with these masked."""
    return f"{reports(migration)}masked/{part(name)}.{part(format)}"


def diff_index(migration: str) -> str:
    """The fields of the latest sample's diff (Parquet), for pages that show a part of them."""
    return f"{reports(migration)}index/diff.parquet"


def diff_rows(migration: str) -> str:
    """The fields of the latest sample's diff as the report says them, of which it is made anew when somebody comments."""
    return f"{reports(migration)}index/diff.ndjson.gz"


def claims_of(migration: str) -> str:
    """Prefix of the claims exports of all runs."""
    return f"{reports(migration)}claims/"


def claims(migration: str, run: str, name: str) -> str:
    """One file of the claims export."""
    return f"{claims_of(migration)}{part(run)}/{part(name)}"


# ---- table keys ------------------------------------------------------------------------------------------------------


def partition(migration: str, run: str, object: str, chunk: str) -> str:
    """The audit log's partition key: one chain, one chunk."""
    return "|".join((part(migration), part(run), part(object), part(chunk)))


def partition_range(migration: str, run: str | None = None) -> tuple[str, str]:
    """Partition keys of a migration (or one run of it) are at or above the first and below the second text."""
    stem = part(migration) if run is None else f"{part(migration)}|{part(run)}"
    return f"{stem}|", f"{stem}}}"  # "}" follows "|" in the order Table Storage sorts by


def row_key(sequence: int) -> str:
    """The audit log's row key: the sequence in eight digits."""
    return f"{sequence:08d}"
