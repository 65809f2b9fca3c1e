"""A Parquet file's footer, joined from what is known of each row group: nobody needs to hold the row groups' bytes.

A row group that was encoded alone differs from its place in a file only in the offsets of its pages. Its entry is
parsed once, where the row group was encoded; whoever joins entries only adds to these offsets.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from synth_assets.storage.checksum import combine_crc32
from synth_assets.storage.errors import StorageError
from synth_assets.storage.thrift import Template, Wanted, find, read_integer, write_integer, write_list_header

MAGIC = b"PAR1"
"""The first four bytes of a Parquet file, and the last."""

SEAL_KEY = b"synth_assets.crc32"
NO_SEAL = b"00000000"
SEAL = re.compile(re.escape(SEAL_KEY) + b"\x18\x08([0-9a-f]{8})")
"""The footer's entry, as Thrift's compact protocol writes it: the key, then a text of eight bytes."""

# The structs of a footer, as far as they are touched:
# https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
_FILE_META_DATA: Wanted = {3: "num_rows", 4: "row_groups"}
_COLUMN_META_DATA: Wanted = {9: "offset", 11: "offset"}  # of the first data page, and of the dictionary page
_COLUMN_CHUNK: Wanted = {3: _COLUMN_META_DATA}
_ROW_GROUP: Wanted = {1: _COLUMN_CHUNK, 3: "num_rows", 5: "offset", 6: "total_compressed_size", 7: "ordinal"}


@dataclass(frozen=True)
class RowGroupEntry:
    """What a footer says of one row group, wherever its body will be in the file.

    Attributes:
        template: the entry as Thrift writes it, with a gap for each offset.
        offsets: what stands in the gaps, in bytes from the first of the body.
        rows: how many the row group has. One without rows is left out of the file.
        length: of the body, in bytes.
        crc32: of the body.
    """

    template: Template
    offsets: tuple[int, ...]
    rows: int
    length: int
    crc32: int

    @classmethod
    def parse(cls, footer: bytes, length: int, crc32: int) -> RowGroupEntry:
        """The entry in the footer of a file that holds nothing but this row group, or none for want of rows.

        Raises:
            StorageError: PyArrow lays row groups out in another way than this version knows.
        """
        (_, row_groups), _ = find(footer, _FILE_META_DATA)
        if footer[row_groups.start : row_groups.end] == write_list_header(0):
            return cls(Template((b"",)), (), 0, length, crc32)
        start = row_groups.start + len(write_list_header(1))
        places, end = find(footer, _ROW_GROUP, start)
        numbers = {place.name: read_integer(footer, place.start) for place in places}
        # PyArrow leaves the ordinal out. It would have to be set, as the offsets are.
        if end != row_groups.end or numbers["total_compressed_size"] != length or "ordinal" in numbers:
            raise unknown_layout("a row group is not one run of pages, or is numbered")
        gaps = [place for place in places if place.name == "offset"]
        offsets = tuple(read_integer(footer, gap.start) - len(MAGIC) for gap in gaps)
        return cls(Template.cut(footer, start, end, gaps), offsets, numbers["num_rows"], length, crc32)

    def at(self, body_start: int) -> bytes:
        """The entry of the row group whose body begins at byte `body_start` of the file."""
        return self.template.fill(write_integer(body_start + offset) for offset in self.offsets)


@dataclass(frozen=True)
class Footer:
    """All of a file's footer but its row groups: schema, provenance, a place for the seal, and who wrote it."""

    template: Template

    @classmethod
    def parse(cls, footer: bytes) -> Footer:
        """The footer of a file without row groups.

        Raises:
            StorageError: it has no place for the seal, as PyArrow writes it.
        """
        if SEAL.search(footer) is None:
            raise unknown_layout("the footer has no place for the file's checksum")
        places, end = find(footer, _FILE_META_DATA)
        return cls(Template.cut(footer, 0, end, places))

    def join(self, entries: Iterable[RowGroupEntry]) -> bytes:
        """All that follows the bodies of these row groups in their file: the footer, sealed, and the file's end."""
        row_groups = []
        rows, body_start, checksum = 0, len(MAGIC), zlib.crc32(MAGIC)
        for entry in entries:
            if entry.rows:
                row_groups.append(entry.at(body_start))
                rows += entry.rows
                body_start += entry.length
                checksum = combine_crc32(checksum, entry.crc32, entry.length)
        footer = self.template.fill([write_integer(rows), write_list_header(len(row_groups)) + b"".join(row_groups)])
        return _sealed(footer + len(footer).to_bytes(4, "little") + MAGIC, checksum)


def _sealed(tail: bytes, checksum: int) -> bytes:
    """The file's last bytes with its seal: the CRC-32 of all bytes but the seal's own eight.

    `checksum` is that of all bytes before `tail`.
    """
    found = SEAL.search(tail)
    assert found is not None  # as Footer.parse has seen
    start, end = found.span(1)
    before, after = tail[:start], tail[end:]
    return b"%b%08x%b" % (before, zlib.crc32(after, zlib.crc32(before, checksum)), after)


def footer_of(tail: bytes) -> bytes:
    """The footer in what follows the row groups of a Parquet file: the footer, its length and the magic number.

    Raises:
        StorageError: the footer is not all that follows.
    """
    end = len(tail) - 4 - len(MAGIC)
    if int.from_bytes(tail[end : end + 4], "little") != end:
        raise unknown_layout("there is something between row groups and footer")
    return tail[:end]


def unknown_layout(difference: str) -> StorageError:
    """The error where PyArrow writes something else than this version knows."""
    return StorageError(
        f"PyArrow {pa.__version__} lays Parquet files out in a way that this version does not know: {difference}. "
        f"Install the versions of constraints.txt."
    )
