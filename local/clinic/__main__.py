"""``python -m local.clinic``: writes the sample clinic's export folder."""

import argparse
import sys
from pathlib import Path

from local.clinic.export import write_export


def main(arguments: list[str] | None = None) -> int:
    """Writes the export and says how many rows it has; 2 on misuse."""
    parser = argparse.ArgumentParser(prog="python -m local.clinic", description=__doc__)
    parser.add_argument("--patients", type=int, default=500, help="patients on the first day (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes (default 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the export; an earlier one is replaced")
    parser.add_argument("--users", type=Path, help="also write the target's users, for the Dataverse simulator")
    parser.add_argument(
        "--manifest", type=Path, help="also write what a faithful migration must count; not inside --out"
    )
    parser.add_argument("--day", type=int, default=1, help="2 = the export of a day later, with that day's changes")
    options = parser.parse_args(arguments)
    if options.patients < 1 or options.day < 1:
        parser.error("--patients and --day start at 1")
    for beside in (options.manifest, options.users):
        if beside and beside.resolve().is_relative_to(options.out.resolve()):
            parser.error(f"{beside} would be part of the export")
    try:
        manifest = write_export(options.patients, options.seed, options.out, day=options.day, users=options.users)
    except ValueError as error:
        parser.error(str(error))
    if options.manifest:
        manifest.write(options.manifest)
    rows = {name: dataset["rows"] for name, dataset in manifest.as_dict()["datasets"].items()}
    print(f"{sum(rows.values())} rows in {len(rows)} files, {manifest.files} documents", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
