"""A day made on an engine: orders for its workers, whose shards become the day's body in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import pairwise

from synth_assets.day import layout_of
from synth_assets.engines import Engine
from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profile import History
from synth_assets.generator.profiles import plan_before
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.streams import block_count
from synth_assets.shards import (
    BLOCKS_OF_A_HISTORY,
    HistoryOrder,
    MadeShard,
    ShardOrder,
    carry_out,
    make_row_groups,
    shards_of,
)
from synth_assets.storage.footer import MAGIC, RowGroupEntry
from synth_assets.storage.parquet import make_footer
from synth_assets.storage.place import Day, Staged


def make_day(
    staged: Staged,
    schema: TransactionSchema,
    plan: GenerationPlan,
    engine: Engine,
    on_row_group: Callable[[Counts], None] = lambda _: None,
) -> Day:
    """Make a day where it is staged. `on_row_group` is told the counts of each row group, in order.

    A day of one shard is made by this process, whatever the engine.

    Raises:
        SchemaError, PlanError: the profile cannot make the contract, or not with this plan.
        StorageError: the day cannot be written, or as `Engine.run`.
    """
    simulator = TransactionSimulator(schema, plan, engine.workers)
    footer = make_footer(schema.arrow_schema, layout_of(schema, plan), Provenance.of(schema, plan).document)
    shards = shards_of(plan, engine.workers)
    entries: list[RowGroupEntry] = []
    if engine.name == "threads" or len(shards) == 1:
        with staged.direct.write(1) as body:
            body.file.write(MAGIC)
            for entry, counts in make_row_groups(simulator, 0, plan.row_groups, None, body.file):
                entries.append(entry)
                on_row_group(counts)
        staged.append(body.part)
    else:
        with closing(_made(staged, simulator, shards, engine)) as made:
            for shard in made:
                staged.append(shard.part)
                entries += shard.entries
                for counts in shard.counts:
                    on_row_group(counts)
    return staged.finish(footer.join(entries))


def _made(
    staged: Staged, simulator: TransactionSimulator, shards: list[range], engine: Engine
) -> Generator[MadeShard, None, None]:
    orders = _Orders(staged, simulator, shards, max(2, engine.workers))
    with closing(engine.run(carry_out, orders)) as results:
        for made in results:
            if isinstance(made, MadeShard):
                yield made
            else:
                orders.add(made)


class _Orders:
    """The orders for a day's shards and, where a profile has a card history, for what each shard must know of it.

    The histories are computed in pieces: those of the day before, and then of each shard but the last. A shard's own
    is that of all pieces before it.

    Args:
        ahead: how many pieces are computed before the shard that needs them is ordered.
    """

    def __init__(self, staged: Staged, simulator: TransactionSimulator, shards: list[range], ahead: int) -> None:
        self._staged = staged
        self._simulator = simulator
        self._shards = shards
        self._ahead = ahead
        self._arrived: deque[History] = deque()
        self._composed = 0
        self._history: History | None = None

    def add(self, history: History) -> None:
        """Take in the next piece of the card history."""
        self._arrived.append(history)

    def __iter__(self) -> Iterator[ShardOrder | HistoryOrder | None]:
        schema, plan = self._simulator.schema, self._simulator.plan
        pieces = self._pieces()
        before = len(pieces) - (len(self._shards) - 1)
        ordered = 0
        for number, shard in enumerate(self._shards):
            if pieces:
                while ordered < min(len(pieces), before + number + self._ahead):
                    yield pieces[ordered]
                    ordered += 1
                while self._composed + len(self._arrived) < before + number:
                    yield None
                self._compose(before + number)
            yield ShardOrder(schema, plan, shard.start, shard.stop, number + 1, self._staged.parts, self._history)

    def _pieces(self) -> list[HistoryOrder]:
        if not self._simulator.looks_back:
            return []
        plan, simulator = self._simulator.plan, self._simulator
        starts = [simulator.blocks_of(shard.start, shard.stop).start for shard in self._shards]
        own = [HistoryOrder(plan, range(start, end)) for start, end in pairwise(starts)]
        earlier = plan_before(plan)
        if earlier is None:
            return own
        blocks = range(block_count(earlier.rows))
        cuts = range(0, len(blocks), BLOCKS_OF_A_HISTORY)
        return [*(HistoryOrder(earlier, blocks[cut : cut + BLOCKS_OF_A_HISTORY]) for cut in cuts), *own]

    def _compose(self, pieces: int) -> None:
        while self._composed < pieces:
            history = self._arrived.popleft()
            self._history = history if self._history is None else self._history.then(history)
            self._composed += 1
