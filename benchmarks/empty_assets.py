"""Three assets and thirteen checks that do nothing, built like the project's: what Dagster itself costs."""

from collections.abc import Iterator

import dagster as dg

from synth_assets.partitions import DAILY  # the package also silences the warnings of partitioned checks

CLAIMS = 11


@dg.asset
def empty_schema() -> dg.MaterializeResult:
    return dg.MaterializeResult()


# In the project's pools, so that as many runs are under way in a backfill. Spelt out: its assets are slow to import.
@dg.asset(deps=[empty_schema], partitions_def=DAILY, pool="payments_generation")
def empty_file() -> dg.MaterializeResult:
    return dg.MaterializeResult()


@dg.asset(deps=[empty_file], partitions_def=DAILY, pool="payments_upload")
def empty_object() -> dg.MaterializeResult:
    return dg.MaterializeResult()


@dg.asset_check(asset=empty_schema)
def schema_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(f"claim_{number}", asset=empty_file, blocking=True, partitions_def=DAILY)
        for number in range(CLAIMS)
    ]
)
def file_checks() -> Iterator[dg.AssetCheckResult]:
    for number in range(CLAIMS):
        yield dg.AssetCheckResult(check_name=f"claim_{number}", passed=True)


@dg.asset_check(asset=empty_object, partitions_def=DAILY)
def object_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


defs = dg.Definitions(
    assets=[empty_schema, empty_file, empty_object],
    asset_checks=[schema_check, file_checks, object_check],
    executor=dg.in_process_executor,
)
