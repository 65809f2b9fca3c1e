"""The realistic profile: one coherent world, exact dependencies, fraud with causes at the plan's rate."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from synth_assets.generator import atlas
from synth_assets.generator.agreements import CYCLE_DAYS
from synth_assets.generator.audit import CLAIMS, binomial_bounds
from synth_assets.generator.history import CardHistory
from synth_assets.generator.labels import label_events
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.realistic import day_blocks
from synth_assets.generator.rhythm import Rhythm
from synth_assets.generator.scenarios import COUNTERFEIT, FRAUDS, HABITS, IN_STORE, compromised_merchants, habit
from synth_assets.generator.schema import SchemaError, TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS
from synth_assets.generator.world import PLACES, STORES, World
from synth_assets.verdict import judge_file
from tests.conftest import DAY, SCHEMA_FILE, digest, frame_of, make_frame, make_plan, write_day


def realistic(**settings: Any) -> GenerationPlan:
    return make_plan(**{"profile": "realistic", "rows": 20_000, "customers": 6_000, **settings})


@pytest.fixture(scope="module")
def days(schema) -> pl.DataFrame:
    """Nine days across the end of a month, with their partition's day."""
    first = dt.date(2026, 1, 27)
    return pl.concat(
        make_frame(schema, realistic(day=day, rows=8_000, customers=3_000, fraud_rate=0.02)).with_columns(
            day=pl.lit(day)
        )
        for day in (first + dt.timedelta(days=number) for number in range(9))
    )  # fmt: skip


GOLDEN = "155655b1222d58f8cb6565ce326d3f4a6ba7b06ae48ef0c1653e8d0c88638be0"


# --- the laws ---------------------------------------------------------------------------------------------------


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


# --- coherence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        *({"difficulty": difficulty, "day": dt.date(2024, 2, 29)} for difficulty in ("easy", "medium", "hard")),
        {"fraud_rate": 0.0},
        {"fraud_rate": 1.0},
        {"fraud_rate": 0.5, "rows": 7},
        {"rows": 1},
        {"lookback_days": 366, "day": dt.date(2026, 11, 1)},
        {"day": dt.date(1679, 1, 1)},
        {"day": dt.date(2261, 12, 31)},
        {"seed": 2**63 - 1, "customers": 1_000},
    ],
    ids=str,
)
def test_every_claim_holds(schema, tmp_path, settings):
    plan = realistic(**settings)
    claims = judge_file(schema, plan.day, write_day(tmp_path, schema, plan))
    assert [claim.name for claim in claims] == list(CLAIMS)
    assert not [claim for claim in claims if not claim.passed]


@pytest.mark.parametrize(
    ("column", "where", "value", "rule"),
    [
        ("pos_entry_mode", pl.col("channel") == "ATM", "NFC", "a cash machine reads a chip or a stripe"),
        ("pos_entry_mode", pl.col("channel") == "IN_STORE", "ECOM", "pos_entry_mode is ECOM exactly on line"),
        ("device_type", pl.col("channel") == "ONLINE", "POS", "device_type is no terminal on line"),
        ("mcc_code", pl.col("channel") == "ONLINE", "6011", "mcc_code is 6011 exactly at cash machines"),
        ("merchant_country", pl.col("currency_code") == "JPY", "US", "currency_code is the merchant_country's"),
        ("amount", pl.col("currency_code") == "JPY", 10.5, "amount is positive, in the currency's decimals"),
        ("amount", pl.col("currency_code") == "USD", 0.0, "amount is positive, in the currency's decimals"),
        ("card_exp_year", pl.col("channel") == "ATM", 2025, "card is used in the four years before it expires"),
        ("local_time_offset", pl.col("channel") == "ATM", 900, "local_time_offset is an offset of a zone"),
    ],
)
def test_one_row_that_breaks_a_rule_is_named(schema, tmp_path, column, where, value, rule):
    plan = realistic()
    frame = make_frame(schema, plan)
    row = int(np.flatnonzero(frame.select(where).to_series())[0])
    changed = frame.with_columns(pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(column))
                                 .cast(frame.schema[column]).alias(column))  # fmt: skip
    table = changed.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema.arrow_schema)
    broken = {c.name: c for c in judge_file(schema, plan.day, write_day(tmp_path, schema, plan, table)) if not c.passed}
    assert set(broken) == {"values_follow_rules"}
    assert rule in broken["values_follow_rules"].summary


