"""Who holds a number, and from when to when: customers join and leave, merchants open and close.

The contract has fewer numbers than there are customers and merchants in the course of time. So the holders of a number
follow one another, and for more than a year between two of them nobody holds it: in a calendar year it has one holder
at most. When they come and go is a function of the seed and the number, so that any day is looked up alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from synth_assets.generator.realistic.quantiles import LEVELS, log_normal
from synth_assets.generator.streams import Mask, Numbers, Words, hashed, scaled

SPAN_DAYS = 20_000
"""The holders of a number are drawn one after the other from the beginning of a span of so many days, 55 years, which
each number begins on a day of its own."""
REST_DAYS = 366, 426
"""The days, at least and at most, on which nobody holds a number between two holders (assumed)."""
SHORTEST_DAYS = 30
"""The days for which a number is held, at least (assumed)."""

NOBODY = np.iinfo(np.int32).max
"""The first day of the holder of a number that nobody holds: it is after every other."""
ALWAYS = -(2**17)
"""The first day of a holder that was always there: the year 1611, before all days of payments."""
_AT_ONCE = 2**15
"""The numbers whose holders are drawn together."""
_NUMBERS = 2**20
"""More than any number of a customer or a merchant."""


class Tenure(NamedTuple):
    """For how long a number is held: a log-normal law.

    Args:
        kind: of what.
        median: years.
        sigma: of the law.
    """

    kind: str
    median: float
    sigma: float


CUSTOMER_TENURE = Tenure("customer", 8.0, 1.1)
"""About 9 % of the customers leave in a year, and of the new ones more: 9.6 % of the customers of American banks left
theirs in a year (J.D. Power, U.S. Retail Banking Satisfaction Study 2012). The form of the law is assumed."""
MERCHANT_TENURE = Tenure("merchant", 5.0, 1.9)
"""About 8 % of the merchants close in a year: 8.5 % of the enterprises of the EU did in 2021 (Eurostat, business
demography). Four fifths are there after a year (82 % of those of 2020, by the same source), half of them after five
(U.S. Bureau of Labor Statistics, Business Employment Dynamics)."""


class Holders(NamedTuple):
    """The holder that each number has in a year, in days since 1970: the first day, and the first day after the last.

    A number that nobody holds in the year has `NOBODY` in both.
    """

    since: npt.NDArray[np.int32]
    until: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Register:
    """The holders of the numbers 0 … `count` - 1.

    Args:
        always: the numbers whose holders were always there and stay for ever.
    """

    seed: int
    tenure: Tenure
    count: int
    always: Numbers

    def since(self, number: npt.NDArray[Any], day: Numbers, last: Numbers | None = None) -> Numbers:
        """The first day of the holder that each number has on a day, and until the `last` day where one is given.

        `NOBODY` for those that have none. All days are counted from 1970.
        """
        if not day.size:
            return np.zeros(np.broadcast_shapes(number.shape, day.shape), dtype=np.int64)
        low, high = int(day.min()), int(day.max())
        if low == high and last is None:
            return _since(self, low)[number].astype(np.int64)
        found = np.full(np.broadcast_shapes(number.shape, day.shape), NOBODY, dtype=np.int64)
        for year in range(_year_of(low), _year_of(high) + 1):
            since, until = (each[number] for each in self.of_year(year))
            # Whoever is there on a day is its holder, in whatever year the day is.
            there = (since <= day) & ((day if last is None else last) < until)
            found = np.where(there, since, found)
        return found

    def of_year(self, year: int) -> Holders:
        """The holders of a year."""
        return _holders(self, year)

    def _drawn_holders(self, year: int) -> Holders:
        # A part of the numbers after another, so that what is drawn for them stays near the processor.
        parts = [
            self._some_holders(np.arange(first, min(first + _AT_ONCE, self.count)), year)
            for first in range(0, self.count, _AT_ONCE)
        ]
        since, until = (np.concatenate(each) for each in zip(*parts, strict=True))
        since[self.always], until[self.always] = ALWAYS, NOBODY
        return Holders(since, until)

    def _some_holders(self, number: Numbers, year: int) -> Holders:
        first, end = ((dt.date(each, 1, 1) - dt.date(1970, 1, 1)).days for each in (year, year + 1))
        start = (hashed(self.seed, f"{self.tenure.kind}/span", number) % np.uint64(SPAN_DAYS)).astype(np.int64)
        start += (first - start) // SPAN_DAYS * SPAN_DAYS
        since, until = start.copy(), self._until(number, start, start + SPAN_DAYS)
        left = np.flatnonzero(until <= first)
        while len(left):
            since[left], start[left] = self._next(number[left], until[left], start[left])
            until[left] = self._until(number[left], since[left], start[left] + SPAN_DAYS)
            left = left[until[left] <= first]
        nobody = since >= end
        since[nobody] = until[nobody] = NOBODY
        return Holders(since.astype(np.int32), until.astype(np.int32))

    def _until(self, number: Numbers, since: Numbers, end: Numbers) -> Numbers:
        """The first day after the last of the holders who came on a day, in a span that ends before `end`."""
        level = hashed(self.seed, f"{self.tenure.kind}/tenure", number, since) % np.uint64(LEVELS)
        return np.minimum(since + _days_held(self.tenure)[level], end - REST_DAYS[0])

    def _next(self, number: Numbers, until: Numbers, start: Numbers) -> tuple[Numbers, Numbers]:
        """When those come who follow holders until a day, and when the span that they come in begins."""
        shortest, longest = REST_DAYS
        word = hashed(self.seed, f"{self.tenure.kind}/rest", number, until)
        comes = until + shortest + scaled(word, longest - shortest + 1).astype(np.int64)
        end = start + SPAN_DAYS
        too_late = comes > end - shortest - SHORTEST_DAYS
        return np.where(too_late, end, comes), np.where(too_late, end, start)


@lru_cache(maxsize=8)
def _holders(register: Register, year: int) -> Holders:
    """The holders of a year: a fifth of a second, and 5 MB for 600,000 numbers."""
    return register._drawn_holders(year)


@lru_cache(maxsize=4)
def _since(register: Register, day: int) -> npt.NDArray[np.int32]:
    """The first day of the holder that each number has on a day: a block of payments is most often of one day."""
    since, until = register.of_year(_year_of(day))
    return np.where((since <= day) & (day < until), since, np.int32(NOBODY))


@lru_cache(maxsize=4)
def _days_held(tenure: Tenure) -> Numbers:
    """Whole days for which a number is held, by equal steps of their distribution."""
    days = log_normal(tenure.median * 365.25, tenure.sigma)
    return np.clip(np.rint(days), SHORTEST_DAYS, SPAN_DAYS).astype(np.int64)


def _year_of(day: int) -> int:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).year


def holder(number: npt.NDArray[Any], since: Numbers) -> Numbers:
    """A number below 2**38 that names the holder of a number since a day, and no other one."""
    return (since - ALWAYS) * _NUMBERS + number


def dates(held: Holders, number: Numbers, year: int, came: str, went: str) -> dict[str, pl.Series]:
    """The first days of the year's holders of some numbers, and the first days without them, as columns of these names.

    Null stands for what was always so, and for what is not known by the end of the year.
    """
    since, until = held.since[number].astype(np.int64), held.until[number].astype(np.int64)
    after = (dt.date(year + 1, 1, 1) - dt.date(1970, 1, 1)).days
    return {
        came: days_as_dates(since).set(pl.Series(since == ALWAYS), None),
        went: days_as_dates(until).set(pl.Series(until > after), None),
    }


def days_as_dates(days: Numbers) -> pl.Series:
    """Days since 1970 as dates."""
    return pl.Series(days).cast(pl.Int32).cast(pl.Date)


def drawn(rows: int, draw: Callable[[Numbers, int], Numbers], holds: Callable[[Numbers, Numbers], Mask]) -> Numbers:
    """For each row the first of its draws that holds.

    Args:
        rows: how many.
        draw: what some rows, given by their numbers, draw at an attempt (0, 1, …).
        holds: which of these draws can be kept, by the draws and the numbers of their rows.
    """
    found, left, attempt = np.zeros(rows, dtype=np.int64), np.arange(rows), 0
    while len(left):
        found[left] = draw(left, attempt)
        left = left[~holds(found[left], left)]
        attempt += 1
    return found


def another(words: Words, attempt: int) -> Words:
    """The words to draw with at an attempt: those given at first, and others that follow from them later."""
    return hashed(0, "another", words, np.full(1, attempt)) if attempt else words
