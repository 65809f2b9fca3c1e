"""Segments of a day: equal parts of its rows, whose cases of fraud are planned together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from synth_assets.generator.binomial import binomial_quantile
from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.realistic.scenarios import HARDNESS
from synth_assets.generator.streams import BlockStreams, Floats

SEGMENT_ROWS = 524_288
"""Rows of a segment at most, which bounds the memory of its cases."""


def segment_count(plan: GenerationPlan) -> int:
    """Segments of a day: a multiple of ten, so that none crosses the border of two tenths of the day."""
    return TENTHS * -(-plan.rows // (TENTHS * SEGMENT_ROWS))


@dataclass(frozen=True)
class Segment:
    """The day's rows `first` … `first` + `rows` - 1."""

    plan: GenerationPlan
    number: int
    first: int
    rows: int

    @classmethod
    def of(cls, plan: GenerationPlan, number: int) -> Segment:
        """The segment of the plan's day with this number."""
        first, last = (-(-plan.rows * edge // segment_count(plan)) for edge in (number, number + 1))
        return cls(plan, number, first, last - first)

    def streams(self, rows: int) -> BlockStreams:
        """The streams of the segment, of so many numbers each."""
        return BlockStreams(self.plan.seed, self.plan.day, self.number, rows)

    def days_later(self, days: int) -> list[Segment]:
        """The segments of a later day that this one has the place of: the same part of the day, or its nearest parts.

        Every segment of the later day is that of one segment of this day, whichever of the two has more of them.
        """
        plan = self.plan.on(self.plan.day + dt.timedelta(days=days))
        own, theirs = segment_count(self.plan), segment_count(plan)
        return [
            Segment.of(plan, number)
            for number in range(-(-self.number * theirs // own), -(-(self.number + 1) * theirs // own))
        ]

    def frauds(self) -> int:
        """How many of the rows are fraud: a binomial draw."""
        return binomial_quantile(self.rows, self.plan.fraud_rate, self._draws()[0])

    def look_alikes(self) -> int:
        """How many of the other rows look like fraud: a binomial draw."""
        return binomial_quantile(
            self.rows - self.frauds(), HARDNESS[self.plan.difficulty].look_alikes, self._draws()[1]
        )

    def _draws(self) -> Floats:
        return self.streams(2).fractions("incidents")
