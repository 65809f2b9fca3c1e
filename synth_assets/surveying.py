"""A day surveyed by the workers of an engine: each surveys some row groups, and proves some of the ids unique.

What is found is what one pass over the whole day finds, because surveys, checksums and fingerprints join exactly.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from synth_assets.engines import Engine
from synth_assets.generator.audit import Findings
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Survey, Surveyor
from synth_assets.generator.uniqueness import Bucket, bucket_count, most_repeated, suspected
from synth_assets.shards import MOST_ROWS, Site, on_this_machine
from synth_assets.storage.checksum import combine_crc32
from synth_assets.storage.day_file import UNREADABLE, OpenDayFile
from synth_assets.storage.footer import MAGIC
from synth_assets.storage.place import Day
from synth_assets.storage.scratch import Scratch


@dataclass(frozen=True)
class Stretch:
    """Consecutive row groups of a file: their numbers, the number of their first row, and where their bytes are."""

    row_groups: range
    first_row: int
    start: int
    end: int


@dataclass(frozen=True)
class SurveyOrder:
    """Survey a stretch of a day, and leave the fingerprints of its ids as piece `number` of the scratch."""

    schema: TransactionSchema
    plan: GenerationPlan
    file: Day
    stretch: Stretch
    number: int
    scratch: Scratch
    buckets: int
    site: Site = field(default_factory=Site.here)


@dataclass(frozen=True)
class SurveyedStretch:
    """What was found in a stretch.

    Args:
        crc32: of its bytes.
        starts: where each bucket begins in its piece of the scratch, and the last one ends.
        damage: why it could not be read to its end; empty where it was.
    """

    survey: Survey
    crc32: int
    starts: Sequence[int] = ()
    damage: str = ""


@dataclass(frozen=True)
class BucketOrder:
    """Find the fingerprints of a bucket that repeat. `slices` are its places in the pieces of the scratch."""

    scratch: Scratch
    slices: Sequence[tuple[int, int]]
    site: Site = field(default_factory=Site.here)


@dataclass(frozen=True)
class SuspectOrder:
    """Find the ids of a stretch that have one of these fingerprints."""

    schema: TransactionSchema
    file: Day
    stretch: Stretch
    suspects: list[int]
    site: Site = field(default_factory=Site.here)


def carry_out(order: SurveyOrder | BucketOrder | SuspectOrder) -> Iterator[SurveyedStretch | list[int] | list[str]]:
    """Carry out an order on this machine.

    Raises:
        GeneratorError, StorageError: as `shards.on_this_machine`, or the day or the scratch cannot be read.
    """
    with on_this_machine(order.site):
        if isinstance(order, SurveyOrder):
            yield _survey(order)
        elif isinstance(order, BucketOrder):
            bucket = Bucket(0, 1)
            for number, (start, stop) in enumerate(order.slices):
                bucket.add_fingerprints(order.scratch.read(number, start, stop))
            yield bucket.repeated()
        else:
            with order.file.open_range(order.stretch.start, order.stretch.end) as (opened, _):
                ids = _ids(order.schema, opened, order.stretch.row_groups)
                yield [each for some in ids for each in suspected(some, order.suspects)]


def _survey(order: SurveyOrder) -> SurveyedStretch:
    surveyor = Surveyor(order.schema, order.plan)
    survey = Survey(order.stretch.first_row)
    ids = Bucket(0, 1)
    with order.file.open_range(order.stretch.start, order.stretch.end) as (opened, crc32):
        try:
            for batch in opened.batches(row_groups=order.stretch.row_groups):
                survey += surveyor.survey(batch, survey.first_row + survey.counts.rows)
                ids.add(pl.Series(batch.column(order.schema.primary_key)))
        except UNREADABLE as error:
            return SurveyedStretch(survey, crc32, damage=" ".join(str(error).split()))
    fingerprints, starts = ids.cut(order.buckets)
    order.scratch.write(order.number, fingerprints)
    return SurveyedStretch(survey, crc32, starts)


def _ids(schema: TransactionSchema, opened: OpenDayFile, row_groups: range) -> Iterator[pl.Series]:
    for batch in opened.batches([schema.primary_key], row_groups):
        yield pl.Series(batch.column(0))


def stretches_of(file: Day, opened: OpenDayFile) -> list[Stretch]:
    """A file in stretches of about `MOST_ROWS` rows, in order; together they are all of its row groups."""
    footer = opened.footer
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    places = [_start_of(group) for group in groups] + [file.size - len(file.tail())]
    stretches: list[Stretch] = []
    first = first_row = row = 0
    for number, group in enumerate(groups):
        row += group.num_rows
        if row - first_row >= MOST_ROWS or number == len(groups) - 1:
            stretches.append(Stretch(range(first, number + 1), first_row, places[first], places[number + 1]))
            first, first_row = number + 1, row
    return stretches


def _start_of(group: pa.lib.RowGroupMetaData) -> int:
    """Where a row group's bytes begin: with the dictionary of its first column, or else with its data."""
    column = group.column(0)
    return column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset


def find_on(
    engine: Engine,
    schema: TransactionSchema,
    plan: GenerationPlan,
    file: Day,
    opened: OpenDayFile,
    scratch: Scratch,
) -> tuple[Findings, int]:
    """What is found in a day's rows, and the CRC-32 of all bytes before its footer.

    Raises:
        GeneratorError, StorageError: as `carry_out`, or as `Engine.run`.
    """
    stretches = stretches_of(file, opened)
    buckets = bucket_count(opened.footer.num_rows)
    survey, checksum, damage = Survey(0), zlib.crc32(MAGIC), ""
    starts: list[Sequence[int]] = []
    orders = [
        SurveyOrder(schema, plan, file, stretch, number, scratch, buckets) for number, stretch in enumerate(stretches)
    ]
    with closing(engine.run(carry_out, orders)) as surveyed:
        for stretch, found in zip(stretches, surveyed, strict=True):
            checksum = combine_crc32(checksum, found.crc32, stretch.end - stretch.start)
            if not damage:
                survey += found.survey
                damage = found.damage
            starts.append(found.starts)
    if damage:
        return Findings(survey, damage=damage), checksum
    by_bucket = [[(start[number], start[number + 1]) for start in starts] for number in range(buckets)]
    repeated = engine.run(carry_out, [BucketOrder(scratch, slices) for slices in by_bucket])
    suspects = [each for some in repeated for each in some]
    if not suspects:
        return Findings(survey), checksum
    suspected_ids = engine.run(carry_out, [SuspectOrder(schema, file, stretch, suspects) for stretch in stretches])
    return Findings(survey, most_repeated(suspected_ids)), checksum
