"""What is odd about a source's documents, and which files no record names: seen while shaping, listed for people."""

import mimetypes
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from activities import jobs
from activities.papers import Papers
from activities.resources import storage
from ledger import paths
from ledger.chunks import read_records
from ledger.storage import Storage
from sources.profile import Profile
from sources.readers import kind_of


def look(profile: Profile, documents: Path, papers: Papers) -> dict[str, Any]:
    """One bucket's documents: ``named``, the files they name, and ``odd``, pairs of source id and what is odd."""
    routes = profile.map.get("document", {}).get("routes", [])
    mime = next((one["source"] for route in routes for one in route["fields"] if one.get("column") == "mimetype"), "")
    named: list[str] = []
    odd: list[tuple[str, str]] = []
    for record in read_records(documents):
        path = record.get("path")
        if path and (name := papers.name_of(path)):
            named.append(name)
        if not record.get("_excluded"):
            odd += [(record.get("_id") or "", what) for what in _oddities(record, path, record.get(mime), papers)]
    return {"named": named, "odd": odd}


def _oddities(record: dict[str, Any], path: str | None, mime: str | None, papers: Papers) -> list[str]:
    if not path:
        return ["no_file"]
    place = papers.find(path)
    found = [] if record.get("_patient") else ["no_patient"]
    if place is None:
        return [*found, "missing_file"]
    if place["size"] == 0:
        found.append("zero_bytes")
    guessed = mimetypes.guess_type(path)[0]
    if not PurePosixPath(path).suffix:
        found.append("no_extension")
    elif guessed and mime and guessed != mime:
        found.append("wrong_mime")
    return found


async def unstructured(store: Storage, migration: str, snapshot: int) -> dict[str, Any]:
    """All of a reading: ``odd`` (pairs of source id and what), ``no_index`` (names of files), ``counts`` by what.

    Files of records that nobody knows are not among them; the scope report lists those.
    """
    named: set[str] = set()
    odd: list[list[str]] = []
    for blob in await store.names("staging", paths.accounts(migration, snapshot, "inventory-")):
        part = orjson.loads(await store.get("staging", blob))["documents"]
        named.update(part["named"])
        odd += part["odd"]
    files = await jobs.optional_document(store, migration, "files.json", {})
    no_index = sorted(name for name in files if name not in named and kind_of(Path(name)) == "other")
    counts = Counter(what for _, what in odd)
    return {"odd": sorted(odd), "no_index": no_index, "counts": {"no_index": len(no_index), **counts}}


async def papers_of(migration: str) -> Papers:
    """The index of a migration's uploaded files."""
    return Papers(await jobs.optional_document(await storage(), migration, "files.json", {}))
