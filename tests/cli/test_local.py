"""The supervisor: parts that start and end together, are found again, and leave nothing behind."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local import processes, supervisor
from local.__main__ import main
from local.components import Component, answers, azurite, components
from local.places import LocalError, Places, read_settings_file
from local.supervisor import Supervisor
from tests.support.ports import free_ports

Ports = Callable[[], int]


@pytest.fixture
def free_port() -> Ports:
    """Gives a port that nobody listens on."""

    return lambda: free_ports(1)[0]


@pytest.fixture
def places(tmp_path: Path, free_port: Ports) -> Places:
    """A local system with a private state folder and free ports."""
    names = ("app", "blob", "queue", "table", "dataverse", "clinic")
    return Places(tmp_path / "local", {name: free_port() for name in names}, dict(os.environ))


def web(name: str, places: Places, port: str) -> Component:
    """A part that is an ordinary web server with a child of its own."""
    number = places.ports[port]
    program = (
        "import subprocess, sys\n"
        "from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"ThreadingHTTPServer(('127.0.0.1', {number}), SimpleHTTPRequestHandler).serve_forever()"
    )
    return Component(
        name,
        name.title(),
        (sys.executable, "-c", program),
        (port,),
        lambda: answers(f"http://127.0.0.1:{number}/", only_ok=True),
        dict(places.settings),
    )


@pytest.fixture
def local(places: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor of two parts that are ordinary web servers."""
    monkeypatch.setattr(
        supervisor, "components", lambda given: [web("dataverse", given, "dataverse"), web("host", given, "app")]
    )
    made = Supervisor(places, lambda line: None)
    yield made
    processes.end(places.state, patience=0)


def test_up_starts_all_and_down_leaves_nothing(local: Supervisor) -> None:
    local.up()
    status = local.status()
    assert status["running"] is True
    assert set(status["pids"]) == {"dataverse", "host"}
    assert status["app_url"] == f"http://127.0.0.1:{local.places.ports['app']}"
    assert len(processes.find(local.places.state)) == 4  # two parts, a child each
    assert local.down() == 4
    assert processes.find(local.places.state) == []
    assert all(processes.port_is_free(local.places.ports[name]) for name in ("app", "dataverse"))
    assert local.status()["pids"] == {}
    assert local.status()["app_url"] is None


def test_up_twice_changes_nothing(local: Supervisor) -> None:
    local.up()
    first = local.status()["pids"]
    local.up()
    assert local.status()["pids"] == first


def test_a_killed_part_is_reported_and_started_again_alone(local: Supervisor) -> None:
    local.up()
    before = local.status()["pids"]
    os.kill(before["host"], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before["host"])], timeout=10)
    status = local.status()
    assert status["running"] is False
    assert status["components"]["host"]["state"] == "died"
    assert status["pids"] == {"dataverse": before["dataverse"]}
    local.up()
    after = local.status()["pids"]
    assert after["dataverse"] == before["dataverse"]
    assert after["host"] != before["host"]
    # The child that the killed part left behind went, too.
    assert len(processes.find(local.places.state)) == 4


def test_restart_replaces_one_part(local: Supervisor) -> None:
    local.up()
    before = local.status()["pids"]
    local.restart("host")
    after = local.status()
    assert after["running"] is True
    assert after["pids"]["dataverse"] == before["dataverse"]
    assert after["pids"]["host"] != before["host"]
    with pytest.raises(LocalError, match="no part called"):
        local.restart("nonesuch")


def test_a_busy_port_is_named_with_its_variable(local: Supervisor) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", local.places.ports["app"]))
        other.listen()
        with pytest.raises(LocalError) as caught:
            local.up()
    assert str(local.places.ports["app"]) in caught.value.message
    assert "CARRYOVER_PORT_APP" in caught.value.next
    assert processes.find(local.places.state) == []


