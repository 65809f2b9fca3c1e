"""Customers join and leave, merchants open and close: how many, and what of theirs stays with the number."""

import datetime as dt
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic import draft
from synth_assets.generator.realistic.cases import COPIED_DAYS
from synth_assets.generator.realistic.habits import compromised_merchant
from synth_assets.generator.realistic.holders import NOBODY
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.realistic.places import PLACES
from synth_assets.generator.realistic.world import World
from tests.conftest import make_frame
from tests.generator.realistic.conftest import day_drafts, realistic

YEARS = range(2015, 2030)
KEYS = {"customers": ("customer_id", "joined", "left"), "merchants": ("merchant_id", "opened", "closed")}


def tables(world: World, name: str, years: range) -> pl.DataFrame:
    """The world's tables of some years, one after the other, with the year and plain names for the days."""
    number, came, went = KEYS[name]
    made = (getattr(world, f"{name}_table")(year).with_columns(year=pl.lit(year)) for year in years)
    return pl.concat(made).rename({number: "number", came: "came", went: "went"})


def with_world(payments: pl.DataFrame, plan: GenerationPlan) -> pl.DataFrame:
    """Payments, each with the days on which its customer and its merchant came and went by the table of its year."""
    world, date = World.of(plan.seed, plan.customers), pl.col("event_time").dt.date()
    found = payments.with_columns(date=date, year=date.dt.year())
    years = range(found["year"].min(), found["year"].max() + 1)
    for name, (number, *days) in KEYS.items():
        table = tables(world, name, years).select("year", "came", "went", known=pl.lit(True), number="number")
        table = table.rename({"number": number, "came": days[0], "went": days[1], "known": name})
        found = found.join(table, on=["year", number], how="left", maintain_order="left")
    return found


def made(schema, **settings) -> pl.DataFrame:
    plan = realistic(**settings)
    return with_world(make_frame(schema, plan), plan)


@pytest.mark.parametrize("seed", [1, 42])
@pytest.mark.parametrize(
    ("name", "leave", "leave_in_the_first_year"),
    [("customers", (0.085, 0.105), (0.01, 0.2)), ("merchants", (0.07, 0.1), (0.12, 0.28))],
)
def test_as_many_come_and_go_in_a_year_as_published(seed, name, leave, leave_in_the_first_year):
    world = World.of(seed, 20_000)
    count = {"customers": 20_000, "merchants": 9_000}[name]
    shares, new = [], []
    for year in YEARS:
        table = tables(world, name, range(year, year + 1))
        first = dt.date(year, 1, 1)
        there = table.filter(pl.col("came").is_null() | (pl.col("came") <= first))
        assert 0.88 < there.height / count < 0.94
        shares.append(there["went"].is_not_null().mean())
        new.append(tables(world, name, range(year, year + 2)).filter(pl.col("came").dt.year() == year))
        assert 0.8 < (table.height - there.height) / there["went"].is_not_null().sum() < 1.25
    assert leave[0] < np.mean(shares) < leave[1]
    newcomers = pl.concat(new).group_by("number", "came").agg(pl.col("went").max())
    short = (newcomers["went"] - newcomers["came"]).dt.total_days() < 365
    low, high = leave_in_the_first_year
    assert low < short.fill_null(False).mean() < high


@pytest.mark.parametrize("name", KEYS)
def test_a_number_has_one_holder_a_year_and_rests_for_a_year_between_two(name):
    table = tables(World.of(42, 3_000), name, YEARS)
    assert not table.select("year", "number").is_duplicated().any()
    holders = table.group_by("number", "came").agg(pl.col("went").unique().drop_nulls(), pl.col("year").max())
    assert holders["went"].list.len().max() == 1
    ends = holders.with_columns(pl.col("went").list.first()).sort("number", "came")
    rest = ends.with_columns(rest=(pl.col("came").shift(-1).over("number") - pl.col("went")).dt.total_days())
    followed = rest.drop_nulls("rest")
    assert followed.height > 1_000
    assert followed["rest"].min() > 365
    # Whoever is not said to have left is there in the year after.
    stays = ends.filter(pl.col("went").is_null())
    assert (stays["year"] == YEARS[-1]).all()


def test_whoever_holds_a_number_in_a_year_does_not_depend_on_which_years_were_asked_for_before():
    one, other = (World.of.__wrapped__(5, 1_000) for _ in range(2))
    forwards = {year: one.customers_table(year) for year in YEARS}
    for year in reversed(YEARS):
        assert other.customers_table(year).equals(forwards[year])


