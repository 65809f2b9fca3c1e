"""A real S3 server (SeaweedFS) and an SSM (moto) on loopback, for trying the project out and for its tests.

    python -m synth_assets.storage.loopback FOLDER COMMAND [ARGUMENT …]

starts both, with the objects kept in FOLDER, runs the command with the AWS_ variables that lead to them, stops
both, and exits as the command did. Needs the extra `local`.
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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from synth_assets.storage.errors import StorageError

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
        """The variables that lead boto3 to the servers."""
        return {
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
        StorageError: a server is not installed, or does not start.
    """
    with ExitStack() as stack:
        s3_endpoint = stack.enter_context(_seaweedfs(folder))
        ssm_endpoint = stack.enter_context(_moto())
        aws = LoopbackAws(s3_endpoint, ssm_endpoint)
        connection: dict[str, Any] = {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
            "region_name": REGION,
            "config": ClientConfig(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 5}),
        }
        s3 = boto3.client("s3", endpoint_url=s3_endpoint, **connection)
        if BUCKET not in {bucket.get("Name") for bucket in s3.list_buckets().get("Buckets", [])}:
            s3.create_bucket(Bucket=BUCKET)
        ssm = boto3.client("ssm", endpoint_url=ssm_endpoint, **connection)
        ssm.put_parameter(Name=BUCKET_PARAMETER, Value=BUCKET, Type="String", Overwrite=True)
        yield aws


@contextmanager
def _seaweedfs(folder: Path) -> Iterator[str]:
    program = _program("weed")
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
    # Without AWS_ variables of ours, which it would take for its own keys.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["GOMEMLIMIT"] = "400MiB"
    try:
        with _running(command, environment, log / "weed.out", f"http://127.0.0.1:{s3}/healthz"):
            yield f"http://127.0.0.1:{s3}"
    finally:
        # It leaves its socket behind, in /tmp whatever TMPDIR says; a path of ours may be too long for a socket.
        Path(f"/tmp/seaweedfs-s3-{s3}.sock").unlink(missing_ok=True)


@contextmanager
def _moto() -> Iterator[str]:
    (port,) = _free_ports(1)
    command = [_program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with _running(command, dict(os.environ), None, f"{endpoint}/moto-api/data.json"):
        yield endpoint


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path | None, ready_url: str) -> Iterator[None]:
    """Run a server until the body ends; the body starts once `ready_url` answers."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        # In a process group of its own: a Ctrl-C at the terminal must reach the command first, the servers last.
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        stack.callback(_stop, server)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(ready_url):
            if server.poll() is not None or time.monotonic() > deadline:
                where = f" Its output is in {log}." if log else ""
                raise StorageError(f"{Path(command[0]).name} did not start.{where}")
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
        raise StorageError(f"{name} is not installed. Install it with: pip install 'synth-assets[local]'.")
    return found


def _free_ports(count: int, also: int = 0) -> list[int]:
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
                if also:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port + also))
            except OSError:
                continue
            ports.append(port)
        return ports


def main() -> int:
    if len(sys.argv) < 3:
        print("usage: python -m synth_assets.storage.loopback FOLDER COMMAND [ARGUMENT …]", file=sys.stderr)
        return 2
    # A terminal sends Ctrl-C to the command as well: it ends by itself, and then the servers are stopped.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with loopback_aws(Path(sys.argv[1])) as aws:
            command = subprocess.Popen(
                sys.argv[2:],
                env={**os.environ, **aws.environment},
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
            signal.signal(signal.SIGTERM, lambda *_: command.terminate())
            return command.wait()
    except StorageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
