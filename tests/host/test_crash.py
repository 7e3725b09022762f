"""Nothing is lost or done half: hosts and workers that are killed, double deliveries, ends."""

import signal
import subprocess
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from tests.host.harness import KEYS, PATIENCE, ROOT, Host, until


def test_a_killed_host_goes_on_where_it_was(own_host: Host) -> None:
    instance_id = own_host.start().begin("slow_chain", None, "chain")
    waiting = own_host.begin("waits", {"seconds": 0.5})
    for step in (1, 3):
        until(f"step {step} runs", lambda step=step: len(own_host.noted("slow-chain")) > 3 * step)
        own_host.kill()
        until("no process is left", own_host.gone)
        own_host.start()
    assert own_host.finish(instance_id)["output"] == 15
    assert own_host.finish(waiting)["output"] is True
    runs = Counter(own_host.noted("slow-chain"))
    assert sorted(runs) == [f"{i}-{j}" for i in range(5) for j in range(3)]
    assert max(runs.values()) <= 3  # once, and once more for each kill


def test_workers_die_with_the_host_in_a_blocking_activity_which_runs_again(own_host: Host) -> None:
    own_host.start().begin("long_job", None, "job")
    until("the activity runs", lambda: len(own_host.noted("sleep-job")) == 1)
    own_host.kill()
    until("no process is left", own_host.gone)
    own_host.start()
    until("it runs again", lambda: len(own_host.noted("sleep-job")) == 2)


def test_an_activity_survives_the_death_of_its_worker(host: Host) -> None:
    before = host.http.get("/admin/host/status").json()["pids"]
    assert host.run("dies", {"times": 2}, uuid.uuid4().hex)["output"] == 3
    after = until(
        "all workers are back",
        lambda: len(pids := host.http.get("/admin/host/status").json()["pids"]) == len(before) and pids,
    )
    assert after != before


def test_an_activity_that_always_kills_its_worker_fails(host: Host) -> None:
    ended = host.run("dies", {"times": 99}, uuid.uuid4().hex)
    assert ended["runtimeStatus"] == "Failed"
    assert "the worker process died 5 times" in ended["output"]


def test_a_killed_replay_process_is_replaced(own_host: Host) -> None:
    own_host.start()
    instance_id = own_host.begin("slow_chain", None, "chain")
    replays = next(p for p in psutil.Process(own_host.pids[0]).children() if p.pid == own_host.pids[1])
    replays.kill()
    assert own_host.finish(instance_id)["output"] == 15


def test_deliver_twice(tmp_path: Path) -> None:
    doubled = Host(tmp_path, "--deliver-twice", "2").start()
    try:
        ended = doubled.run("twice", 8, "twice")
        assert len(ended["output"]) == 8
        runs = [line.split() for line in doubled.noted("count-twice")]
    finally:
        doubled.stop()
    places = {n: {pid for m, pid in runs if m == n} for n, _ in runs}
    assert sorted(len(pids) for pids in places.values()) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert all(str(result) in places[str(n)] for n, result in enumerate(ended["output"]))


def test_a_frozen_worker_s_work_goes_to_another_and_its_late_answer_is_dropped(own_host: Host) -> None:
    instance_id = own_host.start().begin("holds", None, "one")
    until("the activity runs", lambda: own_host.noted("hold-one"))
    freeze: dict[str, Any] = {
        "params": {"activity": "hold", "seconds": 0.5},
        "headers": {"x-functions-key": KEYS["master"]},
    }
    assert own_host.http.post("/admin/host/freeze", params={"activity": "hold", "seconds": 1}).status_code == 401
    frozen = own_host.http.post("/admin/host/freeze", **freeze).json()["pid"]
    until("another worker runs it", lambda: len(own_host.noted("hold-one")) == 2)
    assert psutil.Process(frozen).status() == psutil.STATUS_STOPPED
    assert own_host.http.post("/admin/host/freeze", **freeze).status_code == 409  # there is no third
    own_host.notes.joinpath("go-one").touch()
    other = own_host.finish(instance_id)["output"]
    assert [str(frozen), str(other)] == own_host.noted("hold-one")
    until("the first goes on where it was", lambda: own_host.noted("held-one") == [str(other), str(frozen)])
    assert own_host.run("slow_chain", None, "chain")["output"] == 15


def test_an_interrupt_ends_everything(own_host: Host) -> None:
    own_host.start().begin("waits", {"seconds": 3600})
    assert own_host.process is not None
    own_host.process.send_signal(signal.SIGINT)
    assert own_host.process.wait(PATIENCE) == 0
    until("no process is left", own_host.gone)
    assert "Traceback" not in own_host.log.read_text()


def test_an_activity_that_runs_at_the_end_is_cut_off_and_kept(own_host: Host) -> None:
    own_host.start().begin("long_job", None, "job")
    until("the activity runs", lambda: own_host.noted("sleep-job"))
    assert own_host.stop() == 0  # SIGTERM
    until("no process is left", own_host.gone)
    own_host.start()
    until("it runs again", lambda: len(own_host.noted("sleep-job")) == 2)


def test_a_database_has_one_host(host: Host) -> None:
    other = subprocess.run(host.command, cwd=ROOT, env=host.environment, capture_output=True, text=True)
    assert other.returncode == 1
    assert "another host is using" in other.stderr
