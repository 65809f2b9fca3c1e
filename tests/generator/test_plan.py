import datetime as dt
import math

import pytest

from synth_assets.generator.plan import GenerationPlan, PlanError
from tests.conftest import DAY, make_plan


def test_the_defaults_are_those_of_the_contract():
    plan = GenerationPlan.of(day=DAY)
    assert plan.model_dump() == {
        "day": DAY, "rows": 1_000_000, "chunk_size": 100_000, "fraud_rate": 0.003, "null_mcc_rate": 0.05,
        "null_device_rate": 0.08, "null_geo_rate": 0.01, "timezone_offset": -60, "lookback_days": 1, "seed": 42,
        "compression": "snappy", "encodings": "portable", "profile": "uniform",
    }  # fmt: skip


RATES = ("fraud_rate", "null_mcc_rate", "null_device_rate", "null_geo_rate")
WRONG = [
    *((rate, value) for rate in RATES for value in (-0.01, 1.01, math.nan, math.inf, "much", None)),
    *((count, value) for count in ("rows", "chunk_size", "lookback_days") for value in (0, -1, 1.5, "x")),
    ("timezone_offset", -721), ("timezone_offset", 841), ("seed", -1), ("seed", 2**63), ("lookback_days", 367),
    ("compression", "gzip"), ("encodings", "delta"), ("profile", "lifelike"), ("colour", "red"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value"), WRONG)
def test_a_setting_out_of_bounds_is_refused_by_name(setting, value):
    with pytest.raises(PlanError, match=setting) as caught:
        make_plan(**{setting: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fraud_rate": 2.0}, "fraud_rate must be at most 1 (got 2.0)"),
        ({"rows": 0, "seed": -1}, "rows must be at least 1 (got 0); seed must be at least 0 (got -1)"),
        ({"rows": "x"}, "rows must be a valid integer (got 'x')"),
        ({"rows": 1.5}, "rows must be a valid integer (got 1.5)"),
        ({"compression": "gzip"}, "compression must be 'snappy', 'zstd', 'lz4' or 'none' (got 'gzip')"),
        ({"difficulty": "hard"}, "difficulty has no effect in the uniform profile: leave it at medium, or change the "
         "profile"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_described_in_plain_words(settings, says):
    with pytest.raises(PlanError) as caught:
        make_plan(**settings)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("setting", "value"),
    [*((rate, value) for rate in RATES for value in (0, 1)), ("timezone_offset", -720), ("timezone_offset", 840)],
)
def test_the_bounds_themselves_are_allowed(setting, value):
    assert getattr(make_plan(**{setting: value}), setting) == value


def test_a_chunk_size_that_makes_too_many_row_groups_is_refused_with_the_least_that_works():
    with pytest.raises(PlanError, match="at least 31"):
        make_plan(rows=1_000_000, chunk_size=1)
    assert make_plan(rows=1_000_000, chunk_size=31).row_groups <= 32_767


def test_the_window_is_the_day_or_the_days_that_end_with_it():
    midnight = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
    assert make_plan().window == (midnight, midnight + dt.timedelta(days=1))
    assert make_plan(lookback_days=30).window == (midnight - dt.timedelta(days=29), midnight + dt.timedelta(days=1))


@pytest.mark.parametrize("day", [dt.date(1500, 1, 1), dt.date(9999, 12, 31)])
def test_a_day_beyond_nanosecond_timestamps_is_refused(day):
    with pytest.raises(PlanError, match="outside"):
        make_plan(day=day)


def test_a_chunk_that_no_writer_keeps_in_one_row_group_is_refused():
    most = 67_108_864
    assert make_plan(rows=most, chunk_size=10**10).row_groups == 1
    with pytest.raises(PlanError, match=r"chunk_size 67,108,865 makes row groups of more than 67,108,864 rows"):
        make_plan(rows=most + 1, chunk_size=most + 1)
