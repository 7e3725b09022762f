"""Indexing: what Azure refuses is refused here, and what this host cannot do is named."""

import json
import sys
from pathlib import Path

import pytest

from local.host.load import App, LoadError, load_app, read_host_json
from tests.host import sources
from tests.host.harness import APP


def load(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> App:
    (folder / "function_app.py").write_text(source)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "function_app", raising=False)
    try:
        return load_app(folder)
    finally:
        sys.modules.pop("function_app", None)


@pytest.mark.parametrize(("name", "source", "words"), sources.SOURCES, ids=sources.IDS)
def test_indexing(name: str, source: str, words: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if words is None:
        assert len(load(tmp_path, source, monkeypatch)) == 1
        return
    with pytest.raises(LoadError) as refused:
        load(tmp_path, source, monkeypatch)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("decorators", "words"),
    [
        ('@app.entity_trigger(context_name="context", entity_name="Counter")', "counter: entities are not supported"),
        ('@app.queue_trigger(arg_name="context", queue_name="q", connection="c")', "queueTrigger is not supported"),
        ('@app.activity_trigger(input_name="context", activity="@x")', "must not begin with '@'"),
    ],
)
def test_what_the_host_cannot_do(decorators: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = f"{sources.HEAD}\n{decorators}\ndef counter(context):\n    ...\n"
    with pytest.raises(LoadError) as refused:
        load(tmp_path, source, monkeypatch)
    assert words in str(refused.value)


def test_the_sample_app_is_sorted_by_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = load(tmp_path, (APP / "function_app.py").read_text(), monkeypatch)
    assert {f.name for f in app.timers} == {"tick", "at_start"}
    assert "square" in app.activities
    assert "fan" in app.orchestrators
    start = next(f for f in app.http if f.name == "start")
    assert (start.parameter, start.clients, start.trigger["authLevel"]) == ("req", ("client",), "FUNCTION")


def test_a_missing_app_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"no function_app\.py"):
        load_app(tmp_path)


def test_host_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_host_json(tmp_path).route_prefix == "api"
    monkeypatch.setenv("HUB", "Clinic")
    document = {"extensions": {"http": {"routePrefix": "v1/x"}, "durableTask": {"hubName": "%HUB%"}}}
    (tmp_path / "host.json").write_text(json.dumps(document))
    read = read_host_json(tmp_path)
    assert (read.route_prefix, read.hub) == ("v1/x", "Clinic")
