"""Distributions as tables of their quantiles."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from synth_assets.generator.streams import Floats

LEVELS = 1_024
"""The equal steps in which amounts, activity and delays are drawn from their distributions."""


def log_normal(median: float, sigma: float, levels: int = LEVELS) -> Floats:
    """The quantiles of a log-normal distribution at the middles of `levels` equal steps.

    They are rounded, because the last digit of exp differs between processors and must not reach the data.
    """
    normal = NormalDist()
    middles = [normal.inv_cdf((step + 0.5) / levels) for step in range(levels)]
    return np.round(median * np.exp(sigma * np.array(middles)), 4)
