"""Uploads: an export arrives in the drop container, small files in bundles, large ones block by block.

A file is addressed by its id, the SHA-256 of its path: documents are often named after patients, and an address is
written to many logs.
"""

import azure.functions as func

from services import files
from services.access import storage
from triggers.api import answer, body_of, endpoint


@endpoint("operate")
async def put_block(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/files?file=&block="""
    file, block = req.params.get("file", ""), req.params.get("block", "")
    await files.put_block(await storage(), req.route_params["id"], file, block, req.get_body())
    return func.HttpResponse(status_code=204)


@endpoint("operate")
async def end_upload(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/files"""
    made = await files.end_upload(await storage(), req.route_params["id"], body_of(req, files.UploadEnd))
    return answer(made, 201)


@endpoint("operate")
async def put_bundle(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/files/bundle"""
    return answer({"files": await files.put_bundle(await storage(), req.route_params["id"], req.get_body())}, 201)


@endpoint("operate")
async def list_files(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/files"""
    return answer({"files": await files.listing(await storage(), req.route_params["id"])})


@endpoint("operate")
async def delete_file(req: func.HttpRequest) -> func.HttpResponse:
    """DELETE /migrations/{id}/files?file="""
    await files.delete(await storage(), req.route_params["id"], req.params.get("file", ""))
    return func.HttpResponse(status_code=204)
