"""Run config, as the launchpad shows it."""

import datetime as dt

import dagster as dg
from pydantic import Field

from synth_assets.generator.plan import GenerationPlan, PlanSettings
from synth_assets.workers import default_workers


class PaymentsConfig(PlanSettings, dg.Config):
    """The settings of a day of payments: their types, bounds and defaults are those of the plan."""

    workers: int = Field(
        default_factory=default_workers,
        ge=1,
        le=256,
        description="Threads that generate. Never changes a value. Default: the usable cores but one, which encodes.",
    )

    def plan(self, day: dt.date) -> GenerationPlan:
        return GenerationPlan.of(day=day, **self.model_dump(exclude={"workers"}))
