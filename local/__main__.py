"""``python -m local up | down | status | restart``: the whole system on this machine, started and ended together."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from local.places import LocalError, Places
from local.supervisor import Supervisor


def parser() -> argparse.ArgumentParser:
    """The command line. Misuse ends with 2, as argparse does."""
    top = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    json_flag = argparse.ArgumentParser(add_help=False)
    json_flag.add_argument("--json", action="store_true", help="one JSON document on stdout, words on stderr")
    up = commands.add_parser("up", parents=[json_flag], help="start storage, Dataverse simulator and Functions host")
    up.add_argument("--foreground", action="store_true", help="stay, and end everything on Ctrl-C")
    up.add_argument("--fresh", action="store_true", help="empty storage, simulator and durable state first")
    up.add_argument("--seed", type=Path, help="JSON of users and organisation for the simulator")
    commands.add_parser("down", parents=[json_flag], help="end everything")
    commands.add_parser("status", parents=[json_flag], help="say what runs; ends with 1 unless all of it does")
    restart = commands.add_parser("restart", parents=[json_flag], help="end one part and start it again")
    restart.add_argument("part", help="azurite, dataverse or host")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 misuse, 130 interrupted."""
    options = parser().parse_args(arguments)

    def say(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    def answer(document: dict[str, Any]) -> None:
        if options.json:
            print(json.dumps(document, indent=2), flush=True)

    try:
        supervisor = Supervisor(Places.find(), say)
        match options.command:
            case "up":
                return _up(supervisor, options, answer)
            case "down":
                ended = supervisor.down()
                say(
                    f"The local system is down ({ended} processes ended)."
                    if ended
                    else "The local system was not running."
                )
                answer({"running": False, "ended": ended})
                return 0
            case "restart":
                supervisor.restart(options.part)
                answer(supervisor.status())
                return 0
            case _:
                return _status(supervisor, answer, say)
    except LocalError as error:
        print(error.message, file=sys.stderr)
        if error.next:
            print(error.next, file=sys.stderr)
        answer({"error": {"code": "local", "message": error.message, "next": error.next}})
        return 1
    except KeyboardInterrupt:
        print("Interrupted. See what runs: python -m local status", file=sys.stderr)
        return 130


def _up(supervisor: Supervisor, options: argparse.Namespace, answer: Any) -> int:
    if options.foreground:
        # A service manager ends us with TERM: then, too, nothing may stay behind.
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        supervisor.up(fresh=options.fresh, seed=options.seed)
        answer(supervisor.status())
        if not options.foreground:
            supervisor.say(f"All is up; the state is in {supervisor.places.state}.")
            supervisor.say(f"The console: {supervisor.places.app_url}/console")
            return 0
        supervisor.say(f"All is up, the console at {supervisor.places.app_url}/console; Ctrl-C ends it.")
        while True:
            time.sleep(1)
            gone = [name for name, part in supervisor.status()["components"].items() if part["state"] == "died"]
            if gone:
                logs = ", ".join(str(supervisor.log(name)) for name in gone)
                raise LocalError(f"Ended by itself: {', '.join(gone)}. The rest was ended too.", f"Log: {logs}")
    except KeyboardInterrupt:
        if not options.foreground:
            raise
        return 0
    finally:
        if options.foreground:
            supervisor.down()


def _status(supervisor: Supervisor, answer: Any, say: Any) -> int:
    document = supervisor.status()
    if document["app_url"]:
        say(f"App        {document['app_url']}/api")
        say(f"Dataverse  {document['dataverse_url']}")
        say(f"Keys       {document['keys']}")
    for name, part in document["components"].items():
        process = f"process {part['pid']}" if part["pid"] else ""
        place = f"see {part['log']}" if part["state"] in ("died", "silent") else ""
        say(f"{name:<10} {part['state']:<8} {process}{place}".rstrip())
    answer(document)
    return 0 if document["running"] else 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
