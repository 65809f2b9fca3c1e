"""A datetime's unit: the same moments in each, judged alike."""

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from synth_assets.cli import main
from synth_assets.reports import column_schema
from tests.conftest import day_table, in_unit, judge_file, make_frame, make_plan, write_day

UNITS = ["ns", "us", "ms"]
TICKS = {"ns": 1_000_000_000, "us": 1_000_000, "ms": 1_000}
"""A second, in each unit."""


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_changes_no_moment_and_no_other_column(schema, unit):
    made = make_frame(in_unit(schema, unit), make_plan())
    assert made.schema["event_time"] == pl.Datetime(unit, "UTC")
    assert_frame_equal(made.cast({"event_time": pl.Datetime("ns", "UTC")}), make_frame(schema, make_plan()))


@pytest.mark.parametrize("unit", UNITS)
def test_a_file_in_any_unit_is_verified_and_reproduced_from_its_footer(schema, tmp_path, unit):
    # Over the turn of the year, so that a card's expiry is judged by the event's own year.
    path = write_day(tmp_path, in_unit(schema, unit), make_plan(rows=3_000, lookback_days=30, chunk_size=1_000))
    assert main(["verify", str(path)]) == 0
    assert main(["reproduce", str(path)]) == 0


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("row", "seconds", "says"),
    [
        (-1, 86_400, "1 outside, 0 out of order"),
        (0, -86_400, "1 outside, 0 out of order"),
        (1_500, -3_600, "0 outside, 1 out of order"),
        (2_000, -3_600, "0 outside, 1 out of order"),
    ],
    ids=["the day after", "the day before", "inside a row group", "between row groups"],
)
def test_a_moment_out_of_window_or_order_is_found_in_any_unit(schema, tmp_path, unit, row, seconds, says):
    assert says in _event_times(schema, tmp_path, unit, row, seconds * TICKS[unit])


@pytest.mark.parametrize("unit", ["us", "ms"])
def test_a_moment_in_a_year_that_python_cannot_hold_is_found(schema, tmp_path, unit):
    """Such as microseconds taken for milliseconds: the year 58 000."""
    assert "1 outside, 0 out of order" in _event_times(schema, tmp_path, unit, -1, 1_700_000_000_000 * TICKS[unit])


def _event_times(schema, folder, unit: str, row: int, ticks: int) -> str:
    """What the broken claim says of a day whose `row` was moved by `ticks`."""
    contract, plan = in_unit(schema, unit), make_plan(rows=3_000, chunk_size=1_000)
    table = day_table(contract, plan)
    place = table.schema.get_field_index("event_time")
    moments = table["event_time"].cast(pa.int64()).to_pylist()
    moments[row] += ticks
    moved = table.set_column(place, table.schema.field(place), pa.array(moments).cast(table.schema.field(place).type))
    claims = judge_file(contract, write_day(folder, contract, plan, moved))
    (claim,) = [claim for claim in claims if claim.name == "event_times_in_window_and_order"]
    assert not claim.passed
    return claim.summary


def test_the_column_table_names_a_unit_that_is_not_the_default(schema):
    types = [{each.name: each.type for each in column_schema(in_unit(schema, unit)).columns} for unit in UNITS]
    assert [each["event_time"] for each in types] == ["datetime", "datetime (us)", "datetime (ms)"]
