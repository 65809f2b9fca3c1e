"""Card numbers: PANs that keep the rules of their scheme, and their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import polars_hash

from synth_assets.generator import reference
from synth_assets.generator.streams import Words


@dataclass(frozen=True)
class PanTable:
    """What the rest of a PAN needs to know of its first four digits.

    `offsets` and `counts` (by scheme) say where a scheme's entries lie; the other arrays have one value an entry:
    the four digits, their part of Luhn's sum, and how many numbers the third group after them can be.
    """

    offsets: Words
    counts: Words
    heads: Words
    head_sums: Words
    third_group_sizes: Words


@cache
def pan_table(schemes: tuple[str, ...]) -> PanTable:
    """The table of these card schemes, in this order."""
    heads, head_sums, third_group_sizes = [], [], []
    for scheme in schemes:
        scheme_heads = reference.pan_heads(scheme)
        # A PAN is its head, a third group of two or three digits, two groups of four, and the check digit.
        third_group_digits = reference.PAN_LENGTHS[scheme] - 4 - 8 - 1
        heads.append(scheme_heads)
        head_sums.append(_luhn_sums(doubles_last=third_group_digits % 2 == 0)[scheme_heads])
        third_group_sizes.append(np.full(len(scheme_heads), 10**third_group_digits, dtype=np.uint64))
    counts = np.array([len(each) for each in heads], dtype=np.uint64)
    return PanTable(
        offsets=np.cumsum(counts) - counts,
        counts=counts,
        heads=np.concatenate(heads),
        head_sums=np.concatenate(head_sums),
        third_group_sizes=np.concatenate(third_group_sizes),
    )


@cache
def _luhn_sums(doubles_last: bool) -> Words:
    """Luhn's sum (ISO/IEC 7812-1, annex B) of every four-digit group, 0000 … 9999."""
    powers = np.array([1, 10, 100, 1_000], dtype=np.uint64)
    digits = np.arange(10_000, dtype=np.uint64)[:, None] // powers % np.uint64(10)
    doubled = digits[:, 0 if doubles_last else 1 :: 2]
    doubled *= np.uint64(2)
    doubled -= np.where(doubled > 9, np.uint64(9), np.uint64(0))
    return digits.sum(axis=1, dtype=np.uint64)


def complete_pans(table: PanTable, head: Words, third: Words, second: Words, first: Words) -> Words:
    """PANs from the places of their heads in the table and the groups of digits that follow: the third group, then two
    groups of four, numbered from the right. Luhn's check digit is added at the end."""
    # The digit left of the check digit is doubled, so every group, counted from there, doubles its last.
    sums = _luhn_sums(doubles_last=True)
    at = head.astype(np.int64)  # which NumPy looks up in half the time
    total = table.head_sums[at] + sum(sums[each.astype(np.int64)] for each in (third, second, first))
    check = np.uint64(9) * total % np.uint64(10)
    digits = (table.heads[at] * table.third_group_sizes[at] + third) * np.uint64(10_000) + second
    return (digits * np.uint64(10_000) + first) * np.uint64(10) + check


def hash_pans(pans: Words) -> pl.Series:
    """The lower-case hex SHA-256 of each PAN's digits."""
    numbers = pl.DataFrame({"pan": pl.Series(pans).cast(pl.String)})
    return numbers.select(polars_hash.col("pan").chash.sha2_256()).to_series()
