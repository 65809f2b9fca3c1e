"""What is written, as the readers of the field see it."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from synth_assets.generator.plan import ProfileName
from synth_assets.generator.provenance import Provenance
from synth_assets.storage import parquet
from synth_assets.storage.day_file import open_parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.thrift import find, read_integer
from tests.conftest import DAY, make_frame, make_plan, write_day

PLAN = make_plan(rows=25_000, chunk_size=10_000)
CODECS = {"snappy": "SNAPPY", "zstd": "ZSTD", "lz4": "LZ4", "none": "UNCOMPRESSED"}
"""By the plan's setting, how the footer names the codec."""


@pytest.fixture(scope="module")
def path(schema, tmp_path_factory):
    return write_day(tmp_path_factory.mktemp("day"), schema, PLAN)


@pytest.fixture(scope="module")
def compact(schema, tmp_path_factory):
    plan = make_plan(rows=25_000, chunk_size=10_000, encodings="compact")
    return write_day(tmp_path_factory.mktemp("compact"), schema, plan)


def test_each_chunk_is_one_row_group_in_snappy(path):
    metadata = pq.ParquetFile(path).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [10_000, 10_000, 5_000]
    codecs = {metadata.row_group(0).column(i).compression for i in range(metadata.num_columns)}
    assert codecs == {"SNAPPY"}


@pytest.mark.parametrize(("setting", "codec"), list(CODECS.items())[1:])
def test_the_other_codecs_hold_the_same_values(schema, tmp_path, path, setting, codec):
    other = write_day(tmp_path, schema, make_plan(rows=25_000, chunk_size=10_000, compression=setting))
    assert pq.ParquetFile(other).metadata.row_group(0).column(0).compression == codec
    assert_frame_equal(pl.read_parquet(other), pl.read_parquet(path))


OLD_ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY"}
"""What every reader has had for ten years. RLE is that of the definition levels."""


def chunks_of(path: Path) -> Iterator[pq.ColumnChunkMetaData]:
    """Every column chunk of every row group, as the footer has it."""
    footer = pq.read_metadata(path)
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        yield from (group.column(place) for place in range(group.num_columns))


@pytest.mark.parametrize("profile", get_args(ProfileName))
@pytest.mark.parametrize(("setting", "codec"), CODECS.items())
def test_a_default_file_has_plain_values_and_dictionaries_alone(schema, tmp_path, profile, setting, codec):
    path = write_day(tmp_path, schema, make_plan(rows=2_500, chunk_size=1_000, profile=profile, compression=setting))
    chunks = list(chunks_of(path))
    assert len(chunks) == 3 * len(schema.names)
    assert {encoding for chunk in chunks for encoding in chunk.encodings} == OLD_ENCODINGS
    assert {chunk.compression for chunk in chunks} == {codec}
    assert {chunk.physical_type for chunk in chunks} == {"BOOLEAN", "BYTE_ARRAY", "DOUBLE", "INT64"}


@pytest.mark.parametrize("path_of", ["path", "compact"])
def test_data_pages_are_of_the_first_version_and_have_checksums(path_of, request):
    path = request.getfixturevalue(path_of)
    content = path.read_bytes()
    for chunk in chunks_of(path):
        kinds, checksums = page_kinds(content, chunk)
        assert kinds == [DICTIONARY_PAGE] * chunk.has_dictionary_page + [DATA_PAGE] * (
            len(kinds) - chunk.has_dictionary_page
        )
        assert all(checksums)


DATA_PAGE, DICTIONARY_PAGE = 0, 2
"""PageType of https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift; 3 is version 2."""


def page_kinds(content: bytes, chunk: pq.ColumnChunkMetaData) -> tuple[list[int], list[bool]]:
    """The types of a chunk's pages, and whether each has a checksum."""
    at = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    end = at + chunk.total_compressed_size
    kinds, checksums = [], []
    while at < end:
        places, start = find(content, {1: "type", 3: "compressed_page_size", 4: "crc"}, at)
        header = {place.name: read_integer(content, place.start) for place in places}
        kinds.append(header["type"])
        checksums.append("crc" in header)
        at = start + header["compressed_page_size"]
    return kinds, checksums


@pytest.mark.parametrize(
    ("column", "encoding"),
    [
        ("transaction_id", "DELTA_LENGTH_BYTE_ARRAY"),
        ("ip_address", "DELTA_LENGTH_BYTE_ARRAY"),
        ("event_time", "DELTA_BINARY_PACKED"),
        ("customer_id", "DELTA_BINARY_PACKED"),
        ("amount", "PLAIN"),
        ("merchant_id", "RLE_DICTIONARY"),
        ("mcc_code", "RLE_DICTIONARY"),
        ("user_agent", "RLE_DICTIONARY"),
    ],
)
def test_in_a_compact_file_each_kind_of_column_has_the_encoding_that_pays(schema, compact, column, encoding):
    chunk = pq.read_metadata(compact).row_group(0).column(schema.names.index(column))
    others = {"PLAIN"} if encoding == "RLE_DICTIONARY" else set()  # the dictionary itself
    assert set(chunk.encodings) - {"RLE"} == {encoding} | others


