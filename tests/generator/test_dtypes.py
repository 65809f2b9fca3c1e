"""Dtypes: what the table says of each holds in the contract, in files, in the claims, in readers and in pictures."""

import datetime as dt
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pytest
import yaml

from synth_assets.cli import main
from synth_assets.generator.counts import Counts
from synth_assets.generator.dtypes import DTYPES
from synth_assets.generator.errors import SchemaError
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.judging import THREADS
from synth_assets.making import make_day
from synth_assets.pictures import full
from synth_assets.reports import column_schema
from synth_assets.storage.folder_place import StagedFile
from tests.conftest import SCHEMA_FILE, judge_file, make_frame, make_plan
from tests.conftest import write_day as write_table

EVENT_DATE = {"name": "event_date", "dtype": "date", "nullable": False, "description": "Day.", "example": "2026-01-15"}


def contract(**amount: object) -> TransactionSchema:
    """The contract with `event_date` as its last field, and with other keys for the amount."""
    document = yaml.safe_load(SCHEMA_FILE.read_text())
    next(each for each in document["fields"] if each["name"] == "amount").update(amount)
    document["fields"].append(EVENT_DATE)
    return TransactionSchema.parse(yaml.safe_dump(document), source="contract.yaml")


@pytest.fixture(params=["uniform", "realistic"])
def plan(request):
    settings = {"customers": 1_000} if request.param == "realistic" else {}
    return make_plan(rows=3_000, lookback_days=2, chunk_size=1_000, profile=request.param, **settings)


def test_every_dtype_has_a_type_in_polars_and_arrow_and_a_name_on_screens():
    for name in DTYPES:
        options = {"enum": ["A"]} if name == "enum" else {}
        field = {"name": "value", "dtype": name, "nullable": True, "description": "", "example": "", **options}
        time = {"name": "event_time", "dtype": "datetime", "nullable": False, "description": "", "example": ""}
        document = {"version": "1", "primary_key": "value", "event_time": "event_time", "fields": [field, time]}
        schema = TransactionSchema.parse(yaml.safe_dump(document))
        assert schema.arrow_schema.field("value").nullable
        assert schema["value"].label.startswith(name)


def test_decimals_and_dates_are_the_floats_and_moments_of_the_other_contract(plan):
    other, same = contract(), contract(dtype="decimal")
    floats, decimals = make_frame(other, plan), make_frame(same, plan)
    assert decimals.schema["amount"] == pl.Decimal(18, 2)
    assert decimals["amount"].to_list() == [Decimal(f"{amount:.2f}") for amount in floats["amount"].to_list()]
    assert decimals["event_date"].to_list() == [moment.date() for moment in floats["event_time"].to_list()]
    assert set(decimals["event_date"].to_list()) == {dt.date(2026, 1, 14), dt.date(2026, 1, 15)}


def test_a_file_with_decimals_and_dates_passes_every_claim_and_is_read_right(plan, tmp_path, capsys):
    schema = contract(dtype="decimal", scale=3)
    path = tmp_path / f"payments_{plan.rows}_{plan.day}.parquet"
    counted: list[Counts] = []
    make_day(StagedFile(path, plan.day), schema, plan, THREADS, counted.append)
    counts = sum(counted, Counts())
    assert [claim for claim in judge_file(schema, path) if not claim.passed] == []
    assert [main([command, str(path)]) for command in ("show", "verify", "reproduce")] == [0, 0, 0]
    assert "decimal" in capsys.readouterr().out
    made = make_frame(schema, plan)
    total, first, last = made["amount"].sum(), made["event_date"].min(), made["event_date"].max()
    assert pl.read_parquet(path).select(pl.col("amount").sum()).item() == total
    asked = f"SELECT sum(amount), min(event_date), max(event_date) FROM '{path}'"
    assert duckdb.sql(asked).fetchall() == [(total, first, last)]
    assert sum(counts.amounts) == plan.rows
    assert "data:image/svg" in full(schema, plan, counts)
    types = {column.name: column.type for column in column_schema(schema).columns}
    assert (types["amount"], types["event_date"]) == ("decimal(18, 3)", "date")


def test_an_amount_with_a_third_decimal_breaks_the_rule_in_decimals_too(tmp_path):
    schema, plan = contract(dtype="decimal", scale=3), make_plan(rows=500)
    table = pa.concat_tables(TransactionSimulator(schema, plan)).combine_chunks()
    place = table.schema.get_field_index("amount")
    amounts = [Decimal("12.345"), *table["amount"].to_pylist()[1:]]
    table = table.set_column(place, table.schema.field(place), pa.array(amounts, table.schema.field(place).type))
    path = write_table(tmp_path, schema, plan, table)
    broken = [claim.name for claim in judge_file(schema, path) if not claim.passed]
    assert broken == ["values_follow_rules"]


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ({"dtype": "decimal", "scale": 10}, "`scale` must be a whole number from 0 to 9, not 10"),
        ({"dtype": "decimal", "scale": True}, "`scale` must be a whole number from 0 to 9, not True"),
        ({"dtype": "float", "scale": 2}, "a `scale` under dtype 'float'. Make the dtype `decimal`, or drop it"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(amount, says):
    with pytest.raises(SchemaError) as caught:
        contract(**amount)
    assert says in str(caught.value)
