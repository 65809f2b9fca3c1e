"""Whether cases, cards and customers behave as one thing from their first payment to the last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from benchmarks.realism.report import Measure, none, share, told
from synth_assets.generator.realistic.cases import COPIED_DAYS
from synth_assets.generator.realistic.scenarios import FRAUDS
from synth_assets.generator.realistic.victims import DELAYS

KM, KM_AN_HOUR = 500, 1_000
ONLINE = ("card_testing", "stolen_credentials", "account_takeover", "friendly_fraud")


def whole(payments: pl.DataFrame, events: pl.DataFrame, key: pl.DataFrame, difficulty: str) -> Iterator[Measure]:
    cases = payments.join(key.drop("event_time"), on="transaction_id")
    yield from channels(cases.filter("label_fraud"), payments, difficulty)
    yield from reports(payments, events)
    yield travel(payments)
    yield copied(cases, payments["day"].min())
    yield agreements(payments)
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    month = local.dt.year().cast(pl.Int64) * 12 + local.dt.month()
    late = payments.filter(pl.col("card_exp_year") * 12 + pl.col("card_exp_month") < month)
    yield none("payments with a card that has expired by the date at the till", len(late), len(payments))


def channels(frauds: pl.DataFrame, payments: pl.DataFrame, difficulty: str) -> Iterator[Measure]:
    """The channel of each scenario, and what remote frauds are worth."""
    remote = pl.col("channel") == "ONLINE"
    wrong = frauds.filter(remote != pl.col("scenario").cast(pl.String).is_in(ONLINE))
    yield none(f"frauds in another channel than their scenario's, {difficulty}", len(wrong), len(frauds))
    median = payments.group_by("currency_code").agg(median=pl.col("amount").median())
    valued = frauds.join(median, on="currency_code").select(
        remote.alias("remote"), value=pl.col("amount") / pl.col("median")
    )
    found = valued.filter("remote")["value"].sum() / valued["value"].sum()
    yield share(f"online, of the frauds' value, {difficulty}", 75, 88, found, "EBA/ECB 2025: 80–85; AusPayNet 2025: 89")


def reports(payments: pl.DataFrame, events: pl.DataFrame) -> Iterator[Measure]:
    """One report a case, by the law of its scenario, and what is paid with a reported card."""
    told_of = events.group_by("case_id").agg(pl.col("reported_at").n_unique())
    yield none("cases with more than one report", told_of.filter(pl.col("reported_at") > 1).height, told_of.height)
    blocked = payments.join(events.select("transaction_id", "reported_at"), on="transaction_id")
    blocked = blocked.group_by("card_pan_hash").agg(pl.col("reported_at").min()).drop_nulls()
    after = payments.join(blocked, on="card_pan_hash").filter(pl.col("event_time") > pl.col("reported_at"))
    yield none("payments with a reported card", len(after), len(payments))
    days = (pl.col("reported_at") - pl.col("event_time")).dt.total_hours() / 24
    for scenario in FRAUDS:
        found, law = (
            events.filter(scenario=scenario.name).unique("case_id").select(days).to_series(),
            DELAYS[scenario.code],
        )
        median = found.median() or 0.0
        bar, text = f"{law.days:g} ± a third, or a day (assumed)", f"{median:.1f}; never: {found.is_null().mean():.0%}"
        yield Measure(
            f"median days to the report, {scenario.name}", bar, text, abs(median - law.days) <= max(1.0, law.days / 3)
        )


def terminal_pairs(payments: pl.DataFrame) -> pl.DataFrame:
    """What lies between each honest payment at a terminal and its customer's last one: customer_id, km, hours."""
    present = payments.filter((pl.col("channel") != "ONLINE") & ~pl.col("label_fraud")).drop_nulls("latitude")
    ordered = present.sort("customer_id", "event_time")
    north, east = pl.col("latitude").radians(), pl.col("longitude").radians()
    half = (north.diff() / 2).sin() ** 2 + north.cos() * north.shift(1).cos() * (east.diff() / 2).sin() ** 2
    pairs = ordered.select(
        "customer_id",
        same=pl.col("customer_id") == pl.col("customer_id").shift(1),
        km=2 * 6371 * half.clip(0, 1).sqrt().arcsin(),
        hours=pl.col("event_time").diff().dt.total_milliseconds() / 3_600_000,
    )
    return pairs.filter("same").drop("same")


def travel(payments: pl.DataFrame) -> Measure:
    """How many customers pay honestly at two terminals that are too far apart."""
    pairs = terminal_pairs(payments).filter((pl.col("km") > KM) & (pl.col("km") > KM_AN_HOUR * pl.col("hours")))
    found = pairs["customer_id"].n_unique() / payments["customer_id"].n_unique()
    text = f"{found:.2%} ({pairs.height} pairs)"
    return Measure(f"customers with honest pairs above {KM_AN_HOUR:,} km/h", "at most 0.3 %", text, found <= 0.003)


def copied(cases: pl.DataFrame, first_day: dt.date) -> Measure:
    """Counterfeits of cards that did not pay at the compromised merchant before."""
    late = pl.col("day") >= first_day + dt.timedelta(days=COPIED_DAYS)
    counterfeits = cases.filter(late & (pl.col("scenario") == "counterfeit")).unique("case_id")
    visits = cases.filter(kind="visit").select("case_id", visited="event_time", where="merchant_id")
    if counterfeits.is_empty():
        return told("counterfeits of a card that was not copied before", "none to judge")
    both = counterfeits.join(visits, on="case_id", how="left")
    good = both.filter(
        (pl.col("visited") < pl.col("event_time")) & (pl.col("where") == pl.col("compromised_merchant_id"))
    )
    return none("counterfeits of a card that was not copied before", len(counterfeits) - len(good), len(counterfeits))


def agreements(payments: pl.DataFrame) -> Measure:
    """Recurring payments of one card, merchant and amount within less than a cycle."""
    recurring = payments.filter("is_recurring").sort("event_time")
    gap = pl.col("event_time").diff().over("customer_id", "merchant_id", "amount")
    early = recurring.filter(gap < dt.timedelta(days=28)).height
    return none("agreements that are taken for one another", early, recurring.height)
