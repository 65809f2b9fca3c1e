"""The payments of a day by the calendar: a function of the mean day and the date, without a look at other days."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np

from synth_assets.generator.realistic.activity import STEP, activity, local_times
from synth_assets.generator.realistic.places import PLACE_ZONE, PLACES, ZONES

_PEOPLE = np.bincount(PLACE_ZONE, weights=[round(city.millions * 10) for city in PLACES], minlength=len(ZONES))
"""By zone, its expected share of a world's customers."""


def rows_on(day: dt.date, mean_rows: int, lookback_days: int) -> int:
    """The payments of the day, or of the window of `lookback_days` days that ends with it.

    Over the days of a calendar year (UTC), the mean for windows of one day is `mean_rows`, but for the rounding of each
    day. Whole numbers keep it the same on every machine. No day has less than half of the mean, so none has nothing.
    """
    window = [day - dt.timedelta(days=number) for number in range(lookback_days)]
    weight = sum(_weights(each.year)[each.timetuple().tm_yday - 1] for each in window)
    year = _weights(day.year)
    expected, usual = mean_rows * weight * len(year), sum(year) * lookback_days
    return (2 * expected + usual) // (2 * usual)


@lru_cache(maxsize=32)
def _weights(year: int) -> list[int]:
    """By day of the year, what all customers pay from midnight to midnight (UTC), beside other days."""
    start = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    each = activity(local_times(start, start.replace(year=year + 1)), by_calendar=True)
    of_step = _PEOPLE.astype(np.int64) @ each
    return [int(weight) for weight in of_step.reshape(-1, dt.timedelta(days=1) // STEP).sum(axis=1)]
