"""What goes wrong for somebody new, as they meet it at the command line: clear words, nothing half-done, a way on."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from tests.e2e.clinic import Export, Row, make_export
from tests.e2e.system import System, running

FAILED: Final = 1
MISUSE: Final = 2
REFUSED: Final = 3
Done = subprocess.CompletedProcess[str]

#: Values of records that nobody may find outside the staged records, the receipts and the diff.
PLANTED: Final = {
    "first name": "Zebulonia", "last name": "Quixotewicz", "ssn": "987-65-4329", "phone": "617-555-0943",
    "street": "4711 Xanthippe Crescent", "no date": "the 31st of Nevruary", "no mail": "quixote at nowhere dot example",
    "no time": "half past Nevruary", "note": "Subject hears the pomegranates whisper", "property": "Vexillology",
    "plugin": "Grimalkinova",
}  # fmt: skip


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    """A handful of patients, with values that could not come from anywhere else."""
    made = make_export(folder / "export", 6)

    def people(rows: list[Row]) -> None:
        rows[1] |= {"first_name": PLANTED["first name"], "last_name": PLANTED["last name"], "ssn": PLANTED["ssn"]}
        rows[1] |= {"mobile_phone": PLANTED["phone"], "address1": PLANTED["street"]}
        rows[2] |= {"date_of_birth": PLANTED["no date"], "email": PLANTED["no mail"]}

    def visits(rows: list[Row]) -> None:
        rows[0]["note_html"] = f"<p>{PLANTED['note']}</p>"
        rows[1]["started_at"] = PLANTED["no time"]

    def properties(rows: list[Row]) -> None:
        rows[0]["value"] = PLANTED["property"]

    made.change("patients.csv", people)
    made.change("encounters.csv", visits)
    made.change("custom_properties.csv", properties)
    return made


@pytest.fixture(scope="module")
def system(folder: Path, export: Export) -> Iterator[System]:
    with running(folder, users=export.users) as one:
        yield one


def error_of(done: Done, code: int) -> dict[str, Any]:
    """The error that a command ended with: words on stderr, one document on stdout, no trace of Python."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    error: dict[str, Any] = json.loads(done.stdout)["error"]
    assert error["exit"] == code
    assert error["next"]
    assert error["message"] in " ".join(done.stderr.split()) or error["message"] in done.stderr
    return error


def migrate(system: System, source: Path, *more: str) -> Done:
    return system.cli("migrate", "--source", source, "--yes", "--json", *more)


# -- sources -------------------------------------------------------------------------------------------------------


def test_a_folder_with_no_known_file(system: System, tmp_path: Path) -> None:
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "beach.jpg").write_bytes(b"jpg")
    (tmp_path / "holidays" / "costs.csv").write_text("day,euro\n1,20\n")
    error = error_of(migrate(system, tmp_path / "holidays"), FAILED)
    assert "no profile fits" in error["message"]
    assert "costs.csv" in error["message"]
    for profile in ("Synthea CSV", "GNU Health", "Sample clinic"):
        assert profile in error["message"]


