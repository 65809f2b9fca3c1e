"""The realistic profile as a whole: the laws that its values keep, and its settings."""

import datetime as dt

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from synth_assets.generator.errors import SchemaError
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.realistic.profile import REALISTIC
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS
from tests.conftest import SCHEMA_FILE, digest, frame_of, make_frame, make_plan
from tests.generator.realistic.conftest import realistic

GOLDEN = "6e890d625ef4ded361719533e1f0a8e46cc8285689336c964aaa8e9110dfb8d9"


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
        ({"difficulty": "hard"}, "difficulty has no effect in the uniform profile"),
        ({"customers": 5_000}, "customers has no effect in the uniform profile"),
        ({"profile": "realistic", "timezone_offset": 60}, "timezone_offset has no effect in the realistic profile"),
        ({"profile": "realistic", "customers": 10}, "customers must be at least 1000"),
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


def with_enum(schema: TransactionSchema, name: str, values: list[str]) -> TransactionSchema:
    """The contract with other values in an enum, which makes a string an enum."""
    fields = [
        field | ({"dtype": "enum", "enum": values} if field["name"] == name else {})
        for field in schema.canonical["fields"]
    ]
    return TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "contract.yaml")


@pytest.mark.parametrize("name", ["mcc_code", "card_scheme", "channel", "currency_code", "merchant_country"])
def test_a_contract_without_values_of_the_world_is_refused_with_all_of_them_named(schema, name):
    given = REALISTIC.columns[name].values
    with pytest.raises(SchemaError) as caught:
        TransactionSimulator(with_enum(schema, name, [given[0]]), realistic())
    missing = ", ".join(given[1:])
    assert f"contract.yaml, field {name}: its enum lacks {missing}, which the realistic profile" in str(caught.value)


def test_all_that_is_wrong_with_an_enum_is_one_error(schema):
    given = REALISTIC.columns["mcc_code"].values
    with pytest.raises(SchemaError, match=rf"its enum lacks {given[0]}, which .* 'abcd' in its enum would break"):
        TransactionSimulator(with_enum(schema, "mcc_code", [*given[1:], "abcd"]), realistic())


def test_codes_that_the_world_does_not_give_change_no_value(schema):
    more = with_enum(schema, "mcc_code", ["0001", *schema["mcc_code"].enum, "9999"])
    assert (
        make_frame(more, realistic())["mcc_code"]
        .cast(pl.String)
        .equals(make_frame(schema, realistic())["mcc_code"].cast(pl.String))
    )
