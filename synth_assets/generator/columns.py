"""The kit that profiles make columns with: blocks, columns, and the builders that belong to no profile.

A builder takes random numbers and gives a Polars Series. It reads nothing but its block, so it gives the same values
whatever the other columns are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_uuid import u64_pair_to_uuid

from synth_assets.generator import reference
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import Field, TransactionSchema
from synth_assets.generator.streams import BlockStreams, Mask, Words

CUSTOMER_IDS = (10_000, 999_999)
"""The lowest and the highest customer number of the contract."""
MERCHANT_IDS = (1_000, 9_999)
"""The lowest and the highest merchant number of the contract."""
RECURRING_RATE = 0.10
"""The share of recurring payments before incidents take the place of some (assumed)."""
UNIQUE_COLUMN = "transaction_id"
"""The only column whose values never repeat."""


@dataclass(frozen=True)
class Block:
    """All that a builder may look at. Each profile adds what more than one of its columns reads, drawn once."""

    plan: GenerationPlan
    schema: TransactionSchema
    streams: BlockStreams

    @property
    def rows(self) -> int:
        """The rows of the block."""
        return self.streams.rows

    @property
    def moments(self) -> npt.NDArray[np.int64]:
        """The event times in order, in milliseconds since 1970 (UTC): the resolution of payment switches."""
        raise NotImplementedError

    @cached_property
    def without_position(self) -> Mask:
        """The rows whose coordinates are null."""
        return self.streams.chosen("position/null", self.plan.null_geo_rate)


Build = Callable[[Any, Field], pl.Series]
"""Makes a column of a block. A profile's builders take the profile's own blocks."""
NullShare = Callable[[GenerationPlan, TransactionSchema], float | None]
"""The probability of a null in a row; None where other columns decide it, row by row."""


def never(plan: GenerationPlan, schema: TransactionSchema) -> float:
    """The null share of a column that has no nulls."""
    return 0.0


def always(plan: GenerationPlan, schema: TransactionSchema) -> float:
    """The null share of a column that has nothing but nulls."""
    return 1.0


def decided_by_other_columns(plan: GenerationPlan, schema: TransactionSchema) -> None:
    """The null share of a column whose nulls follow from the other values of the row: it has none of its own."""


def null_mcc_rate(plan: GenerationPlan, schema: TransactionSchema) -> float:
    """The null share of mcc_code, as the plan sets it."""
    return plan.null_mcc_rate


def null_device_rate(plan: GenerationPlan, schema: TransactionSchema) -> float:
    """The null share of device_id, as the plan sets it."""
    return plan.null_device_rate


def null_geo_rate(plan: GenerationPlan, schema: TransactionSchema) -> float:
    """The null share of latitude and longitude, as the plan sets it."""
    return plan.null_geo_rate


@dataclass(frozen=True)
class Column:
    """How a profile makes one column.

    Args:
        build: gives a block's values.
        dtypes: the dtypes that the contract may give the column; an unrecognised one becomes a string.
        null_share: the probability of a null in a row; None where other columns decide it, row by row.
        needs: columns without which this one has no meaning, each with the enum values that it must have.
        known: where not empty, the only enum values that can be built.
        values: the values that it gives; an enum in the contract must have them all.
        repeats: whether the values come from a small set, so that a Parquet dictionary pays. Enums always do.
        decimals: the decimal places of the values, which a decimal of the contract must hold.
        incompressible: whether the values are texts of random digits, which compression by repetition cannot shrink.
    """

    build: Build
    dtypes: tuple[str, ...]
    null_share: NullShare = never
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    repeats: bool = False
    decimals: int = 0
    incompressible: bool = False


# --- builders that every profile may use -----------------------------------------------------------------------


def event_time(block: Block, column: Field) -> pl.Series:
    """The moment of each payment, in whole milliseconds, which every unit of the contract holds."""
    return pl.Series(block.moments).cast(pl.Datetime("ms", "UTC"))


def event_date(block: Block, column: Field) -> pl.Series:
    """The UTC date of each payment's moment."""
    return pl.Series(block.moments).cast(pl.Datetime("ms")).dt.date()


def uuid4(block: Block, column: Field) -> pl.Series:
    """A random UUID of version 4 in every row."""
    return uuid_text(*uuid_words(block.streams, column.name))


def whole_number(low: int, high: int) -> Build:
    """Whole numbers, uniform on low … high."""

    def build(block: Block, column: Field) -> pl.Series:
        return int64(block.streams.below(column.name, high - low + 1)) + low

    return build


def flag(share: Callable[[GenerationPlan], float]) -> Build:
    """True with the plan's share, independently per row."""

    def build(block: Block, column: Field) -> pl.Series:
        return pl.Series(block.streams.chosen(column.name, share(block.plan)))

    return build


def one_of(values: tuple[str, ...] = ()) -> Build:
    """Uniform over the contract's enum values, or over `values` where the contract gives none."""

    def build(block: Block, column: Field) -> pl.Series:
        options = column.enum or values
        return named(block.streams.below(column.name, len(options)), options, column)

    return build


# --- parts of builders -----------------------------------------------------------------------------------------


def uuid_words(streams: BlockStreams, column: str) -> tuple[Words, Words]:
    """The upper and the lower random word of each UUID of a column."""
    return streams.words(f"{column}/high"), streams.words(f"{column}/low")


def uuid_text(high: Words, low: Words) -> pl.Series:
    """Random words as UUIDs: version 4 and variant 10 in their places (RFC 9562, 5.4), the other 122 bits random."""
    high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
    low = low & np.uint64(2**62 - 1) | np.uint64(1 << 63)
    pair = pl.DataFrame({"high": high, "low": low})
    return pair.select(u64_pair_to_uuid(high_bits="high", low_bits="low")).to_series()


def int64(numbers: Words) -> pl.Series:
    """Whole numbers below 2**63 as a series of the dtype `int`."""
    return pl.Series(numbers.view(np.int64))


def named(codes: npt.NDArray[Any], values: tuple[str, ...], column: Field) -> pl.Series:
    """The values at these places, as strings, or as the column's enum where it has one."""
    return _series(values, column.enum)[codes]


@lru_cache(maxsize=64)
def _series(values: tuple[str, ...], enum: tuple[str, ...]) -> pl.Series:
    # To be indexed, which takes a third of the time of `gather`: that asks Polars' query engine.
    return pl.Series(values, dtype=pl.Enum(enum) if enum else pl.String)


def with_nulls(series: pl.Series, null: Mask) -> pl.Series:
    """The series with nulls where the mask is true."""
    return series.set(pl.Series(null), None)


def fill_between_nulls(values: pl.Series, null: Mask) -> pl.Series:
    """A series of the mask's length: nulls where the mask is true, and the values in order in the other rows."""
    filled = ~null
    # Place 0 is the null.
    return pl.concat([pl.Series([None], dtype=values.dtype), values], rechunk=True)[np.cumsum(filled) * filled]


@cache
def address_parts() -> tuple[pl.Series, pl.Series]:
    """The first two octets that public IPv4 addresses can have ("93.184"), and the last two."""
    return pl.Series(reference.public_prefixes()), pl.Series(reference.octet_pairs())


def join_address(network: Words, host: Words) -> pl.Series:
    """IPv4 addresses, from the places of their halves in `address_parts`."""
    networks, hosts = address_parts()
    parts = pl.DataFrame({"network": networks[network], "host": hosts[host]})
    return parts.select(pl.concat_str("network", "host", separator=".")).to_series()
