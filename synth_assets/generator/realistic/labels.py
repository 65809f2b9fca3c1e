"""What became known of the frauds of a realistic day, and when: what a fraud team learns after the fact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from synth_assets.generator.columns import uuid_text, uuid_words
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.scenarios import FRAUDS
from synth_assets.generator.realistic.victims import NEVER
from synth_assets.generator.streams import Words, block_count, hashed, scaled

PROCESSING_DAYS = 2
"""The days from report to known label, at most (assumed)."""

LABEL_EVENTS = pl.Schema(
    {
        "transaction_id": pl.String(),
        "event_time": pl.Datetime("ms", "UTC"),
        "case_id": pl.String(),
        "scenario": pl.Enum([scenario.name for scenario in FRAUDS]),
        "reported_at": pl.Datetime("ms", "UTC"),
        "known_at": pl.Datetime("ms", "UTC"),
    }
)
"""One row a fraud. All frauds of a case were reported at once, at `reported_at`, when the card was blocked too, and
were labels at `known_at`. Both are null for a case that is never reported."""


def label_events(plan: GenerationPlan, blocks: range | None = None) -> Iterator[pl.DataFrame]:
    """The frauds of a day in the order of their times, as frames of `LABEL_EVENTS`, one for each block of the day.

    Args:
        blocks: the numbers of those that are wanted, one after the other; None: all.

    Raises:
        PlanError: the plan's profile has no world, and so no frauds with causes.
    """
    if not PROFILES[plan.profile].has_world:
        raise PlanError(f"Frauds of the {plan.profile} profile have no causes. Set profile to realistic.")
    for draft in drafts(plan, range(block_count(plan.rows)) if blocks is None else blocks):
        yield _block_events(draft)


def _block_events(draft: Draft) -> pl.DataFrame:
    frauds = draft.incidents.at(draft.incidents.fraud)
    high, low = (words[frauds.rows] for words in uuid_words(draft.streams, "transaction_id"))
    word = hashed(draft.world.seed, "label", frauds.case)
    processed = scaled(word, PROCESSING_DAYS * DAY_MS).astype(np.int64)
    never = pl.Series(frauds.reported == NEVER)
    return pl.DataFrame(
        {
            "transaction_id": uuid_text(high, low),
            "event_time": draft.moment[frauds.rows],
            "case_id": names_of(frauds.case),
            "scenario": pl.Series(frauds.scenario.astype(np.uint8)).cat.to(LABEL_EVENTS["scenario"]),
            "reported_at": pl.Series(frauds.reported).set(never, None),
            "known_at": pl.Series(frauds.reported + processed).set(never, None),
        }
    ).cast(LABEL_EVENTS)


def names_of(words: Words) -> pl.Series:
    """The words that name cases or groups as UUIDs."""
    return uuid_text(hashed(0, "name/high", words), hashed(0, "name/low", words))
