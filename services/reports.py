"""The reports: which there are, one of them in one form, and all of them in one zip."""

import asyncio
import base64
import hashlib
import re
import zipfile
from typing import Any, Final

import orjson

from activities import kept_diff
from activities.errors import StepError
from activities.resources import workplace
from ledger import paths
from ledger.storage import NotStored, Storage
from reports.evidence import NAME as EVIDENCE
from reports.masking import HOLDING_VALUES
from reports.render import read
from services import evidence, papers
from services.parts import bounded, part, whole

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


async def report(
    store: Storage, id: str, file: str, *, unmasked: bool, after: str | None = None
) -> tuple[bytes, str, dict[str, str]]:
    """A report by its file's name (``diff.html``): content, MIME type, and headers.

    The content is whole, or with ``after`` the part that begins there: "" the first; the header x-continuation says where
    the next begins. Patients' values are masked unless ``services.reveal`` has let them be seen. Raises StepError, NotStored.
    """
    name, _, form = file.rpartition(".")
    if form not in FORMATS:
        raise StepError("not_found", "A report ends in .html, .csv or .json; the evidence also in .pdf.")
    onward = ""
    if name == "diff" and not after:
        await kept_diff.freshen(store, id)
    try:
        if name == EVIDENCE:
            content = await evidence.evidence(store, id, form)
        elif after is None:
            content = await whole(store, _blob(id, name, form, unmasked=unmasked))
        else:
            content, onward = await part(store, _blob(id, name, form, unmasked=unmasked), after)
    except ValueError:
        raise StepError("not_found", "There is no such report.") from None
    headers = {"Content-Security-Policy": policy(content), "X-Content-Type-Options": "nosniff"}
    return content, FORMATS[form], headers | ({"x-continuation": onward} if onward else {})


async def report_data(store: Storage, id: str, name: str, most: int | None = None) -> dict[str, Any] | None:
    """A report as pages show it: facts, and by title tables (``most`` rows of each, when given), their notes, and how many
    rows they have; None when it was not made yet."""
    async with workplace("report") as folder:
        try:
            await store.download("reports", paths.report(id, name, "json"), folder / "report.json")
        except NotStored:
            return None
        with (folder / "report.json").open("rb") as lines:
            found = await asyncio.to_thread(read, lines, most)
    found["table_notes"] = {table["title"]: table.get("note", "") for table in found["tables"]}
    found["tables"] = {table["title"]: table["rows"] for table in found["tables"]}
    return found


def holds_values(file: str) -> bool:
    """Whether a report, by its file's name, holds values of patients' records."""
    return file.partition(".")[0] in HOLDING_VALUES


def _blob(id: str, name: str, form: str, *, unmasked: bool) -> str:
    of = paths.report if unmasked or not holds_values(name) else paths.masked_report
    return of(id, name, form)


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

    Patients' values are masked as in ``report``. Raises StepError when it becomes too long for one answer.
    """
    check = (await evidence.collect(store, id)).audit
    await kept_diff.freshen(store, id)
    async with workplace("evidence") as folder:
        made = folder / "evidence.zip"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, forms in (await names(store, id)).items():
                for form in forms:
                    await _add(packed, store, id, name, form, unmasked=unmasked)
            packed.writestr("audit-check.json", orjson.dumps(check, option=orjson.OPT_INDENT_2))
            packed.writestr("manifest.ndjson", await papers.manifest_text(store, id))
        bounded(made.stat().st_size)
        return made.read_bytes()


async def _add(packed: zipfile.ZipFile, store: Storage, id: str, name: str, form: str, *, unmasked: bool) -> None:
    """One form of a report into the zip, piece by piece."""
    file = f"reports/{name}.{form}"
    if name == EVIDENCE:
        packed.writestr(file, await evidence.evidence(store, id, form))
        return
    with packed.open(file, "w", force_zip64=True) as entry:
        async for piece in store.stream("reports", _blob(id, name, form, unmasked=unmasked)):
            entry.write(piece)