def test_dependencies_are_exact(days):
    def values_of(key: str, columns: list[str], frame: pl.DataFrame = days) -> int:
        return frame.group_by(key).agg(pl.struct(columns).n_unique().alias("n"))["n"].max()

    assert values_of("card_pan_hash", ["customer_id", "card_scheme", "card_exp_year", "card_exp_month"]) == 1
    assert values_of("merchant_id", ["merchant_country", "currency_code", "channel"]) == 1
    assert values_of("merchant_id", ["mcc_code"], days.drop_nulls("mcc_code")) == 1
    phones = days.filter(pl.col("device_type").is_in(["IOS", "ANDROID", "WEB"])).drop_nulls("device_id")
    assert values_of("device_id", ["customer_id", "device_type"], phones) == 1
    terminals = days.filter(device_type="POS").drop_nulls("device_id")
    assert values_of("device_id", ["merchant_id"], terminals) == 1


def test_previous_txn_id_is_the_cards_payment_before(schema):
    first, second = (
        make_frame(schema, realistic(day=day, rows=BLOCK_ROWS + 9_000, fraud_rate=0.05))
        for day in (dt.date(2026, 1, 31), dt.date(2026, 2, 1))
    )
    both = pl.concat([first, second]).with_row_index()
    expected = both.with_columns(before=pl.col("transaction_id").shift(1).over("card_pan_hash"))["before"][
        first.height :
    ]
    found = second["previous_txn_id"]
    assert found.equals(expected.alias("previous_txn_id"))
    assert 0 < found.null_count() < second.height / 2
    across_midnight = set(found.drop_nulls()) & set(first["transaction_id"])
    assert len(across_midnight) > 100


def test_a_renewed_card_has_no_payment_before():
    history = CardHistory(3)
    ids = np.array([[1, 1], [2, 2], [3, 3], [4, 4]], dtype=np.uint64)
    history.pass_by(np.array([0, 1]), np.array([7, 7]), ids[:2])
    previous, known = history.follow(np.array([0, 1, 1, 2]), np.array([7, 8, 8, 7]), ids)
    assert known.tolist() == [True, False, True, False]
    assert previous[known].tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("day", [dt.date(2026, 3, 8), dt.date(2026, 3, 29), dt.date(2026, 4, 5), dt.date(2026, 11, 1)])
def test_offsets_are_those_of_the_merchants_zone_when_clocks_change(schema, day):
    plan = realistic(day=day)
    world = World.of(plan.seed, plan.customers)
    zones = {int(m): PLACES[p].zone for m, p in zip(world.merchants.id, world.merchants.place, strict=True)}
    frame = make_frame(schema, plan).select("event_time", "merchant_id", "local_time_offset")
    for moment, merchant, minutes in frame.iter_rows():
        assert moment.astimezone(ZoneInfo(zones[merchant])).utcoffset() == dt.timedelta(minutes=minutes)


def test_positions_lie_near_the_merchant(days):
    spread = days.drop_nulls("latitude").group_by("merchant_id").agg(
        (pl.col(name).max() - pl.col(name).min()).alias(name) for name in ("latitude", "longitude")
    )  # fmt: skip
    assert spread["latitude"].max() < 0.0061
    assert spread["longitude"].max() < 0.0061


def test_recurring_payments_recur_after_thirty_days_at_one_merchant_for_one_amount(schema):
    first, day_after, next_cycle = (
        make_frame(schema, realistic(day=DAY + dt.timedelta(days=days), rows=60_000, customers=40_000))
        .filter("is_recurring")
        .select("card_pan_hash", "merchant_id", "amount", minute=pl.col("event_time").dt.epoch("s") % 86_400 / 60)
        for days in (0, 1, CYCLE_DAYS)
    )
    agreement = ["card_pan_hash", "merchant_id"]
    again = first.join(next_cycle, on=agreement)
    # But for those whose place an incident takes, and cards that are renewed.
    assert again.select(agreement).n_unique() > 0.9 * first.height > 5_000
    assert (again["amount"] == again["amount_right"]).all()
    minutes = (again["minute"] - again["minute_right"]).abs()
    assert minutes.quantile(0.9) < 90
    assert first.join(day_after, on=agreement).height < 0.05 * first.height


