"""A day's file in S3: where it goes, whether it may go there, and how it gets there. Assets and commands share it."""

import datetime as dt
import logging

from synth_assets.day import judge_day, object_metadata
from synth_assets.generator.schema import TransactionSchema
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.bucket import Bucket, earlier_objects
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.s3 import UploadedDay, upload_day


def find_bucket(s3: TimedS3Resource, ssm: TimedSSMResource) -> Bucket:
    """The bucket that the settings or the SSM parameter name. It is not looked at yet.

    Raises:
        StorageError: the parameter cannot be read, it is no bucket's name, or the AWS settings are incomplete.
    """
    return s3.bucket(ssm.bucket())


def check_destination(bucket: Bucket, rows: int, day: dt.date) -> None:
    """Look at the place of a day's object before the day is made.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, or what is in the object's place
            cannot be replaced.
    """
    earlier_objects(bucket, object_key(file_name(rows, day), day), day)


def land_day(bucket: Bucket, schema: TransactionSchema, file: DayFile, log: logging.Logger) -> UploadedDay:
    """Upload a file, provided that every claim about it holds under the contract. The day must be locked.

    Raises:
        StorageError: a claim does not hold, or as `upload_day`.
        ProvenanceError: the footer does not say what made the file.
    """
    metadata = object_metadata(file)
    claims = judge_day(schema, file)
    if any(claim.broken for claim in claims):
        failed = [claim for claim in claims if claim.failed]
        raise StorageError(
            f"{file.path} was not uploaded: it fails {len(failed)} of {len(claims)} checks. "
            f"{' '.join(f'{claim.name}: {claim.summary}.' for claim in failed)} "
            f"Make the day again: materialize payments_parquet for this partition."
        )
    return upload_day(bucket, file, metadata, log)
