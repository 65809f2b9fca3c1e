"""When cards are issued anew, and whose cards frauds take."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.realistic.issues import CARD_MONTHS, DAY_MS, TURN_DAYS, Calendar
from synth_assets.generator.realistic.victims import NEVER
from tests.generator.realistic.conftest import day_drafts, realistic

FIRST = (dt.date(2026, 1, 5) - dt.date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar.of(3, 4_000)


def test_the_issue_in_use_is_the_last_one_that_was_made(calendar):
    card = np.arange(calendar.cards)
    moment = np.full(calendar.cards, FIRST * DAY_MS + 12_345)
    turn = calendar.last_turn(card, moment)
    assert (calendar.moment(card, turn) <= moment).all()
    assert (calendar.moment(card, turn + 1) > moment).all()
    found = np.full(calendar.cards, -1)
    while (found < 0).any():
        found = np.where((found < 0) & calendar.issued_anew(card, turn), turn, found)
        turn = turn - 1
    assert calendar.issue(card, moment).tolist() == found.tolist()


def test_the_cards_of_a_day_are_all_that_are_issued_anew_on_it(calendar):
    card = np.arange(calendar.cards)
    seen = []
    for day in range(FIRST, FIRST + 3 * TURN_DAYS):
        turn = calendar.last_turn(card, np.full(calendar.cards, (day + 1) * DAY_MS - 1))
        on_the_day = calendar.moment(card, turn) >= day * DAY_MS
        found = sorted(calendar.issued_on(day).tolist())
        assert found == np.flatnonzero(on_the_day & calendar.issued_anew(card, turn)).tolist()
        seen += found
    assert len(seen) > 500


def test_cards_are_issued_anew_at_moments_that_tell_nothing_of_the_next_and_before_they_expire(calendar):
    card = np.arange(calendar.cards)
    turns = np.arange(8_000, 8_400)
    issued = np.stack([calendar.issued_anew(card, np.full(calendar.cards, turn)) for turn in turns])
    assert issued.mean() == pytest.approx(1 - 15 / 16 * 79 / 80, rel=0.03)
    after = issued[1:][issued[:-1]].mean()
    assert after == pytest.approx(issued.mean(), rel=0.1)
    moments = np.stack([calendar.moment(card, np.full(calendar.cards, turn)) for turn in turns])
    for one in range(200):
        days = np.diff(moments[issued[:, one], one]) / DAY_MS
        assert days.max() < (CARD_MONTHS - 1) * 30


def victims(**settings) -> pl.DataFrame:
    """The payments of a day's drafts: card, its issue, the day, for how long it was in use, and of which case."""
    frames = []
    for draft in day_drafts(realistic(**settings)):
        issued = draft.world.issued(draft.card, draft.generation, draft.joined)
        case = np.zeros(len(draft.card), dtype=np.uint64)
        frauds = draft.incidents.at(draft.incidents.fraud & (draft.incidents.reported != NEVER))
        case[frauds.rows] = frauds.case
        frames.append(
            pl.DataFrame(
                {
                    "card": draft.card,
                    "issue": draft.generation,
                    "day": draft.moment // DAY_MS,
                    "age": (draft.moment - issued) / DAY_MS,
                    "case": case,
                }
            )
        )
    return pl.concat(frames)


def test_the_age_of_a_card_tells_nothing_of_its_frauds():
    differences = []
    for number in range(18):
        day = dt.date(2026, 1, 5) + dt.timedelta(days=11 * number)
        paid = victims(day=day, rows=15_000, customers=60_000, fraud_rate=0.1)
        frauds = paid.filter(pl.col("case") > 0).unique("case")
        honest = paid.filter(pl.col("case") == 0)
        for days in (30, 120, 400):
            young = [frame.select((pl.col("age") < days).mean()).item() for frame in (frauds, honest)]
            differences.append({"days": days, "difference": young[0] - young[1]})
    found = (
        pl.DataFrame(differences)
        .group_by("days")
        .agg(pl.col("difference").mean().alias("mean"), pl.col("difference").abs().max().alias("most"))
    )
    assert found.select((pl.col("mean").abs() < 0.03).all()).item()
    assert found["most"].max() < 0.12


def test_few_cards_are_taken_on_two_days():
    days = [dt.date(2026, 3, 2) + dt.timedelta(days=number) for number in range(14)]
    paid = pl.concat(victims(day=day, rows=20_000, customers=12_000) for day in days)
    taken = paid.filter(pl.col("case") > 0).group_by("card", "issue").agg(pl.col("day").n_unique())
    assert taken.height > 100
    assert (taken["day"] > 1).mean() < 0.05


def test_the_busiest_ring_is_as_busy_on_a_large_day():
    busiest = []
    for rows in (30_000, 600_000):
        rings = pl.concat(
            pl.DataFrame({"ring": each.group[each.group > 0]})
            for draft in day_drafts(realistic(rows=rows, customers=60_000))
            if (each := draft.incidents.at(draft.incidents.fraud))
        )
        busiest.append(rings["ring"].value_counts()["count"].max())
    assert busiest[1] < 3 * busiest[0]
