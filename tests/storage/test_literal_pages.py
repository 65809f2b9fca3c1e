"""Blocks of one literal: Snappy to every reader, and the uncompressed pages of PyArrow within."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb
import fastparquet
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_assets.day import layout_of
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.footer import MAGIC
from synth_assets.storage.literal_pages import LiteralPages, Part
from synth_assets.storage.parquet import Layout
from synth_assets.storage.thrift import find, read_integer
from tests.conftest import make_plan

ROWS = 50_000
TEXTS = [f"{number * 2654435761 % 2**32:064x}" for number in range(ROWS)]
TABLE = pa.table(
    {
        "word": pa.array([f"word {number % 7}" for number in range(ROWS)]).dictionary_encode(),
        "id": TEXTS,
        "count": list(range(ROWS)),
        "sparse": pa.array([None if number % 3 else text for number, text in enumerate(TEXTS)], pa.large_string()),
        "nothing": pa.nulls(ROWS, pa.string()),
        "given up": pa.array(TEXTS).dictionary_encode(),  # a dictionary that grows too large
        "last": TEXTS,
    }
)
TABLE = TABLE.cast(pa.schema([field.with_nullable(TABLE[field.name].null_count > 0) for field in TABLE.schema]))
TABLES = (TABLE.slice(0, 30_000), TABLE.slice(30_000))
LITERAL = ("id", "sparse", "nothing", "last")
LAYOUT = Layout("snappy", ["word", "given up"], {}, ["count"], LITERAL)


class Page(NamedTuple):
    """A page of a file: its header's numbers, and its bytes as they are in the file."""

    header: dict[str, int]
    content: bytes


def pages_of(data: bytes, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """The pages of a chunk, found from its offset and its size in the footer."""
    at = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    end = at + chunk.total_compressed_size
    while at < end:
        places, at = find(data, {1: "type", 2: "plain_size", 3: "size", 4: "crc", 5: {1: "values", 2: "encoding"}}, at)
        header = {place.name: read_integer(data, place.start) for place in places}
        yield Page(header, data[at : at + header["size"]])
        at += header["size"]
    assert at == end


def start_of(chunk: pq.ColumnChunkMetaData) -> int:
    return chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset


def written(path: Path, layout: Layout = LAYOUT, tables=TABLES) -> Path:
    for _ in parquet.write(path, TABLE.schema, tables, layout, {}):
        pass
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("literal") / "file")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """The same rows without compression."""
    layout = replace(LAYOUT, compression="none", literal_columns=())
    return written(tmp_path_factory.mktemp("plain") / "file", layout)


def groups_of(path: Path) -> Iterator[tuple[bytes, pq.RowGroupMetaData]]:
    data, footer = path.read_bytes(), pq.read_metadata(path)
    return ((data, footer.row_group(number)) for number in range(footer.num_row_groups))


def test_the_block_of_a_page_is_the_page_without_compression_and_has_its_own_checksum(path, plain):
    seen = 0
    for (data, group), (plain_data, plain_group) in zip(groups_of(path), groups_of(plain), strict=True):
        for place, name in enumerate(TABLE.schema.names):
            pages = list(pages_of(data, group.column(place)))
            expected = list(pages_of(plain_data, plain_group.column(place)))
            assert len(pages) == len(expected)
            for page, other in zip(pages, expected, strict=True):
                assert pa.decompress(page.content, page.header["plain_size"], "snappy").to_pybytes() == other.content
                assert page.header["crc"] % 2**32 == zlib.crc32(page.content)
                assert page.header | {"crc": 0, "size": 0} == other.header | {"crc": 0, "size": 0}
                if name in LITERAL:
                    assert page.content.endswith(other.content)
                    seen += 1
    assert seen > 2 * len(LITERAL)  # several pages in some columns


