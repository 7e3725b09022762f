"""What the probes find out, against the simulator set to behave each way; and that nothing stays behind."""

from dataverse.probe import probe
from tests.dataverse.conftest import Simulator
from tests.dataverse.samples import SCHEMA
from tests.dataverse.test_faults import faulty, ready  # noqa: F401


async def test_x(simulator: Simulator) -> None:
    await ready(simulator)
    async with simulator.client() as client:
        p = await probe(client, SCHEMA)
        print("\n".join(p.lines()), client.counts)
        print(p)
