"""A day's file, written and read: where storage meets the generator."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import dictionary_columns, incompressible_columns
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage import parquet
from synth_assets.storage.layout import MARK
from synth_assets.storage.parquet import Layout
from synth_assets.storage.place import Day


def write_day(path: Path, simulator: TransactionSimulator) -> Iterator[Counts]:
    """Write the simulator's day with its provenance; yield the counts of each row group once it is handed on.

    The file is complete only once the iteration has ended by itself.

    Raises:
        OSError: the disk is full, or the path cannot be written to.
    """
    schema, plan = simulator.schema, simulator.plan
    counted: list[Counts] = []

    def tables() -> Iterator[pa.Table]:
        for table in simulator:
            counted.append(Counts.of(schema, table))
            yield table

    for _ in parquet.write(
        path,
        schema.arrow_schema,
        tables(),
        layout_of(schema, plan),
        Provenance.of(schema, plan).document,
    ):
        yield counted.pop()


def layout_of(schema: TransactionSchema, plan: GenerationPlan) -> Layout:
    """How the day's file is laid out: each column as its dtype, its profile and the plan say."""
    repeating = dictionary_columns(schema, plan.profile)
    other = [field for field in schema.fields if field.name not in repeating]
    compact = plan.encodings == "compact"
    return Layout(
        plan.compression,
        repeating,
        {field.name: field.meaning.compact_encoding for field in other} if compact else {},
        [name for name in schema.names if name in repeating or schema[name].meaning.ordered],
        # Lengths apart from the text, as compact files have them, do not keep Snappy from skipping it.
        incompressible_columns(schema, plan.profile) if plan.compression == "snappy" and not compact else [],
    )


def read_provenance(file: Day) -> Provenance:
    """What made a file, as its footer says.

    Raises:
        StorageError: it is no Parquet file.
        ProvenanceError: its footer does not say what made it, or in a way that this version does not know.
    """
    with file.open() as opened:
        return Provenance.parse(opened.provenance, file.location)


def object_metadata(file: Day) -> dict[str, str]:
    """What the object of a file says of its making, in S3's own metadata.

    Raises:
        StorageError, ProvenanceError: as `read_provenance`.
    """
    return metadata_of(read_provenance(file))


def metadata_of(provenance: Provenance) -> dict[str, str]:
    """What an object says of its making, which is known before it is made."""
    return {
        "rows": str(provenance.plan.rows),
        "seed": str(provenance.plan.seed),
        "schema-version": provenance.schema.version,
        "schema-digest": provenance.schema.digest,
        MARK: provenance.generator_version,
    }
