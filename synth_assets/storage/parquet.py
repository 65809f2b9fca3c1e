"""Writing Parquet in two halves: row groups are encoded one by one, and joined to a file by its footer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_assets.storage.footer import MAGIC, NO_SEAL, SEAL_KEY, Footer, RowGroupEntry, footer_of
from synth_assets.storage.literal_pages import LiteralPages, Part

PROVENANCE_KEY = b"synth_assets.provenance"


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are laid out. Data pages are of version 1.0, and have checksums.

    Args:
        compression: the codec of every column, as PyArrow names it: "snappy", "zstd", "lz4" or "none".
        dictionary_columns: the columns that a dictionary pays for.
        encodings: by name, the encodings of other columns, as PyArrow names them. Those that are not named are PLAIN.
        statistics: the columns whose range is stored with each row group, so that readers can skip it.
        literal_columns: the columns of Snappy that are stored in blocks of one literal, because Snappy cannot shrink
            them. They are PLAIN.
    """

    compression: str
    dictionary_columns: Sequence[str]
    encodings: Mapping[str, str]
    statistics: Sequence[str]
    literal_columns: Sequence[str] = ()


def write(
    path: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    layout: Layout,
    provenance: dict[str, Any],
) -> Iterator[int]:
    """Write each table as one row group, with `provenance` in the footer; yield the rows of each.

    At most two tables are held. The file is complete only once the iteration has ended by itself.

    Raises:
        OSError: the disk is full, or the path cannot be written to.
        StorageError: PyArrow lays files out in another way than this version knows.
    """
    footer = make_footer(schema, layout, provenance)
    with path.open("wb") as file:
        file.write(MAGIC)
        entries: list[RowGroupEntry] = []
        for entry in encode_row_groups(tables, schema, layout, file):
            entries.append(entry)
            yield entry.rows
        file.write(footer.join(entries))


def encode_row_groups(
    tables: Iterable[pa.Table], schema: pa.Schema, layout: Layout, body: BinaryIO
) -> Iterator[RowGroupEntry]:
    """Encode each table as one row group, one after the other in `body`, and yield the entry of each.

    One table is encoded while the next one is made, so at most two are held.

    Raises: as `encode_row_group`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:
        encoding: Future[RowGroupEntry] | None = None
        for table in tables:
            if encoding:
                yield encoding.result()
            encoding = encoder.submit(encode_row_group, table, schema, layout, body)
        if encoding:
            yield encoding.result()


def encode_row_group(table: pa.Table, schema: pa.Schema, layout: Layout, body: BinaryIO) -> RowGroupEntry:
    """Encode all rows of `table` as one row group and write its bytes to `body`, page by page as they are made.

    Args:
        table: any number of rows, with the names and types of `schema`.

    Raises:
        OSError: `body` cannot be written to.
        ValueError: the table has other columns than the schema.
        StorageError: PyArrow lays row groups out in another way than this version knows.
    """
    stream, part = _FileInParts(), Part(body)
    pages = LiteralPages(part, [name in layout.literal_columns for name in schema.names], table.num_rows)
    with _writer(stream, schema, layout) as writer:
        stream.begin_part(pages if layout.literal_columns else part)
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)
        stream.begin_part(tail := io.BytesIO())
    footer = footer_of(tail.getvalue())
    if layout.literal_columns:
        footer = pages.corrected(footer)
    return RowGroupEntry.parse(footer, part.length, part.crc32)


def make_footer(schema: pa.Schema, layout: Layout, provenance: dict[str, Any]) -> Footer:
    """The footer that joins row groups, which `encode_row_group` made with the same schema and layout, to a file.

    Args:
        provenance: what the footer says of the file, as JSON.

    Raises:
        StorageError: PyArrow writes footers in another way than this version knows.
    """
    text = json.dumps(provenance, separators=(",", ":")).encode()
    columns = pa.schema([_without_values(column) for column in schema], {PROVENANCE_KEY: text})
    sink = pa.BufferOutputStream()
    with _writer(sink, columns, layout) as writer:
        writer.add_key_value_metadata({SEAL_KEY: NO_SEAL})
    return Footer.parse(footer_of(sink.getvalue().to_pybytes()[len(MAGIC) :]))


def _without_values(column: pa.Field) -> pa.Field:
    """The column as files of any enum values have it, so that days can be read together.

    Polars lists the values in the metadata of the column, and refuses to read two days with other lists. Indices as
    wide as the values need are refused by PyArrow where another day has more than 255 values.
    """
    kind = pa.dictionary(pa.int32(), column.type.value_type) if pa.types.is_dictionary(column.type) else column.type
    return pa.field(column.name, kind, column.nullable)


class _FileInParts(io.RawIOBase):
    """A Parquet file of which each part is written to a place of its own. What precedes the first part is dropped.

    The bytes pass through and are not collected, because memory that is new for every row group costs a tenth of the
    time of encoding it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin_part(io.BytesIO())

    def begin_part(self, sink: Part | LiteralPages | io.BytesIO) -> None:
        self._sink = sink

    def write(self, data: Any) -> int:
        self._sink.write(data)
        return len(data)

    def writable(self) -> bool:
        return True


def _writer(sink: pa.NativeFile | io.RawIOBase, schema: pa.Schema, layout: Layout) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink,
        schema,
        compression={name: "none" if name in layout.literal_columns else layout.compression for name in schema.names},
        use_dictionary=list(layout.dictionary_columns),
        column_encoding=dict(layout.encodings),
        write_statistics=list(layout.statistics),
        data_page_version="1.0",
        write_page_checksum=True,
    )
