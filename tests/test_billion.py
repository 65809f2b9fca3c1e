"""The cost of a large day follows from the figures that it is given."""

from __future__ import annotations

import pytest

from benchmarks.billion import CORES, Measured, cost, report
from synth_assets.generator.uniqueness import bucket_count
from tests.conftest import make_plan

MEASURED = Measured(making=1.2, judging=0.3, row_bytes=180, driver=30)
PLAN = make_plan(rows=10**9, chunk_size=100_000)
BUCKETS = bucket_count(PLAN.rows)


def test_work_is_shared_by_the_cores_and_the_driver_has_its_own():
    few, many = (cost(cores, MEASURED, PLAN, BUCKETS) for cores in (2, 200))
    assert few.core_seconds == many.core_seconds == pytest.approx(1_000 * 1.5 + 30)
    assert few.bytes == many.bytes == 180 * 10**9
    assert few.minutes * 60 == pytest.approx(1_500 / 2 + 30, rel=0.01)
    # At least the 1,500 core-seconds shared by 200, and no more than a piece more on the slowest core.
    assert 1_500 / 200 + 30 <= many.minutes * 60 <= 1_500 / 200 + 30 + 2 * 1.6


def test_requests_are_those_of_the_parts_the_copies_and_the_ranges():
    found = cost(2, MEASURED, PLAN, BUCKETS)
    # 954 stretches of 2**20 rows, and 909 shards of eleven row groups with one part more for the footer.
    copies = -(-found.bytes // (8 * 2**20 * 3))
    assert found.writes == 909 + 1 + copies + 954
    assert found.reads == -(-found.bytes // (8 * 2**20)) + 954 * (BUCKETS + 1)


def test_the_report_has_a_row_for_each_number_of_cores():
    lines = [line for line in report(MEASURED, PLAN, BUCKETS).splitlines() if line.startswith("| ")]
    assert [line.split(" cores")[0] for line in lines[2:]] == [f"| {cores}" for cores in CORES]
