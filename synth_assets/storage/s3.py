"""A day's object in S3: sent once, verified by the server, the only one of its day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from synth_assets.storage.aws import error_code, explained
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_folder, object_key, rows_in_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef


# boto3 sends ten parts at once; their checksums and signatures need the processor, and on small machines fewer parts
# arrive sooner.
TRANSFER = TransferConfig(max_concurrency=4)


@dataclass(frozen=True)
class UploadedDay:
    """A day's object that is its file.

    Args:
        sent: whether it was uploaded now; false where it was there before.
        replaced: the keys of the day's older objects, which were removed.
    """

    uri: str
    sent: bool
    replaced: list[str]


@dataclass(frozen=True)
class Bucket:
    """Where objects land. With `owner`, every call fails unless the bucket belongs to that AWS account.

    `encryption` holds the upload's own arguments for server-side encryption, or nothing.
    """

    client: S3Client
    name: str
    owner: str | None = None
    encryption: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> dict[str, Any]:
        """The arguments that every call has."""
        return {"Bucket": self.name} | ({"ExpectedBucketOwner": self.owner} if self.owner else {})

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


def upload_day(bucket: Bucket, file: DayFile, metadata: Mapping[str, str]) -> UploadedDay:
    """Make the file the only object of its day, sending it only where it is not there yet.

    `metadata` becomes the object's own: what made the file.

    No other upload of the day may be under way: what it has sent so far would be cleared.

    The server verifies the CRC-32 of the whole object; older objects of the day go only after that.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, or the object is not the file.
    """
    key = object_key(file.path.name, file.day)
    sent = bool(differences(bucket, file, metadata))
    _abort_unfinished(bucket, file.day)
    if sent:
        arguments = {"ChecksumCRC32": file.checksums.crc32, "Metadata": metadata, **bucket.encryption}
        if bucket.owner:
            arguments["ExpectedBucketOwner"] = bucket.owner
        with explained(f"upload {file.path} to {bucket.uri(key)}"):
            bucket.client.upload_file(str(file.path), bucket.name, key, ExtraArgs=arguments, Config=TRANSFER)
        if wrong := differences(bucket, file, metadata):
            raise StorageError(
                f"{bucket.uri(key)} is not {file.path} after the upload: {'; '.join(wrong)}. Upload it again."
            )
    return UploadedDay(bucket.uri(key), sent, _remove_others(bucket, key, file.day))


def differences(bucket: Bucket, file: DayFile, metadata: Mapping[str, str]) -> list[str]:
    """How the day's object differs from the local file; empty where it is the file.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    key = object_key(file.path.name, file.day)
    head = _head(bucket, key)
    if head is None:
        return [f"there is no object {bucket.uri(key)}"]
    compared = [
        ("bytes", str(file.size), str(head["ContentLength"])),
        ("CRC-32", file.checksums.crc32, head.get("ChecksumCRC32", "none")),
        *((f"metadata {name}", value, head["Metadata"].get(name, "none")) for name, value in metadata.items()),
    ]
    return [f"{what} {theirs}, the file's {ours}" for what, ours, theirs in compared if ours != theirs]


def _head(bucket: Bucket, key: str) -> HeadObjectOutputTypeDef | None:
    with explained(f"look at {bucket.uri(key)}"):
        try:
            return bucket.client.head_object(**bucket.target, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) not in {"404", "NoSuchKey", "NotFound"}:
                raise
        # A missing bucket answers like a missing object; asking for the bucket tells them apart.
        bucket.client.head_bucket(**bucket.target)
    return None


def _abort_unfinished(bucket: Bucket, day: dt.date) -> None:
    """Free what killed uploads of the day left in the bucket: parts of no object, which are stored and paid for."""
    with explained(f"clear unfinished uploads of {day} in {bucket.uri(object_folder(day))}"):
        pages = bucket.client.get_paginator("list_multipart_uploads").paginate(
            **bucket.target, Prefix=object_folder(day)
        )
        for upload in (each for page in pages for each in page.get("Uploads", [])):
            if _is_of_day(upload["Key"], day):
                bucket.client.abort_multipart_upload(**bucket.target, Key=upload["Key"], UploadId=upload["UploadId"])


def _remove_others(bucket: Bucket, key: str, day: dt.date) -> list[str]:
    """Remove the day's objects but for `key`; return their keys."""
    with explained(f"list the objects of {day} in {bucket.uri(object_folder(day))}"):
        pages = bucket.client.get_paginator("list_objects_v2").paginate(**bucket.target, Prefix=object_folder(day))
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    others = [each for each in keys if each != key and _is_of_day(each, day)]
    for other in others:
        with explained(f"remove the replaced object {bucket.uri(other)}"):
            bucket.client.delete_object(**bucket.target, Key=other)
    return others


def _is_of_day(key: str, day: dt.date) -> bool:
    return rows_in_name(key.removeprefix(object_folder(day)), day) is not None
