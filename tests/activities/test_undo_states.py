"""States and closes are taken back as far as they are ours: won and lost deals, inactive rows, and the death of workers."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio

from activities.batch import Batch
from activities.closes import keep_states
from activities.rows import Op, RowBuilder
from activities.undo_chunk import Undo
from activities.undoing import Undoing
from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.closings import closes_of
from dataverse.rows import Closing, close_opportunities, create_rows, read_rows, set_state
from ledger import receipts
from ledger.audit import Intent, Outcome
from ledger.receipts import Receipt
from mapping.schema import Schema, SchemaTable
from tests.activities.test_undo_late import Log
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock
from tests.dataverse.samples import CONTACT, OPPORTUNITY, column
from tests.dataverse.test_faults import ready, rule

PERSON: Final = "Ann.Able@clinic.example"
JOB: Final[dict[str, Any]] = {"migration": "m", "run": "delta-0002", "object": "referral", "number": 2, "generation": 1}
UNDO: Final[dict[str, Any]] = {
    **JOB,
    "run": "rollback-0003",
    "of_run": "delta-0002",
    "number": 3,
    "chunk": 1,
    "force": False,
}


def with_states(table: SchemaTable) -> SchemaTable:
    states = [column(name, "state", custom=False) for name in ("statecode", "statuscode")]
    return replace(table, columns=table.columns | {one.plain: one for one in states})


DEAL, PATIENT = with_states(OPPORTUNITY), with_states(CONTACT)
SCHEMA: Final = Schema("cms", {table.plain: table for table in (DEAL, PATIENT)})
COLUMNS: Final = ["name", "estimatedvalue", "statecode", "statuscode", "actualclosedate", "actualvalue"]


class Blobs:
    """A storage that keeps before-images."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, container: str, name: str, data: bytes, *, once: bool = False) -> bool:
        if once and name in self.kept:
            return False
        self.kept[name] = data
        return True

    async def get(self, container: str, name: str) -> bytes:
        return self.kept[name]


@dataclass
class Stage:
    """A chunk of one deal or patient: the run's logs, its receipt, and the logs of its undo."""

    ours: DataverseClient
    theirs: DataverseClient
    table: SchemaTable
    id: str
    wanted: str
    action: str = "unchanged"
    columns: dict[str, Any] = field(default_factory=dict)  #: as the run leaves them
    blobs: Blobs = field(default_factory=Blobs)
    logs: dict[tuple[str, str], Log] = field(default_factory=dict)

    def log(self, run: str, label: str) -> Log:
        return self.logs.setdefault((run, label), Log())

    @property
    def key(self) -> str:
        return "clinic.referral.1"

    def op(self, operation: str) -> Op:
        columns = dict(self.columns)
        return Op(0, operation, "1", self.key, self.key, self.table, self.id, columns, dict(columns), state=self.wanted)

    def batch(self, label: str) -> Batch:
        async def fence() -> None: ...

        log = self.log(JOB["run"], label)
        return Batch(self.blobs, self.ours, log, fence, JOB, RowBuilder(SCHEMA, 1), label)  # type: ignore[arg-type]

    async def close(self) -> None:
        """The run's last phase."""
        assert await self.batch("state-00001").close([self.op("update")]) == []

    async def change(self) -> None:
        """The run's load: what is closed is opened for it."""
        assert await self.batch("00001").update(self.table, [self.op("update")]) == []

    async def undo(self, phase: str, **more: Any) -> Undo:
        label = "00001" if phase == "load" else f"{phase}-00001"
        job = {**UNDO, "phase": phase, **more}
        log = self.log(job["run"], f"{job['of_run']}-{label}")
        done = Undo(self.blobs, self.ours, log, job, RowBuilder(SCHEMA, 1))  # type: ignore[arg-type]
        await done.chunk_of(self.log(JOB["run"], label))  # type: ignore[arg-type]
        assert set(log.outcomes) == {entry.sequence for entry in log.intents.values()}
        return done

    async def row(self) -> dict[str, Any]:
        names = COLUMNS if self.table is DEAL else ["lastname", "statecode", "statuscode"]
        row = (await read_rows(self.ours, self.table, [self.id], names))[self.id]
        return {name: row[name] for name in names}

    async def closes(self) -> set[str]:
        return set((await closes_of(self.ours, [self.id])).get(self.id, {}))

    async def win(self, client: DataverseClient, *, won: bool = True) -> None:
        [outcome] = await close_opportunities(client, DEAL, [Closing(self.id, won, "Closed", 70.0, "2024-05-06")])
        assert outcome.ok

    async def reopen(self, client: DataverseClient) -> None:
        assert (await set_state(client, DEAL, {self.id: (0, 1)}))[self.id].ok


