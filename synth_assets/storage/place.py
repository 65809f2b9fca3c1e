"""A place: where days are kept, be it a folder or a prefix of a bucket. This is what both of them can do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from synth_assets.storage.day_file import OpenDayFile
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.sums import Checksums


@dataclass(frozen=True)
class Part:
    """A stretch of a day's body that was written.

    Args:
        number: its place among the parts, from 1.
        length: in bytes.
        crc32: of its bytes, in a bucket; 0 in a folder.
        receipt: what the place needs to find it again: the path of a side file, or the ETag of a part.
    """

    number: int
    length: int
    crc32: int
    receipt: str


class PartBody(Protocol):
    """A part that is being written.

    Attributes:
        file: where its bytes go. It is written from its start to its end.
        part: what was written, once the context has ended.
    """

    @property
    def file(self) -> BinaryIO: ...
    @property
    def part(self) -> Part: ...


class Parts(Protocol):
    """Where parts of one day are written. Those of `Staged.parts` can be pickled and sent to other processes, and,
    where the day is in a bucket, to other machines."""

    def write(self, number: int) -> AbstractContextManager[PartBody]:
        """Write a part. Nothing of it stays where the body fails, and it may be written again.

        Part 1 begins with the magic bytes of a Parquet file.

        Raises:
            StorageError: the part was refused each time that it was sent, or the disk is full.
        """


class Day(Protocol):
    """A day's finished file or object, as it was when it was found. It can be pickled."""

    def __hash__(self) -> int: ...
    @property
    def day(self) -> dt.date: ...
    @property
    def name(self) -> str:
        """payments_ROWS_YYYY-MM-DD.parquet."""

    @property
    def location(self) -> str:
        """Its path or its s3:// URI, for people to read."""

    @property
    def named_rows(self) -> int:
        """The row count in its name."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def checksums(self) -> Checksums:
        """What its bytes add up to, found once for equal days."""

    def content(self) -> BinaryIO:
        """Its bytes as a file."""

    def tail(self) -> bytes:
        """The bytes from where the footer begins to the end."""

    def open(self) -> AbstractContextManager[OpenDayFile]:
        """Open it. Its bytes are read as they are asked for.

        Raises:
            StorageError: it is missing, no Parquet file, or (an object) was replaced.
        """

    def open_range(self, start: int, end: int) -> AbstractContextManager[tuple[OpenDayFile, int]]:
        """Open it for reading the row groups that lie in the bytes `start` … `end` - 1, and give the CRC-32 of these.

        They are fetched once. Row groups elsewhere cannot be read.

        Raises:
            StorageError: as `open`.
        """


class Staged(Protocol):
    """A day under construction.

    Attributes:
        parts: for workers. Each part is written by itself, in any order. In a bucket each has at least 5 MiB.
        direct: for this process alone, which writes one part after another and appends each before the next. Nothing
            is copied, a part may be of any length, and where one fails the day does.
    """

    @property
    def parts(self) -> Parts: ...
    @property
    def direct(self) -> Parts: ...

    def append(self, part: Part) -> None:
        """Take a part into the day. The numbers are consecutive from 1, and all are of `parts` or all of `direct`.

        Raises:
            StorageError: the disk is full, or the part is not what was written.
        """

    def finish(self, tail: bytes) -> Day:
        """End the day with the footer. The answer can be read at once; in a folder it has its name only after the
        context.

        Raises:
            StorageError: the day was not taken: another run has taken it over, the disk is full, or S3 refuses it.
        """


class Place(Protocol):
    """Where days are kept: at most one current file or object for each, whole or absent."""

    def find_day(self, day: dt.date) -> Day:
        """The finished day. Should a crash have left two, the one written last.

        Raises:
            StorageError: there is none, or the place cannot be read.
        """

    def lock_day(self, day: dt.date) -> AbstractContextManager[None]:
        """Let no other run begin or finish the day, or send it, until the body ends; wait while another does.

        Raises:
            StorageError: the place cannot be written to.
        """

    def replace_day(
        self, name: str, day: dt.date, metadata: Mapping[str, str], on_replaced: Callable[[Replaced], None]
    ) -> AbstractContextManager[Staged]:
        """A new day, which is the only one of its day once it is finished.

        If the body fails or does not finish it, nothing of it stays and the previous one is untouched. What killed
        runs of the day left behind is removed.

        Args:
            metadata: what made it, as an object says it (`day.object_metadata`). A file says it in its footer alone.
            on_replaced: is told of each earlier file or object of the day that has gone, unless the new one has its
                name and was made from the same inputs.

        Raises:
            StorageError: the place cannot be written to, or what is in the day's place is not ours.
        """

    def write(self, name: str) -> AbstractContextManager[Path]:
        """A path to write a side file to; afterwards it is at `name`, whole. Runs that write the same one take turns.

        Raises:
            StorageError: the place cannot be written to.
        """

    def read(self, name: str) -> AbstractContextManager[Path]:
        """A path with the bytes of a side file.

        Raises:
            StorageError: it is missing or cannot be read.
        """

    def exists(self, name: str) -> bool:
        """Whether there is a side file of this name."""

    def location(self, name: str) -> str:
        """The path or the s3:// URI of what has this name, for people to read."""
