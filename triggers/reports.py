"""Reports, claims, exceptions and the audit log, to read and to download."""

from typing import Final

import azure.functions as func

from ledger import migrations
from ledger.audit_export import export
from services import papers, reports, retrying, reveal
from services.access import StepError, storage
from triggers.api import allows, answer, endpoint, operator_of, require

#: Exceptions in one answer.
PAGE: Final = 500


@endpoint("read")
async def list_reports(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/reports"""
    found = await reports.names(await storage(), req.route_params["id"])
    return answer({"reports": [{"name": name, "formats": forms} for name, forms in found.items()]})


@endpoint("read")
async def get_report(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/reports/{name}.{html|pdf|csv|json}?reveal=&by=&after=: a part, as of get_claims_file.

    Values are masked unless a purpose is given.
    """
    store, id, name = await storage(), req.route_params["id"], req.route_params["name"]
    purpose = req.params.get("reveal", "")
    if purpose:
        require(req, "work")
    after = req.params.get("after", "")
    content, kind, headers = await reports.report(store, id, name, unmasked=bool(purpose), after=after)
    if purpose and reports.holds_values(name) and not after:
        await reveal.note(store, id, operator_of(req, req.params.get("by")), name, purpose)
    return func.HttpResponse(content, mimetype=kind, headers=headers)


@endpoint("read")
async def list_claims(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/claims: the files of the claims exports that who asks may have, latest run first."""
    found = await papers.claims(await storage(), req.route_params["id"]) if allows(req, "work") else []
    return answer({"claims": [one._asdict() for one in found]})


@endpoint("work")
async def get_claims_file(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/claims/{run}/{name}?reveal=&by=&after=: a part; x-continuation is the next one's after."""
    at, after, store = req.route_params, req.params.get("after", ""), await storage()
    purpose = reveal.purpose_of(req.params.get("reveal", ""))
    content, onward = await papers.claim_part(store, at["id"], at["run"], at["name"], after)
    if not after:
        await reveal.note(store, at["id"], operator_of(req, req.params.get("by")), at["name"], purpose)
    kind = {"csv": "text/csv", "json": "application/json"}.get(
        at["name"].rpartition(".")[2], "application/octet-stream"
    )
    return func.HttpResponse(content, mimetype=kind, headers={"x-continuation": onward} if onward else None)


@endpoint("read")
async def get_exceptions(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/exceptions?object=&run=&offset=: those of the latest loading run unless one is named."""
    offset = int(req.params.get("offset", "0")) if req.params.get("offset", "0").isdecimal() else 0
    run, object = req.params.get("run"), req.params.get("object") or None
    run, total, rows = await papers.exceptions(await storage(), req.route_params["id"], run, object, offset, PAGE)
    shown = [
        {
            "object": r.object,
            "source_id": r.source_id,
            "field": r.field,
            "code": r.code,
            "message": r.message,
            "cause": r.cause,
        }
        for r in rows
    ]
    return answer({"run": run, "total": total, "offset": offset, "exceptions": shown})


@endpoint("read")
async def get_causes(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/exceptions/causes: those of the latest loading run by cause, records first, most first."""
    return answer(await retrying.choice(await storage(), req.route_params["id"]))


@endpoint("work")
async def get_audit(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/audit?format=ndjson|csv&after=: a part; the header x-continuation is the next one's after."""
    store = await storage()
    form = req.params.get("format", "ndjson")
    if form not in ("ndjson", "csv"):
        raise StepError("bad_request", "The log exports as ndjson or csv.")
    await migrations.load(store, req.route_params["id"])
    try:
        content, after = await export(store, req.route_params["id"], form, req.params.get("after", ""))
    except ValueError:
        raise StepError("bad_request", "Nothing ended there.", "Send x-continuation of the part before.") from None
    kind = "text/csv" if form == "csv" else "application/x-ndjson"
    return func.HttpResponse(content, mimetype=kind, headers={"x-continuation": after} if after else None)


@endpoint("work")
async def get_manifest(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/audit/manifest: as it is stored, byte for byte: its lines are chained by their hashes."""
    store = await storage()
    await migrations.load(store, req.route_params["id"])
    content = await papers.manifest_text(store, req.route_params["id"])
    return func.HttpResponse(content, mimetype="application/x-ndjson")


@endpoint("read")
async def verify_audit(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/audit/verify?after=: is the log whole? Of a long one a part; onward is the next one's after."""
    return answer(await papers.audit_check(await storage(), req.route_params["id"], req.params.get("after", "")))
