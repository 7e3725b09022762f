"""Names of systems: a system has one migration at a time, so tests that share a storage each take a new one."""

import itertools
from typing import Final

_numbers: Final = itertools.count(1)


def new_system() -> str:
    """A name that no other test of this process uses."""
    return f"clinic-{next(_numbers)}"
