"""Several days in one process, against as many processes: processor time, memory, and the command's wall."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import day
from benchmarks.fresh import BIN, fresh, peak_bytes, run, say

COMMANDS = 5
"""Commands of a day each, whose median stands for all of them."""
MEMORY_DAYS = (30, 365)
MEMORY_ROWS = 5_000

Goal = tuple[str, float, float, str]
"""A measure, what was found, the most that it may be, and its unit."""


def measure(folder: Path, rows: int, days: int, variables: Mapping[str, str]) -> list[Goal]:
    say("backfill: processor time")
    engine = fresh(engine_seconds, rows=rows, path=str(folder / "engine.parquet"))
    one = fresh(run_of_days, days=1, rows=rows, folder=str(folder / "one"))
    month = fresh(run_of_days, days=30, rows=rows, folder=str(folder / "month"))
    beyond = (month["processor"] / 30 - engine) / (one["processor"] - engine)
    peaks = []
    for number in MEMORY_DAYS:
        say(f"backfill: memory of {number} days")
        found = fresh(run_of_days, days=number, rows=MEMORY_ROWS, folder=str(folder / f"memory{number}"))
        peaks.append(found["peak"])
    return [
        ("processor time a day beyond the engine, of 30 days in a run, against a run of one", beyond, 0.6, "×"),
        (f"`--date` over {days} days, against {days} commands", command(folder, rows, days), 0.35, "×"),
        (f"peak memory of {MEMORY_DAYS[1]} days in a run, against {MEMORY_DAYS[0]}", peaks[1] / peaks[0], 1.05, "×"),
    ]


def engine_seconds(rows: int, path: str) -> float:
    """Processor seconds of a day's file, the second in its process."""
    day.engine(path, rows, 1)
    started = time.process_time()
    day.engine(path, rows, 1)
    return time.process_time() - started


def run_of_days(days: int, rows: int, folder: str) -> dict[str, Any]:
    """The processor seconds and the peak memory of a process that makes the days in one run, with their checks."""
    import dagster as dg
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import execute_run_iterator

    from synth_assets.definitions import defs

    last = day.DAY + dt.timedelta(days=days - 1)
    assets = [dg.AssetKey("transaction_schema"), dg.AssetKey("payments_parquet")]
    job = defs.resolve_job_def("daily_payments").get_subset(asset_selection=set(assets))
    Path(folder).mkdir()
    with dg.DagsterInstance.local_temp(folder) as instance:
        run = instance.create_run_for_job(
            job,
            run_config={
                "ops": {"payments_parquet": {"config": {"rows": rows}}},
                "resources": {
                    "output_folder": {"config": {"path": f"{folder}/outputs"}},
                    "engine": {"config": {"kind": "threads", "workers": 1}},
                },
            },
            tags={
                "dagster/asset_partition_range_start": str(day.DAY - dt.timedelta(days=days)),
                "dagster/asset_partition_range_end": str(last - dt.timedelta(days=days)),
            },
            asset_selection=frozenset(assets),
        )
        # As the process of a backfill's run does. `execute_in_process` would keep every event for its result.
        for _ in execute_run_iterator(InMemoryJob(job), run, instance):
            pass
        finished = instance.get_run_by_id(run.run_id)
    if not (finished and finished.is_success):
        sys.exit("the run of several days failed")
    return {"processor": time.process_time(), "peak": peak_bytes()}


def command(folder: Path, rows: int, days: int) -> float:
    """The wall of one command for the days, against as many commands."""
    say(f"backfill: one command for {days} days")
    words = [str(BIN / "synth-assets"), "--rows", str(rows), "--out", str(folder / "command")]
    first = day.DAY - dt.timedelta(days=days)
    together = seconds([*words, "--date", f"{first}..{day.DAY - dt.timedelta(days=1)}"], folder)
    alone = [seconds([*words, "--date", str(first + dt.timedelta(days=each))], folder) for each in range(COMMANDS)]
    return together / (median(alone) * days)


def seconds(command: list[str], folder: Path) -> float:
    import os

    home = folder / "home"
    home.mkdir(exist_ok=True)
    started = time.perf_counter()
    run(command, {**os.environ, "DAGSTER_HOME": str(home)})
    return time.perf_counter() - started
