"""Rings: what their cases share, where the card's own history shows nothing."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.realistic.answer_key import incidents
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic

MONDAY = dt.date(2026, 3, 2)


@pytest.fixture(scope="module")
def week(schema) -> pl.DataFrame:
    """The online payments of a week, with the answer key."""
    plans = [
        realistic(day=MONDAY + dt.timedelta(days=number), rows=15_000, customers=9_000, fraud_rate=0.01)
        for number in range(7)
    ]
    key = pl.concat(incidents(plan) for plan in plans).drop("event_time")
    payments = pl.concat(make_frame(schema, plan).with_columns(day=pl.lit(plan.day)) for plan in plans)
    return payments.filter(pl.col("channel") == "ONLINE").join(key, on="transaction_id", how="left")


def test_hidden_cases_of_a_ring_come_from_addresses_that_its_other_cases_use(week):
    hidden = week.filter(pl.col("hidden") & pl.col("ring_id").is_not_null())
    assert hidden["case_id"].n_unique() > 60
    cases = hidden.group_by("ring_id", "ip_address").agg(pl.col("case_id").n_unique())
    shared = cases.filter(pl.col("case_id") > 1)["case_id"].sum() / cases["case_id"].sum()
    assert shared > 0.5
    alone = week.filter(pl.col("hidden") & pl.col("ring_id").is_null())
    victims = alone.group_by("ip_address").agg(pl.col("customer_id").n_unique())
    assert (victims["customer_id"] > 1).mean() < 0.05


def test_hidden_cases_pay_no_more_than_their_customers_do(week):
    money = pl.col("amount") / pl.col("amount").median().over("currency_code")
    paid = week.with_columns(money=money)
    hidden = paid.filter("hidden")["money"].median()
    assert hidden == pytest.approx(paid.filter(pl.col("kind").is_null())["money"].median(), rel=0.35)


def test_a_ring_uses_another_device_each_day(week):
    open_cases = week.filter(pl.col("label_fraud") & ~pl.col("hidden") & pl.col("ring_id").is_not_null())
    strange = open_cases.filter(pl.col("scenario").cast(pl.String) == "stolen_credentials").drop_nulls("device_id")
    used = strange.group_by("ring_id", "device_id").agg(pl.col("case_id").n_unique(), pl.col("day").unique())
    shared = used.filter(pl.col("case_id") > 1)
    assert shared.height > 5
    assert shared["day"].list.len().max() == 1


@pytest.mark.parametrize("name", ["device_id", "ip_address"])
def test_honest_customers_share_as_many_devices_and_addresses_as_rings(week, name):
    many = week.drop_nulls(name).filter(pl.col("customer_id").n_unique().over(name) > 3)
    honest, frauds = many.filter(~pl.col("label_fraud")).height, many.filter("label_fraud").height
    # Frauds are three times as many here as by default.
    assert 20 < frauds < honest
