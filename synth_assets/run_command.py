"""`synth-assets` without a sub-command: materializes one day's assets in this process and prints what came of it."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.definitions import defs
from synth_assets.documents import describe_checks, describe_rates, print_document
from synth_assets.failures import describe_failure, root_cause
from synth_assets.generator.claims import Claim
from synth_assets.generator.profiles import PROFILES
from synth_assets.history import HistoryError, open_history
from synth_assets.jobs import daily_payments
from synth_assets.landing import check_destination, find_bucket
from synth_assets.progress import ProgressBar, progress_logger
from synth_assets.resources import OutputFolder, TimedS3Resource, TimedSSMResource, bucket_settings
from synth_assets.storage.errors import StorageError
from synth_assets.storage.places import location_of
from synth_assets.world_assets import incidents, label_events, world_tables


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    `payments` is the metadata of payments_parquet, with its data version, and `upload` that of s3_raw_payments.
    `side_assets` has the paths of the other files, by asset. What did not come about is empty. `errors` has one line
    for each failure, but none for an interruption.
    """

    day: str
    success: bool = False
    interrupted: bool = False
    payments: Mapping[str, Any] = field(default_factory=dict)
    upload: Mapping[str, Any] = field(default_factory=dict)
    side_assets: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[dg.AssetCheckEvaluation] = ()
    errors: Sequence[str] = ()

    @property
    def locations(self) -> list[str]:
        """The absolute paths of the files that were made, and the URI of the object where there is one."""
        made = [self.payments.get("path"), self.upload.get("dagster/uri"), *self.side_assets.values()]
        return [location for location in made if location]

    @property
    def complaints(self) -> list[str]:
        """One line for each check that did not pass, and for each error."""
        checks = [
            f"{each.severity.value}: {each.check_name}: {each.description}" for each in self.checks if not each.passed
        ]
        return [*checks, *(f"error: {error}" for error in self.errors)]

    def document(self) -> dict[str, Any]:
        """What `--json` prints. What did not come about is null."""
        claims = [_claim(check) for check in self.checks]
        return {
            "success": self.success,
            "day": self.day,
            "path": self.payments.get("path"),
            "uri": self.upload.get("dagster/uri"),
            "side_assets": dict(self.side_assets),
            "replaced": [*self.payments.get("replaced", []), *self.upload.get("replaced", [])],
            "rows": self.payments.get("dagster/row_count"),
            "bytes": self.payments.get("bytes"),
            "seconds": self.payments.get("seconds"),
            "rows_per_second": self.payments.get("rows_per_second"),
            "data_version": self.payments.get("data_version"),
            "rates": describe_rates(claims),
            "checks": describe_checks(claims),
            "error": None if self.success else "; ".join(self.errors),
        }


def _claim(check: dg.AssetCheckEvaluation) -> Claim:
    table = check.metadata.get("details")
    details: Any = [dict(record.data) for record in table.records] if isinstance(table, dg.TableMetadataValue) else []
    blocking = check.severity == dg.AssetCheckSeverity.ERROR
    numbers = {
        name: entry.value
        for name, entry in check.metadata.items()
        if isinstance(entry, dg.IntMetadataValue | dg.FloatMetadataValue) and entry.value is not None
    }
    return Claim(check.check_name, check.passed, check.description or "", details, blocking, numbers)


