"""The realistic profile as a whole: the laws that its values keep, and its settings."""

import datetime as dt

import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from synth_assets.generator.errors import SchemaError
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS
from tests.conftest import SCHEMA_FILE, digest, frame_of, make_frame, make_plan
from tests.generator.realistic.conftest import realistic

GOLDEN = "155655b1222d58f8cb6565ce326d3f4a6ba7b06ae48ef0c1653e8d0c88638be0"


def test_a_small_day_is_what_it_always_was(schema):
    """If this fails, every realistic file changes: raise GENERATOR_VERSION, or find out why."""
    assert digest(make_frame(schema, realistic(rows=2_000, customers=2_000, fraud_rate=0.05))) == GOLDEN


def test_neither_chunks_nor_workers_change_a_value(schema):
    plan = realistic(rows=2 * BLOCK_ROWS + 77, chunk_size=10_000)
    whole = make_frame(schema, plan)
    assert digest(make_frame(schema, realistic(rows=plan.rows, chunk_size=10**6))) == digest(whole)
    assert digest(frame_of(pa.concat_tables(TransactionSimulator(schema, plan, workers=3)))) == digest(whole)
    for number in (2, 0, 1):
        block = TransactionSimulator(schema, plan).block(number)
        assert_frame_equal(block, whole.slice(number * BLOCK_ROWS, BLOCK_ROWS))


def test_a_dropped_column_changes_no_other(schema):
    text = SCHEMA_FILE.read_text()
    start, end = text.index("  - name: previous_txn_id"), text.index("  - name: label_fraud")
    without = TransactionSchema.parse(text[:start] + text[end:])
    assert_frame_equal(make_frame(without, realistic()), make_frame(schema, realistic()).drop("previous_txn_id"))


def test_null_rates_only_turn_more_cells_null(schema):
    few, many = (
        make_frame(schema, realistic(null_mcc_rate=rate, null_device_rate=rate, null_geo_rate=rate))
        for rate in (0.01, 0.5)
    )
    for name in few.columns:
        both = few[name].is_not_null() & many[name].is_not_null()
        assert few[name].filter(both).equals(many[name].filter(both)), name
        assert (many[name].is_null() | few[name].is_not_null()).all(), name


def test_days_and_seeds_differ_but_a_seed_has_one_world(schema):
    one, other_day, other_seed = (
        make_frame(schema, realistic(**settings)) for settings in ({}, {"day": dt.date(2026, 1, 16)}, {"seed": 7})
    )
    cards = set(one["card_pan_hash"])
    assert len(cards & set(other_day["card_pan_hash"])) > len(cards) / 2
    assert not cards & set(other_seed["card_pan_hash"])
    assert not set(one["transaction_id"]) & (set(other_day["transaction_id"]) | set(other_seed["transaction_id"]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"difficulty": "hard"}, "difficulty means nothing in the uniform profile"),
        ({"customers": 5_000}, "customers means nothing in the uniform profile"),
        ({"profile": "realistic", "timezone_offset": 60}, "timezone_offset means nothing in the realistic profile"),
        ({"profile": "realistic", "customers": 10}, "customers: it should be greater than or equal to 1000"),
    ],
)
def test_a_setting_of_another_profile_is_refused(settings, says):
    with pytest.raises(PlanError, match=says):
        make_plan(**settings)


def test_a_plan_says_nothing_of_what_its_profile_does_not_have():
    assert not {"difficulty", "customers"} & set(make_plan().model_dump())
    assert "timezone_offset" not in realistic().model_dump()
    for plan in (make_plan(), realistic(difficulty="easy")):
        assert GenerationPlan.of(**plan.model_dump(mode="json")) == plan


def test_a_contract_without_a_value_of_the_world_is_refused():
    schema = TransactionSchema.parse(SCHEMA_FILE.read_text().replace("'6010', '6011',", "'6010',"), source="it")
    with pytest.raises(SchemaError, match="mcc_code: the realistic profile gives it 6011"):
        TransactionSimulator(schema, realistic())
