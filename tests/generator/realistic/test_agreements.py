"""Standing agreements: what recurs, and when."""

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from synth_assets.generator.realistic.agreements import CYCLE_DAYS
from synth_assets.generator.realistic.draft import drafts
from synth_assets.generator.streams import BLOCK_ROWS
from tests.conftest import DAY, make_frame
from tests.generator.realistic.conftest import day_drafts, realistic


def test_recurring_payments_recur_after_thirty_days_at_one_merchant_for_one_amount(schema):
    first, day_after, next_cycle = (
        make_frame(schema, realistic(day=DAY + dt.timedelta(days=days), rows=60_000, customers=40_000))
        .filter("is_recurring")
        .select("customer_id", "merchant_id", "amount", minute=pl.col("event_time").dt.epoch("s") % 86_400 / 60)
        for days in (0, 1, CYCLE_DAYS)
    )
    agreement = ["customer_id", "merchant_id", "amount"]
    again = first.join(next_cycle, on=agreement)
    # The others are those whose place an incident takes.
    assert again.select(agreement).n_unique() > 0.9 * first.height > 5_000
    minutes = (again["minute"] - again["minute_right"]).abs()
    assert minutes.quantile(0.9) < 90
    assert first.join(day_after, on=agreement).height < 0.05 * first.height


def test_agreements_are_the_same_whatever_blocks_and_rows_a_day_has():
    plan = realistic(rows=2 * BLOCK_ROWS + 77)
    *_, third = day_drafts(plan)
    (alone,) = drafts(plan, range(2, 3))
    assert third.agreements.word.tolist() == alone.agreements.word.tolist() != []
    few, many = (
        np.concatenate([draft.agreements.word for draft in day_drafts(realistic(rows=rows))])
        for rows in (20_000, 40_000)
    )
    assert len(set(few) & set(many)) > 0.9 * len(few)
    assert len(set(many)) == len(many)


def test_a_window_of_days_has_the_agreements_of_each_of_them():
    def words(**settings: Any) -> list[int]:
        return np.concatenate(
            [draft.agreements.word for draft in day_drafts(realistic(customers=1_000, **settings))]
        ).tolist()

    window = words(rows=60_000, lookback_days=3)
    assert len(set(window)) == len(window) > 5_000
    for day in (DAY - dt.timedelta(days=2), DAY):
        alone = words(day=day, rows=20_000)
        assert len(set(window) & set(alone)) > 0.8 * len(alone)


def test_no_agreement_is_taken_for_another(schema):
    """Within a cycle no two payments that recur are of one customer, merchant and amount."""
    made = pl.concat(
        make_frame(schema, realistic(day=DAY + dt.timedelta(days=day), rows=12_000, customers=1_500))
        .filter("is_recurring")
        .select("customer_id", "merchant_id", "amount")
        for day in range(12)
    )
    assert made.height > 12_000
    assert made.is_duplicated().sum() == 0
