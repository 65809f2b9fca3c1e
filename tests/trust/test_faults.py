"""S3 and SSM at fault: what passes is ridden out, what lasts is one clear error, and nothing is left half-done.

A proxy stands before the real servers and hands every request on as it is, unless a fault is set for it.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from synth_assets.assets import s3_raw_payments
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.bucket import MARK, Bucket
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_key
from synth_assets.storage.loopback import BUCKET, BUCKET_PARAMETER, loopback_aws
from synth_assets.storage.s3 import upload_day
from tests.conftest import DAY, HANG_SECONDS, make_plan, object_keys, write_day
from tests.faulting_proxy import (
    INTERNAL,
    SLOW_DOWN,
    Handler,
    Proxy,
    drop_etags,
    forward,
    never_answer,
    proxy_before,
    refusal,
    reset_in_mid_upload,
    slow,
)
from tests.test_assets import errors, metadata, run

QUICK = {"read_timeout": 1.0}
"""For servers that fall silent. Elsewhere the project's own limit holds, which a slow machine keeps too."""
BOTOCORES_LIMIT = 60
"""The seconds of one try where nobody sets a limit. Three tries of `QUICK` and the waits between take 3 to 6."""
TRIES = TimedS3Resource().max_attempts
LARGE = bytes(range(256)) * (20 * 2**20 // 256)
"""More than boto3 sends in one part."""

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


METADATA = {MARK: "2"}


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
    "SlowDown": ({"any": [SLOW_DOWN]}, b"five", "SlowDown.*later", TRIES),
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
    "denied": ({"PUT": [refusal(403, "AccessDenied")]}, b"five", "AccessDenied.*s3:PutObject", 1),
    "denied at once": ({"any": [refusal(403, "AccessDenied")]}, b"five", "s3:ListBucket.*iam-policy", 1),
    "denied in the parts": ({"PUT?part": [refusal(403, "AccessDenied")]}, LARGE, "AccessDenied.*s3:PutObject", 1),
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
    with pytest.raises(StorageError, match=r"list the objects of .* in s3://.*AWS_ENDPOINT_URL"):
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
    "denied": (refusal(400, "AccessDeniedException"), "AccessDeniedException.*ssm:GetParameter", 1),
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


def test_a_server_that_says_nothing_of_the_bytes_is_a_warning_of_a_run_that_succeeds(
    s3, instance, tmp_path, schema, monkeypatch
):
    write_day(tmp_path, schema, make_plan())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    s3.faults = {"any": [drop_etags]}
    result = run(instance, tmp_path, [s3_raw_payments])
    assert result.success
    landed = metadata(result, s3_raw_payments)
    assert landed["evidence"] == "size and metadata"
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == (
        "object_is_local_file", False, dg.AssetCheckSeverity.WARN,
    )  # fmt: skip
    assert check.description.startswith("the server reports neither a CRC-32 nor an MD5")
    assert landed["warnings"] == f"{landed['dagster/uri']}: {check.description}"
    lines = [record.user_message for record in instance.all_logs(result.run_id) if record.level == logging.WARNING]
    assert lines == [landed["warnings"]]
