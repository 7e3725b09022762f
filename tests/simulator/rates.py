"""How fast the simulator is: ``python -m tests.simulator.rates [rows]``. A process of its own, over HTTP, 25 columns a row."""

import asyncio
import base64
import socket
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import orjson

from tests.simulator import packages

ROOT = "/api/data/v9.2/"
EXTRA = [f"cms_T{number}" for number in range(12)]
SELECT = "cms_name,cms_sourcekey,cms_notes,cms_startedon,cms_kind,_cms_patientid_value,createdon,statecode," + ",".join(
    name.lower() for name in EXTRA
)


def row(number: int, patient: str) -> dict[str, Any]:
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.cms_visit",
        "cms_visitid": str(uuid.uuid4()),
        "cms_name": "Visit",
        "cms_sourcekey": f"demo.encounter.{number}",
        "cms_notes": "some text " * 20,
        "cms_visitdate": "2024-05-01",
        "cms_startedon": "2024-05-01T10:00:00Z",
        "cms_minutes": 30,
        "cms_weight": 70.5,
        "cms_closed": True,
        "cms_kind": 100000000,
        "cms_topics": "100000000,100000001",
        "overriddencreatedon": "2024-05-01T10:00:00Z",
        "cms_PatientId@odata.bind": f"/contacts({patient})",
        **{name.lower(): f"value {number}" for name in EXTRA},
    }


async def post(api: httpx.AsyncClient, path: str, document: Any) -> None:
    response = await api.post(path, content=orjson.dumps(document), headers={"Content-Type": "application/json"})
    response.raise_for_status()


async def batch(api: httpx.AsyncClient, lines: list[str]) -> None:
    head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    body = "".join(f"{head}{line}\r\n" for line in lines) + "--b--\r\n"
    response = await api.post("$batch", content=body, headers={"Content-Type": "multipart/mixed; boundary=b"})
    response.raise_for_status()


async def measure(api: httpx.AsyncClient, rows: int) -> None:
    import_body = {
        "OverwriteUnmanagedCustomizations": True,
        "PublishWorkflows": True,
        "ImportJobId": str(uuid.uuid4()),
        "CustomizationFile": base64.b64encode(
            packages.visits(more="".join(packages.text(name, 200) for name in EXTRA))
        ).decode(),
    }
    await post(api, "ImportSolution", import_body)
    (await api.get("EntityDefinitions(LogicalName='cms_visit')/Keys")).raise_for_status()
    patients = [str(uuid.uuid4()) for _ in range(500)]
    contacts = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": p, "lastname": "Lee"} for p in patients]
    await post(api, "contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": contacts})
    targets = [row(number, patients[number % 500]) for number in range(rows)]
    ids = [target["cms_visitid"] for target in targets]

    async def create(start: int) -> None:
        await post(api, "cms_visits/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets[start : start + 500]})

    async def read(start: int) -> None:
        listed = ",".join(f"'{identity}'" for identity in ids[start : start + 100])
        text = f"Microsoft.Dynamics.CRM.In(PropertyName='cms_visitid',PropertyValues=[{listed}])"
        response = await api.get("cms_visits", params={"$select": SELECT, "$filter": text})
        assert len(response.json()["value"]) == len(ids[start : start + 100])

    async def delete(start: int) -> None:
        await batch(api, [f"DELETE {ROOT}cms_visits({i}) HTTP/1.1\r\n\r\n" for i in ids[start : start + 500]])

    for name, size, work in (("CreateMultiple of 500", 500, create), ("In filter of 100", 100, read)):
        await timed(name, rows, size, work)
    await timed("DELETE in $batch of 500", rows, 500, delete)


async def timed(name: str, rows: int, size: int, work: Callable[[int], Awaitable[None]]) -> None:
    started = perf_counter()
    for start in range(0, rows, size):
        await work(start)
    print(f"{name}: {rows / (perf_counter() - started):,.0f} rows/s")


async def main(rows: int) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "local.dataverse", "--port", str(port), "--db", str(Path(folder) / "dv.db"),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert program.stdout is not None
            await program.stdout.readline()
            base = f"http://127.0.0.1:{port}{ROOT}"
            async with httpx.AsyncClient(base_url=base, headers={"Authorization": "Bearer t"}, timeout=120) as api:
                await measure(api, rows)
        finally:
            program.terminate()
            await program.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
