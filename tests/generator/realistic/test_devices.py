"""Innocent customers change devices, addresses and cities, so a new one of these is no proof of fraud."""

import datetime as dt

import polars as pl
import pytest

from synth_assets.generator.realistic.answer_key import incidents
from synth_assets.generator.realistic.networks import _allocation
from synth_assets.generator.realistic.places import COUNTRIES
from synth_assets.generator.realistic.world import World
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic

FIRST = dt.date(2026, 3, 2)


@pytest.fixture(scope="module")
def online(schema) -> pl.DataFrame:
    """The online payments of a fortnight, with their /16 networks, their customers' phones, and the answer key."""
    plans = [realistic(day=FIRST + dt.timedelta(days=day), rows=12_000, customers=1_500) for day in range(14)]
    payments = pl.concat(make_frame(schema, plan).with_columns(day=pl.lit(plan.day)) for plan in plans)
    key = pl.concat(incidents(plan) for plan in plans).drop("event_time")
    customers = (
        World.of(plans[0].seed, 1_500).customers_table(FIRST.year).select("customer_id", "phone", "home_country")
    )
    return (
        payments.filter(pl.col("channel") == "ONLINE")
        .join(key, on="transaction_id", how="left")
        .join(customers.select("customer_id", "phone", "home_country"), on="customer_id")
        .with_columns(network=pl.col("ip_address").str.extract(r"^(\d+\.\d+)\."))
        .sort("event_time")
    )


def precision_and_recall(payments: pl.DataFrame, rule: pl.Expr) -> tuple[float, float]:
    caught = payments.filter(rule)["label_fraud"]
    return caught.mean() or 0.0, caught.sum() / payments["label_fraud"].sum()


LATE = pl.col("day") >= FIRST + dt.timedelta(days=7)


@pytest.mark.parametrize(
    "rule",
    [
        pl.struct("customer_id", "network").is_first_distinct() & LATE,
        pl.struct("customer_id", "device_id").is_first_distinct() & LATE,
        pl.col("device_type").cast(pl.String).is_in(["IOS", "ANDROID"])
        & (pl.col("device_type").cast(pl.String) != pl.col("phone")),
        (pl.col("customer_id").n_unique().over("device_id") > 1) & pl.col("device_id").is_not_null(),
        pl.col("customer_id").n_unique().over("ip_address") > 1,
    ],
    ids=["a new network", "a new device", "another system", "a shared device", "a shared address"],
)
def test_no_sign_of_a_stranger_is_a_proof(online, rule):
    precision, recall = precision_and_recall(online, rule)
    assert precision < 0.3
    assert recall > 0.01


def test_rings_share_devices_and_some_honest_circles_do_too(online):
    known = online.drop_nulls("device_id")
    for kind in ("fraud", "look_alike"):
        ringed = known.filter((pl.col("kind") == kind) & pl.col("ring_id").is_not_null() & ~pl.col("hidden"))
        cases = ringed.group_by("device_id").agg(pl.col("customer_id").n_unique())
        assert (cases["customer_id"] > 1).sum() > 3


def test_hidden_cases_use_what_their_customers_use_unless_a_ring_has_a_device_for_them(online):
    others = online.filter(pl.col("kind").is_null())["device_id"].unique()
    hidden = online.filter(pl.col("hidden")).drop_nulls("device_id")
    known = hidden.group_by(ringed=pl.col("ring_id").is_not_null()).agg(
        pl.col("device_id").is_in(others.implode()).mean(), pl.len()
    )
    shares = {ringed: share for ringed, share, payments in known.iter_rows() if payments > 15}
    assert shares[False] > 0.7
    assert 0.25 < shares[True] < 0.65


def test_a_network_belongs_to_one_country():
    numbers, starts, counts = _allocation()
    assert len(set(numbers.tolist())) == len(numbers) == counts.sum()
    assert len(counts) == len(COUNTRIES) + 1
    assert counts.min() > 200
    assert starts[0] == 0


def test_most_payments_come_from_a_network_of_the_customers_country(online):
    honest = online.filter(pl.col("kind").is_null())
    usual = honest.group_by("network").agg(country=pl.col("home_country").mode().first(), payments=pl.len())
    seen = honest.join(usual.filter(pl.col("payments") >= 5), on="network")
    assert (seen["country"] == seen["home_country"]).mean() > 0.85
