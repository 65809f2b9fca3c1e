"""Addressable randomness: (seed, day, stream, block) -> random words.

A block is `BLOCK_ROWS` consecutive rows of a day, the unit of randomness. Its streams are named after the
columns that they feed, so no column can disturb another. The address seeds NumPy's SFC64, whose raw output
NumPy guarantees across versions (NEP 19) and which is its fastest generator.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

BLOCK_ROWS = 32_768

Words = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BlockStreams:
    """The random streams of one block of `rows` rows. Asking twice for a stream gives the same numbers."""

    seed: int
    day: dt.date
    number: int
    rows: int

    def words(self, stream: str) -> Words:
        """One 64-bit word a row, uniform on 0 … 2**64 - 1."""
        return self._raw(stream, self.rows)

    def halves(self, stream: str) -> Halves:
        """One 32-bit word a row, uniform on 0 … 2**32 - 1."""
        return self._raw(stream, (self.rows + 1) // 2).astype("<u8", copy=False).view("<u4")[: self.rows]

    def below(self, stream: str, count: int | Words) -> Words:
        """One whole number a row, uniform on 0 … count - 1, for 1 <= count <= 2**32 (`count` may vary by row).

        Multiply and shift: no number is more than count / 2**32 more likely than another.
        """
        return (self.halves(stream) * np.asarray(count, dtype=np.uint64)) >> np.uint64(32)

    def chosen(self, stream: str, probability: float) -> Mask:
        """One flag a row, true with `probability` (to 2**-33); a higher one only turns more flags true."""
        return self.halves(stream) < np.uint64(round(probability * 2**32))

    def fractions(self, stream: str) -> npt.NDArray[np.float64]:
        """One double a row, uniform on the multiples of 2**-53 in 0 … 1, without 1."""
        return (self.words(stream) >> np.uint64(11)) * np.float64(2.0**-53)

    def _raw(self, stream: str, count: int) -> Words:
        address = f"{self.seed}|{self.day.isoformat()}|{stream}|{self.number}".encode()
        entropy = int.from_bytes(blake2b(address, digest_size=16).digest(), "little")
        return np.random.SFC64(np.random.SeedSequence(entropy)).random_raw(count)
