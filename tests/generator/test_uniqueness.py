"""Ids are unique, or named: in one bucket as in several."""

import polars as pl
import pytest

from synth_assets.generator.uniqueness import IDS_A_BUCKET, Bucket, bucket_count, repeated_ids


def repeated(ids: list[str], buckets: int, examples: int = 5) -> list[str]:
    parts = [pl.Series(ids[start : start + 1_000], dtype=pl.String) for start in range(0, len(ids), 1_000)]
    first = Bucket(0, buckets)
    for part in parts:
        first.add(part)
    return repeated_ids(first, buckets, lambda: iter(parts), examples)


@pytest.mark.parametrize("buckets", [1, 2, 7])
def test_different_ids_are_unique(buckets):
    assert repeated([f"id-{number}" for number in range(20_000)], buckets) == []


@pytest.mark.parametrize("buckets", [1, 2, 7])
def test_every_bucket_finds_the_repeated_ids_that_are_its_own(buckets):
    ids = [f"id-{number}" for number in range(20_000)] + [f"id-{number}" for number in range(0, 6_000, 100)]
    assert set(repeated(ids, buckets, examples=100)) == set(ids[20_000:])


def test_every_bucket_gathers_some_of_many_ids_and_together_all():
    ids = pl.Series([f"id-{number}" for number in range(7_000)])
    sizes = []
    for number in range(7):
        bucket = Bucket(number, 7)
        bucket.add(ids)
        bucket.add(ids)
        sizes.append(len(bucket.repeated(enough=10_000)))
    assert sum(sizes) == 7_000
    assert min(sizes) > 800


def test_a_day_needs_one_bucket_for_each_four_million_ids():
    assert [bucket_count(rows) for rows in (0, 1, IDS_A_BUCKET, IDS_A_BUCKET + 1)] == [1, 1, 1, 2]