def test_a_row_that_cannot_be_read_is_named_by_file_and_line(system: System, export: Export, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(export.folder, broken)
    lines = (broken / "appointments.csv").read_text().splitlines()
    lines[4] += ",Smithers,too,many"
    (broken / "appointments.csv").write_text("\n".join(lines) + "\n")
    error = error_of(migrate(system, broken), FAILED)
    assert "appointments.csv, line 5: 18 cells where the header has 15" in error["message"]
    assert "Smithers" not in error["message"]

    # Mended, the same command goes on with the same migration.
    shutil.copyfile(export.folder / "appointments.csv", broken / "appointments.csv")
    done = system.cli("upload", broken, "--json")
    assert done.returncode == 0, done.stderr
    done = system.cli("scope", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "done"


def test_a_zip_that_is_none(system: System, tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"PK\x03\x04 cut off")
    error = error_of(migrate(system, tmp_path / "export.zip"), FAILED)
    assert "export.zip is not a zip archive" in error["message"]


def test_a_folder_without_files_and_a_folder_that_is_not_there(system: System, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no files" in error_of(migrate(system, tmp_path / "empty"), MISUSE)["message"]
    assert "There is no folder or file" in error_of(migrate(system, tmp_path / "nowhere"), MISUSE)["message"]


def test_a_gate_ends_with_3(system: System) -> None:
    assert system.cli("create", "--system", "gate", "--json").returncode == 0
    error = error_of(system.cli("prepare", "--json"), REFUSED)
    assert error["code"] == "out_of_order"
    assert "has not been scoped" in error["message"]


# -- the target ----------------------------------------------------------------------------------------------------


@dataclass
class Full:
    """A target that had no room in prepare, then in the middle of the sample, and then had."""

    prepare: Done
    sample: Done
    arrived: Done
    in_prepare: dict[str, int]
    in_sample: dict[str, int]
    at_the_end: dict[str, int]


@pytest.fixture(scope="module")
def full(system: System, export: Export) -> Full:
    """The same command three times; before the last one, the target gets room again."""
    system.faults({"disk_full": True})
    prepare, in_prepare = migrate(system, export.folder, "--system", "full"), system.counts()
    # Locations and practitioners go in, then there is no more room.
    system.faults({"rules": [_refusal("CreateMultiple", status=507, code="0x80040216", skip=2)]})
    sample, in_sample = migrate(system, export.folder, "--system", "full"), system.counts()
    # A plug-in of the target quotes what it refuses.
    quoting = _refusal("annotations", status=400, code="0x80040265", times=1, message=f"{PLANTED['plugin']} is wrong")
    system.faults({"rules": [quoting]})
    arrived = migrate(system, export.folder, "--system", "full", "--rollback")
    return Full(prepare, sample, arrived, in_prepare, in_sample, system.counts())


def _refusal(path: str, *, times: int = 1000, skip: int = 0, message: str = "no room", **more: Any) -> dict[str, Any]:
    match = {"method": "POST", "path_regex": path}
    return {"match": match, "times": times, "skip": skip, "message": message, **more}


def test_a_full_disk_of_the_target_is_said(full: Full) -> None:
    error = error_of(full.prepare, FAILED)
    assert error["code"] == "dataverse_unavailable"
    assert "no room left" in error["message"]
    assert "storage is full" in error["next"]
    assert full.in_prepare == {}
    error = error_of(full.sample, FAILED)
    assert error["message"].startswith("sample: ")
    assert "no room left" in error["message"]
    assert 0 < sum(full.in_sample.values()) < 50


def test_with_room_again_the_same_command_arrives(full: Full) -> None:
    assert full.arrived.returncode in (0, 4), full.arrived.stderr
    summary = json.loads(full.arrived.stdout)
    assert summary["objects"]["patient"]["migrated"] == 6
    assert sum(one["fields_differing"] for one in summary["objects"].values()) == 0
    assert summary["rollback"]["deleted"] > sum(full.in_sample.values())
    assert full.at_the_end == {}


# -- what nobody may read ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(full: Full, system: System) -> dict[str, bytes]:
    """Everything that is no place for records, by name: logs, durable history, tables, names of blobs, refusals."""
    found = {path.name: path.read_bytes() for path in (system.state / "logs").iterdir()}
    with closing(sqlite3.connect(system.state / "host.db")) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            found[f"history {name}"] = repr(db.execute(f"SELECT * FROM {name}").fetchall()).encode()
    storage = system.places().storage
    with TableServiceClient.from_connection_string(storage) as tables:
        for table in tables.list_tables():
            rows = [dict(row) for row in tables.get_table_client(table.name).list_entities()]
            found[f"table {table.name}"] = repr(rows).encode()
    with BlobServiceClient.from_connection_string(storage) as blobs:
        for container in blobs.list_containers():
            listed = blobs.get_container_client(container.name).list_blobs(include=["metadata"])
            found[f"names in {container.name}"] = repr([(one.name, one.metadata) for one in listed]).encode()
    for id in [one["id"] for one in system.ask("GET", "migrations")["migrations"]]:
        for path in ("", "/exceptions", "/audit"):
            found[f"{id}{path}"] = system.call("GET", f"migrations/{id}{path}").content
    found["words"] = "".join(one.stdout + one.stderr for one in (full.prepare, full.sample, full.arrived)).encode()
    return found


def test_there_is_something_to_look_at(kept: dict[str, bytes]) -> None:
    assert len(kept["host.log"]) > 1000
    assert any(name.startswith("history") and b"sample_flow" in content for name, content in kept.items())
    assert kept["table audit"].count(b"row_id") > 100
    assert kept["names in staging"].count(b"ndjson") > 10
    assert any(name.endswith("/exceptions") and b"date_of_birth" in content for name, content in kept.items())


@pytest.mark.parametrize("what", PLANTED)
def test_no_value_of_a_record_is_in_logs_history_tables_or_names(kept: dict[str, bytes], what: str) -> None:
    value = PLANTED[what].encode()
    assert [name for name, content in kept.items() if value.lower() in content.lower()] == []


def test_the_values_were_there_to_leak(system: System, full: Full, export: Export) -> None:
    """They went through the whole road: the export holds them, and the diff that people sign shows them."""
    content = b"".join(path.read_bytes() for path in export.folder.rglob("*") if path.is_file())
    assert all(value.encode() in content for name, value in PLANTED.items() if name != "plugin")
    id = json.loads(full.arrived.stdout)["migration"]
    diff = system.call("GET", f"migrations/{id}/reports/diff.json?reveal=records").text
    assert PLANTED["last name"] in diff
    assert PLANTED["note"] in diff
    masked = system.call("GET", f"migrations/{id}/reports/diff.json").text
    assert [name for name, value in PLANTED.items() if value in masked] == []


def test_private_folders_are_gone(system: System, full: Full) -> None:
    assert list((system.state / "temp").rglob("*")) == []


# -- settings ------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(folder: Path, tmp_path: Path, export: Export) -> Iterator[System]:
    """A system of the test's own that is not up."""
    one = System(tmp_path)
    yield one
    one.down()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARRYOVER_CHUNK", "abc"),
        ("CARRYOVER_EXCEPTION_PAUSE_PERCENT", "101"),
        ("DATAVERSE_URL", "lakeside"),
        ("CARRYOVER_DELTA_CRON", "daily"),
        ("CARRYOVER_PORT_APP", "seven"),
    ],
)
def test_a_wrong_setting_is_named_at_the_start(own: System, export: Export, name: str, value: str) -> None:
    kept = own.environment
    own.environment = kept | {name: value}
    done = migrate(own, export.folder)
    own.environment = kept
    error = error_of(done, FAILED)
    named = {"CARRYOVER_DELTA_CRON": "delta_timer"}.get(name, name)
    assert named in error["message"]


def test_a_dataverse_that_is_not_reached_and_one_that_lets_nobody_in(own: System, export: Export) -> None:
    """Nothing listens at the address; then, no credentials are set. The source is read all the same."""
    own.environment |= {"DATAVERSE_URL": f"http://127.0.0.1:{own.ports['dataverse']}", "DATAVERSE_TOKEN": "x"}
    error = error_of(migrate(own, export.folder), FAILED)
    assert error["code"] == "dataverse_unreachable"
    assert "DATAVERSE_URL" in error["next"]

    del own.environment["DATAVERSE_TOKEN"]
    own.local("restart", "host")
    error = error_of(migrate(own, export.folder), FAILED)
    assert error["code"] == "auth_refused"
    assert "DATAVERSE_CLIENT_SECRET" in error["next"]
