"""Whether transaction ids are unique: exactly, in memory that does not grow with the rows.

An id's 64-bit fingerprint belongs to a bucket by its upper bits, so that equal ids meet in one bucket. A bucket is
proved by sorting it; ids whose fingerprints meet are read again and compared themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from synth_assets.generator.streams import Words

IDS_A_BUCKET = 4_000_000
"""Fingerprints (8 bytes each) that are held at once."""

Ids = Callable[[], Iterator[pl.Series]]
"""Reads a file's ids from the start, some at a time."""


def bucket_count(rows: int) -> int:
    """The buckets that so many ids need."""
    return -(-max(rows, 1) // IDS_A_BUCKET)


def _bucket_of(prints: Words, buckets: int) -> Words:
    return ((prints >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)


class Bucket:
    """The fingerprints of one bucket of several, gathered while ids go by."""

    def __init__(self, number: int, buckets: int) -> None:
        self._number = number
        self._buckets = buckets
        self._fingerprints = bytearray()

    def add(self, ids: pl.Series) -> None:
        """Take in those of the ids that belong to the bucket."""
        prints = ids.hash().to_numpy()
        if self._buckets > 1:
            prints = prints[_bucket_of(prints, self._buckets) == self._number]
        # An array that grows by bytes is moved, not copied.
        self._fingerprints += prints.data.cast("B")

    def add_fingerprints(self, prints: bytes) -> None:
        """Take in fingerprints of the bucket, as `cut` gives them."""
        self._fingerprints += prints

    def repeated(self, enough: int = 100) -> list[int]:
        """Fingerprints that appear more than once, at most `enough`. The bucket is sorted where it is."""
        ordered = self._sorted()
        return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])[:enough].tolist()

    def cut(self, buckets: int) -> tuple[bytes, list[int]]:
        """The bucket as so many smaller ones: its fingerprints in order, 8 bytes each, and the places in them where
        each of these begins, and the last one ends."""
        ordered = self._sorted()
        starts = np.searchsorted(_bucket_of(ordered, buckets), np.arange(buckets + 1, dtype=np.uint64))
        return ordered.tobytes(), (starts * ordered.itemsize).tolist()

    def _sorted(self) -> Words:
        ordered = np.frombuffer(self._fingerprints, dtype=np.uint64)
        ordered.sort()
        return ordered


def repeated_ids(first: Bucket, buckets: int, ids: Ids, examples: int = 5) -> list[str]:
    """Some ids that appear more than once; empty where all are different.

    Args:
        first: bucket 0, gathered already.
        buckets: how many there are; the others are read for here.
        ids: reads the ids again.
    """
    suspects = first.repeated()
    for number in range(1, buckets):
        suspects += _gathered(Bucket(number, buckets), ids()).repeated()
    return most_repeated((suspected(some, suspects) for some in ids()), examples) if suspects else []


def suspected(ids: pl.Series, suspects: list[int]) -> list[str]:
    """Those of the ids whose fingerprints are among the suspects."""
    return ids.filter(ids.hash().is_in(suspects)).cast(pl.String).to_list()


def most_repeated(ids: Iterable[Iterable[str]], examples: int = 5) -> list[str]:
    """The ids that appear more than once, the most frequent first, at most `examples`."""
    seen: Counter[str] = Counter()
    for some in ids:
        seen.update(some)
    return [str(each) for each, count in seen.most_common(examples) if count > 1]


def _gathered(bucket: Bucket, ids: Iterable[pl.Series]) -> Bucket:
    for some in ids:
        bucket.add(some)
    return bucket
