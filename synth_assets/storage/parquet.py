"""Writing Parquet in two halves: row groups are encoded one by one, and joined to a file by its footer."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.footer import MAGIC, NO_SEAL, SEAL_KEY, Footer, RowGroupEntry, footer_of

PROVENANCE_KEY = b"synth_assets.provenance"


def write(
    path: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    dictionary_columns: Sequence[str],
    compression: str,
    provenance: dict[str, Any],
) -> Iterator[int]:
    """Write each table as one row group, with `provenance` in the footer; yield the rows of each.

    One table is encoded while the next one is made, so at most two are held. The file is complete only once the
    iteration has ended by itself.

    Args:
        dictionary_columns: as in `encode_row_group`.

    Raises:
        OSError: the disk is full, or the path cannot be written to.
        StorageError: PyArrow lays files out in another way than this version knows.
    """
    footer = make_footer(schema, dictionary_columns, compression, provenance)
    with path.open("wb") as file, ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:

        def append(table: pa.Table) -> RowGroupEntry:
            return encode_row_group(table, schema, dictionary_columns, compression, file)

        file.write(MAGIC)
        entries: list[RowGroupEntry] = []
        encoding: Future[RowGroupEntry] | None = None
        for table in tables:
            if encoding:
                entries.append(encoding.result())
            encoding = encoder.submit(append, table)
            yield table.num_rows
        if encoding:
            entries.append(encoding.result())
        file.write(footer.join(entries))


def encode_row_group(
    table: pa.Table, schema: pa.Schema, dictionary_columns: Sequence[str], compression: str, body: BinaryIO
) -> RowGroupEntry:
    """Encode all rows of `table` as one row group and write its bytes to `body`, page by page as they are made.

    Args:
        table: any number of rows, with the names and types of `schema`.
        dictionary_columns: the columns that a dictionary pays for. Text that does not repeat has no statistics either:
            nobody filters by a range of hashes.
        compression: the codec, as PyArrow names it: "snappy", "zstd", "lz4" or "none".

    Raises:
        OSError: `body` cannot be written to.
        ValueError: the table has other columns than the schema.
        StorageError: PyArrow lays row groups out in another way than this version knows.
    """
    stream = _FileInParts()
    with _writer(stream, schema, dictionary_columns, compression) as writer:
        stream.begin_part(body)
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)
        length, crc32 = stream.length, stream.crc32
        stream.begin_part(tail := io.BytesIO())
    return RowGroupEntry.parse(footer_of(tail.getvalue()), length, crc32)


def make_footer(
    schema: pa.Schema, dictionary_columns: Sequence[str], compression: str, provenance: dict[str, Any]
) -> Footer:
    """The footer that joins row groups, which `encode_row_group` made with the same settings, to a file.

    Args:
        provenance: what the footer says of the file, as JSON.

    Raises:
        StorageError: PyArrow writes footers in another way than this version knows.
    """
    text = json.dumps(provenance, separators=(",", ":")).encode()
    sink = pa.BufferOutputStream()
    with _writer(sink, schema.with_metadata({PROVENANCE_KEY: text}), dictionary_columns, compression) as writer:
        writer.add_key_value_metadata({SEAL_KEY: NO_SEAL})
    return Footer.parse(footer_of(sink.getvalue().to_pybytes()[len(MAGIC) :]))


class _FileInParts(io.RawIOBase):
    """A Parquet file of which each part is written to a place of its own. What precedes the first part is dropped.

    The bytes pass through and are not collected, because memory that is new for every row group costs a tenth of the
    time of encoding it.

    Attributes:
        length: of the present part, in bytes.
        crc32: of the present part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin_part(io.BytesIO())

    def begin_part(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.length = self.crc32 = 0

    def write(self, data: Any) -> int:
        self._sink.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.length += len(data)
        return len(data)

    def writable(self) -> bool:
        return True


def _writer(
    sink: pa.NativeFile | io.RawIOBase, schema: pa.Schema, dictionary_columns: Sequence[str], compression: str
) -> pq.ParquetWriter:
    unique = [column for column in schema if column.name not in dictionary_columns]
    return pq.ParquetWriter(
        sink,
        schema,
        compression=compression,
        use_dictionary=list(dictionary_columns),
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
