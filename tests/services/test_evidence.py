"""The evidence of a migration over real storage: alone, and in the zip with everything else."""

import io
import zipfile
from typing import Any

import orjson
import pytest

from activities import jobs
from activities.keep import keep_report
from activities.reconcile import FINDINGS
from activities.tally import FIGURES
from ledger import exceptions, migrations, paths
from ledger.exceptions import ExceptionRow
from ledger.migrations import Migration
from ledger.storage import Storage
from reports.reconcile import manual_upload_report
from services import decisions, papers, reports
from services import evidence as module
from services.access import StepError

SECRET = "Kowalska"


@pytest.fixture
async def verified(store: Storage, mapped: Migration) -> str:
    """A migration with a load, a verification that found something, a decision, and a report that holds a name."""
    id = mapped.id

    def ready(one: Migration) -> None:
        one.state = "signed_off"
        one.confirmed_hash = one.prepared_hash = one.sample_hash = one.signed_hash = one.map_hash
        one.sample_run = one.signed_sample = "sample-0001"
        one.unexplained = 0

    await migrations.change(store, id, ready)
    run = await migrations.begin_run(store, id, "migrate", by="Łukasz Żółć")
    rows = [ExceptionRow("patient", f"P{number}", "nickname", "too_long", "Too long.") for number in range(3)]
    await exceptions.write_part(store, id, run.id, "patient", "00000", rows)
    await jobs.keep_document(store, id, "tally.json", {"patient": dict.fromkeys(FIGURES, 0)})
    await migrations.end_run(store, id, run.id, "done", message="5 created.")
    check = await migrations.begin_run(store, id, "verify", by="Łukasz Żółć")
    await jobs.keep_document(store, id, FINDINGS, {"differs": 2})
    await migrations.end_run(store, id, check.id, "done", clean=False)
    odd = {"odd": [], "no_index": [f"documents/{SECRET}.pdf"]}
    await keep_report(store, manual_upload_report(id, [], {}, odd))
    await decisions.accept(store, id, "Łukasz Żółć")
    return id


async def evidence(store: Storage, id: str, form: str) -> bytes:
    return (await reports.report(store, id, f"evidence.{form}", unmasked=False))[0]


async def test_the_evidence_says_what_is_on_record(store: Storage, verified: str) -> None:
    found = orjson.loads(await evidence(store, verified, "json"))
    tables = {table["title"]: table["rows"] for table in found["tables"]}

    assert [(row["Run"], row["End"], row["By"]) for row in tables["Runs"]] == [
        ("migrate-0001", "done", "Łukasz Żółć"), ("verify-0002", "done", "Łukasz Żółć"),
    ]  # fmt: skip
    assert tables["Exceptions by cause"][0] | {"What": ""} == {
        "Object": "patient", "Of a": "field", "Code": "too_long", "Count": 3, "What": "",
    }  # fmt: skip
    assert tables["Findings of the verification"] == [{"What": "differs", "Findings": 2}]
    assert found["facts"]["Read back and compared"] == "differences, accepted"
    assert tables["The audit log's manifest"][-1]["What"] == "accept"
    assert found["digest"] == tables["The audit log's manifest"][-1]["SHA-256"]


async def test_the_same_state_gives_the_same_file_in_every_form(store: Storage, verified: str) -> None:
    assert (await reports.names(store, verified))["evidence"] == ["csv", "html", "json", "pdf"]
    for form in ("html", "pdf", "csv", "json"):
        assert await evidence(store, verified, form) == await evidence(store, verified, form)
    assert (await evidence(store, verified, "pdf")).startswith(b"%PDF-")


async def test_no_name_of_a_patient_is_in_it_and_the_zip_has_it(store: Storage, verified: str) -> None:
    assert SECRET.encode() in await store.get("reports", paths.report(verified, "manual-upload", "json"))
    for form in ("html", "csv", "json"):
        assert SECRET.encode() not in await evidence(store, verified, form)
    with zipfile.ZipFile(io.BytesIO(await reports.pack(store, verified, unmasked=False))) as pack:
        assert pack.read("reports/evidence.pdf") == await evidence(store, verified, "pdf")
        assert all(SECRET.encode() not in pack.read(name) for name in pack.namelist())


async def test_other_reports_have_no_pdf_and_nothing_has_none_of_a_stranger(store: Storage, verified: str) -> None:
    with pytest.raises(LookupError):
        await reports.report(store, verified, "manual-upload.pdf", unmasked=False)
    with pytest.raises(StepError):
        await reports.report(store, verified, "evidence.docx", unmasked=False)
    with pytest.raises(migrations.NoMigration):
        await reports.report(store, "m-00000000", "evidence.pdf", unmasked=False)
    assert await reports.names(store, "m-00000000") == {}


async def test_the_log_is_checked_once_for_all_forms_and_anew_when_anything_happens(
    store: Storage, verified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = 0
    check = papers.audit_check

    async def counting(store: Storage, id: str) -> dict[str, Any]:
        nonlocal checks
        checks += 1
        return await check(store, id)

    monkeypatch.setattr(papers, "audit_check", counting)
    await reports.pack(store, verified, unmasked=False)
    assert checks == 1
    await decisions.anchor(store, await migrations.load(store, verified), "download", "Ada", "For the file")
    lines = orjson.loads(await evidence(store, verified, "json"))["tables"][-1]["rows"]
    assert (checks, lines[-1]["By"]) == (2, "Ada")
    monkeypatch.setattr(module, "HOLDS", 0.0)
    await evidence(store, verified, "json")
    assert checks == 3
