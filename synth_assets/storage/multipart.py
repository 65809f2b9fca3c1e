"""Objects that are sent in parts: begun, sent, completed with the checksum of the whole, and cleared where killed."""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from synth_assets.storage.aws import describe, error_code, explained, wants_checksums
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.layout import FILE_NAMES_BEGIN, rows_in_name
from synth_assets.storage.place import Part
from synth_assets.storage.sums import crc32_text

Answer = TypeVar("Answer")

ROUNDS = 4
"""How often a part is sent, each time with the tries that the client has."""
ROUND_SECONDS = 2.0
"""How long the second round waits after the first. Each of the others waits twice as long as the one before."""

_PASSING = {"BadDigest", "InvalidDigest", "IncompleteBody", "SlowDown", "InternalError", "RequestTimeout"}


@dataclass(frozen=True)
class Upload:
    """An upload in parts that was begun. It can be pickled.

    Args:
        checksums: whether the server takes a checksum with each part, and that of the whole in the end.
    """

    bucket: Bucket
    key: str
    id: str
    checksums: bool

    @classmethod
    def begin(cls, bucket: Bucket, key: str, metadata: Mapping[str, str]) -> Upload:
        """Begin one. The object gets the metadata.

        Raises:
            StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
        """
        arguments: dict[str, Any] = {**bucket.target, **bucket.encryption, "Key": key, "Metadata": dict(metadata)}

        def create(client: Any, named: dict[str, str]) -> Upload:
            return cls(
                bucket, key, client.create_multipart_upload(**arguments, **named)["UploadId"], checksums=bool(named)
            )

        with explained(f"begin an upload to {bucket.uri(key)}"):
            return with_checksum(bucket, create, {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"})

    def send(self, number: int, body: BinaryIO, crc32: int) -> str:
        """Send a part, from the start of `body` to its end, and return its ETag.

        Raises:
            StorageError: it was refused each time.
        """
        named = {"ChecksumCRC32": crc32_text(crc32)} if self.checksums else {}

        def send() -> str:
            body.seek(0)
            answer = self._client.upload_part(**self._target, PartNumber=number, Body=body, **named)
            return answer["ETag"]

        with explained(f"send part {number} of {self.bucket.uri(self.key)}"):
            return in_rounds(send)

    def copy(self, number: int, source: Mapping[str, Any], start: int, end: int) -> Part:
        """Have the server copy the bytes `start` … `end` - 1 of another object as a part.

        Args:
            source: the arguments that name the object and its version.

        Raises:
            StorageError: it was refused each time, or the object was replaced.
        """
        span = f"bytes={start}-{end - 1}"
        with explained(f"copy part {number} of {self.bucket.uri(self.key)}"):
            result = in_rounds(
                lambda: self._client.upload_part_copy(**self._target, PartNumber=number, CopySourceRange=span, **source)
            )["CopyPartResult"]
        crc32 = int.from_bytes(base64.b64decode(result.get("ChecksumCRC32", "")), "big")
        return Part(number, end - start, crc32, result["ETag"])

    def complete(self, parts: Sequence[Part], crc32: str) -> None:
        """Make the object of its parts. `crc32` is that of all bytes, as `crc32_text` writes it.

        Raises:
            StorageError: the upload was aborted, as another run does that takes over, or the server refuses it.
        """
        listed = [
            {"PartNumber": part.number, "ETag": part.receipt}
            | ({"ChecksumCRC32": crc32_text(part.crc32)} if self.checksums else {})
            for part in parts
        ]
        whole: dict[str, Any] = {"ChecksumCRC32": crc32, "ChecksumType": "FULL_OBJECT"} if self.checksums else {}
        with explained(f"complete the upload of {self.bucket.uri(self.key)}"):
            try:
                in_rounds(
                    lambda: self._client.complete_multipart_upload(
                        **self._target, MultipartUpload={"Parts": listed}, **whole
                    )
                )
            except ClientError as error:
                # The first try may have completed it, though its answer was lost.
                head = self.bucket.head(self.key) if error_code(error) == "NoSuchUpload" else None
                if head is None or head.get("ChecksumCRC32") != crc32:
                    raise

    def abort(self) -> None:
        """Give up what was sent. Where that fails, the next run of the day does it."""
        with suppress(ClientError, BotoCoreError):
            self.bucket.client.abort_multipart_upload(**self._target)

    @property
    def _target(self) -> dict[str, Any]:
        return {**self.bucket.target, "Key": self.key, "UploadId": self.id}

    @property
    def _client(self) -> Any:
        return self.bucket.client if self.checksums else self.bucket.without_checksums()


def in_rounds(call: Callable[[], Answer]) -> Answer:
    """What the call gives, made again where the service is busy, the network fails or the bytes were damaged.

    Raises:
        ClientError, BotoCoreError: the last round's, or one that would come again.
    """
    for number in range(1, ROUNDS):
        try:
            return call()
        except (ClientError, HTTPClientError) as error:
            if isinstance(error, ClientError) and not _passes(error):
                raise
        time.sleep(ROUND_SECONDS * 2 ** (number - 1))
    return call()


def _passes(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _PASSING or (status >= 500 and error_code(error) not in {"NotImplemented", "501"})


def with_checksum(bucket: Bucket, call: Callable[[Any, dict[str, str]], Answer], named: dict[str, str]) -> Answer:
    """What the call gives with a client and these arguments; without them, where botocore's settings or the server
    are against checksums."""
    if wants_checksums(bucket.client, "request_checksum_calculation"):
        try:
            return call(bucket.client, named)
        except ClientError as error:
            if not refuses_checksums(error):
                raise
    return call(bucket.without_checksums(), {})


def refuses_checksums(error: BaseException | None) -> bool:
    """Whether this is how servers without checksums answer: not implemented, or an argument that they do not know.

    A checksum that is wrong (BadDigest) is another matter. Completing the parts does not count either: there a server
    that knows checksums says InvalidRequest of a wrong one.
    """
    return (
        isinstance(error, ClientError)
        and error.operation_name in {"PutObject", "CreateMultipartUpload", "UploadPart"}
        and error.response["Error"].get("Code") in {"NotImplemented", "501", "InvalidRequest", "InvalidArgument"}
    )


def clear_unfinished(bucket: Bucket, day: dt.date, folder: str) -> list[str]:
    """Free what killed uploads of the day left in a folder: parts of no object, which are stored and paid for.

    It can wait for a rule of the bucket's lifecycle, so where it is refused the answer is a warning for each refusal.
    """
    warnings, begin = [], folder + FILE_NAMES_BEGIN
    with explained(f"clear unfinished uploads of {day} in {bucket.uri(folder)}"):
        try:
            pages = bucket.client.get_paginator("list_multipart_uploads").paginate(**bucket.target, Prefix=begin)
            for upload in [each for page in pages for each in page.get("Uploads", [])]:
                if rows_in_name(upload["Key"].removeprefix(folder), day) is not None:
                    bucket.client.abort_multipart_upload(
                        **bucket.target, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
        except ClientError as error:
            warnings.append(f"Unfinished uploads of {day} in {bucket.uri(folder)} were not cleared: {describe(error)}")
    return warnings


def remove_objects(bucket: Bucket, keys: Sequence[str]) -> None:
    for key in keys:
        with explained(f"remove the replaced object {bucket.uri(key)}"):
            bucket.client.delete_object(**bucket.target, Key=key)
