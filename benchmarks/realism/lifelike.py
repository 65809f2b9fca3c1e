"""How far the payments look like real ones: figures inside bands, each with its source or marked as assumed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.realism import days
from benchmarks.realism.report import Measure, between, share, told
from synth_assets.generator.realistic.agreements import CYCLE_DAYS
from synth_assets.generator.realistic.world import World

BUSY = 60
"""Payments of a card in all the days, from which its own merchants are ranked."""
WEEKS = 4
DOLLARS_BY_MCC = {
    "5411": ("groceries", 10, 60),
    "5812": ("restaurants", 12, 70),
    "5814": ("fast food", 4, 25),
    "5541": ("service stations", 15, 80),
    "5912": ("drug stores", 8, 50),
    "5732": ("electronics", 40, 300),
    "7011": ("hotels", 70, 350),
    "6011": ("cash", 40, 250),
}
"""Bands of the median payment in US dollars. Assumed."""

VALUE_BY_SCENARIO = {
    "account_takeover": (3, 20, "UK 2015, card ID theft: 7; above: assumed"),
    "lost_or_stolen": (5, 15, "AusPayNet 2025: 7.4; UK 2015: 13"),
    "counterfeit": (0.3, 3, "AusPayNet 2025: 0.7"),
}
"""Per cent of the frauds' value."""

EURO = ("DE", "ES", "FR", "IE", "IT", "NL", "PT")
CONTACTLESS = {
    "Britain": (("GB",), 92, 97, "Barclays 2024: 94.6"),
    "the euro area": (EURO, 62, 72, "ECB H2 2024: 67"),
    "Australia": (("AU",), 95, 100, "RBA 2024: 98"),
}
STRIPE = {
    "the United States": (("US",), 9, 13, "EMVCo 2023: 11"),
    "Europe": ((*EURO, "GB", "PL", "SE"), 0.1, 0.6, "EMVCo 2023: 0.3"),
    "Latin America": (("BR", "MX"), 0.9, 2, "EMVCo 2023: 1.4"),
}
"""By region: its countries, a band in per cent, and the source."""


def lifelike(payments: pl.DataFrame, events: pl.DataFrame, world: World) -> Iterator[Measure]:
    yield between("Zipf exponent of merchants, ranks 10–1,000", 0.7, 1.2, zipf(payments), source="about 1; assumed")
    source = "after Krumme et al. 2013"
    yield between("Zipf exponent of a card's own merchants, ranks 1–8", 0.7, 1.2, own_zipf(payments), source=source)
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    hour, mode, channel = local.dt.hour(), pl.col("pos_entry_mode"), pl.col("channel")
    yield share("payments from 0 to 6 local time", 1, 8, _rate(payments, hour < 6), "assumed")
    stores = payments.filter(channel == "IN_STORE")
    busiest = stores.select(hour.value_counts(sort=True).first().struct.field("event_time")).item()
    yield between(
        "busiest local hour in stores", 10, 18, busiest, source="Dutch Payments Association 2020; Paymark 2017"
    )
    present = payments.filter(channel != "ONLINE")
    source = "EMVCo 2023: Europe 0.3, world 6"
    yield share("magstripe, of card-present", 0.3, 6, _rate(present, mode == "MAGSTRIPE"), source)
    source = "ECB 2022: 54 of all; RBA 2024: 98"
    yield share("without contact, of those in stores", 50, 98, _rate(stores, mode == "NFC"), source)
    yield share("at cash machines", 1, 10, _rate(payments, channel == "ATM"), "RBA 2024: 2.3; above: assumed")
    yield share("on line", 15, 40, _rate(payments, channel == "ONLINE"), "ECB 2024: 21; Federal Reserve 2020: 36")
    yield share("of one card at a merchant of its last 7 days", 15, 70, returning(payments), "assumed")
    yield from countries(payments, world)
    yield from stolen(payments, events)
    yield from amounts(payments)
    delay = (events["known_at"] - events["event_time"]).dt.total_seconds() / 86_400
    yield between("median days until a fraud is known", 3, 21, delay.median(), source="Dal Pozzolo et al. 2015: days")
    yield share("frauds never known", 1, 10, delay.null_count() / len(delay), "assumed")


