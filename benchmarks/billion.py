"""What a day of a billion rows costs by the number of cores, computed from measured figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks.report import table
from synth_assets.generator.plan import GenerationPlan
from synth_assets.shards import MOST_ROWS, shards_of
from synth_assets.storage.comparison import part_bytes
from synth_assets.storage.day_object import BLOCK_BYTES

ROWS = 1_000_000_000
CORES = (2, 16, 64, 200, 800)


@dataclass(frozen=True)
class Measured:
    """Measured on few rows and cores. All but `row_bytes` and `driver` are core-seconds a million rows.

    Args:
        making: a shard made and encoded.
        judging: a stretch surveyed, and its ids proved unique.
        row_bytes: of the file.
        driver: seconds of the driver's own work for a billion rows.
    """

    making: float
    judging: float
    row_bytes: float
    driver: float


@dataclass(frozen=True)
class Cost:
    """Of a day in a bucket that is made, judged and landed.

    Args:
        writes: requests that send or copy: parts, copies and fingerprints.
        reads: requests that fetch: ranges of the day, and a piece of every stretch for each bucket of ids.
    """

    core_seconds: float
    bytes: int
    writes: int
    reads: int
    minutes: float


def cost(cores: int, measured: Measured, plan: GenerationPlan, buckets: int) -> Cost:
    """The cost where cores do not hinder each other and the network is never waited for: the least that it can be."""
    shards, size = len(shards_of(plan, cores)), round(plan.rows * measured.row_bytes)
    stretches = ceil(plan.rows / MOST_ROWS)
    million = plan.rows / 1e6
    # The slowest core has one piece more than others; the driver's own work is done by one core.
    rounds = ceil(shards / cores) / shards * million * measured.making
    rounds += ceil(stretches / cores) / stretches * million * measured.judging
    return Cost(
        million * (measured.making + measured.judging) + measured.driver,
        size,
        shards + 1 + ceil(size / part_bytes(size)) + stretches,
        ceil(size / BLOCK_BYTES) + stretches * (buckets + 1),
        (rounds + measured.driver) / 60,
    )


def report(measured: Measured, plan: GenerationPlan, buckets: int, cores: Sequence[int] = CORES) -> str:
    """The table. `buckets` is `uniqueness.bucket_count` of the plan's rows."""
    body = []
    for number in cores:
        found = cost(number, measured, plan, buckets)
        body.append(
            [f"{number} cores", f"{found.core_seconds:,.0f}", f"{found.bytes / 1e9:,.0f}", f"{found.writes:,}",
             f"{found.reads:,}", f"{found.minutes:,.1f}"]
        )  # fmt: skip
    return f"""## What a day of {plan.rows:,} rows costs

{table(["what", "core-seconds", "GB", "S3 writes", "S3 reads", "minutes"], body)}

Computed, not measured: from core-seconds a million rows of two cores, the sizes of the shards, and the requests that
the code makes. Waiting for the network, for S3 and for more than two cores of one machine is not in it, nor retries,
Ray's and the workers' start, and the pieces of card history of a realistic day."""
