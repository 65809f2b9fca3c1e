"""What workers do: a shard of a day is made and encoded, or its card history computed. Engines carry these orders out.

A shard is a run of row groups. What is made of it depends on the contract, the plan and the run alone, so whoever
makes it, wherever and in whatever order, makes the same bytes.
"""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import BinaryIO

import polars as pl
import pyarrow as pa

from synth_assets.day import layout_of
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.counts import Counts
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profile import History
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import BLOCK_ROWS
from synth_assets.storage.errors import StorageError
from synth_assets.storage.footer import MAGIC, RowGroupEntry
from synth_assets.storage.parquet import encode_row_groups
from synth_assets.storage.place import Part, Parts

LEAST_ROWS = 350_000
"""Rows of a shard at least, where a day has several. An id has 122 random bits, so these are more than the 5 MiB that a
part in S3 has at least."""

MOST_ROWS = 2**20
"""Rows of a shard where there are enough for all workers: a shard makes up to two blocks that it shares with its
neighbours, so small ones cost more."""

BLOCKS_OF_A_HISTORY = 2 * MOST_ROWS // BLOCK_ROWS
"""Blocks of a day whose card history is computed by one order: a look at them takes a tenth of making them."""

MOST_SHARDS = 9_999
"""An upload to S3 has at most 10,000 parts. One is the footer."""


@dataclass(frozen=True)
class Site:
    """Where an order comes from, and what must be the same wherever it is carried out.

    Args:
        host: the name of the machine.
        libraries: the versions of what the bytes depend on, by name.
    """

    host: str
    libraries: dict[str, str]

    @classmethod
    @cache
    def here(cls) -> Site:
        installed = {name: version(name) for name in ("faker", "holidays", "numpy", "polars", "polars-hash", "pyarrow")}
        # Ids are compared by it. It may differ by processor.
        text_hash = str(pl.Series(["synth-assets"]).hash()[0])
        return cls(platform.node(), {"generator version": GENERATOR_VERSION, **installed, "text hash": text_hash})


@dataclass(frozen=True)
class ShardOrder:
    """Make and encode the row groups `first` … `last` - 1, as part `number` of the day.

    Args:
        history: what the blocks before the shard leave behind; None where the profile does not look back.
    """

    schema: TransactionSchema
    plan: GenerationPlan
    first: int
    last: int
    number: int
    parts: Parts
    history: History | None = None
    site: Site = field(default_factory=Site.here)


@dataclass(frozen=True)
class HistoryOrder:
    """Compute the card history that these blocks of the plan's day leave behind."""

    plan: GenerationPlan
    blocks: range
    site: Site = field(default_factory=Site.here)


@dataclass(frozen=True)
class MadeShard:
    """A shard that is where its day will be: its row groups' entries and counts, in order, and the part they make."""

    entries: list[RowGroupEntry]
    counts: list[Counts]
    part: Part


def carry_out(order: ShardOrder | HistoryOrder) -> Iterator[MadeShard | History]:
    """Carry out an order on this machine.

    Raises:
        GeneratorError: the machine has other libraries than the one that the order comes from.
        StorageError: the part cannot be written.
    """
    with on_this_machine(order.site):
        if isinstance(order, HistoryOrder):
            history = PROFILES[order.plan.profile].card_history
            assert history is not None  # nobody orders what a profile does not have
            yield history(order.plan, order.blocks)
        else:
            yield _make(order)


def _make(order: ShardOrder) -> MadeShard:
    simulator = TransactionSimulator(order.schema, order.plan)
    with order.parts.write(order.number) as body:
        if order.number == 1:
            body.file.write(MAGIC)
        made = list(make_row_groups(simulator, order.first, order.last, order.history, body.file))
    return MadeShard([entry for entry, _ in made], [counts for _, counts in made], body.part)


def make_row_groups(
    simulator: TransactionSimulator, first: int, last: int, history: History | None, body: BinaryIO
) -> Iterator[tuple[RowGroupEntry, Counts]]:
    """Make the row groups `first` … `last` - 1 and encode them one after the other in `body`.

    Args:
        history: as in `TransactionSimulator.row_groups`.

    Raises: as `encode_row_group`.
    """
    schema, counted = simulator.schema, deque[Counts]()

    def tables() -> Iterator[pa.Table]:
        for table in simulator.row_groups(first, last, history):
            counted.append(Counts.of(schema, table))
            yield table

    for entry in encode_row_groups(tables(), schema.arrow_schema, layout_of(schema, simulator.plan), body):
        yield entry, counted.popleft()


@contextmanager
def on_this_machine(site: Site) -> Iterator[None]:
    """Refuse another machine's order where the bytes could differ, and let its errors say where they come from."""
    here = Site.here()
    if here == site:
        yield
        return
    for name, wanted in site.libraries.items():
        if here.libraries[name] != wanted:
            raise GeneratorError(
                f"The worker on {here.host} has {name} {here.libraries[name]}, but {site.host} has {wanted}. "
                f"Install the same release on all machines, with the pins of constraints.txt."
            )
    try:
        yield
    except (GeneratorError, StorageError) as error:
        raise type(error)(f"The worker on {here.host}: {error}") from error


def shard_rows(plan: GenerationPlan, workers: int) -> int:
    """Rows of a shard: whole row groups, enough for a part in S3, and where possible two shards a worker or more."""
    wanted = max(LEAST_ROWS, min(MOST_ROWS, plan.rows // (2 * workers)), -(-plan.rows // MOST_SHARDS))
    return -(-wanted // plan.chunk_size) * plan.chunk_size


def shards_of(plan: GenerationPlan, workers: int) -> list[range]:
    """The row groups of each shard of a day, in order. The last shard takes what is left over, up to twice as much."""
    rows = shard_rows(plan, workers)
    starts = [number * (rows // plan.chunk_size) for number in range(max(1, plan.rows // rows))]
    return [range(start, end) for start, end in zip(starts, [*starts[1:], plan.row_groups], strict=True)]
