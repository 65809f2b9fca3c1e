"""The rules of the contract on the values of a row, as Polars expressions: those that hold in every profile."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from synth_assets.generator import reference
from synth_assets.generator.codes import Channel
from synth_assets.generator.columns import CUSTOMER_IDS, MERCHANT_IDS

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
_UUID4 = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


class Rule(NamedTuple):
    """The columns that a rule reads, and what holds in every row. A null breaks no rule."""

    columns: tuple[str, ...]
    holds: pl.Expr


Rules = dict[str, Rule]
"""Rules by what they say."""


def common_rules() -> Rules:
    """The rules of every profile."""
    return {
        "transaction_id is a UUIDv4": matches("transaction_id", _UUID4),
        "event_date is the date of event_time": Rule(
            ("event_date", "event_time"), pl.col("event_date") == pl.col("event_time").dt.date()
        ),
        "currency_code is ISO 4217": _one_of("currency_code", reference.CURRENCY_CODES),
        "card_pan_hash is a SHA-256": matches("card_pan_hash", "^[0-9a-f]{64}$"),
        "card_exp_month is a month": within("card_exp_month", 1, 12),
        "customer_id is in range": within("customer_id", *CUSTOMER_IDS),
        "merchant_id is in range": within("merchant_id", *MERCHANT_IDS),
        "merchant_country is ISO 3166-1": _one_of("merchant_country", reference.COUNTRY_CODES),
        "device_id is a UUIDv4": matches("device_id", _UUID4),
        **_online_rules(),
        "latitude is in range, six decimals": has_decimals("latitude", -90, 90, 6),
        "longitude is in range, six decimals": has_decimals("longitude", -180, 180, 6),
        "coordinates are a pair": Rule(
            ("latitude", "longitude"), pl.col("latitude").is_null() == pl.col("longitude").is_null()
        ),
    }


def _online_rules() -> Rules:
    address, agent = pl.col("ip_address"), pl.col("user_agent")
    online = pl.col("channel") == Channel.ONLINE.name
    return {
        "ip_address is public": Rule(
            ("ip_address",),
            address.str.contains(_IPV4) & ~address.str.contains(reference.special_network_pattern()),
        ),
        "ip_address is present exactly on line": Rule(("ip_address", "channel"), online == address.is_not_null()),
        "user_agent is Faker's": Rule(("user_agent",), agent.is_in(reference.user_agents())),
        "user_agent is present exactly on line": Rule(("user_agent", "channel"), online == agent.is_not_null()),
    }


def text(column: str) -> pl.Expr:
    """A column of strings or of an enum, as strings."""
    return pl.col(column).cast(pl.String)


def number(column: str) -> pl.Expr:
    """A column of floats or of decimals, as floats."""
    return pl.col(column).cast(pl.Float64)


def matches(column: str, pattern: str) -> Rule:
    """The column's texts match a regular expression."""
    return Rule((column,), pl.col(column).str.contains(pattern))


def within(column: str, low: float, high: float) -> Rule:
    """The column's numbers are at least `low` and at most `high`."""
    return Rule((column,), pl.col(column).is_between(low, high))


def has_decimals(column: str, low: float, high: float, decimals: int) -> Rule:
    """The column's numbers are within low … high, and have so many decimals at most."""
    return Rule((column,), number(column).is_between(low, high) & is_whole(number(column) * 10**decimals))


def is_whole(steps: pl.Expr) -> pl.Expr:
    """Whether numbers are whole, apart from the rounding error of a float."""
    return (steps - steps.round()).abs() < 1e-4


def _one_of(column: str, values: tuple[str, ...]) -> Rule:
    return Rule((column,), text(column).is_in(values))
