"""The three assets: each plans, calls and reports."""

import time
from pathlib import Path

import dagster as dg

from synth_assets import reports
from synth_assets.config import PaymentsConfig
from synth_assets.day import write_day
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import check_schema
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.landing import find_bucket, land_day
from synth_assets.partitions import DAILY, partition_day
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource
from synth_assets.steps import OWNERS, TAGS, one_clear_error
from synth_assets.storage.folder import find_day_file, lock_day, replace_day_file
from synth_assets.storage.layout import OBJECT_KEY_PATTERN, file_name, report_name
from synth_assets.storage.replaced import Replaced

GENERATION_POOL = "payments_generation"
UPLOAD_POOL = "payments_upload"

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
    code_version=GENERATOR_VERSION,
    owners=OWNERS,
    tags=TAGS,
    pool=GENERATION_POOL,
)
def payments_parquet(
    context: dg.AssetExecutionContext, config: PaymentsConfig, contract: Contract, output_folder: OutputFolder
) -> dg.MaterializeResult:
    """One day of synthetic card payments as a Parquet file, generated and written in constant memory.

    Its columns are those of [the contract](/assets/transaction_schema). The same config, day and contract give the
    same bytes. The file's footer holds all that made it.
    """
    started = time.perf_counter()
    with one_clear_error():
        schema = contract.read()
        plan = config.plan(partition_day(context))
        simulator = TransactionSimulator(schema, plan, config.workers)
        path = output_folder.folder / file_name(plan.rows, plan.day)
        replaced: list[Replaced] = []
        with replace_day_file(path, plan.day, replaced.append) as partial:
            counts = Counts()
            for row_group in write_day(partial, simulator):
                counts += row_group
                _log_chunk(context, plan, row_group.rows, counts.rows, time.perf_counter() - started)
            seconds = time.perf_counter() - started
            # Read before the file gets its name: from then on another run of the day may replace it.
            facts = reports.file_facts(schema, plan, partial, counts, seconds)
    context.log.info(f"{path}: {plan.rows:,} rows, {facts['bytes']:,} bytes in {seconds:.1f} s")
    for each in replaced:
        context.log.info(f"removed {each}, replaced by {path}")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(Provenance.of(schema, plan).digest),
        metadata={
            "path": dg.MetadataValue.path(path),
            **reports.report_link(output_folder.reports, path.with_name(report_name(plan.day))),
            "replaced": reports.replaced(replaced),
            **facts,
        },
    )


def _log_chunk(
    context: dg.AssetExecutionContext, plan: GenerationPlan, rows: int, written: int, elapsed: float
) -> None:
    context.log.info(
        f"chunk {-(-written // plan.chunk_size)} of {plan.row_groups}: {rows:,} rows, {plan.rows - written:,} left, "
        f"{written / elapsed:,.0f} rows/s, {elapsed:.1f} s elapsed",
        extra={"rows_written": written},
    )


@dg.asset(
    group_name="payments",
    kinds={"s3"},
    deps=[payments_parquet],
    partitions_def=DAILY,
    owners=OWNERS,
    tags=TAGS,
    automation_condition=FOLLOW_THE_FILE,
    pool=UPLOAD_POOL,
    # The asset's overview shows this entry of the definition, and hides that of the day.
    metadata={"dagster/uri": f"s3://<bucket>/{OBJECT_KEY_PATTERN}"},
)
def s3_raw_payments(
    context: dg.AssetExecutionContext,
    contract: Contract,
    output_folder: OutputFolder,
    s3: TimedS3Resource,
    ssm: TimedSSMResource,
) -> dg.MaterializeResult:
    """The day's file in S3: uploaded only where every claim about it holds, verified by the server, and the only
    object of its day.

    Its columns are those of [the contract](/assets/transaction_schema).
    """
    started = time.perf_counter()
    day = partition_day(context)
    with one_clear_error():
        schema = contract.read()
        bucket = find_bucket(s3, ssm)
    with one_clear_error(), lock_day(output_folder.folder, day):
        file = find_day_file(output_folder.folder, day)
        uploaded = land_day(bucket, schema, file, context.log)
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": uploaded.uri,
            "object": uploaded.uri,
            "dagster/column_schema": reports.column_schema(schema),
            "bytes": file.size,
            "crc32": file.checksums.crc32,
            "sent": uploaded.sent,
            "evidence": uploaded.evidence,
            "warnings": "; ".join(uploaded.warnings) or "none",
            "replaced": reports.replaced(uploaded.replaced),
            "seconds": round(time.perf_counter() - started, 3),
            **reports.upload_speed(uploaded, file.size),
        }
    )
