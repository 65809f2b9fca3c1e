"""The columns: random numbers in, a Polars Series out, one function per column family.

A profile names how each column of the contract is made (`profiles`). A builder reads nothing but the plan
and its block's streams, so it gives the same values whatever the other columns are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_uuid import u64_pair_to_uuid

from synth_assets.generator import reference
from synth_assets.generator.cards import complete_pans, hash_pans, pan_table
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import Field, TransactionSchema
from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams, Mask, Words

AMOUNT_CENTS = (1_00, 500_00)
CUSTOMER_IDS = (10_000, 999_999)
MERCHANT_IDS = (1_000, 9_999)
EXPIRY_YEARS_AHEAD = (1, 5)
RECURRING_RATE = 0.10
ONLINE = "ONLINE"
UNIQUE_COLUMN = "transaction_id"


@dataclass(frozen=True)
class Block:
    """All that a builder may look at."""

    plan: GenerationPlan
    schema: TransactionSchema
    streams: BlockStreams

    @property
    def rows(self) -> int:
        return self.streams.rows

    # Read by more than one column, so drawn once.

    @cached_property
    def scheme(self) -> Words:
        """The place of each row's card scheme in its enum."""
        return self.streams.below("card_scheme", len(self.schema["card_scheme"].enum))

    @cached_property
    def channel(self) -> Words:
        """The place of each row's channel in its enum."""
        return self.streams.below("channel", len(self.schema["channel"].enum))

    @cached_property
    def off_line(self) -> Mask:
        return self.channel != self.schema["channel"].enum.index(ONLINE)

    @cached_property
    def unlocated(self) -> Mask:
        """Whether each row lacks its coordinates."""
        return self.streams.chosen("position/null", self.plan.null_geo_rate)


Build = Callable[[Any, Field], pl.Series]
"""A profile's builders take the profile's own blocks."""
NullShare = Callable[[GenerationPlan, TransactionSchema], float | None]


