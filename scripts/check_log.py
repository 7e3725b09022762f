"""`python -m scripts.check_log audit.ndjson manifest.ndjson`: checks an exported audit log with neither app nor storage.

Both files come from `./carryover audit export`. Ends with 0 when the log is whole, with 1 when it is not what was written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.audit_verify import verify_lines
from ledger.manifest import ManifestBroken


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks the files that are named, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_log", description=__doc__)
    parser.add_argument("log", type=Path, help="the exported log, as NDJSON")
    parser.add_argument("manifest", type=Path, help="the manifest that came with it")
    given = parser.parse_args(arguments)
    try:
        with given.log.open("rb") as lines:
            found = verify_lines(lines, given.manifest.read_bytes())
    except (OSError, ManifestBroken) as error:
        print(error, file=sys.stderr)
        return 1
    for one in found.findings:
        print(f"{one.partition} {one.sequence or 'all'}: {one.damage}: {one.message}")
    print(f"{found.rows:,} rows in {found.partitions:,} chains: {'whole' if found.whole else 'not what was written'}.")
    return 0 if found.whole else 1


if __name__ == "__main__":
    sys.exit(main())
