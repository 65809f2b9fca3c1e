"""Claims about a written day and its object, each judged by reading them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from synth_assets import reports
from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.day import object_metadata
from synth_assets.day_report import write_report
from synth_assets.days import judge_days
from synth_assets.generator.claims import CLAIMS, Claim, claims_without_file, numbers_of_breaches
from synth_assets.generator.counts import Counts
from synth_assets.generator.errors import GeneratorError
from synth_assets.judging import count_day, judge_day
from synth_assets.landing import find_bucket
from synth_assets.partitions import DAILY
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource, TimedSSMResource, WorkEngine
from synth_assets.steps import one_clear_error
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.comparison import compare
from synth_assets.storage.errors import StorageError
from synth_assets.storage.place import Day, Place

MOST_ROWS_OF_A_REPORT = 100_000_000
"""A report is made by one process, which reads the day. Of a larger day, `synth-assets report` makes it."""


@dg.asset_check(asset=transaction_schema)
def dtypes_recognised(contract: Contract) -> dg.AssetCheckResult:
    """Every dtype in the contract is known. A field of any other dtype becomes a nullable string."""
    with one_clear_error():
        unrecognised = contract.read().unrecognised
    named = ", ".join(f"{field.name} ({field.dtype})" for field in unrecognised)
    return dg.AssetCheckResult(
        passed=not unrecognised,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"written as nullable strings: {named}" if unrecognised else "every dtype is recognised",
        metadata=numbers_of_breaches(len(unrecognised)),
    )


@dg.multi_asset_check(
    name="claims",  # Each result repeats it seven times.
    specs=[
        dg.AssetCheckSpec(name, asset=payments_parquet, description=says, blocking=True, partitions_def=DAILY)
        for name, says in CLAIMS.items()
    ],
)
def payments_file_claims(
    context: dg.AssetCheckExecutionContext,
    contract: Contract,
    output_folder: OutputFolder,
    engine: WorkEngine,
    s3: TimedS3Resource,
) -> Iterator[Any]:
    """One pass over the day's file; any broken claim stops the upload."""
    with one_clear_error():
        schema = contract.read()

    def judge(day: dt.date) -> Iterator[dg.AssetCheckResult]:
        with one_clear_error():
            try:
                place = output_folder.place(s3, context.log)
                with place.lock_day(day):
                    file = place.find_day(day)
                    day_engine = engine.for_rows(file.named_rows)
                    claims = judge_day(schema, file, day_engine)
                    if output_folder.reports and file.named_rows <= MOST_ROWS_OF_A_REPORT:
                        _report(context, file, claims, count_day(schema, file, day_engine))
            except StorageError as error:
                claims = claims_without_file(str(error))
        for claim in claims:
            yield reports.claim_result(claim)

    yield from judge_days(context, judge)


def _report(context: dg.AssetCheckExecutionContext, file: Day, claims: Sequence[Claim], counts: Counts) -> None:
    """Write the day's report. Nothing depends on it, so a report that cannot be written is only a warning."""
    try:
        write_report(file, claims, counts)
    except (GeneratorError, StorageError) as error:
        context.log.warning(f"{file.day} has no report: {error}")


@dg.multi_asset_check(
    name="object_check",
    specs=[
        dg.AssetCheckSpec(
            "object_is_local_file",
            asset=s3_raw_payments,
            description="The day's object is identical to the local file, by the best evidence that the server offers. "
            "The check warns if that evidence is not about the bytes.",
            partitions_def=DAILY,
        )
    ],
)
def object_is_local_file(
    context: dg.AssetCheckExecutionContext,
    output_folder: OutputFolder,
    s3: TimedS3Resource,
    ssm: TimedSSMResource,
) -> Iterator[Any]:
    """The object is judged beside the file that it was made from."""
    with one_clear_error():
        bucket, place = find_bucket(s3, ssm), output_folder.place(s3, context.log)
    yield from judge_days(context, lambda day: [_compare(context, place, bucket, day)])


def _compare(context: dg.AssetCheckExecutionContext, place: Place, bucket: Bucket, day: dt.date) -> dg.AssetCheckResult:
    with one_clear_error(), place.lock_day(day):
        file = place.find_day(day)
        crc32 = file.checksums.crc32
        found = compare(bucket, file, object_metadata(file))
    wrong, blocking = found.differences, True
    if wrong and _uploaded_crc32(context, day) not in (crc32, None):
        # Another run has made the day again and has yet to upload it: the object is right, but of the file before.
        wrong = ["the local file has been replaced since its upload; materialize s3_raw_payments to upload it"]
        blocking = False
    elif not wrong and found.lacking:
        wrong, blocking = [found.lacking], False
    summary = "; ".join(wrong) or f"{file.size:,} bytes match, by the server's {found.evidence}"
    numbers = numbers_of_breaches(len(found.differences))
    return reports.claim_result(Claim("object_is_local_file", not wrong, summary, blocking=blocking, numbers=numbers))


def _uploaded_crc32(context: dg.AssetCheckExecutionContext, day: dt.date) -> str | None:
    """The checksum of the file that the partition's latest materialization uploaded, if there is one."""
    (check,) = context.selected_asset_check_keys  # which another project may have prefixed
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(check.asset_key, asset_partitions=[str(day)]), limit=1
    ).records
    materialization = records[0].asset_materialization if records else None
    return str(materialization.metadata["crc32"].value) if materialization else None
