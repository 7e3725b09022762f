"""Uploads: an export arrives file by file, block by block, in the drop container.

A file is addressed by its id, the SHA-256 of its path: documents are often named after patients, and an address is
written to many logs.
"""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from activities.errors import StepError
from activities.resources import storage
from ledger import migrations, paths
from triggers.api import answer, body_of, endpoint

MAX_BLOCK = 4 * 1024 * 1024


class UploadEnd(BaseModel):
    """The end of a file's upload: how many blocks, and what they make."""

    model_config = ConfigDict(extra="forbid")

    path: str
    blocks: int = Field(ge=0, le=50_000)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


def _blob(migration: str, file: str | None) -> str:
    try:
        return paths.drop_file(migration, file or "")
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send it as ?file=; a path itself belongs in no address.") from None


@endpoint
async def put_block(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/files?file=&block="""
    store = await storage()
    block, octets = req.params.get("block", ""), req.get_body()
    if not block.isdecimal():
        raise StepError("bad_request", "The number of the block is missing.", "Send it as &block=0.")
    if len(octets) > MAX_BLOCK:
        raise StepError("block_too_large", "A block holds 4 MB at most.", "Send smaller blocks.")
    await store.put_block("drop", _blob(req.route_params["id"], req.params.get("file")), int(block), octets)
    return func.HttpResponse(status_code=204)


@endpoint
async def end_upload(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/files"""
    end = body_of(req, UploadEnd)
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    try:
        blob = paths.drop_file(migration.id, paths.file_id(end.path))
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send the path below the upload's root.") from None
    try:
        await store.commit_blocks("drop", blob, end.blocks, end.sha256, end.path)
    except ValueError as error:
        raise StepError("missing_blocks", str(error).capitalize() + ".", "Send those blocks again.") from None
    if await store.size("drop", blob) != end.size:
        await store.delete("drop", blob)
        raise StepError("wrong_digest", "The file is not as long as was announced.", "Upload it again.")
    return answer({"path": end.path, "size": end.size, "sha256": end.sha256}, 201)


@endpoint
async def list_files(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/files"""
    store = await storage()
    return answer(
        {
            "files": [
                {"path": one.path, "size": one.size, "sha256": one.digest}
                for one in await store.listing("drop", paths.drop(req.route_params["id"]))
            ]
        }
    )


@endpoint
async def delete_file(req: func.HttpRequest) -> func.HttpResponse:
    """DELETE /migrations/{id}/files?file="""
    store = await storage()
    await store.delete("drop", _blob(req.route_params["id"], req.params.get("file")))
    return func.HttpResponse(status_code=204)
