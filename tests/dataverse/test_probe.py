"""What the probes find out of a target that behaves one way or the other, and that nothing stays behind."""

from collections.abc import Iterator
from typing import Any

import pytest

from dataverse.errors import AuthRefused, Unavailable
from dataverse.probe import TITLE, probe
from dataverse.rows import read_rows
from tests.dataverse.conftest import Simulator
from tests.dataverse.samples import CONTACT, SCHEMA
from tests.dataverse.test_faults import ready, rule
from tests.dataverse.test_target import new_ids

SMALL = 512 * 1024


@pytest.fixture
def behaving(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("faults", {})


async def probed(simulator: Simulator, behaviour: dict[str, Any], **more: Any) -> Any:
    """The answers of a simulator set to behave so; the rows of its tables are the same before and after."""
    await ready(simulator)
    before = simulator.control("counts")
    simulator.control("faults", {"behaviour": behaviour, **more})
    async with simulator.client() as client:
        found = await probe(client, SCHEMA, most_bytes=SMALL)
    assert simulator.control("counts") == before and found.left == []
    return found


async def test_what_a_target_says_of_itself(behaving: Simulator) -> None:
    found = await probed(behaving, {}, dop_hint=7)
    assert set(found.tables) == {"cms_visit", "contact", "annotation", "opportunity"}
    assert found.parallelism == 7 and found.upload_bytes == SMALL
    assert not found.tables["annotation"].bulk and found.tables["contact"].bulk
    words = "\n".join(found.lines())
    assert "contact: bulk creates there, our ids kept" in words and "0.5 MB" in words


@pytest.mark.parametrize(
    ("trait", "ids", "strategy"),
    [("honoured", "kept", "multiple"), ("refused", "refused", "post"), ("ignored", "ignored", "post")],
)
async def test_ids_of_ours_in_bulk_creates(behaving: Simulator, trait: str, ids: str, strategy: str) -> None:
    table = (await probed(behaving, {"bulk_ids": trait})).tables["contact"]
    assert (table.bulk, table.bulk_ids, table.strategy) == (True, ids, strategy)
    assert ("bulk_ids" in table.codes) is (trait == "refused")


async def test_a_table_without_bulk_messages(behaving: Simulator) -> None:
    found = await probed(behaving, {"no_bulk": ["contact"]})
    assert not found.tables["contact"].bulk and found.tables["contact"].strategy == "post"
    assert found.tables["cms_visit"].strategy == "multiple"


async def test_a_disabled_owner_by_table(behaving: Simulator) -> None:
    owners = {"contact": "accepted", "cms_visit": "replaced", "*": "refused"}
    tables = (await probed(behaving, {"disabled_owner": owners})).tables
    seen = {name: table.disabled_owner for name, table in tables.items()}
    assert seen == {
        "contact": "accepted",
        "cms_visit": "substituted",
        "annotation": "refused",
        "opportunity": "refused",
    }
    assert tables["opportunity"].codes["disabled_owner"] == "0x80040225"


@pytest.mark.parametrize(("trait", "answer"), [("allowed", "accepted"), ("refused", "refused")])
async def test_a_closed_state_on_create(behaving: Simulator, trait: str, answer: str) -> None:
    tables = (await probed(behaving, {"closed_on_create": trait})).tables
    assert (tables["contact"].closed_on_create, tables["cms_visit"].closed_on_create) == (answer, answer)
    assert tables["opportunity"].closed_on_create == "unknown"  # closed by its own message


@pytest.mark.parametrize("trait", ["accepted", "refused"])
async def test_the_parent_of_a_note_in_its_block_upload(behaving: Simulator, trait: str) -> None:
    found = await probed(behaving, {"note_blocks": trait})
    assert found.note_blocks == trait and found.object_in_blocks is (trait == "accepted")


async def test_the_largest_file_is_found_by_trying(behaving: Simulator) -> None:
    await ready(behaving)
    async with behaving.client() as client:
        found = await probe(client, SCHEMA)
    assert found.upload_bytes == 5_242_880 * 3 // 4  # the limit holds for what base64 makes of it


async def test_answers_that_got_lost_are_no_refusals(behaving: Simulator) -> None:
    cuts = [rule("CreateMultiple", reset="after"), rule("CreateMultiple", reset="after", skip=1)]
    found = await probed(behaving, {}, rules=cuts)
    assert {table.bulk_ids for table in found.tables.values() if table.bulk} == {"kept"}


async def test_a_target_that_dies_meanwhile_is_cleaned_up_by_the_next_probe(behaving: Simulator) -> None:
    await ready(behaving)
    before = behaving.control("counts")
    behaving.control("faults", [rule("sdkmessagefilters", status=503, times=99), rule("batch", status=503, times=99)])
    async with behaving.client() as client:
        with pytest.raises(Unavailable) as caught:
            await probe(client, SCHEMA, most_bytes=1)
    [note] = caught.value.__notes__
    assert note.startswith("left behind: contact ") and behaving.control("counts") != before
    await probed_clean(behaving, before)


async def probed_clean(simulator: Simulator, before: dict[str, int]) -> None:
    simulator.control("faults", {})
    async with simulator.client() as client:
        await probe(client, SCHEMA, most_bytes=1)
    assert simulator.control("counts") == before


async def test_what_cannot_be_removed_is_reported(behaving: Simulator) -> None:
    await ready(behaving)
    ids = iter(new_ids(200))
    behaving.control("faults", [rule(r"\$batch", status=403, times=999)])
    async with behaving.client() as client:
        found = await probe(client, SCHEMA, most_bytes=1, new_id=lambda: next(ids))
        behaving.control("faults", {})
        left = [row_id for table, row_id in found.left if table == "contact"]
        rows = await read_rows(client, CONTACT, left, ["fullname"])
        assert rows and {row["fullname"] for row in rows.values()} == {TITLE}
        assert any(row_id in "\n".join(found.lines()) for row_id in rows)
        assert (await probe(client, SCHEMA, most_bytes=1)).left == []
        assert await read_rows(client, CONTACT, left, []) == {}


async def test_nothing_is_made_for_a_caller_who_may_not_come_in(behaving: Simulator) -> None:
    behaving.control("faults", {"tokens": {"check": True}})
    async with behaving.client() as client:
        with pytest.raises(AuthRefused):
            await probe(client, SCHEMA)
    assert client.counts.operations == client.counts.requests
