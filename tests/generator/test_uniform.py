"""Every rule of the contract, on the values of the uniform profile themselves."""

import datetime as dt
import hashlib
import ipaddress
import re

import numpy as np
import polars as pl
import pytest
from faker.providers.address import Provider as AddressProvider
from faker.providers.currency import Provider as CurrencyProvider
from scipy.stats import chisquare, kstest

from synth_assets.generator import reference
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams
from synth_assets.generator.uniform import UniformBlock, pans
from tests.conftest import DAY, make_frame, make_plan

ROWS = 150_000
# A right generator fails a test at this level once in 100,000 seeds; the seed is fixed.
LEVEL = 1e-5
UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def day(schema) -> pl.DataFrame:
    return make_frame(schema, make_plan(rows=ROWS))


def assert_uniform(values: pl.Series, options: int) -> None:
    counts = values.drop_nulls().value_counts()["count"].to_list()
    assert len(counts) == options
    assert chisquare(counts).pvalue > LEVEL


def assert_share(flags: pl.Series, share: float) -> None:
    error = (share * (1 - share) / len(flags)) ** 0.5
    assert abs(flags.mean() - share) < 4.5 * error


def test_columns_have_the_contracts_order_and_types(schema, day):
    assert day.schema == schema.polars_schema
    assert day.height == ROWS


@pytest.mark.parametrize("column", ["transaction_id", "device_id"])
def test_ids_are_canonical_uuid4s_and_unique(day, column):
    values = day[column].drop_nulls()
    assert all(UUID4.fullmatch(value) for value in values)
    assert values.n_unique() == len(values)


def test_transaction_ids_are_unique_across_partitions_and_seeds(schema, day):
    others = [make_plan(rows=ROWS, day=dt.date(2026, 1, 16)), make_plan(rows=ROWS, seed=43)]
    ids = pl.concat([day["transaction_id"], *(make_frame(schema, other)["transaction_id"] for other in others)])
    assert ids.n_unique() == 3 * ROWS


def test_event_times_fill_the_day_in_order(day):
    times = day["event_time"]
    start, end = make_plan().window
    assert times.is_sorted()
    assert start <= times.min() < start + dt.timedelta(seconds=10)
    assert end - dt.timedelta(seconds=10) < times.max() < end
    inside = (times - start).dt.total_milliseconds() / 86_400_000
    assert kstest(inside, "uniform").pvalue > LEVEL


def test_a_lookback_of_thirty_days_fills_thirty_days(schema):
    times = make_frame(schema, make_plan(rows=30_000, lookback_days=30))["event_time"]
    assert times.dt.date().n_unique() == 30
    assert times.dt.date().max() == DAY
    assert times.is_sorted()


def test_more_rows_than_milliseconds_stay_inside_the_window(schema):
    plan = make_plan(rows=9_000_000_000, chunk_size=1_000_000)
    simulator = TransactionSimulator(schema, plan)
    last = simulator.block(simulator.block_count - 1)["event_time"]
    assert last.is_sorted()
    assert last.max() < plan.window[1]


def test_the_offset_is_the_plans(schema, day):
    assert day["local_time_offset"].unique().to_list() == [-60]
    assert make_frame(schema, make_plan(timezone_offset=840))["local_time_offset"].unique().to_list() == [840]


def test_amounts_are_uniform_cents(day):
    amounts = day["amount"]
    assert 1.0 <= amounts.min() < 1.05
    assert 499.95 < amounts.max() <= 500.0
    assert all(value == round(value, 2) for value in amounts)
    assert kstest((amounts - 0.995) / 499.01, "uniform").pvalue > LEVEL


def test_currencies_and_countries_are_uniform_over_those_of_fakers_that_are_real(day):
    assert_uniform(day["currency_code"], len(CurrencyProvider.currencies) - len(reference.NOT_IN_ISO_4217))
    assert_uniform(day["merchant_country"], len(AddressProvider.alpha_2_country_codes))
    assert set(day["merchant_country"]) == set(AddressProvider.alpha_2_country_codes)


