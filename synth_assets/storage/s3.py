"""A day's object in S3: sent once, verified, the only one of its day."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from synth_assets.storage.aws import describe, explained, wants_checksums
from synth_assets.storage.bucket import Bucket, earlier_objects
from synth_assets.storage.comparison import CRC32, PART_BYTES, compare, part_bytes
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_folder, object_key, rows_in_name
from synth_assets.storage.replaced import Replaced

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadedDay:
    """A day's object that is its file.

    Args:
        sent: whether it was uploaded now; false where it was there before.
        evidence: what says that its bytes are the file's.
        replaced: the day's older objects, which are gone.
        warnings: what could not be verified or cleared.
        seconds: how long looking, sending and verifying took.
    """

    uri: str
    sent: bool
    evidence: str
    replaced: list[Replaced] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def upload_day(bucket: Bucket, file: DayFile, metadata: Mapping[str, str], log: logging.Logger = LOGGER) -> UploadedDay:
    """Make the file the only object of its day, sending it only where it is not there yet.

    `metadata` becomes the object's own, beside the file's CRC-32: what made the file. `log` is told what begins and
    ends, what is replaced, and what is not as it should be.

    No other upload of the day may be under way: what it has sent so far would be cleared.

    The bytes are verified by the best that the server offers; older objects of the day go only after that.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, the object is not the file, or what is
            in its place cannot be replaced. In the last case nothing was sent.
    """
    started = time.perf_counter()
    key = object_key(file.path.name, file.day)
    uri = bucket.uri(key)
    earlier = earlier_objects(bucket, key, file.day)
    warnings = _clear_unfinished(bucket, file.day)
    found = compare(bucket, file, metadata)
    sent = bool(found.differences)
    if sent:
        log.info(f"{uri}: uploading {file.size:,} bytes")
        _send(bucket, file, key, metadata, log)
        found = compare(bucket, file, metadata)
        if found.differences:
            differences = "; ".join(found.differences)
            raise StorageError(f"{uri} differs from {file.path} after the upload: {differences}. Upload it again.")
    seconds = time.perf_counter() - started
    speed = f"uploaded {file.size:,} bytes in {seconds:.1f} s ({file.size / seconds / 1e6:,.1f} MB/s)"
    log.info(f"{uri}: {speed if sent else 'unchanged, skipped'}")
    if found.lacking:
        warnings.append(f"{uri}: {found.lacking}")
    for warning in warnings:
        log.warning(warning)
    replaced = {other: each for other, each in earlier.items() if sent or other != key}
    _remove(bucket, [other for other in replaced if other != key])
    for each in replaced.values():
        log.info(f"removed {each}, replaced by {uri}")
    return UploadedDay(uri, sent, found.evidence, list(replaced.values()), warnings, seconds)


def _send(bucket: Bucket, file: DayFile, key: str, metadata: Mapping[str, str], log: logging.Logger) -> None:
    """Upload the file with its CRC-32, which the server then verifies; without, where botocore's settings or the
    server are against it."""
    uri = bucket.uri(key)
    arguments: dict[str, Any] = {"Metadata": {**metadata, CRC32: file.checksums.crc32}, **bucket.encryption}
    if bucket.owner:
        arguments["ExpectedBucketOwner"] = bucket.owner
    with explained(f"upload {file.path} to {uri}"):
        if not wants_checksums(bucket.client, "request_checksum_calculation"):
            _upload(bucket.client, bucket, file, key, arguments)
            return
        try:
            _upload(bucket.client, bucket, file, key, {**arguments, "ChecksumCRC32": file.checksums.crc32})
        except S3UploadFailedError as error:
            if not _refuses_checksums(error.__context__) or bucket.without_checksums is None:
                raise
            log.info(f"{uri}: the server refused the upload with a checksum; uploading without one")
            _upload(bucket.without_checksums(), bucket, file, key, arguments)


def _upload(client: S3Client, bucket: Bucket, file: DayFile, key: str, arguments: dict[str, Any]) -> None:
    # boto3 sends ten parts at once; their checksums and signatures need the processor, and on small machines fewer
    # parts arrive sooner. The size of the parts is in the ETag, so it must be known.
    parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=part_bytes(file.size), max_concurrency=4)
    client.upload_file(str(file.path), bucket.name, key, ExtraArgs=arguments, Config=parts)


def _refuses_checksums(error: BaseException | None) -> bool:
    """Whether this is how servers without checksums answer: not implemented, or an argument that they do not know.

    A checksum that is wrong (BadDigest) is another matter. Completing the parts does not count either: there a server
    that knows checksums says InvalidRequest of a wrong one.
    """
    return (
        isinstance(error, ClientError)
        and error.operation_name in {"PutObject", "CreateMultipartUpload", "UploadPart"}
        and error.response["Error"].get("Code") in {"NotImplemented", "501", "InvalidRequest", "InvalidArgument"}
    )


def _clear_unfinished(bucket: Bucket, day: dt.date) -> list[str]:
    """Free what killed uploads of the day left in the bucket: parts of no object, which are stored and paid for.

    It can wait for a rule of the bucket's lifecycle, so where it is refused the answer is a warning for each refusal.
    """
    folder, warnings = object_folder(day), []
    with explained(f"clear unfinished uploads of {day} in {bucket.uri(folder)}"):
        try:
            pages = bucket.client.get_paginator("list_multipart_uploads").paginate(**bucket.target, Prefix=folder)
            for upload in [each for page in pages for each in page.get("Uploads", [])]:
                if rows_in_name(upload["Key"].removeprefix(folder), day) is not None:
                    bucket.client.abort_multipart_upload(
                        **bucket.target, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
        except ClientError as error:
            warnings.append(f"Unfinished uploads of {day} in {bucket.uri(folder)} were not cleared: {describe(error)}")
    return warnings


def _remove(bucket: Bucket, keys: Sequence[str]) -> None:
    for key in keys:
        with explained(f"remove the replaced object {bucket.uri(key)}"):
            bucket.client.delete_object(**bucket.target, Key=key)
