"""Standing agreements: payments that recur, by one card at one merchant for one amount.

An agreement ends when its customer leaves, and another customer's takes its place; when its merchant closes, the
customer has one with another merchant. What takes a place ends when the number has a holder again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from itertools import count
from math import gcd

import numpy as np

from synth_assets.generator.columns import RECURRING_RATE
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.holders import NOBODY, drawn, holder
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.merchants import SUBSCRIPTION_COHORTS
from synth_assets.generator.realistic.rhythm import STEPS_A_DAY, Rhythm
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import Floats, Mask, Numbers, Words, fractions, hashed, scaled

CYCLE_DAYS = 30
"""Days from one payment of an agreement to the next (assumed)."""
WORLDWIDE_SHARE = 0.1
"""The share of the agreements with shops of any country, rather than of the customer's own (assumed)."""
COHORTS = SUBSCRIPTION_COHORTS
"""The parts into which the shops with agreements are divided."""
HEIRS = 3
"""Another agreement in the place of one whose customer is not there is this part of the world's slots further on, so
that it is none of those that the day has anyway. One slot more leads to other slots after a round."""
_HEIR_STEP = np.uint64(round(0.061_05 * 2**64))
"""How far apart in amount such another agreement is from those of its new customer: of all such steps, this one keeps
the largest distance for customers of up to 80 slots."""
GROUP_ROWS = round(1 / RECURRING_RATE)
"""One of so many consecutive payments recurs, unless an incident takes its place."""


@dataclass(frozen=True)
class Agreements:
    """The payments of a block that agreements make.

    Args:
        rows: their row numbers in the block, ascending.
        card: each one's card in the world.
        cohort: which of the `COHORTS` of shops it is with. A shop has all of its agreements with a customer on one day
            of the cycle, so a payment of one agreement is not taken for one of another.
        word: names the agreement: always the same for one, and different for any other.
        quantile: of what the shop's customers pay: different for all agreements that a customer pays on one day.
    """

    rows: Numbers
    card: Numbers
    cohort: Numbers
    word: Words
    quantile: Floats

    @property
    def worldwide(self) -> Mask:
        """Which of them are with shops of any country."""
        return (self.word & np.uint64(0xFF)) < np.uint64(round(WORLDWIDE_SHARE * 256))

    def without(self, rows: Numbers) -> Agreements:
        """The agreements whose rows are none of these, which ascend too."""
        kept = np.searchsorted(rows, self.rows) == np.searchsorted(rows, self.rows, side="right")
        return Agreements(*(getattr(self, each.name)[kept] for each in fields(self)))


def due_agreements(
    world: World, rhythm: Rhythm, plan: GenerationPlan, first: int, step: Numbers, moment: Numbers
) -> Agreements:
    """The agreements that pay in a block that begins at the `first` row of the day and has these steps and moments.

    One of every ten payments recurs, so that a day's agreements are numbered without a look at other blocks. After a
    cycle the same number is the same agreement, at about the same hour. A day of more rows has more of them.
    """
    last = first + len(step)
    group = np.arange(first // GROUP_ROWS, -(-last // GROUP_ROWS))
    within = scaled(hashed(plan.seed, f"is_recurring/{plan.day.isoformat()}", group), GROUP_ROWS)
    rows = group * GROUP_ROWS + within.astype(np.int64)
    inside = (first <= rows) & (rows < last)
    group, rows = group[inside], rows[inside] - first
    # In a window of several days each of them counts its own.
    before = rhythm.passed[step[rows] // STEPS_A_DAY * STEPS_A_DAY] * plan.rows / GROUP_ROWS
    number = group - before.astype(np.int64)
    today = moment[rows] // DAY_MS
    day, slots = today % CYCLE_DAYS, len(world.slots)
    slot, heir = _slots(world, number, today)
    card = world.slots[slot]
    customer = world.card_customer[card].astype(np.int64)
    person = holder(customer, world.register.since(customer, today))
    cohort = (day - (hashed(plan.seed, "agreement/day", person) % np.uint64(COHORTS)).astype(np.int64)) % COHORTS
    # Steps of the golden ratio keep apart what a customer pays on one day, whose slots are numbered in a row.
    steps = (slot + number // slots * 7_919).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    steps += heir.astype(np.uint64) * _HEIR_STEP
    quantile = fractions(hashed(plan.seed, "agreement/amount", person, day) + steps)
    return Agreements(rows, card, cohort, hashed(plan.seed, "agreement", day, number, person), quantile)


def _slots(world: World, number: Numbers, today: Numbers) -> tuple[Numbers, Numbers]:
    """The slot of each numbered agreement of a day (since 1970), and how many were tried before whose customers are
    not there."""
    slots = len(world.slots)
    start = scaled(hashed(world.seed, "agreement/start", today % CYCLE_DAYS), slots).astype(np.int64)

    def slot_of(heir: Numbers, which: Numbers) -> Numbers:
        return (start[which] + (number[which] + heir * (slots // HEIRS + 1)) * _stride(slots)) % slots

    heir = drawn(
        len(number),
        lambda which, attempt: np.full(len(which), attempt),
        lambda heir, which: world.joined(world.slots[slot_of(heir, which)], today[which]) < NOBODY,
    )
    return slot_of(heir, np.arange(len(number))), heir


@cache
def _stride(slots: int) -> int:
    """The length of a step from one agreement's card to the next: about the golden section of the number of slots.

    Such steps visit every slot once before any twice, and place the first few evenly over the world.
    """
    return next(stride for stride in count(max(round(slots * 0.6180339887), 1)) if gcd(stride, slots) == 1)
