"""The reports: which there are, one of them in one form, and all of them in one zip."""

import base64
import hashlib
import io
import re
import zipfile
from typing import Final

import orjson

from activities.errors import StepError
from ledger import paths
from ledger.storage import Storage
from reports.evidence import NAME as EVIDENCE
from reports.masking import HOLDING_VALUES
from services import evidence, papers

#: The forms of reports, and what each is called on the way.
FORMATS: Final = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


async def names(store: Storage, id: str) -> dict[str, list[str]]:
    """The reports that were made: name -> formats. There is evidence once there is anything."""
    prefix = paths.reports(id)
    found: dict[str, list[str]] = {}
    for name in await store.names("reports", prefix):
        stem, _, form = name.removeprefix(prefix).rpartition(".")
        if "/" not in stem:  # not a masked form, nor a part
            found.setdefault(stem, []).append(form)
    if found:
        found[EVIDENCE] = [*FORMATS]
    return {name: sorted(forms) for name, forms in sorted(found.items())}


async def report(store: Storage, id: str, file: str, *, unmasked: bool) -> tuple[bytes, str, dict[str, str]]:
    """A report by its file's name (``diff.html``): content, MIME type, and the headers it is safe to show with.

    Patients' values are masked in it unless ``services.reveal`` has let them be seen.
    """
    name, _, form = file.rpartition(".")
    if form not in FORMATS:
        raise StepError("not_found", "A report ends in .html, .csv or .json; the evidence also in .pdf.")
    try:
        content = await _form(store, id, name, form, unmasked=unmasked)
    except ValueError:
        raise StepError("not_found", "There is no such report.") from None
    return content, FORMATS[form], {"Content-Security-Policy": policy(content), "X-Content-Type-Options": "nosniff"}


def holds_values(file: str) -> bool:
    """Whether a report, by its file's name, holds values of patients' records."""
    return file.partition(".")[0] in HOLDING_VALUES


async def _form(store: Storage, id: str, name: str, form: str, *, unmasked: bool) -> bytes:
    if name == EVIDENCE:
        return await evidence.evidence(store, id, form)
    of = paths.report if unmasked or not holds_values(name) else paths.masked_report
    return await store.get("reports", of(id, name, form))


def policy(page: bytes) -> str:
    """A policy under which the page's own style sheet works and nothing else does."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'" for style in _STYLE.findall(page)
    )
    return (
        f"default-src 'none'; style-src {hashes or chr(39) + 'none' + chr(39)}; frame-ancestors 'none'; base-uri 'none'"
    )


async def pack(store: Storage, id: str, *, unmasked: bool) -> bytes:
    """Everything that was reported, in one zip, with the manifest and what a check of the audit log found.

    Patients' values are masked as in ``report``.
    """
    check = await papers.audit_check(store, id)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, forms in (await names(store, id)).items():
            for form in forms:
                pack.writestr(f"reports/{name}.{form}", await _form(store, id, name, form, unmasked=unmasked))
        pack.writestr("audit-check.json", orjson.dumps(check, option=orjson.OPT_INDENT_2))
        pack.writestr("manifest.ndjson", await papers.manifest_text(store, id))
    return out.getvalue()
