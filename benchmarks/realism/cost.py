"""What the realistic profile costs beside the uniform one. Each run in a process of its own, in turns."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import day
from benchmarks.fresh import Figures, fresh, in_turns, peak_bytes
from benchmarks.realism.report import Measure, told
from benchmarks.report import middle, spread
from synth_assets.generator.plan import GenerationPlan
from synth_assets.workers import default_workers

MEMORY_GROWTH = 0.05
MEMORY_ROUNDS = 3


def costs(folder: Path, rows: int, rounds: int) -> Iterator[Measure]:
    path, workers = folder / "payments.parquet", fresh(default_workers)
    made = {"uniform": ("uniform", True), "realistic": ("realistic", True), "without ids": ("realistic", False)}
    found = in_turns("cost", rounds, {name: partial(_made, path, rows, workers, *each) for name, each in made.items()})
    speed, seconds = _of_realistic(found, "uniform", "seconds"), middle(found["realistic"])
    yield Measure(
        f"rows/s to Parquet, {rows:,} rows, of the uniform profile's",
        "at least 45 %",
        f"{speed:.0%} ({seconds:.2f} s, {spread(found['realistic'])})",
        speed >= 0.45,
    )
    yield told("the same by CPU time", f"{_of_realistic(found, 'uniform', 'cpu'):.0%}")
    ids = 1 - _of_realistic(found, "without ids", "cpu")
    yield Measure("previous ids, of the CPU time to make the file", "at most 25 %", f"{ids:.0%}", ids <= 0.25)
    peaks = in_turns(
        "memory",
        MEMORY_ROUNDS,
        {
            f"{profile} {size}": partial(_made, path, size, workers, profile, True)
            for profile in ("uniform", "realistic")
            for size in (rows, 5 * rows)
        },
    )
    few, many = (middle(peaks[f"realistic {size}"], "peak") for size in (rows, 5 * rows))
    like = middle(peaks[f"uniform {5 * rows}"], "peak") / middle(peaks[f"uniform {rows}"], "peak") - 1
    yield Measure(
        f"growth of peak memory, {rows:,} to {5 * rows:,} rows",
        f"at most {MEMORY_GROWTH:.0%}",
        f"{many / few - 1:+.1%} ({few / 1e6:.0f} to {many / 1e6:.0f} MB; uniform {like:+.1%})",
        many / few - 1 <= MEMORY_GROWTH,
    )


def _of_realistic(found: dict[str, list[Figures]], name: str, figure: str) -> float:
    """A figure as a part of the realistic profile's: the median over the rounds, because a machine that others use too
    is not as fast in one round as in another."""
    rounds = zip(found[name], found["realistic"], strict=True)
    return median(float(each[figure]) / float(realistic[figure]) for each, realistic in rounds)


def _made(path: Path, rows: int, workers: int, profile: str, previous: bool, number: int) -> Figures:
    return fresh(engine, path=path, rows=rows, workers=workers, profile=profile, previous=previous)


def engine(path: str, rows: int, workers: int, profile: str, previous: bool) -> Figures:
    """From the contract, with or without previous_txn_id, to the finished file; the making of the world included."""
    contract = day.contract()
    if not previous:
        fields = tuple(field for field in contract.fields if field.name != "previous_txn_id")
        contract = dataclasses.replace(contract, fields=fields)
    started, cpu = time.perf_counter(), time.process_time()
    day.write_day(Path(path), contract, plan_of(rows, profile), workers)
    return {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu, "peak": peak_bytes()}


def plan_of(rows: int, profile: str) -> GenerationPlan:
    return GenerationPlan.of(day=day.DAY, rows=rows, profile=profile)
