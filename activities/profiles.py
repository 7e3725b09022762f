"""The profile of a migration: a known system's, or the one that was proposed for it and may have been edited since."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.language_model import reranker_of
from ledger import paths
from ledger.storage import Storage
from mapping.matching.engine import propose
from mapping.matching.model import Proposal, Table
from mapping.matching.rerank import rerank
from settings import settings
from sources.discover import SourceFile, with_columns
from sources.errors import BadSource
from sources.generated.build import GENERATED, build_profile, to_yaml
from sources.generated.picks import Pick, Picks
from sources.generated.reading import understand
from sources.profile import Profile, load_profile, parse_profile
from sources.profiling.model import DatasetDocument
from sources.profiling.source import datasets_of, profile_source

#: What a migration is created with when no known system is to be looked for.
NONE: Final = "none"
#: The document that holds the migration's own profile: ``yaml`` and ``digest``; of a proposed one also ``made``, what it
#: was made by: the ``picks`` it keeps to, and ``taken``, dataset -> what it was taken for, how surely and why.
DOCUMENT: Final = "profile.json"
#: The document that holds what people picked: dataset -> Pick.
PICKS: Final = "picks.json"
#: The document that holds the key by which ids are hashed; without it a new reading would know no record again.
SECRET: Final = "ids.json"
#: The document that holds what was profiled: dataset -> DatasetDocument.
DATASETS: Final = "datasets.json"


async def profile_of(store: Storage, migration: str, name: str) -> Profile:
    """The profile of that name as this migration has it."""
    return (await stored(store, migration))[0] if name == GENERATED else load_profile(name)


async def secret_of(store: Storage, migration: str, profile: Profile) -> str:
    """The migration's key for ids that must not be shown, made when it is first needed; "" where the profile has none."""
    if not profile.hashes:
        return ""
    place = paths.document(migration, SECRET)
    if not await store.exists("ledger", place):
        await store.put("ledger", place, orjson.dumps(secrets.token_hex(32)), once=True)
    return str(orjson.loads(await store.get("ledger", place)))


async def stored(store: Storage, migration: str) -> tuple[Profile, str]:
    """The migration's own profile and its digest. Raises NotStored when none was proposed."""
    kept = await jobs.document(store, migration, DOCUMENT)
    return _parsed(kept["yaml"]), kept["digest"]


async def text_of(store: Storage, migration: str) -> str:
    """The migration's own profile as text. Raises NotStored when none was proposed."""
    return str((await jobs.document(store, migration, DOCUMENT))["yaml"])


async def keep(store: Storage, migration: str, text: str, made: Mapping[str, Any] | None = None) -> str:
    """Store the migration's own profile; its digest. ``made``: what a proposal was made by, None for a person's own text.
    Raises BadProfile when the text is none."""
    _parsed(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    await jobs.keep_document(store, migration, DOCUMENT, {"yaml": text, "digest": digest, "made": made})
    return digest


async def made(store: Storage, migration: str) -> dict[str, Any] | None:
    """What the migration's own profile was made by; None where a person wrote it, or there is none."""
    kept = await jobs.optional_document(store, migration, DOCUMENT, {})
    found: dict[str, Any] | None = kept.get("made")
    return found


async def picks_of(store: Storage, migration: str) -> Picks:
    """What people picked, by dataset."""
    kept = await jobs.optional_document(store, migration, PICKS, {})
    return {name: Pick.model_validate(plain) for name, plain in kept.items()}


async def keep_picks(store: Storage, migration: str, picks: Picks) -> None:
    """Store what people picked, all of it; the next reading proposes the profile by it."""
    await jobs.keep_document(store, migration, PICKS, plain(picks))


async def outdated(store: Storage, migration: str) -> bool:
    """Whether people have picked otherwise since the profile was proposed. A person's own text is what stands in it."""
    by = await made(store, migration)
    return by is not None and by["picks"] != plain(await picks_of(store, migration))


def plain(picks: Picks) -> dict[str, Any]:
    """Picks as a document."""
    return {name: one.model_dump(mode="json") for name, one in sorted(picks.items())}


@lru_cache(maxsize=8)
def _parsed(text: str) -> Profile:
    return parse_profile(text, GENERATED).model_copy(update={"name": GENERATED})  # whatever an editor called it


async def propose_profile(
    store: Storage, migration: str, files: Sequence[SourceFile], folder: Path, time_zone: str
) -> Profile:
    """Profile the files, understand them as people picked, and keep the profile that follows.

    Raises UnknownSource when there is no dataset of patients, BadSource when a file cannot be read to its end, BadPick
    when a dataset cannot feed what was picked for it.
    """
    picks = await picks_of(store, migration)

    def work() -> tuple[Profile, dict[str, Any]]:
        seen = [with_columns(file) for file in files]
        documents, problems = profile_source(datasets_of(seen), folder / "samples", settings().memory_mb)
        if problems:
            raise BadSource("; ".join(problems.values()))
        others = [file.name for file in seen if file.kind == "other"]
        proposal = understand(documents, _matcher(), picks)
        taken = {
            one.table: {"object": one.object, "confidence": one.confidence, "why": one.reason}
            for one in proposal.tables
        }
        return build_profile(documents, proposal, others, time_zone, picks), taken

    profile, taken = await asyncio.to_thread(work)
    await keep(store, migration, to_yaml(profile), {"picks": plain(picks), "taken": taken})
    return profile


def _matcher() -> Callable[[Sequence[Table]], Proposal]:
    """The matcher, with a language model's second opinion where one is configured."""
    reranker = reranker_of(settings())
    if reranker is None:
        return propose
    return lambda tables: rerank(propose(tables), tables, reranker)


async def keep_profiled(
    store: Storage, migration: str, datasets: Mapping[str, Sequence[SourceFile]], folder: Path
) -> None:
    """Profile the datasets of a reading and keep what was found. A file with a broken row is told when it is staged."""
    documents, _ = await asyncio.to_thread(profile_source, datasets, folder / "profiled", settings().memory_mb)
    found: dict[str, Any] = {one.name: one.model_dump(mode="json") for one in documents}
    await jobs.keep_document(store, migration, DATASETS, found)


async def forget_values(store: Storage, migration: str) -> None:
    """Remove the lists of values from what was profiled: they have done their work when a map is confirmed."""
    found = await profiled(store, migration)
    for one in found.values():
        for field in one.fields:
            field.values = None
    await jobs.keep_document(
        store, migration, DATASETS, {name: one.model_dump(mode="json") for name, one in found.items()}
    )


async def profiled(store: Storage, migration: str) -> dict[str, DatasetDocument]:
    """What was profiled, by dataset; empty for readings of before."""
    kept = await jobs.optional_document(store, migration, DATASETS, {})
    return {name: DatasetDocument.model_validate(plain) for name, plain in kept.items()}