def test_a_part_that_dies_is_said_with_its_last_words_and_the_others_end(
    local: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Component(
        "host",
        "Functions host",
        (sys.executable, "-c", "raise SystemExit('no such module: app')"),
        ("app",),
        lambda: False,
    )
    monkeypatch.setattr(supervisor, "components", lambda given: [web("dataverse", given, "dataverse"), broken])
    with pytest.raises(LocalError) as caught:
        local.up()
    assert "Functions host ended while starting." in caught.value.message
    assert "no such module: app" in caught.value.message
    assert str(local.log("host")) in caught.value.next
    assert processes.find(local.places.state) == []
    assert local.status()["pids"] == {}


def test_a_part_that_stays_silent_is_given_up(local: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Component("host", "Functions host", (sys.executable, "-c", "input()"), ("app",), lambda: False)
    monkeypatch.setattr(supervisor, "components", lambda given: [silent])
    monkeypatch.setattr(supervisor, "READY_WITHIN", 0.0)
    with pytest.raises(LocalError):
        local.up()
    assert processes.find(local.places.state) == []


def test_a_process_id_that_is_somebody_elses_is_not_ours(local: Supervisor) -> None:
    local.up()
    record = json.loads(local.places.record_file.read_text("utf-8"))
    processes.end(local.places.state)
    record["pids"] = {"dataverse": os.getpid(), "host": 2**22 - 1}
    local.places.record_file.write_text(json.dumps(record), "utf-8")
    assert local.status()["pids"] == {}
    assert local.down() == 0
    assert psutil.pid_exists(os.getpid())


def test_a_broken_record_is_no_record(local: Supervisor) -> None:
    local.places.state.mkdir(parents=True)
    local.places.record_file.write_text("{", "utf-8")
    assert local.status()["pids"] == {}
    local.up()
    assert local.status()["running"] is True


def test_what_runs_stays_on_its_ports(local: Supervisor, free_port: Ports) -> None:
    local.up()
    elsewhere = Places(local.places.state, {**local.places.ports, "app": free_port()}, local.places.settings)
    seen = Supervisor(elsewhere, lambda line: None)
    assert seen.status()["app_url"] == local.places.app_url
    seen.up()
    assert seen.status()["pids"] == local.status()["pids"]


def test_fresh_empties_what_was_stored_and_keeps_the_key(local: Supervisor, tmp_path: Path) -> None:
    local.up()
    places = local.places
    key = places.function_key()
    for kept in (places.dataverse_db, places.host_db, places.azurite / "blobs", places.temp / "part"):
        kept.write_text("old", "utf-8")
    local.down()
    assert places.dataverse_db.exists()
    seed = tmp_path / "users.json"
    seed.write_text('{"users": []}', "utf-8")
    local.up(fresh=True, seed=seed)
    assert not places.dataverse_db.exists()
    assert not places.host_db.exists()
    assert list(places.azurite.iterdir()) == []
    assert places.function_key() == key
    assert places.seed_file.read_text("utf-8") == '{"users": []}'


def test_keys_that_are_missing_are_made_and_the_others_stay(places: Places) -> None:
    places.state.mkdir()
    places.keys_file.write_text('{"default": "mine"}', "utf-8")
    assert places.function_key() == "mine"
    kept = json.loads(places.keys_file.read_text("utf-8"))
    assert set(kept) == {"default", "master", "durabletask_extension"}
    assert len(set(kept.values())) == 3
    places.keys_file.write_text("{", "utf-8")
    with pytest.raises(LocalError, match="not a JSON"):
        places.function_key()


def test_only_this_user_reads_the_key_and_the_state(local: Supervisor) -> None:
    local.up()
    assert local.places.keys_file.stat().st_mode & 0o077 == 0
    assert local.places.record_file.stat().st_mode & 0o077 == 0
    assert local.places.state.stat().st_mode & 0o077 == 0


def test_everything_listens_on_this_machine_only(places: Places) -> None:
    for part in components(places):
        assert "0.0.0.0" not in part.command
    command = azurite(places).command
    assert command.count("127.0.0.1") == 3


def test_the_app_gets_azurite_and_the_simulator(places: Places) -> None:
    given = places.app_environment()
    assert f"BlobEndpoint=http://127.0.0.1:{places.ports['blob']}/" in given["AzureWebJobsStorage"]
    assert given["DATAVERSE_URL"] == f"http://127.0.0.1:{places.ports['dataverse']}"
    assert given["DATAVERSE_TOKEN"] == "local"
    assert given["CARRYOVER_FALLBACK_OWNER"] == "fallback.owner@clinic.example"


def test_a_given_dataverse_stands_in_for_the_simulator(places: Places) -> None:
    real = Places(places.state, places.ports, {"DATAVERSE_URL": "https://org.crm.dynamics.example"})
    assert [part.name for part in components(real)] == ["azurite", "host"]
    given = real.app_environment()
    assert given["DATAVERSE_URL"] == "https://org.crm.dynamics.example"
    assert "DATAVERSE_TOKEN" not in given


def test_settings_come_from_the_file_below_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    assert read_settings_file(file) == {}
    file.write_text(json.dumps({"Values": {"CARRYOVER_CHUNK": 500}}), "utf-8")
    assert read_settings_file(file) == {"CARRYOVER_CHUNK": "500"}
    file.write_text("[]", "utf-8")
    with pytest.raises(LocalError, match="Values"):
        read_settings_file(file)


def test_a_port_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CARRYOVER_PORT_APP", "many")
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "CARRYOVER_PORT_APP is not a port number."


def test_misuse_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sideways"])
    assert ended.value.code == 2


def test_status_of_what_never_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARRYOVER_LOCAL_DIR", str(tmp_path / "none"))
    assert main(["status", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["app_url"] is None
    assert document["pids"] == {}
    assert not (tmp_path / "none").exists()
    assert main(["down"]) == 0


def test_the_real_azurite_keeps_what_it_stored(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        azurite(places)
    except LocalError as missing:
        pytest.skip(missing.message)
    monkeypatch.setattr(supervisor, "components", lambda given: [azurite(given)])
    local = Supervisor(places, lambda line: None)
    try:
        local.up()
        assert local.status()["running"] is True
        local.down()
        assert processes.find(places.state) == []
        assert any(places.azurite.iterdir())
    finally:
        processes.end(places.state, patience=0)
