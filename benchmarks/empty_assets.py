"""Three assets and thirteen checks that do nothing, built like the project's: what Dagster itself costs.

Like the project's, they record each day of a backfill's run by itself.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg

from synth_assets.days import judge_days, materialize_days
from synth_assets.partitions import DAILY, SEVERAL_DAYS_A_RUN  # the package also silences the warnings of these

CLAIMS = 11


@dg.asset
def empty_schema() -> dg.MaterializeResult:
    return dg.MaterializeResult()


def _nothing(day: dt.date) -> list[dg.MaterializeResult]:
    return [dg.MaterializeResult()]


# In the project's pools, so that as many runs are under way in a backfill. Spelt out: its assets are slow to import.
@dg.asset(deps=[empty_schema], partitions_def=DAILY, backfill_policy=SEVERAL_DAYS_A_RUN, pool="payments_generation")
def empty_file(context: dg.AssetExecutionContext) -> Iterator[Any]:
    yield from materialize_days(context, _nothing)


@dg.asset(deps=[empty_file], partitions_def=DAILY, backfill_policy=SEVERAL_DAYS_A_RUN, pool="payments_upload")
def empty_object(context: dg.AssetExecutionContext) -> Iterator[Any]:
    yield from materialize_days(context, _nothing)


@dg.asset_check(asset=empty_schema)
def schema_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(f"claim_{number}", asset=empty_file, blocking=True, partitions_def=DAILY)
        for number in range(CLAIMS)
    ]
)
def file_checks(context: dg.AssetCheckExecutionContext) -> Iterator[Any]:
    names = [f"claim_{number}" for number in range(CLAIMS)]
    yield from judge_days(context, lambda _: [dg.AssetCheckResult(check_name=name, passed=True) for name in names])


@dg.asset_check(asset=empty_object, partitions_def=DAILY)
def object_check(context: dg.AssetCheckExecutionContext) -> Any:
    yield from judge_days(context, lambda _: [dg.AssetCheckResult(passed=True)])


defs = dg.Definitions(
    assets=[empty_schema, empty_file, empty_object],
    asset_checks=[schema_check, file_checks, object_check],
    executor=dg.in_process_executor,
)
