"""A day's file in S3: where it goes, whether it may go there, and how it gets there. Assets and commands share it."""

import datetime as dt
import logging

from synth_assets.day import object_metadata
from synth_assets.engines import Engine
from synth_assets.generator.schema import TransactionSchema
from synth_assets.judging import judge_day
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.bucket import Bucket, earlier_objects
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.place import Day, Place
from synth_assets.storage.s3 import UploadedDay, check_apart, upload_day


def find_bucket(s3: TimedS3Resource, ssm: TimedSSMResource) -> Bucket:
    """The bucket that the settings or the SSM parameter name. It is not looked at yet.

    Raises:
        StorageError: the parameter cannot be read, it is no bucket's name, or the AWS settings are incomplete.
    """
    return s3.bucket(ssm.bucket())


def check_destination(bucket: Bucket, rows: int, day: dt.date, place: Place) -> None:
    """Look at where a day's object is to land before the day is made in its place.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, what is there cannot be replaced, or
            it is where the day is made.
    """
    name = file_name(rows, day)
    check_apart(place.location(name), bucket.uri(object_key(name, day)))
    earlier_objects(bucket, object_key(name, day), day)


def land_day(bucket: Bucket, schema: TransactionSchema, file: Day, engine: Engine, log: logging.Logger) -> UploadedDay:
    """Upload a file, provided that every claim about it holds under the contract. The day must be locked.

    Raises:
        StorageError: a claim does not hold, or as `upload_day`.
        ProvenanceError: the footer does not say what made the file.
    """
    metadata = object_metadata(file)
    claims = judge_day(schema, file, engine)
    if any(claim.broken for claim in claims):
        failed = [claim for claim in claims if claim.failed]
        raise StorageError(
            f"{file.location} was not uploaded: it fails {len(failed)} of {len(claims)} checks. "
            f"{' '.join(f'{claim.name}: {claim.summary}.' for claim in failed)} "
            f"Make the day again: materialize payments_parquet for this partition."
        )
    return upload_day(bucket, file, metadata, log)
