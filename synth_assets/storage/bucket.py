"""A bucket: what every call needs, which objects a day has there, and whether they may be replaced."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from synth_assets.storage.aws import POLICY, AwsConnection, error_code, explained, is_denied, wants_checksums
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import FILE_NAMES_BEGIN, MARK, folder_of, partial_prefix, rows_in_name
from synth_assets.storage.replaced import Replaced

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectTypeDef


NOT_THERE = {"404", "NoSuchKey", "NotFound"}
"""The codes for an object that is not there. A missing bucket may have the first one too."""


@dataclass(frozen=True)
class Bucket:
    """Where objects are. With `owner`, every call fails unless the bucket belongs to that AWS account.

    `encryption` holds the upload's own arguments for server-side encryption, or nothing. It can be pickled: whoever
    gets it makes a client of its own.
    """

    connection: AwsConnection
    name: str
    owner: str | None = None
    encryption: Mapping[str, str] = field(default_factory=dict, hash=False)

    @cached_property
    def client(self) -> S3Client:
        """A client, made with the first call.

        Raises:
            StorageError: the AWS settings are wrong or incomplete.
        """
        client: S3Client = self.connection.client("s3")
        return client

    def without_checksums(self) -> S3Client:
        """A client that sends no checksums, for a server that refuses them."""
        client: S3Client = self.connection.client(
            "s3", request_checksum_calculation="when_required", response_checksum_validation="when_required"
        )
        return client

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "client"}

    @property
    def target(self) -> dict[str, Any]:
        """The arguments that every call has."""
        return {"Bucket": self.name} | ({"ExpectedBucketOwner": self.owner} if self.owner else {})

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that every call has which writes an object, beside `target`."""
        return dict(self.encryption)

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """What the server says of an object, its checksum included where it names one; None where there is none.

        Raises:
            StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
        """
        with explained(f"look at {self.uri(key)}"):
            try:
                return self._head(key)
            except ClientError as error:
                if error_code(error) not in NOT_THERE:
                    raise
            # A missing bucket answers like a missing object; asking for the bucket tells them apart.
            self.client.head_bucket(**self.target)
        return None

    def _head(self, key: str) -> HeadObjectOutputTypeDef:
        if wants_checksums(self.client, "response_checksum_validation"):
            try:
                return self.client.head_object(**self.target, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                # A server that does not know checksums refuses the question too; the answer has no text to say so.
                if error_code(error) not in {"400", "501", "NotImplemented"}:
                    raise
        return self.client.head_object(**self.target, Key=key)


def earlier_objects(bucket: Bucket, key: str, day: dt.date) -> dict[str, Replaced]:
    """The day's objects by key, `key` included where it is there: what an upload to `key` replaces.

    Raises:
        StorageError: an object of the day is not ours, or may not be deleted though it has another key; the bucket is
            missing or forbidden, or S3 cannot be reached.
    """
    objects = day_objects(bucket, day, folder_of(key))
    for each in objects:
        head = bucket.head(each)
        if head is not None and MARK not in head["Metadata"]:
            raise StorageError(
                f"{bucket.uri(each)} has the name of an object of {day}, but its metadata does not say that "
                f"synth-assets made it, so it is not replaced. Move it away, or choose another bucket."
            )
    for each in objects.keys() - {key}:
        _check_deletable(bucket, each, day)
    return objects


def day_objects(bucket: Bucket, day: dt.date, folder: str) -> dict[str, Replaced]:
    """The objects in a folder that are named as the day's, by key.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    return {
        each["Key"]: Replaced(
            bucket.uri(each["Key"]), rows_in_name(each["Key"].removeprefix(folder), day) or 0, each["Size"]
        )
        for each in list_day(bucket, day, folder)
    }


def list_day(bucket: Bucket, day: dt.date, folder: str) -> list[ObjectTypeDef]:
    """The objects in a folder that are named as the day's, as the server lists them.

    Raises:
        StorageError: as `day_objects`.
    """
    begin = folder + FILE_NAMES_BEGIN
    with explained(f"list the objects of {day} in {bucket.uri(folder)}"):
        # By "/", what lies deeper is not listed one by one.
        pages = bucket.client.get_paginator("list_objects_v2").paginate(**bucket.target, Prefix=begin, Delimiter="/")
        found = [each for page in pages for each in page.get("Contents", [])]
    return [each for each in found if rows_in_name(each["Key"].removeprefix(folder), day) is not None]


def _check_deletable(bucket: Bucket, key: str, day: dt.date) -> None:
    """Fail where the older object of the day could not be deleted once the new one is there.

    S3 has no dry run. Deleting the older object first would leave readers without a day if the upload then failed,
    and deleting it last would leave them with two. So a key that nobody has is deleted: that changes nothing (in a
    versioned bucket it leaves a delete marker), and it needs the same permission.

    Raises:
        StorageError: s3:DeleteObject is denied.
    """
    nobodys = f"{folder_of(key)}{partial_prefix(day)}may-delete"
    with explained(f"ask whether {bucket.uri(key)} may be deleted"):
        try:
            bucket.client.delete_object(**bucket.target, Key=nobodys)
        except ClientError as error:
            if is_denied(error):
                raise StorageError(
                    f"Cannot replace {bucket.uri(key)}: the credentials may not delete it, and {day} would have two "
                    f"objects. Nothing was uploaded. Give them s3:DeleteObject ({POLICY}), or delete the object."
                ) from error
            if error_code(error) not in NOT_THERE:
                raise
