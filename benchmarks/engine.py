"""The engine beside the floor, DuckDB and a loop over Faker."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from benchmarks import day
from benchmarks.duckdb_peer import duckdb_sql
from benchmarks.faker_peer import faker_loop
from benchmarks.fresh import Figures, fresh, in_turns
from benchmarks.report import goal, middle, spread, table
from synth_assets.workers import default_workers

FAKER_ROWS = 10_000


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    default = fresh(default_workers)
    path = folder / "payments.parquet"
    sample = min(FAKER_ROWS, rows)

    def engine(workers: int, number: int) -> Figures:
        return fresh(day.engine, path=path, rows=rows, workers=workers)

    ours = f"synth_assets, {default} generating (default)"
    found = in_turns(
        "engine",
        rounds,
        {
            ours: partial(engine, default),
            **{
                f"synth_assets, {workers} generating": partial(engine, workers)
                for workers in sorted({1, len(os.sched_getaffinity(0))} - {default})
            },
            "floor": lambda number: fresh(day.floor, path=path, rows=rows),
            "DuckDB": lambda number: fresh(duckdb_sql, path=path, rows=rows),
            "Faker loop": lambda number: fresh(faker_loop, path=path, rows=sample),
        },
    )
    made = {name: sample if name == "Faker loop" else rows for name in found}
    speed = {name: made[name] / middle(each) for name, each in found.items()}
    wall = middle(found[ours]) / middle(found["floor"])
    goals = {
        "floor": goal("ours at most 1.3 times its wall", wall <= 1.3),
        "DuckDB": goal("ours at least 1.7 times its rows/s", speed[ours] >= 1.7 * speed["DuckDB"]),
        "Faker loop": goal("ours at least 140 times its rows/s", speed[ours] >= 140 * speed["Faker loop"]),
    }
    ratios = {name: f"ours {speed[ours] / speed[name]:.2f}× its rows/s" for name in found}
    ratios |= {ours: "ours", "floor": f"ours {wall:.2f}× its wall"}
    body = [
        [
            name,
            f"{made[name]:,}",
            f"{middle(each):.2f}",
            spread(each),
            f"{speed[name]:,.0f}",
            f"{middle(each, 'bytes') / made[name]:.0f}",
            ratios[name],
            goals.get(name, ""),
        ]
        for name, each in found.items()
    ]
    return f"""## Engine to Snappy Parquet

{table(["what", "rows", "median s", "min–max s", "rows/s", "bytes a row", "ratio", "goal"], body)}

Each run in a process of its own, timed after the imports. Floor: the same writer with the same tables, ready in
memory, so its one encoding thread is alone. DuckDB: the same 24 columns in SQL on all its threads, in the order of the
event times. Faker loop: a dict a row, `from_dicts`, write; on a sample."""
