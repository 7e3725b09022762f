"""A running system to make chaos in: a prepared migration that can be copied, and what a quiet run of it leaves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContentSettings

from ledger.migrations import Migration
from ledger.paths import CONTAINERS, MIGRATIONS, RUNS
from tests.chaos.image import Image, Writes, differing, image, not_back, writes
from tests.chaos.plan import QUIET
from tests.e2e.clinic import Export, Row, make_export
from tests.e2e.dumps import without_outcome
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System, running

#: Patients of the clinic, and records a chunk: few, but several chunks of what there is most of.
PATIENTS: Final = 12
CHUNK: Final = "40"
#: One in so many activities is given to two workers at once.
TWICE: Final = 6
#: Steps by the phase they make.
STEPS: Final[dict[str, Json]] = {
    "run": {"step": "run", "target": TARGET, "pause_percent": 100},
    "delta": {"step": "delta", "pause_percent": 100},
    "last": {"step": "rollback", "runs": "last"},
    "undo": {"step": "rollback"},
}


class Copied(Road):
    """A migration that was not created over the API."""

    def __init__(self, system: System, id: str) -> None:
        self.system, self.id, self.base = system, id, f"migrations/{id}"


@dataclass
class Quiet:
    """What a run without faults left after each phase."""

    images: dict[str, Image] = field(default_factory=dict)
    writes: dict[str, Writes] = field(default_factory=dict)
    objects: dict[str, Json] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Stage:
    """A system whose target is as it was before, and the quiet run to compare with."""

    system: System
    days: tuple[Export, Export]
    template: str = ""
    before: Image = field(default_factory=dict)
    quiet: Quiet = field(default_factory=Quiet)
    copies: int = 0

    def copy(self) -> Copied:
        """A new migration like the template, as if its sample had been signed off."""
        self.copies += 1
        id = f"m-{self.copies:08x}"
        old, new = self.template.encode(), id.encode()
        places = self.system.places()
        with BlobServiceClient.from_connection_string(places.storage) as blobs:
            for name in CONTAINERS:
                container = blobs.get_container_client(name)
                for blob in container.list_blobs(name_starts_with=f"{self.template}/", include=["metadata"]):
                    if blob.blob_type == "AppendBlob":
                        continue  # the manifest: a chain of hashes, begun anew
                    content = container.download_blob(blob.name).readall()
                    settings = ContentSettings(content_type=blob.content_settings.content_type)
                    container.upload_blob(
                        blob.name.replace(self.template, id), content.replace(old, new), metadata=blob.metadata,
                        content_settings=settings,
                    )  # fmt: skip
        with TableServiceClient.from_connection_string(places.storage) as tables:
            for row in list(tables.get_table_client(RUNS).query_entities(f"PartitionKey eq '{self.template}'")):
                tables.get_table_client(RUNS).create_entity(_renamed(dict(row), self.template, id))
            one = _renamed(
                dict(tables.get_table_client(MIGRATIONS).get_entity("migration", self.template)), self.template, id
            )
            document = Migration.model_validate_json(one["document"])
            document.state, document.signed_hash = "signed_off", document.map_hash
            tables.get_table_client(MIGRATIONS).create_entity(
                one | {"state": document.state, "document": document.model_dump_json()}
            )
        return Copied(self.system, id)

    def next_day(self, road: Road) -> None:
        """Uploads what changed since the first day."""
        one, two = (export.folder for export in self.days)
        for path in sorted(two.rglob("*")):
            if path.is_file() and (
                not (old := one / path.relative_to(two)).is_file() or old.read_bytes() != path.read_bytes()
            ):
                road.put(path.relative_to(two).as_posix(), path)

    def rehearse(self) -> Quiet:
        """A run without faults that is taken back in two parts; in one, the same is written."""
        seen, road = Quiet(), self.copy()
        self.system.count_writes()
        for phase, asked in STEPS.items():
            if phase == "delta":
                self.next_day(road)
            began = time.monotonic()
            options = dict(asked)
            road.step(options.pop("step"), **options)
            seen.seconds[phase] = time.monotonic() - began
            seen.images[phase], seen.writes[phase] = image(self.system), writes(self.system)
            seen.objects[phase] = road.get("summary")["objects"]
        assert seen.images["last"].keys() - seen.images["run"].keys(), "no opportunity was closed again"
        assert not_back(seen.images["run"], seen.images["last"]) == [], "a delta does not come back"
        assert not differing(self.before, image(self.system, whole=True)), "a quiet run does not come back"
        assert without_outcome(road.audit()) == [], "a quiet run does not say what came of it"
        return seen


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A stage that is ready, and down afterwards."""
    days = make_export(folder / "one", PATIENTS), make_export(folder / "two", PATIENTS, day=2)
    days[1].change("patients.csv", _new_phones)
    days[1].change("referrals.csv", _new_amounts)
    with running(folder, users=days[0].users, CARRYOVER_CHUNK=CHUNK, CARRYOVER_QUIET_SECONDS=str(QUIET)) as system:
        road = Road(system)
        road.to_prepared(days[0].folder)
        _strangers(system)
        made = Stage(system, days, road.id, image(system, whole=True))
        made.quiet = made.rehearse()
        system.environment["CARRYOVER_HOST_DELIVER_TWICE"] = str(TWICE)
        system.local("restart", "host")
        yield made


def _new_phones(rows: list[Row]) -> None:
    for number, row in enumerate(rows):
        if number % 2:
            row["mobile_phone"] = f"617-555-01{number:02d}"


def _new_amounts(rows: list[Row]) -> None:
    for row in rows:
        if float(row["amount"] or 0) > 0:
            row["amount"] = f"{float(row['amount']) + 100:.2f}"


def _strangers(system: System) -> None:
    """Rows that are no business of the migration: of people, and of another clinic."""
    for number in range(3):
        system.api("POST", "contacts", json={"lastname": f"Walk-in {number}"})
        system.api("POST", "contacts", json={"lastname": "Other", "cms_sourcekey": f"other.patient.{number}"})
        system.api("POST", "accounts", json={"name": f"Supplier {number}"})


def _renamed(row: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {name: value.replace(old, new) if isinstance(value, str) else value for name, value in row.items()}
