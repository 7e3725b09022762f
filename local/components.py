"""The programs the local system consists of: how each is started, and how one sees that it is ready."""

import http.client
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from local.places import REPOSITORY, LocalError, Places

#: Seconds a part may take until it answers. A busy machine is slow to import; a broken part dies sooner.
READY_WITHIN: Final = 90.0

WORKERS: Final = 2

#: As in the client's tenant (infra/bicep): glibc gives each of a worker's threads a heap of its own otherwise, and what
#: was freed in one is not used by another.
HEAPS: Final = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Component:
    """One program of the local system."""

    name: str
    title: str
    command: tuple[str, ...]
    ports: tuple[str, ...]  #: names in ``places.PORTS``
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)


def answers(url: str, *, only_ok: bool, headers: Mapping[str, str] | None = None) -> bool:
    """Whether something speaks HTTP at the address; with ``only_ok``, whether its answer is 200."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
            return bool(reply.status == 200 or not only_ok)
    except urllib.error.HTTPError:
        return not only_ok
    except (OSError, ValueError, http.client.HTTPException):
        # The last: where nobody listens yet, a connection may meet itself and read its own request as the answer.
        return False


def azurite(places: Places) -> Component:
    """The storage emulator. Raises LocalError when npm has not installed it."""
    program = REPOSITORY / "node_modules" / ".bin" / "azurite"
    if not program.exists():
        raise LocalError("Azurite, the storage emulator, is not installed.", "Run: make setup")
    if shutil.which("node") is None:
        raise LocalError("Node.js is missing; Azurite, the storage emulator, needs it.", "Install nodejs and npm.")
    command = [str(program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    for name in ("blob", "queue", "table"):
        command += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(places.ports[name])]
    if places.settings.get("CARRYOVER_AZURITE_MEMORY") == "1":
        command += ["--inMemoryPersistence"]
    else:
        command += ["--location", str(places.azurite)]
    addresses = [f"http://127.0.0.1:{places.ports[name]}/" for name in ("blob", "queue", "table")]
    return Component(
        "azurite",
        "Storage (Azurite)",
        tuple(command),
        ("blob", "queue", "table"),
        lambda: all(answers(address, only_ok=False) for address in addresses),
        dict(places.settings),
    )


def simulator(places: Places) -> Component:
    """The Dataverse simulator; users and organisation come from the seed file when there is one."""
    command = [sys.executable, "-m", "local.dataverse", "--port", str(places.ports["dataverse"])]
    command += ["--db", str(places.dataverse_db)]
    if places.seed_file.exists():
        command += ["--seed", str(places.seed_file)]
    return Component(
        "dataverse",
        "Dataverse simulator",
        tuple(command),
        ("dataverse",),
        lambda: answers(f"{places.dataverse_url}/_sim/counts", only_ok=True),
        dict(places.settings),
    )


def host(places: Places) -> Component:
    """The Functions host with the app."""
    command = [sys.executable, "-m", "local.host", "--app", str(REPOSITORY), "--port", str(places.ports["app"])]
    command += ["--db", str(places.host_db), "--workers", str(WORKERS), "--keys", str(places.keys_file)]

    def ready() -> bool:
        key = {"x-functions-key": places.function_key()}
        addresses = (f"{places.app_url}/admin/host/status", f"{places.app_url}/api/health")
        return all(answers(address, only_ok=True, headers=key) for address in addresses)

    return Component(
        "host",
        "Functions host",
        tuple(command),
        ("app",),
        ready,
        HEAPS | places.app_environment(),
    )


def components(places: Places) -> list[Component]:
    """All parts in the order they start; the simulator only where no real Dataverse is given."""
    parts = [azurite(places)]
    if places.simulated:
        parts.append(simulator(places))
    parts.append(host(places))
    return parts
