"""Run config, as the launchpad shows it."""

import datetime as dt
import os

import dagster as dg
from pydantic import Field

from synth_assets.generator.plan import GenerationPlan, PlanSettings


def usable_cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class PaymentsConfig(PlanSettings, dg.Config):
    """The settings of a day of payments: their types, bounds and defaults are those of the plan."""

    workers: int = Field(
        default_factory=lambda: max(1, usable_cores() - 1),
        ge=1,
        le=256,
        description="Threads that generate. Never changes a value. Default: the usable cores but one, which encodes.",
    )

    def plan(self, day: dt.date) -> GenerationPlan:
        return GenerationPlan.of(day=day, **self.model_dump(exclude={"workers"}))
