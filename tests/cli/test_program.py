"""The program as a person starts it: the launcher, Ctrl-C, and a TERM."""

import os
import signal
import subprocess
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
