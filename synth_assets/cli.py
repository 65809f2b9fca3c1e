"""The command line: materializes the same assets, with their checks, for one day.

Paths and URIs (with `--json`, one document) go to stdout, everything else to stderr. Exit codes: 0, 1 (the run or a
check failed), 2 (usage), 130 (interrupted), 141 (the reader of stdout has gone).
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from tqdm import tqdm
from yaml import YAMLError

from synth_assets.generator.plan import GenerationPlan, PlanError, PlanSettings, describe_faults

if TYPE_CHECKING:
    import dagster as dg


COMMANDS = {
    "show": "What made a file, its columns, bytes and rates, and the verdict.",
    "verify": "Every claim about a file, judged under the contract in its footer.",
    "reproduce": "A file made again from its footer, and compared byte for byte.",
}
"""What `synth_assets.file_commands` carries out."""

INTERRUPTION = "interrupted"
INTERRUPTED, PIPE_CLOSED = 130, 141
"""Exit codes, as a shell gives them to what SIGINT and SIGPIPE end."""

WHAT_DAY, WHAT_ROWS, RATES, FILE, WHERE = "what day", "what rows", "rates", "how the file is written", "where it goes"
GROUPS = {"lookback_days": WHAT_DAY, "chunk_size": FILE, "compression": FILE}
"""Where the help lists a setting that is neither a rate nor about the rows."""

STAGES = {
    "payments_parquet": "writing",
    "payments_file_claims": "checking",
    "label_events": "labelling",
    "s3_raw_payments": "sending",
    "object_is_local_file": "comparing",
}
"""By step, what the bar says meanwhile."""

WRITING = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left"
AFTERWARDS = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows, {elapsed} so far"
AT_THE_END = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows in {elapsed}"

EPILOG = """\
with a file (synth-assets COMMAND --help says more):
{commands}

examples:
  synth-assets                             # a million, the last complete day
  synth-assets --date 2026-01-15 --rows 50_000 --seed 7
  synth-assets --date 2026-01-15 --fraud-rate 0.02 --s3 yes
  synth-assets --date 2026-01-15 --profile realistic --difficulty medium
  synth-assets --date 2026-01-15 --json | jq .checks
  synth-assets show outputs/payments_1000000_2026-01-15.parquet

Paths and s3:// URIs go to stdout, everything else to stderr. With --json,
stdout has one document where the exit code is 0 or 1, and nothing otherwise.

exit codes:
  0    done, and every check passed
  1    the run or a check failed; a claim about a file is broken, or its footer
       does not make it again
  2    usage: nothing was done
  130  interrupted
  141  the reader of stdout has gone
"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, up to the width of a readable line."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, 118)
        super().__init__(prog, max_help_position=28, width=width - 2)


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def date(text: str) -> dt.date:
    """YYYY-MM-DD as a date; argparse names a wrong one after this function."""
    return dt.datetime.strptime(text, "%Y-%m-%d").date()


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synth-assets",
        usage=f"synth-assets [--help] [OPTION ...]\n       synth-assets {{{','.join(COMMANDS)}}} [--help] FILE",
        description="Make one day of synthetic card payments, check it, and land it in S3.",
        epilog=EPILOG.format(commands="\n".join(f"  {name:<11}{says}" for name, says in COMMANDS.items())),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    groups = {title: parser.add_argument_group(title) for title in (WHAT_DAY, WHAT_ROWS, RATES, FILE, WHERE)}
    groups[WHAT_DAY].add_argument(
        "--date", type=date, metavar="YYYY-MM-DD", help="The day to make. (default: the last complete day)"
    )
    for name, field in PlanSettings.model_fields.items():
        title = GROUPS.get(name, RATES if name.endswith("_rate") else WHAT_ROWS)
        _add_setting(groups[title], name, field)
    groups[WHAT_ROWS].add_argument(
        "--schema", type=Path, metavar="FILE", help="The contract's schema file. (default: the project's own)"
    )
    where = groups[WHERE]
    where.add_argument(
        "--out", "--output-dir", dest="out", type=Path, default=Path("outputs"), metavar="FOLDER",
        help="The folder of the file. (default: outputs)",
    )  # fmt: skip
    where.add_argument(
        "--s3", choices=["yes", "no"], default="no", help="Whether to upload the file after its checks. (default: no)"
    )
    where.add_argument(
        "--bucket-parameter",
        metavar="NAME",
        help="The SSM parameter with the bucket's name. (default: /fraud/raw_bucket_name)",
    )
    where.add_argument(
        "--json", action="store_true", help="Print one JSON document about the run in place of the paths."
    )
    return parser


