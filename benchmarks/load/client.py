"""The client alone, in made-up time: what is left of the ceiling when nothing but the client stands in the way.

The app's own client against the simulator's own limits, with the real window of five minutes: the clock jumps to
whatever happens next, so that a quarter of an hour is a matter of seconds, and the figures are the same on every machine.
"""

import asyncio
import selectors
import uuid
from collections.abc import Callable
from typing import Any, Final

import httpx
import orjson

from activities.lane import IN_HAND
from benchmarks.load.measure import Load, Request
from benchmarks.load.service import WINDOWS, Service
from dataverse.auth import StaticToken
from dataverse.creates import create_rows
from dataverse.limits import Clock
from dataverse.pool import ClientPool
from local.dataverse.errors import ApiError
from local.dataverse.faults import Faults
from mapping.schema import SchemaTable
from orchestrators.flow import shared_out

#: The parallelism that the service advises.
ADVISED: Final = 5
CHUNK: Final = 1000
#: Seconds that a chunk takes before and after its rows: its plan, its log, its receipts, in a storage far away.
AROUND: Final = 1.0
_INSTANT: Final = 1e-6
_TABLE: Final = SchemaTable(
    plain="visit", logical="cms_visit", schema_name="cms_Visit", set_name="cms_visits", id_column="cms_visitid",
    name_column="cms_name", label="Visit", label_plural="Visits", custom=True, has_notes=False, bulk=True, columns={},
    key_column=None,
)  # fmt: skip


def measure(service: Service) -> Load:
    """A load that sees three windows and a half. Every lane is in a worker process of its own."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        target = _Target(service, runner.get_loop().time)
        runner.run(_load(target, service.rows(WINDOWS + 0.5) // CHUNK))
        return Load(
            name=f"the client alone, {service.users} user{'s' if service.users > 1 else ''}",
            service=service,
            requests=target.requests,
            lost=target.asked - len(target.created),
            doubled=target.doubled,
        )


async def _load(target: "_Target", chunks: int) -> None:
    target.asked = chunks * CHUNK
    await asyncio.gather(*(_lane(target, lane) for lane in shared_out(range(chunks), target.service.users, ADVISED)))


async def _lane(target: "_Target", lane: dict[str, Any]) -> None:
    """The chunks of one lane, some in hand at a time."""
    loop = asyncio.get_running_loop()
    auths = [StaticToken(f"user {number}") for number in range(target.service.users)]
    transport = httpx.MockTransport(target.answer)
    pool = ClientPool("https://target.example", auths, transport=transport, clock=Clock(loop.time, _sleep))
    left: list[int] = lane["lane"]

    async def hand() -> None:
        while left:
            left.pop()
            await asyncio.sleep(AROUND / 2)
            async with pool.client(lane["user"]) as client:
                rows = [{_TABLE.id_column: str(uuid.uuid4())} for _ in range(CHUNK)]
                outcomes = await create_rows(client, _TABLE, rows)
            assert all(one.ok for one in outcomes)
            await asyncio.sleep(AROUND / 2)

    with pool.slots(lane["user"], lane["slots"]):
        await asyncio.gather(*(hand() for _ in range(IN_HAND)))
    await pool.close()


async def _sleep(seconds: float) -> None:
    """A clock that jumps must move: what rounding leaves of a wait would be waited for without end."""
    await asyncio.sleep(max(seconds, _INSTANT))


class _Target:
    """Takes bulk creates under the limits of a service, and notes them."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self.service = service
        self.requests: list[Request] = []
        self.asked = 0
        self.created: set[str] = set()
        self.doubled = 0
        self._faults = Faults(clock)
        self._faults.configure(service.faults())

    async def answer(self, request: httpx.Request) -> httpx.Response:
        user = request.headers["Authorization"]
        began = asyncio.get_running_loop().time()
        try:
            self._faults.enter(user)
        except ApiError as error:
            self.requests.append(Request(began, began, user, 0, error.status))
            return httpx.Response(error.status, content=error.payload(), headers=error.headers)
        ids = [row[_TABLE.id_column] for row in orjson.loads(request.content)["Targets"]]
        await asyncio.sleep(self.service.service_ms * len(ids) / 1000)
        self._faults.leave(user, self.service.service_ms * len(ids))
        self.doubled += len(self.created.intersection(ids))
        self.created.update(ids)
        self.requests.append(Request(began, asyncio.get_running_loop().time(), user, len(ids), 200))
        return httpx.Response(200, json={"Ids": ids}, headers={"x-ms-dop-hint": str(ADVISED)})


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that never waits: its clock jumps to when the next thing is due."""

    def __init__(self) -> None:
        self._at = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self._at

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._at += seconds


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout and timeout > 0:
            self._loop.jump(timeout)
        return super().select(0)
