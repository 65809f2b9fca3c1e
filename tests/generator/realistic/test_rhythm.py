"""When the world pays."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.realistic.activity import STEP
from synth_assets.generator.realistic.places import ZONES
from synth_assets.generator.realistic.rhythm import Rhythm
from synth_assets.generator.realistic.world import World
from tests.generator.realistic.conftest import realistic


def test_the_steps_of_the_rhythm_cover_the_window():
    plan = realistic(lookback_days=3)
    world = World.of(plan.seed, plan.customers)
    rhythm = Rhythm.of(world, plan)
    step, moment = rhythm.moment(np.array([0.0, 0.5, 1 - 2**-53]))
    start, end = (int(edge.timestamp() * 1000) for edge in plan.window)
    assert moment[0] == start
    assert step[-1] == 3 * 48 - 1
    assert end - 1_800_000 <= moment[-1] < end


def test_activity_is_heavy_tailed_and_night_is_quiet(days):
    payments = days.group_by("customer_id").len()["len"].sort(descending=True)
    assert 0.25 < payments.head(300).sum() / payments.sum() < 0.55
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    hour = days.select(local.dt.hour()).to_series()
    assert 0.01 < hour.is_between(0, 5).mean() < 0.12


@pytest.mark.parametrize("day", [dt.date(1850, 6, 1), dt.date(2026, 3, 29)])
def test_offsets_and_hours_are_those_of_the_time_zones(day):
    plan = realistic(day=day)
    rhythm = Rhythm.of(World.of(plan.seed, plan.customers), plan)
    steps = pl.datetime_range(*plan.window, STEP, closed="left", time_unit="ms", eager=True)
    for number, zone in enumerate(ZONES):
        local = steps.dt.convert_time_zone(zone)
        offset = (local.dt.base_utc_offset() + local.dt.dst_offset()).dt.total_minutes()
        assert rhythm.offset[number].tolist() == offset.to_list()
        assert rhythm.hour[number].tolist() == local.dt.hour().to_list()
