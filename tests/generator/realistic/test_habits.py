"""The merchants that customers go back to, and the cards that are copied there."""

import numpy as np
import polars as pl

from synth_assets.generator.codes import Channel
from synth_assets.generator.realistic.habits import HABITS, compromised_merchants, habit_words
from synth_assets.generator.realistic.merchants import STORE_POOLS
from synth_assets.generator.realistic.scenarios import ScenarioCode
from synth_assets.generator.realistic.world import World
from tests.generator.realistic.conftest import day_drafts, realistic


def test_customers_go_back_to_their_merchants(days):
    per_customer = days.group_by("customer_id").agg(payments=pl.len(), merchants=pl.col("merchant_id").n_unique())
    busy = per_customer.filter(pl.col("payments") >= 30)
    assert busy.height > 50
    assert (busy["merchants"] / busy["payments"]).median() < 0.7


def test_counterfeit_cards_are_of_customers_who_go_to_a_compromised_merchant():
    plan = realistic(rows=100_000, customers=60_000, fraud_rate=0.05)
    world = World.of(plan.seed, plan.customers)
    merchants, _ = compromised_merchants(world, plan.day)
    incidents = [draft.incidents for draft in day_drafts(plan)]
    cards = np.concatenate([each.card[each.scenario == ScenarioCode.COUNTERFEIT] for each in incidents])
    customers = world.card_customer[cards].astype(np.int64)
    goes = np.zeros(len(cards), dtype=bool)
    for place in range(HABITS):
        word = habit_words(world, customers, np.full(len(cards), Channel.IN_STORE), np.full(len(cards), place))
        visited = world.merchants.pools.draw(STORE_POOLS + world.place[customers].astype(np.int64), word)
        goes |= np.isin(visited, merchants)
    assert len(cards) > 50
    assert goes.mean() > 0.95
    # Few customers do.
    anyone = np.arange(len(world.customer_id))
    word = habit_words(world, anyone, np.full(len(anyone), Channel.IN_STORE), np.zeros(len(anyone), dtype=np.int64))
    assert np.isin(world.merchants.pools.draw(STORE_POOLS + world.place.astype(np.int64), word), merchants).mean() < 0.1
