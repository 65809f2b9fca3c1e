"""How a day's file is laid out, and what it says of its making: where storage meets the generator."""

from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import dictionary_columns, incompressible_columns
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.layout import MARK
from synth_assets.storage.parquet import Layout
from synth_assets.storage.place import Day


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
