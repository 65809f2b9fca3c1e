"""Addressable randomness: (seed, day, stream, block) -> random words.

A block is `BLOCK_ROWS` consecutive rows of a day, the unit of randomness. Its streams are named after the
columns that they feed, so no column can disturb another. Philox is counter-based: its key is the address,
and NumPy guarantees its raw output across versions.
Source: J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

BLOCK_ROWS = 65_536

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

    def below(self, stream: str, count: int) -> Words:
        """One whole number a row, uniform on 0 … count - 1, for 1 <= count <= 2**32.

        Multiply and shift: no number is more than count / 2**32 more likely than another.
        """
        return (self.halves(stream) * np.uint64(count)) >> np.uint64(32)

    def chosen(self, stream: str, probability: float) -> Mask:
        """One flag a row, true with `probability`; a higher probability only turns more flags true."""
        return self.fractions(stream) < probability

    def fractions(self, stream: str) -> npt.NDArray[np.float64]:
        """One double a row, uniform on the multiples of 2**-53 in 0 … 1, without 1."""
        return (self.words(stream) >> np.uint64(11)) * np.float64(2.0**-53)

    def _raw(self, stream: str, count: int) -> Words:
        address = f"{self.seed}|{self.day.isoformat()}|{stream}|{self.number}".encode()
        key = int.from_bytes(blake2b(address, digest_size=16).digest(), "little")
        return np.random.Philox(key=key).random_raw(count)
