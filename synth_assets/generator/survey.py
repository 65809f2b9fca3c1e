"""One pass over a day's rows, in constant memory: all that the claims need to know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.rules import value_rules
from synth_assets.generator.schema import TransactionSchema

IDS_AT_ONCE = 4_000_000
"""Fingerprints (8 bytes) of transaction ids held at once; more ids are counted in several passes."""

HOURS = 24
BINS_A_DECADE = 10
AMOUNT_BINS = range(-2 * BINS_A_DECADE, 9 * BINS_A_DECADE)
"""Bin n holds the amounts from 10**(n / 10) up to 10**((n + 1) / 10); the first and the last also what lies beyond."""

Batches = Callable[[Sequence[str] | None], Iterator[pa.RecordBatch]]
"""Reads the given columns (all, for None) from the start, one row group at a time."""


def tally(rows: pa.Table | pa.RecordBatch) -> Counter[str]:
    """Counts of some rows, to be summed over the day: "rows", "<column> is null" and "<flag> is true"."""
    counts = Counter({"rows": rows.num_rows})
    for column in rows.schema:
        values = rows.column(column.name)
        counts[f"{column.name} is null"] = values.null_count
        if pa.types.is_boolean(column.type):
            counts[f"{column.name} is true"] = pc.sum(values).as_py() or 0
    return counts


def spread(rows: pa.Table) -> Counter[str]:
    """Counts of some rows, to be summed over the day: "<time> in hour <0 … 23>" (UTC) and "amount in bin <n>".

    `AMOUNT_BINS` says what the bins hold. Where the contract makes text of a column, it is not counted.
    """
    counts: Counter[str] = Counter()
    for column in rows.schema:
        if pa.types.is_timestamp(column.type):
            milliseconds = pl.Series(rows.column(column.name)).drop_nulls().dt.epoch("ms").to_numpy()
            hours = milliseconds // 3_600_000 % HOURS
            counts.update(_by_place(f"{column.name} in hour", hours, range(HOURS)))
        elif column.name == "amount" and pa.types.is_floating(column.type):
            amounts = pl.Series(rows.column(column.name)).drop_nulls().to_numpy()
            bins = np.log10(np.maximum(amounts, 10 ** (AMOUNT_BINS.start / BINS_A_DECADE))) * BINS_A_DECADE
            places = np.minimum(bins - AMOUNT_BINS.start, len(AMOUNT_BINS) - 1).astype(np.int64)
            counts.update(_by_place("amount in bin", places, AMOUNT_BINS))
    return counts


def _by_place(of: str, places: npt.NDArray[np.int64], names: range) -> dict[str, int]:
    found = np.bincount(places, minlength=len(names)).tolist()
    return {f"{of} {name}": count for name, count in zip(names, found, strict=True) if count}


class Survey:
    """One pass over a file, row group by row group: what the claims need to know, in constant memory."""

    def __init__(self, schema: TransactionSchema, plan: GenerationPlan, rows: int) -> None:
        self.schema = schema
        self.plan = plan
        self.id_passes = -(-max(rows, 1) // IDS_AT_ONCE)
        self.fingerprints = bytearray()
        """Those of the transaction ids that belong to the first pass, eight bytes each."""
        self.counts: Counter[str] = Counter()
        self.frauds_by_tenth = np.zeros(TENTHS, dtype=np.int64)
        self.first: np.datetime64 | None = None
        self.last: np.datetime64 | None = None
        self.out_of_order = 0
        self.outside_window = 0
        self.foreign: dict[str, set[str]] = {column.name: set() for column in schema.fields if column.dtype == "enum"}
        """By enum column, the values that are not in its set."""
        self.breaches: Counter[str] = Counter()
        """By rule, the rows that break it."""
        self._rules = {
            name: (~holds).sum()
            for name, (columns, holds) in value_rules(plan).items()
            if all(column in schema and schema[column].recognised for column in columns)
        }

    def add(self, batch: pa.RecordBatch) -> None:
        for name, foreign in self.foreign.items():
            values = pc.unique(batch.column(name)).cast(pa.large_string()).drop_null()
            foreign.update(set(values.to_pylist()) - set(self.schema[name].enum))
        # Without the field metadata, in which Polars keeps an Enum's set: a foreign value must not stop the pass.
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
        if frame.schema.get("label_fraud") == pl.Boolean:
            rows = np.flatnonzero(frame["label_fraud"].fill_null(False)) + self.counts["rows"]
            tenths = np.minimum(rows * TENTHS // self.plan.rows, TENTHS - 1)
            self.frauds_by_tenth += np.bincount(tenths, minlength=TENTHS)
        self._add_times(frame[self.schema.event_time].drop_nulls())
        self.fingerprints += _share(frame[self.schema.primary_key].hash(), self.id_passes, 0)
        self.counts.update(tally(batch))
        self.breaches.update(frame.select(**self._rules).row(0, named=True))

    def _add_times(self, times: pl.Series) -> None:
        if times.is_empty():
            return
        start, end = self.plan.window
        self.outside_window += int((~times.is_between(start, end, closed="left")).sum())
        if not times.is_sorted():
            self.out_of_order += int((times.diff().to_physical() < 0).sum())
        # NumPy holds the years that milliseconds reach; Python ends with 9999.
        moments = times.to_numpy()
        self.out_of_order += int(self.last is not None and moments[0] < self.last)
        self.first = moments[0] if self.first is None else self.first
        self.last = moments[-1]


def repeated_ids(survey: Survey, batches: Batches, examples: int = 5) -> list[str]:
    """Some ids that appear more than once; empty where all are different.

    64-bit fingerprints are compared, `IDS_AT_ONCE` at a time, so memory does not grow with the rows. The survey has
    gathered the first of them; the others, and ids whose fingerprints meet, are read again.
    """
    suspects = _met(survey.fingerprints)
    survey.fingerprints = bytearray()
    for number in range(1, survey.id_passes):
        gathered = bytearray()
        for _, prints in _ids(survey.schema, batches):
            gathered += _share(prints, survey.id_passes, number)
        suspects += _met(gathered)
    if not suspects:
        return []
    seen: Counter[str] = Counter()
    for ids, prints in _ids(survey.schema, batches):
        seen.update(ids.filter(prints.is_in(suspects)).cast(pl.String).to_list())
    return [str(each) for each, count in seen.most_common(examples) if count > 1]


def _met(fingerprints: bytearray, enough: int = 100) -> list[int]:
    """Fingerprints that appear more than once, some of them where they are many. Puts them in order where they are."""
    ordered = np.frombuffer(fingerprints, dtype=np.uint64)
    ordered.sort()
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])[:enough].tolist()


def _share(prints: pl.Series, passes: int, number: int) -> memoryview:
    """The fingerprints of one pass of several, as bytes: an array that grows by them is moved, not copied."""
    return (prints if passes == 1 else prints.filter(prints % passes == number)).to_numpy().data.cast("B")


def _ids(schema: TransactionSchema, batches: Batches) -> Iterator[tuple[pl.Series, pl.Series]]:
    """The file's transaction ids with their fingerprints, row group by row group."""
    for batch in batches([schema.primary_key]):
        ids = pl.Series(batch.column(0))
        yield ids, ids.hash()
