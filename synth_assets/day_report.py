"""A day's report: one HTML page beside the day's file, and a page that lists the reports of its month."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from synth_assets.day import read_provenance
from synth_assets.generator.claims import Claim
from synth_assets.generator.counts import Counts
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.realistic.label_summary import LabelSummary
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.summary import Totals, columns_read, summarise, total
from synth_assets.html_report.month import DayEntry, month_page
from synth_assets.html_report.page import DayReport
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import read_text
from synth_assets.storage.layout import month_report_name, report_name
from synth_assets.storage.place import Day, Place
from synth_assets.storage.places import place_of

BATCH_ROWS = 2**17
"""Rows read at once: of few columns, these are some megabytes."""

NEEDED_TO_READ_ROWS = frozenset({"file_is_whole", "columns_match_contract"})
"""The claims without which a file's rows are not counted for its report."""


@dataclass(frozen=True)
class WrittenReport:
    """Where a day's report and the page of its month are."""

    page: str
    index: str


def write_report(file: Day, claims: Sequence[Claim], counts: Counts, out: Place | None = None) -> WrittenReport:
    """Write the report of a file whose claims were judged, and bring the page of its month up to date.

    The pages are in the place `out`, or beside the file. They replace those that are there.

    Args:
        counts: those of the file's rows.

    Raises:
        StorageError: the file is no Parquet file, the folder cannot be written to, or the disk is full.
        ProvenanceError: the footer does not say what made the file.
    """
    place = out or place_of(file)
    page, index = report_name(file.day), month_report_name(file.day)
    report = describe_day(file, claims, counts, place)
    with place.write(page) as partial:
        partial.write_text(report.html(), encoding="utf-8")
    with place.write(index) as partial:
        # While the index is locked: a report that another run has written meanwhile is in this list, or in its own.
        partial.write_text(month_page(file.day, _entries(place, file.day)), encoding="utf-8")
    return WrittenReport(place.location(page), place.location(index))


def describe_day(file: Day, claims: Sequence[Claim], counts: Counts, place: Place) -> DayReport:
    """What the report of a file is made from, for a place with the other reports. The rows are read where the claims
    say that they can be.

    Raises:
        StorageError, ProvenanceError: as `write_report`.
    """
    provenance = read_provenance(file)
    schema = provenance.schema
    readable = all(claim.passed for claim in claims if claim.name in NEEDED_TO_READ_ROWS)
    summary = summarise(schema, _rows_read(file, schema)) if readable else None
    nullable = [field.name for field in schema.fields if field.nullable] if readable else []
    before = file.day - dt.timedelta(days=1)
    return DayReport(
        name=file.name,
        size=file.size,
        provenance=provenance,
        claims=claims,
        totals=summary.totals if summary else None,
        nulls={name: counts.nulls[name] for name in nullable},
        breakdowns=summary.breakdowns if summary else {},
        labels=_labels(provenance) if readable else None,
        day_before=_totals_of_day(place_of(file), before) if readable else None,
        index=month_report_name(file.day),
        before=report_name(before) if place.exists(report_name(before)) else None,
    )


def _labels(provenance: Provenance) -> LabelSummary | None:
    if not PROFILES[provenance.plan.profile].has_world or not provenance.is_current:
        return None
    return LabelSummary.of(provenance.plan)


def _totals_of_day(place: Place, day: dt.date) -> Totals | None:
    """The totals of the place's file of a day; None where there is none that is whole."""
    try:
        file = place.find_day(day)
        if not file.checksums.sealed:
            return None
        schema = read_provenance(file).schema
        return total(schema, _rows_read(file, schema))
    except (GeneratorError, StorageError, OSError, pa.ArrowException, pl.exceptions.PolarsError):
        # It is being replaced, or it is not ours: this day's report does without it.
        return None


def _rows_read(file: Day, schema: TransactionSchema) -> Iterator[pl.LazyFrame]:
    """The file's rows as a summary takes them. The first part has none, so that there is one."""
    columns = columns_read(schema)
    yield pl.LazyFrame(schema={name: schema[name].polars_type for name in columns})
    with file.open() as opened:
        for batch in opened.batches(columns, batch_rows=BATCH_ROWS):
            yield pl.LazyFrame(batch)


def _entries(place: Place, day: dt.date) -> list[DayEntry]:
    """The lines of the reports of a day's month that are in the place, in order."""
    _, days = calendar.monthrange(day.year, day.month)
    names = [report_name(day.replace(day=number)) for number in range(1, days + 1)]
    found = [_entry(place, name) for name in names if place.exists(name)]
    return [entry for entry in found if entry]


def _entry(place: Place, name: str) -> DayEntry | None:
    with place.read(name) as path:
        return DayEntry.of(name, read_text(path))
