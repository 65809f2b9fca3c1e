"""Standing agreements: payments that recur, by one card at one merchant for one amount."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import count
from math import gcd

import numpy as np

from synth_assets.generator.columns import RECURRING_RATE
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.rhythm import DAY_MS, STEPS_A_DAY, Rhythm
from synth_assets.generator.streams import Words, hashed, scaled
from synth_assets.generator.world import Numbers, World

CYCLE_DAYS = 30
"""Days from one payment of an agreement to the next (assumed)."""
ONE_IN = round(1 / RECURRING_RATE)
"""Of so many payments one recurs, but for those whose place an incident takes."""


@dataclass(frozen=True)
class Agreements:
    """The payments of a block that agreements make.

    Args:
        rows: their row numbers in the block, ascending.
        slot: each one's card, by its slot in the world.
        word: the agreement: the same whenever it pays, and for none besides.
    """

    rows: Numbers
    slot: Numbers
    word: Words

    def without(self, rows: Numbers) -> Agreements:
        kept = ~np.isin(self.rows, rows)
        return Agreements(self.rows[kept], self.slot[kept], self.word[kept])


def due(world: World, rhythm: Rhythm, plan: GenerationPlan, first: int, step: Numbers, moment: Numbers) -> Agreements:
    """The agreements that pay in a block whose `first` row in the day, steps and moments these are.

    One of every ten payments recurs, so that a day's agreements are numbered without a look at other blocks. After a
    cycle the same number is the same agreement, at about the same hour; a day of more rows has more of them.
    """
    last = first + len(step)
    group = np.arange(first // ONE_IN, -(-last // ONE_IN))
    within = scaled(hashed(plan.seed, f"is_recurring/{plan.day.isoformat()}", group), ONE_IN)
    rows = group * ONE_IN + within.astype(np.int64)
    inside = (first <= rows) & (rows < last)
    group, rows = group[inside], rows[inside] - first
    # In a window of several days each of them counts its own.
    before = rhythm.passed[step[rows] // STEPS_A_DAY * STEPS_A_DAY] * plan.rows / ONE_IN
    number = group - before.astype(np.int64)
    day = moment[rows] // DAY_MS % CYCLE_DAYS
    slots = len(world.slots)
    start = scaled(hashed(plan.seed, "agreement/start", day), slots).astype(np.int64)
    return Agreements(rows, (start + number * _stride(slots)) % slots, hashed(plan.seed, "agreement", day, number))


@cache
def _stride(slots: int) -> int:
    """Steps of this length, the golden section of the slots, meet each of them once before any twice, and spread the
    first few evenly over the world."""
    return next(stride for stride in count(max(round(slots * 0.6180339887), 1)) if gcd(stride, slots) == 1)
