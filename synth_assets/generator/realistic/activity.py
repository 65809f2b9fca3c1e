"""How much each time zone pays in each half hour."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
import polars as pl

from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.almanac import day_weights
from synth_assets.generator.realistic.issues import DAY_MS, months_of
from synth_assets.generator.realistic.places import COUNTRIES, PLACE_COUNTRY, PLACE_ZONE, ZONES
from synth_assets.generator.streams import Mask, Numbers

STEP = dt.timedelta(minutes=30)
"""Activity changes by half hours: every zone's offset is a multiple of them, and clocks change on them."""
STEP_MS = STEP // dt.timedelta(milliseconds=1)

_HOUR_MS = DAY_MS // 24
_PART_STEPS = 16 * DAY_MS // STEP_MS

_COUNTRY_OF_ZONE = [COUNTRIES[PLACE_COUNTRY[list(PLACE_ZONE).index(zone)]] for zone in range(len(ZONES))]
"""No zone has cities of two countries."""


def local_times(start: dt.datetime, end: dt.datetime) -> Numbers:
    """By zone and step, the local time at which each step from `start` (UTC) until `end` begins, in milliseconds since
    1970 as if it were UTC. What follows from it is arithmetic."""
    first, last = (round(each.timestamp()) * 1_000 // STEP_MS for each in (start, end))
    parts = range(first // _PART_STEPS, -(-last // _PART_STEPS))
    before = first - parts.start * _PART_STEPS
    return np.concatenate([_local_times(part) for part in parts], axis=1)[:, before : before + last - first]


@lru_cache(maxsize=4)
def _local_times(part: int) -> Numbers:
    """The local times of a part of `_PART_STEPS`, counted from 1970: to ask Polars for a day takes half as long."""
    steps = pl.Series(np.arange(part * _PART_STEPS, (part + 1) * _PART_STEPS) * STEP_MS).cast(pl.Datetime("ms", "UTC"))
    naive = [steps.dt.convert_time_zone(zone).dt.replace_time_zone(None).alias(zone) for zone in ZONES]
    return pl.select(each.cast(pl.Int64) for each in naive).to_numpy().T


def hours_of(local: Numbers) -> Numbers:
    """The hours of local times."""
    return local % DAY_MS // _HOUR_MS


def activity(local: Numbers, by_calendar: bool) -> Numbers:
    """By zone and step, how much a customer pays: whole numbers, so that no sum depends on the order of its parts.

    Args:
        local: the local times of the steps, from `local_times`.
        by_calendar: whether holidays, the days before Christmas and paydays count, beside weekday and month.
    """
    day = local // DAY_MS
    weekday = (day + 3) % 7  # from Monday on; 1 January 1970 was a Thursday
    weekend = weekday >= 5
    if by_calendar:
        of_day, holiday = _by_calendar(day)
        weekend |= holiday  # People keep the hours of a Sunday.
    else:
        of_day = np.array(atlas.WEEKDAYS)[weekday] * np.array(atlas.MONTHS)[months_of(local) % 12]
    return np.array(atlas.HOURS)[weekend.astype(np.int64), hours_of(local)] * of_day


def _by_calendar(day: Numbers) -> tuple[Numbers, Mask]:
    """By zone and step, the weight of its local day (counted from 1970), and whether that is a public holiday there."""
    weights, holidays = [], []
    for days, country in zip(day, _COUNTRY_OF_ZONE, strict=True):
        first, number = dt.date(1970, 1, 1) + dt.timedelta(days=int(days[0])), days - days[0]
        weight, holiday = day_weights(country, first, int(number[-1]) + 1)
        weights.append(weight[number])
        holidays.append(holiday[number])
    return np.stack(weights), np.stack(holidays)