def _add_setting(group: argparse._ArgumentGroup, name: str, field: FieldInfo) -> None:
    choices = get_args(field.annotation) if get_origin(field.annotation) is not None else None
    kind: Any = str if choices else field.annotation
    group.add_argument(
        option(name),
        type=kind,
        choices=choices,
        default=field.default,
        metavar=None if choices else kind.__name__.upper(),
        help=f"{field.description} (default: {field.default})".replace("%", "%%"),
    )


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = _main(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"error: {INTERRUPTION}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still in the buffer would raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _main(words: list[str]) -> int:
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
    from synth_assets.documents import print_document
    from synth_assets.world_assets import label_events, world_tables

    try:
        instance = _instance()
    except (dg.DagsterError, OSError, YAMLError) as error:
        message = f"no Dagster instance in {os.environ.get('DAGSTER_HOME')}: {' '.join(str(error).split())}"
        print(f"error: {message}", file=sys.stderr)
        if options.json:
            print_document(_run_document(day, {}, [], message))
        return 1
    beside = [world_tables, label_events] if settings["profile"] == "realistic" else []
    upload = [s3_raw_payments] if options.s3 == "yes" else []
    selected = [transaction_schema, payments_parquet, *beside, *upload]
    with progress_bar(settings["rows"]) as bar:
        plant = dg.Definitions.merge(defs, dg.Definitions(loggers={"command_line": _logger(bar)}))
        result = plant.resolve_job_def(daily_payments.name).execute_in_process(
            partition_key=day,
            asset_selection=[key for asset in selected for key in asset.keys],
            instance=instance,
            raise_on_error=False,
            run_config={
                "ops": {"payments_parquet": {"config": settings}},
                "resources": _resources(options),
                "loggers": {"command_line": {}},
            },
        )
        end_bar(bar, result.success)
    evaluations = result.get_asset_check_evaluations()
    for evaluation in evaluations:
        if not evaluation.passed:
            print(f"{evaluation.severity.value}: {evaluation.check_name}: {evaluation.description}", file=sys.stderr)
    failures = result.filter_events(lambda event: event.is_step_failure) or result.filter_events(
        lambda event: event.is_job_failure
    )
    messages = [_message(failure) for failure in failures]
    for message in messages:
        print(f"error: {message}", file=sys.stderr)
    if INTERRUPTION in messages:
        return INTERRUPTED
    made = _metadata(result, payments_parquet) | {"uri": _metadata(result, s3_raw_payments).get("dagster/uri")}
    made["beside"] = {
        each.asset_key.to_user_string(): each.metadata["path"].value
        for asset in beside
        for each in result.asset_materializations_for_node(asset.op.name)
    }
    if options.json:
        failure_text = None if result.success else "; ".join(messages)
        print_document(_run_document(day, made, evaluations, failure_text))
    elif result.success:
        print(*filter(None, (made["path"], made["uri"], *made["beside"].values())), sep="\n")
    return 0 if result.success else 1


def _metadata(result: dg.ExecuteInProcessResult, asset: dg.AssetsDefinition) -> dict[str, Any]:
    """What the run says of the asset, and its data version; empty where it was not materialized."""
    found: dict[str, Any] = {}
    for each in result.asset_materializations_for_node(asset.op.name):
        found |= {name: entry.value for name, entry in each.metadata.items()}
        found["data_version"] = (each.tags or {}).get("dagster/data_version")
    return found


def _run_document(
    day: str, made: Mapping[str, Any], evaluations: Sequence[dg.AssetCheckEvaluation], error: str | None
) -> dict[str, Any]:
    """What `--json` prints of a run. What did not come about is null."""
    from synth_assets.documents import checks_of, rates_of
    from synth_assets.generator.audit import Claim

    claims = [
        Claim(each.check_name, each.passed, each.description or "", _details(each.metadata)) for each in evaluations
    ]
    return {
        "success": error is None,
        "day": day,
        "path": made.get("path"),
        "uri": made.get("uri"),
        "beside": made.get("beside", {}),
        "rows": made.get("dagster/row_count"),
        "bytes": made.get("bytes"),
        "seconds": made.get("seconds"),
        "rows_per_second": made.get("rows_per_second"),
        "data_version": made.get("data_version"),
        "rates": rates_of(claims),
        "checks": checks_of(claims, {each.check_name: each.severity.value for each in evaluations}),
        "error": error,
    }


def _details(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [record.data for record in metadata["details"].records] if "details" in metadata else []


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
    return tqdm(
        total=rows,
        desc="starting",
        unit=" rows",
        unit_scale=True,
        bar_format=WRITING,
        disable=None,
        dynamic_ncols=True,
    )


def _logger(bar: tqdm[NoReturn]) -> dg.LoggerDefinition:
    """Dagster's log of a run as a person wants it: our own lines, or the bar in place of a line for each chunk."""
    import dagster as dg

    class CommandLineHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_event", None)
            if event is not None and event.is_step_start and event.step_key in STAGES:
                show_stage(bar, STAGES[event.step_key])
            # Dagster's own events and errors are told at the end, once and in one line.
            if event is not None or record.levelno not in (logging.INFO, logging.WARNING):
                return
            if hasattr(record, "rows_written") and not bar.disable:
                bar.update(record.rows_written - bar.n)
            else:
                tqdm.write(getattr(record, "dagster_meta")["orig_message"], file=sys.stderr)  # noqa: B009

    def logger(context: dg.InitLoggerContext) -> logging.Logger:
        made = logging.Logger("command_line", level=logging.DEBUG)
        made.addHandler(CommandLineHandler())
        return made

    return dg.LoggerDefinition(logger)


def end_bar(bar: tqdm[NoReturn], success: bool) -> None:
    if not bar.disable:
        bar.bar_format = AT_THE_END
        bar.set_description_str("done" if success else "failed")


def show_stage(bar: tqdm[NoReturn], stage: str) -> None:
    if bar.disable:
        return
    if bar.n:
        bar.bar_format = AFTERWARDS
    else:
        bar.reset()  # the rate is that of the writing alone
    bar.set_description_str(stage)


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
        return INTERRUPTION
    return f"{failure.step_key or 'the run'} failed: {' '.join(error.message.split()) if error else 'no reason given'}"


if __name__ == "__main__":
    sys.exit(main())