def run(day: str, settings: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Materialize the day with its checks, and print the paths of its files or, with `--json`, one document.

    Args:
        day: the partition, as YYYY-MM-DD.
        settings: a value for every field of `PlanSettings`.
        options: `out`, `schema`, `engine`, `workers`, `s3`, `bucket`, `bucket_parameter` and `json`, as
            `command_options.build_parser` gives them.

    Returns:
        0, or 1 where the run or a check failed.

    Raises:
        KeyboardInterrupt: the run was interrupted. Nothing is printed on stdout.
    """
    try:
        if options.s3 == "yes":
            look_at_destination(day, settings["rows"], options)
        with open_history() as instance:
            outcome = _materialize(day, settings, options, instance)
    except (HistoryError, StorageError) as error:
        outcome = Outcome(day, errors=[str(error)])
    _print_failures(outcome)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if options.json:
        print_document(outcome.document())
    elif outcome.locations:
        print(*outcome.locations, sep="\n")
    return 0 if outcome.success else 1


def look_at_destination(day: str, rows: int, options: argparse.Namespace) -> None:
    """Look at the AWS settings, the SSM parameter and the object's place, before a row is made.

    Raises:
        StorageError: the day's object cannot go there.
    """
    ssm = TimedSSMResource(**bucket_settings(options.bucket, options.bucket_parameter))
    s3 = TimedS3Resource()
    place = OutputFolder(path=options.out).place(s3)
    check_destination(find_bucket(s3, ssm), rows, dt.date.fromisoformat(day), place)


def _materialize(
    day: str, settings: Mapping[str, Any], options: argparse.Namespace, instance: dg.DagsterInstance
) -> Outcome:
    with closing(ProgressBar(settings["rows"])) as bar:
        outcome = materialize(job_with_progress(progress_logger(bar)), day, settings, options, instance)
        bar.end(outcome.success)
    return outcome


def job_with_progress(logger: dg.LoggerDefinition) -> dg.JobDefinition:
    """The job of a day, whose runs tell the logger `progress` how far they are."""
    return dg.Definitions.merge(defs, dg.Definitions(loggers={"progress": logger})).resolve_job_def(daily_payments.name)


def materialize(
    job: dg.JobDefinition,
    day: str,
    settings: Mapping[str, Any],
    options: argparse.Namespace,
    instance: dg.DagsterInstance,
) -> Outcome:
    """Materialize the day with its checks, as an ordinary run of one partition.

    Args:
        job: of `job_with_progress`.
        settings: a value for every field of `PlanSettings`, and for others of `PaymentsConfig` where they are not to
            have their defaults.
        options: as for `run`.
    """
    side_assets = [world_tables, label_events, incidents] if PROFILES[settings["profile"]].has_world else []
    uploads = [s3_raw_payments] if options.s3 == "yes" else []
    selected = [transaction_schema, payments_parquet, *side_assets, *uploads]
    result = job.execute_in_process(
        partition_key=day,
        asset_selection=[key for asset in selected for key in asset.keys],
        instance=instance,
        raise_on_error=False,
        run_config={
            "ops": {payments_parquet.op.name: {"config": dict(settings)}},
            "resources": _resource_config(options),
            "loggers": {"progress": {}},
        },
    )
    return _read_outcome(day, result, side_assets)


def _resource_config(options: argparse.Namespace) -> dict[str, Any]:
    """The run config of the resources that the options name. The others keep their defaults."""
    config: dict[str, dict[str, Any]] = {
        "output_folder": {"path": location_of(options.out)},
        "engine": {"kind": options.engine, "workers": options.workers},
    }
    if options.schema:
        config["contract"] = {"path": str(options.schema.absolute())}
    if bucket := bucket_settings(options.bucket, options.bucket_parameter):
        config["ssm"] = bucket
    return {resource: {"config": settings} for resource, settings in config.items()}


def _read_outcome(day: str, result: dg.ExecuteInProcessResult, side_assets: Sequence[dg.AssetsDefinition]) -> Outcome:
    # A run that fails before its first step has no failed step.
    failures = result.filter_events(lambda event: event.is_step_failure) or result.filter_events(
        lambda event: event.is_job_failure
    )
    interruptions = [failure for failure in failures if _is_interruption(failure)]
    return Outcome(
        day,
        success=result.success,
        interrupted=bool(interruptions),
        payments=_metadata(result, payments_parquet),
        upload=_metadata(result, s3_raw_payments),
        side_assets={
            made.asset_key.to_user_string(): str(made.metadata["path"].value)
            for asset in side_assets
            for made in result.asset_materializations_for_node(asset.op.name)
        },
        checks=result.get_asset_check_evaluations(),
        errors=[describe_failure(failure) for failure in failures if failure not in interruptions],
    )


def _metadata(result: dg.ExecuteInProcessResult, asset: dg.AssetsDefinition) -> dict[str, Any]:
    """The metadata of the asset's materialization, and its data version. Empty where it was not materialized."""
    metadata: dict[str, Any] = {}
    for made in result.asset_materializations_for_node(asset.op.name):
        metadata |= {name: entry.value for name, entry in made.metadata.items()}
        metadata["data_version"] = (made.tags or {}).get("dagster/data_version")
    return metadata


def _print_failures(outcome: Outcome) -> None:
    """Print one line on stderr for each check that did not pass, and for each error."""
    for line in outcome.complaints:
        print(line, file=sys.stderr)


def _is_interruption(failure: dg.DagsterEvent) -> bool:
    cause = root_cause(failure)
    return cause is not None and cause.cls_name == dg.DagsterExecutionInterruptedError.__name__
