"""The columns of the realistic profile: how the values of a row depend on each other."""

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from synth_assets.generator.realistic.places import PLACES
from synth_assets.generator.realistic.world import World
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic


def test_dependencies_are_exact(days):
    def values_of(key: str, columns: list[str], frame: pl.DataFrame = days) -> int:
        return frame.group_by(key).agg(pl.struct(columns).n_unique().alias("n"))["n"].max()

    assert values_of("card_pan_hash", ["customer_id", "card_scheme", "card_exp_year", "card_exp_month"]) == 1
    assert values_of("merchant_id", ["merchant_country", "currency_code", "channel"]) == 1
    assert values_of("merchant_id", ["mcc_code"], days.drop_nulls("mcc_code")) == 1
    phones = days.filter(pl.col("device_type").is_in(["IOS", "ANDROID", "WEB"])).drop_nulls("device_id")
    assert values_of("device_id", ["device_type"], phones) == 1
    terminals = days.filter(device_type="POS").drop_nulls("device_id")
    assert values_of("device_id", ["merchant_id"], terminals) == 1


@pytest.mark.parametrize("day", [dt.date(2026, 3, 8), dt.date(2026, 3, 29), dt.date(2026, 4, 5), dt.date(2026, 11, 1)])
def test_offsets_are_those_of_the_merchants_zone_when_clocks_change(schema, day):
    plan = realistic(day=day)
    world = World.of(plan.seed, plan.customers)
    zones = {int(m): PLACES[p].zone for m, p in zip(world.merchants.id, world.merchants.place, strict=True)}
    frame = make_frame(schema, plan).select("event_time", "merchant_id", "local_time_offset")
    for moment, merchant, minutes in frame.iter_rows():
        assert moment.astimezone(ZoneInfo(zones[merchant])).utcoffset() == dt.timedelta(minutes=minutes)


def test_positions_lie_near_the_merchant(days):
    width = days.drop_nulls("latitude").group_by("merchant_id").agg(
        (pl.col(name).max() - pl.col(name).min()).alias(name) for name in ("latitude", "longitude")
    )  # fmt: skip
    assert width["latitude"].max() < 0.0061
    assert width["longitude"].max() < 0.0061


def test_no_card_is_used_after_its_last_month_by_the_date_at_the_till(days):
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    month = local.dt.year().cast(pl.Int64) * 12 + local.dt.month()
    left = days.select(left=pl.col("card_exp_year") * 12 + pl.col("card_exp_month") - month)["left"]
    assert left.min() >= 0
    assert left.min() < 12


def test_a_card_often_pays_again_within_minutes(schema):
    """In a world where cards are many, so that few would by chance."""
    day = make_frame(schema, realistic(rows=20_000, customers=60_000))
    gap = pl.col("event_time").diff().over("card_pan_hash", order_by="event_time")
    again = day.filter(~pl.col("label_fraud")).select((gap < dt.timedelta(minutes=20)).fill_null(False)).to_series()
    assert 0.06 < again.mean() < 0.2