@pytest_asyncio.fixture
async def deal(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """An open deal that was in the target before us, which the run is to win."""
    await ready(simulator)
    async with (
        simulator.client() as ours,
        DataverseClient(simulator.url, StaticToken(PERSON), clock=FakeClock().clock()) as theirs,
    ):
        person, id = str(uuid.uuid4()), str(uuid.uuid4())
        await create_rows(theirs, CONTACT, [{"contactid": person, "lastname": "Lee"}])
        bound = {"customerid_contact@odata.bind": f"/contacts({person})"}
        await create_rows(
            theirs, OPPORTUNITY, [{"opportunityid": id, "name": "Referral", "estimatedvalue": 50, **bound}]
        )
        made = Stage(ours, theirs, DEAL, id, "won", columns={"name": "Referral"})
        _told(made, monkeypatch)
        yield made


@pytest_asyncio.fixture
async def patient(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """An active patient, which the run is to make inactive."""
    await ready(simulator)
    async with (
        simulator.client() as ours,
        DataverseClient(simulator.url, StaticToken(PERSON), clock=FakeClock().clock()) as theirs,
    ):
        id = str(uuid.uuid4())
        await create_rows(ours, CONTACT, [{"contactid": id, "lastname": "Lee"}])
        made = Stage(ours, theirs, PATIENT, id, "inactive", columns={"lastname": "Lee"})
        _told(made, monkeypatch)
        yield made


def _told(made: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def plans(_: Undoing) -> dict[str, dict[str, Any]]:
        return {made.key: {"action": made.action, "state": made.wanted, "written": None}}

    async def log_of(_: Undoing, run: str, label: str) -> Log:
        return made.log(run, label)

    async def read_part(*_: Any) -> list[Receipt]:
        payload = orjson.dumps({"columns": made.columns, "state": made.wanted}).decode()
        receipt = Receipt("1", made.key, made.key, made.table.plain, made.id, 2, 1, "h", payload, None, tombstone=False)
        return [receipt]

    async def write_part(*_: Any) -> None: ...

    monkeypatch.setattr(Undoing, "plans", plans)
    monkeypatch.setattr(Undoing, "log_of", log_of)
    monkeypatch.setattr(receipts, "read_part", read_part)
    monkeypatch.setattr(receipts, "write_part", write_part)


def forget(log: Log, *operations: str) -> None:
    """The worker died before it could write this down."""
    log.outcomes = {}
    log.intents = {key: entry for key, entry in log.intents.items() if entry.operation not in operations}


def logged_closes(stage: Stage) -> set[str]:
    return {
        entry.row_id for entry in stage.log(JOB["run"], "state-00001").intents.values() if entry.operation == "create"
    }


@pytest.mark.parametrize("died", [False, True])
async def test_a_deal_that_we_won_is_open_again_and_only_our_close_goes(deal: Stage, died: bool) -> None:
    """A person had won and reopened it before: that close is none of ours, whether or not ours was logged."""
    await deal.win(deal.theirs)
    await deal.reopen(deal.theirs)
    was, earlier = await deal.row(), await deal.closes()
    await deal.close()
    assert (await deal.row())["statecode"] == 1
    assert logged_closes(deal) == await deal.closes() - earlier and len(earlier) == 1
    if died:
        forget(deal.log(JOB["run"], "state-00001"), "create")
    done = await deal.undo("state")
    assert await deal.row() == was
    assert await deal.closes() == earlier
    assert done.result.restored == [deal.id] and done.result.listed == []


async def test_what_the_platform_filled_in_goes_with_the_state(deal: Stage) -> None:
    was = await deal.row()
    assert was["actualclosedate"] is None
    await deal.close()
    assert (await deal.row())["actualclosedate"]
    await deal.undo("state")
    assert await deal.row() == was


@pytest.mark.parametrize("died", [False, True])
async def test_a_deal_that_a_person_won_stays_won(deal: Stage, died: bool) -> None:
    """Before our last phase came to it, or just before our worker died."""
    if died:
        batch = deal.batch("state-00001")
        _, references = await _kept(deal)
        await batch.log.append_intents([Intent("state", "1", deal.key, "opportunity", deal.id, references[deal.id])])
    await deal.win(deal.theirs)
    if not died:
        await deal.close()
    was, closes = await deal.row(), await deal.closes()
    done = await deal.undo("state")
    assert await deal.row() == was and await deal.closes() == closes
    assert done.result.restored == [] and logged_closes(deal) == set()


async def _kept(deal: Stage) -> tuple[Any, dict[str, str]]:
    return await keep_states(deal.blobs, deal.ours, JOB, "state-00001", DEAL, [deal.id])  # type: ignore[arg-type]


async def test_a_deal_that_a_person_changed_stays_as_it_is_until_forced(deal: Stage) -> None:
    was = await deal.row()
    await deal.close()
    await deal.theirs.request("PATCH", f"opportunities({deal.id})", json={"name": "Theirs"})
    now, closes = await deal.row(), await deal.closes()
    done = await deal.undo("state")
    assert await deal.row() == now and await deal.closes() == closes
    assert [(one["row_id"], one["why"]) for one in done.result.listed] == [(deal.id, "changed by others")]

    forced = await deal.undo("state", run="rollback-0004", force=True)
    assert await deal.row() == was | {"name": "Theirs"} and await deal.closes() == set()
    assert forced.result.listed == []


async def test_a_refused_closing_that_landed_all_the_same_is_taken_back(deal: Stage) -> None:
    was = await deal.row()
    await deal.close()
    log = deal.log(JOB["run"], "state-00001")
    forget(log, "create")
    log.outcomes = {1: Outcome(1, "failed", "0x80043b0e")}
    await deal.undo("state")
    assert await deal.row() == was and await deal.closes() == set()


async def test_a_closing_that_was_never_answered_is_settled_after_the_quiet_period(
    simulator: Simulator, deal: Stage
) -> None:
    simulator.control("faults", [rule("WinOpportunity", reset="before", times=4)])
    try:
        await deal.close()
    finally:
        simulator.control("faults", [])
    log = deal.log(JOB["run"], "state-00001")
    assert (await deal.row())["statecode"] == 1 and logged_closes(deal) == await deal.closes()
    assert [one.result for one in log.outcomes.values()] == ["landed", "landed"]


async def test_a_won_deal_that_a_delta_changed_is_won_again_as_it_was(deal: Stage) -> None:
    """One more close stays behind, and is named; a resumed undo makes no second one."""
    await deal.win(deal.ours)
    was, [earlier] = await deal.row(), await deal.closes()
    deal.columns, deal.action = {"name": "Referral", "estimatedvalue": 90.0}, "update"
    await deal.change()
    await deal.close()
    assert (await deal.row())["estimatedvalue"] == 90 and len(await deal.closes()) == 2
    await deal.undo("state")
    assert (await deal.row())["statecode"] == 0 and await deal.closes() == {earlier}

    done = await deal.undo("load")
    [again] = await deal.closes() - {earlier}
    assert await deal.row() == was
    assert [one["row_id"] for one in done.result.behind] == [again]
    own = deal.log(UNDO["run"], f"{JOB['run']}-00001")
    assert sorted(entry.operation for entry in own.intents.values()) == ["create", "restore", "state"]
    assert done.result.restored == [deal.id] and done.result.listed == []

    forget(own, "create")
    resumed = await deal.undo("load")
    assert await deal.closes() == {earlier, again} and await deal.row() == was
    assert {one.result for one in own.outcomes.values()} == {"landed"}
    assert [one["row_id"] for one in resumed.result.behind] == [again]


async def test_a_deal_that_a_person_reopened_since_is_not_closed_again(deal: Stage) -> None:
    await deal.win(deal.ours)
    [earlier] = await deal.closes()
    deal.columns, deal.action = {"name": "Referral", "estimatedvalue": 90.0}, "update"
    await deal.change()
    await deal.close()
    await deal.reopen(deal.theirs)
    await deal.undo("state")
    done = await deal.undo("load")
    assert (await deal.row())["statecode"] == 0 and await deal.closes() == {earlier}
    assert [(one["row_id"], one["why"]) for one in done.result.listed] == [(deal.id, "changed by others")]


@pytest.mark.parametrize("hand", ["ours", "theirs"])
async def test_a_deal_that_was_opened_for_a_change_that_was_refused_is_closed_again(deal: Stage, hand: str) -> None:
    await deal.win(deal.ours)
    was = await deal.row()
    deal.columns, deal.action = {"name": "n" * 301}, "update"
    [refused] = await deal.batch("00001").update(deal.table, [deal.op("update")])
    assert refused.code == "0x80044331" and (await deal.row())["statecode"] == 0
    if hand == "theirs":
        await deal.theirs.request("PATCH", f"opportunities({deal.id})", json={"estimatedvalue": 60})
    done = await deal.undo("load")
    if hand == "ours":
        assert await deal.row() == was and done.result.listed == []
    else:
        assert (await deal.row())["statecode"] == 0
        assert [(one["row_id"], one["why"]) for one in done.result.listed] == [(deal.id, "changed by others")]


async def test_an_inactive_row_is_active_again(patient: Stage) -> None:
    was = await patient.row()
    await patient.close()
    assert (await patient.row())["statecode"] == 1
    done = await patient.undo("state")
    assert await patient.row() == was and done.result.restored == [patient.id]


async def test_a_row_that_was_inactive_before_stays_so(patient: Stage) -> None:
    await set_state(patient.theirs, PATIENT, {patient.id: (1, 2)})
    await patient.close()
    done = await patient.undo("state")
    assert (await patient.row())["statecode"] == 1 and done.result.restored == []


async def test_what_people_make_of_a_state_that_we_never_set_is_theirs(patient: Stage) -> None:
    await set_state(patient.theirs, PATIENT, {patient.id: (1, 2)})
    await patient.close()
    await set_state(patient.theirs, PATIENT, {patient.id: (0, 1)})
    done = await patient.undo("state", force=True)
    assert (await patient.row())["statecode"] == 0
    assert done.result.restored == [] and done.result.listed == []


@pytest.mark.parametrize("hand", ["ours", "theirs"])
async def test_a_refused_state_is_taken_back_only_from_our_own_hand(patient: Stage, hand: str) -> None:
    was = await patient.row()
    await patient.close()
    patient.log(JOB["run"], "state-00001").outcomes = {1: Outcome(1, "failed", "0x8004022e")}
    if hand == "theirs":
        for state in ((0, 1), (1, 2)):
            await set_state(patient.theirs, PATIENT, {patient.id: state})
    await patient.undo("state")
    assert await patient.row() == (was if hand == "ours" else was | {"statecode": 1, "statuscode": 2})


async def test_an_undo_that_was_killed_after_a_state_says_that_it_landed(patient: Stage) -> None:
    was = await patient.row()
    await patient.close()
    await patient.undo("state")
    own = patient.log(UNDO["run"], f"{JOB['run']}-state-00001")
    forget(own)
    done = await patient.undo("state")
    assert await patient.row() == was and done.result.restored == [patient.id]
    assert [one.result for one in own.outcomes.values()] == ["landed"]


async def test_a_restore_that_cannot_be_made_is_listed(simulator: Simulator, patient: Stage) -> None:
    await patient.close()
    simulator.control("faults", {"plugins": [{"on": ["update"], "table": "contact"}]})
    try:
        done = await patient.undo("state")
    finally:
        simulator.control("faults", [])
    assert [one["row_id"] for one in done.result.listed] == [patient.id] and done.result.restored == []
    assert (await patient.row())["statecode"] == 1
