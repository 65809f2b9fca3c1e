"""The payment before, within a day and across midnight; histories that compose."""

import datetime as dt
from functools import reduce
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_assets.generator.realistic import history
from synth_assets.generator.realistic.draft import drafts
from synth_assets.generator.realistic.history import CardHistory, LastPayments, card_history, day_before
from synth_assets.generator.streams import BLOCK_ROWS
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic


def test_previous_txn_id_is_the_cards_payment_before(schema):
    first, second = (
        make_frame(schema, realistic(day=day, rows=BLOCK_ROWS + 9_000, fraud_rate=0.05))
        for day in (dt.date(2026, 1, 31), dt.date(2026, 2, 1))
    )
    both = pl.concat([first, second]).with_row_index()
    expected = both.with_columns(before=pl.col("transaction_id").shift(1).over("card_pan_hash"))["before"][
        first.height :
    ]
    found = second["previous_txn_id"]
    assert found.equals(expected.alias("previous_txn_id"))
    assert 0 < found.null_count() < second.height / 2
    across_midnight = set(found.drop_nulls()) & set(first["transaction_id"])
    assert len(across_midnight) > 100


def test_a_renewed_card_has_no_payment_before():
    payments = LastPayments(CardHistory.empty(3))
    ids = np.array([[1, 1], [2, 2], [3, 3], [4, 4]], dtype=np.uint64)
    payments.add(np.array([0, 1]), np.array([7, 7]), ids[:2])
    previous, known = payments.add_and_look_back(np.array([0, 1, 1, 2]), np.array([7, 8, 8, 7]), ids)
    assert known.tolist() == [True, False, True, False]
    assert previous[known].tolist() == [[1, 1], [2, 2]]


CARDS = 6


@st.composite
def histories(draw: st.DrawFn) -> CardHistory:
    """Any history of a few cards. Ids are small, so that those of two histories may be the same."""
    generation = draw(st.lists(st.integers(-1, 3), min_size=CARDS, max_size=CARDS))
    ids = draw(st.lists(st.integers(0, 9), min_size=2 * CARDS, max_size=2 * CARDS))
    return CardHistory(np.array(ids, dtype=np.uint64).reshape(CARDS, 2), np.array(generation, dtype=np.int16))


def said(history: CardHistory) -> list[tuple[int, list[int]] | None]:
    """What a history says of each card."""
    return [
        (int(generation), ids.tolist()) if generation >= 0 else None
        for generation, ids in zip(history.generation, history.ids, strict=True)
    ]


@given(histories(), histories(), histories())
def test_histories_compose_in_any_grouping(first, second, third):
    assert said(first.then(second).then(third)) == said(first.then(second.then(third)))


@given(histories())
def test_an_empty_history_changes_nothing(history):
    empty = CardHistory.empty(CARDS)
    assert said(empty.then(history)) == said(history.then(empty)) == said(history)


@given(histories(), histories())
def test_the_later_payment_of_a_card_wins(earlier, later):
    expected = [new or old for old, new in zip(said(earlier), said(later), strict=True)]
    assert said(earlier.then(later)) == expected


@settings(deadline=None, max_examples=6)
@given(cuts=st.sets(st.integers(0, 4), max_size=3))
def test_the_history_of_some_blocks_is_that_of_its_parts(cuts):
    plan = realistic(rows=3 * BLOCK_ROWS + 5, customers=1_000)
    edges = sorted({0, *cuts, 4})
    parts = [card_history(plan, range(low, high)) for low, high in pairwise(edges)]
    assert said(reduce(CardHistory.then, parts)) == said(card_history(plan, range(4)))


def test_a_history_cannot_be_written_to():
    payments = LastPayments(CardHistory.empty(2))
    history = payments.history()
    for array in (history.ids, history.generation):
        assert not array.flags.writeable


def test_a_history_says_nothing_of_what_was_before():
    one = np.array([[1, 1]], dtype=np.uint64)
    payments = LastPayments(CardHistory(np.repeat(one, 2, axis=0), np.array([7, 7], dtype=np.int16)))
    payments.add(np.array([1]), np.array([8]), one * np.uint64(2))
    assert said(payments.history()) == [None, (8, [2, 2])]


def test_a_window_of_days_and_the_earliest_day_look_back_to_nothing():
    assert day_before(realistic(lookback_days=2)) is None
    assert day_before(realistic(day=dt.date(1679, 1, 1))) is None
    assert day_before(realistic(day=dt.date(2026, 3, 1))) == realistic(day=dt.date(2026, 2, 28))


def test_days_in_a_row_are_those_that_are_made_alone_and_no_day_is_drawn_twice(schema, monkeypatch):
    drawn: list[dt.date] = []

    def count(plan, blocks):
        drawn.extend([plan.day] if blocks else [])
        return drafts(plan, blocks)

    monkeypatch.setattr(history, "drafts", count)
    plans = [realistic(day=dt.date(2026, 1, 14) + dt.timedelta(days=number)) for number in range(3)]
    alone = []
    for plan in plans:
        history.last_day.remember(realistic(seed=99), CardHistory.empty(CARDS))
        alone.append(make_frame(schema, plan))
    assert drawn == [dt.date(2026, 1, day) for day in (13, 14, 15)]

    drawn.clear()
    history.last_day.remember(realistic(seed=99), CardHistory.empty(CARDS))
    in_a_row = [make_frame(schema, plan) for plan in plans]
    assert drawn == [dt.date(2026, 1, 13)]
    assert all(one.equals(other) for one, other in zip(alone, in_a_row, strict=True))
    # Another seed, or a day that does not follow, takes nothing over.
    assert not make_frame(schema, realistic(seed=7)).equals(make_frame(schema, realistic()))
    assert make_frame(schema, plans[0]).equals(alone[0])