@pytest.mark.parametrize(
    ("days", "settings"),
    [
        (
            [dt.date(2024, 1, 1) + dt.timedelta(days=days) for days in range(0, 3 * 365, 156)],
            {"customers": 1_000, "rows": 4_000, "fraud_rate": 0.1},
        ),
        ([dt.date(2026, 6, 30)], {"customers": 1_000, "rows": 40_000, "fraud_rate": 0.1, "lookback_days": 366}),
        ([dt.date(1679, 1, 1), dt.date(2261, 12, 31)], {"customers": 1_000, "rows": 4_000}),
        ([dt.date(2026, 1, 1)], {"customers": 600_000, "rows": 20_000, "fraud_rate": 0.05}),
    ],
    ids=["three years", "a window of a year", "the first and the last day", "many customers"],
)
def test_nobody_pays_before_joining_or_after_leaving_and_no_closed_merchant_is_paid(schema, days, settings):
    for day in days:
        plan = realistic(day=day, **settings)
        payments = with_world(make_frame(schema, plan), plan)
        assert payments["customers"].null_count() == payments["merchants"].null_count() == 0
        for _, came, went in KEYS.values():
            assert not (payments[came] > payments["date"]).any()
            assert not (payments[went] <= payments["date"]).any()
        card = ["card_pan_hash", "customer_id", "card_exp_year", "card_exp_month"]
        world = World.of(plan.seed, plan.customers)
        for (year,), of_year in payments.group_by("year"):
            cards = world.cards_table(year)
            assert of_year.join(cards, on=card, how="anti").is_empty()
            issued = of_year.join(cards.select("card_pan_hash", "valid_from"), on="card_pan_hash")
            assert (issued["valid_from"] <= issued["date"]).all()
            assert (issued["valid_from"] >= issued["joined"]).all()


def test_days_years_apart_share_fewer_customers_cards_and_merchants(schema):
    settings = {"customers": 2_000, "rows": 20_000}
    first = made(schema, day=dt.date(2020, 3, 2), **settings)
    shared = {"customer_id": [], "merchant_id": []}
    for year in (2021, 2024, 2028):
        later = made(schema, day=dt.date(year, 3, 2), **settings)
        for (number, came, _), found in zip(KEYS.values(), shared.values(), strict=True):
            both = first.select(number, came).unique().join(
                later.select(number, came).unique(), on=[number, came], nulls_equal=True
            )  # fmt: skip
            found.append(both.height / first[number].n_unique())
    for found in shared.values():
        assert all(later < earlier - 0.02 for earlier, later in pairwise(found))
    assert 0.8 < shared["customer_id"][0] < 0.95
    assert shared["customer_id"][2] < 0.65


def test_the_next_customer_with_a_number_has_nothing_of_the_one_before(schema):
    years = (2016, 2026)
    before, after = (
        pl.concat(
            made(schema, day=dt.date(year, 3, 2) + dt.timedelta(days=day), customers=1_000, rows=15_000)
            for day in range(2)
        )
        for year in years
    )
    both = before.select("customer_id", "joined").unique().join(
        after.select("customer_id", "joined").unique(), on="customer_id"
    )  # fmt: skip
    others = both.filter(pl.col("joined") != pl.col("joined_right"))["customer_id"]
    assert len(others) > 300
    before, after = (frame.filter(pl.col("customer_id").is_in(others.implode())) for frame in (before, after))
    assert not set(before["card_pan_hash"]) & set(after["card_pan_hash"])
    phones = [
        set(frame.filter(pl.col("device_type").is_in(["IOS", "ANDROID"]))["device_id"].drop_nulls())
        for frame in (before, after)
    ]
    assert min(map(len, phones)) > 300
    assert not phones[0] & phones[1]
    shops = [
        frame.filter(channel="IN_STORE").group_by("customer_id").agg(pl.col("merchant_id").unique())
        for frame in (before, after)
    ]
    visited = shops[0].join(shops[1], on="customer_id")
    again = visited["merchant_id"].list.set_intersection(visited["merchant_id_right"]).list.len()
    # Both live in one city, and go to its popular stores.
    assert again.sum() / visited["merchant_id"].list.len().sum() < 0.35


def test_a_card_number_is_of_one_holder_of_a_customer_number_only():
    world = World.of(42, 2_000)
    cards = pl.concat(
        world.cards_table(year).join(world.customers_table(year).select("customer_id", "joined"), on="customer_id")
        for year in YEARS
    )
    holders = cards.group_by("card_pan_hash").agg(pl.struct("customer_id", "joined").n_unique().alias("holders"))
    assert holders["holders"].max() == 1
    assert holders.height > 10_000


