"""`synth-assets --date FIRST..LAST`: makes several days, one after the other or side by side in processes of their own.

Each day is an ordinary run of its partition, as the command for a single day starts it. Dagster is imported once.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from synth_assets.day_workers import side_by_side
from synth_assets.documents import print_document
from synth_assets.history import HistoryError, open_history
from synth_assets.progress import DaysBar, progress_logger
from synth_assets.run_command import job_with_progress, look_at_destination, materialize, rows_of
from synth_assets.run_outcome import Outcome
from synth_assets.storage.errors import StorageError
from synth_assets.workers import usable_cores


@dataclass(frozen=True)
class DayReport:
    """What a process says of a day that it was asked for. All of it is plain JSON."""

    document: Mapping[str, Any]
    success: bool
    interrupted: bool
    locations: Sequence[str]
    complaints: Sequence[str]

    @classmethod
    def of(cls, outcome: Outcome) -> DayReport:
        return cls(outcome.document(), outcome.success, outcome.interrupted, outcome.locations, outcome.complaints)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def failed(cls, day: str, reason: str) -> DayReport:
        """That of a day that nothing came of."""
        return cls.of(Outcome(day, errors=[reason]))


def run(days: Sequence[str], settings: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Materialize the days with their checks; print the paths of each or, with `--json`, one document a line.

    What is printed comes in the order of the days. A day that is whole already is not made again, unless
    `options.make_again` says so.

    Args:
        days: the partitions, as YYYY-MM-DD.
        settings: a value for every field of `PlanSettings`.
        options: those of `run_command.run`, `make_again`, and `jobs`: how many days are made at once.

    Returns:
        0, or 1 where a day failed.

    Raises:
        KeyboardInterrupt: the command was interrupted. The days that were done are printed.
    """
    failed: dict[str, Sequence[str]] = {}
    done = 0
    with closing(DaysBar([rows_of(day, settings) for day in days])) as bar:
        try:
            for day, report in zip(days, _reports(days, settings, options, bar), strict=False):
                if report.interrupted:
                    raise KeyboardInterrupt
                done += 1
                if not report.success:
                    failed[day] = report.complaints
                _print_report(day, report, options.json)
                bar.end_day(day, report.success)
        except KeyboardInterrupt:
            print(f"{done} of {len(days)} days are done. The same command makes the others.", file=sys.stderr)
            raise
    if failed:
        named = ", ".join(failed)
        print(
            f"error: {len(failed)} of {len(days)} days failed: {named}. The same command tries them again.",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _print_report(day: str, report: DayReport, as_document: bool) -> None:
    for line in report.complaints:
        print(f"{day}: {line}", file=sys.stderr)
    if as_document:
        print_document(report.document, indent=None)
    elif report.locations:
        print(*report.locations, sep="\n", flush=True)


def _reports(
    days: Sequence[str], settings: Mapping[str, Any], options: argparse.Namespace, bar: DaysBar
) -> Iterator[DayReport]:
    """What came of each day, in their order."""
    config = {**settings, "make_again": options.make_again}
    try:
        if options.s3 == "yes":
            look_at_destination(days[0], settings, options)
    except StorageError as error:
        yield from (DayReport.failed(day, str(error)) for day in days)
        return
    jobs = min(options.jobs, len(days))
    if jobs == 1:
        yield from one_by_one(iter(days), config, options, bar)
        return
    # The days are what runs side by side: each of them takes its share of the cores, in one process.
    share = {"engine": "threads", "workers": max(1, usable_cores() // jobs)}
    work = {"config": config, "options": vars(options) | share}
    for day, found in zip(days, side_by_side(days, work, jobs), strict=True):
        yield DayReport.failed(day, found) if isinstance(found, str) else DayReport(**found)


def one_by_one(
    days: Iterator[str], config: Mapping[str, Any], options: argparse.Namespace, bar: DaysBar | None = None
) -> Iterator[DayReport]:
    """Make the days in this process, as they are asked for."""
    job = job_with_progress(progress_logger(bar, logging.WARNING))
    at_work: list[str] = []
    try:
        with open_history() as instance:
            for day in days:
                at_work = [day]
                yield DayReport.of(materialize(job, day, config, options, instance))
    except (HistoryError, StorageError) as error:
        yield from (DayReport.failed(day, str(error)) for day in chain(at_work, days))
