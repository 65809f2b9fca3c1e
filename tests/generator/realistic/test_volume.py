"""Days by the calendar: how many payments a day has, judged by lists and figures of the tests' own."""

import datetime as dt
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from benchmarks.realism.daily_counts import CENSUS
from synth_assets.generator.binomial import binomial_bounds
from synth_assets.generator.plan import GenerationPlan, PlanError
from synth_assets.generator.realistic.almanac import day_weights
from synth_assets.generator.realistic.answer_key import incidents
from tests.conftest import PROJECT_ROOT, make_frame
from tests.generator.realistic.conftest import realistic

MEAN = 1_000_000


def by_calendar(day: dt.date = dt.date(2026, 1, 15), **settings) -> GenerationPlan:
    return realistic(**{"day": day, "volume": "calendar", **settings})


def days_of(year: int) -> list[dt.date]:
    return [
        dt.date(year, 1, 1) + dt.timedelta(days=n) for n in range((dt.date(year + 1, 1, 1) - dt.date(year, 1, 1)).days)
    ]


def rows_of(year: int, mean: int = MEAN, **settings) -> dict[dt.date, int]:
    """The rows of each day of a year, each by a plan of its own."""
    return {day: by_calendar(day, rows=mean, **settings).rows for day in days_of(year)}


@pytest.fixture(scope="module")
def year() -> dict[dt.date, int]:
    return rows_of(2026)


def weight(country: str, month: int, day: int, year: int = 2026) -> int:
    """What is paid in a country on a day, beside other days."""
    return int(day_weights(country, dt.date(year, month, day), 1)[0][0])


@pytest.mark.parametrize("of_year", [2019, 2024, 2025, 2026, 2031])
@pytest.mark.parametrize("mean", [1_000_000, 777])
def test_the_mean_of_a_year_is_what_is_set(of_year, mean):
    rows = list(rows_of(of_year, mean).values())
    # Each day is rounded; the roundings of a year go either way.
    assert abs(np.mean(rows) - mean) < 0.1
    assert len(set(rows)) > 100


def test_a_constant_volume_has_as_many_on_every_day():
    assert {realistic(day=day, rows=777).rows for day in days_of(2026)} == {777}


def test_a_mean_of_one_payment_leaves_no_day_without_any():
    assert set(rows_of(2026, 1).values()) == {1, 2}


def test_friday_and_saturday_lead_and_sunday_and_monday_come_last(year):
    # Months with few holidays.
    by_weekday = {n: np.mean([r for d, r in year.items() if d.month in (3, 6) and d.weekday() == n]) for n in range(7)}
    mean = np.mean(list(by_weekday.values()))
    order = sorted(by_weekday, key=by_weekday.get)
    assert (set(order[:2]), set(order[-2:])) == ({0, 6}, {4, 5})
    assert by_weekday[4] / mean == pytest.approx(1.12, abs=0.04)
    assert by_weekday[6] / mean == pytest.approx(0.91, abs=0.04)


def test_the_season_is_that_of_retail_sales(year):
    for month, of_a_month in enumerate(CENSUS, 1):
        rows = [found for day, found in year.items() if day.month == month]
        # Cars are in the source, which people do not buy for Christmas.
        band = 0.08 if month == 12 else 0.05
        assert np.mean(rows) / MEAN == pytest.approx(of_a_month * 365 / 12 / len(rows), rel=band), month


HOLIDAYS = {
    "AU": ["01-26", "04-03", "04-06"],
    "BR": ["09-07", "11-20"],
    "DE": ["04-03", "05-14", "05-25"],
    "FR": ["05-14", "07-14", "11-11"],
    "GB": ["04-03", "04-06", "05-04", "08-31"],
    "IN": ["01-26", "10-02"],
    "JP": ["01-12", "02-11", "05-05", "11-03"],
    "KR": ["02-17", "05-05", "09-25"],
    "MX": ["03-16", "09-16"],
    "NL": ["04-27", "05-14"],
    "PL": ["06-04", "11-11"],
    "US": ["01-19", "05-25", "09-07", "11-26"],
    "ZA": ["04-27", "06-16", "09-24"],
}
"""Some public holidays of 2026 that are no weekend, by the governments' own lists."""
ORDINARY = ["03-11", "07-08", "08-12", "10-14"]
"""Days of 2026 that are a holiday in none of these countries, nor are the days a week after them."""


