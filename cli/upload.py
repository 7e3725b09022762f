"""Bringing a folder, a zip or a file to the app: small files in bundles, large ones in blocks, and nothing twice.

Which blocks the app has acknowledged is kept in a journal beside the local state, so that an upload that was
interrupted goes on where it stopped. A file that the app has whole (path, size and SHA-256 agree) is not sent again.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.client import Api
from cli.errors import ApiError, interrupted, misuse
from cli.output import Out
from cli.place import state_folder

#: Octets in a block, and the most blocks that a file may have: a file over 50 GB goes in blocks of the size that fits.
BLOCK: Final = 1024 * 1024
MOST_BLOCKS: Final = 50_000

#: Octets of a file that is sent in a bundle; a request for each of a clinic's many small documents takes far longer
#: than what is in them.
SMALL: Final = 512 * 1024

#: Octets and files of a bundle: less than the app takes in one request, since a copy or two of each is held on its way.
BUNDLE: Final = 1024 * 1024
BUNDLE_FILES: Final = 200

#: Bundles and blocks under way at once: what the upload holds in memory, whatever the size of the files.
LANES: Final = 4


@dataclass(frozen=True, slots=True)
class Picked:
    """One file to bring, and the path it has in the migration's drop."""

    file: Path
    path: str
    size: int


def pick(source: Path) -> tuple[list[Picked], int]:
    """The files of a folder in a steady order, or the one file; and how many were left out.

    Hidden files and symbolic links are left out: the first are an editor's or a system's, the second may point
    anywhere. Raises misuse when there is nothing to bring.
    """
    if source.is_file():
        return [Picked(source, source.name, source.stat().st_size)], 0
    if not source.is_dir():
        raise misuse(f"There is no folder or file {source}.", "Name the export's folder, a zip of it, or one file.")
    picked, left_out = [], 0
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        kept = sorted(name for name in folders if not name.startswith(".") and not (here / name).is_symlink())
        left_out += len(folders) - len(kept)
        folders[:] = kept
        for name in sorted(files):
            file = here / name
            if name.startswith(".") or file.is_symlink():
                left_out += 1
            else:
                picked.append(Picked(file, file.relative_to(source).as_posix(), file.stat().st_size))
    if not picked:
        raise misuse(f"The folder {source} holds no files.", "Name the folder of the export.")
    return picked, left_out


