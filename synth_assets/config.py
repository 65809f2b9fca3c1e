"""Run config, as the launchpad shows it."""

import datetime as dt

import dagster as dg

from synth_assets.generator.plan import GenerationPlan, PlanSettings


class PaymentsConfig(PlanSettings, dg.Config):
    """The settings of a day of payments: their types, bounds and defaults are those of the plan."""

    def plan(self, day: dt.date) -> GenerationPlan:
        return GenerationPlan.of(day=day, **self.model_dump())
