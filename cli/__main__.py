"""``python -m cli``, which ``./carryover`` runs."""

import sys

try:
    from cli.main import run
except KeyboardInterrupt:  # pressed while the program is still being read
    sys.exit(130)

run()
