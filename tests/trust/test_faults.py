"""S3 and SSM at fault: what passes is ridden out, what lasts is one clear error, and nothing is left half-done.

A proxy stands before the real servers and hands every request on as it is, unless a fault is set for it.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from synth_assets.assets import s3_raw_payments
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_key
from synth_assets.storage.loopback import BUCKET, BUCKET_PARAMETER, loopback_aws
from synth_assets.storage.s3 import Bucket, upload_day
from tests.conftest import DAY, HANG_SECONDS, make_plan, object_keys, write_day
from tests.test_assets import errors, run

QUICK = {"read_timeout": 1.0}
"""For servers that fall silent. Elsewhere the project's own limit holds, which a slow machine keeps too."""
BOTOCORES_LIMIT = 60
"""The seconds of one try where nobody sets a limit. Three tries of `QUICK` and the waits between take 3 to 6."""
TRIES = TimedS3Resource().max_attempts
LARGE = bytes(range(256)) * (20 * 2**20 // 256)
"""More than boto3 sends in one part."""

Fault = Callable[["Handler", bytes], None]


# --- the proxy -------------------------------------------------------------------------------------------------


@dataclass
class Proxy:
    """What it leads to, what it is to do, and what it was asked."""

    target: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By "METHOD" or "METHOD?query", what to do with its next requests; the last one goes on for ever."""
    asked: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    endpoint: str = ""

    def fault(self, what: str) -> Fault | None:
        with self.lock:
            self.asked.append(what)
            for name in (what, what.split("?")[0], "any"):
                if planned := self.faults.get(name):
                    return planned.pop(0) if len(planned) > 1 else planned[0]
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def any_method(self) -> None:
        proxy: Proxy = self.server.proxy
        query = urlsplit(self.path).query
        part = "?part" if "partNumber" in query else "?uploads" if query.startswith("uploads") else ""
        self.fault = proxy.fault(self.command + part)
        if self.fault is reset_in_mid_upload:
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            self.reset()
            return
        pause = SLOW_SECONDS if self.fault is slow else 0.0
        body = b""
        length = int(self.headers.get("Content-Length", 0))
        while len(body) < length:
            body += self.rfile.read(min(2**18, length - len(body)))
            proxy.closing.wait(pause)
        (self.fault or forward)(self, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any_method

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.rfile, self.wfile = io.BytesIO(), io.BytesIO()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def proxy_before(target: str) -> Iterator[Proxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.proxy = proxy = Proxy(target)
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


# --- the faults ------------------------------------------------------------------------------------------------

SLOW_SECONDS = 0.02


def forward(handler: Handler, body: bytes) -> None:
    address = urlsplit(handler.server.proxy.target)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=HANG_SECONDS)
    try:
        # The request is signed over its Host, so that stays; Expect was answered here.
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() not in {"expect", "connection"}:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        handler.answer(answer.status, answer.getheaders(), answer.read())
    except OSError:
        handler.reset()
    finally:
        connection.close()


def never_answer(handler: Handler, body: bytes) -> None:
    handler.server.proxy.closing.wait(HANG_SECONDS)
    handler.close_connection = True


def reset_in_mid_upload(handler: Handler, body: bytes) -> None:
    """Done by the handler, which has not read the body yet."""


def slow(handler: Handler, body: bytes) -> None:
    """The handler has read the body slowly."""
    forward(handler, body)


def refusal(status: int, code: str, message: str = "Said by the test") -> Fault:
    def answer(handler: Handler, body: bytes) -> None:
        if "X-Amz-Target" in handler.headers:
            said = json.dumps({"__type": code, "message": message}).encode()
        else:
            said = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        handler.answer(status, [("Content-Type", "application/xml")], said)

    return answer


SLOW_DOWN = refusal(503, "SlowDown", "Please reduce your request rate.")
INTERNAL = refusal(500, "InternalError")


# --- what every test uses --------------------------------------------------------------------------------------


@pytest.fixture
def s3(aws, monkeypatch) -> Iterator[Proxy]:
    with proxy_before(aws.s3_endpoint) as proxy:
        yield proxy
    # Seen past the proxy, whatever the fault was.
    direct = boto3.client("s3", endpoint_url=aws.s3_endpoint)
    assert direct.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@pytest.fixture
def ssm(aws) -> Iterator[Proxy]:
    with proxy_before(aws.ssm_endpoint) as proxy:
        yield proxy


METADATA = {"seed": "42"}


def a_file(folder: Path, content: bytes = b"five", rows: int = 5) -> DayFile:
    path = folder / f"payments_{rows}_{DAY}.parquet"
    path.write_bytes(content)
    return DayFile.at(path)


def bucket(proxy: Proxy) -> Bucket:
    silent = any(never_answer in planned for planned in proxy.faults.values())
    return TimedS3Resource(endpoint_url=proxy.endpoint, **(QUICK if silent else {})).bucket(BUCKET)


def landed(file: DayFile) -> bool:
    """Whether the object is there; there is never a part of one."""
    keys = object_keys()
    if not keys:
        return False
    assert keys == [object_key(file.path.name, DAY)]
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=keys[0])["Body"].read() == file.path.read_bytes()
    return True


def failure(proxy: Proxy, file: DayFile) -> str:
    content = file.path.read_bytes()
    started = time.monotonic()
    with pytest.raises(StorageError) as caught:
        upload_day(bucket(proxy), file, METADATA)
    assert time.monotonic() - started < BOTOCORES_LIMIT
    assert file.path.read_bytes() == content
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert f"s3://{BUCKET}/" in message
    return message


# --- S3: what passes -------------------------------------------------------------------------------------------

PASSING = {
    "503 SlowDown twice for everything": ({"any": [SLOW_DOWN, SLOW_DOWN, forward]}, b"five"),
    "503 SlowDown twice for the upload": ({"PUT": [SLOW_DOWN, SLOW_DOWN, forward]}, b"five"),
    "500 once": ({"PUT": [INTERNAL, forward]}, b"five"),
    "500 once for a part": ({"PUT?part": [INTERNAL, forward]}, LARGE),
    "503 to complete the parts": ({"POST": [forward, SLOW_DOWN, forward]}, LARGE),
    "reset once": ({"PUT": [reset_in_mid_upload, forward]}, LARGE[: 5 * 2**20]),
    "two parts reset": ({"PUT?part": [reset_in_mid_upload, reset_in_mid_upload, forward]}, LARGE),
    "no answer once": ({"PUT": [never_answer, forward]}, b"five"),
    "a slow link": ({"any": [slow]}, LARGE),
}


@pytest.mark.parametrize(("faults", "content"), PASSING.values(), ids=PASSING)
def test_a_fault_of_s3_that_passes_is_ridden_out(s3, tmp_path, faults, content):
    s3.faults = {name: list(planned) for name, planned in faults.items()}
    file = a_file(tmp_path, content)
    assert upload_day(bucket(s3), file, METADATA).sent
    assert landed(file)


# --- S3: what lasts --------------------------------------------------------------------------------------------

LASTING = {
    "SlowDown": ({"any": [SLOW_DOWN]}, b"five", "503.*later", TRIES),
    "SlowDown for the upload": ({"PUT": [SLOW_DOWN]}, b"five", "SlowDown.*later", TRIES),
    "SlowDown for the parts": ({"PUT?part": [SLOW_DOWN]}, LARGE, "SlowDown.*later", TRIES),
    "an internal error": ({"PUT": [INTERNAL]}, b"five", "InternalError.*later", TRIES),
    "reset in mid-upload": ({"PUT": [reset_in_mid_upload]}, b"five" * 2**19, "onnection", TRIES),
    "parts reset in mid-upload": ({"PUT?part": [reset_in_mid_upload]}, LARGE, "onnection", TRIES),
    "no answer": ({"any": [never_answer]}, b"five", "Read timeout", TRIES),
    "no answer to the upload": ({"PUT": [never_answer]}, b"five", "Read timeout", TRIES),
    "no answer to the parts": ({"PUT?part": [never_answer]}, LARGE, "Read timeout", TRIES),
    "no answer from the parts on": (
        {"PUT?part": [never_answer], "DELETE": [never_answer]},
        LARGE,
        "Read timeout",
        TRIES,
    ),
    "wrong checksum": ({"PUT": [refusal(400, "BadDigest")]}, b"five", "BadDigest.*damaged", 1),
    "clock skew": ({"PUT": [refusal(403, "RequestTimeTooSkewed")]}, b"five", "RequestTimeTooSkewed.*clock", 1),
    "denied": ({"PUT": [refusal(403, "AccessDenied")]}, b"five", "AccessDenied.*permissions", 1),
    "denied at once": ({"any": [refusal(403, "AccessDenied")]}, b"five", "permissions", 1),
    "denied in the parts": ({"PUT?part": [refusal(403, "AccessDenied")]}, LARGE, "AccessDenied.*permissions", 1),
    "the bucket is gone": ({"PUT": [refusal(404, "NoSuchBucket")]}, b"five", "NoSuchBucket.*Create the bucket", 1),
}


@pytest.mark.parametrize(("faults", "content", "says", "tries"), LASTING.values(), ids=LASTING)
def test_a_fault_of_s3_that_lasts_is_one_clear_error_after_bounded_tries(s3, tmp_path, faults, content, says, tries):
    s3.faults = {name: list(planned) for name, planned in faults.items()}
    file = a_file(tmp_path, content)
    message = failure(s3, file)
    assert re.search(says, message), message
    faulty, *_ = faults
    wrong = s3.asked if faulty == "any" else [each for each in s3.asked if each.startswith(faulty)]
    parts = 3 if faulty == "PUT?part" else 1
    assert tries <= len(wrong) <= tries * parts
    assert not landed(file)
    s3.faults = {}
    assert upload_day(bucket(s3), file, METADATA).sent
    assert landed(file)


def test_a_server_that_is_not_there_is_one_clear_error(aws, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(StorageError, match=r"look at s3://.*AWS_ENDPOINT_URL"):
        upload_day(TimedS3Resource(endpoint_url=endpoint).bucket(BUCKET), a_file(tmp_path), METADATA)


def longest(tries: int, read_timeout: float, **_: Any) -> float:
    """The seconds that a landing can take to fail where nothing is answered any more.

    A call that is not answered is tried `tries` times, with waits of at most 1, 2, 4 … s between. The last call may
    be a part of an upload, after which the upload is aborted: a call that is not answered either.
    """
    return 2 * (tries * read_timeout + 2 ** (tries - 1) - 1)


def test_the_defaults_give_up_within_a_minute_and_are_the_clients(aws):
    for resource in (TimedS3Resource(), TimedSSMResource()):
        limits = resource.get_client().meta.config
        assert limits.read_timeout == resource.read_timeout
        assert limits.connect_timeout == resource.connect_timeout
        assert limits.retries["total_max_attempts"] == resource.max_attempts
        assert longest(limits.retries["total_max_attempts"], limits.read_timeout) < 60


def test_a_server_killed_in_mid_upload_and_restarted_loses_nothing(monkeypatch, tmp_path):
    """The parts that the client sends meanwhile are refused; it rides that out, or the next run lands the file."""
    file = a_file(tmp_path, LARGE)
    with ExitStack() as stack:
        server = ExitStack()
        stack.callback(server.close)
        aws = server.enter_context(loopback_aws(tmp_path / "server"))
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        proxy = stack.enter_context(proxy_before(aws.s3_endpoint))
        old = a_file(tmp_path, b"four", rows=4)
        upload_day(bucket(proxy), old, METADATA)

        restarted = threading.Event()

        def restart(handler: Handler, body: bytes) -> None:
            server.close()
            proxy.target = server.enter_context(loopback_aws(tmp_path / "server")).s3_endpoint
            restarted.set()
            handler.reset()

        proxy.faults = {"PUT?part": [forward, restart, forward]}
        ridden_out = True
        try:
            upload_day(bucket(proxy), file, METADATA)
        except StorageError:
            ridden_out = False
        assert restarted.wait(HANG_SECONDS)  # the client may have given up before
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.target)
        assert ridden_out or object_keys() == [object_key(old.path.name, DAY)]
        assert upload_day(bucket(proxy), file, METADATA).sent is not ridden_out
        assert landed(file)
        assert boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


# --- SSM -------------------------------------------------------------------------------------------------------


def test_a_fault_of_ssm_that_passes_is_ridden_out(ssm):
    for fault in (refusal(400, "ThrottlingException"), refusal(500, "InternalServerError"), never_answer):
        ssm.faults = {"any": [fault, fault, forward]}
        assert TimedSSMResource(endpoint_url=ssm.endpoint, **QUICK).bucket() == BUCKET


SSM_LASTING = {
    "denied": (refusal(400, "AccessDeniedException"), "AccessDeniedException.*permissions", 1),
    "missing": (refusal(400, "ParameterNotFound"), "ParameterNotFound.*Create it", 1),
    "throttled": (refusal(400, "ThrottlingException"), "ThrottlingException.*later", TRIES),
    "no answer": (never_answer, "Read timeout", TRIES),
    "reset": (reset_in_mid_upload, "onnection", TRIES),
    "clock skew": (refusal(400, "RequestTimeTooSkewed"), "clock", 1),
    "the signature is too old": (refusal(400, "InvalidSignatureException", "Signature expired"), "clock", 1),
}


@pytest.mark.parametrize(("fault", "says", "tries"), SSM_LASTING.values(), ids=SSM_LASTING)
def test_a_fault_of_ssm_that_lasts_is_one_clear_error_after_bounded_tries(ssm, fault, says, tries):
    ssm.faults = {"any": [fault]}
    with pytest.raises(StorageError, match=f"SSM parameter {BUCKET_PARAMETER}: .*{says}"):
        TimedSSMResource(endpoint_url=ssm.endpoint, **QUICK).bucket()
    assert len(ssm.asked) == tries


# --- in a run --------------------------------------------------------------------------------------------------


def test_a_run_that_s3_fails_says_so_once_and_the_next_run_lands_the_file(s3, instance, tmp_path, schema, monkeypatch):
    path = write_day(tmp_path, schema, make_plan())
    content = path.read_bytes()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    s3.faults = {"PUT": [SLOW_DOWN]}
    result = run(instance, tmp_path, [s3_raw_payments])
    (error,) = errors(result)
    assert "SlowDown" in error
    assert f"upload {path} to s3://{BUCKET}/" in error
    assert path.read_bytes() == content
    s3.faults = {"PUT": [SLOW_DOWN, forward]}
    assert run(instance, tmp_path, [s3_raw_payments]).success
