"""What a written day should look like, and the verdict on what was written.

The verdict is a pure function of the contract, the day and what was read from the file; the checks, the upload, the
commands and the tests share it. Proportions are judged by the binomial law: each claim is false by chance at most once
in a million files (`FALSE_ALARM_RATE`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pyarrow as pa

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import CLAIMS, FROM_THE_FOOTER, OF_THE_GENERATOR, Claim, Detail, Details
from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.profiles import PROFILES, null_shares
from synth_assets.generator.proportions import FALSE_ALARM_RATE, Proportion
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Survey


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


@dataclass(frozen=True)
class Findings:
    """What was found in a file's rows.

    Args:
        repeated_ids: some ids that appear more than once.
        damage: why the file could not be read to its end; empty where it was.
    """

    survey: Survey
    repeated_ids: Sequence[str] = ()
    damage: str = ""


def plan_to_survey(schema: TransactionSchema, footer: Footer) -> GenerationPlan | None:
    """The plan by which the file's rows are to be surveyed; None where the footer leaves nothing to survey."""
    if isinstance(footer.provenance, str) or not _judge_columns(schema, footer).passed:
        return None
    return footer.provenance.plan


def judge(schema: TransactionSchema, day: dt.date, footer: Footer, findings: Findings | None) -> list[Claim]:
    """The verdict on a file: every claim of `CLAIMS`, in order.

    `findings` are those of the plan that `plan_to_survey` gives, and None where it gives none.
    """
    columns = _judge_columns(schema, footer)
    provenance = _judge_provenance(schema, day, footer)
    if isinstance(footer.provenance, str) or findings is None:
        reason = f"not judged: {columns.summary if provenance.passed else provenance.summary}"
        judged = {columns.name: columns, provenance.name: provenance}
        return [judged.get(name, Claim(name, False, reason)) for name in CLAIMS]
    plan, survey = footer.provenance.plan, findings.survey
    claims = [
        _judge_whole(footer, survey),
        columns,
        provenance,
        _judge_rows(plan, footer),
        _judge_nulls(schema, plan, survey.counts),
        _judge_fraud(schema, plan, survey),
        _judge_recurring(schema, plan, survey.counts),
        _judge_event_times(plan, survey),
        _judge_ids(findings),
        _judge_enums(survey),
        _judge_rules(survey),
    ]
    return [_in_context(claim, footer.provenance, findings.damage) for claim in claims]


def _in_context(claim: Claim, provenance: Provenance, damage: str) -> Claim:
    """The claim, or why it cannot be judged of this file."""
    if damage and claim.name not in FROM_THE_FOOTER:
        reason = f"not judged: the file cannot be read to its end ({damage})"
        return Claim(claim.name, False, reason)
    if not provenance.is_current and claim.name in OF_THE_GENERATOR:
        made_by = f"generator version {provenance.generator_version} made the file, and this is {GENERATOR_VERSION}"
        return Claim(claim.name, False, f"not judged: {made_by}", blocking=False)
    return claim


def _judge_whole(footer: Footer, survey: Survey) -> Claim:
    read = survey.counts.rows
    summary = f"{read:,} rows read, {footer.rows:,} in the footer"
    if not footer.sealed:
        summary += "; a byte is not as it was written"
    return Claim("file_is_whole", read == footer.rows and footer.sealed, summary)


def _judge_columns(schema: TransactionSchema, footer: Footer) -> Claim:
    expected = [_column_text(column) for column in schema.arrow_schema]
    found = [_column_text(column) for column in footer.columns]
    differences: Details = [
        {"column": position, "contract": wanted, "file": got}
        for position, (wanted, got) in enumerate(zip_longest(expected, found, fillvalue="absent"), start=1)
        if wanted != got
    ]
    summary = f"{len(found)} columns, as in the contract"
    if differences:
        worst = differences[0]
        summary = (
            f"{len(differences)} columns differ, first column {worst['column']}: the contract says "
            f"{worst['contract']}, the file has {worst['file']}"
        )
    return Claim("columns_match_contract", not differences, summary, differences)


def _column_text(column: pa.Field) -> str:
    # Readers choose the width of dictionary indices and of text offsets: neither is part of the type.
    kind = f"enum of {column.type.value_type}" if pa.types.is_dictionary(column.type) else str(column.type)
    return f"{column.name}: {kind.replace('large_string', 'string')}{'' if column.nullable else ', required'}"


def _judge_provenance(schema: TransactionSchema, day: dt.date, footer: Footer) -> Claim:
    made = footer.provenance
    if isinstance(made, str):
        return Claim("provenance_matches_partition", False, made)
    details: Details = [
        {"of": "day", "partition": str(day), "file": str(made.plan.day)},
        {"of": "schema digest", "partition": schema.digest, "file": made.schema.digest},
    ]
    differing = [str(row["of"]) for row in details if row["partition"] != row["file"]]
    summary = f"made for {made.plan.day}, schema {schema.version}"
    if differing:
        summary = f"made for another {' and another '.join(differing)}"
    if not made.is_current:
        summary += f", by generator version {made.generator_version} (this is {GENERATOR_VERSION})"
    return Claim("provenance_matches_partition", not differing, summary, details)


