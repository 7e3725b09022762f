"""The fake app's source: files that come in blocks or in bundles, and how a test makes that fail."""

import hashlib
import json
from typing import Any

from aiohttp import web

from tests.cli.fake_answers import refusal


def _file_id(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


class FakeFiles:
    """Its fields are what a test looks at and turns."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, dict[str, Any]]] = {}
        self.blocks: dict[tuple[str, str, int], bytes] = {}
        self.block_puts: list[tuple[str, int]] = []
        self.refuse_blocks_after: int | None = None
        self.lose_blocks = False
        self.bundles: list[list[str]] = []  #: paths of the files in each
        self.refuse_bundles_after: int | None = None

    def file_routes(self, one: str) -> list[web.RouteDef]:
        """Below the address of one migration."""
        return [
            web.get(one + "/files", self._list_files),
            web.put(one + "/files", self._put_block),
            web.post(one + "/files", self._close_file),
            web.delete(one + "/files", self._delete_file),
            web.post(one + "/files/bundle", self._take_bundle),
        ]

    async def _list_files(self, request: web.Request) -> web.Response:
        return web.json_response({"files": list(self.files[request.match_info["id"]].values())})

    async def _put_block(self, request: web.Request) -> web.Response:
        octets = await request.read()
        if len(octets) > 4 * 1024 * 1024:
            return refusal(413, "block_too_large", "A block holds 4 MB at most.")
        if self.refuse_blocks_after is not None and len(self.block_puts) >= self.refuse_blocks_after:
            return refusal(500, "storage", "Storage is away.")
        path, number = request.query["file"], int(request.query["block"])
        self.block_puts.append((path, number))
        self.blocks[request.match_info["id"], path, number] = octets
        return web.Response(status=204)

    async def _close_file(self, request: web.Request) -> web.Response:
        migration, body = request.match_info["id"], await request.json()
        if self.lose_blocks:
            self.lose_blocks = False
            self.blocks.clear()
        try:
            whole = b"".join(self.blocks.pop((migration, _file_id(body["path"]), n)) for n in range(body["blocks"]))
        except KeyError:
            return refusal(409, "missing_blocks", "Not every block has arrived.", "Send them again.")
        if len(whole) != body["size"] or hashlib.sha256(whole).hexdigest() != body["sha256"]:
            return refusal(422, "wrong_digest", "The file is not what was announced.")
        self.files[migration][body["path"]] = {"path": body["path"], "size": body["size"], "sha256": body["sha256"]}
        return web.json_response(self.files[migration][body["path"]], status=201)

    async def _take_bundle(self, request: web.Request) -> web.Response:
        head, _, contents = (await request.read()).partition(b"\n")
        if len(contents) > 4 * 1024 * 1024 or len(json.loads(head)) > 200:
            return refusal(413, "block_too_large", "A bundle holds 4 MB at most.")
        if self.refuse_bundles_after is not None and len(self.bundles) >= self.refuse_bundles_after:
            return refusal(500, "storage", "Storage is away.")
        for file in json.loads(head):
            content, contents = contents[: file["size"]], contents[file["size"] :]
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                return refusal(422, "wrong_digest", "A file is not what was announced.")
            self.files[request.match_info["id"]][file["path"]] = file
        self.bundles.append([file["path"] for file in json.loads(head)])
        return web.json_response({"files": json.loads(head)}, status=201)

    async def _delete_file(self, request: web.Request) -> web.Response:
        files = self.files[request.match_info["id"]]
        files.pop(next(path for path in files if _file_id(path) == request.query["file"]))
        return web.Response(status=204)
