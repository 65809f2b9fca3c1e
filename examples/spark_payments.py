"""A day of payments as a Spark DataFrame: each partition makes its own row groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from synth_assets.contract import read_contract
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator


def spark_payments(spark: SparkSession, plan: GenerationPlan, partitions: int) -> DataFrame:
    """The payments of a plan in the contract's columns. Enums are texts, and moments have microseconds.

    Args:
        partitions: Spark partitions, of which each makes one range of row groups; at least 1.
    """
    simulator = TransactionSimulator(read_contract(None), plan)
    columns = spark_schema(simulator.schema.arrow_schema)

    canonical = simulator.schema.canonical

    def make(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        worker = TransactionSimulator(TransactionSchema.from_canonical(canonical, "the driver"), plan)
        for batch in batches:
            for number in batch["id"].to_pylist():
                first, last = (plan.row_groups * place // partitions for place in (number, number + 1))
                for table in worker.row_groups(first, last):
                    yield from table.cast(columns).to_batches()

    numbers = spark.range(0, partitions, 1, partitions)
    return numbers.mapInArrow(make, from_arrow_schema(columns))


def spark_schema(schema: pa.Schema) -> pa.Schema:
    """The contract's columns in types that Spark has: it knows neither dictionaries nor nanoseconds."""
    return pa.schema([pa.field(each.name, _spark_type(each.type), each.nullable) for each in schema])


def _spark_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return pa.string()
    return pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else kind
