"""What a Parquet file's bytes add up to, and whether its seal says so too."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from synth_assets.storage.checksum import combine_crc32
from synth_assets.storage.footer import SEAL


@dataclass(frozen=True)
class Checksums:
    """What a file's bytes add up to.

    Args:
        crc32: CRC-32 of all bytes, big-endian, base64: the form of S3's ChecksumCRC32.
        sealed: whether the checksum in the footer is that of all other bytes.
    """

    crc32: str
    sealed: bool


def sum_bytes(file: BinaryIO, size: int) -> Checksums:
    """The checksums of a Parquet file's bytes, read in one pass."""
    footer = footer_start(file, size)
    file.seek(0)
    before = crc32_up_to(file, footer)
    tail = file.read()
    return Checksums(crc32_text(zlib.crc32(tail, before)), is_sealed(tail, before))


def crc32_text(crc32: int) -> str:
    """A CRC-32 in the form of S3's ChecksumCRC32."""
    return base64.b64encode(crc32.to_bytes(4, "big")).decode()


def is_sealed(tail: bytes, before: int) -> bool:
    """Whether the checksum in the footer is that of all other bytes.

    Args:
        tail: the bytes from the footer's start to the end of the file.
        before: the CRC-32 of the bytes before it.
    """
    seal = SEAL.search(tail)
    return seal is not None and seal[1] == b"%08x" % zlib.crc32(
        tail[seal.end(1) :], zlib.crc32(tail[: seal.start(1)], before)
    )


def read_tail(file: BinaryIO, size: int) -> bytes:
    """The bytes from where a Parquet file's footer begins to its end."""
    file.seek(footer_start(file, size))
    return file.read()


def footer_start(file: BinaryIO, size: int) -> int:
    """Where a Parquet file's footer begins, by the length that stands before its last four bytes."""
    file.seek(max(size - 8, 0))
    return max(size - 8 - int.from_bytes(file.read(4), "little"), 0)


def crc32_up_to(file: BinaryIO, end: int) -> int:
    """The checksum of the bytes from where the file stands to `end`."""
    checksum = 0
    while (missing := end - file.tell()) > 0 and (part := file.read(min(2**20, missing))):
        checksum = zlib.crc32(part, checksum)
    return checksum


def is_sealed_by_whole(tail: bytes, whole: int) -> bool:
    """Whether the checksum in the footer is that of all other bytes, by the checksum of all bytes.

    The seal says what the bytes before the footer must add up to, together with the footer around it. So it follows
    what all bytes must add up to, without a look at them.
    """
    seal = SEAL.search(tail)
    if seal is None:
        return False
    around = zlib.crc32(tail[seal.end(1) :], zlib.crc32(tail[: seal.start(1)]))
    before = int(seal[1], 16) ^ around
    return combine_crc32(before, zlib.crc32(tail), len(seal[1])) == whole
