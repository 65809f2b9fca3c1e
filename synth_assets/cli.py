"""The command line: its parsers, its usage errors and its exit codes. The commands themselves are in other modules.

Paths and URIs (with `--json`, one document) go to stdout, everything else to stderr. What carries out a command is
imported only once its options are right: importing Dagster takes longer than telling a user of a mistyped option.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import sys
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from synth_assets import local_command
from synth_assets.deployment import DeploymentError
from synth_assets.generator.plan import GenerationPlan, PlanError, PlanSettings, describe_faults
from synth_assets.shell import open_closed_streams, path

COMMANDS = {
    "show": "Describe a file: its plan, columns, rates and checks.",
    "verify": "Run every check on a file, under the contract in its footer.",
    "reproduce": "Make a file again from its footer, and compare the bytes.",
    "report": "Write a file's report: one HTML page, and an index of its month.",
    "upload": "Upload a file to S3 if it passes every check.",
}
"""The sub-commands, which take a file. Without one, `synth-assets` makes a day."""

INTERRUPTED, PIPE_CLOSED = 130, 141
"""The exit codes that a shell gives to what SIGINT and SIGPIPE have ended."""

DAY, PAYMENTS, RATES, FILE, OUTPUT = "day", "payments", "rates", "file format", "output"
GROUPS = {"lookback_days": DAY, "chunk_size": FILE, "compression": FILE, "encodings": FILE}
"""The group of the help that lists a setting. Other settings are listed under RATES or under PAYMENTS."""

EPILOG = """\
commands that take a file (see synth-assets COMMAND --help):
{commands}

a command that runs another command (see synth-assets local --help):
  local      {local}

examples:
  synth-assets                             # a million payments of yesterday
  synth-assets --date 2026-01-15 --rows 50_000 --seed 7
  synth-assets --date 2026-01-15 --fraud-rate 0.02 --s3 yes
  synth-assets --date 2026-01-15 --profile realistic --difficulty medium
  synth-assets --date 2026-01-15 --json | jq .checks
  synth-assets show outputs/payments_1000000_2026-01-15.parquet
  synth-assets local -- synth-assets --s3 yes

Paths and s3:// URIs go to stdout, everything else to stderr. With --json,
stdout has one document where the exit code is 0 or 1, and nothing otherwise.

exit codes:
  0    Everything was done, and every check passed.
  1    The run or a check failed, or a file differs from what its footer
       gives.
  2    The command was used wrongly. Nothing was done.
  130  The command was interrupted.
  141  The reader of stdout stopped reading.
synth-assets local exits with the exit code of its command.
"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, up to the width of a readable line."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, 118)
        super().__init__(prog, max_help_position=28, width=width - 2)


def option(name: str) -> str:
    """The option of a setting: `--fraud-rate` of `fraud_rate`."""
    return "--" + name.replace("_", "-")


