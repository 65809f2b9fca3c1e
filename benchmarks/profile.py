"""Where the time goes: each column's builder, and each stage, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks import day
from benchmarks.fresh import fresh, say
from benchmarks.report import table
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams
from synth_assets.generator.uniform import COLUMNS, UniformBlock
from synth_assets.judging import judge_day
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.layout import file_name

BLOCKS = 10
"""Blocks that one timing of a column covers: a few milliseconds at least."""


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    say("profile: columns")
    columns = fresh(column_milliseconds, rounds=rounds)
    say("profile: stages")
    stages = fresh(stage_milliseconds, folder=folder, rows=rows // 4, rounds=rounds)
    once = min(fresh(first_block_milliseconds) for _ in range(rounds))
    total = sum(columns.values())
    by_cost = sorted(columns.items(), key=lambda each: -each[1])
    return f"""## Profile

{table(["stage", "ms per million rows"], [[name, f"{each:.0f}"] for name, each in stages.items()])}

{table(["column", "ms per million rows", "share"], [[n, f"{c:.1f}", f"{c / total:.0%}"] for n, c in by_cost])}

The best of {rounds} timings. A column is built in a fresh block, so what two columns share (scheme, channel, missing
coordinates) counts in each of them; all columns: {total:.0f} ms. Polars may use its own threads in the audit. Reference
data and first uses take {once:.0f} ms, once a process."""


def column_milliseconds(rounds: int) -> dict[str, float]:
    schema, plan = day.contract(), day.plan_of(BLOCKS * BLOCK_ROWS)

    def built(name: str) -> None:
        column = schema[name]
        for number in range(BLOCKS):
            block = UniformBlock(plan, schema, BlockStreams(plan.seed, plan.day, number, BLOCK_ROWS))
            COLUMNS[name].build(block, column).cast(column.polars_type)

    return {name: best(partial(built, name), rounds, plan.rows) for name in schema.names}


def first_block_milliseconds() -> float:
    """How much longer the first block of a process takes than the second."""
    simulator = TransactionSimulator(day.contract(), day.plan_of(2 * BLOCK_ROWS))
    started = time.perf_counter()
    simulator.block(0)
    between = time.perf_counter()
    simulator.block(1)
    return (between - started - (time.perf_counter() - between)) * 1e3


def stage_milliseconds(folder: str, rows: int, rounds: int) -> dict[str, float]:
    schema, plan = day.contract(), day.plan_of(rows)
    path = Path(folder) / file_name(rows, day.DAY)
    simulator = TransactionSimulator(schema, plan)
    blocks = [simulator.block(number) for number in range(simulator.block_count)]
    ready = list(simulator)
    day.write_tables(str(path), simulator, ready)

    file = DayFile.at(path)
    with file.open() as opened:
        stages: dict[str, Callable[[], object]] = {
            "generate (blocks)": lambda: [simulator.block(number) for number in range(simulator.block_count)],
            "to Arrow": lambda: [each.to_arrow(compat_level=pl.CompatLevel.oldest()) for each in blocks],
            "encode and write": lambda: day.write_tables(str(path), simulator, ready),
            "audit: read": lambda: [each.num_rows for each in opened.batches()],
            "audit: read and judge": lambda: judge_day.__wrapped__(schema, file),
        }
        return {name: best(stage, rounds, rows) for name, stage in stages.items()}


def best(work: Callable[[], object], rounds: int, rows: int) -> float:
    """The least milliseconds per million rows."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds) / rows * 1e9
