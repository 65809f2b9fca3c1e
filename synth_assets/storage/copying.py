"""An object that the server copies: no byte of it comes here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from synth_assets.storage.aws import explained, wants_checksums
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.comparison import PART_BYTES, part_bytes
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.multipart import Upload, in_rounds

COPIES = 8
"""How many parts are copied at once."""


def copy_object(bucket: Bucket, source: DayObject, key: str, metadata: Mapping[str, str]) -> None:
    """Have the server copy a day's object to a key, in parts of the size that an upload of it has.

    The checksum of the whole is that of the source, and the server verifies it where it can.

    Raises:
        StorageError: the source was replaced, a bucket is missing or forbidden, or S3 cannot be reached.
    """
    named: dict[str, Any] = {
        # No version is named, which would need s3:GetObjectVersion: the ETag says which object is meant.
        "CopySource": {"Bucket": source.bucket.name, "Key": source.key},
        "CopySourceIfMatch": source.etag,
        **({"ExpectedSourceBucketOwner": source.bucket.owner} if source.bucket.owner else {}),
    }
    if source.size > PART_BYTES:
        _copy_parts(bucket, source, key, metadata, named)
        return
    arguments: dict[str, Any] = {**bucket.target, **bucket.arguments, **named, "MetadataDirective": "REPLACE"}
    if wants_checksums(bucket.client, "request_checksum_calculation"):
        arguments["ChecksumAlgorithm"] = "CRC32"
    with explained(f"copy {source.location} to {bucket.uri(key)}"):
        in_rounds(lambda: bucket.client.copy_object(**arguments, Key=key, Metadata=metadata))


def _copy_parts(
    bucket: Bucket, source: DayObject, key: str, metadata: Mapping[str, str], named: Mapping[str, Any]
) -> None:
    size = part_bytes(source.size)
    upload = Upload.begin(bucket, key, metadata)
    try:
        with ThreadPoolExecutor(COPIES, thread_name_prefix="copy") as pool:
            copies = [
                pool.submit(upload.copy, number, named, start, min(start + size, source.size))
                for number, start in enumerate(range(0, source.size, size), 1)
            ]
            try:
                parts = [copy.result() for copy in copies]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        upload.complete(parts, source.checksums.crc32)
    except BaseException:
        upload.abort()
        raise
