"""Cases are whole: one scenario, one channel, one way of paying, within hours."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.realistic.answer_key import incidents
from synth_assets.generator.realistic.scenarios import FRAUDS
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic

CHANNELS = {scenario.name: {channel.name for channel in scenario.channels} for scenario in FRAUDS}


@pytest.fixture(scope="module", params=["easy", "medium", "hard"])
def frauds(request, schema) -> pl.DataFrame:
    """The frauds of a day with their cases."""
    plan = realistic(rows=60_000, customers=36_000, fraud_rate=0.03, difficulty=request.param)
    return make_frame(schema, plan).join(incidents(plan).drop("event_time"), on="transaction_id").filter("label_fraud")


def test_every_fraud_keeps_its_scenarios_channel_at_every_difficulty(frauds):
    for scenario, channel in frauds.select("scenario", pl.col("channel").cast(pl.String)).unique().iter_rows():
        assert channel in CHANNELS[scenario]


def test_hidden_is_a_property_of_the_case(frauds):
    assert frauds.group_by("case_id").agg(pl.col("hidden").n_unique())["hidden"].max() == 1
    assert frauds["hidden"].n_unique() == 2


def test_a_case_is_of_one_card_and_lasts_for_hours_at_most(frauds):
    cases = frauds.group_by("case_id").agg(
        pl.col("card_pan_hash").n_unique(), lasts=pl.col("event_time").max() - pl.col("event_time").min()
    )
    assert cases["card_pan_hash"].max() == 1
    assert cases["lasts"].max() < dt.timedelta(hours=9)


def test_cases_of_a_window_of_days_do_not_wrap_round_it(schema):
    plan = realistic(rows=60_000, lookback_days=28, fraud_rate=0.02)
    key = incidents(plan).unique("case_id")
    lasts = key["last_payment"] - key["first_payment"]
    assert lasts.max() < dt.timedelta(hours=14)


def test_most_card_tests_are_followed_by_a_larger_fraud(schema):
    plan = realistic(rows=60_000, customers=36_000, fraud_rate=0.03, difficulty="easy")
    made = make_frame(schema, plan).join(incidents(plan).drop("event_time"), on="transaction_id")
    tests = made.filter((pl.col("scenario") == "card_testing") & ~pl.col("hidden")).sort("event_time")
    cases = tests.group_by("case_id").agg(first=pl.first("amount"), last=pl.last("amount"), payments=pl.len())
    long = cases.filter(pl.col("payments") >= 4)
    assert long.height > 20
    assert (long["last"] > 2 * long["first"]).mean() > 0.5
