"""The stores of goods that can be sold on, which thieves look for."""

from __future__ import annotations

import numpy as np

from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.merchants import TRADES
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Numbers, Words, hashed

STORES = 6
"""The other stores that a thief passes, at most, in search of such goods (assumed)."""

_RESALE = np.isin([trade.mcc for trade in TRADES], sorted(atlas.RESALE_MCCS))


def passing_by(world: World, pool: Numbers, words: Words, merchant: Numbers, day: Numbers) -> Numbers:
    """These merchants of the pools, or the first of the next `STORES` that sells such goods.

    Args:
        words: what leads to the next ones.
        day: the days (since 1970) on which they are paid.
    """
    word = hashed(world.seed, "goods", words[:, None], np.arange(STORES))
    others = world.merchants.draw(np.repeat(pool, STORES), word.ravel(), np.repeat(day, STORES))
    passed = np.column_stack([merchant, others.reshape(-1, STORES)])
    sells = _RESALE[world.merchants.trade[passed]]
    sells[:, -1] = True  # Whoever finds none takes the last store.
    return passed[np.arange(len(passed)), sells.argmax(axis=1)]
