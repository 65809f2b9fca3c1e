"""The parsers of the command line: its options and their help."""

from __future__ import annotations

import argparse
import shutil
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from synth_assets import local_command
from synth_assets.dates import count, date
from synth_assets.deployment import engine_kind, output_path
from synth_assets.generator.plan import PlanSettings
from synth_assets.shell import path, place
from synth_assets.workers import EngineName

COMMANDS = {
    "show": "Describe a file: its plan, columns, rates and checks.",
    "verify": "Run every check on a file, under the contract in its footer.",
    "reproduce": "Make a file again from its footer, and compare the bytes.",
    "report": "Write a file's report: one HTML page, and an index of its month.",
    "upload": "Upload a file to S3 if it passes every check.",
}
"""The sub-commands, which take a file. Without one, `synth-assets` makes a day."""

DAY, PAYMENTS, RATES, FILE, ENGINE, OUTPUT = "day", "payments", "rates", "file format", "engine", "output"
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
  synth-assets --date 2025-11-15..2026-02-15 --rows 50_000 --jobs 2
  synth-assets --date 2026-01 --rows 50_000 --json | jq -r .path
  synth-assets show outputs/payments_1000000_2026-01-15.parquet
  synth-assets local -- synth-assets --s3 yes

Paths and s3:// URIs go to stdout, everything else to stderr. With --json,
stdout has one document where the exit code is 0 or 1, and nothing otherwise.
Of several days, it has a document a line for each day that is done.

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


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command that makes a day, with an option for each setting of a plan."""
    parser = argparse.ArgumentParser(
        prog="synth-assets",
        usage=f"synth-assets [--help] [OPTION ...]\n       synth-assets {{{','.join(COMMANDS)}}} [--help] FILE\n"
        "       synth-assets local [--folder FOLDER] -- COMMAND [ARGUMENT ...]",
        description="Make days of synthetic card payments, check them, and upload them to S3.",
        epilog=EPILOG.format(
            commands="\n".join(f"  {name:<11}{says}" for name, says in COMMANDS.items()),
            local=local_command.PURPOSE,
        ),
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    groups = {title: parser.add_argument_group(title) for title in (DAY, PAYMENTS, RATES, FILE, ENGINE, OUTPUT)}
    groups[DAY].add_argument(
        "--date",
        type=date,
        metavar="DATE",
        help="The day to make, YYYY-MM-DD, or several: FIRST..LAST, or a month, YYYY-MM. (default: the last complete "
        "day)",
    )
    _add_several(groups[DAY])
    for name, field in PlanSettings.model_fields.items():
        _add_setting(groups[GROUPS.get(name, RATES if name.endswith("_rate") else PAYMENTS)], name, field)
    groups[PAYMENTS].add_argument(
        "--schema",
        type=path,
        metavar="FILE",
        help="The contract's schema file. (default: schema/transaction_schema.yaml, or else the installed one)",
    )
    _add_engine(groups[ENGINE])
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


def _add_engine(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default=engine_kind(),
        help="Where the day is made and checked: in this process, on the cores of this machine, or on the Ray cluster "
        "of RAY_ADDRESS. Never changes a byte. (default: SYNTH_ASSETS_ENGINE, or else auto)",
    )
    group.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="Threads, processes or tasks at once, 1 or more. (default: as many as there are cores)",
    )


def _add_several(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--jobs", type=count, default=1, metavar="N", help="How many of several days to make at once. (default: 1)"
    )
    group.add_argument(
        "--make-again",
        action="store_true",
        help="Of several days, make again those too that are whole, of these settings, and pass their checks.",
    )


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out", "--output-dir", dest="out", type=place, default=output_path(), metavar="FOLDER",
        help="The folder of the file, or s3://BUCKET/PREFIX. (default: SYNTH_ASSETS_OUTPUT, or else outputs)",
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
        command.add_argument("file", type=place, metavar="FILE", help="A day's file, or its s3:// URI.")
        command.add_argument("--json", action="store_true", help="Print one JSON document instead of text.")
        if name == "upload":
            _add_bucket(command)
        if name == "report":
            command.add_argument(
                "--out", type=place, metavar="FOLDER", help="The folder of the pages. (default: that of the file)"
            )
        if name == "reproduce":
            command.add_argument(
                "--out", type=place, metavar="FOLDER", help="Write the new file to this folder, and keep it."
            )
    return parser
