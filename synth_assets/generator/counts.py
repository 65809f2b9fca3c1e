"""What was counted in some rows of a day; the counts of two parts add up to those of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from synth_assets.generator.schema import TransactionSchema

HOURS = 24
BINS_A_DECADE = 10
AMOUNT_BINS = range(-2 * BINS_A_DECADE, 9 * BINS_A_DECADE)
"""Bin n holds the amounts from 10**(n / 10) up to 10**((n + 1) / 10); the first and the last also what lies beyond."""

_MS_AN_HOUR = 3_600_000


@dataclass(frozen=True)
class Counts:
    """What was counted in some rows of a day.

    Args:
        rows: how many rows there are.
        nulls: the nulls of each column.
        flags: the true values of each column of flags.
        hours: the event times by hour of the day (UTC), 24 counts.
        amounts: the amounts by bin, a count for each of `AMOUNT_BINS`; all zero where the contract makes text of them.
    """

    rows: int = 0
    nulls: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    hours: tuple[int, ...] = (0,) * HOURS
    amounts: tuple[int, ...] = (0,) * len(AMOUNT_BINS)

    @classmethod
    def of(cls, schema: TransactionSchema, rows: pa.Table | pa.RecordBatch) -> Counts:
        """Count rows that have the contract's columns."""
        counted = {column.name: column.meaning.counted for column in schema.fields}
        return cls(
            rows.num_rows,
            {name: rows.column(name).null_count for name in counted},
            {name: pc.sum(rows.column(name)).as_py() or 0 for name, part in counted.items() if part == "flags"},
            _by_hour(pl.Series(rows.column(schema.event_time))),
            _by_bin(pl.Series(rows.column("amount"))) if counted.get("amount") == "amounts" else cls.amounts,
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows + other.rows,
            add_by_name(self.nulls, other.nulls),
            add_by_name(self.flags, other.flags),
            add_by_place(self.hours, other.hours),
            add_by_place(self.amounts, other.amounts),
        )


def add_by_name(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    """The sums of two counts by name; a name that is absent counts as zero."""
    return {name: some.get(name, 0) + others.get(name, 0) for name in {**some, **others}}


def add_by_place(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    """The sums of two equally long rows of counts."""
    return tuple(one + other for one, other in zip(some, others, strict=True))


def _by_hour(times: pl.Series) -> tuple[int, ...]:
    hours = times.drop_nulls().dt.epoch("ms").to_numpy() // _MS_AN_HOUR % HOURS
    return tuple(np.bincount(hours, minlength=HOURS).tolist())


def _by_bin(amounts: pl.Series) -> tuple[int, ...]:
    values = np.maximum(amounts.drop_nulls().cast(pl.Float64).to_numpy(), 10 ** (AMOUNT_BINS.start / BINS_A_DECADE))
    places = np.log10(values) * BINS_A_DECADE - AMOUNT_BINS.start
    bins = np.minimum(places, len(AMOUNT_BINS) - 1).astype(np.int64)
    return tuple(np.bincount(bins, minlength=len(AMOUNT_BINS)).tolist())
