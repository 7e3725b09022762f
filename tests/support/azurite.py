"""Start the real storage emulator for tests."""

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_ports

_REPO = Path(__file__).parents[2]
_BINARY = _REPO / "node_modules" / ".bin" / "azurite"
#: The emulator's account, the same on every machine (Azurite's README).
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_READY_SECONDS = 60.0


@contextmanager
def start_azurite(tmp: Path) -> Iterator[str]:
    """Run Azurite in memory on free ports of 127.0.0.1; gives its connection string, ends it on leaving.

    Skips the test with a clear reason when Azurite is not installed (`npm ci`).
    """
    if not _BINARY.exists():
        pytest.skip("Azurite is not installed: run `npm ci` in the repository")
    blob, queue, table = free_ports(3)
    log = tmp / "azurite.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                str(_BINARY),
                "--skipApiVersionCheck",
                "--inMemoryPersistence",
                "--silent",
                "--disableTelemetry",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                str(blob),
                "--queueHost",
                "127.0.0.1",
                "--queuePort",
                str(queue),
                "--tableHost",
                "127.0.0.1",
                "--tablePort",
                str(table),
            ],
            cwd=tmp,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        for port in (blob, queue, table):
            _await_answer(port, process, log)
        yield ";".join(
            (
                "DefaultEndpointsProtocol=http",
                f"AccountName={_ACCOUNT}",
                f"AccountKey={_KEY}",
                *(
                    f"{kind}Endpoint=http://127.0.0.1:{port}/{_ACCOUNT}"
                    for kind, port in (("Blob", blob), ("Queue", queue), ("Table", table))
                ),
            )
        )
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"Azurite ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
        except urllib.error.HTTPError:
            return  # any answer will do: it listens
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Azurite did not answer on port {port} within {_READY_SECONDS:.0f} s")
