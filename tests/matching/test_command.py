"""``map propose --schema`` works where nothing else runs."""

import json
from pathlib import Path

import pytest

from cli.main import main

SCHEMA = {
    "system": "small",
    "objects": {
        "patient": {"table": "patients", "fields": [{"name": "id", "type": "int"}, {"name": "dob", "type": "date"}]},
        "staff": {"table": None, "fields": []},
    },
}


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARRYOVER_LOCAL_DIR", str(tmp_path / "nothing"))
    monkeypatch.delenv("CARRYOVER_APP_URL", raising=False)
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA), "utf-8")
    return path


def test_the_document(schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "propose", "--schema", str(schema), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert [one["source_field"] for one in fields] == ["patients.id", "patients.dob"]
    dob = fields[1]
    assert set(dob) == {
        "object", "source_field", "target_table", "target_column", "confidence", "reason", "alternatives",
    }  # fmt: skip
    assert (dob["object"], dob["target_table"], dob["target_column"]) == ("patient", "contact", "birthdate")


def test_the_table(schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "propose", "--schema", str(schema)]) == 0
    shown = capsys.readouterr().out
    assert "contact.birthdate" in shown and "2 fields" in shown


@pytest.mark.parametrize("content", ["no json", "{}", '{"objects": {"pet": {"table": "pets", "fields": []}}}'])
def test_what_is_no_schema_is_misuse(schema: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema.write_text(content, "utf-8")
    assert main(["map", "propose", "--schema", str(schema)]) == 2
    assert "Next:" in capsys.readouterr().err
