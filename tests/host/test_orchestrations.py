"""Orchestrations through the real SDK, with every number of completions a replay may consume."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.host.harness import Host


@pytest.fixture(scope="module", params=["all", "32", "1"])
def paced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The shared host, and hosts that consume 32 and 1 completions a replay."""
    if request.param == "all":
        yield request.getfixturevalue("host")
        return
    running = Host(tmp_path_factory.mktemp(f"paced-{request.param}"), "--completions", request.param).start()
    yield running
    running.stop()


def test_fan_out_and_custom_status(paced: Host) -> None:
    ended = paced.run("fan", {"n": 40})
    assert ended["runtimeStatus"] == "Completed"
    assert ended["output"] == sum(i * i for i in range(40))
    assert ended["customStatus"] == {"done": 40}


def test_retries(paced: Host) -> None:
    output = paced.run("retries", instance_id=uuid.uuid4().hex)["output"]
    assert output["good"] == "after 3"
    assert "Activity function 'flaky' failed:  ValueError: failure 3" in output["error"]
    assert output["after"] == 16


def test_timer_is_never_early(paced: Host) -> None:
    assert paced.run("waits", {"seconds": 0.2})["output"] is True


def test_task_any_with_a_cancelled_timer_ends_at_once(paced: Host) -> None:
    ended = paced.run("races")
    assert (ended["runtimeStatus"], ended["output"]) == ("Completed", 25)


def test_sub_orchestrations(paced: Host) -> None:
    instance_id = uuid.uuid4().hex
    output = paced.run("parent", instance_id=instance_id)["output"]
    assert output["squares"] == [0, 1, 4]
    assert output["nameless"] == 14
    assert "Orchestrator function 'fails' failed: no such luck" in output["caught"]
    assert output["retried"] == "after 2"
    assert paced.status(f"{instance_id}-2")["output"] == 4


def test_continue_as_new(paced: Host) -> None:
    ended = paced.run("pages", {"page": 0, "seen": []})
    assert ended["output"] == [0, 1, 4, 9, 16]


def test_failure(paced: Host) -> None:
    ended = paced.run("fails")
    assert ended["runtimeStatus"] == "Failed"
    assert ended["output"] == "Orchestrator function 'fails' failed: no such luck"


def test_a_plain_function_is_an_orchestrator_too(paced: Host) -> None:
    assert paced.run("nothing", {"a": [1]})["output"] == {"a": [1]}


def test_a_thousand_activities(host: Host) -> None:
    ended = host.run("fan", {"n": 1001})
    assert ended["output"] == sum(i * i for i in range(1001))
    assert "orchestration fan has scheduled 1001 tasks" in host.log.read_text()


def test_large_payloads_are_warned_of(host: Host) -> None:
    assert host.run("heavy", {"pad": "p" * 50_000})["output"] == 100_000
    log = host.log.read_text()
    assert "orchestration heavy sends 50002 characters to size" in log
    assert "activity repeat returned over 46080 bytes" in log
    assert "orchestration heavy is started with over 46080 bytes" in log
    assert "custom status of orchestration heavy is over 16384 bytes" in log


def test_a_forgotten_timer_keeps_an_instance_running(host: Host) -> None:
    assert host.run("forgets_a_timer")["output"] == "done"
    assert "orchestration forgets_a_timer has returned, but stays Running" in host.log.read_text()


def test_unknown_activity_fails_the_orchestration(host: Host) -> None:
    ended = host.run("unknown_activity")
    assert ended["runtimeStatus"] == "Failed"
    assert "The function 'no_such_activity' doesn't exist" in ended["output"]
    assert "'square'" in ended["output"]


def test_code_that_is_not_deterministic_fails(host: Host) -> None:
    ended = host.run("changing")
    assert ended["runtimeStatus"] == "Failed"
    assert "Non-Deterministic workflow detected" in ended["output"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("uses_event", "wait_for_external_event (approve)"),
        ("uses_entity", "call_entity (@counter@k)"),
        ("uses_signal", "signal_entity (@counter@k)"),
        ("uses_http", "call_http"),
    ],
)
def test_what_is_not_supported_fails_by_name(host: Host, name: str, words: str) -> None:
    ended: dict[str, Any] = host.run(name)
    assert ended["runtimeStatus"] == "Failed"
    assert f"{words} is not supported by the local Functions host" in ended["output"]