def passes_luhn(pan: str) -> bool:
    digits = [int(digit) for digit in reversed(pan)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


PANS = {
    "VISA": r"4\d{15}",
    "MASTERCARD": r"(5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}",
    "AMEX": r"3[47]\d{13}",
    "DISCOVER": r"(6011|65\d{2})\d{12}",
}


def test_pans_have_their_schemes_prefix_and_length_and_pass_luhn(schema, day):
    block = UniformBlock(make_plan(rows=ROWS), schema, BlockStreams(42, DAY, 0, BLOCK_ROWS))
    numbers = [str(pan) for pan in pans(block)]
    assert all(passes_luhn(pan) for pan in numbers)
    schemes = day["card_scheme"].head(BLOCK_ROWS).to_list()
    assert all(re.fullmatch(PANS[scheme], pan) for scheme, pan in zip(schemes, numbers, strict=True))
    assert len(set(numbers)) > 0.999 * len(numbers)
    hashes = day["card_pan_hash"].head(1_000).to_list()
    assert hashes == [hashlib.sha256(pan.encode()).hexdigest() for pan in numbers[:1_000]]


def test_every_first_four_digits_of_a_scheme_are_drawn(schema):
    block = UniformBlock(make_plan(rows=ROWS), schema, BlockStreams(42, DAY, 0, BLOCK_ROWS))
    heads = {str(pan)[:4] for pan in pans(block)}
    assert {"2221", "2720", "5100", "5599", "6011", "6500", "3400", "3799", "4000", "4999"} <= heads
    assert not {"2220", "2721", "5600", "6012", "3500"} & heads


def test_no_card_is_expired(schema, day):
    ahead = day["card_exp_year"] - day["event_time"].dt.year()
    assert_uniform(ahead, 5)
    assert (ahead.min(), ahead.max()) == (1, 5)
    assert_uniform(day["card_exp_month"], 12)
    over_new_year = make_frame(schema, make_plan(rows=20_000, day=dt.date(2026, 1, 10), lookback_days=30))
    ahead = over_new_year["card_exp_year"] - over_new_year["event_time"].dt.year()
    assert over_new_year["event_time"].dt.year().n_unique() == 2
    assert (ahead.min(), ahead.max()) == (1, 5)


@pytest.mark.parametrize(("column", "low", "high"), [("customer_id", 10_000, 999_999), ("merchant_id", 1_000, 9_999)])
def test_numbers_are_uniform_on_their_range(day, column, low, high):
    values = day[column]
    assert low <= values.min()
    assert values.max() <= high
    assert kstest((values - low + 0.5) / (high - low + 1), "uniform").pvalue > LEVEL


@pytest.mark.parametrize("column", ["mcc_code", "channel", "pos_entry_mode", "device_type", "card_scheme"])
def test_enums_are_uniform_over_their_values(schema, day, column):
    assert_uniform(day[column], len(schema[column].enum))


@pytest.mark.parametrize(
    ("column", "rate"), [("mcc_code", 0.05), ("device_id", 0.08), ("latitude", 0.01), ("longitude", 0.01)]
)
def test_nulls_come_at_their_rate(day, column, rate):
    assert_share(day[column].is_null(), rate)


def test_flags_come_at_their_rate(day):
    assert_share(day["is_recurring"], 0.10)
    assert_share(day["label_fraud"], 0.003)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_of_nought_and_one_are_exact(schema, rate):
    settings = dict.fromkeys(["fraud_rate", "null_mcc_rate", "null_device_rate", "null_geo_rate"], rate)
    frame = make_frame(schema, make_plan(rows=2_000, **settings))
    for flags in (frame["label_fraud"], *(frame[name].is_null() for name in ("mcc_code", "device_id", "latitude"))):
        assert flags.sum() == rate * 2_000


def test_ip_and_user_agent_are_present_exactly_online(day):
    online = day["channel"] == "ONLINE"
    assert (day["ip_address"].is_not_null() == online).all()
    assert (day["user_agent"].is_not_null() == online).all()


def test_ip_addresses_are_public_and_differ(day):
    addresses = [ipaddress.ip_address(value) for value in day["ip_address"].drop_nulls()]
    assert all(address.is_global and not address.is_multicast for address in addresses)
    assert len(set(addresses)) > 0.99 * len(addresses)


def test_no_public_network_is_left_out_but_those_that_share_a_16_with_a_special_one():
    left_out = 2**16 - len(reference.public_prefixes())
    special = sum(max(1, 2 ** (16 - ipaddress.ip_network(n).prefixlen)) for n in reference.SPECIAL_USE_NETWORKS)
    assert left_out <= special


def test_user_agents_are_fakers_and_always_the_same(day):
    agents = day["user_agent"].drop_nulls()
    assert set(agents) == set(reference.user_agents())
    assert len(reference.user_agents()) == reference.USER_AGENT_COUNT
    assert all(agent.startswith(("Mozilla/", "Opera/")) for agent in reference.user_agents())


def test_coordinates_are_a_pair_in_range_with_six_decimals(day):
    assert (day["latitude"].is_null() == day["longitude"].is_null()).all()
    for column, limit in (("latitude", 90), ("longitude", 180)):
        values = day[column].drop_nulls()
        assert all(value == round(value, 6) for value in values)
        assert kstest((values + limit) / (2 * limit), "uniform").pvalue > LEVEL


def test_previous_txn_id_is_a_placeholder(day):
    assert day["previous_txn_id"].null_count() == ROWS


def test_fraud_is_told_by_no_other_column(day):
    fraud = day["label_fraud"].cast(pl.Float64)
    position = pl.Series(np.arange(ROWS) / ROWS)
    for other in (position, day["amount"], day["customer_id"].cast(pl.Float64), day["mcc_code"].is_null()):
        correlation = np.corrcoef(fraud, other.cast(pl.Float64))[0, 1]
        assert abs(correlation) < 4.5 / ROWS**0.5
