"""A day's file as a value: where it is, what its name says, and what reading it gives."""

from __future__ import annotations

import base64
import datetime as dt
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.errors import StorageError
from synth_assets.storage.footer import SEAL
from synth_assets.storage.layout import day_in_name, rows_in_name
from synth_assets.storage.parquet import PROVENANCE_KEY

BATCH_ROWS = 32_768
"""Rows read at once."""

UNREADABLE: tuple[type[Exception], ...] = (OSError, pa.ArrowException)
"""What PyArrow raises on a damaged file (a wrong page checksum is an OSError)."""


@dataclass(frozen=True)
class Checksums:
    """What a file's bytes add up to.

    Args:
        crc32: CRC-32 of all bytes, big-endian, base64: the form of S3's ChecksumCRC32.
        sealed: whether the checksum in the footer is that of all other bytes.
    """

    crc32: str
    sealed: bool


@dataclass(frozen=True)
class DayFile:
    """A day's finished file, as it was when it was found.

    Args:
        named_rows: the row count in its name.
        identity: device, inode, bytes, times of the last change. Every write to the file gives another one: not even
            setting its times back keeps ctime.
    """

    path: Path
    day: dt.date
    named_rows: int
    identity: tuple[int, ...]

    @classmethod
    def at(cls, path: Path) -> DayFile:
        """The file at a path.

        Raises:
            StorageError: it cannot be read, or is not named as a day's file.
        """
        try:
            path.open("rb").close()
            found = path.stat()
        except OSError as error:
            raise StorageError(f"Cannot read {path}: {error.strerror}. Name a day's file that can be read.") from error
        day = day_in_name(path.name)
        if day is None:
            raise StorageError(
                f"{path} is not named payments_ROWS_YYYY-MM-DD.parquet. Give the file its original name."
            )
        return cls.of(path, day, found)

    @classmethod
    def of(cls, path: Path, day: dt.date, found: os.stat_result) -> DayFile:
        """The file of a day that was found at a path, as it was then."""
        identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        return cls(path, day, rows_in_name(path.name, day) or 0, identity)

    @property
    def size(self) -> int:
        return self.identity[2]

    @property
    def checksums(self) -> Checksums:
        """The checksums of its bytes, read in one pass and once for equal files.

        Raises:
            OSError: it cannot be read.
        """
        return _checksums(self)

    @contextmanager
    def open(self) -> Iterator[OpenDayFile]:
        """Open it. A file that is replaced meanwhile is still read to its end.

        Raises:
            StorageError: it is missing or no Parquet file.
        """
        with open_parquet(self.path) as opened:
            yield opened


@contextmanager
def open_parquet(path: Path) -> Iterator[OpenDayFile]:
    """Open a day's file that may not have its name yet.

    Raises:
        StorageError: it is missing or no Parquet file.
    """
    try:
        opened = pq.ParquetFile(path, page_checksum_verification=True)
    except UNREADABLE as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise StorageError(
            f"{path} is not a readable Parquet file: {reason}. Delete it, and materialize its partition again."
        ) from error
    with opened:
        yield OpenDayFile(opened)


@dataclass(frozen=True)
class OpenDayFile:
    """A day's file that is open for reading."""

    parquet: pq.ParquetFile

    @property
    def schema(self) -> pa.Schema:
        return self.parquet.schema_arrow

    @property
    def footer(self) -> pq.FileMetaData:
        return self.parquet.metadata

    @property
    def provenance(self) -> bytes | None:
        """What the footer says of the file's making: JSON text, or None where it says nothing."""
        return (self.footer.metadata or {}).get(PROVENANCE_KEY)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns' rows in order, in batches that are small beside a row group, each read while one is used.

        Raises:
            OSError, pa.ArrowException: the file is damaged (`UNREADABLE`).
        """
        rows = self._batches(columns)
        with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
            ahead = reader.submit(next, rows, None)
            while (batch := ahead.result()) is not None:
                ahead = reader.submit(next, rows, None)
                yield batch

    def _batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        # Row group by row group: over the whole file, PyArrow reads ahead without a bound.
        for number in range(self.footer.num_row_groups):
            yield from self.parquet.iter_batches(BATCH_ROWS, row_groups=[number], columns=columns)


@lru_cache(maxsize=1)
def _checksums(file: DayFile) -> Checksums:
    with file.path.open("rb") as opened:
        footer = _footer_start(opened, file.size)
        before = _crc32_up_to(opened, footer)
        tail = opened.read()
    seal = SEAL.search(tail)
    sealed = seal is not None and seal[1] == b"%08x" % zlib.crc32(
        tail[seal.end(1) :], zlib.crc32(tail[: seal.start(1)], before)
    )
    return Checksums(base64.b64encode(zlib.crc32(tail, before).to_bytes(4, "big")).decode(), sealed)


def _footer_start(file: BinaryIO, size: int) -> int:
    """Where a Parquet file's footer begins, by the length that stands before its last four bytes."""
    file.seek(max(size - 8, 0))
    start = max(size - 8 - int.from_bytes(file.read(4), "little"), 0)
    file.seek(0)
    return start


def _crc32_up_to(file: BinaryIO, end: int) -> int:
    """The checksum of the bytes before `end`."""
    checksum = 0
    while (missing := end - file.tell()) > 0 and (part := file.read(min(2**20, missing))):
        checksum = zlib.crc32(part, checksum)
    return checksum
