"""The `uniform` profile: every column is drawn independently, uniform on its range."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator import reference
from synth_assets.generator.cards import complete_pans, hash_pans, pan_table
from synth_assets.generator.codes import Channel
from synth_assets.generator.columns import (
    CUSTOMER_IDS,
    MERCHANT_IDS,
    RECURRING_RATE,
    Block,
    Build,
    Column,
    address_parts,
    always,
    event_date,
    event_time,
    fill_between_nulls,
    flag,
    int64,
    join_address,
    named,
    null_device_rate,
    null_geo_rate,
    null_mcc_rate,
    one_of,
    uuid4,
    whole_number,
    with_nulls,
)
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profile import Profile
from synth_assets.generator.rules import Rule, Rules, has_decimals, within
from synth_assets.generator.schema import Field, TransactionSchema
from synth_assets.generator.streams import BLOCK_ROWS, Mask, Words, day_streams

AMOUNT_CENTS = (1_00, 500_00)
"""The lowest and the highest amount, in hundredths of a currency unit."""
EXPIRY_YEARS_AHEAD = (1, 5)
"""The fewest and the most years from the payment's year to the year in which its card expires."""


@dataclass(frozen=True)
class UniformBlock(Block):
    """A block, and what more than one of its columns reads."""

    @cached_property
    def scheme(self) -> Words:
        """The place of each row's card scheme in its enum."""
        return self.streams.below("card_scheme", len(self.schema["card_scheme"].enum))

    @cached_property
    def channel(self) -> Words:
        """The place of each row's channel in its enum."""
        return self.streams.below("channel", len(self.schema["channel"].enum))

    @cached_property
    def offline(self) -> Mask:
        """The payments that are not made online."""
        return self.channel != self.schema["channel"].enum.index(Channel.ONLINE.name)

    @cached_property
    def moments(self) -> npt.NDArray[np.int64]:
        """The event times in order, in milliseconds since 1970 (UTC).

        A block owns the slice of the window that its rows are of the day's rows, and its times are uniform inside
        that slice. So the file is in order, and any block can be made alone.
        """
        start, end = (int(moment.timestamp()) * 1_000 for moment in self.plan.window)
        first_row = self.streams.number * BLOCK_ROWS
        first = start + (end - start) * first_row // self.plan.rows
        last = start + (end - start) * (first_row + self.rows) // self.plan.rows
        span = last - first
        # A double below 1.0 times a span below 2**35 never rounds up to the span: no time reaches `last`.
        # 32 bits hold the span of 49 days and sort in half the time.
        offsets = (self.streams.fractions("event_time") * span).astype(np.uint32 if span < 2**32 else np.int64)
        offsets.sort()
        return offsets.astype(np.int64) + first


def uniform_blocks(
    schema: TransactionSchema, plan: GenerationPlan, blocks: range, history: None = None
) -> Iterator[UniformBlock]:
    """The blocks with these numbers. They depend on no block before them."""
    for streams in day_streams(plan.seed, plan.day, plan.rows, blocks):
        yield UniformBlock(plan, schema, streams)


# --- builders --------------------------------------------------------------------------------------------------


def degrees(limit: int) -> Build:
    """Degrees, uniform on -limit … limit with six decimals; null where the row has no position."""

    def build(block: UniformBlock, column: Field) -> pl.Series:
        edge = limit * 1_000_000
        values = _decimals(block.streams.below(column.name, 2 * edge + 1), -edge, 1_000_000)
        return with_nulls(values, block.without_position)

    return build


def _local_time_offset(block: UniformBlock, column: Field) -> pl.Series:
    return pl.repeat(block.plan.timezone_offset, block.rows, dtype=pl.Int64, eager=True)


def _amount(block: UniformBlock, column: Field) -> pl.Series:
    low, high = AMOUNT_CENTS
    return _decimals(block.streams.below(column.name, high - low + 1), low, 100)


def pans(block: UniformBlock) -> Words:
    """A PAN a row: its scheme's first digits and length, random digits between, Luhn's check digit at the end."""
    table = pan_table(block.schema["card_scheme"].enum)
    head = table.offsets[block.scheme] + block.streams.below("card_pan_hash/head", table.counts[block.scheme])
    third = block.streams.below("card_pan_hash/third", table.third_group_sizes[head])
    second = block.streams.below("card_pan_hash/second", 10_000)
    first = block.streams.below("card_pan_hash/first", 10_000)
    return complete_pans(table, head, third, second, first)


def _card_pan_hash(block: UniformBlock, column: Field) -> pl.Series:
    return hash_pans(pans(block))


def _card_scheme(block: UniformBlock, column: Field) -> pl.Series:
    return named(block.scheme, column.enum, column)


def _card_exp_year(block: UniformBlock, column: Field) -> pl.Series:
    nearest, farthest = EXPIRY_YEARS_AHEAD
    ahead = int64(block.streams.below(column.name, farthest - nearest + 1)) + nearest
    start, end = block.plan.window
    last_year = (end - dt.timedelta(milliseconds=1)).year
    if start.year == last_year:
        return ahead + last_year
    return ahead + pl.Series(block.moments).cast(pl.Datetime("ms")).dt.year().cast(pl.Int64)


