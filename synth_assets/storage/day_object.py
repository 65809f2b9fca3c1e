"""A day's object in a bucket as a value: what it is, and how its bytes are read."""

from __future__ import annotations

import base64
import datetime as dt
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from synth_assets.storage.aws import error_code, explained
from synth_assets.storage.bucket import NOT_THERE, Bucket
from synth_assets.storage.day_file import OpenDayFile, open_parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import day_in_name, rows_in_name
from synth_assets.storage.multipart import in_rounds
from synth_assets.storage.sums import Checksums, is_sealed_by_whole, read_tail, sum_bytes

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

BLOCK_BYTES = 8 * 2**20
"""How many bytes are fetched at once."""
BLOCKS = 4
"""How many of these are kept."""
END_BYTES = 64 * 2**10
"""How many of the last bytes are fetched by themselves: mostly, nothing but the footer is read."""


@dataclass(frozen=True)
class DayObject:
    """A day's object, as it was when it was found.

    Args:
        named_rows: the row count in its name.
        etag: that of the object that was found. No other is read.
        modified: when it was written, by the server's clock.
        version: its version's id, where the bucket keeps versions.
        crc32: the checksum of all bytes that the server has for it, if it has one.
    """

    bucket: Bucket
    key: str
    day: dt.date
    named_rows: int
    size: int
    etag: str
    modified: dt.datetime
    version: str | None = None
    crc32: str | None = None

    @classmethod
    def at(cls, bucket: Bucket, key: str) -> DayObject:
        """The object at a key.

        Raises:
            StorageError: there is none, it is not named as a day's, or the bucket is missing or forbidden.
        """
        day = day_in_name(name := key.rpartition("/")[2])
        if day is None:
            raise StorageError(
                f"{bucket.uri(key)} is not named payments_ROWS_YYYY-MM-DD.parquet. Give the object its original name."
            )
        head = bucket.head(key)
        if head is None:
            raise StorageError(f"There is no object {bucket.uri(key)}. Name a day's object that is there.")
        return cls.of(bucket, key, day, rows_in_name(name, day) or 0, head)

    @classmethod
    def of(cls, bucket: Bucket, key: str, day: dt.date, rows: int, head: HeadObjectOutputTypeDef) -> DayObject:
        """The object of a day that was found at a key, by what the server said of it."""
        named = head.get("ChecksumCRC32", "")
        return cls(
            bucket,
            key,
            day,
            rows,
            head["ContentLength"],
            head["ETag"],
            head["LastModified"],
            head.get("VersionId"),
            named if named and "-" not in named else None,  # "-" marks a checksum of the parts' checksums
        )

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def location(self) -> str:
        return self.bucket.uri(self.key)

    @property
    def identity(self) -> tuple[str | int | dt.datetime | None, ...]:
        """ETag, bytes, time of the last change, version."""
        return (self.etag, self.size, self.modified, self.version)

    @property
    def checksums(self) -> Checksums:
        """The checksums of its bytes: the server's, where it has one of the whole, or else read in one pass.

        Raises:
            StorageError: it cannot be read, or was replaced.
        """
        return _checksums(self)

    def fetch(self, start: int, end: int) -> bytes:
        """The bytes `start` … `end` - 1.

        Raises:
            StorageError: the object was replaced, or S3 cannot be reached.
        """
        span = f"bytes={start}-{end - 1}"
        replaced = f"{self.location} was replaced while it was read. Run this again."

        def get() -> bytes:
            answer = self.bucket.client.get_object(**self.bucket.target, Key=self.key, Range=span, IfMatch=self.etag)
            if answer["ETag"] != self.etag:
                raise StorageError(replaced)  # by a server that does not look at conditions
            return answer["Body"].read()

        with explained(f"read {self.location}"):
            try:
                return in_rounds(get)
            except ClientError as error:
                if error_code(error) in NOT_THERE | {"PreconditionFailed", "412"}:
                    raise StorageError(replaced) from error
                raise

    def content(self) -> BinaryIO:
        """Its bytes as a file, fetched as they are read."""
        return cast(BinaryIO, RangeFile(self))

    def tail(self) -> bytes:
        """The bytes from where the footer begins to the end.

        Raises:
            StorageError: it was replaced, or S3 cannot be reached.
        """
        with self.content() as file:
            return read_tail(file, self.size)

    @contextmanager
    def open(self) -> Iterator[OpenDayFile]:
        """Open it.

        Raises:
            StorageError: it is missing, no Parquet file, or was replaced.
        """
        with self.content() as file, open_parquet(file, location=self.location) as opened:
            yield opened

    @contextmanager
    def open_range(self, start: int, end: int) -> Iterator[tuple[OpenDayFile, int]]:
        """Open it for reading the row groups in the bytes `start` … `end` - 1, and give the CRC-32 of these bytes.

        They are fetched once, to a temporary file, in which they have their own place. The rest is a hole.

        Raises:
            StorageError: as `open`, or the temporary file cannot be written.
        """
        crc32 = 0
        with tempfile.TemporaryFile() as file:
            try:
                file.truncate(self.size)
                file.seek(start)
                for at in range(start, end, BLOCK_BYTES):
                    content = self.fetch(at, min(at + BLOCK_BYTES, end))
                    crc32 = zlib.crc32(content, crc32)
                    file.write(content)
                file.flush()
            except OSError as error:
                raise StorageError(
                    f"Cannot keep a part of {self.location} in {tempfile.gettempdir()}: {error.strerror}. "
                    f"Free space, or set TMPDIR to another folder."
                ) from error
            with open_parquet(cast(BinaryIO, file), _footer(self), self.location) as opened:
                yield opened, crc32


class RangeFile(io.RawIOBase):
    """An object as a file, of which blocks are fetched as they are read; the last few are kept."""

    def __init__(self, day: DayObject) -> None:
        super().__init__()
        self._day, self._at, self._size = day, 0, day.size
        self._end = max(day.size - END_BYTES, 0)
        self._block = lru_cache(maxsize=BLOCKS)(self._fetch)

    def read(self, size: int | None = -1) -> bytes:
        """As many bytes as are asked for, or all that are left."""
        left = max(self._size - self._at, 0)
        end = self._at + (left if size is None or size < 0 else min(size, left))
        pieces = []
        while self._at < end:
            if self._at < self._end:
                number, place = divmod(self._at, BLOCK_BYTES)
                block = self._block(number)
            else:
                block, place = _end_of(self._day), self._at - self._end
            pieces.append(block[place : place + end - self._at])
            self._at += len(pieces[-1])
        return b"".join(pieces)

    def _fetch(self, number: int) -> bytes:
        return self._day.fetch(number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, self._end))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


@lru_cache(maxsize=1)
def _end_of(day: DayObject) -> bytes:
    """The object's last bytes, fetched once a process: whatever is asked of a day is asked of its footer first."""
    return day.fetch(max(day.size - END_BYTES, 0), day.size)


@lru_cache(maxsize=1)
def _footer(day: DayObject) -> pq.FileMetaData:
    """The object's footer, read once a process: each of its ranges needs it."""
    with day.open() as opened:
        return opened.footer


@lru_cache(maxsize=1)
def _checksums(day: DayObject) -> Checksums:
    if day.crc32 is None:
        with day.content() as file:
            return sum_bytes(file, day.size)
    whole = int.from_bytes(base64.b64decode(day.crc32), "big")
    return Checksums(day.crc32, is_sealed_by_whole(day.tail(), whole))
