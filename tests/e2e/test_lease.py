"""A worker frozen in the middle of a write until its lease has run out stops there; another has ended its work."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.e2e.clinic import Export, make_export
from tests.e2e.road import Json, Road
from tests.e2e.system import System, running, until

PATIENTS: Final = 58  #: several requests' worth of appointments, so that the frozen worker has some left to send
TABLE: Final = "cms_clinicappointment"
CREATES: Final = {"method": "POST", "path_regex": "clinicappointments/.*CreateMultiple"}


@dataclass
class Frozen:
    """A chunk that two workers wrote, one after the other."""

    requests: list[int] = field(default_factory=list)  #: at the freeze, when the other had ended, when it had gone on
    rows: int = 0
    written: list[list[int]] = field(default_factory=list)
    sample: Json = field(default_factory=dict)
    audit: Json = field(default_factory=dict)
    landed: int = 0


@pytest.fixture(scope="module")
def frozen(folder: Path) -> Frozen:
    """One request at a time, so that the worker has always some to send."""
    export = make_export(folder / "export", PATIENTS)
    with running(folder, users=export.users, CARRYOVER_SLOTS="1") as system:
        return _freeze(system, export)


def _freeze(system: System, export: Export) -> Frozen:
    seen, road = Frozen(), Road(system)
    road.to_prepared(export.folder)
    system.count_writes()
    # The first request takes long; the second rule strikes, and so counts, all others.
    slow, counted = {"match": CREATES, "times": 1, "delay_ms": 3000}, {"match": CREATES, "every": 1, "delay_ms": 1}
    system.faults({"rules": [slow, counted]})
    run = road.start("sample")

    def sent() -> int:
        return sum(system.struck()["rules"])

    until("a worker writes appointments", sent, pause=0.005)
    assert system.freeze("load_chunk", seconds=600)
    seen.requests.append(sent())
    [worker] = [one for pid in system.pids() if (one := psutil.Process(pid)).status() == psutil.STATUS_STOPPED]
    until("another worker has ended the chunk", lambda: system.counts().get("cms_clinicencounter"), pause=0.2)
    seen.requests.append(sent())
    seen.rows, seen.written = system.counts()[TABLE], list(system.written()[TABLE].values())
    worker.send_signal(signal.SIGCONT)
    log = system.state / "logs" / "host.log"
    until("the frozen worker has seen that its lease is gone", lambda: "lost its lease" in log.read_text(), pause=0.2)
    seen.requests.append(sent())  # the sample's second load is far away
    seen.sample = road.finish(run)
    seen.landed = system.counts()[TABLE]
    system.faults()
    seen.audit = road.get("audit/verify")
    return seen


def test_the_worker_had_more_to_send(frozen: Frozen) -> None:
    assert frozen.requests[0] == 1
    assert frozen.requests[1] > 2


def test_every_row_was_created_once(frozen: Frozen) -> None:
    assert frozen.written == [[1, 0, 0]] * frozen.rows


def test_it_sent_nothing_more(frozen: Frozen) -> None:
    assert frozen.requests[2] == frozen.requests[1]


def test_the_step_arrives_as_if_nothing_had_been(frozen: Frozen) -> None:
    assert frozen.sample["state"] == "done"
    assert frozen.landed == frozen.rows
    assert frozen.audit["findings"] == []
