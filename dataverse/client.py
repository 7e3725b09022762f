"""The connection to one Dataverse environment: headers, retries, pauses, counts.

Sends no cookies: the affinity cookie would tie every call to one web server, and the service protection limits are
counted per server (Learn: "Send parallel requests"). A write is repeated on its own only when its failure was
answered; a write whose answer got lost is the caller's to find out about (``LostReply``).
"""

import copy
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Final

import httpx
import orjson

from dataverse.answers import Answer, rows_of
from dataverse.auth import Auth
from dataverse.budget import Meter
from dataverse.counts import Counts
from dataverse.errors import (
    UNEXPECTED,
    AuthRefused,
    BadAnswer,
    DataverseError,
    LostReply,
    Throttled,
    Transient,
    Unavailable,
    error_from,
)
from dataverse.limits import Clock, Limiter
from dataverse.sizes import BatchSize, BatchSizes

API: Final = "/api/data/v9.2"
#: Tries of one request at a service that is not available, and at "An unexpected error occurred".
TRIES: Final = 7
TRIES_UNEXPECTED: Final = 3
#: Seconds of a wait after which a worker looks whether its work is still wanted.
SLICE: Final = 5.0
#: Seconds of a pause from which on it is told: a shorter one is over before somebody who watches has read of it.
TOLD: Final = 5.0
_HEADERS: Final = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
    "Accept-Encoding": "gzip",
}

#: On a write: no custom plug-ins and workflows, and no flows (Learn: "Bypass custom Dataverse logic", "Bypass Power
#: Automate flows").
BYPASS: Final = {
    "MSCRM.BypassBusinessLogicExecution": "CustomSync,CustomAsync",
    "MSCRM.SuppressCallbackRegistrationExpanderJob": "true",
}

Content = bytes | Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class _Call:
    """A request as it is repeated."""

    method: str
    path: str
    content: Content | None
    headers: dict[str, str]
    table: str | None
    repeatable: bool
    operations: int
    size: BatchSize | None