def _judge_rows(plan: GenerationPlan, footer: Footer) -> Claim:
    passed = plan.rows == footer.rows == footer.named_rows
    summary = f"{footer.rows:,} rows; plan {plan.rows:,}, name {footer.named_rows:,}"
    return Claim("row_count_matches_plan", passed, summary)


def _judge_nulls(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> Claim:
    judged = sorted(null_proportions(schema, plan, counts), key=lambda each: -each.expected)
    return _proportions_claim("null_proportions_within_bounds", judged)


def null_proportions(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> list[Proportion]:
    """Each column's nulls in the day beside what is accepted, in the contract's order.

    Where other columns decide about a null, the rules on the values of a row judge it.
    """
    shares = {name: share for name, share in null_shares(schema, plan).items() if share is not None}
    return [
        Proportion.judged(name, counts.nulls.get(name, 0), counts.rows, share, FALSE_ALARM_RATE / len(shares))
        for name, share in shares.items()
    ]


def fraud_proportion(plan: GenerationPlan, counts: Counts) -> Proportion:
    """The day's frauds beside what is accepted."""
    frauds = counts.flags.get("label_fraud", 0)
    return Proportion.judged("day", frauds, counts.rows, plan.fraud_rate, FALSE_ALARM_RATE / 2)


def _judge_fraud(schema: TransactionSchema, plan: GenerationPlan, survey: Survey) -> Claim:
    name = "fraud_proportion_within_bounds"
    if "label_fraud" not in schema or schema["label_fraud"].dtype != "bool":
        return Claim(name, True, "the contract has no label_fraud of dtype bool")
    rows = survey.counts.rows
    edges = [-(-rows * tenth // TENTHS) for tenth in range(TENTHS + 1)]
    alarm = FALSE_ALARM_RATE / 2 / TENTHS
    tenths = [
        Proportion.judged(f"tenth {tenth + 1}", frauds, above - below, plan.fraud_rate, alarm)
        for tenth, (frauds, below, above) in enumerate(zip(survey.frauds_by_tenth, edges, edges[1:], strict=False))
    ]
    return _proportions_claim(name, [fraud_proportion(plan, survey.counts), *tenths])


def _judge_recurring(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> Claim:
    name = "recurring_proportion_within_bounds"
    if "is_recurring" not in schema or schema["is_recurring"].dtype != "bool":
        return Claim(name, True, "the contract has no is_recurring of dtype bool")
    share = PROFILES[plan.profile].recurring_share(plan)
    recurring = counts.flags.get("is_recurring", 0)
    return _proportions_claim(name, [Proportion.judged("day", recurring, counts.rows, share, FALSE_ALARM_RATE)])


def _proportions_claim(name: str, judged: list[Proportion]) -> Claim:
    out = [each for each in judged if not each.within]
    summary = "; ".join(
        f"{each.of}: {each.count:,} observed, {each.lowest:,} to {each.highest:,} allowed"
        for each in (out or judged[:1])[:3]
    )
    if len(judged) > 1:
        summary = f"{len(out)} of {len(judged)} proportions out of bounds; {summary}"
    return Claim(name, not out, summary, [_detail(each) for each in judged])


def _detail(each: Proportion) -> Detail:
    return {
        "of": each.of,
        "expected": each.expected,
        "observed": each.observed,
        "count": each.count,
        "lowest": each.lowest,
        "highest": each.highest,
    }


def _judge_event_times(plan: GenerationPlan, survey: Survey) -> Claim:
    start, end = plan.window
    times = survey.event_times
    summary = (
        f"{times.first} to {times.last} in the window {start} to {end}: "
        f"{times.outside_window:,} outside, {times.out_of_order:,} out of order"
    )
    return Claim("event_times_in_window_and_order", not times.outside_window and not times.out_of_order, summary)


def _judge_ids(findings: Findings) -> Claim:
    repeated = findings.repeated_ids
    return Claim("transaction_ids_unique", not repeated, f"repeated: {', '.join(repeated) or 'none'}")


def _judge_enums(survey: Survey) -> Claim:
    foreign = {name: values for name, values in survey.foreign_values.items() if values}
    summary = "; ".join(f"{name} has {', '.join(values)}" for name, values in foreign.items())
    every = f"{len(survey.foreign_values)} enum columns, no foreign value"
    return Claim("enum_values_in_sets", not foreign, summary or every)


def _judge_rules(survey: Survey) -> Claim:
    details: Details = [{"rule": rule, "rows that break it": int(rows)} for rule, rows in survey.breaches.items()]
    breaking = {rule: rows for rule, rows in survey.breaches.items() if rows}
    summary = "; ".join(f"{rule}: not in {rows:,} rows" for rule, rows in breaking.items())
    return Claim("values_follow_rules", not breaking, summary or f"{len(details)} rules, no row breaks one", details)
