"""What the tests of deploy/ share: a PostgreSQL, and the files there taken apart."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BIN, HANG_SECONDS, PROJECT_ROOT, free_port, missing_part, running, wait_for

DEPLOY = PROJECT_ROOT / "deploy"

COMMON = {"concurrency", "run_queue", "backfills", "run_retries", "run_monitoring", "retention", "telemetry", "nux"}
"""The keys of dagster.yaml that all deployments have in common."""


def postgres_program(name: str) -> str:
    """Debian keeps the server's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        missing_part(f"no {name} on this machine: install Debian's package postgresql")
    return path


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    """The variables of a PostgreSQL of our own, which refuses to run as root."""
    initdb, server, ready = (postgres_program(name) for name in ("initdb", "postgres", "pg_isready"))
    unprivileged = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    with ExitStack() as stack:
        # Not pytest's folder, which only its owner can enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-")))
        if unprivileged:
            shutil.chown(folder, "postgres", "postgres")
        data, port = str(folder / "data"), str(free_port())
        cluster = [initdb, "-D", data, "-U", "payments", "-A", "trust", "--no-sync"]
        made = subprocess.run([*unprivileged, *cluster], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        settings = ["-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        log = Path(tempfile.gettempdir()) / f"{folder.name}.log"
        stack.callback(log.unlink)
        started = stack.enter_context(running([*unprivileged, server, "-D", data, *settings], dict(os.environ), log))
        asked = [ready, "-q", "-h", "127.0.0.1", "-p", port]
        wait_for("PostgreSQL", lambda: subprocess.run(asked).returncode == 0, started)
        # Killed, it would leave a piece of shared memory behind.
        stack.callback(started.process.wait, HANG_SECONDS)
        stack.callback(started.process.send_signal, signal.SIGINT)
        yield {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": port,
            "DAGSTER_POSTGRES_DB": "postgres",
            "DAGSTER_POSTGRES_USER": "payments",
            "DAGSTER_POSTGRES_PASSWORD": "not asked for",
        }


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def home_of(kind: str, folder: Path) -> Path:
    """The instance file of a kind of deployment, as DAGSTER_HOME, with what it writes in `folder`."""
    folder.mkdir()
    settings = (DEPLOY / kind / "dagster.yaml").read_text()
    (folder / "dagster.yaml").write_text(settings.replace("base_dir: .dagster", f"base_dir: {folder}/.dagster"))
    return folder


def role(name: str) -> list[str]:
    """The command of a role of the image."""
    stage = (DEPLOY / "Dockerfile").read_text().split(f" AS {name}\n")[1].split("\nFROM ")[0]
    program, *arguments = json.loads(re.search(r"^CMD (\[.*\])$", stage, re.MULTILINE)[1])
    return [str(BIN / program), *arguments]


def steps(section: str) -> str:
    """The shell blocks of a section of deploy/README.md."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## )", (DEPLOY / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    return "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def statements(name: str) -> list[dict[str, Any]]:
    return json.loads((DEPLOY / name).read_text())["Statement"]
