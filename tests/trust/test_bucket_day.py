"""A day in a bucket, on a real S3: two drivers, drivers that die or stand still, a bad network, and the landing."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import boto3
import pytest

from synth_assets.day import metadata_of, object_metadata
from synth_assets.generator.provenance import Provenance
from synth_assets.judging import THREADS, judge_day
from synth_assets.landing import land_day
from synth_assets.making import make_day
from synth_assets.storage import lease, multipart
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import MARK, file_name, object_key
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.place import Place
from synth_assets.storage.places import open_place
from tests.conftest import DAY, HANG_SECONDS, make_plan, object_keys, wait_for
from tests.faulting_proxy import (
    SLOW_DOWN,
    Proxy,
    drop_conditions,
    forward,
    lose_the_answer,
    proxy_before,
    refusal,
    reset_in_mid_upload,
)

PART = bytes(range(256)) * (5 * 2**20 // 256)
METADATA = {"seed": "42", MARK: "2"}
URI = f"s3://{BUCKET}/staging"
OTHER_DAY = DAY + dt.timedelta(days=1)

DRIVER = """
import datetime as dt, logging, sys
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.errors import StorageError
from synth_assets.storage.places import open_place

day, name = dt.date.fromisoformat(sys.argv[2]), sys.argv[3]
place = open_place(sys.argv[1], lambda name: Bucket(AwsConnection(), name))
try:
    with place.replace_day(name, day, {"seed": "1", "generator-version": "2"}, print) as staged:
        with staged.parts.write(1) as body:
            body.file.write(bytes(5 * 2**20))
        staged.append(body.part)
        print("sent", flush=True)
        sys.stdin.readline()
        staged.finish(b"tail of the first")
except StorageError as error:
    print(f"error: {error}", flush=True)
else:
    print("finished", flush=True)
"""
"""A driver that has sent a part, and finishes the day once it is told to."""


def connect(name: str) -> Bucket:
    return Bucket(AwsConnection(), name)


@pytest.fixture
def place(aws) -> Iterator[Place]:
    yield open_place(URI, connect)
    assert unfinished() == []
    assert [key for key in object_keys() if key.endswith("lease")] == []


@pytest.fixture
def s3(aws) -> Iterator[Proxy]:
    with proxy_before(aws.s3_endpoint) as proxy:
        yield proxy


@pytest.fixture
def quick(monkeypatch) -> None:
    """No pause between the rounds of a part."""
    monkeypatch.setattr(multipart, "ROUND_SECONDS", 0.001)


def through(s3: Proxy) -> Place:
    """The place by way of the proxy, whose client tries each call once: what comes again is tried by us."""
    return open_place(URI, lambda name: Bucket(AwsConnection(endpoint_url=s3.endpoint, max_attempts=1), name))


def unfinished() -> list[str]:
    """The keys of the uploads that were begun and neither completed nor aborted."""
    return [each["Key"] for each in boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]


def no_report(_: object) -> None:
    pass


def write(place: Place, rows: int = 7, day: dt.date = DAY) -> None:
    """A day of two parts."""
    with place.replace_day(file_name(rows, day), day, METADATA, no_report) as staged:
        for number in (1, 2):
            with staged.parts.write(number) as body:
                body.file.write(PART)
            staged.append(body.part)
        staged.finish(b"tail")


def stored(rows: int = 7, day: dt.date = DAY) -> bytes:
    return boto3.client("s3").get_object(Bucket=BUCKET, Key=f"staging/{file_name(rows, day)}")["Body"].read()


@contextmanager
def driver(rows: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that has sent a part of the day."""
    command = [sys.executable, "-c", DRIVER, URI, str(DAY), file_name(rows, DAY)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout
        assert other.stdout.readline() == "sent\n"
        yield other
    finally:
        with suppress(ProcessLookupError):
            other.kill()
        other.communicate(timeout=HANG_SECONDS)


# --- two drivers of one day --------------------------------------------------------------------------------------


def test_a_second_driver_waits_for_the_first_and_replaces_its_day(place, caplog, monkeypatch):
    monkeypatch.setattr(lease, "POLLS", 6_000)
    caplog.set_level(logging.INFO)
    told: list = []

    def second() -> None:
        with place.replace_day(file_name(8, DAY), DAY, METADATA, told.append) as staged:
            with staged.direct.write(1) as body:
                body.file.write(b"the second")
            staged.append(body.part)
            staged.finish(b"tail")

    with driver(7) as first, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        wait_for("the second to wait", lambda: "waiting for it" in caplog.text)
        assert f"process {first.pid}: waiting" in caplog.text
        assert unfinished() == [f"staging/{file_name(7, DAY)}"]
        # A day that nobody else makes is not waited for.
        write(place, day=OTHER_DAY)
        assert first.communicate("go on\n", timeout=HANG_SECONDS)[0] == "finished\n"
        waiting.result(HANG_SECONDS)
    assert [(each.location, each.rows) for each in told] == [(f"{URI}/{file_name(7, DAY)}", 7)]
    assert object_keys() == [f"staging/{file_name(7, OTHER_DAY)}", f"staging/{file_name(8, DAY)}"]
    assert stored(8) == b"the secondtail"


def test_what_a_killed_driver_has_sent_is_cleared_by_the_next_run_of_its_day_alone(place, monkeypatch):
    with driver(7) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert unfinished() == [f"staging/{file_name(7, DAY)}"]
    with suppress(StorageError):
        place.find_day(DAY)
        pytest.fail("A day that was not finished is there.")
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.5)
    write(place, day=OTHER_DAY)
    assert unfinished() == [f"staging/{file_name(7, DAY)}"]
    write(place, rows=8)
    assert unfinished() == []
    assert stored(8) == PART * 2 + b"tail"


