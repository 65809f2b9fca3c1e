"""The three assets: each plans, calls and reports."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from synth_assets import reports
from synth_assets.config import PaymentsConfig
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.audit import Claim, provenance_of
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import check_schema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.partitions import DAILY, partition_day
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import alone, replacing
from synth_assets.storage.layout import file_name
from synth_assets.storage.s3 import land
from synth_assets.verdict import day_file, judge_file, measure_file, write_file

OWNERS = ["team:payments"]
TAGS = {"domain": "payments", "data": "synthetic"}
GENERATION_POOL = "payments_generation"
UPLOAD_POOL = "payments_upload"

MADE_BY_SIX = dg.FreshnessPolicy.cron(deadline_cron="0 6 * * *", lower_bound_delta=dt.timedelta(hours=6))
"""Something was made between midnight and six (UTC). Dagster looks at the latest materialization of any partition."""

FOLLOW_THE_FILE = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("follow_the_file")
"""Dagster's eager() for every day, not for the latest alone, that waits for the checks and leaves old days be.

eager() also asks for whatever is missing: switched on, it would send all files that were made without an upload.
"""


@contextmanager
def one_clear_error() -> Iterator[None]:
    """Fail the step with our message alone: retrying a wrong schema, plan or setting cannot help."""
    try:
        yield
    except (GeneratorError, StorageError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None


@dg.asset(group_name="payments", kinds={"yaml"}, owners=OWNERS, tags=TAGS)
def transaction_schema(context: dg.AssetExecutionContext, contract: Contract) -> dg.MaterializeResult:
    """The payment contract: the columns of every file, read from the schema file and validated.

    Its data version is the contract's digest, so days made under another contract show as out of date.
    """
    with one_clear_error():
        schema = contract.read()
        check_schema(schema, PaymentsConfig().profile)
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
            "path": dg.MetadataValue.path(contract.path),
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
    freshness_policy=MADE_BY_SIX,
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
        counts: Counter[str] = Counter()
        path = output_folder.folder / file_name(plan.rows, plan.day)
        with replacing(path, plan.day) as partial:
            _log_chunks(context, plan, write_file(partial, simulator, counts), started)
            seconds = time.perf_counter() - started
            # Read before the file gets its name: from then on another run of the day may replace it.
            facts = reports.file_facts(schema, plan, partial, counts, seconds)
    context.log.info(f"{path}: {plan.rows:,} rows, {facts['bytes']:,} bytes in {seconds:.1f} s")
    return dg.MaterializeResult(
        data_version=reports.content_version(provenance_of(schema, plan)),
        metadata={"path": dg.MetadataValue.path(path), **facts},
    )


def _log_chunks(context: dg.AssetExecutionContext, plan: GenerationPlan, chunks: Iterator[int], started: float) -> None:
    written = 0
    for number, rows in enumerate(chunks, start=1):
        written += rows
        elapsed = time.perf_counter() - started
        context.log.info(
            f"chunk {number} of {plan.row_groups}: {rows:,} rows, {plan.rows - written:,} left, "
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
    freshness_policy=MADE_BY_SIX,
    automation_condition=FOLLOW_THE_FILE,
    pool=UPLOAD_POOL,
)
def s3_raw_payments(
    context: dg.AssetExecutionContext,
    contract: Contract,
    output_folder: OutputFolder,
    s3: TimedS3Resource,
    ssm: TimedSSMResource,
) -> dg.MaterializeResult:
    """The day's file in S3, sent only where every claim about it holds, verified by the server, alone for its day.

    Its columns are those of [the contract](/assets/transaction_schema).
    """
    started = time.perf_counter()
    day = partition_day(context)
    with one_clear_error():
        schema = contract.read()
        bucket = ssm.bucket()
    with one_clear_error(), alone(output_folder.folder, day):
        path = day_file(output_folder.folder, day)
        file = measure_file(day, path)
        _refuse_broken(path, judge_file(schema, day, path))
        checked = time.perf_counter()
        landed = land(s3.bucket(bucket), file, day)
        upload_seconds = time.perf_counter() - checked
    context.log.info(f"{landed.uri}: {'sent' if landed.sent else 'was there already, nothing sent'}")
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": landed.uri,
            "bytes": file.size,
            "crc32": file.crc32,
            "sent": landed.sent,
            "replaced": ", ".join(landed.replaced) or "nothing",
            "seconds": round(time.perf_counter() - started, 3),
            **reports.upload_speed(landed, file.size, upload_seconds),
        }
    )


def _refuse_broken(path: Path, claims: list[Claim]) -> None:
    broken = [claim for claim in claims if not claim.passed]
    if broken:
        raise StorageError(
            f"{path} was not sent: {len(broken)} claims about it do not hold. "
            f"{' '.join(f'{claim.name}: {claim.summary}.' for claim in broken)} "
            f"Materialize payments_parquet for this partition again."
        )
