"""The durable client and the public management API."""

import uuid

import pytest

from tests.host.harness import KEYS, Host, until

PUBLIC = "/runtime/webhooks/durabletask"
SYSTEM = {"x-functions-key": KEYS["durabletask_extension"]}


def test_status_and_history_through_the_client(host: Host) -> None:
    instance_id = host.begin("one", {"n": 6})
    host.finish(instance_id)
    status = host.client("status", instance_id).json()
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == 36
    assert [(e["EventType"], e.get("FunctionName"), e.get("Result")) for e in status["events"]] == [
        ("ExecutionStarted", "one", None),
        ("TaskCompleted", "square", 36),
    ]


def test_status_of_an_unknown_instance_is_empty(host: Host) -> None:
    assert host.client("status", "nobody").json() is None


def test_list_by_prefix_and_status(host: Host) -> None:
    prefix = uuid.uuid4().hex
    for n in range(3):
        host.finish(host.begin("nothing", n and {"n": n}, f"{prefix}-{n}"))
    host.begin("waits", {"seconds": 3600}, f"{prefix}-waiting")
    assert sorted(host.client("list", prefix).json()) == [f"{prefix}-{n}" for n in range(3)]


def test_list_goes_on_after_a_page(host: Host) -> None:
    prefix = uuid.uuid4().hex
    for n in range(3):
        host.finish(host.begin("nothing", None, f"{prefix}-{n}"))
    query = {"instanceIdPrefix": prefix, "top": "2"}
    first = host.http.get(f"{PUBLIC}/instances", params=query, headers=SYSTEM)
    token = first.headers["x-ms-continuation-token"]
    second = host.http.get(f"{PUBLIC}/instances", params=query, headers=SYSTEM | {"x-ms-continuation-token": token})
    assert [i["instanceId"] for i in first.json() + second.json()] == [f"{prefix}-{n}" for n in range(3)]
    assert second.headers["x-ms-continuation-token"] == ""


def test_purge(host: Host) -> None:
    instance_id = host.begin("one", {"n": 2})
    host.finish(instance_id)
    assert host.client("purge", instance_id).json() == 1
    assert host.client("purge", instance_id).json() == 0
    assert host.status(instance_id) == {}


def test_a_running_instance_is_not_purged(host: Host) -> None:
    instance_id = host.begin("waits", {"seconds": 3600})
    assert host.client("purge", instance_id).json() == 0
    assert host.status(instance_id)["instanceId"] == instance_id


def test_purge_by_filter_needs_a_date(host: Host) -> None:
    url = f"{PUBLIC}/instances"
    assert host.http.delete(url, headers=SYSTEM).status_code == 400
    late = {"createdTimeFrom": "2999-01-01T00:00:00.000000Z"}
    assert host.http.delete(url, params=late, headers=SYSTEM).json() == {"instancesDeleted": 0}


def test_terminate(host: Host) -> None:
    instance_id = host.begin("waits", {"seconds": 3600})
    assert host.client("terminate", instance_id).json() == "done"
    status = host.status(instance_id)
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "because")
    again = host.http.post(f"{PUBLIC}/instances/{instance_id}/terminate", headers=SYSTEM)
    assert again.status_code == 410
    assert "No instance with ID 'nobody' found" in host.client("terminate", "nobody").json()["error"]


def test_a_terminated_child_fails_in_its_parent(host: Host) -> None:
    instance_id = uuid.uuid4().hex
    host.begin("parent_of_long", None, instance_id)
    child = f"{instance_id}-child"
    until("the child runs", lambda: host.status(child))
    host.client("terminate", child)
    assert "because" in host.finish(instance_id)["output"]


def test_suspend_and_resume(host: Host) -> None:
    instance_id = host.begin("waits", {"seconds": 0.3})
    host.client("suspend", instance_id)
    until("it is suspended", lambda: host.status(instance_id)["runtimeStatus"] == "Suspended")
    host.run("waits", {"seconds": 0.5})  # the suspended one's timer has fired by then
    assert host.status(instance_id)["runtimeStatus"] == "Suspended"
    host.client("resume", instance_id)
    assert host.finish(instance_id)["runtimeStatus"] == "Completed"


def test_public_start_takes_json_as_it_is(host: Host) -> None:
    answer = host.http.post(f"{PUBLIC}/orchestrators/one/{uuid.uuid4().hex}", json={"n": 8}, headers=SYSTEM)
    assert answer.status_code == 202
    links = answer.json()
    assert answer.headers["location"] == links["statusQueryGetUri"]
    assert host.finish(links["id"])["output"] == 64
    assert host.http.get(links["statusQueryGetUri"]).json()["input"] == {"n": 8}


def test_an_id_in_use_is_refused_and_one_that_ended_starts_again(host: Host) -> None:
    instance_id = host.begin("waits", {"seconds": 3600})
    answer = host.http.post(f"{PUBLIC}/orchestrators/one/{instance_id}", json={"n": 2}, headers=SYSTEM)
    assert answer.status_code == 409
    assert "already exists" in answer.json()["Message"]
    host.client("terminate", instance_id)
    assert host.run("one", {"n": 3}, instance_id)["output"] == 9


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such", "The function 'no_such' doesn't exist"),
        ("one/@entity", "Instance IDs"),
        ("one/a%23b", "Instance IDs"),
    ],
)
def test_bad_starts_are_refused(host: Host, path: str, words: str) -> None:
    answer = host.http.post(f"{PUBLIC}/orchestrators/{path}", headers=SYSTEM)
    assert answer.status_code == 400
    assert words in answer.json()["ExceptionMessage"]


def test_failed_instances_answer_500_only_on_request(host: Host) -> None:
    instance_id = host.begin("fails")
    host.finish(instance_id)
    url = f"{PUBLIC}/instances/{instance_id}"
    assert host.http.get(url, headers=SYSTEM).status_code == 200
    asked = host.http.get(url, params={"returnInternalServerErrorOnFailure": "true"}, headers=SYSTEM)
    assert asked.status_code == 500


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("instances/x/raiseEvent/approve", "raise_event (external events)"),
        ("instances/x/rewind", "rewind"),
        ("instances/x/restart", "restart"),
        ("entities/Counter/k", "entities"),
        ("orchestrators/one?timeout=5", "create-and-wait"),
        ("orchestrators/one?version=2", "a version"),
    ],
)
def test_what_is_not_supported_says_so(host: Host, path: str, words: str) -> None:
    answer = host.http.post(f"{PUBLIC}/{path}", headers=SYSTEM)
    assert answer.status_code == 501
    assert words in answer.json()
    assert f"{answer.json()} (POST" in host.log.read_text()


def test_the_client_raises_for_what_is_not_supported(host: Host) -> None:
    instance_id = host.begin("waits", {"seconds": 3600})
    assert "501" in host.client("raise_event", instance_id).json()["error"]
    assert "rewind is not supported" in host.client("rewind", instance_id).json()["error"]
