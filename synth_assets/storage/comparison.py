"""Whether a day's object is its file, by the best evidence that the server gives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from synth_assets.storage.bucket import Bucket
from synth_assets.storage.layout import object_key
from synth_assets.storage.place import Day

CRC32 = "crc32"
"""The name in an object's metadata of the CRC-32 of the file that was sent."""

PART_BYTES = 8 * 2**20
MAX_PARTS = 10_000


@dataclass(frozen=True)
class Comparison:
    """How a day's object compares with its file.

    Args:
        differences: what differs, each in a few words. None: the object is the file, as far as can be told.
        evidence: what says that the bytes are the file's.
        lacking: what the server does not offer, where the evidence is not about the bytes; otherwise None.
    """

    differences: list[str]
    evidence: str = "none"
    lacking: str | None = None


def part_bytes(size: int) -> int:
    """How large the parts are in which a file of this size is sent: at most `MAX_PARTS` of them."""
    return PART_BYTES * max(1, -(-size // (PART_BYTES * MAX_PARTS)))


def compare(bucket: Bucket, file: Day, metadata: Mapping[str, str]) -> Comparison:
    """Compare the day's object with the file: size and metadata, and the bytes by what the server says of them.

    That is its CRC-32 of the whole object, or its ETag where that is the MD5 of the bytes or of the parts' MD5s. Many
    ETags are something else (of encrypted objects, for instance), so one that differs says nothing. Then only the
    CRC-32 that we put into the metadata is left, which says what was sent but not what is stored.

    Raises:
        StorageError: the bucket is missing or forbidden, or S3 cannot be reached.
    """
    key = object_key(file.name, file.day)
    head = bucket.head(key)
    if head is None:
        return Comparison([f"there is no object {bucket.uri(key)}"])
    stored = head["Metadata"]
    differences = [
        *_differences({"bytes": str(file.size)}, {"bytes": str(head["ContentLength"])}),
        *_differences(_labelled(metadata), _labelled(stored)),
    ]
    named = head.get("ChecksumCRC32", "")
    if named and "-" not in named:  # "-" and a number mark a checksum of the parts' checksums
        return Comparison([*differences, *_differences({"CRC-32": file.checksums.crc32}, {"CRC-32": named})], "CRC-32")
    if not differences and _is_md5_of(head["ETag"].strip('"'), file):
        return Comparison([], "ETag (MD5)")
    sent = {CRC32: file.checksums.crc32}
    return Comparison(
        [*differences, *_differences(_labelled(sent), _labelled(stored))],
        "size and metadata",
        "the server reports neither a CRC-32 nor an MD5 of the object, so only its size and metadata were compared",
    )


def same_bytes(one: Day, other: Day) -> bool:
    """Whether two days have the same bytes, by reading both.

    Raises:
        OSError, StorageError: one cannot be read.
    """
    if one.size != other.size:
        return False
    with one.content() as first, other.content() as second:
        return all(ours == theirs for ours, theirs in zip(_parts(first, 2**20), _parts(second, 2**20), strict=True))


def _labelled(metadata: Mapping[str, str]) -> dict[str, str]:
    return {f"metadata {name}": value for name, value in metadata.items()}


def _differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[str]:
    for what, value in ours.items():
        if (found := theirs.get(what, "none")) != value:
            yield f"{what}: {found} in the object, {value} in the file"


def _is_md5_of(etag: str, file: Day) -> bool:
    md5, _, parts = etag.partition("-")
    with file.content() as opened:
        size = part_bytes(file.size)
        if not parts:
            return _md5_of(_parts(opened, size)) == md5
        digests = [_md5(part).digest() for part in _parts(opened, size)]
    return (_md5(b"".join(digests)).hexdigest(), str(len(digests))) == (md5, parts)


def _md5(content: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(content, usedforsecurity=False)


def _md5_of(parts: Iterator[bytes]) -> str:
    digest = _md5()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _parts(opened: BinaryIO, size: int) -> Iterator[bytes]:
    while part := opened.read(size):
        yield part
