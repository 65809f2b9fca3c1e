"""The rules of the contract on the values of a row, as Polars expressions: those that hold in every profile."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from synth_assets.generator import standards
from synth_assets.generator.codes import Channel
from synth_assets.generator.columns import CUSTOMER_IDS, MERCHANT_IDS
from synth_assets.generator.digits import SHA256_FORM, UUID4_FORM, all_have_form

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
_SPECIAL_IPV4 = r"""(?x) ^ (?:
      (?: 0 | 10 | 127 | 22[4-9] | 2[3-5][0-9] ) \.  # this network, private, loopback, multicast, reserved
    | 100 \. (?: 6[4-9] | [7-9][0-9] | 1[01][0-9] | 12[0-7] ) \.  # shared by the customers of a provider
    | 169 \. 254 \.  # link-local
    | 172 \. (?: 1[6-9] | 2[0-9] | 3[01] ) \.  # private
    | 192 \. (?: 0 \. [02] | 88 \. 99 | 168 \. [0-9]+ ) \.  # protocols, documentation, old relays, private
    | 198 \. (?: 1[89] | 51 \. 100 ) \.  # benchmarks, documentation
    | 203 \. 0 \. 113 \.  # documentation
)"""
"""The IPv4 networks that no public host is in: those of RFC 6890 and its successors, and multicast (RFC 5771)."""
_TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PRODUCT = f"{_TOKEN}(?:/{_TOKEN})?"
_USER_AGENT = rf"^{_PRODUCT}(?: {_PRODUCT}| ?\([ -'*-\[\]-~]*\))*$"
"""Products and comments (RFC 9110, 10.1.5). Faker's Opera omits the space before its comment."""
_ENGINES = ["AppleWebKit/", "Gecko/", "Presto/", "Trident/"]
"""What a browser names as its engine, before the version."""
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
        "transaction_id is a UUIDv4": _has_form("transaction_id", UUID4_FORM, _UUID4),
        "event_date is the date of event_time": Rule(
            ("event_date", "event_time"), pl.col("event_date") == pl.col("event_time").dt.date()
        ),
        "currency_code is a current ISO 4217 code": _one_of("currency_code", standards.CURRENCIES_IN_USE),
        "card_pan_hash is a SHA-256": _has_form("card_pan_hash", SHA256_FORM, "^[0-9a-f]{64}$"),
        "card_exp_month is a month": within("card_exp_month", 1, 12),
        "customer_id is in range": within("customer_id", *CUSTOMER_IDS),
        "merchant_id is in range": within("merchant_id", *MERCHANT_IDS),
        "merchant_country is an ISO 3166-1 code": _one_of("merchant_country", standards.COUNTRIES),
        "mcc_code has four digits": Rule(("mcc_code",), text("mcc_code").str.contains("^[0-9]{4}$")),
        "device_id is a UUIDv4": _has_form("device_id", UUID4_FORM, _UUID4),
        **_online_rules(),
        "latitude is in range and has six decimals": has_decimals("latitude", -90, 90, 6),
        "longitude is in range and has six decimals": has_decimals("longitude", -180, 180, 6),
        "latitude and longitude are present or absent together": Rule(
            ("latitude", "longitude"), pl.col("latitude").is_null() == pl.col("longitude").is_null()
        ),
    }


def _online_rules() -> Rules:
    address, agent = pl.col("ip_address"), pl.col("user_agent")
    online = pl.col("channel") == Channel.ONLINE.name
    return {
        "ip_address is public": Rule(
            ("ip_address",),
            address.str.contains(_IPV4) & ~address.str.contains(_SPECIAL_IPV4),
        ),
        "ip_address is present online and nowhere else": Rule(
            ("ip_address", "channel"), online == address.is_not_null()
        ),
        "user_agent is that of a browser": Rule(
            ("user_agent",), agent.str.contains(_USER_AGENT) & agent.str.contains_any(_ENGINES)
        ),
        "user_agent is present online and nowhere else": Rule(("user_agent", "channel"), online == agent.is_not_null()),
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


def _has_form(column: str, form: str, pattern: str) -> Rule:
    """The column's texts have a form, which the regular expression says too: it finds those that have not."""

    def holds(texts: pl.Series) -> pl.Series:
        if all_have_form(texts, form):
            return pl.repeat(True, len(texts), dtype=pl.Boolean, eager=True)
        return texts.str.contains(pattern)

    return Rule((column,), pl.col(column).map_batches(holds, return_dtype=pl.Boolean))


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