def test_a_compact_file_holds_the_same_values_and_is_smaller(path, compact):
    assert_frame_equal(pl.read_parquet(compact), pl.read_parquet(path))
    assert compact.stat().st_size < path.stat().st_size


def test_the_columns_of_the_footer_say_nothing_of_enum_values(path):
    columns = pq.read_schema(path)
    assert [column.metadata for column in columns] == [None] * len(columns)
    assert b"_PL_ENUM" not in path.read_bytes()


def test_required_columns_are_required_in_the_file(schema, path):
    columns = pq.ParquetFile(path).schema
    required = {columns.column(i).name for i in range(len(columns)) if columns.column(i).max_definition_level == 0}
    assert required == {field.name for field in schema.fields if field.required}


def test_polars_reads_back_exactly_what_was_generated(schema, path):
    found = pl.read_parquet(path)
    assert {found[name].dtype for name in schema.names if schema[name].dtype == "enum"} == {pl.Categorical()}
    assert_frame_equal(found.cast(schema.polars_schema), make_frame(schema, PLAN))


def test_pyarrow_reads_the_contracts_types(schema, path):
    table = pq.read_table(path)
    assert table.column_names == list(schema.names)
    assert table.schema.field("event_time").type == pa.timestamp("ns", "UTC")
    assert table.schema.field("mcc_code").type.value_type in (pa.string(), pa.large_string())
    assert table.num_rows == PLAN.rows


def test_duckdb_reads_the_same_values(schema, path):
    found = duckdb.sql(
        f"""SELECT count(*), count(DISTINCT transaction_id), sum(label_fraud::INT), count(mcc_code),
                   round(sum(amount), 2), min(event_time) AT TIME ZONE 'UTC', count(ip_address)
            FROM '{path}'"""
    ).fetchall()[0]
    frame = make_frame(schema, PLAN)
    assert found[:4] == (PLAN.rows, PLAN.rows, frame["label_fraud"].sum(), frame["mcc_code"].count())
    assert found[4] == round(frame["amount"].sum(), 2)
    assert found[5].replace(tzinfo=dt.UTC) == frame["event_time"][0]
    assert found[6] == (frame["channel"] == "ONLINE").sum()
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{path}')").fetchall())
    assert types["event_time"].startswith("TIMESTAMP")
    assert (types["amount"], types["customer_id"], types["label_fraud"]) == ("DOUBLE", "BIGINT", "BOOLEAN")


def test_the_columns_people_filter_by_have_statistics_and_hashes_have_none(path):
    group = pq.ParquetFile(path).metadata.row_group(0)
    have = {group.column(i).path_in_schema for i in range(group.num_columns) if group.column(i).is_stats_set}
    assert {"event_time", "amount", "customer_id", "merchant_id", "mcc_code", "channel", "label_fraud"} <= have
    assert not {"transaction_id", "card_pan_hash", "device_id"} & have


def test_the_footer_holds_all_that_made_the_file(schema, path):
    with open_parquet(path) as file:
        assert json.loads(file.provenance) == Provenance.of(schema, PLAN).document
        assert (file.footer.num_rows, file.footer.num_row_groups) == (25_000, 3)


def test_the_same_plan_gives_the_same_bytes(schema, tmp_path, path):
    assert write_day(tmp_path, schema, PLAN).read_bytes() == path.read_bytes()


def test_a_footer_without_a_place_for_the_checksum_is_one_clear_error_before_anything_is_written(
    schema, tmp_path, monkeypatch
):
    monkeypatch.setattr(parquet, "NO_SEAL", b"a seal of another length")
    with pytest.raises(StorageError, match=r"PyArrow .* no place for the file's checksum\. Install the versions of"):
        write_day(tmp_path, schema, make_plan(rows=10))
    assert list(tmp_path.iterdir()) == []


def test_pans_leave_no_trace_in_the_file(path):
    digits = pl.read_parquet(path).select(pl.all().cast(pl.String).str.contains(r"^\d{15,16}$").any())
    assert not any(digits.row(0))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all, PAR1"])
def test_a_file_that_is_no_parquet_gives_one_clear_error(tmp_path, content):
    path = tmp_path / f"payments_5_{DAY}.parquet"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="not a readable Parquet file"), open_parquet(path):
        pass


def test_a_truncated_file_gives_one_clear_error(tmp_path, path):
    cut = tmp_path / path.name
    cut.write_bytes(path.read_bytes()[:-1_000])
    with pytest.raises(StorageError, match="not a readable Parquet file"), open_parquet(cut):
        pass
