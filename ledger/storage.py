"""Blob and Table Storage as the ledger uses them; the same code on Azurite and on Azure."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from ledger.blobs import LARGEST, Blobs, Listed
from ledger.paths import CONTAINERS, TABLES, Container
from ledger.rows import TableRows

_PARALLEL = 16  #: requests of one bulk operation (downloads of a prefix, deletions) that are open at once
_PIECE = 256 * 1024  #: bytes read at once of an answer that is taken piece by piece
#: What the SDK holds of a file that it sends: blocks, and not the whole of what is under 64 MB.
_BLOCKS: dict[str, Any] = {"max_single_put_size": LARGEST, "max_block_size": LARGEST}
_CONNECTIONS = 64  #: connections of the whole process

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account reached with an identity in place of a key (managed identity in Azure)."""

    name: str
    credential: AsyncTokenCredential
    suffix: str = "core.windows.net"


class NotStored(LookupError):
    """No blob of that name; names hold ids only, so the text is safe to log."""

    def __init__(self, container: str, name: str) -> None:
        super().__init__(f"no blob {container}/{name}")
        self.container = container
        self.name = name


@dataclass(frozen=True, slots=True)
class Stored:
    """One blob of a listing. `leased`: a worker holds it now."""

    name: str
    size: int
    leased: bool
    etag: str = ""
    digest: str = ""  #: SHA-256 (hex) of an uploaded file, "" where nobody said
    path: str = ""  #: where an uploaded file lay in the upload
    changed: datetime | None = None  #: when it was last written
    about: Mapping[str, str] = field(default_factory=dict)  #: all that is kept beside it


async def bounded(work: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int = _PARALLEL) -> list[R]:
    """Run `work` on every item, at most `limit` at once; results in the items' order. The first error stops all."""
    slots = asyncio.Semaphore(limit)

    async def one(item: T) -> R:
        async with slots:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


