"""How much each time zone pays in each half hour."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.almanac import day_weights
from synth_assets.generator.realistic.places import COUNTRIES, PLACE_COUNTRY, PLACE_ZONE, ZONES
from synth_assets.generator.streams import Mask, Numbers

STEP = dt.timedelta(minutes=30)
"""Activity changes by half hours: every zone's offset is a multiple of them, and clocks change on them."""

HOUR = pl.all().dt.hour()
"""The hour of a local time."""

_COUNTRY_OF_ZONE = [COUNTRIES[PLACE_COUNTRY[list(PLACE_ZONE).index(zone)]] for zone in range(len(ZONES))]
"""No zone has cities of two countries."""


def local_steps(start: dt.datetime, end: dt.datetime) -> pl.DataFrame:
    """A column for each zone: the local time at which each step from `start` (UTC) until `end` begins."""
    steps = pl.datetime_range(start, end, STEP, closed="left", time_unit="ms", time_zone="UTC")
    return pl.select(steps.dt.convert_time_zone(zone).alias(zone) for zone in ZONES)


def by_zone(local: pl.DataFrame, part: pl.Expr) -> Numbers:
    """By zone and step, a part of the local time."""
    return local.select(part.cast(pl.Int64)).to_numpy().T


def activity(local: pl.DataFrame, by_calendar: bool) -> Numbers:
    """By zone and step, how much a customer pays: whole numbers, so that no sum depends on the order of its parts.

    Args:
        local: the local times of the steps, from `local_steps`.
        by_calendar: whether holidays, the days before Christmas and paydays count, beside weekday and month.
    """
    weekday = by_zone(local, pl.all().dt.weekday()) - 1
    weekend = weekday >= 5
    if by_calendar:
        of_day, holiday = _by_calendar(local)
        weekend |= holiday  # People keep the hours of a Sunday.
    else:
        month = by_zone(local, pl.all().dt.month()) - 1
        of_day = np.array(atlas.WEEKDAYS)[weekday] * np.array(atlas.MONTHS)[month]
    return np.array(atlas.HOURS)[weekend.astype(np.int64), by_zone(local, HOUR)] * of_day


def _by_calendar(local: pl.DataFrame) -> tuple[Numbers, Mask]:
    """By zone and step, the weight of its local day, and whether that is a public holiday there."""
    weights, holidays = [], []
    for zone, country in zip(local, _COUNTRY_OF_ZONE, strict=True):
        date = zone.dt.date()
        first = date[0]
        weight, holiday = day_weights(country, first, (date[-1] - first).days + 1)
        number = (date.to_physical() - date.to_physical()[0]).to_numpy()
        weights.append(weight[number])
        holidays.append(holiday[number])
    return np.stack(weights), np.stack(holidays)
