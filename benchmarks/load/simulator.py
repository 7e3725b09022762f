"""What the benchmark says to a simulator and asks it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import httpx

from benchmarks.system import BenchmarkError, free_ports
from local.dataverse.tls import AUTHORITY


class Simulator:
    """The control addresses of one simulator."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_sim/", timeout=120, trust_env=False)

    def ask(self, path: str) -> Any:
        """What it tells."""
        return self._http.get(path).raise_for_status().json()

    def tell(self, path: str, document: Any = None) -> None:
        """What it is told."""
        self._http.post(path, json=document or {}).raise_for_status()

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True, slots=True)
class Alone:
    """A simulator that runs without the rest of the system: its control addresses, and where it speaks TLS."""

    control: Simulator
    url: str
    trust: Path  #: the certificate of who signed its own


@contextmanager
def alone(folder: Path, db: Path) -> Iterator[Alone]:
    """Runs a simulator over a database that is there, and ends it. Raises BenchmarkError."""
    plain, encrypted = free_ports(2)
    command = [sys.executable, "-P", "-m", "local.dataverse", "--port", str(plain), "--db", str(db)]
    command += ["--tls-port", str(encrypted), "--tls-dir", str(folder / "tls")]
    with Popen(command, stdout=PIPE) as program:
        assert program.stdout is not None
        try:
            if not program.stdout.readline():
                raise BenchmarkError("the simulator did not start")
            control = Simulator(f"http://127.0.0.1:{plain}")
            yield Alone(control, f"https://127.0.0.1:{encrypted}", folder / "tls" / AUTHORITY)
            control.close()
        finally:
            program.terminate()
