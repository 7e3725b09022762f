"""HTTP triggers: routes, bodies, headers, keys."""

import httpx
import psutil
import pytest

from tests.host.harness import KEYS, Host


def test_readiness_names_functions_and_processes(host: Host) -> None:
    status = host.http.get("/admin/host/status").json()
    assert status["state"] == "Running"
    assert status["functions"] > 30
    assert len(set(status["pids"])) == 4  # the host, its replays, two workers


def test_route_parameters_query_and_context(host: Host) -> None:
    answer = host.http.post("/api/ECHO/a%20b/7?q=1", content=b"four")
    assert answer.json() == {
        "method": "POST",
        "params": {"word": "a b", "number": "7"},
        "query": {"q": "1"},
        "size": 4,
        "identity": None,
        "function": "echo",
    }
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["set-cookie"] == "a=1; Path=/"


def test_optional_parameter_and_constraint(host: Host) -> None:
    assert host.http.get("/api/echo/word").json()["params"] == {"word": "word"}
    assert host.http.get("/api/echo/word/notanumber").status_code == 404


def test_literal_route_wins_and_sync_functions_work(host: Host) -> None:
    answer = host.http.get("/api/echo/fixed")
    assert answer.text == "the literal route"
    assert answer.headers["content-type"].startswith("text/plain")


def test_catch_all_and_large_body(host: Host) -> None:
    block = bytes(4 * 1024 * 1024)
    answer = host.http.put("/api/rest/a/b.csv", content=block)
    assert answer.status_code == 201
    assert answer.json() == {"path": "a/b.csv", "size": len(block)}


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/rest/x"), ("GET", "/api/none"), ("GET", "/elsewhere")])
def test_what_does_not_match_is_not_found(host: Host, method: str, path: str) -> None:
    assert host.http.request(method, path).status_code == 404


def test_identity_headers_of_a_client_are_dropped(host: Host) -> None:
    answer = host.http.get("/api/echo/x", headers={"X-MS-CLIENT-PRINCIPAL": "eyJmb3JnZWQiOnRydWV9"})
    assert answer.json()["identity"] is None


def test_an_error_is_logged_without_its_words(host: Host) -> None:
    answer = host.http.get("/api/broken")
    assert (answer.status_code, answer.text) == (500, "")
    log = host.log.read_text()
    assert "function broken failed: RuntimeError" in log
    assert "a secret that must not be logged" not in log


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/start/nothing", None, 401),
        ("/api/start/nothing", "wrong", 401),
        ("/api/start/nothing", KEYS["durabletask_extension"], 401),
        ("/api/start/nothing", KEYS["default"], 202),
        ("/api/start/nothing", KEYS["master"], 202),
        ("/api/admin-only", KEYS["default"], 401),
        ("/api/admin-only", KEYS["master"], 200),
        ("/runtime/webhooks/durabletask/orchestrators/nothing", None, 401),
        ("/runtime/webhooks/durabletask/orchestrators/nothing", KEYS["default"], 401),
        ("/runtime/webhooks/durabletask/orchestrators/nothing", KEYS["durabletask_extension"], 202),
    ],
)
def test_keys(host: Host, path: str, key: str | None, status: int) -> None:
    as_query = host.http.post(path, params={"code": key} if key else {})
    as_header = host.http.post(path, headers={"x-functions-key": key} if key else {})
    assert (as_query.status_code, as_header.status_code) == (status, status)


def test_keys_are_neither_logged_nor_on_a_command_line(host: Host) -> None:
    host.http.get("/api/admin-only", params={"code": KEYS["master"]})
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in host.http.get("/admin/host/status").json()["pids"]]
    for key in KEYS.values():
        assert key not in host.log.read_text()
        assert not [line for line in lines if key in line]


def test_a_web_page_cannot_use_the_loopback_interface(host: Host) -> None:
    answer = host.http.post("/durabletask/orchestrators/nothing", headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 403


def test_listens_on_loopback_only(host: Host) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.2:{host.port}/admin/host/status")
