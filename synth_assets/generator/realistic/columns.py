"""The columns of the realistic profile: what a block's payments are, as the contract's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.codes import Channel, DeviceType, EntryMode, names
from synth_assets.generator.columns import (
    Build,
    Column,
    decided_by_other_columns,
    event_date,
    event_time,
    fill_between_nulls,
    join_address,
    named,
    null_device_rate,
    null_geo_rate,
    null_mcc_rate,
    uuid_text,
    with_nulls,
)
from synth_assets.generator.realistic.block import RealisticBlock
from synth_assets.generator.realistic.browsers import user_agents
from synth_assets.generator.realistic.merchants import TRADES
from synth_assets.generator.realistic.networks import addresses
from synth_assets.generator.realistic.places import (
    BANKNOTES,
    COUNTRIES,
    CURRENCIES,
    MINOR_UNITS,
    PER_DOLLAR,
    PLACE_COUNTRY,
    PLACE_ZONE,
)
from synth_assets.generator.realistic.prices import with_endings
from synth_assets.generator.realistic.world import SCHEMES, World
from synth_assets.generator.schema import Field
from synth_assets.generator.streams import Numbers, cell, hashed

MCCS = tuple(trade.mcc for trade in TRADES)

_DOLLARS_A_BANKNOTE, _MOST_BANKNOTES = 20, 25
"""A cash machine gives one banknote for each twenty dollars, and at most 25 of them (assumed)."""
_POSITION_NOISE = 3_000
"""The millionths of a degree, at most, between a payment's position and its merchant's (assumed: some 300 metres)."""


def _names(codes: Callable[[RealisticBlock], npt.NDArray[Any]], values: tuple[str, ...]) -> Build:
    """Builds the names of codes: a code is the place of its name in `values`."""
    return lambda block, column: named(codes(block), values, column)


def _numbers(values: Callable[[RealisticBlock], Numbers]) -> Build:
    """Builds a column of whole numbers."""
    return lambda block, column: pl.Series(values(block))


def _amount(block: RealisticBlock, column: Field) -> pl.Series:
    unit = MINOR_UNITS[block.currency]
    money = np.maximum(np.rint(block.dollars * PER_DOLLAR[block.currency] * unit), 1)
    # Agreements keep their amounts, which tell them apart.
    word = block.streams.words("amount/ending")
    word[block.draft.agreements.rows] = np.uint64(2**64 - 1)
    money = with_endings(money, unit, block.channel == Channel.ONLINE, word)
    banknotes = np.clip(np.rint(block.dollars / _DOLLARS_A_BANKNOTE), 1, _MOST_BANKNOTES)
    cash = banknotes * BANKNOTES[block.currency] * unit
    return pl.Series(np.where(block.channel == Channel.ATM, cash, money) / unit)


def _mcc_code(block: RealisticBlock, column: Field) -> pl.Series:
    full = named(block.world.merchants.trade[block.merchant], MCCS, column)
    return with_nulls(full, block.streams.chosen("mcc_code/null", block.plan.null_mcc_rate))


def _ready(block: RealisticBlock, column: Field) -> pl.Series:
    return block.ready[column.name]


def _device_id(block: RealisticBlock, column: Field) -> pl.Series:
    high, low = (hashed(block.plan.seed, f"device_id/{half}", *block.devices[2:]) for half in ("high", "low"))
    return with_nulls(uuid_text(high, low), block.streams.chosen("device_id/null", block.plan.null_device_rate))


def _ip_address(block: RealisticBlock, column: Field) -> pl.Series:
    network, host = addresses(block, np.flatnonzero(~block.offline))
    return fill_between_nulls(join_address(network.astype(np.uint64), host), block.offline)


def _user_agent(block: RealisticBlock, column: Field) -> pl.Series:
    online = np.flatnonzero(~block.offline)
    made_on = block.devices
    word = hashed(block.plan.seed, "user_agent", made_on.owner[online], made_on.number[online])
    agents = user_agents(block.plan.day, made_on.type[online], word)
    return fill_between_nulls(agents, block.offline)


def _position(micro_degrees: Callable[[World], Numbers]) -> Build:
    """Builds degrees near the merchant's, with six decimals; null where the row has no position."""

    def build(block: RealisticBlock, column: Field) -> pl.Series:
        noise = block.streams.below(column.name, 2 * _POSITION_NOISE + 1).astype(np.int64) - _POSITION_NOISE
        degrees = (micro_degrees(block.world)[block.merchant] + noise) / 1_000_000
        return with_nulls(pl.Series(degrees), block.without_position)

    return build


