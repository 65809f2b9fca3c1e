"""What became known of a realistic day's frauds, as counts for a reader."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.labels import LABEL_EVENTS, label_events

DELAY_EDGES = (1, 3, 7, 14, 30)
"""Where the bins of days from payment to report meet."""

NEVER = "never"


@dataclass(frozen=True)
class LabelSummary:
    """The frauds of a day by scenario and by the days until they were reported.

    Args:
        scenarios: the frauds of each scenario, in the order of `LABEL_EVENTS`.
        delays: the frauds of each bin of `delay_bins`, in order.
    """

    scenarios: dict[str, int] = field(default_factory=dict)
    delays: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: GenerationPlan) -> LabelSummary:
        """The summary of the plan's day.

        Raises:
            PlanError: the plan's profile has no world, and so no frauds with causes.
        """
        scenarios: Counter[str] = Counter()
        delays: Counter[str] = Counter()
        for events in label_events(plan):
            scenarios.update(events["scenario"].cast(pl.String))
            delays.update(events.select(_delay_bin()).to_series())
        names = LABEL_EVENTS["scenario"].categories  # type: ignore[attr-defined]
        return cls({name: scenarios[name] for name in names}, {name: delays[name] for name in delay_bins()})


def delay_bins() -> list[str]:
    """The bins of days from payment to report, in words."""
    between = [f"{low} to {high} days" for low, high in pairwise(DELAY_EDGES)]
    return ["less than a day", *between, f"{DELAY_EDGES[-1]} days or more", NEVER]


def _delay_bin() -> pl.Expr:
    days = (pl.col("reported_at") - pl.col("event_time")).dt.total_milliseconds() / 86_400_000
    number = pl.sum_horizontal(days >= edge for edge in DELAY_EDGES)
    name = number.replace_strict(dict(enumerate(delay_bins())), return_dtype=pl.String)
    return pl.when(days.is_not_null()).then(name).otherwise(pl.lit(NEVER))