def never(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 0.0


def always(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 1.0


def as_others_say(plan: GenerationPlan, schema: TransactionSchema) -> None:
    return None


def unless_online(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 1.0 - 1.0 / len(schema["channel"].enum)


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
    """

    build: Build
    dtypes: tuple[str, ...]
    null_share: NullShare = never
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    repeats: bool = False


# --- values without a meaning of their own ---------------------------------------------------------------------


def whole_number(low: int, high: int) -> Build:
    """Whole numbers, uniform on low … high."""

    def build(block: Block, column: Field) -> pl.Series:
        return _int64(block.streams.below(column.name, high - low + 1)) + low

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
        numbers = block.streams.below(column.name, len(options))
        return enum_series(numbers, column) if column.enum else pl.Series(options).gather(numbers)

    return build


# --- identifiers -----------------------------------------------------------------------------------------------


def uuid4(block: Block, column: Field) -> pl.Series:
    """UUIDv4: version 4 and variant 10 in their places (RFC 9562, 5.4), the other 122 bits random."""
    return uuid_text(block.streams.words(f"{column.name}/high"), block.streams.words(f"{column.name}/low"))


def uuid_text(high: Words, low: Words) -> pl.Series:
    """Random words as the text of UUIDs of version 4."""
    high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
    low = low & np.uint64(2**62 - 1) | np.uint64(1 << 63)
    pair = pl.DataFrame({"high": high, "low": low})
    return pair.select(u64_pair_to_uuid(high_bits="high", low_bits="low")).to_series()


def device_id(block: Block, column: Field) -> pl.Series:
    return with_nulls(uuid4(block, column), block.streams.chosen("device_id/null", block.plan.null_device_rate))


def previous_txn_id(block: Block, column: Field) -> pl.Series:
    return pl.repeat(None, block.rows, dtype=pl.String, eager=True)


# --- time ------------------------------------------------------------------------------------------------------


def event_time(block: Block, column: Field) -> pl.Series:
    # Whole milliseconds, which every unit of the contract holds.
    return pl.Series(_event_milliseconds(block)).cast(pl.Datetime("ms", "UTC"))


def _event_milliseconds(block: Block) -> npt.NDArray[np.int64]:
    """The block's event times in order, in milliseconds since 1970 (UTC): the resolution of payment switches.

    A block owns the slice of the window that its rows are of the day's rows, and its times are uniform inside
    that slice: so the file is in order, and any block can be made alone.
    """
    start, end = (int(moment.timestamp()) * 1_000 for moment in block.plan.window)
    first_row = block.streams.number * BLOCK_ROWS
    first = start + (end - start) * first_row // block.plan.rows
    last = start + (end - start) * (first_row + block.rows) // block.plan.rows
    span = last - first
    # A double below 1.0 times a span below 2**35 never rounds up to the span: no time reaches `last`.
    # 32 bits hold the span of 49 days and sort in half the time.
    offsets = (block.streams.fractions("event_time") * span).astype(np.uint32 if span < 2**32 else np.int64)
    offsets.sort()
    return offsets.astype(np.int64) + first


def local_time_offset(block: Block, column: Field) -> pl.Series:
    return pl.repeat(block.plan.timezone_offset, block.rows, dtype=pl.Int64, eager=True)


# --- amount ----------------------------------------------------------------------------------------------------


def amount(block: Block, column: Field) -> pl.Series:
    low, high = AMOUNT_CENTS
    return _decimals(block.streams.below(column.name, high - low + 1), low, 100)


# --- card ------------------------------------------------------------------------------------------------------


def card_scheme(block: Block, column: Field) -> pl.Series:
    return enum_series(block.scheme, column)


def _pan(block: Block) -> Words:
    """A PAN a row: its scheme's first digits and length, random digits between, Luhn's check digit at the end."""
    table = pan_table(block.schema["card_scheme"].enum)
    head = table.offsets[block.scheme] + block.streams.below("card_pan_hash/head", table.counts[block.scheme])
    third = block.streams.below("card_pan_hash/third", table.third_group_sizes[head])
    second = block.streams.below("card_pan_hash/second", 10_000)
    first = block.streams.below("card_pan_hash/first", 10_000)
    return complete_pans(table, head, third, second, first)


def card_pan_hash(block: Block, column: Field) -> pl.Series:
    return hash_pans(_pan(block))


def card_exp_year(block: Block, column: Field) -> pl.Series:
    nearest, farthest = EXPIRY_YEARS_AHEAD
    ahead = _int64(block.streams.below(column.name, farthest - nearest + 1)) + nearest
    start, end = block.plan.window
    last_year = (end - dt.timedelta(milliseconds=1)).year
    if start.year == last_year:
        return ahead + last_year
    return ahead + pl.Series(_event_milliseconds(block)).cast(pl.Datetime("ms")).dt.year().cast(pl.Int64)


# --- device and place ------------------------------------------------------------------------------------------


def channel(block: Block, column: Field) -> pl.Series:
    return enum_series(block.channel, column)


@cache
def address_parts() -> tuple[pl.Series, pl.Series]:
    """The first and the last two octets that public addresses can have."""
    return pl.Series(reference.public_prefixes()), pl.Series(reference.octet_pairs())


def join_address(network: Words, host: Words) -> pl.Series:
    """Addresses by the places of their halves in `address_parts`."""
    networks, hosts = address_parts()
    parts = pl.DataFrame({"network": networks.gather(network), "host": hosts.gather(host)})
    return parts.select(pl.concat_str("network", "host", separator=".")).to_series()


def spread(values: pl.Series, null: Mask) -> pl.Series:
    """A value for each row that is not to be null, in order, with nulls between them."""
    return values.gather(with_nulls(pl.Series(np.cumsum(~null) - 1), null))


def ip_address(block: Block, column: Field) -> pl.Series:
    networks, hosts = address_parts()
    online = ~block.off_line
    network = block.streams.below("ip_address/network", len(networks))[online]
    host = block.streams.below("ip_address/host", len(hosts))[online]
    return spread(join_address(network, host), block.off_line)


def user_agent(block: Block, column: Field) -> pl.Series:
    agents = reference.user_agents()
    numbers = pl.Series(block.streams.below(column.name, len(agents)))
    return pl.Series(agents).gather(with_nulls(numbers, block.off_line))


def mcc_code(block: Block, column: Field) -> pl.Series:
    return with_nulls(one_of()(block, column), block.streams.chosen("mcc_code/null", block.plan.null_mcc_rate))


def degrees(limit: int) -> Build:
    """Degrees, uniform on -limit … limit with six decimals; null as the position of the row is."""

    def build(block: Block, column: Field) -> pl.Series:
        edge = limit * 1_000_000
        values = _decimals(block.streams.below(column.name, 2 * edge + 1), -edge, 1_000_000)
        return with_nulls(values, block.unlocated)

    return build


# --- the uniform profile ----------------------------------------------------------------------------------------------

UNIFORM: dict[str, Column] = {
    "transaction_id": Column(uuid4, ("string",)),
    "event_time": Column(event_time, ("datetime",)),
    "local_time_offset": Column(local_time_offset, ("int",), repeats=True),
    "amount": Column(amount, ("float",)),
    "currency_code": Column(
        one_of(reference.CURRENCY_CODES), ("string", "enum"), known=reference.CURRENCY_CODES, repeats=True
    ),
    "card_pan_hash": Column(card_pan_hash, ("string",), needs={"card_scheme": ()}),
    "card_scheme": Column(card_scheme, ("enum",), known=tuple(reference.PAN_LENGTHS)),
    "card_exp_year": Column(card_exp_year, ("int",), needs={"event_time": ()}, repeats=True),
    "card_exp_month": Column(whole_number(1, 12), ("int",), repeats=True),
    "customer_id": Column(whole_number(*CUSTOMER_IDS), ("int",)),
    "merchant_id": Column(whole_number(*MERCHANT_IDS), ("int",), repeats=True),
    "merchant_country": Column(
        one_of(reference.COUNTRY_CODES), ("string", "enum"), known=reference.COUNTRY_CODES, repeats=True
    ),
    "mcc_code": Column(mcc_code, ("enum",), lambda plan, _: plan.null_mcc_rate),
    "channel": Column(channel, ("enum",)),
    "pos_entry_mode": Column(one_of(), ("enum",)),
    "device_id": Column(device_id, ("string",), lambda plan, _: plan.null_device_rate),
    "device_type": Column(one_of(), ("enum",)),
    "ip_address": Column(ip_address, ("string",), unless_online, needs={"channel": (ONLINE,)}),
    "user_agent": Column(user_agent, ("string",), unless_online, needs={"channel": (ONLINE,)}, repeats=True),
    "latitude": Column(degrees(90), ("float",), lambda plan, _: plan.null_geo_rate, needs={"longitude": ()}),
    "longitude": Column(degrees(180), ("float",), lambda plan, _: plan.null_geo_rate, needs={"latitude": ()}),
    "is_recurring": Column(flag(lambda plan: RECURRING_RATE), ("bool",)),
    "previous_txn_id": Column(previous_txn_id, ("string",), always),
    "label_fraud": Column(flag(lambda plan: plan.fraud_rate), ("bool",)),
}


def _int64(numbers: Words) -> pl.Series:
    return pl.Series(numbers.view(np.int64))


def enum_series(numbers: Words, column: Field) -> pl.Series:
    """Places in the column's enum as its values."""
    return pl.Series(numbers.astype(np.uint8 if len(column.enum) < 256 else np.uint32)).cat.to(pl.Enum(column.enum))


def _decimals(numbers: Words, lowest: int, unit: int) -> pl.Series:
    # NumPy divides; Polars multiplies by the reciprocal, which turns 115.10 into 115.10000000000001.
    return pl.Series((numbers.view(np.int64) + lowest) / unit)


def with_nulls(series: pl.Series, null: Mask) -> pl.Series:
    return series.set(pl.Series(null), None)
