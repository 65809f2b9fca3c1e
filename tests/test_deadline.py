"""Whether the last day that was due is in S3, judged at fixed moments."""

import datetime as dt

import boto3
import pytest

from synth_assets.deadline import judge_due_day, last_due_day
from synth_assets.definitions import defs
from synth_assets.landing import find_bucket
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.loopback import BUCKET
from tests.conftest import DAY
from tests.test_assets import ALL, run


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-03-01T05:59:59", "2026-02-27"),
        ("2026-03-01T06:00", "2026-02-28"),
        ("2026-03-01T23:59", "2026-02-28"),
        ("2026-03-02T00:00", "2026-02-28"),
    ],
)
def test_a_day_is_due_at_six_of_the_day_after(now, day):
    assert str(last_due_day(moment(now))) == day


def test_an_old_day_does_not_stand_for_the_one_that_is_due(aws, instance, tmp_path):
    bucket = find_bucket(TimedS3Resource(), TimedSSMResource())
    assert run(instance, tmp_path, ALL, day=DAY - dt.timedelta(days=9)).success
    missing = judge_due_day(bucket, moment("2026-01-16T06:05"))
    assert not missing.passed
    assert missing.description == (
        f"{DAY} is missing from s3://{BUCKET}/payments/year=2026/month=01/. Launch the job daily_payments for this day."
    )
    assert missing.metadata["due"].value == "2026-01-16 06:00:00 UTC"
    assert run(instance, tmp_path, ALL).success
    there = judge_due_day(bucket, moment("2026-01-16T06:05"))
    assert (there.passed, there.description) == (
        True,
        f"s3://{BUCKET}/payments/year=2026/month=01/payments_2000_{DAY}.parquet",
    )
    assert not judge_due_day(bucket, moment("2026-01-17T06:05")).passed


@pytest.mark.parametrize("ending", [".parquet", ".parquet.part"])
def test_what_somebody_else_put_there_does_not_count(ending, aws):
    key = f"payments/year=2026/month=01/payments_2000_{DAY}{ending}"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    bucket = find_bucket(TimedS3Resource(), TimedSSMResource())
    assert not judge_due_day(bucket, moment("2026-01-16T06:05")).passed


def test_its_job_judges_the_day_that_is_due_now_without_a_partition(aws, instance):
    before = last_due_day(dt.datetime.now(dt.UTC))
    result = defs.resolve_job_def("check_due_day").execute_in_process(instance=instance)
    (judged,) = result.get_asset_check_evaluations()
    after = last_due_day(dt.datetime.now(dt.UTC))
    assert (judged.check_name, judged.passed) == ("due_day_is_uploaded", False)
    assert judged.metadata["day"].value in {str(before), str(after)}
