"""Whether the payments of many days are of one world."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import polars as pl

from benchmarks.realism.days import Setting
from benchmarks.realism.report import Measure, none
from synth_assets.generator.realistic.world import World

DEPENDENCIES = {
    "card_pan_hash": ("customer_id", "card_scheme", "card_exp_year", "card_exp_month"),
    "merchant_id": ("mcc_code", "merchant_country"),
}
PREVIOUS_DAYS = 3


def coherent(payments: pl.DataFrame, events: pl.DataFrame, setting: Setting) -> Iterator[Measure]:
    yield from dependent(payments)
    yield from joined(payments, setting)
    yield preceded(payments)
    yield expired(payments)
    yield from known(payments, events)


def dependent(payments: pl.DataFrame) -> Iterator[Measure]:
    """What a card and a merchant decide, on all days. A null of mcc_code says nothing."""
    days = payments["day"].n_unique()
    for name, others in DEPENDENCIES.items():
        values = payments.group_by(name).agg(pl.col(others).drop_nulls().n_unique())
        broken = values.filter(pl.any_horizontal(pl.col(others) > 1))
        yield none(f"{name} decides {', '.join(others)}, {days} days: exceptions", len(broken), len(values))


def joined(payments: pl.DataFrame, setting: Setting) -> Iterator[Measure]:
    """Every payment finds its customer, its card and its merchant of the year, and they say what it says."""
    world = World.of(setting.seed, setting.plan(payments["day"][0]).customers)
    day = pl.col("event_time").dt.date()
    payments = payments.with_columns(date=day, year=day.dt.year())
    years = payments["year"].unique()

    def of_years(table: Callable[[int], pl.DataFrame]) -> pl.DataFrame:
        return pl.concat(table(year).with_columns(year=pl.lit(year)) for year in years)

    customers, merchants = of_years(world.customers_table), of_years(world.merchants_table)
    tables = {
        "customers": (customers, ["customer_id"]),
        "cards": (
            of_years(world.cards_table),
            ["card_pan_hash", "customer_id", "card_scheme", "card_exp_year", "card_exp_month"],
        ),
        "merchants": (merchants, ["merchant_id", "merchant_country"]),
    }
    for name, (table, names) in tables.items():
        columns = ["year", *names]
        as_text = [pl.col(column).cast(pl.String) for column in columns]
        orphans = payments.select(as_text).join(table.select(as_text), on=columns, how="anti")
        yield none(f"payments that do not join {name} on {', '.join(names)}", len(orphans), len(payments))
    for table, key, came, went in (
        (customers, "customer_id", "joined", "left"),
        (merchants, "merchant_id", "opened", "closed"),
    ):
        there = payments.select("date", "year", key).join(table, on=["year", key])
        absent = there.filter((pl.col(came) > pl.col("date")) | (pl.col(went) <= pl.col("date")))
        yield none(f"payments before the day {came} or from the day {went} on", len(absent), len(there))
    mccs = merchants.select("year", "merchant_id", mcc=pl.col("mcc_code").cast(pl.String))
    told = payments.select("year", "merchant_id", pl.col("mcc_code").cast(pl.String)).drop_nulls()
    wrong = told.join(mccs, on=["year", "merchant_id"], how="left").filter(pl.col("mcc_code").ne_missing(pl.col("mcc")))
    yield none("payments of another mcc_code than their merchant's", len(wrong), len(told))


def preceded(payments: pl.DataFrame) -> Measure:
    """previous_txn_id beside a search through the day and the day before."""
    wrong = rows = 0
    for day in payments["day"].unique().sort()[1 : PREVIOUS_DAYS + 1]:
        window = payments.filter(pl.col("day").is_between(day - dt.timedelta(days=1), day)).sort("day", "row")
        last = window.with_columns(last=pl.col("transaction_id").shift(1).over("card_pan_hash")).filter(day=day)
        wrong += last["last"].ne_missing(last["previous_txn_id"]).sum()
        rows += len(last)
    return none(f"previous_txn_id that is not the card's last payment, {PREVIOUS_DAYS} days", wrong, rows)


def expired(payments: pl.DataFrame) -> Measure:
    month = pl.col("event_time").dt.year().cast(pl.Int64) * 12 + pl.col("event_time").dt.month()
    late = payments.filter(pl.col("card_exp_year") * 12 + pl.col("card_exp_month") < month)
    return none("payments with a card that has expired", len(late), len(payments))


def known(payments: pl.DataFrame, events: pl.DataFrame) -> Iterator[Measure]:
    """label_events beside the labels."""
    frauds = payments.filter("label_fraud").select("transaction_id", "event_time")
    unlike = (
        frauds.join(events, on="transaction_id", how="anti").height
        + events.join(frauds, on="transaction_id", how="anti").height
    )
    yield none("frauds without an event, and events without a fraud", unlike, len(frauds))
    early = events.filter((pl.col("reported_at") < pl.col("event_time")) | (pl.col("known_at") < pl.col("reported_at")))
    yield none("events known before they were reported, or reported before they happened", len(early), len(events))
