"""The merchants that customers go back to, and the cards that are copied there."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.realistic.answer_key import incidents
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic


def test_customers_go_back_to_their_merchants(days):
    per_customer = days.group_by("customer_id").agg(payments=pl.len(), merchants=pl.col("merchant_id").n_unique())
    busy = per_customer.filter(pl.col("payments") >= 30)
    assert busy.height > 50
    assert (busy["merchants"] / busy["payments"]).median() < 0.7


@pytest.fixture(scope="module")
def twelve_days(schema):
    """Twelve days with many frauds, and their answer key."""
    plans = [
        realistic(day=dt.date(2026, 2, 1) + dt.timedelta(days=number), rows=10_000, fraud_rate=0.03)
        for number in range(12)
    ]
    return pl.concat(make_frame(schema, plan) for plan in plans), pl.concat(incidents(plan) for plan in plans)


def test_a_counterfeit_is_of_a_card_that_paid_at_the_compromised_merchant_before(twelve_days):
    payments, key = twelve_days
    paid = payments.join(key.drop("event_time"), on="transaction_id")
    counterfeits = paid.filter(
        (pl.col("scenario") == "counterfeit") & (pl.col("event_time").dt.date() > dt.date(2026, 2, 10))
    ).select("case_id", "customer_id", "compromised_merchant_id", used="event_time")
    visits = paid.filter(kind="visit")
    both = counterfeits.join(visits, on="case_id", how="left")
    assert both["case_id"].n_unique() >= 5
    assert both["event_time"].null_count() == 0
    assert (both["event_time"] < both["used"]).all()
    assert (both["merchant_id"] == both["compromised_merchant_id"]).all()
    assert (both["customer_id"] == both["customer_id_right"]).all()
    assert not visits["label_fraud"].any()
    assert (visits["channel"].cast(pl.String) == "IN_STORE").all()


def test_compromised_merchants_copy_many_cards(twelve_days):
    _, key = twelve_days
    visits = key.filter(kind="visit")
    assert visits["compromised_merchant_id"].n_unique() < visits.height / 2
