"""A day's report: one HTML page beside the day's file, and a page that lists the reports of its month."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from synth_assets.day import read_provenance
from synth_assets.generator import summary
from synth_assets.generator.claims import Claim
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.realistic.label_summary import LabelSummary
from synth_assets.generator.summary import Totals
from synth_assets.html_report.month import DayEntry, month_page
from synth_assets.html_report.page import DayReport
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import read_text
from synth_assets.storage.layout import month_report_name, report_name
from synth_assets.storage.place import Day, Place
from synth_assets.storage.places import place_of
from synth_assets.storage.rows import scan_rows

NEEDED_TO_READ_ROWS = frozenset({"file_is_whole", "columns_match_contract"})
"""The claims without which a file's rows are not counted for its report."""


@dataclass(frozen=True)
class WrittenReport:
    """Where a day's report and the page of its month are."""

    page: str
    index: str


def write_report(file: Day, claims: Sequence[Claim], out: Place | None = None) -> WrittenReport:
    """Write the report of a file whose claims were judged, and bring the page of its month up to date.

    The pages are in the place `out`, or beside the file. They replace those that are there.

    Raises:
        StorageError: the file is no Parquet file, the folder cannot be written to, or the disk is full.
        ProvenanceError: the footer does not say what made the file.
    """
    place = out or place_of(file)
    page, index = report_name(file.day), month_report_name(file.day)
    report = describe_day(file, claims, place)
    with place.write(page) as partial:
        partial.write_text(report.html(), encoding="utf-8")
    with place.write(index) as partial:
        # While the index is locked: a report that another run has written meanwhile is in this list, or in its own.
        partial.write_text(month_page(file.day, _entries(place, file.day)), encoding="utf-8")
    return WrittenReport(place.location(page), place.location(index))


def describe_day(file: Day, claims: Sequence[Claim], place: Place) -> DayReport:
    """What the report of a file is made from, for a place with the other reports. The rows are read where the claims
    say that they can be.

    Raises:
        StorageError, ProvenanceError: as `write_report`.
    """
    provenance = read_provenance(file)
    schema = provenance.schema
    readable = all(claim.passed for claim in claims if claim.name in NEEDED_TO_READ_ROWS)
    rows = scan_rows(file)
    before = file.day - dt.timedelta(days=1)
    return DayReport(
        name=file.name,
        size=file.size,
        provenance=provenance,
        claims=claims,
        totals=summary.total(schema, rows) if readable else None,
        nulls=summary.count_nulls(schema, rows) if readable else {},
        breakdowns=summary.break_down(schema, rows) if readable else {},
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
        return summary.total(read_provenance(file).schema, scan_rows(file))
    except (GeneratorError, StorageError, OSError, pl.exceptions.PolarsError):
        # It is being replaced, or it is not ours: this day's report does without it.
        return None


def _entries(place: Place, day: dt.date) -> list[DayEntry]:
    """The lines of the reports of a day's month that are in the place, in order."""
    _, days = calendar.monthrange(day.year, day.month)
    names = [report_name(day.replace(day=number)) for number in range(1, days + 1)]
    found = [_entry(place, name) for name in names if place.exists(name)]
    return [entry for entry in found if entry]


def _entry(place: Place, name: str) -> DayEntry | None:
    with place.read(name) as path:
        return DayEntry.of(name, read_text(path))
