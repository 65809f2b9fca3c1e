"""Measure everything, or the parts that are named, and print one report."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import backfill, command, engine, engines, files, memory, profile, tpch
from benchmarks.report import machine

PARTS = {
    "engine": engine.report,
    "tpch": tpch.report,
    "memory": memory.report,
    "files": files.report,
    "engines": engines.report,
    "command": command.report,
    "backfill": backfill.report,
    "profile": profile.report,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the engine beside its peers: a Markdown report on stdout, progress on stderr. Linux only. "
        "At the default size it takes about 25 minutes and 12 GB in the temporary folder.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--rows",
        type=int,
        default=2_000_000,
        help="rows of the engine's part; memory takes a half, 5 and 25 times as many, the command a half, "
        "a backfill's day a twentieth (default: 2000000)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds, whose median is reported (default: 5)")
    parser.add_argument("--days", type=int, default=90, help="days of the backfill (default: 90)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    if options.rows < 1_000 or options.rounds < 1 or options.days < 1:
        parser.error("at least 1000 rows, one round and one day")
    # So that the temporary folder goes, and the servers stop, when the process is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"# Benchmarks\n\n{machine()}", flush=True)
    for part in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            section = PARTS[part](Path(folder), options.rows, options.rounds, options.days)
        print(f"\n{section}", flush=True)


if __name__ == "__main__":
    main()
