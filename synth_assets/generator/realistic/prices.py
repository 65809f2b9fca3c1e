"""How amounts end: prices in shops end in .99 or .95, bills and gifts are round sums, and the rest ends anyhow."""

from __future__ import annotations

import numpy as np

from synth_assets.generator.streams import Floats, Words, cell

# Of 100 equally likely draws, those below are one price in a row with the same ending: online, and at a terminal.
CHARMING, NINETY_FIVE, WHOLE, ROUND = (34, 14), (8, 6), (12, 16), (5, 8)
"""The shares of the amounts that end in 99 and in 95 hundredths, in whole units, and in multiples of five of them, in
per cent, online and at a terminal (assumed)."""
_EDGES = np.cumsum([CHARMING, NINETY_FIVE, WHOLE, ROUND], axis=0).T
_KINDS = (np.arange(100)[:, None] >= _EDGES[:, None]).sum(axis=2)
"""The ending of each draw, online and at a terminal: its place among those of `_EDGES`, or one more for any."""
# By ending, in hundreds of the smallest unit: what prices are multiples of, and how much less is asked.
_STEP = np.array([1.0, 1.0, 1.0, 5.0, 1.0])
_LESS = np.array([0.01, 0.05, 0.0, 0.0, 0.0])


def with_endings(money: Floats, unit: Floats, online: np.ndarray, word: Words) -> Floats:
    """Amounts in the smallest units of their currencies, some of them moved to the nearest price that people ask.

    Args:
        money: the amounts, in the smallest units; whole numbers.
        unit: how many of the smallest make a major unit; where it is 1, a hundred of them count as one.
        online: whether it is paid online.
        word: a random word for each.
    """
    draw = ((word >> np.uint64(57)) * np.uint64(100) >> np.uint64(7)).astype(np.int64)
    kind = cell(_KINDS, (~online).astype(np.int64), draw)
    hundred = np.where(unit == 1, 100.0, unit)
    step, less = _STEP[kind] * hundred, _LESS[kind] * hundred
    asked = np.rint((money + less) / step) * step - less
    # Small sums have no room for it.
    return np.where((kind < 4) & (asked > 0) & (money >= hundred), asked, money)
