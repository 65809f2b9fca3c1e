"""Row groups that were encoded alone, joined: the file is PyArrow's own, byte for byte."""

from __future__ import annotations

import datetime as dt
import io
import json
import pickle
import re
import zlib
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_assets.day import layout_of
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.footer import MAGIC, NO_SEAL, SEAL, SEAL_KEY, RowGroupEntry, footer_of
from synth_assets.storage.parquet import Layout
from tests.conftest import make_plan

ROWS = 2_000
PROVENANCE = {"made": "by a test"}
LAYOUT = Layout(
    "snappy",
    ["word", "nothing at all"],
    {"id": "DELTA_LENGTH_BYTE_ARRAY", "time": "DELTA_BINARY_PACKED", "count": "DELTA_BINARY_PACKED"},
    ["word", "time", "count", "amount", "flag"],
)


def sample() -> pa.Table:
    """Every type of the contract, dense and with nulls, and a column of nulls alone."""
    numbers = range(ROWS)
    start = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
    columns = {
        "id": pa.array([f"{number * 2654435761 % 2**32:08x}" for number in numbers]),
        "word": pa.array([f"word {number % 7}" for number in numbers]).dictionary_encode(),
        "text": pa.array([None if number % 3 else f"text {number}" for number in numbers], pa.large_string()),
        "time": pa.array([start + dt.timedelta(seconds=number) for number in numbers], pa.timestamp("ns", "UTC")),
        "count": pa.array([number % 5 or None for number in numbers], pa.int64()),
        "amount": pa.array([number / 100 for number in numbers]),
        "flag": pa.array([number % 11 == 0 for number in numbers]),
        "nothing": pa.nulls(ROWS, pa.string()),
        "nothing at all": pa.nulls(ROWS, pa.string()).dictionary_encode(),
    }
    table = pa.table(columns)
    required = [field.with_nullable(table[field.name].null_count > 0) for field in table.schema]
    return table.cast(pa.schema(required))


TABLE = sample()


def cut(sizes: list[int]) -> list[pa.Table]:
    """The table, cut into row groups of these sizes, over and over; the last one takes what is left."""
    places = [0]
    while places[-1] < ROWS:
        places.append(min(ROWS, places[-1] + sizes[len(places) % len(sizes)]))
    return [TABLE.slice(start, end - start) for start, end in pairwise(places)]


def written(path: Path, tables, schema=TABLE.schema, layout=LAYOUT, said=PROVENANCE):
    """The bytes of the product's file."""
    for _ in parquet.write(path, schema, tables, layout, said):
        pass
    return path.read_bytes()


def one_writer(tables, schema=TABLE.schema, layout=LAYOUT, said=PROVENANCE):
    """The bytes of a file that one ParquetWriter writes from first to last, and its seal, found without joining."""
    kinds = [
        pa.dictionary(pa.int32(), kind.value_type) if pa.types.is_dictionary(kind) else kind for kind in schema.types
    ]
    columns = pa.schema([pa.field(field.name, kind, field.nullable) for field, kind in zip(schema, kinds, strict=True)])
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        columns.with_metadata({"synth_assets.provenance": json.dumps(said, separators=(",", ":"))}),
        compression=layout.compression,
        use_dictionary=list(layout.dictionary_columns),
        column_encoding=dict(layout.encodings),
        write_statistics=list(layout.statistics),
        write_page_checksum=True,
    ) as writer:
        for table in tables:
            writer.write_table(table.cast(columns), row_group_size=table.num_rows)
        writer.add_key_value_metadata({SEAL_KEY: NO_SEAL})
    data = sink.getvalue().to_pybytes()
    before, after = re.split(b"(?<=" + re.escape(SEAL_KEY) + b"\x18\x08)" + NO_SEAL, data)
    return b"%b%08x%b" % (before, zlib.crc32(before + after), after)


@pytest.mark.parametrize("profile", ["uniform", "realistic"])
@pytest.mark.parametrize(
    ("codec", "chunk_size"), [("snappy", 15_000), ("snappy", 7), ("zstd", 1_000), ("lz4", 333), ("none", 16)]
)
def test_a_day_is_the_file_that_one_writer_writes(schema, tmp_path, profile, codec, chunk_size):
    encodings = "compact" if codec == "zstd" else "portable"
    file_format = {"chunk_size": chunk_size, "compression": codec, "encodings": encodings}
    plan = make_plan(rows=min(20_000, 40 * chunk_size), profile=profile, **file_format)
    tables = list(TransactionSimulator(schema, plan))
    # Blocks of one literal are no writer's of PyArrow: tests/storage/test_literal_pages.py has them.
    layout = replace(layout_of(schema, plan), literal_columns=())
    settings = (schema.arrow_schema, layout, Provenance.of(schema, plan).document)
    assert written(tmp_path / "day", tables, *settings) == one_writer(tables, *settings)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(10, ROWS), min_size=1, max_size=6), codec=st.sampled_from(["snappy", "zstd", "none"]))
def test_any_cut_into_row_groups_is_the_file_that_one_writer_writes(tmp_path, sizes, codec):
    tables, layout = cut(sizes), replace(LAYOUT, compression=codec)
    assert written(tmp_path / "cut", tables, layout=layout) == one_writer(tables, layout=layout)


