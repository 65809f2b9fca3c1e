"""Features of a payment from whatever it shares with earlier ones: its customer, device, address, network, merchant.

With them come those that the world's tables give. Nothing here looks at a label or at a later payment.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from synth_assets.generator.realistic.world import World

KEYS = ("customer_id", "device_id", "ip_address", "network", "merchant_id")
_PAIRS = ("device_id", "ip_address", "network", "device_type", "merchant_id")
_SHARED = ("device_id", "ip_address", "network")
MEMORY_HOURS = 168
RELATIONS = (
    *(f"{key}_{figure}_{hours}h" for key in KEYS for hours in (24, MEMORY_HOURS) for figure in ("count", "sum")),
    *(f"hours_since_seen_{key}" for key in KEYS if key != "merchant_id"),
    *(f"hours_since_customer_{key}" for key in _PAIRS),
    *(f"{key}_customers" for key in _SHARED),
    "value_to_merchant",
)
TABLES = ("abroad", "km_from_home", "other_phone", "other_country", "card_days")


def with_relations(payments: pl.DataFrame, seed: int, customers: int) -> pl.DataFrame:
    """The payments, which have `value`, in the order of time, with the columns RELATIONS and TABLES."""
    ordered = payments.sort("event_time", "day", "row").with_columns(
        network=pl.col("ip_address").str.extract(r"^(\d+\.\d+)\.")
    )
    windows = [_window(ordered, key, hours) for key in KEYS for hours in (24, MEMORY_HOURS)]
    found = pl.concat([ordered, *windows], how="horizontal").with_columns(
        *(_hours_since(ordered, key).alias(f"hours_since_seen_{key}") for key in KEYS if key != "merchant_id"),
        *(_hours_since(ordered, "customer_id", key).alias(f"hours_since_customer_{key}") for key in _PAIRS),
        *(_other_customers(ordered, key).alias(f"{key}_customers") for key in _SHARED),
        value_to_merchant=pl.col("value")
        / (pl.col(f"merchant_id_sum_{MEMORY_HOURS}h") / pl.col(f"merchant_id_count_{MEMORY_HOURS}h")),
    )
    return _with_tables(found, World.of(seed, customers))


def _hours_since(ordered: pl.DataFrame, *key: str) -> pl.Series:
    """The hours since the last payment with the same key; null where there is none in the memory, or no key."""
    hours = pl.col("event_time").diff().over(key).dt.total_milliseconds() / 3_600_000
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in key) & (hours <= MEMORY_HOURS)
    return ordered.select(pl.when(known).then(hours)).to_series()


def _window(ordered: pl.DataFrame, key: str, hours: int) -> pl.DataFrame:
    """The number and the value of the payments with the same key in the hours before each."""
    frame = ordered.select("event_time", "value", group=pl.col(key).rank("dense")).with_row_index("position")
    milliseconds = (pl.col("event_time") - pl.col("event_time").min()).dt.total_milliseconds()
    axis = pl.col("group").cast(pl.Int64) * (milliseconds.max() + hours * 3_600_000 + 1) + milliseconds
    found = (
        frame.drop_nulls("group")
        .with_columns(axis=axis)
        .sort("axis", "position")
        .pipe(
            lambda sorted_: sorted_.select("position").hstack(
                sorted_.rolling("axis", period=f"{hours * 3_600_000}i", closed="left")
                .agg(pl.len().alias(f"{key}_count_{hours}h"), pl.col("value").sum().alias(f"{key}_sum_{hours}h"))
                .drop("axis")
            )
        )
    )
    return frame.select("position").join(found, on="position", how="left", maintain_order="left").drop("position")


def _other_customers(ordered: pl.DataFrame, key: str) -> pl.Series:
    """How many other customers had the same device or address in the memory: a change of customer counts as one."""
    changed = (pl.col("customer_id") != pl.col("customer_id").shift(1).over(key)).cast(pl.Float64)
    frame = ordered.select("event_time", "value", key, changed=changed).with_columns(value=pl.col("changed"))
    return _window(frame.drop("changed"), key, MEMORY_HOURS)[f"{key}_sum_{MEMORY_HOURS}h"]


def _with_tables(payments: pl.DataFrame, world: World) -> pl.DataFrame:
    merchants = world.merchants_table()
    cities = merchants.group_by(home_city="merchant_city").agg(
        north=pl.col("latitude").median(), east=pl.col("longitude").median()
    )
    customers = world.customers_table().join(cities, on="home_city", how="left")
    years = sorted({moment.year for moment in payments.select(pl.col("event_time").dt.date()).to_series().unique()})
    cards = pl.concat(world.cards_table(year) for year in years).unique("card_pan_hash")
    issued = cards.select("card_pan_hash", "valid_from")
    joined = payments.join(
        customers.select("customer_id", "home_country", "phone", "north", "east"),
        on="customer_id", how="left", maintain_order="left",
    ).join(issued, on="card_pan_hash", how="left", maintain_order="left")  # fmt: skip
    first_week = pl.col("day") < payments["day"].min() + dt.timedelta(days=7)
    whose = (
        joined.filter(first_week & pl.col("network").is_not_null())
        .group_by("network")
        .agg(network_country=pl.col("home_country").mode().sort().first())
    )
    north, east, n, e = (pl.col(name).radians() for name in ("latitude", "longitude", "north", "east"))
    half = ((north - n) / 2).sin() ** 2 + north.cos() * n.cos() * ((east - e) / 2).sin() ** 2
    phone = pl.col("device_type").cast(pl.String)
    return joined.join(whose, on="network", how="left", maintain_order="left").with_columns(
        abroad=pl.col("merchant_country").cast(pl.String) != pl.col("home_country"),
        km_from_home=2 * 6371 * half.clip(0, 1).sqrt().arcsin(),
        other_phone=phone.is_in(["IOS", "ANDROID"]) & (phone != pl.col("phone")),
        other_country=pl.col("network_country") != pl.col("home_country"),
        card_days=(pl.col("event_time").dt.date() - pl.col("valid_from")).dt.total_days(),
    )
