"""Published shares, by country and year, in the payments themselves."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.realistic.world import World
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic


@pytest.fixture(scope="module")
def honest(schema) -> pl.DataFrame:
    """The honest payments of a day of 2026, with the countries of their customers."""
    plan = realistic(day=dt.date(2026, 3, 4), rows=100_000, customers=60_000)
    homes = World.of(plan.seed, plan.customers).customers_table(2026).select("customer_id", "home_country")
    return make_frame(schema, plan).filter(~pl.col("label_fraud")).join(homes, on="customer_id")


@pytest.mark.parametrize(
    ("countries", "share"),
    [(["GB"], 0.946), (["DE", "ES", "FR", "IT", "NL", "IE", "PT"], 0.67), (["AU"], 0.98)],
    ids=["Britain", "euro area", "Australia"],
)
def test_contactless_is_as_published(honest, countries, share):
    stores = honest.filter(pl.col("channel") == "IN_STORE", pl.col("merchant_country").is_in(countries))
    assert stores.height > 500
    assert (stores["pos_entry_mode"] == "NFC").mean() == pytest.approx(share, abs=0.06)


def test_the_stripe_is_american(honest):
    present = honest.filter(pl.col("channel") != "ONLINE")
    stripe = present.group_by("merchant_country").agg((pl.col("pos_entry_mode") == "MAGSTRIPE").mean())
    shares = {str(country): share for country, share in stripe.iter_rows()}
    assert shares["US"] == pytest.approx(0.11, abs=0.02)
    assert max(shares["GB"], shares["FR"], shares["DE"]) < 0.03


def test_australians_spend_little_abroad(honest):
    spent = pl.col("amount") / pl.col("amount").median().over("currency_code")
    at_home = honest.with_columns(spent=spent).filter(home_country="AU")
    abroad = at_home.filter(pl.col("merchant_country").cast(pl.String) != "AU")
    assert abroad["spent"].sum() / at_home["spent"].sum() < 0.06
