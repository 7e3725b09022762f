"""A target of a few lines for unit tests: rows in a dict, faults in a queue, and every request written down."""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
import orjson

from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.limits import Clock
from mapping.schema import SchemaTable

Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


def error(status: int, code: str, message: str = "refused", **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": message}}
    return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def lose_before(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
    """The connection breaks before the server has the request."""
    raise httpx.ReadError("broken")


def lose_after(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
    """The server does the work; its answer never arrives."""
    work()
    raise httpx.ReadTimeout("slow")


def answer(response: httpx.Response) -> Fault:
    return lambda request, work: response


def normal(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
    return work()


class FakeClock:
    """Time that passes only by being slept."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


@dataclass
class FakeTarget:
    """One table. ``bad`` maps ids of rows to the answer that refuses them."""

    table: SchemaTable
    bad: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)  #: for the next writes, one each
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    created: dict[str, int] = field(default_factory=dict)  #: how often each id was created
    version: int = 1

    def client(self, clock: FakeClock | None = None, **more: Any) -> DataverseClient:
        used = (clock or FakeClock()).clock()
        transport = httpx.MockTransport(self.handle)
        return DataverseClient(
            "https://target.example", StaticToken("t"), transport=transport, clock=used, jitter=lambda: 1.0, **more
        )

    @property
    def writes(self) -> list[httpx.Request]:
        return [r for r in self.requests if r.method != "GET"]

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "GET":
            return self.read(request)
        fault = self.faults.pop(0) if self.faults else normal
        return fault(request, lambda: self.write(request))

    def read(self, request: httpx.Request) -> httpx.Response:
        ids = re.findall(r"'([0-9a-f-]{36})'", unquote(str(request.url)))
        return httpx.Response(200, json={"value": [self.rows[i] for i in ids if i in self.rows]})

    def write(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("CreateMultiple"):
            return self.create_multiple(orjson.loads(request.content)["Targets"])
        if request.url.path.endswith("$batch"):
            return self.batch(request)
        return self.create(orjson.loads(request.content))

    def create_multiple(self, targets: list[dict[str, Any]]) -> httpx.Response:
        assert all(t["@odata.type"] == f"Microsoft.Dynamics.CRM.{self.table.logical}" for t in targets)
        for target in targets:
            if refusal := self.refusal(target):
                return refusal
        for target in targets:
            self.put(target)
        return httpx.Response(200, json={"Ids": [t[self.table.id_column] for t in targets]})

    def create(self, row: dict[str, Any]) -> httpx.Response:
        if refusal := self.refusal(row):
            return refusal
        self.put(row)
        return httpx.Response(204)

    def refusal(self, row: dict[str, Any]) -> httpx.Response | None:
        row_id = row[self.table.id_column]
        if row_id in self.rows:
            return error(412, "0x80040237", "A record with matching key values already exists.")
        return error(*self.bad[row_id]) if row_id in self.bad else None

    def put(self, row: dict[str, Any]) -> None:
        row_id = row[self.table.id_column]
        self.created[row_id] = self.created.get(row_id, 0) + 1
        self.version += 1
        self.rows[row_id] = {**row, "@odata.etag": f'W/"{self.version}"'}

    def batch(self, request: httpx.Request) -> httpx.Response:
        boundary = re.search(r'boundary="([^"]+)"', request.headers["content-type"])
        assert boundary
        pieces = request.content.split(f"--{boundary.group(1)}".encode())[1:-1]
        answers = [self.part(piece) for piece in pieces]
        lines = []
        for one in answers:
            lines += ["--answer", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
            lines += [f"HTTP/1.1 {one.status_code} X", *(f"{k}: {v}" for k, v in one.headers.items()), "", one.text]
        body = "\r\n".join([*lines, "--answer--", ""])
        return httpx.Response(200, content=body, headers={"Content-Type": "multipart/mixed; boundary=answer"})

    def part(self, piece: bytes) -> httpx.Response:
        _, http = piece.split(b"\r\n\r\n", 1)
        head, body = http.split(b"\r\n\r\n", 1)
        method, address, _ = head.split(b"\r\n")[0].decode().split(" ")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        if method == "POST":
            return self.create(orjson.loads(body))
        found = re.search(r"\(([0-9a-f-]{36})\)", address)
        assert found
        row_id = found.group(1)
        if headers.get("If-None-Match") == "*":
            return self.create({**orjson.loads(body), self.table.id_column: row_id})
        if row_id in self.bad:
            return error(*self.bad[row_id])
        row = self.rows.get(row_id)
        if row is None:
            return error(404, "0x80040217", f"{self.table.logical} With Id = {row_id} Does Not Exist")
        if headers["If-Match"] not in ("*", row["@odata.etag"]):
            return error(412, "0x80060882", "The version of the existing record doesn't match.")
        if method == "DELETE":
            del self.rows[row_id]
        else:
            self.version += 1
            row.update(orjson.loads(body))
            row["@odata.etag"] = f'W/"{self.version}"'
        return httpx.Response(204)


def row_ids(count: int) -> list[str]:
    return [str(uuid.UUID(int=n + 1)) for n in range(count)]


def visits(ids: Iterable[str]) -> list[dict[str, Any]]:
    return [{"cms_visitid": i, "cms_name": f"visit {n}"} for n, i in enumerate(ids)]
