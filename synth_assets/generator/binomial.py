"""The binomial law, exactly: how many of some rows have a property that each has with the same probability."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class _Law(NamedTuple):
    """The counts that are not out of the question, and for each the probability of at most and of at least so many."""

    first: int
    at_most: npt.NDArray[np.float64]
    at_least: npt.NDArray[np.float64]


@lru_cache(maxsize=1024)
def binomial_bounds(trials: int, probability: float, false_alarm_rate: float) -> tuple[int, int]:
    """The narrowest equal-tailed interval that a binomial count leaves with at most `false_alarm_rate`.

    Args:
        false_alarm_rate: from 1e-12 to 1.

    Returns:
        The lowest and the highest count that are still accepted, both in 0 … trials.
    """
    law = _law(trials, probability)
    tail = false_alarm_rate / 2
    lowest = int(np.searchsorted(law.at_most, tail, side="right"))
    # One more than the highest is the first of which so many or more are rare enough.
    highest = len(law.at_least) - 1 - int(np.searchsorted(law.at_least[::-1], tail, side="right"))
    return law.first + lowest, law.first + highest


def binomial_quantile(trials: int, probability: float, fraction: float) -> int:
    """The lowest count of which at most so many are more likely than `fraction`.

    A higher probability never gives a lower count. A fraction below 1e-12 counts as one of about that.
    """
    law = _law(trials, probability)
    return min(law.first + int(np.searchsorted(law.at_most, fraction, side="right")), trials)


@lru_cache(maxsize=64)
def _law(trials: int, probability: float) -> _Law:
    if not 0 < probability < 1:
        return _Law(round(trials * probability), np.ones(1), np.ones(1))
    mean = trials * probability
    # Farther off, by Bernstein's inequality, there is too little to move a bound.
    reach = 9 * (mean * (1 - probability)) ** 0.5 + 40
    counts = np.arange(max(int(mean - reach), 0), min(int(mean + reach) + 1, trials) + 1)
    # How much more likely each count is than the one before: a product from the likeliest on neither under- nor
    # overflows, and the sum of all is 1.
    steps = np.log((trials - counts[:-1]) / counts[1:]) + np.log(probability / (1 - probability))
    logarithms = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.exp(logarithms - logarithms.max())
    shares /= shares.sum()
    return _Law(int(counts[0]), np.cumsum(shares), np.cumsum(shares[::-1])[::-1])