class Storage:
    """Shared clients of one storage account. Open one per process and event loop; close it by leaving the context."""

    def __init__(self, blobs: BlobServiceClient, small: Blobs, tables: TableServiceClient, rows: TableRows) -> None:
        self._blobs = blobs
        self._small = small
        self._tables = tables
        self._table_clients: dict[str, TableClient] = {}
        self.rows = rows
        """The quick way to the audit table."""

    @classmethod
    @asynccontextmanager
    async def open(cls, account: str | Account) -> AsyncIterator["Storage"]:
        """Open the clients on one connection pool. `account`: a connection string, or an account with a credential."""
        pool = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS), auto_decompress=False, proxy=_proxy(account)
        )
        async with pool:

            def transport() -> AioHttpTransport:
                return AioHttpTransport(session=pool, session_owner=False, connection_data_block_size=_PIECE)

            if isinstance(account, str):
                blobs = BlobServiceClient.from_connection_string(account, transport=transport(), **_BLOCKS)
                tables = TableServiceClient.from_connection_string(account, transport=transport())
            else:
                blob_url, table_url = (f"https://{account.name}.{kind}.{account.suffix}" for kind in ("blob", "table"))
                blobs = BlobServiceClient(blob_url, credential=account.credential, transport=transport(), **_BLOCKS)
                tables = TableServiceClient(table_url, credential=account.credential, transport=transport())
            rows = TableRows(tables.url, tables.credential, transport())
            small = Blobs(blobs.url, blobs.credential, transport())
            async with blobs, small, tables, rows:
                yield cls(blobs, small, tables, rows)

    async def ensure(self) -> None:
        """Create the containers and tables that are missing. Safe to repeat."""
        for container in CONTAINERS:
            try:
                await self._blobs.create_container(container)
            except ResourceExistsError:
                continue
        for table in TABLES:
            await self._tables.create_table_if_not_exists(table)

    def table(self, name: str) -> TableClient:
        """The SDK's client of one table."""
        if name not in self._table_clients:
            self._table_clients[name] = self._tables.get_table_client(name)
        return self._table_clients[name]

    def blob(self, container: Container, name: str) -> BlobClient:
        """The SDK's client of one blob, for leases and appends."""
        return self._blobs.get_blob_client(container, name)

    # ---- single blobs ------------------------------------------------------------------------------------------------

    async def put(
        self,
        container: Container,
        name: str,
        data: bytes | AsyncIterable[bytes],
        *,
        once: bool = False,
        about: Mapping[str, str] | None = None,
    ) -> bool:
        """Write a blob whole, and what is kept beside it. With `once` it is written only when there was none; False
        says that one was there."""
        beside = _headers(about or {})
        if isinstance(data, bytes) and len(data) <= LARGEST:
            return await self._small.put(container, name, data, once=once, metadata=beside)
        try:
            await self.blob(container, name).upload_blob(data, overwrite=not once, metadata=beside)
        except ResourceExistsError:
            return False
        return True

    async def get(self, container: Container, name: str) -> bytes:
        """Read a blob whole. Raises NotStored."""
        return (await self.read(container, name))[0]

    async def read(self, container: Container, name: str) -> tuple[bytes, str]:
        """Read a blob whole, with its etag for `replace`. Raises NotStored."""
        found = await self._small.get(container, name)
        if found is None:
            raise NotStored(container, name)
        return found

    async def replace(self, container: Container, name: str, data: bytes, etag: str) -> bool:
        """Overwrite a blob that is still the one read with `etag`; False when it has changed or gone since."""
        if len(data) <= LARGEST:
            return await self._small.put(container, name, data, etag=etag)
        try:
            await self.blob(container, name).upload_blob(
                data, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        return True

    async def stream(self, container: Container, name: str) -> AsyncGenerator[bytes, None]:
        """A blob's bytes piece by piece, for files too large for memory; closed early, the rest is not read. Raises
        NotStored at the first piece."""
        pieces = await self._small.pieces(container, name)
        if pieces is None:
            raise NotStored(container, name)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def part(self, container: Container, name: str, start: int, length: int) -> bytes:
        """At most `length` bytes of a blob from `start` on; none from its end on. Raises NotStored."""
        if start >= await self.size(container, name):
            return b""
        reading = await self.blob(container, name).download_blob(offset=start, length=length)
        return bytes(await reading.readall())

    async def exists(self, container: Container, name: str) -> bool:
        """Whether there is a blob of that name."""
        return await self._small.size(container, name) is not None

    async def size(self, container: Container, name: str) -> int:
        """Bytes of a blob. Raises NotStored."""
        size = await self._small.size(container, name)
        if size is None:
            raise NotStored(container, name)
        return size

    async def delete(self, container: Container, name: str) -> bool:
        """Delete a blob; False when there was none."""
        return await self._small.delete(container, name)

    async def put_file(self, container: Container, name: str, data: bytes, digest: str, path: str) -> None:
        """Write an uploaded file of at most LARGEST bytes; `digest` and `path` as in `commit_blocks`. Safe to repeat."""
        await self._small.put(container, name, data, metadata=_about(digest, path))

    # ---- blocks: files that arrive in pieces -------------------------------------------------------------------------

    async def put_block(self, container: Container, name: str, index: int, data: bytes) -> None:
        """Keep one piece of a file that arrives in pieces; `commit_blocks` makes the file. Safe to repeat."""
        await self.blob(container, name).stage_block(_block(index), data)

    async def commit_blocks(
        self, container: Container, name: str, count: int, digest: str = "", path: str = ""
    ) -> None:
        """Make the file out of pieces 0..count-1.

        `digest` is the SHA-256 (hex) its sender computed, `path` where it lay in the upload; both are kept beside it.
        Raises ValueError when a piece has not arrived.
        """
        client = self.blob(container, name)
        about = _about(digest, path)
        try:
            _, waiting = await client.get_block_list("uncommitted")
        except ResourceNotFoundError:
            waiting = []
        arrived = {_index(str(block.id)) for block in waiting}
        missing = [index for index in range(count) if index not in arrived]
        if missing:
            raise ValueError(f"{len(missing)} of {count} blocks have not arrived (the first is {missing[0]})")
        if count == 0:
            await client.upload_blob(b"", overwrite=True, metadata=about)
            return
        await client.commit_block_list([BlobBlock(_block(index)) for index in range(count)], metadata=about)

    # ---- many blobs --------------------------------------------------------------------------------------------------

    async def listing(self, container: Container, prefix: str) -> list[Stored]:
        """The blobs under a prefix, sorted by name."""
        return [_stored(blob) async for blob in self._small.listing(container, prefix, metadata=True)]

    async def names(self, container: Container, prefix: str) -> list[str]:
        """Names of the blobs under a prefix, sorted."""
        return [blob.name async for blob in self._small.listing(container, prefix)]

    async def download(self, container: Container, prefix_or_name: str, path: Path) -> list[Path]:
        """Bring a blob to the file `path`; or, for a name that ends in "/", every blob under it into folder `path`.

        Folders below the prefix are kept. Returns the files written. Raises NotStored for a single blob only.
        """
        if not prefix_or_name.endswith("/"):
            return [await self._fetch(container, prefix_or_name, path)]

        async def one(name: str) -> Path:
            return await self._fetch(container, name, path / name.removeprefix(prefix_or_name))

        await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True)
        return await bounded(one, await self.names(container, prefix_or_name))

    async def fetch(self, container: Container, files: dict[str, Path]) -> None:
        """Bring many blobs to their files (blob name to path), side by side. Raises NotStored."""

        async def one(item: tuple[str, Path]) -> Path:
            return await self._fetch(container, *item)

        await bounded(one, files.items())

    async def upload(self, container: Container, name: str, path: Path) -> None:
        """Send a file whole; one over LARGEST in blocks, without holding it in memory."""
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= LARGEST:
                await self._small.put(container, name, file.read())
                return
            await self.blob(container, name).upload_blob(file, overwrite=True, max_concurrency=2)

    async def delete_prefix(self, container: Container, prefix: str) -> int:
        """Delete every blob under a prefix; returns how many. Refuses an empty prefix with ValueError."""
        if not prefix:
            raise ValueError("refusing to delete a whole container")

        async def one(name: str) -> bool:
            return await self.delete(container, name)

        return sum(await bounded(one, await self.names(container, prefix)))

    async def _fetch(self, container: Container, name: str, path: Path) -> Path:
        pieces = await self._small.pieces(container, name)
        if pieces is None:
            raise NotStored(container, name)
        with _opened(path) as file:
            async for piece in pieces:
                file.write(piece)
        return path


