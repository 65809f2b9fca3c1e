"""How amounts end."""

import numpy as np
import polars as pl

from synth_assets.generator.realistic.prices import with_endings


def test_many_amounts_end_as_prices_do_and_not_all(days):
    cents = days.filter((pl.col("currency_code") != "JPY") & (pl.col("currency_code") != "KRW")).select(
        "channel", ending=(pl.col("amount") * 100).round().cast(pl.Int64) % 100
    )
    online = cents.filter(pl.col("channel") == "ONLINE")["ending"]
    assert 0.25 < (online == 99).mean() < 0.45
    assert 0.1 < (cents.filter(pl.col("channel") == "IN_STORE")["ending"] == 0).mean() < 0.4
    assert cents["ending"].n_unique() == 100


def test_an_amount_moves_to_the_nearest_price_and_small_ones_stay():
    money = np.array([1_234.0, 1_234.0, 40.0, 151_300.0])
    word = np.zeros(4, dtype=np.uint64)
    unit = np.array([100.0, 100.0, 100.0, 1.0])
    found = with_endings(money, unit, np.array([True, True, True, True]), word)
    assert found.tolist() == [1_199.0, 1_199.0, 40.0, 151_299.0]