def _is_recurring(block: RealisticBlock, column: Field) -> pl.Series:
    return pl.Series(block.recurring)


def _label_fraud(block: RealisticBlock, column: Field) -> pl.Series:
    labels = np.zeros(block.rows, dtype=np.bool_)
    labels[block.draft.incidents.rows[block.draft.incidents.fraud]] = True
    return pl.Series(labels)


def _zone_offset(block: RealisticBlock) -> Numbers:
    return cell(block.rhythm.offset, PLACE_ZONE[block.merchant_place], block.draft.step)


def _coded(codes: Callable[[RealisticBlock], npt.NDArray[Any]], values: tuple[str, ...]) -> Column:
    """A column of an enum in the contract."""
    return Column(_names(codes, values), ("enum",), values=values)


def _text(codes: Callable[[RealisticBlock], npt.NDArray[Any]], values: tuple[str, ...]) -> Column:
    """A column of strings or of an enum in the contract."""
    return Column(_names(codes, values), ("string", "enum"), values=values, repeats=True)


COLUMNS: dict[str, Column] = {
    "transaction_id": Column(_ready, ("string",), incompressible=True),
    "event_time": Column(event_time, ("datetime",)),
    "event_date": Column(event_date, ("date",), needs={"event_time": ()}, repeats=True),
    "local_time_offset": Column(_numbers(_zone_offset), ("int",), repeats=True),
    "amount": Column(_amount, ("float", "decimal"), decimals=2),
    "currency_code": _text(lambda block: block.currency, tuple(CURRENCIES)),
    "card_pan_hash": Column(_ready, ("string",), incompressible=True),
    "card_scheme": _coded(lambda block: block.world.card_scheme[block.draft.card], SCHEMES),
    "card_exp_year": Column(_numbers(lambda block: block.expiry // 12), ("int",), repeats=True),
    "card_exp_month": Column(_numbers(lambda block: block.expiry % 12 + 1), ("int",), repeats=True),
    "customer_id": Column(_numbers(lambda block: block.world.customer_id[block.customer]), ("int",)),
    "merchant_id": Column(_numbers(lambda block: block.world.merchants.id[block.merchant]), ("int",), repeats=True),
    "merchant_country": _text(lambda block: PLACE_COUNTRY[block.merchant_place], tuple(COUNTRIES)),
    "mcc_code": Column(_mcc_code, ("enum",), null_mcc_rate, values=MCCS),
    "channel": _coded(lambda block: block.channel, names(Channel)),
    "pos_entry_mode": _coded(lambda block: block.entry_mode, names(EntryMode)),
    "device_id": Column(_device_id, ("string",), null_device_rate, incompressible=True),
    "device_type": _coded(lambda block: block.devices.type, names(DeviceType)),
    "ip_address": Column(_ip_address, ("string",), decided_by_other_columns),
    "user_agent": Column(_user_agent, ("string",), decided_by_other_columns, repeats=True),
    "latitude": Column(
        _position(lambda world: world.merchants.latitude), ("float",), null_geo_rate, needs={"longitude": ()}
    ),
    "longitude": Column(
        _position(lambda world: world.merchants.longitude), ("float",), null_geo_rate, needs={"latitude": ()}
    ),
    "is_recurring": Column(_is_recurring, ("bool",)),
    "previous_txn_id": Column(
        _ready, ("string",), decided_by_other_columns, needs={"transaction_id": ()}, incompressible=True
    ),
    "label_fraud": Column(_label_fraud, ("bool",)),
}
"""How each column is made, by its name in the contract."""
