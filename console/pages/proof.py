"""The proof: the audit log, the gates that were passed, the reports."""

from typing import Final
from urllib.parse import urlencode

import azure.functions as func

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger import manifest, migrations
from ledger.states import now
from services import papers, reports
from services.access import StepError
from services.reveal import PURPOSES


async def audit_page(visit: Visit) -> func.HttpResponse:
    """Gates, runs and operations, and whether the log is whole."""
    id, run = visit.args["id"], visit.query("run")
    runs = [one.id for one in await migrations.list_runs(visit.store, id)]
    if run not in ("", *runs):
        raise StepError("not_found", "There is no such run.", "Choose one from the list.")
    rows, after = await papers.audit_rows(visit.store, id, run or None, visit.query("after"))
    gates = await manifest.read(visit.store, id)
    return visit.page(
        "audit.html",
        **await shell(visit, "audit"),
        gates=gates[::-1],
        runs=runs[::-1],
        run=run,
        rows=rows,
        first=not visit.query("after"),
        onward=urlencode({"run": run, "after": after}) if after else "",
    )


async def audit_check(visit: Visit) -> func.HttpResponse:
    """Check every chain against the manifest."""
    check = await papers.audit_check(visit.store, visit.args["id"])
    if visit.fragment:
        return visit.page("audit_check.html", check=check, at=now())
    return visit.page("audit_check_page.html", **await shell(visit, "audit"), check=check, at=now())


async def audit_file(visit: Visit) -> func.HttpResponse:
    """The log as a file."""
    form = "csv" if visit.args["form"] == "csv" else "ndjson"
    content = await papers.audit_file(visit.store, visit.args["id"], "csv" if form == "csv" else "ndjson")
    kind = "text/csv" if form == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="audit-{visit.args["id"]}.{form}"'}
    return func.HttpResponse(content, mimetype=kind, headers=headers)


async def reports_page(visit: Visit) -> func.HttpResponse:
    """Everything that was reported."""
    found = await reports.names(visit.store, visit.args["id"])
    claims = await papers.claims(visit.store, visit.args["id"])
    return visit.page(
        "reports.html",
        **await shell(visit, "reports"),
        found=found,
        holds_values=reports.holds_values,
        claims=claims,
        revealed=masks.revealed(visit),
        purposes=PURPOSES,
    )


async def report(visit: Visit) -> func.HttpResponse:
    """One report, to read or to keep; values masked unless they are shown in this visit."""
    name = visit.args["name"]
    unmasked = reports.holds_values(name) and await masks.unmasked(visit, name)
    content, kind, headers = await reports.report(visit.store, visit.args["id"], name, unmasked=unmasked)
    if not name.endswith(".html"):
        headers = headers | {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(content, mimetype=kind, headers=headers)


async def claim(visit: Visit) -> func.HttpResponse:
    """A file of the claims export, for the billing system."""
    name = visit.args["name"]
    await masks.whole(visit, name)
    content = await papers.claim_file(visit.store, visit.args["id"], visit.args["run"], name)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(content, mimetype="application/octet-stream", headers=headers)


async def evidence(visit: Visit) -> func.HttpResponse:
    """Everything in one zip; values masked unless they are shown in this visit."""
    unmasked = await masks.unmasked(visit, "evidence.zip")
    content = await reports.pack(visit.store, visit.args["id"], unmasked=unmasked)
    headers = {"Content-Disposition": f'attachment; filename="evidence-{visit.args["id"]}.zip"'}
    return func.HttpResponse(content, mimetype="application/zip", headers=headers)


ROUTES: Final = (
    ("GET", "m/{id}/audit", "read", audit_page),
    ("GET", "m/{id}/audit/check", "read", audit_check),
    ("GET", "m/{id}/audit/log.{form}", "work", audit_file),
    ("GET", "m/{id}/reports", "read", reports_page),
    ("GET", "m/{id}/reports/{name}", "read", report),
    ("GET", "m/{id}/claims/{run}/{name}", "work", claim),
    ("GET", "m/{id}/evidence", "work", evidence),
)
