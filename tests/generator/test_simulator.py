"""The laws: what a value depends on, and what it does not."""

import datetime as dt
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS
from synth_assets.generator.uniform import UNIFORM
from tests.conftest import PROJECT_ROOT, digest, frame_of, make_frame, make_plan

GOLDEN = "6f5580fb009ffac5aa8ec131967e349357d464390a72357bce42f9f3bf7ec0dc"


def test_a_small_day_is_what_it_always_was(schema):
    """If this fails, every file changes: raise GENERATOR_VERSION, or find out why."""
    assert digest(make_frame(schema, make_plan())) == GOLDEN


@pytest.mark.parametrize("chunk_size", [1, 1_000, 65_536, 100_000, 10**9])
def test_the_chunk_size_changes_no_value(schema, chunk_size):
    rows = 3_000 if chunk_size == 1 else 140_000
    chunks = list(TransactionSimulator(schema, make_plan(rows=rows, chunk_size=chunk_size)))
    assert {chunk.num_rows for chunk in chunks[:-1]} <= {chunk_size}
    assert 0 < chunks[-1].num_rows <= chunk_size
    assert_frame_equal(frame_of(pa.concat_tables(chunks)), make_frame(schema, make_plan(rows=rows, chunk_size=50_000)))


def test_any_block_alone_equals_its_place_in_the_whole(schema):
    plan = make_plan(rows=2 * BLOCK_ROWS + 777)
    whole = make_frame(schema, plan)
    simulator = TransactionSimulator(schema, plan)
    assert simulator.block_count == 3
    for number in (2, 0, 1):
        assert_frame_equal(simulator.block(number), whole.slice(number * BLOCK_ROWS, BLOCK_ROWS))


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_workers_changes_no_value(schema, workers):
    plan = make_plan(rows=4 * BLOCK_ROWS + 5, chunk_size=100_000)
    one, several = TransactionSimulator(schema, plan), TransactionSimulator(schema, plan, workers)
    assert [digest(frame_of(table)) for table in one] == [digest(frame_of(table)) for table in several]


def test_workers_make_no_more_than_one_block_each_ahead(schema, monkeypatch):
    made: list[int] = []

    def counted(*arguments):
        for block in UNIFORM.blocks(*arguments):
            made.append(block.streams.number)
            yield block

    simulator = TransactionSimulator(schema, make_plan(rows=20 * BLOCK_ROWS, chunk_size=BLOCK_ROWS), workers=3)
    monkeypatch.setattr(simulator, "profile", replace(UNIFORM, blocks=counted))
    tables = iter(simulator)
    for taken in range(1, 6):
        next(tables)
        assert taken < len(made) <= taken + 3
    tables.close()


def test_iterating_twice_gives_the_same(schema):
    simulator = TransactionSimulator(schema, make_plan())
    assert pa.concat_tables(simulator).equals(pa.concat_tables(simulator))


CONSTANT = {"local_time_offset", "previous_txn_id"}


@pytest.mark.parametrize("other", [{"day": dt.date(2026, 1, 16)}, {"seed": 43}], ids=["day", "seed"])
def test_another_day_or_seed_differs_in_every_column(schema, other):
    one, two = make_frame(schema, make_plan()), make_frame(schema, make_plan(**other))
    same = {name for name in schema.names if one[name].equals(two[name])}
    assert same == CONSTANT


@pytest.mark.parametrize(
    ("rate", "columns"),
    [
        ("null_mcc_rate", {"mcc_code"}),
        ("null_device_rate", {"device_id"}),
        ("null_geo_rate", {"latitude", "longitude"}),
    ],
)
def test_raising_a_null_rate_only_adds_nulls(schema, rate, columns):
    low, high = make_frame(schema, make_plan(**{rate: 0.2})), make_frame(schema, make_plan(**{rate: 0.5}))
    for name in schema.names:
        if name in columns:
            assert high[name].null_count() > low[name].null_count()
            kept = high[name].is_not_null()
            assert high[name].filter(kept).equals(low[name].filter(kept))
        else:
            assert high[name].equals(low[name])


def test_raising_the_fraud_rate_only_adds_frauds(schema):
    low, high = make_frame(schema, make_plan(fraud_rate=0.1)), make_frame(schema, make_plan(fraud_rate=0.3))
    assert (high["label_fraud"] | ~low["label_fraud"]).all()
    assert_frame_equal(low.drop("label_fraud"), high.drop("label_fraud"))


def with_fields(schema: TransactionSchema, names: list[str]) -> TransactionSchema:
    by_name = {each["name"]: each for each in schema.canonical["fields"]}
    return TransactionSchema.from_canonical({**schema.canonical, "fields": [by_name[name] for name in names]}, "test")


