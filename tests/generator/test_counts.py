"""Counts: what is counted, held against another way to count it, and that the parts of a day add up."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.generator.counts import AMOUNT_BINS, Counts
from tests.conftest import day_table, frame_of, in_unit, make_plan


@pytest.fixture(scope="module")
def table(schema) -> pa.Table:
    return day_table(schema, make_plan(rows=5_000, fraud_rate=0.1))


def test_everything_is_counted_as_polars_counts_it(schema, table):
    counts, frame = Counts.of(schema, table), frame_of(table)
    assert counts.rows == frame.height == sum(counts.hours) == sum(counts.amounts)
    assert counts.nulls == {name: frame[name].null_count() for name in frame.columns}
    assert counts.flags == {name: frame[name].sum() for name in ("is_recurring", "label_fraud")}
    assert counts.hours == tuple(frame["event_time"].dt.hour().eq(hour).sum() for hour in range(24))
    edges = [10 ** (number / 10) for number in AMOUNT_BINS] + [float("inf")]
    assert counts.amounts == tuple(np.histogram(frame["amount"].to_numpy(), edges)[0].tolist())


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_hours_are_counted_in_every_unit_and_before_1970(schema, table, unit):
    times = [dt.datetime(1969, 12, 31, 23, tzinfo=dt.UTC), dt.datetime(2026, 1, 15, 13, tzinfo=dt.UTC)]
    contract = in_unit(schema, unit)
    field = contract.arrow_schema.field("event_time")
    moved = table.slice(0, 2).set_column(table.schema.get_field_index("event_time"), field, pa.array(times, field.type))
    hours = Counts.of(contract, moved).hours
    assert {hour: count for hour, count in enumerate(hours) if count} == {13: 1, 23: 1}


def test_amounts_beyond_the_bins_are_in_the_first_and_the_last(schema, table):
    place = table.schema.get_field_index("amount")
    beyond = table.slice(0, 2).set_column(place, table.schema.field(place), [pa.array([0.0, 1e12])])
    amounts = Counts.of(schema, beyond).amounts
    assert (amounts[0], amounts[-1], sum(amounts)) == (1, 1, 2)


@given(cuts=st.lists(st.integers(0, 5_000), max_size=4))
def test_the_counts_of_the_parts_add_up_to_those_of_the_whole(schema, table, cuts):
    edges = [0, *sorted(cuts), table.num_rows]
    parts = [table.slice(below, above - below) for below, above in pairwise(edges)]
    assert sum((Counts.of(schema, part) for part in parts), Counts()) == Counts.of(schema, table)
