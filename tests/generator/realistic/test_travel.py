"""Where customers are."""

import numpy as np
import polars as pl

from benchmarks.realism.whole import terminal_pairs
from synth_assets.generator.realistic.places import PLACES
from synth_assets.generator.realistic.travel import KILOMETRES, whereabouts

HOUR = 3_600_000


def test_nobody_is_in_two_cities_within_the_time_of_the_way():
    customer = np.arange(400)
    home = customer % len(PLACES)
    hours = np.arange(28 * 24) * HOUR + 1_770_000_000_000
    seen = [whereabouts(1, customer, home, np.full(len(customer), hour)) for hour in hours]
    place = np.stack([each.place for each in seen])
    away = np.stack([each.away for each in seen])
    between = np.stack([each.on_the_way for each in seen])
    assert 0.005 < away.mean() < 0.06
    assert (place == home)[~away].all()
    for one in range(len(customer)):
        there = np.flatnonzero(~between[:, one])
        hop = np.flatnonzero(np.diff(place[there, one]))
        km = KILOMETRES[place[there[hop], one], place[there[hop + 1], one]]
        assert (km / (there[hop + 1] - there[hop] + 1) < 1_000).all()


def test_journeys_begin_at_any_hour_and_weekday():
    customer = np.arange(3_000)
    hours = np.arange(28 * 24)
    away = np.stack(
        [whereabouts(1, customer, customer % 41, np.full(3_000, hour * HOUR)).away for hour in hours]
    ).astype(int)
    begins = hours[1:][(np.diff(away, axis=0) == 1).sum(axis=1) > 0]
    assert set(begins % 24) == set(range(24))
    assert set(begins // 24 % 7) == set(range(7))


def test_no_customer_pays_at_terminals_of_two_cities_within_the_time_of_the_way(days):
    far = terminal_pairs(days).filter(pl.col("km") > 500)
    assert far.height > 50
    assert far.filter(pl.col("km") > 1_000 * pl.col("hours")).is_empty()