def test_a_driver_that_stood_still_while_another_took_over_changes_nothing(place, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.5)
    with driver(7) as first:
        first.send_signal(signal.SIGSTOP)
        write(place, rows=8)
        before = object_keys()
        first.send_signal(signal.SIGCONT)
        said, _ = first.communicate("go on\n", timeout=HANG_SECONDS)
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert object_keys() == before == [f"staging/{file_name(8, DAY)}"]
    assert stored(8) == PART * 2 + b"tail"


# --- a bad network, and a server that refuses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [[SLOW_DOWN] * 3, [reset_in_mid_upload] * 3, [lose_the_answer], [refusal(400, "BadDigest")] * 2],
    ids=["busy", "reset", "an answer lost", "damaged"],
)
def test_a_part_that_is_refused_is_sent_again(place, s3, quick, monkeypatch, faults):
    s3.faults["PUT?part"] = [*faults, forward]
    write(through(s3))
    assert stored() == PART * 2 + b"tail"


def test_an_upload_that_was_completed_though_its_answer_was_lost_is_a_day(place, s3, quick):
    s3.faults["POST?uploadId"] = [lose_the_answer, forward]
    write(through(s3))
    assert stored() == PART * 2 + b"tail"


@pytest.mark.parametrize(
    ("what", "fault", "says"),
    [
        ("PUT?part", SLOW_DOWN, r"Cannot send part 1 of s3://.*SlowDown.*Try again later"),
        ("PUT?part", refusal(403, "AccessDenied"), "Cannot send part 1 of .*Give the credentials s3:PutObject"),
        ("POST?uploads", refusal(403, "AccessDenied"), "Cannot begin an upload to .*s3:PutObject"),
        ("POST?uploadId", refusal(500, "InternalError"), "Cannot complete the upload of .*Try again later"),
        ("HEAD", refusal(403, "403"), "Cannot look at .*s3:GetObject"),
    ],
)
def test_what_is_refused_each_time_is_one_clear_error_and_no_day(place, s3, quick, what, fault, says):
    s3.faults[what] = [fault]
    with pytest.raises(StorageError, match=says) as caught:
        write(through(s3))
    assert "\n" not in str(caught.value)
    s3.faults.clear()
    if what != "HEAD":
        assert object_keys() == []


