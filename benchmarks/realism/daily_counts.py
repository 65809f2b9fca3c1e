"""How many payments the days of a year have by the calendar, beside published figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from benchmarks.realism import days
from benchmarks.realism.report import Measure, between, share

YEAR = days.FIRST_DAY.year
CENSUS = (0.917, 0.882, 1.006, 1.002, 1.054, 0.997, 1.018, 1.034, 0.955, 1.017, 1.014, 1.098)
"""Census Bureau: US retail sales and food services of each month, of those of a month in the mean (June 2024 to May
2025)."""
DECEMBER = 12
"""Cars are in the source, which people do not buy for Christmas: this month may differ more from it."""


def daily_counts(setting: days.Setting) -> Iterator[Measure]:
    """The days' counts by their plans, which the days' files have exactly."""
    each = pl.date_range(dt.date(YEAR, 1, 1), dt.date(YEAR, 12, 31), eager=True)
    year = pl.DataFrame({"day": each, "rows": [setting.plan(day, volume="calendar").rows for day in each]})
    rows = pl.col("rows")
    mean = year["rows"].mean()
    yield between("payments on the mean day of a calendar year, of `rows`", 0.999, 1.001, mean / setting.rows)
    by_month = year.group_by(month=pl.col("day").dt.month()).agg(rows.sum()).sort("month")
    found = by_month["rows"] / mean / (len(year) / 12) / pl.Series(CENSUS) - 1
    december = by_month["month"] == DECEMBER
    source = "Census Bureau, US retail sales, 2024–2025"
    yield share("a month's payments by the calendar, off by at most", 0, 5, found.filter(~december).abs().max(), source)
    yield share("December's payments by the calendar, above", 0, 8, found.filter(december).item(), source)
    usual = year.filter(pl.col("day").dt.month().is_in([3, 6]))  # months with few holidays
    by_weekday = usual.group_by(weekday=pl.col("day").dt.weekday()).agg(rows.mean()).sort("weekday")
    friday, sunday = (by_weekday.filter(weekday=number)["rows"].item() / usual["rows"].mean() for number in (5, 7))
    source = "assumed; Mastercard 2015: Friday first, Sunday among the last"
    yield between("payments of a Friday by the calendar, of a mean day's", 1.08, 1.16, friday, source=source)
    yield between("payments of a Sunday by the calendar, of a mean day's", 0.87, 0.95, sunday, source=source)