def test_agreements_are_the_same_whatever_blocks_and_rows_a_day_has():
    plan = realistic(rows=2 * BLOCK_ROWS + 77)
    *_, third = day_blocks(plan)
    *_, alone = day_blocks(plan, 2)
    assert third[2].agreements.word.tolist() == alone[2].agreements.word.tolist() != []
    few, many = (
        np.concatenate([made.agreements.word for *_, made in day_blocks(realistic(rows=rows))])
        for rows in (20_000, 40_000)
    )
    assert len(set(few) & set(many)) > 0.9 * len(few)
    assert len(set(many)) == len(many)


def test_a_window_of_days_has_the_agreements_of_each_of_them():
    def words(**settings: Any) -> list[int]:
        return np.concatenate(
            [made.agreements.word for *_, made in day_blocks(realistic(customers=1_000, **settings))]
        ).tolist()

    window = words(rows=60_000, lookback_days=3)
    assert len(set(window)) == len(window) > 5_000
    for day in (DAY - dt.timedelta(days=2), DAY):
        alone = words(day=day, rows=20_000)
        assert len(set(window) & set(alone)) > 0.8 * len(alone)


def test_customers_go_back_to_their_merchants(days):
    per_customer = days.group_by("customer_id").agg(payments=pl.len(), merchants=pl.col("merchant_id").n_unique())
    busy = per_customer.filter(pl.col("payments") >= 30)
    assert busy.height > 50
    assert (busy["merchants"] / busy["payments"]).median() < 0.7


def test_activity_is_heavy_tailed_and_night_is_quiet(days):
    payments = days.group_by("customer_id").len()["len"].sort(descending=True)
    assert 0.25 < payments.head(300).sum() / payments.sum() < 0.55
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    hour = days.select(local.dt.hour()).to_series()
    assert 0.01 < hour.is_between(0, 5).mean() < 0.12


# --- fraud ------------------------------------------------------------------------------------------------------


