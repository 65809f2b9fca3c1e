"""Streaming Parquet: batches in, one file out; and what a file says of itself, read back."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import rows_in_name

PROVENANCE_KEY = b"synth_assets.provenance"

BATCH_ROWS = 32_768
"""Rows read at once."""

SEAL_KEY = b"synth_assets.crc32"
_NO_SEAL = b"00000000"
_SEAL = re.compile(re.escape(SEAL_KEY) + b"\x18\x08([0-9a-f]{8})")
"""The footer's entry, as Thrift's compact protocol spells it: the key, then a text of eight bytes."""

UNREADABLE: tuple[type[Exception], ...] = (OSError, pa.ArrowException)
"""What PyArrow raises on a damaged file (a wrong page checksum is an OSError)."""


def write(
    path: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    repeating: Sequence[str],
    compression: str,
    provenance: dict[str, Any],
) -> Iterator[int]:
    """Write each table as one row group, with `provenance` as JSON in the footer; yield the rows of each.

    One table is encoded while the next one is made, so at most two are held. The file is complete only once the
    iteration has ended by itself.

    Args:
        repeating: the columns that a dictionary pays for. Text that does not repeat has no statistics either:
            nobody filters by a range of hashes.

    Raises:
        OSError: the disk is full, or the path cannot be written to.
        StorageError: PyArrow spells footers in another way than this version knows.
    """
    # The sink is opened here, so that it is closed even where the writer cannot begin.
    with (
        pa.OSFile(str(path), "wb") as sink,
        _writer(sink, schema, repeating, compression, provenance) as writer,
        path.open("r+b") as written,
        ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder,
    ):
        encoding: Future[None] | None = None
        checksum = 0
        for table in tables:
            if encoding:
                encoding.result()
            finished = sink.tell()
            encoding = encoder.submit(writer.write_table, table, row_group_size=table.num_rows)
            # What is finished is read back while the next row group is encoded.
            checksum = _crc32(written, finished, checksum)
            yield table.num_rows
        if encoding:
            encoding.result()
        writer.add_key_value_metadata({SEAL_KEY: _NO_SEAL})
        writer.close()
        seal = _seal(written, written.tell(), checksum)
        if seal is None:
            raise StorageError(
                f"The footer of {path} has no place for its checksum, as PyArrow {pa.__version__} spells it. "
                f"Install the versions of constraints.txt."
            )
        place, _, right = seal
        written.seek(place)
        written.write(right)


def _seal(file: BinaryIO, start: int = 0, checksum: int = 0) -> tuple[int, bytes, bytes] | None:
    """Where the file's seal is, what it says, and what it should say: the CRC-32 of all bytes but its own, where
    `checksum` is that of the bytes before `start`.

    None where the footer has no seal. Page checksums cover neither page headers, nor statistics, nor the footer.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 8, 0))
    footer = max(end - 8 - int.from_bytes(file.read(4), "little"), 0)
    file.seek(footer)
    found = _SEAL.search(file.read())
    if found is None:
        return None
    place = footer + found.start(1)
    file.seek(start)
    checksum = _crc32(file, place, checksum)
    file.seek(place + len(_NO_SEAL))
    checksum = zlib.crc32(file.read(), checksum)
    return place, found[1], b"%08x" % checksum


def _crc32(file: BinaryIO, end: int, checksum: int) -> int:
    """The checksum, continued over the bytes from the file's position up to `end`."""
    while (missing := end - file.tell()) > 0 and (part := file.read(min(2**20, missing))):
        checksum = zlib.crc32(part, checksum)
    return checksum


def _writer(
    sink: pa.NativeFile, schema: pa.Schema, repeating: Sequence[str], compression: str, provenance: dict[str, Any]
) -> pq.ParquetWriter:
    unique = [column for column in schema if column.name not in repeating]
    return pq.ParquetWriter(
        sink,
        schema.with_metadata({PROVENANCE_KEY: json.dumps(provenance, separators=(",", ":")).encode()}),
        compression=compression,
        use_dictionary=list(repeating),
        column_encoding={column.name: _encoding(column.type) for column in unique},
        write_statistics=[column.name for column in schema if column not in unique or not _is_text(column.type)],
        write_page_checksum=True,
    )


def _encoding(kind: pa.DataType) -> str:
    """The encoding of values that no dictionary pays for.

    Lengths apart from the text cost Snappy a third less time than in between, and readers a quarter; differences of
    times and ids take half the bytes.
    """
    if _is_text(kind):
        return "DELTA_LENGTH_BYTE_ARRAY"
    return "DELTA_BINARY_PACKED" if pa.types.is_integer(kind) or pa.types.is_timestamp(kind) else "PLAIN"


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


@dataclass(frozen=True)
class DayFile:
    """A day's Parquet file, opened for reading. A file that is replaced meanwhile is still read to its end."""

    path: Path
    named_rows: int
    parquet: pq.ParquetFile

    @property
    def schema(self) -> pa.Schema:
        return self.parquet.schema_arrow

    @property
    def rows(self) -> int:
        return self.parquet.metadata.num_rows

    @property
    def row_groups(self) -> int:
        return self.parquet.metadata.num_row_groups

    @property
    def provenance(self) -> dict[str, Any] | None:
        """The footer's provenance, or None where it is absent or no JSON object."""
        try:
            found = json.loads((self.parquet.metadata.metadata or {}).get(PROVENANCE_KEY, b"null"))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def sealed(self) -> bool:
        """Whether every byte is as it was written."""
        with self.path.open("rb") as file:
            seal = _seal(file)
        return seal is not None and seal[1] == seal[2]

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns' rows in order, in batches that are small beside a row group, each read while one is used."""
        rows = self._batches(columns)
        with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
            ahead = reader.submit(next, rows, None)
            while (batch := ahead.result()) is not None:
                ahead = reader.submit(next, rows, None)
                yield batch

    def _batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        # Row group by row group: over the whole file, PyArrow reads ahead without a bound.
        for number in range(self.row_groups):
            yield from self.parquet.iter_batches(BATCH_ROWS, row_groups=[number], columns=columns)


@contextmanager
def opened(path: Path, day: dt.date) -> Iterator[DayFile]:
    """Open a day's file.

    Raises:
        StorageError: the file is missing or no Parquet file.
    """
    try:
        parquet = pq.ParquetFile(path, page_checksum_verification=True)
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise StorageError(
            f"{path} is not a readable Parquet file: {reason}. Materialize its partition again."
        ) from error
    with parquet:
        yield DayFile(path, rows_in_name(path.name, day) or 0, parquet)
