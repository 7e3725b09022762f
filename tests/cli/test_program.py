"""The program as a person starts it: the launcher, Ctrl-C, and a TERM."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp

LAUNCHER = Path(__file__).resolve().parents[2] / "carryover"


def test_the_launcher_runs_from_anywhere(tmp_path: Path) -> None:
    # A folder of the same name where the command is typed must not be run in place of ours.
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text("raise SystemExit('the wrong one')", "utf-8")
    (tmp_path / "linked").symlink_to(LAUNCHER)
    for program in (LAUNCHER, tmp_path / "linked"):
        done = subprocess.run([program, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "sign-off" in done.stdout


def test_a_checkout_that_is_not_set_up_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "carryover"
    copy.write_bytes(LAUNCHER.read_bytes())
    copy.chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", copy], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "make -C" in done.stderr


def test_a_command_starts_without_what_only_a_proposal_needs() -> None:
    """Reading the catalog takes as long as all else: also for each press of Tab."""
    told = "import sys, cli.main; print([name for name in sys.modules if name.startswith('mapping')])"
    done = subprocess.run([sys.executable, "-c", told], cwd=LAUNCHER.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words,offered", [("carryover st", {"status", "stop"}), ("carryover plan --fail", None)])
def test_what_is_typed_is_completed(words: str, offered: set[str] | None) -> None:
    given = {"_CARRYOVER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run([LAUNCHER], env=os.environ | given, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == (offered or {"--fail-on-changes"})


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_says_how_to_go_on(app: FakeApp, carryover: Carryover, sent: signal.Signals) -> None:
    carryover("create", "--system", "elm")
    app.looks = 10**9
    command = subprocess.Popen(
        [LAUNCHER, "scope", "--json"], env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A suite that runs in the background of a shell would hand on that it ignores the keyboard.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert app.looked_at.wait(30)
        command.send_signal(sent)
        out, err = command.communicate(timeout=30)
    finally:
        command.kill()
    assert command.returncode == 130
    assert "./carryover status --watch -m m-00000001" in err
    assert '"code": "interrupted"' in out
