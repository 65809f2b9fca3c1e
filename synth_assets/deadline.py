"""When a day is due in S3, and the check that the last day that was due is there."""

import datetime as dt

import dagster as dg

from synth_assets.assets import s3_raw_payments
from synth_assets.landing import find_bucket
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.steps import OWNERS, TAGS, one_clear_error
from synth_assets.storage.bucket import Bucket, day_objects
from synth_assets.storage.layout import MARK, object_folder

DAY = dt.timedelta(days=1)
DUE_AFTER = dt.timedelta(hours=6)
"""A day is due this long after its end, at 06:00 UTC."""

raw_bucket = dg.AssetSpec(
    "raw_bucket",
    deps=[s3_raw_payments],
    description="The bucket as its readers see it, with one object for each day. Its columns are those of "
    "[the contract](/assets/transaction_schema).",
    group_name="payments",
    kinds={"s3"},
    owners=OWNERS,
    tags=TAGS,
)
"""Nothing makes it. It has the check that concerns no particular run: on s3_raw_payments, each run of a backfill would
judge the same day again."""


@dg.asset_check(asset=raw_bucket.key)
def due_day_is_uploaded(s3: TimedS3Resource, ssm: TimedSSMResource) -> dg.AssetCheckResult:
    """The last day that was due is in S3. A day is due at 06:00 UTC of the day after.

    An object that is there was checked: nothing else is uploaded. Uploads of other days do not count.
    """
    with one_clear_error():
        return judge_due_day(find_bucket(s3, ssm), dt.datetime.now(dt.UTC))


def judge_due_day(bucket: Bucket, now: dt.datetime) -> dg.AssetCheckResult:
    """Whether the day that was due last has an object that was uploaded by us.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    day = last_due_day(now)
    found = {key: bucket.head(key) for key in day_objects(bucket, day, object_folder(day))}
    objects = [bucket.uri(key) for key, head in found.items() if head and MARK in head["Metadata"]]
    missing = f"{day} is missing from {bucket.uri(object_folder(day))}. Launch the job daily_payments for this day."
    return dg.AssetCheckResult(
        passed=bool(objects),
        description=", ".join(objects) or missing,
        metadata={"day": str(day), "due": f"{dt.datetime.combine(day, dt.time()) + DAY + DUE_AFTER} UTC"},
    )


def last_due_day(now: dt.datetime) -> dt.date:
    """The last day whose deadline has passed. `now` is in UTC."""
    return (now - DUE_AFTER - DAY).date()