class Journal:
    """Which blocks the app has acknowledged, by the content's SHA-256 and the path; one small file a migration."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        try:
            self._blocks: dict[str, set[int]] = {
                key: set(numbers) for key, numbers in json.loads(file.read_text("utf-8")).items()
            }
        except (OSError, ValueError, AttributeError):
            self._blocks = {}

    def has(self, key: str, block: int) -> bool:
        with self._lock:
            return block in self._blocks.get(key, ())

    def add(self, key: str, block: int) -> None:
        with self._lock:
            self._blocks.setdefault(key, set()).add(block)

    def forget(self, key: str) -> None:
        with self._lock:
            self._blocks.pop(key, None)

    def save(self) -> None:
        """Keeps what is still open; nothing is left of an upload that is through."""
        with self._lock:
            if not self._blocks:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file.write_text(json.dumps({key: sorted(numbers) for key, numbers in self._blocks.items()}), "utf-8")


class Upload:
    """One upload to one migration."""

    def __init__(self, api: Api, migration: str, advance: Callable[[int], None]) -> None:
        self._api = api
        self._where = f"/migrations/{migration}/files"
        self._advance = advance
        name = hashlib.sha256(f"{api.url} {migration}".encode()).hexdigest()[:16]
        self._journal = Journal(state_folder() / "uploads" / f"{name}.json")
        self._there: dict[str, dict[str, Any]] = {}

    def run(self, picked: list[Picked]) -> int:
        """Brings the files, several at a time; returns how many were sent.

        On an error or Ctrl-C what is under way ends, nothing more is begun and the journal is kept.
        """
        self._there = {entry["path"]: entry for entry in _listed(self._api.get(self._where))}
        small = [one for one in picked if one.size <= SMALL]
        try:
            with ThreadPoolExecutor(LANES) as lanes:
                sent = sum(_spread(lanes, (partial(self._bundle, some) for some in bundles(small))))
                return sent + sum(self._large(one, lanes) for one in picked if one.size > SMALL)
        finally:
            self._journal.save()

    def _bundle(self, some: list[Picked]) -> int:
        """Sends those of these files that the app has not; returns how many."""
        about, contents = [], []
        for one in some:
            octets = one.file.read_bytes()
            described = {"path": one.path, "size": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}
            if self._there.get(one.path) != described:
                about.append(described)
                contents.append(octets)
        if about:
            self._api.post_bundle(f"{self._where}/bundle", b"\n".join((json.dumps(about).encode(), b"".join(contents))))
        self._advance(sum(one.size for one in some))
        return len(about)

    def _large(self, one: Picked, lanes: ThreadPoolExecutor) -> bool:
        """Sends a file in blocks unless the app has it; returns whether it was sent."""
        digest = _sha256(one.file)
        if self._there.get(one.path) == {"path": one.path, "size": one.size, "sha256": digest}:
            self._advance(one.size)
            return False
        key = f"{digest} {one.path}"
        try:
            self._bring(one, key, digest, lanes)
        except ApiError as error:
            # The app may have thrown blocks of an upload that lay open for days away: then all are sent again.
            if error.code not in ("missing_blocks", "blocks_missing", "invalid_block_list"):
                raise
            self._journal.forget(key)
            self._bring(one, key, digest, lanes)
        return True

    def _bring(self, one: Picked, key: str, digest: str, lanes: ThreadPoolExecutor) -> None:
        most = BLOCK * -(-one.size // (BLOCK * MOST_BLOCKS))
        blocks = -(-one.size // most)
        for size in _spread(lanes, (partial(self._block, one, key, number, most) for number in range(blocks))):
            self._advance(size)
        end = {"path": one.path, "blocks": blocks, "size": one.size, "sha256": digest}
        self._api.post(self._where, end, repeat=True)
        self._journal.forget(key)

    def _block(self, one: Picked, key: str, number: int, most: int) -> int:
        """Sends one block of a file unless the app has it; returns its size."""
        with one.file.open("rb") as opened:
            opened.seek(number * most)
            octets = opened.read(most)
        if not self._journal.has(key, number):
            self._api.put_block(self._where, octets, file=file_id(one.path), block=number)
            self._journal.add(key, number)
        return len(octets)


def bundles(small: Iterable[Picked]) -> Iterator[list[Picked]]:
    """Files in groups that the app takes in one request."""
    group: list[Picked] = []
    octets = 0
    for one in small:
        if group and (octets + one.size > BUNDLE or len(group) == BUNDLE_FILES):
            yield group
            group, octets = [], 0
        group.append(one)
        octets += one.size
    if group:
        yield group


def _spread(lanes: ThreadPoolExecutor, jobs: Iterable[Callable[[], int]]) -> Iterator[int]:
    """Runs jobs side by side, beginning none before a lane is free; gives what they return as they end.

    The first that fails is raised when those under way have ended.
    """
    running: set[Future[int]] = set()
    for job in jobs:
        if len(running) == LANES:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
        running.add(lanes.submit(job))
    yield from (one.result() for one in wait(running).done)


def upload(api: Api, out: Out, migration: str, source: Path, *, replace: bool = False) -> dict[str, Any]:
    """Brings a folder, a zip or a file to a migration; returns counts of files and octets.

    With ``replace`` files that the app has and the source has not are removed afterwards. Interrupted, it says how
    to go on (exit code 130).
    """
    picked, left_out = pick(source)
    octets = sum(one.size for one in picked)
    progress = Progress(
        TextColumn("[step]{task.description:<16}[/step]"),
        BarColumn(bar_width=26),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=out.people,
        transient=True,
        disable=not out.watched,
    )
    bar = progress.add_task("upload", total=octets)
    job = Upload(api, migration, lambda more: progress.update(bar, advance=more))
    try:
        with progress:
            sent = job.run(picked)
    except KeyboardInterrupt:
        raise interrupted(
            "The upload was interrupted.",
            f"Go on with ./carryover upload {source} -m {migration}; what has arrived is not sent again.",
        ) from None
    removed = 0
    if replace:
        wanted = {one.path for one in picked}
        for entry in _listed(api.get(f"/migrations/{migration}/files")):
            if entry["path"] not in wanted:
                api.delete(f"/migrations/{migration}/files", file=file_id(entry["path"]))
                removed += 1
    counted = {"files": len(picked), "bytes": octets, "sent": sent, "unchanged": len(picked) - sent}
    return {"migration": migration} | counted | {"left_out": left_out, "removed": removed}


def file_id(path: str) -> str:
    """How the app addresses a file: paths name patients too often to be in an address."""
    return hashlib.sha256(path.encode()).hexdigest()


def _listed(answer: Any) -> list[dict[str, Any]]:
    return list(answer["files"] if isinstance(answer, dict) else answer or [])


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
