"""What became known of the frauds of a realistic day, and when: what a fraud team learns after the fact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from synth_assets.generator.columns import uuid_text, uuid_words
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.realistic.quantiles import log_normal
from synth_assets.generator.realistic.rhythm import DAY_MS
from synth_assets.generator.realistic.scenarios import FRAUDS
from synth_assets.generator.streams import block_count, hashed

NEVER_REPORTED = 0.04
"""The share of the frauds that nobody ever reports (assumed)."""
MEDIAN_DELAY_DAYS, DELAY_SIGMA = 6.0, 1.0
"""The days from payment to report are log-normal: half within a week, one in ten after three. This is assumed, with the
seven days of Dal Pozzolo et al. 2015 and the weeks that a statement takes in mind."""
PROCESSING_DAYS = 2
"""The days from report to known label, at most (assumed)."""
_DELAYS = np.round(log_normal(MEDIAN_DELAY_DAYS, DELAY_SIGMA) * DAY_MS).astype(np.int64)
"""Milliseconds from payment to report, at equal steps of their distribution."""

LABEL_EVENTS = pl.Schema(
    {
        "transaction_id": pl.String(),
        "event_time": pl.Datetime("ms", "UTC"),
        "scenario": pl.Enum([scenario.name for scenario in FRAUDS]),
        "reported_at": pl.Datetime("ms", "UTC"),
        "known_at": pl.Datetime("ms", "UTC"),
    }
)
"""One row a fraud. The cardholder reported it at `reported_at`, and it was a label at `known_at`. Both are null for a
fraud that is never reported."""


def label_events(plan: GenerationPlan) -> Iterator[pl.DataFrame]:
    """The frauds of a day in the order of their times, as frames of `LABEL_EVENTS`, one for each block of the day.

    Raises:
        PlanError: the plan's profile has no world, and so no frauds with causes.
    """
    if not PROFILES[plan.profile].has_world:
        raise PlanError(f"Frauds of the {plan.profile} profile have no causes. Set profile to realistic.")
    for draft in drafts(plan, range(block_count(plan.rows))):
        yield _block_events(draft)


def _block_events(draft: Draft) -> pl.DataFrame:
    seed, incidents = draft.world.seed, draft.incidents
    rows = incidents.rows[incidents.fraud]
    high, low = (words[rows] for words in uuid_words(draft.streams, "transaction_id"))
    moment = draft.moment[rows]
    word = hashed(seed, "label", high, low)
    reported = moment + _DELAYS[word >> np.uint64(54)]
    known = reported + ((word & np.uint64(0xFFFF)) * np.uint64(PROCESSING_DAYS * DAY_MS >> 16)).astype(np.int64)
    never = pl.Series(hashed(seed, "label/never", high, low) < np.uint64(round(NEVER_REPORTED * 2**64)))
    scenario = pl.Series(incidents.scenario[incidents.fraud].astype(np.uint8))
    return pl.DataFrame(
        {
            "transaction_id": uuid_text(high, low),
            "event_time": moment,
            "scenario": scenario.cat.to(LABEL_EVENTS["scenario"]),
            "reported_at": pl.Series(reported).set(never, None),
            "known_at": pl.Series(known).set(never, None),
        }
    ).cast(LABEL_EVENTS)