def countries(payments: pl.DataFrame, world: World) -> Iterator[Measure]:
    """How it is paid in the merchants' countries, and how much a country's customers spend abroad."""
    payments = payments.with_columns(pl.col("merchant_country").cast(pl.String))
    at_terminals = payments.filter(pl.col("channel") != "ONLINE")
    for name, (codes, low, high, source) in CONTACTLESS.items():
        here = at_terminals.filter(pl.col("channel") == "IN_STORE", pl.col("merchant_country").is_in(codes))
        found = _rate(here, pl.col("pos_entry_mode") == "NFC")
        yield share(f"without contact, of those in stores of {name}", low, high, found, source)
    for name, (codes, low, high, source) in STRIPE.items():
        here = at_terminals.filter(pl.col("merchant_country").is_in(codes))
        found = _rate(here, pl.col("pos_entry_mode") == "MAGSTRIPE")
        yield share(f"by the stripe, of those at terminals of {name}", low, high, found, source)
    money = pl.col("amount") / pl.col("amount").median().over("currency_code")
    homes = world.customers_table(payments["day"].min().year).select("customer_id", "home_country")
    spent = payments.select("customer_id", "merchant_country", "channel", money=money).join(homes, on="customer_id")
    value, away = pl.col("money"), pl.col("merchant_country") != pl.col("home_country")
    abroad, online = (value.filter(chosen).sum() / value.sum() for chosen in (away, pl.col("channel") == "ONLINE"))
    found = spent.group_by("home_country").agg(abroad=abroad, online=online).sort("home_country")
    here = found.filter(home_country="AU")["abroad"].item()
    yield share("spent abroad by Australians, of the value", 2, 4, here, "AusPayNet 2025: 3")
    for name in ("abroad", "online"):
        shares = (f"{code} {part:.0%}" for code, part in found.select("home_country", name).iter_rows())
        yield told(f"spent {name}, of the value, by country (assumed)", ", ".join(shares))


def stolen(payments: pl.DataFrame, events: pl.DataFrame) -> Iterator[Measure]:
    """What the frauds are worth, by channel and scenario: amounts over the median of their currency."""
    money = (pl.col("amount") / pl.col("amount").median().over("currency_code")).alias("money")
    valued = payments.select("transaction_id", "label_fraud", "channel", money)
    means = dict(valued.group_by("label_fraud").agg(pl.col("money").mean()).iter_rows())
    yield between(
        "mean amount of a fraud over that of a legitimate payment",
        1.3,
        3.0,
        means[True] / means[False],
        source="EBA/ECB 2024: 2.0; AusPayNet 2021: 1.7",
    )
    frauds = valued.filter("label_fraud").join(events.select("transaction_id", "scenario"), on="transaction_id")
    total = frauds["money"].sum()
    online = frauds.filter(pl.col("channel") == "ONLINE")["money"].sum() / total
    source = "EBA/ECB 2024: 80–85; AusPayNet 2022: 90; ECB 2016: 73"
    yield share("on line, of the frauds' value", 70, 92, online, source)
    by_scenario = frauds.group_by("scenario").agg(pl.len(), pl.col("money").sum()).sort("scenario")
    for scenario, count, amount in by_scenario.iter_rows():
        name, value = f"{scenario}, of the frauds' value", amount / total
        text = f"{value:.1%} ({count / len(frauds):.1%} of their number)"
        if scenario in VALUE_BY_SCENARIO:
            low, high, source = VALUE_BY_SCENARIO[scenario]
            yield share(name, low, high, value, source, text)
        else:
            yield told(name, text)


def _rate(payments: pl.DataFrame, chosen: pl.Expr) -> float:
    return float(payments.select(chosen.mean()).item())


