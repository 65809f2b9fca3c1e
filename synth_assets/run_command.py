"""`synth-assets` without a sub-command: materializes one day's assets in this process and prints what came of it."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.definitions import defs
from synth_assets.documents import print_document
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import PROFILES
from synth_assets.history import HistoryError, open_history
from synth_assets.jobs import daily_payments
from synth_assets.landing import check_destination, find_bucket
from synth_assets.progress import ProgressBar, progress_logger
from synth_assets.resources import OutputFolder, TimedS3Resource, TimedSSMResource, bucket_settings
from synth_assets.run_outcome import Outcome, read_outcome
from synth_assets.storage.errors import StorageError
from synth_assets.storage.places import location_of
from synth_assets.world_assets import incidents, label_events, world_tables


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
            look_at_destination(day, settings, options)
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


def rows_of(day: str, settings: Mapping[str, Any]) -> int:
    """The rows of a day by a value for every field of `PlanSettings`."""
    return GenerationPlan.of(day=day, **settings).rows


def look_at_destination(day: str, settings: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Look at the AWS settings, the SSM parameter and the object's place, before a row is made.

    Raises:
        StorageError: the day's object cannot go there.
    """
    ssm = TimedSSMResource(**bucket_settings(options.bucket, options.bucket_parameter))
    s3 = TimedS3Resource()
    place = OutputFolder(path=options.out).place(s3)
    check_destination(find_bucket(s3, ssm), rows_of(day, settings), dt.date.fromisoformat(day), place)


def _materialize(
    day: str, settings: Mapping[str, Any], options: argparse.Namespace, instance: dg.DagsterInstance
) -> Outcome:
    with closing(ProgressBar(rows_of(day, settings))) as bar:
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
    return read_outcome(day, result, side_assets, options)


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


def _print_failures(outcome: Outcome) -> None:
    """Print one line on stderr for each check that did not pass, and for each error."""
    for line in outcome.complaints:
        print(line, file=sys.stderr)
