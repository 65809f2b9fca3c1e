"""Features of a payment from whatever it shares with earlier ones: its customer, device, address, network, merchant.

With them come those that the world's tables give. Nothing here looks at a label or at a later payment.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from benchmarks.realism.learning import Floats, Numbers
from synth_assets.generator.realistic.world import World

KEYS = ("customer_id", "device_id", "ip_address", "network", "merchant_id")
_PAIRS = ("device_id", "ip_address", "network", "device_type", "merchant_id")
_SHARED = ("device_id", "ip_address", "network", "merchant_id")
MEMORY_HOURS = 168
RELATIONS = (
    *(f"{key}_{figure}_{hours}h" for key in KEYS for hours in (24, MEMORY_HOURS) for figure in ("count", "sum")),
    *(f"hours_since_seen_{key}" for key in KEYS if key != "merchant_id"),
    *(f"hours_since_customer_{key}" for key in _PAIRS),
    *(f"{key}_newcomers_{hours}h" for key in _SHARED for hours in (24, MEMORY_HOURS)),
    "merchant_id_newcomers",
    "merchant_id_surge",
    "value_to_merchant",
)
TABLES = ("abroad", "km_from_home", "other_phone", "other_country", "card_days")


def with_relations(payments: pl.DataFrame, judged: pl.DataFrame, world: World) -> pl.DataFrame:
    """Those payments that are judged, in the order of time, with the columns RELATIONS and TABLES.

    Args:
        payments: all of them, with their `value`.
        judged: `day` and `row` of some, and columns to add to these.
    """
    ordered = payments.sort("event_time", "day", "row").with_columns(
        network=pl.col("ip_address").str.extract(r"^(\d+\.\d+)\.")
    )
    codes = {key: _codes(ordered[key]) for key in dict.fromkeys((*KEYS, *_PAIRS))}
    moment = ordered["event_time"].dt.epoch("ms").to_numpy()
    value, buyer = ordered["value"].to_numpy(), codes["customer_id"]
    found: dict[str, Floats] = {}
    for key in KEYS:
        if key != "merchant_id":
            found[f"hours_since_seen_{key}"] = _hours_since(codes[key], moment)
    for key in _PAIRS:
        pair = np.where(codes[key] < 0, -1, codes[key] * (buyer.max() + 1) + buyer)
        found[f"hours_since_customer_{key}"] = _hours_since(pair, moment)
    for key in KEYS:
        figures = {"count": np.ones(len(value)), "sum": value}
        if key in _SHARED:
            # A household has one or two in a week; a device that goes from hand to hand, or a shop on sale, has many.
            figures["newcomers"] = np.isnan(found[f"hours_since_customer_{key}"]).astype(np.float64)
        for hours in (24, MEMORY_HOURS):
            sums = _window(codes[key], moment, hours, figures)
            found |= {f"{key}_{name}_{hours}h": each for name, each in sums.items()}
    day, week = (pl.col(f"merchant_id_count_{hours}h") for hours in (24, MEMORY_HOURS))
    related = ordered.with_columns(pl.Series(name, each, nan_to_null=True) for name, each in found.items())
    related = related.join(judged, on=["day", "row"], maintain_order="left").with_columns(
        merchant_id_newcomers=pl.col("merchant_id_newcomers_24h") / day,
        merchant_id_surge=(day + 1) / (week / 7 + 1),
        value_to_merchant=pl.col("value") / (pl.col(f"merchant_id_sum_{MEMORY_HOURS}h") / week),
    )
    whose = _network_countries(ordered, world)
    return _with_tables(related.join(whose, on="network", how="left", maintain_order="left"), world)


def _codes(key: pl.Series) -> Numbers:
    """A number from 0 on for each value of the key, and -1 for none."""
    return key.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1


def _hours_since(code: Numbers, moment: Numbers) -> Floats:
    """The hours since the last payment with the same code; NaN where there is none in the memory, or no code."""
    order = np.argsort(code, kind="stable")
    hours = np.full(len(code), np.nan)
    gap = np.diff(moment[order]) / 3_600_000
    follows = (np.diff(code[order]) == 0) & (gap <= MEMORY_HOURS) & (code[order][1:] >= 0)
    hours[order[1:][follows]] = gap[follows]
    return hours


def _window(code: Numbers, moment: Numbers, hours: int, figures: dict[str, Floats]) -> dict[str, Floats]:
    """The sums of figures over the payments with the same code in the hours before each; NaN where there is no code."""
    order = np.argsort(code, kind="stable")
    milliseconds = moment - moment.min()
    # One code after the other on one axis, further apart than a window is long.
    axis = (code * (milliseconds.max() + hours * 3_600_000 + 1) + milliseconds)[order]
    first, end = np.searchsorted(axis, axis - hours * 3_600_000), np.searchsorted(axis, axis)
    sums = {}
    for name, figure in figures.items():
        upto = np.concatenate([[0.0], np.cumsum(figure[order])])
        found = np.full(len(code), np.nan)
        found[order] = upto[end] - upto[first]
        sums[name] = np.where(code < 0, np.nan, found)
    return sums


def _with_tables(payments: pl.DataFrame, world: World) -> pl.DataFrame:
    years = sorted({moment.year for moment in payments.select(pl.col("event_time").dt.date()).to_series().unique()})
    cities = (
        world.merchants_table(years[0])
        .group_by(home_city="merchant_city")
        .agg(north=pl.col("latitude").median(), east=pl.col("longitude").median())
    )
    customers = pl.concat(world.customers_table(year).with_columns(year=pl.lit(year)) for year in years)
    customers = customers.join(cities, on="home_city", how="left")
    cards = pl.concat(world.cards_table(year) for year in years).unique("card_pan_hash")
    issued = cards.select("card_pan_hash", "valid_from")
    joined = payments.with_columns(year=pl.col("event_time").dt.year()).join(
        customers.select("year", "customer_id", "home_country", "phone", "north", "east"),
        on=["year", "customer_id"], how="left", maintain_order="left",
    ).join(issued, on="card_pan_hash", how="left", maintain_order="left")  # fmt: skip
    north, east, n, e = (pl.col(name).radians() for name in ("latitude", "longitude", "north", "east"))
    half = ((north - n) / 2).sin() ** 2 + north.cos() * n.cos() * ((east - e) / 2).sin() ** 2
    phone = pl.col("device_type").cast(pl.String)
    return joined.with_columns(
        abroad=pl.col("merchant_country").cast(pl.String) != pl.col("home_country"),
        km_from_home=2 * 6371 * half.clip(0, 1).sqrt().arcsin(),
        other_phone=phone.is_in(["IOS", "ANDROID"]) & (phone != pl.col("phone")),
        other_country=pl.col("network_country") != pl.col("home_country"),
        card_days=(pl.col("event_time").dt.date() - pl.col("valid_from")).dt.total_days(),
    )


def _network_countries(payments: pl.DataFrame, world: World) -> pl.DataFrame:
    """Each /16 network with the country in which most of its customers of the first week live."""
    first_week = payments.filter(pl.col("day") < payments["day"].min() + dt.timedelta(days=7))
    homes = world.customers_table(payments["day"].min().year).select("customer_id", "home_country")
    return (
        first_week.drop_nulls("network")
        .select("network", "customer_id")
        .join(homes, on="customer_id")
        .group_by("network")
        .agg(network_country=pl.col("home_country").mode().sort().first())
    )
