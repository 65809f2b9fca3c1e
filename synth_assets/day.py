"""A day's file, written, read and judged: where storage meets the generator."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa

from synth_assets.generator.audit import Findings, judge, plan_to_survey
from synth_assets.generator.claims import Claim
from synth_assets.generator.counts import Counts
from synth_assets.generator.footer_claims import Footer
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import dictionary_columns
from synth_assets.generator.provenance import Provenance, ProvenanceError
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.survey import Survey, Surveyor
from synth_assets.generator.uniqueness import Bucket, bucket_count, repeated_ids
from synth_assets.storage import parquet
from synth_assets.storage.day_file import UNREADABLE, DayFile, OpenDayFile
from synth_assets.storage.layout import MARK
from synth_assets.storage.parquet import Layout


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
    return Layout(
        plan.compression,
        repeating,
        {field.name: field.meaning.compact_encoding for field in other} if plan.encodings == "compact" else {},
        [name for name in schema.names if name in repeating or schema[name].meaning.ordered],
    )


def read_provenance(file: DayFile) -> Provenance:
    """What made a file, as its footer says.

    Raises:
        StorageError: it is no Parquet file.
        ProvenanceError: its footer does not say what made it, or in a way that this version does not know.
    """
    with file.open() as opened:
        return Provenance.parse(opened.provenance, str(file.path))


def object_metadata(file: DayFile) -> dict[str, str]:
    """What the object of a file says of its making, in S3's own metadata.

    Raises:
        StorageError, ProvenanceError: as `read_provenance`.
    """
    provenance = read_provenance(file)
    return {
        "rows": str(provenance.plan.rows),
        "seed": str(provenance.plan.seed),
        "schema-version": provenance.schema.version,
        "schema-digest": provenance.schema.digest,
        MARK: provenance.generator_version,
    }


@lru_cache(maxsize=1)
def judge_day(schema: TransactionSchema, file: DayFile) -> list[Claim]:
    """Read a day's file to its end and judge every claim about it.

    The checks and the upload of one run ask the same: what was judged is judged again only once it changed.

    Raises:
        StorageError: the file is no Parquet file.
    """
    with file.open() as opened:
        footer = Footer(
            opened.schema,
            opened.footer.num_rows,
            file.named_rows,
            _provenance_or_reason(opened, file),
            file.checksums.sealed,
        )
        plan = plan_to_survey(schema, footer)
        findings = _find(schema, plan, opened) if plan else None
        return judge(schema, file.day, footer, findings)


def _provenance_or_reason(opened: OpenDayFile, file: DayFile) -> Provenance | str:
    try:
        return Provenance.parse(opened.provenance, str(file.path))
    except ProvenanceError as error:
        return str(error)


def _find(schema: TransactionSchema, plan: GenerationPlan, opened: OpenDayFile) -> Findings:
    """Survey the file's rows in one pass; only ids that need more than one bucket are read again."""
    surveyor = Surveyor(schema, plan)
    survey = Survey(0)
    buckets = bucket_count(opened.footer.num_rows)
    first = Bucket(0, buckets)
    try:
        for batch in opened.batches():
            survey += surveyor.survey(batch, survey.counts.rows)
            first.add(pl.Series(batch.column(schema.primary_key)))
        repeated = repeated_ids(first, buckets, lambda: _ids(schema, opened))
    except UNREADABLE as error:
        return Findings(survey, damage=" ".join(str(error).split()))
    return Findings(survey, repeated)


def _ids(schema: TransactionSchema, opened: OpenDayFile) -> Iterator[pl.Series]:
    for batch in opened.batches([schema.primary_key]):
        yield pl.Series(batch.column(0))