def test_prevalence_is_binomial_on_every_day_and_in_every_tenth():
    totals, tenths = [], []
    for number in range(60):
        plan = realistic(day=DAY + dt.timedelta(days=number), rows=30_000, customers=1_000, fraud_rate=0.01)
        rows = np.concatenate(
            [
                draft.incidents.rows[draft.incidents.scenario < len(FRAUDS)] + streams.number * BLOCK_ROWS
                for _, streams, draft in day_blocks(plan)
            ]
        )
        assert len(np.unique(rows)) == len(rows)
        totals.append(len(rows))
        tenths.append(np.bincount(rows // 3_000, minlength=10))
    low, high = binomial_bounds(30_000, 0.01)
    assert all(low <= total <= high for total in totals)
    assert 0.5 < np.var(totals) / (30_000 * 0.01 * 0.99) < 2
    assert 0.75 < np.var(tenths) / (3_000 * 0.01 * 0.99) < 1.3
    assert abs(np.sum(totals) - 18_000) < 5 * np.sqrt(18_000)


def test_most_fraud_card_days_hold_legitimate_payments_too(schema):
    frame = make_frame(schema, realistic(rows=30_000, customers=18_000, fraud_rate=0.01))
    cards = frame.group_by("card_pan_hash").agg(
        fraud=pl.col("label_fraud").any(), honest=(~pl.col("label_fraud")).any()
    )
    assert cards.filter("fraud")["honest"].mean() >= 0.5


def test_a_higher_rate_leaves_the_other_payments_as_they_were(schema):
    few, many = (make_frame(schema, realistic(fraud_rate=rate)).drop("previous_txn_id") for rate in (0.003, 0.03))
    same = few.with_row_index().join(many.with_row_index(), on=few.columns, nulls_equal=True, how="inner").height
    assert same > 0.9 * few.height


def test_every_scenario_occurs_and_most_fraud_is_on_line(schema):
    plan = realistic(rows=60_000, customers=36_000, fraud_rate=0.02)
    events = pl.concat(label_events(plan))
    frame = make_frame(schema, plan)
    assert sorted(events["transaction_id"]) == sorted(frame.filter("label_fraud")["transaction_id"])
    joined = frame.join(events.select("transaction_id", "scenario"), on="transaction_id")
    shares = dict(joined["scenario"].cast(pl.String).value_counts(normalize=True).iter_rows())
    for scenario in FRAUDS:
        assert shares[scenario.name] == pytest.approx(scenario.share / 100, abs=0.06), scenario.name
    assert 0.6 < (joined["channel"] == "ONLINE").mean() < 0.9


def test_counterfeit_cards_are_of_customers_who_go_to_a_compromised_merchant():
    plan = realistic(rows=100_000, customers=60_000, fraud_rate=0.05)
    world = World.of(plan.seed, plan.customers)
    merchants, _ = compromised_merchants(world, plan.day)
    cards = np.concatenate([d.incidents.card[d.incidents.scenario == COUNTERFEIT] for _, _, d in day_blocks(plan)])
    customers = world.card_customer[cards].astype(np.int64)
    goes = np.zeros(len(cards), dtype=bool)
    for place in range(HABITS):
        word = habit(world, customers, np.full(len(cards), IN_STORE), np.full(len(cards), place))
        visited = world.merchants.pools.draw(STORES + world.place[customers].astype(np.int64), word)
        goes |= np.isin(visited, merchants)
    assert len(cards) > 50
    assert goes.mean() > 0.95
    # Of any cards, few do.
    anyone = np.arange(len(world.customer_id))
    word = habit(world, anyone, np.full(len(anyone), IN_STORE), np.zeros(len(anyone), dtype=np.int64))
    assert np.isin(world.merchants.pools.draw(STORES + world.place.astype(np.int64), word), merchants).mean() < 0.1


def test_labels_become_known_late_and_some_never():
    events = pl.concat(label_events(realistic(rows=60_000, fraud_rate=0.1)))
    days = (events["known_at"] - events["event_time"]).dt.total_hours() / 24
    assert 4 < days.median() < 9
    assert days.quantile(0.9) > 14
    assert 0.02 < events["known_at"].is_null().mean() < 0.07


# --- the world --------------------------------------------------------------------------------------------------


def test_a_world_depends_on_its_seed_and_size_alone():
    one, again, other = World.of(1, 2_000), World.of.__wrapped__(1, 2_000), World.of(2, 2_000)
    for table in ("customers_table", "merchants_table"):
        assert_frame_equal(getattr(one, table)(), getattr(again, table)())
        assert not getattr(one, table)().equals(getattr(other, table)())
    assert_frame_equal(one.cards_table(2026), again.cards_table(2026))


def test_a_customers_id_says_nothing_about_the_customer():
    customers = World.of(42, 20_000).customers_table()
    means = customers.group_by("home_country").agg(pl.col("customer_id").mean(), pl.len()).filter(pl.col("len") > 300)
    for mean, count in means.select("customer_id", "len").iter_rows():
        assert abs(mean - 20_000) < 5 * 5_774 / count**0.5


def test_reference_data_belongs_together():
    currencies = {currency.code for currency in atlas.CURRENCIES}
    countries = {country.code for country in atlas.COUNTRIES}
    assert {country.currency for country in atlas.COUNTRIES} == currencies
    assert {city.country for city in atlas.CITIES} == countries
    mccs = {trade.mcc for trade in atlas.TRADES}
    assert mccs >= atlas.SUBSCRIPTION_MCCS | atlas.RESALE_MCCS | atlas.SMALL_TICKET_MCCS
    assert len(mccs) == len(atlas.TRADES)
    for city in atlas.CITIES:
        ZoneInfo(city.zone)


def test_the_steps_of_the_rhythm_cover_the_window():
    plan = realistic(lookback_days=3)
    world = World.of(plan.seed, plan.customers)
    rhythm = Rhythm.of(world, plan.window)
    step, moment = rhythm.moment(np.array([0.0, 0.5, 1 - 2**-53]))
    start, end = (int(edge.timestamp() * 1000) for edge in plan.window)
    assert moment[0] == start
    assert step[-1] == 3 * 48 - 1
    assert end - 1_800_000 <= moment[-1] < end


# --- settings ---------------------------------------------------------------------------------------------------


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


def test_uniform_frauds_have_no_causes():
    with pytest.raises(PlanError, match="no causes"):
        next(label_events(make_plan()))
