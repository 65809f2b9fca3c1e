"""Fraud and what looks like it: how much there is, and where."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.binomial import binomial_bounds
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.realistic.scenarios import FRAUDS
from synth_assets.generator.streams import BLOCK_ROWS
from tests.conftest import DAY, make_frame
from tests.generator.realistic.conftest import day_drafts, realistic


def test_prevalence_is_binomial_on_every_day_and_in_every_tenth():
    totals, tenths = [], []
    for number in range(60):
        plan = realistic(day=DAY + dt.timedelta(days=number), rows=30_000, customers=1_000, fraud_rate=0.01)
        rows = np.concatenate(
            [
                draft.incidents.rows[draft.incidents.fraud] + draft.streams.number * BLOCK_ROWS
                for draft in day_drafts(plan)
            ]
        )
        assert len(np.unique(rows)) == len(rows)
        totals.append(len(rows))
        tenths.append(np.bincount(rows // 3_000, minlength=10))
    low, high = binomial_bounds(30_000, 0.01, 1e-6)
    assert all(low <= total <= high for total in totals)
    assert 0.5 < np.var(totals) / (30_000 * 0.01 * 0.99) < 2
    assert 0.75 < np.var(tenths) / (3_000 * 0.01 * 0.99) < 1.3
    assert abs(np.sum(totals) - 18_000) < 5 * np.sqrt(18_000)


def test_most_fraud_card_days_hold_legitimate_payments_too(schema):
    frame = make_frame(schema, realistic(rows=30_000, customers=18_000, fraud_rate=0.01))
    cards = frame.group_by("card_pan_hash").agg(
        fraud=pl.col("label_fraud").any(), honest=(~pl.col("label_fraud")).any()
    )
    assert cards.filter("fraud")["honest"].mean() >= 0.5


def test_a_higher_rate_leaves_the_other_payments_as_they_were(schema):
    few, many = (make_frame(schema, realistic(fraud_rate=rate)).drop("previous_txn_id") for rate in (0.003, 0.03))
    same = few.with_row_index().join(many.with_row_index(), on=few.columns, nulls_equal=True, how="inner").height
    assert same > 0.9 * few.height


def test_every_scenario_occurs_and_most_fraud_is_online(schema):
    plan = realistic(rows=60_000, customers=36_000, fraud_rate=0.02)
    events = pl.concat(label_events(plan))
    frame = make_frame(schema, plan)
    assert sorted(events["transaction_id"]) == sorted(frame.filter("label_fraud")["transaction_id"])
    joined = frame.join(events.select("transaction_id", "scenario"), on="transaction_id")
    shares = dict(joined["scenario"].cast(pl.String).value_counts(normalize=True).iter_rows())
    for scenario in FRAUDS:
        assert shares[scenario.name] == pytest.approx(scenario.share / 100, abs=0.06), scenario.name
    assert 0.6 < (joined["channel"] == "ONLINE").mean() < 0.9
