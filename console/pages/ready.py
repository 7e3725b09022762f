"""Getting ready: the source and its inventory, the owners, the target."""

from typing import Any, Final

import azure.functions as func
import orjson
from pydantic import ValidationError

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger.paths import file_id
from ledger.states import STEPS
from ledger.storage import NotStored
from services import files, overview, papers
from services.access import StepError
from services.files import UploadEnd
from services.reports import report_data

#: Files listed on the page.
SHOWN: Final = 200


async def source_page(visit: Visit) -> func.HttpResponse:
    """What was uploaded, and what it holds."""
    found = await files.listing(visit.store, visit.args["id"])
    report = await report_data(visit.store, visit.args["id"], "scope")
    listed = _listed(visit, found, report)  # by the names that the report has before they are masked
    for row in report["tables"]["Files nobody knows"] if report else ():
        row["File"] = masks.name(visit, row["File"])
    columns: list[dict[str, Any]] = report["tables"]["Columns"] if report else []
    phi = visit.query("phi", "*")
    kinds = sorted({row["Kind of PHI"] for row in columns} - {"none"})
    return visit.page(
        "source.html",
        **await shell(visit, "source"),
        files=listed[:SHOWN],
        count=len(found),
        octets=sum(one["size"] for one in found),
        report=report,
        most=max((row["Records"] for row in report["tables"]["Objects"]), default=1) or 1 if report else 1,
        kinds=kinds,
        phi=phi,
        columns=[
            row
            for row in columns
            if phi == "" or (row["Kind of PHI"] != "none" if phi == "*" else row["Kind of PHI"] == phi)
        ],
        upload=f"{visit.home}/files",
        end=f"{visit.home}/files/end",
        largest=files.MAX_BLOCK,
    )


def _listed(
    visit: Visit, found: list[dict[str, Any]], report: dict[str, Any] | None
) -> list[tuple[str, str, int, str]]:
    """Id, path, size and trouble of each file: what the last reading could not use and what is empty first, then by path."""
    unknown = report["tables"]["Files nobody knows"] if report else []
    troubles = {row["File"]: row["Trouble"] or "nobody knows it" for row in unknown}
    listed = [(one["path"], one["size"], troubles.get(one["path"], "" if one["size"] else "empty")) for one in found]
    listed.sort(key=lambda one: (not one[2], one[0]))
    return [(file_id(path), masks.name(visit, path), size, trouble) for path, size, trouble in listed]


async def put_block(visit: Visit) -> func.HttpResponse:
    """One block of a file that the browser sends."""
    file, block = visit.query("file"), visit.query("block")
    await files.put_block(visit.store, visit.args["id"], file, block, visit.request.get_body())
    return func.HttpResponse(status_code=204)


async def end_upload(visit: Visit) -> func.HttpResponse:
    """The end of a file that the browser sent."""
    try:
        end = UploadEnd.model_validate_json(visit.request.get_body())
    except ValidationError:
        raise StepError("bad_request", "The end of the upload does not fit.", "Upload the file again.") from None
    await files.end_upload(visit.store, visit.args["id"], end)
    return func.HttpResponse(status_code=204)


async def remove(visit: Visit) -> func.HttpResponse:
    """Take an uploaded file out of the source."""
    await files.delete(visit.store, visit.args["id"], visit.form("file"))
    return visit.go(f"{visit.home}/source")


async def owners_page(visit: Visit) -> func.HttpResponse:
    """Who was matched with whom, and who stands in."""
    try:
        found = await papers.owners(visit.store, visit.args["id"])
    except NotStored:
        found = {"rows": [], "practitioners": [], "strangers": []}
    people = found["rows"]
    match = visit.query("match")
    one = await visit.migration()
    return visit.page(
        "owners.html",
        **await shell(visit, "owners"),
        people=[row for row in people if match in ("", row["match"])],
        practitioners=[row for row in found["practitioners"] if match in ("", row["match"])],
        strangers=found["strangers"],
        all=len(people),
        matches=sorted({row["match"] for row in (*people, *found["practitioners"])}),
        match=match,
        fallback=overview.fallback_owner(one),
        report=await report_data(visit.store, visit.args["id"], "owners"),
        candidates=sorted({row["email"] for row in people if row["match"] == "found" and row["email"]}),
    )


async def fallback(visit: Visit) -> func.HttpResponse:
    """Name who owns what nobody else can."""
    await overview.set_fallback_owner(visit.store, visit.args["id"], visit.form("fallback"), visit.person.name)
    return visit.go(f"{visit.home}/owners")


async def prepare_page(visit: Visit) -> func.HttpResponse:
    """The solution to import, and whether the target is ready."""
    one = await visit.migration()
    try:
        _, solution = await papers.solution(visit.store, one.id)
    except NotStored:
        solution = ""
    report = await report_data(visit.store, one.id, "preflight")
    return visit.page(
        "prepare.html", **await shell(visit, "prepare"), report=report, solution=solution, gate_steps=STEPS
    )


async def solution(visit: Visit) -> func.HttpResponse:
    """The solution zip."""
    content, name = await papers.solution(visit.store, visit.args["id"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(content, mimetype="application/zip", headers=headers)


async def known_files(visit: Visit) -> func.HttpResponse:
    """What was uploaded, for the script that uploads: what is there already is not sent again."""
    found = await files.listing(visit.store, visit.args["id"])
    return func.HttpResponse(orjson.dumps({one["path"]: one["sha256"] for one in found}), mimetype="application/json")


ROUTES: Final = (
    ("GET", "m/{id}/source", "read", source_page),
    ("GET", "m/{id}/files", "operate", known_files),
    ("PUT", "m/{id}/files", "operate", put_block),
    ("POST", "m/{id}/files/end", "operate", end_upload),
    ("POST", "m/{id}/files/remove", "operate", remove),
    ("GET", "m/{id}/owners", "read", owners_page),
    ("POST", "m/{id}/owners", "operate", fallback),
    ("GET", "m/{id}/prepare", "read", prepare_page),
    ("GET", "m/{id}/solution", "operate", solution),
)
