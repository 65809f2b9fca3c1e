"""Run config, as the launchpad shows it."""

import datetime as dt
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from synth_assets.generator.plan import GenerationPlan, PlanError, PlanSettings, describe_faults
from synth_assets.steps import one_clear_error


class PaymentsConfig(PlanSettings, dg.Config):
    """The settings of a day of payments: their types, bounds and defaults are those of the plan.

    Dagster judges names, types and choices before a run starts. It does not know bounds: those are judged in the run.
    """

    make_again: bool | None = Field(
        default=None,
        description="Whether to make a day again although its file is in the output folder, was made by the same "
        "version from the same settings and contract, and passes its checks. Default: a run of one partition does, a "
        "backfill's run over several days does not.",
    )

    def __init__(self, **settings: Any) -> None:
        """A setting out of its bounds raises Failure, because Dagster hides the reason behind pydantic's own error."""
        with one_clear_error():
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise PlanError(describe_faults(error)) from None

    def plan(self, day: dt.date) -> GenerationPlan:
        return GenerationPlan.of(day=day, **self.model_dump(exclude={"make_again"}))
