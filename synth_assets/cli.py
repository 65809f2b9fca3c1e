"""The command line: its usage errors and its exit codes. Its options and the commands themselves are in other modules.

Paths and URIs (with `--json`, one document) go to stdout, everything else to stderr. What carries out a command is
imported only once its options are right: importing Dagster takes longer than telling a user of a mistyped option.
"""

from __future__ import annotations

import argparse
import os
import sys

from pydantic import ValidationError

from synth_assets import local_command
from synth_assets.command_options import COMMANDS, build_file_parser, build_parser, option
from synth_assets.dates import partitions
from synth_assets.deployment import DeploymentError
from synth_assets.generator.plan import GenerationPlan, PlanError, PlanSettings, describe_faults
from synth_assets.imports import kept_imports
from synth_assets.shell import open_closed_streams

INTERRUPTED, PIPE_CLOSED = 130, 141
"""The exit codes that a shell gives to what SIGINT and SIGPIPE have ended."""


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
    with kept_imports():
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
    try:
        days = partitions(options.date)
        for day in days:
            GenerationPlan.of(day=day, **settings)
    except PlanError as error:
        parser.error(str(error))
    except argparse.ArgumentTypeError as error:
        parser.error(f"--date: {error}")
    if options.date is None or len(options.date) == 1:
        with kept_imports():
            from synth_assets.run_command import run

        return run(days[0], settings, options)
    with kept_imports():
        from synth_assets.days_command import run as run_days

    return run_days(days, settings, options)


if __name__ == "__main__":
    sys.exit(main())
