"""Reports, exceptions and the audit log, to read and to download."""

import azure.functions as func

from activities.errors import StepError
from activities.resources import storage
from ledger import manifest, migrations, paths
from ledger.audit_export import export
from ledger.audit_verify import examine
from ledger.exceptions import read_all
from reports.render import FORMATS
from triggers.api import answer, endpoint

#: Exceptions in one answer.
PAGE = 500


@endpoint
async def list_reports(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/reports"""
    store = await storage()
    prefix = paths.reports(req.route_params["id"])
    found: dict[str, list[str]] = {}
    for name in await store.names("reports", prefix):
        stem, _, form = name.removeprefix(prefix).rpartition(".")
        if "/" not in stem:
            found.setdefault(stem, []).append(form)
    return answer({"reports": [{"name": name, "formats": sorted(forms)} for name, forms in sorted(found.items())]})


@endpoint
async def get_report(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/reports/{name}.{html|csv|json}"""
    store = await storage()
    name, _, form = req.route_params["name"].rpartition(".")
    if form not in FORMATS:
        raise StepError("not_found", "A report ends in .html, .csv or .json.")
    try:
        blob = paths.report(req.route_params["id"], name, form)
    except ValueError:
        raise StepError("not_found", "There is no such report.") from None
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(await store.get("reports", blob), mimetype=FORMATS[form], headers=headers)


@endpoint
async def get_exceptions(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/exceptions?object=&run=&offset=: those of the latest loading run unless one is named."""
    store = await storage()
    id = req.route_params["id"]
    run = req.params.get("run")
    if not run:
        loads = [one for one in await migrations.list_runs(store, id) if one.kind in ("migrate", "delta", "retry")]
        run = loads[-1].id if loads else None
    rows = await read_all(store, id, run=run, object=req.params.get("object") or None) if run else []
    offset = int(req.params.get("offset", "0")) if req.params.get("offset", "0").isdecimal() else 0
    shown = [
        {
            "object": r.object,
            "source_id": r.source_id,
            "field": r.field,
            "code": r.code,
            "message": r.message,
            "cause": r.cause,
        }
        for r in rows[offset : offset + PAGE]
    ]
    return answer({"run": run, "total": len(rows), "offset": offset, "exceptions": shown})


@endpoint
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


@endpoint
async def verify_audit(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/audit/verify: is the log whole?"""
    store = await storage()
    id = req.route_params["id"]
    await migrations.load(store, id)
    checked = await examine(store, id, await manifest.read(store, id))
    return answer(
        {
            "whole": checked.whole,
            "rows": checked.rows,
            "partitions": checked.partitions,
            "findings": [
                {"partition": f.partition, "sequence": f.sequence, "damage": f.damage, "message": f.message}
                for f in checked.findings
            ],
        }
    )
