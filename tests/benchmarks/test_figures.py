"""The benchmark's arithmetic: what belongs to a stage, what a record costs, and what the documents say of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.own import OwnWay
from benchmarks.probe import Probe, Watched
from benchmarks.report import MEGABYTE, document
from benchmarks.road import Figures, _prove
from benchmarks.stages import STAGES, Stage, stages
from benchmarks.system import BenchmarkError
from local.places import PORTS, Places

START = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()


def watched(role: str, *, cpu_a_second: float, rss: int) -> Watched:
    """A process looked at once a second for 100 seconds; its memory has a peak in second 50."""
    moments = [START + second for second in range(101)]
    return Watched(
        role,
        at=moments,
        cpu=[cpu_a_second * second for second in range(101)],
        rss=[rss + (MEGABYTE if second == 50 else 0) for second in range(101)],
        peak=rss + 2 * MEGABYTE,
    )


@pytest.fixture
def probe() -> Probe:
    """Two workers, the host, the command, the simulator and Azurite."""
    made = Probe(dict)
    roles = {"host": 0.25, "worker 1": 0.5, "worker 2": 0.125, "command": 0.125, "simulator": 2.0, "azurite": 4.0}
    for pid, (role, cpu) in enumerate(roles.items()):
        made.watched[pid] = watched(role, cpu_a_second=cpu, rss=100 * MEGABYTE)
    return made


def test_cpu_between_two_looks_goes_by_proportion(probe: Probe) -> None:
    assert probe.cpu(("worker",), START + 10.5, START + 12.5) == pytest.approx(2 * 0.625)


def test_a_process_that_came_late_or_went_early_counts_for_its_time() -> None:
    one = watched("worker 1", cpu_a_second=1.0, rss=0)
    assert one.cpu_at(START - 5) == 0.0
    assert one.cpu_at(START + 500) == 100.0
    assert Watched("worker 2").cpu_at(START) == 0.0


def test_the_largest_memory_within_a_stage_is_that_of_its_time(probe: Probe) -> None:
    worker = probe.watched[1]
    assert worker.rss_within(START + 10, START + 20) == 100 * MEGABYTE
    assert worker.rss_within(START + 45, START + 55) == 101 * MEGABYTE


def test_of_a_role_that_was_started_again_the_larger_process_counts(probe: Probe) -> None:
    probe.watched[99] = watched("worker 1", cpu_a_second=1.0, rss=300 * MEGABYTE)
    assert probe.peaks()["worker 1"] == 302 * MEGABYTE


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


#: What the app and its host answer: each kind of run with its stages, ten seconds each, one after another.
RUNS = ("scope", "sample", "migrate", "verify", "rollback")
SUMMARY: dict[str, Any] = {
    "migration": "m-1",
    "objects": {
        "patient": {"read": 100, "fields_differing": 0},
        "claim": {"read": 40, "fields_differing": 0},
        "staff": {"read": 10, "fields_differing": 0},
        "custom_property": {"read": 500, "fields_differing": 0},
    },
    "datasets": {"patients": {"rows": 110}, "claims": {"rows": 90}},
    "rollback": {"deleted": 80, "restored": 5, "left": 0},
}


def answered(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if path.startswith("/runtime"):
        kind = path.rpartition("/")[2].split("-")[2]
        names = [name for of, functions in STAGES.values() if of == kind for name in functions]
        events = [
            {"FunctionName": name, "ScheduledTime": moment(10 * place), "Timestamp": moment(10 * place + 10)}
            for place, name in enumerate(names)
        ]
        return httpx.Response(200, json={"historyEvents": [{"EventType": 0, "Timestamp": moment(0)}, *events]})
    if "/runs/" in path:
        return httpx.Response(200, json={"progress": {"patient": {"done": 70, "total": 80}}})
    runs = [{"id": f"{kind}-{number:04d}", "kind": kind, "parent": None} for number, kind in enumerate(RUNS)]
    return httpx.Response(
        200, json={"runs": [*runs, {"id": "migrate-0009", "kind": "migrate", "parent": "sample-0001"}]}
    )


@pytest.fixture
def measured(probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The stages of that road."""
    client = httpx.Client
    monkeypatch.setattr(
        httpx, "Client", lambda **given: client(transport=httpx.MockTransport(answered), base_url=given["base_url"])
    )
    places = Places(tmp_path, {port.name: port.default for port in PORTS}, {})
    places.keys_file.write_text(json.dumps({"default": "a", "durabletask_extension": "b"}))
    return stages(places, SUMMARY, probe)


def test_each_stage_has_its_count_its_time_and_its_cpu(measured: list[Stage]) -> None:
    found = {one.name: one for one in measured}
    assert list(found) == list(STAGES)
    assert {name: one.count for name, one in found.items()} == {
        "stage": 200, "shape": 150, "map": 100, "load": 80, "verify": 70, "rollback": 85,
    }  # fmt: skip
    load = found["load"]
    assert [load.seconds, load.per_second] == pytest.approx([10, 8])
    # Ours is the host, both workers and the command; the services of others are told apart.
    assert load.cpu == pytest.approx(10.0)
    assert load.cpu_ms == pytest.approx(125.0)
    assert [load.simulator_cpu, load.azurite_cpu] == pytest.approx([20, 40])


def test_a_record_is_told_apart_from_its_trail(measured: list[Stage]) -> None:
    """Half a millisecond to map and a quarter to send; the load has 125 ms a row, and does not map."""
    own = OwnWay(mapped=1000, mapping=0.5, sent=400, sending=0.1)
    figures = Figures(20, 150, measured, own, {"worker 1": 3 * MEGABYTE}, {"total": 1.5})
    written = document(figures)
    assert written["cpu_us_each"] == {"record": 750.0, "record_map": 500.0, "record_send": 250.0, "trail": 124_750.0}
    assert written["peak_mb"] == {"worker 1": 3.0}
    assert written["stages"]["load"]["per_second"] == 8.0


def test_nothing_measured_is_nought() -> None:
    """A clinic whose rows were all in the sample leaves nothing to load."""
    assert (OwnWay().map_us, OwnWay().send_us) == (0.0, 0.0)
    assert Stage("load", "rows", 0, 0.0, 1.0, 0.0, 0.0, 0).cpu_ms == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"objects": {"patient": {"fields_differing": 1}}},
        {"rollback": {"deleted": 80, "left": 1}},
        {"rollback": None},
    ],
)
def test_a_road_that_lost_something_has_no_figures(wrong: dict[str, Any]) -> None:
    _prove(SUMMARY)
    with pytest.raises(BenchmarkError):
        _prove(SUMMARY | wrong)
