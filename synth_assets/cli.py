"""The command line: materializes the same assets, with their checks, for one day.

Paths and URIs go to stdout, everything else to stderr. Exit codes: 0, 1 (the run or a check failed), 2 (usage).
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from tqdm import tqdm
from yaml import YAMLError

from synth_assets.generator.plan import GenerationPlan, PlanError, PlanSettings, describe_faults

if TYPE_CHECKING:
    import dagster as dg


COMMANDS = ("verify", "reproduce")
"""What `synth_assets.file_commands` carries out."""


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def date(text: str) -> dt.date:
    """YYYY-MM-DD as a date; argparse names a wrong one after this function."""
    return dt.datetime.strptime(text, "%Y-%m-%d").date()


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synth-assets",
        description="Make one day of synthetic card payments, check it, and land it in S3 if asked to.",
        epilog="From a file alone: synth-assets verify FILE judges it, synth-assets reproduce FILE makes it again.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--date",
        type=date,
        metavar="YYYY-MM-DD",
        help="the day to make (default: the last complete day)",
    )
    parser.add_argument(
        "--out", "--output-dir", dest="out", type=Path, default=Path("outputs"), metavar="FOLDER",
        help="folder of the file (default: outputs)",
    )  # fmt: skip
    parser.add_argument(
        "--schema", type=Path, metavar="FILE", help="the contract's schema file (default: the project's own)"
    )
    parser.add_argument(
        "--s3", choices=["yes", "no"], default="no", help="upload the file after its checks (default: no)"
    )
    parser.add_argument(
        "--bucket-parameter",
        metavar="NAME",
        help="SSM parameter with the bucket's name (default: /fraud/raw_bucket_name)",
    )
    for name, field in PlanSettings.model_fields.items():
        _add_setting(parser, name, field)
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    choices = get_args(field.annotation) if get_origin(field.annotation) is not None else None
    kind: Any = str if choices else field.annotation
    parser.add_argument(
        option(name),
        type=kind,
        choices=choices,
        default=field.default,
        metavar=None if choices else kind.__name__.upper(),
        help=f"{field.description} (default: {field.default})".replace("%", "%%"),
    )


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in COMMANDS:
        from synth_assets.file_commands import run

        return run(words)
    parser = build_parser()
    options = parser.parse_args(words)
    settings = {name: getattr(options, name) for name in PlanSettings.model_fields}
    try:
        PlanSettings(**settings)
    except ValidationError as error:
        parser.error(describe_faults(error, option))
    # Only now: importing Dagster takes longer than telling a user of a mistyped option.
    from synth_assets.partitions import DAILY

    day = str(options.date or DAILY.get_last_partition_key())
    if not DAILY.has_partition_key(day):
        days = f"{DAILY.get_first_partition_key()} to {DAILY.get_last_partition_key()}"
        parser.error(f"--date: {day} is not among the partitions, the complete days from {days}")
    try:
        GenerationPlan.of(day=day, **settings)
    except PlanError as error:
        parser.error(str(error))
    return materialize(day, settings, options)


def materialize(day: str, settings: dict[str, Any], options: argparse.Namespace) -> int:
    import dagster as dg

    from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
    from synth_assets.definitions import daily_payments, defs

    try:
        instance = _instance()
    except (dg.DagsterError, OSError, YAMLError) as error:
        home = os.environ.get("DAGSTER_HOME")
        print(f"error: no Dagster instance in {home}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    selected = [transaction_schema, payments_parquet, *([s3_raw_payments] if options.s3 == "yes" else [])]
    with progress_bar(settings["rows"]) as bar:
        plant = dg.Definitions.merge(defs, dg.Definitions(loggers={"command_line": _logger(bar)}))
        result = plant.resolve_job_def(daily_payments.name).execute_in_process(
            partition_key=day,
            asset_selection=[asset.key for asset in selected],
            instance=instance,
            raise_on_error=False,
            run_config={
                "ops": {"payments_parquet": {"config": settings}},
                "resources": _resources(options),
                "loggers": {"command_line": {}},
            },
        )
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            print(f"{evaluation.severity.value}: {evaluation.check_name}: {evaluation.description}", file=sys.stderr)
    failures = result.filter_events(lambda event: event.is_step_failure) or result.filter_events(
        lambda event: event.is_job_failure
    )
    for failure in failures:
        print(f"error: {_message(failure)}", file=sys.stderr)
    if not result.success:
        return 1
    for asset, entry in ((payments_parquet, "path"), (s3_raw_payments, "dagster/uri")):
        for materialization in result.asset_materializations_for_node(asset.op.name):
            print(materialization.metadata[entry].value)
    return 0


def _resources(options: argparse.Namespace) -> dict[str, Any]:
    """Run config of the resources that the options name; the others keep their defaults."""
    named = {
        "output_folder": {"path": str(options.out.absolute())},
        "contract": {"path": str(options.schema.absolute())} if options.schema else None,
        "ssm": {"bucket_parameter": options.bucket_parameter} if options.bucket_parameter is not None else None,
    }
    return {resource: {"config": config} for resource, config in named.items() if config}


def _instance() -> dg.DagsterInstance:
    """The history to write to: DAGSTER_HOME's, or that of a project in the working directory, or none that lasts."""
    import dagster as dg

    if "DAGSTER_HOME" not in os.environ and Path("dagster.yaml").is_file():
        os.environ["DAGSTER_HOME"] = os.getcwd()
    return dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral()


def progress_bar(rows: int) -> tqdm[NoReturn]:
    """A bar of the rows written, with rate and time left; nothing where stderr is no terminal."""
    return tqdm(total=rows, unit="row", unit_scale=True, disable=None, dynamic_ncols=True)


def _logger(bar: tqdm[NoReturn]) -> dg.LoggerDefinition:
    """Dagster's log of a run as a person wants it: our own lines, or the bar in place of a line for each chunk."""
    import dagster as dg

    class CommandLineHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Dagster's own events and errors are told at the end, once and in one line.
            if getattr(record, "dagster_event", None) is not None or record.levelno >= logging.ERROR:
                return
            if hasattr(record, "rows_written") and not bar.disable:
                bar.update(record.rows_written - bar.n)
            else:
                tqdm.write(getattr(record, "dagster_meta")["orig_message"], file=sys.stderr)  # noqa: B009

    def logger(context: dg.InitLoggerContext) -> logging.Logger:
        made = logging.Logger("command_line", level=logging.INFO)
        made.addHandler(CommandLineHandler())
        return made

    return dg.LoggerDefinition(logger)


def _message(failure: dg.DagsterEvent) -> str:
    """The failure's own words: those of our errors, or of an exception that nobody expected."""
    data = failure.step_failure_data if failure.is_step_failure else failure.job_failure_data
    described = getattr(data, "user_failure_data", None)
    if described and described.description:
        return str(described.description)
    error = data.error
    while error and error.cause:
        error = error.cause
    if error and error.cls_name == "DagsterExecutionInterruptedError":
        return "interrupted"
    return f"{failure.step_key or 'the run'} failed: {' '.join(error.message.split()) if error else 'no reason given'}"


if __name__ == "__main__":
    sys.exit(main())
