"""The simulator: a schema and a plan make a value; iterating over it is the work."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice

import polars as pl
import pyarrow as pa

from synth_assets.generator.columns import Block
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import PROFILES, check_schema, null_shares
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.streams import block_count


class TransactionSimulator:
    """One day of payments, as Arrow tables of `chunk_size` rows (the last may be shorter) in contract order.

    Iterating twice gives the same tables. Any block can be made alone, in any order: `workers` threads make
    blocks ahead of the iteration, at most one each, and change nothing but the time.

    Raises:
        SchemaError: the plan's profile cannot make the contract.
        PlanError: a REQUIRED column would have nulls.
    """

    def __init__(self, schema: TransactionSchema, plan: GenerationPlan, workers: int = 1) -> None:
        check_schema(schema, plan.profile)
        null_shares(schema, plan)
        self.schema = schema
        self.plan = plan
        self.workers = workers

    @property
    def block_count(self) -> int:
        return block_count(self.plan.rows)

    def block(self, number: int) -> pl.DataFrame:
        """The rows `number * BLOCK_ROWS` … of the day, at most `BLOCK_ROWS` of them."""
        return self._frame(next(self._blocks(number)))

    def _blocks(self, first: int = 0) -> Iterator[Block]:
        return PROFILES[self.plan.profile].blocks(self.schema, self.plan, first)

    def _frame(self, block: Block) -> pl.DataFrame:
        columns = PROFILES[self.plan.profile].columns
        return pl.DataFrame(
            [
                columns[column.name].build(block, column).cast(column.polars_type).alias(column.name)
                for column in self.schema.fields
            ]
        )

    def __iter__(self) -> Iterator[pa.Table]:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="generate") as pool:
            yield from rechunked(self._tables(pool), self.plan.chunk_size)

    def _tables(self, pool: Executor) -> Iterator[pa.Table]:
        """The blocks in order, each worker one ahead."""
        blocks = self._blocks()
        ahead = deque(pool.submit(self._table, block) for block in islice(blocks, self.workers))
        while ahead:
            table = ahead.popleft().result()
            ahead.extend(pool.submit(self._table, block) for block in islice(blocks, 1))
            yield table

    def _table(self, block: Block) -> pa.Table:
        # In the worker, so that the frame is gone before the next one is made.
        return self._frame(block).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(self.schema.arrow_schema)


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
