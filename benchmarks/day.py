"""A day of payments as the assets make it, without Dagster."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fresh import PROJECT_ROOT, Figures, peak_bytes
from synth_assets.day import layout_of
from synth_assets.engines import Threads
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.making import make_day
from synth_assets.storage import parquet
from synth_assets.storage.folder_place import StagedFile

DAY = dt.date(2026, 1, 15)


def contract() -> TransactionSchema:
    path = PROJECT_ROOT / "schema" / "transaction_schema.yaml"
    return TransactionSchema.parse(path.read_text(), source=path.name)


def plan_of(rows: int, **settings: Any) -> GenerationPlan:
    """The plan of a day: the default one, but for the settings."""
    return GenerationPlan.of(day=DAY, rows=rows, **settings)


def engine(path: str, rows: int, workers: int, **settings: Any) -> Figures:
    """From the contract to the finished file, as the asset makes it."""
    started, used = time.perf_counter(), time.process_time()
    write_day(Path(path), contract(), plan_of(rows, **settings), workers)
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    return measured(path, rows, seconds) | {"processor": processor}


def write_day(path: Path, schema: TransactionSchema, plan: GenerationPlan, workers: int) -> None:
    """Write a day's file as the asset does, in place of one that is there."""
    path.unlink(missing_ok=True)
    make_day(StagedFile(path, plan.day), schema, plan, Threads(workers))


def floor(path: str, rows: int) -> Figures:
    """The product's own writer, with tables that are ready: its one encoding thread alone."""
    simulator = TransactionSimulator(contract(), plan_of(rows))
    ready = list(simulator)
    started = time.perf_counter()
    write_tables(path, simulator, ready)
    return measured(path, rows, time.perf_counter() - started)


def write_tables(path: str, simulator: TransactionSimulator, tables: list[pa.Table]) -> None:
    """Write ready tables as the simulator's day is written."""
    schema, plan = simulator.schema, simulator.plan
    provenance = Provenance.of(schema, plan).document
    for _ in parquet.write(Path(path), schema.arrow_schema, tables, layout_of(schema, plan), provenance):
        pass


def measured(path: str, rows: int, seconds: float) -> Figures:
    """The figures of a finished file, once it is seen to hold the rows and the contract's columns."""
    found = pq.read_metadata(path)
    names = found.schema.to_arrow_schema().names
    if (found.num_rows, names) != (rows, [field.name for field in contract().fields]):
        raise ValueError(f"{found.num_rows:,} rows and the columns {names} are not the day that was asked for")
    return {"seconds": seconds, "rows": rows, "bytes": Path(path).stat().st_size, "peak": peak_bytes()}