def test_whoever_pays_again_after_days_is_still_a_customer(monkeypatch):
    # With the minutes that are usual, hardly anybody leaves in between.
    monkeypatch.setattr(draft, "AGAIN_SHARE", 0.9)
    monkeypatch.setattr(draft, "AGAIN_SECONDS", 60 * 86_400)
    plan = realistic(customers=1_000, rows=20_000, lookback_days=366)
    assert all((each.joined < NOBODY).all() for each in day_drafts(plan))


def test_an_agreement_ends_with_its_customer_or_its_merchant_and_no_sooner(schema):
    first, later = dt.date(2026, 1, 5), dt.date(2026, 1, 5) + dt.timedelta(days=12 * 30)
    settings = {"customers": 20_000, "rows": 40_000, "fraud_rate": 0.0}
    before, after = (made(schema, day=day, **settings).filter("is_recurring") for day in (first, later))
    agreement = ["customer_id", "merchant_id", "amount"]
    plan = realistic(day=first, **settings)
    world = World.of(plan.seed, plan.customers)
    gone = {
        name: set(
            tables(world, name, range(2026, 2027))
            .filter(pl.col("came").is_null() | (pl.col("came") <= first), pl.col("went") <= later)["number"]
            .to_list()
        )
        for name in KEYS
    }
    ended = before.select(
        *agreement,
        ended=pl.col("customer_id").is_in(gone["customers"]) | pl.col("merchant_id").is_in(gone["merchants"]),
    ).unique()
    again = ended.join(after.select(agreement).unique(), on=agreement, how="semi")
    assert ended["ended"].sum() > 200
    assert not again["ended"].any()
    # Some are cancelled in the course of a year, and some give their place to an incident.
    assert again.height / ended.filter(~pl.col("ended")).height > 0.78
    # A customer has an agreement no longer than the number is theirs, and new customers have agreements too.
    assert (after["joined"] > first).mean() > 0.03


def test_a_new_customer_is_no_proof_of_fraud(schema):
    payments = pl.concat(
        made(
            schema,
            day=dt.date(2026, 3, 2) + dt.timedelta(days=week * 7),
            customers=20_000,
            rows=40_000,
            fraud_rate=0.02,
        )
        for week in range(3)
    )
    for came in ("joined", "opened"):
        new = (pl.col("date") - pl.col(came)).dt.total_days() < 180
        frauds = payments.filter(new)["label_fraud"]
        assert len(frauds) > 1_500
        assert 0.4 < frauds.mean() / 0.02 < 1.8, came


def test_a_victim_is_a_customer_until_the_report(schema):
    reported = 0
    for day in (dt.date(2025, 12, 30), dt.date(2026, 3, 2)):
        plan = realistic(day=day, customers=3_000, rows=40_000, fraud_rate=0.1)
        payments = with_world(make_frame(schema, plan), plan).select("transaction_id", "customer_id", "joined")
        events = pl.concat(label_events(plan)).drop_nulls("reported_at").join(payments, on="transaction_id")
        held = tables(World.of(plan.seed, plan.customers), "customers", range(2025, 2027))
        held = held.select("year", "came", "went", customer_id="number")
        at_report = events.with_columns(year=pl.col("reported_at").dt.year()).join(held, on=["year", "customer_id"])
        assert at_report.height == events.height
        assert (at_report["came"] == at_report["joined"]).all()
        assert not (at_report["went"] <= at_report["reported_at"].dt.date()).any()
        reported += events.height
    assert reported > 4_000


def test_a_compromised_merchant_is_open_while_the_copies_are_used():
    world, places = World.of(42, 1_000), np.arange(len(PLACES))
    shops = tables(world, "merchants", range(2016, 2026)).group_by("number", "came").agg(pl.col("went").max())
    visits = pl.concat(
        pl.DataFrame({"number": world.merchants.id[compromised_merchant(world, places, day)]}).with_columns(day=day)
        for day in (dt.date(2016, 1, 1) + dt.timedelta(days=days) for days in range(0, 3_600, 7))
    )
    last = pl.col("day") + pl.duration(days=COPIED_DAYS)
    of_shops = visits.join(shops, on="number").filter(
        pl.col("came").is_null() | (pl.col("came") <= pl.col("day")), pl.col("went").is_null() | (pl.col("went") > last)
    )
    assert of_shops.select("number", "day").height == visits.height > 20_000
