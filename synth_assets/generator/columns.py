"""The columns: random numbers in, a Polars Series out, one function per column family.

`PROFILES` names, per profile, how each column of the contract is made. A builder reads nothing but the plan
and its block's streams, so it gives the same values whatever the other columns are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash
from polars_uuid import u64_pair_to_uuid

from synth_assets.generator import reference
from synth_assets.generator.plan import GenerationPlan, PlanError, Profile
from synth_assets.generator.schema import Field, SchemaError, TransactionSchema
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


Build = Callable[[Block, Field], pl.Series]
NullShare = Callable[[GenerationPlan, TransactionSchema], float]


def never(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 0.0


def always(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 1.0


def unless_online(plan: GenerationPlan, schema: TransactionSchema) -> float:
    return 1.0 - 1.0 / len(schema["channel"].enum)


@dataclass(frozen=True)
class Column:
    """How a profile makes one column.

    Args:
        build: gives a block's values.
        dtypes: the dtypes that the contract may give the column; an unrecognised one becomes a string.
        null_share: the probability of a null in a row.
        needs: columns without which this one has no meaning, each with the enum values that it must have.
        known: where not empty, the only enum values that can be built.
        repeats: whether the values come from a small set, so that a Parquet dictionary pays. Enums always do.
    """

    build: Build
    dtypes: tuple[str, ...]
    null_share: NullShare = never
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: tuple[str, ...] = ()
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
        return _enum(numbers, column) if column.enum else pl.Series(options).gather(numbers)

    return build


# --- identifiers -----------------------------------------------------------------------------------------------


def uuid4(block: Block, column: Field) -> pl.Series:
    """UUIDv4: version 4 and variant 10 in their places (RFC 9562, 5.4), the other 122 bits random."""
    high = block.streams.words(f"{column.name}/high") & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
    low = block.streams.words(f"{column.name}/low") & np.uint64(2**62 - 1) | np.uint64(1 << 63)
    pair = pl.DataFrame({"high": high, "low": low})
    return pair.select(u64_pair_to_uuid(high_bits="high", low_bits="low")).to_series()


def device_id(block: Block, column: Field) -> pl.Series:
    return _with_nulls(uuid4(block, column), block.streams.chosen("device_id/null", block.plan.null_device_rate))


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
    return _enum(block.scheme, column)


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
def _pan_table(schemes: tuple[str, ...]) -> PanTable:
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


def _pan(block: Block) -> Words:
    """A PAN a row: its scheme's first digits and length, random digits between, Luhn's check digit at the end."""
    table = _pan_table(block.schema["card_scheme"].enum)
    head = table.offsets[block.scheme] + block.streams.below("card_pan_hash/head", table.counts[block.scheme])
    third_group_size = table.third_group_sizes[head]
    third = block.streams.below("card_pan_hash/third", third_group_size)
    second = block.streams.below("card_pan_hash/second", 10_000)
    first = block.streams.below("card_pan_hash/first", 10_000)
    # The digit left of the check digit is doubled, so every group, counted from there, doubles its last.
    sums = _luhn_sums(doubles_last=True)
    total = table.head_sums[head] + sums[third] + sums[second] + sums[first]
    check = np.uint64(9) * total % np.uint64(10)
    digits = (table.heads[head] * third_group_size + third) * np.uint64(10_000) + second
    return (digits * np.uint64(10_000) + first) * np.uint64(10) + check


def card_pan_hash(block: Block, column: Field) -> pl.Series:
    pans = pl.DataFrame({"pan": pl.Series(_pan(block)).cast(pl.String)})
    return pans.select(polars_hash.col("pan").chash.sha2_256()).to_series()


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
    return _enum(block.channel, column)


@cache
def _address_parts() -> tuple[pl.Series, pl.Series]:
    return pl.Series(reference.public_prefixes()), pl.Series(reference.octet_pairs())


def ip_address(block: Block, column: Field) -> pl.Series:
    networks, hosts = _address_parts()
    online = ~block.off_line
    network = block.streams.below("ip_address/network", len(networks))[online]
    host = block.streams.below("ip_address/host", len(hosts))[online]
    parts = pl.DataFrame({"network": networks.gather(network), "host": hosts.gather(host)})
    addresses = parts.select(pl.concat_str("network", "host", separator=".")).to_series()
    # Only the rows on line have an address: the n-th of them has the n-th.
    return addresses.gather(_with_nulls(pl.Series(np.cumsum(online) - 1), block.off_line))


def user_agent(block: Block, column: Field) -> pl.Series:
    agents = reference.user_agents()
    numbers = pl.Series(block.streams.below(column.name, len(agents)))
    return pl.Series(agents).gather(_with_nulls(numbers, block.off_line))


def mcc_code(block: Block, column: Field) -> pl.Series:
    return _with_nulls(one_of()(block, column), block.streams.chosen("mcc_code/null", block.plan.null_mcc_rate))


def degrees(limit: int) -> Build:
    """Degrees, uniform on -limit … limit with six decimals; null as the position of the row is."""

    def build(block: Block, column: Field) -> pl.Series:
        edge = limit * 1_000_000
        values = _decimals(block.streams.below(column.name, 2 * edge + 1), -edge, 1_000_000)
        return _with_nulls(values, block.unlocated)

    return build


# --- the profiles ----------------------------------------------------------------------------------------------

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

PROFILES: dict[Profile, dict[str, Column]] = {"uniform": UNIFORM}


def check_schema(schema: TransactionSchema, profile: Profile) -> None:
    """Refuse a contract that the profile cannot make.

    Raises:
        SchemaError: a column without a builder, a dtype that its builder does not give, an enum value that
            cannot be built, or a column (or enum value) removed that another column is made from.
    """
    columns = PROFILES[profile]
    if schema.primary_key != UNIQUE_COLUMN:
        raise SchemaError(
            f"{schema.source}: `primary_key` is {schema.primary_key}, whose values repeat. Make it {UNIQUE_COLUMN}."
        )
    for column in schema.fields:
        where = f"{schema.source}, field {column.name}"
        if column.name not in columns:
            raise SchemaError(
                f"{where}: the {profile} profile has no builder for it. Drop the field, or use one of: "
                f"{', '.join(name for name in columns if name not in schema) or 'none is left'}."
            )
        made = columns[column.name]
        if column.recognised and column.dtype not in made.dtypes:
            raise SchemaError(f"{where}: dtype {column.dtype} cannot be built. Make it {' or '.join(made.dtypes)}.")
        if made.dtypes == ("enum",) and not column.enum:
            raise SchemaError(f"{where}: it is drawn from its `enum` values, and has none. List them under `enum:`.")
        unknown = [value for value in column.enum if made.known and value not in made.known]
        if unknown:
            raise SchemaError(f"{where}: {unknown[0]!r} cannot be built. Use some of {', '.join(made.known)}.")
        for needed, values in made.needs.items():
            if needed not in schema:
                raise SchemaError(
                    f"{where}: it is made from {needed}, which is not among the fields. "
                    f"Put {needed} back, or drop {column.name} too."
                )
            missing = [value for value in values if value not in schema[needed].enum]
            if missing:
                raise SchemaError(
                    f"{where}: it needs the value {missing[0]} of {needed}, which is not in its enum. "
                    f"Put {missing[0]} back, or drop {column.name}."
                )


def repeating(schema: TransactionSchema, profile: Profile) -> list[str]:
    """The columns whose values repeat so much that a Parquet dictionary pays."""
    return [field.name for field in schema.fields if field.dtype == "enum" or PROFILES[profile][field.name].repeats]


def null_shares(schema: TransactionSchema, plan: GenerationPlan) -> dict[str, float]:
    """The probability of a null in a row, by column.

    Raises:
        PlanError: a column that the contract makes REQUIRED would have nulls.
    """
    shares = {name: PROFILES[plan.profile][name].null_share(plan, schema) for name in schema.names}
    for name, share in shares.items():
        if share > 0 and schema[name].required:
            raise PlanError(
                f"{schema.source}, field {name}: `nullable` is false, but the plan makes {share:.4g} of its values "
                f"null. Make it `nullable: true`, or set its null rate to 0."
            )
    return shares


def _int64(numbers: Words) -> pl.Series:
    return pl.Series(numbers.view(np.int64))


def _enum(numbers: Words, column: Field) -> pl.Series:
    """Places in the column's enum as its values."""
    return pl.Series(numbers.astype(np.uint8 if len(column.enum) < 256 else np.uint32)).cat.to(pl.Enum(column.enum))


def _decimals(numbers: Words, lowest: int, unit: int) -> pl.Series:
    # NumPy divides; Polars multiplies by the reciprocal, which turns 115.10 into 115.10000000000001.
    return pl.Series((numbers.view(np.int64) + lowest) / unit)


def _with_nulls(series: pl.Series, null: Mask) -> pl.Series:
    return series.set(pl.Series(null), None)
