"""The jobs and their schedules, all of which are stopped until somebody starts them."""

from typing import Any

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.checks import object_is_local_file, payments_file_claims
from synth_assets.deadline import due_day_is_uploaded
from synth_assets.deployment import job_settings
from synth_assets.generator.plan import ProfileName
from synth_assets.partitions import DAILY
from synth_assets.world_assets import incidents, label_events, world_tables

# A run that takes the place of a lost one may be on another machine, without the lost one's file.
RETRY_FROM_THE_START = {"dagster/retry_strategy": "ALL_STEPS"}

WITHOUT_WORLD = dg.AssetSelection.assets(transaction_schema, payments_parquet, s3_raw_payments)
WITH_WORLD = WITHOUT_WORLD | dg.AssetSelection.assets(world_tables, label_events, incidents)

daily_payments = dg.define_asset_job(
    "daily_payments",
    selection=WITH_WORLD,
    description="One day of payments: made, checked and uploaded; a realistic one with its world and side tables.",
    run_tags=RETRY_FROM_THE_START,
)


def _run_config(profile: ProfileName) -> dict[str, Any]:
    """What the launchpad and the backfills of a job start with."""
    return {"ops": {payments_parquet.op.name: {"config": job_settings(profile)}}}


uniform_payments = dg.define_asset_job(
    "uniform_payments",
    selection=WITHOUT_WORLD,
    config=_run_config("uniform"),
    description="One uniform day of payments: made, checked and uploaded.",
    run_tags=RETRY_FROM_THE_START,
)

realistic_payments = dg.define_asset_job(
    "realistic_payments",
    selection=WITH_WORLD,
    config=_run_config("realistic"),
    description="One realistic day of payments with its world and its label events: made, checked and uploaded.",
    run_tags=RETRY_FROM_THE_START,
)

verify_day = dg.define_asset_job(
    "verify_day",
    selection=dg.AssetSelection.checks(payments_file_claims, object_is_local_file),
    # Dagster infers a job's partitions from its assets, and this one has none: it only runs their checks.
    config=dg.PartitionedConfig(DAILY, run_config_for_partition_key_fn=lambda _: {}),
    description="The checks of one day's file and object, run again. Nothing is made or uploaded.",
)

check_due_day = dg.define_asset_job(
    "check_due_day",
    selection=dg.AssetSelection.checks(due_day_is_uploaded),
    description="Whether the last day that was due is in S3.",
)

JOBS = [daily_payments, uniform_payments, realistic_payments, verify_day, check_due_day]

SCHEDULES = [
    *(
        dg.build_schedule_from_partitioned_job(
            job, hour_of_day=hour, description=f"Every day at {hour:02d}:00 UTC, for the last complete day."
        )
        for job, hour in [(daily_payments, 0), (uniform_payments, 0), (realistic_payments, 0), (verify_day, 6)]
    ),
    dg.ScheduleDefinition(
        name="check_due_day_schedule",
        job=check_due_day,
        cron_schedule="5 6 * * *",
        execution_timezone="UTC",
        description="Every day at 06:05 UTC, five minutes after the last complete day was due.",
    ),
]
