"""A process of those that make days side by side: reads a day a line, and answers a report a line, as JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from synth_assets.days_command import one_by_one


def main() -> None:
    """Make the days that stdin names."""
    # Ctrl-C reaches every process. Here it interrupts a run, which Dagster sees to, and nothing else: between runs, the
    # command ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that is printed may come between the answers
    if not (first := sys.stdin.readline()):
        return  # no day was left for this process
    task = json.loads(first)
    given = task["options"]
    options = argparse.Namespace(**given)
    options.schema = Path(given["schema"]) if given["schema"] else None
    for report in one_by_one((line.rstrip("\n") for line in sys.stdin), task["config"], options):
        print(json.dumps(report.as_json()), file=answers, flush=True)


if __name__ == "__main__":
    main()
