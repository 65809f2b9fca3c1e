"""The kit that profiles make columns with."""

import uuid

import numpy as np
import polars as pl

from synth_assets.generator.columns import fill_between_nulls, named, uuid_text
from synth_assets.generator.schema import Field


def test_values_keep_their_order_between_nulls():
    null = np.array([True, False, True, False, False, True])
    assert fill_between_nulls(pl.Series(["a", "b", "c"]), null).to_list() == [None, "a", None, "b", "c", None]


def test_nothing_fills_a_series_of_nulls():
    assert fill_between_nulls(pl.Series([], dtype=pl.String), np.array([True, True])).to_list() == [None, None]


def test_words_are_the_bits_of_a_uuid_of_version_4():
    words = np.array([0, 2**64 - 1, 0x0123456789ABCDEF], dtype=np.uint64)
    for text, word in zip(uuid_text(words, words), words.tolist(), strict=True):
        made = uuid.UUID(text)
        assert (made.version, made.variant) == (4, uuid.RFC_4122)
        assert made.int >> 80 == word >> 16
        assert made.int & (2**62 - 1) == word & (2**62 - 1)


def test_codes_are_places_in_an_enum_of_any_length():
    for count in (3, 300):
        values = tuple(f"v{number}" for number in range(count))
        made = named(np.array([count - 1, 0]), values, Field("any", "enum", False, enum=values))
        assert made.dtype == pl.Enum(values)
        assert made.to_list() == [f"v{count - 1}", "v0"]


def test_values_are_named_by_their_places_whatever_the_order_of_the_enum():
    column = Field("any", "enum", False, enum=("c", "b", "a"))
    made = named(np.array([0, 2]), ("a", "b", "c"), column)
    assert (made.to_list(), made.dtype) == (["a", "c"], pl.Enum(column.enum))
    assert named(np.array([1]), ("x", "y"), Field("any", "string", False)).to_list() == ["y"]
