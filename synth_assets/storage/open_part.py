"""A part of a day while it is written."""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO, cast

from synth_assets.storage.place import Part


class OpenPart(io.RawIOBase):
    """Hands on what is written to `sink`.

    Attributes:
        length: the bytes written so far.
        crc32: as `Part` has it.
        receipt: what the place needs to find the part again. It is set once the part was written.
    """

    def __init__(self, number: int, sink: BinaryIO | io.RawIOBase) -> None:
        super().__init__()
        self._number = number
        self.sink = sink
        self.length = self.crc32 = 0
        self.receipt = ""

    def write(self, data: Any) -> int:
        self.sink.write(data)
        self.length += len(data)
        return len(data)

    def writable(self) -> bool:
        return True

    @property
    def file(self) -> BinaryIO:
        return cast(BinaryIO, self)

    @property
    def part(self) -> Part:
        return Part(self._number, self.length, self.crc32, self.receipt)


class SummedPart(OpenPart):
    """Sums what it hands on: a bucket asks for the checksum of each part, and a folder does not."""

    def write(self, data: Any) -> int:
        self.crc32 = zlib.crc32(data, self.crc32)
        return super().write(data)
