"""What frauds are worth, by channel and by scenario, at every difficulty."""

import polars as pl
import pytest

from synth_assets.generator.realistic.labels import label_events
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic

REMOTE = ("card_testing", "stolen_credentials", "account_takeover", "friendly_fraud")


@pytest.fixture(scope="module", params=["easy", "medium", "hard"])
def worth(request, schema) -> pl.DataFrame:
    """The frauds' scenarios and values: amounts over the median of their currency."""
    plan = realistic(rows=120_000, customers=72_000, fraud_rate=0.05, difficulty=request.param)
    money = pl.col("amount") / pl.col("amount").median().over("currency_code")
    paid = make_frame(schema, plan).select("transaction_id", "channel", money=money)
    return pl.concat(label_events(plan)).join(paid, on="transaction_id")


def share(worth: pl.DataFrame, chosen: pl.Expr) -> float:
    return worth.filter(chosen)["money"].sum() / worth["money"].sum()


def test_most_of_the_frauds_value_is_remote(worth):
    """80 to 85 % in the EEA (EBA and ECB 2025), 89 % in Australia (AusPayNet 2025)."""
    assert 0.75 < share(worth, pl.col("channel") == "ONLINE") < 0.88
    assert 0.75 < share(worth, pl.col("scenario").cast(pl.String).is_in(REMOTE)) < 0.88


def test_counterfeits_are_a_hundredth_of_the_value_and_lost_cards_a_tenth(worth):
    """0.7 and 7.4 % in Australia (AusPayNet 2025), 13 % lost or stolen in Britain (2015)."""
    assert 0.003 < share(worth, pl.col("scenario") == "counterfeit") < 0.03
    assert 0.05 < share(worth, pl.col("scenario") == "lost_or_stolen") < 0.15
