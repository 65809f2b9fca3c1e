"""The three assets: each plans, calls and reports."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from synth_assets import reports
from synth_assets.config import PaymentsConfig
from synth_assets.days import materialize_days
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.profiles import check_schema
from synth_assets.landing import find_bucket, land_day
from synth_assets.partitions import DAILY, SEVERAL_DAYS_A_RUN
from synth_assets.payments_day import PaymentsDay
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource, WorkEngine
from synth_assets.steps import OWNERS, TAGS, one_clear_error
from synth_assets.storage.layout import OBJECT_KEY_PATTERN

GENERATION_POOL = "payments_generation"
UPLOAD_POOL = "payments_upload"

COLUMNS = {"dagster/column_schema": shown} if (shown := reports.columns_of_definitions()) else {}
"""Said once by the definition of an asset. Its materializations repeat it only where theirs differ."""

FOLLOW_THE_FILE = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("follow_the_file")
"""Dagster's eager(), but for every day instead of the latest only; it waits for the checks, and leaves old days as they
are.

eager() also asks for whatever is missing: switched on, it would send all files that were made without an upload.
"""


@dg.asset(group_name="payments", kinds={"yaml"}, owners=OWNERS, tags=TAGS)
def transaction_schema(context: dg.AssetExecutionContext, contract: Contract) -> dg.MaterializeResult:
    """The payment contract: the columns of every file, read from the schema file and validated.

    Its data version is the contract's digest, so days made under another contract show as out of date.
    """
    with one_clear_error():
        schema = contract.read()
        check_schema(schema, PaymentsConfig().profile)
    path = Path(schema.source).absolute()
    context.log.info(f"{path}: contract version {schema.version}, {len(schema.fields)} columns")
    for field in schema.unrecognised:
        context.log.warning(
            f"{schema.source}, field {field.name}: dtype {field.dtype!r} is not one of the contract's; "
            f"the column becomes a nullable string."
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(schema.digest),
        metadata={
            "dagster/column_schema": reports.column_schema(schema),
            "version": schema.version,
            "digest": schema.digest,
            "columns": len(schema.fields),
            "unrecognised_dtypes": ", ".join(f"{field.name}: {field.dtype}" for field in schema.unrecognised) or "none",
            "path": dg.MetadataValue.path(path),
        },
    )


@dg.asset(
    group_name="payments",
    kinds={"polars", "parquet"},
    deps=[transaction_schema],
    partitions_def=DAILY,
    backfill_policy=SEVERAL_DAYS_A_RUN,
    code_version=GENERATOR_VERSION,
    owners=OWNERS,
    tags=TAGS,
    pool=GENERATION_POOL,
    metadata=COLUMNS,
)
def payments_parquet(
    context: dg.AssetExecutionContext,
    config: PaymentsConfig,
    contract: Contract,
    output_folder: OutputFolder,
    engine: WorkEngine,
    s3: TimedS3Resource,
) -> Iterator[Any]:
    """One day of synthetic card payments as a Parquet file, generated and written in constant memory.

    Its columns are those of [the contract](/assets/transaction_schema). The same config, day and contract give the
    same bytes. The file's footer holds all that made it.
    """
    with one_clear_error():
        schema, place = contract.read(), output_folder.place(s3, context.log)
    make_again = not context.has_partition_key_range if config.make_again is None else config.make_again

    def make(day: dt.date) -> Iterator[dg.MaterializeResult]:
        with one_clear_error():
            plan = config.plan(day)
            task = PaymentsDay(context, schema, plan, place, engine.for_rows(plan.rows), output_folder.reports)
            yield (None if make_again else task.keep()) or task.make()

    yield from materialize_days(context, make)


@dg.asset(
    group_name="payments",
    kinds={"s3"},
    deps=[payments_parquet],
    partitions_def=DAILY,
    owners=OWNERS,
    tags=TAGS,
    backfill_policy=SEVERAL_DAYS_A_RUN,
    automation_condition=FOLLOW_THE_FILE,
    pool=UPLOAD_POOL,
    # The asset's overview shows this entry of the definition, and hides that of the day.
    metadata={"dagster/uri": f"s3://<bucket>/{OBJECT_KEY_PATTERN}", **COLUMNS},
)
def s3_raw_payments(
    context: dg.AssetExecutionContext,
    contract: Contract,
    output_folder: OutputFolder,
    engine: WorkEngine,
    s3: TimedS3Resource,
    ssm: TimedSSMResource,
) -> Iterator[Any]:
    """The day's file in S3: uploaded only where every claim about it holds, verified by the server, and the only
    object of its day.

    Its columns are those of [the contract](/assets/transaction_schema).
    """
    with one_clear_error():
        schema, place = contract.read(), output_folder.place(s3, context.log)
        bucket = find_bucket(s3, ssm)

    def land(day: dt.date) -> Iterator[dg.MaterializeResult]:
        with one_clear_error(), place.lock_day(day):
            file = place.find_day(day)
            uploaded = land_day(bucket, schema, file, engine.for_rows(file.named_rows), context.log)
        yield dg.MaterializeResult(
            metadata={
                "dagster/uri": uploaded.uri,
                "object": uploaded.uri,
                **reports.columns(schema),
                "bytes": file.size,
                "crc32": file.checksums.crc32,
                "sent": uploaded.sent,
                "evidence": uploaded.evidence,
                **({"warnings": "; ".join(uploaded.warnings)} if uploaded.warnings else {}),
                **reports.replaced(uploaded.replaced),
                **reports.upload_speed(uploaded, file.size),
            }
        )

    yield from materialize_days(context, land)
