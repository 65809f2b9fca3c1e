"""The totals and breakdowns of a day's rows are what DuckDB counts in the same file."""

from __future__ import annotations

from itertools import pairwise

import duckdb
import polars as pl
import pytest

from synth_assets.generator import summary
from synth_assets.generator.realistic.label_summary import LabelSummary
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.summary import CELL_DEGREES, DOLLAR_EDGES, PER_DOLLAR
from tests.conftest import make_frame, make_plan, write_day

PLANS = {
    "uniform": make_plan(rows=20_000, fraud_rate=0.05),
    "realistic": make_plan(rows=20_000, fraud_rate=0.05, profile="realistic", customers=2_000),
}
MOMENT = "epoch_ms(event_time::TIMESTAMPTZ)"
VALUES = {
    "hour": f"{MOMENT} // 3_600_000 % 24",
    "local_hour": f"({MOMENT} + 60_000 * local_time_offset) // 3_600_000 % 24",
    "country": "merchant_country",
    "mcc": "mcc_code",
    "cell": f"(floor((latitude + 90) / {CELL_DEGREES}) * 120 + floor((longitude + 180) / {CELL_DEGREES}))::BIGINT",
}
RATES = " ".join(f"WHEN '{code}' THEN {units}" for code, units in PER_DOLLAR.items())
DOLLARS = f"(amount / CASE currency_code {RATES} END)"


@pytest.fixture(scope="module", params=PLANS)
def day(request, schema, tmp_path_factory):
    """The file of a day of each profile."""
    return write_day(tmp_path_factory.mktemp(request.param), schema, PLANS[request.param])


def parts(path, rows=7_000):
    """The file's rows in parts, the first of which has none."""
    frame = pl.read_parquet(path)
    return [frame[:0].lazy(), *(each.lazy() for each in frame.iter_slices(rows))]


def breakdowns(schema, path):
    return summary.summarise(schema, parts(path)).breakdowns


def counted(path, what, tail=""):
    return duckdb.sql(f"SELECT {what} FROM '{path}' {tail}").fetchall()


def test_the_totals_are_duckdbs(day, schema):
    found = summary.total(schema, parts(day))
    assert found == summary.summarise(schema, parts(day)).totals
    what = f"count(*), count_if(label_fraud), count({DOLLARS}), sum(round({DOLLARS} * 100)::BIGINT)::BIGINT"
    ((payments, frauds, converted, cents),) = counted(day, what)
    assert (found.payments, found.frauds, found.converted) == (payments, frauds, converted)
    # An amount that lies between two cents may be rounded either way.
    assert found.cents == pytest.approx(cents, abs=converted / 1_000)
    assert found.mean_dollars == pytest.approx(cents / 100 / converted)


@pytest.mark.parametrize("name", VALUES)
def test_a_breakdown_is_duckdbs(day, schema, name):
    found = breakdowns(schema, day)[name]
    groups = counted(day, f"{VALUES[name]} AS value, count(*), count_if(label_fraud)", "GROUP BY value")
    assert len(groups) > 20
    assert found.groups == {value: (payments, frauds) for value, payments, frauds in groups}


def test_an_amount_is_in_the_bin_whose_edges_it_lies_between(day, schema):
    found = breakdowns(schema, day)["amount"]
    edges = [0, *DOLLAR_EDGES, 10**12]
    for number, (low, high) in enumerate(pairwise(edges)):
        ((payments,),) = counted(day, "count(*)", f"WHERE {DOLLARS} >= {low} AND {DOLLARS} < {high}")
        assert found.counts(range(number, number + 1)) == [payments]


def test_a_summary_reads_no_other_columns_than_it_names(day, schema):
    few = [rows.select(summary.columns_read(schema)) for rows in parts(day)]
    assert summary.summarise(schema, few) == summary.summarise(schema, parts(day))


def test_a_contract_with_fewer_columns_has_fewer_breakdowns(schema, tmp_path):
    names = ["transaction_id", "event_time", "merchant_country"]
    fields = [field for field in schema.canonical["fields"] if field["name"] in names]
    few = TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "few")
    path = write_day(tmp_path, few, make_plan())
    assert set(breakdowns(few, path)) == {"hour", "country"}
    found = summary.total(few, parts(path))
    assert (found.payments, found.frauds, found.converted) == (1_000, None, 0)


def test_decimal_amounts_and_other_units_give_the_same_totals(schema, tmp_path):
    changed = {"amount": {"dtype": "decimal"}, "event_time": {"unit": "ms"}}
    fields = [field | changed.get(field["name"], {}) for field in schema.canonical["fields"]]
    other = TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "other")
    usual = [pl.LazyFrame(make_frame(schema, PLANS["uniform"]))]
    unusual = parts(write_day(tmp_path, other, PLANS["uniform"]))
    assert summary.summarise(other, unusual) == summary.summarise(schema, usual)


def test_the_largest_groups_come_first_and_a_null_is_none_of_them():
    groups = {"A": (2, 2), None: (9, 9), "B": (5, 0), "C": (2, 1)}
    found = summary.Breakdown({value: summary.Group(*counts) for value, counts in groups.items()})
    assert [value for value, _ in found.largest(2)] == ["B", "A"]
    assert [value for value, _ in found.largest(9, frauds=True)] == ["A", "C"]


def test_the_labels_are_counted_by_scenario_and_by_delay():
    plan = PLANS["realistic"]
    events = pl.concat(label_events(plan))
    found = LabelSummary.of(plan)
    assert found.scenarios == dict(duckdb.sql("SELECT scenario::TEXT, count(*) FROM events GROUP BY ALL").fetchall())
    days = "epoch(reported_at - event_time) / 86400"
    counts = duckdb.sql(
        f"SELECT count_if({days} < 1), count_if({days} >= 7 AND {days} < 14), count_if(reported_at IS NULL) FROM events"
    ).fetchall()
    assert counts == [(found.delays["less than a day"], found.delays["7 to 14 days"], found.delays["never"])]
    assert sum(found.delays.values()) == events.height