def zipf(payments: pl.DataFrame) -> float:
    """How steeply a merchant's payments fall with its rank, at ranks evenly spaced in their logarithm."""
    counts = payments["merchant_id"].value_counts(sort=True)["count"].to_numpy()
    ranks = np.unique(np.geomspace(10, 1_000, 50).astype(int))
    return steepness(ranks, counts[ranks - 1])


def own_zipf(payments: pl.DataFrame) -> float:
    """How steeply the payments of busy cards fall with the rank that the merchant has with the card."""
    visits = payments.group_by("card_pan_hash", "merchant_id").len()
    ranked = visits.filter(pl.col("len").sum().over("card_pan_hash") >= BUSY).with_columns(
        rank=pl.col("len").rank("ordinal", descending=True).over("card_pan_hash")
    )
    counts = ranked.filter(pl.col("rank") <= 8).group_by("rank").agg(pl.col("len").sum()).sort("rank")
    return steepness(counts["rank"].to_numpy(), counts["len"].to_numpy())


def steepness(ranks: npt.NDArray[Any], counts: npt.NDArray[Any]) -> float:
    """The negative slope of the least-squares line through the logarithms."""
    return -float(np.polyfit(np.log(ranks), np.log(counts), 1)[0])


def returning(payments: pl.DataFrame) -> float:
    """How many payments, from the eighth day on, are to a merchant that the card has paid in the seven days before."""
    gap = pl.col("event_time").diff().over("card_pan_hash", "merchant_id", order_by="event_time")
    again = (gap <= dt.timedelta(days=7)).fill_null(False)
    late = payments.select("day", again=again).filter(pl.col("day") >= days.FIRST_DAY + dt.timedelta(days=7))
    return float(late["again"].mean())


def weekly(setting: days.Setting) -> Iterator[Measure]:
    """The week's curve, in one plan of four weeks: a day's own plan has its rows whatever the weekday."""
    last = days.FIRST_DAY + dt.timedelta(days=7 * WEEKS - 1)
    payments = days.payments([setting.plan(last, lookback_days=7 * WEEKS, rows=4 * setting.rows)])
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    counts = payments.group_by(weekday=local.dt.weekday()).len().sort("len")
    names = ["", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    least, most = (names[counts["weekday"][place]] for place in (0, -1))
    source = "Dutch Payments Association 2020"
    yield Measure("busiest weekday", f"Friday or Saturday ({source})", most, most in ("Friday", "Saturday"))
    yield Measure("quietest weekday", f"Sunday or Monday ({source})", least, least in ("Sunday", "Monday"))
    yield between("busiest over quietest weekday", 1.1, 2.0, counts["len"][-1] / counts["len"][0], source="assumed")


def recurring(payments: pl.DataFrame, setting: days.Setting) -> Iterator[Measure]:
    """How many of the first day's recurring payments are found again: a cycle later, and the day after."""
    agreement = ["customer_id", "merchant_id", "amount"]
    first, next_day = (payments.filter("is_recurring", pl.col("day") == day) for day in days.dates(2))
    next_cycle = days.payments([setting.plan(days.FIRST_DAY + dt.timedelta(days=CYCLE_DAYS))]).filter("is_recurring")
    for name, low, high, other in (
        (f"recurring payments that recur after {CYCLE_DAYS} days", 90, 100, next_cycle),
        ("recurring payments that recur the day after", 0, 5, next_day),
    ):
        again = first.join(other, on=agreement, how="semi").height
        yield share(name, low, high, again / first.height, "assumed")


def amounts(payments: pl.DataFrame) -> Iterator[Measure]:
    """The median payment by trade, of those in US dollars."""
    dollars = payments.filter((pl.col("currency_code") == "USD") & ~pl.col("label_fraud"))
    medians = dict(dollars.group_by(pl.col("mcc_code").cast(pl.String)).agg(pl.col("amount").median()).iter_rows())
    for mcc, (name, low, high) in DOLLARS_BY_MCC.items():
        if mcc in medians:
            yield between(f"median of {name} ({mcc}), USD", low, high, medians[mcc], f"{medians[mcc]:.2f}", "assumed")
