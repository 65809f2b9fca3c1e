"""Counts beside the binomial bounds that are accepted of them."""

from __future__ import annotations

from dataclasses import dataclass

from synth_assets.generator.binomial import binomial_bounds

FALSE_ALARM_RATE = 1e-6
"""How often a claim about proportions may be false by chance: once in a million files."""


@dataclass(frozen=True)
class Proportion:
    """How many of some rows have a property, beside what is accepted.

    Args:
        of: what the rows are, or what they have.
        expected: the probability that a row has the property.
        count: the rows that have it, of `trials`.
        lowest, highest: the counts that are accepted.
    """

    of: str
    expected: float
    count: int
    trials: int
    lowest: int
    highest: int

    @classmethod
    def judged(cls, of: str, count: int, trials: int, expected: float, false_alarm_rate: float) -> Proportion:
        """The proportion with the bounds that a right file leaves with at most `false_alarm_rate`."""
        return cls(of, expected, count, trials, *binomial_bounds(trials, expected, false_alarm_rate))

    @property
    def observed(self) -> float:
        """The share of the rows that have the property, 0 where there are no rows."""
        return self.count / self.trials if self.trials else 0.0

    def __str__(self) -> str:
        """As a summary shows it: "whole day 71 (allowed 25–103)"."""
        of = "whole day" if self.of == "day" else self.of
        return f"{of} {self.count:,} (allowed {self.lowest:,}–{self.highest:,})"

    @property
    def within(self) -> bool:
        return self.lowest <= self.count <= self.highest
