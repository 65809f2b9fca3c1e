"""The rules of the contract on the values of a row, as Polars expressions."""

from __future__ import annotations

import datetime as dt

import polars as pl

from synth_assets.generator import reference
from synth_assets.generator.columns import AMOUNT_CENTS, CUSTOMER_IDS, EXPIRY_YEARS_AHEAD, MERCHANT_IDS, ONLINE
from synth_assets.generator.plan import GenerationPlan


def value_rules(plan: GenerationPlan) -> dict[str, tuple[tuple[str, ...], pl.Expr]]:
    """The rules on the values of a row: by what a rule says, the columns it reads and what holds in every row.

    A null breaks no rule; the null proportions are a claim of their own.
    """
    address = pl.col("ip_address")
    octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    ipv4 = rf"^{octet}\.{octet}\.{octet}\.{octet}$"
    online = pl.col("channel") == ONLINE
    start, end = plan.window
    one_year = start.year == (end - dt.timedelta(microseconds=1)).year
    event_year = pl.lit(start.year) if one_year else pl.col("event_time").dt.year()

    uuid4 = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

    def text(column: str) -> pl.Expr:
        return pl.col(column).cast(pl.String)

    def within(column: str, low: float, high: float) -> tuple[tuple[str, ...], pl.Expr]:
        return (column,), pl.col(column).is_between(low, high)

    def decimal(column: str, low: float, high: float, unit: int) -> tuple[tuple[str, ...], pl.Expr]:
        steps = pl.col(column) * unit
        return (column,), pl.col(column).is_between(low, high) & ((steps - steps.round()).abs() < 1e-4)

    return {
        "transaction_id is a UUIDv4": (("transaction_id",), pl.col("transaction_id").str.contains(uuid4)),
        "local_time_offset is the plan's": within("local_time_offset", plan.timezone_offset, plan.timezone_offset),
        "amount is in range, in cents": decimal("amount", AMOUNT_CENTS[0] / 100, AMOUNT_CENTS[1] / 100, 100),
        "currency_code is ISO 4217": (("currency_code",), text("currency_code").is_in(reference.CURRENCY_CODES)),
        "card_pan_hash is a SHA-256": (("card_pan_hash",), pl.col("card_pan_hash").str.contains("^[0-9a-f]{64}$")),
        "card expires in one to five years": (
            ("card_exp_year", "event_time"),
            (pl.col("card_exp_year") - event_year).is_between(*EXPIRY_YEARS_AHEAD),
        ),
        "card_exp_month is a month": within("card_exp_month", 1, 12),
        "customer_id is in range": within("customer_id", *CUSTOMER_IDS),
        "merchant_id is in range": within("merchant_id", *MERCHANT_IDS),
        "merchant_country is ISO 3166-1": (
            ("merchant_country",),
            text("merchant_country").is_in(reference.COUNTRY_CODES),
        ),
        "device_id is a UUIDv4": (("device_id",), pl.col("device_id").str.contains(uuid4)),
        "ip_address is public": (
            ("ip_address",),
            address.str.contains(ipv4) & ~address.str.contains(reference.special_network_pattern()),
        ),
        "ip_address is present exactly on line": (
            ("ip_address", "channel"),
            online == address.is_not_null(),
        ),
        "user_agent is Faker's": (("user_agent",), pl.col("user_agent").is_in(reference.user_agents())),
        "user_agent is present exactly on line": (
            ("user_agent", "channel"),
            online == pl.col("user_agent").is_not_null(),
        ),
        "latitude is in range, six decimals": decimal("latitude", -90, 90, 1_000_000),
        "longitude is in range, six decimals": decimal("longitude", -180, 180, 1_000_000),
        "coordinates are a pair": (
            ("latitude", "longitude"),
            pl.col("latitude").is_null() == pl.col("longitude").is_null(),
        ),
    }
