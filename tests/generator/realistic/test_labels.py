"""What became known of the frauds, and when."""

import polars as pl
import pytest

from synth_assets.generator.plan import PlanError
from synth_assets.generator.realistic.labels import label_events
from tests.conftest import make_plan
from tests.generator.realistic.conftest import realistic


def test_labels_become_known_late_and_some_never():
    events = pl.concat(label_events(realistic(rows=60_000, fraud_rate=0.1)))
    days = (events["known_at"] - events["event_time"]).dt.total_hours() / 24
    assert 4 < days.median() < 9
    assert days.quantile(0.9) > 14
    assert 0.02 < events["known_at"].is_null().mean() < 0.07


def test_uniform_frauds_have_no_causes():
    with pytest.raises(PlanError, match="no causes"):
        next(label_events(make_plan()))