@pytest.mark.parametrize("country", HOLIDAYS)
def test_a_public_holiday_has_fewer_payments_than_the_weekday_a_week_before_or_after(country):
    for text in HOLIDAYS[country]:
        day = dt.date.fromisoformat(f"2026-{text}")
        others = [
            day + dt.timedelta(days=days)
            for days in (-7, 7)
            if f"{day + dt.timedelta(days=days):%m-%d}" not in HOLIDAYS[country]
        ]
        least = min(weight(country, other.month, other.day) for other in others)
        assert weight(country, day.month, day.day) < 0.85 * least, day
    for text in ORDINARY:
        day = dt.date.fromisoformat(f"2026-{text}")
        weekly = [weight(country, each.month, each.day) for each in (day, day + dt.timedelta(days=7))]
        assert weekly[0] == pytest.approx(weekly[1], rel=0.15), day


def test_a_holiday_of_one_country_shows_in_the_payments_of_its_customers_alone(schema):
    # 25 May: Memorial Day, and no holiday in Japan or India.
    payments = {
        day: make_frame(schema, by_calendar(dt.date(2026, 5, day), rows=30_000, customers=2_000))
        .filter(pl.col("channel").cast(pl.String) == "IN_STORE")["merchant_country"]
        .value_counts()
        for day in (18, 25)
    }
    counts = {day: dict(found.iter_rows()) for day, found in payments.items()}
    assert counts[25]["US"] / counts[18]["US"] < 0.88
    asia = [sum(counts[day][country] for country in ("JP", "IN")) for day in (25, 18)]
    assert asia[0] / asia[1] == pytest.approx(1, abs=0.08)


def test_christmas_rises_to_its_eve_and_falls_as_card_payments_did_in_britain(year):
    assert min(year, key=year.get) == dt.date(2026, 12, 25)
    assert max(year, key=year.get) in {dt.date(2026, 12, 18), dt.date(2026, 12, 19)}
    # Office for National Statistics: 126 per cent of February 2020, then 86 in the week to 30 December 2021.
    last, first = (sum(weight("GB", 12, day, 2021) for day in days) for days in (range(17, 24), range(24, 31)))
    assert first / last == pytest.approx(86 / 126, abs=0.06)
    # Paymark: the last seven days before Christmas bring about half more than an average week.
    usual = [weight("NZ", month, day) for month in range(1, 12) for day in range(1, 29)]
    assert sum(weight("NZ", 12, day) for day in range(18, 25)) / 7 / np.mean(usual) == pytest.approx(1.5, abs=0.12)


@pytest.mark.parametrize(
    ("country", "day", "rise"),
    [
        ("JP", "2026-03-25", 1.12),  # a Wednesday
        ("JP", "2026-07-24", 1.12),  # the 25th is a Saturday
        ("GB", "2026-05-29", 1.12),  # the 31st is a Sunday
        ("DE", "2026-02-27", 1.12),  # the 28th is a Saturday
        ("US", "2026-04-15", 1.06),  # half of the people are paid then
        ("PL", "2026-03-10", 1.12),
        ("NZ", "2026-03-31", 1.0),  # people are paid by the week
    ],
)
def test_more_is_paid_on_a_payday_and_half_of_that_on_the_day_after(country, day, rise):
    payday = dt.date.fromisoformat(day)
    paid, before = (day_weights(country, day, 2)[0] for day in (payday, payday - dt.timedelta(days=7)))
    assert (paid / before).tolist() == pytest.approx([rise, 1 + (rise - 1) / 2])


def test_a_window_of_days_has_the_mean_of_its_days(year):
    week = by_calendar(dt.date(2026, 5, 10), rows=MEAN, lookback_days=7)
    days = [dt.date(2026, 5, day) for day in range(4, 11)]
    assert week.rows == pytest.approx(np.mean([year[day] for day in days]), abs=1)
    of_year = rows_of(2026, lookback_days=7).values()
    assert np.mean(list(of_year)) == pytest.approx(MEAN, rel=0.002)


def test_the_days_of_a_window_share_its_payments_by_the_calendar(schema, year):
    # The week of Christmas.
    plan = by_calendar(dt.date(2026, 12, 28), rows=40_000, customers=2_000, lookback_days=7)
    frame = make_frame(schema, plan)
    assert frame.height == plan.rows
    counts = dict(frame.group_by(pl.col("event_time").dt.date()).len().iter_rows())
    days = [plan.day - dt.timedelta(days=number) for number in range(7)]
    total = sum(year[day] for day in days)
    for day in days:
        # A world has other shares of its zones than all worlds together, so the share may be off by a hundredth.
        low, _ = binomial_bounds(plan.rows, year[day] / total * 0.97, 1e-6)
        _, high = binomial_bounds(plan.rows, year[day] / total * 1.03, 1e-6)
        assert low <= counts[day] <= high, day
    assert frame["previous_txn_id"].null_count() > 0