def date(text: str) -> dt.date:
    """YYYY-MM-DD as a date. In its message about a wrong one, argparse calls it by this function's name."""
    return dt.datetime.strptime(text, "%Y-%m-%d").date()


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command that makes a day, with an option for each setting of a plan."""
    parser = argparse.ArgumentParser(
        prog="synth-assets",
        usage=f"synth-assets [--help] [OPTION ...]\n       synth-assets {{{','.join(COMMANDS)}}} [--help] FILE\n"
        "       synth-assets local [--folder FOLDER] -- COMMAND [ARGUMENT ...]",
        description="Make one day of synthetic card payments, check it, and upload it to S3.",
        epilog=EPILOG.format(
            commands="\n".join(f"  {name:<11}{says}" for name, says in COMMANDS.items()),
            local=local_command.PURPOSE,
        ),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    groups = {title: parser.add_argument_group(title) for title in (DAY, PAYMENTS, RATES, FILE, OUTPUT)}
    groups[DAY].add_argument(
        "--date", type=date, metavar="YYYY-MM-DD", help="The day to make. (default: the last complete day)"
    )
    for name, field in PlanSettings.model_fields.items():
        _add_setting(groups[GROUPS.get(name, RATES if name.endswith("_rate") else PAYMENTS)], name, field)
    groups[PAYMENTS].add_argument(
        "--schema",
        type=path,
        metavar="FILE",
        help="The contract's schema file. (default: schema/transaction_schema.yaml, or else the installed one)",
    )
    _add_outputs(groups[OUTPUT])
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


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out", "--output-dir", dest="out", type=path, default="outputs", metavar="FOLDER",
        help="The folder of the file. (default: outputs)",
    )  # fmt: skip
    group.add_argument(
        "--s3", choices=["yes", "no"], default="no", help="Whether to upload the file after its checks. (default: no)"
    )
    _add_bucket(group)
    group.add_argument(
        "--json", action="store_true", help="Print one JSON document about the run instead of the paths."
    )


def _add_bucket(group: argparse._ActionsContainer) -> None:
    either = group.add_mutually_exclusive_group()
    either.add_argument("--bucket", metavar="NAME", help="The bucket's name. (default: the value of the SSM parameter)")
    either.add_argument(
        "--bucket-parameter",
        metavar="NAME",
        help="The SSM parameter with the bucket's name. (default: /fraud/raw_bucket_name)",
    )


def build_file_parser() -> argparse.ArgumentParser:
    """The parser of the sub-commands, which take a file."""
    parser = argparse.ArgumentParser(prog="synth-assets", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in COMMANDS.items():
        command = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
        command.add_argument("file", type=path, metavar="FILE", help="A day's file.")
        command.add_argument("--json", action="store_true", help="Print one JSON document instead of text.")
        if name == "upload":
            _add_bucket(command)
        if name == "report":
            command.add_argument(
                "--out", type=path, metavar="FOLDER", help="The folder of the pages. (default: that of the file)"
            )
        if name == "reproduce":
            command.add_argument(
                "--out", type=path, metavar="FOLDER", help="Write the new file to this folder, and keep it."
            )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out the command that the arguments (by default, those of the process) name, and return its exit code.

    Raises:
        SystemExit: the usage is wrong (exit code 2), or help was asked for (0).
    """
    words = sys.argv[1:] if arguments is None else arguments
    open_closed_streams()
    try:
        code = _run_command(words)
        sys.stdout.flush()
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still in the buffer would raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _run_command(words: list[str]) -> int:
    if words[:1] == ["local"]:
        return local_command.run(words[1:])
    return _run_file_command(words) if words and words[0] in COMMANDS else _run(words)


def _run_file_command(words: list[str]) -> int:
    options = build_file_parser().parse_args(words)
    from synth_assets.file_commands import run

    return run(options)


def _run(words: list[str]) -> int:
    parser = build_parser()
    options = parser.parse_args(words)
    if options.s3 == "no" and (options.bucket, options.bucket_parameter) != (None, None):
        parser.error("--bucket and --bucket-parameter name the bucket of an upload. Add --s3 yes, or leave them out.")
    settings = {name: getattr(options, name) for name in PlanSettings.model_fields}
    try:
        PlanSettings(**settings)
    except ValidationError as error:
        parser.error(describe_faults(error, option))
    day = _partition(parser, options.date)
    try:
        GenerationPlan.of(day=day, **settings)
    except PlanError as error:
        parser.error(str(error))
    from synth_assets.run_command import run

    return run(day, settings, options)


def _partition(parser: argparse.ArgumentParser, date: dt.date | None) -> str:
    """The partition of the date, or the last one. A date that is not a partition is a usage error."""
    from synth_assets.partitions import DAILY

    first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    day = str(date or last)
    if not DAILY.has_partition_key(day):
        parser.error(f"--date: {day} is not a partition. Choose a complete day (UTC), from {first} to {last}.")
    return day


if __name__ == "__main__":
    sys.exit(main())
