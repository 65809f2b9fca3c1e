"""The code with what only Unix has taken away, as on Windows: it is not reached for."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.command_line import FILE, REPORTS, SMALL, files
from tests.conftest import HANG_SECONDS, PROJECT_ROOT

WITHOUT_UNIX = """
import os, signal, sys, warnings
sys.modules.update(dict.fromkeys(["fcntl", "grp", "pwd", "resource", "termios"]))
for name in ["O_DIRECTORY", "sched_getaffinity", "fork", "register_at_fork", "getuid", "killpg"]:
    delattr(os, name)
for name in ["SIGHUP", "SIGKILL", "SIGPIPE"]:
    delattr(signal, name)
# Windows has LockFileEx: the lock that filelock takes here, where it has neither, only Unix without fcntl gets.
warnings.filterwarnings("ignore", message="only soft file lock is available")
import synth_assets.storage.loopback
from synth_assets.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_UNIX, *arguments],
        cwd=folder, env={"PYTHONPATH": str(PROJECT_ROOT), "PYTHONWARNINGS": "ignore::FutureWarning"},
        capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip


def test_a_day_is_made_and_verified_without_what_only_unix_has(tmp_path):
    made = run(tmp_path, *SMALL, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["success"]
    assert files(tmp_path / "outputs") == [FILE, *REPORTS]
    verified = run(tmp_path, "verify", f"outputs/{FILE}")
    assert verified.returncode == 0, verified.stderr