def test_previous_txn_id_spans_two_days_of_different_size(schema):
    plans = [by_calendar(dt.date(2026, 12, day), rows=30_000, customers=2_000) for day in (24, 25)]
    assert plans[0].rows > 1.5 * plans[1].rows
    first, second = (make_frame(schema, plan) for plan in plans)
    assert [first.height, second.height] == [plan.rows for plan in plans]
    both = pl.concat([first, second])
    before = both.select(pl.col("transaction_id").shift(1).over("card_pan_hash")).to_series()[first.height :]
    assert second["previous_txn_id"].equals(before.alias("previous_txn_id"))
    assert len(set(second["previous_txn_id"].drop_nulls()) & set(first["transaction_id"])) > 1_000


@pytest.mark.parametrize("segment_rows", [524_288, 500], ids=["as many segments", "other segments"])
def test_a_counterfeit_has_its_visit_on_a_day_of_another_size(schema, segment_rows, monkeypatch):
    monkeypatch.setattr("synth_assets.generator.realistic.segments.SEGMENT_ROWS", segment_rows)
    last = dt.date(2026, 12, 19)
    days = [last - dt.timedelta(days=number) for number in range(12)]
    plans = [by_calendar(day, rows=4_500, fraud_rate=0.15, seed=segment_rows) for day in days]
    assert len({-(-plan.rows // 5_000) for plan in plans}) == 2
    payments = pl.concat(make_frame(schema, plan).with_columns(day=pl.lit(plan.day)) for plan in plans)
    key = pl.concat(incidents(plan) for plan in plans).select("transaction_id", "case_id", "kind", "scenario")
    paid = payments.join(key, on="transaction_id")
    counterfeits = paid.filter((pl.col("scenario") == "counterfeit") & (pl.col("day") > last - dt.timedelta(days=2)))
    visits = paid.filter(kind="visit")
    assert visits["case_id"].is_unique().all()
    both = counterfeits.unique("case_id").join(visits, on="case_id", how="left", suffix="_of_visit")
    assert both.height >= 5
    assert both["day_of_visit"].null_count() == 0
    assert (both["day_of_visit"] < both["day"]).all()
    assert (both["customer_id_of_visit"] == both["customer_id"]).all()


def test_the_settings_of_a_calendar_are_judged():
    with pytest.raises(PlanError, match="volume has no effect in the uniform profile: leave it at constant"):
        GenerationPlan.of(day="2026-01-15", volume="calendar")
    with pytest.raises(PlanError, match="mean_rows has no effect where volume is constant"):
        realistic(mean_rows=5)
    with pytest.raises(PlanError, match=r"2026-12-18 has 15,\d{3},\d{3},\d{3} rows by the calendar, of at most 10,0"):
        by_calendar(dt.date(2026, 12, 18), rows=10**10, chunk_size=10**6)
    quiet, busy = dt.date(2026, 1, 12), dt.date(2026, 12, 18)
    chunks = {"rows": 32_767 * 10, "chunk_size": 10}
    assert by_calendar(quiet, **chunks).row_groups < 32_767
    with pytest.raises(PlanError, match="Use a chunk_size of at least 16"):
        by_calendar(busy, **chunks)


@pytest.mark.filterwarnings("ignore:Requested Holidays are available only from")
def test_the_first_and_the_last_years_have_days_too():
    for day in (dt.date(1679, 1, 1), dt.date(2261, 12, 31)):
        plan = by_calendar(day, rows=1_000, lookback_days=366)
        assert plan.rows == pytest.approx(1_000, rel=0.01)


def test_days_of_constant_volume_do_without_the_holidays():
    program = (
        "import sys; from synth_assets import payments; from synth_assets.generator.plan import GenerationPlan; "
        "settings = {'day': '2026-01-15', 'rows': 10, 'profile': 'realistic', 'customers': 1_000}; "
        "payments(**settings); assert 'holidays' not in sys.modules; "
        "GenerationPlan.of(**settings, volume='calendar'); assert 'holidays' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, env=os.environ, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
