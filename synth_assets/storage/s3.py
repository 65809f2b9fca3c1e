"""Landing a file in S3: sent once, verified by the server, alone for its day."""

from __future__ import annotations

import base64
import datetime as dt
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from synth_assets.storage.aws import error_code, explained
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import object_folder, object_key, rows_in_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef


@dataclass(frozen=True)
class LocalFile:
    """A file as it was when it was measured: what its object must be like."""

    path: Path
    size: int
    crc32: str
    """CRC-32 of all bytes, big-endian, base64: the form of S3's ChecksumCRC32."""
    metadata: dict[str, str]

    @classmethod
    def measure(cls, path: Path, metadata: dict[str, str]) -> LocalFile:
        size = checksum = 0
        with path.open("rb") as file:
            while part := file.read(2**20):
                size += len(part)
                checksum = zlib.crc32(part, checksum)
        return cls(path, size, base64.b64encode(checksum.to_bytes(4, "big")).decode(), metadata)


@dataclass(frozen=True)
class Landed:
    """An object that is the local file. `sent` is false where it was there before; `replaced` names what it ousted."""

    uri: str
    sent: bool
    replaced: list[str]


def land(client: S3Client, file: LocalFile, bucket: str, day: dt.date) -> Landed:
    """Make the file the only object of its day, sending it only where it is not there yet.

    No other upload of the day may be under way: what it has sent so far would be cleared.

    The server verifies the CRC-32 of the whole object; older objects of the day go only after that.

    Raises:
        StorageError: the bucket is missing or forbidden, S3 cannot be reached, or the object is not the file.
    """
    key = object_key(file.path.name, day)
    uri = f"s3://{bucket}/{key}"
    sent = bool(differences(client, file, bucket, day))
    _abort_unfinished(client, bucket, day)
    if sent:
        with explained(f"upload {file.path} to {uri}"):
            client.upload_file(
                str(file.path),
                bucket,
                key,
                ExtraArgs={"ChecksumCRC32": file.crc32, "Metadata": file.metadata},
            )
        if wrong := differences(client, file, bucket, day):
            raise StorageError(f"{uri} is not {file.path} after the upload: {'; '.join(wrong)}. Upload again.")
    return Landed(uri, sent, _remove_others(client, bucket, key, day))


def differences(client: S3Client, file: LocalFile, bucket: str, day: dt.date) -> list[str]:
    """How the day's object differs from the local file; empty where it is the file.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    key = object_key(file.path.name, day)
    head = _head(client, bucket, key)
    if head is None:
        return [f"there is no object s3://{bucket}/{key}"]
    compared = [
        ("bytes", str(file.size), str(head["ContentLength"])),
        ("CRC-32", file.crc32, head.get("ChecksumCRC32", "none")),
        *((f"metadata {name}", value, head["Metadata"].get(name, "none")) for name, value in file.metadata.items()),
    ]
    return [f"{what} {theirs}, the file's {ours}" for what, ours, theirs in compared if ours != theirs]


def _head(client: S3Client, bucket: str, key: str) -> HeadObjectOutputTypeDef | None:
    with explained(f"look at s3://{bucket}/{key}"):
        try:
            return client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) not in {"404", "NoSuchKey", "NotFound"}:
                raise
        # A missing bucket answers like a missing object; asking for the bucket tells them apart.
        client.head_bucket(Bucket=bucket)
    return None


def _abort_unfinished(client: S3Client, bucket: str, day: dt.date) -> None:
    """Free what killed uploads of the day left in the bucket: parts of no object, which are stored and paid for."""
    with explained(f"clear unfinished uploads of {day} in s3://{bucket}/{object_folder(day)}"):
        pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=object_folder(day))
        for upload in (each for page in pages for each in page.get("Uploads", [])):
            if rows_in_name(upload["Key"].removeprefix(object_folder(day)), day) is not None:
                client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _remove_others(client: S3Client, bucket: str, key: str, day: dt.date) -> list[str]:
    removed = []
    with explained(f"list the objects of {day} in s3://{bucket}/{object_folder(day)}"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=object_folder(day))
        others = [
            each["Key"]
            for page in pages
            for each in page.get("Contents", [])
            if each["Key"] != key and rows_in_name(each["Key"].removeprefix(object_folder(day)), day) is not None
        ]
    for other in others:
        with explained(f"remove the replaced object s3://{bucket}/{other}"):
            client.delete_object(Bucket=bucket, Key=other)
        removed.append(other)
    return removed
