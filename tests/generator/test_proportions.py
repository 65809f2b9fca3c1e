"""Bounds on proportions: the binomial law's, by another implementation of it."""

import pytest
from scipy.stats import binom

from synth_assets.generator.proportions import Proportion, binomial_bounds


@pytest.mark.parametrize("trials", [0, 1, 10, 1_000, 20_000, 50_000_000])
@pytest.mark.parametrize("share", [0.0, 0.003, 0.05, 2 / 3, 1.0])
def test_bounds_are_the_binomial_laws(trials, share):
    low, high = binomial_bounds(trials, share, 1e-6)
    assert 0 <= low <= high <= trials
    assert binom.cdf(low - 1, trials, share) <= 5e-7
    assert binom.sf(high, trials, share) <= 5e-7
    if 0 < share < 1 and trials:
        assert binom.cdf(low, trials, share) > 5e-7
        assert high == 0 or binom.sf(high - 1, trials, share) > 5e-7


def test_a_count_at_a_bound_is_within_and_the_next_is_not():
    low, high = binomial_bounds(10_000, 0.01, 1e-6)
    counts = [low - 1, low, high, high + 1]
    judged = [Proportion.judged("day", count, 10_000, 0.01, 1e-6).within for count in counts]
    assert judged == [False, True, True, False]


def test_nothing_is_observed_of_no_rows():
    assert Proportion.judged("day", 0, 0, 0.5, 1e-6).observed == 0.0