class DataverseClient:
    """``async with DataverseClient(url, auth) as client:`` — one application user at one environment.

    ``url`` is the environment's address; ``slots`` the most requests under way (0: the server's hint). ``caller`` is
    the Entra object id of a user to act as. ``before_write`` is awaited before every request but a GET, each time it is
    sent: what it raises (a lost lease, a raised epoch) stops the write and goes to the caller. It is awaited every few
    seconds of a longer wait, too, and ends it in the same way. ``budget`` counts every request, and stops writes with
    BudgetSpent when the day's are used up.
    """

    def __init__(
        self,
        url: str,
        auth: Auth,
        *,
        slots: int = 0,
        caller: str | None = None,
        before_write: Callable[[], Awaitable[None]] | None = None,
        budget: Meter | None = None,
        timeout_seconds: float = 180.0,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        base = url.rstrip("/")
        self.url = base[: -len(API)] if base.endswith(API) else base
        self.limiter = Limiter(slots, clock=clock)
        self.counts = Counts()
        self.sizes = BatchSizes()
        self._clock = clock or Clock()
        self._jitter = jitter
        self._auth = auth
        self._before_write = before_write
        self._before_pause: Callable[[float], Awaitable[None]] | None = None
        self._budget = budget
        #: What each write carries, those of a batch one by one.
        self.write_headers: Mapping[str, str] = {}
        headers = dict(_HEADERS)
        if caller:
            headers["CallerObjectId"] = caller
        self._http = httpx.AsyncClient(
            base_url=self.url + API + "/",
            headers=headers,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(timeout_seconds, connect=20.0),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=60.0),
            transport=transport,
            follow_redirects=False,
        )

    async def __aenter__(self) -> "DataverseClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def lent(
        self,
        *,
        before_write: Callable[[], Awaitable[None]] | None = None,
        before_pause: Callable[[float], Awaitable[None]] | None = None,
        budget: Meter | None = None,
        bypass: bool = False,
    ) -> AsyncIterator["DataverseClient"]:
        """This client for one piece of work: its own hooks, budget and counts; connections, token, limits, sizes shared.

        ``before_pause`` is awaited by each who is about to wait, with the seconds that the service's protection limits
        have all of this user wait, when these are TOLD or more. ``bypass``: its writes run no custom plug-ins and flows
        of the target (needs prvBypassCustomBusinessLogic). The requests under way of all who hold it are at most the
        slots granted to its limiter.
        """
        view = copy.copy(self)
        view.counts = Counts()
        view._before_write = before_write
        view._before_pause = before_pause
        view._budget = budget
        view.write_headers = BYPASS if bypass else {}
        yield view

    async def get(self, path: str, *, table: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A read; repeated when its answer is lost."""
        return await self.request("GET", path, table=table, headers=headers, repeatable=True)

    async def post(
        self, path: str, body: Any = None, *, table: str | None = None, repeatable: bool = False, operations: int = 1
    ) -> Answer:
        """A write with a JSON body; raises LostReply when it is not said to be repeatable and the answer is lost."""
        return await self.request("POST", path, json=body, table=table, repeatable=repeatable, operations=operations)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        table: str | None = None,
        repeatable: bool = False,
        operations: int = 1,
        size: BatchSize | None = None,
    ) -> Answer:
        """One call, with every repetition that is safe.

        ``path`` is relative to the API's root, or a link the server gave. ``content`` is bytes or a function that
        starts the stream anew for each try. ``operations`` is what the call counts toward the daily entitlement.
        ``size`` learns from how the call fares; a call of several operations that took too long is then not repeated
        as it is, but raised. Raises the exceptions of ``dataverse.errors``, none of which holds a value or the address.
        """
        sent = dict(headers or {})
        if json is not None:
            content = orjson.dumps(json)
            sent["Content-Type"] = "application/json; charset=utf-8"
        sent["x-ms-client-request-id"] = str(uuid.uuid4())
        call = _Call(method, path, content, sent, table, repeatable, operations, size)
        tries = 0
        renewed = False
        while True:
            try:
                return await self._once(call)
            except Throttled as error:
                renewed = False
                await self._pause(error.retry_after or self._backoff(min(tries, 5)))
            except LostReply:
                raise
            except Transient as error:
                renewed = False
                if tries + 1 >= (TRIES_UNEXPECTED if error.code == UNEXPECTED else TRIES):
                    raise
                if error.slow and size is not None and operations > 1:
                    raise
                await self._pause(self._backoff(tries))
            except AuthRefused as error:
                # Only a 401 says the token itself is stale; once is enough to tell a stale token from a bad one.
                if renewed or error.status != 401:
                    raise
                renewed = True
            tries += 1
            self.counts.retried += 1

    @asynccontextmanager
    async def stream(self, path: str, *, table: str | None = None) -> AsyncIterator[httpx.Response]:
        """A read whose body is taken piece by piece, holding one slot meanwhile.

        Opening it is repeated like any read; a body that breaks off is Unavailable, since part of it was used.
        """
        tries = 0
        renewed = False
        while True:
            async with AsyncExitStack() as held:
                await held.enter_async_context(self.limiter.slot(self._sleep))
                try:
                    response = await self._open(path, table)
                except Transient as error:
                    if not isinstance(error, Throttled) and tries + 1 >= TRIES:
                        raise
                    wait = error.retry_after if isinstance(error, Throttled) else 0.0
                except AuthRefused as error:
                    if renewed or error.status != 401:
                        raise
                    renewed, wait = True, 0.0
                else:
                    held.push_async_callback(response.aclose)
                    try:
                        yield response
                    except httpx.TransportError as broken:
                        raise Unavailable(f"The answer broke off: {type(broken).__name__}.", table=table) from None
                    return
            self.counts.retried += 1
            await self._pause(wait or self._backoff(min(tries, 5)))
            tries += 1

    async def pages(
        self, path: str, *, table: str | None = None, size: int = 5000, targets: bool = False
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of a query, page by page (at most 5,000 rows each), following the server's links as they are.

        ``targets``: lookups come with the table they point at (``…@Microsoft.Dynamics.CRM.lookuplogicalname``).
        """
        prefer = f"odata.maxpagesize={size}"
        if targets:
            prefer += ',odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
        headers = {"Prefer": prefer}
        link: str | None = path
        while link:
            document = (await self.get(link, table=table, headers=headers)).json()
            yield rows_of(document)
            link = document.get("@odata.nextLink")

    async def pause(self, seconds: float) -> None:
        """Wait by the client's clock, as polling does; no longer than the work is wanted (``before_write``)."""
        await self._sleep(seconds)

    def throttled(self, error: Throttled) -> None:
        """Learn from a refusal that came inside a batch; its wait applies to the whole client."""
        self.counts.throttled += 1
        self.counts.by_facet[error.which] = self.counts.by_facet.get(error.which, 0) + 1
        self.limiter.throttled(error.retry_after)

    async def backoff(self, tries: int) -> None:
        """The wait after the ``tries``-th failure (0 is the first)."""
        self.counts.retried += 1
        await self._pause(self._backoff(tries))

    async def _once(self, call: _Call) -> Answer:
        async with self.limiter.slot(self._sleep):
            token = await self._auth.token()
            write = call.method != "GET"
            sent = {**call.headers, **(self.write_headers if write else {}), "Authorization": f"Bearer {token}"}
            if self._before_write and write:
                await self._before_write()
            if self._budget and write:
                await self._budget.spend(call.operations)
            self._count(call.operations, read=not write)
            body = call.content() if callable(call.content) else call.content
            started = self._clock.now()
            try:
                response = await self._http.request(call.method, call.path, content=body, headers=sent)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                # Nothing was sent, so a write is as safe to repeat as a read.
                raise Unavailable(f"No connection: {type(error).__name__}.", table=call.table) from None
            except httpx.TransportError as error:
                raise self._silence(type(error).__name__, call, isinstance(error, httpx.TimeoutException)) from None
            seconds = self._clock.now() - started
        if response.status_code == 401:
            self._auth.forget(token)
        self._check(response, call)
        self._learn_hint(response.headers)
        self.limiter.succeeded()
        if call.size:
            call.size.answered(call.operations, seconds)
        return Answer(response.status_code, response.headers, response.content, seconds)

    def _check(self, response: httpx.Response, call: _Call) -> None:
        """Raise what an answer means that is not success."""
        status = response.status_code
        if status >= 400:
            problem = self._learn(status, response.headers, response.content, call.table)
            slow = isinstance(problem, Transient) and problem.slow
            spent = isinstance(problem, Throttled) and problem.which == "execution time"
            if call.size and (slow or spent or status == 413):
                call.size.halve(call.operations)
            # A gateway's answer does not tell whether the server behind it has done the work; Dataverse's own does.
            if isinstance(problem, Unavailable) and not problem.code and not call.repeatable:
                raise self._silence(f"status {status}", call, slow)
            raise problem
        if status >= 300:
            raise BadAnswer("The answer leads elsewhere: is the environment's address right?", status=status)
        if response.headers.get("content-type", "").lower().startswith("text/html"):
            raise self._silence("a page in place of an answer", call)

    async def _open(self, path: str, table: str | None) -> httpx.Response:
        token = await self._auth.token()
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        self._count(1, read=True)
        try:
            response = await self._http.send(self._http.build_request("GET", path, headers=headers), stream=True)
            if response.status_code < 300:
                self._learn_hint(response.headers)
                self.limiter.succeeded()
                return response
            body = await response.aread()
            if response.status_code == 401:
                self._auth.forget(token)
        except httpx.TransportError as error:
            raise Unavailable(f"No answer came back: {type(error).__name__}.", table=table) from None
        raise self._learn(response.status_code, response.headers, body, table)

    def _silence(self, what: str, call: _Call, slow: bool = False) -> Transient:
        self.counts.lost += 1
        if slow and call.size:
            call.size.halve(call.operations)
        words = f"No answer came back: {what}."
        kind = Unavailable if call.repeatable else LostReply
        error: Transient = kind(words, table=call.table)
        error.slow = slow
        return error

    def _learn(self, status: int, headers: Mapping[str, str], body: bytes, table: str | None) -> DataverseError:
        error = error_from(status, headers, body, table)
        if isinstance(error, Throttled):
            self.throttled(error)
        return error

    def _learn_hint(self, headers: Mapping[str, str]) -> None:
        hint = headers.get("x-ms-dop-hint", "")
        if hint.isascii() and hint.isdigit():
            self.limiter.hint(int(hint))

    def _count(self, operations: int, *, read: bool) -> None:
        if self._budget and read:
            self._budget.count(operations)
        self.counts.requests += 1
        self.counts.operations += operations

    def _backoff(self, tries: int) -> float:
        return float(min(60.0, 2.0**tries) * (0.5 + self._jitter() / 2))

    async def _pause(self, seconds: float) -> None:
        self.counts.waited_seconds += seconds
        await self._sleep(seconds)

    async def _sleep(self, seconds: float) -> None:
        """Every wait of this client: in slices, so that one whose work is no longer wanted ends soon."""
        if self._before_pause and (paused := self.limiter.paused) >= TOLD:
            await self._before_pause(paused)
        while self._before_write and seconds > SLICE:
            await self._clock.sleep(SLICE)
            await self._before_write()
            seconds -= SLICE
        await self._clock.sleep(seconds)
