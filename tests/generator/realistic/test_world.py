"""The world of a seed, and the tables that it is drawn from."""

from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from synth_assets.generator.realistic import atlas
from synth_assets.generator.realistic.world import Slots, World, _order


def test_a_world_depends_on_its_seed_and_size_alone():
    one, again, other = World.of(1, 2_000), World.of.__wrapped__(1, 2_000), World.of(2, 2_000)
    for table in ("customers_table", "cards_table", "merchants_table"):
        assert_frame_equal(getattr(one, table)(2026), getattr(again, table)(2026))
        assert not getattr(one, table)(2026).equals(getattr(other, table)(2026))


def test_a_card_has_as_many_slots_in_a_row_as_its_weight_says():
    weights = np.array([1, 200, 3, *[1] * 600, 64, 7])
    slots = Slots.of(weights)
    cards = [card for card, weight in enumerate(weights) for _ in range(weight)]
    assert len(slots) == len(cards)
    assert slots[np.arange(len(cards))].tolist() == cards


def test_words_are_ordered_by_all_of_their_bits():
    words = np.random.default_rng(7).integers(0, 2**64, 1_000, dtype=np.uint64)
    assert _order(words).tolist() == np.argsort(words).tolist()
    words[500] = words[3] ^ np.uint64(1)
    assert _order(words).tolist() == np.argsort(words).tolist()


def test_a_customers_id_says_nothing_about_the_customer():
    customers = World.of(42, 20_000).customers_table(2026)
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
