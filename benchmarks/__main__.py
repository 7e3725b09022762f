"""``python -m benchmarks``: how fast the whole road is on this machine, and how much memory each process takes."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.report import document, show
from benchmarks.road import run
from benchmarks.system import BenchmarkError
from local.places import Places


def main(arguments: list[str] | None = None) -> int:
    """Runs the road once and shows the figures; 1 when it did not come to its end, 2 on misuse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--patients", type=int, default=1000, help="size of the sample clinic (default 1,000)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args(arguments)
    if options.patients < 1:
        parser.error("--patients starts at 1")
    try:
        figures = run(options.patients, _folder())
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(document(figures), indent=2))
    else:
        show(Console(), figures)
    return 0


def _folder() -> Path:
    """Beside the local system's state, never in it."""
    return Places.find().state / "benchmark"


if __name__ == "__main__":
    sys.exit(main())
