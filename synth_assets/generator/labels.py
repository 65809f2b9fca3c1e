"""What became known of the frauds of a realistic day, and when: what a fraud team learns after the fact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from synth_assets.generator.columns import uuid_text
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.realistic import day_blocks
from synth_assets.generator.rhythm import DAY_MS
from synth_assets.generator.scenarios import FRAUDS
from synth_assets.generator.streams import hashed
from synth_assets.generator.world import log_normal

NEVER_REPORTED = 0.04
"""Share of the frauds that nobody ever reports (assumed)."""
MEDIAN_DELAY_DAYS, DELAY_SPREAD = 6.0, 1.0
"""From payment to report: log-normal, half within a week, one in ten after three (assumed, after the seven days of Dal
Pozzolo et al. 2015 and the weeks that a statement takes)."""
PROCESSING_DAYS = 2
"""From report to known label, at most (assumed)."""
_DELAYS = np.round(log_normal(MEDIAN_DELAY_DAYS, DELAY_SPREAD, 1_024) * DAY_MS).astype(np.int64)
"""Milliseconds from payment to report, at equal steps of their law."""

LABEL_EVENTS = pl.Schema(
    {
        "transaction_id": pl.String(),
        "event_time": pl.Datetime("ms", "UTC"),
        "scenario": pl.Enum([scenario.name for scenario in FRAUDS]),
        "reported_at": pl.Datetime("ms", "UTC"),
        "known_at": pl.Datetime("ms", "UTC"),
    }
)
"""One row a fraud. reported_at: when the cardholder reported it; known_at: when it was a label; both null for never."""


def label_events(plan: GenerationPlan) -> Iterator[pl.DataFrame]:
    """The frauds of a day in the order of their times, as frames of `LABEL_EVENTS`, one for each block of the day.

    Raises:
        PlanError: the profile is not realistic: no other has causes.
    """
    if plan.profile != "realistic":
        raise PlanError(f"Frauds of the {plan.profile} profile have no causes. Set profile to realistic.")
    for world, streams, draft in day_blocks(plan):
        fraud = draft.incidents.scenario < len(FRAUDS)
        rows = draft.incidents.rows[fraud]
        high, low = (streams.words(f"transaction_id/{half}")[rows] for half in ("high", "low"))
        moment = draft.moment[rows]
        word = hashed(world.seed, "label", high, low)
        reported = moment + _DELAYS[word >> np.uint64(54)]
        known = reported + ((word & np.uint64(0xFFFF)) * np.uint64(PROCESSING_DAYS * DAY_MS >> 16)).astype(np.int64)
        never = pl.Series(hashed(world.seed, "label/never", high, low) < np.uint64(round(NEVER_REPORTED * 2**64)))
        yield pl.DataFrame(
            {
                "transaction_id": uuid_text(high, low),
                "event_time": moment,
                "scenario": pl.Series(draft.incidents.scenario[fraud].astype(np.uint8)).cat.to(
                    LABEL_EVENTS["scenario"]
                ),
                "reported_at": pl.Series(reported).set(never, None),
                "known_at": pl.Series(known).set(never, None),
            }
        ).cast(LABEL_EVENTS)
