"""Starting programs that outlive their starter, and ending all that is theirs.

Every program gets a process group of its own and a mark in its environment, which whatever it starts inherits. A
process id alone proves nothing (ids are used again); a process that carries the mark of this state folder is ours,
also when the program that started it is gone.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import psutil

MARK: Final = "CARRYOVER_LOCAL_PART"

#: Seconds between TERM and KILL: the host lets running activities reach their next batch.
PATIENCE: Final = 15.0


def mark(state: Path | str, name: str) -> str:
    """The mark of one part of the system with this state folder."""
    return f"{state}|{name}"


def start(command: Iterable[str], environment: Mapping[str, str], marked: str, log: Path, folder: Path) -> int:
    """Starts a program in a group of its own, its words going to the log file. Returns its process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as words:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            env=dict(environment) | {MARK: marked},
            cwd=folder,
            start_new_session=True,
        )
    # Until the program has its environment, nobody who looks for the mark would find it.
    while process.poll() is None and not alive(process.pid, *marked.rsplit("|", 1)):
        time.sleep(0.005)
    # The program outlives this one on purpose; without this, Popen's destructor complains that it still runs.
    process.returncode = 0
    return process.pid


def find(state: Path, name: str | None = None) -> list[psutil.Process]:
    """Every living process of this system (or of one of its parts), wherever it was started from."""
    wanted = mark(state, name) if name else mark(state, "")
    found = []
    for process in psutil.process_iter():
        try:
            carried = process.environ().get(MARK, "")
            ours = carried == wanted if name else carried.startswith(wanted)
            if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def alive(pid: int, state: Path | str, name: str) -> bool:
    """Whether this process runs and is the part it is said to be."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark(state, name)
    except psutil.Error:
        return False


def end(state: Path, name: str | None = None, patience: float = PATIENCE) -> int:
    """Ends all processes of the system or of one part: TERM, and KILL for what has not gone.

    Returns how many there were. Looks again until none is left, since a dying program may still start another.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    while processes := find(state, name):
        for process in processes:
            ended.add(process.pid)
            try:
                if time.monotonic() >= deadline:
                    process.kill()
                elif process.pid not in asked:
                    asked.add(process.pid)
                    process.terminate()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=0.2)
    return len(ended)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder_of(port: int) -> str:
    """Who listens on the port, as far as this user may see: "node, process 123", or nothing."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except psutil.Error:
        pass
    return ""
