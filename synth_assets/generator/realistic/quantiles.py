"""Distributions as tables of their quantiles."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from synth_assets.generator.streams import Floats

LEVELS = 1_024
"""The equal steps in which amounts, activity and delays are drawn from their distributions."""


def log_normal(median: float, sigma: float, levels: int = LEVELS) -> Floats:
    """The quantiles of a log-normal distribution at the middles of `levels` equal steps.

    They are rounded, because the last digit of exp differs between processors and must not reach the data.
    """
    return np.round(median * np.exp(sigma * ndtri((np.arange(levels) + 0.5) / levels)), 4)
