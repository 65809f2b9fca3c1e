"""Checksums of parts, combined."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from synth_assets.storage.checksum import combine_crc32


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_the_checksums_of_two_parts_make_that_of_the_whole(first, second):
    assert combine_crc32(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


def test_a_part_may_be_longer_than_four_gigabytes():
    zeros = bytes(2**20)
    whole, length = zlib.crc32(zeros), len(zeros)
    while length < 2**33:
        whole, length = combine_crc32(whole, whole, length), 2 * length
    parts = combine_crc32(whole, zlib.crc32(zeros), len(zeros))
    assert combine_crc32(zlib.crc32(zeros), whole, length) == parts  # 2^33 + 2^20 zeros, cut in two ways


def test_the_order_of_parts_matters():
    assert combine_crc32(zlib.crc32(b"a"), zlib.crc32(b"b"), 1) != combine_crc32(zlib.crc32(b"b"), zlib.crc32(b"a"), 1)
