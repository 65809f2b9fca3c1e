"""The code location on one screen: assets, checks, jobs with their schedules, sensors and resources."""

import gc

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.checks import dtypes_recognised, object_is_local_file, payments_file_claims
from synth_assets.deadline import due_day_is_uploaded, raw_bucket
from synth_assets.deployment import engine_kind, output_path
from synth_assets.jobs import JOBS, SCHEDULES
from synth_assets.memory import hand_back_memory
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource, WorkEngine
from synth_assets.sensors import alert_on_check_failure, alert_on_run_failure, automatic_upload
from synth_assets.world_assets import incidents, label_events, world_tables

defs = dg.Definitions(
    assets=[transaction_schema, payments_parquet, s3_raw_payments, raw_bucket, world_tables, label_events, incidents],
    asset_checks=[dtypes_recognised, payments_file_claims, object_is_local_file, due_day_is_uploaded],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=[automatic_upload, alert_on_run_failure, alert_on_check_failure],
    resources={
        "contract": Contract(),
        "output_folder": OutputFolder(path=output_path()),
        "engine": WorkEngine(kind=engine_kind()),
        "s3": TimedS3Resource(),
        "ssm": TimedSSMResource(),
    },
    executor=dg.in_process_executor,
)

hand_back_memory()
gc.freeze()  # Modules stay: the collector need not look through them in a run, and at its end.
