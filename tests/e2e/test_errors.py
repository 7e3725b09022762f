"""What goes wrong for somebody new, as they meet it at the command line: clear words, nothing half-done, a way on."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.clinic import Export, make_export
from tests.e2e.system import System, running

FAILED: Final = 1
MISUSE: Final = 2
REFUSED: Final = 3
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    """A handful of patients: nothing of it gets further than a sample here."""
    return make_export(folder / "export", 6)


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


def test_a_full_disk_of_the_target_and_the_way_on(system: System, export: Export) -> None:
    """In prepare, then in the middle of the sample; afterwards the same command arrives."""
    name = ("--system", "full")
    system.faults({"disk_full": True})
    error = error_of(migrate(system, export.folder, *name), FAILED)
    assert error["code"] == "dataverse_unavailable"
    assert "storage is full" in error["next"]
    assert system.counts() == {}

    # Locations and practitioners go in, then there is no more room.
    system.faults({"rules": [_no_room("CreateMultiple", skip=2)]})
    error = error_of(migrate(system, export.folder, *name), FAILED)
    assert error["message"].startswith("sample: ")
    assert 0 < sum(system.counts().values()) < 50
    before = system.counts()

    system.faults()
    done = migrate(system, export.folder, *name, "--rollback")
    assert done.returncode in (0, 4), done.stderr
    summary = json.loads(done.stdout)
    assert summary["objects"]["patient"]["migrated"] == 6
    assert sum(one["fields_differing"] for one in summary["objects"].values()) == 0
    assert summary["rollback"]["deleted"] > sum(before.values())
    assert system.counts() == {}


def _no_room(path: str, *, skip: int) -> dict[str, Any]:
    match = {"method": "POST", "path_regex": path}
    return {"match": match, "times": 1000, "skip": skip, "status": 507, "code": "0x80040216", "message": "no room"}


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
