"""Payments from Python: a frame, Arrow tables, or a day's file. Dagster has no part in it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from synth_assets.contract import read_contract
from synth_assets.engines import Threads
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.making import make_day
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder_place import Folder
from synth_assets.storage.layout import file_name, is_uri
from synth_assets.workers import default_workers

Day = dt.date | str
"""A day (UTC), as a date or as YYYY-MM-DD."""

Schema = TransactionSchema | str | Path | None
"""A contract, its file, or None for the working directory's or else the installed one."""


def payments(day: Day, *, schema: Schema = None, workers: int | None = None, **settings: Any) -> pl.DataFrame:
    """A day of payments, with an Enum for each enum of the contract. All of it is held in memory.

    Args:
        workers: threads that generate. They change no value. None: the usable cores but one.
        settings: those of a plan by name, such as `rows`, `seed`, `profile` and `fraud_rate`.

    Raises:
        GeneratorError: a setting or the contract is wrong.
        StorageError: the contract cannot be read.
    """
    simulator = _simulator(day, schema, workers, settings)
    types = pl.Schema({field.name: field.polars_type for field in simulator.schema.fields})
    return pl.DataFrame(pa.concat_tables(simulator)).cast(types)


def batches(day: Day, *, schema: Schema = None, workers: int | None = None, **settings: Any) -> Iterator[pa.Table]:
    """The same payments as Arrow tables of `chunk_size` rows, made as they are asked for, in constant memory.

    Args and Raises: as `payments`. The errors come at once, and not with the first table.
    """
    return iter(_simulator(day, schema, workers, settings))


def write_day(
    folder: str | Path, day: Day, *, schema: Schema = None, workers: int | None = None, **settings: Any
) -> Path:
    """Write a day's file as the assets do, in constant memory, and return its path. It replaces the day's other file.

    The file is whole or absent. `synth-assets verify` judges it.

    Args and Raises: as `payments`, and:
        StorageError: the folder cannot be written to, the disk is full, or it is named by a URI.
    """
    if is_uri(str(folder)):
        raise StorageError(f"{folder} is no folder. Name one, or write to a bucket with synth-assets --out.")
    simulator = _simulator(day, schema, workers, settings)
    plan = simulator.plan
    name = file_name(plan.rows, plan.day)
    with Folder(Path(folder)).replace_day(name, plan.day, {}, lambda _: None) as staged:
        make_day(staged, simulator.schema, plan, Threads(simulator.workers))
    return Path(folder) / name


def _simulator(day: Day, schema: Schema, workers: int | None, settings: dict[str, Any]) -> TransactionSimulator:
    contract = schema if isinstance(schema, TransactionSchema) else read_contract(schema)
    plan = GenerationPlan.of(day=day, **settings)
    return TransactionSimulator(contract, plan, default_workers() if workers is None else workers)
