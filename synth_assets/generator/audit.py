"""What a written day should look like, and the verdict on what was written.

The verdict is a pure function of the contract, the day and the evidence read from a file; the checks, the
upload and the tests share it. Proportions are judged by the binomial law: each claim is false by chance at
most once in a million files (`FALSE_ALARM_RATE`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import pyarrow as pa
from scipy.special import bdtr, bdtrc

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.profiles import PROFILES, null_shares
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Batches, Survey, repeated_ids

FALSE_ALARM_RATE = 1e-6

CLAIMS: dict[str, str] = {
    "file_is_whole": "Every byte is as it was written, and the rows that the footer counts can be read.",
    "columns_match_contract": "The columns are those of the contract, in order, with its types and nullability.",
    "provenance_matches_partition": "The footer's plan is of this partition's day and of the current contract.",
    "row_count_matches_plan": "The file has as many rows as its plan and its name say.",
    "null_proportions_within_bounds": "Each column's nulls are as many as its rate allows; REQUIRED columns have none.",
    "fraud_proportion_within_bounds": "Frauds are as many as fraud_rate allows, in the day and in each tenth of it.",
    "recurring_proportion_within_bounds": "Recurring payments are as many as their rate allows.",
    "event_times_in_window_and_order": "Event times lie inside the partition's window and never decrease.",
    "transaction_ids_unique": "No transaction id appears twice.",
    "enum_values_in_sets": "Every value of an enum column is one of the contract's.",
    "values_follow_rules": "Values keep their ranges and formats, and the columns of a row agree with each other.",
}
"""What each claim says. A claim that cannot be judged counts as broken."""

Detail = dict[str, str | int | float]
Details = list[Detail]


@dataclass(frozen=True)
class Claim:
    """A claim about a written day, judged. `details` has a row for each thing that was compared."""

    name: str
    passed: bool
    summary: str
    details: Details = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """What can be read from a file, without opening it here.

    Args:
        arrow_schema: the file's columns.
        rows: the row count in the footer.
        named_rows: the row count in the file's name.
        provenance: the footer's provenance, or None.
        batches: reads the file's rows; raises `broken` where they cannot be read.
        broken: the exceptions that mean a damaged file.
        sealed: whether the file's checksum of itself holds.
    """

    arrow_schema: pa.Schema
    rows: int
    named_rows: int
    provenance: dict[str, Any] | None
    batches: Batches
    broken: tuple[type[Exception], ...]
    sealed: bool = True


def provenance_of(schema: TransactionSchema, plan: GenerationPlan) -> dict[str, Any]:
    """All that is needed to make a file again and to judge it, as plain JSON values, with a digest of them all."""
    origin = {
        "generator_version": GENERATOR_VERSION,
        "plan": plan.model_dump(mode="json"),
        "schema": schema.canonical | {"digest": schema.digest},
    }
    return origin | {"digest": _digest(origin)}


def plan_from(provenance: dict[str, Any] | None) -> GenerationPlan | None:
    """The plan in a footer's provenance, or None where it is damaged or cannot be carried out."""
    origin = dict(provenance or {})
    if origin.pop("digest", None) != _digest(origin):
        return None
    try:
        return GenerationPlan.of(**origin["plan"])
    except (KeyError, TypeError, GeneratorError):
        return None


def _digest(origin: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1024)
def binomial_bounds(trials: int, probability: float, false_alarm_rate: float = FALSE_ALARM_RATE) -> tuple[int, int]:
    """The narrowest equal-tailed interval that a binomial count leaves with at most `false_alarm_rate`.

    Returns:
        The lowest and the highest count that are still accepted, both in 0 … trials.
    """
    tail = false_alarm_rate / 2
    counts = range(trials + 1)
    low = bisect_left(counts, True, key=lambda count: bool(bdtr(count, trials, probability) > tail))
    high = bisect_left(counts, True, key=lambda count: bool(bdtrc(count, trials, probability) <= tail))
    return low, high


