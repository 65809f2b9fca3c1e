"""Thrift's compact protocol: integers found and set, all else copied."""

import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.storage.thrift import Template, find, read_integer, write_integer, write_list_header

PAGE_HEADER = {2: "uncompressed_page_size", 3: "compressed_page_size", 4: "crc"}


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_is_read_as_it_was_written(value):
    assert read_integer(b"\xff" + write_integer(value), 1) == value


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0, b"\x00"), (-1, b"\x01"), (1, b"\x02"), (63, b"\x7e"), (64, b"\x80\x01"), (-65, b"\x81\x01")],
)
def test_integers_are_written_as_the_protocol_says(value, spelt):
    assert write_integer(value) == spelt


@pytest.mark.parametrize(("length", "spelt"), [(0, b"\x0c"), (14, b"\xec"), (15, b"\xfc\x0f"), (300, b"\xfc\xac\x02")])
def test_list_headers_are_written_as_the_protocol_says(length, spelt):
    assert write_list_header(length) == spelt


def test_a_walk_passes_every_type_and_enters_structs_and_lists_of_structs():
    inner = b"\x15\x02\x25\x04\x00"  # 1: i32 1; 3: i32 2
    struct = (
        b"\x11\x12\x13\x07"  # 1 true, 2 false, 3 a byte
        b"\x14\x02\x15\x04\x16\x06"  # 4 i16, 5 i32, 6 i64
        b"\x17" + bytes(8) + b"\x18\x03abc"  # 7 a double, 8 a text
        b"\x19\x25\x02\x80\x01"  # 9 a list of two i32
        b"\x19\x21\x01\x02"  # 10 a list of two Booleans
        b"\x1c" + inner + b"\x19\x2c" + inner + inner + b"\x1a\x15\x02"  # 11 a struct, 12 a list of two, 13 a set
        b"\x19\xf5\x10"
        + b"\x02" * 16  # 14 a list of sixteen i32
        + b"\x06\x80\x02\x08\x00"  # field 128, its number written out: i64 4
    )
    wanted = {5: "own", 10: "list", 11: {1: "nested"}, 12: {3: "of each"}, 128: "last"}
    places, end = find(b"before" + struct + b"after", wanted, start=6)
    assert end == 6 + len(struct)
    assert [place.name for place in places] == ["own", "list", "nested", "of each", "of each", "last"]
    data = b"before" + struct
    assert data[places[1].start : places[1].end] == b"\x21\x01\x02"
    assert [read_integer(data, place.start) for place in places if place.name != "list"] == [2, 1, 2, 2, 4]


def test_a_template_copies_all_that_is_not_set():
    places, end = find(b"\x15\x02\x18\x01x\x15\x04\x00", {1: "first", 3: "third"})
    template = Template.cut(b"\x15\x02\x18\x01x\x15\x04\x00", 0, end, places)
    assert template.fill([write_integer(1), write_integer(2)]) == b"\x15\x02\x18\x01x\x15\x04\x00"
    assert template.fill([write_integer(-64), write_integer(500)]) == b"\x15\x7f\x18\x01x\x15\xe8\x07\x00"


def test_page_headers_are_read_and_set_anew():
    table = pa.table({"id": [f"{number:08x}" for number in range(20_000)]})
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="none", use_dictionary=False, data_page_size=50_000, write_page_checksum=True
    )
    data = sink.getvalue().to_pybytes()
    column = pq.read_metadata(pa.BufferReader(data)).row_group(0).column(0)
    at = start = column.data_page_offset
    pages = 0
    while at < start + column.total_compressed_size:
        places, end = find(data, PAGE_HEADER, at)
        values = [read_integer(data, place.start) for place in places]
        header = Template.cut(data, at, end, places)
        assert header.fill(map(write_integer, values)) == data[at:end]
        size = values[1]
        assert values[0] == size
        assert values[2] % 2**32 == zlib.crc32(data[end : end + size])
        again = header.fill(map(write_integer, (1, 2**31 - 1, -3)))
        found, _ = find(again, PAGE_HEADER)
        assert [read_integer(again, place.start) for place in found] == [1, 2**31 - 1, -3]
        at, pages = end + size, pages + 1
    assert (pages > 1, at) == (True, start + column.total_compressed_size)


def test_data_that_end_too_soon_are_an_error():
    with pytest.raises(IndexError):
        find(b"\x15\x02\x18", {})
