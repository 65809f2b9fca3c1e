"""A day's file as a value: where it is, what its name says, and what reading it gives."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import day_in_name, rows_in_name
from synth_assets.storage.parquet import PROVENANCE_KEY
from synth_assets.storage.sums import Checksums, crc32_up_to, read_tail, sum_bytes

BATCH_ROWS = 32_768
"""Rows read at once."""

UNREADABLE: tuple[type[Exception], ...] = (OSError, pa.ArrowException)
"""What PyArrow raises on a damaged file (a wrong page checksum is an OSError)."""


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
    def name(self) -> str:
        return self.path.name

    @property
    def location(self) -> str:
        return str(self.path)

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

    def content(self) -> BinaryIO:
        """Its bytes as a file.

        Raises:
            OSError: it cannot be read.
        """
        return self.path.open("rb")

    def tail(self) -> bytes:
        """The bytes from where the footer begins to the end.

        Raises:
            OSError: it cannot be read.
        """
        with self.content() as file:
            return read_tail(file, self.size)

    @contextmanager
    def open(self) -> Iterator[OpenDayFile]:
        """Open it. A file that is replaced meanwhile is still read to its end.

        Raises:
            StorageError: it is missing or no Parquet file.
        """
        with open_parquet(self.path) as opened:
            yield opened

    @contextmanager
    def open_range(self, start: int, end: int) -> Iterator[tuple[OpenDayFile, int]]:
        """Open it for reading the row groups in the bytes `start` … `end` - 1, and give the CRC-32 of these bytes.

        Raises:
            StorageError: it is missing, no Parquet file, or was replaced.
        """
        with open_parquet(self.path, _footer(self)) as opened, self.path.open("rb") as file:
            found = os.fstat(file.fileno())
            if DayFile.of(self.path, self.day, found) != self:
                raise StorageError(f"{self.path} was replaced while it was read. Run this again.")
            file.seek(start)
            yield opened, crc32_up_to(file, end)


@contextmanager
def open_parquet(
    source: Path | BinaryIO, footer: pq.FileMetaData | None = None, location: str = ""
) -> Iterator[OpenDayFile]:
    """Open a day's file that may not have its name yet, or its bytes; messages name it by its location.

    With `footer`, the file's own is not read.

    Raises:
        StorageError: it is missing or no Parquet file.
    """
    try:
        opened = pq.ParquetFile(source, metadata=footer, page_checksum_verification=True)
    except UNREADABLE as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise StorageError(
            f"{location or source} is not a readable Parquet file: {reason}. "
            f"Delete it, and materialize its partition again."
        ) from error
    with opened:
        yield OpenDayFile(opened)


@lru_cache(maxsize=1)
def _footer(file: DayFile) -> pq.FileMetaData:
    """The file's footer, read once a process: each of its ranges needs it."""
    with file.open() as opened:
        return opened.footer


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

    def head(self, rows: int) -> pa.RecordBatch:
        """The first rows, at most so many.

        Raises:
            OSError, pa.ArrowException: the file is damaged (`UNREADABLE`).
        """
        return next(self.parquet.iter_batches(rows, row_groups=[0]))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        row_groups: Iterable[int] | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Generator[pa.RecordBatch]:
        """The columns' rows in order, in batches that are small beside a row group, each read while one is used.

        Args:
            row_groups: the numbers, from 0, of those to read. None: all of them.
            batch_rows: the most rows of a batch. More are read faster, where few columns are read.

        Raises:
            OSError, pa.ArrowException: the file is damaged (`UNREADABLE`).
        """
        numbers = range(self.footer.num_row_groups) if row_groups is None else row_groups
        rows = self._batches(columns, numbers, batch_rows)
        with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
            ahead = reader.submit(next, rows, None)
            while (batch := ahead.result()) is not None:
                ahead = reader.submit(next, rows, None)
                yield batch

    def _batches(
        self, columns: Sequence[str] | None, row_groups: Iterable[int], batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        # Row group by row group: over the whole file, PyArrow reads ahead without a bound.
        for number in row_groups:
            yield from self.parquet.iter_batches(batch_rows, row_groups=[number], columns=columns)


@lru_cache(maxsize=1_000)  # as many as a run may have days
def _checksums(file: DayFile) -> Checksums:
    with file.content() as opened:
        return sum_bytes(opened, file.size)