def _channel(block: UniformBlock, column: Field) -> pl.Series:
    return named(block.channel, column.enum, column)


def _mcc_code(block: UniformBlock, column: Field) -> pl.Series:
    return with_nulls(one_of()(block, column), block.streams.chosen("mcc_code/null", block.plan.null_mcc_rate))


def _device_id(block: UniformBlock, column: Field) -> pl.Series:
    return with_nulls(uuid4(block, column), block.streams.chosen("device_id/null", block.plan.null_device_rate))


def _ip_address(block: UniformBlock, column: Field) -> pl.Series:
    networks, hosts = address_parts()
    online = ~block.offline
    network = block.streams.below("ip_address/network", len(networks))[online]
    host = block.streams.below("ip_address/host", len(hosts))[online]
    return fill_between_nulls(join_address(network, host), block.offline)


def _user_agent(block: UniformBlock, column: Field) -> pl.Series:
    agents = reference.user_agents()
    codes = pl.Series(block.streams.below(column.name, len(agents)))
    return pl.Series(agents).gather(with_nulls(codes, block.offline))


def _previous_txn_id(block: UniformBlock, column: Field) -> pl.Series:
    return pl.repeat(None, block.rows, dtype=pl.String, eager=True)


def _decimals(numbers: Words, lowest: int, unit: int) -> pl.Series:
    # NumPy divides; Polars multiplies by the reciprocal, which turns 115.10 into 115.10000000000001.
    return pl.Series((numbers.view(np.int64) + lowest) / unit)


# --- the profile -----------------------------------------------------------------------------------------------


def _offline_share(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 1.0 - 1.0 / len(schema["channel"].enum)


_NEEDS_ONLINE = {"channel": (Channel.ONLINE.name,)}

COLUMNS: dict[str, Column] = {
    "transaction_id": Column(uuid4, ("string",), incompressible=True),
    "event_time": Column(event_time, ("datetime",)),
    "event_date": Column(event_date, ("date",), needs={"event_time": ()}, repeats=True),
    "local_time_offset": Column(_local_time_offset, ("int",), repeats=True),
    "amount": Column(_amount, ("float", "decimal"), decimals=2),
    "currency_code": Column(one_of(reference.CURRENCY_CODES), ("string", "enum"), repeats=True),
    "card_pan_hash": Column(_card_pan_hash, ("string",), needs={"card_scheme": ()}, incompressible=True),
    "card_scheme": Column(_card_scheme, ("enum",), known=tuple(reference.PAN_LENGTHS)),
    "card_exp_year": Column(_card_exp_year, ("int",), needs={"event_time": ()}, repeats=True),
    "card_exp_month": Column(whole_number(1, 12), ("int",), repeats=True),
    "customer_id": Column(whole_number(*CUSTOMER_IDS), ("int",)),
    "merchant_id": Column(whole_number(*MERCHANT_IDS), ("int",), repeats=True),
    "merchant_country": Column(one_of(reference.COUNTRY_CODES), ("string", "enum"), repeats=True),
    "mcc_code": Column(_mcc_code, ("enum",), null_mcc_rate),
    "channel": Column(_channel, ("enum",)),
    "pos_entry_mode": Column(one_of(), ("enum",)),
    "device_id": Column(_device_id, ("string",), null_device_rate, incompressible=True),
    "device_type": Column(one_of(), ("enum",)),
    "ip_address": Column(_ip_address, ("string",), _offline_share, needs=_NEEDS_ONLINE),
    "user_agent": Column(_user_agent, ("string",), _offline_share, needs=_NEEDS_ONLINE, repeats=True),
    "latitude": Column(degrees(90), ("float",), null_geo_rate, needs={"longitude": ()}),
    "longitude": Column(degrees(180), ("float",), null_geo_rate, needs={"latitude": ()}),
    "is_recurring": Column(flag(lambda plan: RECURRING_RATE), ("bool",)),
    "previous_txn_id": Column(_previous_txn_id, ("string",), always),
    "label_fraud": Column(flag(lambda plan: plan.fraud_rate), ("bool",)),
}
"""How each column is made, by its name in the contract."""


def _rules(plan: GenerationPlan) -> Rules:
    start, end = plan.window
    one_year = start.year == (end - dt.timedelta(microseconds=1)).year
    event_year = pl.lit(start.year) if one_year else pl.col("event_time").dt.year()
    lowest, highest = (cents / 100 for cents in AMOUNT_CENTS)
    return {
        "local_time_offset equals timezone_offset": within(
            "local_time_offset", plan.timezone_offset, plan.timezone_offset
        ),
        "amount is in range and has whole cents": has_decimals("amount", lowest, highest, 2),
        "card expires in one to five years": Rule(
            ("card_exp_year", "event_time"),
            (pl.col("card_exp_year") - event_year).is_between(*EXPIRY_YEARS_AHEAD),
        ),
    }


UNIFORM = Profile(COLUMNS, uniform_blocks, _rules, recurring_share=lambda plan: RECURRING_RATE)
"""Every column is drawn independently."""
