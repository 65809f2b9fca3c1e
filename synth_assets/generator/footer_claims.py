"""The claims that a file's footer and name decide, without its rows being read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import zip_longest

import pyarrow as pa

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import Claim, Details, numbers_of, numbers_of_breaches
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema


@dataclass(frozen=True)
class Footer:
    """What a file says of itself, without its rows being read.

    Args:
        columns: the file's columns.
        rows: the row count in the footer.
        named_rows: the row count in the file's name.
        provenance: what made the file, or why that cannot be told.
        sealed: whether the file's checksum of itself holds.
    """

    columns: pa.Schema
    rows: int
    named_rows: int
    provenance: Provenance | str
    sealed: bool = True


def judge_columns(schema: TransactionSchema, footer: Footer) -> Claim:
    expected = [_column_text(column) for column in schema.arrow_schema]
    found = [_column_text(column) for column in footer.columns]
    differences: Details = [
        {"column": position, "contract": wanted, "file": got}
        for position, (wanted, got) in enumerate(zip_longest(expected, found, fillvalue="no such column"), start=1)
        if wanted != got
    ]
    summary = f"all {len(found)} columns match"
    if differences:
        worst = differences[0]
        summary = (
            f"{len(differences)} of {len(expected)} columns differ, the first of them column {worst['column']}: the "
            f"contract says {worst['contract']}, the file has {worst['file']}"
        )
    wrong = len(differences)
    return Claim(
        "columns_match_contract",
        not wrong,
        summary,
        differences,
        numbers=numbers_of(len(found), len(expected), len(expected), wrong),
    )


def _column_text(column: pa.Field) -> str:
    # Readers choose the width of dictionary indices and of text offsets: neither is part of the type.
    kind = f"enum of {column.type.value_type}" if pa.types.is_dictionary(column.type) else str(column.type)
    return f"{column.name}: {kind.replace('large_string', 'string')}{'' if column.nullable else ', required'}"


def judge_provenance(schema: TransactionSchema, day: dt.date, footer: Footer) -> Claim:
    made = footer.provenance
    if isinstance(made, str):
        return Claim("provenance_matches_partition", False, made, numbers=numbers_of_breaches(1))
    details: Details = [
        {"of": "day", "partition": str(day), "file": str(made.plan.day)},
        {"of": "schema digest", "partition": schema.digest, "file": made.schema.digest},
    ]
    faults = []
    if made.plan.day != day:
        faults.append(f"made for {made.plan.day}, not for {day}")
    if made.schema.digest != schema.digest:
        faults.append(f"made under another contract (version {made.schema.version}; this is {schema.version})")
    summary = "; ".join(faults) or f"made for {day} under contract version {schema.version}"
    if not made.is_current:
        summary += f", by generator version {made.generator_version} (this is {GENERATOR_VERSION})"
    numbers = numbers_of_breaches(len(faults))
    return Claim("provenance_matches_partition", not faults, summary, details, numbers=numbers)


def judge_rows(plan: GenerationPlan, footer: Footer) -> Claim:
    """Whether the file has the rows of its plan and its name.

    How many a calendar gives differs between versions of the holidays, so a file that was made with others is none the
    worse. The summary says so.
    """
    breaches = (footer.rows != plan.rows) + (footer.rows != footer.named_rows)
    summary = f"{footer.rows:,} rows in the file, {plan.rows:,} in the plan, {footer.named_rows:,} in the file's name"
    if (by_calendar := plan.on(plan.day).rows) != plan.rows:
        summary += f"; {by_calendar:,} by the holidays that this installation knows"
    numbers = numbers_of(footer.rows, plan.rows, plan.rows, breaches)
    return Claim("row_count_matches_plan", not breaches, summary, numbers=numbers)
