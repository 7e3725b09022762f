"""What the command line brings of reports, exceptions, claims and the audit log."""

from pathlib import Path

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp


def test_a_tampered_log_ends_with_1(migrated: FakeApp, carryover: Carryover) -> None:
    migrated.findings = [{"run": "migrate-0005", "object": "patient", "sequence": 7, "what": "hash differs"}]
    ended = carryover("audit", "verify", "--json")
    assert ended.code == 1
    assert ended.document["findings"] == migrated.findings  # of the second part
    assert (ended.document["whole"], ended.document["rows"], ended.document["partitions"]) == (False, 20, 2)


def test_audit_export_to_a_file_and_to_stdout(migrated: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    said = carryover("audit", "export", "--format", "csv", "--out", str(file), "--json").document
    assert (said["path"], said["manifest"]) == (str(file), str(tmp_path / "manifest.ndjson"))
    assert (tmp_path / "manifest.ndjson").read_text() == '{"kind":"gate"}\n'
    assert file.read_text("utf-8").startswith("seq,operation")
    assert carryover("audit", "export", "--out", "-").out == '{"seq":1}\n{"seq":2}\n'
    assert carryover("audit", "export", "--out", "-", "--json").code == 2


def test_exceptions_come_page_by_page_up_to_the_limit(migrated: FakeApp, carryover: Carryover) -> None:
    document = carryover("exceptions", "--limit", "150", "--json").document
    assert len(document["exceptions"]) == 150
    assert len({row["source_id"] for row in document["exceptions"]}) == 150
    assert document["total"] == 250


def test_exceptions_are_told_by_cause_under_the_key_that_retry_takes(migrated: FakeApp, carryover: Carryover) -> None:
    told = carryover("exceptions", "--limit", "1")
    lines = [line.strip() for line in told.out.splitlines()]
    assert lines[:4] == [
        "250  patient/field/too_long",
        "Too long. For example p0. Shorten it.",
        "1  location/field/too_long",
        "Too long. For example p0. Shorten it.",
    ]
    document = carryover("exceptions", "--object", "location", "--json").document
    assert [one["cause"] for one in document["causes"]] == ["location/field/too_long"]


def test_a_retry_says_what_was_chosen_and_nothing_when_nothing_was(migrated: FakeApp, carryover: Carryover) -> None:
    target = ("--target", "Clinic Trial", "--json")
    causes = ("--cause", "patient/field/too_long", "--cause", "location/field/too_long")
    carryover("retry", *causes, "--object", "patient", *target)
    carryover("retry", *target)
    chosen, all_of_it = [body for step, body in migrated.posted if step == "retry"]
    assert chosen["causes"] == ["patient/field/too_long", "location/field/too_long"]
    assert chosen["objects"] == ["patient"]
    assert not {"causes", "objects"} & all_of_it.keys()


def test_the_latest_claims_come_with_the_reports(migrated: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    migrated.claims = [("delta-0009", "claims.csv"), ("delta-0009", "manifest.json"), ("migrate-0005", "claims.csv")]
    assert "claims" not in carryover("report", "--out", str(tmp_path), "--json").document["reports"]
    assert "--reveal" in carryover("report", "claims", "--json").document["error"]["next"]
    ended = carryover("report", "--reveal", "billing", "--out", str(tmp_path), "--json")
    assert ended.document["reports"]["claims"] == str(tmp_path / "claims" / "claims.csv")
    assert {one.name for one in (tmp_path / "claims").iterdir()} == {"claims.csv", "manifest.json"}
    assert (tmp_path / "claims" / "claims.csv").read_text("utf-8") == "delta-0009\n2,2\n"
    ended = carryover("report", "claims", "--reveal", "billing", "--out", str(tmp_path), "--json")
    assert ended.document["reports"].keys() == {"claims"}
    migrated.claims = []
    assert carryover("report", "claims", "--json").code == 2


def test_one_report_in_one_form(migrated: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    ended = carryover("report", "diff", "--format", "csv", "--out", str(tmp_path / "r"), "--json")
    assert ended.document == {"reports": {"diff": str(tmp_path / "r" / "diff.csv")}}
    assert [file.name for file in (tmp_path / "r").iterdir()] == ["diff.csv"]
    assert carryover("report", "nonesuch", "--json").code == 2


def test_the_evidence_alone_comes_as_a_pdf(migrated: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    ended = carryover("report", "evidence", "--format", "pdf", "--out", str(tmp_path), "--json")
    assert ended.document == {"reports": {"evidence": str(tmp_path / "evidence.pdf")}}
    assert carryover("report", "--format", "pdf", "--out", str(tmp_path), "--json").document == ended.document
    assert carryover("report", "diff", "--format", "pdf", "--json").code == 2


def test_values_are_revealed_with_a_purpose_and_a_name(
    migrated: FakeApp, carryover: Carryover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated.revealed.clear()
    monkeypatch.setenv("CARRYOVER_OPERATOR", "Ada")
    assert carryover("report", "diff", "--format", "csv", "--out", str(tmp_path / "r"), "--json").code == 0
    assert carryover("report", "diff", "--reveal", "sample", "--out", str(tmp_path / "r"), "--json").code == 0
    assert carryover("diff", "--reveal", "sample", "--json").code == 0
    assert carryover("diff", "--reveal", "curiosity", "--json").code == 2
    asked = {"reveal": "sample", "by": "Ada"}
    assert migrated.revealed == [{}, *[asked] * 4]
