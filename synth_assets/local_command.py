"""`synth-assets local`: a command of the user's beside an S3 and an SSM on this machine."""

from __future__ import annotations

import argparse
import sys

from synth_assets.shell import path

PURPOSE = "Run a command with an S3 and an SSM on this machine."


def build_parser() -> argparse.ArgumentParser:
    """Its parser."""
    parser = argparse.ArgumentParser(
        prog="synth-assets local",
        usage="synth-assets local [--help] [--folder FOLDER] -- COMMAND [ARGUMENT ...]",
        description=f"{PURPOSE} The servers are stopped when the command ends.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--folder",
        type=path,
        default=".local-aws",
        metavar="FOLDER",
        help="Where the S3 server keeps its objects. (default: .local-aws)",
    )
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="The command and its arguments.")
    return parser


def run(words: list[str]) -> int:
    """Carry out the command that follows `local`, and return its exit code, or 1 where it could not be started.

    Raises:
        SystemExit: the usage is wrong (exit code 2), or help was asked for (0).
    """
    options = build_parser().parse_args(words)
    from synth_assets.storage.errors import StorageError
    from synth_assets.storage.loopback import run_beside_servers

    try:
        return run_beside_servers(options.folder, options.command)
    except StorageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
