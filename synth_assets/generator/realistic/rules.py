"""The rules on the values of a row that hold in the realistic profile alone."""

from __future__ import annotations

import polars as pl

from synth_assets.generator.codes import Channel, DeviceType, EntryMode
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.issues import CARD_MONTHS
from synth_assets.generator.rules import Rule, Rules, is_whole, number, text, within

_ONLINE = pl.col("channel") == Channel.ONLINE.name
_AT_MACHINE = pl.col("channel") == Channel.ATM.name
_ENTRY_MODE = pl.col("pos_entry_mode")


def realistic_rules(plan: GenerationPlan) -> Rules:
    """The rules of the realistic profile."""
    currency = {country.code: country.currency for country in atlas.COUNTRIES}
    return {
        "local_time_offset is the offset of a time zone": within("local_time_offset", -720, 840),
        "amount is positive and has the currency's decimals": Rule(
            ("amount", "currency_code"), (number("amount") > 0) & is_whole(number("amount") * _minor_units())
        ),
        "currency_code is the currency of merchant_country": Rule(
            ("currency_code", "merchant_country"),
            text("merchant_country").replace_strict(currency, default="") == text("currency_code"),
        ),
        "card is used within four years before it expires": Rule(
            ("card_exp_year", "card_exp_month", "event_time", "local_time_offset"),
            _months_left().is_between(0, CARD_MONTHS),
        ),
        "pos_entry_mode is ECOM online and nowhere else": Rule(
            ("pos_entry_mode", "channel"), _ONLINE.eq(_ENTRY_MODE.eq(EntryMode.ECOM.name))
        ),
        "pos_entry_mode is CHIP or MAGSTRIPE at an ATM": Rule(
            ("pos_entry_mode", "channel"),
            ~_AT_MACHINE | _ENTRY_MODE.is_in([EntryMode.CHIP.name, EntryMode.MAGSTRIPE.name]),
        ),
        "mcc_code is 6011 at an ATM and nowhere else": Rule(
            ("mcc_code", "channel"), (pl.col("mcc_code") == atlas.CASH.mcc) == _AT_MACHINE
        ),
        "device_type is not POS online": Rule(
            ("device_type", "channel"), ~_ONLINE | (pl.col("device_type") != DeviceType.POS.name)
        ),
    }


def _minor_units() -> pl.Expr:
    """How many of a currency's smallest units make a major one."""
    whole_units = text("currency_code").is_in([each.code for each in atlas.CURRENCIES if each.decimals == 0])
    return pl.when(whole_units).then(1).otherwise(100)


def _months_left() -> pl.Expr:
    """The months from the payment's month to the one in which its card expires."""

    def months(year: pl.Expr, month: pl.Expr) -> pl.Expr:
        return year.cast(pl.Int64) * 12 + month

    # By the date at the till, which is what it compares with the card.
    paid = (pl.col("event_time") + pl.duration(minutes="local_time_offset")).dt
    return months(pl.col("card_exp_year"), pl.col("card_exp_month")) - months(paid.year(), paid.month())
