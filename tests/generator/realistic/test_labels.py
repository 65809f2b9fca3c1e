"""What became known of the frauds, and when."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.plan import PlanError
from synth_assets.generator.realistic.answer_key import incidents
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.realistic.scenarios import FRAUDS
from synth_assets.generator.realistic.victims import DELAYS, LONGEST_DELAY_DAYS
from tests.conftest import make_frame, make_plan
from tests.generator.realistic.conftest import realistic


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return pl.concat(label_events(realistic(rows=60_000, fraud_rate=0.1)))


def test_a_case_is_reported_once_and_after_its_last_payment(events):
    cases = events.group_by("case_id").agg(
        pl.col("reported_at", "known_at", "scenario").n_unique(),
        last=pl.col("event_time").max(),
        by=pl.last("reported_at"),
    )
    assert (cases.select("reported_at", "known_at", "scenario").max().row(0)) == (1, 1, 1)
    assert (cases["by"].drop_nulls() > cases.filter(pl.col("by").is_not_null())["last"]).all()
    assert (events["known_at"] >= events["reported_at"]).all()
    assert events.height > 2 * cases.height


def test_each_scenario_is_reported_by_its_own_law(events):
    cases = events.unique("case_id").with_columns(
        days=(pl.col("reported_at") - pl.col("event_time")).dt.total_hours() / 24
    )
    for scenario in FRAUDS:
        law, found = DELAYS[scenario.code], cases.filter(scenario=scenario.name)
        assert found.height > 30
        assert found["days"].median() == pytest.approx(law.days, rel=0.35, abs=0.8), scenario.name
        assert found["days"].max() < LONGEST_DELAY_DAYS + 2
        assert found["days"].is_null().mean() == pytest.approx(law.never, abs=0.12), scenario.name


def test_a_reported_card_is_used_no_more_and_its_customer_has_another(schema):
    plans = [
        realistic(day=dt.date(2026, 2, 1) + dt.timedelta(days=number), rows=8_000, customers=2_000)
        for number in range(12)
    ]
    payments = pl.concat(make_frame(schema, plan) for plan in plans)
    reports = pl.concat(frame for plan in plans for frame in label_events(plan)).drop_nulls("reported_at")
    blocked = payments.join(reports.select("transaction_id", "reported_at"), on="transaction_id")
    blocked = blocked.group_by("customer_id", "card_pan_hash", "card_scheme").agg(pl.col("reported_at").min())
    after = payments.join(blocked, on="card_pan_hash").filter(pl.col("event_time") >= pl.col("reported_at"))
    assert after.is_empty()
    later = payments.join(blocked, on=["customer_id", "card_scheme"]).filter(
        pl.col("event_time") >= pl.col("reported_at")
    )
    assert later["customer_id"].n_unique() > 30


def test_the_answer_key_names_every_fraud_with_its_case(events):
    key = incidents(realistic(rows=60_000, fraud_rate=0.1))
    frauds = key.filter(kind="fraud")
    both = frauds.join(events, on=["transaction_id", "event_time", "case_id"], how="full", coalesce=True)
    assert both.height == frauds.height == events.height
    ends = key.group_by("case_id").agg(
        first=pl.col("event_time").min() == pl.first("first_payment"),
        last=pl.col("event_time").max() == pl.first("last_payment"),
    )
    assert ends["first"].all()
    assert ends["last"].all()
    assert set(key["kind"].unique()) == {"fraud", "look_alike", "visit"}
    assert not key.filter(pl.col("kind") != "fraud")["hidden"].any()


@pytest.mark.parametrize("asked", [lambda plan: next(label_events(plan)), incidents])
def test_uniform_frauds_have_no_causes(asked):
    with pytest.raises(PlanError, match="no causes"):
        asked(make_plan())
