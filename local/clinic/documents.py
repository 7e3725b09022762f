"""The documents of a patient: the index rows and the files they name, or fail to name."""

import struct
import zlib
from datetime import datetime, timedelta
from typing import Final

from local.clinic.entries import Chart, Entry, File, pick
from local.clinic.mess import MIDDLING, OVER_LIMIT, has
from local.clinic.times import us_time
from local.clinic.vocabulary import DOCUMENT_TITLES

_TYPES: Final = {
    "pdf": "application/pdf", "png": "image/png", "txt": "text/plain", "exe": "application/octet-stream",
    "tif": "image/tiff", "": "",
}  # fmt: skip

#: Just over 25 MB, and between the 5 MB that an environment allows unless raised and 25 MB.
_OVER_LIMIT_BYTES: Final = 26 * 1024 * 1024
_MIDDLING_BYTES: Final = 6 * 1024 * 1024

#: The hour that the clinic's clock showed twice, and one that it skipped.
_TWICE: Final = datetime(2024, 11, 3, 1, 30)
_NEVER: Final = datetime(2025, 3, 9, 2, 30)


def add_documents(chart: Chart) -> None:
    """Adds the chart's documents: an ordinary one for some patients, and the odd ones."""
    rng, number = chart.rng, chart.number
    uploaded = chart.registered + timedelta(days=int(rng.random() * 30), minutes=5)
    if rng.random() < 0.3:
        _document(chart, uploaded)
    if has("blocked_extension", number):
        _document(chart, uploaded, "viewer setup.exe", "exe")
    if has("zero_bytes", number):
        _document(chart, uploaded, "scan.pdf", content=b"")
    if has("no_extension", number):
        _document(chart, uploaded, "SCAN_0007", "")
    if has("wrong_mime", number):
        _document(chart, uploaded, "xray.png", mime="application/pdf")
    if has("missing_file", number):
        _document(chart, uploaded, "lost.pdf", missing=True)
    if has("document_without_patient", number):
        _document(chart, uploaded, "unassigned fax.txt", stray=True)
    if has("dst_overlap", number):
        _document(chart, _TWICE, "night fax.txt")
    if has("dst_gap", number):
        _document(chart, _NEVER, "night fax.txt")
    if has("deleted_document", number):
        _document(chart, uploaded, "wrong patient.pdf", deleted=True)
    if number in OVER_LIMIT:
        _document(chart, uploaded, "mri series.tif", "tif", size=_OVER_LIMIT_BYTES)
    if number in MIDDLING:
        _document(chart, uploaded, "panorama.tif", "tif", size=_MIDDLING_BYTES)


def unfiled_documents() -> list[File]:
    """Files in the folder that no index row names."""
    return [
        File("documents/unfiled/scan0001.pdf", _pdf("unfiled 1")),
        File("documents/unfiled/scan0002", b"II*\x00unfiled 2"),
        File("documents/unfiled/notes from old system.txt", b"Unfiled notes of the old system.\r\n"),
    ]


def _document(
    chart: Chart, uploaded: datetime, name: str = "", kind: str | None = None, *, content: bytes | None = None,
    mime: str = "", missing: bool = False, stray: bool = False, deleted: bool = False, size: int = 0,
) -> Entry:  # fmt: skip
    title, usual = pick(chart.rng, DOCUMENT_TITLES)
    name = name or usual
    kind = name.rpartition(".")[2] if kind is None else kind
    ident = f"D{chart.number:06d}-{len(chart.rows('documents'))}"
    path = f"documents/{chart.number % 100:02d}/{ident}{'.' if kind else ''}{kind}"
    body = _content(kind, ident) if content is None else content
    if not missing:
        chart.files.append(File(path, body, size))
    row = {
        "document_id": ident, "patient_id": "" if stray else chart.patient_id, "title": title,
        "category": pick(chart.rng, ("Clinical", "Administrative", "")), "file_name": name, "file_path": path,
        "content_type": mime or _TYPES[kind], "size_bytes": str(max(size, len(body))),
        "uploaded_at": us_time(uploaded), "uploaded_by": f"{1 + chart.number % 10:04d}",
        "note": pick(chart.rng, ("", "", "received by fax", "pt. brought copy")), "deleted": "1" if deleted else "0",
    }  # fmt: skip
    add = chart.add_stray if stray else chart.add
    return add("documents", row, "excluded:soft_deleted" if deleted else "fed:document")


def _content(kind: str, ident: str) -> bytes:
    match kind:
        case "pdf":
            return _pdf(ident)
        case "png":
            return _png(zlib.crc32(ident.encode()))
        case "exe":
            return b"MZ" + ident.encode()
        case "tif":
            return b"II*\x00" + ident.encode()
        case _:
            return f"Document {ident}\r\nTyped at the front desk.\r\n".encode()


def _pdf(text: str) -> bytes:
    """One page with the text on it."""
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode()
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return out + tail % (table, len(out))


def _png(colour: int) -> bytes:
    """Eight by eight pixels of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\x00" + (colour & 0xFFFFFF).to_bytes(3, "big") * 8
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")
