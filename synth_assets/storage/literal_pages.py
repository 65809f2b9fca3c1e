"""Snappy blocks of one literal, for columns of text that Snappy cannot shrink: ids and hashes.

In plain values every text has its length before it, four bytes that repeat. They keep Snappy searching: three such
columns take two fifths of the time of encoding a day, and shrink by a few percent. So the column is encoded without
compression, and each of its pages is made a Snappy block that says "these bytes, as they are". It is a column of Snappy
to every reader, and read at the speed of a copy.

A block, by https://github.com/google/snappy/blob/main/format_description.txt: the length of the page as a varint; 0xFC,
which means a literal with its length in four bytes; its length less one, the lowest byte first; the page.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from synth_assets.storage.checksum import combine_crc32
from synth_assets.storage.errors import StorageError
from synth_assets.storage.footer import unknown_layout
from synth_assets.storage.thrift import Place, Template, Wanted, find, read_integer, write_integer, write_varint

_SNAPPY = 1
# The structs that are touched: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
_PAGE_HEADER: Wanted = {3: "compressed_size", 4: "crc", 5: {1: "values"}}
_COLUMN_META_DATA: Wanted = {4: "codec", 6: "plain_size", 7: "compressed_size", 9: "offset", 11: "offset"}
_ROW_GROUP: Wanted = {1: {3: _COLUMN_META_DATA}, 2: "plain_total", 6: "compressed_total"}
_FILE_META_DATA: Wanted = {4: _ROW_GROUP}


class Part:
    """A run of bytes on its way to a sink.

    Attributes:
        length: in bytes.
        crc32: of the bytes.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.length = self.crc32 = 0

    def write(self, data: Any, crc32: int | None = None) -> None:
        """Write bytes, whose checksum need not be made again where it is known."""
        self._sink.write(data)
        self.length += len(data)
        self.crc32 = zlib.crc32(data, self.crc32) if crc32 is None else combine_crc32(self.crc32, crc32, len(data))


@dataclass
class _Growth:
    """By how many bytes a column chunk has grown: the headers of its pages, and the pages."""

    headers: int = 0
    pages: int = 0


class LiteralPages:
    """The pages of one row group, as PyArrow writes them: each a header and then the page, column after column.

    Args:
        part: where the pages go.
        literal: for each column, whether its pages are to become literals. They must be uncompressed.
        rows: how many the row group has.
    """

    def __init__(self, part: Part, literal: Sequence[bool], rows: int) -> None:
        self._part = part
        self._literal = literal
        self._rows = rows
        self._growth = [_Growth() for _ in literal]
        self._column = self._values = 0
        self._header = b""
        self._places: list[Place] = []

    def write(self, data: Any) -> None:
        """Take in a page's header, or the page of the header before.

        Raises:
            StorageError: it is neither.
        """
        if not self._header:
            self._begin_page(bytes(data))
            return
        if len(data) != self._integer("compressed_size"):
            raise _unknown_pages()
        if self._literal[self._column]:
            self._write_literal(data)
        else:
            self._part.write(self._header)
            self._part.write(data)
        self._end_page()

    def _begin_page(self, header: bytes) -> None:
        if self._column == len(self._literal):
            raise _unknown_pages()
        try:
            self._places, end = find(header, _PAGE_HEADER)
        except (IndexError, KeyError) as error:
            raise _unknown_pages() from error
        if end != len(header):
            raise _unknown_pages()
        self._header = header

    def _end_page(self) -> None:
        self._values += self._integer("values")
        self._header = b""
        if self._values == self._rows:
            self._column, self._values = self._column + 1, 0

    def _write_literal(self, page: Any) -> None:
        size, crc32 = len(page), self._integer("crc") % 2**32
        before = write_varint(size) + b"\xfc" + (size - 1).to_bytes(4, "little")
        block_crc32 = combine_crc32(zlib.crc32(before), crc32, size)
        signed = block_crc32 - 2**32 if block_crc32 >= 2**31 else block_crc32
        changed = {"compressed_size": size + len(before), "crc": signed}
        places = [place for place in self._places if place.name in changed]
        header = Template.cut(self._header, 0, len(self._header), places).fill(
            write_integer(changed[place.name]) for place in places
        )
        self._part.write(header + before)
        self._part.write(page, crc32)
        grown = self._growth[self._column]
        grown.headers += len(header) - len(self._header)
        grown.pages += len(before)

    def _integer(self, name: str) -> int:
        """What the header says; 0 where it says nothing, as of the values of a dictionary's page."""
        return next((read_integer(self._header, place.start) for place in self._places if place.name == name), 0)

    def corrected(self, footer: bytes) -> bytes:
        """PyArrow's footer of the row group, as it is of the pages that were written.

        Raises:
            StorageError: there were other pages than those of the row group's columns.
        """
        if self._rows and self._column != len(self._literal):
            raise _unknown_pages()
        places, end = find(footer, _FILE_META_DATA)
        return Template.cut(footer, 0, end, places).fill(map(write_integer, self._corrected(footer, places)))

    def _corrected(self, footer: bytes, places: Sequence[Place]) -> Iterator[int]:
        headers = sum(grown.headers for grown in self._growth)
        pages = sum(grown.pages for grown in self._growth)
        column, moved, grown = -1, 0, _Growth()
        for place in places:
            number = read_integer(footer, place.start)
            match place.name:
                case "codec":  # the first of a column's
                    moved += grown.headers + grown.pages
                    column += 1
                    grown = self._growth[column]
                    yield _SNAPPY if self._literal[column] else number
                case "plain_size":
                    yield number + grown.headers
                case "compressed_size":
                    yield number + grown.headers + grown.pages
                case "offset":
                    yield number + moved
                case "plain_total":
                    yield number + headers
                case "compressed_total":
                    yield number + headers + pages


def _unknown_pages() -> StorageError:
    return unknown_layout("it does not write a page's header and then the page, column after column")
