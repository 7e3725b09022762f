"""The same rows by Microsoft's own Python client (PyPI: PowerPlatform-Dataverse-Client), used as its documentation shows.

A list given to ``records.create`` becomes one CreateMultiple; lists go one after another, in one thread; an error that
says it is transient is tried again after the wait it names (its README, "Work in bulk" and "Handle errors").
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from azure.core.credentials import AccessToken

from benchmarks.load.measure import Load, requests_for
from benchmarks.load.ours import SET, TABLE
from benchmarks.load.service import Service
from benchmarks.load.simulator import Alone, alone

NAME: Final = "Microsoft's client"
#: Rows in a list: the most of what Microsoft advises for a bulk request (Learn: "Use bulk operation messages").
LIST: Final = 1000
_SCHEMA_NAME: Final = "cms_ClinicAppointment"
_KEY: Final = "cms_sourcekey"


class _Token:
    """The simulator takes any."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("local", int(time.time()) + 3600)


def load(service: Service, rows: list[dict[str, Any]], folder: Path, db: Path) -> Load:
    """Creates the rows in a target that has all that they point at, and the same rows under other keys."""
    others = [{**row, _KEY: f"{row[_KEY]}.again"} for row in rows]
    with alone(folder, db) as simulator, _trusted(simulator.trust):
        control = simulator.control
        before = control.ask("counts")[TABLE]
        control.tell("faults", service.faults())
        control.tell("requests")
        _create(simulator, others)
        requests = requests_for(control.ask("requests"), SET)
        control.tell("faults")
        there = control.ask("counts")[TABLE] - before
    return Load(NAME, service, requests, lost=max(0, len(rows) - there), doubled=max(0, there - len(rows)))


def _create(simulator: Alone, rows: list[dict[str, Any]]) -> None:
    from PowerPlatform.Dataverse.client import DataverseClient
    from PowerPlatform.Dataverse.core.errors import HttpError

    with DataverseClient(simulator.url, _Token()) as client:
        start = 0
        while start < len(rows):
            try:
                client.records.create(_SCHEMA_NAME, rows[start : start + LIST])
            except HttpError as error:
                if not error.is_transient:
                    raise
                time.sleep(error.details.get("retry_after") or 1)
            else:
                start += LIST


@contextmanager
def _trusted(authority: Path) -> Iterator[None]:
    """Its connections trust this authority, and no proxy stands between."""
    before = dict(os.environ)
    os.environ.update(REQUESTS_CA_BUNDLE=str(authority), NO_PROXY="127.0.0.1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
