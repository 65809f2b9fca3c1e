"""The simulator: a schema and a plan make a value; iterating over it is the work."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice

import polars as pl
import pyarrow as pa

from synth_assets.generator.columns import Block
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profile import History
from synth_assets.generator.profiles import PROFILES, check_schema, null_shares
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.streams import BLOCK_ROWS, block_count


class TransactionSimulator:
    """One day of payments, as Arrow tables of `chunk_size` rows (the last may be shorter) in contract order.

    Iterating twice gives the same tables. Any block can be made alone, in any order: `workers` threads make
    blocks ahead of the iteration, at most one each, and change nothing but the time. What the blocks are drawn from is
    drawn by the thread that iterates, one block ahead of them.

    Raises:
        SchemaError: the plan's profile cannot make the contract.
        PlanError: a REQUIRED column would have nulls.
    """

    def __init__(self, schema: TransactionSchema, plan: GenerationPlan, workers: int = 1) -> None:
        check_schema(schema, plan.profile)
        null_shares(schema, plan)
        self.schema = schema
        self.plan = plan
        self.profile = PROFILES[plan.profile]
        self.workers = workers

    @property
    def looks_back(self) -> bool:
        """Whether row groups depend on the card history before them."""
        return self.profile.card_history is not None and "previous_txn_id" in self.schema

    def __iter__(self) -> Iterator[pa.Table]:
        return self.row_groups()

    def row_groups(self, first: int = 0, last: int | None = None, history: History | None = None) -> Iterator[pa.Table]:
        """The row groups `first` … `last` - 1 (to the end, for None), each equal to its place in the whole day.

        Args:
            history: what the blocks before `blocks_of(first, last)` leave behind, in a profile that has a card
                history: of the day before's blocks, then of the day's. Computed where it is None.

        Raises:
            GeneratorError: the day has no such row groups.
        """
        blocks = self.blocks_of(first, last)
        return self._row_groups(blocks, self._rows_of(first, last), history)

    def blocks_of(self, first: int = 0, last: int | None = None) -> range:
        """The numbers of the blocks that the rows of the row groups `first` … `last` - 1 lie in.

        Raises:
            GeneratorError: the day has no such row groups.
        """
        rows = self._rows_of(first, last)
        return range(rows.start // BLOCK_ROWS, block_count(rows.stop))

    def block(self, number: int) -> pl.DataFrame:
        """The rows `number * BLOCK_ROWS` … of the day, at most `BLOCK_ROWS` of them."""
        (block,) = self.profile.blocks(self.schema, self.plan, range(number, number + 1))
        return self._frame(block)

    @property
    def block_count(self) -> int:
        """The number of blocks in the day."""
        return block_count(self.plan.rows)

    def _rows_of(self, first: int, last: int | None) -> range:
        last = self.plan.row_groups if last is None else last
        if not 0 <= first <= last <= self.plan.row_groups:
            raise GeneratorError(
                f"the plan of {self.plan.day} has no row groups {first} to {last}: it has {self.plan.row_groups:,}, "
                f"counted from 0. Choose some of these."
            )
        return range(first * self.plan.chunk_size, min(last * self.plan.chunk_size, self.plan.rows))

    def _row_groups(self, blocks: range, rows: range, history: History | None) -> Iterator[pa.Table]:
        if not rows:
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="generate") as pool:
            tables = self._tables(pool, self.profile.blocks(self.schema, self.plan, blocks, history))
            before = rows.start - blocks.start * BLOCK_ROWS
            yield from rechunked(cut(tables, before, len(rows)), self.plan.chunk_size)

    def _tables(self, pool: Executor, blocks: Iterator[Block]) -> Iterator[pa.Table]:
        """The blocks in order, each worker one ahead.

        The next block is drawn while the workers make tables: a block that looks back is drawn after the one before it.
        """
        ahead = deque(pool.submit(self._table, block) for block in islice(blocks, self.workers))
        while ahead:
            drawn = list(islice(blocks, 1))
            table = ahead.popleft().result()
            ahead.extend(pool.submit(self._table, block) for block in drawn)
            yield table

    def _table(self, block: Block) -> pa.Table:
        # In the worker, so that the frame is gone before the next one is made.
        return self._frame(block).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(self.schema.arrow_schema)

    def _frame(self, block: Block) -> pl.DataFrame:
        return pl.DataFrame(
            [
                self.profile.columns[field.name].build(block, field).cast(field.polars_type).alias(field.name)
                for field in self.schema.fields
            ]
        )


def cut(tables: Iterable[pa.Table], before: int, rows: int) -> Iterator[pa.Table]:
    """The `rows` rows that follow the first `before` rows of the tables, without copying any."""
    for table in tables:
        part = table.slice(before, rows)
        before = max(before - table.num_rows, 0)
        rows -= part.num_rows
        if part.num_rows:
            yield part


def rechunked(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` (the last may be shorter), without copying any."""
    parts: list[pa.Table] = []
    missing = rows
    for table in tables:
        while table.num_rows >= missing:
            yield pa.concat_tables([*parts, table.slice(0, missing)])
            table = table.slice(missing)
            parts, missing = [], rows
        if table.num_rows:
            parts.append(table)
            missing -= table.num_rows
    if parts:
        yield pa.concat_tables(parts)
