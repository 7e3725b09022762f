"""``python -m benchmarks.load``: how much of what the service protection limits allow a load makes use of."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.load import client, microsoft, ours
from benchmarks.load.measure import Load
from benchmarks.load.report import document, show
from benchmarks.load.rows import rows_of
from benchmarks.load.service import REAL_WINDOW, WINDOWS, Service
from benchmarks.system import BenchmarkError
from local.places import Places

#: Application users of each load.
USERS = (1, 2)


def main(arguments: list[str] | None = None) -> int:
    """Loads with one user, with two, by the client alone, and with Microsoft's client; 1 when rows were lost or doubled, 2 on misuse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument(
        "--window", type=float, default=15, help="seconds of a limit's window; 300 are real (default 15)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    if not 1 <= options.window <= 300:
        parser.error("--window is 1 to 300 seconds")
    try:
        loads = _loads(options.window, Places.find().state / "benchmark-load")
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(document(loads, loads[-1]), indent=2))
    else:
        # Into a file, the table keeps its columns whole.
        show(Console(width=None if sys.stdout.isatty() else 150), loads, loads[-1])
    return int(any(one.lost or one.doubled or one.failed for one in loads))


def _loads(window: float, folder: Path) -> list[Load]:
    """Carryover's with each number of users, its client's alone, and Microsoft's client's last."""
    loads = []
    for users in USERS:
        service = Service(window, users)
        with ours.system(folder, users, service.rows(WINDOWS + 1)) as system:
            loads.append(ours.load(system, service))
            # At one request at a time, three windows take fewer rows than one user may create in one.
            rows = rows_of(system.places.storage, system.migration, Service(window).rows(1))
    loads += [client.measure(Service(REAL_WINDOW, users)) for users in USERS]
    loads.append(microsoft.load(Service(window), rows, folder, system.places.dataverse_db))
    return loads


if __name__ == "__main__":
    sys.exit(main())
