"""One pass over a day's rows, in pieces that join: all that the claims need to know of the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from synth_assets.generator.counts import Counts, add_by_name, add_by_place
from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.profiles import dictionary_columns, value_rules
from synth_assets.generator.rules import Rule
from synth_assets.generator.schema import TransactionSchema

FOREIGN_EXAMPLES = 5
"""Values outside an enum's set that are kept for the verdict: the first of them in order, so that pieces join."""


@dataclass(frozen=True)
class EventTimes:
    """The event times of consecutive rows, but for nulls.

    Args:
        first, last: those of the first and the last row; None where there are none.
        outside_window: how many lie outside the plan's window.
        out_of_order: how many are earlier than the one before them.
    """

    first: np.datetime64 | None = None
    last: np.datetime64 | None = None
    outside_window: int = 0
    out_of_order: int = 0

    @classmethod
    def of(cls, plan: GenerationPlan, times: pl.Series) -> EventTimes:
        times = times.drop_nulls()
        if times.is_empty():
            return cls()
        start, end = plan.window
        # NumPy holds the years that milliseconds reach; Python ends with 9999.
        moments = times.to_numpy()
        return cls(
            moments[0],
            moments[-1],
            int((~times.is_between(start, end, closed="left")).sum()),
            0 if times.is_sorted() else int((times.diff().to_physical() < 0).sum()),
        )

    def __add__(self, later: EventTimes) -> EventTimes:
        back = self.last is not None and later.first is not None and later.first < self.last
        return EventTimes(
            later.first if self.first is None else self.first,
            self.last if later.last is None else later.last,
            self.outside_window + later.outside_window,
            self.out_of_order + later.out_of_order + int(back),
        )


@dataclass(frozen=True)
class Survey:
    """What consecutive rows of a day are like. The survey of some rows `+` that of the next is the survey of both.

    Args:
        first_row: the number of the first row in the day.
        frauds_by_tenth: the frauds in each tenth of the day's rows.
        foreign_values: by enum column, the first `FOREIGN_EXAMPLES` values in order that are not in its set.
        breaches: by rule, the rows that break it.
    """

    first_row: int
    counts: Counts = field(default_factory=Counts)
    frauds_by_tenth: tuple[int, ...] = (0,) * TENTHS
    event_times: EventTimes = field(default_factory=EventTimes)
    foreign_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    breaches: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, later: Survey) -> Survey:
        """Join with the survey of the rows that follow.

        Raises:
            ValueError: they do not follow: what is in order, and in which tenth, would be wrong.
        """
        if later.first_row != self.first_row + self.counts.rows:
            raise ValueError(
                f"a survey from row {later.first_row} does not follow rows {self.first_row} to "
                f"{self.first_row + self.counts.rows - 1}"
            )
        names = {**self.foreign_values, **later.foreign_values}
        return Survey(
            self.first_row,
            self.counts + later.counts,
            add_by_place(self.frauds_by_tenth, later.frauds_by_tenth),
            self.event_times + later.event_times,
            {
                name: _examples({*self.foreign_values.get(name, ()), *later.foreign_values.get(name, ())})
                for name in names
            },
            add_by_name(self.breaches, later.breaches),
        )


class Surveyor:
    """Surveys rows of a plan's day that have the contract's columns."""

    def __init__(self, schema: TransactionSchema, plan: GenerationPlan) -> None:
        self._schema = schema
        self._plan = plan
        self._enums = {column.name: frozenset(column.enum) for column in schema.fields if column.dtype == "enum"}
        self._rules = {
            says: rule
            for says, rule in value_rules(plan).items()
            if all(column in schema and schema[column].recognised for column in rule.columns)
        }
        texts = {name for name in dictionary_columns(schema, plan.profile) if schema[name].dtype in ("string", "enum")}
        self._by_value = texts & {rule.columns[0] for rule in self._rules.values() if len(rule.columns) == 1}

    def survey(self, batch: pa.RecordBatch, first_row: int) -> Survey:
        """The survey of a batch whose first row has this number in the day."""
        # Without the field metadata, in which Polars keeps an Enum's set: a foreign value must not stop the pass.
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
        return Survey(
            first_row,
            Counts.of(self._schema, batch),
            self._frauds_by_tenth(frame, first_row),
            EventTimes.of(self._plan, frame[self._schema.event_time]),
            {name: _foreign_values(batch.column(name), known) for name, known in self._enums.items()},
            self._breaches(frame),
        )

    def _breaches(self, frame: pl.DataFrame) -> dict[str, int]:
        """By rule, the rows that break it. Of texts that repeat, each value is judged once."""
        by_row = {says: (~rule.holds).sum() for says, rule in self._rules.items() if not self._is_by_value(rule)}
        counted = frame.select(**by_row).row(0, named=True)
        for name in self._by_value:
            values = frame[name].value_counts(name="rows")
            by_value = {
                says: pl.col("rows").filter(~rule.holds).sum()
                for says, rule in self._rules.items()
                if rule.columns == (name,)
            }
            counted |= values.select(**by_value).row(0, named=True)
        return {says: counted[says] for says in self._rules}

    def _is_by_value(self, rule: Rule) -> bool:
        return len(rule.columns) == 1 and rule.columns[0] in self._by_value

    def _frauds_by_tenth(self, frame: pl.DataFrame, first_row: int) -> tuple[int, ...]:
        if frame.schema.get("label_fraud") != pl.Boolean:
            return (0,) * TENTHS
        rows = np.flatnonzero(frame["label_fraud"].fill_null(False)) + first_row
        tenths = np.minimum(rows * TENTHS // self._plan.rows, TENTHS - 1)
        return tuple(np.bincount(tenths, minlength=TENTHS).tolist())


def _foreign_values(values: pa.Array, known: frozenset[str]) -> tuple[str, ...]:
    return _examples(set(pc.unique(values).cast(pa.large_string()).drop_null().to_pylist()) - known)


def _examples(values: set[str]) -> tuple[str, ...]:
    return tuple(sorted(values)[:FOREIGN_EXAMPLES])
