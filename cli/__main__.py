"""``python -m cli``, which ``./carryover`` runs."""

from cli.main import run

run()
