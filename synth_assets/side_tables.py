"""Side tables of a large day, made by the workers of an engine: each makes the rows of some blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import polars as pl

from synth_assets.engines import Engine
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.streams import block_count
from synth_assets.shards import BLOCKS_OF_A_HISTORY, Site, on_this_machine

MakeBlocks = Callable[[GenerationPlan, range], Iterator[pl.DataFrame]]
"""Makes the rows of some blocks of a day. Workers import it by its name, so it is a function of a module."""


@dataclass(frozen=True)
class BlocksOrder:
    """Make the rows of these blocks of the plan's day."""

    make: MakeBlocks
    plan: GenerationPlan
    blocks: range
    site: Site = field(default_factory=Site.here)


def carry_out(order: BlocksOrder) -> Iterator[pl.DataFrame]:
    """Carry out an order on this machine.

    Raises:
        GeneratorError: as `shards.on_this_machine`.
    """
    with on_this_machine(order.site):
        yield pl.concat(order.make(order.plan, order.blocks))


def make_on(engine: Engine, plan: GenerationPlan, make: MakeBlocks) -> list[pl.DataFrame]:
    """The rows of all blocks of a day, in order.

    Raises:
        GeneratorError, StorageError: as `carry_out`, or as `Engine.run`.
    """
    blocks = range(block_count(plan.rows))
    cuts = range(0, len(blocks), BLOCKS_OF_A_HISTORY)
    orders = [BlocksOrder(make, plan, blocks[cut : cut + BLOCKS_OF_A_HISTORY]) for cut in cuts]
    with closing(engine.run(carry_out, orders)) as frames:
        return list(frames)
