"""Carryover itself: the whole system as it runs anywhere, its full run under limits."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.load.clinic import PATIENTS, enlarge
from benchmarks.load.measure import Load, requests_for
from benchmarks.load.service import Service
from benchmarks.load.simulator import Simulator
from benchmarks.system import environment, ports, python
from local.places import Places

#: The large object's table and its entity set.
TABLE: Final = "cms_clinicappointment"
SET: Final = "cms_clinicappointments"
#: Exit codes of commands that came to their end; 4 says that records were excepted, as a clinic's are.
_ENDED: Final = (0, 4)
_TENANT: Final = "benchmark"


@dataclass(frozen=True, slots=True)
class System:
    """A local system that is up, with a migration whose sample is signed."""

    places: Places
    environment: dict[str, str]
    appointments: int  #: of the export
    migration: str
    target: Simulator


@contextmanager
def system(folder: Path, users: int, appointments: int) -> Iterator[System]:
    """A new system whose app signs in as so many application users, taken as far as the sign-off of a sample.

    Nothing is limited yet. What ``folder`` holds of an earlier pass is replaced. Raises BenchmarkError.
    """
    shutil.rmtree(folder / "clinic", ignore_errors=True)
    applications = [{"client_id": f"loader-{number}", "secret": f"secret-{number}"} for number in range(users)]
    env = environment(
        folder / "local", CARRYOVER_APPLICATION_USERS=json.dumps(applications), DATAVERSE_TENANT_ID=_TENANT
    )
    places = Places(folder / "local", ports(env), env)
    env["DATAVERSE_AUTHORITY"] = places.dataverse_url
    clinic, seed = folder / "clinic", folder / "users.json"
    python(env, "local.clinic", "--patients", str(PATIENTS), "--seed", "1", "--out", str(clinic), "--users", str(seed))
    count = enlarge(clinic, appointments)
    document = json.loads(seed.read_text("utf-8")) | {"tenant_id": _TENANT, "applications": applications}
    seed.write_text(json.dumps(document), "utf-8")
    python(env, "local", "up", "--fresh", "--seed", str(seed))
    try:
        made = carryover(env, "create", "--system", "benchmark")
        carryover(env, "upload", str(clinic))
        for step in (("scope",), ("confirm", "--yes"), ("prepare",), ("sample",), ("sign-off", "--yes")):
            carryover(env, *step)
        target = Simulator(places.dataverse_url)
        yield System(places, env, count, str(made["id"]), target)
        target.close()
    finally:
        python(env, "local", "down")


def carryover(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """A command of ``./carryover``: its document. Raises BenchmarkError."""
    return dict(json.loads(python(environment, "cli", *arguments, "--json", good=_ENDED)))


def load(one: System, service: Service) -> Load:
    """The full run under the limits of a service. Raises BenchmarkError."""
    name = str(carryover(one.environment, "status")["target_name"])
    target = one.target
    target.tell("writes")
    target.tell("faults", service.faults())
    target.tell("requests")
    carryover(one.environment, "run", "--target", name, "--pause-percent", "100")
    requests = requests_for(target.ask("requests"), SET)
    target.tell("faults")
    written = target.ask("writes").get(TABLE, {})
    return Load(
        name=f"Carryover, {service.users} application user{'s' if service.users > 1 else ''}",
        service=service,
        requests=requests,
        lost=one.appointments - target.ask("counts")[TABLE],
        doubled=sum(created - 1 for created, _, _ in written.values() if created),
    )