def test_who_may_only_read_a_place_still_judges_its_day(place, s3, schema):
    plan = make_plan(rows=50)
    with place.replace_day(file_name(50, DAY), DAY, metadata_of(Provenance.of(schema, plan)), no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    s3.faults |= {method: [refusal(403, "AccessDenied")] for method in ("PUT", "DELETE", "POST")}
    readable = through(s3)
    with readable.lock_day(DAY):
        assert not any(claim.failed for claim in judge_day(schema, readable.find_day(DAY)))


@pytest.mark.parametrize("fault", [forward, drop_conditions])
@pytest.mark.parametrize("rows", [40, 60])
def test_a_reader_never_reads_two_versions(place, s3, schema, fault, rows):
    for plan in (make_plan(rows=50), make_plan(rows=rows)):
        before = through(s3).find_day(DAY) if object_keys() else None
        with place.replace_day(file_name(50, DAY), DAY, metadata_of(Provenance.of(schema, plan)), no_report) as staged:
            make_day(staged, schema, plan, THREADS)
    s3.faults["GET"] = [fault]
    assert before
    with pytest.raises(StorageError, match=r"was replaced while it was read\. Run this again\."):
        before.content().read()


# --- the landing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [2_000, 150_000], ids=["at once", "in parts"])
def test_a_day_lands_from_a_bucket_without_a_byte_of_it_here(place, s3, schema, rows):
    plan = make_plan(rows=rows, chunk_size=50_000)
    with place.replace_day(file_name(rows, DAY), DAY, metadata_of(Provenance.of(schema, plan)), no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    bucket = Bucket(AwsConnection(endpoint_url=s3.endpoint), BUCKET)
    file = open_place(URI, lambda _: bucket).find_day(DAY)
    assert not any(claim.failed for claim in judge_day(schema, file))  # what the run's checks have done
    s3.handed_on = 0
    landed = land_day(bucket, schema, file, THREADS, logging.getLogger("test"))
    assert (landed.sent, landed.evidence) == (True, "CRC-32")
    assert s3.handed_on < 20_000 < file.size
    key = object_key(file.name, DAY)
    client = boto3.client("s3")
    found = client.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert found["Body"].read() == file.content().read()
    assert found["Metadata"] == {**object_metadata(file), "crc32": file.checksums.crc32}
    assert found["ChecksumCRC32"] == file.checksums.crc32
    assert not land_day(bucket, schema, file, THREADS, logging.getLogger("test")).sent


def test_a_day_that_breaks_a_claim_is_not_copied(place, schema):
    plan = make_plan(rows=50)
    metadata = metadata_of(Provenance.of(schema, plan))
    # Its name says 60 rows.
    with place.replace_day(file_name(60, DAY), DAY, metadata, no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    with pytest.raises(StorageError, match=r"was not uploaded: it fails 1 of 11 checks\. row_count_matches_plan: "):
        land_day(connect(BUCKET), schema, place.find_day(DAY), THREADS, logging.getLogger("test"))
    assert object_keys() == [f"staging/{file_name(60, DAY)}"]


def test_a_day_that_is_made_where_it_is_to_land_is_one_clear_error(aws, schema):
    plan = make_plan(rows=50)
    place = open_place(f"s3://{BUCKET}/payments/year=2026/month=01", connect)
    with place.replace_day(file_name(50, DAY), DAY, metadata_of(Provenance.of(schema, plan)), no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    with pytest.raises(StorageError, match="Give the output folder another prefix or bucket"):
        land_day(connect(BUCKET), schema, place.find_day(DAY), THREADS, logging.getLogger("test"))
    assert object_keys() == [object_key(file_name(50, DAY), DAY)]


def test_a_copy_that_is_refused_leaves_nothing(place, s3, quick, schema):
    plan = make_plan(rows=150_000, chunk_size=50_000)
    with place.replace_day(file_name(150_000, DAY), DAY, metadata_of(Provenance.of(schema, plan)), no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    bucket = Bucket(AwsConnection(endpoint_url=s3.endpoint), BUCKET)
    file = open_place(URI, lambda _: bucket).find_day(DAY)
    s3.faults["PUT?part"] = [forward, refusal(403, "AccessDenied")]
    with pytest.raises(StorageError, match=r"Cannot copy part . of .*s3:GetObject on the day it copies"):
        land_day(bucket, schema, file, THREADS, logging.getLogger("test"))
    assert object_keys() == [f"staging/{file_name(150_000, DAY)}"]
