"""What sets a day apart from others of its weekday and month: public holidays, the days before Christmas, paydays.

The literal tables come first; then what they make of the days of a country.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter
from functools import lru_cache
from itertools import product

import numpy as np

from synth_assets.generator.realistic import atlas
from synth_assets.generator.streams import Mask, Numbers

HOLIDAY, CHRISTMAS_DAY = 72, 45
"""The weight of a public holiday, and of 25 December where it is one, in the place of that of its weekday
(`atlas.WEEKDAYS`, whose mean is 100).

They are assumed, so that with `RUN_UP` the British week of Christmas agrees with what was found: spending by card fell
from 126 to 86 per cent of that of February 2020 in the week to 30 December 2021 (Office for National Statistics,
January 2022, by Bank of England data).
"""

RUN_UP_DAYS, RUN_UP = 8, 25
"""The days to 24 December on which more is paid where Christmas is a public holiday, and how much more, in per cent.

In New Zealand, about half more is spent in the last seven days before Christmas than in an average week (Paymark,
December 2019). A part of it is in December's own weight.
"""

PAYDAY_RISE = (12, 6)
"""How much more is paid on a payday and on the day after it, in per cent.

In Iceland, more than half of the people spend over 25 per cent more on their payday (Pagel and Vardardottir 2016): some
12 per cent for all. That of the day after is assumed.
"""

PAYDAYS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("AE", "DE", "ES", "FR", "GB", "IE", "IN", "PT", "SG"), (31,)),
    **dict.fromkeys(("JP", "KR", "NL", "SE", "ZA"), (25,)),
    **dict.fromkeys(("CA", "MX", "US"), (15, 31)),
    "BR": (5,),
    "IT": (27,),
    "PL": (10,),
}
"""By country, the days of the month on which people are paid; 31 is the last day. Each is that of an equal part of the
people. Where it is no working day, they are paid on the working day before. All of it is assumed, by what is usual
there. Countries that pay by the week have no such day."""

REGIONS = {"CA": "ON", "GB": "ENG"}
"""The region whose holidays are those of a country: most of its customers live there. Elsewhere holidays are those of
the whole country."""


def day_weights(country: str, first: dt.date, days: int) -> tuple[Numbers, Mask]:
    """How much is paid on each of these days in the country, beside others, and which of them are public holidays.

    Args:
        country: its ISO 3166-1 code.
        first: the first of the `days` days.

    Returns:
        By day, a weight (a whole number whose mean over a year is about 1,000,000), and whether it is a holiday.
    """
    dates = [first + dt.timedelta(days=number) for number in range(days)]
    weekday = np.array([date.weekday() for date in dates])
    month = np.array([date.month for date in dates]) - 1
    holiday = np.array([date in public_holidays(country, date.year) for date in dates])
    christmas = holiday & np.array([(date.month, date.day) == (12, 25) for date in dates])
    weight = np.where(holiday, HOLIDAY, np.array(atlas.WEEKDAYS)[weekday])
    weight = np.where(christmas, CHRISTMAS_DAY, weight)
    percent = 100 + np.array([_rises(country, date.year)[date] for date in dates])
    return (weight * np.array(atlas.MONTHS)[month] * percent).astype(np.int64), holiday


@lru_cache(maxsize=256)
def public_holidays(country: str, year: int) -> frozenset[dt.date]:
    """The public holidays of a country in a year, with the days that they are moved to.

    They are those of the library `holidays`. For years that it does not know it has none, and some of those to come are
    estimates. Its versions differ, so its pinned one is part of what makes a file.
    """
    # Only here, so that days of constant volume do without it: it takes as long to import as a small day to make.
    import holidays

    return frozenset(holidays.country_holidays(country, subdiv=REGIONS.get(country), years=year))


@lru_cache(maxsize=256)
def _rises(country: str, year: int) -> Counter[dt.date]:
    """How much more is paid on the days before Christmas and at the paydays of a year, in per cent."""
    rises: Counter[dt.date] = Counter()
    christmas = dt.date(year, 12, 25)
    if christmas in public_holidays(country, year):
        rises.update({christmas - dt.timedelta(days=number): RUN_UP for number in range(1, RUN_UP_DAYS + 1)})
    paydays = PAYDAYS.get(country, ())
    months = [(year - 1, 12), *((year, month) for month in range(1, 13))]
    for (of_year, month), payday in product(months, paydays):
        paid = _paid_on(country, of_year, month, payday)
        for days_after, rise in enumerate(PAYDAY_RISE):
            rises[paid + dt.timedelta(days=days_after)] += rise // len(paydays)
    return rises


def _paid_on(country: str, year: int, month: int, payday: int) -> dt.date:
    """The payday of a month, or the working day before it. No payday of the table leads to the month before."""
    date = dt.date(year, month, min(payday, calendar.monthrange(year, month)[1]))
    while date.weekday() >= 5 or date in public_holidays(country, year):
        date -= dt.timedelta(days=1)
    return date
