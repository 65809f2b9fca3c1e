"""Days of payments in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from benchmarks.day import contract
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.answer_key import incidents
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.simulator import TransactionSimulator

FIRST_DAY = dt.date(2026, 3, 2)
"""A Monday. Clocks change within the month, in America and in Europe."""
CUSTOMERS_PER_ROW = 0.6


@dataclass(frozen=True)
class Setting:
    """What the days are drawn with.

    Args:
        rows: payments a day.
        seed: of the world and of the days.
        customers: of the world; for None in proportion to the rows.
    """

    profile: str
    difficulty: str
    rows: int
    seed: int = 42
    customers: int | None = None

    def plan(self, day: dt.date, **settings: Any) -> GenerationPlan:
        if self.profile == "realistic":
            settings = {
                "difficulty": self.difficulty,
                "customers": self.customers or int(self.rows * CUSTOMERS_PER_ROW),
                **settings,
            }
        return GenerationPlan.of(
            **{"day": day, "rows": self.rows, "profile": self.profile, "seed": self.seed, **settings}
        )


def dates(count: int) -> list[dt.date]:
    return [FIRST_DAY + dt.timedelta(days=number) for number in range(count)]


def payments(plans: Iterable[GenerationPlan]) -> pl.DataFrame:
    """The payments of the plans, with `day` (the partition's) and `row` (the place in its file)."""
    days = [
        pl.DataFrame(pa.concat_tables(TransactionSimulator(contract(), plan)))
        .with_columns(day=pl.lit(plan.day))
        .with_row_index("row")
        for plan in plans
    ]
    return pl.concat(days)


def answer_key(plans: Iterable[GenerationPlan]) -> pl.DataFrame:
    """The payments of all incidents: transaction_id, case_id, kind, scenario, hidden, ring_id, and where copied."""
    return pl.concat(incidents(plan) for plan in plans)


def labels(plans: Iterable[GenerationPlan]) -> pl.DataFrame:
    """The events of the frauds: transaction_id, event_time, scenario, reported_at, known_at."""
    return pl.concat([frame for plan in plans for frame in label_events(plan)])
