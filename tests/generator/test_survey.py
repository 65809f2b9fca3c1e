"""Surveys join: any cut of a day, surveyed in pieces, is the survey of the whole."""

import datetime as dt
from functools import reduce
from itertools import pairwise
from operator import add

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.generator.survey import FOREIGN_EXAMPLES, Survey, Surveyor
from tests.conftest import day_table, make_plan

PLAN = make_plan(rows=3_000, fraud_rate=0.05)


@pytest.fixture(scope="module")
def batch(schema) -> pa.RecordBatch:
    """A day with something of every kind to be found: disorder, a time outside, foreign values, breaches."""
    table = day_table(schema, PLAN)
    times = table["event_time"].cast(pa.int64()).to_pylist()
    times[700], times[1_500], times[-1] = times[0], None, times[-1] + int(dt.timedelta(days=1).total_seconds() * 1e9)
    field = table.schema.field("event_time").with_nullable(True)
    table = table.set_column(1, field, pa.array(times).cast(field.type))
    channels = table["channel"].to_pylist()
    channels[10:30] = [f"FOREIGN_{number:02}" for number in range(20, 0, -1)]
    months = [13 if row % 1_000 == 5 else month for row, month in enumerate(table["card_exp_month"].to_pylist())]
    for name, values in {"channel": channels, "card_exp_month": months}.items():
        place = table.schema.get_field_index(name)
        kind = table.schema.field(place).type
        column = pa.array(values, pa.large_string()).dictionary_encode().cast(kind) if name == "channel" else values
        table = table.set_column(place, table.schema.field(place), pa.array(column, kind))
    (joined,) = table.combine_chunks().to_batches()
    return joined


def test_a_survey_finds_what_was_put_there(schema, batch):
    found = Surveyor(schema, PLAN).survey(batch, 0)
    assert (found.event_times.outside_window, found.event_times.out_of_order) == (1, 1)
    assert found.breaches["card_exp_month is a month"] == 3
    assert found.foreign_values["channel"] == tuple(f"FOREIGN_{number:02}" for number in range(1, FOREIGN_EXAMPLES + 1))
    assert sum(found.frauds_by_tenth) == found.counts.flags["label_fraud"] > 0


@given(cuts=st.lists(st.one_of(st.integers(0, 3_000), st.integers(699, 702), st.integers(1_499, 1_502)), max_size=5))
def test_any_cut_surveyed_in_pieces_is_the_survey_of_the_whole(schema, batch, cuts):
    surveyor = Surveyor(schema, PLAN)
    edges = [0, *sorted(cuts), batch.num_rows]
    pieces = [surveyor.survey(batch.slice(low, high - low), low) for low, high in pairwise(edges)]
    whole = surveyor.survey(batch, 0)
    assert reduce(add, pieces) == whole
    assert reduce(lambda later, earlier: earlier + later, reversed(pieces)) == whole


def test_pieces_that_do_not_follow_each_other_are_refused(schema, batch):
    surveyor = Surveyor(schema, PLAN)
    first, last = surveyor.survey(batch.slice(0, 100), 0), surveyor.survey(batch.slice(200, 100), 200)
    with pytest.raises(ValueError, match="a survey from row 200 does not follow rows 0 to 99"):
        _ = first + last


def test_rows_count_into_the_tenth_of_the_day_that_they_are_in(schema, batch):
    whole = Surveyor(schema, PLAN).survey(batch, 0)
    labels = batch["label_fraud"].to_pylist()
    assert whole.frauds_by_tenth == tuple(sum(labels[300 * tenth : 300 * tenth + 300]) for tenth in range(10))
    assert (Survey(0) + whole).frauds_by_tenth == whole.frauds_by_tenth
