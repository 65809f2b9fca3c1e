"""The registry of profiles, and what is asked of a profile."""

from typing import get_args

import polars as pl
import pytest

from synth_assets.generator.codes import Channel, DeviceType, EntryMode, names
from synth_assets.generator.columns import Block, Column, event_time, flag, uuid4, whole_number
from synth_assets.generator.errors import SchemaError
from synth_assets.generator.plan import FOREIGN_SETTINGS, GenerationPlan, PlanError, ProfileName
from synth_assets.generator.profile import Profile
from synth_assets.generator.profiles import PROFILES, check_schema, dictionary_columns, value_rules
from synth_assets.generator.rules import within
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.uniform import uniform_blocks
from tests.conftest import DAY, judge_file, make_frame, make_plan, write_day

PROFILE_NAMES = get_args(ProfileName)
SMALL = {"uniform": {}, "realistic": {"customers": 2_000}}


def small_plan(profile: str, **settings) -> GenerationPlan:
    return make_plan(profile=profile, rows=3_000, **SMALL[profile], **settings)


def changed(schema: TransactionSchema, *fields: dict) -> TransactionSchema:
    """The contract with these fields in the place of those of the same names, or added at its end."""
    by_name = {field["name"]: field for field in (*schema.canonical["fields"], *fields)}
    return TransactionSchema.from_canonical({**schema.canonical, "fields": list(by_name.values())}, "contract.yaml")


def test_every_name_has_a_profile():
    assert set(PROFILES) == set(PROFILE_NAMES)


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_a_profile_makes_every_column_of_the_contract_and_has_rules_of_its_own(schema, profile):
    assert set(schema.names) <= set(PROFILES[profile].columns)
    check_schema(schema, profile)
    plan = GenerationPlan.of(day=DAY, profile=profile)
    own = PROFILES[profile].rules(plan)
    assert own
    assert own.keys() <= value_rules(plan).keys()


def test_settings_that_mean_nothing_in_a_profile_are_those_marked_for_others():
    assert FOREIGN_SETTINGS == {"uniform": ("difficulty", "customers", "volume"), "realistic": ("timezone_offset",)}


def test_only_a_profile_with_a_world_looks_back():
    for profile in PROFILES.values():
        assert profile.has_world == (profile.card_history is not None)


@pytest.mark.parametrize("name", ["scheme", "channel"])
def test_a_block_of_no_profile_has_neither_scheme_nor_channel(name):
    assert not hasattr(Block, name)


@pytest.mark.parametrize(
    ("codes", "column"), [(Channel, "channel"), (EntryMode, "pos_entry_mode"), (DeviceType, "device_type")]
)
def test_codes_are_places_and_have_the_names_of_the_contract(schema, codes, column):
    assert [code.value for code in codes] == list(range(len(codes)))
    assert set(names(codes)) == set(schema[column].enum)


def test_columns_that_repeat_get_a_dictionary(schema):
    found = dictionary_columns(schema, "uniform")
    assert {"channel", "currency_code", "merchant_id"} <= set(found)
    assert not {"transaction_id", "amount", "card_pan_hash"} & set(found)


def test_nulls_in_a_required_column_are_refused_before_a_row_is_made(schema):
    mcc_code = next(field for field in schema.canonical["fields"] if field["name"] == "mcc_code")
    strict = changed(schema, {**mcc_code, "nullable": False})
    with pytest.raises(PlanError, match=r"contract.yaml, field mcc_code: `nullable` is false.*0\.05"):
        TransactionSimulator(strict, make_plan())
    TransactionSimulator(strict, make_plan(null_mcc_rate=0))


def test_a_record_is_all_that_a_profile_needs(schema, tmp_path, monkeypatch):
    columns = {
        "transaction_id": Column(uuid4, ("string",)),
        "event_time": Column(event_time, ("datetime",)),
        "card_exp_month": Column(whole_number(2, 3), ("int",)),
        "is_recurring": Column(flag(lambda plan: 0.5), ("bool",)),
    }
    rules = {"card_exp_month is early": within("card_exp_month", 2, 3)}
    third = Profile(columns, uniform_blocks, lambda plan: rules, recurring_share=lambda plan: 0.5)
    monkeypatch.setitem(PROFILES, "uniform", third)
    fields = [field for field in schema.canonical["fields"] if field["name"] in columns]
    contract = TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "contract.yaml")
    plan = make_plan(rows=5_000)
    claims = {claim.name: claim for claim in judge_file(contract, write_day(tmp_path, contract, plan))}
    assert all(claim.passed for claim in claims.values())
    assert claims["recurring_proportion_within_bounds"].details[0]["expected"] == 0.5
    assert "card_exp_month is early" in {row["rule"] for row in claims["values_follow_rules"].details}


EVENT_DATE = {"name": "event_date", "dtype": "date", "nullable": False}


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_event_date_is_the_utc_date_of_the_event(schema, tmp_path, profile):
    contract, plan = changed(schema, EVENT_DATE), small_plan(profile, lookback_days=5)
    frame = make_frame(contract, plan)
    assert frame["event_date"].dtype == pl.Date
    assert frame["event_date"].equals(frame["event_time"].dt.date().alias("event_date"))
    assert frame["event_date"].n_unique() == 5
    assert not [claim for claim in judge_file(contract, write_day(tmp_path, contract, plan)) if not claim.passed]
    assert frame.drop("event_date").equals(make_frame(schema, plan))


def test_a_date_that_is_not_the_events_breaks_a_rule(schema, tmp_path):
    contract, plan = changed(schema, EVENT_DATE), small_plan("uniform")
    wrong = make_frame(contract, plan).with_columns(
        event_date=pl.when(pl.int_range(pl.len()) == 7).then(pl.date(2026, 1, 14)).otherwise("event_date")
    )
    table = wrong.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(contract.arrow_schema)
    broken = [claim for claim in judge_file(contract, write_day(tmp_path, contract, plan, table)) if not claim.passed]
    assert [claim.name for claim in broken] == ["values_follow_rules"]
    assert broken[0].summary == "event_date is the date of event_time: broken in 1 row"


def test_event_date_needs_event_time_and_the_dtype_date(schema):
    with pytest.raises(SchemaError, match=r"field event_date: dtype int cannot be built. Make it date"):
        check_schema(changed(schema, {**EVENT_DATE, "dtype": "int"}), "uniform")
    assert PROFILES["realistic"].columns["event_date"].needs == {"event_time": ()}


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_decimal_amounts_are_exactly_those_of_floats(schema, tmp_path, profile, scale):
    field = {"name": "amount", "dtype": "decimal", "nullable": False} | ({"scale": scale} if scale != 2 else {})
    contract, plan = changed(schema, field), small_plan(profile)
    made, floats = make_frame(contract, plan), make_frame(schema, plan)
    assert made["amount"].dtype == pl.Decimal(18, scale)
    assert [f"{value:.2f}" for value in made["amount"]] == [f"{value:.2f}" for value in floats["amount"]]
    assert (made["amount"].cast(pl.Float64) == floats["amount"]).all()
    assert not [claim for claim in judge_file(contract, write_day(tmp_path, contract, plan)) if not claim.passed]


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_a_decimal_that_cannot_hold_the_amounts_is_refused(schema, profile):
    coarse = changed(schema, {"name": "amount", "dtype": "decimal", "nullable": False, "scale": 1})
    with pytest.raises(SchemaError, match=r"contract.yaml, field amount: a decimal of scale 1 .* at least 2"):
        check_schema(coarse, profile)
