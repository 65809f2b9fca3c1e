"""The code location on one screen: assets, checks, the daily job with its schedule, and resources."""

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.checks import dtypes_recognised, object_is_local_file, payments_file_claims
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource
from synth_assets.world_assets import label_events, world_tables

daily_payments = dg.define_asset_job(
    "daily_payments",
    selection=dg.AssetSelection.assets(
        transaction_schema, payments_parquet, s3_raw_payments, world_tables, label_events
    ),
    description="One day of payments: made, checked and uploaded; a realistic one with its world and its label events.",
    # A run that takes the place of a lost one may be on another machine, without the lost one's file.
    run_tags={"dagster/retry_strategy": "ALL_STEPS"},
)

daily_payments_schedule = dg.build_schedule_from_partitioned_job(
    daily_payments,
    description="Every day, the last complete day.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

defs = dg.Definitions(
    assets=[transaction_schema, payments_parquet, s3_raw_payments, world_tables, label_events],
    asset_checks=[dtypes_recognised, payments_file_claims, object_is_local_file],
    jobs=[daily_payments],
    schedules=[daily_payments_schedule],
    resources={
        "contract": Contract(),
        "output_folder": OutputFolder(),
        "s3": TimedS3Resource(),
        "ssm": TimedSSMResource(),
    },
    executor=dg.in_process_executor,
)
