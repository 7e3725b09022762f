"""Reading the source: what was uploaded, staged raw, shaped by the profile, bucket by bucket."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import orjson

from activities import jobs, profiles
from activities.errors import StepError
from activities.inventory import inventory
from activities.ownership import count_owned, owned_blob
from activities.resources import storage, workplace
from activities.trim import kept_fields
from activities.unstructured import papers_of
from ledger import migrations, paths
from ledger.storage import Storage, Stored
from settings import settings
from sources.archive import unzip_safely
from sources.discover import Detection, SourceFile, detect, list_files
from sources.errors import UnknownSource
from sources.generated.build import GENERATED
from sources.profile import OUT_OF_SCOPE
from sources.readers import kind_of
from sources.shaping import shape_bucket as shape
from sources.staging import stage_file as stage
from sources.strangers import Strangers, find_strangers

#: First row number of a dataset's n-th file: row numbers stay unique without counting the files before it.
FILE_STRIDE = 1_000_000_000


async def read_source(job: dict[str, Any]) -> dict[str, Any]:
    """See what was uploaded and which known system it is.

    Returns ``{"snapshot", "files", "buckets", "changed"}``; ``changed`` is False when no file differs from the last
    reading (by content), and then the last reading stands, unless ``job["anew"]`` asks for another.
    """
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    uploaded = await store.listing("drop", paths.drop(migration.id))
    if not uploaded:
        raise StepError(
            "no_files", "Nothing has been uploaded to this migration yet.", "Upload the export, then scope."
        )
    known = await jobs.optional_document(store, migration.id, "source.json", None)
    # The run's own number: an activity that is delivered twice reads into the same place.
    number = job["number"]
    async with workplace("source") as folder:
        files, places = await _bring(store, migration.id, number, uploaded, folder)
        print_of_files = await asyncio.to_thread(_fingerprint, files, places)
        unchanged = known and known["fingerprint"] == print_of_files and await _whole(store, migration, known)
        # A proposal is made from all fields: a scope does not go by a reading of which only some were kept.
        anew = job.get("anew") or (
            job["kind"] == "scope" and await kept_fields(store, migration.id, migration.snapshot)
        )
        # What people picked since is for a scope to propose by: any other reading goes by the profile that was confirmed.
        outdated = job["kind"] == "scope" and await profiles.outdated(store, migration.id)
        if unchanged and not anew and not outdated:
            return {"snapshot": migration.snapshot, "files": 0, "buckets": known["buckets"], "changed": False}
        found, digest = await _detect(store, migration, files, folder, outdated)
        size = sum(file.size for some in found.datasets.values() for file in some)
        buckets = max(1, -(-size // (settings().bucket_mb * 1024 * 1024)))
        strange = await asyncio.to_thread(
            find_strangers, found.unknown_files, {*found.profile.datasets, *found.profile.views}
        )
        source = _describe(found, strange, places, number, buckets, print_of_files) | {"profile_digest": digest}
        await profiles.keep_profiled(store, migration.id, {**found.datasets, **strange.files}, folder)
        accounts = {name: {OUT_OF_SCOPE: rows} for name, rows in strange.rows.items()}
        await store.put(
            "staging",
            paths.accounts(migration.id, number, "bucket-unknown.json"),
            orjson.dumps({"objects": {}, "accounts": accounts}),
        )
        await jobs.keep_document(store, migration.id, "source.json", source)
        await jobs.keep_document(store, migration.id, "files.json", _papers(found, places))

    def move_on(one: migrations.Migration) -> None:
        one.snapshot, one.profile = number, found.profile.name

    await migrations.change(store, migration.id, move_on)
    return {"snapshot": number, "files": len(source["files"]), "buckets": buckets, "changed": True}


async def _detect(
    store: Storage, migration: migrations.Migration, files: list[SourceFile], folder: Path, outdated: bool
) -> tuple[Detection, str]:
    """What the files are: by the migration's own profile, by a known one, or by one that is proposed now.

    ``outdated``: its own is to be proposed once more. Returns the detection and the digest of the migration's own
    profile, "" where it has none.
    """
    name = migration.profile
    if name not in (profiles.NONE, GENERATED):
        try:
            return await asyncio.to_thread(detect, files, name), ""
        except UnknownSource as unknown:
            if name is not None:
                raise
            try:
                await profiles.propose_profile(store, migration.id, files, folder, _zone(migration))
            except UnknownSource as nothing:
                raise UnknownSource(f"{nothing}. {unknown}") from None
    elif name == profiles.NONE or outdated:
        await profiles.propose_profile(store, migration.id, files, folder, _zone(migration))
    profile, digest = await profiles.stored(store, migration.id)
    return await asyncio.to_thread(detect, files, profile), digest


def _zone(migration: migrations.Migration) -> str:
    return str(migration.options.get("time_zone", "UTC"))


async def _whole(store: Storage, migration: migrations.Migration, known: dict[str, Any]) -> bool:
    """Whether the last reading was shaped to its end, by the profile as it is now; a run may have died in its middle."""
    if known["profile"] == GENERATED:
        _, digest = await profiles.stored(store, migration.id)
        if digest != known["profile_digest"]:
            return False
    done = paths.accounts(migration.id, known["snapshot"], "complete.json")
    return bool(known["snapshot"] == migration.snapshot and await store.exists("staging", done))


async def _bring(
    store: Storage, migration: str, number: int, uploaded: list[Stored], folder: Path
) -> tuple[list[SourceFile], dict[str, dict[str, Any]]]:
    """Files of records and archives to this machine; other files (documents) stay where they are.

    Returns the files and, by name, where each is kept: container, blob, size, digest.
    """
    here = folder / "drop"
    places: dict[str, dict[str, Any]] = {}
    wanted: dict[str, Path] = {}
    others: list[SourceFile] = []
    for blob in uploaded:
        name = blob.path
        places[name] = {"container": "drop", "blob": blob.name, "size": blob.size, "digest": blob.digest}
        if kind_of(Path(name)) != "other" or name.lower().endswith(".zip"):
            wanted[blob.name] = here / name
        else:
            others.append(SourceFile(here / name, name, blob.size, "other"))
    await store.fetch("drop", wanted)
    here.mkdir(parents=True, exist_ok=True)
    files = await asyncio.to_thread(list_files, here)
    for archive in [file for file in files if file.kind == "zip"]:
        inside = folder / "unpacked" / archive.name
        await asyncio.to_thread(unzip_safely, archive.path, inside)
        for member in await asyncio.to_thread(list_files, inside):
            name = f"{archive.name}/{member.name}"
            blob_name = paths.unpacked(migration, number, name)
            await store.upload("staging", blob_name, member.path)
            digest = await asyncio.to_thread(_digest, member.path)
            places[name] = {"container": "staging", "blob": blob_name, "size": member.size, "digest": digest}
            files.append(SourceFile(member.path, name, member.size, member.kind))
        files.remove(archive)
    return files + others, places


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(files: list[SourceFile], places: dict[str, dict[str, Any]]) -> str:
    """The content of everything that was uploaded, as one digest."""
    seen = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.name):
        place = places[file.name]
        if not place["digest"]:
            place["digest"] = _digest(file.path) if file.path.exists() else str(place["size"])
        seen.update(f"{file.name}\0{place['digest']}\0".encode())
    return seen.hexdigest()


def _describe(
    found: Detection,
    strange: Strangers,
    places: dict[str, dict[str, Any]],
    number: int,
    buckets: int,
    fingerprint: str,
) -> dict[str, Any]:
    counted = {file.name for some in strange.files.values() for file in some}
    return {
        "profile": found.profile.name,
        "snapshot": number,
        "buckets": buckets,
        "fingerprint": fingerprint,
        "files": [
            {"dataset": dataset, "name": file.name, "kind": file.kind, "nth": nth, **places[file.name]}
            for dataset, some in sorted(found.datasets.items())
            for nth, file in enumerate(some)
        ],
        "strangers": {name: [file.name for file in some] for name, some in strange.files.items()},
        "unknown_files": [
            {"name": file.name, "size": file.size, "problem": strange.problems.get(file.name, "")}
            for file in found.unknown_files
            if file.name not in counted
        ],
        "documents": len(found.documents),
    }


def _papers(found: Detection, places: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Every file that may be a document, by name."""
    return {file.name: places[file.name] for file in [*found.documents, *found.unknown_files]}


