"""Streaming Parquet: batches in, one file out; and what a file says of itself, read back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import rows_in_name

PROVENANCE_KEY = b"synth_assets.provenance"

BATCH_ROWS = 32_768
"""Rows read at once."""

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
    """
    # The sink is opened here, so that it is closed even where the writer cannot begin.
    with (
        pa.OSFile(str(path), "wb") as sink,
        _writer(sink, schema, repeating, compression, provenance) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder,
    ):
        encoding: Future[None] | None = None
        for table in tables:
            if encoding:
                encoding.result()
            encoding = encoder.submit(writer.write_table, table, row_group_size=table.num_rows)
            yield table.num_rows
        if encoding:
            encoding.result()


def _writer(
    sink: pa.NativeFile, schema: pa.Schema, repeating: Sequence[str], compression: str, provenance: dict[str, Any]
) -> pq.ParquetWriter:
    unique_text = [column.name for column in schema if _is_text(column.type) and column.name not in repeating]
    return pq.ParquetWriter(
        sink,
        schema.with_metadata({PROVENANCE_KEY: json.dumps(provenance, separators=(",", ":")).encode()}),
        compression=compression,
        use_dictionary=list(repeating),
        write_statistics=[name for name in schema.names if name not in unique_text],
        write_page_checksum=True,
    )


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

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns' rows in order, in batches that are small beside a row group."""
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
