"""What the tests of the realistic profile share: small plans, their drafts, and nine days of one world."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.streams import block_count
from tests.conftest import make_frame, make_plan


def realistic(**settings: Any) -> GenerationPlan:
    return make_plan(**{"profile": "realistic", "rows": 20_000, "customers": 6_000, **settings})


def day_drafts(plan: GenerationPlan) -> Iterator[Draft]:
    """The drafts of all blocks of the plan's day."""
    return drafts(plan, range(block_count(plan.rows)))


@pytest.fixture(scope="package")
def days(schema) -> pl.DataFrame:
    """Nine days across the end of a month, with their partition's day."""
    first = dt.date(2026, 1, 27)
    plans = (
        realistic(day=first + dt.timedelta(days=number), rows=8_000, customers=3_000, fraud_rate=0.02)
        for number in range(9)
    )
    return pl.concat(make_frame(schema, plan).with_columns(day=pl.lit(plan.day)) for plan in plans)
