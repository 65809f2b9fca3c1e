"""What a file costs: its bytes by codec and profile, and its readers by the size of its row groups."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.compute as pc
import pyarrow.dataset as ds

from benchmarks import day
from benchmarks.fresh import Figures, fresh, in_turns, say
from benchmarks.report import middle, table
from synth_assets.workers import default_workers

ROW_GROUPS = (25_000, 100_000, 1_000_000)
NOON = dt.datetime.combine(day.DAY, dt.time(12), dt.UTC)
ONE = NOON + dt.timedelta(hours=1)

KINDS: dict[str, dict[str, str]] = {
    "snappy (default)": {},
    "snappy, compact": {"encodings": "compact"},
    "zstd": {"compression": "zstd"},
    "lz4": {"compression": "lz4"},
    "none": {"compression": "none"},
    "realistic, snappy": {"profile": "realistic"},
}


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    workers = fresh(default_workers)

    def made(path: Path, rows: int, settings: dict[str, Any]) -> Figures:
        say(f"files: made with {settings or 'the default settings'}")
        figures: Figures = fresh(day.engine, path=path, rows=rows, workers=workers, **settings)
        return figures

    half = rows // 2
    stored = {name: made(folder / "stored.parquet", half, settings) for name, settings in KINDS.items()}
    sizes = [min(size, rows) for size in ROW_GROUPS]
    paths = {size: folder / f"groups_of_{size}.parquet" for size in sizes}
    grouped = {size: made(path, rows, {"chunk_size": size}) for size, path in paths.items()}
    return f"""## Bytes a row, {half:,} rows

{table(["file", "bytes a row"], [[name, f"{each['bytes'] / half:.0f}"] for name, each in stored.items()])}

## Readers and row groups, {rows:,} rows

{read_by(paths, grouped, rounds)}"""


def read_by(paths: dict[int, Path], made: dict[int, Figures], rounds: int) -> str:
    asked = [("all", reader) for reader in ("DuckDB", "Polars")] + [("an hour", reader) for reader in READERS]
    found = in_turns(
        "files, readers",
        rounds,
        {
            f"{size} {what} {reader}": partial(_read, path, reader, what == "an hour")
            for size, path in paths.items()
            for what, reader in asked
        },
    )
    body = [
        [
            f"{size:,}",
            f"{figures['bytes'] / figures['rows'] * size / 1e6:.0f}",
            f"{figures['peak'] / 1e6:.0f}",
            *(f"{middle(found[f'{size} {what} {reader}']):.2f}" for what, reader in asked),
        ]
        for size, figures in made.items()
    ]
    header = ["rows a group", "MB a group", "peak MB to write", *(f"{reader}, {what}" for what, reader in asked)]
    return f"""{table(header, body)}

Readers: median seconds of processor time, each run in a process of its own, to read every column of the whole file, or
of the payments from 12:00 to 13:00."""


def _read(path: Path, reader: str, hour: bool, number: int) -> Figures:
    figures: Figures = fresh(read, path=path, reader=reader, hour=hour)
    return figures


def read(path: str, reader: str, hour: bool) -> Figures:
    """The processor time of one reader's reading, all threads together."""
    started = time.process_time()
    rows = READERS[reader](path, hour)
    seconds = time.process_time() - started
    if rows == 0:
        raise ValueError(f"{reader} found nothing in {path}")
    return {"seconds": seconds, "rows": rows}


def _duckdb(path: str, hour: bool) -> int:
    chosen = f"WHERE event_time >= '{NOON}'::TIMESTAMPTZ_NS AND event_time < '{ONE}'::TIMESTAMPTZ_NS" if hour else ""
    return len(duckdb.sql(f"FROM '{path}' {chosen}").to_arrow_table())


def _polars(path: str, hour: bool) -> int:
    time_of = pl.col("event_time")
    lazy = pl.scan_parquet(path)
    return (lazy.filter(time_of >= NOON, time_of < ONE) if hour else lazy).collect().height


def _pyarrow(path: str, hour: bool) -> int:
    time_of = pc.field("event_time")
    return len(ds.dataset(path).to_table(filter=(time_of >= NOON) & (time_of < ONE) if hour else None))


READERS: dict[str, Callable[[str, bool], int]] = {"DuckDB": _duckdb, "Polars": _polars, "PyArrow": _pyarrow}
