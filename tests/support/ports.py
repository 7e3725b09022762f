"""Ports for the programs that tests start."""

import random
import socket
from contextlib import ExitStack
from typing import Final

#: Below what Linux hands out to outgoing connections: such a port is not taken between its choice and its use.
_RANGE: Final = range(12_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on, all different."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = random.SystemRandom().choice(_RANGE)
            one = held.enter_context(socket.socket())
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
