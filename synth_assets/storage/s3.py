"""A day's object in S3: sent once, verified, the only one of its day."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig

from synth_assets.storage.aws import explained, wants_checksums
from synth_assets.storage.bucket import Bucket, earlier_objects
from synth_assets.storage.comparison import CRC32, PART_BYTES, Comparison, compare, part_bytes
from synth_assets.storage.copying import copy_object
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_folder, object_key
from synth_assets.storage.multipart import clear_unfinished, refuses_checksums, remove_objects
from synth_assets.storage.place import Day
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


def upload_day(bucket: Bucket, file: Day, metadata: Mapping[str, str], log: logging.Logger = LOGGER) -> UploadedDay:
    """Make the file the only object of its day, sending it only where it is not there yet. What is in a bucket
    already is copied by the server.

    `metadata` becomes the object's own, beside the file's CRC-32: what made the file. `log` is told what begins and
    ends, what is replaced, and what is not as it should be.

    No other upload of the day may be under way: what it has sent so far would be cleared.

    The bytes are verified by the best that the server offers; older objects of the day go only after that.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, the object is not the file, or what is
            in its place cannot be replaced. In the last case nothing was sent.
    """
    started = time.perf_counter()
    key = object_key(file.name, file.day)
    uri = bucket.uri(key)
    check_apart(file.location, uri)
    earlier = earlier_objects(bucket, key, file.day)
    warnings = clear_unfinished(bucket, file.day, object_folder(file.day))
    found = compare(bucket, file, metadata)
    sent = bool(found.differences)
    if sent:
        found = _deliver(bucket, file, metadata, log)
    seconds = time.perf_counter() - started
    how = "copied" if isinstance(file, DayObject) else "uploaded"
    speed = f"{how} {file.size:,} bytes in {seconds:.1f} s ({file.size / seconds / 1e6:,.1f} MB/s)"
    log.info(f"{uri}: {speed if sent else 'unchanged, skipped'}")
    if found.lacking:
        warnings.append(f"{uri}: {found.lacking}")
    for warning in warnings:
        log.warning(warning)
    replaced = {other: each for other, each in earlier.items() if sent or other != key}
    remove_objects(bucket, [other for other in replaced if other != key])
    for each in replaced.values():
        log.info(f"removed {each}, replaced by {uri}")
    return UploadedDay(uri, sent, found.evidence, list(replaced.values()), warnings, seconds)


def check_apart(made: str, lands: str) -> None:
    """Fail where a day would land on itself.

    Raises:
        StorageError: both are one object.
    """
    if made == lands:
        raise StorageError(
            f"{lands} is where the day is made and where it is to land. "
            f"Give the output folder another prefix or bucket."
        )


def _deliver(bucket: Bucket, file: Day, metadata: Mapping[str, str], log: logging.Logger) -> Comparison:
    """Send the file, or have its object copied, and verify what is there then."""
    key = object_key(file.name, file.day)
    uri, labels = bucket.uri(key), {**metadata, CRC32: file.checksums.crc32}
    if isinstance(file, DayObject):
        log.info(f"{uri}: copying {file.size:,} bytes from {file.location}")
        copy_object(bucket, file, key, labels)
    else:
        log.info(f"{uri}: uploading {file.size:,} bytes")
        _send(bucket, Path(file.location), file, labels, log)
    found = compare(bucket, file, metadata)
    if found.differences:
        differences = "; ".join(found.differences)
        raise StorageError(f"{uri} differs from {file.location} after the upload: {differences}. Upload it again.")
    return found


def _send(bucket: Bucket, path: Path, file: Day, metadata: Mapping[str, str], log: logging.Logger) -> None:
    """Upload the file with its CRC-32, which the server then verifies; without, where botocore's settings or the
    server are against it."""
    key = object_key(file.name, file.day)
    uri = bucket.uri(key)
    # The size of the parts is in the ETag, so it must be known. boto3 sends ten parts at once; their checksums and
    # signatures need the processor, and on small machines fewer parts arrive sooner.
    parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=part_bytes(file.size), max_concurrency=4)
    arguments: dict[str, Any] = {"Metadata": metadata, **bucket.encryption}
    if bucket.owner:
        arguments["ExpectedBucketOwner"] = bucket.owner

    def send(client: S3Client, named: dict[str, str]) -> None:
        client.upload_file(str(path), bucket.name, key, ExtraArgs=arguments | named, Config=parts)

    with explained(f"upload {path} to {uri}"):
        if not wants_checksums(bucket.client, "request_checksum_calculation"):
            send(bucket.client, {})
            return
        try:
            send(bucket.client, {"ChecksumCRC32": file.checksums.crc32})
        except S3UploadFailedError as error:
            if not refuses_checksums(error.__context__):
                raise
            log.info(f"{uri}: the server refused the upload with a checksum; uploading without one")
            send(bucket.without_checksums(), {})
