"""Thrift's compact protocol, as far as Parquet's footers and page headers need it: find integers, and set them anew.

This is a walker and not a Thrift library. A library decodes every value of a row group's entry to change fifty of
them, needs a copy of the format's own description, and drops what that copy does not know. The walker copies all that
it is not asked for, so a struct stays as PyArrow wrote it, byte for byte, except for what is set.

The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias, Union

Wanted: TypeAlias = Mapping[int, Union[str, "Wanted"]]
"""What is wanted of a struct, by field number: a name for the place of the field's value, or what is wanted of the
struct that it holds (of each struct, where it holds a list of them)."""

_WIDTHS = {1: 0, 2: 0, 3: 1, 7: 8, 13: 16}
"""The bytes of a field by its type: true, false, byte, double, UUID."""
_BINARY, _LIST, _SET, _STRUCT = 8, 9, 10, 12


class Place(NamedTuple):
    """Where the value of a wanted field is: the bytes `start` … `end` - 1."""

    name: str
    start: int
    end: int


class Template(NamedTuple):
    """A stretch of bytes with gaps: `around` has one part more than there are gaps."""

    around: tuple[bytes, ...]

    @classmethod
    def cut(cls, data: bytes, start: int, end: int, places: Iterable[Place]) -> Template:
        """The bytes `start` … `end` - 1 of `data`, with gaps at `places`, which are in order."""
        around = []
        for place in places:
            around.append(data[start : place.start])
            start = place.end
        return cls((*around, data[start:end]))

    def fill(self, contents: Iterable[bytes]) -> bytes:
        """The bytes with one of `contents` in each gap."""
        pieces = [self.around[0]]
        for content, after in zip(contents, self.around[1:], strict=True):
            pieces += content, after
        return b"".join(pieces)


def find(data: bytes, wanted: Wanted, start: int = 0) -> tuple[list[Place], int]:
    """The places of the wanted fields of the struct that begins at `start`, in order, and where the struct ends.

    Raises:
        IndexError: the data end before the struct does.
        KeyError: the data are not Thrift's compact protocol.
    """
    places: list[Place] = []
    return places, _walk(data, start, wanted, places)


def read_integer(data: bytes, start: int) -> int:
    """The integer of 16, 32 or 64 bits that begins at `start`."""
    value, _ = _read_varint(data, start)
    return (value >> 1) ^ -(value & 1)


def write_integer(value: int) -> bytes:
    """An integer of 16, 32 or 64 bits."""
    return write_varint(value << 1 if value >= 0 else ~(value << 1))


def write_varint(value: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_list_header(length: int) -> bytes:
    """What stands before the elements of a list of structs."""
    return bytes([length << 4 | _STRUCT]) if length < 15 else bytes([0xF0 | _STRUCT]) + write_varint(length)


def _walk(data: bytes, at: int, wanted: Wanted, places: list[Place]) -> int:
    number = 0
    while header := data[at]:
        at += 1
        if delta := header >> 4:
            number += delta
        else:
            number = read_integer(data, at)
            at = _skip_varint(data, at)
        want = wanted.get(number)
        if want is None:
            at = _skip(data, at, header & 15)
        elif isinstance(want, str):
            start, at = at, _skip(data, at, header & 15)
            places.append(Place(want, start, at))
        elif header & 15 == _STRUCT:
            at = _walk(data, at, want, places)
        else:
            count, _, at = _read_list_header(data, at)
            for _ in range(count):
                at = _walk(data, at, want, places)
    return at + 1


def _skip(data: bytes, at: int, kind: int) -> int:
    """Where the value of the type `kind` that begins at `at` ends."""
    if 4 <= kind <= 6:
        return _skip_varint(data, at)
    if kind == _BINARY:
        length, at = _read_varint(data, at)
        return at + length
    if kind == _STRUCT:
        return _walk(data, at, {}, [])
    if kind in (_LIST, _SET):
        count, kind, at = _read_list_header(data, at)
        for _ in range(count):
            at = _skip(data, at, kind) if kind > 2 else at + 1  # in a list, a Boolean takes a byte
        return at
    return at + _WIDTHS[kind]


def _skip_varint(data: bytes, at: int) -> int:
    while data[at] > 127:
        at += 1
    return at + 1


def _read_list_header(data: bytes, at: int) -> tuple[int, int, int]:
    """The number of a list's elements, their type, and where they begin."""
    header = data[at]
    if header < 0xF0:
        return header >> 4, header & 15, at + 1
    count, at = _read_varint(data, at + 1)
    return count, header & 15, at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, seven bits a byte, the lowest first; and where it ends."""
    value = shift = 0
    while (byte := data[at]) > 127:
        value |= (byte & 127) << shift
        shift += 7
        at += 1
    return value | byte << shift, at + 1
