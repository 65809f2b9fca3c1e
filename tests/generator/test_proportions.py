"""Bounds on proportions: the binomial law's, by another implementation of it."""

import pytest
from scipy.stats import binom

from synth_assets.generator.binomial import binomial_bounds, binomial_quantile
from synth_assets.generator.proportions import Proportion

ROWS = [0, 1, 2, 10, 99, 1_000, 20_000, 1_000_000, 100_000_000]
SHARES = [0.0, 1e-6, 0.003, 0.05, 0.5, 2 / 3, 0.999, 1.0]


@pytest.mark.parametrize("trials", ROWS)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("rate", [1e-9, 1e-6, 0.01])
def test_bounds_are_the_binomial_laws(trials, share, rate):
    low, high = binomial_bounds(trials, share, rate)
    assert 0 <= low <= high <= trials
    assert binom.cdf(low - 1, trials, share) <= rate / 2 < binom.cdf(low, trials, share)
    assert binom.sf(high, trials, share) <= rate / 2
    assert high == 0 or binom.sf(high - 1, trials, share) > rate / 2


@pytest.mark.parametrize("trials", ROWS)
@pytest.mark.parametrize("share", SHARES)
def test_quantiles_are_the_binomial_laws(trials, share):
    for fraction in (1e-12, 1e-9, 0.123, 0.7, 0.999_999):
        count = binomial_quantile(trials, share, fraction)
        assert binom.cdf(count - 1, trials, share) <= fraction
        assert count == trials or binom.cdf(count, trials, share) > fraction


def test_a_count_at_a_bound_is_within_and_the_next_is_not():
    low, high = binomial_bounds(10_000, 0.01, 1e-6)
    counts = [low - 1, low, high, high + 1]
    judged = [Proportion.judged("day", count, 10_000, 0.01, 1e-6).within for count in counts]
    assert judged == [False, True, True, False]


def test_nothing_is_observed_of_no_rows():
    assert Proportion.judged("day", 0, 0, 0.5, 1e-6).observed == 0.0
