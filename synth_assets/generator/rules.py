"""The rules of the contract on the values of a row, as Polars expressions: those of every profile, and of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from synth_assets.generator import atlas, reference
from synth_assets.generator.columns import AMOUNT_CENTS, CUSTOMER_IDS, EXPIRY_YEARS_AHEAD, MERCHANT_IDS, ONLINE
from synth_assets.generator.plan import GenerationPlan, Profile
from synth_assets.generator.world import CARD_MONTHS

Rules = dict[str, tuple[tuple[str, ...], pl.Expr]]
"""By what a rule says, the columns it reads and what holds in every row."""


def value_rules(plan: GenerationPlan) -> Rules:
    """The rules on the values of a row. A null breaks none; the null proportions are a claim of their own."""
    return _common_rules() | _PROFILE_RULES[plan.profile](plan)


def _common_rules() -> Rules:
    address = pl.col("ip_address")
    octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    ipv4 = rf"^{octet}\.{octet}\.{octet}\.{octet}$"
    online = pl.col("channel") == ONLINE
    uuid4 = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

    return {
        "transaction_id is a UUIDv4": (("transaction_id",), pl.col("transaction_id").str.contains(uuid4)),
        "currency_code is ISO 4217": (("currency_code",), _text("currency_code").is_in(reference.CURRENCY_CODES)),
        "card_pan_hash is a SHA-256": (("card_pan_hash",), pl.col("card_pan_hash").str.contains("^[0-9a-f]{64}$")),
        "card_exp_month is a month": _within("card_exp_month", 1, 12),
        "customer_id is in range": _within("customer_id", *CUSTOMER_IDS),
        "merchant_id is in range": _within("merchant_id", *MERCHANT_IDS),
        "merchant_country is ISO 3166-1": (
            ("merchant_country",),
            _text("merchant_country").is_in(reference.COUNTRY_CODES),
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
        "latitude is in range, six decimals": _decimal("latitude", -90, 90, 1_000_000),
        "longitude is in range, six decimals": _decimal("longitude", -180, 180, 1_000_000),
        "coordinates are a pair": (
            ("latitude", "longitude"),
            pl.col("latitude").is_null() == pl.col("longitude").is_null(),
        ),
    }


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _within(column: str, low: float, high: float) -> tuple[tuple[str, ...], pl.Expr]:
    return (column,), pl.col(column).is_between(low, high)


def _decimal(column: str, low: float, high: float, unit: int) -> tuple[tuple[str, ...], pl.Expr]:
    return (column,), pl.col(column).is_between(low, high) & _whole(pl.col(column) * unit)


def _whole(steps: pl.Expr) -> pl.Expr:
    return (steps - steps.round()).abs() < 1e-4


def _uniform_rules(plan: GenerationPlan) -> Rules:
    start, end = plan.window
    one_year = start.year == (end - dt.timedelta(microseconds=1)).year
    event_year = pl.lit(start.year) if one_year else pl.col("event_time").dt.year()
    return {
        "local_time_offset is the plan's": _within("local_time_offset", plan.timezone_offset, plan.timezone_offset),
        "amount is in range, in cents": _decimal("amount", AMOUNT_CENTS[0] / 100, AMOUNT_CENTS[1] / 100, 100),
        "card expires in one to five years": (
            ("card_exp_year", "event_time"),
            (pl.col("card_exp_year") - event_year).is_between(*EXPIRY_YEARS_AHEAD),
        ),
    }


def _realistic_rules(plan: GenerationPlan) -> Rules:
    def months(year: pl.Expr, month: pl.Expr) -> pl.Expr:
        return year.cast(pl.Int64) * 12 + month

    left = months(pl.col("card_exp_year"), pl.col("card_exp_month")) - months(
        pl.col("event_time").dt.year(), pl.col("event_time").dt.month()
    )
    online, at_machine = pl.col("channel") == ONLINE, pl.col("channel") == "ATM"
    whole_units = _text("currency_code").is_in([c.code for c in atlas.CURRENCIES if c.decimals == 0])
    currency = {country.code: country.currency for country in atlas.COUNTRIES}
    return {
        "local_time_offset is an offset of a zone": _within("local_time_offset", -720, 840),
        "amount is positive, in the currency's decimals": (
            ("amount", "currency_code"),
            (pl.col("amount") > 0) & _whole(pl.col("amount") * pl.when(whole_units).then(1).otherwise(100)),
        ),
        "currency_code is the merchant_country's": (
            ("currency_code", "merchant_country"),
            _text("merchant_country").replace_strict(currency, default="") == _text("currency_code"),
        ),
        "card is used in the four years before it expires": (
            ("card_exp_year", "card_exp_month", "event_time"),
            left.is_between(0, CARD_MONTHS - 1),
        ),
        "pos_entry_mode is ECOM exactly on line": (
            ("pos_entry_mode", "channel"),
            online == (pl.col("pos_entry_mode") == "ECOM"),
        ),
        "a cash machine reads a chip or a stripe": (
            ("pos_entry_mode", "channel"),
            ~at_machine | pl.col("pos_entry_mode").is_in(["CHIP", "MAGSTRIPE"]),
        ),
        "mcc_code is 6011 exactly at cash machines": (
            ("mcc_code", "channel"),
            at_machine == (pl.col("mcc_code") == atlas.CASH.mcc),
        ),
        "device_type is no terminal on line": (
            ("device_type", "channel"),
            ~online | (pl.col("device_type") != "POS"),
        ),
    }


_PROFILE_RULES: dict[Profile, Callable[[GenerationPlan], Rules]] = {
    "uniform": _uniform_rules,
    "realistic": _realistic_rules,
}
