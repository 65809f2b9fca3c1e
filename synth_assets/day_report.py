"""A day's report: one HTML page beside the day's file, and a page that lists the reports of its month."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import find_day_file, read_text, write_atomically
from synth_assets.storage.layout import month_report_name, report_name

NEEDED_TO_READ_ROWS = frozenset({"file_is_whole", "columns_match_contract"})
"""The claims without which a file's rows are not counted for its report."""


@dataclass(frozen=True)
class WrittenReport:
    """Where a day's report and the page of its month are."""

    page: Path
    index: Path


def write_report(file: DayFile, claims: Sequence[Claim], folder: Path | None = None) -> WrittenReport:
    """Write the report of a file whose claims were judged, and bring the page of its month up to date.

    The pages are in `folder`, or beside the file. They replace those that are there.

    Raises:
        StorageError: the file is no Parquet file, the folder cannot be written to, or the disk is full.
        ProvenanceError: the footer does not say what made the file.
    """
    folder = folder or file.path.parent
    page = folder / report_name(file.day)
    report = describe_day(file, claims, folder)
    _write(page, report.html())
    index = folder / month_report_name(file.day)
    with write_atomically(index) as partial:
        # While the index is locked: a report that another run has written meanwhile is in this list, or in its own.
        partial.write_text(month_page(file.day, _entries(folder, file.day)), encoding="utf-8")
    return WrittenReport(page, index)


def describe_day(file: DayFile, claims: Sequence[Claim], folder: Path) -> DayReport:
    """What the report of a file is made from. The rows are read where the claims say that they can be.

    Raises:
        StorageError, ProvenanceError: as `write_report`.
    """
    provenance = read_provenance(file)
    schema = provenance.schema
    readable = all(claim.passed for claim in claims if claim.name in NEEDED_TO_READ_ROWS)
    rows = pl.scan_parquet(file.path)
    before = file.day - dt.timedelta(days=1)
    return DayReport(
        name=file.path.name,
        size=file.size,
        provenance=provenance,
        claims=claims,
        totals=summary.total(schema, rows) if readable else None,
        nulls=summary.count_nulls(schema, rows) if readable else {},
        breakdowns=summary.break_down(schema, rows) if readable else {},
        labels=_labels(provenance) if readable else None,
        day_before=_totals_of_day(file.path.parent, before) if readable else None,
        index=month_report_name(file.day),
        before=report_name(before) if (folder / report_name(before)).exists() else None,
    )


def _labels(provenance: Provenance) -> LabelSummary | None:
    if not PROFILES[provenance.plan.profile].has_world or not provenance.is_current:
        return None
    return LabelSummary.of(provenance.plan)


def _totals_of_day(folder: Path, day: dt.date) -> Totals | None:
    """The totals of the folder's file of a day; None where there is none that is whole."""
    try:
        file = find_day_file(folder, day)
        if not file.checksums.sealed:
            return None
        return summary.total(read_provenance(file).schema, pl.scan_parquet(file.path))
    except (GeneratorError, StorageError, OSError, pl.exceptions.PolarsError):
        # It is being replaced, or it is not ours: this day's report does without it.
        return None


def _write(path: Path, text: str) -> None:
    with write_atomically(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _entries(folder: Path, day: dt.date) -> list[DayEntry]:
    """The lines of the reports of a day's month that are in the folder, in order."""
    _, days = calendar.monthrange(day.year, day.month)
    paths = [folder / report_name(day.replace(day=number)) for number in range(1, days + 1)]
    found = [DayEntry.of(path.name, read_text(path)) for path in paths if path.exists()]
    return [entry for entry in found if entry]
