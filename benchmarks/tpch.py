"""The engine beside tpchgen-cli, which is written in Rust, in cells and bytes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import day
from benchmarks.fresh import BIN, Figures, fresh, in_turns, run
from benchmarks.report import goal, middle, spread, table
from synth_assets.workers import default_workers

ROWS_AT_SCALE_1 = 2_000_000
"""Our rows beside lineitem's six million, which have twice as many cells."""

LINEITEM = "tpchgen-cli, lineitem"
START = "tpchgen-cli, 6,000 rows"


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    workers = fresh(default_workers)
    path = folder / "payments.parquet"
    peers = {
        "synth_assets": lambda number: fresh(day.engine, path=path, rows=rows, workers=workers),
        LINEITEM: lambda number: lineitem(folder, scale=rows / ROWS_AT_SCALE_1),
        START: lambda number: lineitem(folder, scale=0.001),
    }
    found = in_turns("tpch", rounds, peers)
    start = middle(found.pop(START))
    for each in found["synth_assets"]:
        each["cells"] = rows * len(day.contract().fields)
    speeds = [
        {name: middle(each, of) / middle(each) / 1e6 for name, each in found.items()} for of in ("cells", "bytes")
    ]
    cells, size = (speed["synth_assets"] / speed[LINEITEM] for speed in speeds)
    without_start = cells * (1 - start / middle(found[LINEITEM]))
    goals = [
        goal("ours at least 1.15 times its cells/s", cells >= 1.15),
        goal("at least 3 times its bytes/s", size >= 3),
    ]
    notes = {LINEITEM: [f"ours {cells:.2f}× its cells/s, {size:.2f}× its bytes/s", "; ".join(goals)]}
    body = [
        [
            name,
            f"{middle(each, 'cells') / 1e6:.0f}",
            f"{middle(each, 'bytes') / 1e6:.0f}",
            f"{middle(each):.2f}",
            spread(each),
            *(f"{speed[name]:.1f}" for speed in speeds),
            *notes.get(name, ["", ""]),
        ]
        for name, each in found.items()
    ]
    header = ["what", "million cells", "MB", "median s", "min–max s", "million cells/s", "MB/s", "ratio", "goal"]
    return f"""## Beside tpchgen-cli

{table(header, body)}

tpchgen-cli: the whole command, on all cores, to one file with its own settings (Snappy). Ours is timed after the
imports; without the {start:.2f} s that tpchgen-cli takes for 6,000 rows, ours has {without_start:.2f}× its cells/s."""


def lineitem(folder: Path, scale: float) -> Figures:
    command = [str(BIN / "tpchgen-cli"), "parquet", "-s", f"{scale:g}", "-T", "lineitem", "-q", "-o", str(folder)]
    started = time.perf_counter()
    run([*command, "--overwrite"], os.environ)
    seconds = time.perf_counter() - started
    path = folder / "lineitem.parquet"
    metadata = pq.read_metadata(path)
    return {
        "seconds": seconds,
        "bytes": path.stat().st_size,
        "cells": metadata.num_rows * metadata.num_columns,
    }