def test_every_column_chunk_is_snappy_where_the_footer_says_and_as_long_as_it_says(path):
    for data, group in groups_of(path):
        chunks = [group.column(place) for place in range(group.num_columns)]
        assert {chunk.compression for chunk in chunks} == {"SNAPPY"}
        for chunk, following in pairwise(chunks):
            assert start_of(following) == start_of(chunk) + chunk.total_compressed_size
        for chunk in chunks:
            pages = list(pages_of(data, chunk))
            headers = chunk.total_compressed_size - sum(len(page.content) for page in pages)
            assert chunk.total_uncompressed_size == headers + sum(page.header["plain_size"] for page in pages)
        assert group.total_byte_size == sum(chunk.total_uncompressed_size for chunk in chunks)
    (_, first), (_, second) = groups_of(path)
    last = first.column(first.num_columns - 1)
    assert start_of(first.column(0)) == len(MAGIC)
    assert start_of(second.column(0)) == start_of(last) + last.total_compressed_size


def test_readers_find_every_value(path):
    assert pq.ParquetFile(path, page_checksum_verification=True).read().equals(TABLE)
    assert pl.read_parquet(path).cast(pl.String).equals(pl.DataFrame(TABLE).cast(pl.String))
    names = ["id", "sparse", "nothing", "last"]
    assert fastparquet.ParquetFile(str(path)).to_pandas(names)["sparse"].dropna().tolist() == TEXTS[::3]
    found = duckdb.sql(f"SELECT id, sparse, last FROM read_parquet('{path}')").fetchall()
    assert found == [(text, None if number % 3 else text, text) for number, text in enumerate(TEXTS)]


def test_a_byte_that_changed_in_a_literal_is_found(path, tmp_path):
    data = bytearray(path.read_bytes())
    at = data.index(TEXTS[100].encode())
    data[at] ^= 1
    damaged = tmp_path / "damaged"
    damaged.write_bytes(data)
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.ParquetFile(damaged, page_checksum_verification=True).read()


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_row_groups_of_few_rows_are_right(tmp_path, rows):
    path = written(tmp_path / "few", tables=[TABLE.slice(5, rows)])
    assert pq.ParquetFile(path, page_checksum_verification=True).read().equals(TABLE.slice(5, rows))


@pytest.mark.parametrize("profile", ["uniform", "realistic"])
def test_a_day_has_the_same_values_with_literals_and_without(schema, tmp_path, profile):
    plan = make_plan(rows=20_000, chunk_size=15_000, profile=profile)
    tables, layout = list(TransactionSimulator(schema, plan)), layout_of(schema, plan)
    assert {"transaction_id", "card_pan_hash", "device_id"} <= set(layout.literal_columns)
    for name, each in {"literal": layout, "shrunk": replace(layout, literal_columns=())}.items():
        for _ in parquet.write(tmp_path / name, schema.arrow_schema, tables, each, {}):
            pass
    assert pl.read_parquet(tmp_path / "literal").equals(pl.read_parquet(tmp_path / "shrunk"))


@pytest.mark.parametrize("profile", ["uniform", "realistic"])
@pytest.mark.parametrize("settings", [{"compression": "zstd"}, {"compression": "none"}, {"encodings": "compact"}])
def test_only_plain_values_in_snappy_are_literals(schema, profile, settings):
    assert layout_of(schema, make_plan(profile=profile, **settings)).literal_columns == []


@pytest.mark.parametrize("profile", ["uniform", "realistic"])
def test_snappy_can_hardly_shrink_what_is_stored_as_literals(schema, profile):
    plan = make_plan(rows=50_000, profile=profile)
    table = pa.concat_tables(TransactionSimulator(schema, plan))
    for name in layout_of(schema, plan).literal_columns:
        text = "".join(table[name].drop_null().to_pylist()).encode()
        assert len(pa.compress(text, "snappy", asbytes=True)) >= 0.9 * len(text)


@pytest.mark.parametrize("data", [b"no header", b"\x15\x00", b"\x00and more"])
def test_what_is_no_header_of_a_page_is_one_clear_error(data):
    with pytest.raises(StorageError, match=r"PyArrow .* a page's header and then the page.*\. Install the versions"):
        LiteralPages(Part(io.BytesIO()), [True], 1).write(data)


def test_pages_of_another_version_are_one_clear_error(tmp_path, monkeypatch):
    # Their values are counted elsewhere in the header.
    monkeypatch.setattr(parquet.pq, "ParquetWriter", partial(as_version_2, pq.ParquetWriter))
    with pytest.raises(StorageError, match="column after column"):
        written(tmp_path / "file")


def as_version_2(writer, *args, **settings):
    return writer(*args, **settings | {"data_page_version": "2.0"})