def test_a_file_of_pages_and_dictionaries_larger_than_their_limits_is_the_one_that_one_writer_writes(tmp_path):
    texts = pa.array([f"{number:064}" for number in range(50_000)])
    table = pa.table({"id": texts, "word": texts.dictionary_encode()})  # a dictionary that is given up
    tables = [table.slice(0, 30_000), table.slice(30_000)]
    data = written(tmp_path / "large", tables, table.schema)
    assert data == one_writer(tables, table.schema)
    assert "PLAIN" in pq.read_metadata(tmp_path / "large").row_group(0).column(1).encodings


@pytest.mark.parametrize("tables", [[], [TABLE.slice(0, 0)]], ids=["no table", "a table without rows"])
def test_a_file_without_rows_has_no_row_groups_and_every_reader_opens_it(tmp_path, tables):
    path = tmp_path / "empty.parquet"
    assert written(path, tables) == one_writer([])
    assert pq.read_metadata(path).num_row_groups == 0
    assert pl.read_parquet(path).shape == (0, len(TABLE.schema))
    assert pq.read_table(path).schema.names == TABLE.schema.names
    assert duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall() == [(0,)]


def test_tables_without_rows_leave_no_trace(tmp_path):
    tables = cut([700])
    between = [table for full in tables for table in (TABLE.slice(0, 0), full)]
    assert written(tmp_path / "between", between) == one_writer(tables)


def test_every_reader_reads_a_joined_file(tmp_path):
    path = tmp_path / "joined.parquet"
    written(path, cut([300, 11]))
    table = pq.ParquetFile(path, page_checksum_verification=True).read()
    assert table.equals(TABLE)
    frame = pl.read_parquet(path)
    assert frame.cast(pl.String).equals(pl.DataFrame(TABLE).cast(pl.String))
    found = duckdb.sql(f"SELECT count(*), count(text), sum(count), max(id), count(nothing) FROM '{path}'").fetchall()
    assert found == [(ROWS, frame["text"].count(), frame["count"].sum(), frame["id"].max(), 0)]


def test_whoever_joins_needs_entries_alone_and_they_travel(tmp_path):
    tables, bodies, entries = cut([900]), [], []
    for table in reversed(tables):  # in any order, as other processes would send them
        body = io.BytesIO()
        entry = parquet.encode_row_group(table, TABLE.schema, LAYOUT, body)
        bodies.insert(0, body.getvalue())
        entries.insert(0, pickle.dumps(entry))
        assert (entry.rows, entry.length, entry.crc32) == (table.num_rows, len(bodies[0]), zlib.crc32(bodies[0]))
    footer = pickle.loads(pickle.dumps(parquet.make_footer(TABLE.schema, LAYOUT, PROVENANCE)))
    tail = footer.join(map(pickle.loads, entries))
    assert MAGIC + b"".join(bodies) + tail == one_writer(tables)
    assert max(map(len, entries)) < 3_000


def test_the_seal_is_the_checksum_of_all_other_bytes(tmp_path):
    data = written(tmp_path / "sealed", cut([123]))
    start, end = SEAL.search(data).span(1)
    assert int(data[start:end], 16) == zlib.crc32(data[:start] + data[end:])


def test_offsets_beyond_four_gigabytes_are_written(tmp_path):
    entry = parquet.encode_row_group(TABLE, TABLE.schema, LAYOUT, io.BytesIO())
    footer = parquet.make_footer(TABLE.schema, LAYOUT, PROVENANCE)
    count = 2**33 // entry.length // 1_000
    long = RowGroupEntry(entry.template, entry.offsets, entry.rows, 1_000 * entry.length, entry.crc32)
    tail = footer.join([long] * (count + 1))
    metadata = pq.read_metadata(pa.BufferReader(MAGIC + tail))
    last = metadata.row_group(count).column(0).data_page_offset
    assert (metadata.num_row_groups, last) == (count + 1, len(MAGIC) + count * long.length + entry.offsets[0])
    assert last > 2**32


@pytest.mark.parametrize("option", [{"write_page_index": True}, {"bloom_filter_options": {"id": True}}])
def test_pages_that_point_outside_their_row_group_are_one_clear_error(tmp_path, monkeypatch, option):
    monkeypatch.setattr(parquet.pq, "ParquetWriter", partial(pq.ParquetWriter, **option))
    with pytest.raises(
        StorageError, match=r"PyArrow .* something between row groups and footer\. Install the versions"
    ):
        written(tmp_path / "file", [TABLE])


def test_a_row_group_that_is_not_one_run_of_pages_is_one_clear_error():
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink)
    data = sink.getvalue().to_pybytes()
    footer = footer_of(data[-8 - int.from_bytes(data[-8:-4], "little") :])
    length = len(data) - len(footer) - 12
    assert RowGroupEntry.parse(footer, length, 0).length == length
    with pytest.raises(StorageError, match=r"not one run of pages, or is numbered\. Install the versions"):
        RowGroupEntry.parse(footer, length + 1, 0)


def test_a_table_of_other_columns_is_refused(tmp_path):
    with pytest.raises(ValueError, match="schema does not match"):
        written(tmp_path / "file", [TABLE, TABLE.drop_columns("id")])
