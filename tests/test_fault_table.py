"""Every fault of the simulator is in the table of tests, and every test that the table names is there."""

import ast
import re
from pathlib import Path

from local.dataverse.faults.behaviour import Behaviour
from local.dataverse.faults.limits import Limits
from local.dataverse.faults.requests import Rule

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "concepts" / "chaos.md"
ROW = re.compile(r"^\| (.+) \| .+ \| `(tests/\S+\.py)::(\w+)` \|$", re.MULTILINE)


def test_the_tests_of_the_table_are_there() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    assert len(rows) > 30
    missing = [f"{file}::{name}" for _, file, name in rows if name not in _functions(REPOSITORY / file)]
    assert missing == []


def _functions(file: Path) -> set[str]:
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_fault_has_a_test() -> None:
    named = set(re.findall(r"`([a-z_.]+)`", " ".join(fault for fault, _, _ in ROW.findall(PAGE.read_text("utf-8")))))
    traits = {field for field in Behaviour.__dataclass_fields__ if field != "owners"} | {"disabled_owner"}
    facets = {f"limits.{name}" for name in ("requests", "execution_ms", "concurrency")}
    whole = {"plugins", "duplicate_rules", "edits", "import_running", "disk_full", "latency_ms", "service_ms_per_row"}
    of_requests = {"status", "gateway", "reset", "late", "delay_ms"}
    assert of_requests <= Rule.__dataclass_fields__.keys()
    assert {name.removeprefix("limits.") for name in facets} <= Limits.__dataclass_fields__.keys()
    assert sorted((traits | facets | whole | of_requests | {"tokens"}) - named) == []