def judge(schema: TransactionSchema, day: dt.date, evidence: Evidence) -> list[Claim]:
    """The verdict on a file: every claim of `CLAIMS`, in order."""
    plan = plan_from(evidence.provenance)
    columns = _judge_columns(schema, evidence)
    provenance = _judge_provenance(schema, day, plan, evidence)
    if plan is None or not columns.passed:
        reason = f"not judged: {provenance.summary if plan is None else columns.summary}"
        judged = {columns.name: columns, provenance.name: provenance}
        return [judged.get(name, Claim(name, False, reason)) for name in CLAIMS]
    survey = Survey(schema, plan, evidence.rows)
    damage = ""
    repeated: list[str] = []
    try:
        for batch in evidence.batches(None):
            survey.add(batch)
        repeated = repeated_ids(survey, evidence.batches)
    except evidence.broken as error:
        damage = f"not judged: the file cannot be read to its end ({' '.join(str(error).split())})"
    read = survey.counts["rows"]
    claims = [
        Claim(
            "file_is_whole",
            read == evidence.rows and evidence.sealed,
            f"{read:,} rows read, {evidence.rows:,} in the footer"
            f"{'' if evidence.sealed else '; a byte is not as it was written'}",
        ),
        columns,
        provenance,
        _judge_rows(plan, evidence),
        _judge_nulls(schema, plan, survey.counts),
        _judge_fraud(schema, plan, survey),
        _judge_recurring(schema, plan, survey.counts),
        _judge_event_times(plan, survey),
        Claim("transaction_ids_unique", not repeated, f"repeated: {', '.join(repeated) or 'none'}"),
        _judge_enums(survey),
        _judge_rules(survey),
    ]
    from_footer = {columns.name, provenance.name, "row_count_matches_plan"}
    return [claim if not damage or claim.name in from_footer else Claim(claim.name, False, damage) for claim in claims]


def _judge_columns(schema: TransactionSchema, evidence: Evidence) -> Claim:
    expected = [_column_text(column) for column in schema.arrow_schema]
    found = [_column_text(column) for column in evidence.arrow_schema]
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


def _judge_provenance(
    schema: TransactionSchema, day: dt.date, plan: GenerationPlan | None, evidence: Evidence
) -> Claim:
    if plan is None:
        return Claim("provenance_matches_partition", False, "the footer holds no usable plan")
    made_under = (evidence.provenance or {}).get("schema", {}).get("digest")
    details: Details = [
        {"of": "day", "partition": str(day), "file": str(plan.day)},
        {"of": "schema digest", "partition": schema.digest, "file": str(made_under)},
    ]
    differing = [str(row["of"]) for row in details if row["partition"] != row["file"]]
    summary = f"made for {plan.day}, schema {schema.version}"
    if differing:
        summary = f"made for another {' and another '.join(differing)}"
    return Claim("provenance_matches_partition", not differing, summary, details)


def _judge_rows(plan: GenerationPlan, evidence: Evidence) -> Claim:
    passed = plan.rows == evidence.rows == evidence.named_rows
    summary = f"{evidence.rows:,} rows; plan {plan.rows:,}, name {evidence.named_rows:,}"
    return Claim("row_count_matches_plan", passed, summary)


def _judge_nulls(schema: TransactionSchema, plan: GenerationPlan, counts: Counter[str]) -> Claim:
    judged = sorted(null_proportions(schema, plan, counts), key=lambda each: -float(each["expected"]))
    return _proportions_claim("null_proportions_within_bounds", judged)


def null_proportions(schema: TransactionSchema, plan: GenerationPlan, counts: Counter[str]) -> Details:
    """Each column's nulls in the day beside what is accepted, in the contract's order.

    Where other columns decide about a null, the rules on the values of a row judge it.
    """
    shares = {name: share for name, share in null_shares(schema, plan).items() if share is not None}
    return [
        _proportion(name, counts[f"{name} is null"], counts["rows"], share, FALSE_ALARM_RATE / len(shares))
        for name, share in shares.items()
    ]


