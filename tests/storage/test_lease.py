"""Leases of days in a bucket: one holder at a time, whatever the network, the other process or the server do."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import boto3
import pytest

from synth_assets.storage import lease
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.errors import StorageError
from synth_assets.storage.lease import Lease, hold_lease
from synth_assets.storage.loopback import BUCKET
from tests.conftest import HANG_SECONDS, object_keys, wait_for
from tests.faulting_proxy import (
    Proxy,
    drop_conditions,
    forward,
    lose_the_answer,
    proxy_before,
    refusal,
    refuse_conditions,
)

KEY = "staging/.payments_2026-01-15_lease"


@pytest.fixture
def s3(aws) -> Iterator[Proxy]:
    with proxy_before(aws.s3_endpoint) as proxy:
        yield proxy


@pytest.fixture
def bucket(s3) -> Bucket:
    """The real server, by way of the proxy."""
    return Bucket(AwsConnection(endpoint_url=s3.endpoint), BUCKET)


@pytest.fixture
def log(caplog) -> logging.Logger:
    caplog.set_level(logging.INFO)
    return logging.getLogger("lease")


def content() -> dict:
    return json.loads(boto3.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read())


def test_another_run_waits_and_says_for_whom_until_the_lease_is_given_back(bucket, log, caplog, monkeypatch):
    monkeypatch.setattr(lease, "POLLS", 6_000)
    order = []

    def other() -> None:
        with hold_lease(bucket, KEY, log):
            order.append("other")

    with ThreadPoolExecutor(1) as pool:
        with hold_lease(bucket, KEY, log):
            waiting = pool.submit(other)
            wait_for("the other to wait", lambda: "waiting for it" in caplog.text)
            order.append("first")
        waiting.result(HANG_SECONDS)
    assert order == ["first", "other"]
    assert f"s3://{BUCKET}/{KEY} is held by " in caplog.text
    assert f", process {__import__('os').getpid()}: waiting for it" in caplog.text
    assert object_keys() == []


def test_a_holder_renews_it_as_long_as_it_works(bucket, log, monkeypatch):
    monkeypatch.setattr(lease, "RENEWALS", 6_000)
    with hold_lease(bucket, KEY, log):
        wait_for("two renewals", lambda: content()["count"] >= 3)


def test_a_lease_that_nobody_renews_is_taken_over_and_its_holder_learns_of_it(bucket, log, caplog, monkeypatch):
    dead = Lease(bucket, KEY)
    dead.take(log)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.5)
    started = time.monotonic()
    with hold_lease(bucket, KEY, log) as alive:
        assert time.monotonic() - started >= 0.5
        assert "was not renewed by " in caplog.text
        with pytest.raises(StorageError, match=r"Another run has taken over .*, so this one stops"):
            dead.renew()
        alive.renew()
        dead.give_back()
        assert object_keys() == [KEY]  # what is another's is not removed
    assert object_keys() == []


def test_of_two_that_take_over_at_once_one_waits(bucket, log, monkeypatch):
    Lease(bucket, KEY).take(log)
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.5)
    inside = threading.Semaphore(1)

    def one() -> bool:
        with hold_lease(bucket, KEY, log):
            alone = inside.acquire(blocking=False)
            inside.release()
            return alone

    with ThreadPoolExecutor(4) as pool:
        assert [each.result(HANG_SECONDS) for each in [pool.submit(one) for _ in range(4)]] == [True] * 4


def test_a_write_whose_answer_was_lost_is_known_as_ours(s3, bucket, log):
    s3.faults["PUT"] = [lose_the_answer, forward]
    with hold_lease(bucket, KEY, log) as held:
        s3.faults["PUT"] = [lose_the_answer, forward]
        held.renew()
        held.renew()
        assert content()["count"] == 3


@pytest.mark.parametrize("fault", [drop_conditions, refuse_conditions])
def test_a_server_without_conditional_writes_is_warned_of_and_works(s3, bucket, log, caplog, fault):
    s3.faults["PUT"] = [fault]
    with hold_lease(bucket, KEY, log) as held, hold_lease(bucket, KEY, log):
        held.renew()
    assert "has no conditional writes, so nothing keeps two runs of one day apart" in caplog.text
    assert object_keys() == []


def test_what_somebody_else_has_put_there_is_waited_for_too(bucket, log, caplog, monkeypatch):
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"no lease")
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.2)
    with hold_lease(bucket, KEY, log):
        assert "is held by somebody unknown: waiting for it" in caplog.text


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (refusal(403, "AccessDenied"), "Give the credentials s3:PutObject"),
        (refusal(404, "NoSuchBucket"), "Create the bucket"),
        (refusal(503, "SlowDown"), "Try again later"),
    ],
)
def test_a_lease_that_cannot_be_written_is_one_clear_error(s3, bucket, log, fault, says):
    s3.faults["PUT"] = [fault]
    with pytest.raises(StorageError, match=f"Cannot write s3://{BUCKET}/{KEY}: .*{says}"), ExitStack() as stack:
        stack.enter_context(hold_lease(bucket, KEY, log))
