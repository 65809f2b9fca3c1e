"""The answer key of a realistic day: what its incidents were, the look-alikes among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from synth_assets.generator.columns import uuid_text, uuid_words
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.realistic.labels import names_of
from synth_assets.generator.realistic.scenarios import FRAUDS, LOOK_ALIKES, SCENARIOS
from synth_assets.generator.streams import block_count

KINDS = ("fraud", "look_alike", "visit")
"""A case of fraud, an honest case that looks like one, and the honest payment in which a card is copied."""

INCIDENTS = pl.Schema(
    {
        "transaction_id": pl.String(),
        "event_time": pl.Datetime("ms", "UTC"),
        "case_id": pl.String(),
        "kind": pl.Enum(KINDS),
        "scenario": pl.Enum([scenario.name for scenario in SCENARIOS]),
        "hidden": pl.Boolean(),
        "ring_id": pl.String(),
        "compromised_merchant_id": pl.Int64(),
        "first_payment": pl.Datetime("ms", "UTC"),
        "last_payment": pl.Datetime("ms", "UTC"),
    }
)
"""One row a payment of an incident.

`hidden` says that the case is paid just as its customer pays. `ring_id` names the ring, or the honest circle, whose
cases share devices, addresses and shops in a week. `compromised_merchant_id` is where the card of a counterfeit was
copied: by the visit of the same `case_id` on one of the days before. `first_payment` and `last_payment` are those of
the case on this day.
"""


def incidents(plan: GenerationPlan) -> pl.DataFrame:
    """The payments of a day's incidents in the order of their times, as a frame of `INCIDENTS`.

    Raises:
        PlanError: the plan's profile has no world, and so no incidents.
    """
    return with_ends(incident_payments(plan, range(block_count(plan.rows))))


def incident_payments(plan: GenerationPlan, blocks: range) -> Iterator[pl.DataFrame]:
    """The payments of incidents in some blocks of a day, a frame for each block, without the ends of their cases.

    Raises:
        PlanError: the plan's profile has no world, and so no incidents.
    """
    if not PROFILES[plan.profile].has_world:
        raise PlanError(f"Frauds of the {plan.profile} profile have no causes. Set profile to realistic.")
    for draft in drafts(plan, blocks):
        yield _frame(draft)


def with_ends(payments: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All payments of a day's incidents, with the first and the last payment of each case, as `INCIDENTS`."""
    found = pl.concat(payments)
    moments = pl.col("event_time")
    ends = {"first_payment": moments.min().over("case_id"), "last_payment": moments.max().over("case_id")}
    return found.with_columns(**ends).select(INCIDENTS.names())


def _frame(draft: Draft) -> pl.DataFrame:
    found = draft.incidents
    high, low = (words[found.rows] for words in uuid_words(draft.streams, "transaction_id"))
    kind = np.searchsorted(np.cumsum([len(FRAUDS), len(LOOK_ALIKES)]), found.scenario, side="right")
    alone, elsewhere = pl.Series(found.group == 0), pl.Series(found.compromised < 0)
    schema = {name: dtype for name, dtype in INCIDENTS.items() if not name.endswith("_payment")}
    return pl.DataFrame(
        {
            "transaction_id": uuid_text(high, low),
            "event_time": draft.moment[found.rows],
            "case_id": names_of(found.case),
            "kind": pl.Series(kind.astype(np.uint8)).cat.to(INCIDENTS["kind"]),
            "scenario": pl.Series(found.scenario.astype(np.uint8)).cat.to(INCIDENTS["scenario"]),
            "hidden": found.hidden,
            "ring_id": names_of(found.group).set(alone, None),
            "compromised_merchant_id": pl.Series(draft.world.merchants.id[found.compromised]).set(elsewhere, None),
        }
    ).cast(schema)  # type: ignore[arg-type]
