"""A day's rows as a lazy frame of Polars, which reads the columns that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import polars as pl
from polars.io.plugins import register_io_source

from synth_assets.storage.day_object import DayObject
from synth_assets.storage.place import Day


def scan_rows(day: Day) -> pl.LazyFrame:
    """The rows of a file or an object.

    Raises:
        StorageError: with the frame's collection, where an object was replaced or cannot be read.
    """
    # An object by our own client: it has the settings that everything else has, and reads one version of the object.
    return _scan_object(day) if isinstance(day, DayObject) else pl.scan_parquet(day.location)


def _scan_object(day: DayObject) -> pl.LazyFrame:
    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch_rows: int | None
    ) -> Iterator[pl.DataFrame]:
        with day.open() as opened, closing(opened.batches(columns)) as batches:
            for batch in batches:
                frame = pl.DataFrame(batch).head(batch.num_rows if rows is None else rows)
                yield frame if predicate is None else frame.filter(predicate)
                rows = None if rows is None else rows - frame.height
                if rows == 0:
                    return

    with day.open() as opened:
        names = pl.DataFrame(opened.schema.empty_table()).schema
    return register_io_source(read, schema=names)