def test_reordering_the_contract_reorders_the_columns_and_nothing_else(schema):
    backwards = list(reversed(schema.names))
    frame = make_frame(with_fields(schema, backwards), make_plan())
    assert frame.columns == backwards
    assert_frame_equal(frame.select(schema.names), make_frame(schema, make_plan()))


NEEDED = {"transaction_id", "event_time", "channel", "card_scheme"}


def test_dropping_columns_leaves_all_others_as_they_were(schema):
    whole = make_frame(schema, make_plan())
    for name in set(schema.names) - NEEDED:
        pair = {"latitude", "longitude"}
        dropped = pair if name in pair else {name}
        kept = [each for each in schema.names if each not in dropped]
        assert_frame_equal(make_frame(with_fields(schema, kept), make_plan()), whole.select(kept))


PROGRAM = """
import sys
from tests.conftest import SCHEMA_FILE, digest, make_frame, make_plan
from synth_assets.generator.schema import TransactionSchema
print(digest(make_frame(TransactionSchema.parse(SCHEMA_FILE.read_text()), make_plan())))
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8"},
        {"TZ": "America/St_Johns", "PYTHONHASHSEED": "2", "LANG": "de_DE", "POLARS_MAX_THREADS": "1"},
    ],
)
def test_time_zone_locale_hash_seed_and_threads_change_nothing(settings):
    environment = {**os.environ, **settings}
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == GOLDEN


# --- any range of row groups -----------------------------------------------------------------------------------

CHUNK_ROWS = 10_007
"""A number of rows that does not divide a block's, and is not divided by it."""


def day_in_ranges(profile: str) -> GenerationPlan:
    settings = {"profile": profile, "rows": 2 * BLOCK_ROWS + 777, "chunk_size": CHUNK_ROWS}
    return make_plan(**settings, **({"customers": 2_000} if profile == "realistic" else {}))


@pytest.fixture(scope="module", params=["uniform", "realistic"])
def simulator(schema, request) -> TransactionSimulator:
    return TransactionSimulator(schema, day_in_ranges(request.param))


@pytest.fixture(scope="module")
def row_groups(simulator) -> list[pa.Table]:
    return list(simulator)


@settings(deadline=None, max_examples=8)
@given(cuts=st.sets(st.integers(0, 7), max_size=3))
def test_any_cut_of_a_day_in_ranges_is_the_day(simulator, row_groups, cuts):
    edges = [0, *sorted(cuts), simulator.plan.row_groups]
    made = [list(simulator.row_groups(low, high)) for low, high in pairwise(edges)]
    assert [len(each) for each in made] == [high - low for low, high in pairwise(edges)]
    for found, expected in zip([table for tables in made for table in tables], row_groups, strict=True):
        assert found.equals(expected)


def test_a_range_after_a_composed_history_is_its_place_in_the_day(schema):
    simulator = TransactionSimulator(schema, day_in_ranges("realistic"))
    plan, history_of = simulator.plan, simulator.profile.card_history
    before = plan.model_copy(update={"day": plan.day - dt.timedelta(days=1)})
    history = history_of(before, range(2)).then(history_of(before, range(2, 3)))
    whole = list(simulator)
    assert simulator.blocks_of(4, 6) == range(1, 2)
    for first in (0, 3, 6):
        earlier = simulator.blocks_of(first).start
        composed = history.then(history_of(plan, range(earlier)))
        for found, expected in zip(simulator.row_groups(first, history=composed), whole[first:], strict=True):
            assert found.equals(expected)
    unknown = next(simulator.row_groups(3, 4, history=history_of(plan, range(0))))
    assert unknown["previous_txn_id"].null_count > whole[3]["previous_txn_id"].null_count


@pytest.mark.parametrize(("first", "last"), [(-1, 2), (3, 2), (0, 8), (9, None)])
def test_row_groups_that_a_day_does_not_have_are_refused_at_once(schema, first, last):
    with pytest.raises(GeneratorError, match=r"2026-01-15 has no row groups .*: it has 7, counted from 0"):
        TransactionSimulator(schema, day_in_ranges("uniform")).row_groups(first, last)


def test_a_range_makes_no_block_that_it_does_not_need(schema, monkeypatch):
    made: list[int] = []

    def counted(*arguments):
        for block in UNIFORM.blocks(*arguments):
            made.append(block.streams.number)
            yield block

    simulator = TransactionSimulator(schema, day_in_ranges("uniform"))
    monkeypatch.setattr(simulator, "profile", replace(UNIFORM, blocks=counted))
    list(simulator.row_groups(4, 6))
    assert made == [1]
