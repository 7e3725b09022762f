"""The program itself: its ports, its certificate, and faults from the command line."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import pytest

FAULTS = {"rules": [{"match": {"path_regex": "WhoAmI"}, "times": 1, "status": 500}], "dop_hint": 11}
HEADERS = {"Authorization": "Bearer t"}


def free_ports(number: int) -> list[int]:
    held = [socket.socket() for _ in range(number)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.mark.parametrize("form", ["file", "json"])
def test_faults_from_the_command_line(tmp_path: Path, form: str) -> None:
    plain, secure = free_ports(2)
    text = orjson.dumps(FAULTS).decode()
    (tmp_path / "faults.json").write_text(text)
    given = text if form == "json" else str(tmp_path / "faults.json")
    command = [sys.executable, "-m", "local.dataverse", "--port", str(plain), "--db", str(tmp_path / "sim.db")]
    command += ["--faults", given, "--tls-port", str(secure), "--tls-dir", str(tmp_path / "tls")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert str(tmp_path / "tls" / "ca.pem") in process.stdout.readline()
        trust = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
        with httpx.Client(verify=trust, headers=HEADERS) as client:
            who = f"https://127.0.0.1:{secure}/api/data/v9.2/WhoAmI"
            assert [client.get(who).status_code for _ in range(2)] == [500, 200]
            assert client.get(who).headers["x-ms-dop-hint"] == "11"
            assert client.post(f"http://127.0.0.1:{plain}/_sim/reset").status_code == 200
            assert client.get(who).status_code == 500  # a reset goes back to what the command line said
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_wrong_faults_end_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.dataverse", "--port", "1", "--db", str(tmp_path / "sim.db")]
    done = subprocess.run([*command, "--faults", '{"unknown": 1}'], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "unknown members: unknown" in done.stderr