def _opened(path: Path) -> BinaryIO:
    """The file, to be written; its folder is made when it is not there yet."""
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


def _proxy(account: str | Account) -> str | None:
    """The proxy that the environment asks for. Asked once: aiohttp would ask before every request, in a thread."""
    if isinstance(account, Account):
        url = f"https://{account.name}.blob.{account.suffix}"
    else:
        url = BlobServiceClient.from_connection_string(account).url
    address = urlsplit(url)
    return None if proxy_bypass(address.hostname or "") else getproxies().get(address.scheme)


def _stored(blob: Listed) -> Stored:
    about = {key: unquote(value) for key, value in blob.metadata.items()}
    return Stored(
        blob.name,
        blob.size,
        blob.leased,
        blob.etag,
        about.get("sha256", ""),
        about.get("path", ""),
        blob.changed,
        about,
    )


def _about(digest: str, path: str) -> dict[str, str]:
    """What is kept beside an uploaded file."""
    return _headers({"sha256": digest, "path": path})


def _headers(about: Mapping[str, str]) -> dict[str, str]:
    """Metadata travels in headers, which take ASCII only."""
    return {key: quote(value) for key, value in about.items()}


def _block(index: int) -> str:
    return f"{index:08d}"


def _index(block: str) -> int:
    return int(block)