def fraud_proportion(plan: GenerationPlan, counts: Counter[str]) -> Detail:
    """The day's frauds beside what is accepted."""
    return _proportion("day", counts["label_fraud is true"], counts["rows"], plan.fraud_rate, FALSE_ALARM_RATE / 2)


def _judge_fraud(schema: TransactionSchema, plan: GenerationPlan, survey: Survey) -> Claim:
    if "label_fraud" not in schema or schema["label_fraud"].dtype != "bool":
        return Claim("fraud_proportion_within_bounds", True, "the contract has no label_fraud of dtype bool")
    rows = survey.counts["rows"]
    judged = [fraud_proportion(plan, survey.counts)]
    edges = [-(-rows * tenth // TENTHS) for tenth in range(TENTHS + 1)]
    judged += [
        _proportion(f"tenth {tenth + 1}", int(frauds), above - below, plan.fraud_rate, FALSE_ALARM_RATE / 2 / TENTHS)
        for tenth, (frauds, below, above) in enumerate(zip(survey.frauds_by_tenth, edges, edges[1:], strict=False))
    ]
    return _proportions_claim("fraud_proportion_within_bounds", judged)


def _judge_recurring(schema: TransactionSchema, plan: GenerationPlan, counts: Counter[str]) -> Claim:
    if "is_recurring" not in schema or schema["is_recurring"].dtype != "bool":
        return Claim("recurring_proportion_within_bounds", True, "the contract has no is_recurring of dtype bool")
    share = PROFILES[plan.profile].recurring_share(plan)
    day = _proportion("day", counts["is_recurring is true"], counts["rows"], share, FALSE_ALARM_RATE)
    return _proportions_claim("recurring_proportion_within_bounds", [day])


def _proportion(of: str, count: int, trials: int, share: float, false_alarm_rate: float) -> Detail:
    low, high = binomial_bounds(trials, share, false_alarm_rate)
    return {
        "of": of,
        "expected": share,
        "observed": count / trials if trials else 0.0,
        "count": count,
        "lowest": low,
        "highest": high,
    }


def _proportions_claim(name: str, judged: Details) -> Claim:
    out = [row for row in judged if not int(row["lowest"]) <= int(row["count"]) <= int(row["highest"])]
    shown = out or judged[:1]
    summary = "; ".join(
        f"{row['of']}: {row['count']:,} observed, {row['lowest']:,} to {row['highest']:,} allowed" for row in shown[:3]
    )
    if len(judged) > 1:
        summary = f"{len(out)} of {len(judged)} proportions out of bounds; {summary}"
    return Claim(name, not out, summary, judged)


def _judge_event_times(plan: GenerationPlan, survey: Survey) -> Claim:
    start, end = plan.window
    summary = (
        f"{survey.first} to {survey.last} in the window {start} to {end}: "
        f"{survey.outside_window:,} outside, {survey.out_of_order:,} out of order"
    )
    return Claim("event_times_in_window_and_order", not survey.outside_window and not survey.out_of_order, summary)


def _judge_enums(survey: Survey) -> Claim:
    foreign = {name: sorted(values)[:5] for name, values in survey.foreign.items() if values}
    summary = "; ".join(f"{name} has {', '.join(values)}" for name, values in foreign.items())
    return Claim("enum_values_in_sets", not foreign, summary or f"{len(survey.foreign)} enum columns, no foreign value")


def _judge_rules(survey: Survey) -> Claim:
    details: Details = [{"rule": rule, "rows that break it": int(rows)} for rule, rows in survey.breaches.items()]
    breaking = {rule: rows for rule, rows in survey.breaches.items() if rows}
    summary = "; ".join(f"{rule}: not in {rows:,} rows" for rule, rows in breaking.items())
    return Claim("values_follow_rules", not breaking, summary or f"{len(details)} rules, no row breaks one", details)
