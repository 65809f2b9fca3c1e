"""Addressable randomness: what a stream depends on, and what it does not."""

import datetime as dt

import numpy as np

from synth_assets.generator.streams import BLOCK_ROWS, BlockStreams, block_count, day_streams, hashed
from tests.conftest import DAY


def test_streams_of_other_names_days_seeds_and_blocks_share_nothing():
    streams = [
        BlockStreams(1, DAY, 0, 4).words("a"),
        BlockStreams(1, DAY, 0, 4).words("b"),
        BlockStreams(2, DAY, 0, 4).words("a"),
        BlockStreams(1, DAY, 1, 4).words("a"),
        BlockStreams(1, dt.date(2026, 1, 16), 0, 4).words("a"),
    ]
    assert len({word for words in streams for word in words.tolist()}) == 20


def test_a_shorter_block_is_the_beginning_of_a_longer_one():
    short, long = BlockStreams(1, DAY, 0, 7), BlockStreams(1, DAY, 0, 100)
    assert short.words("a").tolist() == long.words("a")[:7].tolist()
    assert short.below("a", 162).tolist() == long.below("a", 162)[:7].tolist()


def test_a_days_blocks_can_be_had_in_ranges():
    rows = 2 * BLOCK_ROWS + 5
    assert block_count(rows) == 3
    whole = [streams.words("a").tolist() for streams in day_streams(1, DAY, rows, range(3))]
    assert [len(words) for words in whole] == [BLOCK_ROWS, BLOCK_ROWS, 5]
    parts = [*day_streams(1, DAY, rows, range(1)), *day_streams(1, DAY, rows, range(1, 3))]
    assert [streams.words("a").tolist() for streams in parts] == whole


def test_a_higher_probability_only_turns_more_flags_true():
    streams = BlockStreams(1, DAY, 0, 1_000)
    few, many = streams.chosen("a", 0.2), streams.chosen("a", 0.6)
    assert few.sum() < many.sum()
    assert not (few & ~many).any()


def test_a_hashed_word_stays_with_its_numbers():
    numbers = np.arange(10)
    assert hashed(1, "a", numbers).tolist() == [int(hashed(1, "a", np.array([each]))[0]) for each in range(10)]
    others = [hashed(2, "a", numbers), hashed(1, "b", numbers), hashed(1, "a", numbers, numbers)]
    assert len({word for words in [hashed(1, "a", numbers), *others] for word in words.tolist()}) == 40