async def stage_file(job: dict[str, Any]) -> dict[str, Any]:
    """Stage one file of the reading: its rows as NDJSON, numbered, spread over the buckets."""
    store = await storage()
    source = await jobs.document(store, job["migration"], "source.json")
    file = source["files"][job["file"]]
    profile = await profiles.profile_of(store, job["migration"], source["profile"])
    async with workplace("stage") as folder:
        here = folder / Path(file["name"]).name
        await store.download(file["container"], file["blob"], here)
        staged = await asyncio.to_thread(
            stage,
            profile,
            file["dataset"],
            here,
            folder / "out",
            source["buckets"],
            file["nth"] * FILE_STRIDE,
            await profiles.secret_of(store, job["migration"], profile),
        )
        for bucket, part in staged.parts.items():
            name = paths.raw(job["migration"], job["snapshot"], "all" if bucket == "all" else int(bucket)) + part.name
            await store.upload("staging", name, part)
    columns = {"columns": list(staged.columns), "undeclared": list(staged.undeclared), "rows": staged.rows}
    await store.put(
        "staging",
        paths.accounts(job["migration"], job["snapshot"], f"file-{job['file']:05d}.json"),
        orjson.dumps(columns),
    )
    return {"rows": staged.rows}


async def shape_bucket(job: dict[str, Any]) -> dict[str, Any]:
    """Shape one bucket into the records of the objects; bucket -1 is what hangs on no patient."""
    store = await storage()
    migration, snapshot, bucket = job["migration"], job["snapshot"], job["bucket"]
    source = await jobs.document(store, migration, "source.json")
    profile = await profiles.profile_of(store, migration, source["profile"])
    papers = await papers_of(migration)
    async with workplace("shape") as folder:
        raw = folder / "raw"
        await store.download("staging", paths.raw(migration, snapshot, "all"), raw)
        if bucket >= 0:
            await store.download("staging", paths.raw(migration, snapshot, bucket), raw)
        label = jobs.bucket_label(bucket)
        shaped = await asyncio.to_thread(
            shape,
            profile,
            raw,
            folder / "out",
            None if bucket < 0 else bucket,
            settings().memory_mb,
            await profiles.secret_of(store, migration, profile),
        )
        for name, (_, path) in shaped.objects.items():
            await store.upload("staging", paths.shaped_chunk(migration, snapshot, name, label), path)
        await store.upload(
            "staging", paths.accounts(migration, snapshot, f"left-out-{label}.ndjson.gz"), shaped.left_out
        )
        found = await asyncio.to_thread(inventory, profile, shaped, papers)
        await store.put("staging", paths.accounts(migration, snapshot, f"inventory-{label}.json"), orjson.dumps(found))
        if await asyncio.to_thread(count_owned, shaped.objects, folder / "owned.parquet"):
            await store.upload("staging", owned_blob(migration, snapshot, label), folder / "owned.parquet")
        counts = {name: rows for name, (rows, _) in shaped.objects.items()}
        await store.put(
            "staging",
            paths.accounts(migration, snapshot, f"bucket-{label}.json"),
            orjson.dumps({"objects": counts, "accounts": shaped.accounts}),
        )
    return {"records": sum(counts.values())}


async def close_snapshot(job: dict[str, Any]) -> dict[str, Any]:
    """The raw parts have done their work, and so have files of records from archives: shaped records and accounts stay."""
    store = await storage()
    for file in (await jobs.document(store, job["migration"], "source.json"))["files"]:
        if file["container"] == "staging":
            await store.delete("staging", file["blob"])
    await store.put("staging", paths.accounts(job["migration"], job["snapshot"], "complete.json"), b"{}")
    await store.delete_prefix("staging", paths.raw(job["migration"], job["snapshot"]))
    return {}
