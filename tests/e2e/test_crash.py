"""kill -9 of the whole Functions host in the middle of things: the same end as if nothing had happened."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient, ContainerClient

from tests.e2e import dumps
from tests.e2e.clinic import Export, make_export
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System, running, until

PATIENTS = 58  #: more than a sample takes, so that the full run has rows of its own to write
SLOW = {"service_ms_per_row": 4}


@dataclass
class Crashed:
    """A road with a host killed again and again, and a quiet one beside it."""

    kills: list[str] = field(default_factory=list)
    killed: dict[str, Any] = field(default_factory=dict)
    quiet: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    summaries: dict[str, Json] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    unclear: list[Json] = field(default_factory=list)
    empty: dict[str, int] = field(default_factory=dict)
    totals: Json = field(default_factory=dict)
    audit: Json = field(default_factory=dict)


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    """More patients than a sample takes."""
    return make_export(folder / "export", PATIENTS)


@pytest.fixture(scope="module")
def system(folder: Path, export: Export) -> Iterator[System]:
    """Chunks small enough that each object has several."""
    with running(folder, users=export.users, CARRYOVER_CHUNK="120") as one:
        yield one


class Killer:
    """Kills the host when the target is in a state, and starts it again."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.kills: list[str] = []

    def total(self) -> int:
        """Rows in the target."""
        return sum(self.system.counts().values())

    def when(self, moment: str, check: Callable[[int], bool], *, patient: bool = False) -> None:
        """Waits for the moment, kills, starts again.

        A dead worker's leases run out after half a minute; unless ``patient``, they are ended here and now.
        """
        until(moment, lambda: check(self.total()), pause=0.005)
        self.system.kill_host()
        self.kills.append(f"{moment}: {self.total()} rows")
        if not patient:
            self._end_leases()
        self.system.up()

    def _end_leases(self) -> None:
        with ContainerClient.from_connection_string(self.system.places().storage, "ledger") as container:
            for blob in container.list_blobs():
                if blob.lease and blob.lease.state == "leased":
                    try:
                        BlobLeaseClient(container.get_blob_client(blob.name)).break_lease(0)
                    except HttpResponseError:
                        continue  # it ran out in between


@pytest.fixture(scope="module")
def crashed(system: System, export: Export) -> Crashed:
    """The road of the export with kills, back to nothing with kills, and once more in quiet."""
    seen, killer = Crashed(), Killer(system)
    road = Road(system, "killed")
    road.to_prepared(export.folder)
    system.faults(SLOW)
    sample = road.start("sample")
    killer.when("the sample loads", lambda rows: rows > 150)
    peak = _peak()
    killer.when("the sample is undone", lambda rows: rows < peak(rows) - 100)
    assert road.finish(sample)["state"] == "done"
    sampled = killer.total()
    road.sign_off()

    # Answers get lost besides: what was created cannot be told from what was not, until it is read again.
    lost = {"match": {"method": "POST", "path_regex": "CreateMultiple"}, "times": 3, "skip": 1, "reset": "after"}
    system.faults({**SLOW, "rules": [lost]})
    run = road.start("run", target=TARGET, pause_percent=100)
    killer.when("the full run loads", lambda rows: rows > sampled + 20, patient=True)
    assert road.finish(run)["state"] == "done"
    system.faults()
    road.step("verify")
    seen.killed, seen.rows = dumps.business(system, "killed"), dumps.whole(system)
    seen.summaries["killed"] = road.get("summary")
    standing = {one["id"] for one in road.get()["runs"] if not one["undone_by"]}
    log = [row for row in road.audit() if row["PartitionKey"].split("|")[1] in standing]
    failed = {(row["PartitionKey"], int(row["of"])) for row in log if row["operation"] == "failed"}
    seen.created = [
        row["row_id"]
        for row in log
        if row["operation"] == "create" and (row["PartitionKey"], int(row["RowKey"])) not in failed
    ]

    system.faults(SLOW)
    before = killer.total()
    back = road.start("rollback")
    killer.when("the rollback begins", lambda rows: rows < before * 0.9)
    killer.when("the rollback ends", lambda rows: rows < before * 0.4)
    assert road.finish(back)["state"] == "done"
    system.faults()
    seen.empty, seen.totals = system.counts(), road.get("summary")["rollback"]
    seen.audit = road.get("audit/verify")
    seen.unclear = dumps.without_outcome(road.audit())
    seen.kills = killer.kills

    other = Road(system, "quiet")
    other.to_migrated(export.folder)
    other.step("verify")
    seen.quiet = dumps.business(system, "quiet")
    seen.summaries["quiet"] = other.get("summary")
    return seen


def _peak() -> Callable[[int], int]:
    """The most rows seen so far."""
    most = 0

    def look(rows: int) -> int:
        nonlocal most
        most = max(most, rows)
        return most

    return look


def test_it_was_killed_in_the_middle(crashed: Crashed) -> None:
    assert len(crashed.kills) == 5
    assert all(int(kill.rpartition(": ")[2].split()[0]) > 0 for kill in crashed.kills)


def test_the_target_is_that_of_a_quiet_run(crashed: Crashed) -> None:
    assert len(crashed.killed) > 500
    assert dumps.difference(crashed.killed, crashed.quiet) == {}


def test_the_summary_is_that_of_a_quiet_run(crashed: Crashed, export: Export) -> None:
    killed, quiet = (crashed.summaries[name]["objects"] for name in ("killed", "quiet"))
    assert killed == quiet
    assert {name: one["fields_differing"] for name, one in killed.items() if one["fields_differing"]} == {}
    assert killed["appointment"]["read"] == export.manifest["objects"]["appointment"]["records"]


def test_nothing_was_written_twice(crashed: Crashed) -> None:
    """As many creates in the log as rows in the target, and none twice."""
    rows = {
        str(row.get(f"{table}id"))
        for table, some in crashed.rows.items()
        for row in some
        if table != "opportunityclose"
    }
    assert len(crashed.created) == len(set(crashed.created))
    closes = {str(row["activityid"]) for row in crashed.rows.get("opportunityclose", [])}
    assert set(crashed.created) - closes == rows


def test_the_rollback_arrives_all_the_same(crashed: Crashed) -> None:
    assert crashed.empty == {}
    assert crashed.totals == {"deleted": sum(map(len, crashed.rows.values())), "restored": 0, "kept": 0, "left": 0}


def test_the_log_says_what_came_of_everything(crashed: Crashed) -> None:
    """Of the runs, and of the rollback, which was killed as well."""
    assert [(row["operation"], row["PartitionKey"], row["RowKey"]) for row in crashed.unclear] == []


def test_the_audit_log_is_whole(crashed: Crashed) -> None:
    assert crashed.audit["findings"] == []
    assert crashed.audit["rows"] > len(crashed.created) * 2
